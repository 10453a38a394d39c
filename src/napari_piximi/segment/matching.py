"""Found objects against annotated ones: which of them are the same.

The rule is that of the Data Science Bowl 2018 (Caicedo et al., Nature Methods 16, 2019) and of
StarDist (Schmidt et al., MICCAI 2018): two objects can be a pair where the intersection of
their masks is at least a share of the union; each object is in one pair at most, and as many
pairs are made as can be, of these the ones with the largest sum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model import masks
from napari_piximi.model.segmentation import THRESHOLDS
from napari_piximi.model.stretches import Stretches, numbered, portions, stretches
from napari_piximi.segment.found import Found

__all__ = ["Matching", "Overlaps", "match_objects", "overlaps"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """Which objects of one set overlap which of another.

    Attributes
    ----------
    first, second : (N,) int64 arrays
        Numbers of the objects of each pair that has a pixel in common, in ascending order.
    iou : (N,) float64 array
        Intersection over union of their masks.
    """

    first: Ints
    second: Ints
    iou: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Matching:
    """Objects of one plane, compared.

    Attributes
    ----------
    annotated, found : int
        Objects.
    matched : tuple of int
        Pairs, at each threshold.
    total_iou : tuple of float
        Sum of their intersections over union.
    pairs : tuple of (annotated, found)
        Numbers of the objects of each pair at the first threshold.
    """

    annotated: int
    found: int
    matched: tuple[int, ...]
    total_iou: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...] = ()


def match_objects(
    annotated: Found, found: Found, thresholds: Sequence[float] = THRESHOLDS
) -> Matching:
    """Match the objects of one plane; those of either set may overlap each other.

    Parameters
    ----------
    annotated, found : Found
        In the same coordinates.
    thresholds : sequence of float
        Least intersection over union of a pair, above 0.

    Returns
    -------
    Matching
        Swapped sets have the same counts.
    """
    shared = overlaps(annotated, found)
    chosen = [_assigned(shared, threshold) for threshold in thresholds]
    rows = chosen[0] if chosen else np.zeros(0, np.int64)
    return Matching(
        len(annotated),
        len(found),
        tuple(len(pairs) for pairs in chosen),
        tuple(float(shared.iou[pairs].sum()) for pairs in chosen),
        tuple(zip(shared.first[rows].tolist(), shared.second[rows].tolist(), strict=True)),
    )


# --- overlaps ------------------------------------------------------------------------------


def overlaps(first: Found, second: Found) -> Overlaps:
    """Find the pairs of objects, one of each set, that have pixels in common.

    Masks are compared as stretches of pixels along the rows, never painted: time and memory go
    with the length of their outlines, not with the size of the image.
    """
    width = max((int(f.boxes[:, 3].max()) for f in (first, second) if len(f)), default=0)
    one, other = (stretches(f.boxes, f.runs, width) for f in (first, second))
    keys, counts = _common(one, other, max(len(second), 1))
    rows, columns = np.divmod(keys, max(len(second), 1))
    areas = [np.array([masks.area(runs) for runs in f.runs], np.int64) for f in (first, second)]
    union = areas[0][rows] + areas[1][columns] - counts
    return Overlaps(rows, columns, counts / union)


def _common(one: Stretches, other: Stretches, columns: int) -> tuple[Ints, Ints]:
    """Return first * columns + second of overlapping objects, and how many pixels they share."""
    one, other = one.ordered(), other.ordered()
    # Of two stretches that overlap one begins in the other, so each pair comes once.
    found = [_summed([(a * columns + b, n)]) for a, b, n in _beginning_in(one, other, "left")]
    found += [_summed([(a * columns + b, n)]) for b, a, n in _beginning_in(other, one, "right")]
    return _summed(found)


def _beginning_in(
    one: Stretches, other: Stretches, side: Literal["left", "right"]
) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yield the objects of stretches of `other` that begin in one of `one`, and what they share.

    On the right, those that begin with it are left out.
    """
    low = np.searchsorted(other.starts, one.starts, side)
    counts = np.searchsorted(other.starts, one.ends, "left") - low
    for start, stop in portions(counts):
        part = counts[start:stop]
        mine = np.repeat(np.arange(start, stop), part)
        theirs = np.repeat(low[start:stop], part) + numbered(part)
        shared = np.minimum(one.ends[mine], other.ends[theirs]) - other.starts[theirs]
        yield one.objects[mine], other.objects[theirs], shared


def _summed(parts: Sequence[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    """Add up the counts of equal keys."""
    keys = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in parts)])
    counts = np.concatenate([np.zeros(0, np.int64), *(part[1] for part in parts)])
    distinct, inverse = np.unique(keys, return_inverse=True)
    return distinct, np.bincount(inverse, counts, distinct.size).astype(np.int64)


# --- pairs ---------------------------------------------------------------------------------


def _assigned(shared: Overlaps, threshold: float) -> Ints:
    """Choose rows of overlaps such that each object is in one at most."""
    rows = np.flatnonzero(shared.iou >= threshold)
    first, second = shared.first[rows], shared.second[rows]
    # Most objects have one partner, or several that have no other: the best of them is taken.
    around_first, around_second = _is_star(first, second), _is_star(second, first)
    around_second &= ~around_first
    left = rows[~(around_first | around_second)]
    chosen = [
        _best_of_each(shared, rows[around_first], first[around_first]),
        _best_of_each(shared, rows[around_second], second[around_second]),
        *(_best(shared, group) for group in _groups(shared, left)),
    ]
    return np.sort(np.concatenate(chosen))


def _is_star(centres: Ints, partners: Ints) -> NDArray[np.bool_]:
    """Tell which pairs have a centre none of whose partners has another centre."""
    contested = np.bincount(partners)[partners] > 1
    stars: NDArray[np.bool_] = np.bincount(centres, contested)[centres] == 0
    return stars


def _best_of_each(shared: Overlaps, rows: Ints, centres: Ints) -> Ints:
    order = np.lexsort((-shared.iou[rows], centres))
    _, firsts = np.unique(centres[order], return_index=True)
    return rows[order[firsts]]


def _groups(shared: Overlaps, rows: Ints) -> list[Ints]:
    """Divide rows into those that have no object in common."""
    if not rows.size:
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = shared.first[rows], shared.second[rows]
    shift = int(first.max()) + 1
    size = shift + int(second.max()) + 1
    graph = coo_array((np.ones(rows.size), (first, second + shift)), (size, size))
    _, labels = connected_components(graph, directed=False)
    order = np.argsort(labels[first], kind="stable")
    cuts = np.flatnonzero(np.diff(labels[first][order])) + 1
    return np.split(rows[order], cuts)


def _best(shared: Overlaps, rows: Ints) -> Ints:
    """Make as many pairs as can be, and of those the ones with the largest sum."""
    from scipy.optimize import linear_sum_assignment

    _, first = np.unique(shared.first[rows], return_inverse=True)
    _, second = np.unique(shared.second[rows], return_inverse=True)
    worth = np.zeros((first.max() + 1, second.max() + 1))
    # The sum of all shares is below this, so one pair more is always worth more.
    worth[first, second] = min(worth.shape) + 1 + shared.iou[rows]
    where = np.full(worth.shape, -1)
    where[first, second] = rows
    chosen: Ints = where[linear_sum_assignment(worth, maximize=True)]
    return chosen[chosen >= 0]
