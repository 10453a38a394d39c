"""What the import of images does in other threads: look at many files, and read them."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_piximi.errors import Cancelled, PiximiError
from napari_piximi.io.images import ImageFacts, image_files, inspect_image, read_images
from napari_piximi.io.scratch import FilePixels, Scratch
from napari_piximi.model.things import Image
from napari_piximi.progress import Progress, silent

__all__ = ["Refused", "Surveyed", "read_all", "read_pages", "survey"]

Refused = dict[Path, str]
"""Files that cannot be read, and why."""

BATCH_BYTES = 64 << 20
"""So many bytes of pixels are kept in memory before they are written to one scratch file."""

MAX_PREVIEW_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a look at files found.

    Attributes
    ----------
    facts : list of ImageFacts
        One for each file that can be read, in natural order of their names.
    refused : dict of Path to str
    """

    facts: list[ImageFacts]
    refused: Refused


def survey(paths: Sequence[Path], progress: Progress = silent) -> Surveyed:
    """Look at files, and at those in folders, without reading pixels.

    Raises
    ------
    Cancelled
        If `progress` raises it.
    """
    refused: Refused = {}
    named: list[Path] = []
    for path in paths:
        try:
            named += image_files([path])
        except (PiximiError, OSError) as error:
            refused[path] = _reason(path, error)
    files = image_files(named) if named else []
    facts: list[ImageFacts] = []
    for number, file in enumerate(files):
        progress(number, len(files), f"Looking at {file.name}")
        try:
            facts.append(inspect_image(file))
        except (PiximiError, OSError) as error:
            refused[file] = _reason(file, error)
    return Surveyed(facts, refused)


def read_all(
    files: Sequence[tuple[Path, int]], scratch: Scratch, category: str, progress: Progress = silent
) -> tuple[list[Image], Refused]:
    """Read image files; their pixels go to scratch files, so that memory stays free.

    Parameters
    ----------
    files : sequence of (path, channels)
    scratch : Scratch
    category : str
        Id of the category that the images get.
    progress : Progress, optional

    Returns
    -------
    images : list of Image
    refused : dict of Path to str
        Files that turned out to be damaged.

    Raises
    ------
    Cancelled
        If `progress` raises it; what was written so far is deleted.
    RecoveryError
        If scratch files cannot be written.
    """
    refused: Refused = {}
    kept: list[Image] = []
    waiting: list[Image] = []
    try:
        for number, (path, channels) in enumerate(files):
            progress(number, len(files), f"Reading {path.name}")
            try:
                waiting += _read(path, channels, category)
            except (PiximiError, OSError) as error:
                refused[path] = _reason(path, error)
            if sum(np.asarray(image.pixels).nbytes for image in waiting) > BATCH_BYTES:
                kept += _keep(waiting, scratch)
                waiting = []
        kept += _keep(waiting, scratch)
        progress(len(files), len(files), "Read")
    except BaseException:
        _forget(kept)
        raise
    return kept, refused


def _read(path: Path, channels: int, category: str) -> list[Image]:
    images = read_images(path, channels=channels, category=category)
    if any(image.pixels.shape[-1] != channels for image in images):
        raise PiximiError(f"some of its images do not have {channels} channels")
    return images


def _keep(images: Sequence[Image], scratch: Scratch) -> list[Image]:
    if not images:
        return []
    pixels = scratch.put_all(np.asarray(image.pixels) for image in images)
    return [replace(image, pixels=file) for image, file in zip(images, pixels, strict=True)]


def _forget(images: Sequence[Image]) -> None:
    for image in images:
        if isinstance(image.pixels, FilePixels):
            with suppress(OSError):
                image.pixels.path.unlink(missing_ok=True)


def read_pages(
    facts: ImageFacts, progress: Progress = silent
) -> "np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None":
    """Read the pages of a stack for a preview; None where it is too large for one.

    Returns
    -------
    (P, Y, X) array
        In the file's order: page = plane × channels + channel.
    """
    planes, height, width, channels = facts.shape
    if planes * height * width * channels * facts.dtype.itemsize > MAX_PREVIEW_BYTES:
        return None
    first = facts.choices[0]
    pixels = np.asarray(read_images(facts.path, channels=first, category="")[0].pixels)
    progress(1, 1, "Read")
    return np.moveaxis(pixels, -1, 1).reshape(-1, *pixels.shape[1:3])


def _reason(path: Path, error: BaseException) -> str:
    """Return what is wrong with a file, without its path, which is told beside it."""
    if isinstance(error, Cancelled):
        raise error
    text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    return " ".join(text.removeprefix(f"{path}:").split()) or type(error).__name__
