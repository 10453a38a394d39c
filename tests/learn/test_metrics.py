import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy.spatial.distance import cosine
from sklearn import metrics as theirs

from napari_piximi.learn.metrics import METRIC_KEYS, evaluation_of, figures, roc_auc
from napari_piximi.model.training import METRICS

Floats = NDArray[np.float64]


def data(classes: int = 4, count: int = 60, absent: bool = False) -> tuple[Floats, Floats]:
    draws = np.random.default_rng(classes)
    logits = draws.normal(size=(count, classes))
    if absent:
        logits[:, -1] = -50  # never predicted
    true = draws.integers(0, classes - (2 if absent else 0), count)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.eye(classes)[true], chances


def test_every_metric_of_piximi_has_a_key() -> None:
    assert tuple(METRIC_KEYS) == METRICS
    targets, chances = data()
    assert set(figures(METRICS, targets, chances)) == set(METRIC_KEYS.values())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize("classes", [3, 4, 7])
def test_metrics_follow_their_definitions(classes: int, absent: bool) -> None:
    targets, chances = data(classes, absent=absent)
    true, predicted = targets.argmax(axis=1), chances.argmax(axis=1)
    binary = [
        theirs.log_loss(targets[:, k], np.clip(chances[:, k], 1e-7, 1 - 1e-7), labels=[0, 1])
        for k in range(classes)
    ]
    clipped = np.clip(chances, 1e-7, 1)
    expected = {
        "accuracy": theirs.accuracy_score(true, predicted),
        "sparse_categorical_accuracy": theirs.accuracy_score(true, predicted),
        "binary_accuracy": np.mean((chances > 0.5) == targets.astype(bool)),
        "binary_cross_entropy": np.mean(binary),
        "categorical_cross_entropy": -np.mean(np.log(clipped[np.arange(len(true)), true])),
        "cosine_proximity": -np.mean(
            [1 - cosine(t, p) for t, p in zip(targets, chances, strict=True)]
        ),
        "mean_absolute_error": theirs.mean_absolute_error(targets, chances),
        "mean_squared_error": theirs.mean_squared_error(targets, chances),
        "mean_absolute_percentage_error": 100
        * np.mean(np.abs(targets - chances) / np.where(targets == 1, 1, 1e-7)),
        "precision": theirs.precision_score(true, predicted, average="macro"),
        "recall": theirs.recall_score(true, predicted, average="macro"),
    }
    ours = figures(METRICS, targets, chances)
    assert ours.keys() == expected.keys()
    for key, value in expected.items():
        assert ours[key] == pytest.approx(value, rel=1e-9), key


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("absent", [False, True])
def test_evaluations_are_those_of_scikit_learn(absent: bool) -> None:
    targets, chances = data(5, absent=absent)
    true, predicted = targets.argmax(axis=1), chances.argmax(axis=1)
    ours = evaluation_of(targets, chances)
    labels = list(range(5))
    np.testing.assert_array_equal(
        ours.confusion_matrix, theirs.confusion_matrix(true, predicted, labels=labels)
    )
    scores = theirs.precision_recall_fscore_support(
        true, predicted, labels=labels, zero_division=0.0
    )
    for mine, score in zip(
        (ours.precision, ours.recall, ours.f1, ours.support), scores, strict=True
    ):
        assert np.isfinite(mine).all()
        np.testing.assert_allclose(mine, score)
    assert ours.accuracy == pytest.approx(theirs.accuracy_score(true, predicted))
    assert ours.cross_entropy == pytest.approx(theirs.log_loss(true, chances, labels=labels))
    for scores_of, function in (
        (ours.precision, theirs.precision_score),
        (ours.recall, theirs.recall_score),
        (ours.f1, theirs.f1_score),
    ):
        for weighted, average in ((False, "macro"), (True, "weighted")):
            mean = ours.averaged(scores_of, weighted=weighted)
            assert mean == pytest.approx(function(true, predicted, average=average))


def test_sure_and_wrong_is_finite() -> None:
    targets, chances = np.eye(2), np.eye(2)[::-1]
    assert evaluation_of(targets, chances).cross_entropy == pytest.approx(-np.log(1e-7))
    assert all(np.isfinite(value) for value in figures(METRICS, targets, chances).values())


@st.composite
def answers(draw: st.DrawFn) -> tuple[NDArray[np.int64], Floats]:
    """Draw true classes, some without a thing, and scores with many ties."""
    count, classes = draw(st.integers(1, 40)), draw(st.integers(2, 5))
    true = draw(arrays.arrays(np.int64, count, elements=st.integers(0, classes - 1)))
    steps = draw(arrays.arrays(np.int64, (count, classes), elements=st.integers(0, 6)))
    return true, steps / 6


@given(answers())
def test_roc_auc_is_scikit_learns_also_with_ties(
    given_answers: tuple[NDArray[np.int64], Floats],
) -> None:
    true, scores = given_answers
    ours = roc_auc(true, scores)
    assert len(ours) == scores.shape[1]
    for index, area in enumerate(ours):
        positive = true == index
        if positive.all() or not positive.any():
            assert math.isnan(area)
        else:
            assert area == pytest.approx(theirs.roc_auc_score(positive, scores[:, index]))


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_averages_of_roc_auc_are_scikit_learns(average: str) -> None:
    targets, chances = data(6, count=200)
    ours = evaluation_of(targets, chances).averaged_roc_auc(weighted=average == "weighted")
    expected = theirs.roc_auc_score(
        targets.argmax(axis=1), chances, multi_class="ovr", average=average
    )
    assert ours == pytest.approx(expected)


def test_roc_auc_of_nothing_and_of_nan() -> None:
    assert roc_auc(np.zeros(0, np.int64), np.zeros((0, 2))) != ()
    assert all(map(math.isnan, roc_auc(np.zeros(0, np.int64), np.zeros((0, 2)))))
    broken = np.array([[0.5, 0.5], [np.nan, 0.2], [0.1, 0.9]])
    areas = roc_auc(np.array([0, 0, 1]), broken)
    assert math.isnan(areas[0])
    assert areas[1] == 1


def test_roc_auc_is_not_a_matter_of_pairs() -> None:
    draws = np.random.default_rng(0)
    true, scores = draws.integers(0, 10, 100_000), draws.random((100_000, 10), dtype=np.float32)
    start = time.perf_counter()
    areas = roc_auc(true, scores)
    # 10 billion pairs would take minutes; the benchmark tells the real figure
    assert time.perf_counter() - start < 10
    assert areas[3] == pytest.approx(theirs.roc_auc_score(true == 3, scores[:, 3]))


def test_an_evaluation_knows_its_things() -> None:
    targets, chances = data(3, count=50)
    ids = [f"t{i}" for i in range(50)]
    ours = evaluation_of(targets, chances, ids)
    assert ours.ids == tuple(ids)
    assert ours.true == tuple(targets.argmax(axis=1).tolist())
    assert ours.predicted == tuple(chances.argmax(axis=1).tolist())
    for true in range(3):
        for predicted in range(3):
            assert len(ours.chosen(true, predicted)) == ours.confusion_matrix[true][predicted]
