"""Optimisation steps and forward passes, by whatever backend Keras has."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.learn._keras import keras
from napari_piximi.learn.device import backend, on_gpu
from napari_piximi.learn.losses import Loss
from napari_piximi.learn.optimizers import optimizer_of
from napari_piximi.model.training import Settings

__all__ = [
    "Forward",
    "Pace",
    "Steps",
    "is_out_of_memory",
    "make_steps",
]

Floats = NDArray[np.float32]
Steps = Callable[[Floats, Floats, Floats], Floats]
"""(samples, targets, weights) → outputs (N, classes): one step for each batch of samples."""

CALL_SECONDS = 0.06
"""How long one call should take: a stop is then obeyed at once, and calls cost little."""

LARGEST_BATCH = 256
"""Samples at a time of a forward pass; with more it was no faster."""

BATCH_BYTES = 8 * 2**20
"""Bytes of samples at a time of a forward pass on a processor, so that a stop is obeyed soon."""


@dataclass
class Pace:
    """How much to do in one call so that it takes about :data:`CALL_SECONDS`.

    Attributes
    ----------
    count : int
        What to do next, in batches or samples.
    most : int
    """

    count: int
    most: int
    _started: float = 0.0
    _warm: bool = False

    def start(self) -> int:
        """Note the time, and say how much to do."""
        self._started = time.perf_counter()
        return self.count

    def stop(self, done: int) -> None:
        """Adapt, if it was as much as planned; the first call compiles and does not count."""
        seconds = max(time.perf_counter() - self._started, 1e-6)
        if self._warm and done == self.count:
            ideal = int(CALL_SECONDS * done / seconds)
            self.count = max(1, min(max(ideal, self.count // 2), 2 * self.count, self.most))
        self._warm = True


def make_steps(model: Any, loss: Loss, settings: Settings) -> Steps:  # noqa: ANN401
    """Make the function that trains a model.

    Parameters
    ----------
    model : keras.Model
    loss : Loss
    settings : Settings
        Optimizer, learning rate and batch size.
    """
    optimizer = optimizer_of(settings)
    if backend() == "tensorflow":
        from napari_piximi.learn.steps_tensorflow import compiled_steps

        return compiled_steps(model, optimizer, loss, settings.batch_size)
    return _keras_steps(model, optimizer, loss, settings.batch_size)


def _keras_steps(model: Any, optimizer: Any, loss: Loss, batch_size: int) -> Steps:  # noqa: ANN401
    outputs = LastOutputs(batch_size, model.output_shape[-1])
    model.compile(
        optimizer, lambda true, put_out: loss(true, put_out, keras.ops), metrics=[outputs]
    )

    def steps(samples: Floats, targets: Floats, weights: Floats) -> Floats:
        seen = []
        for start in range(0, len(samples), batch_size):
            part = slice(start, start + batch_size)
            model.reset_metrics()
            model.train_on_batch(samples[part], targets[part], sample_weight=weights[part])
            seen.append(outputs.read(len(samples[part])))
        return np.concatenate(seen)

    return steps


class LastOutputs(keras.metrics.Metric):  # type: ignore[misc]
    """A metric only in form: it lets out of a compiled step what the model put out."""

    def __init__(self, batch_size: int, classes: int) -> None:
        super().__init__(name="outputs")
        self.kept = self.add_weight(shape=(batch_size, classes), initializer="zeros", name="kept")

    def update_state(self, true: Any, outputs: Any, sample_weight: Any = None) -> None:  # noqa: ANN401
        """Keep the outputs; rows that a short batch lacks are 0."""
        missing = self.kept.shape[0] - outputs.shape[0]
        self.kept.assign(keras.ops.pad(outputs, ((0, missing), (0, 0))))

    def result(self) -> Any:  # noqa: ANN401
        """Return a number, as a metric must."""
        return keras.ops.sum(self.kept)

    def read(self, count: int) -> Floats:
        """Return the outputs of the last batch, (count, classes)."""
        return np.asarray(self.kept)[:count].copy()


class Forward:
    """Asks a model about any number of samples, a batch at a time.

    Parameters
    ----------
    model : keras.Model
        From (N, Y, X, C) to (N, classes).

    Notes
    -----
    The batch follows from the size of a sample, not from the clock: sums in other batches
    could differ in the last bit, and with them the epoch that is found best.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self.classes = int(model.output_shape[-1])
        budget = BATCH_BYTES * (8 if on_gpu() else 1)
        sample = 4 * int(np.prod(model.input_shape[1:]))
        self.batch = _power_of_two(max(1, min(LARGEST_BATCH, budget // sample)))
        self._ask = _forward(model)

    def __call__(self, samples: Floats, tick: Callable[[int], None] = lambda done: None) -> Floats:
        """Return what the model puts out, (N, classes).

        Parameters
        ----------
        samples : (N, Y, X, C) float32 array
        tick : callable
            Told after every batch how many are done; may raise.

        Raises
        ------
        FitError
            If the device's memory does not suffice even for one sample.
        """
        result = np.empty((len(samples), self.classes), dtype=np.float32)
        start = 0
        while start < len(samples):
            part = slice(start, start + self.batch)
            try:
                result[part] = self._ask(samples[part])
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._shrink(error)
                continue
            start = min(part.stop, len(samples))
            tick(start)
        return result

    def _shrink(self, error: Exception) -> None:
        if self.batch == 1:
            raise FitError(
                "The memory of the device does not suffice for a single sample"
            ) from error
        self.batch //= 2


def _forward(model: Any) -> Callable[[Floats], Floats]:  # noqa: ANN401
    if backend() == "tensorflow":
        from napari_piximi.learn.steps_tensorflow import compiled_forward

        return compiled_forward(model)

    def forward(samples: Floats) -> Floats:
        # Padded to a power of two: JAX compiles anew for every other batch size.
        size = 1 << (len(samples) - 1).bit_length()
        padded = np.zeros((size, *samples.shape[1:]), dtype=np.float32)
        padded[: len(samples)] = samples
        return np.asarray(model.predict_on_batch(padded))[: len(samples)]

    return forward


def _power_of_two(count: int) -> int:
    return 1 << (count.bit_length() - 1)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether a backend's error says that the device's memory does not suffice."""
    kinds = ("ResourceExhaustedError", "OutOfMemoryError", "MemoryError")
    return type(error).__name__ in kinds or "RESOURCE_EXHAUSTED" in str(error)
