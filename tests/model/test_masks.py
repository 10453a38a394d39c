from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from napari_piximi.model import masks

TABLE = [
    ([[0, 0, 1, 1, 1, 0, 1]], [2, 3, 1, 1]),  # Piximi's own example
    ([[1, 1, 0]], [0, 2, 1]),  # starts inside: a background run of no length first
    ([[0, 0], [0, 0]], [4]),
    ([[1, 1], [1, 1]], [0, 4]),
    ([[0, 1], [1, 0]], [1, 2, 1]),  # a run goes on in the next row
    ([[1]], [0, 1]),
    ([[0]], [1]),
]


@pytest.mark.parametrize(("mask", "runs"), TABLE)
def test_hand_made_masks(mask: list[list[int]], runs: list[int]) -> None:
    array = np.array(mask, dtype=bool)
    packed = masks.encode(array)
    assert masks.lengths(packed).tolist() == runs
    assert packed == masks.from_lengths(runs)
    np.testing.assert_array_equal(masks.decode(packed, array.shape), array)
    assert masks.area(packed) == sum(map(sum, mask))


@given(arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=30)))
def test_any_mask_survives_and_its_runs_alternate(mask: NDArray[np.bool_]) -> None:
    packed = masks.encode(mask)
    decoded = masks.decode(packed, (mask.shape[0], mask.shape[1]))
    assert decoded.dtype == bool
    np.testing.assert_array_equal(decoded, mask)
    assert masks.area(packed) == mask.sum()
    runs = masks.lengths(packed)
    assert runs.sum() == mask.size
    assert (runs[1:] > 0).all()


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_any_lengths_survive(lengths: list[int]) -> None:
    packed = masks.from_lengths(lengths)
    assert len(packed) == 4 * len(lengths)
    assert masks.lengths(packed).tolist() == lengths
    assert masks.area(packed) == sum(lengths[1::2])


def test_runs_are_little_endian_on_every_machine() -> None:
    assert masks.from_lengths([1, 258]) == bytes([1, 0, 0, 0, 2, 1, 0, 0])


def test_a_mask_that_lies_otherwise_in_memory_is_read_row_by_row() -> None:
    mask = np.array([[True, False], [True, True]])
    assert masks.encode(np.asfortranarray(mask)) == masks.encode(mask)


@pytest.mark.parametrize("values", [[0, 1, 0, 3], [0, 255, 0, 3]])
def test_numbers_count_as_inside_unless_they_are_zero(values: list[int]) -> None:
    number_mask: NDArray[Any] = np.array([values], dtype=np.uint8)
    assert masks.lengths(masks.encode(number_mask)).tolist() == [1, 1, 1, 1]


def test_a_mask_of_no_pixels() -> None:
    packed = masks.encode(np.zeros((0, 3), dtype=bool))
    assert masks.area(packed) == 0
    assert masks.decode(packed, (0, 3)).shape == (0, 3)


def test_a_full_mask_is_all_of_its_box() -> None:
    assert masks.full(3, 4) == masks.encode(np.ones((3, 4), dtype=bool))
    assert masks.area(masks.full(3, 4)) == 12


@pytest.mark.parametrize("runs", [[2, 3], [2, 3, 2], []])
def test_runs_that_do_not_fill_the_box_are_refused(runs: list[int]) -> None:
    with pytest.raises(ValueError, match="reshape"):
        masks.decode(masks.from_lengths(runs), (2, 3))


def test_bytes_that_are_no_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        masks.lengths(b"123")


@pytest.mark.parametrize("length", [-1, 2**32])
def test_lengths_beyond_32_bits_are_refused(length: int) -> None:
    with pytest.raises(OverflowError):
        masks.from_lengths([length])
