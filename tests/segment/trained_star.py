"""A small StarDist network that the ``stardist`` package itself trained on synthetic nuclei.

    python -m tests.segment.trained_star FOLDER [EPOCHS]

trains it anew (some minutes on two cores) and leaves what is committed in ``star_nuclei``:
``config.json``, ``thresholds.json`` and ``weights_best.h5``, as the package saves them.
"""

import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.learn.graph_files import constant, packed, shape
from tests.segment.nuclei import nuclei

from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment.found import Found, painted

__all__ = ["STAR", "by_package", "graph_of", "images", "load", "same_objects"]

STAR = Path(__file__).parent / "star_nuclei"
"""The folder, as a user would have it."""

SIZE, CLUSTERS = 256, 22
TRAINING, VALIDATION = range(120), range(120, 150)
"""Seeds of the images; none of the tests uses them at this size."""
EPOCHS, STEPS = 120, 60

Floats = NDArray[np.float32]
Labels = NDArray[np.int32]


@cache
def load(folder: Path = STAR) -> Any:  # noqa: ANN401
    """Return the network as the package has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own
        from stardist.models import StarDist2D

        return StarDist2D(None, folder.name, str(folder.parent))


def by_package(
    pixels: NDArray[Any],
    low: float = 1,
    high: float = 99.8,
    **options: Any,  # noqa: ANN401
) -> Labels:
    """Return the label image that the package makes of an image, normalised as it advises."""
    model = load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from csbdeep.utils import normalize

        found = model.predict_instances(normalize(pixels, low, high), axes="YX", **options)
    return np.asarray(found[0], np.int32)


def same_objects(found: Found, labels: Labels) -> None:
    """Assert that what was found is what a label image of the package shows.

    The package numbers its objects by probability, and leaves out those that others hide.
    """
    seen = np.concatenate(([0], np.unique(labels[labels > 0])))
    assert len(found) == len(seen) - 1
    np.testing.assert_array_equal(seen[painted(found, labels.shape)], labels)


def graph_of(model: Any) -> ModelArtifact:  # noqa: ANN401
    """Turn a network into a graph of TensorFlow.js that puts out probability and rays."""
    import keras
    import tensorflow as tf
    from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    class Nearest(keras.layers.Layer):  # type: ignore[misc]
        """Enlarges in one step, as published graphs do; Keras 3 repeats rows and columns."""

        def call(self, image: Any) -> Any:  # noqa: ANN401
            return tf.image.resize(image, 2 * tf.shape(image)[1:3], "nearest")

    def cloned(layer: Any) -> Any:  # noqa: ANN401
        is_enlarging = isinstance(layer, keras.layers.UpSampling2D)
        return Nearest() if is_enlarging else type(layer).from_config(layer.get_config())

    copied = keras.models.clone_model(model.keras_model, clone_function=cloned)
    copied.set_weights(model.keras_model.get_weights())

    def ask(image: Any) -> Any:  # noqa: ANN401
        return tf.concat(copied(image, training=False), -1)

    pixels = tf.TensorSpec((None, None, None, 1), tf.float32, "image")
    frozen = convert_variables_to_constants_v2(tf.function(ask).get_concrete_function(pixels))
    nodes, weights = [], {}
    for node in frozen.graph.as_graph_def().node:
        if node.op == "Const":
            values = tf.make_ndarray(node.attr["value"].tensor)
            weights[node.name] = values
            nodes.append(constant(node.name, values))
        else:
            nodes.append(MessageToDict(node))
    lengths = shape(-1, -1, -1, 1), shape(-1, -1, -1, model.config.n_rays + 1)
    ends = {
        side: {tensor.op.name: {"name": tensor.name, "dtype": "DT_FLOAT", "tensorShape": size}}
        for side, tensor, size in zip(
            ("inputs", "outputs"), (frozen.inputs[0], frozen.outputs[0]), lengths, strict=True
        )
    }
    document = {
        "format": "graph-model",
        "signature": ends,
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 987}},
    }
    document, files = packed(document, weights)
    return ModelArtifact(document, b"".join(files))


def images(seeds: range) -> tuple[list[Floats], list[Labels]]:
    """Draw images, normalised as StarDist has them, and the truth about them."""
    from csbdeep.utils import normalize

    drawn = [nuclei(seed, SIZE, CLUSTERS) for seed in seeds]
    pixels = [normalize(image, 1, 99.8).astype(np.float32) for image, _ in drawn]
    return pixels, [labels for _, labels in drawn]


def varied(pixels: Floats, labels: Labels) -> tuple[Floats, Labels]:
    """Turn, mirror and brighten a patch."""
    turns = np.random.randint(4)
    pixels, labels = np.rot90(pixels, turns), np.rot90(labels, turns)
    if np.random.rand() < 0.5:
        pixels, labels = pixels[::-1], labels[::-1]
    factor, shift = np.random.uniform((0.7, -0.1), (1.3, 0.1))
    return (pixels * factor + shift).astype(np.float32), labels


def fit(folder: Path, epochs: int = EPOCHS) -> Any:  # noqa: ANN401
    """Train a network, choose its thresholds, and save it."""
    import keras
    from stardist.models import Config2D, StarDist2D

    keras.utils.set_random_seed(1)
    training, validation = images(TRAINING), images(VALIDATION)
    config = Config2D(
        n_rays=32,
        grid=(2, 2),
        n_channel_in=1,
        unet_n_depth=2,
        unet_n_filter_base=12,
        net_conv_after_unet=48,
        train_patch_size=(96, 96),
        train_batch_size=4,
        train_epochs=epochs,
        train_steps_per_epoch=STEPS,
        train_learning_rate=1e-3,
        train_reduce_lr={"factor": 0.5, "patience": 12, "min_delta": 0},
        train_tensorboard=False,
    )
    model = StarDist2D(config, folder.name, str(folder.parent))
    model.train(*training, validation_data=validation, augmenter=varied)
    model.optimize_thresholds(*validation)
    (folder / "weights_last.h5").unlink(missing_ok=True)
    return model


if __name__ == "__main__":
    fit(Path(sys.argv[1]).absolute(), int(sys.argv[2]) if len(sys.argv) > 2 else EPOCHS)
