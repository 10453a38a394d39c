"""The Labels layers of the shown image, one per kind, and the gallery's selection in them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from psygnal import Signal

from napari_piximi.model.project import Project, touched
from napari_piximi.model.query import renewed
from napari_piximi.model.things import IMAGE_KIND, Annotation, Image, Kind
from napari_piximi.ui import preferences
from napari_piximi.ui.layer_colors import COLOR_MODES, ColorMode
from napari_piximi.ui.layer_labels import KindLayer

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.utils.events import Event

    from napari_piximi.ui.workspace import Workspace

__all__ = ["KindLayers"]

MOST_EMPTY = 8
"""Of so many kinds in a project, those without annotations on an image get a layer, too."""
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
            self.recolor()
            self.mode_changed.emit(mode)

    def layers(self) -> list[Labels]:
        """Return the layers, in the project's order of kinds."""
        return [kind.layer for kind in self.kinds.values()]

    def kind_of(self, layer: object) -> str | None:
        """Return the id of the kind that a layer has labels of."""
        return next((key for key, ours in self.kinds.items() if ours.layer is layer), None)

    def show(self, image: Image) -> tuple[list[Labels], list[Labels]]:
        """Show the annotations on an image.

        Returns
        -------
        gone, new : list of Labels
            Layers to take from the viewer, and to put there.
        """
        project = self._workspace.project
        wanted = {kind.id: kind for kind in _kinds_on(project, image)}
        gone = [
            self.drop(key)
            for key, ours in list(self.kinds.items())
            if key not in wanted or not ours.fits(image)
        ]
        for ours in self.kinds.values():
            if (ours.image.id, ours.image.pixels) != (image.id, image.pixels):
                ours.show(image)
        new = [self._make(image, kind) for key, kind in wanted.items() if key not in self.kinds]
        self.recolor()
        return gone, new

    def follow(self, before: Project, after: Project, image: str) -> bool:
        """Follow a change of the project.

        Returns
        -------
        bool
            Whether other kinds than before may need a layer; see :meth:`show`.
        """
        changed = self._changed(before, after, image)
        for key, ours in self.kinds.items():
            if key in after.kinds:
                ours.update(after, changed)
        used = {after.things[key].kind for key in changed if key in after.things}
        others = after.kinds.keys() != before.kinds.keys() or not used <= self.kinds.keys()
        if not others and (changed or after.categories is not before.categories):
            self.recolor()
        return others

    def _changed(self, before: Project, after: Project, image: str) -> frozenset[str]:
        """Return the ids of changed annotations that are, or were, on an image."""
        changed = touched(before, after)
        known = set[str]().union(*(ours.raster.things for ours in self.kinds.values()))
        new = (after.things[key] for key in changed - before.things.keys())
        added = {t.id for t in new if isinstance(t, Annotation) and t.image == image}
        return frozenset(changed & known | added)

    def recolor(self) -> None:
        """Give each label the colour that it should have now."""
        project, gallery = self._workspace.project, self._workspace.gallery
        for key, ours in self.kinds.items():
            if key in project.kinds:
                selected = gallery.selection if gallery.query.kind == key else frozenset()
                ours.recolor(project, self._mode, selected)

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

    def _make(self, image: Image, kind: Kind) -> Labels:
        made = self.kinds[kind.id] = KindLayer(self._workspace, image, kind)
        made.layer.events.visible.connect(self._viewed)
        made.layer.events.selected_label.connect(self._note_label)
        self._made(made.layer)
        return made.layer

    def _note_selection(self) -> None:
        """Let the selected objects stand out, and the current one's label be painted with."""
        self.recolor()
        gallery = self._workspace.gallery
        ours, current = self.kinds.get(gallery.query.kind), gallery.current
        if ours is not None and current is not None and current in gallery.selection:
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
    used = {thing.kind for thing in project.annotations(image.id)}
    spare = len(project.kinds) - 1 <= MOST_EMPTY
    return [
        kind
        for kind in project.kinds.values()
        if kind.id in used or (spare and kind.visible and kind.id != IMAGE_KIND)
    ]
