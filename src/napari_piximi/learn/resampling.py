"""Piximi's bilinear sampling, bit for bit: TensorFlow's ``crop_and_resize``, corners aligned."""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FULL_BOX", "crop_and_resize", "match_boxes", "pad_to"]

Floats = NDArray[np.float32]
FULL_BOX = (0.0, 0.0, 1.0, 1.0)

BLOCK = 64
"""Samples that are resized at a time: more no longer fit the processor's cache."""

ALIGNMENT = 64
"""Bytes: TensorFlow copies what begins elsewhere."""


def pad_to(plane: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Pad with zeros to at least a size; an odd pixel goes to the bottom and right.

    Parameters
    ----------
    plane : (Y, X, C) array
    height, width : int

    Notes
    -----
    Source: Piximi's `padToMatch`.
    """
    rows, columns = max(height - plane.shape[0], 0), max(width - plane.shape[1], 0)
    if not (rows or columns):
        return plane
    return np.pad(
        plane,
        ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2), (0, 0)),
    )


def match_boxes(
    shape: tuple[int, int], size: tuple[int, int], places: NDArray[np.float64]
) -> Floats:
    """Return the boxes that cut pieces of `size` out of samples of `shape`.

    Parameters
    ----------
    shape, size : (rows, columns)
        Of the samples, and of the network's input.
    places : (N, 2) array
        Where to cut, 0…1 of the free way down and right; 0.5 is the centre.

    Returns
    -------
    (N, 4) float32 array
        min_row, min_col, max_row, max_col as shares of the sample.

    Notes
    -----
    Source: Piximi's `matchedCropPad`. Shares of n are applied to n − 1, so that a cut is
    stretched by a trifle; that is kept, since its models were fitted on such samples.
    """
    ratio = np.minimum(np.array(size, dtype=np.float64) / np.array(shape, dtype=np.float64), 1.0)
    start = (1.0 - ratio) * places
    return np.concatenate([start, start + ratio], axis=1).astype(np.float32)


def crop_and_resize(
    stack: NDArray[Any],
    boxes: Floats | tuple[float, ...],
    size: tuple[int, int],
    backend: str = "numpy",
    divisor: int = 1,
) -> Floats:
    """Sample boxes of images bilinearly, with aligned corners and no smoothing.

    Parameters
    ----------
    stack : (N, Y, X, C) array
    boxes : (N, 4) float32 array, or one box for all
        min_row, min_col, max_row, max_col, where 0 and 1 are the first and last pixel's
        centre. What lies outside is 0.
    size : (rows, columns)
        Of the result.
    backend : str
        ``"tensorflow"`` takes TensorFlow's own operation, which gives the same bits faster.
    divisor : int
        Values are divided by this first, in float32.

    Returns
    -------
    (N, rows, columns, C) float32 array

    Notes
    -----
    Position i lies at ``a (n − 1) + i (b − a) (n − 1) / (m − 1)``, or half-way between a and
    b if m is 1, in float32 in just this order of operations.
    """
    single = np.ndim(boxes) == 1
    if backend == "tensorflow":
        if single and tuple(boxes) == FULL_BOX and _resizes_alike(stack.shape[1:3], size):
            return _whole_with_tensorflow(stack, size, divisor)
        full = np.ascontiguousarray(
            np.broadcast_to(np.asarray(boxes, dtype=np.float32), (len(stack), 4))
        )
        return _with_tensorflow(stack, full, size, divisor)
    result = np.empty((len(stack), *size, stack.shape[-1]), dtype=np.float32)
    step = BLOCK if single else 1
    rows = np.atleast_2d(np.asarray(boxes, dtype=np.float32)).tolist()
    for start in range(0, len(stack), step):
        part = slice(start, start + step)
        scaled = np.divide(stack[part], np.float32(divisor), dtype=np.float32, casting="unsafe")
        result[part] = _resize(scaled, tuple(rows[0 if single else start]), size)
    return result


def _with_tensorflow(
    stack: NDArray[Any], boxes: Floats, size: tuple[int, int], divisor: int
) -> Floats:
    import tensorflow as tf

    # The graphics card's operation may differ in the last bit; this one is Piximi's.
    with tf.device("/CPU:0"):
        indices = np.arange(len(stack), dtype=np.int32)
        scaled = tf.cast(stack, tf.float32)
        scaled = scaled / np.float32(divisor) if divisor != 1 else scaled
        resized: Floats = tf.image.crop_and_resize(scaled, boxes, indices, size).numpy()
    return resized


def _whole_with_tensorflow(stack: NDArray[Any], size: tuple[int, int], divisor: int) -> Floats:
    """Resize by an operation that is three times as fast where it does the very same."""
    import tensorflow as tf

    result = np.empty((len(stack), *size, stack.shape[-1]), dtype=np.float32)
    fits = stack.shape[1:3] == size  # the operation, too, hands on what fits as it is
    room = result if fits else _aligned((min(BLOCK, len(stack)), *stack.shape[1:]))
    with tf.device("/CPU:0"):
        for start in range(0, len(stack), BLOCK):
            part = stack[start : start + BLOCK]
            scaled = room[start : start + BLOCK] if fits else room[: len(part)]
            if divisor == 1:
                np.copyto(scaled, part, casting="unsafe")
            else:
                np.divide(part, np.float32(divisor), out=scaled, casting="unsafe")
            if not fits:
                result[start : start + BLOCK] = tf.raw_ops.ResizeBilinear(
                    images=tf.experimental.dlpack.from_dlpack(scaled.__dlpack__()),  # no copy
                    size=_sizes(size),
                    align_corners=True,
                    half_pixel_centers=False,
                )
    return result


@lru_cache(maxsize=64)
def _sizes(size: tuple[int, int]) -> Any:  # noqa: ANN401
    """Return a size as TensorFlow takes it without converting it each time."""
    import tensorflow as tf

    return tf.constant(size)


def _aligned(shape: tuple[int, ...]) -> Floats:
    """Return new memory that begins where TensorFlow can use it as it lies."""
    count = math.prod(shape)
    room = np.empty(count + ALIGNMENT // 4, np.float32)
    skipped = -room.ctypes.data % ALIGNMENT // 4
    return room[skipped : skipped + count].reshape(shape)


@lru_cache(maxsize=4096)
def _resizes_alike(shape: tuple[int, int], size: tuple[int, int]) -> bool:
    """Tell whether resizing with aligned corners samples where a crop of all does.

    A single row lies at the top instead of half-way, and where rounding puts a crop's last
    position past the end, there is no 0.
    """
    return min(size) > 1 and not any(
        _positions(length, count, *FULL_BOX[1:3])[3].any()
        for length, count in zip(shape, size, strict=True)
    )


@lru_cache(maxsize=4096)
def _positions(
    length: int, count: int, start: float, stop: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, NDArray[np.bool_]]:
    """Return the lower and upper neighbour, the share of the upper, and who lies outside."""
    first, last, end = np.float32(start), np.float32(stop), np.float32(length - 1)
    if count > 1:
        step = (last - first) * end / np.float32(count - 1)
        at = first * end + np.arange(count, dtype=np.float32) * step
    else:
        at = np.array([0.5 * float(first + last) * float(end)], dtype=np.float32)
    outside = (at < 0) | (at > end)
    at = np.where(outside, np.float32(0), at)
    low = np.floor(at)
    return low.astype(np.intp), np.ceil(at).astype(np.intp), at - low, outside


def _resize(stack: Floats, box: tuple[float, ...], size: tuple[int, int]) -> Floats:
    """Interpolate along X once per source row, then along Y: the same operations, fewer times."""
    top, left, bottom, right = box
    low, high, share, outside_x = _positions(stack.shape[2], size[1], left, right)
    near, far = stack[:, :, low], stack[:, :, high]
    rows = near + (far - near) * share[:, None]
    low, high, share, outside_y = _positions(stack.shape[1], size[0], top, bottom)
    near, far = rows[:, low], rows[:, high]
    result: Floats = near + (far - near) * share[:, None, None]
    result[:, outside_y] = 0
    result[:, :, outside_x] = 0
    return result
