"""Pixels in files of a session of our own, so that they need no memory and survive a crash."""

import math
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from napari_piximi.errors import RecoveryError
from napari_piximi.io._replace import sync_folder

__all__ = ["FilePixels", "Scratch"]

VERSION = (1, 0)
BLOCK = 16 << 20
MAPPED = 16 << 20
"""Bytes from which on arrays are mapped."""


@dataclass(frozen=True, slots=True, eq=False)
class FilePixels:
    """Pixels in an ``.npy`` file, read anew each time; read-only.

    Large ones are mapped into memory, so that only what is looked at is read. The system keeps
    such a file open as long as the array lives. Another process may read them too.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        Z, Y, X, C.
    dtype : numpy.dtype
    offset : int
        Byte at which this array begins, where the file holds several, each as an ``.npy``.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int = 0

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        """Read it.

        Raises
        ------
        RecoveryError
            If the file has gone, or does not hold this array.
        """
        return np.array(self._read(), dtype=dtype, copy=True if copy else None)

    def _read(self) -> NDArray[Any]:
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                if npy.read_magic(file) != VERSION:
                    raise ValueError("it is no array of ours")
                found = npy.read_array_header_1_0(file)
                if found != (self.shape, False, self.dtype):
                    raise ValueError(f"it holds another array, {found[0]} {found[2]}")
                return self._read_values(file)
        except (OSError, ValueError) as error:
            trouble = error.strerror if isinstance(error, OSError) else error
            raise RecoveryError(
                f"{self.path}: the pixels kept there cannot be read ({trouble}); "
                "add the image they came from again"
            ) from error

    def _read_values(self, file: BinaryIO) -> NDArray[Any]:
        count = math.prod(self.shape)
        if count * self.dtype.itemsize >= MAPPED:
            return np.memmap(file, self.dtype, "r", file.tell(), self.shape)
        values = np.fromfile(file, self.dtype, count)
        if values.size != count:
            raise ValueError("it was cut short")
        values.flags.writeable = False
        return values.reshape(self.shape)


class Scratch:
    """A folder that takes pixels.

    Parameters
    ----------
    folder : Path
        Exists already; whoever made it removes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, array: NDArray[Any]) -> FilePixels:
        """Write an array, durably, and return pixels that read it. May be called in any thread.

        Parameters
        ----------
        array : (Z, Y, X, C) array

        Raises
        ------
        RecoveryError
            If it cannot be written, as on a full disk.
        ValueError
            If the array does not hold numbers.
        """
        return self.put_all([array])[0]

    def put_all(self, arrays: Iterable[NDArray[Any]]) -> list[FilePixels]:
        """Write several arrays into one file. See :meth:`put`."""
        path = self.folder / f"pixels-{token_hex(8)}.npy"
        try:
            with path.open("xb") as file:
                written = [_write(array, file, path) for array in arrays]
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self.folder)
        except BaseException as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            if isinstance(error, OSError) and not isinstance(error, RecoveryError):
                reason = error.strerror or error
                raise RecoveryError(f"{path}: pixels could not be kept ({reason})") from error
            raise
        return written


def _write(array: NDArray[Any], file: BinaryIO, path: Path) -> FilePixels:
    """Append an array to a file; its bytes go in blocks, during which other threads may run."""
    if array.dtype.kind not in "biuf":
        raise ValueError(f"pixels of type {array.dtype} are no numbers")
    start, whole = file.tell(), np.ascontiguousarray(array)
    facts = {"descr": npy.dtype_to_descr(whole.dtype), "fortran_order": False, "shape": array.shape}
    npy.write_array_header_1_0(file, facts)
    data = whole.reshape(-1).view(np.uint8).data
    for at in range(0, len(data), BLOCK):
        file.write(data[at : at + BLOCK])
    return FilePixels(path, array.shape, whole.dtype, start)
