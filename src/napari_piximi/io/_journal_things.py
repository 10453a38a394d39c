"""Things of a journal in columns: whole ones, or only what changed of them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter, is_not
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.things import Annotation, Channel, Image, Partition, Prediction, Thing

__all__ = ["FIELDS", "changed_fields", "make_things", "read_columns", "write_columns"]

CLASSES = {"Image": Image, "Annotation": Annotation}
FIELDS: Mapping[str, tuple[str, ...]] = {
    name: tuple(field.name for field in fields(cls) if field.name != "id")
    for name, cls in CLASSES.items()
}
GEOMETRY = {"image", "bbox", "runs", "plane"}
CODED = ("name", "kind", "category", "image", "partition", "channels", "pixel_size")
Words = dict[str, list[Any]]
Columns = dict[str, NDArray[Any]]


def changed_fields(old: Sequence[Thing], new: Sequence[Thing], cls: str) -> tuple[str, ...]:
    """Return the names of the fields in which any of the things differ.

    An annotation of another shape is noted with its pixels: a bundle stores them even where
    in memory they are its image's, and those would be of the old shape.
    """
    changed = {
        name
        for name in FIELDS[cls]
        if any(map(is_not, map(attrgetter(name), old), map(attrgetter(name), new)))
    }
    if cls == "Annotation" and changed & GEOMETRY:
        changed.add("pixels")
    return tuple(name for name in FIELDS[cls] if name in changed)


# --- writing -------------------------------------------------------------------------------


def write_columns(
    things: Sequence[Thing], names: Iterable[str], places: Sequence[object]
) -> tuple[Words, Columns]:
    """Return the distinct values and the columns of some fields.

    Parameters
    ----------
    things : sequence of Thing
        All of one class.
    names : iterable of str
        The fields.
    places : sequence
        Where the pixels of each lie, hashable and fit for JSON.
    """
    words: Words = {}
    columns: Columns = {}
    for name in names:
        values: list[Any] = list(places if name == "pixels" else map(attrgetter(name), things))
        if name in CODED or name == "pixels":
            words[name], columns[name] = _code(values)
        elif name == "prediction":
            categories = [None if p is None else p.category for p in values]
            words[name], columns[name] = _code(categories)
            chances = [
                np.nan if p is None or p.probability is None else p.probability for p in values
            ]
            columns["probability"] = np.array(chances, np.float64)
        elif name == "runs":
            columns["run_bytes"] = _small(np.fromiter(map(len, values), np.int64, len(values)))
            columns["runs"] = np.frombuffer(b"".join(values), np.uint8)
        else:
            columns[name] = _small(np.array(values, np.int64))
    return words, columns


def _code(values: Iterable[Hashable]) -> tuple[list[Any], NDArray[Any]]:
    """Write each distinct value once: return the values, and per row the number of its own."""
    numbers: dict[Hashable, int] = {}
    codes = [numbers.setdefault(value, len(numbers)) for value in values]
    return [_plain(value) for value in numbers], _small(np.array(codes, np.int64))


def _plain(value: object) -> object:
    """Turn channels into rows of numbers; JSON takes all else as it is."""
    if isinstance(value, tuple) and value and isinstance(value[0], Channel):
        return [
            [*map(float, c.color), float(c.minimum), float(c.maximum), c.visible] for c in value
        ]
    return value


def _small(column: NDArray[np.int64]) -> NDArray[Any]:
    """Return whole numbers in the smallest type that holds them all."""
    if not column.size:
        return column.astype(np.uint8)
    low, high = int(column.min()), int(column.max())
    return column.astype(np.promote_types(np.min_scalar_type(low), np.min_scalar_type(high)))


# --- reading -------------------------------------------------------------------------------


def read_columns(
    words: Mapping[str, Any],
    columns: Mapping[str, NDArray[Any]],
    count: int,
    pixels: Callable[[Any], Any],
) -> dict[str, list[Any]]:
    """Return the values of each field that is there.

    Parameters
    ----------
    words, columns : mapping
        As :func:`write_columns` returned them.
    count : int
        Number of things.
    pixels : callable
        Makes of a place what stands for the pixels.

    Raises
    ------
    KeyError, TypeError, ValueError, …
        If they are damaged.
    """
    readers: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys(("name", "kind", "category", "image"), _text),
        "partition": Partition, "channels": _channels, "pixel_size": _size, "pixels": pixels,
    }  # fmt: skip
    found: dict[str, list[Any]] = {}
    for name in words:
        if name == "prediction":
            found[name] = list(_predictions(words[name], columns))
        else:
            distinct = [readers[name](word) for word in words[name]]
            found[name] = [distinct[code] for code in columns[name].tolist()]
    if "runs" in columns:
        found["runs"] = _split(columns["runs"].tobytes(), columns["run_bytes"])
    for name in {"bit_depth", "plane"} & columns.keys():
        found[name] = [int(value) for value in columns[name].tolist()]
    if "bbox" in columns:
        found["bbox"] = list(map(tuple, columns["bbox"].reshape(-1, 4).tolist()))
    if any(len(values) != count for values in found.values()):
        raise ValueError("columns of different lengths")
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be a text")
    return value


def _channels(rows: list[list[float]]) -> tuple[Channel, ...]:
    return tuple(
        Channel((float(r), float(g), float(b)), float(low), float(high), bool(seen))
        for r, g, b, low, high, seen in rows
    )


def _size(values: list[float] | None) -> tuple[float, float, float] | None:
    if values is None:
        return None
    depth, height, width = values
    return float(depth), float(height), float(width)


def _predictions(
    words: Sequence[str | None], columns: Mapping[str, NDArray[Any]]
) -> Iterator[Prediction | None]:
    rows = zip(columns["prediction"].tolist(), columns["probability"].tolist(), strict=True)
    for code, probability in rows:
        category = words[code]
        chance = probability if probability == probability else None  # NaN is none
        yield None if category is None else Prediction(_text(category), chance)


def _split(runs: bytes, sizes: NDArray[Any]) -> list[bytes]:
    ends = np.cumsum(sizes.astype(np.int64)).tolist()
    if (sizes.size and (sizes.min() < 0 or (sizes % 4).any())) or (ends or [0])[-1] != len(runs):
        raise ValueError("the masks do not add up")
    return [runs[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def make_things(cls: str, ids: Sequence[str], values: Mapping[str, list[Any]]) -> list[Thing]:
    """Make whole things.

    Raises
    ------
    KeyError
        If a field is missing.
    """
    make: Any = CLASSES[cls]
    columns = [values[name] for name in FIELDS[cls]]
    return [make(*row) for row in zip(ids, *columns, strict=True)]
