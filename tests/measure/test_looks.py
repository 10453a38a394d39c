import numpy as np
import pytest
from skimage.transform import rotate

from napari_piximi.measure.looks import look_names, look_table, shrink

DRAWS = np.random.default_rng(5)


def test_each_column_has_a_name() -> None:
    images = DRAWS.random((3, 50, 41, 2), dtype=np.float32)
    names = look_names(2)
    assert look_table(images).shape == (3, len(names))
    assert len(set(names)) == len(names) == 144 + 128


def test_shrinking_by_a_whole_factor_keeps_the_mean_and_constants() -> None:
    images = DRAWS.random((2, 64, 96, 1), dtype=np.float32)
    small = shrink(images, 8, 12)
    assert small.shape == (2, 8, 12, 1)
    np.testing.assert_allclose(small.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=0.01)
    np.testing.assert_allclose(shrink(np.full_like(images, 0.25), 7, 5), 0.25, rtol=1e-5)


def test_enlarging_interpolates_linearly() -> None:
    ramp = np.arange(4, dtype=np.float32)[None, :, None, None] * np.ones((1, 4, 4, 1), np.float32)
    large = shrink(ramp, 8, 4)[0, :, 0, 0]
    np.testing.assert_allclose(large, [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3], atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (3, 2), (32, 32)])
def test_any_size_gives_finite_numbers(size: tuple[int, int]) -> None:
    images = DRAWS.random((2, *size, 3), dtype=np.float32)
    assert np.isfinite(look_table(images)).all()
    assert np.isfinite(look_table(np.zeros_like(images))).all()


@pytest.mark.parametrize(("angle", "direction"), [(0, 0), (90, 80), (45, 140)])
def test_edges_are_strongest_across_stripes(angle: int, direction: int) -> None:
    wave = 0.5 + 0.5 * np.sin(np.arange(64) / 3)
    stripes = rotate(np.tile(wave, (64, 1)), angle, mode="reflect").astype(np.float32)
    row = look_table(stripes[None, :, :, None])[0]
    directions = row[:144].reshape(16, 9).sum(axis=0)
    strongest = 20 * int(directions.argmax())
    assert min(abs(strongest - direction), 180 - abs(strongest - direction)) <= 20
