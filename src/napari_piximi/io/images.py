"""Image files in: PNG, JPEG, BMP, TIFF and DICOM.

What a file is, its first bytes say, not its name. How values are kept, alpha dropped and so
on is told in the modules that read each format; none reads more than one file's pixels at once.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from napari_piximi.errors import ImageFileError, PiximiError, PiximiWarning
from napari_piximi.io import _dicom, _pictures, _tiff
from napari_piximi.io._image_facts import ImageFacts, Stack
from napari_piximi.io._image_values import bit_depth_of, channels_of, settle
from napari_piximi.io._warn import listed, warn
from napari_piximi.model.natural_order import casefolded, natural_ranks
from napari_piximi.model.project import Project
from napari_piximi.model.things import ArrayPixels, Image, Partition, new_id
from napari_piximi.progress import Progress, silent

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageFacts",
    "explain_channels",
    "image_files",
    "inspect_image",
    "read_images",
    "settled_pixels",
]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".dcm", ".dicom")
DICOM_SUFFIXES = (".dcm", ".dicom")
HEAD = 132


class _Format(NamedTuple):
    inspect: Callable[[Path], ImageFacts]
    read: Callable[[Path, int | None, Progress], Iterator[Stack]]


def image_files(paths: Iterable[Path | str]) -> list[Path]:
    """List the image files among files and folders.

    Parameters
    ----------
    paths : iterable of path
        Of a folder all image files in it are taken; hidden files, files of other kinds and
        its sub-folders are passed over.

    Returns
    -------
    list of Path
        In natural order (``cell2`` before ``cell10``), each once.

    Raises
    ------
    ImageFileError
        If a file that was named itself is missing or no image file going by its name, or a
        folder has no image in it.
    """
    found: set[Path] = set()
    refused: list[str] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [one for one in path.iterdir() if _is_image(one) and one.name[0] != "."]
            found.update(inside)
            refused += [] if inside else [f"{path.name} (a folder with no image files in it)"]
        elif _is_image(path):
            found.add(path)
        else:
            refused.append(path.name if path.exists() else f"{path.name} (there is no such file)")
    if refused:
        kinds = ", ".join(suffix[1:].upper() for suffix in IMAGE_SUFFIXES if len(suffix) == 4)
        raise ImageFileError(f"Not read: {listed(refused)}. Image files are {kinds}")
    files = sorted(found)
    ranks = natural_ranks(casefolded(["\1".join(file.parts) for file in files]))
    return [files[place] for place in ranks.argsort(kind="stable").tolist()]


def _is_image(path: Path) -> bool:
    """Go by the name; a file without a suffix may be DICOM, as on a hospital's disc."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return path.is_file()
    if path.suffix or not path.is_file():
        return False
    try:
        return _head(path)[128:] == _dicom.DICOM_MARK
    except OSError:
        return False


def inspect_image(path: Path | str) -> ImageFacts:
    """Read what an image file says of itself, not its pixels.

    Raises
    ------
    ImageFileError
        If it cannot be read, or claims to be absurdly large.
    """
    path = Path(path)
    with _refusing(path):
        return _format(path).inspect(path)


def read_images(
    path: Path | str,
    *,
    category: str,
    channels: int | None = None,
    progress: Progress = silent,
) -> list[Image]:
    """Read all images of one file.

    Parameters
    ----------
    path : path
    category : str
        Id of the category that they get: that of Unknown of the kind Image.
    channels : int, optional
        How many channels the images have. Needed where the file does not tell (then
        ``inspect_image(path).certain`` is False): page = plane × channels + channel, as in
        Piximi. If given it also overrules a file that tells.
    progress : callable
        Called for each page.

    Returns
    -------
    list of Image
        Named as the file; if there are several, with a number added.

    Raises
    ------
    ImageFileError
        If the file is damaged, cut short, of no known format, larger than 16 GiB in memory
        (2²⁸ pixels for PNG, JPEG and BMP), or has not that many channels.
    Cancelled
        If `progress` raises it.

    Warns
    -----
    PiximiWarning
        If values had to be scaled or replaced, or the file holds less than it says.
    """
    path = Path(path)
    name = os.fsencode(path.name).decode("utf-8", "replace")  # Linux takes any bytes for a name
    with _refusing(path):
        stacks = list(_format(path).read(path, channels, progress))
        images = [
            _image(stack, name if len(stacks) == 1 else f"{name} ({number})", category)
            for number, stack in enumerate(stacks, 1)
        ]
    for image, stack in zip(images, stacks, strict=True):
        for note in stack.notes:
            warn(f"{image.name}: {note}")
    return images


def _image(stack: Stack, name: str, category: str) -> Image:
    return Image(
        id=new_id(),
        name=name,
        category=category,
        pixels=ArrayPixels(stack.array),
        bit_depth=bit_depth_of(stack.array),
        channels=channels_of(stack.array),
        partition=Partition.INFERENCE,
        pixel_size=stack.pixel_size,
    )


def explain_channels(project: Project, name: str, channels: int) -> str | None:
    """Tell in plain words why an image does not suit a project; None if it does.

    Parameters
    ----------
    project : Project
    name : str
        Of the image.
    channels : int
        Of the image.
    """
    wanted = project.image_channels
    if wanted is None or wanted == channels:
        return None
    return (
        f"{name} has {_counted(channels)}, but the images of {project.name!r} have {wanted}. "
        "All images of a project need the same number of channels: " + _way_out(channels, wanted)
    )


def _counted(channels: int) -> str:
    if channels == 3:
        return "3 channels (red, green and blue, if it is a colour picture)"
    return "1 channel" if channels == 1 else f"{channels} channels"


def _way_out(channels: int, wanted: int) -> str:
    if channels == 3 and wanted == 1:
        return "convert it to grey, or begin a new project for colour images."
    if channels == 1:
        return f"merge {wanted} such files into one stack, or begin a new project for it."
    if channels < wanted:
        return f"add the {wanted - channels} that it lacks, or begin a new project for it."
    return f"keep only {wanted} of its channels, or begin a new project for it."


def _format(path: Path) -> _Format:
    """Choose by the first bytes.

    Raises
    ------
    ImageFileError
        If they are of no format that we read.
    """
    head = _head(path)
    if head[128:] == _dicom.DICOM_MARK:  # first, since the 128 bytes before may look like TIFF
        return _Format(_dicom.inspect, _dicom.read)
    if head.startswith(_tiff.TIFF_MARKS):
        return _Format(_tiff.inspect, _tiff.read)
    if head.startswith((_pictures.PNG_MARK, _pictures.JPEG_MARK, _pictures.BMP_MARK)):
        return _Format(_pictures.inspect, _pictures.read)
    if head and path.suffix.lower() in DICOM_SUFFIXES:
        return _Format(_dicom.inspect, _dicom.read)
    said = "is empty" if not head else "is no PNG, JPEG, BMP, TIFF or DICOM, whatever its name says"
    raise ImageFileError(f"{path}: {said}")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises on damaged bytes into one clear error."""
    try:
        yield
    except (PiximiError, PiximiWarning) as error:
        if isinstance(error, ImageFileError) and str(path) not in str(error):
            raise ImageFileError(f"{path}: {error}") from error
        raise
    except ImportError as error:
        package = error.name or str(error)
        raise ImageFileError(
            f"{path}: needs a package that is missing: pip install {package}"
        ) from error
    except MemoryError:
        raise ImageFileError(f"{path}: is too large for the memory of this computer") from None
    except Exception as error:
        reason = str(error).strip().partition("\n")[0][:300] or type(error).__name__
        raise ImageFileError(f"{path}: cannot be read; it may be damaged ({reason})") from error


def settled_pixels(array: NDArray[Any]) -> tuple[NDArray[Any], int, tuple[str, ...]]:
    """Bring values of any type into those that a project holds, as when files are read.

    Parameters
    ----------
    array : (Z, Y, X, C) array
        May be changed in place.

    Returns
    -------
    array : (Z, Y, X, C) array
        Of uint8 or uint16, or of float32 in 0…1.
    bit_depth : int
        8 or 16.
    notes : tuple of str
        What the user should be told of values that had to be rescaled.

    Raises
    ------
    ImageFileError
        If the values are no intensities, or none is finite.
    """
    stack = settle(Stack(array))
    return stack.array, bit_depth_of(stack.array), stack.notes
