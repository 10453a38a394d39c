"""The shape of things, from many masks at once; names and values are those of regionprops."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHAPE_FEATURES", "shape_table"]

Doubles = NDArray[np.float64]

SHAPE_FEATURES = (
    "area",
    "extent",
    "equivalent_diameter_area",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "perimeter",
    "form_factor",
    "bbox_rows",
    "bbox_columns",
    "width_min",
    "width_max",
    "hull_fill",
)
"""Lengths and areas in pixels. ``form_factor`` is 4π area / perimeter², ``width_min`` and
``width_max`` are the distances of parallel lines that just touch the pixels' corners, and
``hull_fill`` is the share of the area between such lines, at 32 angles, that the thing fills."""

DIRECTIONS = 32


def shape_table(masks: NDArray[np.bool_]) -> Doubles:
    """Measure shapes.

    Parameters
    ----------
    masks : (N, Y, X) boolean array
        One thing in each; where it lies does not matter. An empty one gives zeros.

    Returns
    -------
    (N, 13) float64 array
        Columns as :data:`SHAPE_FEATURES`.

    Notes
    -----
    Sources: scikit-image's ``regionprops``; the perimeter of Benkrid and Crookes (4
    neighbours); the form factor of CellProfiler.
    """
    masks = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    area = masks.sum(axis=(1, 2), dtype=np.float64)
    rows = _span(np.asarray(masks.any(axis=2)))
    columns = _span(np.asarray(masks.any(axis=1)))
    major, minor = _axes(masks, area)
    perimeter = _perimeter(masks)
    widths, hull = _widths(masks)
    table = np.stack(
        [
            area,
            _ratio(area, rows * columns),
            np.sqrt(4 * area / np.pi),
            major,
            minor,
            np.sqrt(1 - _ratio(minor**2, major**2)) * (major > 0),
            perimeter,
            _ratio(4 * np.pi * area, perimeter**2),
            rows,
            columns,
            widths.min(axis=1),
            widths.max(axis=1),
            _ratio(area, hull),
        ],
        axis=1,
    )
    return np.where(area[:, None] > 0, table, 0.0)


def _ratio(part: Doubles, whole: Doubles) -> Doubles:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _span(any_inside: NDArray[np.bool_]) -> Doubles:
    """Return the distance from the first to the last True, both included."""
    first = any_inside.argmax(axis=1)
    last = any_inside.shape[1] - any_inside[:, ::-1].argmax(axis=1)
    return np.asarray(last - first, dtype=np.float64)


def _axes(masks: NDArray[np.bool_], area: Doubles) -> tuple[Doubles, Doubles]:
    """Return the axes of the ellipse with the same second moments."""
    _, height, width = masks.shape
    # Around the middle of the frame, so that nothing large is subtracted from its like.
    y, x = np.arange(height) - height / 2, np.arange(width) - width / 2
    in_rows, in_columns = masks.sum(axis=2, dtype=np.float64), masks.sum(axis=1, dtype=np.float64)
    count = np.maximum(area, 1)
    mean_y, mean_x = in_rows @ y / count, in_columns @ x / count
    yy, xx = in_rows @ y**2 / count - mean_y**2, in_columns @ x**2 / count - mean_x**2
    along = masks.astype(np.float32) @ x.astype(np.float32)
    xy = along.astype(np.float64) @ y / count - mean_x * mean_y
    half, apart = (yy + xx) / 2, np.sqrt((yy - xx) ** 2 / 4 + xy**2)
    return 4 * np.sqrt(half + apart), 4 * np.sqrt(np.maximum(half - apart, 0))


def _perimeter(masks: NDArray[np.bool_]) -> Doubles:
    """Add up the border pixels' lengths, which follow from their neighbours on the border.

    The masks have a frame of background.
    """
    border = masks.copy()
    inner = border[:, 1:-1, 1:-1]
    inner &= ~(masks[:, :-2, 1:-1] & masks[:, 2:, 1:-1] & masks[:, 1:-1, :-2] & masks[:, 1:-1, 2:])
    ones = border.view(np.uint8)
    beside = ones[:, :-2, 1:-1] + ones[:, 2:, 1:-1] + ones[:, 1:-1, :-2] + ones[:, 1:-1, 2:]
    slanted = ones[:, :-2, :-2] + ones[:, 2:, 2:] + ones[:, 2:, :-2] + ones[:, :-2, 2:]
    code = (1 + 2 * beside + 10 * slanted) * ones[:, 1:-1, 1:-1]
    lengths = np.zeros(50)
    lengths[[5, 7, 15, 17, 25, 27]] = 1
    lengths[[21, 33]] = np.sqrt(2)
    lengths[[13, 23]] = (1 + np.sqrt(2)) / 2
    return np.asarray(lengths[code].sum(axis=(1, 2)))


def _widths(masks: NDArray[np.bool_]) -> tuple[Doubles, Doubles]:
    """Return the widths (N, 16) across, and the area of the polygon that 32 lines cut out."""
    count, height, width = masks.shape
    inside = np.asarray(masks.any(axis=2))
    left, right = masks.argmax(axis=2), width - masks[:, :, ::-1].argmax(axis=2)
    angles = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    reach = np.empty((count, DIRECTIONS))
    for i, (cosine, sine) in enumerate(zip(np.cos(angles), np.sin(angles), strict=True)):
        # The outermost corner of each row's outermost pixel in this direction.
        across = (right if cosine > 0 else left) * cosine
        down = (np.arange(height) + (sine > 0)) * sine
        reach[:, i] = np.where(inside, across + down, -np.inf).max(axis=1)
    reach[~inside.any(axis=1)] = 0
    half = DIRECTIONS // 2
    delta = 2 * np.pi / DIRECTIONS
    sides = np.roll(reach, 1, axis=1) + np.roll(reach, -1, axis=1)
    sides = (sides - 2 * np.cos(delta) * reach) / np.sin(delta)
    # A line that only touches a corner beyond its neighbours' has no side.
    area = (reach * np.maximum(sides, 0)).sum(axis=1) / 2
    return reach[:, :half] + reach[:, half:], area
