"""TensorFlow.js and Keras give the same probabilities from the same files, both ways."""

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learn.mobilenet_topology import mobilenet_files
from tests.learn.test_serialization import graph_model, sample
from tests.shared_data import shared
from tests.tfjs import node

from napari_piximi.io.tfjs import model_from_bytes, piximi_metadata, read_model, write_model
from napari_piximi.learn.serialization import from_keras, to_keras
from napari_piximi.model.training import ModelArtifact, Settings

pytestmark = pytest.mark.keras

ATOL = 1e-6
Arrays = list[NDArray[np.float32]]


@pytest.fixture(autouse=True, scope="module")
def tensorflow_js() -> None:
    node.require_node()


def outputs(model: keras.Model, inputs: Arrays) -> Arrays:
    result = model(inputs[0] if len(inputs) == 1 else inputs, training=False)
    return [np.asarray(keras.ops.convert_to_numpy(item)) for item in keras.tree.flatten(result)]


def simple_cnn(height: int, width: int, channels: int) -> keras.Model:
    """Piximi's SimpleCNN."""
    layers = keras.layers
    scaled = {"kernel_initializer": keras.initializers.VarianceScaling(seed=3)}
    model = keras.Sequential(
        [
            keras.Input((height, width, channels)),
            layers.Conv2D(8, 5, activation="relu", name="conv2d_1", **scaled),
            layers.MaxPooling2D(2, 2),
            layers.Conv2D(16, 5, activation="relu", name="conv2d_2", **scaled),
            layers.MaxPooling2D(2, 2),
            layers.Flatten(),
            layers.Dense(5, activation="softmax", name="dense_1", **scaled),
        ]
    )
    model.get_layer("dense_1").bias.assign(np.linspace(-1, 1, 5).astype(np.float32))
    return model


def mobilenet(channels: int) -> keras.Model:
    """Cut the published backbone; give it a head of 5 classes and a stem for other channels."""
    layers = keras.layers
    published = to_keras(model_from_bytes(*mobilenet_files(size=96), "model.json"))
    trunk = keras.Model(published.input, published.get_layer("conv_pw_13_relu").output)
    if channels == 3:
        inputs, features = trunk.input, trunk.output
    else:
        inputs = keras.Input((192, 192, channels), name="channels")
        stem = layers.Conv2D(3, 3, strides=2, padding="same", name="to_three")
        features = trunk(stem(inputs))
    pooled = layers.GlobalAveragePooling2D(name="pooled")(features)
    column = layers.Reshape((1, 1, 256), name="column")(pooled)
    scores = layers.Conv2D(5, 1, name="scores")(layers.Dropout(0.001, name="drop")(column))
    flat = layers.Flatten(name="flat")(scores)
    return keras.Model(inputs, layers.Activation("softmax", name="dense_softmax")(flat))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Largest difference for each model that we write, TensorFlow.js reads and saves again."""
    keras.utils.set_random_seed(1)
    folder = tmp_path_factory.mktemp("ours")
    models = {
        "SimpleCNN 28x28x1": simple_cnn(28, 28, 1),
        "SimpleCNN 24x20x2": simple_cnn(24, 20, 2),
        "MobileNet 96x96x3": mobilenet(3),
        "MobileNet 192x192x1": mobilenet(1),
        "MobileNet 192x192x2": mobilenet(2),
        "nested graph": graph_model(),
    }
    return compared({name: (model, sample(model)) for name, model in models.items()}, folder)


def compared(models: dict[str, tuple[keras.Model, Arrays]], folder: Path) -> dict[str, float]:
    """Write models, let TensorFlow.js predict and save them, read these: largest differences."""
    jobs: list[dict[str, Any]] = []
    metadata = piximi_metadata(Settings(), 1, 1, ["a", "b"])
    for number, (model, inputs) in enumerate(models.values()):
        path = folder / f"written{number}.json"
        write_model(from_keras(model, metadata), path)
        jobs.append({"model": str(path), "inputs": inputs, "save": str(folder / f"s{number}.json")})
    differences = {}
    for number, (job, theirs) in enumerate(zip(jobs, node.predict(jobs), strict=True)):
        name = list(models)[number]
        model, inputs = models[name]
        again = to_keras(read_model(Path(job["save"])))
        differences[f"{name}: Keras to TensorFlow.js"] = distance(outputs(model, inputs), theirs)
        differences[f"{name}: back"] = distance(outputs(again, inputs), theirs)
    return differences


def distance(ours: Arrays, theirs: Arrays) -> float:
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        # A constant or saturated output would agree with anything.
        assert np.ptp(other, axis=0).max() > 1e-4
    return max(float(abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("way", ["Keras to TensorFlow.js", "back"])
@pytest.mark.parametrize(
    "name",
    [
        "SimpleCNN 28x28x1",
        "SimpleCNN 24x20x2",
        "MobileNet 96x96x3",
        "MobileNet 192x192x1",
        "MobileNet 192x192x2",
        "nested graph",
    ],
)
def test_models_that_we_write(ours: dict[str, float], name: str, way: str) -> None:
    difference = ours[f"{name}: {way}"]
    print(f"{name}: {way}: {difference:.1e}")
    assert difference <= ATOL


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    """Differences for each model that TensorFlow.js writes, as read by us, and as saved again."""
    folder = tmp_path_factory.mktemp("theirs")
    node.run_script("write.cjs", str(folder))
    jobs: list[dict[str, Any]] = []
    models = {}
    for path in sorted(folder.glob("*.json")):
        model = to_keras(read_model(path))
        models[path.stem] = model
        again = folder / f"{path.stem}Again.json"
        write_model(from_keras(model, {}), again)
        inputs = sample(model)
        jobs += [{"model": str(name), "inputs": inputs} for name in (path, again)]
    results = node.predict(jobs)
    found = {}
    for index, (name, model) in enumerate(models.items()):
        expected = outputs(model, jobs[2 * index]["inputs"])
        found[name] = (
            distance(expected, results[2 * index]),
            distance(expected, results[2 * index + 1]),
        )
    return found


@pytest.mark.parametrize(
    "name",
    [
        "first",
        "images",
        "merges",
        "nested",
        "quantized",
        "sharded",
        "signals",
        "simple",
        "vectors",
    ],
)
def test_models_that_tensorflow_js_writes(
    theirs: dict[str, tuple[float, float]], name: str
) -> None:
    read, saved = theirs[name]
    print(f"{name}: read {read:.1e}, saved again {saved:.1e}")
    assert read <= ATOL
    assert saved <= ATOL


def piximis(name: str) -> ModelArtifact:
    if name == "mnist_classifier":
        return read_model(shared("classifiers/mnist_classifier/mnist_classifier.json"))
    with zipfile.ZipFile(shared("classifiers/digits_cnn.zip")) as archive:
        shards = {"digits_cnn.weights.bin": archive.read("digits_cnn.weights.bin")}
        return model_from_bytes(archive.read("digits_cnn.json"), shards, "digits_cnn.json")


@pytest.mark.parametrize("name", ["mnist_classifier", "digits_cnn"])
def test_piximis_classifiers_saved_by_us(name: str, tmp_path: Path) -> None:
    found = piximis(name)
    model = to_keras(found)
    write_model(found, tmp_path / "copied.json")
    write_model(from_keras(model, {"classes": list(found.classes)}), tmp_path / "written.json")
    inputs = sample(model)
    copied, written = node.predict(
        [
            {"model": str(tmp_path / f"{stem}.json"), "inputs": inputs}
            for stem in ("copied", "written")
        ]
    )
    np.testing.assert_array_equal(copied[0], written[0])
    difference = distance(outputs(model, inputs), copied)
    print(f"{name}: {difference:.1e}")
    assert difference <= ATOL
