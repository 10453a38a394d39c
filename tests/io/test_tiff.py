"""TIFF files written by tifffile or by hand: axes, colours, channels, pixel size, damage."""

import re
import struct
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Picture

from napari_piximi.errors import ImageFileError, PiximiWarning
from napari_piximi.io.images import inspect_image, read_images
from napari_piximi.model.things import Image

ORDER = "TZYXCS"
SIZES = {"T": 2, "Z": 3, "C": 4, "Y": 6, "X": 5, "S": 3}


def ramp(*shape: int, dtype: str = "u2") -> NDArray[Any]:
    """Return an array without two equal values, as far as the type allows."""
    return (np.arange(np.prod(shape)) * 7 + 3).astype(dtype).reshape(shape)


def one(path: Path, channels: int | None = None) -> Image:
    (image,) = read_images(path, category="0", channels=channels)
    return image


def pixels(path: Path, channels: int | None = None) -> NDArray[Any]:
    return np.asarray(one(path, channels).pixels)


def expected(array: NDArray[Any], axes: str) -> NDArray[Any]:
    """Arrange an array by its axes, one index at a time."""
    size = dict.fromkeys(ORDER, 1) | dict(zip(axes, array.shape, strict=True))
    out = np.zeros(
        [size["T"] * size["Z"], size["Y"], size["X"], size["C"] * size["S"]], array.dtype
    )
    for index in np.ndindex(array.shape):
        at = dict.fromkeys(ORDER, 0) | dict(zip(axes, index, strict=True))
        plane, channel = at["T"] * size["Z"] + at["Z"], at["C"] * size["S"] + at["S"]
        out[plane, at["Y"], at["X"], channel] = array[index]
    return out


def check(path: Path, array: NDArray[Any], axes: str) -> None:
    wanted, facts = expected(array, axes), inspect_image(path)
    assert facts.certain
    assert facts.shape == wanted.shape
    assert facts.dtype == array.dtype
    found = pixels(path)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == array.dtype


# --- axes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("leading", ["".join(p) for p in permutations("TZC")] + ["Z", "C", "T", ""])
def test_ome_axes(leading: str, compression: str | None, tmp_path: Path) -> None:
    axes = leading + "YX"
    array = ramp(*(SIZES[axis] for axis in axes))
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, array, metadata={"axes": axes}, compression=compression)
    check(path, array, axes)


@pytest.mark.parametrize("axes", ["YXS", "ZYXS", "TZCYXS"])
def test_ome_colours(axes: str, tmp_path: Path) -> None:
    array = ramp(*(SIZES[axis] for axis in axes), dtype="u1")
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, array, photometric="rgb", metadata={"axes": axes})
    check(path, array, axes)


@pytest.mark.parametrize("contiguous", [True, False])
@pytest.mark.parametrize("axes", ["YX", "ZYX", "CYX", "TYX", "ZCYX", "TZCYX", "TZCYXS", "YXS"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_imagej_axes(axes: str, byteorder: str, contiguous: bool, tmp_path: Path) -> None:
    array = ramp(*(SIZES[axis] for axis in axes), dtype="u1" if "S" in axes else "u2")
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, array, imagej=True, byteorder=byteorder, metadata={"axes": axes},
        compression=None if contiguous else "zlib",
    )  # fmt: skip
    check(path, array, axes)


def test_axes_of_tifffile_itself(tmp_path: Path) -> None:
    for axes in ("CZYX", "ZYXC", "YXC", "ZCYX"):
        array = ramp(*(SIZES[axis] for axis in axes))
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, array, photometric="minisblack", metadata={"axes": axes})
        check(path, array, axes)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("pages", [1, 3])
def test_samples_are_channels(
    planar: Literal["contig", "separate"], pages: int, tmp_path: Path
) -> None:
    array = ramp(pages, 6, 5, 3, dtype="u1")
    path = tmp_path / "a.tif"
    stored = array if planar == "contig" else array.transpose(0, 3, 1, 2)
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar, metadata=None)
    check(path, array, "ZYXS")
    assert inspect_image(path).choices == (3,)


def test_tiles(tmp_path: Path) -> None:
    array = ramp(3, 70, 50)
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, array, tile=(16, 32), compression="lzw", metadata={"axes": "CYX"})
    check(path, array, "CYX")


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize("predictor", [False, True])
def test_compression(compression: str, predictor: bool, tmp_path: Path) -> None:
    array = ramp(40, 30)
    path = tmp_path / "a.tif"
    predictor = predictor and compression != "packbits"
    tifffile.imwrite(path, array, compression=compression, predictor=predictor)
    check(path, array, "YX")


def test_jpeg_inside(tmp_path: Path) -> None:
    smooth = np.linspace(0, 200, 64 * 48).reshape(64, 48).astype(np.uint8)
    array = np.stack([smooth, 255 - smooth, smooth // 2], -1)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="ycbcr", compression="jpeg")
    with Picture.open(tmp_path / "a.tif") as file:
        by_pil = np.asarray(file.convert("RGB")).astype(int)
    found = pixels(tmp_path / "a.tif")[0].astype(int)
    assert np.abs(found - by_pil).max() <= 2


# --- channels or planes? ---------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [None, {}])
@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_pages_are_planes_of_channels_as_in_piximi(
    channels: int, metadata: dict[str, Any] | None, tmp_path: Path
) -> None:
    array = ramp(6, 4, 5)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, metadata=metadata, photometric="minisblack")
    facts = inspect_image(path)
    assert (facts.certain, facts.pages, facts.choices) == (False, 6, (1, 2, 3, 6))
    found = pixels(path, channels)
    for page in range(6):
        plane, channel = divmod(page, channels)
        np.testing.assert_array_equal(found[plane, ..., channel], array[page])


def test_few_pages_are_guessed_to_be_channels_many_to_be_planes(tmp_path: Path) -> None:
    for pages, guess in ((4, (1, 4, 5, 4)), (12, (12, 4, 5, 1))):
        tifffile.imwrite(tmp_path / "a.tif", ramp(pages, 4, 5), photometric="minisblack")
        assert inspect_image(tmp_path / "a.tif").shape == guess


def test_an_ambiguous_stack_must_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(6, 4, 5), photometric="minisblack")
    with pytest.raises(ImageFileError, match=r"a\.tif: .*6 pages .*\(1, 2, 3, 6\)"):
        one(path)
    for wrong in (4, 0, -1, 12):
        with pytest.raises(ImageFileError, match=rf"as {wrong} channels.*1, 2, 3, 6"):
            one(path, wrong)


def test_the_caller_overrules_the_file(tmp_path: Path) -> None:
    array = ramp(6, 4, 5)
    tifffile.imwrite(tmp_path / "a.tif", array, imagej=True, metadata={"axes": "ZYX"})
    assert inspect_image(tmp_path / "a.tif").choices == (1, 2, 3, 6)
    np.testing.assert_array_equal(
        pixels(tmp_path / "a.tif", 3), array.reshape(2, 3, 4, 5).transpose(0, 2, 3, 1)
    )
    assert pixels(tmp_path / "a.tif", 1).shape == (6, 4, 5, 1)


def test_colours_cannot_be_regrouped(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", ramp(6, 4, 5, 3, dtype="u1"), photometric="rgb")
    with pytest.raises(ImageFileError, match="2 channels; these would fit: 3"):
        one(tmp_path / "a.tif", 2)


def test_several_images_in_one_file(tmp_path: Path) -> None:
    arrays = [ramp(3, 4, 5), ramp(2, 7, 6)]
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(arrays[0], metadata={"axes": "CYX", "PhysicalSizeX": 2, "PhysicalSizeY": 2})
        writer.write(arrays[1], metadata={"axes": "ZYX"})
    assert inspect_image(path).images == 2
    first, second = read_images(path, category="0")
    assert [first.name, second.name] == ["a.ome.tif (1)", "a.ome.tif (2)"]
    np.testing.assert_array_equal(first.pixels, expected(arrays[0], "CYX"))
    np.testing.assert_array_equal(second.pixels, expected(arrays[1], "ZYX"))
    assert (first.pixel_size, second.pixel_size) == ((2, 2, 2), None)


def test_a_pyramid_is_its_largest_image(tmp_path: Path) -> None:
    array = ramp(64, 64)
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(array, subifds=1, metadata={"axes": "YX"})
        writer.write(array[::2, ::2], subfiletype=1)
    check(path, array, "YX")


def test_one_file_of_a_set_holds_its_own_planes(tmp_path: Path) -> None:
    """The OME text tells of two files; each is read for itself."""
    array = ramp(2, 4, 5)
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, array, metadata={"axes": "CYX"})
    with tifffile.TiffFile(path) as tiff:
        text = tiff.ome_metadata or ""
    start, end = text.index("<TiffData"), text.index("</Pixels>")
    data = "".join(
        f'<TiffData IFD="0" FirstC="{c}" PlaneCount="1"><UUID FileName="{c}.ome.tif">urn:uuid:{c}'
        "</UUID></TiffData>"
        for c in range(2)
    )
    text = re.sub(r' UUID="[^"]*"', "", text[:start]) + data + text[end:]
    text = text.replace("<OME ", '<OME UUID="urn:uuid:1" ')
    tifffile.imwrite(path, array[1], description=text.encode(), metadata=None)
    np.testing.assert_array_equal(pixels(path)[0, ..., 0], array[1])


# --- colours ---------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha"])
def test_alpha_is_dropped(extra: str, tmp_path: Path) -> None:
    array = ramp(6, 5, 4, dtype="u1")
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=[extra])
    check_rgb = pixels(tmp_path / "a.tif")
    np.testing.assert_array_equal(check_rgb[0], array[..., :3])
    tifffile.imwrite(
        tmp_path / "b.tif", array.transpose(2, 0, 1), photometric="rgb", extrasamples=[extra],
        planarconfig="separate",
    )  # fmt: skip
    np.testing.assert_array_equal(pixels(tmp_path / "b.tif")[0], array[..., :3])


def test_a_fourth_sample_that_is_no_alpha_is_kept(tmp_path: Path) -> None:
    array = ramp(6, 5, 4, dtype="u1")
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(pixels(tmp_path / "a.tif")[0], array)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_white_is_zero(dtype: str, tmp_path: Path) -> None:
    array = ramp(6, 5, dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite")
    np.testing.assert_array_equal(
        pixels(tmp_path / "a.tif")[0, ..., 0], np.iinfo(dtype).max - array
    )


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_one_bit(photometric: str, tmp_path: Path) -> None:
    array = ramp(9, 11) % 3 == 0
    tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric)
    with Picture.open(tmp_path / "a.tif") as file:
        by_pil = np.asarray(file) * np.uint8(255)
    np.testing.assert_array_equal(pixels(tmp_path / "a.tif")[0, ..., 0], by_pil)


def lut(kind: str) -> NDArray[np.uint16]:
    levels = np.arange(256, dtype=np.uint16)
    if kind == "green":
        return np.stack([levels * 0, levels * 257, levels * 0])
    return np.stack([(levels * 97 + shift) % 256 * 257 for shift in (0, 50, 100)]).astype(np.uint16)


@pytest.mark.parametrize(("kind", "channels"), [("green", 1), ("colours", 3)])
def test_palettes_of_others(kind: str, channels: int, tmp_path: Path) -> None:
    """A look-up table keeps the intensities; the palette of a picture is looked up."""
    array = ramp(16, 16, dtype="u1")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, photometric="palette", colormap=lut(kind))
    facts, found = inspect_image(path), pixels(path)
    assert facts.shape == found.shape == (1, 16, 16, channels)
    with Picture.open(path) as file:
        by_pil = np.asarray(file if kind == "green" else file.convert("RGB"))
    np.testing.assert_array_equal(found[0], by_pil.reshape(16, 16, channels))


def test_palettes_of_imagej_are_display_only(tmp_path: Path) -> None:
    array = ramp(2, 16, 16, dtype="u1")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, imagej=True, colormap=lut("colours"), metadata={"axes": "CYX"})
    check(path, array, "CYX")


def test_cmyk_is_refused_with_advice(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", ramp(6, 5, 4, dtype="u1"), photometric="separated")
    for function in (inspect_image, one):
        with pytest.raises(ImageFileError, match=r"a\.tif.*CMYK.*save it as RGB"):
            function(tmp_path / "a.tif")


# --- values ----------------------------------------------------------------------------------


def test_floats_in_the_unit_range_stay(tmp_path: Path) -> None:
    array = (ramp(6, 5) / 400).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", array)
    image = one(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.asarray(image.pixels)[0, ..., 0], array)
    assert image.pixels.dtype == np.float32
    assert image.bit_depth == 16
    assert image.channels[0].maximum == pytest.approx(array.max())


def test_other_floats_are_scaled_and_told(tmp_path: Path) -> None:
    array = ramp(2, 6, 5).astype(np.float32) / 2 - 20
    tifffile.imwrite(tmp_path / "a.tif", array, imagej=True, metadata={"axes": "CYX"})
    with pytest.warns(PiximiWarning, match=r"a\.tif: .*from -18\.5 to 188 were scaled"):
        found = pixels(tmp_path / "a.tif")
    np.testing.assert_allclose(found, expected((array + 18.5) / 206.5, "CYX"), rtol=1e-6)


# --- pixel size ------------------------------------------------------------------------------


def size_of(path: Path, **options: object) -> Any:  # noqa: ANN401
    tifffile.imwrite(path, ramp(3, 4, 5), photometric="minisblack", **options)
    return one(path, 1).pixel_size


def test_ome_pixel_size(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    told = {"axes": "ZYX", "PhysicalSizeX": 500, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.25}
    assert size_of(path, metadata=told) == pytest.approx((0.25, 0.25, 0.5))
    assert size_of(path, metadata={**told, "PhysicalSizeZ": 2}) == pytest.approx((2, 0.25, 0.5))
    assert size_of(path, metadata={**told, "PhysicalSizeXUnit": "pixel"}) is None
    assert size_of(path, metadata={"axes": "ZYX"}) is None


def test_imagej_pixel_size(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    told = {"axes": "ZYX", "unit": "um", "spacing": 3.0}
    size = size_of(path, imagej=True, resolution=(4, 2), metadata=told)
    assert size == pytest.approx((3, 0.5, 0.25))
    told |= {"unit": "mm"}
    size = size_of(path, imagej=True, resolution=(4, 2), metadata=told)
    assert size == pytest.approx((3000, 500, 250))
    del told["unit"]
    assert size_of(path, imagej=True, resolution=(4, 2), metadata=told) is None


@pytest.mark.parametrize(
    ("unit", "density", "micrometres"),
    [("CENTIMETER", 20_000, 0.5), ("INCH", 50_800, 0.5), ("INCH", 300, None),
     ("INCH", 72, None), ("NONE", 4, None), ("CENTIMETER", 1, None)],
)  # fmt: skip
def test_resolution_tags(
    unit: str, density: float, micrometres: float | None, tmp_path: Path
) -> None:
    size = size_of(tmp_path / "a.tif", resolution=(density, density), resolutionunit=unit)
    assert size == (micrometres and pytest.approx((micrometres,) * 3))


# --- damage and claims -------------------------------------------------------------------------


def tiny(tags: Sequence[tuple[int, int, int, int]], data: bytes = b"", text: bytes = b"") -> bytes:
    """Return a TIFF of one directory; −1 stands for the offset of the data, −2 for the text's."""
    entries, length = sorted(tags), 8 + 2 + 12 * len(tags) + 4
    places = {-1: length, -2: length + len(data)}
    packed = b"".join(
        struct.pack("<HHII", tag, kind, count, places.get(value, value))
        for tag, kind, count, value in entries
    )
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + packed + bytes(4) + data + text


def grey(width: int, height: int, data: int, text: int = 0) -> list[tuple[int, int, int, int]]:
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
            (273, 4, 1, -1), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, data)]  # fmt: skip
    return tags + ([(270, 2, text, -2)] if text else [])


def test_the_hand_made_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiny(grey(3, 2, 6), bytes(range(6))))
    assert pixels(tmp_path / "a.tif").ravel().tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [(10**6, 10**6, "GiB"), (2**32 - 1, 2**32 - 1, "GiB"), (60_000, 60_000, "memory"),
     (100, 100, "cut short"), (0, 0, "")],
)  # fmt: skip
def test_absurd_claims(width: int, height: int, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiny(grey(width, height, 6), bytes(6)))
    with pytest.raises(ImageFileError, match=rf"a\.tif: .*{words}"):
        one(path)


@pytest.mark.parametrize(
    "text",
    [b"ImageJ=1.53k\nimages=900000000\nslices=900000000\n",
     b"ImageJ=1.53k\nimages=-4\nslices=-4\n",
     b'{"shape": [1000000000, 2, 3]}'],
)  # fmt: skip
def test_texts_that_claim_too_much(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiny(grey(3, 2, 6, len(text) + 1), bytes(range(6)), text + b"\0"))
    try:
        found = pixels(path)
    except ImageFileError:
        return
    assert found.ravel().tolist() == [0, 1, 2, 3, 4, 5]  # the text was not believed


@pytest.mark.parametrize("claim", ['SizeZ="2000000000"', 'SizeZ="1" x="1"'])
def test_ome_texts_that_would_fill_the_memory(claim: str, tmp_path: Path) -> None:
    count = 1 if "2000" in claim else 2_000_000_000
    text = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image'
        f' ID="Image:0"><Pixels DimensionOrder="XYZCT" Type="uint8" SizeX="3" SizeY="2" {claim} '
        f'SizeC="1" SizeT="1"><TiffData IFD="0" PlaneCount="{count}"/></Pixels></Image></OME>'
    ).encode()
    path = tmp_path / "a.ome.tif"
    path.write_bytes(tiny(grey(3, 2, 6, len(text) + 1), bytes(6), text + b"\0"))
    for function in (inspect_image, one):
        with pytest.raises(ImageFileError, match="OME text claims 2e"):
            function(path)


def test_ome_with_fewer_planes_than_said_is_read_with_a_warning(tmp_path: Path) -> None:
    array = ramp(4, 5)
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, ramp(3, 4, 5), metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as tiff:
        text = tiff.ome_metadata or ""
    tifffile.imwrite(path, array, description=text.encode(), metadata=None)
    with pytest.warns(PiximiWarning, match="says that it holds 3 pages, but there are 1"):
        found = pixels(path)
    np.testing.assert_array_equal(found[0, ..., 0], array)


def test_damaged_lzw_data_are_found_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ramp(40, 30, dtype="u1"), compression="lzw")
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages.first.dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[start + 1 : start + 3] = b"\xff\xff"
    path.write_bytes(data)
    assert inspect_image(path).shape == (1, 40, 30, 1)
    with pytest.raises(ImageFileError, match=r"a\.tif: its LZW data are damaged"):
        one(path)


def test_fax_compression_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Picture.fromarray(ramp(9, 11) % 3 == 0).save(path, compression="group4")
    for function in (inspect_image, one):
        with pytest.raises(ImageFileError, match=r"a\.tif: is compressed as CCITT.*save it with"):
            function(path)


@pytest.mark.parametrize("missing", [1, 3])
def test_strips_that_are_missing_are_not_made_up(missing: int, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tags = [(256, 4, 1, 3), (257, 4, 1, 2 + missing), (258, 3, 1, 8), (259, 3, 1, 32773),
            (262, 3, 1, 1), (273, 4, 1, -1), (277, 3, 1, 1), (278, 4, 1, 2),
            (279, 4, 1, 7)]  # fmt: skip
    path.write_bytes(tiny(tags, b"\x05\0\1\2\3\4\5"))
    with pytest.raises(ImageFileError, match=r"a\.tif: was cut short, or page 0 is damaged"):
        one(path)


def test_planes_with_directories_between_them(tmp_path: Path) -> None:
    """ImageJ's planes need not follow each other, whatever tifffile supposes."""
    array = ramp(2, 4, 5, dtype="u1")
    text = b"ImageJ=1.53k\nimages=2\nchannels=2\n\0"
    first = bytearray(tiny(grey(5, 4, 20, len(text)), array[0].tobytes(), text))
    next_at = 8 + 2 + 12 * 10
    first[next_at : next_at + 4] = struct.pack("<I", len(first) + 40)
    second = bytearray(array[1].tobytes() + bytes(20))
    tags = [(t, k, n, len(first) if v == -1 else v) for t, k, n, v in grey(5, 4, 20)]
    second += tiny(tags)[8:] + bytes(8)
    (tmp_path / "a.tif").write_bytes(first + second)
    check(tmp_path / "a.tif", array, "CYX")
