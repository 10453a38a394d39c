"""Layers between the two dialects: Keras 2 as TensorFlow.js writes it, and Keras 3."""

import inspect
import re
from collections.abc import Mapping
from typing import Any

from napari_piximi.errors import ModelFileError
from napari_piximi.io.tfjs import ACTIVATIONS
from napari_piximi.learn._keras import keras
from napari_piximi.learn._tfjs_keys import TFJS_KEYS

__all__ = ["ThresholdedReLU", "first_line", "keras_layer", "tfjs_config", "weight_name"]


class ThresholdedReLU(keras.layers.Layer):  # type: ignore[misc]
    """Values above `theta` as they are, all others 0; gone from Keras, still in TensorFlow.js.

    Parameters
    ----------
    theta : float
    **kwargs
        As for every layer.
    """

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.theta = theta

    def call(self, inputs: Any) -> Any:  # noqa: ANN401
        """Apply it."""
        return inputs * keras.ops.cast(inputs > self.theta, inputs.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:  # noqa: ANN401
        """Return the input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "theta": self.theta}


_NORMAL = "normal"
# Scale, mode and distribution of the initialisers that TensorFlow.js writes as VarianceScaling.
_SCALINGS = {
    "GlorotNormal": (1.0, "fan_avg", _NORMAL),
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "HeNormal": (2.0, "fan_in", _NORMAL),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", _NORMAL),
    "LecunUniform": (1.0, "fan_in", "uniform"),
}
_PART_KEYS = {
    "Zeros": (),
    "Ones": (),
    "Constant": ("value",),
    "Identity": ("gain",),
    "Orthogonal": ("gain", "seed"),
    "RandomNormal": ("mean", "stddev", "seed"),
    "RandomUniform": ("minval", "maxval", "seed"),
    "TruncatedNormal": ("mean", "stddev", "seed"),
    "MaxNorm": ("max_value", "axis"),
    "MinMaxNorm": ("min_value", "max_value", "rate", "axis"),
    "NonNeg": (),
    "UnitNorm": ("axis",),
}
_PART_HOMES = {
    "_initializer": keras.initializers,
    "_regularizer": keras.regularizers,
    "_constraint": keras.constraints,
}
_RENAMED_PARTS = {"LeCunNormal": "LecunNormal", "LeCunUniform": "LecunUniform"}
_ENUMS = ("activation", "padding", "mode", "distribution")
# Without meaning for inference, or checked apart.
_FREE_KEYS = frozenset({"data_format", "dtype", "seed", "name", "trainable"})


def keras_layer(class_name: str, config: Mapping[str, Any]) -> keras.layers.Layer:
    """Build a layer from its configuration in either dialect.

    Parameters
    ----------
    class_name : str
        On the list of layers that :func:`~napari_piximi.io.tfjs.check_topology` lets pass.
    config : mapping
        Never changed.

    Returns
    -------
    keras.layers.Layer

    Raises
    ------
    ModelFileError
        If Keras does not take the configuration.
    """
    where = f"layer {config['name']!r} ({class_name})"
    kind = _layer_class(class_name)
    arguments = {_argument(class_name, key): value for key, value in config.items()}
    _check_dilation(class_name, arguments, where)
    try:
        chosen = _accepted(kind, {key: _value(key, item) for key, item in arguments.items()})
        layer = kind(**chosen)
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{where}: {first_line(error)}") from error
    layer.trainable = bool(config.get("trainable", True))
    return layer


def tfjs_config(layer: keras.layers.Layer) -> dict[str, Any]:
    """Write a layer's configuration as TensorFlow.js 4.2 would.

    Parameters
    ----------
    layer : keras.layers.Layer
        Built.

    Returns
    -------
    dict

    Raises
    ------
    ModelFileError
        If TensorFlow.js lacks the layer, or would ignore one of its settings.
    """
    class_name = type(layer).__name__
    where = f"layer {layer.name!r} ({class_name})"
    keys = TFJS_KEYS.get(class_name)
    if keys is None or _layer_class(class_name) is not type(layer):
        raise ModelFileError(f"{where}: TensorFlow.js has no such layer")
    config = layer.get_config()
    if class_name == "Reshape":
        # TensorFlow.js cannot work out a -1 while the batch size is open.
        config["target_shape"] = tuple(layer.output.shape[1:])
    if class_name == "LeakyReLU":
        config["alpha"] = config.pop("negative_slope")
    _check_dilation(class_name, config, where)
    _check_unsupported(layer, config, where)
    _check_ignored(type(layer), keys, config, where)
    return {key: _tfjs_value(key, config.get(key), where) for key in keys}


def weight_name(layer: keras.layers.Layer, variable: keras.Variable) -> str:
    """Name a layer's variable as TensorFlow.js does: ``layer/variable``."""
    name = variable.name
    if type(layer).__name__ == "DepthwiseConv2D" and name == "kernel":
        name = "depthwise_kernel"
    return f"{layer.name}/{name}"


def _layer_class(class_name: str) -> type[keras.layers.Layer]:
    if class_name == "ThresholdedReLU":
        return ThresholdedReLU
    kind: type[keras.layers.Layer] = getattr(keras.layers, class_name)
    return kind


def _argument(class_name: str, key: str) -> str:
    return "negative_slope" if (class_name, key) == ("LeakyReLU", "alpha") else key


def _accepted(kind: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what the constructor names; older files say more, such as dtype or groups."""
    parameters = inspect.signature(kind).parameters
    known = set(parameters)
    if any(item.kind is item.VAR_KEYWORD for item in parameters.values()):
        known |= {"name", "activity_regularizer"}
    return {key: value for key, value in config.items() if key in known - {"dtype", "kwargs"}}


def _value(key: str, value: Any) -> Any:  # noqa: ANN401
    """Translate one value for a Keras 3 constructor."""
    home = next((home for suffix, home in _PART_HOMES.items() if key.endswith(suffix)), None)
    if home is not None and isinstance(value, dict):
        return _part(home, value)
    if key in _ENUMS and isinstance(value, str):
        return _snake(value)
    if key == "data_format":
        return "channels_last"
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _part(home: Any, node: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Build an initialiser, a regulariser or a constraint."""
    name = _RENAMED_PARTS.get(node["class_name"], node["class_name"])
    kind = getattr(home, name, None)
    if kind is None:
        # TensorFlow.js 4.2 writes DepthwiseConv2D's regulariser in place of its constraint.
        return None
    config = node.get("config") or {}
    return kind(**_accepted(kind, {key: _value(key, value) for key, value in config.items()}))


def _snake(text: str) -> str:
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in text)


def first_line(error: Exception) -> str:
    """Pick the telling line of an error; Keras's go on for pages, in bold."""
    lines = re.sub("\x1b\\[[0-9;]*m", "", str(error)).splitlines()
    telling = [line for line in lines if line and not line.startswith("Exception encountered")]
    return (telling or [repr(error)])[0][:300]


def _check_dilation(class_name: str, config: Mapping[str, Any], where: str) -> None:
    dilation = config.get("dilation_rate", 1)
    rates = dilation if isinstance(dilation, list | tuple) else (dilation,)
    if class_name == "DepthwiseConv2D" and any(rate != 1 for rate in rates):
        raise ModelFileError(
            f"{where}: dilation_rate {dilation!r}, which TensorFlow.js ignores and Keras does not"
        )


def _check_unsupported(layer: keras.layers.Layer, config: Mapping[str, Any], where: str) -> None:
    """Refuse what TensorFlow.js 4.2 knows but fails on."""
    if config.get("padding") == "causal":
        raise ModelFileError(f"{where}: TensorFlow.js has no padding 'causal'")
    if isinstance(layer, keras.layers.ELU) and layer.alpha != 1:
        raise ModelFileError(f"{where}: alpha={layer.alpha}; TensorFlow.js has only alpha=1")
    if isinstance(layer, keras.layers.Flatten) and len(layer.input.shape) < 3:
        raise ModelFileError(f"{where}: TensorFlow.js refuses an input that is flat already")


def _check_ignored(
    kind: type, keys: tuple[str, ...], config: Mapping[str, Any], where: str
) -> None:
    """Refuse a setting that TensorFlow.js does not know, unless it is at Keras's default."""
    parameters = inspect.signature(kind).parameters
    for key in config.keys() - set(keys) - _FREE_KEYS:
        # What is no argument of the constructor, such as rms_scaling, is off by default.
        default = parameters[key].default if key in parameters else False
        if _plain(config[key]) != _plain(default):
            raise ModelFileError(
                f"{where}: {key}={config[key]!r}, which TensorFlow.js would silently ignore"
            )


def _plain(value: Any) -> Any:  # noqa: ANN401
    return list(value) if isinstance(value, tuple) else value


def _tfjs_value(key: str, value: Any, where: str) -> Any:  # noqa: ANN401
    if key == "activation":
        return _tfjs_activation(value, where)
    if key == "interpolation" and value != "nearest":
        raise ModelFileError(f"{where}: interpolation {value!r} differs in TensorFlow.js")
    if key == "seed" and not isinstance(value, int):
        return None
    if isinstance(value, dict):
        return _tfjs_part(value, where)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _tfjs_activation(value: object, where: str) -> str:
    name = "swish" if value == "silu" else value
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ModelFileError(f"{where}: TensorFlow.js has no activation {value!r} like Keras's")
    return name


def _tfjs_part(node: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Write an initialiser, a regulariser or a constraint."""
    name, config = node["class_name"], node["config"]
    if name in _SCALINGS or name == "VarianceScaling":
        keys = ("scale", "mode", "distribution")
        scaling = _SCALINGS.get(name) or tuple(config[key] for key in keys)
        written = dict(zip(keys, scaling, strict=True))
        if written["distribution"].endswith(_NORMAL):
            written["distribution"] = _NORMAL
        seed = _tfjs_value("seed", config.get("seed"), where)
        return {"class_name": "VarianceScaling", "config": {**written, "seed": seed}}
    if name in ("L1", "L2", "L1L2"):
        norms = {"l1": config.get("l1", 0.0), "l2": config.get("l2", 0.0)}
        return {"class_name": "L1L2", "config": norms}
    if name not in _PART_KEYS:
        raise ModelFileError(f"{where}: TensorFlow.js has no {name!r}")
    values = {key: _tfjs_value(key, config.get(key), where) for key in _PART_KEYS[name]}
    return {"class_name": name, "config": values}
