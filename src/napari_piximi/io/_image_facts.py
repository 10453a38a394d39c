"""What is known of an image file, and how large one may be."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ImageFileError
from napari_piximi.io._warn import listed

__all__ = [
    "MAX_BYTES",
    "MAX_PICTURE_PIXELS",
    "ImageFacts",
    "Stack",
    "cannot_regroup",
    "check_size",
    "divisors",
]

MAX_PICTURE_PIXELS = 1 << 28  # 16,384 × 16,384
MAX_BYTES = 1 << 34
UNSUSPICIOUS_BYTES = 1 << 28
MAX_EXPANSION = 1040  # Deflate cannot do better than 1032:1


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image file says of itself, without a look at its pixels.

    Attributes
    ----------
    path : Path
    dtype : dtype
        Of the values in the file.
    shape : (Z, Y, X, C)
        Of its first image; a guess unless `certain`.
    certain : bool
        Whether the file tells which of its pages are planes and which are channels; if not,
        :func:`~napari_piximi.io.images.read_images` must be told.
    pages : int
        Pages of its first image: planes × channels, but one page for all samples of a colour.
    choices : tuple of int
        The channel counts that fit, ascending.
    images : int
        Images in the file.
    """

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, int, int, int]
    certain: bool
    pages: int
    choices: tuple[int, ...]
    images: int = 1


class Stack(NamedTuple):
    """One image out of a file.

    Attributes
    ----------
    array : (Z, Y, X, C) array
    pixel_size : (z, y, x) in micrometres, or None
    notes : tuple of str
        What the user should be told.
    """

    array: NDArray[Any]
    pixel_size: tuple[float, float, float] | None = None
    notes: tuple[str, ...] = ()


def divisors(number: int) -> tuple[int, ...]:
    """Return all divisors, ascending."""
    small = [i for i in range(1, math.isqrt(number) + 1) if number % i == 0]
    return tuple(sorted({*small, *(number // i for i in small)}))


def check_size(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], packed: int) -> None:
    """Refuse what claims to be larger than it can or should be.

    Parameters
    ----------
    packed : int
        Bytes in the file.

    Raises
    ------
    ImageFileError
        If it has no pixels, needs more than 16 GiB, or would unpack beyond all reason.
    """
    size = math.prod(shape) * dtype.itemsize
    extent = " × ".join(str(length) for length in shape)
    if size <= 0:
        raise ImageFileError(f"{path}: holds no pixels (its size is {extent})")
    if size > MAX_BYTES:
        raise ImageFileError(
            f"{path}: claims {extent} values, {size / 2**30:.0f} GiB; "
            f"an image of more than {MAX_BYTES >> 30} GiB is refused. Crop or split it first"
        )
    if size > UNSUSPICIOUS_BYTES and size > packed * MAX_EXPANSION:
        raise ImageFileError(
            f"{path}: claims {extent} values in a file of {packed} bytes; "
            "it is damaged, or made to fill the memory, and is refused"
        )


def cannot_regroup(path: Path, channels: int | None, choices: tuple[int, ...]) -> ImageFileError:
    """Return the error for a channel count that is missing or does not fit."""
    fits = listed([str(choice) for choice in choices], 12).replace("'", "")
    if channels is None:
        return ImageFileError(
            f"{path}: does not tell which of its {choices[-1]} pages are channels and which are "
            f"planes; give the number of channels ({fits})"
        )
    return ImageFileError(f"{path}: cannot be read as {channels} channels; these would fit: {fits}")
