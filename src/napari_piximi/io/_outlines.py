"""COCO's outlines drawn as masks, thousands at a time."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from napari_piximi.io._annotation_file import AnnotationFile
from napari_piximi.io._coco_runs import RunError, decode_counts, run_spans
from napari_piximi.io._polygons import (
    Parts,
    are_contours,
    contour_spans,
    edges_of,
    polygon_spans,
)
from napari_piximi.io._spans import Spans, joined, outlines
from napari_piximi.model.things import BBox

__all__ = ["Shape", "draw"]

MOST_COORDINATE = 1e8
MOST_AT_ONCE = 1 << 22
"""Crossings of edges and columns of pixels; each takes about 150 bytes."""

MOST_ALONE = 1 << 24
"""Of one object; no drawing by hand or machine comes near."""


class Shape(NamedTuple):
    """An object's outline on an image.

    Attributes
    ----------
    number : int
        Of the annotation in the file, for messages.
    height, width : int
        Of the image.
    polygons : sequence of list of float
        Each x, y, x, y, …; 0, 0 is the upper left corner of the image's first pixel.
    may_be_pixels : bool
        Whether polygons that go from pixel to neighbouring pixel are contours of pixels,
        which Piximi writes (with an area of 0, by which they are told from polygons).
    counts : list of int, str or None
        Run lengths, or compressed ones.
    """

    number: int
    height: int
    width: int
    polygons: Sequence[list[float]] = ()
    may_be_pixels: bool = False
    counts: list[int] | str | None = None


def draw(shapes: Sequence[Shape], file: AnnotationFile) -> list[tuple[BBox, bytes] | None]:
    """Return tight box and runs of each shape; None where it has no pixel in its image.

    Raises
    ------
    AnnotationFileError
        If a coordinate or run is absurd, or run lengths do not fill their image.
    """
    if not shapes:
        return []
    parts, contours = _parts(shapes, file)
    edges = edges_of(parts)
    crossings = int(edges.counts.sum()) + _columns(shapes)
    if len(shapes) == 1 and crossings > MOST_ALONE:
        member = f"annotations[{shapes[0].number}].segmentation"
        raise file.error(member, "has too many and too long edges to be drawn")
    if len(shapes) > 1 and crossings > MOST_AT_ONCE:
        half = len(shapes) // 2
        return draw(shapes[:half], file) + draw(shapes[half:], file)
    spans = [polygon_spans(parts, edges), contour_spans(contours)]
    kinds = {type(shape.counts) for shape in shapes if shape.counts is not None}
    spans += [_run_spans(shapes, file, kind) for kind in kinds]
    drawn: list[tuple[BBox, bytes] | None] = [None] * len(shapes)
    for owner, bbox, runs in outlines(joined(spans)):
        drawn[owner] = bbox, runs
    return drawn


def _columns(shapes: Sequence[Shape]) -> int:
    """Return into how many spans run lengths may be cut at most."""
    return sum(shape.width + len(shape.counts) for shape in shapes if shape.counts)


def _parts(shapes: Sequence[Shape], file: AnnotationFile) -> tuple[Parts, Parts]:
    """Return the polygons, and those that are contours of pixels."""
    owned = [(owner, part) for owner, shape in enumerate(shapes) for part in shape.polygons if part]
    owner = np.fromiter((owner for owner, _ in owned), np.int64, len(owned))
    sizes = np.fromiter((len(part) // 2 for _, part in owned), np.int64, len(owned))
    numbers = chain.from_iterable(part for _, part in owned)
    points = np.fromiter(numbers, np.float64, int(sizes.sum()) * 2).reshape(-1, 2)
    absurd = np.flatnonzero(~(np.abs(points) <= MOST_COORDINATE).all(axis=1))
    if absurd.size:
        shape = shapes[np.repeat(owner, sizes)[absurd[0]]]
        x, y = points[absurd[0]].tolist()
        member = f"annotations[{shape.number}]"
        raise file.error(member, f"has the corner ({x:g}, {y:g}), which is on no image")
    size = np.array([(shape.height, shape.width) for shape in shapes], np.int64)[owner]
    parts = Parts(points[:, 0], points[:, 1], sizes, owner, size[:, 0], size[:, 1])
    if not owned:
        return parts, parts
    may_be = np.array([shape.may_be_pixels for shape in shapes])[owner]
    contours = may_be & are_contours(parts) if may_be.any() else may_be
    return parts.where(~contours), parts.where(contours)


def _run_spans(shapes: Sequence[Shape], file: AnnotationFile, kind: type) -> Spans:
    """Return the spans of the shapes with compressed (str) or plain (list) run lengths."""
    own = [owner for owner, shape in enumerate(shapes) if type(shape.counts) is kind]
    owner = np.array(own, np.int64)
    counts = [shapes[row].counts for row in own]
    try:
        if kind is str:
            values, sizes = decode_counts([text for text in counts if isinstance(text, str)])
        else:
            lists = [runs for runs in counts if isinstance(runs, list)]
            sizes = np.fromiter(map(len, lists), np.int64, len(lists))
            values = _plain(lists, int(sizes.sum()))
        height = np.array([shapes[row].height for row in own], np.int64)
        width = np.array([shapes[row].width for row in own], np.int64)
        return run_spans(owner, values, sizes, height, width)
    except RunError as error:
        member = f"annotations[{shapes[own[error.row]].number}].segmentation.counts"
        raise file.error(member, str(error)) from error


def _plain(lists: list[list[int]], total: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    try:
        return np.fromiter(chain.from_iterable(lists), np.int64, total)
    except OverflowError as error:
        for row, runs in enumerate(lists):
            if max(map(abs, runs), default=0) >= 1 << 63:
                raise RunError(row, "has a run of more pixels than any image") from error
        raise
