import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_auc_score
from tests.learn.projects import QUICK, bars, labelled, with_categories

from napari_piximi.errors import Cancelled, FitError, PiximiWarning
from napari_piximi.learn import classifier as facade
from napari_piximi.learn.cross_validation import CrossValidation, cross_validate, folds_of
from napari_piximi.learn.plans import Plan
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Partition, Thing
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings
from napari_piximi.progress import Progress


class NearestMean:
    """A learner that takes no time: the class whose mean image is nearest, by plan."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.asked: list[list[str]] = []
        self.broken = False

    def fit(self, plan: Plan, progress: Progress, keep: object = None) -> tuple[ModelArtifact, Run]:
        self.plans.append(plan)
        stopped = "finished"
        for epoch in range(4):
            try:
                progress(epoch, 4, f"Epoch {epoch + 1}", epoch=epoch, loss=1 / (epoch + 1))
            except Cancelled:
                stopped = "cancelled"
                break
        means = [
            np.mean([_pixels(t) for t in plan.split.training if t.category == key], axis=0)
            if any(t.category == key for t in plan.split.training)
            else np.zeros(256)
            for key in plan.class_map
        ]
        run = Run(plan.settings, {"loss": (1.0,)}, stopped=stopped)
        return ModelArtifact({"means": np.stack(means).tolist()}, b""), run

    def probabilities(
        self, project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
    ) -> NDArray[np.float32]:
        progress(0, 1, "Predict")
        self.asked.append([thing.id for thing in things])
        assert classifier.model is not None
        means = np.array(classifier.model.document["means"])
        rows = np.stack([_pixels(thing) for thing in things])
        near = -np.abs(rows[:, None] - means).mean(axis=2) / 20
        chances = np.exp(near) / np.exp(near).sum(axis=1, keepdims=True)
        return np.asarray(chances * (np.nan if self.broken else 1), dtype=np.float32)


def _pixels(thing: Thing) -> NDArray[np.float64]:
    assert isinstance(thing.pixels, ArrayPixels)
    return np.asarray(thing.pixels.array[0], dtype=np.float64).ravel()


@pytest.fixture
def learner(monkeypatch: pytest.MonkeyPatch) -> NearestMean:
    found = NearestMean()
    module = SimpleNamespace(fit=found.fit, probabilities=found.probabilities)
    monkeypatch.setattr(facade, "_learner", lambda _chosen: module)
    return found


def quietly(function: Callable[[], CrossValidation]) -> CrossValidation:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PiximiWarning)
        return function()


def settled(project: Project) -> Project:
    """Put the labelled things into partitions, which cross-validation is to pass over."""
    ids = [t.id for t in project.things.values() if t.partition == Partition.UNASSIGNED]
    project = edits.set_partition(project, ids[::3], Partition.VALIDATION)
    return edits.set_partition(project, ids[1::3], Partition.TRAINING)


@pytest.mark.parametrize("arranged", [lambda p: p, settled])
def test_each_labelled_thing_is_predicted_once_by_a_model_that_has_not_seen_it(
    learner: NearestMean, arranged: Callable[[Project], Project]
) -> None:
    project = arranged(bars(44))
    found = cross_validate(project, "Image", QUICK, folds=5)
    wanted = [t.id for t in project.things.values() if t.partition != Partition.INFERENCE]
    assert found.ids == tuple(wanted)
    assert Counter(key for asked in learner.asked for key in asked) == Counter(wanted)
    assert len(learner.plans) == len(learner.asked) == 5
    for plan, asked in zip(learner.plans, learner.asked, strict=True):
        seen = {t.id for t in (*plan.split.training, *plan.split.validation)}
        assert not seen & set(asked)
        assert seen | set(asked) == set(wanted)
        assert plan.split.validation, "part of the training folds stops early, as in any fit"
    assert found.class_map == project.known_categories(IMAGE_KIND)


def test_the_figures_are_those_of_the_out_of_fold_probabilities(learner: NearestMean) -> None:
    project = bars(60)
    found = cross_validate(project, IMAGE_KIND, QUICK, folds=4)
    index = {key: i for i, key in enumerate(found.class_map)}
    true = [index[project.things[key].category] for key in found.ids]
    ours = found.evaluation
    assert ours.ids == found.ids
    assert ours.classes == found.class_map
    assert (ours.partition, ours.run, ours.folds) == ("Cross-validation", None, 4)
    assert ours.true == tuple(true)
    assert ours.predicted == tuple(found.probabilities.argmax(axis=1).tolist())
    np.testing.assert_array_equal(
        ours.confusion_matrix, confusion_matrix(true, found.probabilities.argmax(axis=1))
    )
    assert ours.roc_auc[1] == pytest.approx(roc_auc_score(true, found.probabilities[:, 1]))
    assert ours.accuracy > 0.6, "bars are easily told apart"


def test_the_seed_decides(learner: NearestMean) -> None:
    project = bars()
    first, again, other = (
        cross_validate(project, IMAGE_KIND, replace(QUICK, seed=seed)) for seed in (3, 3, 4)
    )
    elsewhere = cross_validate(bars(), IMAGE_KIND, replace(QUICK, seed=3))
    np.testing.assert_array_equal(first.probabilities, elsewhere.probabilities)
    np.testing.assert_array_equal(first.probabilities, again.probabilities)
    assert first.evaluation == again.evaluation
    assert learner.asked[:5] == learner.asked[5:10] != learner.asked[10:]
    assert first.ids == other.ids


def test_small_categories_are_said_and_a_single_example_only_trains(learner: NearestMean) -> None:
    project, (a, b, c, d) = with_categories("a", "b", "c", "none")
    project = labelled(project, (9, 3, 1, 0))
    with pytest.warns(PiximiWarning, match=r"5 folds.*'b' \(3\), 'c' \(1\); a single") as told:
        found = cross_validate(project, IMAGE_KIND, QUICK)
    assert len(told) == 1
    assert len(found.ids) == 12
    assert f"{c}-0" not in found.ids
    assert all(c in {t.category for t in plan.split.training} for plan in learner.plans)
    assert found.class_map == (a, b, c, d)
    assert found.evaluation.support.tolist() == [9, 3, 0, 0]
    assert np.isnan(found.evaluation.roc_auc[2:]).all()


def test_no_more_folds_than_the_largest_category_has_examples(learner: NearestMean) -> None:
    project, _ = with_categories("a", "b")
    found = cross_validate(labelled(project, (3, 3)), IMAGE_KIND, QUICK, folds=50)
    assert len(learner.plans) == 3
    assert len(found.ids) == 6


@pytest.mark.parametrize("counts", [(1, 5), (6, 0), (1, 1)])
def test_too_few_examples_are_refused(learner: NearestMean, counts: tuple[int, int]) -> None:
    project, _ = with_categories("a", "b")
    with pytest.raises(FitError, match="at least two categories of kind 'Image' with two examp"):
        cross_validate(labelled(project, counts), IMAGE_KIND, QUICK)
    assert not learner.plans


def test_no_labels_bad_folds_and_bad_settings_are_refused(learner: NearestMean) -> None:
    project, _ = with_categories("a", "b")
    with pytest.raises(FitError, match="No thing of kind 'Image' has a category yet"):
        cross_validate(project, IMAGE_KIND, QUICK)
    with pytest.raises(FitError, match="1 folds cannot"):
        cross_validate(bars(), IMAGE_KIND, QUICK, folds=1)
    with pytest.raises(FitError, match="epochs cannot be 0"):
        cross_validate(bars(), IMAGE_KIND, replace(QUICK, epochs=0))
    assert not learner.plans


def test_nan_names_the_fold(learner: NearestMean) -> None:
    learner.broken = True
    with pytest.raises(FitError, match=r"Fold 1 of 5: .*NaN"):
        cross_validate(bars(), IMAGE_KIND, QUICK)


def test_an_evaluation_of_a_model_that_gives_nan_is_refused(learner: NearestMean) -> None:
    project = bars()
    fitted = facade.fit(project, IMAGE_KIND, QUICK, name="broken").classifier
    learner.broken = True
    with pytest.raises(FitError, match=r"'broken' gives no numbers \(NaN\) for 30 of 30 things"):
        facade.evaluate(project, fitted, partition="Labelled")


def test_judging_returns_what_the_evaluation_is_made_of(learner: NearestMean) -> None:
    project = bars()
    fitted = facade.fit(project, IMAGE_KIND, QUICK, name="net").classifier
    evaluation, said = facade.judge(project, fitted, partition="Labelled")
    assert evaluation == facade.evaluate(project, fitted, partition="Labelled")
    assert said.ids == evaluation.ids
    assert said.class_map == evaluation.classes
    assert evaluation.predicted == tuple(said.probabilities.argmax(axis=1).tolist())
    assert (evaluation.partition, evaluation.run) == ("Labelled", 0)


def test_progress_goes_up_and_tells_the_fold_and_figures(learner: NearestMean) -> None:
    told: list[tuple[int, int, str, dict[str, Any]]] = []
    cross_validate(
        bars(),
        IMAGE_KIND,
        QUICK,
        folds=3,
        progress=lambda done, total, message="", **values: told.append(
            (done, total, message, values)
        ),
    )
    done = [entry[0] for entry in told]
    assert done == sorted(done)
    assert done[-1] == told[-1][1]
    assert {entry[3]["fold"] for entry in told[:-1]} == {0, 1, 2}
    assert "Fold 2 of 3: Epoch 1" in {entry[2] for entry in told}
    assert any("loss" in entry[3] for entry in told)


@pytest.mark.parametrize("after", [1, 6, 7])
def test_cancel_stops_all_folds(learner: NearestMean, after: int) -> None:
    calls = 0

    def cancel(*_given: object, **_values: object) -> None:
        nonlocal calls
        calls += 1
        if calls > after:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        cross_validate(bars(), IMAGE_KIND, QUICK, folds=3, progress=cancel)
    assert calls == after + 1
    assert len(learner.plans) <= 2


def test_a_fold_that_diverges_is_said(
    learner: NearestMean, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(plan: Plan, progress: Progress, keep: object = None) -> tuple[ModelArtifact, Run]:
        model, run = learner.fit(plan, progress)
        return model, replace(run, stopped="diverged" if len(learner.plans) == 2 else "finished")

    module = SimpleNamespace(fit=diverging, probabilities=learner.probabilities)
    monkeypatch.setattr(facade, "_learner", lambda _chosen: module)
    with pytest.warns(PiximiWarning, match="Fold 2 of 5 diverged") as told:
        cross_validate(bars(), IMAGE_KIND, QUICK)
    assert len(told) == 1


def test_other_classifiers_do_not_come_in_the_way(learner: NearestMean) -> None:
    project = bars()
    stranger = Classifier("Fold 1", IMAGE_KIND, Settings(), model=ModelArtifact({"a": 1}, b"x"))
    project = edits.put_classifier(project, stranger)
    found = quietly(lambda: cross_validate(project, IMAGE_KIND, QUICK))
    assert len(found.ids) == 30


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.integers(2, 9), st.integers(0, 9))
def test_folds_are_even_over_all_and_in_each_category(
    categories: list[str], folds: int, seed: int
) -> None:
    found = folds_of(categories, folds, seed)
    counts = Counter(categories)
    alone = np.array([counts[c] == 1 for c in categories], dtype=bool)
    np.testing.assert_array_equal(found == -1, alone)
    for mask in (~alone, *(np.array(categories) == c for c in counts if counts[c] > 1)):
        sizes = np.bincount(found[mask], minlength=folds)
        assert sizes.max() - sizes.min() <= 1
        assert len(sizes) == folds
    np.testing.assert_array_equal(found, folds_of(categories, folds, seed))
