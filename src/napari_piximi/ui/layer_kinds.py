"""The Labels layers of the shown image, one per kind, and the gallery's selection in them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from psygnal import Signal

from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project, touched
from napari_piximi.model.query import renewed
from napari_piximi.model.things import IMAGE_KIND, Annotation, Image, Kind
from napari_piximi.ui import preferences
from napari_piximi.ui.layer_ahead import NOTHING, Ahead, LabelsAhead, labels_ahead, labels_followed
from napari_piximi.ui.layer_colors import COLOR_MODES, ColorMode
from napari_piximi.ui.layer_labels import KindLayer
from napari_piximi.ui.rest import Rest

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.utils.events import Event

    from napari_piximi.ui.workspace import Workspace

__all__ = ["KindLayers"]

MOST_EMPTY = 8
"""Of so many kinds in a project, those without annotations on an image get a layer, too."""
MANY = 2_000
"""Labels that are not recoloured more than once in a turn of the event loop."""
COLOR_KEY = "layers/color"


class KindLayers:
    """One Labels layer for each kind that has, or soon may have, annotations on an image.

    Parameters
    ----------
    workspace : Workspace
    viewed : callable
        Called when the user shows or hides a layer.
    made : callable
        Gets each new layer.
    """

    mode_changed = Signal(str)
    """Labels are coloured by something else."""

    def __init__(
        self,
        workspace: "Workspace",
        viewed: Callable[..., object],
        made: Callable[[Labels], object],
    ) -> None:
        self._workspace = workspace
        self._viewed = viewed
        self._made = made
        self.kinds: dict[str, KindLayer] = {}
        mode = preferences.get(COLOR_KEY, "category")
        self._recolor_soon = Rest(self.recolor, 0)
        self._mode: ColorMode = mode if mode in COLOR_MODES else "category"
        workspace.gallery.selected.connect(self._note_selection)

    @property
    def mode(self) -> ColorMode:
        """What labels are coloured by."""
        return self._mode

    @mode.setter
    def mode(self, mode: ColorMode) -> None:
        """Colour labels by something else; the choice is remembered."""
        if mode not in COLOR_MODES:
            raise ValueError(f"labels are coloured by one of {COLOR_MODES}, not {mode!r}")
        if mode != self._mode:
            self._mode = mode
            preferences.put(COLOR_KEY, mode)
            self._recolor()
            self.mode_changed.emit(mode)

    def layers(self) -> list[Labels]:
        """Return the layers, in the project's order of kinds."""
        return [kind.layer for kind in self.kinds.values()]

    def place_below(self) -> int:
        """Return the place in the viewer for a layer that is to lie below all of these."""
        layers = self._workspace.viewer.layers
        places = [layers.index(layer) for layer in self.layers() if layer in layers]
        return min(places, default=len(layers))

    def kind_of(self, layer: object) -> str | None:
        """Return the id of the kind that a layer has labels of."""
        return next((key for key, ours in self.kinds.items() if ours.layer is layer), None)

    def show(self, image: Image, ahead: Ahead = NOTHING) -> tuple[list[Labels], list[Labels]]:
        """Show the annotations on an image.

        Parameters
        ----------
        image : Image
        ahead : mapping of kind id to LabelsAhead, optional
            What was made ready of them; see :meth:`labels_of`.

        Returns
        -------
        gone, new : list of Labels
            Layers to take from the viewer, and to put there.
        """
        project = self._workspace.project
        wanted = {key: project.kinds[key] for key in ahead} or {
            kind.id: kind for kind in _kinds_on(project, image)
        }
        gone = [
            self.drop(key)
            for key, ours in list(self.kinds.items())
            if key not in wanted or not ours.fits(image)
        ]
        for key, ours in self.kinds.items():
            if (ours.image.id, ours.image.pixels) != (image.id, image.pixels):
                ours.show(image, ahead.get(key))
        new = [
            self._make(image, kind, ahead.get(key))
            for key, kind in wanted.items()
            if key not in self.kinds
        ]
        self.recolor()
        return gone, new

    def labels_of(self, project: Project, image: str) -> dict[str, LabelsAhead]:
        """Make ready what :meth:`show` shows of an image; for a thread.

        Parameters
        ----------
        project : Project
        image : str
            Image id.

        Returns
        -------
        dict of kind id to LabelsAhead
            Of all kinds that get a layer.
        """
        found = project.things[image]
        assert isinstance(found, Image)
        kinds = _kinds_on(project, found)
        return {kind.id: labels_ahead(project, image, kind.id) for kind in kinds}

    def labels_after(
        self, before: Project, after: Project, image: str, unchanged: Callable[[], bool]
    ) -> dict[str, LabelsAhead]:
        """Make ready what :meth:`follow` shows after an edit; for a thread.

        Parameters
        ----------
        before, after : Project
        image : str
            Id of the image that is shown.
        unchanged : callable
            Tells whether the layers still show `before`.

        Returns
        -------
        dict of kind id to LabelsAhead
            Of all kinds that get a layer; empty where they show something else by now.
        """
        found = after.things.get(image)
        if not isinstance(found, Image):
            return {}
        changed = touched(before, after)
        rasters = {key: ours.raster for key, ours in self.kinds.copy().items()}
        ahead = {}
        for kind in _kinds_on(after, found):
            raster = rasters.get(kind.id)
            if raster is None or raster.image != image:
                ahead[kind.id] = labels_ahead(after, image, kind.id)
                continue
            copy, _ = raster.followed(before, ())
            if not unchanged():
                return {}
            ahead[kind.id] = labels_followed(copy, after, changed)
        return ahead

    def follow(
        self,
        before: Project,
        after: Project,
        image: str,
        ahead: Ahead = NOTHING,
    ) -> bool:
        """Follow a change of the project.

        Parameters
        ----------
        before, after : Project
        image : str
            Id of the image that is shown.
        ahead : mapping of kind id to LabelsAhead, optional
            What was made ready by :meth:`labels_after`.

        Returns
        -------
        bool
            Whether other kinds than before may need a layer; see :meth:`show`.
        """
        changed = touched(before, after) if ahead else self._changed(before, after, image)
        for key, ours in self.kinds.items():
            if key in after.kinds:
                ours.update(after, changed, ahead.get(key))
        if ahead:
            others = ahead.keys() != self.kinds.keys()
        else:
            used = {after.things[key].kind for key in changed if key in after.things}
            others = after.kinds.keys() != before.kinds.keys() or not used <= self.kinds.keys()
        if not others and (changed or after.categories is not before.categories):
            self._recolor()
        return others

    def _changed(self, before: Project, after: Project, image: str) -> frozenset[str]:
        """Return the ids of changed annotations that are, or were, on an image."""
        changed = touched(before, after)
        known = [key for ours in self.kinds.values() for key in changed & ours.raster.things.keys()]
        new = (after.things[key] for key in changed - before.things.keys())
        added = {t.id for t in new if isinstance(t, Annotation) and t.image == image}
        return frozenset({*known, *added})

    def recolor(self) -> None:
        """Give each label the colour that it should have now."""
        self._recolor_soon.forget()
        project, gallery = self._workspace.project, self._workspace.gallery
        for key, ours in self.kinds.items():
            if key in project.kinds:
                selected = gallery.selection if gallery.query.kind == key else frozenset()
                ours.recolor(project, self._mode, selected)

    def fill(self) -> None:
        """Show what is on new layers: in a window, when they are in the viewer."""
        for ours in list(self.kinds.values()):
            ours.fill()

    def flush(self) -> None:
        """Make edits now of what was painted and still waits for a rest."""
        for ours in list(self.kinds.values()):
            ours.flush()

    def drop(self, key: str) -> Labels:
        """Let go of the layer of a kind and return it."""
        ours = self.kinds.pop(key)
        ours.close()
        ours.layer.events.visible.disconnect(self._viewed)
        ours.layer.events.selected_label.disconnect(self._note_label)
        return ours.layer

    def annotation_at(self, viewer: "ViewerModel", position: Any, **view: Any) -> str | None:  # noqa: ANN401
        """Return the id of the uppermost annotation at a point in world coordinates."""
        place = {id(layer): number for number, layer in enumerate(viewer.layers)}
        shown = [ours for ours in self.kinds.values() if ours.layer.visible]
        for ours in sorted(shown, key=lambda ours: -place.get(id(ours.layer), -1)):
            label = ours.layer.get_value(position, world=True, **view)
            thing = ours.raster.thing(int(label)) if label else None
            if thing is not None and self._workspace.project.categories[thing.category].visible:
                return thing.id
        return None

    def select(self, thing: str, *, add: bool = False) -> None:
        """Select an annotation in the gallery, which shows its kind then."""
        gallery = self._workspace.gallery
        kind = self._workspace.project.things[thing].kind
        if gallery.query.kind != kind:
            gallery.set_query(renewed(gallery.query, kind))
        chosen = gallery.selection
        if not add:
            gallery.select([thing], thing)
        elif thing in chosen:
            gallery.select(chosen - {thing})
        else:
            gallery.select(chosen | {thing}, thing)

    # --- within ----------------------------------------------------------------------------

    def _recolor(self) -> None:
        """Recolour; where there is much, once in the next turn for all that asks in this one."""
        self._recolor_soon.ask()
        if sum(len(ours.raster) for ours in self.kinds.values()) < MANY:
            self._recolor_soon.flush()

    def _make(self, image: Image, kind: Kind, ahead: LabelsAhead | None) -> Labels:
        made = self.kinds[kind.id] = KindLayer(self._workspace, image, kind, ahead)
        made.layer.events.visible.connect(self._viewed)
        made.layer.events.selected_label.connect(self._note_label)
        self._made(made.layer)
        return made.layer

    def _note_selection(self) -> None:
        """Let the selected objects stand out, and the current one's label be painted with."""
        self._recolor()
        gallery = self._workspace.gallery
        ours, current = self.kinds.get(gallery.query.kind), gallery.current
        if ours is not None and current is not None and current in gallery.selection:
            ours.fill()
            number = ours.raster.number(current)
            if number is not None:
                ours.layer.selected_label = number

    def _note_label(self, event: "Event") -> None:
        """Select the object whose label the user picked, where the gallery shows its kind."""
        gallery = self._workspace.gallery
        ours = self.kinds.get(self.kind_of(event.source) or "")
        if ours is None or not ours.has_other_label():
            return  # napari says so with each new colormap, too
        if ours.kind.id == gallery.query.kind:
            thing = ours.raster.thing(ours.layer.selected_label)
            if thing is not None and thing.id not in gallery.selection:
                self.select(thing.id)


def _kinds_on(project: Project, image: Image) -> list[Kind]:
    used = places_of(project).kinds_on(image.id)
    spare = len(project.kinds) - 1 <= MOST_EMPTY
    return [
        kind
        for kind in project.kinds.values()
        if kind.id in used or (spare and kind.visible and kind.id != IMAGE_KIND)
    ]
