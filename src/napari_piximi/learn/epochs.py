"""The one training loop: epochs, early stop, best weights, cancelling, for every backend."""

import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import Cancelled, DeviceMemoryError, FitError, PiximiWarning
from napari_piximi.learn._keras import keras
from napari_piximi.learn.augmentation import Augmentation
from napari_piximi.learn.averages import SILENT, Average, values_of
from napari_piximi.learn.losses import Loss, loss_of
from napari_piximi.learn.metrics import figures
from napari_piximi.learn.steps import Forward, Pace, is_out_of_memory, make_steps
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress

__all__ = ["Labelled", "Outcome", "opened", "run_epochs"]

Floats = NDArray[np.float32]

CHUNK_BYTES = 64 * 2**20
"""Bytes of samples that are gathered for one call."""

PUT_ASIDE_SECONDS = 1.0
PUT_ASIDE_SHARE = 30
"""The best weights are put aside no more often than this, so that it costs 3 % at most."""


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


@dataclass(frozen=True)
class Outcome:
    """What became of a model that was fitted; see :class:`napari_piximi.model.training.Run`."""

    history: Mapping[str, tuple[float, ...]]
    best_epoch: int
    stopped: str
    seconds: float


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
        try:
            if continued:
                fitting.measure_start(progress)
            stopped = fitting.run(progress)
        except Cancelled:
            stopped = "cancelled"
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise _memory_error(fitting) from error
        best = fitting.finish(diverged=stopped == "diverged")
    if stopped == "diverged":
        warnings.warn(_divergence(fitting), PiximiWarning, stacklevel=3)
    return fitting.outcome(best, stopped)


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
    history: dict[str, list[float]] = field(default_factory=lambda: {"loss": []})

    def __post_init__(self) -> None:
        settings = self.settings
        batch_bytes = settings.batch_size * self.training.samples[:1].nbytes
        self.pace = Pace(4, max(1, CHUNK_BYTES // batch_bytes))
        self.steps = make_steps(self.model, self.loss, settings)
        self.forward = Forward(self.model)
        self.weights = _sample_weights(self.training.targets, balance=settings.class_weights)
        self.watched = "val_loss" if len(self.validation) else "loss"
        self.average = Average(self.model, settings.averaging)
        self.best: list[NDArray[Any]] | None = None
        self.best_epoch, self.best_loss = 0, np.inf
        self.started = time.perf_counter()
        self.put_aside_at, self.put_aside_epoch = 0.0, -1

    @property
    def batches(self) -> int:
        """Batches per epoch."""
        return -(-len(self.training) // self.settings.batch_size)

    def measure_start(self, progress: Progress) -> None:
        """Take the weights as they are for the best so far."""
        self.best, self.best_epoch = values_of(self.model.weights), -1
        watched = self.validation if len(self.validation) else self.training
        total = self.batches * self.settings.epochs
        outputs = self._start_outputs(lambda _: self._report(progress, 0, 0, total))
        loss = self._measure(watched.targets, outputs)["loss"]
        self.best_loss = loss if _finite([loss], self.best) else np.inf

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

    def run(self, progress: Progress) -> str:
        """Run the epochs; tell how they ended."""
        for epoch in range(self.settings.epochs):
            if not self.run_epoch(epoch, progress):
                return self._diverged()
            waited = epoch - self.best_epoch
            if 0 < self.settings.patience <= waited:
                return "early"
        return "finished"

    def run_epoch(self, epoch: int, progress: Progress) -> bool:
        """Show every sample to the model once, then see how it does; False if it diverged."""
        order = self._order(epoch)
        changes = Augmentation.draw(self.settings, len(order), epoch)
        outputs: list[Floats] = []
        start, total = 0, self.batches * self.settings.epochs
        self._report(progress, epoch, 0, total)
        while start < len(order):
            part = slice(start, start + self.pace.start() * self.settings.batch_size)
            samples = changes.apply(self.training.samples[order[part]], part)
            targets = self._smoothed(self.training.targets[order[part]])
            outputs.append(self.steps(samples, targets, self.weights[order[part]]))
            start = min(part.stop, len(order))
            done = -(-start // self.settings.batch_size)
            self.pace.stop(-(-len(samples) // self.settings.batch_size))
            if start < len(order):
                self._report(progress, epoch, done, total)
        measured = self._measure(self.training.targets[order], np.concatenate(outputs))
        well = self._note(
            epoch, measured, lambda _: self._report(progress, epoch, self.batches, total)
        )
        self._put_aside()
        self._report(progress, epoch, self.batches, total)
        return well

    def outcome(self, best_epoch: int, stopped: str) -> Outcome:
        """Tell what became of it so far."""
        history = {key: tuple(values) for key, values in self.history.items()}
        return Outcome(history, best_epoch, stopped, time.perf_counter() - self.started)

    def finish(self, *, diverged: bool = False) -> int:
        """Give the model the weights that are to be kept; tell of which epoch they are."""
        completed = len(self.history["loss"])
        if (self.settings.keep_best or diverged) and self.best is not None:
            self.model.set_weights(self.best)
            return self.best_epoch
        if completed and self.average.values is not None:
            self.average.swap()
        return max(completed - 1, 0)

    def _put_aside(self) -> None:
        """Show the best weights to whoever keeps them, but seldom enough to cost little."""
        now = time.perf_counter()
        kept = self.put_aside_epoch == self.best_epoch
        if self.improved is None or self.best is None or kept or now < self.put_aside_at:
            return
        current = values_of(self.model.weights)
        self.model.set_weights(self.best)
        with _closed(self.model, logits=self.loss.logits):
            self.improved(self.outcome(self.best_epoch, "interrupted"))
        self.model.set_weights(current)
        self.put_aside_epoch = self.best_epoch
        done = time.perf_counter()
        self.put_aside_at = done + max(PUT_ASIDE_SECONDS, PUT_ASIDE_SHARE * (done - now))

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
        """Write the history, and remember the weights if they are the best so far.

        An epoch whose loss or weights are not finite leaves no trace; the answer is then False.
        """
        self.average.update(epoch)
        with self.average.shown():
            values = dict(measured)
            if len(self.validation):
                outputs = self.forward(self.validation.samples, tick)
                judged = self._measure(self.validation.targets, outputs)
                values |= {f"val_{key}": value for key, value in judged.items()}
            weights = values_of(self.model.weights)
            # The loss of an epoch is from before its last step, which may have spoilt all.
            if not _finite(values.values(), weights):
                return False
            for key, value in values.items():
                self.history.setdefault(key, []).append(value)
            if values[self.watched] <= self.best_loss:
                self.best, self.best_epoch = weights, epoch
                self.best_loss = values[self.watched]
        return True

    def _diverged(self) -> str:
        if not np.isfinite(self.best_loss):
            raise FitError(_divergence(self))
        return "diverged"

    def _report(self, progress: Progress, epoch: int, done: int, total: int) -> None:
        latest = {key: values[-1] for key, values in self.history.items() if values}
        message = f"Epoch {epoch + 1} of {self.settings.epochs}"
        # The figures are of the last epoch that is complete, which may be the one before.
        at = {"epoch": epoch + 1, "complete": len(self.history["loss"])}
        progress(epoch * self.batches + done, total, message, **at, **latest)


def _finite(figures: Iterable[float], weights: Iterable[NDArray[Any]]) -> bool:
    """Look at weights too: a layer such as ReLU can hide that they are no numbers."""
    return all(map(math.isfinite, figures)) and all(np.isfinite(part).all() for part in weights)


def _sample_weights(targets: Floats, *, balance: bool) -> Floats:
    """Weigh samples so that every category with examples counts the same; their mean is 1."""
    if not balance:
        return np.ones(len(targets), dtype=np.float32)
    counts = targets.sum(axis=0)
    weights = np.divide(
        len(targets), counts * (counts > 0).sum(), out=np.zeros_like(counts), where=counts > 0
    )
    return np.asarray(targets @ weights, dtype=np.float32)


def _divergence(fitting: Fitting) -> str:
    failed = len(fitting.history["loss"]) + 1
    text = f"The loss or the weights are no finite numbers after epoch {failed}; "
    if np.isfinite(fitting.best_loss):
        best = fitting.best_epoch + 1
        text += f"the weights {f'of epoch {best}' if best else 'from before the fit'} are kept; "
    return f"{text}a learning rate below {fitting.settings.learning_rate:g} may help"


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
