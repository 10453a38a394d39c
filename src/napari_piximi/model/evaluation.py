"""How good a classifier is: a confusion matrix and a loss; the rest is derived."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evaluation", "confusion_counts"]

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; 0 where there is nothing to divide by, as scikit-learn's zero_division=0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def confusion_counts(
    true: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> tuple[tuple[int, ...], ...]:
    """Count how often each true class was predicted as each class.

    Parameters
    ----------
    true, predicted : (N,) integer arrays
        Class indices in ``range(classes)``.
    classes : int

    Returns
    -------
    tuple of tuples
        ``[true][predicted]``.
    """
    flat = np.bincount(true.astype(np.int64) * classes + predicted, minlength=classes**2)
    return tuple(tuple(int(n) for n in row) for row in flat.reshape(classes, classes))


@dataclass(frozen=True)
class Evaluation:
    """The outcome of a classifier on things whose category is known.

    Attributes
    ----------
    confusion_matrix : tuple of tuples of int
        ``[true][predicted]``; rows are the true classes.
    cross_entropy : float
        Mean of −log(probability of the true class), in nats.
    classes : tuple of str
        Category ids of rows and columns; empty in files of Piximi, where the class map tells.
    partition : str
        On which things: ``"Validation"``, ``"Training"``, ``"Labelled"``, or
        ``"Cross-validation"``, where each thing was predicted by a model that had not seen it.
    run : int or None
        Index of the classifier's run after which it was made.
    ids : tuple of str
        The things, where they are known; a cell of the matrix can then be looked at.
    true, predicted : tuple of int
        Class index of each of them.
    roc_auc : tuple of float
        Per class, one against the rest; NaN where a class has no thing, or has all of them.
        Empty where it is not known.
    folds : int
        Of a cross-validation; 0 where it is none, or they are not known.
    """

    confusion_matrix: tuple[tuple[int, ...], ...]
    cross_entropy: float
    classes: tuple[str, ...] = ()
    partition: str = "Validation"
    run: int | None = None
    ids: tuple[str, ...] = ()
    true: tuple[int, ...] = ()
    predicted: tuple[int, ...] = ()
    # Its NaNs would make an evaluation another one than its copy.
    roc_auc: tuple[float, ...] = field(default=(), compare=False)
    folds: int = 0

    @cached_property
    def _counts(self) -> Floats:
        size = len(self.confusion_matrix)
        return np.array(self.confusion_matrix, dtype=np.float64).reshape(size, size)

    @property
    def support(self) -> Floats:
        """Number of things per true class."""
        return np.asarray(self._counts.sum(axis=1))

    @property
    def accuracy(self) -> float:
        """Share of things predicted right; 0 when there are none."""
        return float(np.trace(self._counts) / max(self._counts.sum(), 1))

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes that have things: what chance gives is 1 / classes."""
        has = self.support > 0
        return float(self.recall[has].mean()) if has.any() else 0.0

    @property
    def precision(self) -> Floats:
        """Per class: right ones among those predicted as it; 0 when none was."""
        return _ratio(np.diag(self._counts), self._counts.sum(axis=0))

    @property
    def recall(self) -> Floats:
        """Per class: right ones among those that are it; 0 when there are none."""
        return _ratio(np.diag(self._counts), self.support)

    @property
    def f1(self) -> Floats:
        """Per class: harmonic mean of precision and recall."""
        return _ratio(2 * np.diag(self._counts), self._counts.sum(axis=0) + self.support)

    def averaged(self, scores: Floats, *, weighted: bool = False) -> float:
        """Average a per-class score.

        Parameters
        ----------
        scores : (classes,) array
            For instance :attr:`recall`.
        weighted : bool
            By support, instead of each class the same (macro).

        Notes
        -----
        Macro averages leave out classes that are neither true nor predicted anywhere, as
        scikit-learn does when it is not given the labels.
        """
        present = (self.support + self._counts.sum(axis=0)) > 0
        weights = self.support if weighted else present.astype(np.float64)
        return float(_ratio((scores * weights).sum(), weights.sum()))

    def averaged_roc_auc(self, *, weighted: bool = False) -> float:
        """Average ROC-AUC over the classes that have one; NaN where none has.

        Parameters
        ----------
        weighted : bool
            By support, instead of each class the same (macro).
        """
        areas = np.array(self.roc_auc, dtype=np.float64)
        has = np.isfinite(areas)
        if not has.any():
            return float("nan")
        return float(np.average(areas[has], weights=self.support[has] if weighted else None))

    @cached_property
    def _classes_of_things(self) -> tuple[Indices, Indices]:
        return np.array(self.true, dtype=np.int64), np.array(self.predicted, dtype=np.int64)

    def chosen(
        self, true: int | None = None, predicted: int | None = None, *, right: bool | None = None
    ) -> tuple[str, ...]:
        """Return the ids of things by what they are and what they were taken for.

        Parameters
        ----------
        true, predicted : int, optional
            Class index; None for any.
        right : bool, optional
            True: those predicted right; False: the errors.

        Returns
        -------
        tuple of str
            In the order of `ids`; empty where the things are not known.
        """
        are, taken = self._classes_of_things
        wanted = np.ones(len(self.ids), dtype=np.bool_)
        if true is not None:
            wanted &= are == true
        if predicted is not None:
            wanted &= taken == predicted
        if right is not None:
            wanted &= (are == taken) == right
        return tuple(compress(self.ids, wanted.tolist()))
