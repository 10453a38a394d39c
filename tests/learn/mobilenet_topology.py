"""The published MobileNetV1 0.25/224 layers model's structure, with seeded random weights.

The real file cannot be had on every machine; this one has its Keras 2.1 dialect, its layer
names, and its 55 groups of weights, one shard per layer.
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDED = (2, 4, 6, 12)

Layer = dict[str, Any]
Weights = dict[str, NDArray[np.float32]]


def mobilenet_files(
    seed: int = 0, size: int = 224, alpha: float = 0.25, classes: int = 1000
) -> tuple[bytes, dict[str, bytes]]:
    """Make ``model.json`` and its shards, by name."""
    layers, weights = _network(np.random.default_rng(seed), size, alpha, classes)
    groups: dict[str, list[str]] = {}
    for name in weights:
        groups.setdefault(name.split("/")[0], []).append(name)
    manifest, shards = [], {}
    for index, names in enumerate(groups.values(), 1):
        shard = f"group{index}-shard1of1"
        shards[shard] = b"".join(weights[name].tobytes() for name in names)
        specs = [
            {"name": name, "shape": list(weights[name].shape), "dtype": "float32"} for name in names
        ]
        manifest.append({"paths": [shard], "weights": specs})
    config = {
        "name": f"mobilenet_{alpha:.2f}_{size}",
        "layers": layers,
        "input_layers": [["input_1", 0, 0]],
        "output_layers": [[layers[-1]["name"], 0, 0]],
    }
    topology = {
        "keras_version": "2.1.4",
        "backend": "tensorflow",
        "model_config": {"class_name": "Model", "config": config},
    }
    document = {"modelTopology": topology, "weightsManifest": manifest}
    return json.dumps(document).encode(), shards


def _network(
    rng: np.random.Generator, size: int, alpha: float, classes: int
) -> tuple[list[Layer], Weights]:
    shape: Layer = {"batch_input_shape": [None, size, size, 3], "dtype": "float32", "sparse": False}
    layers: list[Layer] = [_layer("InputLayer", "input_1", **shape)]
    weights: Weights = {}
    channels = int(WIDTHS[0] * alpha)
    _add_convolution(layers, weights, rng, ("conv1", 3, 3, channels, 2))
    for block, width in enumerate(WIDTHS[1:], 1):
        stride = 2 if block in STRIDED else 1
        _add_depthwise(layers, weights, rng, (f"conv_dw_{block}", channels, stride))
        filters = int(width * alpha)
        _add_convolution(layers, weights, rng, (f"conv_pw_{block}", 1, channels, filters, 1))
        channels = filters
    _add_top(layers, weights, rng, channels, classes)
    return layers, weights


def _layer(class_name: str, name: str, previous: str = "", **config: Any) -> Layer:  # noqa: ANN401
    return {
        "name": name,
        "class_name": class_name,
        "config": {"name": name, "trainable": True, **config},
        "inbound_nodes": [[[previous, 0, 0, {}]]] if previous else [],
    }


_SCALING = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
_INITIALIZER = {"class_name": "VarianceScaling", "config": _SCALING}
_SHARED: Layer = {
    "padding": "same",
    "data_format": "channels_last",
    "dilation_rate": [1, 1],
    "activation": "linear",
    "bias_initializer": {"class_name": "Zeros", "config": {}},
    "bias_regularizer": None,
    "activity_regularizer": None,
    "bias_constraint": None,
}
_NORMALIZATION: Layer = {
    "axis": -1,
    "momentum": 0.99,
    "epsilon": 0.001,
    "center": True,
    "scale": True,
    "beta_initializer": {"class_name": "Zeros", "config": {}},
    "gamma_initializer": {"class_name": "Ones", "config": {}},
    "moving_mean_initializer": {"class_name": "Zeros", "config": {}},
    "moving_variance_initializer": {"class_name": "Ones", "config": {}},
    "beta_regularizer": None,
    "gamma_regularizer": None,
    "beta_constraint": None,
    "gamma_constraint": None,
}


def _kernel(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    # He's scaling keeps activations of random weights alive through 27 layers.
    fan_in = shape[0] * shape[1] * (shape[2] if shape[3] != 1 else 1)
    return rng.normal(0.0, np.sqrt(2.0 / fan_in), shape).astype("<f4")


def _convolution(filters: int, kernel: int, stride: int, use_bias: bool) -> Layer:
    return {
        **_SHARED,
        "filters": filters,
        "kernel_size": [kernel, kernel],
        "strides": [stride, stride],
        "use_bias": use_bias,
        "kernel_initializer": _INITIALIZER,
        "kernel_regularizer": None,
        "kernel_constraint": None,
    }


def _add_convolution(
    layers: list[Layer],
    weights: Weights,
    rng: np.random.Generator,
    shape: tuple[str, int, int, int, int],
) -> None:
    name, kernel, channels, filters, stride = shape
    config = _convolution(filters, kernel, stride, use_bias=False)
    layers.append(_layer("Conv2D", name, layers[-1]["name"], **config))
    weights[f"{name}/kernel"] = _kernel(rng, kernel, kernel, channels, filters)
    _add_normalization(layers, weights, rng, filters)


def _add_depthwise(
    layers: list[Layer],
    weights: Weights,
    rng: np.random.Generator,
    shape: tuple[str, int, int],
) -> None:
    name, channels, stride = shape
    config = {
        **_SHARED,
        "kernel_size": [3, 3],
        "strides": [stride, stride],
        "use_bias": False,
        "depth_multiplier": 1,
        "depthwise_initializer": _INITIALIZER,
        "depthwise_regularizer": None,
        "depthwise_constraint": None,
        # Keras 2.1 wrote these too; Keras 3 knows none of them.
        "groups": 1,
        "kernel_initializer": _INITIALIZER,
        "kernel_regularizer": None,
        "kernel_constraint": None,
    }
    layers.append(_layer("DepthwiseConv2D", name, layers[-1]["name"], **config))
    weights[f"{name}/depthwise_kernel"] = _kernel(rng, 3, 3, channels, 1)
    _add_normalization(layers, weights, rng, channels)


def _add_normalization(
    layers: list[Layer], weights: Weights, rng: np.random.Generator, channels: int
) -> None:
    name = layers[-1]["name"]
    layers.append(_layer("BatchNormalization", f"{name}_bn", name, **_NORMALIZATION))
    layers.append(_layer("Activation", f"{name}_relu", f"{name}_bn", activation="relu6"))
    for variable, middle, spread in (
        ("gamma", 1.0, 0.1),
        ("beta", 0.2, 0.1),
        ("moving_mean", 0.0, 0.1),
        ("moving_variance", 1.0, 0.0),
    ):
        values = rng.normal(middle, spread, channels)
        weights[f"{name}_bn/{variable}"] = values.astype("<f4")


def _add_top(
    layers: list[Layer],
    weights: Weights,
    rng: np.random.Generator,
    channels: int,
    classes: int,
) -> None:
    predictions = _convolution(classes, 1, 1, use_bias=True)
    for class_name, name, config in (
        ("GlobalAveragePooling2D", "global_average_pooling2d_1", {"data_format": "channels_last"}),
        ("Reshape", "reshape_1", {"target_shape": [1, 1, channels]}),
        ("Dropout", "dropout", {"rate": 0.001, "noise_shape": None, "seed": None}),
        ("Conv2D", "conv_preds", predictions),
        ("Activation", "act_softmax", {"activation": "softmax"}),
        ("Reshape", "reshape_2", {"target_shape": [classes]}),
    ):
        layers.append(_layer(class_name, name, layers[-1]["name"], **config))
    weights["conv_preds/kernel"] = _kernel(rng, 1, 1, channels, classes)
    weights["conv_preds/bias"] = np.zeros(classes, "<f4")
