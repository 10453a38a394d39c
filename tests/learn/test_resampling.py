import os

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from napari_piximi.learn import resampling
from napari_piximi.learn.resampling import FULL_BOX, crop_and_resize, match_boxes, pad_to

# (rows, columns, channels) → (rows, columns), with the box that is sampled
CASES = [
    ((57, 83, 1), (28, 28), FULL_BOX),
    ((48, 48, 3), (64, 64), FULL_BOX),
    ((20, 20, 1), (20, 20), FULL_BOX),
    ((5, 7, 2), (16, 24), FULL_BOX),
    ((100, 30, 4), (17, 33), FULL_BOX),
    ((1, 1, 1), (16, 16), FULL_BOX),
    ((1, 9, 3), (20, 20), FULL_BOX),
    ((9, 1, 3), (20, 20), FULL_BOX),
    ((33, 21, 1), (1, 16), FULL_BOX),
    ((33, 21, 1), (16, 1), FULL_BOX),
    ((33, 21, 1), (1, 1), FULL_BOX),
    ((64, 50, 3), (32, 32), (0.25, 0.18, 0.75, 0.82)),
    ((200, 31, 1), (24, 28), (0.44, 0.0, 0.56, 1.0)),
    ((40, 40, 1), (28, 28), (0.1, 0.2, 0.8, 0.9)),
    ((40, 40, 1), (28, 28), (-0.2, 0.2, 1.3, 0.9)),
    ((30, 41, 5), (23, 19), (0.9, 0.9, 0.1, 0.1)),
]


def stack(shape: tuple[int, ...], count: int = 5) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, *shape), dtype=np.float32)


@pytest.mark.keras
@pytest.mark.parametrize(("shape", "size", "box"), CASES)
def test_numpy_gives_the_bits_of_tensorflow(
    shape: tuple[int, ...], size: tuple[int, int], box: tuple[float, ...]
) -> None:
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        pytest.skip("compares with TensorFlow, which this run leaves out")
    import tensorflow as tf

    samples = stack(shape)
    boxes = np.tile(np.asarray(box, dtype=np.float32), (len(samples), 1))
    theirs = tf.image.crop_and_resize(samples, boxes, np.arange(len(samples)), size).numpy()
    for ours in (
        crop_and_resize(samples, box, size),
        crop_and_resize(samples, boxes, size),
        crop_and_resize(samples, box, size, "tensorflow"),
    ):
        assert np.count_nonzero(ours.view(np.uint32) != theirs.view(np.uint32)) == 0


@pytest.mark.keras
@pytest.mark.parametrize("backend", ["numpy", "tensorflow"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float64"])
def test_values_are_divided_in_float32_first(dtype: str, backend: str) -> None:
    if backend != os.environ.get("KERAS_BACKEND", "tensorflow") and backend != "numpy":
        pytest.skip("asks TensorFlow, which this run leaves out")
    samples = (stack((30, 20, 2)) * 255).astype(dtype)
    scaled = samples.astype(np.float32) / np.float32(255)
    result = crop_and_resize(samples, FULL_BOX, (16, 16), backend, 255)
    np.testing.assert_array_equal(result, crop_and_resize(scaled, FULL_BOX, (16, 16)))


@pytest.mark.parametrize(("shape", "size", "box"), CASES)
def test_independent_bilinear_interpolation_agrees(
    shape: tuple[int, ...], size: tuple[int, int], box: tuple[float, ...]
) -> None:
    samples = stack(shape, 2)
    ours = crop_and_resize(samples, box, size)
    places = []
    for axis in (0, 1):
        end = shape[axis] - 1
        first, last = box[axis] * end, box[axis + 2] * end
        middle = np.array([(first + last) / 2])
        places.append(np.linspace(first, last, size[axis]) if size[axis] > 1 else middle)
    rows, columns = np.meshgrid(*places, indexing="ij")
    for sample, result in zip(samples, ours, strict=True):
        for channel in range(shape[2]):
            plane = sample[..., channel].astype(np.float64)
            expected = map_coordinates(plane, [rows, columns], order=1, cval=0.0)
            # Of a place at the very edge rounding decides whether it is still inside.
            inside = _inside(rows, shape[0]) & _inside(columns, shape[1])
            outside = _outside(rows, shape[0]) | _outside(columns, shape[1])
            difference = np.abs(result[..., channel] - expected)
            assert difference[inside].max(initial=0) < 1e-4
            assert not result[outside].any()


def _inside(places: NDArray[np.float64], length: int) -> NDArray[np.bool_]:
    return (places > -1e-6 * length) & (places < (length - 1) * (1 - 1e-6) + (length == 1))


def _outside(places: NDArray[np.float64], length: int) -> NDArray[np.bool_]:
    return (places < -1e-5 * length) | (places > (length - 1) + 1e-5 * length)


def test_the_last_column_is_lost_where_it_is_in_tensorflow() -> None:
    # 30 / 27 · 27 is a trifle more than 30 in float32, and so outside of 31 columns.
    result = crop_and_resize(np.ones((1, 31, 31, 1), np.float32), FULL_BOX, (31, 28))
    assert not result[:, :, 27].any()
    assert result[:, :, :27].all()


def test_more_samples_than_a_block_are_all_resized() -> None:
    samples = stack((9, 11, 2), 200)
    together = crop_and_resize(samples, FULL_BOX, (16, 16))
    single = np.concatenate([crop_and_resize(one[None], FULL_BOX, (16, 16)) for one in samples])
    np.testing.assert_array_equal(together, single)


def test_padding_puts_the_odd_pixel_at_the_bottom_and_right() -> None:
    padded = pad_to(np.ones((2, 3, 1)), 5, 4)
    expected = np.zeros((5, 4))
    expected[1:3, 0:3] = 1
    np.testing.assert_array_equal(padded[..., 0], expected)


def test_padding_leaves_what_is_large_enough() -> None:
    plane = np.ones((6, 7, 2))
    assert pad_to(plane, 5, 7) is plane


def test_match_boxes_are_piximis() -> None:
    # by hand: (1 − 24/200) / 2 = 0.44; 31 columns are cut to 28: (1 − 28/31) / 2
    box = match_boxes((200, 31), (24, 28), np.array([[0.5, 0.5]]))
    side = (1 - 28 / 31) / 2
    np.testing.assert_array_equal(box, np.array([[0.44, side, 0.56, side + 28 / 31]], np.float32))
    np.testing.assert_array_equal(
        match_boxes((10, 28), (24, 28), np.array([[0.7, 0.1]])),
        np.array([[0, 0, 1, 1]], np.float32),
    )


def test_match_boxes_lie_where_they_are_asked_to() -> None:
    boxes = match_boxes((40, 80), (20, 20), np.array([[0.0, 0.0], [1.0, 1.0]]))
    np.testing.assert_array_equal(
        boxes, np.array([[0, 0, 0.5, 0.25], [0.5, 0.75, 1, 1]], np.float32)
    )


@pytest.mark.keras
@pytest.mark.parametrize("seed", range(4))
def test_the_quick_way_for_whole_samples_gives_the_same_bits(seed: int) -> None:
    """Of any lengths, also where rounding puts the last position outside, or a row is single."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        pytest.skip("compares with TensorFlow, which this run leaves out")
    draws = np.random.default_rng(seed)
    quick = 0
    for _ in range(60):
        rows, columns, height, width = (int(n) for n in draws.integers(1, 130, 4))
        values = draws.integers(0, 1 << 16, (70, rows, columns, 2)).astype(np.uint16)
        quick += resampling._resizes_alike((rows, columns), (height, width))
        ours = crop_and_resize(values[:6], FULL_BOX, (height, width), "tensorflow", 65535)
        expected = crop_and_resize(values[:6], FULL_BOX, (height, width), "numpy", 65535)
        np.testing.assert_array_equal(ours, expected)
    assert 30 < quick < 60
    ours = crop_and_resize(values, FULL_BOX, (28, 28), "tensorflow", 65535)  # in two pieces
    np.testing.assert_array_equal(ours, crop_and_resize(values, FULL_BOX, (28, 28), divisor=65535))


@pytest.mark.keras
def test_what_has_its_size_already_keeps_the_bits_that_tensorflow_gives() -> None:
    """Also zeros with a sign, and numbers whose differences are too large."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        pytest.skip("this is TensorFlow's own operation")
    import tensorflow as tf

    values = np.random.default_rng(0).normal(size=(70, 20, 24, 3)).astype(np.float32)
    values[:, 3], values[:, 4, ::2], values[:, 5, ::2] = -0.0, 3e38, -3e38
    for size in ((20, 24), (20, 28)):
        ours = crop_and_resize(values, FULL_BOX, size, "tensorflow")
        theirs = tf.raw_ops.ResizeBilinear(images=values, size=size, align_corners=True)
        np.testing.assert_array_equal(ours.view(np.uint32), theirs.numpy().view(np.uint32))
