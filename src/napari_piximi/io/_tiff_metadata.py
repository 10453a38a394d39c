"""What the tags and texts of a TIFF say beside its axes: colours, pixel size, claims."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ImageFileError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = [
    "LZW",
    "PALETTE",
    "WHITE_IS_ZERO",
    "YCBCR",
    "check_claims",
    "check_colours",
    "check_imagej",
    "notes",
    "pages_held",
    "palette_of",
    "pixel_sizes",
    "samples_kept",
]

WHITE_IS_ZERO, PALETTE, YCBCR = 0, 3, 6
LZW = 5
UNREADABLE = {
    5: "CMYK",
    8: "CIE L*a*b*",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
    32803: "a colour filter",
}
JPEG_LIKE = {6, 7, 33003, 33004, 33005, 33007, 34712, 34892}
COMPRESSIONS = {1, 5, 7, 8, 32773, 32946, 33003, 33004, 33005, 34712, 34925, 50000}
"""None, LZW, JPEG, Deflate, PackBits, JPEG 2000, LZMA and Zstandard; the fax codecs of imagecodecs
write beyond their buffers where a file is damaged."""
ALPHA = {1, 2}
MAX_PAGES = 1 << 22
MICROMETRES = {
    "": 0.0, "µm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "micrometre": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "inch": 25400.0, "in": 25400.0,
    "å": 1e-4, "pm": 1e-6,
}  # fmt: skip
PRINT_DENSITIES = {72, 75, 96, 100, 120, 144, 150, 180, 200, 240, 300, 360, 400, 600, 720, 1200}

Size = tuple[float, float, float] | None


def check_colours(page: Any, path: Path) -> None:  # noqa: ANN401
    """Refuse values that are no intensities.

    Raises
    ------
    ImageFileError
        If the colours are CMYK or the like, or the compression is none that we trust.
    """
    if int(page.compression) not in COMPRESSIONS:
        kind = getattr(page.compression, "name", page.compression)
        raise ImageFileError(
            f"{path}: is compressed as {kind}; save it with Deflate or LZW instead"
        )
    name = UNREADABLE.get(int(page.photometric))
    if page.photometric == YCBCR and int(page.compression) not in JPEG_LIKE:
        name = "YCbCr"
    if name:
        raise ImageFileError(f"{path}: stores its colours as {name}; save it as RGB first")


def samples_kept(page: Any, samples: int) -> int:  # noqa: ANN401
    """Return how many samples of each pixel are not alpha, which comes last."""
    extra = page.extrasamples or ()
    return samples - 1 if samples > 1 and extra and int(extra[-1]) in ALPHA else samples


def palette_of(page: Any) -> NDArray[Any] | None:  # noqa: ANN401
    """Return the colours (indices, 3) if they must be looked up.

    None where indices are intensities: ImageJ's and OME's look-up tables, and palettes whose
    luminance never falls. Palettes of 8 bits, which TIFF stores in 16, become 8 bits.
    """
    if page.photometric != PALETTE or page.colormap is None:
        return None
    if page.parent.is_imagej or page.parent.is_ome:
        return None
    colours = np.asarray(page.colormap).T
    luminance = colours.astype(np.float64) @ (0.299, 0.587, 0.114)
    if (np.diff(luminance) >= 0).all():
        return None
    high, low = colours >> 8, colours & 255
    eight = (low == high).all() or not low.any()
    return high.astype(np.uint8) if eight else colours.astype(np.uint16)


def pages_held(series: Any) -> int:  # noqa: ANN401
    """Count the pages that are in the file, of those that its text claims."""
    if series.dataoffset is not None:
        return len(series.pages)
    return sum(page is not None for page in series.pages)


def notes(tiff: Any, series: Sequence[Any]) -> list[str]:  # noqa: ANN401
    """Tell, for each image, whether the file promises more planes than it holds."""
    return [_note(tiff, one) for one in series]


def _note(tiff: Any, series: Any) -> str:  # noqa: ANN401
    held, claimed = pages_held(series), len(series.pages)
    if held >= claimed or (series.kind == "ome" and _elsewhere(tiff.ome_metadata or "")):
        return ""
    return f"says that it holds {claimed} pages, but there are {held}; they are read as they lie"


def _elsewhere(xml: str) -> bool:
    """Tell whether some planes of an OME-TIFF lie in other files."""
    own = re.search(r"<(?:\w+:)?OME\b[^>]*\bUUID=\"([^\"]*)\"", xml)
    named = set(re.findall(r"<(?:\w+:)?UUID\b[^>]*>([^<]*)<", xml))
    return bool(named - {own.group(1) if own else ""})


def check_imagej(tiff: Any, path: Path) -> None:  # noqa: ANN401
    """Refuse an ImageJ stack of which tifffile sees only a part.

    Raises
    ------
    ImageFileError
        If it says that it holds more planes than there are.
    """
    if not tiff.is_imagej or tiff.series[0].kind == "imagej":
        return
    claimed = (tiff.imagej_metadata or {}).get("images", 1)
    if not isinstance(claimed, int) or claimed > len(tiff.pages):
        raise ImageFileError(
            f"{path}: was cut short; it says that it holds {claimed} pages, "
            f"but there are {len(tiff.pages)}"
        )


def check_claims(tiff: Any, path: Path) -> None:  # noqa: ANN401
    """Refuse OME-XML whose numbers would make tifffile build endless lists.

    Raises
    ------
    ImageFileError
        If an image has more than 4,194,304 planes.
    """
    for element in _ome(tiff):
        sizes = [element.attrib.get(f"Size{axis}", "1") for axis in "ZCT"]
        counts = [element.attrib.get(name, "0") for name in ("PlaneCount", "IFD")]
        counts += [value for name, value in element.attrib.items() if name.startswith("First")]
        along = element.attrib.get("Step", "1"), element.attrib.get("End", "0")
        try:
            steps = abs(float(along[1]) - float(element.attrib.get("Start", "0"))) / float(along[0])
            worst = max(math.prod(map(int, sizes)), *map(int, counts), abs(steps))
        except (ValueError, ZeroDivisionError):
            continue  # tifffile refuses it as well
        if not worst <= MAX_PAGES:
            raise ImageFileError(f"{path}: its OME text claims {worst:.7g} planes; it is refused")


def _ome(tiff: Any) -> Iterator["Element"]:  # noqa: ANN401
    """Yield all elements of the OME-XML, if there is any."""
    from xml.etree import ElementTree

    if tiff.is_ome and tiff.ome_metadata:
        try:
            yield from ElementTree.fromstring(tiff.ome_metadata).iter()
        except ElementTree.ParseError:
            return


def pixel_sizes(tiff: Any, count: int) -> list[Size]:  # noqa: ANN401
    """Return the pixel size (z, y, x) in micrometres of each of `count` images.

    OME's PhysicalSize, else ImageJ's resolution with its unit, else the resolution tags, except
    for densities that only say how large to print. A missing step in Z counts as that in Y.
    """
    if tiff.is_ome:
        found = [_ome_size(one) for one in _ome(tiff) if one.tag.rpartition("}")[2] == "Pixels"]
        return found if len(found) == count else [None] * count
    return [_imagej_size(tiff) if tiff.is_imagej else _tag_size(tiff)] * count


def _ome_size(pixels: "Element") -> Size:
    def length(axis: str) -> float:
        unit = _micrometres(pixels.attrib.get(f"PhysicalSize{axis}Unit", "µm"))
        try:
            return float(pixels.attrib.get(f"PhysicalSize{axis}", "0")) * unit
        except ValueError:
            return 0.0

    return _sane(length("Z"), length("Y"), length("X"))


def _imagej_size(tiff: Any) -> Size:  # noqa: ANN401
    found = tiff.imagej_metadata or {}
    unit = _micrometres(str(found.get("unit", "")))
    spacing = found.get("spacing", 0)
    step = abs(float(spacing)) if isinstance(spacing, int | float) else 0.0
    return _sane(
        step * unit,
        unit / (_density(tiff, "Y") or math.inf),
        unit / (_density(tiff, "X") or math.inf),
    )


def _tag_size(tiff: Any) -> Size:  # noqa: ANN401
    unit = tiff.pages.first.tags.valueof("ResolutionUnit", 2)
    y, x = _density(tiff, "Y"), _density(tiff, "X")
    if unit == 3 and x > 10:
        return _sane(0, 1e4 / (y or math.inf), 1e4 / x)
    if unit == 2 and x > 25 and round(x, 2) not in PRINT_DENSITIES:
        return _sane(0, 25400 / (y or math.inf), 25400 / x)
    return None


def _density(tiff: Any, axis: str) -> float:  # noqa: ANN401
    """Return pixels per unit, or 0."""
    value = tiff.pages.first.tags.valueof(f"{axis}Resolution", (0, 1))
    try:
        return float(value[0]) / float(value[1])
    except (TypeError, ValueError, ZeroDivisionError, IndexError):
        return 0.0


def _micrometres(unit: str) -> float:
    plain = unit.replace("\\u00B5", "µ").replace("\u03bc", "µ").strip().lower()
    return MICROMETRES.get(plain, 0.0)


def _sane(z: float, y: float, x: float) -> Size:
    """Return the size if it is one."""
    if not (0 < y < math.inf and 0 < x < math.inf):
        return None
    return (z if 0 < z < math.inf else y, y, x)
