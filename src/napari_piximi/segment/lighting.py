"""Uneven light: the background as a smooth surface, from a sample of the plane."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.things import BBox

__all__ = ["Lighting", "fit_lighting", "grid", "is_dark"]

POINTS = 128
ROUNDS = 20

Sample = NDArray[np.float32]


def grid(length: int) -> NDArray[np.int64]:
    """Choose at most 128 rows (or columns) from the first to the last."""
    if not length:
        return np.zeros(0, np.int64)
    return np.unique(np.linspace(0, length - 1, POINTS).round().astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Lighting:
    """How much brighter the background is than on average.

    Attributes
    ----------
    shape : (Y, X)
        Of the plane.
    factors : (6,) array
        Of 1, x, x², y, xy and y², where x and y are -1 at one border and 1 at the other.
    level : float
        The average background.
    lowest, highest : float
        What it is kept between, which is where background was seen.
    """

    shape: tuple[int, int]
    factors: NDArray[np.float64]
    level: float
    lowest: float
    highest: float

    def inside(self, box: BBox) -> Sample:
        """Return it for the pixels in a box."""
        top, left, bottom, right = box
        y = _place(np.arange(top, bottom), self.shape[0])[:, np.newaxis].astype(np.float32)
        x = _place(np.arange(left, right), self.shape[1])
        a, b, c, d, e, f = self.factors
        still, tilt = (a - self.level + b * x + c * x * x), d + e * x
        surface: Sample = tilt.astype(np.float32) * y
        surface += still.astype(np.float32)
        surface += np.float32(f) * y * y
        np.clip(surface, np.float32(self.lowest), np.float32(self.highest), out=surface)
        return surface


def fit_lighting(sample: Sample, shape: tuple[int, int]) -> Lighting:
    """Fit a surface of second order to the background.

    The background is what lies below Otsu's threshold once the surface is taken off; both are
    found in turns, starting from a level surface, until they no longer change.

    Parameters
    ----------
    sample : (R, C) array
        The plane in the rows and columns of :func:`grid`, objects brighter than the background.
    shape : (Y, X)
        Of the plane.
    """
    from skimage.filters import threshold_otsu

    y, x = np.meshgrid(*(_place(grid(length), length) for length in shape), indexing="ij")
    y, x, seen = y.ravel(), x.ravel(), sample.ravel().astype(np.float64)
    terms = np.stack([np.ones_like(x), x, x * x, y, x * y, y * y], axis=1)
    background = np.ones(seen.size, bool)
    factors, rest = np.zeros(6), seen
    for _ in range(ROUNDS):
        if rest.min() == rest.max():
            break
        before, background = background, rest <= threshold_otsu(rest)
        if np.array_equal(before, background):
            break
        known = terms[background]
        factors = np.linalg.lstsq(known.T @ known, known.T @ seen[background], rcond=None)[0]
        rest = seen - terms @ factors
    found = terms[background] @ factors
    level = float(found.mean())
    return Lighting(shape, factors, level, float(found.min()) - level, float(found.max()) - level)


def is_dark(sample: Sample) -> bool:
    """Say whether objects are darker than the background, which most of the plane's rim shows.

    Parameters
    ----------
    sample : (R, C) array
        The plane in the rows and columns of :func:`grid`.
    """
    from skimage.filters import threshold_otsu

    if not sample.size or sample.min() == sample.max():
        return False
    bright = sample > threshold_otsu(sample)
    rim = np.concatenate([bright[0], bright[-1], bright[1:-1, 0], bright[1:-1, -1]])
    return bool(np.count_nonzero(rim) * 2 > rim.size)


def _place(index: NDArray[np.int64], length: int) -> NDArray[np.float64]:
    return 2 * index / max(length - 1, 1) - 1
