from dataclasses import replace

import numpy as np
import pytest
from tests.learn.projects import QUICK

from napari_piximi.learn._keras import keras
from napari_piximi.learn.architectures import build_network
from napari_piximi.learn.penultimate import with_features

pytestmark = pytest.mark.keras


def test_mobilenet_lets_out_what_was_pooled() -> None:
    settings = replace(QUICK, architecture="MobileNet", weights="random", height=64, width=64)
    model = build_network(settings, 3, 4)
    both = with_features(model)
    assert both.output_shape == (None, 256 + 4)
    samples = np.random.default_rng(0).random((3, 64, 64, 3), dtype=np.float32)
    rows = np.asarray(both(samples))
    np.testing.assert_allclose(rows[:, 256:], np.asarray(model(samples)), atol=1e-6)
    pooled = keras.Model(model.inputs[0], model.get_layer("head_average").output)
    expected = np.asarray(pooled(samples)).reshape(3, -1)
    np.testing.assert_allclose(rows[:, :256], expected, atol=1e-6)


def test_models_within_models_have_features() -> None:
    layers = keras.layers
    base = keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3)])
    head = keras.Sequential(
        [layers.Input((6, 6, 4)), layers.Flatten(), layers.Dense(3, activation="softmax")]
    )
    model = keras.Sequential([base, head])
    samples = np.random.default_rng(0).random((2, 8, 8, 3), dtype=np.float32)
    rows = np.asarray(with_features(model)(samples))
    np.testing.assert_allclose(rows[:, -3:], np.asarray(model(samples)), atol=1e-6)
    seen = np.asarray(base(samples)).mean(axis=(1, 2))
    np.testing.assert_allclose(rows[:, :-3], seen, atol=1e-6)


def test_a_model_without_weights_has_no_features() -> None:
    model = keras.Sequential([keras.layers.Input((2, 2, 1)), keras.layers.Flatten()])
    assert with_features(model) is model
