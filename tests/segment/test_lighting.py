import numpy as np
import pytest
from numpy.typing import NDArray

from napari_piximi.segment.lighting import fit_lighting, grid, is_dark


def surface(shape: tuple[int, int]) -> NDArray[np.float64]:
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    light: NDArray[np.float64] = 50 + 9 * x - 4 * x * x + 6 * y + 3 * x * y - 5 * y * y
    return light


def sampled(image: NDArray[np.float64]) -> NDArray[np.float32]:
    taken: NDArray[np.float32] = image[np.ix_(*map(grid, image.shape))].astype(np.float32)
    return taken


@pytest.mark.parametrize("length", [0, 1, 2, 127, 128, 129, 5000])
def test_a_grid_reaches_from_end_to_end(length: int) -> None:
    places = grid(length)
    assert places.size == min(length, 128)
    assert (np.diff(places) > 0).all()
    if length:
        assert (places[0], places[-1]) == (0, length - 1)


@pytest.mark.parametrize("shape", [(40, 60), (300, 170)])
def test_the_surface_under_bright_objects_is_found(shape: tuple[int, int]) -> None:
    light = surface(shape)
    image = light.copy()
    image[5:15, 8:20] += 100
    image[25:36, 30:50] += 80
    found = fit_lighting(sampled(image), shape)
    around = found.inside((0, 0, *shape)) + found.level
    there = image == light
    np.testing.assert_allclose(around[there], light[there], atol=0.01)
    part = found.inside((3, 7, 21, 33))
    np.testing.assert_array_equal(part, found.inside((0, 0, *shape))[3:21, 7:33])


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 2), (30, 30)])
def test_even_light_has_no_surface(shape: tuple[int, int]) -> None:
    found = fit_lighting(np.full(tuple(grid(n).size for n in shape), 7.0, np.float32), shape)
    np.testing.assert_allclose(found.inside((0, 0, *shape)), 0, atol=1e-4)


def test_what_most_of_the_rim_shows_is_background() -> None:
    image = np.zeros((20, 30))
    image[5:12, 8:20] = 9
    assert not is_dark(sampled(image))
    assert is_dark(sampled(-image))
    image[:, 0] = 9
    assert not is_dark(sampled(image))
    assert not is_dark(np.ones((4, 4), np.float32))
    assert not is_dark(np.ones((0, 0), np.float32))
