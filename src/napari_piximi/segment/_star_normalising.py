"""Percentile normalisation as StarDist's networks were fitted with, and enlarging."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io.disk import PlanePixels

__all__ = ["normalised", "normalised_tile", "percentiles"]

_ROWS = 256
_WHOLE = 2**27
_TINY = np.float32(1e-20)


def percentiles(pixels: PlanePixels, low: float, high: float) -> tuple[np.float32, np.float32]:
    """Return two percentiles of all channels together.

    Parameters
    ----------
    pixels : (Y, X, C) array
        Integers are counted strip by strip. Of more than 2²⁷ floating-point values every
        n-th row is looked at.
    low, high : float
        0…100.

    Returns
    -------
    float32, float32
        As ``numpy.percentile`` has them, interpolated linearly.
    """
    if pixels.dtype.kind not in "iu" or pixels.dtype.itemsize > 2:
        every = -(-pixels.size // _WHOLE)
        found = np.percentile(pixels[::every], (low, high))
        return np.float32(found[0]), np.float32(found[1])
    lowest = int(np.iinfo(pixels.dtype).min)
    counts = np.zeros(int(np.iinfo(pixels.dtype).max) - lowest + 1, np.int64)
    for start in range(0, len(pixels), _ROWS):
        strip = np.asarray(pixels[start : start + _ROWS]).ravel().astype(np.int64)
        counts += np.bincount(strip - lowest, minlength=len(counts))
    ranks = np.cumsum(counts)
    return _ranked(ranks, low, lowest), _ranked(ranks, high, lowest)


def _ranked(ranks: NDArray[np.int64], percent: float, lowest: int) -> np.float32:
    place = percent / 100 * (int(ranks[-1]) - 1)
    below = int(place)
    values = np.searchsorted(ranks, (below, min(below + 1, int(ranks[-1]) - 1)), side="right")
    one, other = (float(value + lowest) for value in values)
    return np.float32(one + (other - one) * (place - below))


def normalised(pixels: NDArray[Any], limits: tuple[np.float32, np.float32]) -> NDArray[np.float32]:
    """Map the lower percentile to 0, the upper to 1; nothing is clipped."""
    low, high = limits
    return (pixels.astype(np.float32) - low) / (high - low + _TINY)


def normalised_tile(
    pixels: PlanePixels,
    limits: tuple[np.float32, np.float32],
    shape: tuple[int, int],
    rows: slice,
    cols: slice,
) -> NDArray[np.float32]:
    """Cut a tile out of an image that is normalised, then enlarged; the whole is not made.

    Parameters
    ----------
    pixels : (Y, X, C) array
    limits : float32, float32
        As for :func:`normalised`.
    shape : (rows, columns)
        Of the enlarged image; that of `pixels` for none.
    rows, cols : slice
        Of the enlarged image.

    Returns
    -------
    (rows, columns, C) float32 array
        Bilinear, corner on corner, as ``scipy.ndimage.zoom(…, order=1)``, which the package uses.
    """
    if pixels.shape[:2] == shape:
        return normalised(np.asarray(pixels[rows, cols]), limits)
    above, below, down = _between(pixels.shape[0], shape[0], rows)
    left, right, across = _between(pixels.shape[1], shape[1], cols)
    top, first = int(above[0]), int(left[0])
    part = normalised(np.asarray(pixels[top : below[-1] + 1, first : right[-1] + 1]), limits)
    upper, lower = part[above - top], part[below - top]
    down, across = down[:, None, None], across[None, :, None]
    lines = upper * (1 - down) + lower * down
    return np.asarray(lines[:, left - first] * (1 - across) + lines[:, right - first] * across,
                      np.float32)  # fmt: skip


def _between(
    before: int, after: int, chosen: slice
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    places = np.arange(chosen.start, chosen.stop) * ((before - 1) / max(after - 1, 1))
    low = np.minimum(places.astype(np.int64), before - 1)
    return low, np.minimum(low + 1, before - 1), places - low
