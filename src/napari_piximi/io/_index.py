"""A compact index of a bundle, so that 100,000 things open without 500,000 small reads.

It is the last member of the zip and holds the things in columns. It is believed only if it
was made for exactly the zip directory in front of it (names, sizes, checksums, offsets);
whoever changes the zip changes that, and the bundle is then read the long way.
"""

import hashlib
import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io._document import Attributes
from napari_piximi.io._names import leads_astray, unicode_name
from napari_piximi.io._source import Source
from napari_piximi.io._table import Placed, ThingTable
from napari_piximi.io._zarr import MAX_BYTES, SIMPLE, StoredArray
from napari_piximi.io._zip import CENTRAL, STORED, Member, find_directory, parse_entries
from napari_piximi.io._zip_or_folder import ZipSource
from napari_piximi.model.things import Channel

__all__ = ["INDEX_NAME", "Index", "digest", "pack", "read_index"]

INDEX_NAME = ".napari-piximi-index"
MAGIC = b"napari-piximi index 1\n"
LENGTH = struct.Struct("<Q")
MAX_INDEX = 4 << 30
TEXTS = ("ids", "names")
CODED = ("kinds", "categories", "partitions", "images", "predicted")
NUMBERS = ("probabilities", "planes", "bit_depths", "bboxes")
UNFIT = (
    KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError,
    struct.error,
)  # fmt: skip
"""What reading an index raises that is damaged, or was not made by us."""
ARRAY_FIELDS = 10  # method, crc, packed, size, offset, four lengths, plane


@dataclass(frozen=True, slots=True)
class Index:
    """What a bundle holds, without its pixels.

    Attributes
    ----------
    attributes : dict
        Of all groups that are not things.
    table : ThingTable
    models : dict
        Name → (JSON member, weights member).
    evaluated : Member or None
        The things of evaluations.
    networks : dict
        Number → (JSON member, weights member) of the models of segmentation networks.
    """

    attributes: dict[str, Attributes]
    table: ThingTable
    models: Mapping[str, tuple[Member, Member]]
    evaluated: Member | None = None
    networks: Mapping[str, tuple[Member, Member]] = field(default_factory=dict)


def digest(directory: Iterable[bytes | memoryview]) -> str:
    """Return the checksum of directory entries."""
    summed = hashlib.blake2b(digest_size=32)
    for block in directory:
        summed.update(block)
    return summed.hexdigest()


def pack(index: Index, directory: Iterable[bytes]) -> bytes:
    """Return the bytes of an index for the zip whose directory entries so far are given."""
    table = index.table
    columns: dict[str, NDArray[Any]] = {}
    words: dict[str, list[str]] = {}
    for name in CODED:
        words[name], columns[name] = _code(getattr(table, name))
    columns["probabilities"] = np.array(table.probabilities, np.float64)
    for name in NUMBERS[1:]:
        columns[name] = np.array(getattr(table, name), np.int64)
    columns["run_bytes"] = np.fromiter(map(len, table.runs), np.int64, len(table.runs))
    columns["runs"] = np.frombuffer(b"".join(table.runs), np.uint8)
    columns["arrays"] = _array_rows(table.arrays)
    header = {
        "digest": digest(directory),
        "texts": {"ids": table.ids, "names": list(map(unicode_name, table.names))},
        "words": words,
        "channels": {
            row: [(*c.color, c.minimum, c.maximum, c.visible) for c in channels]
            for row, channels in table.channels.items()
        },
        "pixel_sizes": table.pixel_sizes,
        "attributes": index.attributes,
        "models": index.models,
        "evaluated": index.evaluated,
        **({"networks": index.networks} if index.networks else {}),
        "columns": [[name, c.dtype.str, list(c.shape)] for name, c in columns.items()],
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return b"".join([MAGIC, LENGTH.pack(len(text)), text, *(c.tobytes() for c in columns.values())])


def _code(values: Sequence[str]) -> tuple[list[str], NDArray[np.int32]]:
    """Write each distinct text once: return the texts, and per row the number of its own."""
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), np.array(codes, np.int32)


def _array_rows(arrays: Sequence[StoredArray | Placed | None]) -> NDArray[np.int64]:
    rows = [
        (*placed.member[1:], *placed.shape, -1 if placed.plane is None else placed.plane)
        for placed in arrays
        if isinstance(placed, Placed)
    ]
    return np.array(rows, np.int64).reshape(-1, ARRAY_FIELDS)


def read_index(source: Source) -> Index | None:
    """Read the index of a bundle; None where there is none, or none that can be believed."""
    if not isinstance(source, ZipSource):
        return None
    with source.open() as file:
        place = find_directory(file, source.path)
        file.seek(place.offset)
        directory = file.read(place.size)
    at = directory.rfind(b"PK\x01\x02", max(0, len(directory) - 70_000))
    if at < 0 or INDEX_NAME.encode() not in directory[at + CENTRAL.size :]:
        return None
    entry, expected = directory[at:], digest([memoryview(directory)[:at]])
    del directory
    try:
        (member,) = parse_entries(entry, place._replace(entries=1), source.path)
        ours = member.method == STORED and member.name.endswith(f".zarr/{INDEX_NAME}")
        if not ours or member.size > MAX_INDEX:
            return None
        return _unpack(source, source.read(member), expected)
    except UNFIT:
        return None  # damaged or not made by us; the long way tells what is really there


def _unpack(source: Source, data: bytes, expected: str) -> Index | None:
    if not data.startswith(MAGIC):
        return None
    start = len(MAGIC) + LENGTH.size
    (length,) = LENGTH.unpack_from(data, len(MAGIC))
    header = json.loads(data[start : start + length])
    if header["digest"] != expected:
        return None
    columns = _columns(header["columns"], data, start + length)
    rows = len(header["texts"]["ids"])
    table = ThingTable(list(header["texts"]["ids"]), list(header["texts"]["names"]))
    for name in CODED:
        words = header["words"][name]
        setattr(table, name, [words[code] for code in columns[name].tolist()])
    for name in NUMBERS:
        setattr(table, name, columns[name].tolist())
    table.runs = _split(columns["runs"].tobytes(), columns["run_bytes"])
    table.arrays = _arrays(source, columns["arrays"], table.names)
    table.channels = {
        int(row): tuple(_channel(*values) for values in look)
        for row, look in header["channels"].items()
    }
    table.pixel_sizes = {int(row): tuple(map(float, s)) for row, s in header["pixel_sizes"].items()}
    if {len(size) for size in table.pixel_sizes.values()} - {3}:
        return None
    if not _consistent(table, rows):
        return None
    models, networks = _pairs(header["models"]), _pairs(header.get("networks", {}))
    if any(map(leads_astray, models)):
        return None
    attributes = header["attributes"]
    if not all(isinstance(values, dict) for values in attributes.values()):
        return None
    evaluated = header.get("evaluated")
    return Index(attributes, table, models, _member(*evaluated) if evaluated else None, networks)


def _pairs(listed: Mapping[str, Any]) -> dict[str, tuple[Member, Member]]:
    return {name: (_member(*a), _member(*b)) for name, (a, b) in listed.items()}


def _member(name: str, *numbers: int) -> Member:
    if type(name) is not str or {type(number) for number in numbers} != {int} or min(numbers) < 0:
        raise ValueError("a member of the index is none")
    return Member(name, *numbers)


def _channel(*values: float) -> Channel:
    red, green, blue, low, high = map(float, values[:5])
    return Channel((red, green, blue), low, high, bool(values[5]))


def _columns(listed: Sequence[Any], data: bytes, at: int) -> dict[str, NDArray[Any]]:
    columns = {}
    for name, dtype, shape in listed:
        count = math.prod(shape)
        columns[name] = np.frombuffer(data, np.dtype(dtype), count, at).reshape(shape)
        at += columns[name].nbytes
    return columns


def _split(runs: bytes, sizes: NDArray[np.int64]) -> list[bytes]:
    ends = np.cumsum(sizes).tolist()
    starts = [0, *ends[:-1]]
    if sizes.size and (sizes.min() < 0 or ends[-1] != len(runs) or (sizes % 4).any()):
        raise ValueError("the masks of the index do not add up")
    return [runs[start:end] for start, end in zip(starts, ends, strict=True)]


def _arrays(
    source: Source, rows: NDArray[np.int64], names: Sequence[str]
) -> list[StoredArray | Placed | None]:
    shapes = rows[:, 5:9]
    if (rows[:, :9] < 0).any() or (shapes.astype(np.float64).prod(axis=1) * 4 > MAX_BYTES).any():
        raise ValueError("an array of the index is absurd")
    if (shapes.prod(axis=1) * SIMPLE.itemsize != rows[:, 3]).any():
        raise ValueError("an array of the index has another size than its shape")
    found: list[StoredArray | Placed | None] = []
    for name, row in zip(names, rows.tolist(), strict=True):
        shape = (row[5], row[6], row[7], row[8])
        plane = None if row[9] < 0 else row[9]
        chunk = Member(name, row[0], row[1], row[2], row[3], row[4])
        found.append(StoredArray(source, shape, SIMPLE, (chunk,), plane=plane))
    return found


def _consistent(table: ThingTable, rows: int) -> bool:
    """Tell whether the columns are equally long, and every image has pixels and channels."""
    columns = (*TEXTS, *CODED, *NUMBERS, "runs", "arrays")
    if any(len(getattr(table, name)) != rows for name in columns):
        return False
    if {type(text) for name in (*TEXTS, *CODED) for text in getattr(table, name)} - {str}:
        return False
    if not set(table.bit_depths) <= {8, 16, 32} or min(table.planes, default=0) < 0:
        return False
    images = (row for row, image in enumerate(table.images) if not image)
    return all(
        isinstance(array := table.arrays[row], StoredArray)
        and len(table.channels.get(row, ())) == array.stored_shape[-1]
        for row in images
    )
