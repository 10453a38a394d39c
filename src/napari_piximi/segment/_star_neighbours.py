"""Which polygons may overlap by enough: their boxes do."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_piximi.segment._star_polygons import Polygons

__all__ = ["meeting"]

Indices = NDArray[np.int64]
_AT_ONCE = 2**18


def meeting(
    stars: Polygons, ones: Indices, others: Indices, farthest: float, overlap: float
) -> Iterator[tuple[Indices, Indices]]:
    """Find pairs that may overlap by enough, the first of which is the better one.

    Parameters
    ----------
    stars : Polygons
    ones, others : (M,), (L,) int64 array
        Which polygons to pair with which, ascending.
    farthest : float
        The longest ray of all polygons: the package looks for neighbours so much beyond the
        rays of the better one.
    overlap : float
        Pairs whose boxes share no more than this part of the smaller area are left out.

    Yields
    ------
    (P,) int64 array, (P,) int64 array
        Pairs, some at a time.
    """
    if not (len(ones) and len(others)):
        return
    bands = _Bands(stars, others)
    which, starts, ends = bands.runs(stars.low[ones], stars.high[ones])
    counts, done = ends - starts, 0
    while done < len(which):
        room = np.searchsorted(np.cumsum(counts[done:]), _AT_ONCE, side="right")
        here = slice(done, done + max(int(room), 1))
        first = np.repeat(ones[which[here]], counts[here])
        skipped = np.cumsum(counts[here]) - counts[here]
        second = bands.members[
            np.arange(len(first)) + np.repeat(starts[here] - skipped, counts[here])
        ]
        yield _near(stars, first, second, farthest, overlap)
        done = here.stop


class _Bands:
    """Polygons by the middle of their boxes: in bands of rows, from left to right in each."""

    def __init__(self, stars: Polygons, members: Indices) -> None:
        low, high = stars.low[members].astype(np.float64), stars.high[members]
        middle = (low + high) / 2
        self.origin = middle.min(0)
        self.size = (high - low).max(0) + 1  # no box is larger
        self.place = middle - self.origin
        self.width = self.place[:, 1].max() + 1
        self.count = int(self.place[:, 0].max() // self.size[0]) + 1
        keys = self.place[:, 0] // self.size[0] * self.width + self.place[:, 1]
        order = np.argsort(keys)
        self.members, self.keys = members[order], keys[order]

    def runs(
        self, low: NDArray[np.float32], high: NDArray[np.float32]
    ) -> tuple[Indices, Indices, Indices]:
        """Return where the members around each box begin and end, band by band.

        Returns
        -------
        (R,) int64 array
            Which box.
        (R,) int64 array, (R,) int64 array
            Among the members.
        """
        low, high = low - self.origin - self.size / 2, high - self.origin + self.size / 2
        top = np.maximum(low[:, 0] // self.size[0], 0).astype(np.int64)
        bottom = np.minimum(high[:, 0] // self.size[0], self.count - 1).astype(np.int64)
        counts = np.maximum(bottom - top + 1, 0)
        which = np.repeat(np.arange(len(low)), counts)
        band = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts - top, counts)
        left, right = np.clip((low[which, 1], high[which, 1]), -0.5, self.width - 0.5)
        starts = np.searchsorted(self.keys, band * self.width + left)
        ends = np.searchsorted(self.keys, band * self.width + right)
        return which, starts, np.maximum(starts, ends)


def _near(
    stars: Polygons, first: Indices, second: Indices, farthest: float, overlap: float
) -> tuple[Indices, Indices]:
    later = second > first
    first, second = first[later], second[later]
    shared = np.trunc(np.minimum(stars.high[first], stars.high[second]))  # boxes of cut corners
    shared -= np.trunc(np.maximum(stars.low[first], stars.low[second]))
    area = np.maximum(shared, 0).prod(1)
    # Nothing is lost to single precision.
    least = np.float32(overlap * (1 - 1e-5)) * np.minimum(stars.areas[first], stars.areas[second])
    enough = area > least
    first, second = first[enough], second[enough]
    apart = ((stars.points[first] - stars.points[second]) ** 2).sum(1)
    near = apart < (np.float32(farthest) + stars.reach[first]) ** 2
    return first[near], second[near]
