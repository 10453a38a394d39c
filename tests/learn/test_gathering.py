from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learn.projects import image

from napari_piximi.errors import FitError
from napari_piximi.learn.gathering import MANY, TOGETHER, Gathering
from napari_piximi.learn.resampling import FULL_BOX, crop_and_resize
from napari_piximi.model.training import Settings

SETTINGS = Settings(height=16, width=12)


def gathered(planes: Sequence[NDArray[Any]], limit: int = 2**30) -> NDArray[np.float32]:
    """Lend planes one by one, each in memory that is overwritten at once."""
    result = np.full((len(planes), 16, 12, planes[0].shape[-1]), np.nan, np.float32)

    def put(indices: Sequence[int], part: NDArray[np.float32]) -> None:
        result[np.asarray(indices)] = part

    shape = (len(planes), 16, 12, planes[0].shape[-1])
    gathering = Gathering(put, shape, SETTINGS, 1, "numpy", limit, lambda: None)
    for index, plane in enumerate(planes):
        lent = plane.copy()
        gathering.add(index, image("i", lent[None], "unknown"), lent)
        lent[...] = 0
    gathering.flush()
    return result


@pytest.mark.parametrize("dtype", ["<f4", ">f4", ">u2", "|u1", "<f8"])
@pytest.mark.parametrize("count", [1, 3, TOGETHER, 2 * TOGETHER + 5])
def test_planes_are_copied_and_resized_as_each_alone(dtype: str, count: int) -> None:
    draws = np.random.default_rng(count)
    planes = [draws.integers(0, 200, (20 + n % 2, 17, 2)).astype(dtype) for n in range(count)]
    divisor = 255 if planes[0].dtype.kind == "u" else 1
    for plane, sample in zip(planes, gathered(planes), strict=True):
        alone = crop_and_resize(plane[None], FULL_BOX, (16, 12), divisor=divisor)
        np.testing.assert_array_equal(sample, alone[0])


def test_large_planes_wait_only_up_to_a_limit() -> None:
    planes = [np.full((40, 30, 1), n, np.float32) for n in range(20)]
    few = gathered(planes, limit=10_000)
    np.testing.assert_array_equal(few[:, 0, 0, 0], np.arange(20))
    np.testing.assert_array_equal(few, gathered(planes))


def test_room_grows_with_the_planes_that_come() -> None:
    planes = [np.full((300, 300, 3), n, np.float32) for n in range(11)]  # 1 MB each
    np.testing.assert_array_equal(gathered(planes)[:, 5, 5, 2], np.arange(11))


@pytest.mark.parametrize("schema", ["None", "Match"])
@pytest.mark.parametrize("depths", [(8,), (8, 16)])
def test_many_at_once_are_resized_as_one_by_one(schema: str, depths: tuple[int, ...]) -> None:
    """Also where they must be told apart, by bit depth, or padded."""
    planes = np.random.default_rng(0).integers(0, 200, (3 * MANY, 20, 11, 2), np.uint8)
    things = [
        image("i", plane[None], "unknown", bit_depth=depths[n % len(depths)])
        for n, plane in enumerate(planes)
    ]
    found = []
    for step in (1, MANY, len(planes)):
        result = np.full((len(planes), 16, 12, 2), np.nan, np.float32)
        settings = replace(SETTINGS, crop_schema=schema)
        gathering = Gathering(
            result.__setitem__, result.shape, settings, 1, "numpy", 2**30, lambda: None
        )
        for start in range(0, len(planes), step):
            part = slice(start, start + step)
            lent = planes[part].copy()
            gathering.extend(range(len(planes))[part], things[part], lent)
            lent[...] = 0
        gathering.flush()
        found.append(result)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    assert np.isfinite(found[0]).all()


def test_one_among_many_that_is_no_number_is_refused_by_name() -> None:
    planes = np.zeros((MANY, 20, 11, 2), np.float32)
    planes[7, 3, 4, 1] = np.nan
    things = [image(f"i{n}", plane[None], "unknown") for n, plane in enumerate(planes)]
    shape = (MANY, 16, 12, 2)
    gathering = Gathering(
        lambda indices, part: None, shape, SETTINGS, 1, "numpy", 2**30, lambda: None
    )
    with pytest.raises(FitError, match=r"\(i7\) has pixels that are NaN or infinite"):
        gathering.extend(range(MANY), things, planes)
