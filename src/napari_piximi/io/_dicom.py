"""DICOM: values after the modality transformation, frames as planes.

Rescale slope and intercept, or the modality look-up table, are applied; MONOCHROME1 is inverted
within the range that the stored bits can express, the same in every file; window settings only
concern display and are not. Palettes and YBR become red, green and blue.

Whole numbers that cannot be negative, going by the header, are kept as they are, to 65,535.
Those that can (a signed representation, a negative intercept or slope) are kept as uint16 with
32,768 added, in every such file. All else is scaled to 0…1, with a note.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ImageFileError
from napari_piximi.io._image_facts import (
    ImageFacts,
    Stack,
    cannot_regroup,
    check_size,
)
from napari_piximi.io._image_values import SHIFT, rescaled_note, settle
from napari_piximi.progress import Progress

__all__ = ["DICOM_MARK", "inspect", "read"]

DICOM_MARK = b"DICM"  # at byte 128
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420")
TOP = (1 << 16) - 1


class _Line(NamedTuple):
    """value = slope × stored + intercept."""

    slope: float
    intercept: float

    def __call__(self, stored: float) -> float:
        return self.slope * stored + self.intercept

    @property
    def whole(self) -> bool:
        return float(self.slope).is_integer() and float(self.intercept).is_integer()


def inspect(path: Path) -> ImageFacts:
    """Read the header."""
    header = _header(path, pixels=False)
    shape, dtype = _shape(header, path), _stored_type(header)
    return ImageFacts(path, dtype, shape, True, shape[0], (shape[-1],))


def read(path: Path, channels: int | None, progress: Progress) -> Iterator[Stack]:
    """Yield the one image of the file.

    Raises
    ------
    ImageFileError
        If it has another number of channels than is asked for, or no pixels, or they are
        compressed in a way that needs another package.
    """
    header = _header(path, pixels=True)
    shape = _shape(header, path)
    if channels not in (None, shape[-1]):
        raise cannot_regroup(path, channels, (shape[-1],))
    _check_pixels(header, shape, path)
    stored = _stored(header, shape, path, progress)
    size = _pixel_size(header)
    if shape[-1] == 3 or stored.dtype.kind == "f":
        yield settle(Stack(stored, size))
    else:
        yield _intensities(
            stored, _lines(header, shape[0]), _may_be_negative(header, shape[0]), size
        )


def _header(path: Path, *, pixels: bool) -> Any:  # noqa: ANN401
    """Read the data set; a missing preamble or transfer syntax is forgiven."""
    from pydicom import dcmread
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    header = dcmread(path, force=True, stop_before_pixels=not pixels)
    if not all(name in header for name in ("Rows", "Columns", "PhotometricInterpretation")):
        raise ImageFileError(f"{path}: is no DICOM image (it has no rows and columns of pixels)")
    if "TransferSyntaxUID" not in header.file_meta:
        implicit = header.original_encoding[0]
        plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        header.file_meta.TransferSyntaxUID = plain
    return header


def _shape(header: Any, path: Path) -> tuple[int, int, int, int]:  # noqa: ANN401
    """Return (Z, Y, X, C) once the palette is looked up."""
    colour = header.PhotometricInterpretation
    samples = int(header.get("SamplesPerPixel") or 1)
    if not (colour.startswith(("MONOCHROME", "PALETTE")) and samples == 1) and not (
        colour in COLOURS and samples == 3
    ):
        raise ImageFileError(f"{path}: {samples} samples of {colour!r} are no colours that we read")
    channels = 3 if colour.startswith("PALETTE") else samples
    frames = int(header.get("NumberOfFrames") or 1)
    shape = (frames, int(header.Rows), int(header.Columns), channels)
    check_size(path, shape, _stored_type(header), path.stat().st_size)
    return shape


def _stored_type(header: Any) -> np.dtype[Any]:  # noqa: ANN401
    if "FloatPixelData" in header or "DoubleFloatPixelData" in header:
        return np.dtype(np.float32 if "FloatPixelData" in header else np.float64)
    if "PixelRepresentation" not in header and header.get("BitsAllocated") in (32, 64):
        return np.dtype(f"f{header.BitsAllocated // 8}")
    width = max(int(header.get("BitsAllocated") or 16) // 8, 1)
    return np.dtype(f"{'i' if header.get('PixelRepresentation') else 'u'}{width}")


def _check_pixels(header: Any, shape: tuple[int, ...], path: Path) -> None:  # noqa: ANN401
    """Check that there are pixels which can be decoded here."""
    from pydicom.pixels import get_decoder

    found = [name for name in PIXELS if name in header]
    if not found:
        raise ImageFileError(f"{path}: holds no pixels")
    syntax = header.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ImageFileError(f"{path}: its transfer syntax {syntax.name!r} is unknown") from None
    if not decoder.is_available:
        raise ImageFileError(
            f"{path}: its pixels are compressed as {syntax.name!r}, which needs another package: "
            f"pip install {_package(syntax.name)}"
        )
    bits = int(header.get("BitsAllocated") or 16)
    subsampled = header.PhotometricInterpretation == "YBR_FULL_422"
    samples = int(header.get("SamplesPerPixel") or 1)
    needed = shape[0] * shape[1] * shape[2] * samples * bits // (12 if subsampled else 8)
    if not syntax.is_compressed and len(header[found[0]].value or b"") < needed:
        raise ImageFileError(
            f"{path}: was cut short; its {len(header[found[0]].value or b'')} bytes of pixels "
            f"should be {needed}"
        )


def _package(syntax: str) -> str:
    if "2000" in syntax:
        return "pylibjpeg pylibjpeg-openjpeg"
    return "pyjpegls" if "LS" in syntax else "pylibjpeg pylibjpeg-libjpeg"


def _stored(
    header: Any,  # noqa: ANN401
    shape: tuple[int, int, int, int],
    path: Path,
    progress: Progress,
) -> NDArray[Any]:
    """Decode all frames to (Z, Y, X, C), before slope and intercept."""
    from pydicom.pixels import apply_color_lut, apply_modality_lut, iter_pixels

    out: NDArray[Any] | None = None
    done, is_high = 0, _lies_high(header)
    for frame in iter_pixels(header, correct_unused_bits=not is_high):
        if done == shape[0]:
            break
        progress(done, shape[0], f"Reading {path.name}")
        frame = _moved_down(frame, header) if is_high else frame
        if header.PhotometricInterpretation.startswith("PALETTE"):
            frame = apply_color_lut(frame, header)
        elif "ModalityLUTSequence" in header:
            frame = apply_modality_lut(frame, header)
        if out is None:
            out = np.empty(shape, frame.dtype.newbyteorder("="))
        out[done] = frame.reshape(shape[1:])
        done += 1
    if out is None or done < shape[0]:
        raise ImageFileError(f"{path}: was cut short; it holds {done} of its {shape[0]} frames")
    progress(done, done, f"Reading {path.name}")
    return out * np.uint8(255) if header.get("BitsAllocated") == 1 else out


def _lies_high(header: Any) -> bool:  # noqa: ANN401
    """Tell whether unused bits lie below those stored, which pydicom does not expect."""
    from pydicom.uid import RLELossless

    syntax = header.file_meta.TransferSyntaxUID
    bits, high = header.get("BitsStored"), header.get("HighBit")
    if not bits or high is None or (syntax.is_compressed and syntax != RLELossless):
        return False
    return int(bits) <= int(high) < int(header.BitsAllocated)


def _moved_down(frame: NDArray[Any], header: Any) -> NDArray[Any]:  # noqa: ANN401
    """Drop the bits above the highest and below the lowest one, and keep the sign."""
    above = int(header.BitsAllocated) - 1 - int(header.HighBit)
    return (frame << above) >> (int(header.BitsAllocated) - int(header.BitsStored))


def _lines(header: Any, frames: int) -> list[_Line]:  # noqa: ANN401
    """Return slope and intercept of each frame, with the inversion of MONOCHROME1 in them."""
    lines = _rescales(header, frames)
    if header.PhotometricInterpretation != "MONOCHROME1":
        return lines
    low, high = _stored_range(header)
    return [_Line(-line.slope, line.slope * (low + high) + line.intercept) for line in lines]


def _rescales(header: Any, frames: int) -> list[_Line]:  # noqa: ANN401
    if "ModalityLUTSequence" in header:
        return [_Line(1, 0)] * frames
    found = [
        _Line(float(group.get("RescaleSlope") or 1), float(group.get("RescaleIntercept") or 0))
        for group in _groups(header, "PixelValueTransformationSequence", frames) or [header]
    ]
    return found if len(found) == frames else found[:1] * frames


def _groups(header: Any, name: str, frames: int) -> Sequence[Any]:  # noqa: ANN401
    """Return the functional group of that name, one for all frames or one for each."""
    for place in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        items = [item[name][0] for item in header.get(place) or () if item.get(name)]
        if len(items) in (1, frames):
            return items
    return []


def _stored_range(header: Any) -> tuple[int, int]:  # noqa: ANN401
    """Return the smallest and largest value that the stored bits can express."""
    bits = int(header.get("BitsStored") or header.get("BitsAllocated") or 16)
    if header.get("BitsAllocated") == 1:
        return 0, 255
    if "ModalityLUTSequence" in header:
        return 0, 2 ** int(header.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
    signed = bool(header.get("PixelRepresentation"))
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


def _may_be_negative(header: Any, frames: int) -> bool:  # noqa: ANN401
    if "ModalityLUTSequence" in header:
        return False
    rescales = _rescales(header, frames)
    signed = bool(header.get("PixelRepresentation"))
    return signed or any(line.slope < 0 or line.intercept < 0 for line in rescales)


def _intensities(
    stored: NDArray[Any],
    lines: list[_Line],
    signed: bool,
    size: tuple[float, float, float] | None,
) -> Stack:
    """Apply slope and intercept to (Z, Y, X, 1), plane by plane."""
    ends = np.array(
        [[line(int(e)) for e in (p.min(), p.max())] for p, line in zip(stored, lines, strict=True)]
    )
    low, high = float(ends.min()), float(ends.max())
    whole = all(line.whole for line in lines)
    least, most = (-SHIFT, SHIFT - 1) if signed else (0, TOP)
    if not whole or low < least or high > most:
        return _scaled(stored, lines, low, high, size)
    plain = not signed and all(line == (1, 0) for line in lines)
    if plain and stored.dtype in (np.uint8, np.uint16):
        return Stack(stored, size)
    small = stored.dtype == np.uint8 and not signed and _fits_byte(lines)
    out = np.empty(stored.shape, np.uint8 if small else np.uint16)
    for plane, line, target in zip(stored, lines, out, strict=True):
        values = plane.astype(np.int64) * int(line.slope) + int(line.intercept)
        target[...] = values + (SHIFT if signed else 0)
    return Stack(out, size)


def _fits_byte(lines: Sequence[_Line]) -> bool:
    """Tell whether no stored byte could become more than a byte."""
    return all(0 <= line(end) <= 255 for line in lines for end in (0, 255))


def _scaled(
    stored: NDArray[Any],
    lines: Sequence[_Line],
    low: float,
    high: float,
    size: tuple[float, float, float] | None,
) -> Stack:
    """Scale what no integer of 16 bits can hold."""
    out = np.empty(stored.shape, np.float32)
    for plane, line, target in zip(stored, lines, out, strict=True):
        values = plane * np.float64(line.slope) + line.intercept
        target[...] = (values - low) / ((high - low) or 1.0)
    return Stack(out, size, (rescaled_note(low, high),))


def _pixel_size(header: Any) -> tuple[float, float, float] | None:  # noqa: ANN401
    """Return (z, y, x) in micrometres; DICOM has millimetres, rows first."""
    group = (_groups(header, "PixelMeasuresSequence", 1) or [header])[0]
    spacing = group.get("PixelSpacing")
    if not spacing or len(spacing) != 2 or not all(float(length) > 0 for length in spacing):
        return None
    y, x = (float(length) * 1e3 for length in spacing)
    step = header.get("SpacingBetweenSlices") or group.get("SliceThickness") or 0
    z = abs(float(step)) * 1e3
    return z or y, y, x
