"""Layers both ways: what the viewer shows of the project, and edits made in the viewer."""

import weakref
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Layer
from numpy.typing import NDArray
from psygnal import SignalInstance

from napari_piximi.errors import PiximiError
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Annotation, ArrayPixels, Channel, Image, Pixels
from napari_piximi.progress import Progress
from napari_piximi.ui import messages
from napari_piximi.ui.layer_ahead import Ahead
from napari_piximi.ui.layer_arrivals import Arrivals, has_window
from napari_piximi.ui.layer_channels import ChannelLayers, apply_channels_to_all
from napari_piximi.ui.layer_colors import ColorMode
from napari_piximi.ui.layer_firsts import use_units
from napari_piximi.ui.layer_foresight import Foresight, ready
from napari_piximi.ui.layer_keys import ViewerKeys
from napari_piximi.ui.layer_kinds import KindLayers
from napari_piximi.ui.layer_slider import PlaneSlider
from napari_piximi.ui.layer_view import centre_on, name_planes, set_plane
from napari_piximi.ui.rest import Rest

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.utils.events import Event

    from napari_piximi.ui.workspace import Workspace

__all__ = ["LayerLink", "apply_channels_to_all"]

MANY = 2_000
"""Things of a project from which on labels are made ready in a thread."""
AT_ONCE = 8 << 20
"""Bytes of pixels that are read without a job."""
LOOK_DELAY = 250


class LayerLink:
    """Keep the layers of one viewer and the shown image alike.

    Loops end because each side is only set where its values differ from what it is to be.

    Parameters
    ----------
    workspace : Workspace
        It owns this link.
    """

    def __init__(self, workspace: "Workspace") -> None:
        viewer = workspace.viewer
        self._workspace = workspace
        self._viewer = weakref.ref(viewer)
        self._look_soon = Rest(self._commit_look, LOOK_DELAY)
        self._kinds_soon = Rest(self._show_kinds, 0)
        self._image: str | None = None
        self._settled = False
        self._extent: object = None
        self._active: tuple[Layer | None] | None = None
        self._foresight = Foresight()
        self._arrivals = Arrivals(viewer)
        self._slider = PlaneSlider(workspace, self._shown, self._unsettled)
        self._wanted = ""
        self._keys = ViewerKeys(workspace, self, viewer)
        self._channels = ChannelLayers(self._look_soon.ask)
        self._kinds = KindLayers(workspace, self._look_soon.ask, self._keys.bind)
        workspace.opened.connect(self._forget)
        workspace.shown_changed.connect(self._show)
        workspace.changed.connect(self._follow)
        workspace.focused.connect(self._focus)
        viewer.layers.events.removed.connect(self._note_removed)

    # --- what others ask -------------------------------------------------------------------

    @property
    def color_mode(self) -> ColorMode:
        """What labels are coloured by: ``"category"``, ``"instance"`` or ``"prediction"``."""
        return self._kinds.mode

    @color_mode.setter
    def color_mode(self, mode: ColorMode) -> None:
        """Colour labels by something else; the choice is remembered."""
        self._kinds.mode = mode

    @property
    def color_mode_changed(self) -> SignalInstance:
        """Signal: labels are coloured by something else."""
        return self._kinds.mode_changed

    @property
    def plane(self) -> int:
        """The plane that the viewer shows of the shown image."""
        return self._slider.plane

    def thing_of(self, layer: object) -> str | None:
        """Return the id of the image that one of our layers shows, or has labels of."""
        return self._image if any(layer is ours for ours in self.layers()) else None

    def kind_of(self, layer: object) -> str | None:
        """Return the id of the kind whose annotations are the labels of this layer, if any."""
        return self._kinds.kind_of(layer)

    def layers(self) -> list[Layer]:
        """Return all layers that show the project: channels, then labels."""
        return [*self._channels.layers.values(), *self._kinds.layers()]

    def labels_layer(self, kind: str) -> Labels | None:
        """Return the layer with the annotations of a kind, if there is one."""
        found = self._kinds.kinds.get(kind)
        return found.layer if found else None

    def annotation_at(self, position: Any, **view: Any) -> str | None:  # noqa: ANN401
        """Return the id of the uppermost annotation at a point in world coordinates.

        Parameters
        ----------
        position : sequence of float
        **view
            `view_direction` and `dims_displayed`, as a mouse event of napari has them.
        """
        viewer = self._viewer()
        return None if viewer is None else self._kinds.annotation_at(viewer, position, **view)

    def select(self, thing: str, *, add: bool = False) -> None:
        """Select an annotation in the gallery, which shows its kind then.

        Parameters
        ----------
        thing : str
        add : bool
            Keep what is selected, and take `thing` away if it is selected already.
        """
        self._kinds.select(thing, add=add)

    def step(self, count: int) -> None:
        """Show the next image, or the one `count` further, in the gallery's order."""
        gallery = self._workspace.gallery
        images = list(gallery.ids) if gallery.query.kind == IMAGE_KIND else []
        shown = self._workspace.shown  # which may still be made ready
        if shown not in images:
            images = [image.id for image in self._workspace.project.images()]
        if images:
            place = images.index(shown) + count if shown in images else 0
            self._workspace.show(images[min(max(place, 0), len(images) - 1)])

    def flush(self) -> None:
        """Make edits now of all that was changed in the viewer and still waits for a rest."""
        self._kinds_soon.flush()
        self._arrivals.flush()
        self._kinds.flush()
        self._look_soon.flush()
        self._slider.flush()

    # --- from the project ------------------------------------------------------------------

    def _shown(self) -> Image | None:
        found = self._workspace.project.things.get(self._image or "")
        return found if isinstance(found, Image) else None

    def _forget(self) -> None:
        """Another project was opened: what waits belongs to the old one."""
        viewer = self._viewer()
        for rest in (self._look_soon, self._slider, self._kinds_soon):
            rest.forget()
        self._image = None
        self._foresight.forget()
        if viewer is not None:
            self._clear()

    def _show(self) -> None:
        """Show the image that the workspace wants shown; one of very many things a moment later."""
        viewer, project = self._viewer(), self._workspace.project
        if viewer is None:
            return
        if self._shown() is not None:
            self.flush()
        self._wanted = ""
        image = project.things.get(self._workspace.shown or "")
        if not isinstance(image, Image):
            self._image = None
            self._clear()
        elif len(project.things) < MANY:
            self._display(image)
        else:
            work = ready, self._kinds, project, image.id
            self._workspace.run(f"Show {image.name}", *work, done=self._display_ready)

    def _display_ready(self, found: tuple[Project, str, Ahead]) -> None:
        """Show an image whose labels were made ready, if it still is wanted as it was."""
        project, key, ahead = found
        now = self._workspace.project
        if self._workspace.shown != key:
            return
        if project.things is not now.things or project.kinds is not now.kinds:
            self._show()
            return
        self._foresight.put(now, key, ahead)
        image = now.things[key]
        assert isinstance(image, Image)
        self._display(image, soon=True)

    def _display(self, image: Image, *, soon: bool = False) -> None:
        """Show an image, and its labels at once or in a turn of the event loop of their own."""
        viewer = self._viewer()
        if viewer is None:
            return
        use_units()
        self._image, self._settled = image.id, False
        self._active = (viewer.layers.selection.active,)
        self._kinds_soon.ask()
        self._show_pixels(viewer, image)
        if not soon and not has_window(viewer):
            self._kinds_soon.flush()

    def _show_pixels(self, viewer: "ViewerModel", image: Image) -> None:
        pixels = image.pixels
        if not self._channels.fits(image):
            self._arrivals.take(self._channels.take_all())
        nbytes = int(np.prod(pixels.shape)) * pixels.dtype.itemsize
        if isinstance(pixels, ArrayPixels) or nbytes <= AT_ONCE:
            try:
                array = np.asarray(pixels)
            except (PiximiError, OSError, MemoryError) as error:
                self._channels.hide()
                messages.error(error)
            else:
                self._deliver(image.id, pixels, array)
            return
        self._channels.hide()
        viewer.status = f"Reading {image.name} …"
        self._workspace.run(
            f"Read {image.name}", _read, pixels, done=partial(self._deliver, image.id, pixels)
        )

    def _deliver(self, key: str, pixels: Pixels, array: NDArray[Any]) -> None:
        """Show pixels that were read, if they still are wanted."""
        viewer, image = self._viewer(), self._shown()
        if viewer is None or image is None or image.id != key or image.pixels is not pixels:
            return
        active = viewer.layers.selection.active
        self._arrivals.bring(self._channels.show(image, array), self._kinds.place_below)
        self._arrivals.then(partial(self._settle, image.id, active))
        self._arrivals.then(self._attend)

    def _show_kinds(self) -> None:
        """Show the kinds of the image; in a window, what is on them in a turn of its own."""
        viewer, image = self._viewer(), self._shown()
        if viewer is None or image is None:
            return
        ahead = self._foresight.take(self._workspace.project, image.id)
        active, self._active = (self._active or (viewer.layers.selection.active,))[0], None
        gone, new = self._kinds.show(image, ahead)
        soon = bool(ahead) or has_window(viewer)
        if not soon:
            self._kinds.fill()
        self._arrivals.take(gone)
        self._arrivals.bring(new, lambda: len(viewer.layers))
        self._arrivals.then(self._keys.refresh)
        self._arrivals.then(partial(self._settle, image.id, active))
        if soon:
            self._arrivals.then(self._kinds.fill)
        self._arrivals.then(self._attend)

    def _attend(self) -> None:
        """Look at what was to be looked at as soon as all is there."""
        wanted, self._wanted = self._wanted, ""
        self._focus(wanted)

    def _unsettled(self) -> bool:
        """Tell whether layers still come or go."""
        return not self._settled or self._arrivals.waiting

    def _settle(self, key: str, active: Layer | None) -> None:
        """Look at an image after its layers came, with the layer active that was before."""
        viewer, image = self._viewer(), self._shown()
        if viewer is None or image is None or image.id != key:
            return
        name_planes(viewer, image)
        set_plane(viewer, image, image.plane)
        self._settled = True
        extent = image.pixels.shape[:3], image.pixel_size
        if self.layers() and extent != self._extent:
            self._extent = extent
            viewer.reset_view()
        if active is None or active not in viewer.layers:
            labels = [layer for layer in self._kinds.layers() if layer.visible]
            ours = [*labels, *self._channels.layers.values()]
            active = next((layer for layer in ours if layer in viewer.layers), None)
        if active is not None:
            viewer.layers.selection.active = active

    def _follow(self, before: Project, after: Project) -> None:
        """Let the layers follow a change of the project."""
        self._kinds_soon.flush()
        viewer, image = self._viewer(), self._shown()
        if viewer is None or image is None:
            return
        old = before.things.get(image.id)
        if isinstance(old, Image) and old.pixels is not image.pixels:
            self._show()
            return
        self._channels.update(image)
        if isinstance(old, Image) and old.plane != image.plane:
            set_plane(viewer, image, image.plane)
        ahead = self._foresight.take(after, image.id)
        if self._kinds.follow(before, after, image.id, ahead):
            self._foresight.put(after, image.id, ahead)
            self._kinds_soon.ask()
            if not ahead:
                self._kinds_soon.flush()

    def foresee(self, before: Project, after: Project) -> None:
        """Make ready what is to be shown if an edit is made; for the thread that works it out.

        Parameters
        ----------
        before : Project
            What is shown now.
        after : Project
        """
        image, workspace = self._image, self._workspace
        if image is not None:
            ahead = self._kinds.labels_after(
                before, after, image, lambda: workspace.project is before
            )
            self._foresight.put(after, image, ahead)

    def _focus(self, thing: str) -> None:
        """Bring an annotation of the shown image into the middle."""
        viewer, image = self._viewer(), self._shown()
        found = self._workspace.project.things.get(thing)
        if viewer is None or not isinstance(found, Annotation):
            return
        waiting = self._kinds_soon.waiting or self._arrivals.waiting
        if waiting or image is None or found.image != image.id:  # it is being made ready
            self._wanted = thing
            return
        centre_on(viewer, image, found)
        self.select(thing)
        layer = self.labels_layer(found.kind)
        if layer is not None and layer in viewer.layers:
            viewer.layers.selection.active = layer

    # --- from the viewer -------------------------------------------------------------------

    def _commit_look(self) -> None:
        """Make changes of contrast, colour and visibility one edit."""
        image = self._shown()
        if image is None:
            return
        look = self._channels.channels() if self._channels.image is not None else image.channels
        shown = {key: bool(ours.layer.visible) for key, ours in self._kinds.kinds.items()}
        self._workspace.edit(f"Change the look of {image.name}", _with_look, image.id, look, shown)

    def _note_removed(self, event: "Event") -> None:
        """Let go of a layer that the user took away; the project keeps what it showed."""
        key = self.kind_of(event.value)
        if key is not None:
            self._kinds.kinds[key].flush()
            self._kinds.drop(key)
        elif not self._channels.forget(event.value):
            return
        if not self.layers() and self._image is not None:
            self._image = self._workspace.shown = None
            self._workspace.shown_changed.emit()

    def _clear(self) -> None:
        labels = [self._kinds.drop(key) for key in list(self._kinds.kinds)]
        self._arrivals.take([*labels, *self._channels.take_all()])
        self._extent = None


def _read(pixels: Pixels, progress: Progress) -> NDArray[Any]:
    progress(0, 0)
    return np.asarray(pixels)


def _with_look(
    project: Project, image: str, channels: tuple[Channel, ...], shown: Mapping[str, bool]
) -> Project:
    project = edits.set_channels(project, [image], channels)
    for kind, visible in shown.items():
        project = edits.edit_kind(project, kind, visible=visible)
    return project
