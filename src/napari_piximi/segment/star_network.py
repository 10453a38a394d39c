"""A StarDist network looks at a plane, tile by tile; what it suspects is kept sparsely."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io.disk import PlanePixels
from napari_piximi.progress import Progress, silent
from napari_piximi.segment._star_normalising import normalised_tile, percentiles
from napari_piximi.segment._star_sieve import MARGIN, Sieve
from napari_piximi.segment.star_convex import Stars, candidates, gathered
from napari_piximi.segment.tiles import Tile, tiles

__all__ = ["EDGE", "Look", "StarNetwork", "scaled_shape", "scan"]

EDGE = 768
_BORDER = 2
"""Pixels of the network's grid along the border that the package does not trust."""

Answer = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class StarNetwork:
    """A network that predicts star-convex polygons.

    Attributes
    ----------
    channels : int
        That it takes.
    rays : int
    grid : (rows, columns)
        Pixels that it sees per pixel that it puts out.
    multiple : int
        Its input must be a multiple of this.
    reach : int
        How far away a pixel can be that still matters, in pixels.
    ask : callable
        ``ask(pixels)`` with a (Y, X, C) float32 array returns probabilities (Y/g, X/g) and
        rays (Y/g, X/g, K), both float32.
    probability, overlap : float or None
        Thresholds that came with it, or that the package takes where none did.
    """

    channels: int
    rays: int
    grid: tuple[int, int]
    multiple: int
    reach: int
    ask: Callable[[NDArray[np.float32]], Answer]
    probability: float | None = None
    overlap: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """How to look at a plane.

    Attributes
    ----------
    low, high : float
        Percentiles that become 0 and 1.
    threshold : float
        Probability above which a pixel is a candidate.
    scale : float
        The network sees the plane this many times as large.
    edge : int
        Of a tile; the result does not depend on it.
    """

    low: float = 1.0
    high: float = 99.8
    threshold: float = 0.5
    scale: float = 1.0
    edge: int = EDGE


def scaled_shape(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return rows and columns of a plane that is enlarged."""
    return max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1)


def scan(
    network: StarNetwork,
    pixels: PlanePixels,
    look: Look,
    progress: Progress = silent,
    overlap: float | None = None,
) -> Stars:
    """Collect the candidates of a whole plane.

    Parameters
    ----------
    network : StarNetwork
    pixels : (Y, X, C) array
        As many channels as the network takes. May be larger than memory.
    look : Look
    progress : Progress
        Told of tiles.
    overlap : float, optional
        Where there are very many, those need not come that :func:`kept` will not keep with this;
        of two that overlap and are equally probable to the last bit, either may go. The plane is
        seen again if rays are longer than was supposed.

    Returns
    -------
    Stars
        In pixels of the enlarged plane, ordered by rows; the same for every size of tiles.
    """
    progress(0, 0, "normalising")
    limits = percentiles(pixels, look.low, look.high)
    shape = scaled_shape((pixels.shape[0], pixels.shape[1]), look.scale)
    plan = list(tiles(shape, look.edge, network.reach, network.multiple))
    margin, sieve = MARGIN, None
    while sieve is None or (sieve.is_thinned and sieve.longest > sieve.margin):
        sieve = Sieve(network.rays, overlap if margin < max(shape) else None, margin)
        for number, tile in enumerate(plan):
            report = partial(_report, progress, number, len(plan))
            report()
            part = normalised_tile(pixels, limits, shape, *tile.reading)
            found = _found(network, _padded(part, network.multiple), tile, shape, look.threshold)
            sieve.add(found, tile, report)
        margin = 2 * sieve.longest
    return sieve.rest()


def _report(progress: Progress, number: int, count: int, *_: object, **__: object) -> None:
    progress(number, count, f"tile {number + 1} of {count}")


def _padded(part: NDArray[np.float32], multiple: int) -> NDArray[np.float32]:
    """Mirror what is missing to whole multiples, at the end only, as the package does."""
    missing = [-length % multiple for length in part.shape[:2]]
    return np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="reflect")


def _found(
    network: StarNetwork,
    part: NDArray[np.float32],
    tile: Tile,
    shape: tuple[int, int],
    threshold: float,
) -> Stars:
    probability, rays = network.ask(part)
    grid = np.array(network.grid)
    # The border is that of the plane with its mirrored rim.
    ends = [-(-length // network.multiple) * network.multiple for length in shape]
    first = np.maximum(np.array(tile.keep[:2]) // grid, _BORDER) - np.array(tile.read[:2]) // grid
    last = np.minimum(-(-np.array(tile.keep[2:]) // grid), np.array(ends) // grid - _BORDER)
    last -= np.array(tile.read[:2]) // grid
    if (last <= first).any():
        return gathered([], network.rays)
    inside = slice(first[0], last[0]), slice(first[1], last[1])
    stars = candidates(probability[inside], rays[inside], threshold, network.grid)
    stars = Stars(
        stars.points + ((first + np.array(tile.read[:2]) // grid) * grid).astype(np.float32),
        stars.distances,
        stars.scores,
    )
    return stars[np.all(stars.points < np.array(shape), axis=1)]
