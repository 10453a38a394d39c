"""Make a great many values at once."""

import gc
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from itertools import repeat
from typing import Any, TypeVar

__all__ = ["replaced", "without_garbage_collection"]

T = TypeVar("T")


def replaced(values: Sequence[T], **changes: Iterable[Any]) -> list[T]:
    """Do as :func:`dataclasses.replace` for many values at once, in a third of its time.

    Field after field is written for all values, past ``__init__`` and ``__setattr__``, of
    which a frozen class would have one call per field and value.

    Parameters
    ----------
    values : sequence
        Of one frozen data class with slots and without ``__post_init__``.
    **changes
        For each field that changes, its new value for each of `values`, in order.
    """
    if not values:
        return []
    cls: Any = type(values[0])
    made = list(map(object.__new__, repeat(cls, len(values))))
    for field in fields(cls):
        slot = getattr(cls, field.name)
        column = changes.get(field.name)
        deque(map(slot.__set__, made, map(slot.__get__, values) if column is None else column), 0)
    return made


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Keep Python from looking for cycles again and again among values that can have none.

    With 100,000 new things that search takes a third of the time. It is switched on again
    afterwards if it was on before.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
