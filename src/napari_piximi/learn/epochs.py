"""The one training loop: epochs, early stop, best weights, cancelling, for every backend."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import Cancelled, DeviceMemoryError, PiximiWarning
from napari_piximi.learn._keras import keras
from napari_piximi.learn.augmentation import Augmentation
from napari_piximi.learn.averages import SILENT, Average
from napari_piximi.learn.fit_record import FitRecord, Outcome
from napari_piximi.learn.losses import Loss, loss_of
from napari_piximi.learn.metrics import figures
from napari_piximi.learn.steps import Forward, Pace, is_out_of_memory, make_steps
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress

__all__ = ["Labelled", "opened", "run_epochs"]

Floats = NDArray[np.float32]

CHUNK_BYTES = 64 * 2**20
"""Bytes of samples that are gathered for one call."""


@dataclass(frozen=True)
class Labelled:
    """Samples and the truth about them.

    Attributes
    ----------
    samples : (N, Y, X, C) float32 array
        In memory or memory-mapped.
    targets : (N, classes) float32 array
        1 for the true class, 0 for the others.
    """

    samples: Floats
    targets: Floats

    def __len__(self) -> int:
        return len(self.targets)


def run_epochs(
    model: Any,  # noqa: ANN401
    training: Labelled,
    validation: Labelled,
    settings: Settings,
    progress: Progress,
    *,
    continued: bool = False,
    improved: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Fit a model; it ends with the weights that are to be kept.

    Parameters
    ----------
    model : keras.Model
        From (N, Y, X, C) to probabilities (N, classes).
    training, validation : Labelled
        Without validation things, the training loss decides which epoch is best.
    settings : Settings
    progress : Progress
        Called after every few batches. When it raises
        :class:`~napari_piximi.errors.Cancelled`, the best weights so far are kept, or the
        current ones if no epoch is complete.
    continued : bool
        The model is one that was fitted before: its weights are measured first, and are the
        best until an epoch does as well.
    improved : callable, optional
        Called while the model has the best weights so far, now and then, so that they can be
        put aside.

    Raises
    ------
    FitError
        If the device's memory does not suffice for a batch, or the loss or the weights are
        not finite after the first epoch and there are no weights to go back to.

    Warns
    -----
    PiximiWarning
        If the loss or the weights are no longer finite; the fit ends with the best weights.
    """
    with opened(model) as logits:
        loss = loss_of(settings, logits=logits)
        fitting = Fitting(model, loss, training, validation, settings, improved)
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
            raise _memory_error(fitting) from error
        best = fitting.finish(diverged=stopped == "diverged")
    if stopped == "diverged":
        warnings.warn(record.divergence(), PiximiWarning, stacklevel=3)
    return record.outcome(best, stopped)


@contextmanager
def opened(model: Any) -> Iterator[bool]:  # noqa: ANN401
    """Let a model put out logits while it is fitted; tell whether it does.

    Losses of logits are exact where probabilities round to 0 or 1. A model that does not
    end in a softmax activation stays as it is.
    """
    last = model.layers[-1]
    softmax = getattr(last, "activation", None) is keras.activations.softmax
    if softmax:
        last.activation = keras.activations.linear
    try:
        yield softmax
    finally:
        if softmax:
            last.activation = keras.activations.softmax


@contextmanager
def _closed(model: Any, *, logits: bool) -> Iterator[None]:  # noqa: ANN401
    """Let a model that puts out logits put out probabilities for a while."""
    last = model.layers[-1]
    if logits:
        last.activation = keras.activations.softmax
    try:
        yield
    finally:
        if logits:
            last.activation = keras.activations.linear


@dataclass
class Fitting:
    """A fit under way."""

    model: Any
    loss: Loss
    training: Labelled
    validation: Labelled
    settings: Settings
    improved: Callable[[Outcome], None] | None = None

    def __post_init__(self) -> None:
        settings = self.settings
        batch_bytes = settings.batch_size * self.training.samples[:1].nbytes
        self.pace = Pace(4, max(1, CHUNK_BYTES // batch_bytes))
        self.steps = make_steps(self.model, self.loss, settings)
        self.forward = Forward(self.model)
        self.weights = _sample_weights(self.training.targets, balance=settings.class_weights)
        self.average = Average(self.model, settings.averaging)
        self.batches = -(-len(self.training) // settings.batch_size)
        watched = "val_loss" if len(self.validation) else "loss"
        self.record = FitRecord(self.model, settings, self.batches, watched, self.improved)

    def measure_start(self, progress: Progress) -> None:
        """Take the weights as they are for the best so far."""
        self.record.take_start()
        watched = self.validation if len(self.validation) else self.training
        outputs = self._start_outputs(lambda _: self.record.report(progress, 0, 0))
        self.record.judge_start(self._measure(watched.targets, outputs)["loss"])

    def _start_outputs(self, tick: Callable[[int], None]) -> Floats:
        if len(self.validation):
            return self.forward(self.validation.samples, tick)
        # Changed at random like those of the epochs that it is compared with.
        count, step = len(self.training), self.pace.most * self.settings.batch_size
        changes = Augmentation.draw(self.settings, count, 0)
        parts = [slice(start, start + step) for start in range(0, count, step)]
        samples = self.training.samples
        return np.concatenate(
            [self.forward(changes.apply(np.array(samples[part]), part), tick) for part in parts]
        )

    def run_epoch(self, epoch: int, progress: Progress) -> bool:
        """Show every sample to the model once, then see how it does; False if it diverged."""
        order = self._order(epoch)
        changes = Augmentation.draw(self.settings, len(order), epoch)
        outputs: list[Floats] = []
        start = 0
        self.record.report(progress, epoch, 0)
        while start < len(order):
            part = slice(start, start + self.pace.start() * self.settings.batch_size)
            samples = changes.apply(self.training.samples[order[part]], part)
            targets = self._smoothed(self.training.targets[order[part]])
            outputs.append(self.steps(samples, targets, self.weights[order[part]]))
            start = min(part.stop, len(order))
            done = -(-start // self.settings.batch_size)
            self.pace.stop(-(-len(samples) // self.settings.batch_size))
            if start < len(order):
                self.record.report(progress, epoch, done)
        measured = self._measure(self.training.targets[order], np.concatenate(outputs))
        well = self._note(
            epoch, measured, lambda _: self.record.report(progress, epoch, self.batches)
        )
        self.record.put_aside(partial(_closed, self.model, logits=self.loss.logits))
        self.record.report(progress, epoch, self.batches)
        return well

    def finish(self, *, diverged: bool = False) -> int:
        """Give the model the weights that are to be kept; tell of which epoch they are."""
        record = self.record
        completed = len(record.history["loss"])
        if (self.settings.keep_best or diverged) and record.best is not None:
            self.model.set_weights(record.best)
            return record.best_epoch
        if completed and self.average.values is not None:
            self.average.swap()
        return max(completed - 1, 0)

    def _order(self, epoch: int) -> NDArray[np.intp]:
        count = len(self.training)
        if not self.settings.shuffle:
            return np.arange(count)
        return np.random.default_rng((self.settings.seed, 1, epoch)).permutation(count)

    def _smoothed(self, targets: Floats) -> Floats:
        share = np.float32(self.settings.label_smoothing)
        return targets * (1 - share) + share / np.float32(targets.shape[1]) if share else targets

    @SILENT
    def _measure(self, targets: Floats, outputs: Floats) -> dict[str, float]:
        loss = float(np.mean(self.loss(targets, outputs.astype(np.float64))))
        probabilities = self.loss.probabilities(outputs)
        return {"loss": loss, **figures(self.settings.metrics, targets, probabilities)}

    def _note(self, epoch: int, measured: Mapping[str, float], tick: Callable[[int], None]) -> bool:
        """Judge an epoch by what is held out too, and note it; False if it diverged."""
        self.average.update(epoch)
        with self.average.shown():
            values = dict(measured)
            if len(self.validation):
                outputs = self.forward(self.validation.samples, tick)
                judged = self._measure(self.validation.targets, outputs)
                values |= {f"val_{key}": value for key, value in judged.items()}
            return self.record.note(epoch, values)


def _sample_weights(targets: Floats, *, balance: bool) -> Floats:
    """Weigh samples so that every category with examples counts the same; their mean is 1."""
    if not balance:
        return np.ones(len(targets), dtype=np.float32)
    counts = targets.sum(axis=0)
    weights = np.divide(
        len(targets), counts * (counts > 0).sum(), out=np.zeros_like(counts), where=counts > 0
    )
    return np.asarray(targets @ weights, dtype=np.float32)


def _memory_error(fitting: Fitting) -> DeviceMemoryError:
    """Find a batch size that the memory does suffice for, by trying."""
    size = fitting.settings.batch_size
    failed = f"The memory of the device does not suffice for a batch size of {size}"
    shape, classes = fitting.training.samples.shape[1:], fitting.training.targets.shape[1]
    while size > 1:
        size //= 2
        with_zeros: Sequence[Floats] = (
            np.zeros((size, *shape), np.float32),
            np.zeros((size, classes), np.float32),
            np.zeros(size, np.float32),
        )
        try:
            fitting.steps(*with_zeros)
        except Exception as error:  # whatever a backend raises
            if not is_out_of_memory(error):
                raise
        else:
            return DeviceMemoryError(f"{failed}; {size} would do", size)
    return DeviceMemoryError(f"{failed}, nor for any other; a smaller input may help")
