"""Graph models that begin behind a loop."""

import copy
import json
from typing import Any

import pytest
from tests.learn.graph_files import classifier_graph, packed
from tests.segment.coco_graph import LOOP, MAP, detector

from napari_piximi.errors import ModelFileError
from napari_piximi.io.tfjs import (
    graph_inputs,
    graph_outputs,
    input_shape,
    model_from_bytes,
    shard_names,
)

START = f"{MAP}/TensorArrayStack/TensorArrayGatherV3"
Json = dict[str, Any]


def read(document: Json, weights: bytes, begins: str) -> Json:
    data = json.dumps(document).encode()
    (name,) = shard_names(data, "net", begins=begins)
    return dict(model_from_bytes(data, {name: weights}, "net", begins=begins).document)


def nodes(document: Json) -> dict[str, Json]:
    return {node["name"]: node for node in document["modelTopology"]["node"]}


def test_only_what_is_behind_is_left() -> None:
    made = detector()
    cut = read(dict(made.document), made.weights, START)
    assert input_shape(cut) == (300, 300, 3)
    assert [end.node for end in graph_outputs(cut)] == [
        "Postprocessor/Slice", "Postprocessor/ExpandDims_1"]  # fmt: skip
    left, before = nodes(cut), nodes(dict(made.document))
    assert not {name for name in left if name.startswith(LOOP)}
    assert left[START]["op"] == "Placeholder"
    assert all(left[name] == before[name] for name in left if name != START)
    assert nodes(dict(made.document))[START]["op"] == "TensorArrayGatherV3", "it is not changed"


def test_a_graph_without_that_node_stays_as_it_is() -> None:
    document, (data,) = packed(*classifier_graph())
    assert read(document, data, START) == document


def test_any_node_will_do_and_outputs_stay() -> None:
    document, (data,) = packed(*classifier_graph())
    cut = read(document, data, "pool")
    (start,) = graph_inputs(cut)
    assert (start.node, start.shape, start.dtype) == ("pool", (), "float32")
    assert [end.name for end in graph_outputs(cut)] == ["said"]
    assert {n for n, node in nodes(cut).items() if node["op"] != "Const"} == {
        "pool", "flat", "dense", "said"}  # fmt: skip


def test_what_is_left_is_checked() -> None:
    made = detector()
    document = copy.deepcopy(dict(made.document))
    for node in document["modelTopology"]["node"]:
        if node["name"] == "Preprocessor/sub":
            node["op"] = "PyFunc"
    with pytest.raises(ModelFileError, match="'Preprocessor/sub' is the operation 'PyFunc'"):
        read(document, made.weights, START)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("input", [1, {}], "are no list of names"),
        ("input", "Preprocessor/mul", "are no list of names"),
        ("input", ["gone"], "'gone' is no node"),
        ("attr", {"f": {"func": {"name": "evil"}}}, "calls a function"),
    ],
)
def test_bad_nodes_behind_it(key: str, value: object, message: str) -> None:
    made = detector()
    document = copy.deepcopy(dict(made.document))
    nodes(document)["Preprocessor/sub"][key] = value
    with pytest.raises(ModelFileError, match=message):
        read(document, made.weights, START)


@pytest.mark.parametrize("shape", [None, [], {"shape": {"dim": "many"}}, {"shape": {"dim": [7]}}])
def test_a_shape_that_is_none(shape: object) -> None:
    made = detector()
    document = copy.deepcopy(dict(made.document))
    nodes(document)[START]["attr"]["element_shape"] = shape
    if isinstance(shape, dict) and shape["shape"]["dim"] == [7]:
        with pytest.raises(ModelFileError, match="absurd"):
            read(document, made.weights, START)
    else:
        (start,) = graph_inputs(read(document, made.weights, START))
        assert start.shape == ()
