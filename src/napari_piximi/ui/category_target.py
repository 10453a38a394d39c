"""What a category is given to: the gallery's selection, else the selected layer's image."""

from dataclasses import dataclass

from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.ui.workspace import Workspace

__all__ = ["Target", "target_of"]


@dataclass(frozen=True, slots=True)
class Target:
    """Things, and what they are called.

    Attributes
    ----------
    ids : frozenset of str
        Empty if there is nothing to be categorised.
    kind : str
        Kind id of the things.
    text : str
        What a user reads.
    """

    ids: frozenset[str]
    kind: str
    text: str


def target_of(workspace: Workspace) -> Target:
    """Return what the Categories panel acts on now."""
    gallery, project = workspace.gallery, workspace.project
    kind = gallery.query.kind
    if gallery.selection:
        return Target(gallery.selection, kind, _selected(workspace, kind, gallery.selection))
    thing = _thing_of_active_layer(workspace)
    found = project.things.get(thing) if thing is not None else None
    if found is None:
        return Target(frozenset(), kind, "Nothing selected")
    what = "Image" if found.kind == IMAGE_KIND else project.kind_name(found.kind)
    text = f"{what} {found.name} (selected layer)"
    if found.kind == kind:
        return Target(frozenset([found.id]), kind, text)
    return Target(frozenset(), kind, f"{what} {found.name}: choose the kind {what}")


def _selected(workspace: Workspace, kind: str, ids: frozenset[str]) -> str:
    is_image = kind == IMAGE_KIND
    if len(ids) == 1:
        name = workspace.project.things[next(iter(ids))].name
        return f"{'Image' if is_image else 'Object'} {name}"
    return f"{len(ids):,} selected {'images' if is_image else 'objects'}"


def _thing_of_active_layer(workspace: Workspace) -> str | None:
    layer = workspace.viewer.layers.selection.active
    thing_of = getattr(workspace.layers, "thing_of", None)
    if layer is None or thing_of is None:
        return None
    found = thing_of(layer)
    return found if isinstance(found, str) else None
