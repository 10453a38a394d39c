"""Graph models of TensorFlow.js, run by TensorFlow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError, ModelFileError
from napari_piximi.io.tfjs import (
    Endpoint,
    graph_inputs,
    graph_nodes,
    graph_outputs,
    graph_weights,
    split_reference,
)
from napari_piximi.learn._graph_dialect import tensorflow_nodes
from napari_piximi.learn._keras import keras
from napari_piximi.learn.layer_rows import LayerRow
from napari_piximi.model.training import ModelArtifact

__all__ = ["Graph", "graph_rows", "load_graph"]

Arrays = Sequence[NDArray[Any]]

_MAX_ELEMENTS = 2**28
_SIZED = {"Fill": 0, "Tile": 1, "BroadcastTo": 1, "ResizeBilinear": 1, "ResizeNearestNeighbor": 1}
"""Operations that make as much as a constant says, with the place of that input."""
_TYPES = {1: "float32", 3: "int32", 4: "uint8", 9: "int64", 10: "bool", 19: "float16"}
_BY_NAME = {
    "DT_FLOAT": "float32",
    "DT_INT32": "int32",
    "DT_UINT8": "uint8",
    "DT_INT64": "int64",
    "DT_BOOL": "bool",
    "DT_HALF": "float16",
}


@dataclass(frozen=True)
class Graph:
    """A graph that answers.

    Attributes
    ----------
    inputs, outputs : tuple of Endpoint
        In the order in which arrays are given and returned.
    """

    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]
    _function: Callable[..., Any]

    def __call__(self, arrays: Arrays) -> list[NDArray[Any]]:
        """Compute.

        Parameters
        ----------
        arrays : sequence of array
            One for each input, of its shape; converted to its type.

        Returns
        -------
        list of array
            One for each output.

        Raises
        ------
        FitError
            If they are not as many, or of other shapes, or the memory does not suffice.
        """
        import tensorflow as tf

        given = [
            tf.constant(_fitting(array, endpoint))
            for array, endpoint in zip(arrays, self.inputs, strict=True)
        ]
        try:
            return [np.asarray(answer) for answer in self._function(*given)]
        except tf.errors.OpError as error:
            raise FitError(
                f"The graph model fails on {_shapes(arrays)}: {_brief(error)}"
            ) from error


def load_graph(artifact: ModelArtifact, outputs: Sequence[str] = ()) -> Graph:
    """Build the graph that an artifact describes.

    Parameters
    ----------
    artifact : ModelArtifact
        Of the format ``graph-model``. It is checked again: it may come from anywhere.
    outputs : sequence of str, optional
        References to nodes (``name`` or ``name:1``) to ask for, instead of the graph's outputs.

    Returns
    -------
    Graph

    Raises
    ------
    ModelFileError
        If it holds what we do not run, or TensorFlow refuses it.
    FitError
        If Keras runs on another backend than TensorFlow.
    """
    starts, ends = graph_inputs(artifact.document), graph_outputs(artifact.document)
    if outputs:
        ends = tuple(Endpoint(name, *split_reference(name), (), "float32") for name in outputs)
    whole = _imported(artifact)
    try:
        feeds = [whole.graph.get_tensor_by_name(f"{e.node}:{e.index}") for e in starts]
        answers = [whole.graph.get_tensor_by_name(f"{e.node}:{e.index}") for e in ends]
        return Graph(starts, ends, whole.prune(feeds, answers))
    except (ValueError, KeyError) as error:
        raise ModelFileError(f"TensorFlow refuses the graph model: {_brief(error)}") from error


def graph_rows(artifact: ModelArtifact) -> list[LayerRow]:
    """Tabulate the nodes of a graph that compute something.

    Raises
    ------
    ModelFileError, FitError
        As for :func:`load_graph`.
    """
    graph = _imported(artifact).graph
    # Whole numbers are shapes, axes and the like.
    weights = graph_weights(artifact)
    sizes = {name: array.size for name, array in weights.items() if array.dtype.kind == "f"}
    rows = []
    for name, node in graph_nodes(artifact.document).items():
        if node["op"] in ("Const", "Placeholder", "NoOp"):
            continue
        shape = graph.get_tensor_by_name(f"{name}:0").shape
        lengths = tuple(shape.as_list()[1:]) if shape.rank else ()
        own = sum(sizes.get(split_reference(r)[0], 0) for r in node.get("input", []))
        rows.append(LayerRow(name, node["op"], lengths, own, trainable=False))
    return rows


def _imported(artifact: ModelArtifact) -> Any:  # noqa: ANN401
    """Let TensorFlow build all of a graph."""
    if keras.backend.backend() != "tensorflow":
        raise FitError(
            "Graph models run on TensorFlow only, and Keras runs on "
            f"{keras.backend.backend()} now; set KERAS_BACKEND to tensorflow"
        )
    import tensorflow as tf
    from google.protobuf.json_format import (  # type: ignore[import-untyped, unused-ignore]
        ParseDict,
        ParseError,
    )

    weights, nodes = graph_weights(artifact), graph_nodes(artifact.document)
    for node in nodes.values():
        _check_size(node, weights)
    listed = [_known_only(node) for node in tensorflow_nodes(nodes) if node["op"] != "Const"]
    try:
        definition = ParseDict(
            {"node": listed}, tf.compat.v1.GraphDef(), ignore_unknown_fields=True
        )
        for name, node in nodes.items():
            if node["op"] == "Const":
                definition.node.append(_constant(name, node, weights[name]))
        return tf.compat.v1.wrap_function(
            lambda: tf.graph_util.import_graph_def(definition, name=""), []
        )
    except (ParseError, ValueError, KeyError, TypeError, IndexError, tf.errors.OpError) as error:
        raise ModelFileError(f"TensorFlow refuses the graph model: {_brief(error)}") from error


def _known_only(node: dict[str, Any]) -> dict[str, Any]:
    """Leave out attributes that the operation does not have: other versions wrote others."""
    from tensorflow.python.framework import op_def_registry

    definition = op_def_registry.get(node["op"])
    if definition is None:
        raise ModelFileError(f"node {node['name']!r}: TensorFlow has no operation {node['op']!r}")
    known = {attribute.name for attribute in definition.attr}
    kept = {key: value for key, value in node.get("attr", {}).items() if key in known}
    return {**node, "attr": kept}


def _constant(name: str, node: Mapping[str, Any], values: NDArray[Any]) -> Any:  # noqa: ANN401
    import tensorflow as tf

    told = node.get("attr", {}).get("dtype", {}).get("type", "DT_FLOAT")
    dtype = _BY_NAME.get(told) if isinstance(told, str) else _TYPES.get(told)
    made = tf.compat.v1.NodeDef(name=name, op="Const")
    tensor = tf.make_tensor_proto(values.astype(dtype or values.dtype, copy=False))
    made.attr["value"].tensor.CopyFrom(tensor)
    made.attr["dtype"].type = tensor.dtype
    return made


def _check_size(node: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> None:
    """Refuse operations that would fill the memory whatever they are given."""
    inputs = node.get("input", [])
    place = _SIZED.get(node["op"], -1)
    if not 0 <= place < len(inputs):
        return
    lengths = weights.get(inputs[place].partition(":")[0])
    if lengths is not None and float(np.prod(np.abs(lengths.astype(np.float64)))) > _MAX_ELEMENTS:
        raise ModelFileError(
            f"node {node['name']!r} ({node['op']}) would make {lengths.tolist()} values"
        )


def _fitting(array: NDArray[Any], endpoint: Endpoint) -> NDArray[Any]:
    shape = endpoint.shape
    fits = not shape or (
        len(shape) == array.ndim
        and all(want in (None, size) for want, size in zip(shape, array.shape, strict=True))
    )
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise FitError(f"The graph model takes ({wanted}), not {array.shape}")
    return np.ascontiguousarray(array, endpoint.dtype)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _shapes(arrays: Arrays) -> str:
    return ", ".join(str(array.shape) for array in arrays)
