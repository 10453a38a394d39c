"""Masks of many objects as vertical spans, the way COCO scans an image."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model import masks
from napari_piximi.model.things import BBox

__all__ = ["Ints", "Spans", "expanded", "joined", "outlines", "pieces"]

Ints = NDArray[np.int64]

CANVAS = 1 << 25
"""Pixels drawn at a time, unless one object alone has more."""


class Spans(NamedTuple):
    """Pixels `top` to `bottom`, the latter exclusive, of a column of an object.

    Attributes
    ----------
    owner, column, top, bottom : (N,) int64 arrays
    """

    owner: Ints
    column: Ints
    top: Ints
    bottom: Ints

    def where(self, chosen: NDArray[np.bool_] | Ints | slice) -> "Spans":
        """Return some of them."""
        return Spans(*(values[chosen] for values in self))


def expanded(counts: Ints) -> tuple[Ints, Ints]:
    """Return for counts [2, 0, 3] which [0, 0, 2, 2, 2] and the place in it [0, 1, 0, 1, 2]."""
    which = np.repeat(np.arange(counts.size), counts)
    firsts = np.cumsum(counts) - counts
    return which, np.arange(which.size) - firsts[which]


def pieces(owner: Ints, start: Ints, end: Ints, height: Ints) -> Spans:
    """Cut stretches of pixels, counted column by column over an image, at the columns' ends.

    Parameters
    ----------
    owner, start, end, height : (N,) int64 arrays
        Start and end (exclusive) of each stretch, not empty, and the height of its image.
    """
    first = start // height
    which, place = expanded((end - 1) // height - first + 1)
    column = first[which] + place
    shift = column * height[which]
    top = np.maximum(start[which] - shift, 0)
    return Spans(owner[which], column, top, np.minimum(end[which] - shift, height[which]))


def joined(parts: list[Spans]) -> Spans:
    """Return the union of spans, sorted, disjoint and none empty."""
    spans = Spans(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    spans = spans.where(spans.bottom > spans.top)
    if not spans.owner.size:
        return spans
    wide, high = spans.column.max() + 1, spans.bottom.max() + 1
    line = spans.owner * wide + spans.column
    order = np.argsort(line * high + spans.top, kind="stable")
    spans, line = spans.where(order), line[order]
    # The farthest end so far in its line: lines rise, so that a running maximum keeps them apart.
    reach = np.maximum.accumulate(line * high + spans.bottom)
    starts = np.ones(line.size, bool)
    starts[1:] = (line * high + spans.top)[1:] > reach[:-1]
    begin = np.flatnonzero(starts)
    last = np.append(begin[1:], line.size) - 1
    return Spans(
        spans.owner[begin], spans.column[begin], spans.top[begin], reach[last] - line[last] * high
    )


def outlines(spans: Spans) -> Iterator[tuple[int, BBox, bytes]]:
    """Yield owner, tight box and runs of each object of joined spans."""
    if not spans.owner.size:
        return
    begin = np.flatnonzero(np.diff(spans.owner, prepend=-1))
    ends = np.append(begin[1:], spans.owner.size)
    owners = spans.owner[begin]
    left, right = spans.column[begin], spans.column[ends - 1] + 1
    top = np.minimum.reduceat(spans.top, begin)
    bottom = np.maximum.reduceat(spans.bottom, begin)
    areas = (right - left) * (bottom - top)
    group = np.cumsum(areas) // CANVAS
    firsts = np.flatnonzero(np.diff(group, prepend=-1))
    for first, after in zip(firsts, np.append(firsts[1:], owners.size), strict=True):
        some = slice(first, after)
        own = spans.where(slice(begin[first], ends[after - 1]))
        boxes = np.stack((top[some], left[some], bottom[some], right[some]), axis=1)
        yield from _drawn(own, owners[some], boxes)


def _drawn(spans: Spans, owners: Ints, boxes: Ints) -> Iterator[tuple[int, BBox, bytes]]:
    high, wide = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    offsets = np.cumsum(high * wide) - high * wide
    row = np.searchsorted(owners, spans.owner)
    column_start = offsets[row] + (spans.column - boxes[row, 1]) * high[row] - boxes[row, 0]
    # Spans of a column neither touch nor overlap, but one may end where the next column starts.
    steps = np.zeros(int((high * wide).sum()) + 1, np.int8)
    steps[column_start + spans.top] = 1
    steps[column_start + spans.bottom] -= 1
    canvas = np.cumsum(steps, dtype=np.int8, out=steps).view(bool)
    areas = high * wide
    shapes = zip(offsets.tolist(), areas.tolist(), wide.tolist(), strict=True)
    # Row by row from here on.
    flat = b"".join(canvas[o : o + area].reshape(w, -1).T.tobytes() for o, area, w in shapes)
    runs = _encoded(np.frombuffer(flat, bool), offsets)
    for owner, box, own in zip(owners.tolist(), boxes.tolist(), runs, strict=True):
        top, left, bottom, right = box
        yield owner, (top, left, bottom, right), own


def _encoded(flat: NDArray[np.bool_], offsets: Ints) -> Iterator[bytes]:
    """Yield the runs of masks that lie one after the other in `flat`, as masks.encode does."""
    changes = np.empty(flat.size, bool)
    np.not_equal(flat[1:], flat[:-1], out=changes[1:])
    changes[offsets] = True
    edges = np.flatnonzero(changes)
    begin = np.searchsorted(edges, offsets)
    lengths = np.diff(edges, append=flat.size)
    # A mask that starts inside begins with no background.
    inside = flat[offsets]
    packed = np.insert(lengths, begin[inside], 0).astype(masks.RUN).tobytes()
    sizes = np.diff(begin, append=edges.size) + inside
    ends = np.cumsum(sizes) * masks.RUN.itemsize
    start = 0
    for end in ends.tolist():
        yield packed[start:end]
        start = end
