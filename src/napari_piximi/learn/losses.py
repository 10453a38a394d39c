"""Loss functions with their true meaning, written once for numpy and for every Keras backend.

Each takes targets and predictions (N, classes) and returns a loss per sample (N,). `xp` is
:mod:`numpy` or :mod:`keras.ops`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.model.training import LOSSES, Settings

__all__ = ["Loss", "log_softmax", "loss_of", "softmax"]

SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1 before a logarithm."""

CROSS_ENTROPY = "Categorical (softmax) cross entropy"


def log_softmax(logits: Any, xp: Any = np) -> Any:  # noqa: ANN401
    """Return the logarithms of the softmax over the last axis."""
    shifted = logits - xp.max(logits, axis=-1, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))


def softmax(logits: Any, xp: Any = np) -> Any:  # noqa: ANN401
    """Return the softmax over the last axis."""
    return xp.exp(log_softmax(logits, xp))


@dataclass(frozen=True)
class Predicted:
    """What a network puts out, in the forms that losses are defined on."""

    outputs: Any
    logits: bool
    xp: Any

    @property
    def probabilities(self) -> Any:  # noqa: ANN401
        return softmax(self.outputs, self.xp) if self.logits else self.outputs

    @property
    def log_probabilities(self) -> Any:  # noqa: ANN401
        if self.logits:
            return log_softmax(self.outputs, self.xp)
        return self.xp.log(self.xp.clip(self.outputs, SMALLEST, 1.0))

    @property
    def raw(self) -> Any:  # noqa: ANN401
        """Logits; of probabilities, the logarithm of their odds."""
        if self.logits:
            return self.outputs
        chance = self.xp.clip(self.outputs, SMALLEST, 1 - SMALLEST)
        return self.xp.log(chance) - self.xp.log(1 - chance)


@dataclass(frozen=True)
class Loss:
    """A loss as a function of targets and of what a network puts out.

    Attributes
    ----------
    name : str
        Out of :data:`napari_piximi.model.training.LOSSES`.
    logits : bool
        Whether the network puts out logits, its softmax left off, or probabilities.
    softmax_twice : bool
        Take the softmax a second time before the cross entropy, as Piximi does.
    """

    name: str
    logits: bool
    softmax_twice: bool = False

    def __call__(self, targets: Any, outputs: Any, xp: Any = np) -> Any:  # noqa: ANN401
        """Return the loss of each sample, (N,).

        Parameters
        ----------
        targets, outputs : (N, classes)
        xp : module
            :mod:`numpy` or :mod:`keras.ops`.
        """
        predicted = Predicted(outputs, self.logits, xp)
        if self.softmax_twice and self.name == CROSS_ENTROPY:
            predicted = Predicted(predicted.probabilities, True, xp)
        return _LOSSES[self.name](targets, predicted, xp)

    def probabilities(self, outputs: NDArray[np.floating]) -> NDArray[np.floating]:
        """Turn outputs of the network into probabilities."""
        result: NDArray[np.floating] = Predicted(outputs, self.logits, np).probabilities
        return result


def loss_of(settings: Settings, *, logits: bool) -> Loss:
    """Choose the loss that the settings name.

    Raises
    ------
    FitError
        If there is none of that name.
    """
    if settings.loss not in _LOSSES:
        raise FitError(f"{settings.loss!r} is no loss; there are {', '.join(LOSSES)}")
    return Loss(settings.loss, logits, settings.softmax_twice)


def _absolute_difference(true: Any, predicted: Predicted, xp: Any) -> Any:  # noqa: ANN401
    return xp.mean(xp.abs(true - predicted.probabilities), axis=-1)


def _cross_entropy(true: Any, predicted: Predicted, xp: Any) -> Any:  # noqa: ANN401
    return -xp.sum(true * predicted.log_probabilities, axis=-1)


def _hinge(true: Any, predicted: Predicted, xp: Any) -> Any:  # noqa: ANN401
    """max(0, 1 − t p) with targets −1 and 1."""
    return xp.mean(xp.maximum(1 - (2 * true - 1) * predicted.probabilities, 0.0), axis=-1)


def _huber(true: Any, predicted: Predicted, xp: Any) -> Any:  # noqa: ANN401
    """Half the square up to an error of 1, linear above."""
    error = xp.abs(true - predicted.probabilities)
    quadratic = xp.minimum(error, 1.0)
    return xp.mean(quadratic * (error - 0.5 * quadratic), axis=-1)


def _log(true: Any, predicted: Predicted, xp: Any) -> Any:  # noqa: ANN401
    """Binary cross entropy of each class's probability."""
    chance = predicted.probabilities
    right = true * xp.log(chance + SMALLEST)
    return -xp.mean(right + (1 - true) * xp.log(1 - chance + SMALLEST), axis=-1)


def _squared_error(true: Any, predicted: Predicted, xp: Any) -> Any:  # noqa: ANN401
    return xp.mean(xp.square(true - predicted.probabilities), axis=-1)


def _sigmoid_cross_entropy(true: Any, predicted: Predicted, xp: Any) -> Any:  # noqa: ANN401
    """Cross entropy of a sigmoid of each logit: every class a yes-or-no question of its own."""
    z = predicted.raw
    soft = xp.log1p(xp.exp(-xp.abs(z)))
    return xp.mean(xp.maximum(z, 0.0) - z * true + soft, axis=-1)


_LOSSES: Mapping[str, Callable[[Any, Predicted, Any], Any]] = {
    "Absolute difference": _absolute_difference,
    CROSS_ENTROPY: _cross_entropy,
    "Hinge": _hinge,
    "Huber": _huber,
    "Log": _log,
    "Mean squared error (MSE)": _squared_error,
    "Sigmoid cross entropy": _sigmoid_cross_entropy,
}
