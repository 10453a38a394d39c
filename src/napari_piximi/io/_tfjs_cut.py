"""Graph models without their beginning: what comes before a node is left out."""

from collections.abc import Mapping
from typing import Any

from napari_piximi.errors import ModelFileError
from napari_piximi.io._tfjs_graph import graph_nodes, graph_outputs, split_reference

__all__ = ["begun_at"]

Node = Mapping[str, Any]


def begun_at(document: dict[str, Any], name: str, source: str) -> dict[str, Any]:
    """Let a graph model begin at a node: it becomes the input, and what only led to it goes.

    Object detectors of TensorFlow's zoo resize each image of a batch in a loop, which we do not
    run; given the images resized, they need no loop.

    Parameters
    ----------
    document : dict
        The parsed JSON file of a graph model, not yet checked.
    name : str
        Of a node that puts out float32; its attribute ``element_shape`` tells the shape of what
        it puts out, without the batch axis.
    source : str
        Name of the file, for messages.

    Returns
    -------
    dict
        The same where there is no such node.

    Raises
    ------
    ModelFileError
        If the nodes or their inputs are not listed as they should be, or an output is no node.
    """
    nodes = graph_nodes(document, source)
    if name not in nodes:
        return document
    for node in nodes.values():
        inputs = node.get("input", [])
        if not isinstance(inputs, list) or not all(isinstance(text, str) for text in inputs):
            raise ModelFileError(
                f"{source}: the inputs of node {node['name']!r} are no list of names"
            )
    outputs = graph_outputs(document, source)
    kept = _needed(nodes, [end.node for end in outputs], name)
    start = _placeholder(name, nodes[name])
    listed = [start if n == name else node for n, node in nodes.items() if n in kept]
    signature = {
        "inputs": {name: {"name": f"{name}:0"}},
        "outputs": {end.name: {"name": f"{end.node}:{end.index}"} for end in outputs},
    }
    topology = {**document["modelTopology"], "node": listed}
    return {**document, "modelTopology": topology, "signature": signature}


def _needed(nodes: Mapping[str, Node], ends: list[str], start: str) -> set[str]:
    """Walk from the ends back to the start."""
    needed, pending = {start}, list(ends)
    while pending:
        name = pending.pop()
        if name in needed:
            continue
        needed.add(name)
        # A name that no node has is refused when the graph is checked.
        inputs = nodes[name].get("input", []) if name in nodes else []
        pending.extend(split_reference(text)[0] for text in inputs)
    return needed


def _placeholder(name: str, node: Node) -> dict[str, Any]:
    attributes = node.get("attr")
    told = attributes.get("element_shape") if isinstance(attributes, dict) else None
    shape = told.get("shape") if isinstance(told, dict) else None
    lengths = shape.get("dim", []) if isinstance(shape, dict) else []
    attr: dict[str, Any] = {"dtype": {"type": "DT_FLOAT"}}
    if isinstance(lengths, list) and lengths:
        attr["shape"] = {"shape": {"dim": [{"size": "-1"}, *lengths]}}
    return {"name": name, "op": "Placeholder", "attr": attr}
