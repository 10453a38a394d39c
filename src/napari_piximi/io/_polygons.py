"""Polygons to spans, on the grid of COCO's reference implementation, and contours of pixels."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io._spans import Ints, Spans, expanded

__all__ = ["Edges", "Parts", "are_contours", "contour_spans", "edges_of", "polygon_spans"]

GRID = 5
"""Steps per pixel of the grid that corners are rounded to."""


class Parts(NamedTuple):
    """Closed polygons.

    Attributes
    ----------
    x, y : (M,) float64 arrays
        All corners, one polygon after the other.
    sizes, owner, height, width : (N,) int64 arrays
        Corners of each polygon (none has 0), the object it is part of, and its image's size.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    sizes: Ints
    owner: Ints
    height: Ints
    width: Ints

    def where(self, chosen: NDArray[np.bool_]) -> "Parts":
        """Return some of them."""
        corners = np.repeat(chosen, self.sizes)
        return Parts(self.x[corners], self.y[corners], *(values[chosen] for values in self[2:]))


def _following(sizes: Ints) -> Ints:
    """Return for each corner the index of the next one of its polygon."""
    ends = np.cumsum(sizes)
    following = np.arange(1, sizes.sum() + 1)
    following[ends - 1] = ends - sizes
    return following


def are_contours(parts: Parts) -> NDArray[np.bool_]:
    """Tell which polygons go from the centre of a pixel to that of a neighbour at each step."""
    following = _following(parts.sizes)
    fits = (np.abs(parts.x[following] - parts.x) <= 1) & (np.abs(parts.y[following] - parts.y) <= 1)
    fits &= (parts.x == np.rint(parts.x)) & (parts.y == np.rint(parts.y))
    return np.logical_and.reduceat(fits, np.cumsum(parts.sizes) - parts.sizes)


def contour_spans(parts: Parts) -> Spans:
    """Fill contours of pixels, which belong to the mask themselves.

    A pixel off the contour is inside if an odd number of the contour's steps to the next
    column pass above it.
    """
    part = np.repeat(np.arange(parts.sizes.size), parts.sizes)
    x, y = parts.x.astype(np.int64), parts.y.astype(np.int64)
    following = _following(parts.sizes)
    right = x[following] > x
    sideways = np.flatnonzero(x[following] != x)
    column = np.minimum(x, x[following])[sideways]
    row = np.where(right, y, y[following])[sideways] + 1
    inner = _paired(parts, part[sideways], column, row)
    height, width = parts.height[part], parts.width[part]
    seen = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    line = Spans(parts.owner[part], x, y, y + 1).where(seen)
    return Spans(*(np.concatenate(pair) for pair in zip(inner, line, strict=True)))


class Edges(NamedTuple):
    """The edges that cross columns, on the fine grid.

    Attributes
    ----------
    part : (K,) int64 array
    x, y : (K,) int64 arrays
        The end with the lower x, or of a steep edge the lower y.
    slope : (K,) float64 array
        dy/dx, or of a steep edge dx/dy.
    steep : (K,) boolean array
    first, counts : (K,) int64 arrays
        The first column crossed, and how many are.
    """

    part: Ints
    x: Ints
    y: Ints
    slope: NDArray[np.float64]
    steep: NDArray[np.bool_]
    first: Ints
    counts: Ints


def edges_of(parts: Parts) -> Edges:
    """Round the corners and find which columns each edge crosses."""
    part = np.repeat(np.arange(parts.sizes.size), parts.sizes)
    x, y = _trunc(GRID * parts.x + 0.5), _trunc(GRID * parts.y + 0.5)
    following = _following(parts.sizes)
    x1, y1 = x[following], y[following]
    low, high = np.minimum(x, x1), np.maximum(x, x1)
    middle = GRID // 2
    first = np.maximum(-((middle - low) // GRID), 0)
    last = np.minimum((high - middle - 1) // GRID, parts.width[part] - 1)
    counts = np.maximum(last - first + 1, 0)
    kept = np.flatnonzero(counts)
    part, x, y, x1, y1 = (values[kept] for values in (part, x, y, x1, y1))
    wide, tall = np.abs(x1 - x), np.abs(y1 - y)
    steep = wide < tall
    flip = np.where(steep, y > y1, x > x1)
    x0, y0 = np.where(flip, x1, x), np.where(flip, y1, y)
    x1, y1 = np.where(flip, x, x1), np.where(flip, y, y1)
    slope = np.where(steep, x1 - x0, y1 - y0) / np.maximum(wide, tall)
    return Edges(part, x0, y0, slope, steep, first[kept], counts[kept])


def polygon_spans(parts: Parts, edges: Edges) -> Spans:
    """Fill polygons as ``rleFrPoly`` of COCO's reference implementation does, bit for bit.

    Corners are rounded to a fifth of a pixel. An edge crosses a column of pixels where it
    passes the column's middle; there it ends the pixels above.

    Parameters
    ----------
    parts : Parts
    edges : Edges
        What :func:`edges_of` says of them.

    References
    ----------
    ``rleFrPoly`` in ``maskApi.c`` of github.com/cocodataset/cocoapi.
    """
    which, place = expanded(edges.counts)
    column = edges.first[which] + place
    middle = GRID * column + GRID // 2
    x0, y0, slope = edges.x[which], edges.y[which], edges.slope[which]
    steep = edges.steep[which]
    flat_y = np.minimum(
        _trunc(y0 + slope * (middle - x0) + 0.5), _trunc(y0 + slope * (middle + 1 - x0) + 0.5)
    )
    row = np.where(steep, y0 + _steps_to(middle, x0, slope, steep) - 1, flat_y)
    part = edges.part[which]
    row = np.clip(-((GRID // 2 - row) // GRID), 0, parts.height[part])
    return _paired(parts, part, column, row)


def _trunc(values: NDArray[np.floating[Any]]) -> Ints:
    """Cut off decimals, towards zero as C does."""
    return values.astype(np.int64)


def _steps_to(middle: Ints, x0: Ints, slope: NDArray[np.float64], steep: NDArray[np.bool_]) -> Ints:
    """Return after how many steps in y a steep edge has passed from one side of `middle` + ½."""
    rise = np.where(steep, slope, 1.0)
    rightward = rise > 0

    def passed(steps: Ints) -> NDArray[np.bool_]:
        is_beyond: NDArray[np.bool_] = _trunc(x0 + rise * steps + 0.5) > middle
        return is_beyond ^ ~rightward

    steps = np.ceil((middle + 0.5 - x0) / rise).astype(np.int64)
    # Rounding may put the estimate one off to either side.
    steps -= passed(steps - 1)
    steps += ~passed(steps)
    return steps


def _paired(parts: Parts, part: Ints, column: Ints, row: Ints) -> Spans:
    """Pair the rows at which a polygon begins and ends in a column."""
    height, width = parts.height[part], parts.width[part]
    seen = (column >= 0) & (column < width)
    part, column, row = part[seen], column[seen], np.clip(row, 0, height)[seen]
    if not part.size:
        return Spans(part, column, row, row)
    wide, high = column.max() + 1, row.max() + 1
    key = np.sort((part * wide + column) * high + row)
    top, bottom = key[0::2] % high, key[1::2] % high
    line = key[0::2] // high
    return Spans(parts.owner[line // wide], line % wide, top, bottom)
