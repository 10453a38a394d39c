"""The things of one kind as columns of numbers, so that 100,000 are filtered and sorted at once."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from itertools import compress, count, repeat
from operator import attrgetter, is_not
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.column_values import (
    FIELDS,
    MAKERS,
    PARTITIONS,
    SOURCES,
    Codes,
    Column,
    differ,
)
from napari_piximi.model.natural_order import casefolded, natural_ranks
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Image, Partition, Thing

__all__ = ["Columns"]

MANY = 16
"""From this share of the things on, 1 / MANY, looking at all is quicker than looking up some."""

name_of = attrgetter("name")


class Columns:
    """Columns of the things of one kind, each made when it is first needed.

    Never changed once made: an edit gives other columns, :meth:`updated`, that share or patch
    what is there.

    Parameters
    ----------
    project : Project
    kind : str
        Kind id.

    Attributes
    ----------
    things : list of Thing
        In the project's order; the row of a thing is its place here.
    ids : list of str
        Theirs.
    codes : Codes
        What the numbers in :attr:`category`, :attr:`predicted` and :attr:`image` stand for.
    """

    def __init__(self, project: Project, kind: str) -> None:
        things = project.things.values()
        if kind == IMAGE_KIND:
            ours: list[Thing] = [thing for thing in things if isinstance(thing, Image)]
        else:
            ours = [thing for thing in things if thing.kind == kind]
        self.project = project
        self.kind = kind
        self.things: list[Thing] = ours
        self.ids: list[str] = list(map(attrgetter("id"), ours))
        self.codes = Codes(kind)
        self._made: dict[str, Column] = {}

    def __len__(self) -> int:
        """Return the number of things."""
        return len(self.ids)

    @cached_property
    def memo(self) -> dict[str, tuple[tuple[Any, ...], Any]]:
        """What those who use these columns worked out of them, with what they did it from."""
        return {}

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each id."""
        return dict(zip(self.ids, range(len(self.ids)), strict=True))

    def rows_of(self, ids: Collection[str]) -> NDArray[np.intp]:
        """Return the row of each id, −1 for things that are not of this kind."""
        return np.fromiter(map(self.rows.get, ids, repeat(-1)), np.intp, len(ids))

    # --- columns of values, one per row ----------------------------------------------------

    @property
    def category(self) -> NDArray[np.int32]:
        """Code of the user's category."""
        return self._column("category")

    @property
    def partition(self) -> NDArray[np.int8]:
        """Place of the partition among all :class:`Partition`."""
        return self._column("partition")

    @property
    def predicted(self) -> NDArray[np.int32]:
        """Code of the predicted category, −1 without a prediction."""
        return self._column("predicted")

    @property
    def probability(self) -> NDArray[np.float64]:
        """Probability of the prediction, NaN where it is not known."""
        return self._column("probability")

    @property
    def image(self) -> NDArray[np.int32]:
        """Code of the image that a thing lies on; an image lies on itself."""
        return self._column("image")

    @property
    def area(self) -> NDArray[np.int64]:
        """Pixels inside the mask of an annotation, or of one plane of an image."""
        return self._column("area")

    @property
    def mark(self) -> NDArray[np.uint32]:
        """A number that depends on the id alone and has nothing to do with any order."""
        return self._column("mark")

    @cached_property
    def folded_names(self) -> list[str]:
        """Names, comparable whatever their case."""
        return casefolded(list(map(name_of, self.things)))

    @cached_property
    def name_rank(self) -> NDArray[np.int32]:
        """Rank of the name in natural order."""
        return natural_ranks(self.folded_names)

    # --- columns of images, one value per code of an image -----------------------------------

    @cached_property
    def folded_image_names(self) -> list[str]:
        """Names of the images, comparable whatever their case; empty for one that has gone."""
        assert self.image is not None  # which gives out the codes
        things = self.project.things
        return casefolded([things[i].name if i in things else "" for i in self.codes.images])

    @cached_property
    def image_rank(self) -> NDArray[np.int64]:
        """Rank of the image's name in natural order, then of the image by order of adding.

        Two columns: images of one name share the first, no two share the second.
        """
        ranks = natural_ranks(self.folded_image_names)
        places = np.zeros(ranks.size, np.int64)
        for place, key in enumerate(filter(self.codes.images.__contains__, self.project.things)):
            places[self.codes.images[key]] = place
        return np.column_stack((ranks, places))

    # --- counting and updating ---------------------------------------------------------------

    def counts(self) -> Mapping[str, Mapping[Partition, int]]:
        """Count the things of each category, also of empty ones, by partition."""
        width = len(PARTITIONS)
        cells = self.category.astype(np.int64) * width + self.partition
        counted = np.bincount(cells, minlength=len(self.codes.categories) * width).tolist()
        found = {}
        for category in self.project.kinds[self.kind].categories:
            start = self.codes.categories[category] * width
            numbers = counted[start : start + width] or [0] * width
            found[category] = dict(zip(PARTITIONS, numbers, strict=True))
        return found

    def updated(self, after: Project, touched: Collection[str]) -> "Columns":
        """Return the columns of the project after an edit.

        Parameters
        ----------
        after : Project
        touched : collection of str
            Ids of all things, of any kind, that were added, removed or replaced.
        """
        begun, order = len(self.project.things), list(after.things)
        if len(touched) == len(order) - begun and order[:begun] == self._order:
            return self._extended(after, order)
        if len(touched) > len(self) // MANY:
            return self._compared(after, touched)
        found = map(after.things.get, touched)
        ours = {t.id: t for t in found if t is not None and t.kind == self.kind}
        if ours.keys() != self.rows.keys() & touched or self._order != order:
            return self._compared(after, touched)
        other = self._like(after, self.things.copy(), self.ids)
        other.__dict__["_order"] = self._order
        rows = sorted(map(self.rows.__getitem__, ours))
        for row in rows:
            other.things[row] = ours[self.ids[row]]
        self._patch(other, rows, touched)
        return other

    def _extended(self, after: Project, order: list[str]) -> "Columns":
        """Take in what was added behind all other things, which are not looked at."""
        added = map(after.things.__getitem__, order[len(self._order) :])
        new = [thing for thing in added if thing.kind == self.kind]
        ids = [thing.id for thing in new]
        other = self._like(after, self.things + new, self.ids + ids)
        other.__dict__["_order"] = order
        for name, column in self._made.items():
            values = MAKERS[name](self.codes, new)
            other._made[name] = np.concatenate((column, values)) if column.size else values
        if not new:
            self._hand_on(other, "rows", "memo", "folded_names", "name_rank")
        elif "rows" in self.__dict__:
            other.__dict__["rows"] = self.rows | dict(zip(ids, count(len(self)), strict=False))
        self._hand_on_images(other, order[len(self._order) :])
        return other

    def _compared(self, after: Project, touched: Collection[str]) -> "Columns":
        """Go through all things, which is quicker where many were touched."""
        other = Columns(after, self.kind)
        if other.ids != self.ids:
            return self._rearranged(other, touched)
        other = self._like(after, other.things, self.ids)
        replaced = np.fromiter(map(is_not, self.things, other.things), bool, len(self))
        self._patch(other, np.flatnonzero(replaced).tolist(), touched)
        return other

    def _patch(self, other: "Columns", rows: Sequence[int], touched: Collection[str]) -> None:
        """Hand columns on to others of which things were replaced in some rows."""
        old, new = [self.things[row] for row in rows], [other.things[row] for row in rows]
        differs = {field: differ(field, old, new) for field in FIELDS}
        self._hand_on(other, "rows", "memo")
        if not differs["name"]:
            self._hand_on(other, "folded_names", "name_rank")
        at = np.array(rows, np.intp)
        for name, column in self._made.items():
            other._made[name] = column
            if differs[SOURCES[name]]:
                other._made[name] = column.copy()
                other._made[name][at] = MAKERS[name](self.codes, new)
        self._hand_on_images(other, touched)

    def _rearranged(self, fresh: "Columns", touched: Collection[str]) -> "Columns":
        """Return columns for other things; what is known of those that stay is taken along."""
        other = self._like(fresh.project, fresh.things, fresh.ids)
        old = self.rows_of(other.ids)
        is_new = (old < 0) | np.fromiter(map(touched.__contains__, other.ids), bool, len(other))
        new = list(compress(other.things, is_new.tolist()))
        for name, column in self._made.items():
            values = MAKERS[name](self.codes, new)
            other._made[name] = column[old] if column.size else np.zeros(old.size, values.dtype)
            other._made[name][is_new] = values
        if not new and "name_rank" in self.__dict__:
            other.__dict__["name_rank"] = self.name_rank[old]
        self._hand_on_images(other, touched)
        return other

    def _like(self, after: Project, things: list[Thing], ids: list[str]) -> "Columns":
        other = Columns.__new__(Columns)
        other.project, other.kind, other.things, other.ids = after, self.kind, things, ids
        other.codes = self.codes
        other._made = {}
        return other

    def _hand_on_images(self, other: "Columns", touched: Collection[str]) -> None:
        same = len(self.__dict__.get("folded_image_names", ())) == len(self.codes.images)
        if same and self.codes.images.keys().isdisjoint(touched):
            self._hand_on(other, "folded_image_names", "image_rank")

    def _hand_on(self, other: "Columns", *names: str) -> None:
        """Give other columns what was worked out already and holds for them too."""
        other.__dict__.update({n: self.__dict__[n] for n in names if n in self.__dict__})

    @cached_property
    def _order(self) -> list[str]:
        """Ids of all things of the project, in order."""
        return list(self.project.things)

    def _column(self, name: str) -> Column:
        if name not in self._made:
            self._made[name] = MAKERS[name](self.codes, self.things)
        return self._made[name]
