"""Values as columns and back: the same values, whatever they are."""

import pickle
import pickletools
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_piximi.io._columnar import columns_of, values_of
from napari_piximi.model.project import CroppedPixels
from napari_piximi.model.things import Annotation, ArrayPixels, Channel, Partition, Prediction


class Color(StrEnum):
    RED = "red"


SIMPLE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(),
    st.sampled_from([*Partition, Color.RED]),
    st.builds(Channel, st.tuples(*[st.floats(0, 1)] * 3), st.floats(0, 1)),
    st.builds(Prediction, st.text(), st.one_of(st.none(), st.floats(0, 1))),
)  # fmt: skip
VALUES = st.recursive(SIMPLE, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6)


@given(st.lists(VALUES, max_size=12))
def test_any_values_come_back(values: list[Any]) -> None:
    found = values_of(pickle.loads(pickle.dumps(columns_of(values))))
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


def annotation(number: int, **more: Any) -> Annotation:  # noqa: ANN401
    box = (number, 0, number + 2, 3)
    return Annotation(f"1a{number}", "a", "1k", "0u", "1i", box, bytes(number), **more)


def pieces(pickled: bytes) -> int:
    """Count what pickle has to do, which takes its time."""
    return sum(1 for _ in pickletools.genops(pickled))


def test_annotations_come_back_with_little_work() -> None:
    things = [annotation(i % 50, partition=Partition.TRAINING) for i in range(1000)]
    columns = pickle.dumps(columns_of(things))
    assert values_of(pickle.loads(columns)) == things
    assert pieces(columns) < pieces(pickle.dumps(things)) / 5


def test_what_many_share_is_sent_once_and_shared_again() -> None:
    source = ArrayPixels(np.arange(60.0).reshape(1, 5, 4, 3))
    crops = [CroppedPixels(source, 0, (0, 0, 2, 1 + i % 3)) for i in range(9)]
    found = values_of(pickle.loads(pickle.dumps(columns_of(crops))))
    assert len({id(crop.source) for crop in found}) == 1
    for crop, old in zip(found, crops, strict=True):
        np.testing.assert_array_equal(np.asarray(crop), np.asarray(old))


@pytest.mark.parametrize("value", [2**70, -(2**63) - 1])
def test_numbers_that_no_column_takes(value: int) -> None:
    assert values_of(columns_of([value, 1, 2])) == [value, 1, 2]


def test_arrays_go_where_they_are_kept() -> None:
    kept: list[Any] = []

    def keep(arrays: list[Any]) -> list[Any]:
        kept.extend(arrays)
        return arrays

    pixels = [ArrayPixels(np.full((1, 1, 1, 1), i)) for i in range(5)]
    found = values_of(columns_of(pixels, keep))
    assert [array.item() for array in kept] == [pixels.array.item() for pixels in found]
