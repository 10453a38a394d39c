"""How much two star-convex polygons overlap: quickly where that is clear, else exactly.

The package measures an overlap with Clipper (A. Johnson), which rounds the points where two
outlines cross to whole pixels. What it decides is known beforehand wherever the true overlap is
farther from the threshold than this rounding can move it; only the other pairs are given to
Clipper itself.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_piximi.segment._star_lines import Spans
from napari_piximi.segment._star_polygons import Polygons

__all__ = ["clear_cut", "clipped_area", "measuring"]

Indices = NDArray[np.int64]
Path = list[tuple[int, int]]
_SLACK, _COARSE = 3.0, 4.5
"""Times the longest edge: half as much again as was ever seen in 800,000 pairs,
with a line for each row of pixels, and with fewer."""


def clear_cut(
    areas: tuple[NDArray[np.float32], NDArray[np.float32]],
    lines: tuple[Spans, Spans],
    pairs: tuple[Indices, Indices],
    threshold: float,
) -> NDArray[np.int8]:
    """Tell which pairs overlap by more than a threshold, where that is clear.

    Parameters
    ----------
    areas : two (P,) float32 arrays
    lines : two Spans
        Of the same step.
    pairs : two (P,) int64 arrays
        Which polygons of the one lines, and of the other.
    threshold : float
        As for :func:`measuring`.

    Returns
    -------
    (P,) int8 array
        1 they do, -1 they do not, 0 has to be measured.
    """
    (one, other), (i, j) = lines, pairs
    top = np.maximum(one.first[i], other.first[j])
    bottom = np.minimum(one.first[i] + one.count[i], other.first[j] + other.count[j])
    common = np.maximum(bottom - top, 0)
    skipped = np.cumsum(common) - common
    walk = np.arange(int(common.sum()))
    a = walk + np.repeat(one.start[i] + top - one.first[i] - skipped, common)
    b = walk + np.repeat(other.start[j] + top - other.first[j] - skipped, common)
    shared = np.minimum(one.right[a], other.right[b])
    shared -= np.maximum(one.left[a], other.left[b])
    np.maximum(shared, 0, out=shared)
    unsure = np.minimum(shared, one.missing[a] + other.missing[b])
    pair = np.repeat(np.arange(len(i)), common)
    step = one.step
    most = step * np.bincount(pair, shared, len(i))
    least = most - step * np.bincount(pair, unsure, len(i))
    slack = step * (
        2 + (_SLACK if step == 1 else _COARSE) * np.maximum(one.longest[i], other.longest[j])
    )
    limit = threshold * np.minimum(*areas)
    over = (least - slack > limit).astype(np.int8)
    apart = (common == 0) & (step == 1)
    return np.asarray(over - ((most + slack < limit) | apart), np.int8)


def measuring(stars: Polygons, chosen: Indices, threshold: float) -> Callable[[int, int], bool]:
    """Prepare to measure the overlap of some polygons as the package does.

    Parameters
    ----------
    stars : Polygons
    chosen : (N,) int64 array
        Which of them.
    threshold : float
        Part of the smaller one's area.

    Returns
    -------
    callable
        Takes the numbers of two of them, and tells whether they overlap by more than the
        threshold. The area that they share is measured by Clipper, and it is rounded to single
        precision and compared as in the package.
    """
    place = {number: at for at, number in enumerate(chosen.tolist())}
    cols, rows = stars.cols[chosen].tolist(), stars.rows[chosen].tolist()
    areas, limit = stars.areas[chosen].tolist(), np.float32(threshold)

    def is_over(one: int, other: int) -> bool:
        i, j = place[one], place[other]
        paths = (list(zip(cols[at], rows[at], strict=True)) for at in (i, j))
        shared = float(clipped_area(*paths))
        return bool(np.float32(shared / (min(areas[i], areas[j]) + 1e-10)) > limit)

    return is_over


def clipped_area(one: Path, other: Path) -> np.float32:
    """Measure what two polygons share, in pixels.

    Parameters
    ----------
    one, other : list of (column, row)
        Corners.
    """
    import pyclipper

    clipper = pyclipper.Pyclipper()
    try:
        clipper.AddPath(one, pyclipper.PT_CLIP, True)
        clipper.AddPath(other, pyclipper.PT_SUBJECT, True)
    except pyclipper.ClipperException:  # without any area
        return np.float32(0)
    fill = pyclipper.PFT_NONZERO
    total = np.float32(0)
    for ring in clipper.Execute(pyclipper.CT_INTERSECTION, fill, fill):
        after = ring[1:] + ring[:1]
        terms = [x * v - y * u for (x, y), (u, v) in zip(ring, after, strict=True)]
        total += np.float32(0.5) * abs(np.cumsum(np.array(terms, np.float32))[-1])
    return total
