"""What was done with a classifier, runs and evaluations, as plain values and back.

A bundle and a journal hold the same values; reading them trusts nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from napari_piximi.io._evaluated import Evaluated
from napari_piximi.io._warn import warn
from napari_piximi.io.settings import settings_from
from napari_piximi.model.evaluation import Evaluation, confusion_counts
from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.model.training import PIXIMI_SETTINGS, Run, Settings

__all__ = ["MAX_COUNT", "evaluation_values", "read_evaluation", "read_run", "run_values"]

MAX_EPOCHS = 1_000_000
MAX_COLUMNS = 256
MAX_COUNT = 1 << 53
"""Counts beyond are no longer exact where JSON's numbers are floats, as in Piximi."""

Values = dict[str, Any]


# --- runs ----------------------------------------------------------------------------------


def run_values(run: Run) -> Values:
    """Return a run as what strict JSON can hold: figures that are no numbers become None."""
    history = {
        name: [value if math.isfinite(value) else None for value in column]
        for name, column in run.history.items()
    }
    seconds = run.seconds if math.isfinite(run.seconds) else 0.0
    return {
        "settings": asdict(run.settings),
        "history": history,
        "best_epoch": run.best_epoch,
        "training": run.training,
        "validation": run.validation,
        "stopped": run.stopped,
        "device": run.device,
        "backend": run.backend,
        "seconds": seconds,
    }


def read_run(
    values: Mapping[str, Any], where: str, start: Settings | UNetSettings = PIXIMI_SETTINGS
) -> Run:
    """Read a run; keys that this version does not know are passed over.

    Parameters
    ----------
    values : mapping
        As :func:`run_values` returns it; what is missing has its default.
    where : str
        For warnings.
    start : Settings or UNetSettings
        For settings that are not there.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is damaged: columns of different or absurd length, a count that is none.
    """
    history = {
        _typed(name, str): _column(name, column) for name, column in values["history"].items()
    }
    lengths = {name: len(column) for name, column in history.items()}
    if len(history) > MAX_COLUMNS or len(set(lengths.values())) > 1:
        shown = dict(list(lengths.items())[:4])
        raise ValueError(f"the history of a run has columns of different lengths, {shown}")
    epochs = max(lengths.values(), default=0)
    best = values.get("best_epoch", 0)
    if type(best) is not int or not -1 <= best < max(epochs, 1):
        raise ValueError(f"the best epoch {best!r} is none of {epochs}")
    return Run(
        settings_from(values["settings"], start, where),
        history,
        best,
        _count(values, "training"),
        _count(values, "validation"),
        _typed(values.get("stopped", "finished"), str),
        _typed(values.get("device", ""), str),
        _typed(values.get("backend", ""), str),
        _seconds(values.get("seconds", 0.0)),
    )


def _column(name: str, column: Sequence[Any]) -> tuple[float, ...]:
    if not isinstance(column, list) or len(column) > MAX_EPOCHS:
        raise ValueError(f"{name!r} in the history of a run is no list of at most {MAX_EPOCHS}")
    if odd := {type(value) for value in column} - {int, float, type(None)}:
        raise ValueError(f"{name!r} in the history of a run holds a {odd.pop().__name__}")
    return tuple(math.nan if value is None else float(value) for value in column)


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and math.isfinite(value) and value >= 0:
        return float(value)
    raise ValueError(f"a run that took {value!r} seconds")


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name, 0)
    if type(value) is not int or not 0 <= value < MAX_COUNT:
        raise ValueError(f"{name} {value!r} is no count")
    return value


def _typed(value: object, types: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, types):
        raise TypeError(f"{value!r} should be {types}")
    return value


# --- evaluations ---------------------------------------------------------------------------


def evaluation_values(evaluation: Evaluation) -> Values:
    """Return an evaluation without its things, as what strict JSON can hold."""
    return {
        "confusion_matrix": [list(row) for row in evaluation.confusion_matrix],
        "cross_entropy": _finite(evaluation.cross_entropy),
        "classes": list(evaluation.classes),
        "partition": evaluation.partition,
        "run": evaluation.run,
        "roc_auc": [_finite(area) for area in evaluation.roc_auc],
        "folds": evaluation.folds,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def read_evaluation(
    values: Mapping[str, Any], things: Evaluated | None, runs: int, where: str
) -> Evaluation:
    """Read an evaluation.

    Parameters
    ----------
    values : mapping
        As :func:`evaluation_values` returns it; what is missing has its default.
    things : tuple of ids, true and predicted classes, or None
    runs : int
        How many runs the classifier has; a run that is none of them is forgotten.
    where : str
        For warnings.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is damaged: a matrix that is not square, counts that are none, class indices
        out of range, an area that is none.

    Warns
    -----
    PiximiWarning
        If the things are not those that the matrix counts; it is then without things.
    """
    matrix = _matrix(values["confusion_matrix"])
    size = len(matrix)
    classes = tuple(_typed(key, str) for key in _typed(values.get("classes", []), list | tuple))
    areas = tuple(map(_area, _typed(values.get("roc_auc", []), list | tuple)))
    for name, found in (("classes", classes), ("roc_auc", areas)):
        if len(found) not in (0, size):
            raise ValueError(f"{len(found)} {name} for a confusion matrix of {size} rows")
    loss, run = values["cross_entropy"], values.get("run")
    if type(run) is not int or not 0 <= run < runs:
        _typed(run, int | None)
        run = None
    ids, true, predicted = _counted(things, matrix, where)
    return Evaluation(
        matrix,
        math.nan if loss is None else float(_typed(loss, int | float)),
        classes,
        _typed(values.get("partition", "Validation"), str),
        run,
        ids,
        true,
        predicted,
        areas,
        _count(values, "folds"),
    )


def _matrix(rows: object) -> tuple[tuple[int, ...], ...]:
    matrix = tuple(tuple(row) for row in _typed(rows, list | tuple))
    if any(len(row) != len(matrix) for row in matrix):
        raise ValueError(f"a confusion matrix of {len(matrix)} rows is not square")
    for row in matrix:
        for count in row:
            if type(count) not in (int, float) or count != count // 1 or not 0 <= count < MAX_COUNT:
                raise ValueError(f"a confusion matrix holds {count!r}, which is no count")
    return tuple(tuple(map(int, row)) for row in matrix)


def _area(value: object) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, int | float) or not (math.isnan(value) or 0 <= value <= 1):
        raise ValueError(f"a ROC-AUC of {value!r} is not between 0 and 1")
    return float(value)


def _counted(
    things: Evaluated | None, matrix: tuple[tuple[int, ...], ...], where: str
) -> Evaluated:
    """Return the things, if the matrix counts just those."""
    if things is None:
        return (), (), ()
    ids, true, predicted = things
    most = max(max(true, default=-1), max(predicted, default=-1))
    if most >= len(matrix):
        raise ValueError(f"class {most} in an evaluation of {len(matrix)} classes")
    counted = confusion_counts(np.array(true, int), np.array(predicted, int), len(matrix))
    if ids and counted != matrix:
        warn(f"{where}: an evaluation's things are not those that it counts; they are left out")
        return (), (), ()
    return ids, true, predicted
