import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from napari_piximi.errors import SegmentError
from napari_piximi.segment.found import Found, found_boxes, found_labels, joined, painted, shifted

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


def test_scores_of_some_only_are_refused() -> None:
    with pytest.raises(SegmentError, match="Only some"):
        joined((found_boxes([[0, 0, 1, 1]]), found_boxes([[0, 0, 1, 1]], (1.0,))))


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(SegmentError, match="do not fit"):
        Found(np.zeros((2, 4), np.int64), (b"",))
    with pytest.raises(SegmentError, match="do not fit"):
        found_boxes([[0, 0, 1, 1]], (0.5, 0.6))
