"""From a plan to a fitted U-Net; Keras is loaded here."""

from collections.abc import Callable
from typing import Any

from napari_piximi.learn.device import backend, describe
from napari_piximi.learn.fit_record import Outcome
from napari_piximi.learn.serialization import from_keras
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.training import ModelArtifact, Run
from napari_piximi.progress import Progress
from napari_piximi.segment.own_networks import FitPlan, metadata_of
from napari_piximi.segment.unet import build_unet
from napari_piximi.segment.unet_asking import checked_model
from napari_piximi.segment.unet_fitting import fit_unet
from napari_piximi.segment.unet_scenes import opened_scenes

__all__ = ["learn"]


def learn(
    plan: FitPlan,
    start: SegmentationNetwork,
    progress: Progress,
    keep: Callable[[ModelArtifact, Run], None] | None = None,
) -> tuple[ModelArtifact, Run]:
    """Fit; see :func:`napari_piximi.segment.own_networks.fit_network`.

    Parameters
    ----------
    plan : FitPlan
    start : SegmentationNetwork
        One with a model is continued.
    progress : Progress
    keep : callable, optional
    """
    continued = start.model is not None
    settings = plan.settings
    model = checked_model(start) if continued else build_unet(settings, len(plan.channels))

    def improved(outcome: Outcome) -> None:
        if keep is not None:
            keep(*_fitted(plan, model, outcome))

    with (
        opened_scenes(plan.training, settings, plan.channels, progress) as training,
        opened_scenes(plan.validation, settings, plan.channels, progress) as validation,
    ):
        outcome = fit_unet(
            model,
            training,
            validation,
            settings,
            progress,
            run=len(start.runs),
            continued=continued,
            improved=None if keep is None else improved,
        )
    return _fitted(plan, model, outcome)


def _fitted(plan: FitPlan, model: Any, outcome: Outcome) -> tuple[ModelArtifact, Run]:  # noqa: ANN401
    run = Run(
        plan.settings,
        outcome.history,
        outcome.best_epoch,
        sum(len(piece.annotations) for piece in plan.training),
        sum(len(piece.annotations) for piece in plan.validation),
        outcome.stopped,
        describe(),
        backend(),
        outcome.seconds,
    )
    return from_keras(model, metadata_of(plan)), run
