"""Objects that touch, cut apart at their waists.

A watershed of the distance to the background: each pixel belongs to the peak that it ascends to.
Peaks are then joined again, from the highest saddle down, unless the waist between them is
narrow. What comes out depends on the shape of an object alone, not on where it lies or on what
else is there, so that it may be computed piece by piece.
"""

import numpy as np
from numpy.typing import NDArray

from napari_piximi.segment.distances import Again, nothing, squared_distances

__all__ = ["Again", "split_touching"]

Ints = NDArray[np.int64]


def split_touching(
    labels: NDArray[np.integer], waist: float, min_size: int = 1, again: Again = nothing
) -> NDArray[np.integer]:
    """Cut objects where they are narrow.

    Parameters
    ----------
    labels : (Y, X) integer array
        0 is background. Objects do not touch each other, not even by a corner.
    waist : float
        0…1. Two parts are cut apart where what joins them is narrower than this share of
        the narrower part; 0 cuts nothing.
    min_size : int
        A part of fewer pixels is not cut off.
    again : callable
        Called now and then; may raise Cancelled.

    Returns
    -------
    (Y, X) integer array
        Numbered anew, with gaps; `labels` where nothing can be cut. An object that the border
        of the array cuts off is not taken to be narrower there.
    """
    mask = labels > 0
    if waist <= 0 or mask.all() or not mask.any():
        return labels
    heights = np.pad(squared_distances(mask, again), 1)
    basins, peaks = _basins(heights, again)
    parts = _joined(heights, basins, peaks, waist, min_size, again)
    lookup = np.append(parts + 1, 0).astype(np.int32)
    return lookup[basins[1:-1, 1:-1]]


def _basins(heights: NDArray[np.int64], again: Again) -> tuple[NDArray[np.int32], Ints]:
    """Follow each pixel uphill, to the highest of its eight neighbours each time.

    Parameters
    ----------
    heights : (Y, X) array
        0 outside, and at the rim.

    Returns
    -------
    basins : (Y, X) int32 array
        Number of the peak that each pixel ascends to; -1 outside.
    peaks : (P,) array
        Where they lie in the flattened array, in order.
    """
    inside = np.flatnonzero(heights)
    ranks = heights * heights.size  # of equals the last one wins: nobody goes round in circles
    ranks.ravel()[inside] += inside
    highest = ranks.copy()
    for axis in (0, 1):
        again()
        rows = np.moveaxis(highest, axis, 0)
        rows[1:-1] = np.maximum(np.maximum(rows[:-2], rows[2:]), rows[1:-1])
    number = np.full(heights.size, -1, np.int32)
    number[inside] = np.arange(inside.size, dtype=np.int32)
    best = number[highest.ravel()[inside] % heights.size]
    is_peak = best == np.arange(inside.size)
    while not np.array_equal(further := best[best], best):
        again()
        best = further
    basins = np.full(heights.size, -1, np.int32)
    basins[inside] = (np.cumsum(is_peak, dtype=np.int32) - 1)[best]
    return basins.reshape(heights.shape), inside[is_peak]


def _saddles(
    heights: NDArray[np.int64], basins: NDArray[np.int32], again: Again
) -> tuple[Ints, Ints, Ints]:
    """Find which basins touch, and how high the highest place is where they do.

    Returns
    -------
    one, other, height : (E,) arrays
        Each pair of basins once, the highest first.
    """
    flat, tall, width = basins.ravel(), heights.ravel(), basins.shape[1]
    count = int(flat.max()) + 1
    pairs, levels = [], []
    for step in (1, width - 1, width, width + 1):
        again()
        here = np.flatnonzero((flat[:-step] != flat[step:]) & (flat[:-step] >= 0))
        here = here[flat[here + step] >= 0]
        one, other = flat[here].astype(np.int64), flat[here + step]
        pairs.append(np.minimum(one, other) * count + np.maximum(one, other))
        levels.append(np.minimum(tall[here], tall[here + step]))
    pair, level = np.concatenate(pairs), np.concatenate(levels)
    order = np.lexsort((pair, -level))
    _, first = np.unique(pair[order], return_index=True)
    keep = order[np.sort(first)]
    return pair[keep] // count, pair[keep] % count, level[keep]


def _joined(
    heights: NDArray[np.int64],
    basins: NDArray[np.int32],
    peaks: Ints,
    waist: float,
    min_size: int,
    again: Again,
) -> Ints:
    """Say for each basin which one it is a part of.

    A mountain is what lies around a peak above the level that was reached so far; where two meet,
    the lower one is a part of its own, or becomes one with what it meets.
    """
    high = (np.sqrt(heights.ravel()[peaks]) - 0.5).tolist()  # to the border, not to the next pixel
    sizes = np.bincount(basins[basins >= 0], minlength=peaks.size).tolist()
    ones, others, levels = _saddles(heights, basins, again)
    widths = (np.sqrt(levels) - 0.5).tolist()
    mountain, part = list(range(peaks.size)), list(range(peaks.size))
    edges = zip(ones.tolist(), others.tolist(), widths, strict=True)
    for number, (one, two, width) in enumerate(edges):
        if not number % 10_000:
            again()
        a, b = _root(mountain, one), _root(mountain, two)
        if a == b:
            continue
        if (high[a], -a) < (high[b], -b):
            a, b = b, a
        if width >= waist * high[b] or sizes[b] < min_size:
            part[_root(part, one)] = _root(part, two)
        mountain[b] = a
        sizes[a] += sizes[b]
    return np.array([_root(part, basin) for basin in range(peaks.size)])


def _root(parents: list[int], start: int) -> int:
    """Find who stands for a group, and shorten the way there."""
    top = start
    while parents[top] != top:
        top = parents[top]
    while parents[start] != top:
        parents[start], start = top, parents[start]
    return top
