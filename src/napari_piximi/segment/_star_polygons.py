"""Star-convex polygons as StarDist's own decoding sees them: on whole pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Polygons", "outlines", "polygons"]

_AT_ONCE = 2**15


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """Polygons, the better ones first.

    Attributes
    ----------
    points : (N, 2) float32 array
        Centres: row, column.
    rows, cols : (N, K) int32 array
        Corners, cut to whole pixels as the package cuts them.
    low, high : (N, 2) float32 array
        Bounding boxes of the uncut corners: row, column.
    areas : (N,) float32 array
        Of the cut polygons, in pixels.
    reach : (N,) float32 array
        The longest ray.
    """

    points: NDArray[np.float32]
    rows: NDArray[np.int32]
    cols: NDArray[np.int32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    areas: NDArray[np.float32]
    reach: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.points)


def polygons(points: NDArray[np.float32], distances: NDArray[np.float32]) -> Polygons:
    """Make polygons from centres and rays, in single precision as the package's compiled part.

    Parameters
    ----------
    points : (N, 2) float32 array
        Row, column.
    distances : (N, K) float32 array
        Ray k points to the angle 2πk/K, from +column towards +row.
    """
    count, rays = distances.shape
    angles = np.float32(2 * np.pi / rays) * np.arange(rays, dtype=np.float32)
    turns = angles.astype(np.float64)
    sines, cosines = np.sin(turns).astype(np.float32), np.cos(turns).astype(np.float32)
    rows, cols = np.empty((count, rays), np.int32), np.empty((count, rays), np.int32)
    low, high = np.empty((count, 2), np.float32), np.empty((count, 2), np.float32)
    areas = np.empty(count, np.float32)
    for start in range(0, count, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        y = points[part, :1] + distances[part] * sines
        x = points[part, 1:] + distances[part] * cosines
        low[part] = np.stack((y.min(1), x.min(1)), 1)
        high[part] = np.stack((y.max(1), x.max(1)), 1)
        rows[part], cols[part] = y, x  # cut towards zero
        areas[part] = _areas(rows[part].astype(np.int64), cols[part].astype(np.int64))
    return Polygons(points, rows, cols, low, high, areas, distances.max(1, initial=0))


def outlines(
    points: NDArray[np.floating],
    distances: NDArray[np.float32],
    stretch: tuple[float, float] = (1, 1),
) -> NDArray[np.float32]:
    """Return the corners that are painted.

    Parameters
    ----------
    points : (N, 2) array
        Row, column, in pixels of the image.
    distances : (N, K) float32 array
        In pixels of what the network saw.
    stretch : (rows, columns)
        Pixels of the image per pixel of what the network saw.

    Returns
    -------
    (N, 2, K) float32 array
        Rows, columns.
    """
    rays = distances.shape[1]
    angles = np.linspace(0, 2 * np.pi, rays, endpoint=False)
    turns = np.array([np.sin(angles), np.cos(angles)])
    corners = (distances[:, np.newaxis] * turns).astype(np.float32)
    corners *= np.asarray(stretch).reshape(1, 2, 1)
    corners += points[..., np.newaxis]
    return np.asarray(corners, np.float32)


def _areas(rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.float32]:
    """Sum corner by corner in single precision: far from the origin the order matters."""
    after, below = np.roll(cols, -1, 1), np.roll(rows, -1, 1)
    terms = (cols * below - rows * after).astype(np.float32)
    summed = np.cumsum(terms, axis=1, dtype=np.float32)[:, -1]
    return np.asarray(np.abs(summed) * np.float32(0.5), np.float32)
