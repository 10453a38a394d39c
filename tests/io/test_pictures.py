"""PNG, JPEG and BMP files, written by PIL or by hand."""

import struct
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from napari_piximi.errors import ImageFileError, PiximiWarning
from napari_piximi.io.images import inspect_image, read_images


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def check(path: Path, expected: NDArray[Any]) -> None:
    """Expect these (Y, X, C), bit for bit, in what is read and foretold."""
    facts = inspect_image(path)
    (image,) = read_images(path, category="0")
    found = np.asarray(image.pixels)
    np.testing.assert_array_equal(found[0], expected)
    assert found.dtype == facts.dtype == expected.dtype
    assert found.shape == facts.shape == (1, *expected.shape)
    assert (facts.certain, facts.pages, facts.images) == (True, 1, 1)
    assert facts.choices == (expected.shape[-1],)
    assert image.bit_depth == 8 * expected.dtype.itemsize


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(array: NDArray[Any], colour: int, filters: Sequence[int] = (0,)) -> bytes:
    """Write (Y, X, C) as a PNG of that colour type, filtering rows by none (0) or sub (1)."""
    height, width, channels = array.shape
    step, rows = channels * array.dtype.itemsize, b""
    for number, row in enumerate(array):
        data = np.frombuffer(row.astype(row.dtype.newbyteorder(">")).tobytes(), np.uint8)
        kind = filters[number % len(filters)]
        before = np.concatenate([np.zeros(step, np.uint8), data[:-step]])
        rows += bytes([kind]) + (data - before if kind else data).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8 * array.dtype.itemsize, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


# --- bits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (4, 2), (2, 3), (6, 4)])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_png_keeps_every_bit_and_drops_alpha(
    dtype: str, colour: int, channels: int, tmp_path: Path
) -> None:
    array = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (9, 7, channels), dtype)
    (tmp_path / "a.png").write_bytes(png(array, colour, (0, 1)))
    check(tmp_path / "a.png", array[..., : 1 if channels < 3 else 3])


@pytest.mark.parametrize("suffix", ["png", "bmp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_eight_bits(suffix: str, channels: int, tmp_path: Path) -> None:
    array = noise(9, 7, channels)
    Picture.fromarray(array.squeeze()).save(tmp_path / f"a.{suffix}")
    check(tmp_path / f"a.{suffix}", array)


@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_one_bit_becomes_black_and_white(suffix: str, tmp_path: Path) -> None:
    array = noise(9, 13) > 128
    Picture.fromarray(array).save(tmp_path / f"a.{suffix}")
    check(tmp_path / f"a.{suffix}", array[..., None] * np.uint8(255))


@pytest.mark.parametrize("bits", [2, 4])
def test_few_bits_are_stretched(bits: int, tmp_path: Path) -> None:
    values = np.arange(8) % 2**bits
    packed = np.packbits(np.unpackbits(values.astype(np.uint8)[:, None], axis=1)[:, -bits:].ravel())
    header = struct.pack(">IIBBBBB", 8, 1, bits, 0, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" + packed.tobytes())) + chunk(b"IEND", b"")
    )  # fmt: skip
    check(tmp_path / "a.png", (values * 255 // (2**bits - 1)).astype(np.uint8)[None, :, None])


# --- colours ---------------------------------------------------------------------------------


@pytest.mark.parametrize("transparent", [None, 3, b"\x00\x80\xff"])
@pytest.mark.parametrize("suffix", ["png", "bmp"])
def test_palettes_become_colours(suffix: str, transparent: Any, tmp_path: Path) -> None:  # noqa: ANN401
    indices, colours = noise(9, 7) % 5, noise(5, 3)
    picture = Picture.fromarray(indices).convert("P")
    picture.putpalette(colours.tobytes())
    options = {} if transparent is None or suffix == "bmp" else {"transparency": transparent}
    picture.save(tmp_path / f"a.{suffix}", **options)
    check(tmp_path / f"a.{suffix}", colours[indices])


def test_bmp_with_a_grey_palette_is_grey(tmp_path: Path) -> None:
    Picture.fromarray(noise(5, 4)).save(tmp_path / "a.bmp")
    check(tmp_path / "a.bmp", noise(5, 4)[..., None])


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg(mode: str, tmp_path: Path) -> None:
    from imagecodecs import jpeg_decode

    smooth = np.linspace(20, 220, 64 * 48).reshape(64, 48).astype(np.uint8)
    path = tmp_path / "a.jpg"
    Picture.fromarray(smooth).convert(mode).save(path, quality=90)
    if mode == "CMYK":
        (image,) = read_images(path, category="0")
        found = np.asarray(image.pixels)[0].astype(int)
        assert found.shape == (64, 48, 3)
        assert np.abs(found - smooth[..., None]).max() < 12
    else:
        check(path, jpeg_decode(path.read_bytes()).reshape(64, 48, -1))


def test_an_animation_is_its_first_frame_and_that_is_said(tmp_path: Path) -> None:
    frames = [Picture.fromarray(noise(9, 7) // part) for part in (1, 2, 3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.warns(PiximiWarning, match=r"a\.png: is animated; only the first of its 3 frames"):
        (image,) = read_images(tmp_path / "a.png", category="0")
    np.testing.assert_array_equal(np.asarray(image.pixels)[0, ..., 0], noise(9, 7))


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(png(noise(4, 3, 3).astype(np.uint16), 2))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(ImageFileError, match=r"a\.png: .*pip install imagecodecs"):
        read_images(tmp_path / "a.png", category="0")


def test_another_number_of_channels_is_refused(tmp_path: Path) -> None:
    Picture.fromarray(noise(9, 7, 3)).save(tmp_path / "a.png")
    with pytest.raises(ImageFileError, match=r"a\.png: cannot be read as 2 channels.*fit: 3"):
        read_images(tmp_path / "a.png", category="0", channels=2)
    assert len(read_images(tmp_path / "a.png", category="0", channels=3)) == 1


# --- orientation -----------------------------------------------------------------------------

CORNERS = {  # where EXIF says that the first row and the first column of the file are
    1: "top left", 2: "top right", 3: "bottom right", 4: "bottom left",
    5: "left top", 6: "right top", 7: "right bottom", 8: "left bottom",
}  # fmt: skip


def as_stored(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Store an upright picture so that the orientation makes it upright again."""
    first_row, first_column = CORNERS[orientation].split()
    # each stored row is a column of the upright picture, or not
    rows = upright.swapaxes(0, 1) if first_row in ("left", "right") else upright
    rows = rows[::-1] if first_row in ("bottom", "right") else rows
    return rows[:, ::-1] if first_column in ("bottom", "right") else rows


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpegs_are_turned_upright(orientation: int, tmp_path: Path) -> None:
    upright = np.zeros((64, 96), np.uint8)
    upright[:16, :16], upright[:16, -16:], upright[-16:, :16] = 250, 170, 90
    exif = Picture.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    stored = np.ascontiguousarray(as_stored(upright, orientation))
    Picture.fromarray(stored).save(path, exif=exif, quality=95)
    (image,) = read_images(path, category="0")
    assert image.pixels.shape == inspect_image(path).shape == (1, 64, 96, 1)
    assert np.abs(np.asarray(image.pixels)[0, ..., 0].astype(int) - upright).max() < 6


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Picture.fromarray(noise(8, 8)).save(path, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    (image,) = read_images(path, category="0")
    assert image.pixels.shape == (1, 8, 8, 1)
