"""Whether the labels of a kind have changed."""

from napari_piximi.model.project import Project, touched
from napari_piximi.model.things import Thing

__all__ = ["labels_changed"]


def labels_changed(before: Project, after: Project, kind: str) -> bool:
    """Tell whether a thing of a kind got another category, came, or went."""
    if before.things is after.things:
        return False

    def label(thing: Thing | None) -> str | None:
        return thing.category if thing is not None and thing.kind == kind else None

    old, new = before.things, after.things
    return any(label(old.get(key)) != label(new.get(key)) for key in touched(before, after))
