"""Parts of a plane in a bundle that is too large to be read as a whole without need."""

import zlib
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import BundleError
from napari_piximi.io._source import ZipSource, packed_blocks
from napari_piximi.io._zarr import StoredArray
from napari_piximi.io._zip import STORED

__all__ = ["Bands", "is_banded"]

LARGE = 512 << 20
"""Bytes from which on a plane is read in bands."""
BAND = 128 << 20
"""Bytes of one of them."""
KEPT = 3
"""Bands in memory: those that the objects of a row of tiles lie on."""
TURNS = 4
"""How often each may be read; by then the order is none that bands are good for."""


def is_banded(pixels: object) -> bool:
    """Tell whether :class:`Bands` can read it, and whether that is worth it."""
    return (
        isinstance(pixels, StoredArray)
        and pixels.simple
        and pixels.plane is None
        and len(pixels.stored_shape) == 4
        and pixels.stored_shape[0] == 1
        and isinstance(pixels.source, ZipSource)
        and pixels.chunks[0].method == STORED
        and pixels.chunks[0].size > LARGE
    )


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
        self._pixels, self._member = pixels, pixels.chunks[0]
        _, self._rows, columns, channels = pixels.stored_shape
        self._row = (columns, channels)
        self._bytes = columns * channels * pixels.dtype.itemsize
        self._high = max(BAND // self._bytes, 1)
        source = pixels.source
        assert isinstance(source, ZipSource)
        self._file = stack.enter_context(source.open())
        crc = 0
        for block in packed_blocks(self._file, self._member, source.path):
            crc = zlib.crc32(block, crc)
        if crc != self._member.crc or self._member.size != self._rows * self._bytes:
            raise self._damaged()
        self._start = self._file.tell() - self._member.size
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
        size = min(self._high, self._rows - top) * self._bytes
        self._file.seek(self._start + top * self._bytes)
        data = self._file.read(size)
        if len(data) != size:
            raise self._damaged()
        return np.frombuffer(data, self._pixels.dtype).reshape(-1, *self._row)

    def _damaged(self) -> BundleError:
        where = f"{self._pixels.source.path}: {self._member.name}"
        return BundleError(f"{where} is damaged (its checksum is wrong)")
