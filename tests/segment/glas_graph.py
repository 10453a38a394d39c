"""A gland network for tests: a pixel is gland where red is more than half."""

import numpy as np
from tests.learn.graph_files import constant, ints, node, packed, shape, text

from napari_piximi.model.training import ModelArtifact


def gland_network(size: int = 768, channels: int = 3, outputs: int = 1) -> ModelArtifact:
    """Make a graph of the shape of the published one: logits 40 R − 20."""
    kind = {"type": "DT_FLOAT"}
    kernel = np.zeros((1, 1, channels, outputs), "<f4")
    kernel[0, 0, 0] = 40
    weights = {"kernel": kernel, "bias": np.full(outputs, -20, "<f4")}
    lengths = shape(-1, size, size, channels)
    conv = {"T": kind, "strides": ints(1, 1, 1, 1), "padding": text("SAME")}
    nodes = [
        node("image", "Placeholder", dtype=kind, shape={"shape": lengths}),
        *(constant(name, values) for name, values in weights.items()),
        node("conv", "Conv2D", "image", "kernel", **conv),
        node("logits", "BiasAdd", "conv", "bias"),
    ]
    document = {"format": "graph-model", "modelTopology": {"node": nodes}}
    document, files = packed(document, weights)
    return ModelArtifact(document, b"".join(files))
