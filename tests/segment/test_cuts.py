from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data, filters

from napari_piximi.segment.cuts import li, otsu, stricter, triangle

PAIRS: list[tuple[Callable[..., float], Callable[..., Any]]] = [
    (otsu, filters.threshold_otsu),
    (li, filters.threshold_li),
    # It takes a bin for each value of whole numbers, and 256 of others, as we do.
    (triangle, lambda image: filters.threshold_triangle(image.astype(np.float64))),
]


def counts_of(image: NDArray[Any]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.bincount(image.ravel(), minlength=2**16)
    return counts


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("name", ["coins", "camera", "page", "moon", "text"])
def test_photographs_are_cut_where_scikit_image_cuts_them(
    name: str, ours: Callable[..., float], theirs: Callable[..., Any]
) -> None:
    image = getattr(data, name)()
    cut = ours(counts_of(image))
    np.testing.assert_array_equal(image > cut, image > theirs(image))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("offset", [0, 40_000])
def test_random_histograms_are_cut_where_scikit_image_cuts_them(
    offset: int, ours: Callable[..., float], theirs: Callable[..., Any]
) -> None:
    for seed in range(5):
        random = np.random.default_rng(seed)
        image = (random.normal(900, 80, 4000).clip(0) + offset).astype(np.uint16)
        image[: 300 * (seed + 1)] = random.integers(1500, 4000, 300 * (seed + 1)) + offset
        np.testing.assert_array_equal(image > ours(counts_of(image)), image > theirs(image))


@pytest.mark.parametrize("cut", [otsu, li, triangle])
def test_two_values_are_told_apart(cut: Callable[..., float]) -> None:
    for low, high, many in ((0, 1, 1), (7, 65535, 1000), (65534, 65535, 3)):
        counts = np.zeros(2**16, np.int64)
        counts[low], counts[high] = many, 1
        assert low <= cut(counts) < high


def test_a_cut_moves_away_from_the_background() -> None:
    counts = np.zeros(100, np.int64)
    counts[[10, 20, 90]] = 30, 10, 5
    assert stricter(counts, 40.0, 1.0) == 40.0
    assert stricter(counts, 40.0, 2.0) == 12.5 + 2 * 27.5
    assert stricter(counts, 40.0, 0.0) == 12.5
