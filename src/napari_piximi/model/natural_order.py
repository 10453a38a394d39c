"""Names in the order in which people count: img2 before img10."""

import re
from collections.abc import Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

__all__ = ["casefolded", "natural_ranks"]

SEPARATOR = "\0"
NUMBER = re.compile("([0-9]+)")
LONGEST_NUMBER = 20
LONGEST_KEY = 200
"""Bytes; one long name would make an array of all names long."""


def casefolded(names: Sequence[str]) -> list[str]:
    """Make names comparable whatever their case, all at once."""
    if not names:
        return []
    folded = SEPARATOR.join(names).casefold().split(SEPARATOR)
    return folded if len(folded) == len(names) else [name.casefold() for name in names]


def natural_ranks(folded: Sequence[str]) -> NDArray[np.int32]:
    """Rank names so that numbers in them count as numbers.

    Parameters
    ----------
    folded : sequence of N str
        As :func:`casefolded` returns them.

    Returns
    -------
    (N,) array
        0 for the first; equal names have equal ranks, and so have ``a1`` and ``a01``. Numbers
        of more than 20 digits are compared as text.
    """
    # UTF-8 sorts as the characters do; a name may hold surrogates, which are none
    keys = [name.encode("utf-8", "surrogatepass") for name in _padded(folded)]
    if max(map(len, keys), default=0) <= LONGEST_KEY:
        _, ranks = np.unique(np.array(keys, np.bytes_), return_inverse=True)
        return ranks.astype(np.int32)
    rank = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return np.fromiter(map(rank.__getitem__, keys), np.int32, len(keys))


def _padded(names: Sequence[str]) -> list[str]:
    """Write every number with as many digits, so that text order is the order of numbers."""
    pieces = NUMBER.split(SEPARATOR.join(names))
    numbers = pieces[1::2]
    digits = min(max(map(len, numbers), default=0), LONGEST_NUMBER)
    pieces[1::2] = map(str.zfill, numbers, repeat(digits))
    keys = "".join(pieces).split(SEPARATOR)
    if len(keys) == len(names):
        return keys
    # a name holds the separator itself, which no file system allows but a bundle may
    return _padded([name.replace(SEPARATOR, " ") for name in names]) if names else []
