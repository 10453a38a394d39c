"""Polygons cut into lines: what they cover of every row of pixels, or of every few."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_piximi.segment._star_polygons import Polygons

__all__ = ["Spans", "spans"]

Indices = NDArray[np.int64]
Floats = NDArray[np.float32]
_Cut = tuple[Indices, Indices, Floats, Floats, Floats, Floats]
_Crossings = tuple[Indices, Floats]
_AT_ONCE = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """What polygons cover of scan lines through the middle of each row of pixels.

    Attributes
    ----------
    step : int
        Rows of pixels per line.
    first, count, start : (N,) int64 array
        The first line of each polygon, how many, and where they are in what follows.
    left, right : (L,) float32 array
        Where the polygon begins and ends on a line.
    missing : (L,) float32 array
        How much in between is not its own.
    longest : (N,) float32 array
        The longest edge of each polygon.
    """

    step: int
    first: Indices
    count: Indices
    start: Indices
    left: Floats
    right: Floats
    missing: Floats
    longest: Floats


def spans(stars: Polygons, chosen: Indices, step: int = 1) -> Spans:
    """Cut polygons into lines.

    Parameters
    ----------
    stars : Polygons
    chosen : (N,) int64 array
        Which of them.
    step : int
        Rows of pixels per line; more is quicker and coarser.
    """
    parts = []
    for begin in range(0, max(len(chosen), 1), _AT_ONCE):
        part = chosen[begin : begin + _AT_ONCE]
        parts.append(_cut(stars.rows[part], stars.cols[part], step))
    first, count, left, right, missing, longest = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return Spans(step, first, count, np.cumsum(count) - count, left, right, missing, longest)


def _cut(rows: NDArray[np.int32], cols: NDArray[np.int32], step: int) -> _Cut:
    corners = np.concatenate((rows, rows[:, :1]), 1, dtype=np.int64)
    lines = (2 * corners + step - 1) // (2 * step)  # the first line at or below a corner
    down = np.diff(corners)
    right = np.diff(cols, append=cols[:, :1]).astype(np.float64)
    first = lines.min(1)
    count = lines.max(1) - first
    begin = np.minimum(lines[:, :-1], lines[:, 1:])
    slope = right / np.where(down, down, 1)
    x = cols + slope * (step * (begin + 0.5) - rows)
    place = begin + (np.cumsum(count) - count - first)[:, np.newaxis]
    crossed, slope = np.diff(lines), slope * step
    falls, rises = _walked(crossed, place, x, slope), _walked(-crossed, place, x, slope)
    longest = np.sqrt((right**2 + down**2).max(1)).astype(np.float32)
    return first, count, *_ends(falls, rises, int(count.sum())), longest


def _walked(
    crossed: Indices, place: Indices, x: NDArray[np.float64], slope: NDArray[np.float64]
) -> _Crossings:
    """List where edges cross lines, edge by edge: on which line, and at which x."""
    edges = np.flatnonzero(crossed > 0)
    counts = crossed.ravel()[edges]
    lines = np.arange(int(counts.sum()))
    lines -= np.repeat(np.cumsum(counts) - counts, counts)
    xs = np.repeat(slope.ravel()[edges].astype(np.float32), counts)
    xs *= lines
    xs += np.repeat(x.ravel()[edges].astype(np.float32), counts)
    lines += np.repeat(place.ravel()[edges], counts)
    return lines, xs


def _ends(falls: _Crossings, rises: _Crossings, total: int) -> tuple[Floats, Floats, Floats]:
    """Find where outlines begin and end on each line: nearly always they cross it twice."""
    one, other = np.zeros(total, np.float32), np.zeros(total, np.float32)
    one[falls[0]], other[rises[0]] = falls[1], rises[1]
    low, high = np.minimum(one, other), np.maximum(one, other)
    missing = np.zeros(total, np.float32)
    often = np.bincount(falls[0], minlength=total) > 1
    if often.any():
        covered = np.zeros(total)
        for sign, (lines, xs) in zip((1, -1), (falls, rises), strict=True):
            several = np.flatnonzero(often[lines])
            lines, xs = lines[several], xs[several]
            covered += sign * np.bincount(lines, xs, total)
            _widen(low, lines, xs, np.less)
            _widen(high, lines, xs, np.greater)
        missing[often] = np.maximum(high - low - np.abs(covered), 0)[often]
    return low, high, missing


def _widen(ends: Floats, lines: Indices, xs: Floats, beyond: np.ufunc) -> None:
    """Move ends to the farthest crossings: `np.minimum.at`, in a third of the time.

    Crossings of a line come in order from one side, as outlines go round a centre: the last or
    the first of them is nearly always the farthest.
    """
    while len(lines):
        farther = np.flatnonzero(beyond(xs, ends[lines]))[::-1]
        lines, xs = lines[farther], xs[farther]
        ends[lines] = xs
