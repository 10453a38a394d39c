"""What a fit by epochs has come to so far: its figures, its best weights, and how it ends."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.learn.averages import values_of
from napari_piximi.model.segmentation import UNetSettings
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress

__all__ = ["FitRecord", "Outcome"]

PUT_ASIDE_SECONDS = 1.0
PUT_ASIDE_SHARE = 30
"""The best weights are put aside no more often than this, so that it costs 3 % at most."""


@dataclass(frozen=True)
class Outcome:
    """What became of a model that was fitted; see :class:`napari_piximi.model.training.Run`."""

    history: Mapping[str, tuple[float, ...]]
    best_epoch: int
    stopped: str
    seconds: float


class FitRecord:
    """The course of a fit.

    Parameters
    ----------
    model : keras.Model
    settings : Settings or UNetSettings
    batches : int
        In each epoch.
    watched : str
        The figure that decides which epoch is best, by being least.
    improved : callable, optional
        Called while the model has the best weights so far, now and then.

    Attributes
    ----------
    history : dict of str to list of float
    best : list of arrays or None
        The best weights so far.
    best_epoch : int
        From 0; -1 for the weights that the fit began with.
    best_loss : float
        The watched figure of them.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401
        settings: Settings | UNetSettings,
        batches: int,
        watched: str,
        improved: Callable[[Outcome], None] | None = None,
    ) -> None:
        self.model, self.settings, self.batches = model, settings, batches
        self.watched, self.improved = watched, improved
        self.history: dict[str, list[float]] = {"loss": []}
        self.best: list[NDArray[Any]] | None = None
        self.best_epoch, self.best_loss = 0, np.inf
        self._started = time.perf_counter()
        self._put_aside_at, self._put_aside_epoch = 0.0, -1

    def take_start(self) -> None:
        """Take the weights as they are for the best so far."""
        self.best, self.best_epoch = values_of(self.model.weights), -1

    def judge_start(self, loss: float) -> None:
        """Note how good those are; any epoch is better where they are no finite numbers."""
        self.best_loss = loss if _finite([loss], self.best or ()) else np.inf

    def run(self, run_epoch: Callable[[int], bool]) -> str:
        """Run the epochs; tell how they ended.

        Parameters
        ----------
        run_epoch : callable
            Runs the epoch of a number; False if it diverged.

        Raises
        ------
        FitError
            If one diverged, and there are no weights to go back to.
        """
        for epoch in range(self.settings.epochs):
            if not run_epoch(epoch):
                if not math.isfinite(self.best_loss):
                    raise FitError(self.divergence())
                return "diverged"
            if 0 < self.settings.patience <= epoch - self.best_epoch:
                return "early"
        return "finished"

    def note(self, epoch: int, figures: Mapping[str, float]) -> bool:
        """Write the history, and remember the weights if they are the best so far.

        An epoch whose figures or weights are not finite leaves no trace; the answer is then
        False.
        """
        weights = values_of(self.model.weights)
        # The loss of an epoch is from before its last step, which may have spoilt all.
        if not _finite(figures.values(), weights):
            return False
        for key, value in figures.items():
            self.history.setdefault(key, []).append(value)
        if figures[self.watched] <= self.best_loss:
            self.best, self.best_epoch, self.best_loss = weights, epoch, figures[self.watched]
        return True

    def put_aside(
        self, presented: Callable[[], AbstractContextManager[object]] = nullcontext
    ) -> None:
        """Show the best weights to whoever keeps them, but seldom enough to cost little.

        Parameters
        ----------
        presented : callable
            Within what it returns, the model is as it is to be kept.
        """
        now = time.perf_counter()
        kept = self._put_aside_epoch == self.best_epoch
        if self.improved is None or self.best is None or kept or now < self._put_aside_at:
            return
        current = values_of(self.model.weights)
        self.model.set_weights(self.best)
        with presented():
            self.improved(self.outcome(self.best_epoch, "interrupted"))
        self.model.set_weights(current)
        self._put_aside_epoch = self.best_epoch
        done = time.perf_counter()
        self._put_aside_at = done + max(PUT_ASIDE_SECONDS, PUT_ASIDE_SHARE * (done - now))

    def report(self, progress: Progress, epoch: int, done: int) -> None:
        """Tell how many batches of an epoch are done, and the newest figures."""
        latest = {key: values[-1] for key, values in self.history.items() if values}
        message = f"Epoch {epoch + 1} of {self.settings.epochs}"
        # The figures are of the last epoch that is complete, which may be the one before.
        at = {"epoch": epoch + 1, "complete": len(self.history["loss"])}
        total = self.batches * self.settings.epochs
        progress(epoch * self.batches + done, total, message, **at, **latest)

    def outcome(self, best_epoch: int, stopped: str) -> Outcome:
        """Tell what became of it so far."""
        history = {key: tuple(values) for key, values in self.history.items()}
        return Outcome(history, best_epoch, stopped, time.perf_counter() - self._started)

    def divergence(self) -> str:
        """Say that it diverged."""
        failed = len(self.history["loss"]) + 1
        text = f"The loss or the weights are no finite numbers after epoch {failed}; "
        if math.isfinite(self.best_loss):
            best = self.best_epoch + 1
            kept = f"of epoch {best}" if best else "from before the fit"
            text += f"the weights {kept} are kept; "
        return f"{text}a learning rate below {self.settings.learning_rate:g} may help"


def _finite(figures: Iterable[float], weights: Iterable[NDArray[Any]]) -> bool:
    """Look at weights too: a layer such as ReLU can hide that they are no numbers."""
    return all(map(math.isfinite, figures)) and all(np.isfinite(part).all() for part in weights)
