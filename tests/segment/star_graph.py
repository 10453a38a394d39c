"""A small StarDist network for tests: it fires in the middle of bright discs of one size."""

from typing import Any

import numpy as np
from tests.learn.graph_files import constant, ints, node, packed, shape, text

from napari_piximi.model.training import ModelArtifact

RADIUS = 8
KIND = {"type": "DT_FLOAT"}


def star_graph(
    channels: int = 1, rays: int = 32, *, sparse: bool = True, size: int = -1
) -> ModelArtifact:
    """Make a graph as Piximi's: pooling, a grid of two that is enlarged again.

    Its probability is high where the mean of the surroundings is; its rays are a radius, and a
    little of what is bright, so that a pooling that is out of step shows.
    """
    draw = np.random.default_rng(rays)
    wide = 2 * (RADIUS // 2) + 1
    smooth = np.full((wide, wide, channels, 1), 1 / (wide**2 * channels), "<f4")
    weights: dict[str, Any] = {
        "smooth": smooth,
        "shift": np.full(1, -16, "<f4"),
        "gain": np.full((1, 1, 1, 1), 20, "<f4"),
        "ray": draw.uniform(0, 0.5, (1, 1, channels, rays)).astype("<f4"),
        "radius": np.full(rays, RADIUS, "<f4"),
        "spread": np.ones((1, 1, 1, 1), "<f4"),
        "begin": np.array([1], "<i4"),
        "end": np.array([3], "<i4"),
        "by": np.array([1], "<i4"),
        "twice": np.array([2, 2], "<i4"),
        "axis": np.array(3, "<i4"),
        "first": np.array([0], "<i4"),
        "second": np.array([1], "<i4"),
        "third": np.array([2], "<i4"),
        "fourth": np.array([3], "<i4"),
        "two": np.array(2, "<i4"),
        "one": np.array(1, "<i4"),
    }
    conv: dict[str, Any] = {"T": KIND, "strides": ints(1, 1, 1, 1), "padding": text("SAME")}
    back = {**conv, "strides": ints(1, 2, 2, 1)}
    pool = {"T": KIND, "ksize": ints(1, 2, 2, 1), "strides": ints(1, 2, 2, 1),
            "padding": text("SAME")}  # fmt: skip
    lengths = shape(-1, size, size, channels)
    nodes = [
        node("image", "Placeholder", dtype=KIND, shape={"shape": lengths}),
        *(constant(name, values) for name, values in weights.items()),
        node("smoothed", "Conv2D", "image", "smooth", **conv),
        node("pooled", "MaxPool", "image", **pool),
        node("narrow", "MaxPool", "smoothed", **pool),
        node("gained", "Conv2D", "narrow", "gain", **conv),
        node("shifted", "BiasAdd", "gained", "shift"),
        node("sure", "Sigmoid", "shifted"),
        node("longer", "Conv2D", "pooled", "ray", **conv),
        node("rays", "BiasAdd", "longer", "radius"),
        *_sliced("rows", "sure", "second", "third"),
        *_sliced("cols", "sure", "third", "fourth"),
        *_sliced("batch", "sure", "first", "second"),
        *_sliced("sizes", "rays", "begin", "end", axis=0),
        node("high", "Mul", "rows", "two", T={"type": "DT_INT32"}),
        node("broad", "Mul", "cols", "two", T={"type": "DT_INT32"}),
        node("larger", "Mul", "sizes", "twice", T={"type": "DT_INT32"}),
        node("all", "Pack", "batch", "high", "broad", "one", T={"type": "DT_INT32"},
             N={"i": "4"}, axis={"i": "0"}),
        node("fine", "Conv2DBackpropInput", "all", "spread", "sure", **back),
        node("far", "ResizeNearestNeighbor", "rays", "larger", T=KIND),
        node("said", "ConcatV2", *(("fine", "far") if sparse else ("sure", "rays")), "axis",
             T=KIND, N={"i": "2"}, Tidx={"type": "DT_INT32"}),
    ]  # fmt: skip
    ends = {
        "inputs": {"image": {"name": "image:0", "dtype": "DT_FLOAT", "tensorShape": lengths}},
        "outputs": {"said": {"name": "said:0", "dtype": "DT_FLOAT",
                             "tensorShape": shape(-1, -1, -1, rays + 1)}},
    }  # fmt: skip
    document = {
        "format": "graph-model",
        "signature": ends,
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 987}},
    }
    document, files = packed(document, weights)
    return ModelArtifact(document, b"".join(files))


def _sliced(name: str, of: str, start: str, stop: str, axis: int = 1) -> list[dict[str, Any]]:
    """Take a number out of a size, or some of them."""
    whole = {"type": "DT_INT32"}
    masks = {"begin_mask": 0, "end_mask": 0, "ellipsis_mask": 0, "new_axis_mask": 0}
    told = {key: {"i": str(value)} for key, value in {**masks, "shrink_axis_mask": axis}.items()}
    size = node(f"{name}/size", "Shape", of, T=KIND, out_type=whole)
    cut = node(
        name, "StridedSlice", f"{name}/size", start, stop, "by", T=whole, Index=whole, **told
    )
    return [size, cut]


def discs(
    height: int, width: int, step: int = 26, radius: float = RADIUS, channels: int = 1
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Paint bright discs in rows; return the image and their centres."""
    pixels = np.full((height, width, channels), 20, np.uint8)
    rows, cols = np.ogrid[:height, :width]
    centres = [
        (y, x)
        for y in range(step // 2, height - radius_of(radius), step)
        for x in range(step // 2, width - radius_of(radius), step)
    ]
    for y, x in centres:
        pixels[(rows - y) ** 2 + (cols - x) ** 2 <= radius**2] = 220
    return pixels, centres


def radius_of(radius: float) -> int:
    """Return how many pixels a disc needs on each side."""
    return int(radius) + 1
