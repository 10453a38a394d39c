"""PNG, JPEG and BMP.

Alpha is dropped. Palettes become red, green and blue. One bit becomes 0 and 255. A JPEG is
turned upright as its EXIF orientation says, which Piximi does too; ICC profiles, gamma and
printing resolution change nothing. Unlike Piximi, which makes three equal channels of them,
grey JPEG and BMP files have one channel.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ImageFileError
from napari_piximi.io._image_facts import (
    MAX_PICTURE_PIXELS,
    ImageFacts,
    Stack,
    cannot_regroup,
)
from napari_piximi.progress import Progress

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

__all__ = ["BMP_MARK", "JPEG_MARK", "PNG_MARK", "inspect", "read"]

PNG_MARK = b"\x89PNG\r\n\x1a\n"
JPEG_MARK = b"\xff\xd8\xff"
BMP_MARK = b"BM"
ORIENTATION = 0x0112
LUMINANCE = {"1", "L", "LA", "I;16", "I;16B", "I"}
COLOUR_16 = {2: 3, 4: 1, 6: 3}  # PNG colour types that PIL reduces to 8 bits → our channels


def inspect(path: Path) -> ImageFacts:
    """Read the header."""
    with _opened(path) as picture:
        wide = _wide_channels(picture, path)
        channels = wide or (1 if picture.mode in LUMINANCE else 3)
        dtype = np.dtype(np.uint16 if wide or picture.mode[0] == "I" else np.uint8)
        height, width = picture.height, picture.width
        if _orientation(picture) >= 5:
            height, width = width, height
    return ImageFacts(path, dtype, (1, height, width, channels), True, 1, (channels,))


def read(path: Path, channels: int | None, progress: Progress) -> Iterator[Stack]:
    """Yield the one image of the file.

    Raises
    ------
    ImageFileError
        If it has another number of channels than is asked for, or more than 2²⁸ pixels.
    """
    progress(0, 1, f"Reading {path.name}")
    with _opened(path) as picture:
        animated = getattr(picture, "n_frames", 1) if picture.format == "PNG" else 1
        notes = (f"is animated; only the first of its {animated} frames is read",)
        array = _values(picture, path)
    if channels not in (None, array.shape[-1]):
        raise cannot_regroup(path, channels, (array.shape[-1],))
    progress(1, 1, f"Reading {path.name}")
    yield Stack(np.ascontiguousarray(array)[np.newaxis], None, notes if animated > 1 else ())


@contextmanager
def _opened(path: Path) -> Iterator["ImageFile"]:
    """Open a picture by its own decoder, and check its size before anything is decoded."""
    with path.open("rb") as file:
        picture = _decoder(file)
        if picture.width * picture.height > MAX_PICTURE_PIXELS:
            raise ImageFileError(
                f"{path}: claims {picture.width} × {picture.height} pixels; a picture of more "
                f"than {MAX_PICTURE_PIXELS:,} is refused. Crop it, or save it as TIFF"
            )
        yield picture


def _decoder(file: BinaryIO) -> "ImageFile":
    """Choose by the first bytes. PIL's own ``open`` would try all its formats, and warn."""
    from PIL.BmpImagePlugin import BmpImageFile
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    start = file.read(8)
    file.seek(0)
    if start == PNG_MARK:
        return PngImageFile(file)
    return JpegImageFile(file) if start.startswith(JPEG_MARK) else BmpImageFile(file)


def _wide_channels(picture: "ImageFile", path: Path) -> int:
    """Return the channels of a 16-bit PNG with colour or alpha, which PIL cannot read; else 0."""
    if picture.format != "PNG":
        return 0
    with path.open("rb") as file:
        depth, colour = file.read(26)[24:26]
    return COLOUR_16.get(colour, 0) if depth == 16 else 0


def _values(picture: "ImageFile", path: Path) -> NDArray[Any]:
    """Decode to (Y, X, C)."""
    if wide := _wide_channels(picture, path):
        from imagecodecs import png_decode

        array: NDArray[Any] = png_decode(path.read_bytes())
        return array.reshape(*array.shape[:2], -1)[..., :wide]
    if picture.mode == "P":
        return _expanded(picture)
    if picture.mode in LUMINANCE:
        grey = np.asarray(picture)
        grey = grey * np.uint8(255) if grey.dtype == bool else grey
        grey = grey if grey.ndim == 2 else grey[..., 0]
        grey = grey.astype(np.uint16) if picture.mode[0] == "I" else grey
        return _upright(grey[..., np.newaxis], _orientation(picture))
    colour = np.asarray(picture if picture.mode in ("RGB", "RGBA") else picture.convert("RGB"))
    return _upright(colour[..., :3], _orientation(picture))


def _expanded(picture: "ImageFile") -> NDArray[Any]:
    """Look each index up; PIL's own conversion warns of transparency."""
    colours = np.zeros((256, 3), np.uint8)
    palette = np.asarray(picture.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    colours[: len(palette)] = palette
    expanded: NDArray[Any] = colours[np.asarray(picture)]
    return expanded


def _orientation(picture: "ImageFile") -> int:
    """Return the EXIF orientation of a JPEG, 1…8; damaged EXIF data say nothing."""
    if picture.format not in ("JPEG", "MPO"):
        return 1
    with suppress(SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error):
        found = picture.getexif().get(ORIENTATION, 1)
        return found if isinstance(found, int) and 1 <= found <= 8 else 1
    return 1


def _upright(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo what the orientation says was done; the table is that of EXIF 2.3, section 4.6.4."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array
