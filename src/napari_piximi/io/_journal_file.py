"""The file of a journal: records one after the other, each with its length and checksum.

A record is there whole or not at all: what a crash cut short is dropped when it is read. In a
record are parts, each a small JSON object and columns of numbers. There is no pickle.
"""

import json
import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import RecoveryError
from napari_piximi.io._replace import sync_folder

__all__ = [
    "UNFIT",
    "JournalFile",
    "Part",
    "Record",
    "pack",
    "read_ends",
    "read_records",
    "unpack",
]

MAGIC = b"napari-piximi journal 1\n"
FRAME = struct.Struct("<QI")
PART = struct.Struct("<QQ")
COLUMNS = "columns"
MAX_HEAD = 1 << 20
UNFIT = (
    KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError,
    struct.error,
)  # fmt: skip
"""What reading a record raises that is damaged, or was not made by us."""

Columns = Mapping[str, NDArray[Any]]


class Part(NamedTuple):
    """A piece of a record: what JSON holds of it, and its columns."""

    head: dict[str, Any]
    columns: Columns


@dataclass(frozen=True, slots=True)
class Record:
    """What one append wrote: its first part tells what it is."""

    head: dict[str, Any]
    parts: tuple[Part, ...]


def pack(head: Mapping[str, Any], columns: Columns | None = None) -> bytes:
    """Return the bytes of a part.

    JSON is written by the standard library, which alone keeps infinities, NaN and names that
    are no Unicode.
    """
    columns = columns or {}
    listed = [[name, c.dtype.str, list(c.shape)] for name, c in columns.items()]
    text = json.dumps({**head, COLUMNS: listed}, separators=(",", ":"), default=_plain).encode()
    blobs = [c.tobytes() for c in columns.values()]
    return b"".join([PART.pack(len(text), sum(map(len, blobs))), text, *blobs])


def _plain(value: object) -> object:
    """Turn numbers of numpy into Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written")


class JournalFile:
    """A journal that is written to.

    Parameters
    ----------
    path : Path
        Appears only with its first records in it, all at once.
    first : sequence of records
        Each a sequence of packed parts.

    Raises
    ------
    OSError
        If it cannot be written; it is not there then.
    """

    def __init__(self, path: Path, first: Sequence[Sequence[bytes]]) -> None:
        self.path = path
        fresh = path.with_name(f"{path.name}.part")
        self._file = fresh.open("w+b", buffering=0)
        try:
            self._put([MAGIC])
            for parts in first:
                self._put(_frame(parts))
            os.fsync(self._file.fileno())
            if os.name == "nt":  # Windows does not rename what is open
                self._file.close()
            os.replace(fresh, path)
            if os.name == "nt":
                self._file = path.open("r+b", buffering=0)
                self._file.seek(0, os.SEEK_END)
        except BaseException:
            self._file.close()
            fresh.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)

    def append(self, parts: Sequence[bytes]) -> None:
        """Add a record, durably.

        Raises
        ------
        OSError
            If it cannot be written; what was there before stays readable.
        """
        end = self._file.tell()
        try:
            self._put(_frame(parts))
            os.fsync(self._file.fileno())
        except BaseException:
            self._file.truncate(end)
            self._file.seek(end)
            raise

    def close(self) -> None:
        """Close it; it can still be read."""
        self._file.close()

    def _put(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[self._file.write(rest) :]


def _frame(parts: Sequence[bytes]) -> list[bytes]:
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    frame = FRAME.pack(sum(map(len, parts)), crc)
    if sum(map(len, parts)) < 1 << 16:
        return [b"".join([frame, *parts])]
    return [frame, *parts]


# --- reading -------------------------------------------------------------------------------


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a journal, as far as they are whole.

    Raises
    ------
    RecoveryError
        If the file cannot be read, is no journal, or is damaged before its last record; the
        records before the damage have been yielded then.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise RecoveryError(f"{path}: is no journal of this version of napari-piximi")
            length = os.fstat(file.fileno()).st_size
            while len(frame := file.read(FRAME.size)) == FRAME.size:
                size, crc = FRAME.unpack(frame)
                start = file.tell()
                if start + size > length:
                    return  # cut short by the crash
                yield _record(file.read(size), crc, f"{path}: the record at byte {start}")
    except OSError as error:
        if isinstance(error, RecoveryError):
            raise
        raise RecoveryError(f"{path}: cannot be read ({error.strerror})") from error


def _record(data: bytes, crc: int, where: str) -> Record:
    if zlib.crc32(data) != crc:
        raise RecoveryError(f"{where} is damaged (its checksum is wrong)")
    try:
        parts = tuple(unpack(data))
        return Record(parts[0].head, parts[1:])
    except UNFIT as error:
        raise RecoveryError(f"{where} is damaged ({error})") from error


def unpack(data: bytes) -> Iterator[Part]:
    """Yield the parts that lie end to end in bytes.

    Raises
    ------
    Any of UNFIT
        If they are damaged.
    """
    at = 0
    while at < len(data):
        text, blob = PART.unpack_from(data, at)
        at += PART.size
        if at + text + blob > len(data):
            raise ValueError("a part is longer than its record")
        head = _head(data[at : at + text])
        at += text
        columns, end = {}, at + blob
        for name, dtype, shape in head.pop(COLUMNS):
            column = _column(data, np.dtype(dtype), tuple(shape), at)
            columns[name] = column
            at += column.nbytes
        if at != end:
            raise ValueError("the columns of a part do not fill it")
        yield Part(head, columns)


def _column(data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], at: int) -> NDArray[Any]:
    if dtype.kind not in "biuf" or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"a column of type {dtype} and shape {shape}")
    return np.frombuffer(data, dtype, math.prod(shape), at).reshape(shape)


def _head(text: bytes) -> dict[str, Any]:
    head = json.loads(text)
    if not isinstance(head, dict) or not isinstance(head.get(COLUMNS), list):
        raise ValueError("a part is no object")
    return head


def read_ends(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what the first and the last record are: quick, and without a look at the checksums.

    Records at the end that make no sense, such as zeros, are passed over.

    Raises
    ------
    RecoveryError
        If the file cannot be read, is no journal, or holds no whole record.
    """
    places: list[tuple[int, int]] = []
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise RecoveryError(f"{path}: is no journal of this version of napari-piximi")
            length = os.fstat(file.fileno()).st_size
            while len(frame := file.read(FRAME.size)) == FRAME.size:
                start = file.tell()
                end = start + FRAME.unpack(frame)[0]
                if end > length:
                    break
                places.append((start, end))
                file.seek(end)
            if not places:
                raise RecoveryError(f"{path}: holds nothing that could be read")
            return _first_head(file, *places[0]), _last_head(file, places)
    except UNFIT as error:
        raise RecoveryError(f"{path}: is damaged ({error})") from error
    except OSError as error:
        if isinstance(error, RecoveryError):
            raise
        raise RecoveryError(f"{path}: cannot be read ({error.strerror})") from error


def _last_head(file: BinaryIO, places: Sequence[tuple[int, int]]) -> dict[str, Any]:
    for start, end in reversed(places[1:]):
        with suppress(*UNFIT):
            return _first_head(file, start, end)
    return _first_head(file, *places[0])


def _first_head(file: BinaryIO, start: int, end: int) -> dict[str, Any]:
    file.seek(start)
    text, _ = PART.unpack(file.read(PART.size))
    if text > min(MAX_HEAD, end - start):
        raise ValueError("a part is longer than its record")
    return _head(file.read(text))
