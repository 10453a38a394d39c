"""Thresholds from a histogram, so that an image need not be in memory to get one.

Pixels above the threshold are foreground, which are those that scikit-image's threshold leaves
of an integer image with this histogram; by triangle, of a floating-point image.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["CUTS", "li", "otsu", "stricter", "triangle"]

Counts = NDArray[np.int64]


def otsu(counts: Counts) -> float:
    """Return the threshold with the largest variance between the two sides (Otsu, 1979).

    Parameters
    ----------
    counts : (L,) int array
        How many pixels have each of the values 0 … L − 1. At least two values occur.
    """
    from skimage.filters import threshold_otsu

    values = np.flatnonzero(counts)
    inside = slice(values[0], values[-1] + 1)
    return float(threshold_otsu(hist=(counts[inside], np.arange(counts.size)[inside])))


def li(counts: Counts) -> float:
    """Return the threshold with the least cross entropy (Li and Tam, 1998).

    Parameters
    ----------
    counts : (L,) int array
        As for :func:`otsu`.
    """
    values = np.flatnonzero(counts)
    lowest = int(values[0])
    values = values - lowest
    pixels = np.cumsum(counts[values + lowest])
    sums = np.cumsum(counts[values + lowest] * values)
    tolerance = 0.5  # scikit-image's, for integers
    level, before = float(sums[-1] / pixels[-1]), -1.0
    while abs(level - before) > tolerance:
        before = level
        last = int(np.searchsorted(values, level, side="right")) - 1
        below = sums[last] / pixels[last]
        above = (sums[-1] - sums[last]) / (pixels[-1] - pixels[last])
        if below == 0:
            break
        level = float((below - above) / (math.log(below) - math.log(above)))
    return level + lowest


def triangle(counts: Counts) -> float:
    """Return the value farthest from the line from the histogram's peak to its longer end.

    Of a histogram of 256 bins (Zack, Rogers and Latt, 1977).

    Parameters
    ----------
    counts : (L,) int array
        As for :func:`otsu`.
    """
    values = np.flatnonzero(counts)
    bins, edges = np.histogram(values, 256, weights=counts[values])
    centers = (edges[:-1] + edges[1:]) / 2
    peak, last = int(bins.argmax()), bins.size - 1
    mirrored = peak < last - peak
    if mirrored:
        bins, peak = bins[::-1], last - peak
    height, length = bins[peak], math.hypot(bins[peak], peak)
    far = height / length * np.arange(peak) - peak / length * bins[:peak]
    level = int(far.argmax())
    return float(centers[last - level if mirrored else level])


CUTS: Mapping[str, Callable[[Counts], float]] = {"Otsu": otsu, "Li": li, "Triangle": triangle}


def stricter(counts: Counts, cut: float, factor: float) -> float:
    """Move a threshold away from the mean of the background below it, or towards that.

    Parameters
    ----------
    counts : (L,) int array
        As for :func:`otsu`.
    cut : float
    factor : float
        1 leaves it where it is, 2 doubles its distance from the background.
    """
    below = np.arange(counts.size) <= cut
    mean = float((counts[below] * np.flatnonzero(below)).sum() / counts[below].sum())
    return mean + factor * (cut - mean)
