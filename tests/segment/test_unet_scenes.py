"""Annotated planes, opened for a fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.segment.nuclei import KIND, nuclei_project

from napari_piximi.errors import Cancelled, SegmentError
from napari_piximi.model.labels import labels_of
from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.model.things import ArrayPixels
from napari_piximi.progress import silent
from napari_piximi.segment import catalog, unet_scenes
from napari_piximi.segment.annotated import Piece, annotated_planes
from napari_piximi.segment.catalog import thinned
from napari_piximi.segment.unet_scenes import (
    normal,
    opened_scenes,
    percentiles,
)
from napari_piximi.segment.unet_targets import classes_of
from napari_piximi.segment.unet_tiles import draw_batches

PLAIN = UNetSettings(tile=32, tiles=8, batch_size=4, flips=False, brightness=0.0)


@pytest.fixture(scope="module")
def pieces() -> tuple[Piece, ...]:
    return annotated_planes(nuclei_project(range(3), size=80, clusters=4), KIND)


def with_pixels(piece: Piece, array: NDArray[Any]) -> Piece:
    return replace(piece, image=replace(piece.image, pixels=ArrayPixels(array)))


def test_targets_of_a_tall_plane_are_painted_in_strips(
    pieces: tuple[Piece, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    piece = pieces[1]
    labels = labels_of(piece.annotations, (1, 80, 80))[0]
    expected = classes_of(labels, PLAIN.border)
    monkeypatch.setattr(unet_scenes, "ROWS", 16)
    monkeypatch.setattr(unet_scenes, "RIM", 40)
    with opened_scenes([piece, piece.cut((20, 10, 70, 60))], PLAIN, (0,), silent) as scenes:
        np.testing.assert_array_equal(scenes[0].targets, expected)
        part = classes_of(labels[20:70, 10:60], PLAIN.border)
        np.testing.assert_array_equal(scenes[1].targets, part)
        assert scenes[1].pixels.shape == (50, 50, 1)
        np.testing.assert_array_equal(scenes[0].low, scenes[1].low)


def test_what_exceeds_the_memory_lies_in_files_that_go(
    pieces: tuple[Piece, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_scenes(pieces, PLAIN, (0,), silent) as scenes:
        inside = list(draw_batches(scenes, PLAIN, 0))
    monkeypatch.setattr(unet_scenes, "MEMORY_BUDGET", 3 * 80 * 80)
    with opened_scenes(pieces, PLAIN, (0,), silent) as scenes:
        mapped = [isinstance(s.pixels, np.memmap) for s in scenes]
        assert mapped == [False, False, True]
        path = Path(str(scenes[2].pixels.filename))  # type: ignore[attr-defined]
        assert path.exists()
        again = list(draw_batches(scenes, PLAIN, 0))
    assert not path.exists()
    np.testing.assert_array_equal(again[0].pixels, inside[0].pixels)


def test_memory_maps_are_not_read_whole(pieces: tuple[Piece, ...], tmp_path: Path) -> None:
    array = np.memmap(tmp_path / "a.raw", np.uint8, "w+", shape=(1, 80, 80, 1))
    array[...] = np.asarray(pieces[0].image.pixels)
    with opened_scenes([with_pixels(pieces[0], array)], PLAIN, (0,), silent) as scenes:
        assert np.shares_memory(scenes[0].pixels, array)


def test_channels_are_chosen_and_scaled_each_for_itself(pieces: tuple[Piece, ...]) -> None:
    image = pieces[0].image
    plane = np.asarray(image.pixels)
    stack = np.concatenate((plane, plane // 2 + 40, np.full_like(plane, 9)), axis=-1)
    piece = with_pixels(pieces[0], stack)
    with opened_scenes([piece], PLAIN, (2, 0), silent) as scenes:
        scene = scenes[0]
        assert scene.pixels.shape == (80, 80, 2)
        scaled = normal(scene.pixels, scene.low, scene.high)
    assert not scaled[..., 0].any()
    assert np.percentile(scaled[..., 1], 1) == pytest.approx(0, abs=0.02)
    assert np.percentile(scaled[..., 1], 99.8) == pytest.approx(1, abs=0.02)


def test_percentiles_of_a_large_plane_come_from_a_part_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    plane = random.normal(100, 15, (700, 500, 1)).astype(np.float32)
    whole = percentiles(plane, UNetSettings())
    monkeypatch.setattr(catalog, "SAMPLED", 20_000)
    few = thinned(plane)
    assert 15_000 < few.size < 40_000
    for one, other in zip(whole, percentiles(few, UNetSettings()), strict=True):
        np.testing.assert_allclose(one, other, rtol=0.03)


def test_pixels_that_are_no_numbers_are_refused(pieces: tuple[Piece, ...]) -> None:
    array = np.zeros((1, 80, 80, 1), np.float32)
    array[0, 3, 3] = np.nan
    with (
        pytest.raises(SegmentError, match=r"nuclei 0.*NaN"),
        opened_scenes([with_pixels(pieces[0], array)], PLAIN, (0,), silent),
    ):
        pass


def test_reading_can_be_cancelled(pieces: tuple[Piece, ...]) -> None:
    def stop(done: int, total: int, message: str = "", **values: object) -> None:
        assert message == "Reading nuclei 0"
        raise Cancelled

    with pytest.raises(Cancelled), opened_scenes(pieces, PLAIN, (0,), stop):
        pass
