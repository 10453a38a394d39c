"""Tables of features: each thing's row is its own, whatever it is measured with."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import regionprops

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.measure.features import feature_names, measure_features
from napari_piximi.model import masks
from napari_piximi.model.things import Annotation, ArrayPixels, Image, Thing

DRAWS = np.random.default_rng(11)


def cell(size: tuple[int, int], dtype: type = np.uint8, channels: int = 2) -> Annotation:
    most = 255 if dtype is np.uint8 else 65535
    drawn = DRAWS.integers(0, most + 1, (1, *size, channels))
    pixels: NDArray[Any] = drawn.astype(dtype)
    mask = DRAWS.random(size) < 0.8
    return Annotation(
        f"c{size}", "cell", "k", "1a", "i", (0, 0, *size), masks.encode(mask),
        8 if dtype is np.uint8 else 16, ArrayPixels(pixels),
    )  # fmt: skip


def image(pixels: NDArray[np.uint8]) -> Image:
    return Image("i", "image", "1a", ArrayPixels(pixels[None]))


def table(things: list[Thing], channels: int = 2) -> NDArray[np.float32]:
    names = feature_names(channels, objects=isinstance(things[0], Annotation))
    rows = np.full((len(things), len(names)), np.nan, dtype=np.float32)
    planes = [(i, np.asarray(thing.pixels)[0]) for i, thing in enumerate(things)]
    measure_features(things, planes, channels, rows)
    return rows


@pytest.mark.parametrize("objects", [True, False])
def test_names_are_distinct(objects: bool) -> None:
    names = feature_names(3, objects=objects)
    assert len(set(names)) == len(names)
    assert ("area" in names) == objects
    assert ("edges_0_0_0" in names) != objects


def test_every_row_is_that_of_the_thing_alone() -> None:
    sizes = [(9, 14), (16, 16), (15, 10), (40, 33), (9, 13), (1, 1), (300, 20)]
    things: list[Thing] = [cell(size) for size in sizes * 3]
    rows = table(things)
    assert np.isfinite(rows).all()
    for thing, row in zip(things, rows, strict=True):
        np.testing.assert_allclose(row, table([thing])[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", ["area", "perimeter", "intensity_mean", "intensity_std"])
def test_objects_are_measured_under_their_mask_in_units(dtype: type, name: str) -> None:
    thing = cell((21, 17), dtype)
    mask = masks.decode(thing.runs, (21, 17))
    pixels = np.asarray(thing.pixels)[0] / (2**thing.bit_depth - 1)
    (region,) = regionprops(mask.astype(np.uint8), pixels)
    names = feature_names(2, objects=True)
    found = table([thing])[0]
    if name.startswith("intensity"):
        for channel in (0, 1):
            column = names.index(f"{name}_channel_{channel}")
            assert found[column] == pytest.approx(region[name][channel], rel=1e-5)
    else:
        assert found[names.index(name)] == pytest.approx(region[name], rel=1e-5)


@pytest.mark.parametrize("size", [(30, 40), (300, 700), (1, 1), (2, 1000)])
def test_images_are_measured_whole(size: tuple[int, int]) -> None:
    pixels = DRAWS.integers(0, 256, (*size, 2), dtype=np.uint8)
    row = table([image(pixels)])[0]
    assert np.isfinite(row).all()
    names = feature_names(2, objects=False)
    for channel in (0, 1):
        values = pixels[..., channel] / 255
        for name, expected in {
            "mean": values.mean(),
            "std": values.std(),
            "min": values.min(),
            "max": values.max(),
        }.items():
            column = names.index(f"intensity_{name}_channel_{channel}")
            assert row[column] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_float_pixels_are_taken_as_they_are() -> None:
    thing = cell((8, 8))
    whole = replace(thing, pixels=ArrayPixels(np.full((1, 8, 8, 2), 0.25, dtype=np.float32)))
    names = feature_names(2, objects=True)
    assert table([whole])[0][names.index("intensity_max_channel_1")] == 0.25


@pytest.mark.parametrize("value", [1e30, -1e30])
def test_values_that_cannot_be_squared_are_refused(value: float) -> None:
    def thing(most: float) -> Thing:
        pixels = np.linspace(0, most, 64, dtype=np.float32).reshape(1, 8, 8, 1)
        return Image("i", "too bright", "1a", ArrayPixels(pixels))

    with pytest.raises(FitError, match=r"'too bright' \(i\) has pixels as large as 1e\+30"):
        table([thing(value)], 1)
    assert np.isfinite(table([thing(value / 1e16)], 1)).all()


def test_an_empty_mask_gives_zeros() -> None:
    thing = replace(cell((8, 8)), runs=masks.from_lengths((64,)))
    assert not table([thing]).any()


def test_a_mask_of_another_size_is_named() -> None:
    thing = replace(cell((8, 8)), name="odd one", runs=masks.full(8, 9))
    with pytest.raises(FitError, match=r"'odd one'.*mask does not fit"):
        table([thing])


def test_a_stop_is_obeyed() -> None:
    things: list[Thing] = [cell((8, 8))] * 200
    planes = ((i, np.asarray(thing.pixels)[0]) for i, thing in enumerate(things))
    told: list[int] = []

    def stop(done: int, total: int, message: str = "", **values: float) -> None:
        told.append(done)
        raise Cancelled("stop")

    rows = np.zeros((200, len(feature_names(2, objects=True))), dtype=np.float32)
    with pytest.raises(Cancelled):
        measure_features(things, planes, 2, rows, stop)
    assert told == [64]
