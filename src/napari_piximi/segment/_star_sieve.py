"""Of millions of candidates those are let go early that go in any case.

Who stays depends on better ones nearby that stay, and on nobody else. So wherever all is known
around candidates it can be told who stays, long before a network has seen the whole plane.
"""

import numpy as np
from numpy.typing import NDArray

from napari_piximi.progress import Progress
from napari_piximi.segment._star_polygons import polygons
from napari_piximi.segment._star_suppression import survivors
from napari_piximi.segment.star_convex import Stars, gathered
from napari_piximi.segment.tiles import Tile

__all__ = ["MARGIN", "Sieve"]

_MOST = 2**18
"""Candidates that are collected before it is asked which of them go."""

MARGIN = 256.0
"""Pixels: many times the rays of the published networks, so that planes are hardly seen twice."""


class Sieve:
    """Collects the candidates of tiles that come in the order of :func:`tiles`.

    Parameters
    ----------
    rays : int
        Of each candidate.
    overlap : float or None
        As for :func:`kept`; None lets none go.
    margin : float
        No ray that is still to come should be longer: see :attr:`longest`.

    Attributes
    ----------
    longest : float
        The longest ray so far. If it is beyond the margin in the end, and :attr:`is_thinned`,
        the wrong ones may have gone.
    is_thinned : bool
    """

    def __init__(self, rays: int, overlap: float | None, margin: float = MARGIN) -> None:
        self.rays, self.overlap, self.margin = rays, overlap, margin
        self.longest, self.is_thinned = 0.0, False
        self._fresh = 0
        self._open: list[Stars] = []
        self._sure: list[Stars] = []

    def add(self, stars: Stars, tile: Tile, progress: Progress) -> None:
        """Take the candidates of one tile.

        Parameters
        ----------
        stars : Stars
        tile : Tile
            All tiles above it, and to the left of it, were given before.
        progress : Progress
            May raise Cancelled.
        """
        self._open.append(stars)
        self._fresh += len(stars)
        self.longest = max(self.longest, float(stars.distances.max(initial=0)))
        if self.overlap is not None and self._fresh > _MOST:
            self._thin(self.overlap, tile, progress)

    def rest(self) -> Stars:
        """Return those that are left, in the order of the pixels; once."""
        parts, self._sure, self._open = [*self._sure, *self._open], [], []
        return gathered(parts, self.rays)

    def _thin(self, overlap: float, tile: Tile, progress: Progress) -> None:
        stars = gathered(self._open, self.rays)
        stars = stars[np.argsort(stars.scores, kind="stable")[::-1]]
        shapes = polygons(stars.points, stars.distances)
        unsure = self._meets_unseen(shapes.high, tile)
        stays = survivors(shapes, overlap, progress, unsure)
        self._sure.append(stars[stays & ~unsure])
        self._open = [stars[stays & unsure]]
        self._fresh, self.is_thinned = 0, True

    def _meets_unseen(self, high: NDArray[np.float32], tile: Tile) -> NDArray[np.bool_]:
        """Tell which polygons one of a tile to come may overlap with."""
        top, _, bottom, right = tile.keep
        row, col = high.T + np.float32(self.margin + 1)
        return np.asarray((row >= bottom) | ((row >= top) & (col >= right)))
