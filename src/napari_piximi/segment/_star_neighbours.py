"""Which polygons may meet: their boxes overlap."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_piximi.segment._star_polygons import Polygons

__all__ = ["meeting"]

Indices = NDArray[np.int64]
_AT_ONCE = 2**18


def meeting(
    stars: Polygons, ones: Indices, others: Indices, farthest: float
) -> Iterator[tuple[Indices, Indices]]:
    """Find pairs that may overlap, the first of which is the better one.

    Parameters
    ----------
    stars : Polygons
    ones, others : (M,), (L,) int64 array
        Which polygons to pair with which, ascending.
    farthest : float
        The longest ray of all polygons: the package looks for neighbours so much beyond the
        rays of the better one.

    Yields
    ------
    (P,) int64 array, (P,) int64 array
        Pairs, some at a time.
    """
    if not (len(ones) and len(others)):
        return
    grid = _Grid(stars, others)
    size = grid.size.max()
    cells = np.clip(
        ((stars.high[ones] + stars.low[ones]) / 2 - grid.origin) // grid.size, -2, 2**30
    ).astype(np.int64)
    reach = np.ceil((stars.high[ones] - stars.low[ones]).max(1) / 2 / size + 0.5).astype(np.int64)
    for span in np.unique(reach):
        chosen = reach == span
        for row in range(-span, span + 1):
            starts, ends = grid.runs(cells[chosen], row, span)
            yield from _filtered(stars, ones[chosen], grid.members, starts, ends, farthest)


class _Grid:
    """Polygons in square cells by the middle of their boxes; no box is larger than a cell."""

    def __init__(self, stars: Polygons, members: Indices) -> None:
        low, high = stars.low[members], stars.high[members]
        middle = (low + high) / 2
        self.origin = middle.min(0)
        self.size = np.maximum((high - low).max(), 4)
        place = ((middle - self.origin) // self.size).astype(np.int64)
        self.width = int(place[:, 1].max()) + 1
        self.height = int(place[:, 0].max()) + 1
        keys = place[:, 0] * self.width + place[:, 1]
        order = np.argsort(keys, kind="stable")
        self.members, self.keys = members[order], keys[order]

    def runs(self, cells: Indices, row: int, span: int) -> tuple[Indices, Indices]:
        """Return where the members of one row of cells around each cell begin and end."""
        rows = cells[:, 0] + row
        left = np.clip(cells[:, 1] - span, 0, self.width)
        right = np.clip(cells[:, 1] + span + 1, 0, self.width)
        inside = (rows >= 0) & (rows < self.height) & (left < right)
        first = np.where(inside, rows * self.width, 0)
        starts = np.searchsorted(self.keys, first + left)
        ends = np.searchsorted(self.keys, first + right)
        return starts, np.where(inside, ends, starts)


def _filtered(
    stars: Polygons,
    ones: Indices,
    members: Indices,
    starts: Indices,
    ends: Indices,
    farthest: float,
) -> Iterator[tuple[Indices, Indices]]:
    counts = np.maximum(ends - starts, 0)
    done = 0
    while done < len(ones):
        room = np.searchsorted(np.cumsum(counts[done:]), _AT_ONCE, side="right")
        here = slice(done, done + max(int(room), 1))
        first = np.repeat(ones[here], counts[here])
        skipped = np.cumsum(counts[here]) - counts[here]
        place = np.arange(len(first)) + np.repeat(starts[here] - skipped, counts[here])
        second = members[place]
        keep = second > first
        first, second = first[keep], second[keep]
        keep = (
            (stars.low[second] <= stars.high[first]) & (stars.low[first] <= stars.high[second])
        ).all(1)
        first, second = first[keep], second[keep]
        apart = ((stars.points[first] - stars.points[second]) ** 2).sum(1)
        near = apart < (np.float32(farthest) + stars.reach[first]) ** 2
        yield first[near], second[near]
        done = here.stop
