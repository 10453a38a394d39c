import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict

from napari_piximi.learn.cross_validation import CrossValidation
from napari_piximi.learn.label_errors import self_thresholds, suspicious_rows
from napari_piximi.learn.metrics import evaluation_of
from napari_piximi.learn.next_steps import suspicions_of

PROBABILITIES = np.array(
    [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.8, 0.2], [0.45, 0.55]], np.float32
)
GIVEN = np.array([0, 0, 0, 1, 1, 1])


def test_thresholds_are_the_mean_confidence_of_each_class() -> None:
    expected = [(0.9 + 0.7 + 0.2) / 3, (0.9 + 0.2 + 0.55) / 3]
    np.testing.assert_allclose(self_thresholds(PROBABILITIES, GIVEN), expected, rtol=1e-6)
    lone = self_thresholds(np.array([[0.6, 0.4]], np.float32), np.array([0]))
    assert lone[1] == np.inf


def test_labels_that_another_class_reaches_are_suspicious() -> None:
    # thresholds 0.6 and 0.55: row 2 reaches class 1, row 4 class 0; row 5 reaches its own
    rows, expected = suspicious_rows(PROBABILITIES, GIVEN)
    assert rows.tolist() == [2, 4]
    assert expected.tolist() == [1, 0]


def test_a_label_that_is_most_unlikely_is_suspicious_without_a_class_that_is_reached() -> None:
    sure = [[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]] * 3
    rows, expected = suspicious_rows(
        np.array([*sure, [0.05, 0.5, 0.45], [0.3, 0.4, 0.3]], np.float32),
        np.array([0, 1, 2] * 3 + [0, 0]),
    )
    assert (rows.tolist(), expected.tolist()) == ([9], [1])


def test_the_worst_come_first() -> None:
    probabilities = np.array(
        [[0.9, 0.1], [0.9, 0.1], [0.05, 0.95], [0.1, 0.9], [0.1, 0.9], [0.02, 0.98]], np.float32
    )
    rows, _ = suspicious_rows(probabilities, np.array([0, 0, 0, 1, 0, 0]))
    assert rows.tolist() == [5, 2, 4]


def test_good_labels_raise_no_suspicion() -> None:
    rows, expected = suspicious_rows(np.eye(3, dtype=np.float32), np.arange(3))
    assert rows.tolist() == expected.tolist() == []


def test_flipped_digits_are_found() -> None:
    data = load_digits()
    draws = np.random.default_rng(0)
    flipped = np.sort(draws.choice(len(data.target), len(data.target) // 20, replace=False))
    given = data.target.copy()
    given[flipped] = (given[flipped] + draws.integers(1, 10, len(flipped))) % 10
    model = RandomForestClassifier(60, random_state=0)
    rows = cross_val_predict(model, data.data, given, cv=5, method="predict_proba")
    found, expected = suspicious_rows(rows.astype(np.float32), given)
    right = np.isin(found, flipped)
    precision, recall = right.mean(), right.sum() / len(flipped)
    assert precision > 0.75
    assert recall > 0.8
    # the list begins with the flipped ones, and says what they were
    assert right[: len(flipped) // 2].mean() > 0.95
    assert (expected[right] == data.target[found[right]]).mean() > 0.9


def test_suspicions_name_things_and_categories() -> None:
    ids, classes = tuple("abcdef"), ("1up", "1down")
    truth = np.eye(2, dtype=np.float32)[GIVEN]
    evaluation = evaluation_of(truth, PROBABILITIES)
    validated = CrossValidation(ids, PROBABILITIES, classes, evaluation, 2)
    found = suspicions_of(validated, [classes[code] for code in GIVEN])
    assert [(s.thing, s.given, s.expected) for s in found.found] == [
        ("c", "1up", "1down"), ("e", "1down", "1up"),
    ]  # fmt: skip
    assert found.found[0].self_confidence == pytest.approx(0.2)
    assert found.found[0].confidence == pytest.approx(0.8)
    assert found.judged == 6
    assert found.accuracy == pytest.approx(4 / 6)
