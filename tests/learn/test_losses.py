import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, logit, softmax

from napari_piximi.errors import FitError
from napari_piximi.learn.losses import Loss, loss_of
from napari_piximi.model.training import LOSSES, PIXIMI_SETTINGS, Settings

Floats = NDArray[np.float64]
DRAWS = np.random.default_rng(0)
LOGITS = DRAWS.normal(scale=3, size=(30, 5))
TARGETS = np.eye(5)[DRAWS.integers(0, 5, 30)]
CHANCES = softmax(LOGITS, axis=1)


def expected(name: str, true: Floats, logits: Floats) -> Floats:
    """Write each loss down once more, as a sum over classes."""
    p = softmax(logits, axis=1)
    error = np.abs(true - p)
    by_class: dict[str, Any] = {
        "Absolute difference": error,
        "Hinge": np.maximum(0, 1 - np.where(true == 1, p, -p)),
        "Huber": np.where(error <= 1, error**2 / 2, error - 0.5),
        "Log": -(true * np.log(p + 1e-7) + (1 - true) * np.log(1 - p + 1e-7)),
        "Mean squared error (MSE)": error**2,
        "Sigmoid cross entropy": -(
            true * np.log(expit(logits)) + (1 - true) * np.log(expit(-logits))
        ),
    }
    if name in by_class:
        return np.asarray(by_class[name].mean(axis=1))
    return np.asarray(-(true * log_softmax(logits, axis=1)).sum(axis=1))


@pytest.mark.parametrize("name", LOSSES)
def test_losses_follow_their_definitions(name: str) -> None:
    ours = Loss(name, logits=True)(TARGETS, LOGITS)
    np.testing.assert_allclose(ours, expected(name, TARGETS, LOGITS), rtol=1e-10)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_probabilities(name: str) -> None:
    ours = Loss(name, logits=False)(TARGETS, CHANCES)
    odds = logit(np.clip(CHANCES, 1e-7, 1 - 1e-7))
    wanted = expected(name, TARGETS, odds if name.startswith("Sigmoid") else LOGITS)
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.keras
def test_losses_are_the_same_on_the_backend(name: str) -> None:
    from napari_piximi.learn._keras import keras

    arrays = TARGETS.astype(np.float32), LOGITS.astype(np.float32)
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    ours = keras.ops.convert_to_numpy(Loss(name, logits=True)(tensors[0], tensors[1], keras.ops))
    np.testing.assert_allclose(ours, Loss(name, logits=True)(TARGETS, LOGITS), rtol=2e-4, atol=2e-6)


def test_softmax_twice_is_piximis_fault() -> None:
    loss = loss_of(PIXIMI_SETTINGS, logits=True)
    twice = -(TARGETS * log_softmax(softmax(LOGITS, axis=1), axis=1)).sum(axis=1)
    np.testing.assert_allclose(loss(TARGETS, LOGITS), twice)
    np.testing.assert_allclose(loss_of(PIXIMI_SETTINGS, logits=False)(TARGETS, CHANCES), twice)


def test_softmax_twice_has_piximis_floor() -> None:
    sure = np.eye(10) * 1000
    floor = math.log(math.e + 9) - 1  # of ten classes, however sure the network is
    np.testing.assert_allclose(loss_of(PIXIMI_SETTINGS, logits=True)(np.eye(10), sure), floor)


def test_cross_entropy_of_logits_is_exact_where_probabilities_round() -> None:
    loss = Loss("Categorical (softmax) cross entropy", logits=True)
    assert loss(np.array([[1.0, 0.0]]), np.array([[0.0, 200.0]]))[0] == pytest.approx(200.0)


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(FitError, match="'Hunger' is no loss; there are Absolute difference"):
        loss_of(Settings(loss="Hunger"), logits=True)
