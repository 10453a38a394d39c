"""Painted labels to edits of annotations, without loss where annotations overlap."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import EditError
from napari_piximi.model import edits, masks
from napari_piximi.model.admission import check_outline
from napari_piximi.model.project import Project
from napari_piximi.model.raster import Raster, Region
from napari_piximi.model.things import Annotation, BBox, Image, new_id

__all__ = ["Stroke", "edit_annotations", "stroke_of"]

Outline = tuple[BBox, bytes]
Points = NDArray[np.intp]


@dataclass
class Stroke:
    """What one stroke of the brush, or any other change of labels, does to annotations.

    Attributes
    ----------
    masks : dict of id to (bbox, runs)
        New outlines of annotations.
    added : list of Annotation
    deleted : set of str
        Ids of those that nothing is left to see of.
    numbers : dict of id to int
        Labels of what is added.
    grown : set of str
        Ids of those, not new, that gained pixels.
    """

    masks: dict[str, Outline] = field(default_factory=dict)
    added: list[Annotation] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)
    grown: set[str] = field(default_factory=set)

    def apply(self, project: Project) -> Project:
        """Return the project after it."""
        return edit_annotations(project, self.masks, self.added, self.deleted)

    def label(self, raster: Raster) -> str:
        """Say what it does, for the undo menu."""
        if self.added:
            return _said("Add", [thing.name for thing in self.added])
        for verb, keys in (("Paint", self.grown), ("Delete", self.deleted)):
            if keys:
                return _said(verb, [raster.things[key].name for key in keys])
        return _said("Erase parts of", [raster.things[key].name for key in self.masks])


def _said(verb: str, names: list[str]) -> str:
    return f"{verb} {names[0]}" if len(names) == 1 else f"{verb} {len(names):,} objects"


def edit_annotations(
    project: Project,
    outlines: Mapping[str, Outline],
    added: Iterable[Annotation] = (),
    deleted: Iterable[str] = (),
) -> Project:
    """Change outlines, add and delete annotations, all in one edit.

    Parameters
    ----------
    project : Project
    outlines : mapping of id to (bbox, runs)
        The annotations' pixels are then their image's again.
    added : iterable of Annotation
    deleted : iterable of str
        Ids of annotations.

    Raises
    ------
    EditError
        If one of the ids is no annotation's, or something does not suit as in
        :func:`~napari_piximi.model.edits.set_mask` and
        :func:`~napari_piximi.model.edits.add_annotations`.
    """
    things = dict(project.things)
    for key, (bbox, runs) in outlines.items():
        old = things.get(key)
        if not isinstance(old, Annotation):
            raise EditError(f"{key!r} is no annotation of this project and has no mask")
        if (old.bbox, old.runs) != (bbox, runs):
            new = replace(old, bbox=bbox, runs=runs, pixels=None)
            check_outline(project, new)
            things[key] = new
    for key in deleted:
        if not isinstance(things.pop(key, None), Annotation):
            raise EditError(f"{key!r} is no annotation of this project and cannot be deleted")
    same = len(things) == len(project.things) and all(
        things[key] is project.things[key] for key in outlines
    )
    changed = project if same else replace(project, things=things)
    return edits.add_annotations(changed, added)


def stroke_of(
    project: Project, raster: Raster, painted: NDArray[Any], regions: Iterable[Region]
) -> Stroke | None:
    """Find out what was painted.

    A pixel that shows another label than before is lost by the annotation that it showed, and
    gained by the one that it shows now. Pixels that lie hidden under other annotations stay
    what they are. An annotation of which nothing is to be seen any more is deleted. A label
    that no annotation of that plane has is a new annotation.

    Parameters
    ----------
    project : Project
        The one that `raster` shows.
    raster : Raster
        What the labels were before.
    painted : (Z, Y, X) array
        What they are now.
    regions : iterable of Region
        Where they may differ.

    Returns
    -------
    Stroke or None
        None where nothing differs.
    """
    points, was, now = _differences(raster.labels, painted, regions)
    if not was.size:
        return None
    gained: dict[str, Points] = {}
    fresh: list[tuple[int, Points]] = []
    for number, on_plane in _by_label(now, points):
        thing = raster.thing(number)
        if thing is not None and thing.plane == on_plane[0, 0]:
            gained[thing.id] = on_plane
        else:
            fresh.append((number, on_plane))
    stroke = Stroke(grown=set(gained))
    lost = {_known(raster, number).id: found for number, found in _by_label(was, points)}
    for key in lost.keys() | gained.keys():
        if key not in gained and not _is_seen(painted, raster, key):
            stroke.deleted.add(key)
        else:
            thing = raster.things[key]
            stroke.masks[key] = _outline(thing, gained.get(key), lost.get(key))
    _add(stroke, project, raster, fresh)
    return stroke


# --- within --------------------------------------------------------------------------------


def _differences(
    before: NDArray[Any], after: NDArray[Any], regions: Iterable[Region]
) -> tuple[Points, NDArray[np.int64], NDArray[np.int64]]:
    """Return points (N, 3), labels before (N,) and labels after (N,) of pixels that differ."""
    points, was, now = [np.zeros((0, 3), np.intp)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for region in regions:
        old, new = before[region.cut], after[region.cut]
        rows, columns = np.nonzero(old != new)
        if rows.size:
            planes = np.full(rows.size, region.plane)
            points.append(np.stack((planes, rows + region.top, columns + region.left), axis=1))
            was.append(old[rows, columns].astype(np.int64))
            now.append(new[rows, columns].astype(np.int64))
    return np.concatenate(points), np.concatenate(was), np.concatenate(now)


def _by_label(labels: NDArray[np.int64], points: Points) -> list[tuple[int, Points]]:
    """Group points by their label and plane, without the background."""
    filled = labels != 0
    labels, points = labels[filled], points[filled]
    if not labels.size:
        return []
    order = np.lexsort((points[:, 0], labels))
    labels, points = labels[order], points[order]
    new = (labels[1:] != labels[:-1]) | (points[1:, 0] != points[:-1, 0])
    cuts = np.flatnonzero(new) + 1
    firsts = np.concatenate(([0], cuts))
    groups = np.split(points, cuts)
    return list(zip(labels[firsts].tolist(), groups, strict=True))


def _known(raster: Raster, number: int) -> Annotation:
    thing = raster.thing(number)
    assert thing is not None, f"label {number} stands for nothing"
    return thing


def _outline(thing: Annotation, gained: Points | None, lost: Points | None) -> Outline:
    """Return box and runs of an annotation after it gained and lost points of its plane."""
    top, left, bottom, right = thing.bbox
    if gained is not None:
        (_, low_row, low_column), (_, high_row, high_column) = gained.min(0), gained.max(0)
        top, left = min(top, int(low_row)), min(left, int(low_column))
        bottom, right = max(bottom, int(high_row) + 1), max(right, int(high_column) + 1)
    mask = np.zeros((bottom - top, right - left), bool)
    y, x, height, width = thing.bbox[0] - top, thing.bbox[1] - left, *_size(thing.bbox)
    mask[y : y + height, x : x + width] = masks.decode(thing.runs, (height, width))
    if lost is not None:
        mask[lost[:, 1] - top, lost[:, 2] - left] = False
    if gained is not None:
        mask[gained[:, 1] - top, gained[:, 2] - left] = True
    return _cropped(mask, top, left)


def _size(bbox: BBox) -> tuple[int, int]:
    return bbox[2] - bbox[0], bbox[3] - bbox[1]


def _cropped(mask: NDArray[np.bool_], top: int, left: int) -> Outline:
    """Return box and runs of a mask whose first pixel is at (top, left), without empty borders."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return (top, left, top + 1, left + 1), masks.encode(np.zeros((1, 1), bool))
    first, last, begin, end = (int(v) for v in (rows[0], rows[-1], columns[0], columns[-1]))
    box = top + first, left + begin, top + last + 1, left + end + 1
    return box, masks.encode(mask[first : last + 1, begin : end + 1])


def _is_seen(painted: NDArray[Any], raster: Raster, key: str) -> bool:
    thing, number = raster.things[key], raster.number(key)
    top, left, bottom, right = thing.bbox
    return bool((painted[thing.plane, top:bottom, left:right] == number).any())


def _add(stroke: Stroke, project: Project, raster: Raster, fresh: list[tuple[int, Points]]) -> None:
    """Make a new annotation of each label and plane; it has the label if that is free."""
    image, kind = project.things[raster.image], project.kinds[raster.kind]
    assert isinstance(image, Image)
    spare = max([raster.largest, *(number for number, _ in fresh)]) + 1
    given: set[int] = set()
    for number, points in fresh:
        if number < 0 or number in given or raster.thing(number) is not None:
            number, spare = spare, spare + 1
        given.add(number)
        plane, top, left = points.min(0).tolist()
        _, bottom, right = points.max(0).tolist()
        mask = np.zeros((bottom - top + 1, right - left + 1), bool)
        mask[points[:, 1] - top, points[:, 2] - left] = True
        box = top, left, bottom + 1, right + 1
        name = f"{image.name}-{kind.name}_{number}"
        thing = Annotation(
            new_id(), name, kind.id, kind.unknown, image.id, box, masks.encode(mask),
            image.bit_depth, plane=plane,
        )  # fmt: skip
        stroke.added.append(thing)
        stroke.numbers[thing.id] = number
