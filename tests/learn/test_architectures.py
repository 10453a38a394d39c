import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.learn.mobilenet_topology import mobilenet_files
from tests.learn.projects import weights_of

from napari_piximi.errors import FitError
from napari_piximi.io.tfjs import read_model, write_model
from napari_piximi.learn._keras import keras
from napari_piximi.learn.architectures import build_network, freeze_backbone, seed_layers
from napari_piximi.learn.serialization import from_keras, to_keras
from napari_piximi.model.training import Settings

pytestmark = pytest.mark.keras

RANDOM = Settings(architecture="MobileNet", height=32, width=48, weights="random")


@pytest.fixture(scope="module")
def mobilenet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file with the published structure and random weights."""
    folder = tmp_path_factory.mktemp("mobilenet")
    document, shards = mobilenet_files(seed=3)
    for name, data in {"model.json": document, **shards}.items():
        (folder / name).write_bytes(data)
    return folder / "model.json"


def test_simple_cnn_is_piximis() -> None:
    model = build_network(Settings(height=24, width=28), 3, 5)
    layers = {
        "conv2d_Conv2D1": (20, 24, 8),
        "max_pooling2d_MaxPooling2D1": (10, 12, 8),
        "conv2d_Conv2D2": (6, 8, 16),
        "max_pooling2d_MaxPooling2D2": (3, 4, 16),
        "flatten_Flatten1": (192,),
        "dense_Dense1": (5,),
    }
    assert {layer.name: layer.output.shape[1:] for layer in model.layers} == layers
    assert model.input_shape == (None, 24, 28, 3)
    assert model.count_params() == 5 * 5 * 3 * 8 + 8 + 5 * 5 * 8 * 16 + 16 + 192 * 5 + 5
    activations = [layer.activation.__name__ for layer in model.layers if layer.weights]
    assert activations == ["relu", "relu", "softmax"]
    for layer in model.layers:
        if layer.weights:
            scaling = layer.kernel_initializer.get_config()
            kind = {key: scaling[key] for key in ("scale", "mode", "distribution")}
            assert kind == {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal"}


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (build_network(Settings(seed=seed), 1, 4) for seed in (7, 7, 8))
    for mine, same, different in zip(
        weights_of(first), weights_of(again), weights_of(other), strict=True
    ):
        np.testing.assert_array_equal(mine, same)
        if mine.any():
            assert not np.array_equal(mine, different)


@pytest.mark.parametrize(("height", "width"), [(15, 28), (28, 15), (1, 1)])
def test_an_input_too_small_is_refused(height: int, width: int) -> None:
    with pytest.raises(FitError, match=f"at least 16 by 16 pixels, not {height} by {width}"):
        build_network(Settings(height=height, width=width), 1, 2)


def test_the_smallest_input_works() -> None:
    assert build_network(Settings(height=16, width=16), 1, 2).output_shape == (None, 2)


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(FitError, match="'ResNet' is no architecture; there are SimpleCNN"):
        build_network(Settings(architecture="ResNet"), 1, 2)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_mobilenet_trains_only_its_head_and_what_adapts_the_channels(channels: int) -> None:
    model = build_network(RANDOM, channels, 4)
    assert model.input_shape == (None, 32, 48, channels)
    assert model.output_shape == (None, 4)
    training = {layer.name for layer in model.layers if layer.trainable_weights}
    assert training == {"head_conv"} | ({"conv_channels"} if channels != 3 else set())
    adapter = [3 * 3 * channels * 3] if channels != 3 else []
    counts = [int(np.prod(v.shape)) for v in model.trainable_variables]
    assert counts == [*adapter, 256 * 4, 4]


def test_mobilenet_has_the_published_structure(mobilenet_file: Path) -> None:
    topology = json.loads(mobilenet_file.read_text())["modelTopology"]
    published = [layer["name"] for layer in topology["model_config"]["config"]["layers"]]
    cut = published.index("conv_pw_13_relu") + 1
    ours = build_network(replace(RANDOM, height=224, width=224), 3, 4)
    names = [layer.name for layer in ours.layers]
    assert [name for name in names if not name.startswith("head_")] == published[1:cut]
    real = to_keras(read_model(mobilenet_file))
    for name in published[1:cut]:
        shapes = [tuple(w.shape) for w in real.get_layer(name).weights]
        assert [tuple(w.shape) for w in ours.get_layer(name).weights] == shapes
        assert ours.get_layer(name).output.shape == real.get_layer(name).output.shape


def test_mobilenet_takes_its_weights_from_a_file(mobilenet_file: Path) -> None:
    settings = replace(RANDOM, weights=str(mobilenet_file), height=224, width=224)
    model = build_network(settings, 3, 4)
    real = to_keras(read_model(mobilenet_file))
    backbone = keras.Model(real.inputs, real.get_layer("conv_pw_13_relu").output)
    ours = keras.Model(model.inputs, model.get_layer("conv_pw_13_relu").output)
    samples = np.random.default_rng(0).random((2, 224, 224, 3), dtype=np.float32)
    expected = backbone.predict_on_batch(samples)
    assert expected.std() > 0.01
    np.testing.assert_allclose(ours.predict_on_batch(samples), expected, atol=1e-5)


def test_a_file_that_is_no_mobilenet_is_refused(tmp_path: Path) -> None:
    write_model(from_keras(build_network(Settings(), 1, 2), {}), tmp_path / "cnn.json")
    with pytest.raises(FitError, match="is no MobileNet: no layer 'conv_pw_13_relu'"):
        build_network(replace(RANDOM, weights=str(tmp_path / "cnn.json")), 3, 2)


def test_an_input_too_small_for_mobilenet_is_refused() -> None:
    with pytest.raises(FitError, match="MobileNet cannot take an input of 2 by 2"):
        build_network(replace(RANDOM, height=2, width=2), 1, 2)


def test_freezing_recognises_piximis_adapter() -> None:
    stack: list[Any] = [
        keras.Input((16, 16, 1)),
        keras.layers.Conv2D(3, 3, strides=2, use_bias=False, name="conv2d_Conv2D9"),
        keras.layers.Conv2D(4, 3, name="conv1"),
        keras.layers.BatchNormalization(name="conv1_bn"),
        keras.layers.ReLU(name="conv_pw_13_relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, name="head"),
    ]
    model = keras.Sequential(stack)
    freeze_backbone(model)
    training = [layer.name for layer in model.layers if layer.trainable_weights]
    assert training == ["conv2d_Conv2D9", "head"]


def test_a_model_without_a_backbone_trains_as_a_whole() -> None:
    model = build_network(Settings(), 1, 2)
    freeze_backbone(model)
    assert len(model.trainable_variables) == 6


def test_dropout_is_seeded() -> None:
    states = []
    for _ in range(2):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5)])
        seed_layers(model, 5)
        states.append(np.array(model(np.ones((8, 4), np.float32), training=True)))
    np.testing.assert_array_equal(states[0], states[1])
