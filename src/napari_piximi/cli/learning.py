"""``napari-piximi fit | predict | evaluate``."""

import csv
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from napari_piximi.cli.info import class_names, evaluation_facts
from napari_piximi.cli.settings import changed_settings, with_settings
from napari_piximi.cli.terminal import (
    Bundle,
    Json,
    KindName,
    Out,
    naming_file,
    new_text,
    print_evaluation,
    print_json,
    progress_bar,
)
from napari_piximi.errors import FitError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.learn.plans import INPUT_SETTINGS
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Partition
from napari_piximi.model.training import PRESETS, Classifier, ModelArtifact

__all__ = ["evaluate", "fit", "predict"]

ClassifierName = Annotated[
    str, typer.Option("--classifier", help="Name, or a model .json file; the newest by default")
]
MODEL_SUFFIXES = (".json", ".bin")


@with_settings
def fit(
    bundle: Bundle,
    kind: KindName,
    out: Out,
    name: Annotated[str, typer.Option(help="Name of the classifier")] = "",
    base: Annotated[
        str, typer.Option("--continue", metavar="NAME", help="Go on fitting this classifier")
    ] = "",
    preset: Annotated[
        str, typer.Option(help=f"Settings to start from ({', '.join(PRESETS)})")
    ] = "few labels",
    **chosen: Any,  # noqa: ANN401
) -> None:
    """Fit a classifier to the labelled things of a kind, and save the project with it."""
    if preset not in PRESETS:
        raise FitError(f"{preset!r} is no preset; there are {', '.join(map(repr, PRESETS))}")
    project = read_bundle(bundle)
    key = project.find_kind(kind).id
    old = project.find_classifier(base, key) if base else None
    settings = changed_settings(old.settings if old else PRESETS[preset], chosen)
    name = name or _free_name(project, key, base, settings.architecture)
    # Another kind's model of that name must be told of before the work, not after it.
    edits.put_classifier(project, Classifier(name, key, model=ModelArtifact({}, b"")))
    from napari_piximi.learn import classifier as learn

    if old:
        _check_input_is_kept(chosen, INPUT_SETTINGS)
    with progress_bar() as progress:
        result = learn.fit(project, key, settings, name=name, base=old, progress=progress)
        project = learn.apply_fit(project, result)
        fitted = result.classifier
        if fitted.runs[-1].validation:
            evaluation = learn.evaluate(project, fitted, progress=progress)
            fitted = replace(fitted, evaluations=(*fitted.evaluations, evaluation))
            project = edits.put_classifier(project, fitted)
        write_bundle(project, out, progress=progress)
    _print_run(fitted)


def _print_run(fitted: Classifier) -> None:
    run = fitted.runs[-1]
    best = f"best was {run.best_epoch + 1}"
    print(f"{fitted.name}: {run.epochs} epochs in {run.seconds:.1f} s, {best}, on {run.device}")
    if run.validation:
        accuracy = fitted.evaluations[-1].accuracy
        print(f"accuracy {accuracy:.4f} on {run.validation} validation things")


def _free_name(project: Project, kind: str, base: str, architecture: str) -> str:
    """Name a fit: as the classifier that it continues, if no other kind has that name."""
    if base and all(c.kind == kind for c in project.classifiers if c.name == base):
        return base
    taken, stem = project.classifier_names(), base or architecture
    first = 2 if base else 1
    names = (f"{stem} {number}" for number in range(first, first + len(taken) + 1))
    return next(name for name in names if name not in taken)


def _check_input_is_kept(chosen: Mapping[str, Any], kept: Sequence[str]) -> None:
    for setting in kept:
        if chosen.get(setting) is not None:
            option = f"--{setting.replace('_', '-')}"
            raise FitError(
                f"{option} {chosen[setting]!r} cannot go with --continue: "
                "a fit that is continued keeps what its model expects of its input"
            )


def predict(
    bundle: Bundle,
    kind: KindName,
    out: Out,
    classifier: ClassifierName = "",
    table: Annotated[Path | None, typer.Option("--csv", help="Also write a table here")] = None,
) -> None:
    """Predict the category of the things that have none, and save the project."""
    project = read_bundle(bundle)
    key = project.find_kind(kind).id
    project, chosen = _choose(project, key, classifier)
    from napari_piximi.learn import classifier as learn

    unknown = project.kinds[key].unknown
    ids = [thing.id for thing in project.of_kind(key) if thing.category == unknown]
    with new_text(table) if table else nullcontext() as file, progress_bar() as progress:
        found = learn.predict(project, chosen, ids, progress=progress)
        project = edits.set_partition(project, ids, Partition.INFERENCE)
        project = edits.set_predictions(project, found.predictions())
        if table and file:
            with naming_file(table):
                _write_table(file, project, found)
        write_bundle(project, out, progress=progress)
    print(f"{chosen.name}: predicted {len(found.ids)} things")


def _choose(project: Project, kind: str, name: str) -> tuple[Project, Classifier]:
    """Return the classifier that is meant, in a project that has its categories."""
    own = [c for c in project.classifiers if c.kind == kind and name in ("", c.name)]
    if own:
        return project, own[-1]
    if Path(name).suffix not in MODEL_SUFFIXES:
        wanted = f"classifier {name!r}" if name else "classifier yet; fit one first"
        raise FitError(f"The kind {project.kinds[kind].name!r} has no {wanted}")
    from napari_piximi.io.tfjs import read_model
    from napari_piximi.learn.adoption import adopt_model

    project = adopt_model(project, kind, Path(name).name, read_model(Path(name)))
    return project, project.classifiers[-1]


def _write_table(file: TextIO, project: Project, found: Any) -> None:  # noqa: ANN401
    """Write id, name, image, category, prediction, probability, and one column per class."""
    names = {c.id: c.name for c in project.categories.values()}
    classes = [names[c] for c in found.class_map]
    rows = csv.writer(file)
    rows.writerow(["id", "name", "image", "category", "prediction", "probability", *classes])
    for key, row in zip(found.ids, found.probabilities.tolist(), strict=True):
        rows.writerow([*_cells(project, key, names), classes[row.index(max(row))], max(row), *row])


def _cells(project: Project, key: str, names: dict[str, str]) -> Sequence[str]:
    thing = project.things[key]
    image = project.things[thing.image].name if isinstance(thing, Annotation) else thing.name
    return key, thing.name, image, names[thing.category]


def evaluate(
    bundle: Bundle,
    kind: KindName,
    classifier: ClassifierName = "",
    partition: Annotated[
        str, typer.Option(help="On which things: Validation, Training or Labelled")
    ] = "Validation",
    as_json: Json = False,
) -> None:
    """Tell how good a classifier is on things whose category is known."""
    project = read_bundle(bundle)
    key = project.find_kind(kind).id
    project, chosen = _choose(project, key, classifier)
    from napari_piximi.learn import classifier as learn

    with progress_bar() as progress:
        found = learn.evaluate(project, chosen, partition=partition, progress=progress)
    names = class_names(project, chosen)
    if as_json:
        print_json({"classifier": chosen.name, "classes": names, **evaluation_facts(found)})
    else:
        print(f"{chosen.name}, {partition.lower()} things")
        print_evaluation(found, names)
