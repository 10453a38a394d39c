"""``napari-piximi predict``."""

from contextlib import nullcontext
from enum import StrEnum
from itertools import compress
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from napari_piximi.cli.choosing import ClassifierName, choose_classifier
from napari_piximi.cli.tables import write_table
from napari_piximi.cli.terminal import (
    Bundle,
    Device,
    KindName,
    Out,
    check_out,
    choose_device,
    counted,
    naming_file,
    new_text,
    one_line,
    progress_bar,
)
from napari_piximi.errors import FitError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.learn.results import Predictions, apply_predictions
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import is_unknown

__all__ = ["predict"]


class Things(StrEnum):
    """Which things a classifier is asked about."""

    UNLABELLED = "unlabelled"
    ALL = "all"


def predict(
    bundle: Bundle,
    kind: KindName,
    out: Out,
    classifier: ClassifierName = "",
    things: Annotated[
        Things,
        typer.Option(help="Those without a category, or all of the kind", case_sensitive=False),
    ] = Things.UNLABELLED,
    accept: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Make what is predicted with a probability of at least P (0 to 1) the category "
            "of things that have none",
        ),
    ] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Also write a table here")] = None,
    device: Device = "",
) -> None:
    """Predict categories, by default of the things that have none, and save the project."""
    check_out(out)
    if accept is not None and not 0 <= accept <= 1:
        raise FitError(f"--accept {accept:g}: a probability goes from 0 to 1")
    choose_device(device)
    project = read_bundle(bundle)
    key = project.find_kind(kind).id
    project, chosen = choose_classifier(project, key, classifier)
    from napari_piximi.learn import classifier as learn

    ids = [t.id for t in project.of_kind(key) if things is Things.ALL or is_unknown(t.category)]
    with new_text(table) if table else nullcontext() as file, progress_bar() as progress:
        found = learn.predict(project, chosen, ids, progress=progress)
        accepted = [] if accept is None else _acceptable(project, found, accept)
        project = edits.accept_predictions(apply_predictions(project, found), accepted)
        if table and file:
            with naming_file(table):
                write_table(file, project, found.ids, found.probabilities, found.class_map)
        write_bundle(project, out, progress=progress)
    more = "" if accept is None else f", accepted {len(accepted)}"
    print(f"{one_line(chosen.name)}: predicted {counted(len(found.ids), 'thing')}{more}")


def _acceptable(project: Project, found: Predictions, least: float) -> list[str]:
    """Return the things without a category whose probability is at least `least`."""
    # As float32, in which it is told: 0.9 is then no less than 0.9.
    sure = found.probabilities.max(axis=1) >= np.float32(least)
    ids = compress(found.ids, sure.tolist())
    return [key for key in ids if is_unknown(project.things[key].category)]
