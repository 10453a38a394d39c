"""Annotated planes, opened: pixels where they are, percentiles, and targets painted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import SegmentError
from napari_piximi.io.planes import read_plane
from napari_piximi.model.labels import labels_of
from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.model.things import Annotation, BBox
from napari_piximi.progress import Progress
from napari_piximi.segment.annotated import Piece
from napari_piximi.segment.catalog import thinned
from napari_piximi.segment.room import Room, opened_room
from napari_piximi.segment.unet_targets import classes_of

__all__ = ["MEMORY_BUDGET", "Scene", "normal", "opened_scenes", "percentiles", "scene_labels"]

Floats = NDArray[np.float32]

MEMORY_BUDGET = 2**30
"""Bytes of planes and targets that are kept in memory; the rest lies in temporary files."""

ROWS = 1024
RIM = 64
"""Rows around a strip that are painted too, so that an object is seen in all."""

LIMITS = (-1.0, 5.0)
"""Pixels far outside of the percentiles, such as hot ones, are drawn in to these."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A piece, opened.

    Attributes
    ----------
    piece : Piece
    pixels : (Y, X, C) array
        Of its region, as the file has them; C are the chosen channels.
    low, high : (C,) float32 arrays
        What becomes 0 and 1.
    targets : (Y, X) uint8 array
        Inside, border, outside.
    """

    piece: Piece
    pixels: NDArray[Any]
    low: Floats
    high: Floats
    targets: NDArray[np.uint8]


def percentiles(sample: NDArray[Any], settings: UNetSettings) -> tuple[Floats, Floats]:
    """Find what becomes 0 and what becomes 1 in each channel of a plane.

    Parameters
    ----------
    sample : (Y, X, C) array
        The plane, or a large one :func:`~napari_piximi.segment.catalog.thinned`. Pixels that
        are NaN or infinite do not count.
    """
    values = np.asarray(sample).reshape(-1, sample.shape[2])
    if values.dtype.kind == "f":
        values = values[np.isfinite(values).all(axis=1)]
    low, high = np.percentile(values, (settings.low, settings.high), axis=0)
    return low.astype(np.float32), high.astype(np.float32)


def normal(pixels: NDArray[Any], low: Floats, high: Floats) -> Floats:
    """Bring pixels (…, C) to 0 at `low` and 1 at `high`; a channel without contrast to 0."""
    spread = high - low
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
    scaled: Floats = (pixels.astype(np.float32) - low) * scale
    return scaled.clip(*LIMITS)


@contextmanager
def opened_scenes(
    pieces: Sequence[Piece], settings: UNetSettings, channels: Sequence[int], progress: Progress
) -> Iterator[list[Scene]]:
    """Read planes and paint their targets; what is beyond the budget goes to temporary files.

    Planes that are memory maps stay where they are.

    Raises
    ------
    SegmentError
        If an image has NaN or infinite pixels, or an annotation does not lie in its image.
    Cancelled
        If `progress` raises it.
    """
    with opened_room(MEMORY_BUDGET) as room:
        scenes = []
        for number, piece in enumerate(pieces):
            progress(number, 0, f"Reading {piece.image.name}")
            scenes.append(_scene(piece, settings, channels, room))
        try:
            yield scenes
        finally:
            scenes.clear()


def scene_labels(piece: Piece, region: BBox) -> NDArray[np.int32]:
    """Paint the annotations of a part of a plane, cut at its edges, with numbers from 1.

    Parameters
    ----------
    region : (min_row, min_col, max_row, max_col)
        Of the plane.
    """
    top, left, bottom, right = region
    inside = piece.cut(region).annotations
    if not inside:
        return np.zeros((bottom - top, right - left), np.int32)
    boxes = np.array([a.bbox for a in inside])
    (row, col), (end, stop) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    row, col = min(int(row), top), min(int(col), left)
    end, stop = max(int(end), bottom), max(int(stop), right)
    moved = [
        _moved(a, (a.bbox[0] - row, a.bbox[1] - col, a.bbox[2] - row, a.bbox[3] - col))
        for a in inside
    ]
    labels: NDArray[np.int32] = labels_of(moved, (1, end - row, stop - col))[0]
    return labels[top - row : bottom - row, left - col : right - col]


# --- within ------------------------------------------------------------------------------------


def _scene(piece: Piece, settings: UNetSettings, channels: Sequence[int], room: Room) -> Scene:
    plane = read_plane(piece.image.pixels, piece.plane)
    first, count = channels[0], len(channels)
    in_order = list(channels) == list(range(first, first + count))
    chosen = plane[..., first : first + count] if in_order else plane[..., list(channels)]
    _check_numbers(chosen, piece.image.name)
    low, high = percentiles(thinned(chosen), settings)
    top, left, bottom, right = piece.region
    pixels = room.keep(chosen[top:bottom, left:right])
    targets = room.empty(piece.shape, np.uint8)
    for start in range(0, bottom - top, ROWS):
        stop = min(start + ROWS, bottom - top)
        above, below = max(start - RIM, 0), min(stop + RIM, bottom - top)
        labels = scene_labels(piece, (top + above, left, top + below, right))
        targets[start:stop] = classes_of(labels, settings.border)[start - above : stop - above]
    return Scene(piece, pixels, low, high, targets)


def _check_numbers(plane: NDArray[Any], name: str) -> None:
    if plane.dtype.kind != "f":
        return
    for start in range(0, len(plane), ROWS):
        if not np.isfinite(plane[start : start + ROWS]).all():
            raise SegmentError(f"{name!r} has pixels that are NaN or infinite")


def _moved(annotation: Annotation, bbox: BBox) -> Annotation:
    return replace(annotation, bbox=bbox, plane=0)
