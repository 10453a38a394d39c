from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_piximi.model.rendering import dim_outside, render, shrink
from napari_piximi.model.things import Channel, default_channels


def slow(array: NDArray[Any], channels: tuple[Channel, ...], bit_depth: int) -> NDArray[np.uint8]:
    """Do pixel by pixel and in double precision what is written in Piximi's facts."""
    out = np.zeros((*array.shape[:2], 3), np.uint8)
    top = 1 if array.dtype.kind == "f" else 2**bit_depth - 1
    for y, x in np.ndindex(*array.shape[:2]):
        total = [0.0, 0.0, 0.0]
        for channel, value in zip(channels, array[y, x].tolist(), strict=True):
            if channel.visible:
                span = channel.maximum - channel.minimum
                part = min(max((value / top - channel.minimum) / span, 0.0), 1.0)
                total = [t + part * c for t, c in zip(total, channel.color, strict=True)]
        out[y, x] = [int(min(t, 1.0) * 255 + 0.5) for t in total]
    return out


def test_values_worked_out_by_hand() -> None:
    array = np.array([[[0, 255], [51, 51], [102, 0]]], np.uint8)
    channels = (Channel((1.0, 0.0, 0.0), 0.0, 0.4), Channel((0.0, 0.5, 1.0), 0.2, 1.0))
    expected = [[[0, 128, 255], [128, 0, 0], [255, 0, 0]]]
    assert render(array, channels, 8).tolist() == expected


def test_channels_add_up_and_are_cut_off_at_white() -> None:
    array = np.full((1, 1, 2), 0.75, np.float32)
    channels = (Channel((1.0, 0.5, 0.0)), Channel((1.0, 0.0, 0.2)))
    assert render(array, channels).tolist() == [[[255, 96, 38]]]


def test_each_channel_is_cut_off_before_it_is_added() -> None:
    """As napari blends: a channel far above its range makes no other colour brighter."""
    array = np.array([[[1.0, 0.0]]], np.float32)
    channels = (Channel((0.5, 0.0, 0.0), 0.0, 0.1), Channel((0.0, 1.0, 0.0), 0.0, 1.0))
    assert render(array, channels).tolist() == [[[128, 0, 0]]]


def test_hidden_channels_are_left_out() -> None:
    array = np.full((2, 2, 3), 255, np.uint8)
    channels = tuple(replace(c, visible=i == 1) for i, c in enumerate(default_channels(3)))
    assert (render(array, channels) == (0, 255, 0)).all()
    none = tuple(replace(c, visible=False) for c in channels)
    assert (render(array, none) == 0).all()


@pytest.mark.parametrize(
    ("dtype", "bit_depth", "brightest"),
    [(np.uint8, 8, 255), (np.uint16, 16, 65535), (np.uint16, 8, 255), (np.float32, 16, 1.0),
     (np.float64, 8, 1.0)],
)  # fmt: skip
def test_the_scale_of_every_type(dtype: type, bit_depth: int, brightest: float) -> None:
    array: NDArray[Any] = np.array([[[0], [brightest]]], dtype)
    found = render(array, (Channel(),), bit_depth)
    assert found.tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_what_is_no_number_is_black_and_too_large_is_bright() -> None:
    array = np.array([[[np.nan], [np.inf], [-np.inf], [1e300]]])
    assert render(array, (Channel(),))[0, :, 0].tolist() == [0, 255, 0, 255]


def test_a_range_of_no_width_is_a_threshold() -> None:
    array = np.array([[[0.4], [0.5], [0.6]]])
    assert render(array, (Channel(minimum=0.5, maximum=0.5),))[0, :, 0].tolist() == [0, 0, 255]


def test_another_number_of_channels_is_shown_as_at_first() -> None:
    array = np.full((1, 1, 2), 255, np.uint8)
    assert render(array, (Channel(),)).tolist() == [[[255, 255, 0]]]


@given(data=st.data())
def test_as_the_slow_reference(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 7))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    bit_depth = data.draw(st.sampled_from([8, 16]))
    if data.draw(st.booleans()):
        array: NDArray[Any] = rng.random((3, 4, count)).astype(np.float32)
    else:
        array = rng.integers(0, 2**bit_depth, (3, 4, count)).astype(np.uint16)
    channels = tuple(
        Channel(tuple(rng.random(3).tolist()), low, low + 0.1 + float(rng.random()), bool(seen))
        for low, seen in zip(rng.random(count) * 0.5, rng.random(count) < 0.8, strict=True)
    )
    found = render(array, channels, bit_depth).astype(int)
    assert np.abs(found - slow(array, channels, bit_depth)).max() <= 1


# --- shrinking ---------------------------------------------------------------------------------


def test_small_planes_stay_as_they_are() -> None:
    plane = np.zeros((30, 60, 1), np.uint8)
    assert shrink(plane, 31) is plane


def test_blocks_are_averaged() -> None:
    plane = np.arange(16, dtype=np.float32).reshape(4, 4, 1)
    assert shrink(plane, 2)[..., 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    counts = np.array([[[0], [1]], [[1], [1]]], np.uint8)
    found = shrink(counts, 1)
    assert found.dtype == np.uint8
    assert found.tolist() == [[[1]]]


@given(height=st.integers(1, 300), width=st.integers(1, 300), side=st.integers(1, 64))
def test_any_shape_shrinks_to_about_the_side(height: int, width: int, side: int) -> None:
    found = shrink(np.ones((height, width, 2), np.float32), side)
    longest = max(height, width)
    assert min(longest, side) <= max(found.shape[:2]) or longest < 2 * side
    assert max(found.shape[:2]) <= max(2 * side, 4) + side
    assert min(found.shape[:2]) >= 1
    assert (found == 1).all()


def test_of_a_mask_the_share_inside_is_kept() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:, :3] = True
    found = shrink(mask, 4)
    assert found.dtype == np.float32
    assert found.tolist() == [[1.0, 0.5, 0.0, 0.0]] * 4
    assert shrink(mask, 8) is mask


def test_a_huge_plane_is_looked_at_here_and_there() -> None:
    """A plane of 4 TB that has no memory behind it takes no longer than a small one."""
    plane = np.broadcast_to(np.uint8(7), (2_000_000, 2_000_000, 1))
    found = shrink(plane, 64)
    assert max(found.shape) <= 128
    assert (found == 7).all()


def test_outside_of_a_mask_is_darker() -> None:
    picture = np.full((1, 2, 3), 200, np.uint8)
    found = dim_outside(picture, np.array([[True, False]]))
    assert found.tolist() == [[[200, 200, 200], [70, 70, 70]]]
