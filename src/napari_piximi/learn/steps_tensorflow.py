"""TensorFlow's fast path: many optimisation steps in one compiled function."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from napari_piximi.learn._keras import keras
from napari_piximi.learn.losses import Loss

__all__ = ["compiled_forward", "compiled_steps"]

Floats = NDArray[np.float32]


def compiled_steps(
    model: Any,  # noqa: ANN401
    optimizer: Any,  # noqa: ANN401
    loss: Loss,
    batch_size: int,
) -> Callable[[Floats, Floats, Floats], Floats]:
    """Compile a function that makes one step for every batch of the samples it is given.

    It returns what the model put out for each sample, before that sample's step. Compared
    with `Model.fit` this saves the way through Python and the copy of every batch.
    """
    variables = model.trainable_variables
    optimizer.build(variables)
    classes = model.output_shape[-1]

    def step(samples: Any, targets: Any, weights: Any) -> Any:  # noqa: ANN401
        with tf.GradientTape() as tape:
            outputs = model(samples, training=True)
            objective = tf.reduce_mean(weights * loss(targets, outputs, keras.ops))
            objective += sum(model.losses)
        gradients = tape.gradient(objective, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return outputs

    def steps(samples: Any, targets: Any, weights: Any) -> Any:  # noqa: ANN401
        count = (tf.shape(samples)[0] + batch_size - 1) // batch_size
        outputs = tf.TensorArray(
            tf.float32, count, element_shape=(None, classes), infer_shape=False
        )

        def body(i: Any, outputs: Any) -> tuple[Any, Any]:  # noqa: ANN401
            part = slice(i * batch_size, (i + 1) * batch_size)
            put_out = step(samples[part], targets[part], weights[part])
            return i + 1, outputs.write(i, put_out)

        return tf.while_loop(lambda i, _: i < count, body, (0, outputs))[1].concat()

    inputs = (
        tf.TensorSpec(model.input_shape),
        tf.TensorSpec((None, classes)),
        tf.TensorSpec((None,)),
    )
    compiled = tf.function(steps, input_signature=inputs, autograph=False, jit_compile=False)
    return lambda *arrays: np.asarray(compiled(*map(tf.constant, arrays)))


def compiled_forward(model: Any) -> Callable[[Floats], Floats]:  # noqa: ANN401
    """Compile the function from samples to what the model puts out."""
    compiled = tf.function(
        lambda samples: model(samples, training=False),
        input_signature=[tf.TensorSpec(model.input_shape)],
        autograph=False,
        jit_compile=False,
    )
    return lambda samples: np.asarray(compiled(tf.constant(samples)))
