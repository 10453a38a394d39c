"""What a classifier said of the things of one kind, summed up."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.columns import Columns

__all__ = ["Predicted", "PredictedCategory", "predicted_of"]

BINS = 40


@dataclass(frozen=True, slots=True)
class PredictedCategory:
    """The things that are predicted to be of one category.

    Attributes
    ----------
    category : str
        Category id.
    count : int
    mean : float
        Mean of their known probabilities; NaN where none is known.
    """

    category: str
    count: int
    mean: float


@dataclass(frozen=True, eq=False)
class Predicted:
    """The predictions of one kind.

    Attributes
    ----------
    count : int
        Things with a prediction.
    waiting : int
        Those of them that the user has not given a category.
    categories : tuple of PredictedCategory
        In the user's order; also those that nothing is predicted to be.
    histogram : (BINS,) int array
        How many known probabilities lie in each part of 0…1.
    """

    count: int
    waiting: int
    categories: tuple[PredictedCategory, ...]
    histogram: NDArray[np.int64]
    _columns: Columns
    _known: NDArray[np.float64]
    _waiting: NDArray[np.float64]

    def above(self, threshold: float) -> int:
        """Count the things whose probability is known and no less than `threshold`."""
        return len(self._known) - int(np.searchsorted(self._known, threshold))

    def acceptable(self, threshold: float) -> int:
        """Count those of them that the user has not given a category."""
        return len(self._waiting) - int(np.searchsorted(self._waiting, threshold))

    def waiting_ids(self, threshold: float | None = None) -> list[str]:
        """Return the things with a prediction and without a category of the user.

        Parameters
        ----------
        threshold : float, optional
            Only those whose probability is known and no less.
        """
        columns = self._columns
        chosen = (columns.predicted >= 0) & _is_waiting(columns)
        if threshold is not None:
            chosen &= columns.probability >= threshold  # not where it is NaN
        return [columns.ids[row] for row in np.flatnonzero(chosen).tolist()]

    def ids(self) -> list[str]:
        """Return all things with a prediction."""
        rows = np.flatnonzero(self._columns.predicted >= 0).tolist()
        return [self._columns.ids[row] for row in rows]


def predicted_of(columns: Columns) -> Predicted:
    """Sum up the predictions of the things of one kind.

    Parameters
    ----------
    columns : Columns
    """
    predicted, probability = columns.predicted, columns.probability
    said = predicted >= 0
    known = said & ~np.isnan(probability)
    waiting = said & _is_waiting(columns)
    values = np.sort(probability[known])
    histogram = np.histogram(np.clip(values, 0, 1), BINS, (0, 1))[0]
    return Predicted(
        int(said.sum()),
        int(waiting.sum()),
        _by_category(columns, said, known),
        histogram.astype(np.int64),
        columns,
        values,
        np.sort(probability[known & waiting]),
    )


def _is_waiting(columns: Columns) -> NDArray[np.bool_]:
    unknown = columns.project.kinds[columns.kind].unknown
    found: NDArray[np.bool_] = columns.category == columns.codes.categories[unknown]
    return found


def _by_category(
    columns: Columns, said: NDArray[np.bool_], known: NDArray[np.bool_]
) -> tuple[PredictedCategory, ...]:
    codes = columns.codes.categories
    shown = [(key, codes[key]) for key in columns.project.known_categories(columns.kind)]
    size = len(codes)
    counts = np.bincount(columns.predicted[said], minlength=size)
    with_one: NDArray[Any] = columns.predicted[known]
    numbers = np.bincount(with_one, minlength=size)
    sums = np.bincount(with_one, columns.probability[known], minlength=size)
    return tuple(
        PredictedCategory(
            key, int(counts[code]), float(sums[code] / numbers[code]) if numbers[code] else np.nan
        )
        for key, code in shown
    )
