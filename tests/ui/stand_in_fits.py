"""Fits that need no Keras, for the engine: they end, wait, fail or die as a test wants."""

import os
import signal
import time
from collections.abc import Callable, Sequence

import numpy as np

from napari_piximi.errors import Cancelled, DeviceMemoryError, FitError
from napari_piximi.learn.proposal import Proposal
from napari_piximi.learn.results import FitResult, Predictions
from napari_piximi.learn.splits import split_things
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.training import LAYERS_FORMAT, Classifier, ModelArtifact, Run, Settings
from napari_piximi.progress import Progress

WAIT = 30.0
"""Seconds after which a fit that waits to be stopped gives up, so that no test hangs."""


def result(
    project: Project,
    kind: str,
    settings: Settings,
    name: str,
    base: Classifier | None,
    epochs: int = 3,
    stopped: str = "finished",
) -> FitResult:
    history = {
        "loss": tuple(1 / (n + 1) for n in range(epochs)),
        "accuracy": tuple(n / (n + 1) for n in range(epochs)),
        "val_loss": tuple(1.5 / (n + 1) for n in range(epochs)),
        "val_accuracy": tuple(0.9 * n / (n + 1) for n in range(epochs)),
    }
    run = Run(settings, history, epochs - 1, 6, 2, stopped, "CPU", "none", 1.0)
    split = split_things(project, kind, settings)
    before = next((c for c in project.classifiers if (c.name, c.kind) == (name, kind)), base)
    runs = before.runs if before is not None else ()
    model = ModelArtifact({"format": LAYERS_FORMAT, "classes": []}, os.urandom(4))
    class_map = project.known_categories(kind) if base is None else base.class_map
    made = Classifier(name, kind, settings, 3, 1, model, class_map, (*runs, run))
    return FitResult(made, split.partitions)


def tell(progress: Progress, settings: Settings, epoch: int) -> None:
    """Report an epoch that is complete."""
    figures = {"loss": 1 / epoch, "accuracy": 1 - 1 / epoch, "val_loss": 1.5 / epoch}
    figures["val_accuracy"] = 0.9 - 0.9 / epoch
    message = f"Epoch {epoch} of {settings.epochs}"
    at = {"epoch": epoch, "complete": epoch}
    progress(epoch * 2, settings.epochs * 2, message, **at, **figures)


def quick(
    project: Project,
    kind: str,
    settings: Settings,
    *,
    name: str,
    base: Classifier | None = None,
    progress: Progress,
    keep: Callable[[FitResult], None] | None = None,
) -> FitResult:
    """Fit three epochs."""
    for epoch in (1, 2, 3):
        time.sleep(0.06)
        tell(progress, settings, epoch)
    return result(project, kind, settings, name, base)


def until_stopped(
    project: Project,
    kind: str,
    settings: Settings,
    *,
    name: str,
    base: Classifier | None = None,
    progress: Progress,
    keep: Callable[[FitResult], None] | None = None,
) -> FitResult:
    """Fit until it is cancelled, and give what there is then."""
    until = time.monotonic() + WAIT
    try:
        while time.monotonic() < until:
            tell(progress, settings, 2)
            time.sleep(0.02)
    except Cancelled:
        return result(project, kind, settings, name, base, 2, "cancelled")
    raise FitError("nobody stopped this fit")


def stopped_at_once(
    project: Project,
    kind: str,
    settings: Settings,
    *,
    name: str,
    base: Classifier | None = None,
    progress: Progress,
    keep: Callable[[FitResult], None] | None = None,
) -> FitResult:
    """End before an epoch is complete."""
    return result(project, kind, settings, name, base, 0, "cancelled")


def dies(
    project: Project,
    kind: str,
    settings: Settings,
    *,
    name: str,
    base: Classifier | None = None,
    progress: Progress,
    keep: Callable[[FitResult], None],
) -> FitResult:
    """Keep two epochs, and be killed."""
    tell(progress, settings, 2)
    keep(result(project, kind, settings, name, base, 2, "interrupted"))
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def dies_at_once(*_: object, **__: object) -> FitResult:
    """Be killed before there is anything to keep."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def out_of_memory(
    project: Project,
    kind: str,
    settings: Settings,
    *,
    name: str,
    base: Classifier | None = None,
    progress: Progress,
    keep: Callable[[FitResult], None] | None = None,
) -> FitResult:
    """Take batches up to 16."""
    if settings.batch_size > 16:
        raise DeviceMemoryError(f"No room for a batch size of {settings.batch_size}; 16 fits", 16)
    return result(project, kind, settings, name, base)


def fails_inside(*_: object, **__: object) -> FitResult:
    """Fail as a library does."""
    raise ValueError("Dimensions must be equal, but are 3 and 4")


def refuses(*_: object, **__: object) -> FitResult:
    """Refuse, as for bad pixels."""
    raise FitError("'cell 3' (cell-3) has pixels that are NaN or infinite")


def evaluate(project: Project, classifier: Classifier, *, progress: Progress) -> Evaluation:
    """Find it right three times in four."""
    progress(0, 1, "Evaluating")
    run = len(classifier.runs) - 1
    return Evaluation(((2, 1), (0, 1)), 0.5, classifier.class_map, "Validation", run)


def propose(
    project: Project, kind: str, candidates: Sequence[Settings], *, progress: Progress
) -> Proposal:
    """Find the second one better."""
    progress(0, 1, "Comparing")
    found = [Evaluation(((right, 100 - right), (0, 0)), 0.5) for right in (90, 96)]
    return Proposal(tuple(candidates), tuple(found), 1)


def predict(project: Project, classifier: Classifier, *, progress: Progress) -> Predictions:
    """Call all that waits round."""
    unknown = project.kinds[classifier.kind].unknown
    ids = tuple(t.id for t in project.of_kind(classifier.kind) if t.category == unknown)
    rows = np.tile(np.array([[0.8, 0.2]], np.float32), (len(ids), 1))
    return Predictions(ids, rows, classifier.class_map)
