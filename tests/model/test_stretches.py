"""Many objects painted at once, against one after the other."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from napari_piximi.model import masks, stretches

SHAPE = (3, 12, 15)


class Object(NamedTuple):
    plane: int
    top: int
    left: int
    mask: NDArray[np.bool_]

    @property
    def box(self) -> tuple[int, int, int, int, int]:
        height, width = self.mask.shape
        return self.plane, self.top, self.left, self.top + height, self.left + width


MASKS = arrays.arrays(bool, st.tuples(st.integers(0, 6), st.integers(0, 6)))
"""Also empty ones, and such as are nowhere inside."""
INSIDE = st.builds(Object, st.integers(0, 2), st.integers(0, 6), st.integers(0, 9), MASKS)
ANYWHERE = st.builds(Object, st.integers(0, 2), st.integers(-8, 14), st.integers(-8, 17), MASKS)
OBJECTS = st.one_of(st.lists(INSIDE, max_size=12), st.lists(ANYWHERE, max_size=12))


def one_by_one(objects: list[Object]) -> NDArray[np.int32]:
    """Paint on planes with a wide margin, which is cut off in the end."""
    labels = np.zeros((SHAPE[0], SHAPE[1] + 40, SHAPE[2] + 40), np.int32)
    for number, thing in enumerate(objects, 1):
        height, width = thing.mask.shape
        top, left = thing.top + 20, thing.left + 20
        labels[thing.plane, top : top + height, left : left + width][thing.mask] = number
    return labels[:, 20:-20, 20:-20]


def at_once(objects: list[Object]) -> NDArray[np.int32]:
    labels = np.zeros(SHAPE, np.int32)
    boxes = np.array([thing.box for thing in objects], np.int64).reshape(-1, 5)
    runs = [masks.encode(thing.mask) for thing in objects]
    stretches.paint(labels, boxes, runs, np.arange(1, len(objects) + 1))
    return labels


@given(OBJECTS, st.sampled_from([1, 7, 1 << 16]), st.sampled_from([0, 3, 128]))
def test_all_at_once_is_as_one_by_one(objects: list[Object], portion: int, long: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "AT_ONCE", portion)
        patch.setattr(stretches, "LONG", long)
        np.testing.assert_array_equal(at_once(objects), one_by_one(objects))


def test_what_is_there_stays_around_the_objects() -> None:
    labels = np.full((1, 3, 4), 9, np.uint16)
    runs = [masks.encode(np.eye(2, dtype=bool)), masks.full(1, 4)]
    boxes = np.array([[0, 0, 1, 2, 3], [0, 2, 0, 3, 4]])
    stretches.paint(labels, boxes, runs, np.array([60_000, 5]))
    assert labels.tolist() == [[[9, 60_000, 9, 9], [9, 9, 60_000, 9], [5, 5, 5, 5]]]


def test_objects_on_planes_that_are_not_there_are_cut_off() -> None:
    labels = np.zeros((2, 2, 2), np.int32)
    boxes = np.array([[-1, 0, 0, 1, 1], [2, 0, 0, 1, 1]])
    stretches.paint(labels, boxes, [masks.full(1, 1)] * 2, np.array([1, 2]))
    assert not labels.any()


@pytest.mark.parametrize("runs", [b"", masks.full(2, 1), masks.full(3, 2)])
def test_runs_that_do_not_fill_their_box_are_refused(runs: bytes) -> None:
    boxes = np.array([[0, 0, 0, 1, 1], [0, 0, 0, 2, 2]])
    with pytest.raises(ValueError, match="runs of object 1 do not fill its box"):
        stretches.paint(np.zeros((1, 4, 4)), boxes, [masks.full(1, 1), runs], np.array([1, 2]))


def test_stretches_end_where_rows_do() -> None:
    runs = [masks.from_lengths((1, 4, 1)), masks.full(1, 2)]
    found = stretches.stretches(np.array([[1, 2, 3, 5], [0, 0, 1, 2]]), runs, 10)
    assert found.starts.tolist() == [13, 22, 0]
    assert found.ends.tolist() == [15, 24, 2]
    assert found.objects.tolist() == [0, 0, 1]
    assert found.ordered().objects.tolist() == [1, 0, 0]
