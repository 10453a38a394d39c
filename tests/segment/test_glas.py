"""From the network's answer to glands; the network itself is asked in test_glas_network."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import label

from napari_piximi.segment.bilinear import resized_mask
from napari_piximi.segment.catalog import find_segmenter
from napari_piximi.segment.found import Found, painted
from napari_piximi.segment.segmenters.glas import GlasSettings, gland_mask, glands_of

Mask = NDArray[np.bool_]

EROSION = """
    0 0 0 0 1 0 0 0 0
    0 0 1 1 1 1 1 0 0
    0 1 1 1 1 1 1 1 0
    0 1 1 1 1 1 1 1 0
    1 1 1 1 1 1 1 1 1
    0 1 1 1 1 1 1 1 0
    0 1 1 1 1 1 1 1 0
    0 0 1 1 1 1 1 0 0
    0 0 0 0 1 0 0 0 0
"""
DILATION = """
    0 0 1 0 0
    0 1 1 1 0
    1 1 1 1 1
    0 1 1 1 0
    0 0 1 0 0
"""
"""What Piximi hands to image-js."""


def cleaned(mask: Mask, kernel: str, *, erode: bool) -> Mask:
    """Erode or dilate as image-js: neighbours beyond the border are passed over."""
    disc = np.array([[int(n) for n in row.split()] for row in kernel.strip().splitlines()])
    reach = len(disc) // 2
    padded = np.pad(mask, reach, constant_values=erode)
    shifts = [
        padded[y : y + mask.shape[0], x : x + mask.shape[1]] for y, x in np.argwhere(disc).tolist()
    ]
    return np.asarray(np.all(shifts, axis=0) if erode else np.any(shifts, axis=0))


def blobs(shape: tuple[int, int], seed: int, count: int = 60) -> NDArray[np.float32]:
    """Draw logits: soft discs of many sizes, some across the border."""
    draw = np.random.default_rng(seed)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    logits = np.full(shape, -9.0)
    for y, x, r in draw.random((count, 3)) * (*shape, 14):
        logits = np.maximum(logits, r - np.hypot(rows - y, columns - x))
    return np.asarray(logits + draw.normal(0, 0.3, shape), np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_cleaning_is_that_of_piximi(seed: int) -> None:
    logits = blobs((160, 210), seed)
    expected = cleaned(1 / (1 + np.exp(-logits)) > 0.5, EROSION, erode=True)
    expected = cleaned(expected, DILATION, erode=False)
    assert 0.01 < expected.mean() < 0.9
    np.testing.assert_array_equal(gland_mask(logits, GlasSettings()), expected)


def test_the_threshold_is_a_probability() -> None:
    logits = np.linspace(-4, 4, 801, dtype=np.float32)[np.newaxis]
    for threshold in (0.05, 0.5, 0.9):
        mask = gland_mask(logits, GlasSettings(threshold, 0, 0))
        np.testing.assert_array_equal(mask, 1 / (1 + np.exp(-logits.astype(float))) > threshold)


def same_parts(found: Found, truth: NDArray[np.integer]) -> bool:
    """Tell whether objects are those of labels, in whatever order."""
    labels = painted(found, (truth.shape[0], truth.shape[1]))
    pairs = np.unique(np.stack([labels.ravel(), truth.ravel()]), axis=1)
    return pairs.shape[1] == len(np.unique(truth)) and len(found) == int(truth.max())


@pytest.mark.parametrize("shape", [(160, 210), (300, 97), (81, 420), (1, 1), (1300, 2200)])
def test_parts_are_those_of_scikit_image(shape: tuple[int, int]) -> None:
    mask = blobs((160, 210), 3) > 0
    truth = label(resized_mask(mask, shape), connectivity=1)
    found = glands_of(mask, shape)
    assert same_parts(found, truth)


def test_parts_that_touch_by_corners_are_two() -> None:
    mask = np.zeros((1100, 40), bool)
    mask[1000:1024, 10:20] = mask[1024:1060, 20:30] = True
    assert sorted(glands_of(mask, mask.shape).boxes.tolist()) == [
        [1000, 10, 1024, 20], [1024, 20, 1060, 30]]  # fmt: skip


def test_more_than_255_glands_stay_apart() -> None:
    mask = np.zeros((768, 768), bool)
    mask[::8, ::8] = mask[1::8, ::8] = True
    found = glands_of(mask, (768, 768))
    assert len(found) == 96 * 96
    np.testing.assert_array_equal(painted(found, (768, 768)) > 0, mask)


def test_an_image_that_is_not_square_keeps_its_rows_and_columns() -> None:
    mask = np.zeros((768, 768), bool)
    mask[96:192, 384:768] = True
    found = glands_of(mask, (400, 1600))
    assert found.boxes.tolist() == [pytest.approx([50, 800, 100, 1600], abs=1)]
    assert (painted(found, (400, 1600)) > 0).mean() == pytest.approx(mask.mean(), rel=0.02)


def test_small_parts_are_dropped() -> None:
    mask = np.zeros((40, 40), bool)
    mask[2:4, 2:5] = mask[10:20, 10:20] = mask[30, 30] = True
    for min_area, areas in ((0, [1, 6, 100]), (1, [1, 6, 100]), (6, [6, 100]), (101, [])):
        labels = painted(glands_of(mask, (40, 40), min_area), (40, 40))
        assert sorted(np.bincount(labels.ravel())[1:].tolist()) == areas
    assert len(glands_of(np.ones((40, 40), bool), (40, 40), 1600)) == 1


def test_nothing_and_everything() -> None:
    for value, count in ((-5.0, 0), (5.0, 1)):
        mask = gland_mask(np.full((64, 64), value, np.float32), GlasSettings())
        for shape in ((50, 90), (1, 1), (1200, 1100)):
            found = glands_of(mask, shape)
            assert len(found) == count
            assert (painted(found, shape) > 0).mean() == count, "the border takes nothing away"


def test_what_is_told_of_it() -> None:
    told = find_segmenter("glas")
    assert (told.kind, told.channels, told.weights) == (
        "glas_glands", ("red", "green", "blue"), "glas")  # fmt: skip
    assert told.settings is GlasSettings
