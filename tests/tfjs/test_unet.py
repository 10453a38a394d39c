"""A U-Net of ours in TensorFlow.js and in Keras: the same probabilities, both ways."""

from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.tfjs import node

from napari_piximi.io.network_files import read_network, write_network
from napari_piximi.io.tfjs import read_model
from napari_piximi.learn.serialization import from_keras, to_keras
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.segment.unet import build_unet

pytestmark = pytest.mark.keras

SETTINGS = UNetSettings(depth=3, filters=8, seed=5)
SIZES = ((64, 64), (24, 40), (8, 16))


@pytest.fixture(autouse=True, scope="module")
def tensorflow_js() -> None:
    node.require_node()


def shaken_unet(channels: int) -> keras.Model:
    """Build a U-Net whose weights, also those of normalisations, are none that it begins with."""
    model = build_unet(SETTINGS, channels)
    random = np.random.default_rng(2)
    for variable in model.weights:
        values = np.asarray(variable)
        variable.assign(values * random.uniform(0.7, 1.3, values.shape) + 0.02)
    return model


def relative(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Largest difference, as a share of the largest value."""
    assert ours.shape == theirs.shape
    assert np.ptp(theirs) > 0.1  # constant outputs would agree with anything
    return float(np.abs(ours.astype(float) - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize("channels", [1, 2])
def test_probabilities_are_the_same_in_tensorflow_js_and_back(
    channels: int, tmp_path: Path
) -> None:
    model = shaken_unet(channels)
    written, saved = tmp_path / "unet.json", tmp_path / "again.json"
    network = SegmentationNetwork(
        "unet", "k", SETTINGS, tuple(range(channels)), from_keras(model, {})
    )
    write_network(network, written)
    random = np.random.default_rng(1)
    pictures = [random.normal(size=(2, *s, channels)).astype(np.float32) for s in SIZES]

    jobs = [{"model": str(written), "inputs": [x]} for x in pictures]
    jobs[0]["save"] = str(saved)
    theirs = [answers[0] for answers in node.predict(jobs)]
    read = read_network(written)
    assert read.model is not None
    mine, back = to_keras(read.model), to_keras(read_model(saved))

    for pixels, answer in zip(pictures, theirs, strict=True):
        for other in (model, mine, back):
            found = np.asarray(other(pixels, training=False))
            assert relative(found, answer) <= 1e-6
        np.testing.assert_allclose(answer.sum(axis=-1), 1, atol=1e-5)
    assert (read.settings, read.channels) == (SETTINGS, tuple(range(channels)))
