"""The training loop of a U-Net: seeded, to be stopped and continued, on every backend of Keras."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import Cancelled, DeviceMemoryError, PiximiWarning
from napari_piximi.learn._keras import keras
from napari_piximi.learn.averages import SILENT
from napari_piximi.learn.device import backend
from napari_piximi.learn.fit_record import FitRecord, Outcome
from napari_piximi.learn.steps import is_out_of_memory
from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.progress import Progress
from napari_piximi.segment.found import found_labels
from napari_piximi.segment.matching import match_objects
from napari_piximi.segment.segmenters.own import OwnSettings, objects_in
from napari_piximi.segment.unet_asking import compiled
from napari_piximi.segment.unet_scenes import Scene
from napari_piximi.segment.unet_targets import BORDER, CLASSES, INSIDE
from napari_piximi.segment.unet_tiles import Batch, View, draw_batches, validation_views

__all__ = ["fit_unet"]

Floats = NDArray[np.float32]
TINY = 1e-7
"""Least probability in a logarithm, as in Keras."""

LAST_RATE = 0.01
"""What is left of the learning rate at the end, which it approaches along a cosine."""


def fit_unet(
    model: keras.Model,
    training: Sequence[Scene],
    validation: Sequence[Scene],
    settings: UNetSettings,
    progress: Progress,
    *,
    run: int = 0,
    continued: bool = False,
    improved: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Fit a U-Net; it ends with the weights of the best epoch.

    Parameters
    ----------
    model : keras.Model
        As :func:`~napari_piximi.segment.unet.build_unet` builds it.
    training, validation : sequence of Scene
        Without validation, the training loss decides which epoch is best.
    settings : UNetSettings
    progress : Progress
        Called after every batch. When it raises Cancelled, the best weights so far are kept,
        or the current ones if no epoch is complete.
    run : int
        Number of fits before this one.
    continued : bool
        The model was fitted before: its weights are the best until an epoch does as well.
    improved : callable, optional
        Called while the model has the best weights so far, now and then.

    Returns
    -------
    Outcome
        Its history has ``loss`` (the mean over tiles), ``iou`` (of the pixels inside), and of
        what is held out ``val_loss``, ``val_iou`` and ``val_f1`` (of objects, at 0.5).

    Raises
    ------
    FitError
        If the first epoch diverges.
    DeviceMemoryError
        If the memory does not suffice for a batch.

    Warns
    -----
    PiximiWarning
        If a later epoch diverges; the fit ends with the best weights.
    """
    views = validation_views(validation, settings)
    fitting = _Fitting(model, training, views, settings, run, improved)
    record = fitting.record
    try:
        if continued:
            fitting.measure_start(progress)
        stopped = record.run(partial(fitting.run_epoch, progress=progress))
    except Cancelled:
        stopped = "cancelled"
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise _memory_error(settings) from error
    if record.best is not None:
        model.set_weights(record.best)
    if stopped == "diverged":
        warnings.warn(record.divergence(), PiximiWarning, stacklevel=3)
    return record.outcome(record.best_epoch, stopped)


class InsideIoU(keras.metrics.Metric):  # type: ignore[misc]
    """Intersection over union of the pixels inside of objects."""

    def __init__(self) -> None:
        super().__init__(name="iou")
        self.both = self.add_weight(shape=(), initializer="zeros", name="both")
        self.either = self.add_weight(shape=(), initializer="zeros", name="either")

    def update_state(self, true: Any, outputs: Any, sample_weight: Any = None) -> None:  # noqa: ANN401
        """Count pixels."""
        wanted = keras.ops.cast(true, "int32") == INSIDE
        said = keras.ops.cast(keras.ops.argmax(outputs, axis=-1), "int32") == INSIDE
        both = keras.ops.logical_and(wanted, said)
        either = keras.ops.logical_or(wanted, said)
        self.both.assign_add(keras.ops.sum(keras.ops.cast(both, "float32")))
        self.either.assign_add(keras.ops.sum(keras.ops.cast(either, "float32")))

    def result(self) -> Any:  # noqa: ANN401
        """Return it; 0 where there is nothing inside."""
        return self.both / keras.ops.maximum(self.either, 1.0)

    def read(self) -> tuple[float, float]:
        """Return how many pixels are in both, and in either."""
        return float(np.asarray(self.both)), float(np.asarray(self.either))


@dataclass
class _Fitting:
    """A fit under way."""

    model: Any
    scenes: Sequence[Scene]
    views: Sequence[View]
    settings: UNetSettings
    number: int
    improved: Callable[[Outcome], None] | None = None

    def __post_init__(self) -> None:
        settings = self.settings
        self.batches = -(-settings.tiles // settings.batch_size)
        rate = keras.optimizers.schedules.CosineDecay(
            settings.learning_rate, settings.epochs * self.batches, alpha=LAST_RATE
        )
        self.weights = np.ones(len(CLASSES), np.float32)
        self.weights[BORDER] = settings.border_weight
        self.seen = InsideIoU()
        # Keras means by it XLA, without which JAX takes each operation by itself.
        compiling = backend() == "jax"
        self.model.compile(
            keras.optimizers.Adam(rate), self._loss, metrics=[self.seen], jit_compile=compiling
        )
        self.ask = compiled(self.model)
        watched = "val_loss" if self.views else "loss"
        self.record = FitRecord(self.model, settings, self.batches, watched, self.improved)

    def measure_start(self, progress: Progress) -> None:
        """Take the weights as they are for the best so far."""
        self.record.take_start()
        self.record.report(progress, 0, 0)
        if self.views:
            loss = self._judged(lambda: self.record.report(progress, 0, 0))["val_loss"]
        else:
            batches = draw_batches(self.scenes, self.settings, 0, self.number)
            loss = float(np.mean([self._loss_of(self.ask(b.pixels), b.targets) for b in batches]))
        self.record.judge_start(loss)

    @SILENT
    def run_epoch(self, epoch: int, progress: Progress) -> bool:
        """Show an epoch's tiles to the model once, then see how it does; False if it diverged."""
        losses, counts = [], np.zeros(2)
        self.record.report(progress, epoch, 0)
        for done, batch in enumerate(self._drawn(epoch), 1):
            self.model.reset_metrics()
            told = self.model.train_on_batch(batch.pixels, batch.targets, return_dict=True)
            losses.append(float(told["loss"]))
            counts += self.seen.read()
            if done < self.batches:
                self.record.report(progress, epoch, done)
        iou = float(counts[0] / counts[1]) if counts[1] else 0.0
        values = {"loss": float(np.mean(losses)), "iou": iou}
        values |= self._judged(lambda: self.record.report(progress, epoch, self.batches))
        if not self.record.note(epoch, values):
            return False
        self.record.put_aside()
        self.record.report(progress, epoch, self.batches)
        return True

    def _drawn(self, epoch: int) -> Iterator[Batch]:
        return draw_batches(self.scenes, self.settings, epoch, self.number)

    def _loss(self, true: Any, outputs: Any) -> Any:  # noqa: ANN401
        """Weigh the cross entropy of each pixel by its class; (N,), the mean over pixels."""
        wanted = keras.ops.one_hot(keras.ops.cast(true, "int32"), len(CLASSES))
        logs = keras.ops.log(keras.ops.clip(outputs, TINY, 1.0))
        return -keras.ops.mean(keras.ops.sum(wanted * logs * self.weights, axis=-1), axis=(1, 2))

    def _loss_of(self, outputs: Floats, targets: NDArray[np.uint8]) -> float:
        said = np.take_along_axis(outputs, targets[..., np.newaxis].astype(np.intp), axis=-1)
        logs = np.log(np.clip(said[..., 0].astype(np.float64), TINY, 1))
        return -float(np.mean(logs * self.weights[targets]))

    def _judged(self, tick: Callable[[], None]) -> dict[str, float]:
        """Return how the model does on what is held out; nothing where nothing is."""
        if not self.views:
            return {}
        losses, pixels, matched, objects = [], [], 0, 0
        both = either = 0
        for view in self.views:
            tick()
            outputs = self._padded_answer(view.pixels)
            losses.append(self._loss_of(outputs, view.targets))
            pixels.append(view.targets.size)
            wanted, inside = view.targets == INSIDE, outputs.argmax(axis=-1) == INSIDE
            both += int((wanted & inside).sum())
            either += int((wanted | inside).sum())
            said = objects_in(OwnSettings(), outputs)  # as the network will find them
            found = match_objects(found_labels(view.labels), said, (0.5,))
            matched, objects = matched + found.matched[0], objects + found.annotated + found.found
        return {
            "val_loss": float(np.average(losses, weights=pixels)),
            "val_iou": both / either if either else 0.0,
            "val_f1": 2 * matched / objects if objects else 0.0,
        }

    def _padded_answer(self, pixels: Floats) -> Floats:
        step = 2**self.settings.depth
        missing = tuple((0, -length % step) for length in pixels.shape[:2])
        padded = np.pad(pixels, (*missing, (0, 0)), mode="symmetric")
        answer: Floats = self.ask(padded[np.newaxis])[0]
        return answer[: pixels.shape[0], : pixels.shape[1]]


def _memory_error(settings: UNetSettings) -> DeviceMemoryError:
    half = settings.batch_size // 2
    text = (
        f"The memory of the device does not suffice for {settings.batch_size} tiles of "
        f"{settings.tile} pixels per step"
    )
    if half:
        return DeviceMemoryError(f"{text}; try {half}", half)
    return DeviceMemoryError(f"{text}; try smaller tiles or fewer filters")
