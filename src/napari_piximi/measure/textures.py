"""Intensity and texture of things, from many samples of one size at once."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["PIXEL_FEATURES", "pixel_table"]

Floats = NDArray[np.float32]
Booleans = NDArray[np.bool_]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LAGS = (1, 2, 4)
PATTERNS = 10

PIXEL_FEATURES = (
    "intensity_mean",
    "intensity_std",
    "intensity_min",
    "intensity_max",
    *(f"intensity_quantile_{round(100 * q):02d}" for q in QUANTILES),
    "mass_displacement",
    *(f"difference_{lag}" for lag in LAGS),
    *(f"pattern_{i}" for i in range(PATTERNS)),
)
"""Of each channel. ``mass_displacement`` is the distance from the centre of the mask to that of
the intensity, as a share of the equivalent diameter; ``difference_k`` the mean absolute difference
of pixels k apart; ``pattern_i`` the share of uniform local binary patterns with i of the 8
neighbours at least as bright, or, for 9, of those that are not uniform."""

RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def pixel_table(values: Floats, masks: Booleans) -> NDArray[np.float64]:
    """Measure the pixels of one channel inside of masks.

    Parameters
    ----------
    values : (N, Y, X) float32 array
        In 0…1.
    masks : (N, Y, X) boolean array
        What lies outside plays no part. An empty one gives zeros.

    Returns
    -------
    (N, 23) float64 array
        Columns as :data:`PIXEL_FEATURES`.

    Notes
    -----
    Sources: scikit-image's ``regionprops`` (mean, std, min, max); numpy's ``quantile``; Ojala et
    al. 2002 (uniform patterns, here of the 3 × 3 pixels themselves); CellProfiler's mass
    displacement.
    """
    area = masks.sum(axis=(1, 2), dtype=np.int64)
    count = np.maximum(area, 1).astype(np.float64)
    inside = np.where(masks, values, np.float32(0))
    mean = inside.sum(axis=(1, 2), dtype=np.float64) / count
    centred = np.where(masks, values - mean.astype(np.float32)[:, None, None], np.float32(0))
    std = np.sqrt(np.square(centred).sum(axis=(1, 2), dtype=np.float64) / count)
    table = np.concatenate(
        [
            np.stack([mean, std], axis=1),
            _ranked(values, masks, area),
            _displacement(inside, masks, count)[:, None],
            np.stack([_difference(values, masks, lag) for lag in LAGS], axis=1),
            _patterns(values, masks),
        ],
        axis=1,
    )
    return np.where(area[:, None] > 0, table, 0.0)


def _ranked(values: Floats, masks: Booleans, area: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return minimum, maximum and quantiles."""
    ordered = np.where(masks, values, np.float32(np.inf)).reshape(len(values), -1)
    ordered.sort(axis=1)
    last = np.maximum(area - 1, 0)
    at = np.stack([q * last for q in (0.0, 1.0, *QUANTILES)], axis=1)
    low = np.floor(at).astype(np.intp)
    high = np.minimum(low + 1, last[:, None])
    below = np.take_along_axis(ordered, low, axis=1).astype(np.float64)
    above = np.take_along_axis(ordered, high, axis=1).astype(np.float64)
    with np.errstate(invalid="ignore"):  # an empty mask has only infinities
        return below + (above - below) * (at - low)


def _displacement(inside: Floats, masks: Booleans, count: NDArray[np.float64]) -> Floats:
    _, height, width = inside.shape
    y = np.arange(height, dtype=np.float64) - height / 2
    x = np.arange(width, dtype=np.float64) - width / 2
    mass = inside.sum(axis=(1, 2), dtype=np.float64)
    positive = np.where(mass > 0, mass, 1)
    down = inside.sum(axis=2, dtype=np.float64) @ y / positive
    right = inside.sum(axis=1, dtype=np.float64) @ x / positive
    down -= masks.sum(axis=2, dtype=np.float64) @ y / count
    right -= masks.sum(axis=1, dtype=np.float64) @ x / count
    return np.where(mass > 0, np.hypot(down, right) / np.sqrt(4 * count / np.pi), 0)


def _difference(values: Floats, masks: Booleans, lag: int) -> NDArray[np.float64]:
    """Return the mean absolute difference of pixels in a row or column, both inside."""
    total, pairs = np.zeros(len(values)), np.zeros(len(values))
    for near, far in (
        (np.s_[:, lag:], np.s_[:, :-lag]),
        (np.s_[:, :, lag:], np.s_[:, :, :-lag]),
    ):
        both = masks[near] & masks[far]
        apart = np.abs(values[near] - values[far])
        total += np.where(both, apart, np.float32(0)).sum(axis=(1, 2), dtype=np.float64)
        pairs += both.sum(axis=(1, 2))
    return np.asarray(total / np.maximum(pairs, 1))


def _uniform_patterns() -> NDArray[np.uint8]:
    """Return the pattern of each of the 256 ways that 8 neighbours can be."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = np.abs(bits - np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), PATTERNS - 1).astype(np.uint8)


_PATTERN_OF = _uniform_patterns()


def _patterns(values: Floats, masks: Booleans) -> NDArray[np.float64]:
    """Return the share of each pattern among the pixels with all neighbours inside."""
    count, height, width = values.shape
    if min(height, width) < 3:
        return np.zeros((count, PATTERNS))
    centre = values[:, 1:-1, 1:-1]
    code = np.zeros(centre.shape, dtype=np.uint8)
    whole = masks[:, 1:-1, 1:-1].copy()
    for i, (down, right) in enumerate(RING):
        there = np.s_[:, 1 + down : height - 1 + down, 1 + right : width - 1 + right]
        code |= (values[there] >= centre).astype(np.uint8) << np.uint8(i)
        whole &= masks[there]
    owners, _, _ = np.nonzero(whole)
    flat = owners * PATTERNS + _PATTERN_OF[code[whole]]
    counts = np.bincount(flat, minlength=count * PATTERNS).reshape(count, PATTERNS)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
