"""How Image layers may become images: the outcomes to choose from, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import EditError
from napari_piximi.ui.layer_sources import Source

__all__ = ["Outcome", "Planned", "fits", "outcomes"]

FEW = 6
"""Pages of a stack that may as well be channels."""
MOST_AXES = 4


@dataclass(frozen=True)
class Planned:
    """One image that is to be.

    Attributes
    ----------
    name : str
    sources : tuple of Source
        One for each channel, or one that holds all.
    order : tuple of int
        How the axes of the source go into (Z, Y, X, C); −1 stands for an axis of length 1.
    shape : (Z, Y, X, C)
    """

    name: str
    sources: tuple[Source, ...]
    order: tuple[int, int, int, int]
    shape: tuple[int, int, int, int]

    def read(self) -> NDArray[Any]:
        """Return all pixels, (Z, Y, X, C), in an array of their own."""
        parts = [_arranged(source.array(), self.order) for source in self.sources]
        return np.concatenate(parts, axis=-1)


@dataclass(frozen=True)
class Outcome:
    """What layers may become.

    Attributes
    ----------
    text : str
        ``1 image, 5 planes, 3 channels, 512 × 512``.
    images : tuple of Planned
    """

    text: str
    images: tuple[Planned, ...]

    @property
    def channels(self) -> int:
        """Channels of each image."""
        return self.images[0].shape[-1]


def outcomes(sources: Sequence[Source], channels: int | None) -> list[Outcome]:
    """Return what Image layers of one shape may become, the likeliest first.

    Parameters
    ----------
    sources : sequence of Source
        At least one.
    channels : int or None
        What the images of the project have.

    Returns
    -------
    list of Outcome
        One if there is no doubt. Those that suit the project are left, if any does.

    Raises
    ------
    EditError
        If a layer has more axes than an image can have.
    """
    found = _all(list(sources))
    suiting = [outcome for outcome in found if channels in (None, outcome.channels)] or found
    # the lowest layer of a multichannel image is often not additive: there is nothing beneath
    sure = len(sources) > 1 and all(source.additive for source in sources[1:])
    return suiting[:1] if sure else suiting


def fits(labels: Source, shape: Sequence[int]) -> bool:
    """Tell whether labels are as large as an image (Z, Y, X, C), or as one of its planes."""
    return labels.shape in (tuple(shape[1:3]), tuple(shape[:3]))


def _all(sources: list[Source]) -> list[Outcome]:
    first = sources[0]
    if len(first.shape) > MOST_AXES or len(first.shape) + first.rgb > MOST_AXES:
        raise EditError(
            f"{first.name!r} has {len(first.shape)} axes of more than one element; an image has "
            "planes, rows, columns and channels"
        )
    if first.rgb:
        axes = (-1, 0, 1, 2) if len(first.shape) == 2 else (0, 1, 2, 3)
        return [_apart(sources, axes)]
    if len(first.shape) == 2:
        single = _apart(sources, (-1, 0, 1, -1))
    elif len(first.shape) == 3:
        single = _apart(sources, (0, 1, 2, -1))
    else:
        return [_apart(sources, (1, 2, 3, 0)), _apart(sources, (0, 2, 3, 1))]
    if len(sources) > 1:
        joined = _joined(sources, single.images[0].order)
        likely = any(source.additive for source in sources)
        return [joined, single] if likely else [single, joined]
    if len(first.shape) == 3 and first.shape[0] <= FEW:
        return [single, _apart(sources, (-1, 1, 2, 0))]
    return [single]


def _apart(sources: Sequence[Source], order: tuple[int, int, int, int]) -> Outcome:
    shape = _shape(sources[0], order)
    images = tuple(Planned(source.name, (source,), order, shape) for source in sources)
    return Outcome(_said(len(images), shape), images)


def _joined(sources: Sequence[Source], order: tuple[int, int, int, int]) -> Outcome:
    z, y, x, _ = _shape(sources[0], order)
    shape = z, y, x, len(sources)
    image = Planned(_common_name(sources), tuple(sources), order, shape)
    return Outcome(_said(1, shape), (image,))


def _shape(source: Source, order: Sequence[int]) -> tuple[int, int, int, int]:
    lengths = (*source.shape, 3) if source.rgb else source.shape
    z, y, x, c = (1 if axis < 0 else lengths[axis] for axis in order)
    return z, y, x, c


def _arranged(array: NDArray[Any], order: Sequence[int]) -> NDArray[Any]:
    kept = array.transpose([axis for axis in order if axis >= 0])
    return np.expand_dims(kept, [place for place, axis in enumerate(order) if axis < 0])


def _said(count: int, shape: Sequence[int]) -> str:
    planes, rows, columns, channels = shape
    return ", ".join(
        (
            _counted(count, "image"),
            _counted(planes, "plane"),
            _counted(channels, "channel"),
            f"{rows} × {columns}",
        )
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _common_name(sources: Sequence[Source]) -> str:
    """Return what names of channels begin with, or the first name."""
    first, last = min(s.name for s in sources), max(s.name for s in sources)
    same = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:same].rstrip(" -_·:[(.") or sources[0].name
