"""What becomes of values of each type; the expected ones are written out."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_piximi.errors import ImageFileError
from napari_piximi.io._image_facts import Stack, check_size, divisors
from napari_piximi.io._image_values import bit_depth_of, channels_of, settle

EXACT: list[tuple[str, list[float], str, list[float]]] = [
    ("?", [False, True], "u1", [0, 255]),
    ("u1", [0, 255], "u1", [0, 255]),
    (">u2", [0, 258], "u2", [0, 258]),
    ("i1", [-128, -1, 0, 127], "u1", [0, 127, 128, 255]),
    ("<i2", [-32768, -1, 0, 32767], "u2", [0, 32767, 32768, 65535]),
    (">i2", [5, 6], "u2", [32773, 32774]),
    ("i4", [0, 65535], "u2", [0, 65535]),
    ("u8", [3, 65535], "u2", [3, 65535]),
    ("f4", [0, 0.25, 1], "f4", [0, 0.25, 1]),
    (">f8", [0.5, 0.125], "f4", [0.5, 0.125]),
    ("f2", [0, 0.5], "f4", [0, 0.5]),
    ("f4", [0, 2, 65535], "u2", [0, 2, 65535]),
]
SCALED: list[tuple[str, list[float], list[float], str]] = [
    ("u4", [0, 65536, 131072], [0, 0.5, 1], "from 0 to 131072 "),
    ("i4", [-1, 0, 1], [0, 0.5, 1], "from -1 to 1 "),
    ("i8", [-(2**62), 2**62], [0, 1], r"e\+18"),
    ("f4", [0, 0.5, 2], [0, 0.25, 1], "from 0 to 2 "),
    ("f8", [-1e300, 1e300], [0, 1], r"from -1e\+300 to 1e\+300 "),
    ("f4", [2.5, 2.5], [0, 0], "from 2.5 to 2.5 "),
    ("f4", [65536, 0], [1, 0], "from 0 to 65536 "),
]


def stack(dtype: str, values: list[float]) -> Stack:
    return Stack(np.array(values, dtype).reshape(1, 1, -1, 1))


@pytest.mark.parametrize(("dtype", "values", "becomes", "expected"), EXACT)
def test_exact(dtype: str, values: list[float], becomes: str, expected: list[float]) -> None:
    found = settle(stack(dtype, values))
    assert found.array.ravel().tolist() == expected
    assert found.array.dtype == np.dtype(becomes)
    assert found.array.dtype.isnative
    assert found.notes == ()
    assert bit_depth_of(found.array) == (8 if becomes == "u1" else 16)


@pytest.mark.parametrize(("dtype", "values", "expected", "said"), SCALED)
def test_scaled(dtype: str, values: list[float], expected: list[float], said: str) -> None:
    found = settle(stack(dtype, values))
    assert found.array.ravel().tolist() == pytest.approx(expected)
    assert found.array.dtype == np.float32
    (note,) = found.notes
    assert re.search(said, note), note


def test_channels_are_scaled_alike() -> None:
    array = np.array([[[[0.0, 5.0], [1.0, 10.5]]]])
    assert settle(Stack(array)).array.ravel() == pytest.approx([0, 5 / 10.5, 1 / 10.5, 1])


def test_odd_floats_are_replaced_and_told() -> None:
    found = settle(stack("f4", [np.nan, 0.25, 0.5, np.inf, -np.inf]))
    assert found.array.ravel().tolist() == [0.25, 0.25, 0.5, 0.5, 0.25]
    assert "3 of its values" in found.notes[0]
    with pytest.raises(ImageFileError, match="finite"):
        settle(stack("f4", [np.nan, np.inf]))


def test_complex_values_are_refused() -> None:
    with pytest.raises(ImageFileError, match="complex64"):
        settle(Stack(np.zeros((1, 2, 2, 1), np.complex64)))


@pytest.mark.parametrize(
    ("dtype", "values", "low", "high"),
    [("u1", [51, 102], 0.2, 0.4), ("u2", [0, 13107], 0, 0.2), ("f4", [0.25, 0.5], 0.25, 0.5),
     ("u1", [51, 51], 0, 0.2), ("u2", [0, 0], 0, 1), ("f4", [0, 0], 0, 1)],
)  # fmt: skip
def test_range_on_show(dtype: str, values: list[float], low: float, high: float) -> None:
    (channel,) = channels_of(stack(dtype, values).array)
    assert (channel.minimum, channel.maximum) == pytest.approx((low, high))
    assert channel.color == (1, 1, 1)


def test_only_the_first_of_many_channels_is_visible() -> None:
    array: Any = np.arange(8, dtype=np.uint8).reshape(1, 1, 2, 4)
    assert [channel.visible for channel in channels_of(array)] == [True, False, False, False]


def test_divisors() -> None:
    assert divisors(1) == (1,)
    assert divisors(12) == (1, 2, 3, 4, 6, 12)
    assert divisors(49) == (1, 7, 49)


def test_size_limits(tmp_path: Path) -> None:
    byte = np.dtype(np.uint8)
    check_size(tmp_path, (1, 1 << 14, 1 << 14, 1), byte, 10)  # unsuspicious, however small the file
    check_size(tmp_path, (1, 1 << 17, 1 << 17, 1), byte, 1 << 24)
    for shape, packed, said in (
        ((1, 1 << 14, 1 << 15, 1), 1 << 18, "refused"),
        ((1, 1 << 17, 1 << 18, 1), 1 << 40, "16 GiB"),
        ((1, 0, 5, 1), 10, "no pixels"),
    ):
        with pytest.raises(ImageFileError, match=said):
            check_size(tmp_path, shape, byte, packed)


def test_the_widest_range_of_all_is_scaled() -> None:
    top = np.finfo(np.float64).max
    array = np.array([-top, 0, top]).reshape(1, 1, 3, 1)
    assert settle(Stack(array)).array.ravel().tolist() == [0, 0.5, 1]
