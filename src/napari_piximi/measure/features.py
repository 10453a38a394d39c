"""Features of things for a forest: shape, intensity, texture, and the look of whole images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.measure.looks import look_names, look_table, shrink
from napari_piximi.measure.shapes import SHAPE_FEATURES, shape_table
from napari_piximi.measure.textures import PIXEL_FEATURES, pixel_table
from napari_piximi.model import masks
from napari_piximi.model.things import Annotation, Thing
from napari_piximi.progress import Progress, silent

__all__ = ["feature_names", "measure_features"]

Floats = NDArray[np.float32]

ROUND_TO = 8
"""Things whose sides round up to the same multiples of this are measured together."""

PENDING_PIXELS = 2**19
"""Pixels that wait to be measured together: more no longer fit the processor's cache."""

LARGEST_SIDE = 256
"""Texture and look of larger images are those of the image shrunk to this."""

LARGEST_VALUE = 1e15
"""Squares of larger ones, and their sums, are beyond float32."""

FULL_SIZE = PIXEL_FEATURES.index("intensity_max") + 1
"""How many features of a channel, the first ones, are always of the image at full size."""


def feature_names(channels: int, *, objects: bool) -> tuple[str, ...]:
    """Return the names of the columns of :func:`measure_features`.

    Parameters
    ----------
    channels : int
    objects : bool
        Annotations have a shape; images have a look.
    """
    pixels = tuple(f"{name}_channel_{i}" for i in range(channels) for name in PIXEL_FEATURES)
    return (*SHAPE_FEATURES, *pixels) if objects else (*pixels, *look_names(channels))


def measure_features(
    things: Sequence[Thing],
    planes: Iterable[tuple[int, NDArray[Any]]],
    channels: int,
    rows: Floats,
    progress: Progress = silent,
) -> None:
    """Measure things.

    Parameters
    ----------
    things : sequence of N things
        All annotations, or all images.
    planes : iterable of (int, (Y, X, C) array)
        Index of a thing and its pixels, in any order; those left out are not measured.
    channels : int
        C of every plane.
    rows : (N, F) float32 array
        Is filled in; columns as :func:`feature_names` tells. All are finite.
    progress : Progress
        May raise Cancelled, which is passed on.

    Raises
    ------
    FitError
        If an annotation's mask does not fit its pixels, or a pixel is beyond ±1e15.
    """
    pending = _Pending(channels, rows)
    done = 0
    for done, (index, plane) in enumerate(planes, 1):
        pending.add(index, things[index], plane)
        if done % 64 == 0:
            progress(done, len(things), "Measuring things")
    pending.flush_all()
    progress(done, len(things), "Measuring things")


@dataclass
class _Group:
    """Things of one size that wait."""

    indices: list[int] = field(default_factory=list)
    planes: list[Floats] = field(default_factory=list)
    masks: list[NDArray[np.bool_]] = field(default_factory=list)


@dataclass
class _Pending:
    """Things that wait, by size, to be measured together."""

    channels: int
    rows: Floats
    groups: dict[tuple[Any, ...], _Group] = field(default_factory=dict)

    def add(self, index: int, thing: Thing, plane: NDArray[Any]) -> None:
        values = _in_units(plane, thing.bit_depth)
        if plane.dtype.kind == "f":
            _check_size(thing, values)
        if isinstance(thing, Annotation):
            key: tuple[Any, ...] = (
                True,
                *(-(-side // ROUND_TO) * ROUND_TO for side in plane.shape[:2]),
            )
        else:
            key = (False, *plane.shape[:2])
        group = self.groups.setdefault(key, _Group())
        group.indices.append(index)
        group.planes.append(values)
        if isinstance(thing, Annotation):
            group.masks.append(_mask(thing, plane))
        if len(group.indices) * key[1] * key[2] * self.channels >= PENDING_PIXELS:
            self.flush(key)

    def flush_all(self) -> None:
        for key in list(self.groups):
            self.flush(key)

    def flush(self, key: tuple[Any, ...]) -> None:
        group = self.groups.pop(key)
        objects, size = key[0], key[1:]
        if objects:
            stack = np.zeros((len(group.indices), *size, self.channels), dtype=np.float32)
            inside = np.zeros(stack.shape[:3], dtype=bool)
            for i, (plane, mask) in enumerate(zip(group.planes, group.masks, strict=True)):
                stack[i, : plane.shape[0], : plane.shape[1]] = plane
                inside[i, : mask.shape[0], : mask.shape[1]] = mask
            parts = [shape_table(inside), *_pixels(stack, inside)]
        else:
            parts = _image_parts(np.stack(group.planes))
        self.rows[group.indices] = np.concatenate(parts, axis=1)


def _in_units(plane: NDArray[Any], bit_depth: int) -> Floats:
    """Scale to 0…1, as samples are."""
    if plane.dtype.kind in "iub":
        divisor = np.float32(2**bit_depth - 1)
        return np.asarray(np.divide(plane, divisor, dtype=np.float32, casting="unsafe"))
    return np.asarray(plane, dtype=np.float32)


def _check_size(thing: Thing, values: Floats) -> None:
    largest = max(float(values.max(initial=0)), -float(values.min(initial=0)))
    if largest > LARGEST_VALUE:
        raise FitError(
            f"{thing.name!r} ({thing.id}) has pixels as large as {largest:.3g}, too large to be "
            "measured; divide them by something"
        )


def _mask(thing: Annotation, plane: NDArray[Any]) -> NDArray[np.bool_]:
    try:
        return masks.decode(thing.runs, (plane.shape[0], plane.shape[1]))
    except ValueError as error:
        raise FitError(
            f"{thing.name!r} ({thing.id}): its mask does not fit its pixels, {plane.shape[:2]}"
        ) from error


def _pixels(stack: Floats, inside: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    return [
        pixel_table(np.ascontiguousarray(stack[..., channel]), inside)
        for channel in range(stack.shape[-1])
    ]


def _image_parts(stack: Floats) -> list[NDArray[Any]]:
    height, width = stack.shape[1:3]
    largest = max(height, width)
    small = stack
    if largest > LARGEST_SIDE:
        sides = (max(1, round(side * LARGEST_SIDE / largest)) for side in (height, width))
        small = shrink(stack, *sides)
    tables = _pixels(small, np.ones(small.shape[:3], dtype=bool))
    if small is not stack:
        for channel, table in enumerate(tables):
            values = stack[..., channel].reshape(len(stack), -1)
            exact = [values.mean(1, dtype=np.float64), values.std(1, dtype=np.float64)]
            table[:, :FULL_SIZE] = np.stack([*exact, values.min(1), values.max(1)], axis=1)
    return [*tables, look_table(small)]
