"""Figures that tell how good probabilities are, each from its definition."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.evaluation import Evaluation, confusion_counts

__all__ = ["METRIC_KEYS", "cross_entropy", "evaluation_of", "figures", "roc_auc"]

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], float]

SMALLEST = 1e-7
"""Probabilities are clipped to this before a logarithm, as in Keras and TensorFlow.js."""

METRIC_KEYS: Mapping[str, str] = {
    "Binary accuracy": "binary_accuracy",
    "Binary cross-entropy": "binary_cross_entropy",
    "Categorical accuracy": "accuracy",
    "Categorical cross-entropy": "categorical_cross_entropy",
    "Cosine proximity": "cosine_proximity",
    "Mean absolute error (MAE)": "mean_absolute_error",
    "Mean absolute percentage error": "mean_absolute_percentage_error",
    "Mean squared error": "mean_squared_error",
    "Precision": "precision",
    "Recall": "recall",
    "Sparse categorical accuracy": "sparse_categorical_accuracy",
}
"""The name of each metric, and its key in a history."""


def figures(
    names: Iterable[str], targets: NDArray[np.floating], probabilities: NDArray[np.floating]
) -> dict[str, float]:
    """Compute metrics by name.

    Parameters
    ----------
    names : iterable of str
        Out of :data:`napari_piximi.model.training.METRICS`; accuracy comes always.
    targets : (N, classes) array
        1 for the true class, 0 for the others.
    probabilities : (N, classes) array

    Returns
    -------
    dict of history key to float
    """
    true, predicted = np.asarray(targets, np.float64), np.asarray(probabilities, np.float64)
    wanted = dict.fromkeys(["Categorical accuracy", *names])
    return {METRIC_KEYS[name]: _METRICS[name](true, predicted) for name in wanted}


def evaluation_of(
    targets: NDArray[np.floating], probabilities: NDArray[np.floating], ids: Sequence[str] = ()
) -> Evaluation:
    """Count right and wrong, and measure cross entropy and ROC-AUC.

    Parameters
    ----------
    targets : (N, classes) array
        1 for the true class, 0 for the others.
    probabilities : (N, classes) array
        Of equal ones the first class is predicted.
    ids : sequence of str, optional
        The N things; they are then kept in the evaluation, each with its classes.
    """
    true, predicted = targets.argmax(axis=1), probabilities.argmax(axis=1)
    return Evaluation(
        confusion_counts(true, predicted, targets.shape[1]),
        cross_entropy(np.asarray(targets, np.float64), probabilities),
        ids=tuple(ids),
        true=tuple(true.tolist()) if ids else (),
        predicted=tuple(predicted.tolist()) if ids else (),
        roc_auc=roc_auc(true, probabilities),
    )


def roc_auc(true: NDArray[np.integer], probabilities: NDArray[np.floating]) -> tuple[float, ...]:
    """Measure the area under the receiver operating characteristic, one class against the rest.

    Parameters
    ----------
    true : (N,) integer array
        Class index of each thing.
    probabilities : (N, classes) array

    Returns
    -------
    tuple of float
        Per class, 0…1; NaN where a class has no thing, or has all of them.

    References
    ----------
    Hanley, J. A. and McNeil, B. J. The meaning and use of the area under a receiver operating
    characteristic curve. Radiology 143, 1982: the share of pairs of one thing of the class
    and one of the rest that are in the right order, ties counting half; which is the
    statistic of Mann and Whitney, and comes from the ranks.
    """
    return tuple(
        _area(true == index, probabilities[:, index]) for index in range(probabilities.shape[1])
    )


def _area(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    count = int(positive.sum())
    rest = len(positive) - count
    if not count or not rest or not np.isfinite(scores).all():
        return float("nan")
    order = np.argsort(scores)
    ordered = scores[order]
    # Of equal scores each gets the mean of their ranks, counted from 1.
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.r_[first[1:], len(ordered)]
    ranks = np.repeat((first + ends + 1) / 2, ends - first)
    return float((ranks[positive[order]].sum() - count * (count + 1) / 2) / (count * rest))


def cross_entropy(true: NDArray[np.floating], predicted: NDArray[np.floating]) -> float:
    """Return the mean of −log(probability of the true class), clipped at 1e-7."""
    chosen = (true * np.clip(predicted.astype(np.float64), SMALLEST, 1)).sum(axis=1)
    return float(-np.log(chosen).mean())


def _accuracy(true: Floats, predicted: Floats) -> float:
    return float((true.argmax(axis=1) == predicted.argmax(axis=1)).mean())


def _binary_accuracy(true: Floats, predicted: Floats) -> float:
    return float(((predicted > 0.5) == (true > 0.5)).mean())


def _binary_cross_entropy(true: Floats, predicted: Floats) -> float:
    clipped = np.clip(predicted, SMALLEST, 1 - SMALLEST)
    return float(-(true * np.log(clipped) + (1 - true) * np.log(1 - clipped)).mean())


def _cosine_proximity(true: Floats, predicted: Floats) -> float:
    """Return minus the cosine of the angle between truth and prediction: −1 is best."""
    lengths = np.linalg.norm(true, axis=1) * np.linalg.norm(predicted, axis=1)
    return float(-((true * predicted).sum(axis=1) / np.maximum(lengths, SMALLEST)).mean())


def _absolute_percentage_error(true: Floats, predicted: Floats) -> float:
    """Return the mean of 100 |t − p| / |t|; a 0 in the truth counts as 1e-7, as everywhere."""
    return float(100 * (np.abs(true - predicted) / np.maximum(np.abs(true), SMALLEST)).mean())


def _precision(true: Floats, predicted: Floats) -> float:
    evaluation = _counted(true, predicted)
    return evaluation.averaged(evaluation.precision)


def _recall(true: Floats, predicted: Floats) -> float:
    evaluation = _counted(true, predicted)
    return evaluation.averaged(evaluation.recall)


def _counted(true: Floats, predicted: Floats) -> Evaluation:
    counts = confusion_counts(true.argmax(axis=1), predicted.argmax(axis=1), true.shape[1])
    return Evaluation(counts, float("nan"))


_METRICS: Mapping[str, Metric] = {
    "Binary accuracy": _binary_accuracy,
    "Binary cross-entropy": _binary_cross_entropy,
    "Categorical accuracy": _accuracy,
    "Categorical cross-entropy": cross_entropy,
    "Cosine proximity": _cosine_proximity,
    "Mean absolute error (MAE)": lambda t, p: float(np.abs(t - p).mean()),
    "Mean absolute percentage error": _absolute_percentage_error,
    "Mean squared error": lambda t, p: float(np.square(t - p).mean()),
    "Precision": _precision,
    "Recall": _recall,
    "Sparse categorical accuracy": _accuracy,
}
