"""All kinds of image files through the public door, the real ones against other readers."""

import json
import os
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageSequence
from tests.shared_data import DATA, shared

from napari_piximi.errors import Cancelled, ImageFileError
from napari_piximi.io.images import (
    IMAGE_SUFFIXES,
    explain_channels,
    image_files,
    inspect_image,
    read_images,
)
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, Partition, default_channels

UNKNOWN = "0unknown"
REAL = sorted(path.name for path in (DATA / "images").glob("*"))


def one(path: Path, channels: int | None = None) -> Image:
    (image,) = read_images(path, category=UNKNOWN, channels=channels)
    return image


def pixels(path: Path, channels: int | None = None) -> NDArray[Any]:
    return np.asarray(one(path, channels).pixels)


# --- the real files ------------------------------------------------------------------------


def by_pil(path: Path) -> NDArray[Any]:
    """Read the pages one after the other; several pages are channels but for the z-stack."""
    with Picture.open(path) as file:
        pages = [np.asarray(page) for page in ImageSequence.Iterator(file)]
    if len(pages) == 1:
        return pages[0].reshape(1, *pages[0].shape[:2], -1)
    return np.stack(pages)[..., None] if path.name[0] == "9" else np.stack(pages, -1)[None]


def by_imagecodecs(path: Path) -> NDArray[Any]:
    from imagecodecs import jpeg_decode, png_decode

    decode = png_decode if path.suffix == ".png" else jpeg_decode
    array: NDArray[Any] = decode(path.read_bytes())
    return array.reshape(1, *array.shape[:2], -1)


def by_hand(path: Path) -> NDArray[Any]:
    """Read the bytes after the last pixel data tag of a DICOM file, and apply its intercept."""
    data = path.read_bytes()
    big = "big_endian" in path.name
    start = data.rindex(b"\x7f\xe0\x00\x10" if big else b"\xe0\x7f\x10\x00")
    start += 8 if "implicit" in path.name else 12
    frames, signed = (2, "u") if path.name.startswith("CT0012") else (1, "i")
    stored = np.frombuffer(data, f"{'>' if big else '<'}{signed}2", frames << 18, start)
    shifted = stored.astype(np.int64) - 1024 + 32768
    return shifted.astype(np.uint16).reshape(frames, 512, 512, 1)


READERS = {".dcm": by_hand, ".tif": by_pil}


@pytest.mark.skipif(not REAL, reason="../shared/data/images is absent")
@pytest.mark.parametrize("name", REAL)
def test_real_files_equal_another_reader(name: str) -> None:
    path = shared(f"images/{name}")
    expected = READERS.get(path.suffix, by_imagecodecs)(path)
    facts, image = inspect_image(path), one(path)
    found = np.asarray(image.pixels)
    if expected.dtype == bool:
        expected = expected * np.uint8(255)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert facts.certain
    assert facts.shape == image.pixels.shape
    assert image.pixels.shape[-1] in facts.choices
    assert image.name == name
    assert image.bit_depth == 8 * found.dtype.itemsize


def piximi_images() -> list[Any]:
    found = []
    for path in sorted((DATA / "bundles").glob("*_project.expected.json")):
        found += [
            pytest.param(thing, id=f"{path.name.split('.')[0]}-{thing['name']}")
            for thing in json.loads(path.read_text())["things"]
            if thing["kind"] == "Image" and thing["name"] in REAL
        ]
    return found


@pytest.mark.skipif(not REAL, reason="../shared/data is absent")
@pytest.mark.parametrize("thing", piximi_images())
def test_real_files_equal_what_piximi_made_of_them(thing: dict[str, Any]) -> None:
    image = one(shared(f"images/{thing['name']}"))
    values = np.asarray(image.pixels) / (2**image.bit_depth - 1)
    shape, data = thing["shape"], thing["data"]
    assert values.shape == tuple(shape[a] for a in ("planes", "height", "width", "channels"))
    assert image.bit_depth == thing["bitDepth"]
    # decoders of JPEG differ by a few grey values
    lossy = thing["name"].endswith(("jpg", "jpeg"))
    close = 8 / 255 if lossy else 1e-6
    np.testing.assert_allclose(values.ravel()[:8], data["first"], atol=close)
    np.testing.assert_allclose(values.mean((0, 1, 2)), data["mean"], atol=close / 4)
    ranges = [thing["colors"]["range"][str(c)] for c in range(shape["channels"])]
    np.testing.assert_allclose([[c.minimum, c.maximum] for c in image.channels], ranges, atol=close)
    assert [c.visible for c in image.channels] == [
        thing["colors"]["visible"][str(c)] for c in range(shape["channels"])
    ]
    assert [list(c.color) for c in image.channels] == thing["colors"]["color"]


def test_real_pixel_sizes() -> None:
    def size(name: str) -> object:
        return one(shared(f"images/{name}")).pixel_size

    assert size("9z_1c_8b_shorter_3d_monolayer_xy1_ch0.tif") == pytest.approx((0.29, 0.26, 0.26))
    assert size("16b_4c_neuron-composite.tif") == pytest.approx((0.16, 0.16, 0.16))
    assert size("CT1_UNC.implicit_little_endian.dcm") == pytest.approx((5000, 661.468, 661.468))
    assert size("8b_2c_actin-nuclei.tif") is None
    assert size("stardistHE_example_histo.jpg") is None


# --- what comes of an image ------------------------------------------------------------------


def test_an_image_fits_into_a_project(tmp_path: Path) -> None:
    values = np.array([[[10, 0, 7], [200, 0, 7]]], np.uint8)
    Picture.fromarray(values).save(tmp_path / "small.png")
    project = new_project("P")
    unknown = project.kinds[IMAGE_KIND].unknown
    images = read_images(tmp_path / "small.png", category=unknown)
    project = edits.add_images(project, images)
    (image,) = project.images()
    assert image.category == unknown
    assert image.partition is Partition.INFERENCE
    assert image.plane == 0
    # the constant channels still show: from 0 to their value, or to 1
    ranges = [(10 / 255, 200 / 255), (0, 1), (0, 7 / 255)]
    assert [c.minimum for c in image.channels] == pytest.approx([low for low, _ in ranges])
    assert [c.maximum for c in image.channels] == pytest.approx([high for _, high in ranges])
    assert [c.color for c in image.channels] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]


def test_ids_are_fresh(tmp_path: Path) -> None:
    Picture.new("L", (3, 2), 9).save(tmp_path / "a.bmp")
    first, second = one(tmp_path / "a.bmp"), one(tmp_path / "a.bmp")
    assert first.id != second.id
    assert first.id[0] == "1"


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_progress_is_told_and_may_cancel(name: str, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []

    def listen(done: int, total: int, message: str = "", **_: object) -> None:
        told.append((done, total, message))

    def cancel(done: int, total: int, message: str = "", **_: object) -> None:
        raise Cancelled("enough")

    Picture.new("L", (3, 2)).save(tmp_path / name)
    read_images(tmp_path / name, category=UNKNOWN, progress=listen)
    assert told == [(0, 1, f"Reading {name}"), (1, 1, f"Reading {name}")]
    with pytest.raises(Cancelled):
        read_images(tmp_path / name, category=UNKNOWN, progress=cancel)


# --- which files -----------------------------------------------------------------------------


def test_folders_in_natural_order(tmp_path: Path) -> None:
    names = ["b10.png", "b2.PNG", "a.tif", "B1.jpeg", ".hidden.png", "notes.txt", "c.dcm"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "d.png").write_bytes(b"x")
    (tmp_path / "0001").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "README").write_bytes(b"words")
    found = [path.name for path in image_files([tmp_path])]
    assert found == ["0001", "a.tif", "B1.jpeg", "b2.PNG", "b10.png", "c.dcm"]


def test_a_file_named_twice_comes_once(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(b"x")
    assert image_files([path, tmp_path, str(path)]) == [path]


def test_files_that_are_no_images_are_named(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    named = [tmp_path / name for name in ("table.csv", "gone.png", "empty")]
    with pytest.raises(ImageFileError, match=r"table\.csv.*gone\.png .*no such.*empty .*folder"):
        image_files(named)


def test_suffixes_are_lower_case() -> None:
    assert {".png", ".jpg", ".bmp", ".tif", ".dcm"} <= set(IMAGE_SUFFIXES)
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in IMAGE_SUFFIXES)


# --- channels and projects -------------------------------------------------------------------


def project_of(channels: int | None) -> Project:
    project = new_project("Cells")
    if channels is None:
        return project
    array = np.zeros((1, 2, 2, channels), np.uint8)
    unknown = project.kinds[IMAGE_KIND].unknown
    image = Image("1a", "a", unknown, ArrayPixels(array), channels=default_channels(channels))
    return edits.add_images(project, [image])


def test_channels_that_suit_need_no_words() -> None:
    assert explain_channels(project_of(None), "a.png", 3) is None
    assert explain_channels(project_of(3), "a.png", 3) is None


@pytest.mark.parametrize(
    ("wanted", "channels", "words"),
    [
        (1, 3, ["a.png has 3 channels", "have 1", "convert it to grey"]),
        (4, 1, ["a.png has 1 channel,", "have 4", "merge 4"]),
        (2, 5, ["a.png has 5 channels,", "have 2", "keep only 2"]),
        (5, 2, ["a.png has 2 channels,", "have 5", "add the 3"]),
    ],
)
def test_channels_that_do_not_suit_are_explained(
    wanted: int, channels: int, words: list[str]
) -> None:
    said = explain_channels(project_of(wanted), "a.png", channels)
    assert said is not None
    assert all(word in said for word in [*words, "'Cells'", "new project"]), said


# --- bad files -------------------------------------------------------------------------------


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 255, shape, np.uint8)


def write_dicom(path: Path) -> None:
    from tests.io.tiny_dicom import write

    write(path, noise(40, 30))


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.png": lambda path: Picture.fromarray(noise(40, 30, 3)).save(path),
    "a.jpg": lambda path: Picture.fromarray(noise(40, 30, 3)).save(path),
    "a.bmp": lambda path: Picture.fromarray(noise(40, 30, 3)).save(path),
    "a.tif": lambda path: tifffile.imwrite(path, noise(3, 40, 30), imagej=True),
    "lzw.tif": lambda path: tifffile.imwrite(path, noise(40, 30), compression="lzw"),
    "zip.tif": lambda path: tifffile.imwrite(path, noise(4, 40, 30), ome=True, compression=8),
    "a.dcm": write_dicom,
}


def attempt(function: Callable[[Path], Any], path: Path) -> Any:  # noqa: ANN401
    """Return what the function returns, or None after our error that names the file."""
    try:
        return function(path)
    except ImageFileError as error:
        if str(path) not in str(error):
            raise
        return None


@pytest.mark.parametrize("name", WRITERS)
def test_files_cut_short(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    whole, data = pixels(path), path.read_bytes()
    refused = 0
    for end in np.linspace(0, len(data) - 1, 25).astype(int):
        path.write_bytes(data[:end])
        if (found := attempt(pixels, path)) is None:
            refused += 1
        else:  # what was lost held no pixels
            np.testing.assert_array_equal(found, whole)
    assert refused >= 23


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", WRITERS)
def test_damaged_bytes_raise_nothing_but_our_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    data, draw, read = np.frombuffer(path.read_bytes(), np.uint8), np.random.default_rng(1), 0
    for _ in range(60):
        bad = data.copy()
        bad[draw.integers(0, min(len(bad), 900), 4)] = draw.integers(0, 256, 4)
        path.write_bytes(bad.tobytes())
        for function in (inspect_image, one):
            read += attempt(function, path) is not None
    assert read < 120


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".dcm"])
@pytest.mark.parametrize("content", [b"", b"These are only words.\n" * 40])
def test_what_is_no_image_whatever_its_name(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    for function in (inspect_image, one):
        with pytest.raises(ImageFileError, match=r"x\.") as caught:
            function(path)
        assert "empty" in str(caught.value) or "no " in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageFileError, match="gone"):
        inspect_image(tmp_path / "gone.tif")


def test_the_first_bytes_count_not_the_name(tmp_path: Path) -> None:
    Picture.fromarray(noise(4, 5)).save(tmp_path / "really.png")
    (tmp_path / "really.png").rename(tmp_path / "x.dcm")
    np.testing.assert_array_equal(pixels(tmp_path / "x.dcm")[0, ..., 0], noise(4, 5))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def huge_png() -> bytes:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    packed = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + packed + chunk(b"IEND", b"")


def huge_bmp() -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, 90_000, 90_000, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 100, 0, 0, 54) + header + bytes(100)


def huge_jpeg(path: Path) -> bytes:
    Picture.new("L", (8, 8)).save(path)
    data = bytearray(path.read_bytes())
    data[(at := data.index(b"\xff\xc0") + 5) : at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


@pytest.mark.parametrize("suffix", ["png", "bmp", "jpg"])
def test_pictures_that_claim_too_much(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    made = {"png": huge_png, "bmp": huge_bmp}
    path.write_bytes(made[suffix]() if suffix in made else huge_jpeg(path))
    for function in (inspect_image, one):
        with pytest.raises(ImageFileError, match=r"claims [0-9]+ × [0-9]+ pixels.*268,435,456"):
            function(path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")
def test_a_file_name_that_is_no_unicode_gets_a_name_that_is(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    Picture.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(path)
    assert image_files([tmp_path]) == [path]
    assert one(path).name == "caf\ufffd.png"


def test_names_that_count_the_same_have_one_order(tmp_path: Path) -> None:
    names = ["a01.png", "a1.png", "A1.png", "a001.png", "a2.png", "a10.png"]
    for name in names:
        (tmp_path / name).touch()
    found = [path.name for path in image_files(tmp_path / name for name in names)]
    assert found == [*sorted(names[:4]), "a2.png", "a10.png"]
