"""Polygon non-maximum suppression, many polygons at a time."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from napari_piximi.progress import Progress
from napari_piximi.segment._star_lines import spans
from napari_piximi.segment._star_neighbours import meeting
from napari_piximi.segment._star_overlap import clear_cut, measuring
from napari_piximi.segment._star_polygons import Polygons

__all__ = ["survivors"]

Indices = NDArray[np.int64]
_FIRST_BLOCK = 256
_LARGEST_BLOCK = 4096
_LINES_KEPT = 2**23
_LINES_PER_POLYGON = 48
_PAIRS_AT_ONCE = 2048


def survivors(
    stars: Polygons,
    overlap: float,
    progress: Progress,
    unsure: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Tell which polygons stay.

    Block by block, the best first: what stays of a block clears away what it overlaps among
    all that come later, so that most polygons are compared with very few others.

    Parameters
    ----------
    stars : Polygons
    overlap : float
        A polygon goes if it shares more than this part of the smaller area with a better one
        that stays.
    progress : Progress
    unsure : (N,) boolean array, optional
        Polygons that others, which are not given, may remove: these remove none, and those that
        they overlap are added here.

    Returns
    -------
    (N,) boolean array
    """
    contest = _Contest(stars, overlap, unsure)
    left, size = np.arange(len(stars)), _FIRST_BLOCK
    while len(left):
        progress(len(stars) - len(left), len(stars), "choosing among overlapping polygons")
        block, left = left[:size], left[size:]
        contest.settle(block)
        contest.sweep(block[contest.alive[block]], left)
        left = left[contest.alive[left]]
        size = min(2 * size, _LARGEST_BLOCK)
    return contest.alive


class _Contest:
    """Who is still there, and the pairs that have to be measured before that is known."""

    def __init__(
        self, stars: Polygons, overlap: float, unsure: NDArray[np.bool_] | None = None
    ) -> None:
        self.stars, self.overlap = stars, overlap
        self.alive = np.ones(len(stars), bool)
        self.doubtful = np.zeros(len(stars), bool) if unsure is None else unsure
        self.farthest = float(stars.reach.max(initial=0))
        self.unsure: dict[int, list[int]] = {}
        heights = stars.rows.max(1) - stars.rows.min(1) if len(stars) else np.ones(1)
        self.step = max(1, int(np.median(heights)) // _LINES_PER_POLYGON)
        fits = heights.sum() / self.step <= _LINES_KEPT
        self.lines = spans(stars, np.arange(len(stars)), self.step) if fits else None

    def settle(self, block: Indices) -> None:
        """Decide about polygons that only each other, and pairs not yet measured, can remove."""
        certain: dict[int, list[int]] = {}
        for first, second in self._meeting(block, block):
            judged = (column.tolist() for column in self._judged(first, second))
            for i, j, verdict in zip(*judged, strict=True):
                (certain if verdict > 0 else self.unsure).setdefault(j, []).append(i)
        rivals = {j: self.unsure.pop(j) for j in block.tolist() if j in self.unsure}
        close = np.array(sorted({*rivals, *chain.from_iterable(rivals.values())}), np.int64)
        alive, is_over = self.alive, measuring(self.stars, close, self.overlap)
        for j in sorted(certain.keys() | rivals.keys()):
            over = chain(
                (i for i in certain.get(j, ()) if alive[i]),
                (i for i in rivals.get(j, ()) if alive[i] and is_over(i, j)),
            )
            for i in over:
                if not self.doubtful[i]:
                    alive[j] = False
                    break
                self.doubtful[j] = True

    def sweep(self, winners: Indices, left: Indices) -> None:
        """Remove those later ones that clearly overlap with a winner."""
        for first, second in self._meeting(winners, left):
            there = self.alive[second]
            one, other, verdicts = self._judged(first[there], second[there])
            over, doubtful = verdicts > 0, self.doubtful[one]
            self.alive[other[over & ~doubtful]] = False
            self.doubtful[other[over & doubtful]] = True
            unsure = (verdicts == 0) & self.alive[other]
            for i, j in zip(one[unsure].tolist(), other[unsure].tolist(), strict=True):
                self.unsure.setdefault(j, []).append(i)

    def _meeting(self, ones: Indices, others: Indices) -> Iterator[tuple[Indices, Indices]]:
        for first, second in meeting(self.stars, ones, others, self.farthest, self.overlap):
            for begin in range(0, len(first), _PAIRS_AT_ONCE):
                part = slice(begin, begin + _PAIRS_AT_ONCE)
                yield first[part], second[part]

    def _judged(self, first: Indices, second: Indices) -> tuple[Indices, Indices, NDArray[np.int8]]:
        """Judge pairs; those that clearly do not overlap are left out."""
        stars = self.stars
        if self.lines is None:
            one, other = np.unique(first), np.unique(second)
            lines = spans(stars, one, self.step), spans(stars, other, self.step)
            places = np.searchsorted(one, first), np.searchsorted(other, second)
        else:
            lines, places = (self.lines, self.lines), (first, second)
        areas = stars.areas[first], stars.areas[second]
        verdicts = clear_cut(areas, lines, places, self.overlap)
        near = verdicts >= 0
        return first[near], second[near], verdicts[near]
