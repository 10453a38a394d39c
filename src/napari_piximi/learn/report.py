"""The figures of an evaluation as a table, for people and for spreadsheets."""

import csv
import math
from collections.abc import Sequence
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.evaluation import Evaluation

__all__ = ["FIGURES", "averages_of", "class_figures", "overall_figures", "write_figures"]

Floats = NDArray[np.float64]

FIGURES = ("precision", "recall", "F1", "ROC-AUC")
"""The figures of each class, in the order of the columns."""


def class_figures(evaluation: Evaluation) -> Floats:
    """Return precision, recall, F1 and ROC-AUC of each class.

    Returns
    -------
    (classes, 4) array
        In the order of :data:`FIGURES`; NaN where a ROC-AUC is not known.
    """
    count = len(evaluation.confusion_matrix)
    known = len(evaluation.roc_auc) == count
    areas = np.array(evaluation.roc_auc) if known else np.full(count, np.nan)
    return np.stack([evaluation.precision, evaluation.recall, evaluation.f1, areas], axis=1)


def averages_of(evaluation: Evaluation, *, weighted: bool) -> tuple[float, float, float, float]:
    """Return the averages of :data:`FIGURES`, each class the same, or weighted by support."""
    return (
        evaluation.averaged(evaluation.precision, weighted=weighted),
        evaluation.averaged(evaluation.recall, weighted=weighted),
        evaluation.averaged(evaluation.f1, weighted=weighted),
        evaluation.averaged_roc_auc(weighted=weighted),
    )


def overall_figures(evaluation: Evaluation) -> dict[str, float]:
    """Return the figures that are one number, by the name that a person reads."""
    return {
        "accuracy": evaluation.accuracy,
        "balanced accuracy": evaluation.balanced_accuracy,
        "cross-entropy": evaluation.cross_entropy,
    }


def write_figures(
    file: TextIO, classifier: str, names: Sequence[str], evaluation: Evaluation
) -> None:
    """Write all figures and the confusion matrix as CSV, one number to a line.

    The columns are classifier, partition, run (counted from 1), figure, true, predicted and
    value; a figure of one class names it under `true`, a cell of the matrix names both.

    Parameters
    ----------
    file : text file
        Opened with ``newline=""``.
    classifier : str
    names : sequence of str
        Of the classes, by index.
    evaluation : Evaluation
    """
    rows = csv.writer(file)
    run = "" if evaluation.run is None else str(evaluation.run + 1)
    begun = (classifier, evaluation.partition, run)
    rows.writerow(["classifier", "partition", "run", "figure", "true", "predicted", "value"])

    def line(figure: str, value: float, true: str = "", predicted: str = "") -> None:
        text = "" if isinstance(value, float) and math.isnan(value) else str(value)
        rows.writerow([*begun, figure, true, predicted, text])

    line("things", int(evaluation.support.sum()))
    if evaluation.folds:
        line("folds", evaluation.folds)
    for figure, value in overall_figures(evaluation).items():
        line(figure, value)
    for word, weighted in (("macro", False), ("weighted", True)):
        for figure, value in zip(FIGURES, averages_of(evaluation, weighted=weighted), strict=True):
            line(f"{figure} ({word})", value)
    table, support = class_figures(evaluation), evaluation.support
    for index, name in enumerate(names):
        line("things", int(support[index]), name)
        for figure, value in zip(FIGURES, table[index].tolist(), strict=True):
            line(figure, value, name)
    for true, counts in zip(names, evaluation.confusion_matrix, strict=True):
        for predicted, count in zip(names, counts, strict=True):
            line("confusion matrix", count, true, predicted)
