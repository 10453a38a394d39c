"""Which images and planes are to be segmented, and what is there already."""

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Annotation, Image, is_unknown
from napari_piximi.segment.catalog import Segmenter
from napari_piximi.ui.workspace import Workspace

__all__ = ["There", "Where", "count_there", "has_stacks", "images_of", "kinds_named", "pixel_bytes"]


class Where(StrEnum):
    """Which images are segmented; the values are what a user reads."""

    SHOWN = "The shown image"
    SELECTED = "Selected images"
    ALL = "All images"


def images_of(workspace: Workspace, where: Where, images: Sequence[Image]) -> list[str]:
    """Return the ids of images, in the order of the project.

    The images of selected objects count as selected.

    Parameters
    ----------
    workspace : Workspace
    where : Where
    images : sequence of Image
        All of the project.
    """
    project = workspace.project
    if where is Where.ALL:
        return [image.id for image in images]
    if where is Where.SHOWN:
        shown = workspace.shown
        return [shown] if shown is not None and shown in project.things else []
    things = (project.things.get(key) for key in workspace.gallery.selection)
    chosen = {t.image if isinstance(t, Annotation) else t.id for t in things if t is not None}
    return [image.id for image in images if image.id in chosen] if chosen else []


def has_stacks(project: Project, images: Iterable[str]) -> bool:
    """Tell whether one of these images has several planes."""
    found = (project.things.get(key) for key in images)
    return any(isinstance(image, Image) and image.pixels.shape[0] > 1 for image in found)


def kinds_named(project: Project, names: Collection[str]) -> set[str]:
    """Return the ids of kinds of objects that are called so, whatever the case."""
    wanted = {name.strip().casefold() for name in names}
    return {
        kind.id
        for kind in project.kinds.values()
        if kind.id != IMAGE_KIND and kind.name.casefold() in wanted
    }


class There(NamedTuple):
    """Objects that would be replaced: how many, and how many of them have a category."""

    objects: int = 0
    labelled: int = 0


def count_there(
    project: Project,
    images: Sequence[str],
    segmenter: Segmenter,
    kind: str,
    *,
    every_plane: bool,
) -> There:
    """Count the objects that would be replaced, were something found beside each.

    Parameters
    ----------
    kind : str
        Name of the kind; not heeded by a segmenter that tells several sorts of objects.
    """
    kinds = kinds_named(project, segmenter.classes or (kind,))
    if not kinds or not images:
        return There()
    chosen, things = set(images), project.things
    there = [
        thing
        for thing in things.values()
        if isinstance(thing, Annotation) and thing.kind in kinds and thing.image in chosen
    ]
    if not every_plane:
        planes = {key: _plane(project, key) for key in chosen}
        there = [thing for thing in there if thing.plane == planes[thing.image]]
    return There(len(there), sum(not is_unknown(thing.category) for thing in there))


def _plane(project: Project, key: str) -> int:
    image = project.things.get(key)
    return image.plane if isinstance(image, Image) else 0


def pixel_bytes(
    project: Project, images: Sequence[str], channels: int, *, every_plane: bool
) -> int:
    """Return how many bytes of pixels a segmenter gets to see."""
    total = 0
    for key in images:
        image = project.things.get(key)
        if isinstance(image, Image):
            planes, height, width, _ = image.pixels.shape
            planes = planes if every_plane else 1
            total += planes * height * width * channels * image.pixels.dtype.itemsize
    return total
