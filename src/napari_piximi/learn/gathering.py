"""Planes of things are gathered by shape, to be resized together."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.learn.resampling import FULL_BOX, crop_and_resize, match_boxes, pad_to
from napari_piximi.model.things import Thing
from napari_piximi.model.training import Settings

__all__ = ["Gathering", "check_numbers"]

TOGETHER = 64
"""Planes of one shape that are resized together: more no longer fit the processor's cache."""

FEW = 4
"""Below this many planes of one shape, numpy is quicker than a call of TensorFlow."""

MANY = 16
"""From this many planes of one shape on, a call of TensorFlow of their own is worth its while."""

FIRST_BYTES = 2 * 2**20
"""Room for planes of one shape at first."""

Floats = NDArray[np.float32]
Key = tuple[tuple[int, ...], np.dtype[Any], int]
"""Shape and type of planes, and their bit depth."""


def check_numbers(thing: Thing, plane: NDArray[Any]) -> None:
    """Refuse a thing's plane (Y, X, C) with values that are no finite numbers in float32.

    Raises
    ------
    FitError
        If there are some.
    """
    if not _all_numbers(plane):
        raise FitError(f"{thing.name!r} ({thing.id}) has pixels that are NaN or infinite")


def _all_numbers(planes: NDArray[Any]) -> bool:
    """Tell whether all values are finite in float32."""
    if planes.dtype.kind != "f":
        return True
    with np.errstate(over="ignore"):
        return bool(np.isfinite(planes.astype(np.float32, copy=False)).all())


@dataclass
class _Group:
    """Planes of one shape, copied to lie one after the other."""

    stack: NDArray[Any]
    each: int
    owners: list[int] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)

    def add(self, owner: int, thing: Thing, plane: NDArray[Any]) -> None:
        at = len(self.owners)
        if at == len(self.stack):
            grown = np.empty((min(2 * at, TOGETHER), *plane.shape), self.stack.dtype)
            grown[:at] = self.stack
            self.stack = grown
        self.stack[at] = plane
        self.owners.append(owner)
        self.things.append(thing)


@dataclass
class Gathering:
    """Planes that wait, by shape, to be resized with one call per shape.

    Attributes
    ----------
    put : callable
        ``put(indices, part)`` takes samples that are ready.
    shape : (N, Y, X, C)
        Of all samples.
    settings : Settings
    crops : int
        Samples per thing.
    backend : str
        Of Keras; with ``"tensorflow"``, TensorFlow resizes.
    limit : int
        Bytes that may wait.
    tick : callable
        Called now and then; may raise.
    """

    put: Callable[[Sequence[int], Floats], None]
    shape: tuple[int, int, int, int]
    settings: Settings
    crops: int
    backend: str
    limit: int
    tick: Callable[[], None]
    groups: dict[Key, "_Group"] = field(default_factory=dict)
    spare: tuple[Key, NDArray[Any]] | None = None
    size: int = 0

    def __post_init__(self) -> None:
        # Drawn for all at once: where a thing is cut does not depend on who waits with it.
        self.places = np.full((self.shape[0], 2), 0.5)
        if self.crops > 1:
            self.places = np.random.default_rng((self.settings.seed, 3)).random(self.places.shape)

    def extend(self, indices: Sequence[int], things: Sequence[Thing], planes: NDArray[Any]) -> None:
        """Take planes (N, Y, X, C): many at once are resized where they lie."""
        depths = {thing.bit_depth for thing in things}
        if len(things) < MANY or len(depths) > 1 or self.settings.crop_schema == "Match":
            for row in zip(indices, things, planes, strict=True):
                self.add(*row)
        else:
            self._resize_all(indices, things, planes)

    def add(self, index: int, thing: Thing, plane: NDArray[Any]) -> None:
        """Take a plane (Y, X, C); it is copied."""
        if self.settings.crop_schema == "Match":
            plane = pad_to(plane, self.settings.height, self.settings.width)
        key = (plane.shape, plane.dtype, thing.bit_depth)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = self._new_group(key)
        group.add(index, thing, plane)
        self.size += group.each
        if len(group.owners) == TOGETHER:
            self._flush(key)
        elif self.size > self.limit:
            self.flush()

    def _new_group(self, key: Key) -> "_Group":
        if self.spare is not None and self.spare[0] == key:
            stack, self.spare = self.spare[1], None
            return _Group(stack, self._bytes(stack[0]))
        shape, dtype, _ = key
        first = max(FEW, min(TOGETHER, FIRST_BYTES // (math.prod(shape) * dtype.itemsize)))
        stack = np.empty((first, *shape), dtype.newbyteorder("="))
        return _Group(stack, self._bytes(stack[0]))

    def flush(self) -> None:
        """Resize all that wait."""
        for key in list(self.groups):
            self._flush(key)

    def _flush(self, key: Key) -> None:
        group = self.groups.pop(key)
        stack = group.stack[: len(group.owners)]
        self._resize_all(group.owners, group.things, stack)
        self.size -= len(stack) * group.each
        self.spare = (key, group.stack) if len(stack) == TOGETHER else None

    def _resize_all(
        self, owners: Sequence[int], things: Sequence[Thing], stack: NDArray[Any]
    ) -> None:
        """Check, resize and put planes (N, Y, X, C) of one bit depth."""
        if not _all_numbers(stack):
            for thing, plane in zip(things, stack, strict=True):
                check_numbers(thing, plane)
        bit_depth = things[0].bit_depth
        indices = [owner * self.crops + i for owner in owners for i in range(self.crops)]
        part = self._resize(indices, stack, 2**bit_depth - 1 if stack.dtype.kind in "iub" else 1)
        self.put(indices, self._finish(part, bit_depth))
        self.tick()

    def _bytes(self, plane: NDArray[Any]) -> int:
        return 4 * (plane.size + self.crops * math.prod(self.shape[1:]))

    def _resize(self, indices: Sequence[int], stack: NDArray[Any], divisor: int) -> Floats:
        size = (self.settings.height, self.settings.width)
        boxes: Floats | tuple[float, ...] = FULL_BOX
        if self.settings.crop_schema == "Match":
            boxes = match_boxes(stack.shape[1:3], size, self.places[indices])
            stack = np.repeat(stack, self.crops, axis=0) if self.crops > 1 else stack
            boxes = boxes if self.crops > 1 else tuple(boxes[0])
        backend = self.backend if len(stack) >= FEW else "numpy"
        return crop_and_resize(stack, boxes, size, backend, divisor)

    def _finish(self, part: Floats, bit_depth: int) -> Floats:
        """Undo the scaling or centre, if the settings say so."""
        if not self.settings.rescale:
            part = np.rint(part * np.float32(2**bit_depth - 1))
        if self.settings.center:
            part = part - part.mean(axis=(1, 2), keepdims=True)
        return part
