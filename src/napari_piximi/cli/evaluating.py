"""``napari-piximi evaluate``: how good a classifier is."""

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from napari_piximi.cli.choosing import ClassifierName, choose_classifier
from napari_piximi.cli.info import class_names, evaluation_facts
from napari_piximi.cli.tables import write_table
from napari_piximi.cli.terminal import (
    Bundle,
    Device,
    Json,
    KindName,
    check_out,
    choose_device,
    counted,
    naming_file,
    new_text,
    one_line,
    print_evaluation,
    print_json,
    progress_bar,
)
from napari_piximi.errors import FitError, PiximiWarning
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.training import GRAPH_FORMAT, Classifier
from napari_piximi.progress import Progress

__all__ = ["Folds", "check_folds", "cross_validated", "evaluate"]

Floats = NDArray[np.float32]
Folds = Annotated[
    int,
    typer.Option(
        "--cross-validate",
        metavar="K",
        help="Fit anew K times, each time without one part of the labelled things, and judge "
        "on that part; 0 does not",
        show_default=False,
    ),
]


def evaluate(
    bundle: Bundle,
    kind: KindName,
    classifier: ClassifierName = "",
    partition: Annotated[
        str, typer.Option(help="On which things: Validation, Training or Labelled")
    ] = "",
    folds: Folds = 0,
    as_json: Json = False,
    table: Annotated[
        Path | None,
        typer.Option("--csv", help="Also write truth, prediction and probabilities per thing"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Save the project with the evaluation here")
    ] = None,
    device: Device = "",
) -> None:
    """Tell how good a classifier is on things whose category is known."""
    if out:
        check_out(out)
    choose_device(device)
    check_folds(folds)
    if folds and partition:
        raise FitError(
            f"--partition {partition!r} cannot go with --cross-validate, which judges all "
            "labelled things"
        )
    project = read_bundle(bundle)
    key = project.find_kind(kind).id
    project, chosen = choose_classifier(project, key, classifier)
    judge = cross_validated(folds) if folds else _judged(partition or "Validation")
    with new_text(table) if table else nullcontext() as file, progress_bar() as progress:
        found, rows = judge(project, chosen, progress)
        if table and file:
            with naming_file(table):
                write_table(file, project, found.ids, rows, found.classes)
        if out:
            kept = edits.add_evaluation(project, chosen.name, chosen.kind, found)
            write_bundle(kept, out, progress=progress)
    names = class_names(project, replace(chosen, class_map=found.classes))
    if as_json:
        facts = evaluation_facts(found)
        print_json({"classifier": chosen.name, "classes": names, **facts})
    else:
        things = counted(found.folds, "fold") if folds else "things"
        print(f"{one_line(chosen.name)}, {found.partition.lower()} {things}")
        print_evaluation(found, names)


def check_folds(folds: int) -> None:
    """Refuse a number of folds before any work.

    Raises
    ------
    FitError
    """
    if folds and folds < 2:
        raise FitError(f"--cross-validate {folds}: it takes at least 2 folds")


class Judged(NamedTuple):
    """What came out.

    Attributes
    ----------
    evaluation : Evaluation
    probabilities : (N, classes) float32 array
        By thing and class.
    """

    evaluation: Evaluation
    probabilities: Floats


Judge = Callable[[Project, Classifier, Progress], Judged]


def cross_validated(folds: int) -> Judge:
    """Return a function that cross-validates the settings of a classifier."""

    def judge(project: Project, classifier: Classifier, progress: Progress) -> Judged:
        from napari_piximi.learn.cross_validation import cross_validate

        document = classifier.model.document if classifier.model else {}
        if document.get("format") == GRAPH_FORMAT:
            raise FitError(
                f"{classifier.name!r} is a graph model, which cannot be fitted, so not "
                "cross-validated"
            )
        found = cross_validate(
            project, classifier.kind, classifier.settings, folds=folds, progress=progress
        )
        if found.folds < folds:
            text = (
                f"--cross-validate {folds}: {found.folds} folds were made, "
                "as many as the largest category has examples"
            )
            warnings.warn(text, PiximiWarning, stacklevel=2)
        return Judged(found.evaluation, found.probabilities)

    return judge


def _judged(partition: str) -> Judge:
    def judge(project: Project, classifier: Classifier, progress: Progress) -> Judged:
        from napari_piximi.learn import classifier as learn

        same = (name for name in learn.EVALUATED if name.casefold() == partition.casefold())
        on = next(same, partition)
        found, predictions = learn.judge(project, classifier, partition=on, progress=progress)
        return Judged(found, predictions.probabilities)

    return judge
