"""Masks as run lengths: compact, hashable, and quick to tell apart.

Runs alternate, row by row over the bounding box, and begin with background (0 long if the
first pixel is inside). In memory they are little-endian uint32 in `bytes`.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["area", "decode", "encode", "from_lengths", "full", "lengths"]

RUN = np.dtype("<u4")


def from_lengths(values: Iterable[int]) -> bytes:
    """Pack run lengths given as numbers."""
    return np.fromiter(values, dtype=RUN).tobytes()


def lengths(runs: bytes) -> NDArray[np.uint32]:
    """Unpack runs to an array of lengths, background first."""
    return np.frombuffer(runs, dtype=RUN)


def encode(mask: NDArray[np.bool_]) -> bytes:
    """Encode a mask.

    Parameters
    ----------
    mask : (Y, X) boolean array
    """
    flat = np.asarray(mask, dtype=bool).ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    runs = np.diff(edges)
    if flat.size and flat[0]:
        runs = np.concatenate(([0], runs))
    return runs.astype(RUN).tobytes()


def decode(runs: bytes, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode runs to a mask of `shape` (Y, X).

    Raises
    ------
    ValueError
        If the runs do not fill the shape.
    """
    counts = lengths(runs)
    flat = np.repeat(np.arange(counts.size) % 2 == 1, counts)
    return flat.reshape(shape)


def area(runs: bytes) -> int:
    """Count the pixels inside."""
    return int(lengths(runs)[1::2].sum())


def full(height: int, width: int) -> bytes:
    """Return the runs of a mask that fills its bounding box."""
    return from_lengths((0, height * width))
