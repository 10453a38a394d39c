"""Many masks at once, as stretches of pixels along the rows of a plane."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model import masks

__all__ = ["Stretches", "numbered", "paint", "portions", "stretches"]

Ints = NDArray[np.int64]
AT_ONCE = 1 << 16
"""So many pixels, runs or pairs of stretches are looked at in one go: they fit the cache."""
LONG = 128
"""Pixels from which on stretches are quicker filled one by one."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Pixels start … end − 1 of the plane, row after row, and whose they are."""

    starts: Ints
    ends: Ints
    objects: Ints

    def ordered(self) -> "Stretches":
        """Sort by where they start."""
        order = np.argsort(self.starts, kind="stable")
        return Stretches(self.starts[order], self.ends[order], self.objects[order])


def stretches(boxes: Ints, runs: Sequence[bytes], width: int) -> Stretches:
    """Cut the masks of objects into stretches that end where a row of their box does.

    Parameters
    ----------
    boxes : (N, 4) int64 array
        min_row, min_col, max_row, max_col.
    runs : sequence of N bytes
        Masks over the boxes; see :mod:`napari_piximi.model.masks`.
    width : int
        Of the plane.

    Returns
    -------
    Stretches
        Object after object; of each from its first row to its last.

    Raises
    ------
    ValueError
        If the runs of an object do not fill its box.
    """
    sizes = _run_counts(runs)
    edges = np.concatenate(([0], np.cumsum(sizes)))
    counts = masks.lengths(b"".join(runs))
    places = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    before, after = places[edges[:-1]], places[edges[1:]]
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    wrong = np.flatnonzero(after - before != heights * widths)
    if wrong.size:
        raise ValueError(f"the runs of object {wrong[0]} do not fill its box {boxes[wrong[0]]}")
    inside = np.flatnonzero((numbered(sizes) & 1).astype(bool) & (counts > 0))
    objects = np.repeat(np.arange(sizes.size), sizes)[inside]
    shift = before[objects]
    return _rows(places[inside] - shift, places[inside + 1] - shift, objects, boxes, width)


def paint(labels: NDArray[Any], boxes: Ints, runs: Sequence[bytes], numbers: Ints) -> None:
    """Paint objects into labels, later ones over earlier ones.

    Parameters
    ----------
    labels : (Z, Y, X) array
        In one piece in memory; it is changed. What lies outside is cut off.
    boxes : (N, 5) int64 array
        plane, min_row, min_col, max_row, max_col, counted from the first pixel of the labels.
    runs : sequence of N bytes
        Masks over the boxes; see :mod:`napari_piximi.model.masks`.
    numbers : (N,) int64 array
        What each object is painted with.

    Raises
    ------
    ValueError
        If the runs of an object do not fill its box. Others may have been painted by then.
    """
    order = np.argsort(boxes[:, 0], kind="stable")
    planes, firsts = np.unique(boxes[order, 0], return_index=True)
    for plane, rows in zip(planes.tolist(), np.split(order, firsts[1:]), strict=False):
        if 0 <= plane < labels.shape[0]:
            chosen = [runs[row] for row in rows.tolist()]
            _paint_plane(labels[plane], boxes[rows, 1:], chosen, numbers[rows])


def numbered(counts: Ints) -> Ints:
    """Count from 0 in each of several groups: 3, 2 → 0 1 2 0 1."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def portions(counts: Ints) -> list[tuple[int, int]]:
    """Divide rows so that the counts of each portion sum to about :data:`AT_ONCE`."""
    total = np.cumsum(counts)
    edges = np.searchsorted(total, np.arange(0, total[-1] if total.size else 0, AT_ONCE))
    cuts = [*dict.fromkeys(edges.tolist()), counts.size]
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def _paint_plane(labels: NDArray[Any], boxes: Ints, runs: Sequence[bytes], numbers: Ints) -> None:
    flat, numbers = labels.reshape(-1), numbers.astype(labels.dtype)
    for first, stop in portions(_run_counts(runs) + 1):
        there = _on_plane(boxes[first:stop], runs[first:stop], labels.shape)
        _fill(flat, there, numbers[there.objects + first])


def _run_counts(runs: Sequence[bytes]) -> Ints:
    return np.fromiter(map(len, runs), np.int64, len(runs)) // masks.RUN.itemsize


def _rows(starts: Ints, ends: Ints, objects: Ints, boxes: Ints, width: int) -> Stretches:
    """Cut stretches of boxes into rows, and move them to where they lie on the plane."""
    widths = (boxes[:, 3] - boxes[:, 1])[objects]
    rows = starts // widths
    edges = rows * widths
    if (ends > edges + widths).any():
        counts = (ends - 1) // widths - rows + 1
        which = np.repeat(np.arange(counts.size), counts)
        objects, widths, rows = objects[which], widths[which], rows[which] + numbered(counts)
        edges = rows * widths
        starts = np.maximum(starts[which], edges)
        ends = np.minimum(ends[which], edges + widths)
    origin = (boxes[:, 0] * width + boxes[:, 1])[objects] + rows * width - edges
    return Stretches(starts + origin, ends + origin, objects)


def _on_plane(boxes: Ints, runs: Sequence[bytes], shape: tuple[int, ...]) -> Stretches:
    """Return stretches of a plane (Y, X), without what lies outside."""
    height, width = shape
    top, left = np.minimum(boxes[:, :2].min(axis=0), 0).tolist()
    bottom, right = boxes[:, 2:].max(axis=0).tolist()
    if top == left == 0 and bottom <= height and right <= width:
        return stretches(boxes, runs, width)
    wide = max(right, width) - left
    found = stretches(boxes - (top, left, top, left), runs, wide)
    rows, starts = np.divmod(found.starts, wide)
    ends = starts + (found.ends - found.starts) + left
    rows, starts, ends = rows + top, np.maximum(starts + left, 0), np.minimum(ends, width)
    here = (rows >= 0) & (rows < height) & (ends > starts)
    origin = rows[here] * width
    return Stretches(starts[here] + origin, ends[here] + origin, found.objects[here])


def _fill(flat: NDArray[Any], there: Stretches, values: NDArray[Any]) -> None:
    sizes = there.ends - there.starts
    if sizes.sum() > LONG * sizes.size:
        for start, end, value in zip(
            there.starts.tolist(), there.ends.tolist(), values.tolist(), strict=True
        ):
            flat[start:end] = value
        return
    for first, stop in portions(sizes):
        count = sizes[first:stop]
        pixels = np.repeat(there.starts[first:stop], count) + numbered(count)
        flat[pixels] = np.repeat(values[first:stop], count)
