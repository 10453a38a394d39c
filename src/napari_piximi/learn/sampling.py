"""Samples: what a network sees of things, with exactly Piximi's numbers.

Samples are built once. Those that exceed the memory budget lie in a memory-mapped file
that goes when they are closed.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.io.planes import lend_planes
from napari_piximi.learn.gathering import Gathering, check_numbers
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Pixels, Thing
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress, silent

__all__ = [
    "MEMORY_BUDGET",
    "Planes",
    "Samples",
    "build_samples",
    "check_plane",
    "planes_of",
    "reading_order",
]

MEMORY_BUDGET = 2**30
"""Bytes of samples that are kept in memory."""

PENDING_BYTES = 192 * 2**20
"""Bytes of planes and their samples that wait to be resized together."""

Floats = NDArray[np.float32]


class Samples:
    """Samples of things, in memory or in a file.

    Parameters
    ----------
    shape : (N, Y, X, C)
    memory_budget : int
        Bytes above which they go to a temporary file.
    into : float32 array of that shape, optional
        To hold them.

    Attributes
    ----------
    values : (N, Y, X, C) float32 array
        0…1, or raw values if the settings do not rescale.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        memory_budget: int = MEMORY_BUDGET,
        into: Floats | None = None,
    ) -> None:
        self.shape = shape
        self._file: str | None = None
        self._values = into
        if into is None and 4 * int(np.prod(shape, dtype=np.int64)) > memory_budget:
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
        first = indices[0]
        if list(indices) != list(range(first, first + len(part))):
            self.values[np.asarray(indices)] = part
        elif self._values is None and len(part) == len(self):
            self._values = part
        else:
            self.values[first : first + len(part)] = part

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


class Planes:
    """Reads the planes of things; the image that was read last is kept for the next ones.

    Parameters
    ----------
    project : Project
        Holds the images that the things lie on.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._image: tuple[str, NDArray[Any]] | None = None

    def of(self, things: Sequence[Thing]) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield index and plane (Y, X, C) of each thing, in whatever order is quickest."""
        for indices, planes in self.lend(things):
            yield from zip(indices, map(np.copy, planes), strict=True)

    def lend(self, things: Sequence[Thing]) -> Iterator[tuple[Sequence[int], NDArray[Any]]]:
        """Yield indices of things and their planes (N, Y, X, C), some at a time.

        They are lent: their values become others when the next are asked for.
        """
        own: list[int] = []
        wanted: list[tuple[Pixels, int]] = []
        for index, thing in enumerate(things):
            if thing.pixels is not None:
                own.append(index)
                wanted.append((thing.pixels, thing.plane))
        for numbers, planes in lend_planes(wanted):
            yield [own[number] for number in numbers], planes
        for index in reading_order(things) if len(own) < len(things) else ():
            thing = things[index]
            if isinstance(thing, Annotation) and thing.pixels is None:
                yield [index], self._cut(thing)[np.newaxis]

    def _cut(self, thing: Annotation) -> NDArray[Any]:
        if self._image is None or self._image[0] != thing.image:
            self._image = thing.image, np.asarray(self._project.things[thing.image].pixels)
        image = self._image[1]
        top, left, bottom, right = thing.bbox
        return image[min(thing.plane, len(image) - 1), top:bottom, left:right]


def build_samples(
    project: Project,
    things: Sequence[Thing],
    settings: Settings,
    channels: int,
    *,
    crops: int = 1,
    backend: str = "numpy",
    memory_budget: int = MEMORY_BUDGET,
    planes: Planes | None = None,
    into: Floats | None = None,
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
    planes : Planes, optional
        Reads them, and may have an image at hand.
    into : float32 array of the samples' shape, optional
        To hold them: memory that is used again is quicker than new memory.
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
    samples = Samples(shape, memory_budget, into)
    try:
        done = 0

        def tick() -> None:
            progress(done, len(things), "Reading things")

        limit = min(PENDING_BYTES, memory_budget // 2)
        gathering = Gathering(samples.put, shape, settings, crops, backend, limit, tick)
        for indices, stack in (planes or Planes(project)).lend(things):
            _check_shape(things[indices[0]], stack[0], channels)
            gathering.extend(indices, [things[index] for index in indices], stack)
            done += len(indices)
            if done % 64 < len(indices):
                tick()
        gathering.flush()
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


def planes_of(project: Project, things: Sequence[Thing]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield index and plane (Y, X, C) of each thing, in whatever order is quickest.

    Each image is read once, and neighbours in a bundle in one go.
    """
    return Planes(project).of(things)


def check_plane(thing: Thing, plane: NDArray[Any], channels: int) -> None:
    """Refuse a thing's plane (Y, X, C) that nothing can be learnt from.

    Raises
    ------
    FitError
        If it is empty, has other channels, or values that are no finite numbers.
    """
    _check_shape(thing, plane, channels)
    check_numbers(thing, plane)


def _check_shape(thing: Thing, plane: NDArray[Any], channels: int) -> None:
    if 0 in plane.shape:
        raise FitError(f"{thing.name!r} ({thing.id}) has no pixels: its plane is {plane.shape}")
    if plane.shape[-1] != channels:
        raise FitError(
            f"{thing.name!r} ({thing.id}) has {plane.shape[-1]} channels, "
            f"but the classifier takes {channels}"
        )
