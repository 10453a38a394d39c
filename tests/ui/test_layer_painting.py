"""What napari tells of a stroke, in the forms of several versions."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.layers import Labels

from napari_piximi.model.raster import Region
from napari_piximi.ui.layer_painting import all_planes, different_regions, painted_regions

SHAPE = (3, 20, 30)
EVERYWHERE = [Region(plane, 0, 0, 20, 30) for plane in range(3)]


def boxed(*key: Any) -> SimpleNamespace:  # noqa: ANN401
    return SimpleNamespace(slice_key=key)


def indices(*axes: list[int]) -> tuple[Any, ...]:
    return tuple(np.array(axis) for axis in axes), np.zeros(1), 7


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([boxed(slice(1, 2), slice(2, 5), slice(3, 9))], [Region(1, 2, 3, 5, 9)]),
        ([boxed(slice(0, 2), slice(2, 5), slice(3, 9))],
         [Region(0, 2, 3, 5, 9), Region(1, 2, 3, 5, 9)]),
        ([boxed(slice(0, 1), slice(None), slice(3, 99))], [Region(0, 0, 3, 20, 30)]),
        ([indices([1, 1], [4, 6], [9, 3])], [Region(1, 4, 3, 7, 10)]),
        ([indices([4, 6], [9, 3])], [Region(0, 4, 3, 7, 10)]),
        ([boxed(slice(2, 5), slice(3, 9)), boxed(slice(4, 6), slice(8, 12))],
         [Region(0, 2, 3, 6, 12)]),
        ([boxed(slice(2, 5), slice(3, 9)), boxed(slice(15, 16), slice(3, 9))],
         [Region(0, 2, 3, 5, 9), Region(0, 15, 3, 16, 9)]),
        ([], []),
        (None, EVERYWHERE),
        (["what is this"], EVERYWHERE),
        ([indices([-1], [4], [9])], EVERYWHERE),
        ([indices([4])], EVERYWHERE),
    ],
)  # fmt: skip
def test_painted_regions(value: Any, expected: list[Region]) -> None:  # noqa: ANN401
    assert painted_regions(value, SHAPE) == expected


def test_the_event_of_this_napari_tells_the_box() -> None:
    layer = Labels(np.zeros((20, 30), np.uint16))
    layer.brush_size = 1
    told: list[list[Region]] = []
    layer.events.paint.connect(
        lambda event: told.append(painted_regions(event.value, (1, *layer.data.shape)))
    )
    layer.paint((4, 5), 3)
    assert told == [[Region(0, 4, 5, 5, 6)]]


def test_planes_that_differ() -> None:
    before, after = np.zeros(SHAPE, np.uint16), np.zeros(SHAPE, np.int64)
    after[1, 3, 3] = 1
    assert different_regions(before, after) == [Region(1, 0, 0, 20, 30)]
    assert all_planes(SHAPE) == EVERYWHERE
