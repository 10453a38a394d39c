import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import log_softmax
from tests.learn.projects import QUICK, weights_of

from napari_piximi.errors import Cancelled, FitError, PiximiWarning
from napari_piximi.learn import epochs
from napari_piximi.learn._keras import keras
from napari_piximi.learn.architectures import build_network
from napari_piximi.learn.epochs import Labelled, opened, run_epochs
from napari_piximi.learn.fit_record import Outcome
from napari_piximi.learn.losses import Loss
from napari_piximi.learn.optimizers import optimizer_of
from napari_piximi.learn.steps import Forward, Pace, Steps, is_out_of_memory, make_steps
from napari_piximi.model.training import LOSSES, METRICS, OPTIMIZERS, Settings
from napari_piximi.progress import Progress, silent

pytestmark = pytest.mark.keras

Floats = NDArray[np.float32]


def data(count: int, seed: int = 0, classes: int = 2) -> Labelled:
    """Dark and bright samples, more or less."""
    draws = np.random.default_rng(seed)
    true = draws.integers(0, classes, count)
    samples = draws.random((count, 16, 16, 1)) * 0.5 + true[:, None, None, None] / classes / 2
    return Labelled(samples.astype(np.float32), np.eye(classes, dtype=np.float32)[true])


NOTHING = Labelled(np.zeros((0, 16, 16, 1), np.float32), np.zeros((0, 2), np.float32))


def small_model() -> Any:  # noqa: ANN401
    return build_network(QUICK, 1, 2)


def linear_model() -> Any:  # noqa: ANN401
    """Make a softmax regression: its steps can be computed by hand."""
    layers = [
        keras.Input((2, 1, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(3, activation="softmax", kernel_initializer="zeros"),
    ]
    return keras.Sequential(layers)


def run(
    settings: Settings,
    training: Labelled,
    validation: Labelled = NOTHING,
    progress: Progress = silent,
) -> tuple[Any, Outcome]:
    model = small_model()
    return model, run_epochs(model, training, validation, settings, progress)


def test_a_step_of_gradient_descent_by_hand() -> None:
    draws = np.random.default_rng(0)
    samples, true = draws.random((8, 2, 1, 1), dtype=np.float32), draws.integers(0, 3, 8)
    targets = np.eye(3, dtype=np.float32)[true]
    model = linear_model()
    settings = Settings(
        height=2, width=1, shift=0, rotation=0, zoom=0, epochs=1, batch_size=4, shuffle=False,
        averaging=0, optimizer="Stochastic gradient descent (SGD)", learning_rate=0.5,
        label_smoothing=0,
    )  # fmt: skip
    outcome = run_epochs(model, Labelled(samples, targets), NOTHING, settings, silent)
    kernel, bias, losses = np.zeros((2, 3)), np.zeros(3), []
    for part in (slice(0, 4), slice(4, 8)):
        x, y = samples[part].reshape(4, 2).astype(np.float64), targets[part]
        logits = x @ kernel + bias
        losses += list(-(y * log_softmax(logits, axis=1)).sum(axis=1))
        error = (np.exp(log_softmax(logits, axis=1)) - y) / 4
        kernel, bias = kernel - 0.5 * x.T @ error, bias - 0.5 * error.sum(axis=0)
    np.testing.assert_allclose(weights_of(model)[0], kernel, atol=1e-6)
    np.testing.assert_allclose(weights_of(model)[1], bias, atol=1e-6)
    assert outcome.history["loss"][0] == pytest.approx(np.mean(losses))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns(optimizer: str) -> None:
    rate = {"Adadelta": 1.0, "RMSProp": 0.003}.get(optimizer, 0.02)
    settings = replace(QUICK, optimizer=optimizer, learning_rate=rate, epochs=8, batch_size=8)
    _, outcome = run(settings, data(48))
    assert outcome.history["loss"][-1] < outcome.history["loss"][0]


def test_momentum_is_momentum() -> None:
    optimizer = optimizer_of(Settings(optimizer="Momentum", learning_rate=0.1))
    variable = keras.Variable(np.zeros(1, np.float32))
    optimizer.build([variable])
    for _ in range(2):
        optimizer.apply([keras.ops.ones(1)], [variable])
    # v1 = −0.1; v2 = 0.9 v1 − 0.1 = −0.19
    np.testing.assert_allclose(np.asarray(variable), [-0.29], rtol=1e-5)


def test_an_unknown_optimizer_is_refused() -> None:
    with pytest.raises(FitError, match="'Hope' is no optimizer; there are Adadelta"):
        optimizer_of(Settings(optimizer="Hope"))


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns(loss: str) -> None:
    _, outcome = run(replace(QUICK, loss=loss, learning_rate=0.01, epochs=10), data(64))
    assert outcome.history["loss"][-1] < outcome.history["loss"][0]
    assert outcome.history["accuracy"][-1] > 0.9


def test_histories_hold_every_metric_as_plain_floats() -> None:
    _, outcome = run(replace(QUICK, metrics=METRICS), data(20), data(10, 1))
    keys = {key.removeprefix("val_") for key in outcome.history}
    assert len(keys) == len(METRICS) + 1
    assert all(f"val_{key}" in outcome.history for key in keys)
    for values in outcome.history.values():
        assert len(values) == 3
        assert all(type(value) is float for value in values)


def test_the_validation_figures_are_those_of_the_model() -> None:
    validation = data(30, 1)
    model, outcome = run(replace(QUICK, keep_best=False), data(40), validation)
    chances = model.predict_on_batch(validation.samples)
    loss = -np.mean(np.log((np.array(chances) * validation.targets).sum(axis=1)))
    assert outcome.history["val_loss"][-1] == pytest.approx(loss, rel=1e-4)
    assert outcome.best_epoch == 2
    assert outcome.stopped == "finished"


def test_the_same_seed_gives_the_same_weights_whatever_the_pace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = replace(QUICK, shift=0.1, averaging=0.9, batch_size=4)
    weights = []
    for seconds in (1e-9, 100.0):
        monkeypatch.setattr("napari_piximi.learn.steps.CALL_SECONDS", seconds)
        weights.append(weights_of(run(settings, data(37), data(10, 1))[0]))
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    other_seed = weights_of(run(replace(settings, seed=1), data(37), data(10, 1))[0])
    assert not np.array_equal(other_seed[0], weights[0][0])


FRESH = """
import hashlib
from tests.learn.projects import weights_of
from tests.learn.test_epochs import data, run
from napari_piximi.model.training import Settings
model, outcome = run(Settings(height=16, width=16, epochs=6), data(90), data(30, 1))
print(hashlib.sha256(b"".join(w.tobytes() for w in weights_of(model))).hexdigest())
print(outcome.history)
"""


def test_the_same_seed_gives_the_same_bits_in_two_processes() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", FRESH], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])},
        ).stdout
        for _ in range(2)
    }  # fmt: skip
    assert len(answers) == 1
    assert "val_loss" in answers.pop()


def test_the_best_epoch_is_kept() -> None:
    validation = data(30, 1)
    settings = replace(QUICK, learning_rate=0.05, epochs=12)
    model, outcome = run(settings, data(40), validation)
    losses = outcome.history["val_loss"]
    assert outcome.best_epoch == int(np.argmin(losses))
    chances = np.array(model.predict_on_batch(validation.samples), np.float64)
    loss = -np.mean(np.log((chances * validation.targets).sum(axis=1)))
    assert loss == pytest.approx(min(losses), rel=1e-3, abs=1e-6)


def noise(count: int, seed: int) -> Labelled:
    """Make samples that have nothing to do with their categories."""
    draws = np.random.default_rng(seed)
    samples = draws.random((count, 16, 16, 1), dtype=np.float32)
    return Labelled(samples, np.eye(2, dtype=np.float32)[draws.integers(0, 2, count)])


def test_patience_stops_early() -> None:
    settings = replace(QUICK, learning_rate=0.02, epochs=200, patience=3)
    _, outcome = run(settings, noise(40, 0), noise(20, 1))
    assert outcome.stopped == "early"
    assert len(outcome.history["loss"]) == outcome.best_epoch + 4 < 200


def test_without_validation_the_training_loss_is_watched() -> None:
    settings = replace(QUICK, epochs=5, patience=3)
    _, outcome = run(settings, data(40))
    assert outcome.best_epoch == int(np.argmin(outcome.history["loss"]))
    assert "val_loss" not in outcome.history


def test_averaged_weights_are_the_running_average_over_epochs() -> None:
    settings = replace(QUICK, epochs=3, keep_best=False)
    averages = weights_of(small_model())
    for epoch in range(3):
        raw = weights_of(run(replace(settings, epochs=epoch + 1), data(40))[0])
        past = min(0.5, (1 + epoch) / (5 + epoch))
        averages = [past * a + (1 - past) * w for a, w in zip(averages, raw, strict=True)]
    ours = weights_of(run(replace(settings, averaging=0.5), data(40))[0])
    for mine, wanted in zip(ours, averages, strict=True):
        np.testing.assert_allclose(mine, wanted, atol=1e-5)


def test_rare_categories_weigh_more_if_asked_to() -> None:
    targets = np.eye(3, dtype=np.float32)[[0] * 6 + [1] * 2]
    weights = epochs._sample_weights(targets, balance=True)
    # n / (present classes · count): 8 / (2 · 6) and 8 / (2 · 2)
    np.testing.assert_allclose(weights, [8 / 12] * 6 + [8 / 4] * 2)
    np.testing.assert_array_equal(epochs._sample_weights(targets, balance=False), np.ones(8))
    few = data(60)
    bright = few.targets[:, 1] == 1
    keep = np.flatnonzero(~bright).tolist() + np.flatnonzero(bright)[:2].tolist()
    skewed = Labelled(few.samples[keep], few.targets[keep])
    last = {
        balance: run(replace(QUICK, class_weights=balance, epochs=1, learning_rate=0.01), skewed)[0]
        for balance in (False, True)
    }
    chances = [np.array(m.predict_on_batch(few.samples))[:, 1].mean() for m in last.values()]
    assert chances[1] > chances[0]


class StopAfter:
    """Progress that stops the fit at its n-th call."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self.raised = 0.0

    def __call__(self, done: int, total: int, message: str = "", **values: object) -> None:
        self.calls -= 1
        if self.calls < 0:
            self.raised = time.perf_counter()
            raise Cancelled


def test_a_stop_before_the_first_epoch_is_complete_keeps_the_current_weights() -> None:
    settings = replace(QUICK, batch_size=2)
    stop = StopAfter(2)
    model, outcome = run(settings, data(60), data(10, 1), stop)
    assert outcome.stopped == "cancelled"
    assert outcome.history["loss"] == ()
    assert not np.array_equal(weights_of(model)[0], weights_of(small_model())[0])
    assert time.perf_counter() - stop.raised < 0.1


def test_a_stop_later_keeps_the_best_weights() -> None:
    settings = replace(QUICK, epochs=50, learning_rate=0.02)
    model, outcome = run(settings, data(60), data(20, 1), StopAfter(30))
    assert outcome.stopped == "cancelled"
    assert 0 < len(outcome.history["loss"]) < 50
    chances = np.array(model.predict_on_batch(data(20, 1).samples), np.float64)
    loss = -np.mean(np.log((chances * data(20, 1).targets).sum(axis=1)))
    assert loss == pytest.approx(min(outcome.history["val_loss"]), rel=1e-3)


def test_progress_tells_batches_and_figures() -> None:
    calls: list[tuple[int, int, str, dict[str, object]]] = []

    def note(done: int, total: int, message: str = "", **values: object) -> None:
        calls.append((done, total, message, values))

    run(replace(QUICK, batch_size=8), data(60), data(10, 1), note)
    done = [call[0] for call in calls]
    assert done == sorted(done)
    assert done[-1] == 24
    assert {call[1] for call in calls} == {24}
    assert calls[-1][2] == "Epoch 3 of 3"
    figures = {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert set(calls[-1][3]) == {"epoch", "complete", *figures}
    assert (calls[0][3]["complete"], calls[-1][3]["complete"]) == (0, 3)


# --- continuing ------------------------------------------------------------------------------


def loss_of_model(model: Any, samples: Labelled) -> float:  # noqa: ANN401
    chances = np.array(model.predict_on_batch(samples.samples), np.float64)
    return float(-np.mean(np.log((chances * samples.targets).sum(axis=1))))


def good_model() -> Any:  # noqa: ANN401
    model, _ = run(replace(QUICK, epochs=12, learning_rate=0.01), data(40), data(20, 1))
    return model


def destroy(
    validation: Labelled,
    progress: Progress = silent,
    **changes: Any,  # noqa: ANN401
) -> tuple[Any, Outcome, bool]:
    """Continue a good fit with a learning rate that spoils it; tell if its weights are back."""
    model = good_model()
    before = weights_of(model)
    settings = replace(QUICK, learning_rate=5.0, **changes)
    outcome = run_epochs(model, data(40), validation, settings, progress, continued=True)
    after = weights_of(model)
    return model, outcome, all(map(np.array_equal, before, after))


@pytest.mark.parametrize("count", [0, 20])
@pytest.mark.parametrize("averaging", [0.0, 0.5])
def test_a_continued_fit_that_only_spoils_ends_where_it_began(count: int, averaging: float) -> None:
    _, outcome, same = destroy(data(count, 1), averaging=averaging, shift=0.1)
    assert same
    assert outcome.best_epoch == -1
    assert {len(values) for values in outcome.history.values()} == {3}


def test_a_continued_fit_without_keep_best_ends_with_the_last_weights() -> None:
    validation = data(20, 1)
    model, outcome, same = destroy(validation, keep_best=False)
    assert not same
    assert outcome.best_epoch == 2
    assert loss_of_model(model, validation) > 0


def test_a_continued_fit_that_helps_is_kept() -> None:
    model, validation = small_model(), data(20, 1)
    start = loss_of_model(model, validation)
    settings = replace(QUICK, epochs=5, learning_rate=0.01)
    outcome = run_epochs(model, data(40), validation, settings, silent, continued=True)
    assert outcome.best_epoch == int(np.argmin(outcome.history["val_loss"]))
    assert loss_of_model(model, validation) < start


def test_a_continued_fit_has_the_history_of_a_fresh_one_from_the_same_weights() -> None:
    settings, validation = replace(QUICK, shift=0.1, averaging=0.5), data(20, 1)
    _, fresh = run(settings, data(40), validation)
    outcome = run_epochs(small_model(), data(40), validation, settings, silent, continued=True)
    assert outcome.history == fresh.history


def test_patience_of_a_continued_fit_counts_from_its_start() -> None:
    _, outcome, same = destroy(data(20, 1), epochs=50, patience=2)
    assert same
    assert outcome.stopped == "early"
    assert len(outcome.history["loss"]) == 2


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_continued_fit_that_is_cancelled_in_its_first_epoch_ends_where_it_began(
    calls: int,
) -> None:
    _, outcome, same = destroy(data(20, 1), StopAfter(calls), batch_size=2)
    assert same
    assert (outcome.stopped, outcome.best_epoch) == ("cancelled", -1)
    assert outcome.history["loss"] == ()


def test_measuring_the_start_leaves_the_samples_alone() -> None:
    training = data(40)
    before = training.samples.copy()
    settings = replace(QUICK, epochs=1, brightness=0.5, flip_vertical=True, quarter_turns=True)
    run_epochs(small_model(), training, NOTHING, settings, silent, continued=True)
    np.testing.assert_array_equal(training.samples, before)


# --- diverging -------------------------------------------------------------------------------


def test_a_first_epoch_that_diverges_is_an_error() -> None:
    settings = replace(QUICK, learning_rate=1e30, optimizer=OPTIMIZERS[-1], batch_size=2)
    message = r"no finite numbers after epoch 1; a learning rate below 1e\+30 may help"
    with pytest.raises(FitError, match=message):
        run(settings, data(20))


def spoil(epoch: int, value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the weights become what is no number in the last step of an epoch."""

    def spoilt(model: Any, loss: Loss, settings: Settings) -> Steps:  # noqa: ANN401
        real, calls = make_steps(model, loss, settings), 0

        def steps(samples: Floats, targets: Floats, weights: Floats) -> Floats:
            nonlocal calls
            outputs = real(samples, targets, weights)
            calls += 1
            if calls == epoch:
                model.weights[0].assign(np.full(model.weights[0].shape, value, np.float32))
            return outputs

        return steps

    monkeypatch.setattr(epochs, "make_steps", spoilt)


@pytest.mark.parametrize("keep_best", [False, True])
@pytest.mark.parametrize("averaging", [0.0, 0.5])
@pytest.mark.parametrize(("count", "value"), [(0, np.nan), (20, np.nan), (20, np.inf)])
def test_a_fit_that_diverges_keeps_the_best_epoch(
    keep_best: bool,
    averaging: float,
    count: int,
    value: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = replace(QUICK, epochs=9, averaging=averaging, keep_best=keep_best)
    wanted, straight = run(replace(settings, epochs=3, keep_best=True), data(40), data(count, 1))
    spoil(4, value, monkeypatch)
    message = "no finite numbers after epoch 4; the weights of epoch . are kept; a learning rate"
    with pytest.warns(PiximiWarning, match=message):
        model, outcome = run(settings, data(40), data(count, 1))
    assert outcome.stopped == "diverged"
    assert outcome.history == straight.history
    assert outcome.best_epoch == straight.best_epoch
    for mine, theirs in zip(weights_of(model), weights_of(wanted), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("keep_best", [False, True])
def test_a_continued_fit_that_diverges_at_once_ends_where_it_began(
    keep_best: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = good_model()
    before = weights_of(model)
    spoil(1, np.nan, monkeypatch)
    settings = replace(QUICK, keep_best=keep_best)
    with pytest.warns(PiximiWarning, match="after epoch 1; the weights from before the fit are"):
        outcome = run_epochs(model, data(40), data(20, 1), settings, silent, continued=True)
    assert (outcome.stopped, outcome.best_epoch) == ("diverged", -1)
    assert outcome.history["loss"] == ()
    assert all(map(np.array_equal, before, weights_of(model)))


def test_a_continued_model_that_is_not_finite_itself_is_an_error() -> None:
    model = small_model()
    model.weights[0].assign(np.full(model.weights[0].shape, np.nan, np.float32))
    with pytest.raises(FitError, match="no finite numbers after epoch 1; a learning rate"):
        run_epochs(model, data(40), data(20, 1), QUICK, silent, continued=True)


def test_a_model_that_ends_in_no_softmax_is_fitted_as_it_is() -> None:
    layers = [
        keras.Input((16, 16, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(2, kernel_initializer="zeros"),
        keras.layers.Softmax(),
    ]
    model = keras.Sequential(layers)
    with opened(model) as logits:
        assert not logits
    outcome = run_epochs(model, data(60), NOTHING, replace(QUICK, epochs=5), silent)
    assert outcome.history["loss"][-1] < outcome.history["loss"][0]


def test_the_softmax_is_back_after_a_fit() -> None:
    model, _ = run(QUICK, data(20))
    assert model.layers[-1].activation is keras.activations.softmax


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


def test_too_little_memory_names_a_batch_size_that_would_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def too_small(*_: object) -> Steps:
        def steps(samples: Floats, *_: object) -> Floats:
            if len(samples) > 5:
                raise ResourceExhaustedError("OOM when allocating tensor")
            return samples

        return steps

    monkeypatch.setattr(epochs, "make_steps", too_small)
    message = "does not suffice for a batch size of 32; 4 would do"
    with pytest.raises(FitError, match=message):
        run(QUICK, data(40))


def test_too_little_memory_for_anything_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Steps:
        def steps(*_: object) -> Floats:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")

        return steps

    monkeypatch.setattr(epochs, "make_steps", never)
    with pytest.raises(FitError, match="nor for any other"):
        run(QUICK, data(40))


def test_other_errors_of_a_backend_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Steps:
        def steps(samples: Floats, *_: object) -> Floats:
            raise RuntimeError("broken" if len(samples) > 16 else "other")

        return steps

    monkeypatch.setattr(epochs, "make_steps", broken)
    with pytest.raises(RuntimeError, match="broken"):
        run(QUICK, data(40))


def test_predicting_shrinks_its_batch_when_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Forward(small_model())
    seen: list[int] = []
    limit = 20

    def ask(samples: Floats) -> Floats:
        if len(samples) > limit:
            raise ResourceExhaustedError
        seen.append(len(samples))
        return np.ones((len(samples), 2), np.float32)

    monkeypatch.setattr(forward, "_ask", ask)
    assert forward(np.zeros((100, 16, 16, 1), np.float32)).sum() == 200
    assert seen == [16] * 6 + [4]
    limit = 0
    with pytest.raises(FitError, match="not suffice for a single sample"):
        forward(np.zeros((3, 16, 16, 1), np.float32))


def test_other_errors_of_predicting_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = Forward(small_model())

    def ask(_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(forward, "_ask", ask)
    with pytest.raises(ValueError, match="broken"):
        forward(np.zeros((3, 16, 16, 1), np.float32))


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (MemoryError(), True),
        (ResourceExhaustedError(), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"), True),
        (ValueError("x"), False),
    ],
)
def test_errors_of_memory_are_told_from_others(error: BaseException, answer: bool) -> None:
    assert is_out_of_memory(error) is answer


def counts(pace: Pace, seconds: Sequence[float], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    clock = iter(np.cumsum([0.0, *(x for s in seconds for x in (s, 0.0))]).tolist())
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    planned = []
    for _ in seconds:
        planned.append(pace.start())
        pace.stop(planned[-1])
    return planned


def test_the_pace_adapts_after_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    assert counts(Pace(4, 64), [5.0, 0.006, 0.006, 0.06, 0.24, 0.24], monkeypatch) == [
        4, 4, 8, 16, 16, 8,
    ]  # fmt: skip


def test_the_pace_keeps_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert counts(Pace(4, 6), [1e-4] * 4, monkeypatch) == [4, 4, 6, 6]
