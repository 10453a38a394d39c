"""Things on show in an order, and what becomes of them in another."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.columns import Columns

__all__ = ["Order"]


class Order:
    """The rows on show, and the place of each thing among them.

    Parameters
    ----------
    columns : Columns
    rows : (shown,) array
        As :func:`napari_piximi.model.arrangement.arrange` returns them.
    """

    def __init__(self, columns: Columns, rows: NDArray[np.intp]) -> None:
        self.columns = columns
        self.rows = rows

    @cached_property
    def ids(self) -> list[str]:
        """Ids on show, in order."""
        ids = self.columns.ids
        if self.rows.size == len(ids) and (np.diff(self.rows) == 1).all():
            return ids
        return [ids[row] for row in self.rows.tolist()]

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        """Place of each row on show, −1 for those that are not; a last −1 for no row."""
        places = np.full(len(self.columns) + 1, -1, np.intp)
        places[self.rows] = np.arange(self.rows.size)
        return places

    def successor(self, current: str, gone: NDArray[np.bool_]) -> str | None:
        """Find what follows a thing among those that are not gone; at the end, the last one."""
        place = self.place(current)
        left = np.flatnonzero(~gone[self.rows])
        if place is None or not left.size:
            return None
        following = int(np.searchsorted(left, place))
        return self.ids[int(left[min(following, left.size - 1)])]

    def place(self, key: str) -> int | None:
        """Return the place of a thing, None if it is not on show."""
        place = int(self._places[self.columns.rows.get(key, -1)])
        return place if place >= 0 else None

    def follow(self, old: "Order") -> bool:
        """Tell whether this shows the same ids as another, and if so share what that knows."""
        if self.columns.ids is not old.columns.ids:
            return self.ids == old.ids
        if not np.array_equal(self.rows, old.rows):
            return False
        self.__dict__.update({n: old.__dict__[n] for n in ("ids", "_places") if n in old.__dict__})
        return True

    def gone(self, old: "Order") -> NDArray[np.bool_]:
        """Tell of each row of an older order's columns whether it is lost.

        It is if there is no such thing any more, or if it was on show and no longer is.
        """
        if self.columns.ids is old.columns.ids:
            return (old._places[:-1] >= 0) & (self._places[:-1] < 0)
        rows = self.columns.rows_of(old.columns.ids)
        return (rows < 0) | ((old._places[:-1] >= 0) & (self._places[rows] < 0))
