"""Parts of a plane in a bundle that is too large to be read as a whole without need."""

import math
from contextlib import ExitStack
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io._zarr import StoredArray
from napari_piximi.io.disk import open_stack, stays_on_disk

__all__ = ["Bands", "is_banded"]

BAND = 128 << 20
"""Bytes of one of them."""
KEPT = 3
"""Bands in memory: those that the objects of a row of tiles lie on."""
TURNS = 4
"""How often each may be read; by then the order is none that bands are good for."""


def is_banded(pixels: object) -> TypeGuard[StoredArray]:
    """Tell whether :class:`Bands` can read it, and whether that is worth it."""
    return stays_on_disk(pixels) and pixels.stored_shape[0] == 1


class Bands:
    """A plane of a bundle, of which only some bands of rows are in memory.

    Parameters
    ----------
    pixels : StoredArray
        For which :func:`is_banded` holds.
    stack : ExitStack
        Closes the bundle.

    Raises
    ------
    BundleError
        If the plane is damaged, or the bundle has changed.
    """

    def __init__(self, pixels: StoredArray, stack: ExitStack) -> None:
        disk = stack.enter_context(open_stack(pixels))
        self._pixels, self._plane = pixels, disk[0]
        self._rows, *row = pixels.stored_shape[1:]
        self._high = max(BAND // (math.prod(row) * pixels.dtype.itemsize), 1)
        self._reads = 0
        self._kept: dict[int, NDArray[np.float32]] = {}
        self._whole: NDArray[np.float32] | None = None

    def part(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.float32]:
        """Return pixels, (1, rows, columns, channels)."""
        first, last = top // self._high, (bottom - 1) // self._high
        bands = [self._band(number) for number in range(first, last + 1)]
        rows = [
            band[max(top - at, 0) : max(bottom - at, 0), left:right]
            for at, band in zip(range(first * self._high, bottom, self._high), bands, strict=True)
        ]
        return np.concatenate(rows)[np.newaxis]

    def _band(self, number: int) -> NDArray[np.float32]:
        if number not in self._kept:
            if len(self._kept) == KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[number] = self._read(number)
        return self._kept[number]

    def _read(self, number: int) -> NDArray[np.float32]:
        top = number * self._high
        if self._whole is None and self._reads > TURNS * -(-self._rows // self._high):
            self._whole = np.asarray(self._pixels)[0]
        if self._whole is not None:
            return self._whole[top : top + self._high]
        self._reads += 1
        return np.asarray(self._plane[top : top + self._high])
