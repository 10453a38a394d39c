import json
import zipfile
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learn.mobilenet_topology import mobilenet_files
from tests.shared_data import shared

from napari_piximi.errors import ModelFileError
from napari_piximi.io.tfjs import model_from_bytes, read_model, settings_from_document
from napari_piximi.learn.serialization import LayerRow, from_keras, summary, to_keras
from napari_piximi.model.training import ModelArtifact

pytestmark = pytest.mark.keras

Json = dict[str, Any]


def outputs(model: keras.Model, *inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    result = model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
    return np.asarray(keras.ops.convert_to_numpy(result))


def sample(model: keras.Model, seed: int = 0) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [rng.random((3, *tensor.shape[1:]), dtype=np.float32) for tensor in model.inputs]


def randomized(model: keras.Model, seed: int = 0) -> keras.Model:
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        low = 0.5 if variable.name == "moving_variance" else -0.5
        variable.assign(rng.uniform(low, low + 1, variable.shape).astype(np.float32))
    return model


def sequential(*layers: keras.layers.Layer, shape: tuple[int, ...] = (12, 12, 3)) -> keras.Model:
    return randomized(keras.Sequential([keras.Input(shape), *layers]))


def artifact(layers: list[Json], **weights: tuple[int, ...]) -> ModelArtifact:
    """Make a sequential model with zeros as weights; ``_`` stands for ``/`` in names."""
    specs = [
        {"name": name.replace("__", "/"), "shape": list(shape), "dtype": "float32"}
        for name, shape in weights.items()
    ]
    size = sum(int(np.prod(shape)) for shape in weights.values())
    document = {
        "modelTopology": {"class_name": "Sequential", "config": {"name": "m", "layers": layers}},
        "weightsManifest": [{"paths": ["w"], "weights": specs}],
    }
    return model_from_bytes(json.dumps(document).encode(), {"w": bytes(4 * size)}, "m.json")


def layer(class_name: str, name: str, **config: object) -> Json:
    return {"class_name": class_name, "config": {"name": name, **config}}


def dense(**config: object) -> Json:
    return layer("Dense", "d", **{"units": 2, "batch_input_shape": [None, 3], **config})


class TestRealFiles:
    def test_mnist_agrees_with_tensorflow_js(self) -> None:
        found = read_model(shared("classifiers/mnist_classifier/mnist_classifier.json"))
        reference = json.loads(shared("classifiers/mnist_reference.json").read_text("utf-8"))
        inputs = np.array(reference["inputs"], np.float32).reshape(reference["shape"])
        expected = np.array(reference["probabilities"])
        np.testing.assert_allclose(
            outputs(to_keras(found), inputs), expected.reshape(len(inputs), -1), rtol=0, atol=1e-6
        )

    def test_digits_agrees_with_piximi(self) -> None:
        reference = json.loads(shared("classifiers/digits_predictions.json").read_text("utf-8"))
        with zipfile.ZipFile(shared("classifiers/digits_cnn.zip")) as bundle:
            weights = {"digits_cnn.weights.bin": bundle.read("digits_cnn.weights.bin")}
            found = model_from_bytes(bundle.read("digits_cnn.json"), weights, "digits_cnn.json")
        assert settings_from_document(found.document)[0].width == 28
        resized = reference["sample_resized_input"]
        inputs = np.array(resized["data"], np.float32).reshape(-1, 24, 28, 1)
        probabilities = {entry["name"]: entry for entry in reference["all_probabilities"]}
        expected = probabilities[resized["name"]]["probabilities"]
        np.testing.assert_allclose(outputs(to_keras(found), inputs)[0], expected, rtol=0, atol=1e-6)

    def test_writing_what_was_read_changes_nothing(self) -> None:
        found = read_model(shared("classifiers/mnist_classifier/mnist_classifier.json"))
        again = from_keras(to_keras(found), {"classes": found.document["classes"]})
        assert again.document["modelTopology"] == found.document["modelTopology"]
        assert again.weights == found.weights
        assert again.classes == found.classes
        inputs = np.random.default_rng(0).random((5, 28, 28, 1), dtype=np.float32)
        np.testing.assert_array_equal(
            outputs(to_keras(again), inputs), outputs(to_keras(found), inputs)
        )


@pytest.fixture(scope="module")
def published() -> ModelArtifact:
    return model_from_bytes(*mobilenet_files(size=96, classes=7), "model.json")


class TestMobileNet:
    def test_survives_both_ways(self, published: ModelArtifact) -> None:
        model = to_keras(published)
        assert model.count_params() == 220_343
        again = to_keras(from_keras(model, {}))
        inputs = sample(model)
        first = outputs(model, *inputs)
        assert first.std() > 0.01
        np.testing.assert_array_equal(outputs(again, *inputs), first)

    def test_frozen_layers_stay_frozen(self, published: ModelArtifact) -> None:
        model = to_keras(published)
        model.get_layer("conv1").trainable = False
        written = from_keras(model, {})
        names = [spec["name"] for spec in written.document["weightsManifest"][0]["weights"]]
        assert names.index("conv1/kernel") > names.index("conv_preds/bias")
        assert names[-1].endswith(("moving_variance", "moving_mean"))
        assert not to_keras(written).get_layer("conv1").trainable

    def test_summary(self, published: ModelArtifact) -> None:
        rows = summary(published)
        assert rows[1] == LayerRow("conv1", "Conv2D", (48, 48, 8), 216, True)
        assert rows[3] == LayerRow("conv1_relu", "Activation", (48, 48, 8), 0, False)
        assert sum(row.parameters for row in rows) == 220_343


def graph_model() -> keras.Model:
    """Nested and shared models and layers, and several inputs and outputs."""
    layers = keras.layers
    inside = keras.Input((8, 8, 2), name="inside")
    inner = keras.Model(
        inside,
        layers.BatchNormalization(name="bn")(layers.Conv2D(3, 3, name="conv")(inside)),
        name="inner",
    )
    tail = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.DepthwiseConv2D(3, depth_multiplier=2, name="dw"),
            layers.PReLU(shared_axes=[1, 2], name="prelu"),
            # TensorFlow.js 4.2 forgets a depth_multiplier other than 1 when it saves.
            layers.SeparableConv2D(4, 2, name="sep"),
        ],
        name="tail",
    )
    one, two = keras.Input((8, 8, 2), name="one"), keras.Input((8, 8, 2), name="two")
    joined = layers.Concatenate(name="joined")([tail(inner(one)), tail(inner(two))])
    flat = layers.Flatten(name="flat")(joined)
    hidden = layers.Dense(5, activation="silu", name="hidden")
    both = layers.Add(name="sum")([hidden(flat), hidden(flat)])
    return randomized(
        keras.Model([one, two], layers.Dense(2, activation="softmax", name="dense_out")(both))
    )


class TestGraphs:
    def test_nested_and_shared(self) -> None:
        model = graph_model()
        written = from_keras(model, {})
        names = [spec["name"] for spec in written.document["weightsManifest"][0]["weights"]]
        assert {"conv/kernel", "dw/depthwise_kernel", "sep/pointwise_kernel"} <= set(names)
        inputs = sample(model)
        np.testing.assert_array_equal(outputs(to_keras(written), *inputs), outputs(model, *inputs))

    def test_nested_calls_are_counted_as_tensorflow_js_does(self) -> None:
        layers = from_keras(graph_model(), {}).document["modelTopology"]["config"]["layers"]
        calls = {entry["name"]: entry["inbound_nodes"] for entry in layers}
        assert calls["tail"] == [[["inner", 1, 0, {}]], [["inner", 2, 0, {}]]]
        assert calls["sum"] == [[["hidden", 0, 0, {}], ["hidden", 1, 0, {}]]]

    def test_the_dialect_of_keras_3(self) -> None:
        model = graph_model()
        written = from_keras(model, {})
        topology = json.loads(model.to_json())
        modern = ModelArtifact({**written.document, "modelTopology": topology}, written.weights)
        inputs = sample(model)
        np.testing.assert_array_equal(outputs(to_keras(modern), *inputs), outputs(model, *inputs))

    def test_layers_in_any_order(self) -> None:
        model = graph_model()
        written = from_keras(model, {})
        written.document["modelTopology"]["config"]["layers"].reverse()
        inputs = sample(model)
        np.testing.assert_array_equal(outputs(to_keras(written), *inputs), outputs(model, *inputs))

    def test_several_outputs(self) -> None:
        inside = keras.Input((4,), name="in")
        heads = [keras.layers.Dense(n, name=f"dense_{n}")(inside) for n in (2, 3)]
        again = to_keras(from_keras(keras.Model(inside, heads), {}))
        assert [tuple(tensor.shape) for tensor in again.outputs] == [(None, 2), (None, 3)]

    def test_a_nested_sequential_model_takes_the_shape_that_comes(self) -> None:
        document = from_keras(graph_model(), {})
        layers = document.document["modelTopology"]["config"]["layers"]
        tail = next(entry for entry in layers if entry["name"] == "tail")
        del tail["config"]["layers"][0]["config"]["batch_input_shape"]
        assert to_keras(document).get_layer("tail").input_shape == (None, 6, 6, 3)

    def test_an_input_layer_that_is_written_out(self) -> None:
        found = artifact(
            [
                layer("InputLayer", "in", batch_input_shape=[8, 3]),
                layer("Dense", "d", units=2),
            ],
            d__kernel=(3, 2),
            d__bias=(2,),
        )
        assert to_keras(found).input_shape == (None, 3)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda c: c["output_layers"].append(["none", 0, 0]), "no layer makes the tensor"),
            (lambda c: c["layers"][2].update(inbound_nodes=[[["z", 0, 0]]]), "waits for a tensor"),
            (lambda c: c.pop("input_layers"), "malformed: 'input_layers'"),
            (lambda c: c["layers"][2].update(inbound_nodes=[[["a"]]]), "malformed"),
            (
                lambda c: c["layers"][2].update(
                    inbound_nodes=[
                        {"kwargs": {"mask": {"config": {"keras_history": ["inside", 0, 0]}}}}
                    ]
                ),
                "keyword argument",
            ),
        ],
    )
    def test_broken_wiring(self, change: Any, message: str) -> None:  # noqa: ANN401
        written = from_keras(graph_model(), {})
        change(written.document["modelTopology"]["config"])
        with pytest.raises(ModelFileError, match=message):
            to_keras(written)


class TestReading:
    def test_old_and_foreign_configurations(self) -> None:
        found = artifact(
            [
                layer(
                    "DepthwiseConv2D",
                    "dw",
                    kernel_size=[3, 3],
                    batch_input_shape=[None, 9, 9, 2],
                    dtype="float32",
                    groups=1,
                    filters=2,
                    depthwise_constraint={"class_name": "L1L2", "config": {"l1": 0, "l2": 1}},
                    depthwise_initializer={
                        "class_name": "VarianceScaling",
                        "config": {"scale": 1, "mode": "fanIn", "dtype": "float32"},
                    },
                    use_bias=False,
                ),
                layer("BatchNormalization", "bn", axis=[3], scale=False, center=False),
                layer("LeakyReLU", "leaky", alpha=0.25),
                layer("Flatten", "flat", data_format="channelsLast"),
                layer(
                    "Dense",
                    "d",
                    units=2,
                    activation="logSoftmax",
                    kernel_initializer={"class_name": "LeCunNormal", "config": {"seed": 3}},
                    kernel_regularizer={"class_name": "L1L2", "config": {"l1": 0, "l2": 0.5}},
                ),
            ],
            dw__depthwise_kernel=(3, 3, 2, 1),
            bn__moving_mean=(2,),
            bn__moving_variance=(2,),
            d__kernel=(98, 2),
            d__bias=(2,),
        )
        model = to_keras(found)
        assert model.get_layer("bn").axis == -1 or model.get_layer("bn").axis == 3
        assert model.get_layer("leaky").negative_slope == 0.25
        assert model.get_layer("dw").depthwise_constraint is None
        assert model.get_layer("d").kernel_regularizer.l2 == 0.5
        np.testing.assert_allclose(outputs(model, *sample(model)), np.log(0.5), rtol=1e-6)

    def test_the_artifact_is_not_changed(self) -> None:
        found = from_keras(graph_model(), {})
        before = json.dumps(found.document)
        to_keras(found)
        assert json.dumps(found.document) == before

    @pytest.mark.parametrize(
        ("kernel", "bias"), [("m/d/kernel", "d/bias:0"), ("d/cell/kernel", "d/cell/bias")]
    )
    def test_converted_names(self, kernel: str, bias: str) -> None:
        names = {kernel.replace("/", "__"): (3, 2), bias.replace("/", "__"): (2,)}
        assert to_keras(artifact([dense()], **names)).count_params() == 8

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ({"d__kernel": (3, 2)}, r"weight 'd/bias' is missing \(1 in all\)"),
            ({"d__kernel": (2, 3), "d__bias": (2,)}, r"\[2, 3\], its layer needs \[3, 2\]"),
            (
                {"d__kernel": (3, 2), "d__bias": (2,), "e__bias": (2,)},
                "'e/bias' belongs to no layer",
            ),
        ],
    )
    def test_weights_that_do_not_fit(
        self, weights: dict[str, tuple[int, ...]], message: str
    ) -> None:
        with pytest.raises(ModelFileError, match=message):
            to_keras(artifact([dense()], **weights))

    @pytest.mark.parametrize(
        ("layers", "message"),
        [
            ([layer("Flatten", "f")], "batch_input_shape is None"),
            ([dense(units=10**9)], "wants 3000000000 weights, the file holds 9"),
            ([dense(units="many")], r"layer 'd' \(Dense\)"),
            ([layer("Dense", "d/e", units=2, batch_input_shape=[None, 3])], "'d/e'"),
            (
                [layer("MaxPooling2D", "p", batch_input_shape=[None, 1, 1, 1])],
                "'p' .MaxPooling2D.: Computed",
            ),
            (
                [layer("UpSampling2D", "u", size=10**6, batch_input_shape=[None, 1, 1, 1])],
                "1000000000000 values per sample are absurd",
            ),
            (
                [layer("PReLU", "p", batch_input_shape=[None, 1000])],
                "wants 1000 weights",
            ),
            (
                [layer("BatchNormalization", "b", batch_input_shape=[None, 1000])],
                "wants 1000 weights",
            ),
            (
                [
                    layer(
                        "Conv2D", "c", filters=100, kernel_size=9, batch_input_shape=[None, 9, 9, 1]
                    )
                ],
                "wants 8100 weights",
            ),
            (
                [
                    layer(
                        "SeparableConv2D",
                        "c",
                        filters=100,
                        kernel_size=1,
                        batch_input_shape=[None, 9, 9, 1],
                    )
                ],
                "wants 100 weights",
            ),
            (
                [
                    layer(
                        "DepthwiseConv2D",
                        "c",
                        kernel_size=1,
                        dilation_rate=[2, 2],
                        batch_input_shape=[None, 9, 9, 1],
                    )
                ],
                "which TensorFlow.js ignores",
            ),
            ([dense(), layer("Dense", "d", units=2)], "malformed"),
        ],
    )
    def test_layers_that_keras_does_not_take(self, layers: list[Json], message: str) -> None:
        layers[0]["config"] = {**layers[0]["config"]}
        with pytest.raises(ModelFileError, match=message):
            to_keras(artifact(layers, x=(9,)))

    def test_thresholded_relu(self) -> None:
        found = artifact([layer("ThresholdedReLU", "t", theta=0.5, batch_input_shape=[None, 3])])
        model = to_keras(found)
        values = np.array([[0.4, 0.5, 0.6]], np.float32)
        np.testing.assert_array_equal(outputs(model, values), values * [0, 0, 1])
        written = from_keras(model, {}).document["modelTopology"]["config"]["layers"][0]
        assert written["config"]["theta"] == 0.5


class TestWriting:
    @pytest.mark.parametrize(
        ("refused", "message"),
        [
            (keras.layers.ReLU(negative_slope=0.1), "negative_slope=0.1, which TensorFlow.js"),
            (keras.layers.ReLU(threshold=0.1), "threshold=0.1"),
            (keras.layers.GlobalAveragePooling2D(keepdims=True), "keepdims=True"),
            (keras.layers.Conv2D(3, 3, groups=3), "groups=3"),
            (keras.layers.DepthwiseConv2D(3, dilation_rate=2), "dilation_rate"),
            (keras.layers.Conv2DTranspose(3, 3, dilation_rate=2), "dilation_rate="),
            (keras.layers.ELU(0.5), "only alpha=1"),
            (keras.layers.UpSampling2D(interpolation="bilinear"), "'bilinear' differs"),
            (keras.layers.Activation("hard_sigmoid"), "no activation 'hard_sigmoid'"),
            (keras.layers.Activation(keras.ops.sin), "no activation"),
            (keras.layers.SpatialDropout2D(0.1), "TensorFlow.js has no such layer"),
            (keras.layers.Lambda(lambda x: x), "TensorFlow.js has no such layer"),
            (
                keras.layers.Dense(
                    2, kernel_regularizer=keras.regularizers.OrthogonalRegularizer()
                ),
                "TensorFlow.js has no 'OrthogonalRegularizer'",
            ),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_tensorflow_js_would_get_wrong(
        self, refused: keras.layers.Layer, message: str
    ) -> None:
        with pytest.raises(ModelFileError, match=message) as caught:
            from_keras(sequential(refused), {})
        assert refused.name in str(caught.value)

    def test_flat_input_of_flatten(self) -> None:
        with pytest.raises(ModelFileError, match="flat already"):
            from_keras(sequential(keras.layers.Flatten(), shape=(3,)), {})

    def test_causal_padding(self) -> None:
        conv = keras.layers.Conv1D(2, 3, padding="causal")
        with pytest.raises(ModelFileError, match="no padding 'causal'"):
            from_keras(sequential(conv, shape=(9, 3)), {})

    def test_a_layer_of_the_same_name_but_another_class(self) -> None:
        class Dense(keras.layers.Dense):  # type: ignore[misc]
            pass

        with pytest.raises(ModelFileError, match="no such layer"):
            from_keras(sequential(Dense(2)), {})

    def test_operations_that_are_no_layers(self) -> None:
        inside = keras.Input((4,))
        with pytest.raises(ModelFileError, match="made of layers alone"):
            from_keras(keras.Model(inside, keras.ops.sin(inside)), {})

    def test_a_model_that_is_not_built(self) -> None:
        with pytest.raises(ModelFileError, match="is not built"):
            from_keras(keras.Sequential([keras.layers.Dense(2)]), {})

    def test_names_that_nested_models_share(self) -> None:
        inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, name="d")])
        with pytest.raises(ModelFileError, match="two layers are named 'd'"):
            from_keras(sequential(inner, keras.layers.Dense(2, name="d"), shape=(3,)), {})

    def test_parts_are_written_as_tensorflow_js_does(self) -> None:
        model = sequential(
            keras.layers.Conv2D(
                2,
                3,
                name="c",
                kernel_initializer=keras.initializers.HeNormal(seed=5),
                bias_initializer=keras.initializers.RandomUniform(-1, 1),
                kernel_regularizer=keras.regularizers.L2(0.25),
                kernel_constraint=keras.constraints.MaxNorm(2),
                bias_constraint=keras.constraints.NonNeg(),
            ),
            keras.layers.Reshape((-1, 4), name="r"),
        )
        first, second = from_keras(model, {}).document["modelTopology"]["config"]["layers"]
        config = first["config"]
        assert config["kernel_initializer"] == {
            "class_name": "VarianceScaling",
            "config": {"scale": 2.0, "mode": "fan_in", "distribution": "normal", "seed": 5},
        }
        assert config["bias_initializer"] == {
            "class_name": "RandomUniform",
            "config": {"minval": -1, "maxval": 1, "seed": None},
        }
        assert config["kernel_regularizer"] == {
            "class_name": "L1L2",
            "config": {"l1": 0.0, "l2": 0.25},
        }
        assert config["kernel_constraint"] == {
            "class_name": "MaxNorm",
            "config": {"max_value": 2, "axis": 0},
        }
        assert config["bias_constraint"] == {"class_name": "NonNeg", "config": {}}
        assert config["batch_input_shape"] == [None, 12, 12, 3]
        assert second["config"]["target_shape"] == [50, 4]

    def test_the_document(self) -> None:
        written = from_keras(sequential(keras.layers.Dense(2)), {"classes": ["a", "b"]})
        assert written.document["format"] == "layers-model"
        assert written.document["generatedBy"].startswith("napari-piximi ")
        assert written.document["modelTopology"]["keras_version"] == "tfjs-layers 4.2.0"
        assert written.classes == ("a", "b")
        json.dumps(written.document, allow_nan=False)
