import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_piximi.segment.components import fill_holes, pieces

Mask = NDArray[np.bool_]


def speckled(seed: int, shape: tuple[int, int] = (61, 83)) -> Mask:
    random = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(random.random(shape), (seed % 4) * 0.8)
    mask: Mask = smooth > np.quantile(smooth, (0.4, 0.5, 0.6, 0.8)[seed // 4 % 4])
    return mask


@pytest.mark.parametrize("edge", [7, 16, 40, 200])
@pytest.mark.parametrize("seed", range(12))
def test_holes_are_filled_as_scipy_fills_them(seed: int, edge: int) -> None:
    mask = speckled(seed)
    expected = ndimage.binary_fill_holes(mask)
    fill_holes(mask, edge=edge)
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize(("edge", "overlap"), [(7, 3), (16, 16), (30, 8), (200, 0)])
@pytest.mark.parametrize("seed", range(12))
def test_pieces_are_those_of_scipy(seed: int, edge: int, overlap: int) -> None:
    mask = speckled(seed)
    expected, count = ndimage.label(mask, np.ones((3, 3)))
    painted, number = np.zeros(mask.shape, np.int32), 0
    for top, left, labels in pieces(mask, edge=edge, overlap=overlap):
        there = painted[top : top + labels.shape[0], left : left + labels.shape[1]]
        for label in np.unique(labels[labels > 0]):
            number += 1
            assert not there[labels == label].any()
            there[labels == label] = number
    assert number == count
    pairs = np.unique(np.stack([painted.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(painted)) == len(np.unique(expected))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (30, 30)])
@pytest.mark.parametrize("full", [False, True])
def test_all_or_nothing(shape: tuple[int, int], full: bool) -> None:
    mask = np.full(shape, full)
    fill_holes(mask, edge=8)
    assert mask.all() == mask.any() == full
    found = [labels for _, _, labels in pieces(mask, edge=8, overlap=2) if labels.any()]
    assert len(found) == int(full)
    assert sum(np.count_nonzero(labels) for labels in found) == mask.sum()
