"""Graph models: read with all their shards, written again, refused where they are hostile."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.learn.graph_files import classifier_graph, constant, node, packed, put_graph, small_graph
from tests.shared_data import shared

from napari_piximi.errors import ModelFileError
from napari_piximi.io import tfjs
from napari_piximi.model.training import GRAPH_FORMAT, ModelArtifact

Json = dict[str, Any]


def read(document: Json, data: bytes) -> ModelArtifact:
    return tfjs.model_from_bytes(json.dumps(document).encode(), {"group1-shard1of1.bin": data}, "g")


def document() -> tuple[Json, bytes]:
    made, files = packed(*classifier_graph())
    return copy.deepcopy(made), files[0]


def find(made: Json, name: str) -> Json:
    found: Json = next(n for n in made["modelTopology"]["node"] if n["name"] == name)
    return found


@pytest.mark.parametrize("shards", [1, 3])
def test_read_and_written_again(tmp_path: Path, shards: int) -> None:
    artifact = tfjs.read_model(put_graph(tmp_path, shards=shards))
    assert artifact.document["format"] == GRAPH_FORMAT
    assert artifact.classes == ("upright", "lying")
    assert tfjs.input_shape(artifact.document) == (16, 16, 1)
    assert tfjs.output_units(artifact.document) == 2
    tfjs.write_model(artifact, tmp_path / "again.json")
    again = tfjs.read_model(tmp_path / "again.json")
    assert again.weights == artifact.weights
    _, weights = classifier_graph()
    for name, values in tfjs.graph_weights(again).items():
        np.testing.assert_array_equal(values, weights[name])
        assert values.dtype == weights[name].dtype


def test_a_graph_that_does_not_say_so() -> None:
    made, data = document()
    del made["format"], made["signature"]
    artifact = read(made, data)
    assert artifact.document["format"] == GRAPH_FORMAT
    (start,) = tfjs.graph_inputs(artifact.document)
    (end,) = tfjs.graph_outputs(artifact.document)
    assert (start.node, start.shape, end.node) == ("image", (None, 16, 16, 1), "said")
    assert tfjs.output_units(artifact.document) == 2, "read off the last weights"


@pytest.mark.parametrize(("stored", "step"), [("uint8", 255), ("uint16", 65535)])
def test_quantized_weights(stored: str, step: int) -> None:
    made, weights = classifier_graph()
    parts = []
    made, _ = packed(made, weights)
    for spec in made["weightsManifest"][0]["weights"]:
        values = weights[spec["name"]]
        if spec["dtype"] == "int32":
            parts.append(values.tobytes())
            continue
        low = float(values.min())
        scale = (float(values.max()) - low) / step
        spec["quantization"] = {"dtype": stored, "scale": scale, "min": low}
        parts.append(np.round((values - low) / scale).astype(stored).tobytes())
    found = tfjs.graph_weights(read(made, b"".join(parts)))
    for name, values in weights.items():
        allowed = np.ptp(values) / step if values.dtype.kind == "f" else 0
        assert np.abs(found[name] - values).max() <= allowed
        assert found[name].dtype == values.dtype


def test_half_precision() -> None:
    made, weights = classifier_graph()
    made, _ = packed(made, weights)
    for spec in made["weightsManifest"][0]["weights"]:
        if spec["dtype"] == "float32":
            spec["quantization"] = {"dtype": "float16"}
    data = b"".join(
        (v.astype("<f2") if v.dtype.kind == "f" else v).tobytes() for v in weights.values()
    )
    found = tfjs.graph_weights(read(made, data))
    kernel = weights["conv/kernel"]
    np.testing.assert_array_equal(found["conv/kernel"], kernel.astype("<f2").astype("<f4"))


def test_the_greatest_whole_number_stays_one() -> None:
    made, weights = classifier_graph()
    weights["end"] = np.array([2**31 - 1], "<i4")
    made["modelTopology"]["node"].append(constant("end", weights["end"]))
    made, files = packed(made, weights)
    assert tfjs.graph_weights(read(made, files[0]))["end"].tolist() == [2**31 - 1]


@pytest.mark.parametrize(
    ("name", "shape", "units"),
    [
        ("stardist-fluo", (None, None, 1), 33),
        ("stardist-vhe", (None, None, 3), 33),
        ("glas", (768, 768, 3), 1),
    ],
)
def test_real_topologies(name: str, shape: tuple[int | None, ...], units: int) -> None:
    text = shared(f"graph-models/{name}/model.json").read_bytes()
    assert len(tfjs.shard_names(text, name)) in (2, 5)
    assert tfjs.input_shape(json.loads(text)) == shape
    assert tfjs.output_units(json.loads(text)) == units


def _op(name: str) -> Callable[[Json], None]:
    def change(made: Json) -> None:
        find(made, "pool")["op"] = name

    return change


def _set(name: str, key: str, value: object) -> Callable[[Json], None]:
    def change(made: Json) -> None:
        find(made, name)[key] = value

    return change


def _top(key: str, value: object) -> Callable[[Json], None]:
    def change(made: Json) -> None:
        made["modelTopology"][key] = value

    return change


def _append(*nodes: object) -> Callable[[Json], None]:
    def change(made: Json) -> None:
        made["modelTopology"]["node"].extend(nodes)

    return change


def _signature(side: str, value: object) -> Callable[[Json], None]:
    def change(made: Json) -> None:
        made["signature"][side] = value

    return change


def _attribute(key: str, value: object) -> Callable[[Json], None]:
    def change(made: Json) -> None:
        find(made, "pool")["attr"][key] = value

    return change


def _lengths(*sizes: object) -> Json:
    return {"dim": [{"size": size} for size in sizes]}


HOSTILE = [
    "PyFunc", "EagerPyFunc", "ReadFile", "WriteFile", "While", "StatelessWhile", "If", "Switch",
    "Merge", "Enter", "PartitionedCall", "StatefulPartitionedCall", "VarHandleOp", "HashTableV2",
    "RestoreV2", "Print", "RandomUniform", "LoopCond", "TensorListReserve", "XlaLaunch",
]  # fmt: skip
BAD: dict[str, tuple[Callable[[Json], None], str]] = {
    "a function library": (_top("library", {"function": [{}]}), "functions of its own"),
    "a library that is a list": (_top("library", [1]), "functions of its own"),
    "no nodes": (_top("node", []), "without a list of 1 to"),
    "too many nodes": (_top("node", [{}] * 20_001), "without a list of 1 to"),
    "a node that is a text": (_append("x"), "in place of a node"),
    "a node without a name": (_append({"op": "Relu"}), "in place of a node"),
    "a name twice": (_append(node("pool", "Relu", "image")), "two nodes"),
    "an op that is a list": (_set("pool", "op", ["Relu"]), "which napari-piximi does not run"),
    "a call": (_attribute("f", {"func": {"name": "evil"}}), "calls a function"),
    "a call in a list": (_attribute("f", {"list": {"func": [{}]}}), "calls a function"),
    "an absurd number": (_attribute("ksize", {"i": 2**40}), "is absurd"),
    "attributes that are a list": (_set("pool", "attr", []), "no object"),
    "inputs that are numbers": (_set("pool", "input", [1]), "no list of names"),
    "an unknown input": (_set("pool", "input", ["gone:0"]), "'gone:0' is no node"),
    "a circle": (_set("conv", "input", ["said", "conv/kernel", "conv/bias", "conv/alpha"]),
                 "in circles"),
    "itself": (_set("pool", "input", ["pool"]), "in circles"),
    "a constant without weight": (
        _append(constant("lost", np.zeros(3, "<f4"))), "missing in weightsManifest"),
    "a constant of another shape": (
        lambda made: find(made, "dense/bias")["attr"]["value"]["tensor"].update(
            tensorShape=_lengths("7")), r"shape \[7\], its weight has \[2\]"),
    "an absurd input": (
        _signature("inputs", {"image": {"name": "image:0", "tensorShape": _lengths("-1", 2**40)}}),
        "absurd"),
    "lengths that are texts": (
        _signature("inputs", {"image": {"name": "image:0", "tensorShape": _lengths("many")}}),
        "absurd"),
    "an input of texts": (
        _signature("inputs", {"image": {"name": "image:0", "dtype": "DT_STRING"}}), "DT_STRING"),
    "a type that is a list": (
        _signature("inputs", {"image": {"name": "image:0", "dtype": ["DT_FLOAT"]}}), "the type"),
    "an input that is gone": (_signature("inputs", {"a": {"name": "gone:0"}}), "no node"),
    "an input that is computed": (_signature("inputs", {"a": {"name": "pool:0"}}),
                                  "is no Placeholder"),
    "an output that is gone": (_signature("outputs", {"a": {"name": "gone:0"}}), "no node"),
}  # fmt: skip


@pytest.mark.parametrize("op", HOSTILE)
def test_operations_that_are_more_than_arithmetic(op: str) -> None:
    made, data = document()
    _op(op)(made)
    with pytest.raises(ModelFileError, match=f"g: node 'pool' is the operation '{op}'"):
        read(made, data)


@pytest.mark.parametrize("case", BAD)
def test_bad_graphs(case: str) -> None:
    made, data = document()
    change, message = BAD[case]
    change(made)
    with pytest.raises(ModelFileError, match=message):
        read(made, data)


def test_a_graph_without_input_or_output() -> None:
    made, data = document()
    made["signature"] = {}
    find(made, "image").update(op="PlaceholderWithDefault", input=["conv/bias"])
    with pytest.raises(ModelFileError, match="has no input"):
        read(made, data)


def test_weights_cut_short(tmp_path: Path) -> None:
    path = put_graph(tmp_path, shards=3)
    last = tmp_path / "group1-shard3of3.bin"
    last.write_bytes(last.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match="bytes of weights expected"):
        tfjs.read_model(path)
    last.unlink()
    with pytest.raises(ModelFileError, match=r"'group1-shard3of3\.bin' is missing"):
        tfjs.read_model(path)


def test_an_artifact_is_checked_again() -> None:
    artifact = small_graph()
    changed = copy.deepcopy(dict(artifact.document))
    find(changed, "pool")["op"] = "PyFunc"
    with pytest.raises(ModelFileError, match="'PyFunc'"):
        tfjs.graph_weights(ModelArtifact(changed, artifact.weights))
