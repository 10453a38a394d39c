"""Samples: what a network sees of things, with exactly Piximi's numbers.

Samples are built once. Those that exceed the memory budget lie in a memory-mapped file
that goes when they are closed.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.learn.resampling import FULL_BOX, crop_and_resize, match_boxes, pad_to
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Thing
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress, silent

__all__ = ["MEMORY_BUDGET", "Samples", "build_samples", "reading_order"]

MEMORY_BUDGET = 2**30
"""Bytes of samples that are kept in memory."""

PENDING_BYTES = 192 * 2**20
"""Bytes of planes and their samples that wait to be resized together."""

FEW = 4
"""Below this many planes of one shape, numpy is quicker than a call of TensorFlow."""

Floats = NDArray[np.float32]


class Samples:
    """Samples of things, in memory or in a file.

    Parameters
    ----------
    shape : (N, Y, X, C)
    memory_budget : int
        Bytes above which they go to a temporary file.

    Attributes
    ----------
    values : (N, Y, X, C) float32 array
        0…1, or raw values if the settings do not rescale.
    """

    def __init__(
        self, shape: tuple[int, int, int, int], memory_budget: int = MEMORY_BUDGET
    ) -> None:
        self.shape = shape
        self._file: str | None = None
        self._values: Floats | None = None
        if 4 * int(np.prod(shape, dtype=np.int64)) > memory_budget:
            handle, self._file = tempfile.mkstemp(prefix="napari-piximi-", suffix=".npy")
            os.close(handle)
            self._values = np.lib.format.open_memmap(
                self._file, mode="w+", dtype=np.float32, shape=shape
            )

    @property
    def values(self) -> Floats:
        """(N, Y, X, C) float32 array."""
        if self._values is None:
            self._values = np.zeros(self.shape, dtype=np.float32)
        return self._values

    @property
    def in_file(self) -> bool:
        """Whether they lie in a temporary file."""
        return self._file is not None

    def put(self, indices: Sequence[int], part: Floats) -> None:
        """Store some of them; all of them at once are taken over without a copy."""
        if self._values is None and list(indices) == list(range(len(self))):
            self._values = part
        else:
            self.values[np.asarray(indices)] = part

    def close(self) -> None:
        """Let go of the memory, or delete the file."""
        self._values = None
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._file)
            self._file = None

    def __len__(self) -> int:
        return self.shape[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def build_samples(
    project: Project,
    things: Sequence[Thing],
    settings: Settings,
    channels: int,
    *,
    crops: int = 1,
    backend: str = "numpy",
    memory_budget: int = MEMORY_BUDGET,
    progress: Progress = silent,
) -> Samples:
    """Build the samples of things; close them after use.

    Parameters
    ----------
    project : Project
        Holds the things and the images they lie on.
    things : sequence of N things
    settings : Settings
        Input size, crop schema, rescaling; `center` is obeyed as it stands.
    channels : int
        Of the network's input.
    crops : int
        With crop schema Match and more than one, random pieces per thing (seeded), those of
        thing i at ``i * crops`` and after; else one piece from the centre.
    backend : str
        Of Keras; with ``"tensorflow"``, TensorFlow resizes.
    memory_budget : int
        Bytes above which the samples go to a temporary file.
    progress : Progress

    Raises
    ------
    FitError
        If a thing has other channels, no pixels, or values that are no finite numbers.
    Cancelled
        If `progress` raises it; nothing is left behind.

    Notes
    -----
    Sources: Piximi's `preprocess.ts`; the plane of a thing is sampled, or the last one that
    is stored (annotations saved with fewer planes).
    """
    crops = crops if settings.crop_schema == "Match" else 1
    shape = (len(things) * crops, settings.height, settings.width, channels)
    samples = Samples(shape, memory_budget)
    try:
        done = 0

        def tick() -> None:
            progress(done, len(things), "Reading things")

        limit = min(PENDING_BYTES, memory_budget // 2)
        pending = _Pending(samples, settings, crops, backend, limit, tick)
        for index, plane in _planes(project, things):
            _check_plane(things[index], plane, channels)
            pending.add(index, things[index], plane)
            done += 1
            if done % 64 == 0:
                tick()
        pending.flush()
        tick()
    except BaseException:
        samples.close()
        raise
    return samples


def reading_order(things: Sequence[Thing]) -> list[int]:
    """Return indices such that annotations without pixels of their own lie by image."""
    images: dict[str, int] = {}
    ranks = [
        images.setdefault(thing.image, len(images) + 1)
        if isinstance(thing, Annotation) and thing.pixels is None
        else 0
        for thing in things
    ]
    return sorted(range(len(things)), key=ranks.__getitem__)


def _planes(project: Project, things: Sequence[Thing]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield index and plane (Y, X, C) of each thing, reading each image once."""
    held: tuple[str, NDArray[Any]] | None = None
    for index in reading_order(things):
        thing = things[index]
        if isinstance(thing, Annotation) and thing.pixels is None:
            if held is None or held[0] != thing.image:
                held = thing.image, np.asarray(project.things[thing.image].pixels)
            top, left, bottom, right = thing.bbox
            plane = held[1][min(thing.plane, len(held[1]) - 1), top:bottom, left:right]
            yield index, plane.copy()  # a view would keep the whole image in memory
        else:
            array = np.asarray(thing.pixels)
            plane = array[min(thing.plane, len(array) - 1)]
            yield index, plane.copy() if len(array) > 1 else plane


def _check_plane(thing: Thing, plane: NDArray[Any], channels: int) -> None:
    if 0 in plane.shape:
        raise FitError(f"{thing.name!r} ({thing.id}) has no pixels: its plane is {plane.shape}")
    if plane.shape[-1] != channels:
        raise FitError(
            f"{thing.name!r} ({thing.id}) has {plane.shape[-1]} channels, "
            f"but the classifier takes {channels}"
        )
    with np.errstate(over="ignore"):
        numbers = plane.astype(np.float32, copy=False) if plane.dtype.kind == "f" else plane
    if plane.dtype.kind == "f" and not np.isfinite(numbers).all():
        raise FitError(f"{thing.name!r} ({thing.id}) has pixels that are NaN or infinite")


@dataclass
class _Pending:
    """Planes that wait, by shape, to be resized with one call per shape."""

    samples: Samples
    settings: Settings
    crops: int
    backend: str
    limit: int
    tick: Callable[[], None]
    groups: dict[tuple[Any, ...], list[tuple[int, NDArray[Any]]]] = field(default_factory=dict)
    size: int = 0

    def __post_init__(self) -> None:
        # Drawn for all at once: where a thing is cut does not depend on who waits with it.
        self.places = np.full((len(self.samples), 2), 0.5)
        if self.crops > 1:
            self.places = np.random.default_rng((self.settings.seed, 3)).random(self.places.shape)

    def add(self, index: int, thing: Thing, plane: NDArray[Any]) -> None:
        if self.settings.crop_schema == "Match":
            plane = pad_to(plane, self.settings.height, self.settings.width)
        key = (plane.shape, plane.dtype, thing.bit_depth)
        self.groups.setdefault(key, []).append((index, plane))
        self.size += 4 * (plane.size + self.crops * int(np.prod(self.samples.shape[1:])))
        if self.size > self.limit:
            self.flush()

    def flush(self) -> None:
        for (_, dtype, bit_depth), group in self.groups.items():
            stack = np.stack([plane for _, plane in group])
            owners = [index for index, _ in group]
            indices = [owner * self.crops + i for owner in owners for i in range(self.crops)]
            part = self._resize(indices, stack, 2**bit_depth - 1 if dtype.kind in "iub" else 1)
            self.samples.put(indices, self._finish(part, bit_depth))
            self.tick()
        self.groups.clear()
        self.size = 0

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
