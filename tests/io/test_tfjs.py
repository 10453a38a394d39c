import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared_data import shared

from napari_piximi.errors import ModelFileError, PiximiWarning, SaveError
from napari_piximi.io import tfjs
from napari_piximi.model.training import (
    CROP_SCHEMAS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    PIXIMI_SETTINGS,
    ModelArtifact,
    Settings,
)

Json = dict[str, Any]


def layer(class_name: str, name: str, **config: object) -> Json:
    return {"class_name": class_name, "config": {"name": name, **config}}


def dense_document(**changes: object) -> Json:
    """Make a model of one dense layer, 3 to 2."""
    dense = layer("Dense", "dense_1", units=2, activation="softmax", batch_input_shape=[None, 3])
    document: Json = {
        "modelTopology": {
            "class_name": "Sequential",
            "config": {"name": "sequential", "layers": [dense]},
        },
        "format": "layers-model",
        "weightsManifest": [
            {
                "paths": ["./tiny.weights.bin"],
                "weights": [
                    {"name": "dense_1/kernel", "shape": [3, 2], "dtype": "float32"},
                    {"name": "dense_1/bias", "shape": [2], "dtype": "float32"},
                ],
            }
        ],
    }
    return document | changes


WEIGHTS = np.arange(8, dtype="<f4").tobytes()


def read(document: object, shards: dict[str, bytes] | None = None) -> ModelArtifact:
    """Read from memory."""
    files = {"tiny.weights.bin": WEIGHTS} if shards is None else shards
    return tfjs.model_from_bytes(json.dumps(document).encode(), files, "tiny.json")


def put(folder: Path, document: object, weights: bytes = WEIGHTS) -> Path:
    path = folder / "tiny.json"
    path.write_text(json.dumps(document))
    (folder / "tiny.weights.bin").write_bytes(weights)
    return path


def with_layers(*layers: object) -> Json:
    return dense_document(
        modelTopology={"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}
    )


def with_weights(*weights: object, paths: Iterable[object] = ("./tiny.weights.bin",)) -> Json:
    return dense_document(weightsManifest=[{"paths": list(paths), "weights": list(weights)}])


def weight(
    name: object = "a/b", shape: object = (8,), dtype: object = "float32", **more: object
) -> Json:
    return {"name": name, "shape": shape, "dtype": dtype, **more}


class TestRead:
    def test_document_and_weights_are_as_in_the_files(self, tmp_path: Path) -> None:
        artifact = tfjs.read_model(put(tmp_path, dense_document(classes=["a", "b"])))
        assert artifact.classes == ("a", "b")
        arrays = tfjs.weight_arrays(artifact)
        np.testing.assert_array_equal(arrays["dense_1/kernel"], [[0, 1], [2, 3], [4, 5]])
        np.testing.assert_array_equal(arrays["dense_1/bias"], [6, 7])
        assert not arrays["dense_1/bias"].flags.writeable

    def test_the_weights_file_leads_to_its_json(self, tmp_path: Path) -> None:
        put(tmp_path, dense_document())
        found = tfjs.read_model(tmp_path / "tiny.weights.bin")
        assert found.weights == WEIGHTS

    def test_any_shard_leads_to_the_json_that_names_it(self, tmp_path: Path) -> None:
        (tmp_path / "aaa.json").write_text("not JSON")
        document = with_weights(weight(), paths=["part1", "part2"])
        (tmp_path / "model.json").write_text(json.dumps(document))
        (tmp_path / "part1").write_bytes(WEIGHTS[:5])
        (tmp_path / "part2").write_bytes(WEIGHTS[5:])
        assert tfjs.read_model(tmp_path / "part2").weights == WEIGHTS

    def test_weights_without_json(self, tmp_path: Path) -> None:
        (tmp_path / "alone.weights.bin").write_bytes(WEIGHTS)
        with pytest.raises(ModelFileError, match=r"alone\.weights\.bin: no JSON file beside it"):
            tfjs.read_model(tmp_path / "alone.weights.bin")

    def test_several_groups_of_several_shards(self) -> None:
        document = dense_document(
            weightsManifest=[
                {"paths": ["a", "./b"], "weights": [weight("dense_1/kernel", [3, 2])]},
                {"paths": ["c"], "weights": [weight("dense_1/bias", [2])]},
            ]
        )
        shards = {"a": WEIGHTS[:4], "b": WEIGHTS[4:24], "c": WEIGHTS[24:]}
        assert read(document, shards).weights == WEIGHTS
        assert tfjs.shard_names(json.dumps(document).encode(), "x") == ("a", "b", "c")

    def test_renamed_weights_of_the_right_length_are_used(self, tmp_path: Path) -> None:
        path = put(tmp_path, with_weights(weight(), paths=["./model.weights.bin"]))
        with pytest.warns(PiximiWarning, match=r"model\.weights\.bin.*is missing"):
            assert tfjs.read_model(path).weights == WEIGHTS

    def test_renamed_weights_of_another_length_are_not(self, tmp_path: Path) -> None:
        document = with_weights(weight(), paths=["./model.weights.bin"])
        with pytest.raises(ModelFileError, match="renamed back"):
            tfjs.read_model(put(tmp_path, document, WEIGHTS[:-1]))

    def test_a_file_without_format_is_a_layers_model(self) -> None:
        document = dense_document()
        del document["format"]
        assert read(document).weights == WEIGHTS

    def test_a_file_that_shrinks_while_it_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = put(tmp_path, dense_document())
        whole = Path.read_bytes
        monkeypatch.setattr(
            Path,
            "read_bytes",
            lambda self: whole(self)[: 32 if self.suffix == ".bin" else None][
                : None if self.suffix == ".json" else 20
            ],
        )
        with pytest.raises(ModelFileError, match="needs 32 bytes of weights, there are 20"):
            tfjs.read_model(path)

    def test_a_file_that_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(self: Path) -> bytes:
            raise PermissionError(13, "denied", str(self))

        path = put(tmp_path, dense_document())
        monkeypatch.setattr(Path, "read_bytes", fail)
        with pytest.raises(ModelFileError, match=r"tiny\.json: cannot be read"):
            tfjs.read_model(path)

    @pytest.mark.parametrize(
        ("dtype", "stored", "data", "expected"),
        [
            ("float32", "uint8", bytes([0, 10, 255]), [-1.0, 4.0, 126.5]),
            ("float32", "uint16", np.array([0, 10, 65535], "<u2").tobytes(), [-1, 4, 32766.5]),
            ("float32", "float16", np.array([0.5, -2, 8], "<f2").tobytes(), [0.5, -2, 8]),
            ("int32", "uint8", bytes([0, 3, 255]), [-1, 1, 127]),
        ],
    )
    def test_quantized_weights(
        self, dtype: str, stored: str, data: bytes, expected: list[float]
    ) -> None:
        quantization = {"dtype": stored, "scale": 0.5, "min": -1}
        document = with_weights(weight("w", [3], dtype, quantization=quantization))
        (values,) = tfjs.weight_arrays(read(document, {"tiny.weights.bin": data})).values()
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, expected)

    def test_other_types_become_float32_and_an_optimizers_state_is_left_out(self) -> None:
        document = with_weights(
            weight("i", [1], "int32"),
            weight("b", [2], "bool"),
            weight("o", [1], group="optimizer"),
            weight("s", []),
            weight("e", [0, 5]),
        )
        data = np.array([7], "<i4").tobytes() + bytes([1, 0]) + WEIGHTS[:8]
        arrays = tfjs.weight_arrays(read(document, {"tiny.weights.bin": data}))
        assert {name: array.tolist() for name, array in arrays.items()} == {
            "i": [7],
            "b": [1, 0],
            "s": 1.0,
            "e": [],
        }


BAD_DOCUMENTS: dict[str, tuple[object, str]] = {
    "a list": ([1], "holds a list, not a model"),
    "no topology": ({"format": "layers-model"}, "modelTopology is missing"),
    "a graph model": (dense_document(format="graph-model"), "graph model"),
    "a graph model without format": ({"modelTopology": {"node": []}}, "graph model"),
    "another format": (dense_document(format="hdf5"), "format is 'hdf5'"),
    "no manifest": (dense_document(weightsManifest=[]), "weightsManifest is missing"),
    "a manifest that is no list": (dense_document(weightsManifest={}), "not a list of groups"),
    "a group that is no object": (dense_document(weightsManifest=[3]), "is int, not an object"),
    "a group without weights": (dense_document(weightsManifest=[{"paths": []}]), "lacks its lists"),
    "weights without files": (with_weights(weight(), paths=[]), "0 found in no file"),
    "a weight that is no object": (with_weights("kernel"), "is str, not an object"),
    "a weight without name": (with_weights(weight("")), "has no name"),
    "a name twice": (
        with_weights(weight(shape=[4]), weight(shape=[4])),
        "names weight 'a/b' twice",
    ),
    "an unknown dtype": (with_weights(weight(dtype="string")), "unknown dtype 'string'"),
    "a dtype that is no text": (with_weights(weight(dtype=["float32"])), "unknown dtype"),
    "a shape that is no list": (with_weights(weight(shape=8)), "has the shape 8"),
    "a negative length": (with_weights(weight(shape=[-8])), "has the shape"),
    "a length that is no integer": (with_weights(weight(shape=[True])), "has the shape"),
    "too many axes": (with_weights(weight(shape=[1] * 9)), "has the shape"),
    "an absurd length": (with_weights(weight(shape=[10**12])), "has the shape"),
    "an absurd shape": (with_weights(weight(shape=[10**6, 10**6])), "declares 4000000000000 bytes"),
    "an unknown quantization": (
        with_weights(weight(quantization={"dtype": "uint4"})),
        "unknown quantization",
    ),
    "a quantization that is no object": (with_weights(weight(quantization=8)), "unknown quantiz"),
    "a quantization without scale": (
        with_weights(weight(quantization={"dtype": "uint8", "min": 0})),
        "needs numbers 'scale' and 'min'",
    ),
    "float16 integers": (
        with_weights(weight(dtype="int32", quantization={"dtype": "float16"})),
        "cannot be quantized",
    ),
    "a root that is no model": (
        dense_document(modelTopology=layer("Dense", "d")),
        "'Dense' is not a model",
    ),
    "a model without layers": (with_layers(), "has no list of layers"),
    "a layer that is none": (with_layers("Dense"), "stands in place of a layer"),
    "an initialiser for a layer": (with_layers(layer("Zeros", "z")), "in place of a layer"),
    "a layer without config": (with_layers({"class_name": "Dense"}), "has no config with a name"),
    "an unknown layer": (with_layers(layer("Magic", "m")), "holds 'Magic'"),
    "a class name that is no text": (with_layers({"class_name": [1]}), "holds .1."),
    "an unknown activation": (
        with_layers(layer("Dense", "d", activation="hardSigmoid")),
        "activation 'hardSigmoid' is not one",
    ),
    "an activation with code": (
        with_layers(layer("Dense", "d", activation={"class_name": "L2"})),
        "activation {",
    ),
    "channels first": (
        with_layers(layer("Flatten", "f", data_format="channels_first")),
        "channels_last",
    ),
    "bilinear": (with_layers(layer("UpSampling2D", "u", interpolation="bilinear")), "'nearest'"),
    "an absurd number": (with_layers(layer("Dense", "d", units=[[10**15]])), "units is 10"),
}
LAMBDA = layer("Lambda", "code", function=["4wEAAAAAAAAA", None, None])


class TestRefuse:
    @pytest.mark.parametrize("case", BAD_DOCUMENTS, ids=str)
    def test_bad_document(self, case: str) -> None:
        document, message = BAD_DOCUMENTS[case]
        with pytest.raises(ModelFileError, match=message) as caught:
            read(document)
        assert "tiny.json" in str(caught.value)

    @pytest.mark.parametrize(
        "hidden",
        [
            LAMBDA,
            {"class_name": "Sequential", "config": {"name": "n", "layers": [LAMBDA]}},
            layer("TimeDistributed", "t", layer=LAMBDA),
            layer("Dense", "d", kernel_initializer=LAMBDA),
            layer("Dense", "d", activity_regularizer={"class_name": "L2", "config": LAMBDA}),
        ],
        ids=["layer", "nested model", "wrapper", "initialiser", "deep in a regulariser"],
    )
    def test_lambda_is_named_wherever_it_hides(self, hidden: Json) -> None:
        with pytest.raises(ModelFileError, match=r"tiny\.json: the topology holds 'Lambda'"):
            read(with_layers(hidden))

    def test_too_many_layers(self) -> None:
        with pytest.raises(ModelFileError, match="more than 5000 layers"):
            read(with_layers(*[layer("Flatten", "f")] * 5001))

    def test_models_nested_beyond_reason(self) -> None:
        model: Json = layer("Dense", "d")
        for _ in range(11):
            model = {"class_name": "Sequential", "config": {"name": "m", "layers": [model]}}
        with pytest.raises(ModelFileError, match="or 10 models in each other"):
            read(dense_document(modelTopology=model))

    @pytest.mark.parametrize(
        "path",
        ["../x.bin", "/etc/passwd", "a/b.bin", "a\\b.bin", "C:x.bin", "", ".", "..", "./..", 3],
    )
    def test_paths_out_of_the_folder(self, path: object) -> None:
        with pytest.raises(ModelFileError, match="not the name of a file beside"):
            read(with_weights(weight(), paths=[path]))

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"{",
            b"\xff\xfe",
            b'{"a": NaN}',
            b'{"a": -Infinity}',
            b'{"a": 1e999}',
            b"[" * 100_000,
            b'{"a": ' + b"9" * 5000 + b"}",
        ],
        ids=["empty", "cut", "no text", "NaN", "infinity", "overflow", "deep", "long number"],
    )
    def test_not_json(self, text: bytes) -> None:
        with pytest.raises(ModelFileError, match=r"bad\.json: is not a JSON file"):
            tfjs.model_from_bytes(text, {}, "bad.json")

    def test_truncated_shard(self, tmp_path: Path) -> None:
        path = put(tmp_path, dense_document(), WEIGHTS[:30])
        with pytest.raises(
            ModelFileError,
            match=r"32 bytes of weights expected, 30 found in 'tiny\.weights\.bin' \(30 bytes\)",
        ):
            tfjs.read_model(path)

    def test_missing_shard(self, tmp_path: Path) -> None:
        path = put(tmp_path, dense_document())
        (tmp_path / "tiny.weights.bin").unlink()
        with pytest.raises(ModelFileError, match=r"'tiny\.weights\.bin' is missing"):
            tfjs.read_model(path)

    def test_missing_document(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFileError, match="there is no such file"):
            tfjs.read_model(tmp_path / "none.json")

    def test_huge_document(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.json"
        with path.open("wb") as file:
            file.truncate(2**27)
        with pytest.raises(ModelFileError, match="134217728 bytes are too many"):
            tfjs.read_model(path)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_refused_cleanly(self, data: bytes) -> None:
        with pytest.raises(ModelFileError):
            tfjs.model_from_bytes(data, {}, "any.json")

    @given(
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "class_name",
                            "config",
                            "layers",
                            "name",
                            "paths",
                            "weights",
                            "shape",
                            "dtype",
                        ]
                    ),
                    inner,
                )
            ),
        ),
        st.sampled_from(["modelTopology", "weightsManifest"]),
    )
    def test_any_structure_is_refused_cleanly(self, value: object, key: str) -> None:
        with pytest.raises(ModelFileError):
            read(dense_document(**{key: value}))


class TestWrite:
    def test_what_is_written_is_read_back(self, tmp_path: Path) -> None:
        artifact = read(dense_document(classes=["ä", "b"]))
        tfjs.write_model(artifact, tmp_path / "other.json")
        assert sorted(item.name for item in tmp_path.iterdir()) == [
            "other.json",
            "other.weights.bin",
        ]
        again = tfjs.read_model(tmp_path / "other.json")
        assert again.weights == artifact.weights
        assert again.document["classes"] == ["ä", "b"]
        assert again.document["weightsManifest"][0]["paths"] == ["./other.weights.bin"]
        assert again.document["modelTopology"] == artifact.document["modelTopology"]

    def test_all_shards_become_one_and_the_artifact_is_not_touched(self) -> None:
        document = dense_document(
            weightsManifest=[
                {"paths": ["a"], "weights": [weight("dense_1/kernel", [3, 2])]},
                {"paths": ["b"], "weights": [weight("dense_1/bias", [2])]},
            ]
        )
        artifact = read(document, {"a": WEIGHTS[:24], "b": WEIGHTS[24:]})
        text, weights = tfjs.model_files(artifact, "models/second")
        (group,) = json.loads(text)["weightsManifest"]
        assert group["paths"] == ["./second.weights.bin"]
        assert [item["name"] for item in group["weights"]] == ["dense_1/kernel", "dense_1/bias"]
        assert weights == WEIGHTS
        assert artifact.document == document

    @pytest.mark.parametrize("name", ["", "a.b", "sub/"])
    def test_names_that_piximi_would_cut(self, name: str) -> None:
        with pytest.raises(ModelFileError, match="cannot name a classifier"):
            tfjs.model_files(read(dense_document()), name)

    def test_only_json(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFileError, match=r"saved as NAME\.json"):
            tfjs.write_model(read(dense_document()), tmp_path / "model.h5")

    def test_nan_is_not_written(self) -> None:
        with pytest.raises(ModelFileError, match="not valid JSON"):
            tfjs.model_files(ModelArtifact(dense_document(extra=float("nan")), WEIGHTS), "m")

    def test_weights_that_do_not_fit(self) -> None:
        broken = ModelArtifact(dense_document(), WEIGHTS[1:])
        for use in (lambda: tfjs.model_files(broken, "m"), lambda: tfjs.weight_arrays(broken)):
            with pytest.raises(ModelFileError, match="needs 32 bytes of weights, there are 31"):
                use()


def fail_at(number: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """Fail like a full disk at one call, counted from 1."""
    calls = iter(range(1, 1000))

    def call(*arguments: Any) -> Any:  # noqa: ANN401
        if next(calls) == number:
            raise OSError(28, "No space left on device", "disk")
        return real(*arguments)

    return call


class TestFailingDisk:
    @pytest.mark.parametrize("old", [False, True])
    @pytest.mark.parametrize(
        ("function", "number"), [("fsync", 1), ("fsync", 2), ("replace", 1), ("replace", 2)]
    )
    def test_old_files_stay(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        old: bool,
        function: str,
        number: int,
    ) -> None:
        if old:
            put(tmp_path, dense_document(old=True), b"old weights")
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        monkeypatch.setattr(os, function, fail_at(number, getattr(os, function)))
        with pytest.raises(SaveError, match=r"tiny\.[a-z.]+: not saved: No space left"):
            tfjs.write_model(read(dense_document()), tmp_path / "tiny.json")
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

    def test_read_only_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(self: Path, *_: object) -> None:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(SaveError, match="Permission denied"):
            tfjs.write_model(read(dense_document()), tmp_path / "tiny.json")

    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SaveError, match="No such file"):
            tfjs.write_model(read(dense_document()), tmp_path / "no" / "tiny.json")

    def test_file_systems_without_hard_links(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(tmp_path, dense_document(old=True), b"old weights")
        monkeypatch.setattr(os, "link", fail_at(1, os.link))
        monkeypatch.setattr(os, "replace", fail_at(2, os.replace))
        with pytest.raises(SaveError):
            tfjs.write_model(read(dense_document()), tmp_path / "tiny.json")
        assert (tmp_path / "tiny.weights.bin").read_bytes() == b"old weights"
        assert len(list(tmp_path.iterdir())) == 2


def settings_strategy() -> st.SearchStrategy[Settings]:
    return st.builds(
        Settings,
        height=st.integers(1, 4096),
        width=st.integers(1, 4096),
        architecture=st.sampled_from(["SimpleCNN", "MobileNet"]),
        weights=st.sampled_from(["", "random"]),
        rescale=st.booleans(),
        center=st.booleans(),
        crop_schema=st.sampled_from(CROP_SCHEMAS),
        num_crops=st.integers(1, 100),
        shift=st.floats(0, 0.5),
        learning_rate=st.floats(1e-7, 10),
        loss=st.sampled_from(LOSSES),
        optimizer=st.sampled_from(OPTIMIZERS),
        metrics=st.lists(st.sampled_from(METRICS), min_size=1, unique=True).map(tuple),
        epochs=st.integers(1, 100_000),
        batch_size=st.integers(1, 65_536),
        seed=st.integers(0, 2**31 - 1),
        keep_best=st.booleans(),
    )


def image_document(height: object, width: object, channels: object, **changes: object) -> Json:
    shape = [None, height, width, channels]
    return (
        with_layers(
            layer("Flatten", "f", batch_input_shape=shape), layer("Dense", "dense_1", units=4)
        )
        | changes
    )


class TestMetadata:
    @given(settings_strategy(), st.integers(1, 9), st.integers(1, 9))
    def test_settings_survive(self, settings: Settings, channels: int, planes: int) -> None:
        metadata = tfjs.piximi_metadata(settings, channels, planes, ["a", "b"])
        document = json.loads(
            json.dumps(image_document(settings.height, settings.width, channels) | metadata)
        )
        assert tfjs.settings_from_document(document) == (settings, channels, planes)

    def test_the_form_is_piximis(self) -> None:
        real = json.loads(
            shared("classifiers/mnist_classifier/mnist_classifier.json").read_text("utf-8")
        )
        settings, channels, planes = tfjs.settings_from_document(real)
        assert settings == Settings(**{**_as_dict(PIXIMI_SETTINGS), "height": 28, "width": 28})
        metadata = tfjs.piximi_metadata(settings, channels, planes, real["classes"])
        for key in ("preprocessSettings", "classes", "optimizerSettings"):
            assert metadata[key] == real[key]

    def test_a_metric_is_misspelt_as_piximi_does(self) -> None:
        settings = Settings(metrics=("Binary cross-entropy", "Recall"))
        metadata = tfjs.piximi_metadata(settings, 1, 1, [])
        written = ["Binary cros-sentropy", "Recall"]
        assert metadata["optimizerSettings"]["metrics"] == written
        found, *_ = tfjs.settings_from_document(image_document(28, 28, 1) | metadata)
        assert found.metrics == settings.metrics

    def test_a_path_on_this_machine_stays_here(self) -> None:
        metadata = tfjs.piximi_metadata(Settings(weights="/home/me/model.json"), 1, 1, [])
        assert "/home" not in json.dumps(metadata)

    def test_without_metadata_the_topology_tells(self) -> None:
        settings, channels, planes = tfjs.settings_from_document(image_document(24, 20, 3))
        assert (settings.height, settings.width, channels, planes) == (24, 20, 3, 1)
        assert settings.epochs == PIXIMI_SETTINGS.epochs

    def test_the_topology_wins(self) -> None:
        stated = {"inputShape": {"planes": 24, "height": 28, "width": 1}}
        document = image_document(24, 28, 1, preprocessSettings=stated)
        with pytest.warns(PiximiWarning, match="the model's size is used"):
            settings, channels, _ = tfjs.settings_from_document(document, "x.json")
        assert (settings.height, settings.width, channels) == (24, 28, 1)

    def test_an_open_topology_asks_the_metadata(self) -> None:
        stated = {"inputShape": {"planes": 0, "height": 30, "width": 31, "channels": 2}}
        document = image_document(None, None, 2, preprocessSettings=stated)
        settings, channels, planes = tfjs.settings_from_document(document)
        assert (settings.height, settings.width, channels, planes) == (30, 31, 2, 1)

    def test_a_depthwise_model_is_a_mobilenet(self) -> None:
        document = with_layers(
            layer("DepthwiseConv2D", "d", kernel_size=3, batch_input_shape=[None, 8, 8, 3])
        )
        assert tfjs.settings_from_document(document)[0].architecture == "MobileNet"

    @pytest.mark.parametrize(
        ("section", "key", "value", "field"),
        [
            ("optimizerSettings", "lossFunction", "Perceptual", "loss"),
            ("optimizerSettings", "optimizationAlgorithm", 3, "optimizer"),
            ("optimizerSettings", "learningRate", "0.1", "learning_rate"),
            ("optimizerSettings", "learningRate", -1, "learning_rate"),
            ("optimizerSettings", "epochs", 1.5, "epochs"),
            ("optimizerSettings", "epochs", True, "epochs"),
            ("optimizerSettings", "metrics", ["Nonsense"], "metrics"),
            ("preprocessSettings", "cropSchema", "Squash", "crop_schema"),
            ("preprocessSettings", "shuffle", "yes", "shuffle"),
            ("preprocessSettings", "batchSize", 0, "batch_size"),
            ("napariPiximi", "seed", None, "seed"),
        ],
    )
    def test_impossible_values_become_defaults(
        self, section: str, key: str, value: object, field: str
    ) -> None:
        document = image_document(20, 20, 1, **{section: {key: value}})
        with pytest.warns(PiximiWarning, match=rf"x\.json: {field} cannot be "):
            settings, _, _ = tfjs.settings_from_document(document, "x.json")
        assert getattr(settings, field) == getattr(PIXIMI_SETTINGS, field)

    def test_whole_numbers_may_be_floats_and_one_metric_a_text(self) -> None:
        section = {"epochs": 7.0, "metrics": "Precision", "learningRate": 1}
        document = image_document(20, 20, 1, optimizerSettings=section)
        settings, _, _ = tfjs.settings_from_document(document)
        assert (settings.epochs, settings.metrics) == (7, ("Precision",))
        assert settings.learning_rate == 1.0


def _as_dict(settings: Settings) -> Json:
    return {name: getattr(settings, name) for name in Settings.__dataclass_fields__}


class TestShapes:
    def test_input_and_output(self) -> None:
        document = image_document(24, None, 3)
        assert tfjs.input_shape(document) == (24, None, 3)
        assert tfjs.output_units(document) == 4

    def test_nested(self) -> None:
        inner = image_document(8, 8, 1)["modelTopology"]
        document = with_layers(inner)
        assert tfjs.input_shape(document) == (8, 8, 1)
        assert tfjs.output_units(document) == 4

    def test_unknown(self) -> None:
        document = with_layers(layer("Flatten", "f"))
        assert tfjs.output_units(document) is None
        with pytest.raises(ModelFileError, match="batch_input_shape is None"):
            tfjs.input_shape(document)

    def test_layers_as_the_config_itself(self) -> None:
        topology = {"class_name": "Sequential", "config": [layer("Dense", "d", units=3)]}
        tfjs.check_topology({"modelTopology": topology})
        assert tfjs.output_units({"modelTopology": topology}) == 3


def test_a_real_classifier_survives(tmp_path: Path) -> None:
    folder = shared("classifiers/mnist_classifier")
    artifact = tfjs.read_model(folder / "mnist_classifier.weights.bin")
    shutil.copytree(folder, tmp_path / "copy")
    tfjs.write_model(artifact, tmp_path / "copy" / "mnist_classifier.json")
    again = tfjs.read_model(tmp_path / "copy" / "mnist_classifier.json")
    assert again == artifact
