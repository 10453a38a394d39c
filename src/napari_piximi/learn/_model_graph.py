"""Models between the two dialects: how layers are wired."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

from napari_piximi.errors import ModelFileError
from napari_piximi.io.tfjs import MODELS, input_shape
from napari_piximi.learn._keras import keras
from napari_piximi.learn._layer_dialect import first_line, keras_layer

__all__ = ["build_model", "references", "walk_layers"]

_MAX_OUTPUT = 2**28
"""Refuse layers with more output values per sample: 1 GiB each."""


class Reference(NamedTuple):
    """One output tensor of one call of a layer."""

    layer: str
    call: int
    tensor: int


def build_model(
    node: Mapping[str, Any], budget: int, shape: tuple[int | None, ...] | None = None
) -> keras.Model:
    """Build a model from its topology, with weights at their initial values.

    Parameters
    ----------
    node : mapping
        ``class_name`` and ``config`` of a Sequential or functional model that
        :func:`~napari_piximi.io.tfjs.check_topology` let pass.
    budget : int
        Number of weight values that the file holds; no layer may want more.
    shape : tuple of int or None, optional
        Input without the batch axis, for a nested Sequential model that states none.

    Returns
    -------
    keras.Model

    Raises
    ------
    ModelFileError
        If Keras does not take it, or a layer would be absurdly large.
    """
    try:
        if node["class_name"] == "Sequential":
            return _sequential(node, budget, shape)
        return _functional(node, budget)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"the topology is malformed: {first_line(error)}") from error


def references(structure: object) -> list[Reference]:
    """List the tensors in ``inbound_nodes``, ``input_layers`` or ``output_layers``.

    Keras 2 and TensorFlow.js write ``[name, call, tensor, arguments]``, Keras 3 objects
    with ``keras_history``; either may be alone or in a list.

    Raises
    ------
    ModelFileError
        If a tensor is given as a keyword argument, such as a mask.
    """
    if isinstance(structure, Mapping):
        if "keras_history" in structure.get("config", ()):
            return [Reference(*structure["config"]["keras_history"])]
        if references(list(structure.get("kwargs", {}).values())):
            raise ModelFileError("a layer takes a tensor as a keyword argument")
        return references(structure.get("args", []))
    if not isinstance(structure, list | tuple):
        return []
    if structure and isinstance(structure[0], str):
        return [Reference(*structure[:3])]
    return [found for item in structure for found in references(item)]


def _layer(entry: Mapping[str, Any], budget: int, tensor: Any) -> keras.layers.Layer:  # noqa: ANN401
    if entry["class_name"] in MODELS:
        return build_model(entry, budget, tuple(tensor.shape[1:]))
    return keras_layer(entry["class_name"], entry["config"])


def _sequential(
    node: Mapping[str, Any], budget: int, shape: tuple[int | None, ...] | None
) -> keras.Sequential:
    config = node["config"]
    entries = config["layers"] if isinstance(config, dict) else config
    try:
        shape = input_shape({"modelTopology": entries[0]})
    except ModelFileError:
        if shape is None:
            raise
    head = {"shape": shape}
    if entries[0]["class_name"] == "InputLayer":
        head["name"] = entries[0]["config"]["name"]
        entries = entries[1:]
    tensor = keras.Input(**head)
    layers = []
    for entry in entries:
        layers.append(_layer(entry, budget, tensor))
        (tensor,) = _call(layers[-1], [tensor], budget)
    name = config.get("name") if isinstance(config, dict) else None
    return keras.Sequential([keras.Input(**head), *layers], name=name)


def _functional(node: Mapping[str, Any], budget: int) -> keras.Model:
    config = node["config"]
    entries = {_name(entry): entry for entry in config["layers"]}
    tensors = {
        Reference(name, 0, 0): keras.Input(shape=input_shape({"modelTopology": entry}), name=name)
        for name, entry in entries.items()
        if entry["class_name"] == "InputLayer"
    }
    _run_calls(entries, _calls(config, entries), tensors, budget)
    inputs, outputs = (
        [_tensor(tensors, reference) for reference in references(config[key])]
        for key in ("input_layers", "output_layers")
    )
    # A list of one would make Keras warn at each call with a bare array.
    inputs, outputs = (items[0] if len(items) == 1 else items for items in (inputs, outputs))
    return keras.Model(inputs, outputs, name=config.get("name"))


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name") or entry["config"]["name"])


def _calls(
    config: Mapping[str, Any], entries: Mapping[str, Any]
) -> dict[Reference, list[Reference]]:
    """Map every call, by its first output tensor, to its inputs."""
    wanted = {
        name: [references(node) for node in entry.get("inbound_nodes") or []]
        for name, entry in entries.items()
        if entry["class_name"] != "InputLayer"
    }
    used = [reference for calls in wanted.values() for call in calls for reference in call]
    used += references(config["output_layers"])
    firsts = {name: _first_call(name, len(calls), used) for name, calls in wanted.items()}
    return {
        Reference(name, firsts[name] + index, 0): call
        for name, calls in wanted.items()
        for index, call in enumerate(calls)
    }


def _first_call(name: str, calls: int, used: list[Reference]) -> int:
    """Find the number of a layer's first call in this model.

    Of a nested model, some writers count its own making as call 0. Every call is used, so
    that the highest number tells.
    """
    highest = max((reference.call for reference in used if reference.layer == name), default=0)
    return 1 if highest == calls else 0


def _run_calls(
    entries: Mapping[str, Any],
    calls: dict[Reference, list[Reference]],
    tensors: dict[Reference, Any],
    budget: int,
) -> None:
    """Call layers as their inputs come to be, whatever the order in the file."""
    layers: dict[str, keras.layers.Layer] = {}
    while calls:
        ready = [call for call, inputs in calls.items() if all(item in tensors for item in inputs)]
        if not ready:
            raise ModelFileError(
                f"layer {next(iter(calls)).layer!r} waits for a tensor that no layer makes"
            )
        for call in ready:
            inputs = [tensors[item] for item in calls.pop(call)]
            name = call.layer
            if name not in layers:
                layers[name] = _layer(entries[name], budget, inputs[0])
            for index, output in enumerate(_call(layers[name], inputs, budget)):
                tensors[call._replace(tensor=index)] = output


def _tensor(tensors: Mapping[Reference, Any], reference: Reference) -> Any:  # noqa: ANN401
    if reference not in tensors:
        raise ModelFileError(f"no layer makes the tensor {tuple(reference)!r}")
    return tensors[reference]


def _call(layer: keras.layers.Layer, inputs: list[Any], budget: int) -> list[Any]:
    where = f"layer {layer.name!r} ({type(layer).__name__})"
    try:
        least = _least_weights(layer, tuple(inputs[0].shape))
        if least > budget:
            raise ModelFileError(f"{where}: wants {least} weights, the file holds {budget}")
        outputs = keras.tree.flatten(layer(inputs[0] if len(inputs) == 1 else inputs))
    except ModelFileError:
        raise
    except Exception as error:
        # Each backend has errors of its own.
        raise ModelFileError(f"{where}: {first_line(error)}") from error
    for output in outputs:
        values = prod(length or 1 for length in output.shape[1:])
        if values > _MAX_OUTPUT:
            raise ModelFileError(f"{where}: {values} values per sample are absurd")
    return list(outputs)


def _least_weights(layer: keras.layers.Layer, shape: tuple[int | None, ...]) -> int:
    """Count the values of a layer's largest weight, before Keras makes room for it."""
    channels = int(shape[-1] or 1)
    if isinstance(layer, keras.layers.Dense):
        return channels * int(layer.units)
    if isinstance(layer, keras.layers.PReLU):
        shared = layer.shared_axes or ()
        return prod(size or 1 for axis, size in enumerate(shape) if axis and axis not in shared)
    if isinstance(layer, keras.layers.BatchNormalization | keras.layers.LayerNormalization):
        axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
        return prod(int(shape[axis] or 1) for axis in axes)
    if getattr(layer, "kernel_size", None) is None:
        return 0
    depth = int(getattr(layer, "depth_multiplier", 1) or 1)
    filters = int(getattr(layer, "filters", 1) or 1)
    points = int(prod(layer.kernel_size))
    if hasattr(layer, "depth_multiplier"):
        return max(points * channels * depth, channels * depth * filters)
    return points * channels * filters // int(getattr(layer, "groups", 1))


def walk_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield every layer that is no model, at any depth, each once."""
    seen: set[int] = set()
    pending = list(model.layers)[::-1]
    while pending:
        layer = pending.pop()
        if isinstance(layer, keras.Model):
            pending.extend(layer.layers[::-1])
        elif id(layer) not in seen:
            seen.add(id(layer))
            yield layer
