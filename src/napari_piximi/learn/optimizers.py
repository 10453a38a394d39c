"""Optimisation algorithms by Piximi's names, each doing what its name says."""

from collections.abc import Callable, Mapping
from typing import Any

from napari_piximi.errors import FitError
from napari_piximi.learn._keras import keras
from napari_piximi.model.training import OPTIMIZERS, Settings

__all__ = ["optimizer_of"]

_OPTIMIZERS: Mapping[str, Callable[[float], Any]] = {
    "Adadelta": keras.optimizers.Adadelta,
    "Adagrad": keras.optimizers.Adagrad,
    "Adam": keras.optimizers.Adam,
    "Adamax": keras.optimizers.Adamax,
    "Momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
    "RMSProp": keras.optimizers.RMSprop,
    "Stochastic gradient descent (SGD)": keras.optimizers.SGD,
}


def optimizer_of(settings: Settings) -> Any:  # noqa: ANN401
    """Make the Keras optimizer that the settings name.

    Raises
    ------
    FitError
        If there is none of that name.
    """
    if settings.optimizer not in _OPTIMIZERS:
        raise FitError(f"{settings.optimizer!r} is no optimizer; there are {', '.join(OPTIMIZERS)}")
    return _OPTIMIZERS[settings.optimizer](settings.learning_rate)
