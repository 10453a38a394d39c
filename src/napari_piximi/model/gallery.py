"""Which things are on show, in which order, and which are selected."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_piximi.errors import EditError
from napari_piximi.model.arrangement import arrange
from napari_piximi.model.columns import Columns
from napari_piximi.model.order import Order
from napari_piximi.model.project import Project, touched
from napari_piximi.model.query import (
    Chip,
    Query,
    Ranking,
    SortKey,
    chips,
    renewed,
    still_possible,
    unranked,
)
from napari_piximi.model.things import IMAGE_KIND, Image, Partition

__all__ = ["Chip", "Columns", "Gallery", "Query", "Ranking", "SortKey", "arrange", "chips"]


class Gallery:
    """The things of one kind that are on show, with a selection.

    Views draw it and call :meth:`set_query` and :meth:`select`; whoever holds the project calls
    :meth:`update` after each change. Signals come when all of it is up to date, and none twice
    for one call.

    Parameters
    ----------
    project : Project
        Its images are on show at first.
    """

    arranged = Signal()
    """What is on show, its order, or the query has changed; draw all of it again."""

    repainted = Signal(object)
    """The order stays, but the things with these ids (frozenset of str) look different now.

    Some may not be on show, or gone.
    """

    selected = Signal()
    """The selection or the current thing has changed."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._query = Query()
        self._order = self._arranged(Columns(project, self._query.kind))
        self._selection: frozenset[str] = frozenset()
        self._current: str | None = None
        self._foreseen: _Followed | None = None

    @property
    def project(self) -> Project:
        """The project whose things are on show."""
        return self._project

    @property
    def query(self) -> Query:
        """Which things are on show and how they are sorted."""
        return self._query

    @property
    def columns(self) -> Columns:
        """The things of the kind on show, also those that are filtered out."""
        return self._order.columns

    @property
    def ids(self) -> Sequence[str]:
        """Ids on show, in order."""
        return self._order.ids

    @property
    def total(self) -> int:
        """Number of things of the kind, also of those that are filtered out."""
        return len(self.columns)

    @property
    def selection(self) -> frozenset[str]:
        """Ids of the selected things."""
        return self._selection

    @property
    def current(self) -> str | None:
        """Id of the thing that keys move on from; None when there is none."""
        return self._current

    def row(self, thing: str) -> int | None:
        """Return the place of a thing among those on show, or None."""
        return self._order.place(thing)

    def counts(self) -> Mapping[str, Mapping[Partition, int]]:
        """Count the things of each category of the kind on show, by partition."""
        return self.columns.counts()

    # --- what views call -------------------------------------------------------------------

    def set_query(self, query: Query) -> None:
        """Show other things, or the same in another order.

        Selected things that go out of sight leave the selection.

        Raises
        ------
        EditError
            If the project has no such kind.
        """
        if query == self._query:
            return
        if query.kind not in self._project.kinds:
            raise EditError(f"There is no kind {query.kind!r} to show")
        same_kind = query.kind == self._query.kind
        columns = self.columns if same_kind else Columns(self._project, query.kind)
        self._query = query
        moved = self._show(self._arranged(columns))
        self.arranged.emit()
        if moved:
            self.selected.emit()

    def select(self, ids: Iterable[str], current: str | None = None) -> None:
        """Select exactly these things.

        Parameters
        ----------
        ids : iterable of str
            Those that are not of the kind on show are left out. A thing that is filtered out
            can be selected (it may be seen in the viewer).
        current : str, optional
            The thing that keys move on from, selected or not. By default it stays what it is if
            it is among `ids`; else it is the first of them.
        """
        known = self.columns.rows
        given = ids if ids is self._order.ids else [key for key in ids if key in known]
        chosen = frozenset(given)
        if current not in known:
            current = self._current if self._current in chosen else next(iter(given), None)
        if self._choose(chosen, current):
            self.selected.emit()

    def update(self, before: Project, after: Project) -> None:
        """Follow a change of the project.

        Another project, one that has no kind or category in common with `before`, is shown from
        its images on, without filters, sorted as before.

        Selected things leave the selection when they have gone or go out of sight. When the
        current thing does, the next one that is still on show takes its place, and is selected
        if nothing else is: so *label, label, label* goes through all that wait for one.

        Parameters
        ----------
        before, after : Project
        """
        found, self._foreseen = self._foreseen, None
        if found is None or not found.holds(before, after, self):
            found = self._followed(before, after)
        self._project, self._query = after, found.query
        moved = self._show(found.order)
        if not found.same_order:
            self.arranged.emit()
        elif found.repainted:
            self.repainted.emit(found.repainted)
        if moved:
            self.selected.emit()

    def foresee(self, before: Project, after: Project) -> None:
        """Work out in a thread what :meth:`update` will need, so that it takes no time.

        Parameters
        ----------
        before, after : Project
        """
        found = self._followed(before, after)
        found.order.place("")  # which looks up all places
        self._foreseen = found

    # --- within ----------------------------------------------------------------------------

    def _arranged(self, columns: Columns) -> Order:
        return Order(columns, arrange(columns, self._query))

    def _followed(self, before: Project, after: Project) -> "_Followed":
        """Work out what is on show after a change."""
        asked, old = self._query, self._order
        related = _related(before, after)
        changed = touched(before, after) if related else frozenset(after.things)
        query = still_possible(asked, after, changed) if related else renewed(unranked(asked))
        if related and query.kind == old.columns.kind:
            columns = old.columns.updated(after, changed)
        else:
            columns = Columns(after, query.kind)
        order = Order(columns, arrange(columns, query))
        same = query == asked and related and order.follow(old)
        repainted = _repainted(before, old, order, changed) if same else frozenset[str]()
        return _Followed(before, after, asked, old, query, order, same, repainted)

    def _show(self, order: Order) -> bool:
        """Show another order and mend the selection; tell whether that changed."""
        old, self._order = self._order, order
        if self._current is None and not self._selection:
            return False
        gone = order.gone(old)
        if not gone.any():
            return False
        rows = old.columns.rows
        kept = frozenset(key for key in self._selection if key not in rows or not gone[rows[key]])
        current = self._current
        if current is not None and gone[rows[current]]:
            current = old.successor(current, gone)
            if self._selection and not kept and current is not None:
                kept = frozenset([current])
        return self._choose(kept, current)

    def _choose(self, selection: frozenset[str], current: str | None) -> bool:
        changed = (selection, current) != (self._selection, self._current)
        self._selection, self._current = selection, current
        return changed


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """What is on show after a change, and what it was worked out of."""

    before: Project
    after: Project
    asked: Query
    old: Order
    query: Query
    order: Order
    same_order: bool
    repainted: frozenset[str]

    def holds(self, before: Project, after: Project, gallery: Gallery) -> bool:
        """Tell whether it was worked out of what there is now."""
        same = self.before is before and self.after is after
        return same and self.asked is gallery._query and self.old is gallery._order


def _repainted(
    before: Project, old: Order, order: Order, changed: frozenset[str]
) -> frozenset[str]:
    """Find the things that look different although they are where they were."""
    columns = order.columns
    known = columns.rows if columns.ids is old.columns.ids else columns.rows | old.columns.rows
    ours: Set[str] = changed if all(map(known.__contains__, changed)) else known.keys() & changed
    codes: list[int] = []
    if columns.kind != IMAGE_KIND:
        on = columns.image  # first, since this gives out the codes
        after, known_images = columns.project, columns.codes.images
        images = known_images.keys() & changed
        codes = [known_images[i] for i in images if _looks_different(before, after, i)]
    if codes:
        ours |= _ids(columns, np.isin(on, codes))
    recoloured = [
        columns.codes.categories[key]
        for key in columns.project.kinds[columns.kind].categories
        if before.categories.get(key) is not columns.project.categories[key]
    ]
    if recoloured:
        mask = np.isin(columns.category, recoloured) | np.isin(columns.predicted, recoloured)
        on_show = np.zeros_like(mask)
        on_show[order.rows] = True
        ours |= _ids(columns, mask & on_show)
    return frozenset(ours)


def _ids(columns: Columns, mask: NDArray[np.bool_]) -> set[str]:
    return {columns.ids[row] for row in np.flatnonzero(mask).tolist()}


def _looks_different(before: Project, after: Project, key: str) -> bool:
    """Tell whether an image has other pixels or channels, so that what lies on it has too."""
    old, new = before.things.get(key), after.things.get(key)
    if not isinstance(old, Image) or not isinstance(new, Image):
        return False
    return (old.pixels, old.channels, old.bit_depth) != (new.pixels, new.channels, new.bit_depth)


def _related(before: Project, after: Project) -> bool:
    """Tell whether one project is an edit of the other: no edit replaces every value."""
    pairs = ((before.kinds, after.kinds), (before.categories, after.categories))
    return any(new.get(key) is value for old, new in pairs for key, value in old.items())
