"""A fit in which Keras itself fails, for the engine."""

from typing import Any

from napari_piximi.learn.results import FitResult


def fit(*args: Any, **options: Any) -> FitResult:  # noqa: ANN401
    """Fit, with an optimiser that fails inside TensorFlow."""
    import tensorflow as tf

    from napari_piximi.learn import classifier
    from napari_piximi.learn._keras import keras

    def broken(self: object, *_: object, **__: object) -> None:
        raise tf.errors.InvalidArgumentError(None, None, "Incompatible shapes: [8,2] vs. [8,3]")

    whole = keras.optimizers.Optimizer.apply
    keras.optimizers.Optimizer.apply = broken
    try:
        return classifier.fit(*args, **options)
    finally:
        keras.optimizers.Optimizer.apply = whole
