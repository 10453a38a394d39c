"""DICOM files made by pydicom; the expected values are computed from the standard by hand."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture
from tests.io.tiny_dicom import dataset, write

from napari_piximi.errors import ImageFileError, PiximiWarning
from napari_piximi.io.images import inspect_image, read_images
from napari_piximi.model.things import Image

SHIFT = 32768


def noise(*shape: int, dtype: str = "u1") -> NDArray[Any]:
    info = np.iinfo(dtype)
    return np.random.default_rng(0).integers(info.min, info.max, shape, dtype)


def one(path: Path) -> Image:
    (image,) = read_images(path, category="0")
    facts = inspect_image(path)
    assert (facts.certain, facts.images) == (True, 1)
    assert facts.shape == image.pixels.shape
    return image


def check(path: Path, expected: NDArray[Any]) -> None:
    """Expect these (Z, Y, X, C)."""
    found = np.asarray(one(path).pixels)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


# --- grey values -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_unsigned_values_stay(dtype: str, path: Path) -> None:
    array = noise(9, 7, dtype=dtype)
    write(path, array)
    check(path, array[None, ..., None])


@pytest.mark.parametrize("dtype", ["i1", "i2"])
def test_signed_values_get_the_same_shift_in_every_file(dtype: str, path: Path) -> None:
    for array in (noise(9, 7, dtype=dtype), np.full((4, 3), 5, dtype)):
        write(path, array)
        check(path, (array.astype(int) + SHIFT).astype(np.uint16)[None, ..., None])


@pytest.mark.parametrize("intercept", [-1024, 0, 10])
@pytest.mark.parametrize("slope", [1, 2, -1])
def test_rescale(slope: int, intercept: int, path: Path) -> None:
    """What can be negative, going by the header, is shifted, whether it is or not."""
    array = noise(9, 7) + np.uint16(2000 if slope > 0 else 0)
    write(path, array.astype(np.uint16), RescaleSlope=slope, RescaleIntercept=intercept)
    shift = SHIFT if slope < 0 or intercept < 0 else 0
    expected = array.astype(int) * slope + intercept + shift
    check(path, expected.astype(np.uint16)[None, ..., None])


def test_bytes_whose_rescale_fits_a_byte_stay_bytes(path: Path) -> None:
    array = noise(9, 7)
    write(path, array, RescaleSlope=1, RescaleIntercept=0)
    check(path, array[None, ..., None])
    write(path, array, RescaleSlope=2, RescaleIntercept=0)
    check(path, (array * np.uint16(2))[None, ..., None])


@pytest.mark.parametrize(
    ("slope", "intercept", "low", "high"), [(0.5, 0, 0, 50), (1, -40000, -40000, -39900),
                                            (1000, 0, 0, 100000)]
)  # fmt: skip
def test_other_rescales_are_scaled_and_told(
    slope: float, intercept: float, low: float, high: float, path: Path
) -> None:
    array = np.array([[0, 50, 100]], np.uint16)
    write(path, array, RescaleSlope=slope, RescaleIntercept=intercept)
    with pytest.warns(PiximiWarning, match=rf"a\.dcm: .*from {low:.7g} to {high:.7g} "):
        (image,) = read_images(path, category="0")
    assert np.asarray(image.pixels).ravel().tolist() == [0, 0.5, 1]
    assert image.pixels.dtype == np.float32


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_monochrome1_is_inverted_in_the_range_of_its_bits(bits: int, path: Path) -> None:
    array = noise(9, 7, dtype="u2") >> (16 - bits)
    array = array.astype(np.uint8) if bits == 8 else array
    write(path, array, PhotometricInterpretation="MONOCHROME1", BitsStored=bits, HighBit=bits - 1)
    check(path, (2**bits - 1 - array.astype(int)).astype(array.dtype)[None, ..., None])


def test_signed_monochrome1_with_rescale(path: Path) -> None:
    """−2048…2047 of 12 bits is mirrored to 2047…−2048, then 1 × value − 10."""
    array = np.array([[-2048, 0, 2047]], np.int16)
    write(
        path, array, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11,
        RescaleSlope=1, RescaleIntercept=-10,
    )  # fmt: skip
    check(path, (np.array([2037, -11, -2058]) + SHIFT).astype(np.uint16).reshape(1, 1, 3, 1))


def test_modality_table(path: Path) -> None:
    from pydicom.dataset import Dataset

    table = Dataset()
    table.LUTDescriptor = [4, 0, 16]
    table.ModalityLUTType = "US"
    table["LUTDescriptor"].VR = "US"
    table.add_new("LUTData", "US", [7, 70, 700, 7000])
    write(path, np.array([[0, 1, 2, 3]], np.uint8), ModalityLUTSequence=[table])
    check(path, np.array([7, 70, 700, 7000], np.uint16).reshape(1, 1, 4, 1))


# --- frames ----------------------------------------------------------------------------------


def test_frames_are_planes(path: Path) -> None:
    array = noise(5, 9, 7, dtype="u2")
    write(path, array, NumberOfFrames=5)
    check(path, array[..., None])
    told: list[tuple[int, int]] = []
    read_images(
        path, category="0", progress=lambda done, total, *_, **__: told.append((done, total))
    )
    assert told == [(done, 5) for done in range(6)]


def test_each_frame_may_have_its_own_rescale(path: Path) -> None:
    from pydicom.dataset import Dataset

    def group(slope: int, intercept: int) -> Dataset:
        values, frame = Dataset(), Dataset()
        values.RescaleSlope, values.RescaleIntercept = slope, intercept
        frame.PixelValueTransformationSequence = [values]
        return frame

    array = noise(2, 9, 7)
    write(
        path, array, NumberOfFrames=2,
        PerFrameFunctionalGroupsSequence=[group(1, -5), group(3, 0)],
    )  # fmt: skip
    expected = np.stack([array[0].astype(int) - 5, array[1].astype(int) * 3]) + SHIFT
    check(path, expected.astype(np.uint16)[..., None])


# --- colours ---------------------------------------------------------------------------------


def test_rgb(path: Path) -> None:
    array = noise(9, 7, 3)
    write(path, array)
    check(path, array[None])
    write(path, np.ascontiguousarray(array.transpose(2, 0, 1)).reshape(9, 7, 3),
          PlanarConfiguration=1)  # fmt: skip
    check(path, array[None])


def test_rgb_frames(path: Path) -> None:
    array = noise(3, 9, 7, 3)
    write(path, array, NumberOfFrames=3)
    check(path, array)


def test_ybr(path: Path) -> None:
    """By the formula of PS3.3, C.7.6.3.1.2."""
    ybr = noise(9, 7, 3) // 2 + 64
    write(path, ybr, PhotometricInterpretation="YBR_FULL")
    y, b, r = ybr.astype(float).transpose(2, 0, 1)
    b, r = b - 128, r - 128
    expected = np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], -1)
    found = np.asarray(one(path).pixels)[0]
    assert np.abs(found - expected.clip(0, 255)).max() <= 1


def test_palette(path: Path) -> None:
    indices, colours = noise(9, 7) % 4, noise(4, 3)
    made: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, values in zip(("Red", "Green", "Blue"), colours.T, strict=True):
        made[f"{name}PaletteColorLookupTableDescriptor"] = [4, 0, 16]
        wide = (values.astype(np.uint16) * 257).tobytes()
        made[f"{name}PaletteColorLookupTableData"] = wide
    write(path, indices, **made)
    check(path, (colours.astype(np.uint16) * 257)[indices][None])


@pytest.mark.parametrize(("colour", "samples"), [("HSV", 3), ("RGB", 1), ("MONOCHROME2", 3)])
def test_colours_that_we_do_not_read(colour: str, samples: int, path: Path) -> None:
    write(path, noise(9, 7), PhotometricInterpretation=colour, SamplesPerPixel=samples)
    for function in (inspect_image, one):
        with pytest.raises(ImageFileError, match=rf"a\.dcm: {samples} samples of '{colour}'"):
            function(path)


# --- encodings -------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
def test_rle(signed: bool, path: Path) -> None:
    from pydicom.uid import RLELossless

    array = noise(3, 9, 7, dtype="i2" if signed else "u2")
    made = dataset(array, NumberOfFrames=3)
    made.compress(RLELossless, generate_instance_uid=False)
    made.save_as(path, enforce_file_format=True)
    check(path, (array.astype(int) + SHIFT * signed).astype(np.uint16)[..., None])


@pytest.mark.parametrize(("kind", "uid", "close"), [("JPEG", "4.50", 0), ("JPEG2000", "4.90", 0)])
def test_jpeg(kind: str, uid: str, close: int, path: Path) -> None:
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    smooth = np.linspace(0, 255, 64 * 48).reshape(64, 48).astype(np.uint8)
    packed = io.BytesIO()
    options: dict[str, Any] = {"no_jp2": True} if kind == "JPEG2000" else {"quality": 95}
    Picture.fromarray(smooth).save(packed, kind, **options)
    made = dataset(smooth)
    made.file_meta.TransferSyntaxUID = UID(f"1.2.840.10008.1.2.{uid}")
    made.PixelData = encapsulate([packed.getvalue()])
    made["PixelData"].VR = "OB"
    made.save_as(path, enforce_file_format=True)
    with Picture.open(packed) as file:
        by_pil = np.asarray(file)
    check(path, by_pil[None, ..., None])
    if kind == "JPEG2000":
        np.testing.assert_array_equal(by_pil, smooth)


@pytest.mark.parametrize(
    ("uid", "package"), [("4.80", "pyjpegls"), ("4.57", "pylibjpeg-libjpeg")]
)  # fmt: skip
def test_a_missing_decoder_is_named(uid: str, package: str, path: Path) -> None:
    from pydicom.encaps import encapsulate
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    made = dataset(noise(9, 7))
    made.file_meta.TransferSyntaxUID = UID(f"1.2.840.10008.1.2.{uid}")
    if get_decoder(made.file_meta.TransferSyntaxUID).is_available:
        pytest.skip(f"{package} is installed")
    made.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    made["PixelData"].VR = "OB"
    made.save_as(path, enforce_file_format=True)
    assert inspect_image(path).shape == (1, 9, 7, 1)
    with pytest.raises(ImageFileError, match=rf"a\.dcm: .*pip install .*{package}"):
        one(path)


@pytest.mark.parametrize(
    ("uid", "little"), [("1.2.840.10008.1.2", True), ("1.2.840.10008.1.2.2", False)]
)
def test_byte_orders(uid: str, little: bool, path: Path) -> None:
    from pydicom.uid import UID

    array = noise(9, 7, dtype="u2")
    made = dataset(array if little else array.astype(">u2"))
    made.file_meta.TransferSyntaxUID = UID(uid)
    made["PixelData"].VR = "OW"
    made.save_as(path, enforce_file_format=True)
    check(path, array[None, ..., None])


def test_without_preamble(path: Path) -> None:
    array = noise(9, 7, dtype="u2")
    made = dataset(array)
    del made.file_meta
    made["PixelData"].VR = "OW"
    made.save_as(path, implicit_vr=True, little_endian=True)
    check(path, array[None, ..., None])


def test_floats(path: Path) -> None:
    array = np.array([[0.0, 0.25, 1.0]], np.float32)
    made = dataset(array)
    del made.PixelData, made.PixelRepresentation, made.BitsStored, made.HighBit
    made.FloatPixelData = array.tobytes()
    made.save_as(path, enforce_file_format=True)
    check(path, array[None, ..., None])
    assert inspect_image(path).dtype == np.float32


# --- pixel size ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elements", "expected"),
    [({"PixelSpacing": [0.5, 0.25]}, (500, 500, 250)),
     ({"PixelSpacing": [0.5, 0.25], "SliceThickness": 2}, (2000, 500, 250)),
     ({"PixelSpacing": [0.5, 0.25], "SliceThickness": 2, "SpacingBetweenSlices": 3},
      (3000, 500, 250)),
     ({"PixelSpacing": [0, 0]}, None), ({"SliceThickness": 2}, None)],
)  # fmt: skip
def test_pixel_size(elements: dict[str, Any], expected: Any, path: Path) -> None:  # noqa: ANN401
    write(path, noise(4, 3), **elements)
    assert one(path).pixel_size == (expected and pytest.approx(expected))


def test_pixel_size_of_frames(path: Path) -> None:
    from pydicom.dataset import Dataset

    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.1, 0.2], 4
    shared.PixelMeasuresSequence = [measures]
    write(path, noise(2, 4, 3), NumberOfFrames=2, SharedFunctionalGroupsSequence=[shared])
    assert one(path).pixel_size == pytest.approx((4000, 100, 200))


# --- bad files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elements", "words"),
    [({"Rows": 65535, "Columns": 65535, "NumberOfFrames": 99999}, "GiB"),
     ({"Rows": 65535, "Columns": 65535}, "memory"),
     ({"NumberOfFrames": 40}, "cut short"),
     ({"Rows": 0}, "no pixels")],
)  # fmt: skip
def test_absurd_claims(elements: dict[str, Any], words: str, path: Path) -> None:
    made = dataset(noise(9, 7))
    for name, value in elements.items():
        setattr(made, name, value)
    made.save_as(path, enforce_file_format=True)
    with pytest.raises(ImageFileError, match=rf"a\.dcm: .*{words}"):
        one(path)


def test_no_pixels(path: Path) -> None:
    made = dataset(noise(9, 7))
    del made.PixelData
    made.save_as(path, enforce_file_format=True)
    with pytest.raises(ImageFileError, match="no pixels"):
        one(path)


def test_no_image(path: Path) -> None:
    made = dataset(noise(9, 7))
    for name in ("Rows", "Columns", "PixelData"):
        delattr(made, name)
    made.save_as(path, enforce_file_format=True)
    for function in (inspect_image, one):
        with pytest.raises(ImageFileError, match=r"a\.dcm: is no DICOM image"):
            function(path)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("high", [11, 13, 15])
def test_bits_are_taken_from_where_they_are_stored(high: int, signed: bool, tmp_path: Path) -> None:
    low = -2048 if signed else 0
    values = np.random.default_rng(1).integers(low, low + 4096, (5, 6))
    junk = np.random.default_rng(2).integers(0, 1 << 16, (5, 6)) & ~(0xFFF << (high - 11))
    raw = ((values & 0xFFF) << (high - 11) | junk).astype("<u2")
    stored = raw.view("<i2") if signed else raw
    write(tmp_path / "odd.dcm", stored, BitsStored=12, HighBit=high)
    expected = values + SHIFT if signed else values
    check(tmp_path / "odd.dcm", expected.astype(np.uint16)[np.newaxis, ..., np.newaxis])
