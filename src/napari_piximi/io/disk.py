"""Large images of a bundle that stay on the disk: what is looked at is read, and nothing else."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeGuard

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import BundleError
from napari_piximi.io._zarr import StoredArray
from napari_piximi.model.things import Pixels

__all__ = ["DiskPlane", "DiskStack", "PlanePixels", "open_stack", "stays_on_disk"]

LARGE = 512 << 20
"""Bytes from which on an image is not read as a whole."""
TOGETHER = 4 << 20
"""Bytes of whole rows that are read in one go."""


def stays_on_disk(pixels: object) -> TypeGuard[StoredArray]:
    """Tell whether pixels are large, and lie in a bundle so that parts of them can be read."""
    return (
        isinstance(pixels, StoredArray)
        and pixels.simple
        and pixels.plane is None
        and len(pixels.stored_shape) == 4
        and pixels.chunks[0].size > LARGE
    )


@contextmanager
def open_stack(pixels: Pixels) -> "Iterator[NDArray[Any] | DiskStack]":
    """Open an image: in memory, or on the disk where it is large and can stay there.

    Parameters
    ----------
    pixels : Pixels
        (Z, Y, X, C).

    Yields
    ------
    (Z, Y, X, C) array or DiskStack
        Of which planes are taken by their number. Nothing of it may be taken later.

    Raises
    ------
    PiximiError, OSError
        If it cannot be read; of what stays on the disk, too, if it is damaged. What a zip holds
        deflated is unpacked into a temporary file, for which there may be no room.
    """
    if stays_on_disk(pixels):
        with pixels.source.open_member(pixels.chunks[0]) as file:
            yield DiskStack(pixels, file)
    else:
        yield np.asarray(pixels)


class DiskStack:
    """The planes of an image that stays in its bundle.

    Parameters
    ----------
    pixels : StoredArray
        For which :func:`stays_on_disk` holds.
    file : BinaryIO
        Not buffered, where the pixels begin.

    Raises
    ------
    BundleError
        If their size is not that of the shape.
    """

    def __init__(self, pixels: StoredArray, file: BinaryIO) -> None:
        self._file = _File(pixels, file)
        self._planes, self._shape = pixels.stored_shape[0], pixels.stored_shape[1:]

    def __len__(self) -> int:
        return self._planes

    def __getitem__(self, number: int) -> "DiskPlane":
        place = range(self._planes)[number]
        rows, columns, channels = self._shape
        return DiskPlane(self._file, place, (rows, columns, channels), range(channels))


class DiskPlane:
    """A plane that stays in its bundle: slices of it are read when they are taken.

    As an array, it is cut along rows and columns, ``plane[rows]`` and ``plane[rows, columns]``,
    each a slice or, as :func:`numpy.ix_` makes them, whole numbers. That gives an array.
    ``plane[..., channels]``, with a slice or a number, gives a plane that stays on the disk too.
    """

    def __init__(
        self,
        file: "_File",
        place: int,
        stored: tuple[int, int, int],
        channels: range | int,
    ) -> None:
        self._file = file
        self._place = place
        self._stored = stored
        self._channels = channels
        self.dtype = file.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns and, unless one of them was taken, channels."""
        several = () if isinstance(self._channels, int) else (len(self._channels),)
        return (*self._stored[:2], *several)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self._stored[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        """Read all of it."""
        if copy is False:
            raise ValueError("What lies on the disk cannot be had without a copy")
        whole: NDArray[Any] = self[:]
        return whole.astype(dtype or self.dtype, copy=False)

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401
        """Return a part that is read, or channels that are not.

        Raises
        ------
        BundleError
            If the file ends before the pixels do.
        IndexError
            If the key is none of those that are described above.
        """
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) == 2 and keys[0] is Ellipsis and isinstance(self._channels, range):
            return DiskPlane(self._file, self._place, self._stored, self._channels[keys[1]])
        if len(keys) > 2 or not all(isinstance(one, slice | np.ndarray) for one in keys):
            raise IndexError(f"A plane on the disk cannot be cut by {key!r}")
        if len(keys) == 2 and all(isinstance(one, np.ndarray) and one.ndim == 1 for one in keys):
            raise IndexError("A plane on the disk is cut along rows and columns, not at points")
        along = keys if len(keys) == 2 else (*keys, slice(None))
        rows, columns = map(_numbers, along, self._stored[:2])
        return self._read(rows, columns)

    def _read(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[Any]:
        part = np.empty((rows.size, columns.size, *self.shape[2:]), self.dtype)
        if not part.size:
            return part
        height, width, depth = self._stored
        first, last = int(columns.min()), int(columns.max()) + 1
        across = _as_slice(columns - first)
        channels = self._channels
        depths = channels if isinstance(channels, int) else _as_slice(np.array(channels))
        whole = isinstance(across, slice) and across.step == 1 and channels == range(depth)
        most = max(TOGETHER // (width * depth * self.dtype.itemsize), 1)
        for done, start, count in _stretches(rows, most if last - first == width else 1):
            at = ((self._place * height + start) * width + first) * depth
            if whole:
                self._file.read(at, part[done : done + count])
                continue
            seen = np.empty((count, last - first, depth), self.dtype)
            self._file.read(at, seen)
            part[done : done + count] = seen[:, across][..., depths]
        return part


PlanePixels = NDArray[Any] | DiskPlane
"""(Y, X, C) or (Y, X) values, to be cut before they are computed with."""


class _File:
    """The values of an array, as they lie in a file one after another."""

    def __init__(self, pixels: StoredArray, file: BinaryIO) -> None:
        member = pixels.chunks[0]
        self.dtype = pixels.dtype
        self._where = f"{pixels.source.path}: {member.name}"
        pixels.check_length(member.size, member)
        self._file, self._start, self._lock = file, file.tell(), threading.Lock()

    def read(self, at: int, values: NDArray[Any]) -> None:
        """Read values that lie together into an array.

        Raises
        ------
        BundleError
            If they are not there any more.
        """
        with self._lock:
            self._file.seek(self._start + at * self.dtype.itemsize)
            size = self._file.readinto(values)  # type: ignore[attr-defined]
        if size != values.nbytes:
            raise BundleError(f"{self._where} was cut off while it was read")


def _numbers(key: "slice | NDArray[np.intp]", length: int) -> NDArray[np.intp]:
    """Return which of so many are meant."""
    if isinstance(key, slice):
        return np.arange(*key.indices(length))
    return np.arange(length)[key.ravel()]


def _as_slice(numbers: NDArray[np.intp]) -> "slice | NDArray[np.intp]":
    """Return a slice that takes the same, which is quicker, where there is one."""
    steps = np.diff(numbers)
    if steps.size and (steps[0] <= 0 or (steps != steps[0]).any()):
        return numbers
    return slice(int(numbers[0]), int(numbers[-1]) + 1, int(steps[0]) if steps.size else 1)


def _stretches(rows: NDArray[np.intp], most: int) -> Iterator[tuple[int, int, int]]:
    """Yield places in `rows`, rows, and how many follow each other from there, up to `most`."""
    ends = np.append(np.flatnonzero(np.diff(rows) != 1) + 1, rows.size)
    start = 0
    for end in ends.tolist():
        for place in range(start, end, most):
            yield place, int(rows[place]), min(most, end - place)
        start = end
