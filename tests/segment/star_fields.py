"""Fields of star-convex polygons, drawn from a seed."""

import numpy as np

from napari_piximi.segment.star_convex import Stars


def scattered(
    seed: int, count: int, size: int, radius: float, noise: float = 0.15, rays: int = 32
) -> Stars:
    """Draw polygons of many sizes anywhere, each ray with a noise of its own."""
    draw = np.random.default_rng(seed)
    points = draw.integers(0, size, (count, 2))
    distances = radius * draw.uniform(0.3, 1.5, (count, 1))
    distances = distances * (1 + noise * draw.normal(size=(count, rays)))
    return _stars(points, distances, draw.uniform(0.3, 1, count))


def clustered(seed: int, count: int, size: int, radius: float, each: int, rays: int = 32) -> Stars:
    """Draw nuclei as a network sees them: each fires at many pixels with about one outline."""
    draw = np.random.default_rng(seed)
    nuclei = max(1, count // each)
    centres, which = draw.uniform(0, size, (nuclei, 2)), np.arange(count) % nuclei
    points = np.clip(np.round(centres[which] + draw.normal(0, radius * 0.3, (count, 2))), 0, size)
    angles = np.arange(rays) * 2 * np.pi / rays
    away = points - centres[which]
    long = radius * draw.uniform(0.7, 1.3, (nuclei, 1))[which]
    tilt = draw.uniform(0, np.pi, (nuclei, 1))[which]
    distances = long * (1 + 0.2 * np.cos(2 * (angles - tilt)))
    distances = distances - away[:, :1] * np.sin(angles) - away[:, 1:] * np.cos(angles)
    distances = distances + draw.normal(0, 0.3, distances.shape)
    return _stars(points, distances, draw.uniform(0.3, 1, count))


def latticed(radius: float, side: int = 40, rays: int = 32, scores: int = 4) -> Stars:
    """Make a disc of whole radius at each pixel of a square; many scores are equal."""
    points = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1)
    points = points.reshape(-1, 2)
    told = np.random.default_rng(side).integers(1, scores + 1, len(points)) / (scores + 1)
    return _stars(points, np.full((len(points), rays), radius), told)


def _stars(points: np.ndarray, distances: np.ndarray, scores: np.ndarray) -> Stars:
    return Stars(
        points.astype(np.float32),
        np.maximum(distances, 1e-3).astype(np.float32),
        scores.astype(np.float32),
    )
