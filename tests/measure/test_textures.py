"""Pixels of many things at once against scikit-image and numpy, one at a time."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import regionprops

from napari_piximi.measure.textures import PIXEL_FEATURES, RING, pixel_table

DRAWS = np.random.default_rng(3)
VALUES = DRAWS.random((12, 18, 21), dtype=np.float32)
MASKS = DRAWS.random(VALUES.shape) < 0.7
MASKS[0] = True
MASKS[1] = False
MASKS[1, 4, 5] = True


def column(name: str) -> NDArray[np.float64]:
    return pixel_table(VALUES, MASKS)[:, PIXEL_FEATURES.index(name)]


@pytest.mark.parametrize(
    "name", ["intensity_mean", "intensity_std", "intensity_min", "intensity_max"]
)
def test_intensities_are_those_of_regionprops(name: str) -> None:
    expected = [
        regionprops(mask.astype(np.uint8), value.astype(np.float64))[0][name]
        for value, mask in zip(VALUES, MASKS, strict=True)
    ]
    np.testing.assert_allclose(column(name), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("percent", [5, 25, 50, 75, 95])
def test_quantiles_are_numpys(percent: int) -> None:
    expected = [
        np.quantile(value[mask].astype(np.float64), percent / 100)
        for value, mask in zip(VALUES, MASKS, strict=True)
    ]
    np.testing.assert_allclose(column(f"intensity_quantile_{percent:02d}"), expected, rtol=1e-6)


def test_displacement_is_that_of_the_weighted_centroid() -> None:
    expected = []
    for value, mask in zip(VALUES, MASKS, strict=True):
        (region,) = regionprops(mask.astype(np.uint8), value.astype(np.float64))
        apart = np.subtract(region.centroid_weighted, region.centroid)
        expected.append(np.hypot(*apart) / region.equivalent_diameter_area)
    np.testing.assert_allclose(column("mass_displacement"), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lag", [1, 2, 4])
def test_differences_are_of_pairs_inside(lag: int) -> None:
    expected = []
    for value, mask in zip(VALUES, MASKS, strict=True):
        inside = np.where(mask, value.astype(np.float64), np.nan)
        pairs = np.concatenate(
            [
                np.abs(inside[lag:] - inside[:-lag]).ravel(),
                np.abs(inside[:, lag:] - inside[:, :-lag]).ravel(),
            ]
        )
        pairs = pairs[np.isfinite(pairs)]
        expected.append(pairs.mean() if pairs.size else 0)
    np.testing.assert_allclose(column(f"difference_{lag}"), expected, rtol=1e-5)


def pattern(window: NDArray[np.float32]) -> int:
    bits = [bool(window[1 + down, 1 + right] >= window[1, 1]) for down, right in RING]
    changes = sum(bits[i] != bits[i - 1] for i in range(8))
    return sum(bits) if changes <= 2 else 9


def test_patterns_are_counted_where_all_neighbours_are_inside() -> None:
    first = PIXEL_FEATURES.index("pattern_0")
    table = pixel_table(VALUES, MASKS)[:, first : first + 10]
    for row, value, mask in zip(table, VALUES, MASKS, strict=True):
        found = [
            pattern(value[y - 1 : y + 2, x - 1 : x + 2])
            for y in range(1, 17)
            for x in range(1, 20)
            if mask[y - 1 : y + 2, x - 1 : x + 2].all()
        ]
        expected = np.bincount(found, minlength=10) / max(len(found), 1)
        np.testing.assert_allclose(row, expected)


def test_what_lies_outside_plays_no_part() -> None:
    spoilt = np.where(MASKS, VALUES, np.float32(1e6))
    np.testing.assert_array_equal(pixel_table(spoilt, MASKS), pixel_table(VALUES, MASKS))


def test_an_empty_mask_gives_zeros() -> None:
    assert not pixel_table(VALUES[:2], np.zeros_like(MASKS[:2])).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 5), (3, 3)])
def test_tiny_things_give_finite_numbers(size: tuple[int, int]) -> None:
    values = np.full((3, *size), 0.5, dtype=np.float32)
    table = pixel_table(values, np.ones(values.shape, dtype=bool))
    assert np.isfinite(table).all()
    assert table[:, 0].tolist() == [0.5] * 3
