"""The networks that Piximi builds: SimpleCNN, and a head on MobileNet."""

from typing import Any

import numpy as np

from napari_piximi.errors import FitError
from napari_piximi.learn._keras import keras
from napari_piximi.model.training import ARCHITECTURES, Settings
from napari_piximi.progress import Progress, silent

__all__ = ["SMALLEST_INPUT", "build_network", "freeze_backbone", "seed_layers"]

SMALLEST_INPUT = 16
"""Pixels along either side of a SimpleCNN's input; with less, nothing is left to flatten."""

LAST_BACKBONE_LAYER = "conv_pw_13_relu"
ADAPTER_NAME = "conv_channels"

# MobileNetV1 (Howard et al. 2017): (stride, filters) of each depthwise separable block, at
# full width. The published 0.25 has a quarter of the filters.
MOBILENET_BLOCKS = (
    *((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)),
    *((1, 512),) * 5,
    *((2, 1024), (1, 1024)),
)
MOBILENET_WIDTH = 0.25


def build_network(
    settings: Settings, channels: int, classes: int, progress: Progress = silent
) -> Any:  # noqa: ANN401
    """Build a network with fresh weights, or MobileNet's.

    Parameters
    ----------
    settings : Settings
        Architecture, input size, seed; for MobileNet where its weights come from.
    channels, classes : int
    progress : Progress
        Told of a download.

    Returns
    -------
    keras.Model
        From (N, height, width, channels) to probabilities (N, classes).

    Raises
    ------
    FitError
        If the architecture is not known, or the input too small for it.
    WeightsUnavailableError
        If MobileNet's weights cannot be had.
    """
    if settings.architecture == "SimpleCNN":
        return _simple_cnn(settings, channels, classes)
    if settings.architecture == "MobileNet":
        return _mobilenet(settings, channels, classes, progress)
    known = ", ".join(ARCHITECTURES)
    raise FitError(f"{settings.architecture!r} is no architecture; there are {known}")


def freeze_backbone(model: Any) -> None:  # noqa: ANN401
    """Keep MobileNet's backbone as it is; a model without one trains as a whole.

    Batch normalisation that is frozen uses its stored mean and variance, as in prediction.
    """
    names = [layer.name for layer in model.layers]
    if LAST_BACKBONE_LAYER not in names:
        return
    backbone = model.layers[: names.index(LAST_BACKBONE_LAYER) + 1]
    for index, layer in enumerate(backbone):
        # Piximi's adapter is the one unnamed convolution before MobileNet's first layer.
        first = all(isinstance(before, keras.layers.InputLayer) for before in backbone[:index])
        adapter = first and isinstance(layer, keras.layers.Conv2D) and layer.name != "conv1"
        layer.trainable = adapter


def seed_layers(model: Any, seed: int) -> None:  # noqa: ANN401
    """Make what is random in layers, such as dropout, the same for the same seed."""
    if keras.backend.backend() == "torch":
        # Keras's dropout on torch draws from torch's own generator, whatever the layer's seed.
        import torch  # type: ignore[import-not-found, unused-ignore]

        torch.manual_seed(_derived(seed, len(model.layers)))
    for index, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            fresh = keras.random.SeedGenerator(_derived(seed, index))
            generator.state.assign(fresh.state)


def _derived(seed: int, index: int) -> int:
    """Return a seed of its own for each layer, that JSON and JavaScript hold exactly."""
    return int(np.random.SeedSequence((seed, index)).generate_state(1)[0] >> 1)


def _simple_cnn(settings: Settings, channels: int, classes: int) -> Any:  # noqa: ANN401
    if min(settings.height, settings.width) < SMALLEST_INPUT:
        raise FitError(
            f"SimpleCNN needs an input of at least {SMALLEST_INPUT} by {SMALLEST_INPUT} pixels, "
            f"not {settings.height} by {settings.width}"
        )
    layers = keras.layers

    def scaled(index: int) -> Any:  # noqa: ANN401
        return keras.initializers.VarianceScaling(
            1.0, "fan_in", "truncated_normal", seed=_derived(settings.seed, index)
        )

    def convolution(index: int, filters: int) -> Any:  # noqa: ANN401
        return layers.Conv2D(
            filters,
            5,
            activation="relu",
            kernel_initializer=scaled(index),
            name=f"conv2d_Conv2D{index}",
        )

    # The names are TensorFlow.js's own.
    stack = [
        convolution(1, 8),
        layers.MaxPooling2D(2, 2, name="max_pooling2d_MaxPooling2D1"),
        convolution(2, 16),
        layers.MaxPooling2D(2, 2, name="max_pooling2d_MaxPooling2D2"),
        layers.Flatten(name="flatten_Flatten1"),
        layers.Dense(
            classes, activation="softmax", kernel_initializer=scaled(3), name="dense_Dense1"
        ),
    ]
    inputs = keras.Input((settings.height, settings.width, channels), name="input")
    return keras.Sequential([inputs, *stack], name="simple_cnn")


def _mobilenet(settings: Settings, channels: int, classes: int, progress: Progress) -> Any:  # noqa: ANN401
    source = _mobilenet_source(settings, progress)
    layers = [layer for layer in source.layers if not isinstance(layer, keras.layers.InputLayer)]
    names = [layer.name for layer in layers]
    if LAST_BACKBONE_LAYER not in names:
        raise FitError(f"{settings.weights!r} is no MobileNet: no layer {LAST_BACKBONE_LAYER!r}")
    layers = layers[: names.index(LAST_BACKBONE_LAYER) + 1]
    wanted = source.input_shape[-1]
    fresh = [layer.__class__.from_config(layer.get_config()) for layer in layers]
    adapter = [_adapter(settings.seed, wanted)] if channels != wanted else []
    head = _head(settings.seed, layers[-1].output.shape[-1], classes)
    inputs = keras.Input((settings.height, settings.width, channels), name="input")
    try:
        model = keras.Sequential([inputs, *adapter, *fresh, *head], name="mobilenet")
    except ValueError as error:
        raise FitError(
            f"MobileNet cannot take an input of {settings.height} by {settings.width} pixels "
            f"with {channels} channels: {error}"
        ) from error
    for copied, layer in zip(fresh, layers, strict=True):
        copied.set_weights([np.asarray(variable) for variable in layer.weights])
    freeze_backbone(model)
    return model


def _mobilenet_source(settings: Settings, progress: Progress) -> Any:  # noqa: ANN401
    """Return MobileNet as its file has it, or the published layers with random weights."""
    if settings.weights == "random":
        return _random_mobilenet(settings.seed)
    from napari_piximi.learn.serialization import to_keras
    from napari_piximi.learn.weights import mobilenet_artifact

    return to_keras(mobilenet_artifact(settings.weights, progress))


def _adapter(seed: int, channels: int) -> Any:  # noqa: ANN401
    """Bring other channels to those of the backbone, as Piximi does."""
    initializer = keras.initializers.VarianceScaling(
        1.0, "fan_avg", "uniform", seed=_derived(seed, 100)
    )
    return keras.layers.Conv2D(
        channels, 3, strides=2, use_bias=False, kernel_initializer=initializer, name=ADAPTER_NAME
    )


def _head(seed: int, features: int, classes: int) -> list[Any]:
    layers = keras.layers
    glorot = keras.initializers.GlorotUniform(seed=_derived(seed, 101))
    return [
        layers.GlobalAveragePooling2D(name="head_average"),
        layers.Reshape((1, 1, features), name="head_reshape_features"),
        layers.Dropout(0.001, seed=_derived(seed, 102), name="head_dropout"),
        layers.Conv2D(classes, 1, kernel_initializer=glorot, name="head_conv"),
        layers.Reshape((classes,), name="head_reshape_classes"),
        layers.Activation("softmax", name="head_softmax"),
    ]


def _random_mobilenet(seed: int) -> Any:  # noqa: ANN401
    """Build the published MobileNetV1 0.25 down to its last backbone layer, untrained."""
    first = _convolution(int(32 * MOBILENET_WIDTH), 3, 2, _derived(seed, 200))
    stack = [keras.Input((224, 224, 3)), *_normalised("conv1", first)]
    for index, (stride, filters) in enumerate(MOBILENET_BLOCKS, start=1):
        spread = keras.initializers.RandomNormal(
            stddev=(2 / 9) ** 0.5, seed=_derived(seed, 200 + index)
        )
        depthwise = keras.layers.DepthwiseConv2D(
            3, strides=stride, padding="same", use_bias=False, depthwise_initializer=spread
        )
        pointwise = _convolution(int(filters * MOBILENET_WIDTH), 1, 1, _derived(seed, 300 + index))
        stack += _normalised(f"conv_dw_{index}", depthwise)
        stack += _normalised(f"conv_pw_{index}", pointwise)
    return keras.Sequential(stack)


def _convolution(filters: int, size: int, stride: int, seed: int) -> Any:  # noqa: ANN401
    # He's scaling (2015) keeps activations alive through 27 layers.
    spread = keras.initializers.HeNormal(seed)
    return keras.layers.Conv2D(
        filters, size, stride, padding="same", use_bias=False, kernel_initializer=spread
    )


def _normalised(name: str, layer: Any) -> list[Any]:  # noqa: ANN401
    """Name a convolution, and follow it by batch normalisation and ReLU6."""
    layer.name = name
    return [
        layer,
        keras.layers.BatchNormalization(name=f"{name}_bn"),
        keras.layers.Activation("relu6", name=f"{name}_relu"),
    ]
