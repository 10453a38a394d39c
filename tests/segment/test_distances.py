import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_piximi.segment.distances import REACH, squared_distances


def expected(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    squares: NDArray[np.int64] = np.rint(ndimage.distance_transform_edt(mask) ** 2).astype(np.int64)
    return squares


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99, 0.9995])
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (70, 1), (60, 200), (150, 40)])
def test_distances_are_those_of_scipy(shape: tuple[int, int], share: float) -> None:
    for seed in range(20):
        mask = np.random.default_rng(seed).random(shape) < share
        mask.ravel()[seed % mask.size] = False
        assert np.array_equal(squared_distances(mask), expected(mask))


@pytest.mark.parametrize("radius", [REACH - 1, REACH, REACH + 1, 100])
def test_large_objects_are_measured_as_well(radius: int) -> None:
    y, x = np.mgrid[:260, :240]
    mask = (y - 130) ** 2 + (x - 120) ** 2 < radius**2
    assert np.array_equal(squared_distances(mask), expected(mask))
    assert squared_distances(mask).max() == radius**2


def test_the_border_of_the_array_is_no_background() -> None:
    mask = np.ones((5, 300), bool)
    mask[2, 0] = False
    assert squared_distances(mask)[2].tolist() == [n * n for n in range(300)]
