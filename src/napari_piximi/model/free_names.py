"""Names that nothing has yet."""

from collections.abc import Callable
from itertools import count

__all__ = ["free_name", "numbered_name"]


def free_name(name: str, is_free: Callable[[str], bool]) -> str:
    """Return a name if it is free, or the first of ``NAME 2``, ``NAME 3``, … that is."""
    return name if is_free(name) else numbered_name(name, is_free, 2)


def numbered_name(stem: str, is_free: Callable[[str], bool], first: int = 1) -> str:
    """Return the first of ``STEM 1``, ``STEM 2``, … that is free.

    Parameters
    ----------
    stem : str
    is_free : callable
        Tells whether nothing has a name yet.
    first : int
        The number to begin with.
    """
    names = (f"{stem} {number}" for number in count(first))
    return next(filter(is_free, names))
