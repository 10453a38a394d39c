"""What a segmenter finds on one plane: boxes and masks, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_piximi.errors import SegmentError
from napari_piximi.model import masks
from napari_piximi.model.labels import objects_of
from napari_piximi.model.stretches import paint

__all__ = [
    "Found",
    "found_boxes",
    "found_labels",
    "joined",
    "off_the_edge",
    "painted",
    "shifted",
    "taken",
]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Objects on one plane; they may overlap.

    Attributes
    ----------
    boxes : (N, 4) int64 array
        min_row, min_col, max_row, max_col.
    runs : tuple of N bytes
        Masks over the boxes; see :mod:`napari_piximi.model.masks`.
    scores : (N,) float32 array or None
        How sure the segmenter is, 0…1, where it tells.
    classes : tuple of N str
        What each object is, where the segmenter tells one sort from another; else empty.
    """

    boxes: NDArray[np.int64]
    runs: tuple[bytes, ...]
    scores: NDArray[np.float32] | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {len(self.boxes), len(self.runs)}
        if self.scores is not None:
            lengths.add(len(self.scores))
        if self.classes:
            lengths.add(len(self.classes))
        if self.boxes.ndim != 2 or self.boxes.shape[1] != 4 or len(lengths) > 1:
            raise SegmentError(f"Columns of objects do not fit each other: {self.boxes.shape}")

    def __len__(self) -> int:
        return len(self.runs)


def found_labels(labels: NDArray[np.integer], scores: ArrayLike | None = None) -> Found:
    """Take the objects out of labels.

    Parameters
    ----------
    labels : (Y, X) integer array
        0 is background.
    scores : sequence of float, optional
        Of each label that occurs, in ascending order of labels.
    """
    _, _, boxes, runs = objects_of(labels[np.newaxis])
    told = None if scores is None else np.asarray(scores, np.float32)
    return Found(np.array(boxes, np.int64).reshape(-1, 4), tuple(runs), told)


def found_boxes(
    boxes: ArrayLike, scores: ArrayLike | None = None, classes: Sequence[str] = ()
) -> Found:
    """Make objects that fill their boxes.

    Parameters
    ----------
    boxes : (N, 4) integer array
        min_row, min_col, max_row, max_col.
    """
    corners = np.asarray(boxes, np.int64).reshape(-1, 4)
    runs = tuple(
        masks.full(bottom - top, right - left) for top, left, bottom, right in corners.tolist()
    )
    told = None if scores is None else np.asarray(scores, np.float32)
    return Found(corners, runs, told, tuple(classes))


def shifted(found: Found, top: int, left: int) -> Found:
    """Move objects down and right, as from a region to its image."""
    corners = found.boxes + np.array((top, left, top, left))
    return Found(corners, found.runs, found.scores, found.classes)


def taken(found: Found, which: NDArray[np.bool_] | NDArray[np.integer]) -> Found:
    """Take some objects.

    Parameters
    ----------
    found : Found
    which : (N,) boolean array, or integer array
        Which of them, or their numbers, in the order that they get.
    """
    numbers = np.arange(len(found))[which]
    chosen = numbers.tolist()
    return Found(
        found.boxes[numbers],
        tuple(found.runs[number] for number in chosen),
        None if found.scores is None else found.scores[numbers],
        tuple(found.classes[number] for number in chosen) if found.classes else (),
    )


def off_the_edge(found: Found, shape: tuple[int, ...]) -> Found:
    """Take the objects that do not touch the edge of their plane.

    Parameters
    ----------
    shape : (Y, X, …)
        Of the plane.
    """
    inside = (found.boxes[:, :2] > 0) & (found.boxes[:, 2:] < np.array(shape[:2]))
    return taken(found, np.flatnonzero(inside.all(axis=1)))


def joined(parts: Sequence[Found]) -> Found:
    """Put what was found in several places one after the other.

    Raises
    ------
    SegmentError
        If only some of them have scores, or classes.
    """
    parts = [part for part in parts if len(part)] or list(parts[:1])
    if not parts:
        return Found(np.zeros((0, 4), np.int64), ())
    scores = [part.scores for part in parts if part.scores is not None]
    classes = [part.classes for part in parts if part.classes]
    if len(scores) not in (0, len(parts)) or len(classes) not in (0, len(parts)):
        raise SegmentError("Only some of the parts have scores or classes")
    return Found(
        np.concatenate([part.boxes for part in parts]),
        tuple(run for part in parts for run in part.runs),
        np.concatenate(scores) if scores else None,
        tuple(name for names in classes for name in names),
    )


def painted(found: Found, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Paint objects with the numbers 1, 2, … in order, later ones over earlier ones.

    Parameters
    ----------
    shape : (Y, X)

    Returns
    -------
    (Y, X) int32 array

    Raises
    ------
    SegmentError
        If an object does not lie inside.
    """
    if len(found) and (found.boxes.min() < 0 or (found.boxes[:, 2:].max(axis=0) > shape).any()):
        raise SegmentError(f"Objects do not lie in a plane of {shape[0]} × {shape[1]} pixels")
    labels: NDArray[np.int32] = np.zeros((1, *shape), np.int32)
    boxes = np.concatenate([np.zeros((len(found), 1), np.int64), found.boxes], axis=1)
    paint(labels, boxes, found.runs, np.arange(1, len(found) + 1))
    return labels.reshape(shape)
