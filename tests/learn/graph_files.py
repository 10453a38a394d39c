"""Graph models for tests: a small classifier, and real topologies with seeded weights."""

import json
from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.training import ModelArtifact

Json = dict[str, Any]
Weights = dict[str, NDArray[Any]]

FLOAT = {"T": {"type": "DT_FLOAT"}}


def node(name: str, op: str, *inputs: str, **attr: Json) -> Json:
    """Make one node."""
    return {"name": name, "op": op, "input": list(inputs), "attr": attr or FLOAT}


def text(value: str) -> Json:
    """Make an attribute that is a text."""
    return {"s": b64encode(value.encode()).decode()}


def ints(*values: int) -> Json:
    """Make an attribute that is a list of numbers."""
    return {"list": {"i": [str(value) for value in values]}}


def shape(*lengths: int) -> Json:
    """Make a TensorShape."""
    return {"dim": [{"size": str(length)} for length in lengths]}


def constant(name: str, values: NDArray[Any]) -> Json:
    """Make a constant whose values are a weight."""
    kind = "DT_INT32" if values.dtype.kind == "i" else "DT_FLOAT"
    tensor = {"dtype": kind, "tensorShape": shape(*values.shape)}
    return {
        "name": name,
        "op": "Const",
        "attr": {"value": {"tensor": tensor}, "dtype": {"type": kind}},
    }


def packed(document: Json, weights: Weights, shards: int = 1) -> tuple[Json, list[bytes]]:
    """Add a weights manifest; return the document and the files."""
    data = b"".join(values.tobytes() for values in weights.values())
    ends = np.linspace(0, len(data), shards + 1).astype(int)
    files = [data[a:b] for a, b in pairwise(ends)]
    listed = [
        {"name": n, "shape": list(v.shape), "dtype": "int32" if v.dtype.kind == "i" else "float32"}
        for n, v in weights.items()
    ]
    paths = [f"group1-shard{i + 1}of{shards}.bin" for i in range(shards)]
    return {**document, "weightsManifest": [{"paths": paths, "weights": listed}]}, files


def classifier_graph(
    classes: Sequence[str] = ("upright", "lying"),
    size: int = 16,
    *,
    softmax: bool = True,
    seed: int = 5,
) -> tuple[Json, Weights]:
    """Make a graph: fused convolution, PReLU, pooling, fused dense layer, softmax."""
    draw = np.random.default_rng(seed)
    depth = (size // 4) ** 2 * 4
    weights: Weights = {
        "conv/kernel": draw.normal(0, 0.4, (5, 5, 1, 4)).astype("<f4"),
        "conv/bias": draw.normal(0, 0.1, 4).astype("<f4"),
        "conv/alpha": draw.uniform(0.1, 0.4, 4).astype("<f4"),
        "flat/shape": np.array([-1, depth], "<i4"),
        "dense/kernel": draw.normal(0, 0.3, (depth, len(classes))).astype("<f4"),
        "dense/bias": draw.normal(0, 0.1, len(classes)).astype("<f4"),
    }
    same, kind = text("SAME"), {"type": "DT_FLOAT"}
    conv: Json = {
        "T": kind,
        "fused_ops": {"list": {"s": [text("BiasAdd")["s"], text("Prelu")["s"]]}},
        "num_args": {"i": "2"},
        "strides": ints(1, 2, 2, 1),
        "padding": same,
        "data_format": text("NHWC"),
        "dilations": ints(1, 1, 1, 1),
    }
    pool: Json = {
        "T": kind,
        "ksize": ints(1, 2, 2, 1),
        "strides": ints(1, 2, 2, 1),
        "padding": same,
    }
    dense: Json = {
        "T": kind,
        "fused_ops": {"list": {"s": [text("BiasAdd")["s"]]}},
        "num_args": {"i": "1"},
        "transpose_a": {"b": False},
        "transpose_b": {"b": False},
    }
    nodes = [
        node("image", "Placeholder", dtype=kind, shape={"shape": shape(-1, size, size, 1)}),
        *(constant(name, values) for name, values in weights.items()),
        node("conv", "_FusedConv2D", "image", "conv/kernel", "conv/bias", "conv/alpha", **conv),
        node("pool", "MaxPool", "conv", **pool),
        node("flat", "Reshape", "pool", "flat/shape", T=kind, Tshape={"type": "DT_INT32"}),
        node("dense", "_FusedMatMul", "flat", "dense/kernel", "dense/bias", **dense),
        node("said", "Softmax" if softmax else "Identity", "dense"),
    ]
    ends = {
        "inputs": {"image": {"name": "image:0", "dtype": "DT_FLOAT",
                             "tensorShape": shape(-1, size, size, 1)}},
        "outputs": {"said": {"name": "said:0", "dtype": "DT_FLOAT",
                             "tensorShape": shape(-1, len(classes))}},
    }  # fmt: skip
    document = {
        "format": "graph-model",
        "generatedBy": "2.11.0",
        "convertedBy": "TensorFlow.js Converter v4.2.0",
        "signature": ends,
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 987}},
        "classes": list(classes),
    }
    return document, weights


def small_graph(classes: Sequence[str] = ("upright", "lying"), **options: Any) -> ModelArtifact:  # noqa: ANN401
    """Make the small classifier as an artifact."""
    document, files = packed(*classifier_graph(classes, **options))
    return ModelArtifact(document, b"".join(files))


def put_graph(folder: Path, name: str = "net", shards: int = 1, **options: Any) -> Path:  # noqa: ANN401
    """Write the small classifier as the converter does; return the path of its JSON file."""
    document, files = packed(*classifier_graph(**options), shards)
    for shard, data in zip(document["weightsManifest"][0]["paths"], files, strict=True):
        (folder / shard).write_bytes(data)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    return path


def real_graph(path: Path) -> ModelArtifact:
    """Fill a real topology of StarDist or GlaS with seeded weights; its input takes any size."""
    document = json.loads(path.read_text())
    for item in document["modelTopology"]["node"]:
        if item["op"] == "Placeholder":
            sizes = item["attr"]["shape"]["shape"]["dim"]
            sizes[1:3] = [{"size": "-1"}, {"size": "-1"}]
    for end in document["signature"].values():
        for told in end.values():
            told["tensorShape"]["dim"][1:3] = [{"size": "-1"}, {"size": "-1"}]
    draw = np.random.default_rng(7)
    parts = [_values(spec, draw) for group in document["weightsManifest"]
             for spec in group["weights"]]  # fmt: skip
    kernel = {s["name"]: s["shape"] for g in document["weightsManifest"] for s in g["weights"]}
    names = [s["name"] for g in document["weightsManifest"] for s in g["weights"]]
    for place, name in enumerate(names):
        if name.endswith("stack/3"):  # channels that the transposed convolution puts out
            parts[place] = np.array(kernel["conv2d_transpose_1/kernel"][2], "<i4")
    return ModelArtifact(document, b"".join(np.asarray(part).tobytes() for part in parts))


def _values(spec: Json, draw: np.random.Generator) -> NDArray[Any]:
    lengths, name = spec["shape"], spec["name"]
    if spec["dtype"] == "float32":
        fan = max(1, int(np.prod(lengths[:-1])))
        return np.asarray(draw.normal(0, (1 / fan) ** 0.5, lengths), "<f4")
    return np.full(lengths, _integer(name), "<i4")


def _integer(name: str) -> int:
    """Return what the converter must have had for a constant of this name."""
    if name.endswith("concat/axis"):
        return 3
    if not name.endswith(("stack", "stack_1", "stack_2")):
        return 2  # factors of upsampling
    first = 1 if name.startswith("up_sampling") else 0
    for index in (1, 2):
        first = index if f"transpose_1/strided_slice_{index}/" in name else first
    last = 3 if name.startswith("up_sampling") else first + 1
    return {"stack": first, "stack_1": last, "stack_2": 1}[name.rpartition("/")[2]]
