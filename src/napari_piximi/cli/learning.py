"""``napari-piximi fit``."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_piximi.cli.choosing import free_name
from napari_piximi.cli.evaluating import Folds, check_folds, cross_validated
from napari_piximi.cli.settings import changed_settings, with_settings
from napari_piximi.cli.stopping import check_kept, tell_if_stopped
from napari_piximi.cli.terminal import (
    Bundle,
    Device,
    KindName,
    Out,
    check_out,
    choose_device,
    counted,
    one_line,
    progress_bar,
)
from napari_piximi.errors import Cancelled, FitError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.hyperparameters import read_hyperparameters
from napari_piximi.learn.plans import INPUT_SETTINGS
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.forest import grown_trees
from napari_piximi.model.project import Project
from napari_piximi.model.training import (
    FOREST,
    PIXIMI_SETTINGS,
    PRESETS,
    Classifier,
    ModelArtifact,
    Settings,
)
from napari_piximi.progress import Progress

__all__ = ["fit"]

FIRST_PRESET = "few labels"


@with_settings(Settings)
def fit(
    bundle: Bundle,
    kind: KindName,
    out: Out,
    name: Annotated[str, typer.Option(help="Name of the classifier")] = "",
    base: Annotated[
        str, typer.Option("--continue", metavar="NAME", help="Go on fitting this classifier")
    ] = "",
    preset: Annotated[
        str,
        typer.Option(
            help=f"Settings to start from ({', '.join(PRESETS)}); default {FIRST_PRESET}",
            show_default=False,
        ),
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(
            "--settings", metavar="FILE", help="Hyper-parameters that Piximi or the window exported"
        ),
    ] = None,
    forest: Annotated[
        bool, typer.Option("--forest", help="Fit a random forest, for few labels and no wait")
    ] = False,
    folds: Folds = 0,
    device: Device = "",
    **chosen: Any,  # noqa: ANN401
) -> None:
    """Fit a classifier to the labelled things of a kind, and save the project with it."""
    check_out(out)
    choose_device(device)
    check_folds(folds)
    project = read_bundle(bundle)
    key = project.find_kind(kind).id
    old = project.find_classifier(base, key) if base else None
    chosen = _with_forest(chosen, old, forest=forest)
    settings = changed_settings(_start(old, preset, file), chosen)
    if old is not None:
        _check_input_is_kept(chosen)
    name = name or free_name(project, key, base, settings.architecture)
    _check_name(project, key, name, old)
    with progress_bar() as progress:
        project, found = _fitted(project, key, settings, name, old, folds, progress)
        write_bundle(project, out, progress=progress.show)
    fitted = project.find_classifier(name, key)
    _print_run(fitted, found)
    tell_if_stopped(fitted.runs[-1], out)


def _fitted(
    project: Project,
    kind: str,
    settings: Settings,
    name: str,
    old: Classifier | None,
    folds: int,
    progress: Progress,
) -> tuple[Project, list[Evaluation]]:
    """Cross-validate if that is wished, fit, and evaluate on what was not fitted on."""
    from napari_piximi.learn import classifier as learn

    found = []
    if folds:
        planned = Classifier(name, kind, settings)
        found.append(cross_validated(folds)(project, planned, progress).evaluation)
    result = learn.fit(project, kind, settings, name=name, base=old, progress=progress)
    check_kept(result.classifier.runs[-1])
    project = learn.apply_fit(project, result)
    fitted = result.classifier
    if fitted.runs[-1].validation:
        with suppress(Cancelled):  # the fit is kept all the same
            found.append(learn.evaluate(project, fitted, progress=progress))
    for evaluation in found:
        project = edits.add_evaluation(project, name, kind, evaluation)
    return project, found


def _print_run(fitted: Classifier, found: list[Evaluation]) -> None:
    run = fitted.runs[-1]
    trees = grown_trees(run)
    steps, best = counted(run.epochs, "epoch"), f"best was {run.best_epoch + 1}, "
    if trees is not None:
        steps, best = counted(trees, "tree"), ""
    print(f"{one_line(fitted.name)}: {steps} in {run.seconds:.1f} s, {best}on {run.device}")
    for evaluation in found:
        things = int(evaluation.support.sum())
        if evaluation.partition == "Cross-validation":
            f1 = evaluation.averaged(evaluation.f1)
            print(
                f"cross-validated accuracy {evaluation.accuracy:.4f}, F1 {f1:.4f} "
                f"on {counted(things, 'labelled thing')}"
            )
        else:
            on = counted(things, "validation thing")
            print(f"accuracy {evaluation.accuracy:.4f} on {on}")


def _start(old: Classifier | None, preset: str, file: Path | None) -> Settings:
    """Return the settings that the options change."""
    if preset and preset not in PRESETS:
        raise FitError(f"{preset!r} is no preset; there are {', '.join(map(repr, PRESETS))}")
    if old is not None and (preset or file):
        said = f"--preset {preset!r}" if preset else f"--settings {str(file)!r}"
        raise FitError(
            f"{said} cannot go with --continue: a fit that is continued starts "
            "from its classifier's settings; name those to change one by one"
        )
    if old is not None:
        return old.settings
    if file:
        return read_hyperparameters(file, PRESETS[preset] if preset else PIXIMI_SETTINGS)
    return PRESETS[preset or FIRST_PRESET]


def _with_forest(
    chosen: Mapping[str, Any], old: Classifier | None, *, forest: bool
) -> dict[str, Any]:
    """Understand ``--forest`` as the architecture that it stands for."""
    if not forest:
        return dict(chosen)
    named = chosen.get("architecture")
    if named not in (None, FOREST):
        raise FitError(f"--forest cannot go with --architecture {named!r}")
    if old is not None and old.settings.architecture == FOREST:
        return dict(chosen)
    if old is not None:
        raise FitError(
            f"--forest cannot go with --continue {old.name!r}, which is no forest; leave "
            "--continue out to fit a new one"
        )
    return {**chosen, "architecture": FOREST}


def _check_name(project: Project, kind: str, name: str, old: Classifier | None) -> None:
    """Tell before the work, not after it, that a name cannot be taken."""
    edits.put_classifier(project, Classifier(name, kind, model=ModelArtifact({}, b"")))
    taken = any((c.kind, c.name) == (kind, name) for c in project.classifiers)
    if old is not None and taken and name != old.name:
        raise FitError(
            f"--name {name!r} is another classifier, whose runs would be lost to what "
            f"continues {old.name!r}; choose a name that is free"
        )


def _check_input_is_kept(chosen: Mapping[str, Any]) -> None:
    for setting in (*INPUT_SETTINGS, "weights"):
        if chosen.get(setting) is not None:
            option = f"--{setting.replace('_', '-')}"
            what = "weights" if setting == "weights" else "what its model expects of its input"
            raise FitError(
                f"{option} {chosen[setting]!r} cannot go with --continue: "
                f"a fit that is continued keeps {'its ' + what if what == 'weights' else what}"
            )
