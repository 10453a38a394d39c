"""The topology of a TensorFlow.js layers model: what may be in it, and what can be read off it."""

from collections.abc import Iterator, Mapping
from typing import Any

from napari_piximi.errors import ModelFileError
from napari_piximi.io._tfjs_graph import graph_input_shape, graph_units, is_graph

__all__ = [
    "ACTIVATIONS",
    "LAYERS",
    "MODELS",
    "check_topology",
    "class_names",
    "input_shape",
    "model_node",
    "output_units",
]

MODELS = frozenset({"Sequential", "Model", "Functional"})
LAYERS = frozenset(
    [
        "Activation",
        "Add",
        "AlphaDropout",
        "Average",
        "AveragePooling1D",
        "AveragePooling2D",
        "AveragePooling3D",
        "BatchNormalization",
        "Concatenate",
        "Conv1D",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "Cropping1D",
        "Cropping2D",
        "Cropping3D",
        "Dense",
        "DepthwiseConv2D",
        "Dot",
        "Dropout",
        "ELU",
        "Flatten",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalAveragePooling3D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "GlobalMaxPooling3D",
        "InputLayer",
        "LayerNormalization",
        "LeakyReLU",
        "MaxPooling1D",
        "MaxPooling2D",
        "MaxPooling3D",
        "Maximum",
        "Minimum",
        "Multiply",
        "PReLU",
        "Permute",
        "ReLU",
        "RepeatVector",
        "Rescaling",
        "Reshape",
        "SeparableConv1D",
        "SeparableConv2D",
        "Softmax",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "Subtract",
        "ThresholdedReLU",
        "UpSampling1D",
        "UpSampling2D",
        "UpSampling3D",
        "ZeroPadding1D",
        "ZeroPadding2D",
        "ZeroPadding3D",
    ]
)
# hard_sigmoid, gelu and others are absent: TensorFlow.js and Keras 3 compute them differently,
# or TensorFlow.js does not know them.
ACTIVATIONS = frozenset(
    [
        "elu",
        "linear",
        "log_softmax",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "softmax",
        "softplus",
        "softsign",
        "swish",
        "tanh",
    ]
)
_PARTS = frozenset(
    [
        "Constant",
        "GlorotNormal",
        "GlorotUniform",
        "HeNormal",
        "HeUniform",
        "Identity",
        "LeCunNormal",
        "LeCunUniform",
        "LecunNormal",
        "LecunUniform",
        "Ones",
        "Orthogonal",
        "RandomNormal",
        "RandomUniform",
        "TruncatedNormal",
        "VarianceScaling",
        "Zeros",
        "L1",
        "L1L2",
        "L2",
        "MaxNorm",
        "MinMaxNorm",
        "NonNeg",
        "UnitNorm",
        "DTypePolicy",
        "Policy",
        "__keras_tensor__",
    ]
)
_KNOWN = MODELS | LAYERS | _PARTS
_MAX_LAYERS = 5_000
_MAX_DEPTH = 10
_MAX_NUMBER = 2**31


def model_node(document: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """Find the model in ``modelTopology``, with or without Keras's ``model_config`` around it.

    Returns
    -------
    mapping
        With ``class_name`` and ``config``.

    Raises
    ------
    ModelFileError
        If there is none.
    """
    topology = document.get("modelTopology")
    if isinstance(topology, dict) and isinstance(topology.get("model_config"), dict):
        topology = topology["model_config"]
    if not isinstance(topology, dict) or topology.get("class_name") is None:
        raise ModelFileError(f"{source}: modelTopology is missing or holds no Keras model")
    return topology


def check_topology(document: Mapping[str, Any], source: str = "model") -> None:
    """Refuse any topology with content that is not known to be plain data.

    Parameters
    ----------
    document : mapping
        The parsed JSON file.
    source : str
        Name of the file, for messages.

    Raises
    ------
    ModelFileError
        If a class name, at any depth, is on none of our lists (such as ``Lambda``, which
        carries code), or a layer is malformed.
    """
    root = model_node(document, source)
    for name in class_names(root):
        if not isinstance(name, str) or name not in _KNOWN:
            raise ModelFileError(
                f"{source}: the topology holds {name!r}, which napari-piximi does not run"
            )
    _check_model(root, source)


def class_names(root: object) -> list[object]:
    """List every ``class_name``; what is inside a wrapper comes before the wrapper."""
    names, pending = [], [root]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "class_name" in node:
                names.append(node["class_name"])
            # How a nested model was compiled is never looked at.
            pending.extend(value for key, value in node.items() if key != "compile_config")
        elif isinstance(node, list):
            pending.extend(node)
    return names[::-1]


def _check_model(root: Mapping[str, Any], source: str) -> None:
    pending, count = [(root, 1)], 0
    while pending:
        node, depth = pending.pop()
        if node["class_name"] not in MODELS:
            raise ModelFileError(f"{source}: {node['class_name']!r} is not a model")
        layers = _layers(node, source)
        count += len(layers)
        if count > _MAX_LAYERS or depth > _MAX_DEPTH:
            raise ModelFileError(
                f"{source}: more than {_MAX_LAYERS} layers, or {_MAX_DEPTH} models in each other"
            )
        for layer in layers:
            _check_layer(layer, source)
        nested = (layer for layer in layers if layer["class_name"] in MODELS)
        pending.extend((model, depth + 1) for model in nested)


def _layers(node: Mapping[str, Any], source: str = "model") -> list[Any]:
    config = node.get("config")
    # Keras before 2.2.3 wrote the layers of a Sequential model as the config itself.
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list) or not layers:
        raise ModelFileError(f"{source}: a {node['class_name']} has no list of layers")
    return layers


def _check_layer(layer: object, source: str) -> None:
    if not isinstance(layer, dict) or layer.get("class_name") not in LAYERS | MODELS:
        raise ModelFileError(f"{source}: {str(layer)[:80]!r} stands in place of a layer")
    if layer["class_name"] in MODELS:
        return
    config = layer.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("name"), str):
        raise ModelFileError(f"{source}: a {layer['class_name']} layer has no config with a name")
    where = f"{source}: layer {config['name']!r} ({layer['class_name']})"
    for key, value in config.items():
        _check_value(key, value, where)


def _check_value(key: str, value: object, where: str) -> None:
    if key == "activation" and (not isinstance(value, str) or _snake(value) not in ACTIVATIONS):
        raise ModelFileError(f"{where}: activation {value!r} is not one that napari-piximi runs")
    if key == "data_format" and value not in (None, "channels_last", "channelsLast"):
        raise ModelFileError(f"{where}: data_format {value!r}; only channels_last is supported")
    if key == "interpolation" and value != "nearest":
        raise ModelFileError(
            f"{where}: interpolation {value!r}; TensorFlow.js and Keras agree only on 'nearest'"
        )
    for number in _numbers(value):
        if abs(number) > _MAX_NUMBER:
            raise ModelFileError(f"{where}: {key} is {number}, which is absurd")


def _numbers(value: object) -> Iterator[float]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, int | float):
            yield item


def _snake(text: str) -> str:
    """``hardSigmoid`` → ``hard_sigmoid``: TensorFlow.js takes both spellings."""
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in text)


def input_shape(document: Mapping[str, Any], source: str = "model") -> tuple[int | None, ...]:
    """Shape of the model's first input, without the batch axis.

    Returns
    -------
    tuple of int or None
        ``(height, width, channels)`` for a classifier; None where the model leaves it open.

    Raises
    ------
    ModelFileError
        If the topology states none.
    """
    if is_graph(document):
        return graph_input_shape(document, source)
    node = model_node(document, source)
    while node.get("class_name") in MODELS:
        node = _layers(node, source)[0]
    config = node.get("config") or {}
    shape = config.get("batch_input_shape", config.get("batch_shape"))
    axes = shape[1:] if isinstance(shape, list) and len(shape) > 1 else ["missing"]
    if not all(length is None or (isinstance(length, int) and length > 0) for length in axes):
        raise ModelFileError(f"{source}: the first layer's batch_input_shape is {shape!r}")
    return tuple(axes)


def output_units(document: Mapping[str, Any], source: str = "model") -> int | None:
    """Length of the model's output vector: its number of classes.

    Returns
    -------
    int or None
        None if the last layers do not tell.
    """
    if is_graph(document):
        return graph_units(document, source)
    pending = [model_node(document, source)]
    while pending:
        node = pending.pop()
        if node.get("class_name") in MODELS:
            pending.extend(_layers(node, source))
            continue
        config = node.get("config") or {}
        units = config.get("units", config.get("filters"))
        if isinstance(units, int):
            return units
    return None
