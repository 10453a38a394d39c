"""The forest: fitted, asked, continued, refused; no Keras in this process."""

import subprocess
import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import log_loss
from tests.learn.projects import bars, digits, image, labelled, moved, with_categories

from napari_piximi.errors import Cancelled, FitError, PiximiWarning
from napari_piximi.learn import forest as learner
from napari_piximi.learn.classifier import apply_fit, evaluate, fit, predict
from napari_piximi.learn.feature_rows import Remembered, feature_rows
from napari_piximi.measure.features import feature_names, measure_features
from napari_piximi.model import edits, masks
from napari_piximi.model.forest import ask, forest_of
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    ArrayPixels,
    Image,
    Partition,
    default_channels,
)
from napari_piximi.model.training import FOREST, FOREST_FORMAT, Classifier, ModelArtifact, Settings

SETTINGS = Settings(architecture=FOREST, trees=40)


def fitted(project: Project, settings: Settings = SETTINGS, kind: str = IMAGE_KIND) -> Classifier:
    return fit(project, kind, settings, name="forest").classifier


def cells(count: int = 60, channels: int = 2, unlabelled: int = 10) -> tuple[Project, str]:
    """Round and long cells on two images; the last ones have no category."""
    project = edits.create_kind(new_project(), "cell")
    kind = project.find_kind("cell").id
    for name in ("round", "long"):
        project = edits.create_category(project, kind, name)
    categories = project.known_categories(kind)
    draws = np.random.default_rng(4)
    unknown = project.kinds[IMAGE_KIND].unknown
    images = [
        Image(
            key,
            key,
            unknown,
            ArrayPixels(draws.integers(0, 255, (1, 400, 400, channels), dtype=np.uint8)),
            channels=default_channels(channels),
        )
        for key in ("left", "right")
    ]
    annotations = []
    for i in range(count):
        height, width = (12, 12) if i % 2 == 0 else (8, 20)
        y, x = np.ogrid[:height, :width]
        mask = ((y + 0.5) / height - 0.5) ** 2 + ((x + 0.5) / width - 0.5) ** 2 < 0.25
        top, left = (int(n) for n in draws.integers(0, 370, 2))
        known = i < count - unlabelled
        annotations.append(
            Annotation(
                f"cell{i}",
                f"name of cell{i}",
                kind,
                categories[i % 2] if known else project.kinds[kind].unknown,
                ("left", "right")[i % 3 == 0],
                (top, left, top + height, left + width),
                masks.encode(mask),
                partition=Partition.UNASSIGNED if known else Partition.INFERENCE,
            )
        )
    return edits.add_annotations(edits.add_images(project, images), annotations), kind


# --- fit and predict -----------------------------------------------------------------------


def test_objects_are_told_apart_by_their_shape() -> None:
    project, kind = cells()
    result = fit(project, kind, SETTINGS, name="forest")
    project = apply_fit(project, result)
    said = predict(project, result.classifier)
    assert len(said.ids) == 10
    for key, row in zip(said.ids, said.probabilities, strict=True):
        assert row.argmax() == int(key.removeprefix("cell")) % 2
    np.testing.assert_allclose(said.probabilities.sum(axis=1), 1, rtol=1e-6)
    assert evaluate(project, result.classifier).accuracy == 1


def test_images_are_told_apart_by_their_look() -> None:
    project = bars(80)
    result = fit(project, IMAGE_KIND, SETTINGS, name="forest")
    said = predict(apply_fit(project, result), result.classifier)
    expected = [int(key[1:]) % 2 for key in said.ids]
    assert np.mean(said.probabilities.argmax(axis=1) == expected) >= 0.9


def test_digits_are_learnt_from_few_labels() -> None:
    project, truth = digits(0)
    result = fit(project, IMAGE_KIND, SETTINGS, name="forest")
    said = predict(apply_fit(project, result), result.classifier).predictions()
    assert np.mean([said[key].category == truth[key] for key in said]) > 0.9


def test_probabilities_are_scikit_learns() -> None:
    project, _ = digits(1)
    classifier = fitted(project)
    training = [t for t in project.of_kind(IMAGE_KIND) if t.partition == Partition.UNASSIGNED]
    plan_things = fit(project, IMAGE_KIND, SETTINGS, name="x").partitions
    trained = [t for t in training if plan_things[t.id] == Partition.TRAINING]
    table = feature_rows(project, trained, 1)
    truth = [classifier.class_map.index(t.category) for t in trained]
    peer = ExtraTreesClassifier(40, bootstrap=True, random_state=0, max_depth=500)
    peer.fit(table, truth)
    things = [t for t in project.of_kind(IMAGE_KIND) if t.partition == Partition.INFERENCE]
    said = predict(project, classifier, [t.id for t in things]).probabilities
    expected = peer.predict_proba(feature_rows(project, things, 1))
    np.testing.assert_allclose(said, expected, atol=1e-6)
    assert np.abs(expected - 0.1).max() > 0.5


def test_answers_at_a_threshold_are_scikit_learns() -> None:
    """Features in float32 that equal or almost equal thresholds in float64."""
    draws = np.random.default_rng(0)
    table = (draws.integers(0, 7, (300, 4)) / 7).astype(np.float32)
    truth = draws.integers(0, 3, 300)
    peer = ExtraTreesClassifier(30, random_state=0).fit(table, truth)
    spread = [np.nextafter(table, np.float32(way)) for way in (-1, 2)]
    asked = np.concatenate([table, *spread]).astype(np.float32)
    forest = learner._arrays(peer, ["a", "b", "c", "d"], ["x", "y", "z"], np.arange(3), table)
    thresholds = [t for e in peer.estimators_ for t in e.tree_.threshold[e.tree_.feature >= 0]]
    edge = np.array(thresholds, dtype=np.float32)
    asked = np.concatenate([asked, np.repeat(edge[:, None], 4, axis=1)])
    np.testing.assert_allclose(ask(forest, asked), peer.predict_proba(asked), atol=1e-6)


def test_the_same_seed_gives_the_same_bytes() -> None:
    project = bars()
    first, second = fitted(project), fitted(project)
    assert first.model == second.model
    other = fitted(project, replace(SETTINGS, seed=1))
    assert first.model is not None
    assert other.model is not None
    assert first.model.weights != other.model.weights


def test_the_artifact_is_plain() -> None:
    model = fitted(bars()).model
    assert model is not None
    assert model.document["format"] == FOREST_FORMAT
    assert model.classes == ("upright", "lying")
    assert model.document["features"] == list(feature_names(1, objects=False))
    assert len(forest_of(model).roots) == 40


@pytest.mark.parametrize(
    "changes",
    [{"min_samples_leaf": 10}, {"max_features": 1.0}, {"trees": 3}, {"class_weights": True}],
)
def test_each_setting_is_obeyed(changes: dict[str, Any]) -> None:
    project = labelled(with_categories("a", "b")[0], (30, 10))
    plain, other = (
        forest_of(model)
        for model in (fitted(project).model, fitted(project, replace(SETTINGS, **changes)).model)
        if model is not None
    )
    if "trees" in changes:
        assert len(other.roots) == 3
    elif "min_samples_leaf" in changes:
        assert len(other.features) < len(plain.features)
    else:
        assert not np.array_equal(other.values, plain.values)


# --- history ----------------------------------------------------------------------------------


def test_the_history_tells_of_things_that_trees_have_not_seen() -> None:
    project, _ = digits(2)
    result = fit(project, IMAGE_KIND, SETTINGS, name="forest")
    (run,) = result.classifier.runs
    assert run.history["trees"] == (4, 8, 12, 16, 20, 24, 28, 32, 36, 40)
    assert {len(values) for values in run.history.values()} == {10}
    assert (run.best_epoch, run.stopped, run.backend) == (9, "finished", "scikit-learn")
    assert (run.training, run.validation) == (150, 50)
    project = apply_fit(project, result)
    trained = [t for t in project.of_kind(IMAGE_KIND) if t.partition == Partition.TRAINING]
    truth = np.array([result.classifier.class_map.index(t.category) for t in trained])
    peer = ExtraTreesClassifier(40, bootstrap=True, oob_score=True, random_state=0, max_depth=500)
    peer.fit(feature_rows(project, trained, 1), truth)
    assert run.history["accuracy"][-1] == pytest.approx(peer.oob_score_)
    shares = np.clip(peer.oob_decision_function_, 1e-7, 1)
    expected = -np.log(shares[np.arange(len(truth)), truth]).mean()
    assert run.history["loss"][-1] == pytest.approx(expected, rel=1e-6)
    judged = evaluate(project, result.classifier)
    assert run.history["val_accuracy"][-1] == pytest.approx(judged.accuracy)
    assert run.history["val_loss"][-1] == pytest.approx(judged.cross_entropy, rel=1e-5)
    assert log_loss(truth, peer.oob_decision_function_) == pytest.approx(expected, rel=1e-3)


def test_without_validation_only_the_training_things_are_judged() -> None:
    with pytest.warns(PiximiWarning, match="left to validate"):
        classifier = fitted(bars(), replace(SETTINGS, training_percentage=1.0))
    assert {key for key in classifier.runs[0].history if key.startswith("val_")} == set()


def test_progress_carries_figures_of_every_step() -> None:
    told: list[dict[str, Any]] = []

    def note(done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        if "epoch" in values:
            told.append({"done": done, "total": total, **values})

    fit(bars(), IMAGE_KIND, SETTINGS, name="forest", progress=note)
    assert [step["done"] for step in told] == [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
    assert [step["epoch"] for step in told] == list(range(1, 11))
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= told[-1].keys()


class Stop:
    """Stops when so many trees are done, or before."""

    def __init__(self, trees: int) -> None:
        self.trees = trees

    def __call__(self, done: int, total: int, message: str = "", **values: object) -> None:
        if done >= self.trees and (self.trees == 0 or "epoch" in values):
            raise Cancelled("stop")


def test_a_stop_keeps_the_trees_so_far() -> None:
    project = bars()
    classifier = fit(project, IMAGE_KIND, SETTINGS, name="forest", progress=Stop(8)).classifier
    assert classifier.model is not None
    assert len(forest_of(classifier.model).roots) == 8
    assert classifier.runs[0].stopped == "cancelled"
    assert len(predict(project, classifier).ids) == 10


def test_a_stop_before_the_first_tree_is_passed_on() -> None:
    with pytest.raises(Cancelled):
        fit(bars(), IMAGE_KIND, SETTINGS, name="forest", progress=Stop(0))


# --- continuing, and what is remembered ------------------------------------------------------


def test_a_forest_is_continued_on_all_labels() -> None:
    project = bars(60)
    first = fit(project, IMAGE_KIND, SETTINGS, name="forest")
    project = apply_fit(project, first)
    new = [t.id for t in project.of_kind(IMAGE_KIND) if t.partition == Partition.INFERENCE][:4]
    project = edits.categorize(project, new, first.classifier.class_map[0])
    project = edits.set_partition(project, new, Partition.UNASSIGNED)
    again = fit(project, IMAGE_KIND, SETTINGS, name="forest", base=first.classifier)
    assert len(again.classifier.runs) == 2
    assert again.classifier.runs[1].training == first.classifier.runs[0].training + 4
    assert again.classifier.runs[1].validation == first.classifier.runs[0].validation
    assert again.classifier.settings.architecture == FOREST


def test_a_class_that_was_left_out_may_be_called_like_another() -> None:
    project = labelled(with_categories("a", "b", "c")[0], (4, 4, 4))
    project = apply_fit(project, fit(project, IMAGE_KIND, SETTINGS, name="forest"))
    first, second, third = project.known_categories(IMAGE_KIND)
    swapped = edits.map_classes(project, "forest", IMAGE_KIND, (second, "", third))
    ids = [thing.id for thing in swapped.of_kind(IMAGE_KIND)]
    gone = [key for key in ids if swapped.things[key].category == first]
    swapped = edits.categorize(swapped, gone, second)
    again = fit(swapped, IMAGE_KIND, SETTINGS, name="forest", base=swapped.classifiers[0])
    model = again.classifier.model
    assert model is not None
    assert model.classes == ("b", "b (left out 1)", "c")
    said = predict(apply_fit(swapped, again), again.classifier, ids)
    assert said.class_map == (second, third)
    # Nothing trains the class that was left out: the others share everything.
    np.testing.assert_allclose(said.probabilities.sum(axis=1), 1, rtol=1e-6)


def test_a_thing_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    project, kind = cells()
    remembered = Remembered(2**20)
    things = list(project.of_kind(kind))
    measured: list[int] = []

    def counted(things: Any, planes: Any, *others: Any) -> None:  # noqa: ANN401
        kept = list(planes)
        measured.append(len(kept))
        measure_features(things, kept, *others)

    monkeypatch.setattr("napari_piximi.learn.feature_rows.measure_features", counted)
    first = feature_rows(project, things[:-1], 2, remembered=remembered)
    second = feature_rows(project, things, 2, remembered=remembered)
    renamed = [replace(t, id=f"new {t.id}") for t in things]
    third = feature_rows(project, renamed, 2, remembered=remembered)
    assert measured == [59, 1, 0]
    np.testing.assert_array_equal(second[:-1], first)
    np.testing.assert_array_equal(third, second)


def test_another_mask_or_bit_depth_is_another_thing() -> None:
    project, kind = cells()
    thing = next(iter(project.of_kind(kind)))
    assert isinstance(thing, Annotation)
    remembered = Remembered(2**20)
    whole = replace(thing, runs=masks.full(12, 12))
    deep = replace(thing, bit_depth=16)
    rows = feature_rows(project, [thing, whole, deep], 2, remembered=remembered)
    area = feature_names(2, objects=True).index("area")
    mean = feature_names(2, objects=True).index("intensity_mean_channel_0")
    assert rows[1, area] == 144 > rows[0, area]
    assert rows[2, mean] == pytest.approx(rows[0, mean] * 255 / 65535, rel=1e-5)


def test_what_is_remembered_is_bounded() -> None:
    remembered = Remembered(limit=100)
    for i in range(10):
        remembered.put(bytes([i]), np.zeros(10, dtype=np.float32))
    assert len(remembered.rows) == 2
    assert remembered.size == 80
    assert remembered.get(bytes([0])) is None
    assert remembered.get(bytes([9])) is not None


# --- features ------------------------------------------------------------------------------


def test_features_are_standardised_on_the_training_things() -> None:
    project, kind = cells()
    result = fit(project, kind, SETTINGS, name="forest")
    project = apply_fit(project, result)
    trained = [t for t in project.of_kind(kind) if t.partition == Partition.TRAINING]
    seen = learner.features(project, result.classifier, trained, lambda *_, **__: None)
    assert seen.dtype == np.float32
    assert seen.shape == (len(trained), len(feature_names(2, objects=True)))
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-3)
    spread = seen.std(axis=0)
    assert set(np.round(spread, 2)) <= {0.0, 1.0}
    both = learner.embedding(project, result.classifier, trained, lambda *_, **__: None)
    np.testing.assert_array_equal(both[0], seen)
    said = predict(project, result.classifier, [t.id for t in trained]).probabilities
    np.testing.assert_array_equal(both[1], said)


def test_nothing_to_ask_is_nothing_answered() -> None:
    project, kind = cells()
    classifier = fitted(project, SETTINGS, kind)
    assert predict(project, classifier, []).probabilities.shape == (0, 2)


# --- bad input --------------------------------------------------------------------------------


def test_pixels_that_are_no_numbers_are_named() -> None:
    project = bars()
    broken = np.full((1, 16, 16, 1), np.nan, dtype=np.float32)
    project = moved(project, "i3", pixels=ArrayPixels(broken))
    with pytest.raises(FitError, match=r"'name of i3'.*NaN"):
        fitted(project)


def test_another_channel_count_is_refused() -> None:
    classifier = fitted(bars(channels=1))
    project = bars(channels=3)
    classifier = replace(classifier, class_map=project.known_categories(IMAGE_KIND))
    with pytest.raises(FitError, match="has 3 channels, but the classifier takes 1"):
        predict(project, classifier)
    mixed = moved(bars(), "i0", pixels=ArrayPixels(np.zeros((1, 16, 16, 2), dtype=np.uint8)))
    with pytest.raises(FitError, match="channels"):
        fitted(mixed)


def test_a_remembered_thing_is_refused_as_well() -> None:
    project = bars(channels=3)
    fitted(project)
    things = list(project.of_kind(IMAGE_KIND))
    with pytest.raises(FitError, match="has 3 channels"):
        feature_rows(project, things, 1)


def test_a_forest_of_other_features_is_refused() -> None:
    classifier = fitted(bars())
    assert classifier.model is not None
    names = [f"other {i}" for i in range(len(classifier.model.document["features"]))]
    document = {**classifier.model.document, "features": names}
    changed = replace(classifier, model=ModelArtifact(document, classifier.model.weights))
    with pytest.raises(FitError, match=r"looks at 'other 0'.*fit it anew"):
        learner.probabilities(bars(), changed, [], lambda *_, **__: None)


def test_another_number_of_classes_is_refused() -> None:
    classifier = fitted(bars())
    changed = replace(classifier, class_map=(*classifier.class_map, "1x"))
    with pytest.raises(FitError, match="has 3 classes, but its forest tells 2 apart"):
        learner.probabilities(bars(), changed, [], lambda *_, **__: None)


def alike(count: int = 8) -> Project:
    project, categories = with_categories("a", "b")
    same: NDArray[np.uint8] = np.full((16, 16, 1), 7, dtype=np.uint8)
    images = [image(f"i{i}", same, categories[i % 2]) for i in range(count)]
    return edits.add_images(project, images)


def test_things_that_all_look_the_same_are_warned_of() -> None:
    project = alike()
    with pytest.warns(PiximiWarning, match="All training things of kind 'Image' look the same"):
        classifier = fitted(project)
    said = predict(project, classifier, ["i0", "i1"])
    assert np.isfinite(said.probabilities).all()


def test_one_category_or_none_cannot_be_learnt() -> None:
    project, _ = with_categories("a", "b")
    with pytest.raises(FitError, match="No thing of kind 'Image' has a category yet"):
        fitted(project)
    with pytest.warns(PiximiWarning), pytest.raises(FitError):
        fitted(labelled(project, (0, 1)))
    with pytest.raises(FitError, match="needs examples of at least two"):
        fitted(labelled(project, (5, 0)))


def test_a_category_without_examples_has_probability_0() -> None:
    project = labelled(with_categories("a", "none", "b")[0], (10, 0, 10))
    with pytest.warns(PiximiWarning, match="trains the category 'none'"):
        classifier = fitted(project)
    ids = [thing.id for thing in project.of_kind(IMAGE_KIND)]
    rows = predict(project, classifier, ids).probabilities
    assert (rows[:, 1] == 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-6)


def test_no_keras_is_loaded() -> None:
    code = (
        "import sys; from napari_piximi.learn import classifier, forest;"
        "assert not {'keras', 'tensorflow', 'sklearn', 'skimage'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_is_warned_of_where_all_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(bars())
