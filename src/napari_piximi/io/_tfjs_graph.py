"""The topology of a TensorFlow.js graph model: what may be in it, and what can be read off it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_piximi.errors import ModelFileError
from napari_piximi.io._graph_ops import FUSED, OPS
from napari_piximi.model.training import GRAPH_FORMAT

__all__ = [
    "Endpoint",
    "check_graph",
    "graph_input_shape",
    "graph_inputs",
    "graph_nodes",
    "graph_outputs",
    "graph_units",
    "is_graph",
    "split_reference",
]

_MAX_NODES = 20_000
_MAX_NUMBER = 2**31
_MAX_ELEMENTS = 2**28
_SIGNS = frozenset("\0\n\r")
_TYPES = {
    "DT_FLOAT": "float32",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_BOOL": "bool",
    "DT_HALF": "float16",
    "DT_UINT8": "uint8",
}
_NUMBERS = {1: "float32", 3: "int32", 4: "uint8", 9: "int64", 10: "bool", 19: "float16"}
"""The same as numbers, which some versions of the converter write."""
_UNITS_THROUGH = ("Identity", "Softmax", "Sigmoid", "LogSoftmax", "BiasAdd", "Add", "AddV2")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One input or output of a graph.

    Attributes
    ----------
    name : str
        As the signature has it.
    node : str
        Of the graph.
    index : int
        Which output of the node.
    shape : tuple of int or None
        With the batch axis; None for a length that is open. Empty where nothing is stated.
    dtype : str
        As numpy names it.
    """

    name: str
    node: str
    index: int
    shape: tuple[int | None, ...]
    dtype: str


def is_graph(document: Mapping[str, Any]) -> bool:
    """Tell whether a JSON file is that of a graph model; old ones do not say so."""
    topology = document.get("modelTopology")
    return document.get("format") == GRAPH_FORMAT or (
        isinstance(topology, dict) and "node" in topology
    )


def graph_nodes(document: Mapping[str, Any], source: str = "model") -> dict[str, Mapping[str, Any]]:
    """Return the nodes by name.

    Raises
    ------
    ModelFileError
        If there are none, too many, one has no name, or two have the same.
    """
    topology = document.get("modelTopology")
    listed = topology.get("node") if isinstance(topology, dict) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= _MAX_NODES:
        raise ModelFileError(f"{source}: a graph model without a list of 1 to {_MAX_NODES} nodes")
    nodes: dict[str, Mapping[str, Any]] = {}
    for node in listed:
        name = node.get("name") if isinstance(node, dict) else None
        if not isinstance(name, str) or not name or ":" in name or _SIGNS & set(name):
            raise ModelFileError(f"{source}: {str(node)[:80]!r} stands in place of a node")
        if name in nodes:
            raise ModelFileError(f"{source}: two nodes of the graph are named {name!r}")
        nodes[name] = node
    return nodes


def check_graph(
    document: Mapping[str, Any], weights: Mapping[str, Sequence[int]], source: str
) -> None:
    """Refuse any graph that is not known to be plain arithmetic.

    Parameters
    ----------
    document : mapping
        The parsed JSON file.
    weights : mapping of str to sequence of int
        Shape of each weight of the manifest, by name.
    source : str
        Name of the file, for messages.

    Raises
    ------
    ModelFileError
        If an operation is not on our list (the message names it and its node), if the graph
        brings functions, refers to what it does not hold, goes in circles, has a constant
        without its weight, absurd sizes, or no input or output.
    """
    nodes = graph_nodes(document, source)
    _check_library(document["modelTopology"], source)
    for name, node in nodes.items():
        op = node.get("op")
        if not isinstance(op, str) or op not in OPS:
            raise ModelFileError(
                f"{source}: node {name!r} is the operation {op!r}, which napari-piximi does not run"
            )
        where = f"{source}: node {name!r} ({op})"
        _check_attributes(node.get("attr", {}), where)
        _check_inputs(node, nodes, where)
        if op == "Const":
            _check_constant(node, weights, where)
    _check_order(nodes, source)
    for endpoint in graph_inputs(document, source):
        if nodes[endpoint.node]["op"] not in ("Placeholder", "PlaceholderWithDefault"):
            raise ModelFileError(f"{source}: its input {endpoint.name!r} is no Placeholder")
    graph_outputs(document, source)


def split_reference(reference: str) -> tuple[str, int]:
    """Return node and output of ``name``, ``name:1`` or ``^name``."""
    name, _, index = reference.removeprefix("^").partition(":")
    return name, int(index) if index.isdecimal() else 0


# --- what can be read off it -----------------------------------------------------------------


def graph_inputs(document: Mapping[str, Any], source: str = "model") -> tuple[Endpoint, ...]:
    """Return the inputs: those of the signature, else all placeholders.

    Raises
    ------
    ModelFileError
        If there are none, or one refers to no node.
    """
    nodes = graph_nodes(document, source)
    found = _signature(document, "inputs", nodes, source)
    if not found:
        names = [name for name, node in nodes.items() if node.get("op") == "Placeholder"]
        found = tuple(Endpoint(n, n, 0, *_stated({}, nodes[n], source)) for n in names)
    if not found:
        raise ModelFileError(f"{source}: the graph has no input")
    return found


def graph_outputs(document: Mapping[str, Any], source: str = "model") -> tuple[Endpoint, ...]:
    """Return the outputs: those of the signature, else all nodes that no other asks for.

    Raises
    ------
    ModelFileError
        As for :func:`graph_inputs`.
    """
    nodes = graph_nodes(document, source)
    found = _signature(document, "outputs", nodes, source)
    if not found:
        asked = {split_reference(r)[0] for node in nodes.values() for r in node.get("input", [])}
        idle = ("Const", "Placeholder", "NoOp")
        names = [n for n, node in nodes.items() if n not in asked and node.get("op") not in idle]
        found = tuple(Endpoint(n, n, 0, (), "float32") for n in names)
    if not found:
        raise ModelFileError(f"{source}: the graph has no output")
    return found


def graph_input_shape(document: Mapping[str, Any], source: str = "model") -> tuple[int | None, ...]:
    """Shape of the first input, without the batch axis."""
    shape = graph_inputs(document, source)[0].shape
    if not shape:
        raise ModelFileError(f"{source}: the graph does not state the shape of its input")
    return shape[1:]


def graph_units(document: Mapping[str, Any], source: str = "model") -> int | None:
    """Length of the first output's last axis; None if nothing tells."""
    output = graph_outputs(document, source)[0]
    if output.shape and output.shape[-1] is not None:
        return output.shape[-1]
    nodes = graph_nodes(document, source)
    node: Mapping[str, Any] | None = nodes[output.node]
    for _ in range(len(nodes)):
        inputs = node.get("input", []) if node else []
        if node is None or not inputs:
            return None
        if FUSED.get(node["op"], node["op"]) in ("MatMul", "Conv2D") and len(inputs) > 1:
            constant = nodes.get(split_reference(inputs[1])[0])
            shape = _tensor_shape(constant) if constant else ()
            return shape[-1] if shape else None
        if node["op"] not in _UNITS_THROUGH:
            return None
        node = nodes.get(split_reference(inputs[0])[0])
    return None


# --- within ----------------------------------------------------------------------------------


def _check_library(topology: Mapping[str, Any], source: str) -> None:
    library = topology.get("library") or {}
    if not isinstance(library, dict) or any(library.values()):
        raise ModelFileError(
            f"{source}: the graph brings functions of its own, which napari-piximi does not run"
        )


def _check_attributes(attributes: object, where: str) -> None:
    if not isinstance(attributes, dict):
        raise ModelFileError(f"{where}: its attributes are no object")
    pending: list[object] = [attributes]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if value.get("func", []) != []:  # old converters list all that there is not
                raise ModelFileError(f"{where}: it calls a function")
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, int | float) and abs(value) > _MAX_NUMBER:
            raise ModelFileError(f"{where}: {value} among its attributes is absurd")
    for key in ("shape", "dtype"):
        if key in attributes:
            _stated({}, {"attr": attributes}, where)


def _check_inputs(
    node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]], where: str
) -> None:
    inputs = node.get("input", [])
    if not isinstance(inputs, list) or not all(isinstance(name, str) for name in inputs):
        raise ModelFileError(f"{where}: its inputs are no list of names")
    for name in inputs:
        if split_reference(name)[0] not in nodes:
            raise ModelFileError(f"{where}: its input {name!r} is no node of the graph")


def _check_constant(
    node: Mapping[str, Any], weights: Mapping[str, Sequence[int]], where: str
) -> None:
    if node["name"] not in weights:
        raise ModelFileError(f"{where}: its values are missing in weightsManifest")
    stated, stored = _tensor_shape(node), tuple(weights[node["name"]])
    if stated is not None and stated != stored:
        raise ModelFileError(
            f"{where}: it should have the shape {list(stated)}, its weight has {list(stored)}"
        )


def _check_order(nodes: Mapping[str, Mapping[str, Any]], source: str) -> None:
    """Refuse a graph in which a node waits for itself."""
    waiting = {n: len(set(_sources(node))) for n, node in nodes.items()}
    users: dict[str, list[str]] = {name: [] for name in nodes}
    for name, node in nodes.items():
        for needed in set(_sources(node)):
            users[needed].append(name)
    ready = [name for name, count in waiting.items() if count == 0]
    done = 0
    while ready:
        done += 1
        for user in users[ready.pop()]:
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)
    if done < len(nodes):
        stuck = next(name for name, count in waiting.items() if count)
        raise ModelFileError(f"{source}: the graph goes in circles at node {stuck!r}")


def _sources(node: Mapping[str, Any]) -> Iterator[str]:
    return (split_reference(name)[0] for name in node.get("input", []))


def _signature(
    document: Mapping[str, Any], side: str, nodes: Mapping[str, Mapping[str, Any]], source: str
) -> tuple[Endpoint, ...]:
    signature = document.get("signature") or _section(document, "userDefinedMetadata").get(
        "signature"
    )
    listed = signature.get(side) if isinstance(signature, dict) else None
    if not isinstance(listed, dict):
        return ()
    found = []
    for name, told in listed.items():
        reference = told.get("name", name) if isinstance(told, dict) else None
        node, index = split_reference(reference) if isinstance(reference, str) else ("", 0)
        if node not in nodes:
            raise ModelFileError(f"{source}: signature.{side} has {name!r}, which is no node")
        shape, dtype = _stated(told, nodes[node], f"{source}: {name!r} of signature.{side}")
        found.append(Endpoint(name, node, index, shape, dtype))
    return tuple(found)


def _stated(
    told: Mapping[str, Any], node: Mapping[str, Any], where: str
) -> tuple[tuple[int | None, ...], str]:
    """Read shape and type: the signature's where it has them, else the placeholder's."""
    attributes = _section(node, "attr")
    shape = told.get("tensorShape") or _section(attributes, "shape").get("shape") or {}
    dtype = told.get("dtype") or _section(attributes, "dtype").get("type") or "DT_FLOAT"
    known = _TYPES.get(dtype) if isinstance(dtype, str) else None
    if isinstance(dtype, int):
        known = _NUMBERS.get(dtype)
    if known is None:
        raise ModelFileError(f"{where}: the type {dtype!r} is not one that napari-piximi computes")
    return _lengths(shape, where), known


def _lengths(shape: object, where: str) -> tuple[int | None, ...]:
    listed = shape.get("dim", []) if isinstance(shape, dict) else None
    product, lengths = 1, []
    for item in listed if isinstance(listed, list) else [None]:
        size = item.get("size", 0) if isinstance(item, dict) else None
        try:
            length = int(size)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            length = -2
        product *= max(length, 1)
        if length < -1 or product > _MAX_ELEMENTS:
            raise ModelFileError(f"{where}: the shape {str(shape)[:200]} is absurd")
        lengths.append(None if length == -1 else length)
    return tuple(lengths)


def _tensor_shape(node: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return what a constant says of its shape; None if it says nothing."""
    tensor = _section(_section(node, "attr"), "value").get("tensor")
    shape = tensor.get("tensorShape") if isinstance(tensor, dict) else None
    if not isinstance(shape, dict):
        return None
    return tuple(length or 0 for length in _lengths(shape, f"node {node.get('name')!r}"))


def _section(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}
