"""A detector built like the published one: its resizing loop, its names, its old dialect.

What it sees is simple: 10 × 10 boxes, each of which is a person where it is red, a cat where it is
green and a dog where it is blue.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.training import ModelArtifact

Json = dict[str, Any]

FLOAT, INT, UINT8, RESOURCE = ({"type": number} for number in (1, 3, 4, 20))
EMPTY = ("s", "i", "f", "b", "type", "shape", "tensor", "func")
MAP = "Preprocessor/map"
LOOP = f"{MAP}/while"
GRID = 10
PERSON, CAT, DOG = 1, 17, 18


def text(value: str) -> Json:
    """Write a text as old converters did: as the numbers of its bytes."""
    return {"s": list(value.encode())}


def numbers(*values: int) -> Json:
    """Write a list of numbers, and of everything else that it might be."""
    return {"list": {**{key: [] for key in EMPTY}, "i": [str(value) for value in values]}}


def node(name: str, op: str, *inputs: str, **attr: Json) -> Json:
    """Make a node."""
    return {"name": name, "op": op, "input": list(inputs), "attr": attr}


def constants() -> dict[str, NDArray[Any]]:
    """Return the weights by name."""
    corners = np.linspace(0, 1, GRID + 1)
    boxes = [
        [corners[row], corners[column], corners[row + 1], corners[column + 1]]
        for row in range(GRID)
        for column in range(GRID)
    ]
    kernel = np.zeros((1, 1, 3, 91), "<f4")
    kernel[0, 0, [0, 1, 2], [PERSON, CAT, DOG]] = 5
    found: dict[str, Any] = {
        "Postprocessor/ExpandDims": np.array([boxes], "<f4"),
        "BoxPredictor_0/ClassPredictor/weights": kernel,
        "BoxPredictor_0/ClassPredictor/biases": np.linspace(-0.2, -0.1, 91, dtype="<f4"),
        "Preprocessor/mul/x": np.array(2 / 255, "<f4"),
        "Preprocessor/sub/y": np.array(1, "<f4"),
        "BoxPredictor_0/stack_1": np.array([-1, GRID * GRID, 91], "<i4"),
        "Postprocessor/Slice/begin": np.array([0, 0, 1], "<i4"),
        "Postprocessor/Slice/size": np.array([-1, -1, -1], "<i4"),
        "Postprocessor/ExpandDims_1/dim": np.array(2, "<i4"),
        "Postprocessor/strided_slice/stack": np.array([0], "<i4"),
        "Postprocessor/strided_slice/stack_1": np.array([1], "<i4"),
        "Postprocessor/Tile/multiples/1": np.array(1, "<i4"),
        f"{MAP}/TensorArrayStack/range/start": np.array(0, "<i4"),
        f"{LOOP}/ResizeImage/ExpandDims/dim": np.array(0, "<i4"),
        f"{LOOP}/ResizeImage/stack": np.array([300, 300], "<i4"),
        f"{LOOP}/add/y": np.array(1, "<i4"),
    }
    return found


def loop() -> list[Json]:
    """Make the loop that resizes the images of a batch one after another."""
    frame = {"frame_name": text(f"{LOOP}/while_context"), "parallel_iterations": {"i": "32"}}
    inside: Json
    outside: Json
    inside, outside = {"is_constant": {"b": False}}, {"is_constant": {"b": True}}
    array: Json = {
        "dtype": FLOAT, "dynamic_size": {"b": False}, "clear_after_read": {"b": True},
        "identical_element_shapes": {"b": True}, "tensor_array_name": {"s": []},
        "element_shape": {"shape": {"dim": [], "unknownRank": True}},
    }  # fmt: skip
    shrink: Json = {"shrink_axis_mask": {"i": "1"}, "T": INT, "Index": INT}
    start, one = f"{MAP}/TensorArrayStack/range/start", "Postprocessor/Tile/multiples/1"
    images, resized = f"{MAP}/TensorArray", f"{MAP}/TensorArray_1"
    count = f"{MAP}/TensorArrayUnstack/strided_slice"
    first, second = "Postprocessor/strided_slice/stack", "Postprocessor/strided_slice/stack_1"
    size: Json = {"element_shape": {"shape": {"dim": [{"size": s} for s in ("300", "300", "3")]}}}
    return [
        node("ToFloat", "Cast", "image_tensor", SrcT=UINT8, DstT=FLOAT),
        node(f"{MAP}/TensorArrayUnstack/Shape", "Shape", "ToFloat", T=FLOAT, out_type=INT),
        node(count, "StridedSlice", f"{MAP}/TensorArrayUnstack/Shape", first, second, second,
             **shrink),
        node(f"{MAP}/TensorArrayUnstack/range", "Range", start, count, one, Tidx=INT),
        node(images, "TensorArrayV3", count, **array),
        node(resized, "TensorArrayV3", count, **array),
        node(f"{MAP}/TensorArrayUnstack/TensorArrayScatter/TensorArrayScatterV3",
             "TensorArrayScatterV3", images, f"{MAP}/TensorArrayUnstack/range", "ToFloat",
             f"{images}:1", T=FLOAT),
        node(f"{LOOP}/Enter", "Enter", start, T=INT, **inside, **frame),
        node(f"{LOOP}/Enter_1", "Enter", f"{resized}:1", T=FLOAT, **inside, **frame),
        node(f"{LOOP}/Less/Enter", "Enter", count, T=INT, **outside, **frame),
        node(f"{LOOP}/TensorArrayReadV3/Enter", "Enter", images, T=RESOURCE, **outside, **frame),
        node(f"{LOOP}/TensorArrayReadV3/Enter_1", "Enter",
             f"{MAP}/TensorArrayUnstack/TensorArrayScatter/TensorArrayScatterV3",
             T=FLOAT, **outside, **frame),
        node(f"{LOOP}/TensorArrayWrite/TensorArrayWriteV3/Enter", "Enter", resized,
             T=RESOURCE, **outside, **frame),
        node(f"{LOOP}/Merge", "Merge", f"{LOOP}/Enter", f"{LOOP}/NextIteration", T=INT,
             N={"i": "2"}),
        node(f"{LOOP}/Merge_1", "Merge", f"{LOOP}/Enter_1", f"{LOOP}/NextIteration_1", T=FLOAT,
             N={"i": "2"}),
        node(f"{LOOP}/Less", "Less", f"{LOOP}/Merge", f"{LOOP}/Less/Enter", T=INT),
        node(f"{LOOP}/LoopCond", "LoopCond", f"{LOOP}/Less"),
        node(f"{LOOP}/Switch", "Switch", f"{LOOP}/Merge", f"{LOOP}/LoopCond", T=INT),
        node(f"{LOOP}/Switch_1", "Switch", f"{LOOP}/Merge_1", f"{LOOP}/LoopCond", T=FLOAT),
        node(f"{LOOP}/Identity", "Identity", f"{LOOP}/Switch:1", T=INT),
        node(f"{LOOP}/Exit_1", "Exit", f"{LOOP}/Switch_1", T=FLOAT),
        node(f"{LOOP}/TensorArrayReadV3", "TensorArrayReadV3", f"{LOOP}/TensorArrayReadV3/Enter",
             f"{LOOP}/Identity", f"{LOOP}/TensorArrayReadV3/Enter_1", dtype=FLOAT),
        node(f"{LOOP}/ResizeImage/ExpandDims", "ExpandDims", f"{LOOP}/TensorArrayReadV3",
             f"{LOOP}/ResizeImage/ExpandDims/dim", T=FLOAT, Tdim=INT),
        node(f"{LOOP}/ResizeImage/ResizeBilinear", "ResizeBilinear",
             f"{LOOP}/ResizeImage/ExpandDims", f"{LOOP}/ResizeImage/stack", T=FLOAT,
             align_corners={"b": False}),
        node(f"{LOOP}/ResizeImage/Squeeze", "Squeeze", f"{LOOP}/ResizeImage/ResizeBilinear",
             T=FLOAT, squeeze_dims=numbers(0)),
        node(f"{LOOP}/TensorArrayWrite/TensorArrayWriteV3", "TensorArrayWriteV3",
             f"{LOOP}/TensorArrayWrite/TensorArrayWriteV3/Enter", f"{LOOP}/Identity",
             f"{LOOP}/ResizeImage/Squeeze", f"{LOOP}/Switch_1:1", T=FLOAT),
        node(f"{LOOP}/add", "Add", f"{LOOP}/Identity", f"{LOOP}/add/y", T=INT),
        node(f"{LOOP}/NextIteration", "NextIteration", f"{LOOP}/add", T=INT),
        node(f"{LOOP}/NextIteration_1", "NextIteration",
             f"{LOOP}/TensorArrayWrite/TensorArrayWriteV3", T=FLOAT),
        node(f"{MAP}/TensorArrayStack/TensorArraySizeV3", "TensorArraySizeV3", resized,
             f"{LOOP}/Exit_1"),
        node(f"{MAP}/TensorArrayStack/range", "Range", start,
             f"{MAP}/TensorArrayStack/TensorArraySizeV3", one, Tidx=INT),
        node(f"{MAP}/TensorArrayStack/TensorArrayGatherV3", "TensorArrayGatherV3", resized,
             f"{MAP}/TensorArrayStack/range", f"{LOOP}/Exit_1", dtype=FLOAT, **size),
    ]  # fmt: skip


def network() -> list[Json]:
    """Make what comes behind the loop."""
    window = {"T": FLOAT, "ksize": numbers(1, 30, 30, 1), "strides": numbers(1, 30, 30, 1),
              "padding": text("VALID"), "data_format": text("NHWC")}  # fmt: skip
    conv = {"T": FLOAT, "strides": numbers(1, 1, 1, 1), "padding": text("SAME"),
            "data_format": text("NHWC"), "dilations": numbers(1, 1, 1, 1),
            "use_cudnn_on_gpu": {"b": True}}  # fmt: skip
    predictor = "BoxPredictor_0/ClassPredictor"
    first, second = "Postprocessor/strided_slice/stack", "Postprocessor/strided_slice/stack_1"
    one = "Postprocessor/Tile/multiples/1"
    return [
        node("Preprocessor/mul", "Mul", "Preprocessor/mul/x",
             f"{MAP}/TensorArrayStack/TensorArrayGatherV3", T=FLOAT),
        node("Preprocessor/sub", "Sub", "Preprocessor/mul", "Preprocessor/sub/y", T=FLOAT),
        node("FeatureExtractor/pool", "AvgPool", "Preprocessor/sub", **window),
        node(f"{predictor}/Conv2D", "Conv2D", "FeatureExtractor/pool", f"{predictor}/weights",
             **conv),
        node(f"{predictor}/BiasAdd", "BiasAdd", f"{predictor}/Conv2D", f"{predictor}/biases",
             T=FLOAT, data_format=text("NHWC")),
        node("concat_1", "Reshape", f"{predictor}/BiasAdd", "BoxPredictor_0/stack_1", T=FLOAT,
             Tshape=INT),
        node("Postprocessor/convert_scores", "Sigmoid", "concat_1", T=FLOAT),
        node("Postprocessor/Slice", "Slice", "Postprocessor/convert_scores",
             "Postprocessor/Slice/begin", "Postprocessor/Slice/size", T=FLOAT, Index=INT),
        node("Postprocessor/Shape", "Shape", "concat_1", T=FLOAT, out_type=INT),
        node("Postprocessor/strided_slice", "StridedSlice", "Postprocessor/Shape", first, second,
             second, shrink_axis_mask={"i": "1"}, T=INT, Index=INT),
        node("Postprocessor/Tile/multiples", "Pack", "Postprocessor/strided_slice", one, one,
             T=INT, axis={"i": "0"}, N={"i": "3"}),
        node("Postprocessor/Tile", "Tile", "Postprocessor/ExpandDims",
             "Postprocessor/Tile/multiples", T=FLOAT, Tmultiples=INT),
        node("Postprocessor/ExpandDims_1", "ExpandDims", "Postprocessor/Tile",
             "Postprocessor/ExpandDims_1/dim", T=FLOAT, Tdim=INT),
    ]  # fmt: skip


def detector(
    weights: Mapping[str, NDArray[Any]] | None = None, behind: Sequence[Json] | None = None
) -> ModelArtifact:
    """Make the model as it is published: with the loop, which we do not run.

    Another network may stand behind the loop, with its weights beside those of :func:`constants`.
    """
    weights = constants() | dict(weights or {})
    any_size = [{"size": size} for size in ("-1", "-1", "-1", "3")]
    nodes = [_constant(name, values) for name, values in weights.items()]
    nodes.append(
        node("image_tensor", "Placeholder", dtype=UINT8, shape={"shape": {"dim": any_size}})
    )
    manifest = [
        {"name": n, "shape": list(v.shape), "dtype": "int32" if v.dtype.kind == "i" else "float32"}
        for n, v in weights.items()
    ]
    document = {
        "modelTopology": {
            "node": [*nodes, *loop(), *(network() if behind is None else behind)],
            "library": {"function": [], "gradient": []},
            "versions": {"badConsumers": []},
        },
        "weightsManifest": [{"paths": ["group1-shard1of1"], "weights": manifest}],
    }
    return ModelArtifact(document, b"".join(values.tobytes() for values in weights.values()))


def _constant(name: str, values: NDArray[Any]) -> Json:
    kind = INT if values.dtype.kind == "i" else FLOAT
    lists = ("floatVal", "doubleVal", "intVal", "stringVal", "int64Val", "boolVal")
    shape = {"dim": [{"size": str(length)} for length in values.shape]}
    tensor = {**{key: [] for key in lists}, "dtype": kind["type"], "tensorShape": shape}
    return node(name, "Const", value={"tensor": tensor}, dtype=kind)
