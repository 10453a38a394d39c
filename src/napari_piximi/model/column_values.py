"""How values of things become columns of numbers."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from operator import attrgetter, is_not
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.masks import RUN
from napari_piximi.model.things import IMAGE_KIND, Annotation, Image, Partition, Prediction, Thing

__all__ = ["FIELDS", "MAKERS", "PARTITIONS", "SOURCES", "Codes", "Column", "areas", "differ"]

Column = NDArray[Any]
PARTITIONS = tuple(Partition)
PARTITION_CODES = {partition: code for code, partition in enumerate(PARTITIONS)}
EMPTY_RUN = bytes(RUN.itemsize)
PAIR = 2 * RUN.itemsize
AREA_BLOCK = 2048
"""Annotations whose runs are joined at a time."""


_GIVING = Lock()


class _Numbers(dict[str, int]):
    """Numbers for ids, given out as they are first asked for and never changed."""

    def __missing__(self, key: str) -> int:
        with _GIVING:  # a thread may look ahead
            return self.setdefault(key, len(self))


class Codes:
    """What numbers stand for in the columns of one kind.

    Attributes
    ----------
    kind : str
        Kind id.
    categories, images : dict of id to number
        An id that is new gets the next number.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.categories: dict[str, int] = _Numbers()
        self.images: dict[str, int] = _Numbers()


def areas(annotations: Sequence[Annotation]) -> NDArray[np.int64]:
    """Count the pixels inside the masks of many annotations.

    Returns
    -------
    (N,) array
        As :func:`napari_piximi.model.masks.area` of each.
    """
    found = np.zeros(len(annotations), np.int64)
    for start in range(0, len(annotations), AREA_BLOCK):
        runs = [annotation.runs for annotation in annotations[start : start + AREA_BLOCK]]
        found[start : start + AREA_BLOCK] = _areas(runs)
    return found


def _areas(runs: Sequence[bytes]) -> NDArray[np.int64]:
    """Sum every second run of each mask, all masks laid end to end."""
    even = [mask + EMPTY_RUN if len(mask) % PAIR else mask for mask in runs]
    inside = np.frombuffer(b"".join(even), RUN)[1::2]
    pairs = np.fromiter(map(len, even), np.int64, len(even)) // PAIR
    found = np.zeros(len(runs), np.int64)
    some = pairs > 0  # reduceat would give the next mask's first run for a mask of no runs
    if some.any():
        starts = np.cumsum(pairs) - pairs
        found[some] = np.add.reduceat(inside, starts[some], dtype=np.int64)
    return found


# --- how each column is made from things ------------------------------------------------------


def _categories(codes: Codes, things: Sequence[Thing]) -> Column:
    code = codes.categories.__getitem__
    return np.fromiter(map(code, map(attrgetter("category"), things)), np.int32, len(things))


def _partitions(_: Codes, things: Sequence[Thing]) -> Column:
    code = PARTITION_CODES.__getitem__
    return np.fromiter(map(code, map(attrgetter("partition"), things)), np.int8, len(things))


def _predicted(codes: Codes, things: Sequence[Thing]) -> Column:
    told, has_one = _told(things)
    code, said = codes.categories.__getitem__, map(attrgetter("category"), told)
    found = np.full(len(things), -1, np.int32)
    found[has_one] = np.fromiter(map(code, said), np.int32, len(told))
    return found


def _probabilities(_: Codes, things: Sequence[Thing]) -> Column:
    told, has_one = _told(things)
    found = np.full(len(things), np.nan)
    found[has_one] = np.array(list(map(attrgetter("probability"), told)), np.float64)
    return found


def _told(things: Sequence[Thing]) -> tuple[list[Prediction], NDArray[np.bool_]]:
    """Return the predictions that there are, and which things have one."""
    said = list(map(attrgetter("prediction"), things))
    has_one = np.fromiter(map(is_not, said, repeat(None)), bool, len(said))
    return list(filter(None, said)), has_one


def _images(codes: Codes, things: Sequence[Thing]) -> Column:
    on = attrgetter("id" if codes.kind == IMAGE_KIND else "image")
    return np.fromiter(map(codes.images.__getitem__, map(on, things)), np.int32, len(things))


def _areas_of_things(codes: Codes, things: Sequence[Thing]) -> Column:
    if codes.kind != IMAGE_KIND:
        return areas([thing for thing in things if isinstance(thing, Annotation)])
    shapes = (thing.pixels.shape for thing in things if isinstance(thing, Image))
    return np.array([shape[1] * shape[2] for shape in shapes], np.int64)


def _marks(_: Codes, things: Sequence[Thing]) -> Column:
    ids = (thing.id.encode("utf-8", "surrogatepass") for thing in things)
    return np.fromiter(map(zlib.crc32, ids), np.uint32, len(things))


MAKERS: Mapping[str, Callable[[Codes, Sequence[Thing]], Column]] = {
    "category": _categories,
    "partition": _partitions,
    "predicted": _predicted,
    "probability": _probabilities,
    "image": _images,
    "area": _areas_of_things,
    "mark": _marks,
}

FIELDS = ("category", "partition", "prediction", "outline", "name")
SOURCES = {
    "category": "category",
    "partition": "partition",
    "predicted": "prediction",
    "probability": "prediction",
    "image": "outline",
    "area": "outline",
    "mark": "outline",
}
"""The field that each column is made from."""


def differ(field: str, old: Sequence[Thing], new: Sequence[Thing]) -> bool:
    """Tell whether any thing was replaced by one that differs in a field."""
    if not old:
        return False
    if field == "outline":
        field = "pixels" if isinstance(old[0], Image) else "runs"
    read = attrgetter(field)
    return any(map(is_not, map(read, old), map(read, new)))
