"""What segmenters found becomes annotations of the project: one edit per run."""

from collections.abc import Iterator
from dataclasses import dataclass

from napari_piximi.errors import SegmentError
from napari_piximi.model import edits
from napari_piximi.model.bulk import without_garbage_collection
from napari_piximi.model.project import Project
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    Image,
    Partition,
    is_unknown,
    new_ids,
)
from napari_piximi.segment.catalog import find_segmenter
from napari_piximi.segment.running import Outcome, Segmented

__all__ = ["Fate", "Target", "apply_outcome", "check_target", "fate_of"]


@dataclass(frozen=True, slots=True)
class Target:
    """Where objects go.

    Attributes
    ----------
    kind : str
        Name of a kind, made if it is not there yet; not heeded by a segmenter that tells
        several sorts of objects, each of which gets a kind of its own.
    replaces : bool
        The objects of those kinds that are on the same planes (and in the same region) go. Where
        nothing was found, what is there stays, so that none goes for nothing.
    """

    kind: str
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of the objects that are there already.

    Attributes
    ----------
    replaced : int
        Objects that go.
    labelled : int
        Those of them that have a category.
    kept : int
        Objects that would go if anything had been found on their plane.
    """

    replaced: int = 0
    labelled: int = 0
    kept: int = 0

    @property
    def lost(self) -> str:
        """What goes, in words: ``"25 replaced, 5 of them had a category"``; empty for nothing."""
        if not self.labelled:
            return f"{self.replaced:,} replaced" if self.replaced else ""
        of_them = "which" if self.replaced == 1 else f"{self.labelled:,} of them"
        return f"{self.replaced:,} replaced, {of_them} had a category"

    @property
    def saved(self) -> str:
        """What stays where nothing was found, in words; empty for nothing."""
        if self.kept < 2:
            return "the object there stays" if self.kept else ""
        return f"the {self.kept:,} objects there stay"


def fate_of(project: Project, outcome: Outcome, target: Target) -> Fate:
    """Tell what becomes of the objects that are there, if an outcome is applied.

    Parameters
    ----------
    project : Project
        As it is before that.
    outcome : Outcome
    target : Target
    """
    if not target.replaces:
        return Fate()
    replaced = labelled = kept = 0
    for thing, goes in _there(project, outcome, target.kind.strip()):
        kept += not goes
        replaced += goes
        labelled += goes and not is_unknown(thing.category)
    return Fate(replaced, labelled, kept)


def apply_outcome(project: Project, outcome: Outcome, target: Target) -> Project:
    """Add what was found to a project, with the category Unknown.

    Parameters
    ----------
    project : Project
        The current one: images that have gone since, or have changed their size, are passed over.
    outcome : Outcome
    target : Target

    Returns
    -------
    Project
        The same where nothing was found.

    Raises
    ------
    SegmentError
        If the target's name is empty or that of the images' kind.
    """
    name = check_target(target)
    parts = [part for part in outcome.parts if _fits(project, part)]
    if target.replaces:
        doomed = (thing.id for thing, goes in _there(project, outcome, name) if goes)
        project = edits.delete_things(project, doomed)
    names = [n for part in parts for n in (part.found.classes or (name,) * bool(len(part.found)))]
    for kind in dict.fromkeys(names):
        if _kind_of(project, kind) is None:
            project = edits.create_kind(project, kind)
    with without_garbage_collection():
        made = [a for part in parts for a in _annotations(project, part, name)]
        return edits.add_annotations(project, made)


def check_target(target: Target) -> str:
    """Return the name of the kind.

    Raises
    ------
    SegmentError
        If it is empty or that of the images' kind.
    """
    name = target.kind.strip()
    if not name or name.casefold() == IMAGE_KIND.casefold():
        raise SegmentError(f"Objects need a kind of their own, not {target.kind!r}")
    return name


def _fits(project: Project, part: Segmented) -> bool:
    image = project.things.get(part.image)
    if not isinstance(image, Image):
        return False
    planes, height, width, _ = image.pixels.shape
    inside = not len(part.found) or (
        part.found.boxes[:, 2].max() <= height and part.found.boxes[:, 3].max() <= width
    )
    return part.plane < planes and bool(inside)


def _kind_of(project: Project, name: str) -> str | None:
    """Find a kind by its name, whatever the case."""
    for kind in project.kinds.values():
        if kind.name.casefold() == name.casefold() and kind.id != IMAGE_KIND:
            return kind.id
    return None


def _there(project: Project, outcome: Outcome, name: str) -> Iterator[tuple[Annotation, bool]]:
    """Go through the annotations that are to be replaced; each goes if anything was found there."""
    names = find_segmenter(outcome.request.segmenter).classes or (name,)
    kinds = {_kind_of(project, kind) for kind in names}
    parts = (part for part in outcome.parts if _fits(project, part))
    places = {(part.image, part.plane): bool(len(part.found)) for part in parts}
    region = outcome.request.region
    for thing in project.things.values():
        if (
            isinstance(thing, Annotation)
            and thing.kind in kinds
            and (thing.image, thing.plane) in places
            and (region is None or _overlap(thing.bbox, region))
        ):
            yield thing, places[thing.image, thing.plane]


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _annotations(project: Project, part: Segmented, name: str) -> list[Annotation]:
    image = project.things[part.image]
    found = part.found
    classes = found.classes or (name,) * len(found)
    kinds = {n: project.kinds[_kind_of(project, n) or ""] for n in dict.fromkeys(classes)}
    told = {n: (kind.id, kind.unknown) for n, kind in kinds.items()}
    boxes = map(tuple, found.boxes.tolist())
    rows = zip(new_ids(len(found)), boxes, found.runs, classes, strict=True)
    return [
        Annotation(
            key, f"{said} {number}", *told[said], part.image, box, runs,
            image.bit_depth, None, Partition.INFERENCE, part.plane,
        )
        for number, (key, box, runs, said) in enumerate(rows, 1)
    ]  # fmt: skip
