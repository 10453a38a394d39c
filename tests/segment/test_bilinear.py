import numpy as np
import pytest
from numpy.typing import NDArray

from napari_piximi.segment import bilinear
from napari_piximi.segment.bilinear import resized, resized_mask


def one_by_one(pixels: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Resize as the formula says, a pixel at a time, in double precision."""
    rows, columns, channels = pixels.shape
    made = np.zeros((*shape, channels))
    for i in range(shape[0]):
        for j in range(shape[1]):
            y, x = i * rows / shape[0], j * columns / shape[1]
            top, left = int(y), int(x)
            low, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
            upper = pixels[top, left] * (1 - (x - left)) + pixels[top, right] * (x - left)
            lower = pixels[low, left] * (1 - (x - left)) + pixels[low, right] * (x - left)
            made[i, j] = upper * (1 - (y - top)) + lower * (y - top)
    return made


@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (12, 7), (31, 40), (3, 64)])
@pytest.mark.parametrize("size", [(1, 1), (12, 7), (1, 30), (25, 16)])
def test_the_formula(shape: tuple[int, int], size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    made = resized(pixels, shape)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, one_by_one(pixels.astype(float), shape), atol=2e-3)


def test_rows_are_rows() -> None:
    pixels = np.zeros((4, 8, 1), np.uint16)
    pixels[1, 5] = 60_000
    made = resized(pixels, (8, 32))[..., 0]
    assert np.argwhere(made == 60_000).tolist() == [[2, 20]]


def test_some_rows_are_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(2).random((30, 20)) > 0.6
    whole = resized(mask[..., np.newaxis], (101, 64))
    np.testing.assert_array_equal(resized(mask[..., np.newaxis], (101, 64), slice(40, 90)),
                                  whole[40:90])  # fmt: skip
    monkeypatch.setattr(bilinear, "BLOCK", 7)
    np.testing.assert_array_equal(resized_mask(mask, (101, 64)), whole[..., 0] > 0.5)


def test_a_mask_of_the_same_size_stays_as_it_is() -> None:
    mask = np.random.default_rng(2).random((30, 20)) > 0.6
    np.testing.assert_array_equal(resized_mask(mask, (30, 20)), mask)
