from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import affine_transform
from scipy.ndimage import shift as scipy_shift

from napari_piximi.learn.augmentation import Augmentation
from napari_piximi.model.training import PIXIMI_SETTINGS, Settings

PLAIN = Settings(height=10, width=10, shift=0.0, rotation=0.0, zoom=0.0)
SAMPLES = np.random.default_rng(0).random((50, 10, 10, 2), dtype=np.float32)


def apply(settings: Settings, epoch: int = 0) -> tuple[Augmentation, NDArray[np.float32]]:
    changes = Augmentation.draw(settings, len(SAMPLES), epoch)
    return changes, changes.apply(SAMPLES.copy(), slice(0, len(SAMPLES)))


def test_nothing_switched_on_changes_nothing() -> None:
    np.testing.assert_array_equal(apply(PLAIN)[1], SAMPLES)


def test_shifts_move_by_whole_pixels_and_uncover_zeros() -> None:
    changes, result = apply(replace(PLAIN, shift=0.3))
    assert changes.shifts is not None
    assert set(np.unique(changes.shifts)) == set(range(-3, 4))
    for sample, moved, (down, right) in zip(SAMPLES, result, changes.shifts, strict=True):
        expected = scipy_shift(sample, (down, right, 0), order=0, cval=0.0)
        np.testing.assert_array_equal(moved, expected)


def test_a_shift_reaches_its_share_of_each_side() -> None:
    settings = replace(PLAIN, width=40, shift=0.1)
    shifts = Augmentation.draw(settings, 2000, 0).shifts
    assert shifts is not None
    assert np.abs(shifts).max(axis=0).tolist() == [1, 4]


@pytest.mark.parametrize(
    ("switch", "drawn", "axis"),
    [
        ("flip_vertical", "mirrored_rows", 0),
        ("flip_horizontal", "mirrored_columns", 1),
    ],
)
def test_flips_mirror_about_half(switch: str, drawn: str, axis: int) -> None:
    settings: dict[str, Any] = {switch: True}
    changes, result = apply(replace(PLAIN, **settings))
    chosen = getattr(changes, drawn)
    assert 10 < chosen.sum() < 40
    for sample, flipped, mirrored in zip(SAMPLES, result, chosen, strict=True):
        np.testing.assert_array_equal(flipped, np.flip(sample, axis) if mirrored else sample)


def test_quarter_turns() -> None:
    changes, result = apply(replace(PLAIN, quarter_turns=True))
    assert changes.turns is not None
    assert set(changes.turns.tolist()) == {0, 1, 2, 3}
    for sample, turned, count in zip(SAMPLES, result, changes.turns, strict=True):
        np.testing.assert_array_equal(turned, np.rot90(sample, count))


def test_brightness_multiplies_within_its_range() -> None:
    changes, result = apply(replace(PLAIN, brightness=0.4))
    assert changes.factors is not None
    assert 0.6 <= changes.factors.min() < 0.7 < 1.3 < changes.factors.max() <= 1.4
    np.testing.assert_allclose(result, SAMPLES * changes.factors[:, None, None, None])


def test_draws_follow_from_seed_and_epoch() -> None:
    settings = replace(PLAIN, shift=0.2, flip_vertical=True, brightness=0.2)
    first = apply(settings)[1]
    np.testing.assert_array_equal(apply(settings)[1], first)
    assert not np.array_equal(apply(settings, epoch=1)[1], first)
    assert not np.array_equal(apply(replace(settings, seed=1))[1], first)


def test_parts_are_changed_as_the_whole_is() -> None:
    settings = replace(PLAIN, shift=0.3, quarter_turns=True, brightness=0.2, flip_horizontal=True)
    changes, whole = apply(settings)
    parts = [changes.apply(SAMPLES[s].copy(), s) for s in (slice(0, 7), slice(7, 50))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_switching_one_on_leaves_the_others_as_they_were() -> None:
    plain = Augmentation.draw(replace(PLAIN, shift=0.3), 50, 0).shifts
    more = Augmentation.draw(replace(PLAIN, shift=0.3, flip_vertical=True), 50, 0).shifts
    np.testing.assert_array_equal(plain, more)


# --- rotation and zoom -----------------------------------------------------------------------


def warped(sample: NDArray[np.float32], matrix: NDArray[np.float32], move: tuple[int, int]) -> Any:  # noqa: ANN401
    """Do the same with scipy, channel by channel."""
    centre = (np.array(sample.shape[:2]) - 1) / 2
    offset = centre - matrix.astype(np.float64) @ (centre + move)
    return np.stack(
        [
            affine_transform(channel, matrix, offset, order=1, mode="nearest")
            for channel in np.moveaxis(sample, 2, 0)
        ],
        axis=-1,
    )


@pytest.mark.parametrize("shift", [0.0, 0.2])
@pytest.mark.parametrize("size", [(10, 10), (7, 12), (1, 5), (2, 2)])
def test_rotation_and_zoom_are_scipys_with_the_edge_going_on(
    size: tuple[int, int], shift: float
) -> None:
    samples = np.random.default_rng(1).random((30, *size, 3), dtype=np.float32)
    settings = Settings(height=size[0], width=size[1], rotation=40.0, zoom=0.3, shift=shift, seed=7)
    changes = Augmentation.draw(settings, 30, 2)
    result = changes.apply(samples.copy(), slice(0, 30))
    assert changes.maps is not None
    moves = np.zeros((30, 2), int) if changes.shifts is None else changes.shifts
    for sample, found, matrix, move in zip(samples, result, changes.maps, moves, strict=True):
        np.testing.assert_allclose(found, warped(sample, matrix, tuple(move)), atol=2e-5)


def test_rotation_and_zoom_keep_to_their_limits() -> None:
    settings = replace(PLAIN, rotation=10.0, zoom=0.1)
    maps = Augmentation.draw(settings, 4000, 0).maps
    assert maps is not None
    angles = np.degrees(np.arctan2(maps[:, 0, 1], maps[:, 0, 0]))
    zooms = 1 / np.sqrt(np.linalg.det(maps.astype(np.float64)))
    assert -10.001 <= angles.min() < -9.8 < 9.8 < angles.max() <= 10.001
    assert 0.8999 <= zooms.min() < 0.905 < 1.095 < zooms.max() <= 1.1001


def test_a_quarter_turn_is_counter_clockwise() -> None:
    quarter = np.array([[[0, 1], [-1, 0]]], dtype=np.float32)
    result = Augmentation(maps=quarter).apply(SAMPLES[:1].copy(), slice(0, 1))
    np.testing.assert_allclose(result[0], np.rot90(SAMPLES[0]), atol=1e-6)


def test_without_rotation_and_zoom_nothing_is_interpolated() -> None:
    settings = replace(PLAIN, shift=0.2)
    assert Augmentation.draw(settings, 5, 0).maps is None
    assert Augmentation.draw(PIXIMI_SETTINGS, 5, 0) == Augmentation()


def test_all_changes_together_do_not_depend_on_the_parts() -> None:
    settings = replace(
        PLAIN, shift=0.2, rotation=20.0, zoom=0.2, quarter_turns=True, brightness=0.2
    )
    changes, whole = apply(settings)
    parts = [changes.apply(SAMPLES[s].copy(), s) for s in (slice(0, 7), slice(7, 50))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
