"""Arrays of the zarr v2 format, as far as Piximi's bundles use it, read when they are needed."""

import json
import math
import threading
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from napari_piximi.errors import BundleError
from napari_piximi.io._source import Source
from napari_piximi.io._zip import Member

__all__ = ["Layout", "StoredArray", "parse_json", "read_layout", "simple_metadata", "stored_array"]

MAX_BYTES = 1 << 40
MAX_CHUNKS = 1 << 22
LARGE_CHUNK = 64 << 20
SIMPLE = np.dtype("<f4")
CODECS = ("blosc", "zlib", "gzip")


def parse_json(data: bytes, source: Source, name: str) -> dict[str, Any]:
    """Parse a JSON object.

    Raises
    ------
    BundleError
        If it is not JSON, or not an object.
    """
    try:
        value = orjson.loads(data)
    except ValueError:
        value = _lenient_json(data, f"{source.path}: {name}")
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise BundleError(f"{source.path}: {name}: should hold a JSON object, not {kind}")
    return value


def _lenient_json(data: bytes, where: str) -> Any:  # noqa: ANN401
    """Parse JSON that may hold NaN, as Python's writers let it."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{where}: not valid JSON ({error})") from error


class StoredArray:
    """An array that lies in a bundle; :func:`numpy.asarray` reads it, through a cache.

    Attributes
    ----------
    source : Source
    shape : tuple of int
    dtype : numpy.dtype
    chunks : tuple of Member
        One per chunk, in C order of the chunk grid.
    chunk_shape : tuple of int
    order : "C" or "F"
    codec : mapping or None
        Compressor of the chunks, as in ``.zarray``.
    plane : int or None
        Show only this plane of the stored ones (of an annotation padded for Piximi).
    """

    __slots__ = (
        "_stored", "chunk_shape", "chunks", "codec", "dtype", "order", "plane", "source",
    )  # fmt: skip

    def __init__(
        self,
        source: Source,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        chunks: tuple[Member, ...],
        chunk_shape: tuple[int, ...] | None = None,
        order: str = "C",
        codec: Mapping[str, Any] | None = None,
        plane: int | None = None,
    ) -> None:
        self.source = source
        self._stored = shape
        self.dtype = dtype
        self.chunks = chunks
        self.chunk_shape = chunk_shape or shape
        self.order = order
        self.codec = codec
        self.plane = plane

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, as shown."""
        return self._stored if self.plane is None else (1, *self._stored[1:])

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Length of each axis, as stored."""
        return self._stored

    @property
    def single(self) -> bool:
        """Whether one chunk holds all of it; see :meth:`unpacked`."""
        return len(self.chunks) == 1 and self.chunk_shape == self._stored

    @property
    def plain(self) -> bool:
        """Whether its one chunk holds the values as they lie in memory, in C order."""
        return self.single and self.dtype.isnative and self.order == "C" and self.codec is None

    @property
    def simple(self) -> bool:
        """Whether its one chunk holds what we would write: little-endian float32, C order."""
        return self.single and self.dtype == SIMPLE and self.order == "C" and self.codec is None

    def at_plane(self, plane: int) -> "StoredArray":
        """Return the same array showing one plane only."""
        return StoredArray(
            self.source, self._stored, self.dtype, self.chunks, self.chunk_shape,
            self.order, self.codec, plane,
        )  # fmt: skip

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        """Read it.

        Raises
        ------
        BundleError
            If a chunk is damaged, or the bundle has changed.
        """
        stored = _cache.get(self)
        shown = stored if self.plane is None else stored[self.plane : self.plane + 1]
        return np.array(shown, dtype=dtype, copy=True if copy else None)

    def read(self) -> NDArray[Any]:
        """Read all that is stored, past the cache; the result cannot be written to."""
        if self.single:
            return self.unpacked(self.source.read(self.chunks[0]))
        whole = np.empty(self._stored, self.dtype)
        grid = [range(0, n, c or 1) for n, c in zip(self._stored, self.chunk_shape, strict=True)]
        with self.source.reading() as read:
            for member, corner in zip(self.chunks, product(*grid), strict=True):
                box = tuple(slice(a, a + c) for a, c in zip(corner, self.chunk_shape, strict=True))
                part = whole[box]
                part[...] = self._chunk(read(member), member)[tuple(map(slice, part.shape))]
        whole.flags.writeable = False
        return whole

    def unpacked(self, data: bytes | memoryview) -> NDArray[Any]:
        """Return all that is stored, of the bytes of its single chunk."""
        return self._chunk(data, self.chunks[0])

    def check_length(self, length: int, member: Member) -> None:
        """Refuse a chunk whose length, unpacked, is not that of its shape.

        Raises
        ------
        BundleError
        """
        needed = math.prod(self.chunk_shape) * self.dtype.itemsize
        if length != needed:
            raise BundleError(
                f"{self.source.path}: {member.name} holds {length} bytes, "
                f"but its shape {list(self.chunk_shape)} needs {needed}"
            )

    def _chunk(self, data: bytes | memoryview, member: Member) -> NDArray[Any]:
        if self.codec is not None:
            expected = math.prod(self.chunk_shape) * self.dtype.itemsize
            data = _decompress(data, self.codec, expected, f"{self.source.path}: {member.name}")
        self.check_length(len(data), member)
        return np.frombuffer(data, self.dtype).reshape(self.chunk_shape, order=self.order)  # type: ignore[call-overload,no-any-return]


def _decompress(
    data: bytes | memoryview, codec: Mapping[str, Any], expected: int, where: str
) -> bytes:
    """Decompress a chunk, to a little more than `expected` bytes at most."""
    try:
        if codec["id"] in ("zlib", "gzip"):
            return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, expected + 1)
        from numcodecs.blosc import Blosc

        claimed = int.from_bytes(data[4:8], "little")  # Blosc's header: length when unpacked
        return bytes(Blosc().decode(data)) if claimed == expected else b""
    except Exception as error:
        raise BundleError(f"{where}: cannot be decompressed as {codec['id']} ({error})") from error


class _Cache:
    """The arrays last read, up to a number of bytes; those of closed projects go at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._bytes = 0
        self._arrays: OrderedDict[tuple[int, int, str], NDArray[Any]] = OrderedDict()
        self._watched: set[int] = set()
        self._lock = threading.RLock()  # a source may be collected while the lock is held

    def get(self, array: StoredArray) -> NDArray[Any]:
        first = array.chunks[0]
        key = (id(array.source), first.offset, first.name)
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        data = array.read()
        if data.nbytes <= self.limit // 2:
            with self._lock:
                self._put(key, array.source, data)
        return data

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._arrays.clear()
            self._bytes = 0

    def _put(self, key: tuple[int, int, str], source: Source, data: NDArray[Any]) -> None:
        if key[0] not in self._watched:
            self._watched.add(key[0])
            weakref.finalize(source, self._forget, key[0])
        if key not in self._arrays:
            self._arrays[key] = data
            self._bytes += data.nbytes
        while self._bytes > self.limit:
            _, oldest = self._arrays.popitem(last=False)
            self._bytes -= oldest.nbytes

    def _forget(self, source: int) -> None:
        """Drop the arrays of a source that is gone, before another gets its id."""
        with self._lock:
            self._watched.discard(source)
            for key in [key for key in self._arrays if key[0] == source]:
                self._bytes -= self._arrays.pop(key).nbytes


_cache = _Cache(512 << 20)


class Layout(NamedTuple):
    """How an array lies in its chunks: what its ``.zarray`` says."""

    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: str
    codec: Mapping[str, Any] | None
    keys: tuple[str, ...]
    """Names of the chunks, in C order of the chunk grid."""


def read_layout(text: bytes, source: Source, name: str) -> Layout:
    """Parse and check a ``.zarray``.

    Raises
    ------
    BundleError
        If it is damaged, absurdly large, or uses what Piximi's zarr reader lacks.
    """
    meta, where = parse_json(text, source, name), f"{source.path}: {name}"
    shape: Any = meta.get("shape")
    chunks: Any = meta.get("chunks")
    if not (_lengths(shape) and _lengths(chunks) and len(shape) == len(chunks)) or any(
        n > 0 == c for n, c in zip(shape, chunks, strict=True)
    ):
        raise BundleError(f"{where}: shape {shape} with chunks {chunks} is no array")
    dtype, codec = _dtype(meta.get("dtype"), where), meta.get("compressor")
    grid = [-(-n // max(c, 1)) for n, c in zip(shape, chunks, strict=True)]
    whole, chunk = (math.prod(lengths) * dtype.itemsize for lengths in (shape, chunks))
    if whole > MAX_BYTES or math.prod(grid) > MAX_CHUNKS or chunk > max(4 * whole, LARGE_CHUNK):
        raise BundleError(f"{where}: shape {shape} in chunks of {chunks} is absurdly large")
    order, separator = meta.get("order", "C"), meta.get("dimension_separator", ".")
    if order not in ("C", "F") or separator not in (".", "/"):
        raise BundleError(f"{where}: order {order!r} with separator {separator!r} is no array")
    if codec is not None and (not isinstance(codec, dict) or codec.get("id") not in CODECS):
        raise BundleError(f"{where}: compressor {codec!r} is not one that Piximi's files use")
    if meta.get("filters"):
        raise BundleError(f"{where}: filters {meta['filters']!r} are not supported")
    keys = tuple(separator.join(map(str, index)) for index in product(*map(range, grid)))
    return Layout(tuple(shape), tuple(chunks), dtype, order, codec, keys)


def _lengths(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)


def _dtype(text: object, where: str) -> np.dtype[Any]:
    try:
        dtype = np.dtype(text if isinstance(text, str) else "O")
    except TypeError:
        dtype = np.dtype("O")
    if dtype.kind not in "biuf":
        raise BundleError(f"{where}: dtype {text!r} is not a number type")
    return dtype


def stored_array(
    source: Source, path: str, layout: Layout, files: Mapping[str, Member]
) -> StoredArray:
    """Make an array of its layout and the members of its bundle.

    Raises
    ------
    BundleError
        If a chunk is missing.
    """
    shape, chunk_shape, dtype, order, codec, keys = layout
    try:
        chunks = tuple([files[f"{path}/{key}"] for key in keys])
    except KeyError as error:
        missing = f"{error.args[0]} is missing, so pixels would be lost"
        raise BundleError(f"{source.path}: {missing}") from error
    return StoredArray(source, shape, dtype, chunks, chunk_shape, order, codec)


def simple_metadata(shape: tuple[int, ...], dtype: np.dtype[Any] = SIMPLE) -> bytes:
    """Return the ``.zarray`` of an array in one uncompressed chunk, as Piximi writes it."""
    lengths = ",".join(map(str, shape))
    return (
        f'{{"zarr_format":2,"shape":[{lengths}],"chunks":[{lengths}],"dtype":"{dtype.str}",'
        '"fill_value":0,"order":"C","compressor":null,"filters":null}'
    ).encode()
