"""Fits of segmentation networks that need no Keras, for the engine; see stand_in_fits."""

import os
import signal
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

from napari_piximi.errors import Cancelled, DeviceMemoryError, PiximiWarning, SegmentError
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.training import LAYERS_FORMAT, ModelArtifact, Run
from napari_piximi.progress import Progress
from napari_piximi.segment.own_networks import check_fit, metadata_of

Keep = Callable[[SegmentationNetwork], None]
WAIT = 30.0


def fitted(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    name: str,
    base: SegmentationNetwork | None,
    epochs: int = 3,
    stopped: str = "finished",
) -> SegmentationNetwork:
    """Return what such a fit would, as it is divided and noted by the real one."""
    plan = check_fit(project, kind, settings, channels, base)
    history = {
        "loss": tuple(1 / (n + 1) for n in range(epochs)),
        "iou": tuple(n / (n + 1) for n in range(epochs)),
        "val_loss": tuple(1.5 / (n + 1) for n in range(epochs)),
        "val_iou": tuple(0.8 * n / (n + 1) for n in range(epochs)),
        "val_f1": tuple(0.9 * n / (n + 1) for n in range(epochs)),
    }
    taught = sum(len(piece.annotations) for piece in plan.training)
    held = sum(len(piece.annotations) for piece in plan.validation)
    run = Run(plan.settings, history, epochs - 1, taught, held, stopped, "CPU", "none", 1.0)
    model = ModelArtifact({"format": LAYERS_FORMAT, **metadata_of(plan)}, os.urandom(4))
    start = base or SegmentationNetwork(name, kind)
    runs = (*start.runs, run)
    return replace(
        start, name=name, settings=plan.settings, channels=plan.channels, model=model, runs=runs
    )


def tell(progress: Progress, settings: UNetSettings, epoch: int) -> None:
    """Report an epoch that is complete."""
    figures = {"loss": 1 / epoch, "val_loss": 1.5 / epoch, "val_f1": 0.9 - 0.9 / epoch}
    at = {"epoch": epoch, "complete": epoch}
    message = f"Epoch {epoch} of {settings.epochs}"
    progress(epoch * 2, settings.epochs * 2, message, **at, **figures)


def quick(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    *,
    name: str,
    base: SegmentationNetwork | None = None,
    progress: Progress,
    keep: Keep | None = None,
) -> SegmentationNetwork:
    """Fit three epochs."""
    for epoch in (1, 2, 3):
        time.sleep(0.06)
        tell(progress, settings, epoch)
    return fitted(project, kind, settings, channels, name, base)


def until_stopped(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    *,
    name: str,
    base: SegmentationNetwork | None = None,
    progress: Progress,
    keep: Keep,
) -> SegmentationNetwork:
    """Fit until it is cancelled, and give what there is then."""
    until = time.monotonic() + WAIT
    try:
        while time.monotonic() < until:
            tell(progress, settings, 2)
            keep(fitted(project, kind, settings, channels, name, base, 2, "interrupted"))
            time.sleep(0.02)
    except Cancelled:
        return fitted(project, kind, settings, channels, name, base, 2, "cancelled")
    raise SegmentError("nobody stopped this fit")


def stopped_at_once(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    *,
    name: str,
    base: SegmentationNetwork | None = None,
    progress: Progress,
    keep: Keep | None = None,
) -> SegmentationNetwork:
    """End before an epoch is complete."""
    return fitted(project, kind, settings, channels, name, base, 0, "cancelled")


def diverges(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    *,
    name: str,
    base: SegmentationNetwork | None = None,
    progress: Progress,
    keep: Keep | None = None,
) -> SegmentationNetwork:
    """End with the best weights, and say that it diverged."""
    warnings.warn("The loss is no finite number after epoch 3", PiximiWarning, stacklevel=1)
    return fitted(project, kind, settings, channels, name, base, 2, "diverged")


def dies(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    *,
    name: str,
    base: SegmentationNetwork | None = None,
    progress: Progress,
    keep: Keep,
) -> SegmentationNetwork:
    """Keep two epochs, and be killed."""
    tell(progress, settings, 2)
    keep(fitted(project, kind, settings, channels, name, base, 2, "interrupted"))
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def dies_at_once(*_: object, **__: object) -> SegmentationNetwork:
    """Be killed before there is anything to keep."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def out_of_memory(
    project: Project,
    kind: str,
    settings: UNetSettings,
    channels: Sequence[int],
    *,
    name: str,
    base: SegmentationNetwork | None = None,
    progress: Progress,
    keep: Keep | None = None,
) -> SegmentationNetwork:
    """Take batches of 1."""
    if settings.batch_size > 1:
        raise DeviceMemoryError(f"No room for {settings.batch_size} tiles per step; try 1", 1)
    return fitted(project, kind, settings, channels, name, base)
