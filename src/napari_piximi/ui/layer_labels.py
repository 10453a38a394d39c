"""The annotations of one kind on the shown image as a napari Labels layer, and back."""

import weakref
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_piximi.model.project import Project
from napari_piximi.model.raster import Region
from napari_piximi.model.things import Image, Kind
from napari_piximi.ui import messages
from napari_piximi.ui.layer_ahead import (
    LabelsAhead,
    labels_ahead,
    layer_data,
)
from napari_piximi.ui.layer_channels import scale_of, set_scale, units_of
from napari_piximi.ui.layer_colormap import LabelColors, Texture
from napari_piximi.ui.layer_colors import ColorMode, label_colors
from napari_piximi.ui.layer_painting import different_regions, painted_regions
from napari_piximi.ui.layer_table import LabelTable
from napari_piximi.ui.rest import Rest

if TYPE_CHECKING:
    from napari.utils.events import Event

    from napari_piximi.ui.workspace import Workspace

__all__ = ["KindLayer"]

LOOK_AGAIN = 200
"""Milliseconds after napari drew labels that it did not tell were painted."""
OPACITY = 0.8
NONE = np.zeros((2, 4), np.float32)
"""Colours of no labels."""
SMALL = 1 << 22


class KindLayer:
    """One Labels layer. What is painted there becomes an edit of the project.

    Parameters
    ----------
    workspace : Workspace
    image : Image
    kind : Kind

    Attributes
    ----------
    layer : Labels
    raster : Raster
        What the project says that the labels are.
    """

    def __init__(
        self,
        workspace: "Workspace",
        image: Image,
        kind: Kind,
        ahead: LabelsAhead | None = None,
    ) -> None:
        self._workspace = workspace
        self._viewer = weakref.ref(workspace.viewer)
        self._regions: list[Region] = []
        self._commit_soon = Rest(self._commit_at_rest, 0)
        self._look_soon = Rest(self._look, LOOK_AGAIN)
        self._texture = Texture()
        self._colors: NDArray[np.float32] | None = None
        self._given: object = None
        self._press: object = None
        self._stale = False
        self._told = False
        self.image = image
        self.kind = kind
        ahead = ahead or labels_ahead(workspace.project, image.id, kind.id)
        self._coming: LabelsAhead | None = ahead
        self.raster = ahead.raster
        # One pixel of few bits at first, so that napari does not work on all more than once.
        scale = scale_of(image)
        self.layer = Labels(
            np.zeros((1,) * len(scale), np.uint16), name=kind.name, scale=scale,
            units=units_of(image), opacity=OPACITY, visible=kind.visible,
            colormap=LabelColors(NONE, self._texture),
        )  # fmt: skip
        self._table = LabelTable(workspace, self.layer)
        self._label = self.layer.selected_label
        self.layer.events.paint.connect(self._note_paint)
        self.layer.events.data.connect(self._note_data)
        self.layer.events.set_data.connect(self._look_soon.ask)
        self.layer.mouse_drag_callbacks.append(self._hold)

    def show(self, image: Image, ahead: LabelsAhead | None = None) -> None:
        """Show the annotations on another image; what waits is done before, by :meth:`flush`.

        Parameters
        ----------
        image : Image
        ahead : LabelsAhead, optional
            These annotations as the project has them now.
        """
        self._commit_soon.forget()
        self._regions.clear()
        self.image = image
        set_scale(self.layer, image)
        self._take(ahead or labels_ahead(self._workspace.project, image.id, self.kind.id))
        self._forget_strokes()

    def fill(self) -> None:
        """Show what is on a new layer, if that was not done yet."""
        if self._coming is not None:
            self._take(self._coming)

    def _take(self, ahead: LabelsAhead) -> None:
        """Show what was made ready."""
        self.raster, self._coming = ahead.raster, None
        if ahead.data is not None:
            if ahead.texture is not None:
                self._texture.adopt(ahead.texture)
            label = min(self.raster.largest + 1, self._most)
            if label <= np.iinfo(self.layer.data.dtype).max:  # the new data may have fewer bits
                self.layer.selected_label = label
            looking = self._look_soon.waiting
            self.layer.data = self._given = ahead.data
            self.layer.selected_label = label
            if not looking:  # nobody but we changed anything
                self._look_soon.forget()
        self._table.put(ahead.raster, ahead.table)

    def fits(self, image: Image) -> bool:
        """Tell whether :meth:`show` could show that image."""
        return bool(self.layer.ndim == (2 if image.pixels.shape[0] == 1 else 3))

    def update(self, project: Project, touched: Set[str], ahead: LabelsAhead | None = None) -> None:
        """Follow a change of the project.

        Parameters
        ----------
        project : Project
        touched : set of str
            Ids of annotations on the image, or that were there, of any kind.
        ahead : LabelsAhead, optional
            What the layer is to show then.
        """
        image, kind = project.things[self.image.id], project.kinds[self.kind.id]
        assert isinstance(image, Image)
        self.image = image
        if kind is not self.kind:
            self.layer.name = kind.name if kind.name != self.kind.name else self.layer.name
            shown = kind.visible != self.kind.visible
            self.kind = kind
            if shown:
                self.layer.visible = kind.visible
        self.fill()
        painting = bool(self._regions) or self._is_drawing()
        if ahead is not None and not painting:
            self._take(ahead)
            if ahead.data is not None:
                self._forget_strokes()
            return
        if touched:
            before = self.raster.labels.copy() if painting else None
            self._write(self.raster.update(project, touched), before)
        self._table.ask(touched)

    def recolor(self, project: Project, mode: ColorMode, selected: Set[str]) -> None:
        """Give each label its colour."""
        kind = project.kinds[self.kind.id]  # ours may still be the one before an edit
        colors = label_colors(self.raster, project.categories, kind, mode, selected)
        if self.raster.labels.dtype != np.uint16 and not self._told:
            self._told = True
            messages.info(
                f"{self.image.name} has {len(self.raster):,} objects of the kind "
                f"{self.kind.name}: napari can only colour that many by instance"
            )
        if self._colors is None or not np.array_equal(colors, self._colors):
            self._colors = colors
            self.layer.colormap = LabelColors(colors, self._texture)

    def has_other_label(self) -> bool:
        """Tell whether another label is to be painted than when this was asked last."""
        before, self._label = self._label, self.layer.selected_label
        return bool(self._label != before)

    def flush(self) -> None:
        """Do now what waits for a rest; of a stroke that goes on, what there is of it."""
        self.fill()
        if self._look_soon.waiting or self._is_drawing():
            self._look_soon.forget()
            self._find()
        if self._commit_soon.waiting:
            self._commit_soon.forget()
            self._commit()
        self._table.flush()

    def close(self) -> None:
        """Let go of the layer."""
        self._commit_soon.forget()
        self._look_soon.forget()
        self._table.forget()
        self.layer.events.paint.disconnect(self._note_paint)
        self.layer.events.data.disconnect(self._note_data)
        self.layer.events.set_data.disconnect(self._look_soon.ask)
        self.layer.mouse_drag_callbacks.remove(self._hold)

    # --- what the user paints ----------------------------------------------------------------

    def _note_paint(self, event: "Event") -> None:
        # napari tells of some changes before it makes them, so they are looked at a moment later
        self._regions += painted_regions(event.value, self.raster.labels.shape)
        self._commit_soon.ask()

    def _hold(self, _layer: Labels, event: Any) -> Iterator[None]:  # noqa: ANN401
        """Note that a button is held: a stroke that pauses remains one stroke."""
        press = self._press = object()
        try:
            yield
            while event.type == "mouse_move":
                yield
        finally:  # napari drops what it began here if another press comes first
            if self._press is press:
                self._press = None

    def _is_drawing(self) -> bool:
        """Tell whether the user is in the middle of a stroke.

        Releases go to the active layer only, so a stroke ends where another one becomes active.
        """
        viewer = self._viewer()
        if viewer is None or viewer.layers.selection.active is not self.layer:
            return False
        # this tool of napari 0.9 goes on after the button is released
        round_trip = getattr(self.layer, "_overlays", {}).get("brush_stroke")
        return self._press is not None or bool(getattr(round_trip, "active", False))

    def _note_data(self, event: "Event") -> None:
        self._look_soon.ask()

    def _look(self) -> None:
        """Find changes that no event tells of, once the user is not in the middle of one."""
        if self._is_drawing():
            self._look_soon.ask()
        elif self._coming is None:
            self._find()

    def _find(self) -> None:
        """Find changes that no event tells of, such as those of napari's own undo."""
        self.fill()
        painted = self._painted()
        if painted is None:
            self.layer.data = self._data()
            return
        planes = range(painted.shape[0])
        ours, self._given = self.layer.data is self._given, self.layer.data
        if ours and painted.size > SMALL and self.layer.ndim == 3:
            viewer = self._workspace.viewer
            if viewer.dims.ndisplay == 2:
                planes = range(*_around(self._workspace.layers.plane, painted.shape[0]))
        start = planes.start
        found = different_regions(
            self.raster.labels[start : planes.stop], painted[start : planes.stop]
        )
        if found:
            self._regions += [region._replace(plane=region.plane + start) for region in found]
            self._commit()

    def _commit_at_rest(self) -> None:
        if self._is_drawing():
            self._look_soon.ask()
        else:
            self._commit()

    def _commit(self) -> None:
        """Make what was painted one edit."""
        from napari_piximi.model.painting import stroke_of

        regions, self._regions = self._regions, []
        painted = self._painted()
        project = self._workspace.project
        if painted is None or self.image.id not in project.things:
            return
        stroke = stroke_of(project, self.raster, painted, regions)
        if stroke is None:
            return
        selected = self.raster.thing(self.layer.selected_label)
        self.raster.give(stroke.numbers)
        self._workspace.edit(stroke.label(self.raster), _after, stroke)
        self._write(regions)
        gallery = self._workspace.gallery
        if stroke.added and gallery.query.kind == self.kind.id:
            gallery.select([thing.id for thing in stroke.added])
        if selected is not None and stroke.added and selected.plane != stroke.added[0].plane:
            self.layer.selected_label = stroke.numbers[stroke.added[0].id]

    def _painted(self) -> NDArray[Any] | None:
        """Return the layer's labels as (Z, Y, X); None if they are not this image's any more."""
        data = np.asarray(self.layer.data)
        data = data[np.newaxis] if data.ndim == 2 else data
        return data if data.shape == self.raster.labels.shape else None

    # --- what the project says ---------------------------------------------------------------

    @property
    def _most(self) -> int:
        return int(np.iinfo(self.raster.labels.dtype).max)

    def _data(self) -> NDArray[Any]:
        """Return labels for the layer."""
        self._given = data = layer_data(self.raster)
        return data

    def _write(self, regions: list[Region], before: NDArray[Any] | None = None) -> None:
        """Let the layer show what the project says there.

        Parameters
        ----------
        regions : list of Region
        before : (Z, Y, X) array, optional
            What the project said. The layer keeps what the user painted since over it.
        """
        labels, painted = self.raster.labels, self._painted()
        if painted is None or painted.dtype != labels.dtype or not painted.flags.writeable:
            self.layer.data = self._data()
            self._forget_strokes()
            return
        differs = False
        for region in regions:
            wanted, seen = labels[region.cut], painted[region.cut]
            if before is not None:
                wanted = np.where(seen != before[region.cut], seen, wanted)
            if not np.array_equal(seen, wanted):
                painted[region.cut] = wanted
                differs = True
        if differs:
            self._forget_strokes()
            self.layer.refresh(extent=False)
        elif self._stale and not self._is_drawing():
            self._forget_strokes()

    def _forget_strokes(self) -> None:
        """Let napari's own undo not bring back pixels of before.

        A layer forgets its strokes when it cannot be edited for a moment. In the middle of a
        stroke that would end it, so it waits.
        """
        self._stale = self._is_drawing()
        if self._stale:
            return
        mode = self.layer.mode
        self.layer.editable = False
        self.layer.editable = True
        self.layer.mode = mode


def _after(project: Project, stroke: Any) -> Project:  # noqa: ANN401
    result: Project = stroke.apply(project)
    return result


def _around(plane: int, planes: int) -> tuple[int, int]:
    return max(0, plane), min(plane + 1, planes)
