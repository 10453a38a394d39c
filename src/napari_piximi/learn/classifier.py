"""Fit, predict, evaluate: from a project to a classifier, predictions and figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import EditError, FitError
from napari_piximi.io.tfjs import piximi_metadata
from napari_piximi.learn.architectures import build_network, freeze_backbone, seed_layers
from napari_piximi.learn.checks import check_kind, check_settings, common_channels
from napari_piximi.learn.device import backend, describe
from napari_piximi.learn.epochs import Labelled, Outcome, run_epochs
from napari_piximi.learn.inference import probabilities_of
from napari_piximi.learn.metrics import evaluation_of
from napari_piximi.learn.sampling import Samples, build_samples
from napari_piximi.learn.serialization import from_keras, to_keras
from napari_piximi.learn.splits import Split, split_things
from napari_piximi.learn.suitability import (
    check_model,
    input_settings,
    known_only,
    mapped_categories,
    model_of,
)
from napari_piximi.model.edits import put_classifier, set_partition
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition, Prediction, Thing, is_unknown
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings
from napari_piximi.progress import Progress, silent

__all__ = ["FitResult", "Predictions", "apply_fit", "evaluate", "fit", "predict"]

Floats = NDArray[np.float32]

EVALUATED = ("Validation", "Training", "Labelled")

# What a model expects of its input; a fit that is continued keeps it.
INPUT_SETTINGS = ("architecture", "height", "width", "rescale", "center", "crop_schema")


@dataclass(frozen=True)
class FitResult:
    """What a fit made; :func:`apply_fit` puts it into a project.

    Attributes
    ----------
    classifier : Classifier
    partitions : mapping of thing id to Partition
        Those that the fit changed.
    """

    classifier: Classifier
    partitions: Mapping[str, Partition]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a classifier says of things.

    Attributes
    ----------
    ids : tuple of str
    probabilities : (N, classes) float32 array
        By thing and class.
    class_map : tuple of str
        Category id per class.
    """

    ids: tuple[str, ...]
    probabilities: Floats
    class_map: tuple[str, ...]

    def predictions(self) -> dict[str, Prediction]:
        """Return the most probable category of each thing, by id."""
        best = self.probabilities.argmax(axis=1)
        return {
            key: Prediction(self.class_map[index], float(row[index]))
            for key, index, row in zip(self.ids, best, self.probabilities, strict=True)
        }


@dataclass(frozen=True)
class _Plan:
    """What is fitted on what, decided before any pixel is read."""

    project: Project
    settings: Settings
    class_map: tuple[str, ...]
    channels: int
    split: Split
    base: Classifier | None


def fit(
    project: Project,
    kind: str,
    settings: Settings,
    *,
    name: str,
    base: Classifier | None = None,
    progress: Progress = silent,
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
        Told batches done and in all, with `epoch`, `loss`, `accuracy`, `val_loss`,
        `val_accuracy`. When it raises Cancelled during the epochs, the best weights so far
        are returned, or the current ones if no epoch is complete. With `base`, the
        weights that it came with count as the best until an epoch does as well.

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
    plan = _plan(project, kind, settings, base)
    probe = Classifier(name, kind, model=ModelArtifact({}, b""))
    put_classifier(project, probe)  # refuses a name that cannot be saved
    with (
        _samples(plan, plan.split.training, progress, fitting=True) as training,
        _samples(plan, plan.split.validation, progress) as validation,
    ):
        model = _network(plan, progress)
        outcome = run_epochs(
            model,
            _labelled(plan, plan.split.training, training),
            _labelled(plan, plan.split.validation, validation),
            plan.settings,
            progress,
            continued=base is not None,
        )
    classifier = _classifier(plan, kind, name, model, outcome)
    return FitResult(classifier, plan.split.partitions)


def apply_fit(project: Project, result: FitResult) -> Project:
    """Put the outcome of a fit into a project, which may have changed meanwhile.

    Things that have gone are passed over, and so are partitions that no longer suit: a
    thing without a category cannot train.

    Raises
    ------
    EditError
        If the kind has gone.
    """
    if result.classifier.kind not in project.kinds:
        raise EditError(f"The kind that {result.classifier.name!r} was fitted on has gone")
    for partition in Partition:
        ids = [
            key
            for key, chosen in result.partitions.items()
            if chosen == partition
            and key in project.things
            and is_unknown(project.things[key].category) == (partition == Partition.INFERENCE)
        ]
        project = set_partition(project, ids, partition)
    return put_classifier(project, result.classifier)


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
        If there is no such thing, or as for :func:`predict`.

    Warns
    -----
    PiximiWarning
        If things are left out whose category the classifier does not know.
    """
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
    evaluation = evaluation_of(_targets(class_map, things), rows)
    run = len(classifier.runs) - 1 if classifier.runs else None
    return replace(evaluation, classes=class_map, partition=partition, run=run)


# --- before a fit ----------------------------------------------------------------------------


def _plan(project: Project, kind: str, settings: Settings, base: Classifier | None) -> _Plan:
    if base is not None:
        settings = _continued(settings, base)
    check_settings(settings)
    class_map = (
        project.known_categories(kind) if base is None else mapped_categories(project, base, kind)
    )
    split = split_things(project, kind, settings, keep=base is not None)
    check_kind(project, kind, split, class_map)
    channels = base.channels if base else common_channels(project, split.training)
    return _Plan(project, settings, class_map, channels, split, base)


def _continued(settings: Settings, base: Classifier) -> Settings:
    expected = input_settings(base)
    return replace(settings, **{key: getattr(expected, key) for key in INPUT_SETTINGS})


def _thing(project: Project, key: str) -> Thing:
    if key not in project.things:
        raise FitError(f"There is no thing {key!r} in this project")
    return project.things[key]


# --- the fit ---------------------------------------------------------------------------------


def _samples(
    plan: _Plan, things: Sequence[Thing], progress: Progress, *, fitting: bool = False
) -> Samples:
    crops = plan.settings.num_crops if fitting else 1
    return build_samples(
        plan.project,
        things,
        plan.settings,
        plan.channels,
        crops=crops,
        backend=backend(),
        progress=progress,
    )


def _targets(class_map: tuple[str, ...], things: Sequence[Thing]) -> Floats:
    index = {category: i for i, category in enumerate(class_map)}
    return np.eye(len(class_map), dtype=np.float32)[[index[thing.category] for thing in things]]


def _labelled(plan: _Plan, things: Sequence[Thing], samples: Samples) -> Labelled:
    repeated = len(samples) // len(things) if things else 1
    targets = _targets(plan.class_map, things) if things else np.zeros((0, len(plan.class_map)))
    return Labelled(samples.values, np.repeat(targets.astype(np.float32), repeated, axis=0))


def _network(plan: _Plan, progress: Progress) -> Any:  # noqa: ANN401
    settings = plan.settings
    if plan.base is None:
        model = build_network(settings, plan.channels, len(plan.class_map), progress)
    else:
        model = to_keras(model_of(plan.base))
        check_model(plan.base, model)
        if settings.architecture == "MobileNet":
            freeze_backbone(model)
    seed_layers(model, settings.seed)
    return model


def _classifier(plan: _Plan, kind: str, name: str, model: Any, outcome: Outcome) -> Classifier:  # noqa: ANN401
    run = Run(
        plan.settings,
        outcome.history,
        outcome.best_epoch,
        len(plan.split.training),
        len(plan.split.validation),
        outcome.stopped,
        describe(),
        backend(),
        outcome.seconds,
    )
    base = plan.base or _fresh(plan.project, kind, name)
    classes = [plan.project.categories[key].name for key in plan.class_map]
    metadata = piximi_metadata(plan.settings, plan.channels, base.planes, classes)
    return replace(
        base,
        name=name,
        kind=kind,
        settings=plan.settings,
        channels=plan.channels,
        model=from_keras(model, metadata),
        class_map=plan.class_map,
        runs=(*base.runs, run),
    )


def _fresh(project: Project, kind: str, name: str) -> Classifier:
    """Make a classifier that keeps the past of the one whose place it takes, if there is one."""
    for old in project.classifiers:
        if (old.name, old.kind) == (name, kind):
            return Classifier(name, kind, runs=old.runs, evaluations=old.evaluations)
    return Classifier(name, kind)


# --- after a fit -----------------------------------------------------------------------------


def _probabilities(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> Floats:
    model = to_keras(model_of(classifier))
    check_model(classifier, model)
    settings = input_settings(classifier)
    return probabilities_of(model, project, things, settings, classifier.channels, progress)
