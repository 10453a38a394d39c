"""TIFF: which pages are planes and which are channels, and reading them one by one.

Axes come from ImageJ's or OME's metadata, or from those of other writers that tifffile knows.
Time and other axes become planes as well, time slowest, Z fastest; samples of a colour are the
fastest channels. Pages of one grey value each without such metadata may be either: the caller
says how many channels there are, and page = plane × channels + channel, as in Piximi.

Left out are alpha and the smaller copies in a pyramid. White-is-zero is inverted; 1, 2 and 4
bits are stretched to 8. Indices into a palette are intensities, as in Piximi, where ImageJ or
OME wrote the file or the palette gets no darker from index to index (a look-up table of a
microscope); any other palette is looked up. Orientation and ICC profiles change nothing, as in
ImageJ.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ImageFileError
from napari_piximi.io import _tiff_metadata as metadata
from napari_piximi.io._image_facts import (
    ImageFacts,
    Stack,
    cannot_regroup,
    check_size,
    divisors,
)
from napari_piximi.io._image_values import settle
from napari_piximi.io._tiff_lzw import is_sound
from napari_piximi.progress import Progress

__all__ = ["TIFF_MARKS", "inspect", "read"]

TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LIKELY_CHANNELS = 5
STRETCH = {1: 255, 2: 85, 4: 17}


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the blocks of one series, in the order of the file, fill (Z, Y, X, C).

    Attributes
    ----------
    axes : str
        tifffile's letters, slowest first.
    shape : tuple of int
    samples : int
        How many of the last samples are kept; the others are alpha.
    sure : bool
        Whether the letters mean what they say.
    """

    axes: str
    shape: tuple[int, ...]
    samples: int
    sure: bool

    @property
    def result(self) -> tuple[int, int, int, int]:
        """The shape (Z, Y, X, C)."""
        size = dict.fromkeys("YX", 1) | dict(zip(self.axes, self.shape, strict=True))
        channels = self._product("C") * self.samples
        planes = math.prod(n for a, n in zip(self.axes, self.shape, strict=True) if a not in "YXCS")
        return planes, size["Y"], size["X"], channels

    @property
    def pages(self) -> int:
        """Planes × channels."""
        planes, _, _, channels = self.result
        return planes * channels // self.samples

    @property
    def choices(self) -> tuple[int, ...]:
        """The channel counts that its pages could be divided into."""
        if self.samples > 1 or not self.axes.rstrip("S").endswith(("YX", "XY")):
            return (self.result[-1],)
        return divisors(self.pages)

    def _product(self, letter: str) -> int:
        return math.prod(n for a, n in zip(self.axes, self.shape, strict=True) if a == letter)

    def grouped(self, channels: int) -> "_Layout":
        """Return the layout with so many channels, the faster ones, whatever the letters say."""
        page = "".join(a for a in self.axes if a in "YXS")
        size = dict(zip(self.axes, self.shape, strict=True))
        shape = (self.pages // channels, channels, *(size[a] for a in page))
        return replace(self, axes="ZC" + page, shape=shape, sure=True)

    def target(self, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return an empty (Z, Y, X, C) and a view of it with the axes of the file."""
        kept = [self.samples if a == "S" else n for a, n in zip(self.axes, self.shape, strict=True)]
        order = sorted(range(len(kept)), key=lambda i: _rank(self.axes[i]))
        out = np.empty([kept[i] for i in order], dtype)
        return out.reshape(self.result), out.transpose(np.argsort(order))


def _rank(axis: str) -> int:
    """Order the axes: time, others, Z, then Y, X, channels, samples."""
    return {"T": 0, "Z": 2, "Y": 3, "X": 4, "C": 5, "S": 6}.get(axis, 1)


def inspect(path: Path) -> ImageFacts:
    """Read the directories."""
    with _opened(path) as tiff:
        series = _series(tiff, path)
        layouts = [_checked_layout(one, tiff, path) for one in series]
        first, dtype = layouts[0], np.dtype(series[0].dtype).newbyteorder("=")
        palette = metadata.palette_of(series[0].keyframe)
    common = set.intersection(*(set(layout.choices) for layout in layouts))
    if not first.sure:
        guess = first.pages if first.pages <= LIKELY_CHANNELS else 1
        shape = first.grouped(guess).result
    else:
        shape = first.result
    if palette is not None:
        shape, common, dtype = (*shape[:3], 3), {3}, palette.dtype
    sure = palette is not None or all(layout.sure for layout in layouts)
    choices = tuple(sorted(common)) or (shape[-1],)
    return ImageFacts(path, dtype, shape, sure, first.pages, choices, len(series))


def read(path: Path, channels: int | None, progress: Progress) -> Iterator[Stack]:
    """Yield the images of the file.

    Raises
    ------
    ImageFileError
        If the pages do not divide into so many channels, or nobody says how many there are.
    """
    with _opened(path) as tiff:
        series = _series(tiff, path)
        layouts = [_as_asked(_checked_layout(one, tiff, path), channels, path) for one in series]
        sizes = metadata.pixel_sizes(tiff, len(series))
        notes = metadata.notes(tiff, series)
        for one, layout, size, note in zip(series, layouts, sizes, notes, strict=True):
            stack = _read_series(one, layout, path, progress)
            yield settle(Stack(stack, size, (note,) if note else ()))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open the file, and refuse one whose text would make tifffile fill the memory."""
    import tifffile

    with tifffile.TiffFile(path, _multifile=False) as tiff:
        metadata.check_claims(tiff, path)
        yield tiff


def _series(tiff: Any, path: Path) -> list[Any]:  # noqa: ANN401
    """Return the images, without thumbnails."""
    found = list(tiff.series)
    series = [one for one in found if not one.keyframe.is_reduced] or found
    if not series:
        raise ImageFileError(f"{path}: holds no image")
    metadata.check_imagej(tiff, path)
    return series


def _checked_layout(series: Any, tiff: Any, path: Path) -> _Layout:  # noqa: ANN401
    """Understand the axes, and check that the file can hold what they claim."""
    page = series.keyframe
    metadata.check_colours(page, path)
    axes, shape = series.axes, series.shape
    present = metadata.pages_held(series)
    if present < len(series.pages):
        axes, shape = "I" + page.axes, (present, *page.shape)
    check_size(path, shape, np.dtype(series.dtype), tiff.filehandle.size)
    colour = shape[axes.index("S")] if "S" in axes else 1
    planes = math.prod(n for a, n in zip(axes, shape, strict=True) if a in "IQ")
    sure = planes == 1 or colour > 1
    return _Layout(axes, shape, metadata.samples_kept(page, colour), sure)


def _as_asked(layout: _Layout, channels: int | None, path: Path) -> _Layout:
    """Divide the pages as the caller says."""
    if channels is None:
        if not layout.sure:
            raise cannot_regroup(path, None, layout.choices)
        return layout
    if channels == layout.result[-1] and layout.sure:
        return layout
    if channels not in layout.choices:
        raise cannot_regroup(path, channels, layout.choices)
    return layout.grouped(channels)


def _read_series(series: Any, layout: _Layout, path: Path, progress: Progress) -> NDArray[Any]:  # noqa: ANN401
    """Read block by block into place."""
    page = series.keyframe
    palette = metadata.palette_of(page)
    dtype = np.dtype(series.dtype).newbyteorder("=")
    out, view = layout.target(np.dtype(np.uint8) if dtype.kind == "b" else dtype)
    blocks, count = _blocks(series, path)
    leading = _leading(layout.shape, count, path)
    alpha = layout.axes.find("S")
    for number, (index, block) in enumerate(zip(np.ndindex(leading), blocks, strict=True)):
        progress(number, count, f"Reading {path.name}")
        block = block.reshape(layout.shape[len(leading) :])
        if alpha >= len(leading):
            block = block[(*[slice(None)] * (alpha - len(leading)), slice(layout.samples))]
        elif alpha >= 0 and index[alpha] >= layout.samples:
            continue
        view[index] = _stretched(block, page)
    progress(count, count, f"Reading {path.name}")
    return out if palette is None else palette[out[..., 0]]


def _leading(shape: Sequence[int], count: int, path: Path) -> tuple[int, ...]:
    """Return the leading axes over which the blocks are counted."""
    for i in range(len(shape)):
        if math.prod(shape[:i]) == count:
            return tuple(shape[:i])
    raise ImageFileError(f"{path}: its {count} pages do not make up its size {tuple(shape)}")


def _blocks(series: Any, path: Path) -> tuple[Iterator[NDArray[Any]], int]:  # noqa: ANN401
    """Return the pages, decoded one by one, and how many there are.

    Raises
    ------
    ImageFileError
        If not all of their bytes are in the file.
    """
    tiff, offset = series.parent, series.dataoffset
    pages = [] if offset is not None else [page for page in series.pages if page is not None]
    if series.kind == "imagej" and len(tiff.pages) == len(series.pages):
        # tifffile supposes that ImageJ's planes follow each other; directories may lie between
        pages = list(tiff.pages)
    if pages:
        _check_extents(pages, path)
        return (_decoded(page, path) for page in pages), len(pages)
    file, dtype = tiff.filehandle, series.dtype.newbyteorder(tiff.byteorder)
    total, size = math.prod(series.shape), series.keyframe.size
    if offset + total * dtype.itemsize > file.size:
        raise ImageFileError(f"{path}: was cut short; {file.size} bytes cannot hold its pixels")

    def raw() -> Iterator[NDArray[Any]]:
        file.seek(offset)
        for _ in range(total // size):
            yield file.read_array(dtype, size)

    return raw(), total // size


def _decoded(page: Any, path: Path) -> NDArray[Any]:  # noqa: ANN401
    """Decode a page; damaged LZW data are found before they do harm."""
    if page.compression == metadata.LZW:
        file = page.parent.filehandle
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            file.seek(offset)
            if count and not is_sound(file.read(count)):
                raise ImageFileError(f"{path}: its LZW data are damaged")
    array: NDArray[Any] = page.asarray()
    return array


def _check_extents(pages: Sequence[Any], path: Path) -> None:
    """Check that each strip or tile lies inside the file; tifffile would fill up with zeros."""
    chunks = 0 if pages[0].keyframe.is_contiguous else math.prod(pages[0].keyframe.chunked)
    for number, page in enumerate(pages):
        offsets, counts = np.asarray(page.dataoffsets), np.asarray(page.databytecounts)
        end = int((offsets + counts).max(initial=0))
        short = page.compression == 1 and counts.any() and int(counts.sum()) * 8 < _bits(page)
        if (
            len(offsets) != len(counts)
            or len(offsets) < chunks
            or end > page.parent.filehandle.size
            or short
        ):
            raise ImageFileError(f"{path}: was cut short, or page {number} is damaged")


def _bits(page: Any) -> int:  # noqa: ANN401
    """Return the number of bits that the pixels of an uncompressed page need at least."""
    keyframe = page.keyframe
    subsampled = keyframe.photometric == metadata.YCBCR
    return 0 if subsampled else int(keyframe.size * keyframe.bitspersample)


def _stretched(block: NDArray[Any], page: Any) -> NDArray[Any]:  # noqa: ANN401
    """Stretch few bits to eight, and make white-is-zero black-is-zero."""
    bits, palette = page.bitspersample, page.photometric == metadata.PALETTE
    block = block.astype(np.uint8) if block.dtype == bool else block
    if page.photometric == metadata.WHITE_IS_ZERO and block.dtype.kind == "u":
        block = block.dtype.type(2**bits - 1) - block
    stretch = 1 if palette else STRETCH.get(bits, 1)
    return block if stretch == 1 else block * np.uint8(stretch)
