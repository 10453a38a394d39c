"""Images and annotations, together *things*, and the kinds and categories they belong to."""

import os
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.training import PIXIMI_SETTINGS, Settings

__all__ = [
    "IMAGE_KIND",
    "PALETTE",
    "UNKNOWN_COLOR",
    "UNKNOWN_NAME",
    "Annotation",
    "ArrayPixels",
    "BBox",
    "Category",
    "Channel",
    "Image",
    "Kind",
    "Partition",
    "Pixels",
    "Prediction",
    "Thing",
    "default_channels",
    "is_unknown",
    "new_id",
    "new_ids",
]

IMAGE_KIND = "Image"
UNKNOWN_NAME = "Unknown"
UNKNOWN_COLOR = "#AAAAAA"
PALETTE = (
    "#C84C4C", "#E60000", "#8B0000", "#C71585", "#DB7093", "#004949", "#009292", "#490092",
    "#006DDB", "#B66DFF", "#6DB6FF", "#B6DBFF", "#924900", "#DB6D00", "#237700", "#A89D00",
    "#000000",
)  # fmt: skip
CHANNEL_COLORS = (
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0),
    (1.0, 1.0, 0.0),
    (0.0, 1.0, 1.0),
    (1.0, 0.0, 1.0),
)
WHITE = (1.0, 1.0, 1.0)

BBox = tuple[int, int, int, int]
"""(min_row, min_col, max_row, max_col), the maxima exclusive, as in scikit-image."""


class Partition(StrEnum):
    """What a thing is used for."""

    UNASSIGNED = "Unassigned"
    TRAINING = "Training"
    VALIDATION = "Validation"
    INFERENCE = "Inference"


class Pixels(Protocol):
    """An array (Z, Y, X, C) that may still lie in a file; :func:`numpy.asarray` reads it.

    Floating-point pixels are in 0…1; integers are scaled by 2**bit_depth − 1 where a sample
    is built. Two are equal only if they are one and the same.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis: Z, Y, X, C."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        """Read all of it."""


@dataclass(frozen=True, slots=True, eq=False)
class ArrayPixels:
    """Pixels that are in memory.

    Parameters
    ----------
    array : (Z, Y, X, C) array
        Not to be changed any more.
    """

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis: Z, Y, X, C."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.array.dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        """Return the array itself, or a converted copy."""
        return np.array(self.array, dtype=dtype, copy=True if copy else None)


@dataclass(frozen=True, slots=True)
class Channel:
    """How one channel of an image is shown; colour and range do not touch the pixels.

    Attributes
    ----------
    color : (red, green, blue), each 0…1
    minimum, maximum : float
        Displayed range, in 0…1 units of the data.
    visible : bool
    """

    color: tuple[float, float, float] = WHITE
    minimum: float = 0.0
    maximum: float = 1.0
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a classifier says of a thing, apart from what the user says.

    Attributes
    ----------
    category : str
        Category id.
    probability : float or None
        Of that category; None where the file does not tell (Piximi does not save it).
    """

    category: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A stack of planes with channels.

    Attributes
    ----------
    id, name : str
    category : str
        Category id, as the user set it.
    pixels : Pixels
        (Z, Y, X, C).
    bit_depth : int
        8 or 16: integer values are divided by 2**bit_depth − 1.
    channels : tuple of Channel
        One per channel of `pixels`.
    partition : Partition
    plane : int
        The plane on show, and the one that samples are built from.
    prediction : Prediction or None
    pixel_size : (z, y, x) in micrometres, or None when not known
    """

    id: str
    name: str
    category: str
    pixels: Pixels
    bit_depth: int = 8
    channels: tuple[Channel, ...] = ()
    partition: Partition = Partition.INFERENCE
    plane: int = 0
    prediction: Prediction | None = None
    pixel_size: tuple[float, float, float] | None = None

    @property
    def kind(self) -> str:
        """Id of the kind of all images."""
        return IMAGE_KIND


@dataclass(frozen=True, slots=True)
class Annotation:
    """An object on one plane of an image.

    Attributes
    ----------
    id, name : str
    kind : str
        Kind id.
    category : str
        Category id, as the user set it.
    image : str
        Id of the image it lies on.
    bbox : (min_row, min_col, max_row, max_col)
    runs : bytes
        Its mask over `bbox` as run lengths; see :mod:`napari_piximi.model.masks`.
    bit_depth : int
        That of its image.
    pixels : Pixels or None
        What the bundle stores for it, (Z, Y, X, C) with Y, X as `bbox`; None means the
        image's pixels, cropped.
    partition : Partition
    plane : int
        The plane of the image it lies on.
    prediction : Prediction or None
    """

    id: str
    name: str
    kind: str
    category: str
    image: str
    bbox: BBox
    runs: bytes
    bit_depth: int = 8
    pixels: Pixels | None = None
    partition: Partition = Partition.UNASSIGNED
    plane: int = 0
    prediction: Prediction | None = None


Thing = Image | Annotation


@dataclass(frozen=True, slots=True)
class Category:
    """A label inside one kind.

    Attributes
    ----------
    id : str
        Begins with "0" exactly when it is the Unknown category of its kind.
    name : str
        Unique in its kind, whatever the case.
    color : str
        ``#RRGGBB``.
    kind : str
        Kind id.
    visible : bool
    """

    id: str
    name: str
    color: str
    kind: str
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of things: ``Image``, or one sort of objects.

    Attributes
    ----------
    id, name : str
    categories : tuple of str
        Category ids in the user's order, Unknown included.
    unknown : str
        Id of the Unknown category.
    visible : bool
    settings : Settings
        What a new classifier of this kind starts from.
    """

    id: str
    name: str
    categories: tuple[str, ...]
    unknown: str
    visible: bool = True
    settings: Settings = PIXIMI_SETTINGS


def new_id(*, unknown: bool = False) -> str:
    """Return a fresh id: a UUID4 whose first character is Piximi's mark for Unknown or not."""
    return ("0" if unknown else "1") + str(uuid.uuid4())[1:]


def new_ids(count: int) -> list[str]:
    """Return as many fresh ids as :func:`new_id` does one by one, in a fifth of its time."""
    digits = os.urandom(16 * count).hex()
    variants = "89ab" * 4
    return [
        f"1{d[1:8]}-{d[8:12]}-4{d[13:16]}-{variants[int(d[16], 16)]}{d[17:20]}-{d[20:]}"
        for d in (digits[start : start + 32] for start in range(0, 32 * count, 32))
    ]


def is_unknown(category: str) -> bool:
    """Tell whether a category id is that of an Unknown category."""
    return category.startswith("0")


def default_channels(count: int) -> tuple[Channel, ...]:
    """Return Piximi's first look: one channel white, else red, green, blue, yellow, cyan, magenta.

    With more than three channels only the first is visible.
    """
    if count == 1:
        return (Channel(),)
    colors = (*CHANNEL_COLORS, *[WHITE] * count)[:count]
    return tuple(Channel(color, visible=count <= 3 or i == 0) for i, color in enumerate(colors))
