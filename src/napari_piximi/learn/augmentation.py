"""Random changes of samples that leave their category the same."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.training import Settings

__all__ = ["Augmentation"]

Floats = NDArray[np.float32]

BLOCK_PIXELS = 2**16
"""Pixels that are turned at a time: more no longer fit the processor's cache."""


@dataclass(frozen=True)
class Augmentation:
    """What happens to each of N samples in one epoch.

    Attributes
    ----------
    shifts : (N, 2) integer array, or None
        Pixels down and right; what is uncovered is 0, or with `maps` as the edge beside it.
    mirrored_rows, mirrored_columns : (N,) boolean array, or None
        Top and bottom, left and right change places.
    turns : (N,) integer array, or None
        Quarter turns, counter-clockwise.
    factors : (N,) float32 array, or None
        Multiply the intensities.
    maps : (N, 2, 2) float32 array, or None
        From (row, column) of a pixel of the result, both from the centre, to where its value
        comes from, as rotation and zoom say; between pixels it is interpolated linearly.
    """

    shifts: NDArray[np.int64] | None = None
    mirrored_rows: NDArray[np.bool_] | None = None
    mirrored_columns: NDArray[np.bool_] | None = None
    turns: NDArray[np.int64] | None = None
    factors: Floats | None = None
    maps: Floats | None = None

    @classmethod
    def draw(cls, settings: Settings, count: int, epoch: int) -> "Augmentation":
        """Draw the changes of an epoch, the same for the same seed, epoch and count."""
        draws = np.random.default_rng((settings.seed, 2, epoch))
        reach = settings.shift * np.array([settings.height, settings.width])
        # Each is drawn whether used or not: switching one on leaves the others as they were.
        shifts = np.rint(draws.uniform(-reach, reach, (count, 2))).astype(np.int64)
        rows, columns = draws.random((2, count)) < 0.5
        turns = draws.integers(0, 4, count)
        factors = 1 + settings.brightness * draws.uniform(-1, 1, count)
        angles = np.radians(settings.rotation) * draws.uniform(-1, 1, count)
        zooms = 1 + settings.zoom * draws.uniform(-1, 1, count)
        return cls(
            shifts if settings.shift else None,
            rows if settings.flip_vertical else None,
            columns if settings.flip_horizontal else None,
            turns if settings.quarter_turns else None,
            factors.astype(np.float32) if settings.brightness else None,
            _maps(angles, zooms) if settings.rotation or settings.zoom else None,
        )

    def apply(self, samples: Floats, part: slice) -> Floats:
        """Change some of the samples.

        Parameters
        ----------
        samples : (n, Y, X, C) float32 array
            May be overwritten.
        part : slice
            Which of the N they are.
        """
        if self.turns is not None:
            _turn(samples, self.turns[part])
        if self.mirrored_rows is not None:
            chosen = self.mirrored_rows[part]
            samples[chosen] = samples[chosen][:, ::-1]
        if self.mirrored_columns is not None:
            chosen = self.mirrored_columns[part]
            samples[chosen] = samples[chosen][:, :, ::-1]
        shifts = None if self.shifts is None else self.shifts[part]
        if self.maps is not None:
            samples = _warp(samples, self.maps[part], shifts)
        elif shifts is not None:
            samples = _shift(samples, shifts[:, 0], axis=1)
            samples = _shift(samples, shifts[:, 1], axis=2)
        if self.factors is not None:
            samples *= self.factors[part, None, None, None]
        return samples


def _turn(samples: Floats, turns: NDArray[np.int64]) -> None:
    for count in (1, 2, 3):
        chosen = turns == count
        samples[chosen] = np.rot90(samples[chosen], count, axes=(1, 2))


def _shift(samples: Floats, shifts: NDArray[np.int64], axis: int) -> Floats:
    """Shift along an axis, those with the same shift together: whole blocks are copied."""
    length = samples.shape[axis]
    shifted = np.zeros_like(samples)
    for shift in np.unique(shifts).tolist():
        source: list[Any] = [shifts == shift, slice(None), slice(None)]
        target = list(source)
        source[axis] = slice(max(-shift, 0), length - max(shift, 0))
        target[axis] = slice(max(shift, 0), length - max(-shift, 0))
        shifted[tuple(target)] = samples[tuple(source)]
    return shifted


def _maps(angles: NDArray[np.float64], zooms: NDArray[np.float64]) -> Floats:
    """Return the inverse of turning counter-clockwise and enlarging, (N, 2, 2)."""
    cosines, sines = np.cos(angles) / zooms, np.sin(angles) / zooms
    maps = np.array([[cosines, sines], [-sines, cosines]], dtype=np.float32)
    return np.ascontiguousarray(np.moveaxis(maps, 2, 0))


def _warp(samples: Floats, maps: Floats, shifts: NDArray[np.int64] | None) -> Floats:
    """Turn, zoom and shift in one go; outside, the outermost pixels go on.

    Zeros there would be edges that no thing has: they cost accuracy where things fill their
    sample.
    """
    count, height, width, channels = samples.shape
    # Each pixel with the one to its right as real and imaginary part: half as many reads. One
    # more row lets each have one below.
    pairs = np.empty((channels, count, height + 1, width), dtype=np.complex64)
    pairs.real[:, :, :-1] = np.moveaxis(samples, 3, 0)
    pairs.real[:, :, -1] = pairs.real[:, :, -2]
    pairs.imag[..., :-1] = pairs.real[..., 1:]
    pairs.imag[..., -1] = pairs.real[..., -1]
    result = np.empty_like(samples)
    moves = np.zeros((count, 2)) if shifts is None else shifts
    step = max(1, BLOCK_PIXELS // (height * width))
    for start in range(0, count, step):
        block = slice(start, start + step)
        result[block] = _warp_block(pairs[:, block], maps[block], moves[block], (height, width))
    return result


def _warp_block(
    pairs: NDArray[np.complex64], maps: Floats, moves: NDArray[Any], size: tuple[int, int]
) -> Floats:
    centre = (np.array(size, dtype=np.float32) - 1) / 2
    offsets = (-centre - moves).astype(np.float32)
    (height, width), count = size, len(maps)
    low, shares = [], []
    for axis, length in enumerate(size):
        start = np.einsum("nj,nj->n", maps[:, axis], offsets) + centre[axis]
        down = start[:, None] + maps[:, axis, :1] * np.arange(height, dtype=np.float32)
        at = down[:, :, None] + (maps[:, axis, 1:] * np.arange(width, dtype=np.float32))[:, None]
        np.clip(at, 0, length - 1, out=at)
        whole = np.floor(at)
        low.append(whole)
        shares.append(np.subtract(at, whole, out=at))
    # Counted in floats, which is quicker than converting twice, and exact.
    exact = np.float32 if height * width < 2**24 else np.float64
    begin = np.arange(count, dtype=np.intp) * ((height + 1) * width)
    upper = (low[0].astype(exact, copy=False) * exact(width) + low[1]).astype(np.intp)
    upper += begin[:, None, None]
    lower = upper + width
    result = np.empty((*upper.shape, len(pairs)), dtype=np.float32)
    values, below = np.empty((2, *upper.shape), dtype=np.complex64)
    for channel, plane in enumerate(pairs):
        # Nothing is out of bounds, but only where numpy need not check, it needs no copy.
        plane.take(upper, out=values, mode="clip")
        plane.take(lower, out=below, mode="clip")
        below -= values
        below *= shares[0]
        values += below
        result[..., channel] = values.real + shares[1] * (values.imag - values.real)
    return result
