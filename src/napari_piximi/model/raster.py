"""The annotations of one kind on one image as labels: which number is which, and who is on top."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Image

__all__ = ["Raster", "Region", "joined"]

MANY = 64
"""From so many boxes on one plane, the plane is painted anew as a whole."""


class Region(NamedTuple):
    """A box of one plane, the maxima exclusive."""

    plane: int
    top: int
    left: int
    bottom: int
    right: int

    @property
    def cut(self) -> tuple[int, slice, slice]:
        """What cuts it out of an array (Z, Y, X)."""
        return self.plane, slice(self.top, self.bottom), slice(self.left, self.right)


class Raster:
    """Labels of the annotations of one kind on one image.

    An annotation keeps its number as long as this lives, also while it is deleted and until it
    comes back by undo. Later annotations lie over earlier ones.

    Parameters
    ----------
    project : Project
    image : str
        Id of the image.
    kind : str
        Id of the kind.

    Attributes
    ----------
    labels : (Z, Y, X) array of uint16, or int32 where there are too many annotations
        0 where there is none. Only this changes it.
    things : dict of id to Annotation
        Those on the image, in the project's order.
    """

    def __init__(self, project: Project, image: str, kind: str) -> None:
        self.image = image
        self.kind = kind
        self.things = self._collect(project)
        self._numbers = {key: number for number, key in enumerate(self.things, 1)}
        self._ids = {number: key for key, number in self._numbers.items()}
        dtype = np.uint16 if len(self.things) < 1 << 15 else np.int32
        found = project.things[image]
        assert isinstance(found, Image)
        self.labels: NDArray[Any] = np.zeros(found.pixels.shape[:3], dtype)
        self._boxes = _boxes(self.things.values())
        self._rows: dict[str, int] | None = None
        for thing in self.things.values():
            _draw(self.labels[thing.plane], (0, 0), thing, self._numbers[thing.id])

    def __len__(self) -> int:
        """Return the number of annotations."""
        return len(self.things)

    @property
    def largest(self) -> int:
        """The largest number that was ever given."""
        return max(self._ids, default=0)

    def number(self, thing: str) -> int | None:
        """Return the number of an annotation that is there, or None."""
        return self._numbers[thing] if thing in self.things else None

    def numbers(self) -> NDArray[np.intp]:
        """Return the numbers of all annotations, in their order."""
        return np.fromiter(map(self._numbers.__getitem__, self.things), np.intp, len(self.things))

    def thing(self, number: int) -> Annotation | None:
        """Return the annotation that has a number, or None."""
        return self.things.get(self._ids.get(number, ""))

    def give(self, numbers: Mapping[str, int]) -> None:
        """Let annotations that are about to come have these numbers."""
        for key, number in numbers.items():
            self._numbers[key] = number
            self._ids[number] = key

    def update(self, project: Project, touched: Iterable[str]) -> list[Region]:
        """Follow a change of the project.

        Parameters
        ----------
        project : Project
            Still has the image and the kind.
        touched : iterable of str
            Ids of the things that may have been added, removed or replaced.

        Returns
        -------
        list of Region
            Where `labels` may be different now.
        """
        old: list[Annotation] = []
        new: list[Annotation] = []
        for key in touched:
            was, now = self.things.get(key), project.things.get(key)
            if isinstance(now, Annotation) and self._is_ours(now):
                new.append(now)
            if was is not None:
                old.append(was)
        moved = self._follow(project, old, new)
        regions = joined(map(_region, moved))
        for region in regions:
            self._repaint(region)
        return regions

    # --- within ----------------------------------------------------------------------------

    def _is_ours(self, thing: Annotation) -> bool:
        return thing.image == self.image and thing.kind == self.kind

    def _collect(self, project: Project) -> dict[str, Annotation]:
        return {
            thing.id: thing for thing in project.annotations(self.image) if self._is_ours(thing)
        }

    def _follow(
        self, project: Project, old: list[Annotation], new: list[Annotation]
    ) -> list[Annotation]:
        """Take over what is new; return the annotations whose outlines came or went."""
        before = {thing.id: thing for thing in old}
        after = {thing.id: thing for thing in new}
        if before.keys() == after.keys():
            changed = [key for key in after if _outline(before[key]) != _outline(after[key])]
            self.things.update(after)
            self._patch_boxes([after[key] for key in changed])
            return [things[key] for key in changed for things in (before, after)]
        for key in before.keys() - after.keys():
            del self.things[key]
        added = after.keys() - before.keys()
        last = _last(project.things, len(added))
        self.things.update({key: after[key] for key in after if key in before})
        if added == set(last):
            self.things.update({key: after[key] for key in last})
        else:
            self.things = self._collect(project)
        self._number(added)
        self._boxes, self._rows = _boxes(self.things.values()), None
        return [
            thing
            for key in before.keys() | after.keys()
            for thing in (before.get(key), after.get(key))
            if thing is not None
            and not (
                key in before and key in after and _outline(before[key]) == _outline(after[key])
            )
        ]

    def _number(self, added: Iterable[str]) -> None:
        for key in added:
            number = self._numbers.get(key)
            if number is None or (self._ids[number] != key and self._ids[number] in self.things):
                number = self.largest + 1
            self.give({key: number})
        if self.largest > np.iinfo(self.labels.dtype).max:
            self.labels = self.labels.astype(np.int32)

    def _patch_boxes(self, things: Iterable[Annotation]) -> None:
        if self._rows is None:
            self._rows = {key: row for row, key in enumerate(self.things)}
        for thing in things:
            self._boxes[self._rows[thing.id]] = list(_region(thing))

    def _repaint(self, region: Region) -> None:
        plane, top, left, bottom, right = region
        box = np.zeros((bottom - top, right - left), self.labels.dtype)
        planes, tops, lefts, bottoms, rights = self._boxes.T
        hit = (planes == plane) & (tops < bottom) & (bottoms > top)
        hit &= (lefts < right) & (rights > left)
        keys = list(self.things) if hit.any() else []
        for row in np.flatnonzero(hit).tolist():
            thing = self.things[keys[row]]
            _draw(box, (top, left), thing, self._numbers[thing.id])
        self.labels[region.cut] = box


def joined(regions: Iterable[Region]) -> list[Region]:
    """Join regions of the same plane where they overlap, or are very many."""
    planes: dict[int, list[Region]] = {}
    for region in regions:
        planes.setdefault(region.plane, []).append(region)
    found: list[Region] = []
    for on_plane in planes.values():
        found += [_around(on_plane)] if len(on_plane) > MANY else _merged(on_plane)
    return found


def _merged(regions: list[Region]) -> list[Region]:
    """Join those that overlap, each with the ones before it."""
    found: list[Region] = []
    for region in regions:
        apart = []
        for other in found:
            if _overlap(region, other):
                region = _around([region, other])
            else:
                apart.append(other)
        found = [*apart, region]
    return found


def _overlap(one: Region, other: Region) -> bool:
    rows = one.top < other.bottom and other.top < one.bottom
    return rows and one.left < other.right and other.left < one.right


def _around(regions: list[Region]) -> Region:
    plane, top, left, bottom, right = zip(*regions, strict=True)
    return Region(plane[0], min(top), min(left), max(bottom), max(right))


def _region(thing: Annotation) -> Region:
    return Region(thing.plane, *thing.bbox)


def _outline(thing: Annotation) -> tuple[object, ...]:
    return thing.plane, thing.bbox, thing.runs


def _boxes(things: Iterable[Annotation]) -> NDArray[np.intp]:
    """Return (N, 5): plane, top, left, bottom, right."""
    boxes = [(thing.plane, *thing.bbox) for thing in things]
    return np.array(boxes, np.intp).reshape(-1, 5)


def _last(things: Mapping[str, object], count: int) -> list[str]:
    """Return the last `count` keys, in order."""
    backwards = reversed(cast("dict[str, object]", things))  # as every project has
    return list(islice(backwards, count))[::-1]


def _draw(labels: NDArray[Any], origin: tuple[int, int], thing: Annotation, number: int) -> None:
    """Paint an annotation into labels (Y, X) whose first pixel is at `origin`, and cut it off."""
    top, left, bottom, right = thing.bbox
    mask = masks.decode(thing.runs, (bottom - top, right - left))
    row, column = top - origin[0], left - origin[1]
    up, over = max(0, -row), max(0, -column)
    rows = slice(row + up, max(0, row + mask.shape[0]))
    columns = slice(column + over, max(0, column + mask.shape[1]))
    target = labels[rows, columns]
    target[mask[up : up + target.shape[0], over : over + target.shape[1]]] = number
