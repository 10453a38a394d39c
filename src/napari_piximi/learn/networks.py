"""Classifiers that are networks: fitted and asked with Keras."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io.tfjs import piximi_metadata
from napari_piximi.learn.architectures import build_network, freeze_backbone, seed_layers
from napari_piximi.learn.checks import warn_if_alike
from napari_piximi.learn.device import backend, describe
from napari_piximi.learn.epochs import Labelled, run_epochs
from napari_piximi.learn.fit_record import Outcome
from napari_piximi.learn.inference import probabilities_of
from napari_piximi.learn.penultimate import with_features
from napari_piximi.learn.plans import Plan, targets_of
from napari_piximi.learn.sampling import Samples, build_samples
from napari_piximi.learn.serialization import from_keras, to_keras
from napari_piximi.learn.suitability import check_model, input_settings, model_of
from napari_piximi.model.project import Project
from napari_piximi.model.things import Thing
from napari_piximi.model.training import Classifier, ModelArtifact, Run
from napari_piximi.progress import Progress

__all__ = ["embedding", "features", "fit", "probabilities"]

Floats = NDArray[np.float32]


def fit(
    plan: Plan,
    progress: Progress,
    keep: Callable[[ModelArtifact, Run], None] | None = None,
) -> tuple[ModelArtifact, Run]:
    """Fit a network; see :class:`napari_piximi.learn.classifier.Learner`."""
    with (
        _samples(plan, plan.split.training, progress, fitting=True) as training,
        _samples(plan, plan.split.validation, progress) as validation,
    ):
        warn_if_alike(training.values, plan.project.kinds[plan.kind].name)
        model = _network(plan, progress)

        def improved(outcome: Outcome) -> None:
            if keep is not None:
                keep(*_fitted(plan, model, outcome))

        outcome = run_epochs(
            model,
            _labelled(plan, plan.split.training, training),
            _labelled(plan, plan.split.validation, validation),
            plan.settings,
            progress,
            continued=plan.base is not None,
            improved=improved if keep is not None else None,
        )
    return _fitted(plan, model, outcome)


def probabilities(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> Floats:
    """Ask a network; see :class:`napari_piximi.learn.classifier.Learner`."""
    model = to_keras(model_of(classifier))
    check_model(classifier, model)
    settings = input_settings(classifier)
    return probabilities_of(model, project, things, settings, classifier.channels, progress)


def embedding(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> tuple[Floats, Floats]:
    """Return features (N, D) and probabilities (N, classes) of things, in one pass."""
    model = to_keras(model_of(classifier))
    check_model(classifier, model)
    both = with_features(model)
    settings = input_settings(classifier)
    rows = probabilities_of(both, project, things, settings, classifier.channels, progress)
    classes = int(model.output_shape[-1])
    return rows[:, :-classes].copy(), rows[:, -classes:].copy()


def features(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> Floats:
    """Return features; see :class:`napari_piximi.learn.classifier.Learner`."""
    return embedding(project, classifier, things, progress)[0]


def _samples(
    plan: Plan, things: Sequence[Thing], progress: Progress, *, fitting: bool = False
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


def _labelled(plan: Plan, things: Sequence[Thing], samples: Samples) -> Labelled:
    repeated = len(samples) // len(things) if things else 1
    targets = targets_of(plan.class_map, things)
    return Labelled(samples.values, np.repeat(targets, repeated, axis=0))


def _network(plan: Plan, progress: Progress) -> Any:  # noqa: ANN401
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


def _fitted(plan: Plan, model: Any, outcome: Outcome) -> tuple[ModelArtifact, Run]:  # noqa: ANN401
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
    planes = plan.base.planes if plan.base else 1
    metadata = piximi_metadata(plan.settings, plan.channels, planes, plan.classes)
    return from_keras(model, metadata), run
