"""How far each pixel is from the background."""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Again", "nothing", "squared_distances"]

Again = Callable[[], None]
"""Called now and then by what may take long; may raise Cancelled."""

REACH = 64
FAR = 2 * REACH


def nothing() -> None:
    """Do nothing."""


def squared_distances(mask: NDArray[np.bool_], again: Again = nothing) -> NDArray[np.int64]:
    """Measure the squared Euclidean distance to the nearest pixel of the background.

    The square of :func:`scipy.ndimage.distance_transform_edt`. Several times as fast where all
    objects are small: the distance along the column first, then the best of what the pixels of
    the same row can offer, one step aside after the other (as in Felzenszwalb and Huttenlocher,
    2012, by brute force). Where something is more than 128 pixels wide, scipy does it.

    Parameters
    ----------
    mask : (Y, X) boolean array
        With some background in it. What is beyond it does not count as background.
    again : callable

    Returns
    -------
    (Y, X) int64 array
    """
    width = mask.shape[1]
    squares = np.full((mask.shape[0], width + 2 * REACH), FAR * FAR, np.uint16)
    squares[:, REACH : REACH + width] = _along_columns(mask) ** 2
    best = squares[:, REACH : REACH + width].copy()
    offer = np.empty_like(best)
    for step in range(1, REACH + 1):
        again()
        if int(best.max(initial=0)) <= step * step:
            return best.astype(np.int64)
        left, right = REACH - step, REACH + step
        np.minimum(squares[:, left : left + width], squares[:, right : right + width], out=offer)
        offer += np.uint16(step * step)
        np.minimum(best, offer, out=best)
    return _by_scipy(mask)


def _along_columns(mask: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Measure distances within each column, at most :data:`FAR`."""
    steps = mask * np.uint16(FAR)
    for rows in (steps, steps[::-1]):
        for before, row in itertools.pairwise(rows):
            np.minimum(row, before + np.uint16(1), out=row)
    return steps


def _by_scipy(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    from scipy import ndimage

    rows, cols = np.nonzero(mask)
    near = ndimage.distance_transform_edt(mask, return_distances=False, return_indices=True)
    squares = np.zeros(mask.shape, np.int64)
    squares[mask] = (near[0][mask] - rows) ** 2 + (near[1][mask] - cols) ** 2
    return squares
