"""Shapes of many masks at once against scikit-image, one at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from skimage.draw import disk, ellipse
from skimage.measure import regionprops

from napari_piximi.measure.shapes import SHAPE_FEATURES, shape_table

REGIONPROPS = (
    "area",
    "extent",
    "equivalent_diameter_area",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "perimeter",
)


def column(masks: NDArray[np.bool_], name: str) -> NDArray[np.float64]:
    return shape_table(masks)[:, SHAPE_FEATURES.index(name)]


def blobs() -> NDArray[np.bool_]:
    draws = np.random.default_rng(0)
    masks = np.zeros((60, 40, 48), dtype=bool)
    for i, mask in enumerate(masks):
        centre, radii = draws.uniform(12, 28, 2), draws.uniform(1, 12, 2)
        mask[ellipse(*centre, *radii, mask.shape, rotation=draws.uniform(0, 3))] = True
        if i % 3 == 0:
            mask &= draws.random(mask.shape) < 0.8
        mask[20, 20] = True
    masks[-1] = True  # touches every side
    masks[-2] = False
    masks[-2, 0, 0] = True  # a single pixel in a corner
    return masks


@pytest.mark.parametrize("name", REGIONPROPS)
def test_shapes_are_those_of_regionprops(name: str) -> None:
    masks = blobs()
    expected = [regionprops(mask.astype(np.uint8))[0][name] for mask in masks]
    np.testing.assert_allclose(column(masks, name), expected, rtol=1e-6, atol=1e-6)


@given(arrays(np.bool_, st.tuples(st.just(1), st.integers(1, 12), st.integers(1, 12))))
def test_any_mask_gives_finite_numbers_as_regionprops(masks: NDArray[np.bool_]) -> None:
    table = shape_table(masks)
    assert table.shape == (1, len(SHAPE_FEATURES))
    assert np.isfinite(table).all()
    if not masks.any():
        assert not table.any()
        return
    (region,) = regionprops(masks[0].astype(np.uint8))
    for name in REGIONPROPS:
        actual = table[0, SHAPE_FEATURES.index(name)]
        # the eccentricity is the root of a small difference
        np.testing.assert_allclose(actual, region[name], rtol=1e-5, atol=1e-4)


def test_widths_and_hull_of_a_rectangle() -> None:
    masks = np.zeros((1, 30, 40), dtype=bool)
    masks[0, 5:15, 8:32] = True
    assert column(masks, "bbox_rows")[0] == 10
    assert column(masks, "bbox_columns")[0] == 24
    assert column(masks, "width_min")[0] == pytest.approx(10)
    # the diagonal is 26; one of 16 directions misses it by 5.6 degrees at most
    assert 26 * np.cos(np.pi / 32) <= column(masks, "width_max")[0] <= 26
    assert column(masks, "hull_fill")[0] == pytest.approx(1, abs=0.05)


def test_a_crescent_fills_less_of_its_hull_than_a_disk() -> None:
    masks = np.zeros((2, 64, 64), dtype=bool)
    masks[0][disk((32, 32), 25)] = True
    masks[1] = masks[0]
    masks[1][disk((32, 44), 20)] = False
    round_one, crescent = column(masks, "hull_fill")
    solidity = [regionprops(mask.astype(np.uint8))[0].solidity for mask in masks]
    assert round_one == pytest.approx(solidity[0], abs=0.04)
    assert crescent == pytest.approx(solidity[1], abs=0.04)
    assert column(masks, "form_factor")[0] == pytest.approx(1, abs=0.1)


def test_where_a_thing_lies_in_its_frame_does_not_matter() -> None:
    small = blobs()[:5]
    large = np.pad(small, ((0, 0), (7, 30), (21, 3)))
    np.testing.assert_allclose(shape_table(large), shape_table(small), rtol=1e-5, atol=1e-5)
