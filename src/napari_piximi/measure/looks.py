"""What images look like from afar: a small picture, and which way edges run where."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["look_names", "look_table", "shrink"]

Floats = NDArray[np.float32]

SIZE = 32
"""Pixels on a side of the picture in which edges are looked for."""
CELLS = 4
ANGLES = 9
THUMBNAIL = 8


def look_names(channels: int) -> tuple[str, ...]:
    """Return the names of the columns of :func:`look_table`."""
    edges = [
        f"edges_{row}_{column}_{20 * angle}"
        for row in range(CELLS)
        for column in range(CELLS)
        for angle in range(ANGLES)
    ]
    small = [
        f"pixel_{row}_{column}_channel_{channel}"
        for row in range(THUMBNAIL)
        for column in range(THUMBNAIL)
        for channel in range(channels)
    ]
    return (*edges, *small)


def look_table(values: Floats) -> Floats:
    """Describe images.

    Parameters
    ----------
    values : (N, Y, X, C) float32 array

    Returns
    -------
    (N, 144 + 64 C) float32 array
        In each of 4 × 4 cells, how strong the edges are in each of 9 directions, relative to
        all edges nearby; then an 8 × 8 picture.

    Notes
    -----
    Source: histograms of oriented gradients (Dalal and Triggs 2005), of the channel that
    changes most at each pixel.
    """
    picture = shrink(values, SIZE, SIZE)
    small = shrink(values, THUMBNAIL, THUMBNAIL)
    return np.concatenate(
        [_edges(picture).reshape(len(values), -1), small.reshape(len(values), -1)], axis=1
    )


def shrink(values: Floats, height: int, width: int) -> Floats:
    """Resize linearly, without aliasing where images become smaller.

    Parameters
    ----------
    values : (N, Y, X, C) float32 array
    height, width : int
    """
    down, across = _weights(values.shape[1], height), _weights(values.shape[2], width)
    count, rows, columns, channels = values.shape
    tall = (down @ values.reshape(count, rows, -1)).reshape(count, height, columns, channels)
    return np.asarray(np.matmul(across, tall))


@lru_cache(maxsize=256)
def _weights(length: int, count: int) -> Floats:
    """Return the share (count, length) that each pixel has in each new one: triangles."""
    scale = length / count
    reach = max(scale, 1.0)
    centres = (np.arange(count) + 0.5) * scale - 0.5
    away = np.abs(np.arange(length) - centres[:, None]) / reach
    weights = np.maximum(1 - away, 0)
    # Beyond the outermost centres, the outermost pixel counts alone.
    empty = weights.sum(axis=1) == 0
    weights[empty, np.clip(np.rint(centres[empty]), 0, length - 1).astype(int)] = 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _edges(picture: Floats) -> Floats:
    """Return histograms of directions, (N, 4, 4, 9)."""
    framed = np.pad(picture, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    down = framed[:, 2:, 1:-1] - framed[:, :-2, 1:-1]
    right = framed[:, 1:-1, 2:] - framed[:, 1:-1, :-2]
    strongest = (down**2 + right**2).argmax(axis=3)[..., None]
    down = np.take_along_axis(down, strongest, axis=3)[..., 0]
    right = np.take_along_axis(right, strongest, axis=3)[..., 0]
    strength = np.hypot(down, right)
    at = np.mod(np.arctan2(down, right) / np.pi, 1) * ANGLES
    low = np.floor(at).astype(np.intp) % ANGLES
    share = (at - np.floor(at)).astype(np.float32)
    spread = np.zeros((*picture.shape[:3], ANGLES), dtype=np.float32)
    np.put_along_axis(spread, low[..., None], (strength * (1 - share))[..., None], axis=3)
    following = ((low + 1) % ANGLES)[..., None]
    np.put_along_axis(spread, following, (strength * share)[..., None], axis=3)
    cells = shrink(spread, CELLS, CELLS)
    near = _nearby(np.square(cells).sum(axis=3))
    return np.asarray(cells / np.sqrt(near + 1e-6)[..., None])


def _nearby(energy: Floats) -> Floats:
    """Add up what the 3 × 3 cells around each hold."""
    framed = np.pad(energy, ((0, 0), (1, 1), (1, 1)))
    rows = framed[:, :-2] + framed[:, 1:-1] + framed[:, 2:]
    return np.asarray(rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:])
