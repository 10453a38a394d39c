"""Fits of segmentation networks that need no Keras, for the engine; see stand_in_fits."""

import os
import signal
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps

from napari_piximi.errors import Cancelled, DeviceMemoryError, PiximiWarning, SegmentError
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import (
    THRESHOLDS,
    SegmentationNetwork,
    SegmentationScore,
    UNetSettings,
)
from napari_piximi.model.training import LAYERS_FORMAT, ModelArtifact, Run
from napari_piximi.progress import Progress
from napari_piximi.segment.own_networks import check_fit, metadata_of

Keep = Callable[[SegmentationNetwork], None]
WAIT = 30.0


@dataclass(frozen=True)
class Asked:
    """What a fit is asked for; see :func:`napari_piximi.segment.own_networks.fit_network`."""

    project: Project
    kind: str
    settings: UNetSettings
    channels: Sequence[int]
    name: str
    progress: Progress
    base: SegmentationNetwork | None = None
    keep: Keep | None = None

    def tell(self, epoch: int) -> None:
        """Report an epoch that is complete."""
        figures = {"loss": 1 / epoch, "val_loss": 1.5 / epoch, "val_f1": 0.9 - 0.9 / epoch}
        at = {"epoch": epoch, "complete": epoch}
        message = f"Epoch {epoch} of {self.settings.epochs}"
        self.progress(epoch * 2, self.settings.epochs * 2, message, **at, **figures)

    def put_aside(self) -> None:
        """Keep two epochs."""
        assert self.keep is not None
        self.keep(self.fitted(2, "interrupted"))

    def fitted(self, epochs: int = 3, stopped: str = "finished") -> SegmentationNetwork:
        """Return what such a fit would, as it is divided and noted by the real one."""
        plan = check_fit(self.project, self.kind, self.settings, self.channels, self.base)
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
        start = self.base or SegmentationNetwork(self.name, self.kind)
        runs = (*start.runs, run)
        return replace(
            start,
            name=self.name,
            settings=plan.settings,
            channels=plan.channels,
            model=model,
            runs=runs,
        )


Play = Callable[[Asked], SegmentationNetwork]


def as_fit(play: Play) -> Callable[..., SegmentationNetwork]:
    """Give a stand-in the face of the real fit."""

    @wraps(play)
    def fit(
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
        return play(Asked(project, kind, settings, channels, name, progress, base, keep))

    return fit


@as_fit
def quick(asked: Asked) -> SegmentationNetwork:
    """Fit three epochs."""
    for epoch in (1, 2, 3):
        time.sleep(0.06)
        asked.tell(epoch)
    return asked.fitted()


@as_fit
def until_stopped(asked: Asked) -> SegmentationNetwork:
    """Fit until it is cancelled, and give what there is then."""
    until = time.monotonic() + WAIT
    try:
        while time.monotonic() < until:
            asked.tell(2)
            asked.put_aside()
            time.sleep(0.02)
    except Cancelled:
        return asked.fitted(2, "cancelled")
    raise SegmentError("nobody stopped this fit")


@as_fit
def stopped_at_once(asked: Asked) -> SegmentationNetwork:
    """End before an epoch is complete."""
    return asked.fitted(0, "cancelled")


@as_fit
def diverges(asked: Asked) -> SegmentationNetwork:
    """End with the best weights, and say that it diverged."""
    warnings.warn("The loss is no finite number after epoch 3", PiximiWarning, stacklevel=1)
    return asked.fitted(2, "diverged")


@as_fit
def dies(asked: Asked) -> SegmentationNetwork:
    """Keep two epochs, and be killed."""
    asked.tell(2)
    asked.put_aside()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def dies_at_once(*_: object, **__: object) -> SegmentationNetwork:
    """Be killed before there is anything to keep."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@as_fit
def out_of_memory(asked: Asked) -> SegmentationNetwork:
    """Take batches of 1."""
    if asked.settings.batch_size > 1:
        raise DeviceMemoryError(f"No room for {asked.settings.batch_size} tiles per step; try 1", 1)
    return asked.fitted()


def score(
    project: Project, network: SegmentationNetwork, *, progress: Progress
) -> SegmentationScore:
    """Find every other annotated object of the images that are handed over."""
    progress(0, 1, "Comparing")
    kinds = [thing.kind for thing in project.things.values()]
    count = kinds.count(network.kind)
    size = len(THRESHOLDS)
    matched = (count // 2,) * size
    images = sum(1 for _ in project.images())
    run = len(network.runs) - 1
    return SegmentationScore("Validation", images, count, count, matched, (0.9,) * size, run)
