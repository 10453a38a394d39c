"""What a U-Net is shown while it is fitted: tiles of annotated planes, drawn from a seed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.segment.unet_scenes import Scene, normal, scene_labels

__all__ = ["Batch", "View", "draw_batches", "tile_side", "validation_views"]

Floats = NDArray[np.float32]

ANYWHERE = 0.25
"""Share of the tiles that are drawn without a look at where objects are."""

LEAST_VIEWED = 256**2
"""Pixels that validate even where an epoch trains on fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A part of a scene that a network is judged by.

    Attributes
    ----------
    pixels : (Y, X, C) float32 array
        Normal.
    targets : (Y, X) uint8 array
    labels : (Y, X) int32 array
    """

    pixels: Floats
    targets: NDArray[np.uint8]
    labels: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Tiles for one step: (N, Y, X, C) pixels and (N, Y, X) targets."""

    pixels: Floats
    targets: NDArray[np.uint8]


def tile_side(settings: UNetSettings, shapes: Sequence[tuple[int, int]]) -> int:
    """Return the side of tiles: a multiple of 2 to the depth, no larger than planes make use of.

    Planes that are smaller all the same are continued by their mirror images.
    """
    step: int = 2**settings.depth
    useful = max(max(shape) for shape in shapes)
    return -(-min(settings.tile, useful) // step) * step


def draw_batches(
    scenes: Sequence[Scene], settings: UNetSettings, epoch: int, run: int = 0
) -> Iterator[Batch]:
    """Draw the tiles of an epoch: most of them with an object, turned, mirrored, brightened.

    Parameters
    ----------
    scenes : sequence of Scene
    settings : UNetSettings
    epoch : int
    run : int
        Number of fits before this one: a fit that continues sees other tiles.

    Yields
    ------
    Batch
        All of one size.
    """
    random = np.random.default_rng((settings.seed, 3, run, epoch))
    side = tile_side(settings, [scene.piece.shape for scene in scenes])
    places = _object_places(scenes)
    areas = np.cumsum([math.prod(scene.piece.shape) for scene in scenes])
    for _ in range(-(-settings.tiles // settings.batch_size)):
        tiles = []
        for _ in range(settings.batch_size):
            if random.random() < ANYWHERE:
                number = int(np.searchsorted(areas, random.integers(areas[-1]), "right"))
                spot = [int(random.integers(n)) for n in scenes[number].piece.shape]
            else:
                number, *spot = places[random.integers(len(places))].tolist()
            shift = random.integers(side, size=2)
            corner = (spot[0] - int(shift[0]), spot[1] - int(shift[1]))
            tiles.append(_changed(*_tile(scenes[number], corner, side), settings, random))
        yield Batch(np.stack([t[0] for t in tiles]), np.stack([t[1] for t in tiles]))


def validation_views(scenes: Sequence[Scene], settings: UNetSettings) -> list[View]:
    """Choose what the epochs are judged by: all of the scenes, or as much as does not slow a fit.

    That is half as many pixels as an epoch trains on. Of larger scenes it is a square around an
    object, drawn from the seed; of too many, a part.
    """
    if not scenes:
        return []
    side, step = tile_side(settings, [s.piece.shape for s in scenes]), 2**settings.depth
    budget = max(settings.tiles * side**2 // 2, LEAST_VIEWED)
    random = np.random.default_rng((settings.seed, 4))
    if budget < len(scenes) * side**2:
        chosen = np.sort(random.choice(len(scenes), max(1, budget // side**2), replace=False))
        scenes = [scenes[number] for number in chosen]
    edge = math.isqrt(budget // len(scenes)) // step * step
    return [_view(scene, max(edge, side), random) for scene in scenes]


# --- within ------------------------------------------------------------------------------------


def _object_places(scenes: Sequence[Scene]) -> NDArray[np.int64]:
    """Return scene, row and column of the middle of each object, in its region's coordinates."""
    found = []
    for number, scene in enumerate(scenes):
        top, left, bottom, right = scene.piece.region
        boxes = np.array([a.bbox for a in scene.piece.annotations])
        rows = np.clip((boxes[:, 0] + boxes[:, 2]) // 2, top, bottom - 1) - top
        columns = np.clip((boxes[:, 1] + boxes[:, 3]) // 2, left, right - 1) - left
        found.append(np.stack((np.full(len(boxes), number), rows, columns), axis=1))
    return np.concatenate(found)


def _tile(scene: Scene, corner: tuple[int, int], side: int) -> tuple[Floats, NDArray[np.uint8]]:
    """Cut a square, moved to lie inside as far as it can; the rest is the mirror image."""
    part = []
    for start, length in zip(corner, scene.piece.shape, strict=True):
        start = min(max(start, 0), max(length - side, 0))
        part.append(slice(start, min(start + side, length)))
    where = tuple(part)
    pixels, targets = scene.pixels[where], scene.targets[where]
    missing = tuple((0, side - length) for length in targets.shape)
    if any(after for _, after in missing):
        pixels = np.pad(pixels, (*missing, (0, 0)), mode="symmetric")
        targets = np.pad(targets, missing, mode="symmetric")
    return normal(pixels, scene.low, scene.high), targets


def _changed(
    pixels: Floats, targets: NDArray[np.uint8], settings: UNetSettings, random: np.random.Generator
) -> tuple[Floats, NDArray[np.uint8]]:
    turns, mirrored = int(random.integers(4)), bool(random.integers(2))
    factor, offset = random.uniform(-settings.brightness, settings.brightness, 2)
    if settings.flips:
        pixels, targets = np.rot90(pixels, turns), np.rot90(targets, turns)
        if mirrored:
            pixels, targets = pixels[::-1], targets[::-1]
    return pixels * np.float32(1 + factor) + np.float32(offset / 2), targets


def _view(scene: Scene, edge: int, random: np.random.Generator) -> View:
    top, left = scene.piece.region[:2]
    annotation = scene.piece.annotations[random.integers(len(scene.piece.annotations))]
    part = []
    for axis, length in enumerate(scene.piece.shape):
        middle = (annotation.bbox[axis] + annotation.bbox[axis + 2]) // 2 - (top, left)[axis]
        start = min(max(middle - edge // 2, 0), max(length - edge, 0))
        part.append(slice(start, min(start + edge, length)))
    rows, columns = part
    region = (top + rows.start, left + columns.start, top + rows.stop, left + columns.stop)
    pixels = normal(scene.pixels[rows, columns], scene.low, scene.high)
    targets = np.array(scene.targets[rows, columns])
    return View(pixels, targets, scene_labels(scene.piece, region))
