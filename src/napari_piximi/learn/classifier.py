"""Fit, predict, evaluate: from a project to a classifier, predictions and figures.

Importing this loads no Keras; a classifier that is a network does.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.learn.embedding import Embedding
from napari_piximi.learn.metrics import evaluation_of
from napari_piximi.learn.plans import Plan, plan_fit, targets_of
from napari_piximi.learn.results import FitResult, Predictions, apply_fit
from napari_piximi.learn.suitability import (
    known_only,
    mapped_categories,
    model_of,
    without_left_out,
)
from napari_piximi.model.edits import put_classifier
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition, Thing, is_unknown
from napari_piximi.model.training import (
    FOREST,
    FOREST_FORMAT,
    GRAPH_FORMAT,
    Classifier,
    ModelArtifact,
    Run,
    Settings,
)
from napari_piximi.progress import Progress, silent

__all__ = [
    "FitResult",
    "Learner",
    "Predictions",
    "apply_fit",
    "embed",
    "evaluate",
    "fit",
    "judge",
    "predict",
]

Floats = NDArray[np.float32]

EVALUATED = ("Validation", "Training", "Labelled")


class Learner(Protocol):
    """What a sort of model can do; a module of this package, imported when it is needed."""

    def fit(
        self,
        plan: Plan,
        progress: Progress,
        keep: Callable[[ModelArtifact, Run], None] | None = None,
    ) -> tuple[ModelArtifact, Run]:
        """Fit a model.

        Parameters
        ----------
        plan : Plan
        progress : Progress
            When it raises Cancelled, what is learnt so far is returned.
        keep : callable, optional
            Called now and then with the best so far, in case the process dies.
        """

    def probabilities(
        self, project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
    ) -> Floats:
        """Return what a model says of things, (N, classes)."""

    def features(
        self, project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
    ) -> Floats:
        """Return what a model sees of things before its last decision, (N, features).

        A learner may have ``embedding`` as well, with the same parameters, that returns
        features and probabilities for the price of one.
        """


def fit(
    project: Project,
    kind: str,
    settings: Settings,
    *,
    name: str,
    base: Classifier | None = None,
    progress: Progress = silent,
    keep: Callable[[FitResult], None] | None = None,
) -> FitResult:
    """Fit a classifier on the labelled things of a kind.

    Parameters
    ----------
    project : Project
        Not changed.
    kind : str
        Id of a kind, or its name.
    settings : Settings
    name : str
        For the classifier. One of this name and kind hands on its runs and evaluations.
    base : Classifier, optional
        Continue with this model: it keeps its classes, what it expects of its input, its
        runs and evaluations. The split stays, and newly labelled things train.
    progress : Progress
        Told batches done and in all, with `epoch`, and `loss`, `accuracy`, `val_loss`,
        `val_accuracy` of the last of the `complete` epochs. When it raises Cancelled
        during the epochs, the best weights so far are returned, or the current ones if no
        epoch is complete. With `base`, the weights that it came with count as the best
        until an epoch does as well.
    keep : callable, optional
        Called now and then with the best so far, in case the process dies.

    Returns
    -------
    FitResult

    Raises
    ------
    FitError
        If there is nothing to learn from, something does not go together, or the first
        epoch diverges; it says what.
    EditError
        If there is no such kind, or no classifier can have that name.
    WeightsUnavailableError
        If MobileNet's weights cannot be had.
    Cancelled
        If `progress` raises it before the first epoch has begun.

    Warns
    -----
    PiximiWarning
        If a category has no example, or just one, or nothing is left to validate; or if a
        later epoch diverges, and the best weights so far are returned.
    """
    kind = project.find_kind(kind).id
    plan = plan_fit(project, kind, name, settings, base)
    probe = Classifier(name, kind, model=ModelArtifact({}, b""))
    put_classifier(project, probe)  # refuses a name that cannot be saved
    learner = _learner(plan.settings if base is None else model_of(base))

    def result(model: ModelArtifact, run: Run) -> FitResult:
        return FitResult(_classifier(plan, model, run), plan.split.partitions)

    def keep_result(model: ModelArtifact, run: Run) -> None:
        if keep is not None:
            keep(result(model, run))

    return result(*learner.fit(plan, progress, None if keep is None else keep_result))


def predict(
    project: Project,
    classifier: Classifier,
    ids: Iterable[str] | None = None,
    *,
    progress: Progress = silent,
) -> Predictions:
    """Ask a classifier about things.

    Parameters
    ----------
    project : Project
    classifier : Classifier
    ids : iterable of str, optional
        By default the Inference things of the classifier's kind.
    progress : Progress
        May raise Cancelled, which is passed on.

    Raises
    ------
    FitError
        If the classifier has no model, its classes are not mapped to categories, or a
        thing does not suit it.
    """
    class_map = mapped_categories(project, classifier)
    if ids is None:
        things = [
            thing
            for thing in project.of_kind(classifier.kind)
            if thing.partition == Partition.INFERENCE
        ]
    else:
        things = [_thing(project, key) for key in ids]
    rows = _probabilities(project, classifier, things, progress)
    class_map, rows = without_left_out(class_map, rows)
    return Predictions(tuple(thing.id for thing in things), rows, class_map)


def evaluate(
    project: Project,
    classifier: Classifier,
    *,
    partition: str = "Validation",
    progress: Progress = silent,
) -> Evaluation:
    """Compare a classifier with the categories that the user gave.

    Parameters
    ----------
    project : Project
    classifier : Classifier
    partition : str
        ``"Validation"``, ``"Training"``, or ``"Labelled"`` for all that have a category.
    progress : Progress
        May raise Cancelled, which is passed on.

    Raises
    ------
    FitError
        If there is no such thing, the model gives NaN, or as for :func:`predict`.

    Warns
    -----
    PiximiWarning
        If things are left out whose category the classifier does not know.
    """
    return judge(project, classifier, partition=partition, progress=progress)[0]


def judge(
    project: Project,
    classifier: Classifier,
    *,
    partition: str = "Validation",
    progress: Progress = silent,
) -> tuple[Evaluation, Predictions]:
    """Do as :func:`evaluate`, and return also what the classifier says of each thing."""
    class_map = mapped_categories(project, classifier)
    if partition not in EVALUATED:
        raise FitError(f"{partition!r} cannot be evaluated; choose {', '.join(EVALUATED)}")
    things = [
        thing
        for thing in project.of_kind(classifier.kind)
        if not is_unknown(thing.category) and partition in (thing.partition, "Labelled")
    ]
    things = known_only(things, class_map)
    if not things:
        raise FitError(f"{classifier.name!r} has nothing to be evaluated on: no {partition} thing")
    rows = _probabilities(project, classifier, things, progress)
    damaged = int((~np.isfinite(rows)).any(axis=1).sum())
    if damaged:
        raise FitError(
            f"{classifier.name!r} gives no numbers (NaN) for {damaged} of {len(things)} "
            "things; its model, or the pixels of those, are damaged"
        )
    class_map, rows = without_left_out(class_map, rows)
    ids = tuple(thing.id for thing in things)
    found = evaluation_of(targets_of(class_map, things), rows, ids)
    run = len(classifier.runs) - 1 if classifier.runs else None
    evaluation = replace(found, classes=class_map, partition=partition, run=run)
    return evaluation, Predictions(ids, rows, class_map)


def embed(
    project: Project,
    classifier: Classifier,
    ids: Iterable[str] | None = None,
    *,
    progress: Progress = silent,
) -> Embedding:
    """Ask a classifier what it sees of things, and what it makes of them.

    Parameters
    ----------
    project : Project
    classifier : Classifier
    ids : iterable of str, optional
        By default all things of the classifier's kind.
    progress : Progress
        May raise Cancelled, which is passed on.

    Raises
    ------
    FitError
        As for :func:`predict`.
    """
    class_map = mapped_categories(project, classifier)
    if ids is None:
        things = list(project.of_kind(classifier.kind))
    else:
        things = [_thing(project, key) for key in ids]
    learner = _learner(model_of(classifier))
    both = getattr(learner, "embedding", None)
    if both is not None:
        features, rows = both(project, classifier, things, progress)
    else:
        features = learner.features(project, classifier, things, progress)
        rows = learner.probabilities(project, classifier, things, progress)
    class_map, rows = without_left_out(class_map, rows)
    return Embedding(tuple(thing.id for thing in things), features, rows, class_map)


# --- within ----------------------------------------------------------------------------------


def _learner(chosen: Settings | ModelArtifact) -> Learner:
    """Import what fits a new model, or what a model is asked with."""
    if isinstance(chosen, Settings):
        name = "forest" if chosen.architecture == FOREST else "networks"
    else:
        name = {FOREST_FORMAT: "forest", GRAPH_FORMAT: "graph_models"}.get(
            str(chosen.document.get("format")), "networks"
        )
    return cast("Learner", import_module(f"napari_piximi.learn.{name}"))


def _thing(project: Project, key: str) -> Thing:
    if key not in project.things:
        raise FitError(f"There is no thing {key!r} in this project")
    return project.things[key]


def _classifier(plan: Plan, model: ModelArtifact, run: Run) -> Classifier:
    base = plan.base or _fresh(plan.project, plan.kind, plan.name)
    return replace(
        base,
        name=plan.name,
        kind=plan.kind,
        settings=plan.settings,
        channels=plan.channels,
        model=model,
        class_map=plan.class_map,
        runs=(*base.runs, run),
    )


def _fresh(project: Project, kind: str, name: str) -> Classifier:
    """Make a classifier that keeps the past of the one whose place it takes, if there is one."""
    for old in project.classifiers:
        if (old.name, old.kind) == (name, kind):
            return Classifier(name, kind, runs=old.runs, evaluations=old.evaluations)
    return Classifier(name, kind)


def _probabilities(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> Floats:
    learner = _learner(model_of(classifier))
    return learner.probabilities(project, classifier, things, progress)
