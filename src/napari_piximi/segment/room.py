"""Room for large arrays: memory as long as there is some, then temporary files."""

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Room", "opened_room"]


class Room:
    """Keeps arrays in memory as long as there is some, then in files.

    Parameters
    ----------
    folder : Path
        Takes the files; whoever made it empties it when none of the arrays is needed any more.
    budget : int
        Bytes of memory.
    """

    def __init__(self, folder: Path, budget: int) -> None:
        self.folder, self.left, self.count = folder, budget, 0

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array to be filled."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size <= self.left:
            self.left -= size
            return np.empty(shape, dtype)
        self.count += 1
        return np.memmap(self.folder / f"{self.count}.raw", dtype, "w+", shape=shape)

    def keep(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array that lies in this room, or is a memory map already."""
        if _is_mapped(array):
            return array
        kept = self.empty(array.shape, array.dtype)
        kept[...] = array
        return kept


@contextmanager
def opened_room(budget: int) -> Iterator[Room]:
    """Make room whose files go in the end."""
    with tempfile.TemporaryDirectory(prefix="napari-piximi-", ignore_cleanup_errors=True) as folder:
        yield Room(Path(folder), budget)


def _is_mapped(array: object) -> bool:
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = getattr(array, "base", None)
    return False
