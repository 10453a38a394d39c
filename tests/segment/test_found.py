import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from napari_piximi.errors import SegmentError
from napari_piximi.segment.found import (
    Found,
    found_boxes,
    found_labels,
    joined,
    off_the_edge,
    painted,
    shifted,
    taken,
)

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
LABELS = arrays.arrays(np.int32, SHAPES, elements=st.integers(0, 4))


@given(LABELS)
def test_painting_gives_back_the_labels_numbered_anew(labels: NDArray[np.int32]) -> None:
    found = found_labels(labels)
    values = np.unique(labels[labels > 0])
    assert len(found) == len(values)
    again = painted(found, (labels.shape[0], labels.shape[1]))
    for number, value in enumerate(values, 1):
        np.testing.assert_array_equal(again == number, labels == value)


def test_scores_are_those_of_the_labels_that_occur() -> None:
    found = found_labels(np.array([[5, 0, 2]]), scores=(0.25, 0.75))
    assert found.boxes.tolist() == [[0, 2, 1, 3], [0, 0, 1, 1]]
    assert found.scores is not None
    assert found.scores.tolist() == [0.25, 0.75]


def test_boxes_are_filled() -> None:
    found = found_boxes([[1, 2, 3, 5], [0, 0, 1, 1]], (0.5, 0.6), ("dog", "cat"))
    expected = np.zeros((4, 6), np.int32)
    expected[1:3, 2:5], expected[0, 0] = 1, 2
    np.testing.assert_array_equal(painted(found, (4, 6)), expected)
    assert found.classes == ("dog", "cat")


def test_later_objects_are_painted_over_earlier_ones() -> None:
    labels = painted(found_boxes([[0, 0, 1, 2], [0, 1, 1, 3]]), (1, 3))
    assert labels.tolist() == [[1, 2, 2]]


def test_objects_move_and_join() -> None:
    one, two = found_boxes([[0, 0, 1, 1]]), found_boxes([[0, 0, 2, 2]])
    whole = joined((one, shifted(two, 1, 3), found_boxes([])))
    assert whole.boxes.tolist() == [[0, 0, 1, 1], [1, 3, 3, 5]]
    assert len(joined(())) == len(joined((found_boxes([]), found_boxes([])))) == 0


def test_objects_off_the_edge_stay() -> None:
    boxes = [(0, 1, 2, 2), (1, 0, 2, 2), (1, 1, 4, 2), (1, 1, 2, 5), (1, 1, 3, 4)]
    assert off_the_edge(found_boxes(boxes), (4, 5, 3)).boxes.tolist() == [[1, 1, 3, 4]]
    assert len(off_the_edge(found_boxes([]), (4, 5))) == 0


@pytest.mark.parametrize("box", [(0, 0, 3, 1), (0, 0, 1, 5), (-1, 0, 1, 1), (0, -2, 1, 1)])
def test_objects_outside_are_not_painted(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(SegmentError, match="do not lie in a plane of 2 × 4 pixels"):
        painted(found_boxes([box]), (2, 4))


def test_some_objects_are_taken_in_any_order() -> None:
    boxes = [(0, 0, 1, 1), (2, 2, 4, 4), (5, 5, 6, 8)]
    found = found_boxes(boxes, [0.1, 0.2, 0.3], ("a", "b", "c"))
    some = taken(found, np.array([2, 0]))
    assert some.boxes.tolist() == [[5, 5, 6, 8], [0, 0, 1, 1]]
    assert (some.runs, some.classes) == ((found.runs[2], found.runs[0]), ("c", "a"))
    assert some.scores is not None
    np.testing.assert_allclose(some.scores, [0.3, 0.1])
    marked = taken(found_boxes(boxes), np.array([False, True, False]))
    assert (marked.boxes.tolist(), marked.scores, marked.classes) == ([[2, 2, 4, 4]], None, ())
    assert len(taken(found, np.zeros(3, bool))) == 0


def test_scores_of_some_only_are_refused() -> None:
    with pytest.raises(SegmentError, match="Only some"):
        joined((found_boxes([[0, 0, 1, 1]]), found_boxes([[0, 0, 1, 1]], (1.0,))))


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(SegmentError, match="do not fit"):
        Found(np.zeros((2, 4), np.int64), (b"",))
    with pytest.raises(SegmentError, match="do not fit"):
        found_boxes([[0, 0, 1, 1]], (0.5, 0.6))
