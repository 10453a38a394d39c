"""Planes of pixels that are needed once, as for a thumbnail or a sample."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io._zarr import StoredArray
from napari_piximi.model.things import Pixels

if TYPE_CHECKING:
    from napari_piximi.io._packed import Bytes
    from napari_piximi.io._source import Source
    from napari_piximi.io._zip import Member

__all__ = ["lend_planes", "read_plane"]


def read_plane(pixels: Pixels, plane: int) -> NDArray[Any]:
    """Read one plane.

    What lies in a bundle is read past the cache, which stays with what is used again.

    Parameters
    ----------
    pixels : Pixels
        (Z, Y, X, C).
    plane : int
        The last one is read where there are fewer.

    Returns
    -------
    (Y, X, C) array
        Not to be changed.

    Raises
    ------
    PiximiError, OSError
        If the pixels cannot be read.
    IndexError
        If there is no plane at all.
    """
    if isinstance(pixels, StoredArray):
        return _plane(pixels.read(), pixels, plane)
    return _plane(np.asarray(pixels), pixels, plane)


def lend_planes(
    wanted: Sequence[tuple[Pixels, int]],
) -> Iterator[tuple[Sequence[int], NDArray[Any]]]:
    """Read many planes, neighbours in a file in one go and past the cache.

    A thousand objects of 48 × 48 × 3 take 8 ms; one by one they take 27 ms.

    Parameters
    ----------
    wanted : sequence of (pixels, plane)
        As for :func:`read_plane`.

    Yields
    ------
    (numbers, planes)
        Numbers in `wanted`, and a (N, Y, X, C) array, not to be changed, of the planes of one
        shape that lie together; in whatever order is quickest. They are lent: their values
        become others when the next planes are asked for.

    Raises
    ------
    PiximiError, OSError
        If some pixels cannot be read.
    IndexError
        If there is no plane at all.
    """
    sources: dict[Source, dict[int, Member]] = {}
    others = []
    for number, (pixels, _) in enumerate(wanted):
        if isinstance(pixels, StoredArray) and pixels.single:
            sources.setdefault(pixels.source, {})[number] = pixels.chunks[0]
        else:
            others.append(number)
    room = bytearray()  # one for all: new memory costs more than reading
    for source, members in sources.items():
        for lent in source.lend_many(members):
            size = sum(len(data) for _, data in lent)
            room = bytearray(size) if size > len(room) else room
            yield from _stacks(lent, wanted, room)
    for number in others:
        yield [number], read_plane(*wanted[number])[np.newaxis]


def _stacks(
    lent: "list[tuple[int, Bytes]]", wanted: Sequence[tuple[Any, int]], room: bytearray
) -> Iterator[tuple[Sequence[int], NDArray[Any]]]:
    """Copy planes that are alike into `room`, to lie one after the other."""
    alike: dict[tuple[Any, ...], list[tuple[int, Bytes]]] = {}
    for number, data in lent:
        pixels: StoredArray = wanted[number][0]
        key = (pixels.stored_shape, pixels.dtype, pixels.plain, len(data))
        alike.setdefault(key, []).append((number, data))
    for ((depth, *shape), dtype, plain, length), group in alike.items():
        size = math.prod(shape) * dtype.itemsize
        if plain and len(group) > 1 and length == depth * size > 0:
            to = memoryview(room)
            for at, (number, data) in enumerate(group):
                if depth > 1:
                    start = size * _index(*wanted[number], depth)
                    data = memoryview(data)[start : start + size]
                to[at * size : (at + 1) * size] = data
            numbers = [number for number, _ in group]
            yield numbers, np.ndarray((len(group), *shape), dtype, to.toreadonly())
        else:
            for number, data in group:
                pixels, plane = wanted[number]
                yield [number], _plane(pixels.unpacked(data), pixels, plane)[np.newaxis]


def _plane(array: NDArray[Any], pixels: Pixels, plane: int) -> NDArray[Any]:
    return np.asarray(array[_index(pixels, plane, len(array))])


def _index(pixels: Pixels, plane: int, depth: int) -> int:
    """Return which of the stored planes is meant."""
    shown = pixels.plane if isinstance(pixels, StoredArray) else None
    return range(depth)[min(plane if shown is None else shown, depth - 1)]
