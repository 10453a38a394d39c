"""Tiles that a U-Net is fitted on."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.segment.nuclei import KIND, nuclei, nuclei_project

from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.model.things import ArrayPixels, Image
from napari_piximi.progress import silent
from napari_piximi.segment import unet_tiles
from napari_piximi.segment.annotated import Piece, annotated_planes
from napari_piximi.segment.unet_scenes import (
    opened_scenes,
    scene_labels,
)
from napari_piximi.segment.unet_targets import INSIDE, OUTSIDE, classes_of
from napari_piximi.segment.unet_tiles import Batch, draw_batches, tile_side, validation_views

PLAIN = UNetSettings(tile=32, tiles=8, batch_size=4, flips=False, brightness=0.0)


@pytest.fixture(scope="module")
def project() -> Project:
    return nuclei_project(range(3), size=80, clusters=4)


@pytest.fixture(scope="module")
def pieces(project: Project) -> tuple[Piece, ...]:
    return annotated_planes(project, KIND)


def drawn(pieces: tuple[Piece, ...], settings: UNetSettings, *which: int) -> list[Batch]:
    with opened_scenes(pieces, settings, (0,), silent) as scenes:
        return list(draw_batches(scenes, settings, *which))


def with_pixels(piece: Piece, array: NDArray[Any]) -> Piece:
    return replace(piece, image=replace(piece.image, pixels=ArrayPixels(array)))


def test_tiles_follow_from_seed_run_and_epoch(pieces: tuple[Piece, ...]) -> None:
    settings = replace(PLAIN, flips=True, brightness=0.3)
    once, again = drawn(pieces, settings, 2, 1), drawn(pieces, settings, 2, 1)
    assert [batch.pixels.shape for batch in once] == [(4, 32, 32, 1)] * 2
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.targets, other.targets)
    others = (
        drawn(pieces, settings, 3, 1),
        drawn(pieces, settings, 2, 2),
        drawn(pieces, replace(settings, seed=1), 2, 1),
    )
    for batches in others:
        assert not np.array_equal(batches[0].pixels, once[0].pixels)


def test_a_tile_is_a_part_of_a_plane_with_its_targets(pieces: tuple[Piece, ...]) -> None:
    whole = []
    for seed in range(3):
        image, labels = nuclei(seed, 80, 4)
        low, high = np.percentile(image, (PLAIN.low, PLAIN.high))
        scaled = (image.astype(np.float32) - np.float32(low)) / np.float32(high - low)
        whole.append((np.clip(scaled, -1, 5), classes_of(labels, PLAIN.border)))
    filled = 0
    batches = drawn(pieces, replace(PLAIN, tiles=24), 0)
    assert len(batches) == 6
    for batch in batches:
        for tile, targets in zip(batch.pixels[..., 0], batch.targets, strict=True):
            filled += (targets != OUTSIDE).any()
            assert any(
                np.allclose(plane[r : r + 32, c : c + 32], tile, atol=1e-5)
                and np.array_equal(classes[r : r + 32, c : c + 32], targets)
                for plane, classes in whole
                for r in range(49)
                for c in range(49)
            )
    assert filled >= 18


def test_turns_and_mirrors_keep_pixels_and_targets_together(pieces: tuple[Piece, ...]) -> None:
    # Of pixels that say what is true of them.
    told = []
    for piece in pieces:
        labels = scene_labels(piece, piece.region)
        told.append(with_pixels(piece, classes_of(labels, 2)[np.newaxis, ..., np.newaxis]))
    settings = replace(PLAIN, flips=True, low=0.0, high=100.0)
    for batch in drawn(tuple(told), settings, 0):
        np.testing.assert_array_equal(np.round(batch.pixels[..., 0] * 2), batch.targets)
    bright = replace(settings, brightness=0.5)
    factors = [np.ptp(tile) for batch in drawn(tuple(told), bright, 0) for tile in batch.pixels]
    assert len({*factors}) > 4
    assert 1 < max(factors) <= 1.5


def test_planes_smaller_than_a_tile_are_continued_as_in_a_mirror(
    pieces: tuple[Piece, ...],
) -> None:
    small = pieces[0].cut((0, 0, 21, 50))
    assert tile_side(PLAIN, [(80, 80)]) == 32
    assert tile_side(PLAIN, [(9, 21), (3, 8)]) == 24
    assert tile_side(PLAIN, [(1, 1)]) == 8
    assert tile_side(replace(PLAIN, tile=50), [(80, 80)]) == 56
    for batch in drawn((small,), PLAIN, 0):
        assert batch.pixels.shape == (4, 32, 32, 1)
        np.testing.assert_array_equal(batch.targets[:, 21:], batch.targets[:, 20:9:-1])
        np.testing.assert_array_equal(batch.pixels[:, 21:], batch.pixels[:, 20:9:-1])


def test_validation_costs_no_more_than_half_of_an_epoch(pieces: tuple[Piece, ...]) -> None:
    with opened_scenes(pieces, PLAIN, (0,), silent) as scenes:
        views = validation_views(scenes, PLAIN)
        assert [view.targets.shape for view in views] == [(80, 80)] * 3
        np.testing.assert_array_equal(views[1].labels, nuclei(1, 80, 4)[1])
        assert validation_views([], PLAIN) == []


def test_of_large_planes_a_square_around_an_object_validates(
    pieces: tuple[Piece, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unet_tiles, "LEAST_VIEWED", 0)
    with opened_scenes(pieces, PLAIN, (0,), silent) as scenes:
        views = validation_views(scenes, PLAIN)
        assert [view.targets.shape for view in views] == [(32, 32)] * 3
        assert all((view.targets == INSIDE).any() for view in views)
        few = validation_views(scenes, replace(PLAIN, tiles=4))
        assert len(few) == 2


def test_an_image_of_one_pixel(project: Project) -> None:
    image = project.things["i0"]
    assert isinstance(image, Image)
    tiny = replace(image, pixels=ArrayPixels(np.full((1, 1, 1, 1), 7, np.uint8)))
    annotation = replace(next(project.annotations("i0")), bbox=(0, 0, 1, 1), runs=masks.full(1, 1))
    piece = Piece(tiny, 0, (0, 0, 1, 1), (annotation,))
    for batch in drawn((piece,), PLAIN, 0):
        assert batch.pixels.shape == (4, 8, 8, 1)
        assert (batch.targets == INSIDE).all()
        assert not batch.pixels.any()
