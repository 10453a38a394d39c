"""Random changes of samples that leave their category the same."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.training import Settings

__all__ = ["Augmentation"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """What happens to each of N samples in one epoch.

    Attributes
    ----------
    shifts : (N, 2) integer array, or None
        Pixels down and right; what is uncovered is 0.
    mirrored_rows, mirrored_columns : (N,) boolean array, or None
        Top and bottom, left and right change places.
    turns : (N,) integer array, or None
        Quarter turns, counter-clockwise.
    factors : (N,) float32 array, or None
        Multiply the intensities.
    """

    shifts: NDArray[np.int64] | None = None
    mirrored_rows: NDArray[np.bool_] | None = None
    mirrored_columns: NDArray[np.bool_] | None = None
    turns: NDArray[np.int64] | None = None
    factors: Floats | None = None

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
        return cls(
            shifts if settings.shift else None,
            rows if settings.flip_vertical else None,
            columns if settings.flip_horizontal else None,
            turns if settings.quarter_turns else None,
            factors.astype(np.float32) if settings.brightness else None,
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
        if self.shifts is not None:
            samples = _shift(samples, self.shifts[part, 0], axis=1)
            samples = _shift(samples, self.shifts[part, 1], axis=2)
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
