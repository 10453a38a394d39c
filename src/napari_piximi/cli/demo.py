"""``napari-piximi demo``: the main job on real images, from first labels to a saved project."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from napari_piximi.cli.terminal import print_evaluation, progress_bar
from napari_piximi.io.bundle import write_bundle
from napari_piximi.io.samples import coins_project, digits_project
from napari_piximi.io.tfjs import write_model
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import Settings
from napari_piximi.segment.asking import find_objects

if TYPE_CHECKING:
    from napari_piximi.learn.classifier import Predictions

__all__ = ["demo"]

NAME = "digits_classifier"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the project and the classifier")] = Path(
        "demo"
    ),
    seed: Annotated[int, typer.Option(help="Draws the labelled digits and all else")] = 0,
) -> None:
    """Find coins, learn 1,797 handwritten digits from 20 labels each, and save all for Piximi."""
    out.mkdir(parents=True, exist_ok=True)
    _segment(out / "coins.zip")
    sample = digits_project(per_class=20, seed=seed)
    labelled = sum(t.category == sample.truth[t.id] for t in sample.project.things.values())
    print(f"{len(sample.truth)} images of digits, {labelled} of them labelled")
    project, found = _learn(sample.project, seed)
    bundle, model = out / "digits.zip", out / f"{NAME}.json"
    write_bundle(project, bundle)
    fitted = project.find_classifier(NAME)
    assert fitted.model is not None
    write_model(fitted.model, model)
    print(f"\nPredicted and withheld from the fit: {len(found.ids)} digits")
    names = [project.categories[c].name for c in fitted.class_map]
    print_evaluation(_against_truth(found, sample.truth), names)
    print(f"\nProjects   {out / 'coins.zip'}\n           {bundle}")
    print(f"Classifier {model} (+ .weights.bin)\npiximi.app opens them all")


def _segment(bundle: Path) -> None:
    """Find the coins on a photograph with the default segmenter."""
    start = time.perf_counter()
    empty = coins_project()
    empty = edits.delete_kind(empty, empty.find_kind("coin").id)
    project = find_objects(empty, kind="coin")
    count = sum(1 for _ in project.annotations())
    print(f"{count} coins found on a photograph in {time.perf_counter() - start:.1f} s\n")
    write_bundle(project, bundle)


def _learn(project: Project, seed: int) -> tuple[Project, "Predictions"]:
    """Fit, evaluate on the validation things, predict the rest."""
    from napari_piximi.learn import classifier as learn

    start = time.perf_counter()
    settings = Settings(seed=seed)
    with progress_bar() as progress:
        result = learn.fit(project, IMAGE_KIND, settings, name=NAME, progress=progress)
        project = learn.apply_fit(project, result)
        evaluation = learn.evaluate(project, result.classifier, progress=progress)
        fitted = replace(result.classifier, evaluations=(evaluation,))
        project = edits.put_classifier(project, fitted)
        found = learn.predict(project, fitted, progress=progress)
        project = edits.set_predictions(project, found.predictions())
    run, seconds = fitted.runs[-1], time.perf_counter() - start
    print(
        f"{settings.architecture} fitted to {run.training} in {run.epochs} epochs, "
        f"{run.seconds:.1f} s ({seconds:.1f} s in all) on {run.device}\n"
        f"validation accuracy {evaluation.accuracy:.4f} on {run.validation}"
    )
    return project, found


def _against_truth(found: "Predictions", truth: dict[str, str]) -> Evaluation:
    """Compare the predictions with the truth that the fit never saw."""
    from napari_piximi.learn.metrics import evaluation_of

    true = [found.class_map.index(truth[key]) for key in found.ids]
    return evaluation_of(np.eye(len(found.class_map))[true], found.probabilities)
