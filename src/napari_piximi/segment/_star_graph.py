"""What the topology of a graph tells about how to feed it: pooling, grid, reach."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError
from napari_piximi.io.tfjs import graph_nodes, graph_outputs, graph_weights, split_reference
from napari_piximi.model.training import ModelArtifact

__all__ = ["Layout", "layout_of"]

Node = Mapping[str, Any]
Weights = Mapping[str, NDArray[Any]]
_LARGEST = 256


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels that a network puts out lie on those that it takes.

    Attributes
    ----------
    grid : (rows, columns)
        Pixels taken per probability.
    sparse : (rows, columns)
        What is put out has a probability only every so many pixels, and copies in between:
        networks exported for Fiji, and Piximi's, are enlarged so.
    multiple : int
        Sizes must be multiples of this.
    reach : int
        How far away a pixel may be that still matters.
    """

    grid: tuple[int, int]
    sparse: tuple[int, int]
    multiple: int
    reach: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """Of a node: input pixels per pixel of its own, how far it looks, copies in between."""

    step: float = 1.0
    reach: float = 0.0
    sparse: int = 1


def layout_of(artifact: ModelArtifact) -> Layout:
    """Follow the nodes of a graph from its input to its output.

    Raises
    ------
    ModelFileError
        If it shrinks or enlarges by what we cannot follow.
    """
    nodes, weights = graph_nodes(artifact.document), graph_weights(artifact)
    seen: dict[str, _Seen | None] = {}

    def follow(name: str) -> _Seen | None:
        """Walk without recursion: a hostile graph may be deep."""
        waiting = [name]
        while waiting:
            node = nodes[waiting[-1]]
            inputs = [split_reference(r)[0] for r in node.get("input", [])]
            later = [i for i in inputs if i in nodes and i not in seen and not i.startswith("^")]
            if later:
                if len(waiting) > len(nodes):
                    raise ModelFileError(f"node {name!r}: the graph runs in circles")
                waiting += later
                continue
            before = [state for i in inputs if (state := seen.get(i)) is not None]
            seen[waiting.pop()] = _after(node, before, nodes, weights)
        return seen[name]

    end = follow(graph_outputs(artifact.document)[0].node)
    if end is None:
        raise ModelFileError("What the network puts out does not depend on the image")
    step = max(round(end.step), 1)
    multiple = max(1, *(ceil(state.step) for state in seen.values() if state))
    if multiple > _LARGEST:
        raise ModelFileError(f"The network shrinks images {multiple} times")
    grid = step * end.sparse
    return Layout((grid, grid), (end.sparse,) * 2, multiple, ceil(end.reach))


def _after(
    node: Node, before: list[_Seen], nodes: Mapping[str, Node], weights: Weights
) -> _Seen | None:
    if node["op"] == "Placeholder":
        return _Seen()
    if not before or node["op"] in ("Shape", "StridedSlice", "Pack"):
        return None  # numbers, not pixels
    step = before[0].step
    if any(state.step != step for state in before):
        raise ModelFileError(f"node {node['name']!r}: joins images of different sizes")
    reach, sparse = max(s.reach for s in before), max(s.sparse for s in before)
    op, inputs = node["op"], [split_reference(r)[0] for r in node.get("input", [])]
    if op in ("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative"):
        width = max(weights[inputs[1]].shape[:2]) if inputs[1] in weights else _LARGEST
        wide = (width - 1) * max(_listed(node, "dilations"), 1)
        return _Seen(step * _listed(node, "strides"), reach + wide * step / 2, sparse)
    if op in ("MaxPool", "AvgPool"):
        width, stride = _listed(node, "ksize"), _listed(node, "strides")
        return _Seen(step * stride, reach + (width - 1) * step, sparse)
    if op == "Conv2DBackpropInput":
        stride = _listed(node, "strides")
        width = max(weights[inputs[1]].shape[:2]) if inputs[1] in weights else _LARGEST
        copies = sparse * stride if width == 1 else sparse
        return _Seen(step / stride, reach + width / stride * step, copies)
    if op in ("ResizeNearestNeighbor", "ResizeBilinear"):
        return _Seen(step / _factor(inputs[1], nodes, weights), reach + step, sparse)
    return _Seen(step, reach, sparse)


def _listed(node: Node, attribute: str) -> int:
    """Return the largest number of a list such as strides."""
    told = node.get("attr", {}).get(attribute, {}).get("list", {}).get("i", [])
    return max((int(number) for number in told), default=1)


def _factor(name: str, nodes: Mapping[str, Node], weights: Weights) -> float:
    """Find the number that a size is multiplied with."""
    inputs = [split_reference(r)[0] for r in nodes.get(name, {}).get("input", [])]
    found = [weights[i] for i in inputs if i in weights]
    if nodes.get(name, {}).get("op") != "Mul" or len(found) != 1 or (np.ravel(found[0]) < 1).any():
        raise ModelFileError(f"node {name!r}: enlarges by what we cannot tell")
    return float(np.ravel(found[0]).max())
