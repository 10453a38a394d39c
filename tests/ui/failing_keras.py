"""Functions for the engine in which Keras itself fails."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from napari_piximi.learn.results import FitResult

__all__ = ["evaluate", "fit", "predict", "rank"]


def _broken(self: object, *_: object, **__: object) -> None:
    import tensorflow as tf

    raise tf.errors.InvalidArgumentError(None, None, "Incompatible shapes: [8,2] vs. [8,3]")


def fit(*args: Any, **options: Any) -> FitResult:  # noqa: ANN401
    """Fit, with an optimiser that fails inside TensorFlow."""
    from napari_piximi.learn import classifier
    from napari_piximi.learn._keras import keras

    with patch.object(keras.optimizers.Optimizer, "apply", _broken):
        return classifier.fit(*args, **options)


def predict(*args: Any, **options: Any) -> Any:  # noqa: ANN401
    """Predict, with layers that fail inside TensorFlow."""
    from napari_piximi.learn import classifier

    return _with_broken_layers(classifier.predict, *args, **options)


def evaluate(*args: Any, **options: Any) -> Any:  # noqa: ANN401
    """Evaluate, with layers that fail inside TensorFlow."""
    from napari_piximi.learn import classifier

    return _with_broken_layers(classifier.evaluate, *args, **options)


def rank(*args: Any, **options: Any) -> Any:  # noqa: ANN401
    """Rank, with layers that fail inside TensorFlow."""
    from napari_piximi.learn import next_steps

    return _with_broken_layers(next_steps.rank, *args, **options)


def _with_broken_layers(function: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401
    """Call a function in which a model can be built, but not be asked."""
    from napari_piximi.learn import networks
    from napari_piximi.learn._keras import keras
    from napari_piximi.learn.inference import probabilities_of

    def asked(*given: Any) -> Any:  # noqa: ANN401
        with patch.object(keras.layers.Layer, "__call__", _broken):
            return probabilities_of(*given)

    with patch.object(networks, "probabilities_of", asked):
        return function(*args, **options)
