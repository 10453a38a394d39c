"""Many points as pixels, and which of them lie in a polygon: numpy alone.

In software rendering a graphics card's points, or a path for each, take up to twenty times as
long as this (benchmarks/bench_map.py).
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["inside", "nearest", "paint_points"]

Floats = NDArray[np.floating[Any]]
Canvas = NDArray[np.uint32]


def paint_points(
    canvas: Canvas, pixels: NDArray[np.int32], colors: NDArray[np.uint32], radius: int
) -> None:
    """Paint disks onto a picture, later ones over those before.

    Parameters
    ----------
    canvas : (Y, X) uint32 array, C-contiguous
        Changed in place.
    pixels : (N, 2) int32 array
        Column and row of each centre; those outside are cut off.
    colors : (N,) uint32 array
    radius : int
        In pixels; 0 paints single ones.
    """
    height, width = canvas.shape
    x, y = pixels[:, 0], pixels[:, 1]
    whole = (x >= radius) & (x < width - radius) & (y >= radius) & (y < height - radius)
    near = (x > -1 - radius) & (x < width + radius) & (y > -1 - radius) & (y < height + radius)
    flat = canvas.reshape(-1)
    # as wide as numpy indexes, or each step would convert them
    at, color = (y[whole] * width + x[whole]).astype(np.intp), colors[whole]
    cut = np.flatnonzero(near & ~whole)
    for down, right in _disk(radius):  # the middle last, so that no point is lost in others
        flat[at + (down * width + right)] = color
        column, row = x[cut] + right, y[cut] + down
        seen = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        canvas[row[seen], column[seen]] = colors[cut[seen]]


@cache
def _disk(radius: int) -> tuple[tuple[int, int], ...]:
    """Return steps (down, right) to the pixels of a disk, the farthest first."""
    span = range(-radius, radius + 1)
    limit = (radius + 0.3) ** 2
    steps = [(y, x) for y in span for x in span if y * y + x * x <= limit]
    return tuple(sorted(steps, key=lambda step: -(step[0] ** 2 + step[1] ** 2)))


def inside(points: Floats, polygon: Floats) -> NDArray[np.bool_]:
    """Tell which points lie in a polygon.

    Parameters
    ----------
    points : (N, 2) array
    polygon : (M, 2) array
        Corners in order; it closes itself, and may cross itself (what is surrounded twice is
        out again).

    Returns
    -------
    (N,) boolean array

    Notes
    -----
    Even-odd rule. Points are sorted once, so that each edge looks only at those beside it.
    """
    found = np.zeros(len(points), bool)
    if len(polygon) < 3 or not len(points):
        return found
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    rows = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
    rows = rows[np.argsort(points[rows, 1], kind="stable")]
    x, y = points[rows, 0].astype(np.float64), points[rows, 1].astype(np.float64)
    crossed = np.zeros(len(rows), bool)
    corners = np.asarray(polygon, dtype=np.float64)
    ends = np.sort(np.stack([corners[:, 1], np.roll(corners[:, 1], -1)]), axis=0)
    begins, stops = np.searchsorted(y, ends[0]), np.searchsorted(y, ends[1])
    for one, other, begin, stop in zip(
        corners, np.roll(corners, -1, axis=0), begins.tolist(), stops.tolist(), strict=True
    ):
        if begin < stop:
            slope = (other[0] - one[0]) / (other[1] - one[1])
            part = slice(begin, stop)
            crossed[part] ^= x[part] < one[0] + (y[part] - one[1]) * slope
    found[rows] = crossed
    return found


def nearest(points: Floats, shown: NDArray[np.bool_], at: Floats, reach: float) -> int | None:
    """Return the row of the shown point nearest to a place, if one is within reach.

    Parameters
    ----------
    points : (N, 2) array
    shown : (N,) boolean array
    at : (2,) array
    reach : float
        Along either axis.
    """
    near = shown & (np.abs(points[:, 0] - at[0]) <= reach) & (np.abs(points[:, 1] - at[1]) <= reach)
    rows = np.flatnonzero(near)
    if not rows.size:
        return None
    return int(rows[((points[rows] - at) ** 2).sum(axis=1).argmin()])
