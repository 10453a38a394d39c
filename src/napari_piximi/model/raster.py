"""The annotations of one kind on one image as labels: which number is which, and who is on top."""

from collections.abc import Iterable, Mapping, Set
from copy import copy
from itertools import chain, islice
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project
from napari_piximi.model.stretches import paint
from napari_piximi.model.things import Annotation, Image

__all__ = ["Raster", "Region", "joined"]

MANY = 64
"""From so many boxes on one plane, the plane is painted anew as a whole."""


MOST = (1 << 16) - 1
"""Largest number of 16 bits: napari shows larger ones slowly, and not each in its own colour."""
ROOM = 1 << 10
"""So many numbers are left for what the user paints next, or the labels get 32 bits."""


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
        self._largest = len(self.things)
        found = project.things[image]
        assert isinstance(found, Image)
        self._shape = found.pixels.shape[:3]
        self._boxes = _boxes(self.things.values())
        self._rows: dict[str, int] | None = None
        self.labels: NDArray[Any] = self._painted()

    def __len__(self) -> int:
        """Return the number of annotations."""
        return len(self.things)

    @property
    def largest(self) -> int:
        """The largest number that was ever given."""
        return self._largest

    def number(self, thing: str) -> int | None:
        """Return the number of an annotation that is there, or None."""
        return self._numbers[thing] if thing in self.things else None

    @property
    def rows(self) -> dict[str, int]:
        """Place of each annotation in their order."""
        if self._rows is None:
            self._rows = {key: row for row, key in enumerate(self.things)}
        return self._rows

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
            self._largest = max(self._largest, number)

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
        was_empty = not self.things
        regions = self._followed(project, touched)
        self._paint(regions, anew=was_empty)
        return regions

    def followed(self, project: Project, touched: Iterable[str]) -> tuple["Raster", list[Region]]:
        """Do as :meth:`update`, but leave this as it is; for threads that look ahead.

        Returns
        -------
        Raster
            Another one, to take the place of this: where no outline differs, they share labels.
        list of Region
            Where its labels may be different.
        """
        other = copy(self)
        other.things = self.things.copy()
        other._numbers, other._ids = self._numbers.copy(), self._ids.copy()
        other._boxes = self._boxes.copy()
        regions = other._followed(project, touched)
        if regions:
            other.labels = self.labels.copy()
            other._paint(regions, anew=not self.things)
        return other, regions

    # --- within ----------------------------------------------------------------------------

    def _followed(self, project: Project, touched: Iterable[str]) -> list[Region]:
        """Take over what is new; return where labels are to be painted anew."""
        old: list[Annotation] = []
        new: list[Annotation] = []
        for key in touched:
            was, now = self.things.get(key), project.things.get(key)
            if isinstance(now, Annotation) and self._is_ours(now):
                new.append(now)
            if was is not None:
                old.append(was)
        return _regions(self._follow(project, old, new))

    def _paint(self, regions: Iterable[Region], *, anew: bool) -> None:
        """Paint what changed, or all where there was nothing before."""
        if anew and self.things:
            self.labels = self._painted()
            return
        if self.labels.dtype == np.uint16 and self.largest > MOST - ROOM:
            self.labels = self.labels.astype(np.int32)
        for region in regions:
            self._repaint(region)

    def _is_ours(self, thing: Annotation) -> bool:
        return thing.image == self.image and thing.kind == self.kind

    def _collect(self, project: Project) -> dict[str, Annotation]:
        planes = places_of(project).planes.get(self.kind, {})
        here = [ids for (image, _), ids in planes.items() if image == self.image]
        if len(here) == 1:
            found = map(project.things.__getitem__, here[0])
            return {thing.id: thing for thing in found if isinstance(thing, Annotation)}
        return {
            thing.id: thing for thing in project.annotations(self.image) if self._is_ours(thing)
        }

    def _painted(self) -> NDArray[Any]:
        """Paint all anew: where there is none, this takes neither time nor memory."""
        dtype = np.uint16 if self.largest <= MOST - ROOM else np.int32
        labels = np.zeros(self._shape, dtype)
        runs = [thing.runs for thing in self.things.values()]
        paint(labels, self._boxes, runs, self.numbers())
        return labels

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
        added = after.keys() - before.keys()
        last = _last(project.things, len(added))
        self._drop(before.keys() - after.keys())
        stays = [key for key in after if key in before]
        moved = {key for key in stays if _outline(before[key]) != _outline(after[key])}
        self.things.update({key: after[key] for key in stays})
        if added == set(last):
            self._patch_boxes([after[key] for key in moved])
            self._append([after[key] for key in last])
        else:
            self.things = self._collect(project)
            self._number([key for key in self.things if key in added])
            self._boxes, self._rows = _boxes(self.things.values()), None
        return [
            thing
            for key in before.keys() | after.keys()
            for thing in (before.get(key), after.get(key))
            if thing is not None and (key in moved or not (key in before and key in after))
        ]

    def _drop(self, gone: Set[str]) -> None:
        """Let go of annotations."""
        if gone:
            out = np.fromiter(map(gone.__contains__, self.things), bool, len(self.things))
            self._boxes, self._rows = self._boxes[~out], None
        for key in gone:
            del self.things[key]

    def _append(self, new: list[Annotation]) -> None:
        """Take annotations in behind the others; those that are there are not looked at."""
        self.things.update({thing.id: thing for thing in new})
        self._number([thing.id for thing in new])
        self._boxes, self._rows = np.concatenate((self._boxes, _boxes(new))), None

    def _number(self, added: Iterable[str]) -> None:
        for key in added:
            number = self._numbers.get(key)
            if number is None or (self._ids[number] != key and self._ids[number] in self.things):
                number = self.largest + 1
            self.give({key: number})

    def _patch_boxes(self, things: Iterable[Annotation]) -> None:
        for thing in things:
            self._boxes[self.rows[thing.id]] = (thing.plane, *thing.bbox)

    def _repaint(self, region: Region) -> None:
        plane, top, left, bottom, right = region
        if 2 * (right - left) > self.labels.shape[2]:
            left, right = 0, self.labels.shape[2]  # in one piece in memory: no copy is needed
        there = self.labels[plane, top:bottom, left:right]
        box = there if there.flags.c_contiguous else np.empty_like(there, order="C")
        box[...] = 0
        planes, tops, lefts, bottoms, rights = self._boxes.T
        hit = (planes == plane) & (tops < bottom) & (bottoms > top)
        rows = np.flatnonzero(hit & (lefts < right) & (rights > left))
        if rows.size:
            things = list(self.things.values())
            hits = [things[row] for row in rows.tolist()]
            numbers = np.array([self._numbers[thing.id] for thing in hits], np.intp)
            boxes = self._boxes[rows] - (plane, top, left, top, left)
            paint(box[np.newaxis], boxes, [thing.runs for thing in hits], numbers)
        if box is not there:
            there[...] = box


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


def _regions(things: Iterable[Annotation]) -> list[Region]:
    """Return where annotations lie, joined as :func:`joined` does; quick for very many."""
    boxes = _boxes(things)
    found: list[Region] = []
    for plane in np.unique(boxes[:, 0]).tolist():
        here = boxes[boxes[:, 0] == plane]
        if len(here) > MANY:
            top, left = here[:, 1:3].min(axis=0).tolist()
            found.append(Region(plane, top, left, *here[:, 3:].max(axis=0).tolist()))
        else:
            found += _merged([Region(*row) for row in here.tolist()])
    return found


def _outline(thing: Annotation) -> tuple[object, ...]:
    return thing.plane, thing.bbox, thing.runs


def _boxes(things: Iterable[Annotation]) -> NDArray[np.intp]:
    """Return (N, 5): plane, top, left, bottom, right."""
    numbers = chain.from_iterable((thing.plane, *thing.bbox) for thing in things)
    return np.fromiter(numbers, np.intp).reshape(-1, 5)


def _last(things: Mapping[str, object], count: int) -> list[str]:
    """Return the last `count` keys, in order."""
    backwards = reversed(cast("dict[str, object]", things))  # as every project has
    return list(islice(backwards, count))[::-1]
