"""Labels that look wrong, by models that have not seen them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Suspicion", "Suspicions", "self_thresholds", "suspicious_rows"]

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]
Codes = NDArray[np.integer]
Rows = NDArray[np.intp]

UNLIKELY = 0.2
"""Of a class's usual probability: with less, a label is suspicious whatever else is reached."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A label that looks wrong.

    Attributes
    ----------
    thing : str
    given, expected : str
        Category ids: the user's, and the one that models would have given.
    self_confidence : float
        Probability of the given category, 0…1.
    confidence : float
        Probability of the expected one.
    """

    thing: str
    given: str
    expected: str
    self_confidence: float
    confidence: float


@dataclass(frozen=True)
class Suspicions:
    """All labels that look wrong, the worst first.

    Attributes
    ----------
    found : tuple of Suspicion
    judged : int
        How many labels were looked at.
    accuracy : float
        Of the cross-validation; where it is low, suspicions mean little.
    """

    found: tuple[Suspicion, ...]
    judged: int
    accuracy: float


def self_thresholds(probabilities: Floats, given: Codes) -> Scores:
    """Return how sure models are of each class on average, where it was given.

    Returns
    -------
    (classes,) array
        Infinity for a class that was given to nothing.
    """
    classes = probabilities.shape[1]
    own = probabilities[np.arange(len(given)), given].astype(np.float64)
    counts = np.bincount(given, minlength=classes)
    sums = np.bincount(given, own, minlength=classes)
    return np.asarray(np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0))


def suspicious_rows(probabilities: Floats, given: Codes) -> tuple[Rows, Rows]:
    """Find labels that look wrong by confident learning.

    A thing counts as an example of a class when it is at least as probable as that class is,
    on average, for what was given it; of several such classes as one of the most probable.
    Where that is another class than the given one, the label is suspicious. Models that are
    seldom sure reach no class for many a wrong label; so a label is suspicious as well where
    another class is the most probable and the given one has less than a fifth of the
    probability that it has on average where it was given.

    Parameters
    ----------
    probabilities : (N, classes) float32 array
        Each row by a model that was not fitted on this thing.
    given : (N,) integer array
        Class that the user gave.

    Returns
    -------
    rows : (M,) integer array
        Those with the smallest probability of the given class first; of equal ones, those
        with the larger probability of the other class.
    expected : (M,) integer array
        The class that each of them counts as an example of.

    References
    ----------
    Northcutt, Jiang, Chuang. Confident learning: estimating uncertainty in dataset labels.
    Journal of Artificial Intelligence Research 70, 2021.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    thresholds = self_thresholds(probabilities, given)
    reached = probabilities >= thresholds - 1e-9
    expected = np.where(reached, probabilities, -1.0).argmax(axis=1)
    sure = probabilities[np.arange(len(given)), given]
    unlikely = ~reached.any(axis=1) & (sure < UNLIKELY * thresholds[given])
    expected[unlikely] = probabilities[unlikely].argmax(axis=1)
    rows = np.flatnonzero((reached.any(axis=1) | unlikely) & (expected != given))
    own, other = probabilities[rows, given[rows]], probabilities[rows, expected[rows]]
    rows = rows[np.lexsort((-other, own))]
    return rows, expected[rows]
