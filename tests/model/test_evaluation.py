import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
)

from napari_piximi.model.evaluation import Evaluation, confusion_counts

CLASSES = 5
labels = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1)


def columns(pairs: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    true, predicted = np.array(pairs, dtype=np.int64).T
    return true, predicted


def evaluation(pairs: list[tuple[int, int]]) -> Evaluation:
    return Evaluation(confusion_counts(*columns(pairs), CLASSES), 0.5)


@given(labels)
def test_the_confusion_matrix_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    expected = confusion_matrix(*columns(pairs), labels=range(CLASSES))
    assert evaluation(pairs).confusion_matrix == tuple(map(tuple, expected.tolist()))


@given(labels)
def test_scores_are_scikit_learns_without_nan(pairs: list[tuple[int, int]]) -> None:
    true, predicted = columns(pairs)
    ours = evaluation(pairs)
    per_class = precision_recall_fscore_support(
        true, predicted, labels=range(CLASSES), zero_division=0
    )
    scores = (ours.precision, ours.recall, ours.f1, ours.support)
    for score, expected in zip(scores, per_class, strict=True):
        np.testing.assert_allclose(score, expected, atol=1e-12)
        assert np.isfinite(score).all()
    assert ours.accuracy == pytest.approx(accuracy_score(true, predicted))


@given(labels, st.booleans())
def test_averages_are_scikit_learns(pairs: list[tuple[int, int]], weighted: bool) -> None:
    ours = evaluation(pairs)
    expected = precision_recall_fscore_support(
        *columns(pairs), average="weighted" if weighted else "macro", zero_division=0
    )[:3]
    found = [ours.averaged(s, weighted=weighted) for s in (ours.precision, ours.recall, ours.f1)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.filterwarnings("ignore:A single label was found")
@given(labels)
def test_balanced_accuracy_is_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    assert evaluation(pairs).balanced_accuracy == pytest.approx(
        balanced_accuracy_score(*columns(pairs))
    )


@given(labels, st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1))
def test_things_are_found_by_what_they_are_and_were_taken_for(
    pairs: list[tuple[int, int]], true: int, predicted: int
) -> None:
    ids = tuple(f"t{i}" for i in range(len(pairs)))
    ours = replace(
        evaluation(pairs),
        ids=ids,
        true=tuple(t for t, _ in pairs),
        predicted=tuple(p for _, p in pairs),
    )

    def expected(wants: Callable[[int, int], bool]) -> tuple[str, ...]:
        return tuple(key for key, (t, p) in zip(ids, pairs, strict=True) if wants(t, p))

    assert ours.chosen() == ids
    assert ours.chosen(true, predicted) == expected(lambda t, p: (t, p) == (true, predicted))
    assert ours.chosen(true) == expected(lambda t, _: t == true)
    assert ours.chosen(predicted=predicted) == expected(lambda _, p: p == predicted)
    assert ours.chosen(right=False) == expected(lambda t, p: t != p)
    assert ours.chosen(right=True) == expected(lambda t, p: t == p)
    assert evaluation(pairs).chosen(true) == (), "Piximi keeps no things"


def test_averages_of_roc_auc_leave_out_what_is_not_known() -> None:
    ours = Evaluation(((2, 1), (0, 1)), 0.3, roc_auc=(0.5, 0.9))
    assert ours.averaged_roc_auc() == pytest.approx(0.7)
    assert ours.averaged_roc_auc(weighted=True) == pytest.approx((3 * 0.5 + 0.9) / 4)
    partly = replace(ours, roc_auc=(float("nan"), 0.9))
    assert partly.averaged_roc_auc() == pytest.approx(0.9)
    assert np.isnan(replace(ours, roc_auc=()).averaged_roc_auc())


def test_an_evaluation_with_nan_equals_its_copy() -> None:
    ours = Evaluation(((2, 1), (0, 1)), 0.3, roc_auc=(float("nan"), 0.9))
    assert pickle.loads(pickle.dumps(ours)) == ours


def test_a_hand_made_matrix() -> None:
    # rows are true; class 2 is never true but predicted once, class 3 never seen at all
    ours = Evaluation(((3, 1, 0, 0), (2, 1, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0)), 0.25)
    assert ours.support.tolist() == [4, 4, 0, 0]
    assert ours.accuracy == 0.5
    assert ours.precision.tolist() == [0.6, 0.5, 0, 0]
    assert ours.recall.tolist() == [0.75, 0.25, 0, 0]
    assert ours.f1.tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert ours.averaged(ours.recall) == pytest.approx(1 / 3)
    assert ours.averaged(ours.recall, weighted=True) == pytest.approx(0.5)


def test_a_class_never_predicted_scores_zero() -> None:
    ours = Evaluation(((5, 0), (3, 0)), 0.7)
    assert ours.precision.tolist() == [0.625, 0]
    assert ours.recall.tolist() == [1, 0]


@pytest.mark.parametrize("matrix", [(), ((0,),), ((0, 0), (0, 0))])
def test_nothing_evaluated_is_zero_not_nan(matrix: tuple[tuple[int, ...], ...]) -> None:
    ours = Evaluation(matrix, 0.0)
    assert ours.accuracy == 0
    assert len(ours.precision) == len(matrix)
    for weighted in (False, True):
        assert ours.averaged(ours.f1, weighted=weighted) == 0


def test_counts_of_no_things() -> None:
    none: NDArray[Any] = np.zeros(0, np.int64)
    assert confusion_counts(none, none, 2) == ((0, 0), (0, 0))


def test_narrow_integers_do_not_overflow() -> None:
    many = np.full(3, 100, np.uint8)
    assert confusion_counts(many, many, 101)[100][100] == 3


def test_an_evaluation_is_a_value() -> None:
    first = Evaluation(((1, 0), (0, 1)), 0.1, ("1a", "1b"), run=0)
    assert first.accuracy == 1
    again = pickle.loads(pickle.dumps(first))
    assert again == first
    assert hash(again) == hash(first)
