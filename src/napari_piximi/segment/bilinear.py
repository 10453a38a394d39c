"""Images made larger or smaller as TensorFlow's ``ResizeBilinear`` does it by default."""

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io.disk import PlanePixels

__all__ = ["resized", "resized_mask"]

Floats = NDArray[np.float32]
BLOCK = 512
"""Rows that are computed at a time."""


def resized(pixels: PlanePixels, shape: tuple[int, int], rows: slice = slice(None)) -> Floats:
    """Resize an image: corners are not aligned, and there are no half pixels.

    Only the pixels that count are read, so that the image may be larger than memory.

    Parameters
    ----------
    pixels : (Y, X, C) array
    shape : (rows, columns)
    rows : slice
        Compute these rows only.

    Returns
    -------
    (rows, columns, C) float32 array
        Row `i` of all lies at row ``i * Y / rows`` of the image, between two of its rows.

    Notes
    -----
    Source: ``resizeBilinear`` of TensorFlow.js without options, which is what Piximi calls, and
    ``tf.compat.v1.image.resize_bilinear``, in whose order of float32 operations this computes.
    """
    above, below, down = _steps(pixels.shape[0], shape[0])
    left, right, across = _steps(pixels.shape[1], shape[1])
    # Where an image is made larger, each of its rows is asked for many times.
    read, places = np.unique([above[rows], below[rows]], return_inverse=True)
    wide = _between(pixels, read, left, right, across[:, np.newaxis])
    upper, lower = places.reshape(2, -1)
    return _lerp(wide[upper], wide[lower], down[rows][:, np.newaxis, np.newaxis])


def resized_mask(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Resize a mask in the same way: inside is where more than half of what is around is.

    Parameters
    ----------
    mask : (Y, X) bool array
    shape : (rows, columns)
        May be as large as memory holds.

    Returns
    -------
    (rows, columns) bool array
    """
    larger = np.empty(shape, bool)
    for start in range(0, shape[0], BLOCK):
        rows = slice(start, start + BLOCK)
        larger[rows] = resized(mask[..., np.newaxis], shape, rows)[..., 0] > 0.5
    return larger


def _steps(length: int, count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Return, for each place, the pixels around it, and its way from the first to the second."""
    places = np.arange(count, dtype=np.float32) * np.float32(length / np.float32(count))
    first = np.minimum(np.floor(places).astype(np.intp), length - 1)
    return first, np.minimum(first + 1, length - 1), np.asarray(places - first, np.float32)


def _between(
    pixels: PlanePixels,
    rows: NDArray[np.intp],
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    across: Floats,
) -> Floats:
    first = pixels[np.ix_(rows, left)].astype(np.float32)
    return _lerp(first, pixels[np.ix_(rows, right)].astype(np.float32), across)


def _lerp(first: Floats, second: Floats, share: Floats) -> Floats:
    return np.asarray(first + (second - first) * share, np.float32)
