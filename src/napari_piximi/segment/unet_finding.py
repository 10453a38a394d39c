"""Objects on a plane of any size from a U-Net: whole, or block by block where it is large."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.progress import Progress
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found, joined, shifted, taken
from napari_piximi.segment.tiles import tiles
from napari_piximi.segment.unet_asking import Asker, mapped
from napari_piximi.segment.unet_scenes import normal, percentiles

__all__ = ["find_in_plane"]

BLOCK = 2048
"""Side of what is made into objects in one go."""

OVERLAP = 256
"""Objects up to this size are whole in every block; larger ones may be cut where blocks meet."""


def find_in_plane(
    asker: Asker,
    plane: Plane,
    objects: Callable[[NDArray[np.float32]], Found],
    settings: UNetSettings,
    progress: Progress,
    *,
    block: int = BLOCK,
    overlap: int = OVERLAP,
) -> Found:
    """Find objects; of those that two blocks see, the block with the middle of its box counts.

    Parameters
    ----------
    asker : Asker
    plane : Plane
    objects : callable
        Makes objects of the probabilities (Y, X, 3) of a block.
    settings : UNetSettings
        Those that the network was fitted with: percentiles.
    progress : Progress
        May raise Cancelled.
    block, overlap : int
    """
    low, high = percentiles(plane.sample, settings)
    prepare = partial(normal, low=low, high=high)
    # As far around as the network looks, what it says of the overlap is exact.
    shape = (plane.pixels.shape[0], plane.pixels.shape[1])
    listed = list(tiles(shape, block, overlap + asker.reach, asker.multiple))
    parts = []
    for number, tile in enumerate(listed):
        report = partial(_report, progress, number, len(listed))
        probabilities = mapped(asker, plane.pixels[tile.reading], prepare, report)
        found = objects(probabilities)
        parts.append(_owned(shifted(found, *tile.read[:2]), tile.keep))
    return joined(parts)


def _owned(found: Found, keep: tuple[int, int, int, int]) -> Found:
    """Keep the objects whose box has its middle in a block."""
    middle = (found.boxes[:, :2] + found.boxes[:, 2:]) // 2
    inside = (middle >= keep[:2]) & (middle < keep[2:])
    return taken(found, np.flatnonzero(inside.all(axis=1)))


def _report(
    progress: Progress, block: int, blocks: int, done: int, total: int, message: str = ""
) -> None:
    share = done / total if total else 0.0
    progress(round(1000 * (block + share)), 1000 * blocks, message or "Asking the network")
