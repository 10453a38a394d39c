import pickle
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learn.projects import QUICK, bars, digits, labelled, moved, with_categories

from napari_piximi.errors import (
    Cancelled,
    EditError,
    FitError,
    PiximiWarning,
    WeightsUnavailableError,
)
from napari_piximi.io.tfjs import EXTRA_KEY, weight_arrays
from napari_piximi.learn.classifier import (
    FitResult,
    Predictions,
    apply_fit,
    evaluate,
    fit,
    predict,
)
from napari_piximi.learn.metrics import cross_entropy
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Partition
from napari_piximi.model.training import PIXIMI_SETTINGS, Classifier, Settings

pytestmark = pytest.mark.keras

GOOD = replace(QUICK, epochs=15, learning_rate=0.01, averaging=0.5)


@pytest.fixture(scope="module")
def fitted() -> tuple[Project, Classifier]:
    """Fit bars once, for the tests that need a classifier."""
    project = bars()
    result = fit(project, IMAGE_KIND, GOOD, name="bars")
    return apply_fit(project, result), result.classifier


def partitions(project: Project) -> dict[str, int]:
    found = [thing.partition.value for thing in project.things.values()]
    return {name: found.count(name) for name in sorted(set(found))}


# --- fit -------------------------------------------------------------------------------------


def test_a_fit_makes_a_classifier_with_its_run(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    assert project.classifiers == (classifier,)
    assert classifier.kind == IMAGE_KIND
    assert classifier.class_map == project.known_categories(IMAGE_KIND)
    assert classifier.input_shape == (1, 16, 16, 1)
    assert classifier.settings == GOOD
    assert classifier.model is not None
    assert classifier.model.classes == ("upright", "lying")
    run = classifier.runs[0]
    # 15 of each category: floor(0.75 · 15 + 0.5) train
    assert (run.training, run.validation) == (22, 8)
    assert run.epochs == 15
    assert run.stopped == "finished"
    assert run.backend in ("tensorflow", "jax", "torch")
    assert run.device
    assert run.seconds > 0
    assert run.history["val_accuracy"][run.best_epoch] > 0.9


def test_a_fit_partitions_things(fitted: tuple[Project, Classifier]) -> None:
    assert partitions(fitted[0]) == {"Inference": 10, "Training": 22, "Validation": 8}


def test_a_fit_leaves_the_project_alone() -> None:
    project = bars()
    before = dict(project.things)
    fit(project, IMAGE_KIND, QUICK, name="c")
    assert project.things == before
    assert project.classifiers == ()


def test_results_travel_between_processes(fitted: tuple[Project, Classifier]) -> None:
    classifier = fitted[1]
    assert pickle.loads(pickle.dumps(classifier)) == classifier


def test_the_same_seed_fits_the_same_classifier() -> None:
    first, again, other = (
        fit(bars(), "image", replace(QUICK, seed=seed), name="c").classifier for seed in (3, 3, 4)
    )
    assert first.model is not None
    assert again.model is not None
    assert other.model is not None
    assert first.model.weights == again.model.weights != other.model.weights
    assert first.runs[0].history == again.runs[0].history


def test_bad_names_are_refused_before_the_work() -> None:
    with pytest.raises(EditError, match=r"'a\.b' cannot name a classifier"):
        fit(bars(), IMAGE_KIND, QUICK, name="a.b")


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(EditError, match="'cells' is no kind"):
        fit(bars(), "cells", QUICK, name="c")


def test_nothing_labelled_is_refused() -> None:
    project = labelled(with_categories("a", "b")[0], [0, 0])
    with pytest.raises(FitError, match="No thing of kind 'Image' has a category yet"):
        fit(project, IMAGE_KIND, QUICK, name="c")


def test_a_single_category_is_refused() -> None:
    project = labelled(with_categories("a", "b")[0], [5, 0])
    with pytest.raises(FitError, match="All labelled things of kind 'Image' are 'a'"):
        fit(project, IMAGE_KIND, QUICK, name="c")


def test_all_in_validation_is_refused() -> None:
    project = labelled(with_categories("a", "b")[0], [5, 5])
    project = edits.set_partition(project, list(project.things), Partition.VALIDATION)
    with pytest.raises(FitError, match="are in Validation; none can train"):
        fit(project, IMAGE_KIND, QUICK, name="c")


def test_a_category_without_examples_is_a_class_with_a_warning() -> None:
    project = labelled(with_categories("a", "none", "b")[0], [4, 0, 4])
    with pytest.warns(PiximiWarning, match="trains the category 'none'"):
        classifier = fit(project, IMAGE_KIND, QUICK, name="c").classifier
    assert len(classifier.class_map) == 3


def test_an_empty_validation_split_is_a_warning() -> None:
    project = labelled(with_categories("a", "b")[0], [4, 4])
    settings = replace(QUICK, training_percentage=1.0)
    with pytest.warns(PiximiWarning, match="left to validate; the training loss decides"):
        run = fit(project, IMAGE_KIND, settings, name="c").classifier.runs[0]
    assert run.validation == 0
    assert "val_loss" not in run.history


def test_warnings_point_at_the_caller() -> None:
    project = labelled(with_categories("a", "b", "c")[0], [4, 4, 1])
    settings = replace(QUICK, training_percentage=0.9, epochs=1)
    project = edits.create_category(project, IMAGE_KIND, "d")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(project, IMAGE_KIND, settings, name="c")
    ours = [w for w in caught if issubclass(w.category, PiximiWarning)]
    assert len(ours) == 2
    assert {Path(w.filename).name for w in ours} == {"test_classifier.py"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "ResNet"}, "architecture cannot be 'ResNet'; choose one of SimpleCNN"),
        ({"optimizer": "Hope"}, "optimizer cannot be 'Hope'"),
        ({"loss": "Weight"}, "loss cannot be 'Weight'"),
        ({"metrics": ("Recall", "Beauty")}, "metrics cannot be 'Beauty'"),
        ({"crop_schema": "Wild"}, "crop_schema cannot be 'Wild'"),
        ({"batch_size": 0}, "batch_size cannot be 0; it goes from 1 to"),
        ({"learning_rate": float("nan")}, "learning_rate cannot be nan"),
        ({"training_percentage": 1.5}, "training_percentage cannot be 1.5"),
        ({"quarter_turns": True, "width": 20}, "quarter_turns needs a square input, not 16 by 20"),
        ({"height": 12}, "at least 16 by 16 pixels, not 12 by 16"),
    ],
)
def test_bad_settings_are_refused(changes: Mapping[str, object], message: str) -> None:
    with pytest.raises(FitError, match=message):
        fit(bars(), IMAGE_KIND, replace(QUICK, **changes), name="c")  # type: ignore[arg-type]


def test_pixels_that_are_no_numbers_are_refused() -> None:
    pixels = np.zeros((1, 16, 16, 1))
    pixels[0, 2, 2] = np.nan
    project = moved(bars(), "i3", pixels=ArrayPixels(pixels))
    with pytest.raises(FitError, match=r"'name of i3' .i3. has pixels that are NaN"):
        fit(project, IMAGE_KIND, QUICK, name="c")


def test_things_of_other_channels_are_refused() -> None:
    project = moved(bars(), "i3", pixels=ArrayPixels(np.zeros((1, 16, 16, 2))))
    with pytest.raises(FitError, match=r"'name of i3' .* has 2 channels, but .* has 1"):
        fit(project, IMAGE_KIND, QUICK, name="c")


def test_mobilenet_that_cannot_be_had_says_so(tmp_path: Path) -> None:
    settings = replace(QUICK, architecture="MobileNet", weights=str(tmp_path / "model.json"))
    with pytest.raises(WeightsUnavailableError, match="there is no such file"):
        fit(bars(), IMAGE_KIND, settings, name="c")


def test_mobilenet_fits_and_is_continued() -> None:
    settings = replace(
        GOOD, architecture="MobileNet", weights="random", height=32, width=32, epochs=4
    )
    project = bars(channels=1, size=32)
    result = fit(project, IMAGE_KIND, settings, name="m")
    first, project = result.classifier, apply_fit(project, result)
    second = fit(project, IMAGE_KIND, settings, name="m", base=first).classifier
    assert [len(run.history["loss"]) for run in second.runs] == [4, 4]
    before, after = (weights(classifier) for classifier in (first, second))
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"conv_channels/kernel", "head_conv/kernel", "head_conv/bias"}


def weights(classifier: Classifier) -> dict[str, NDArray[np.float32]]:
    assert classifier.model is not None
    return dict(weight_arrays(classifier.model))


def test_random_pieces_multiply_the_training_samples() -> None:
    project = bars(size=24)
    settings = replace(QUICK, crop_schema="Match", num_crops=4, batch_size=8)
    totals = []

    def note(done: int, total: int, message: str = "", **values: object) -> None:
        totals.append(total)

    run = fit(project, IMAGE_KIND, settings, name="c", progress=note).classifier.runs[0]
    assert run.training == 22
    assert totals[-1] == 3 * (22 * 4 // 8)


# --- continuing ------------------------------------------------------------------------------


def test_a_continued_fit_keeps_the_split_and_trains_on_new_things(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    project = edits.categorize(project, ["i30", "i31"], classifier.class_map[0])
    changed = replace(GOOD, height=40, width=40, architecture="MobileNet", epochs=2, seed=9)
    result = fit(project, IMAGE_KIND, changed, name="bars", base=classifier)
    assert result.partitions == {"i30": Partition.TRAINING, "i31": Partition.TRAINING}
    again = result.classifier
    assert again.input_shape == (1, 16, 16, 1)
    assert again.settings.architecture == "SimpleCNN"
    assert [run.epochs for run in again.runs] == [15, 2]
    assert again.runs[0] == classifier.runs[0]
    assert again.runs[1].training == 24
    assert again.runs[1].history["loss"][0] < classifier.runs[0].history["loss"][0]
    assert apply_fit(project, result).classifiers == (again,)


def test_a_continued_fit_keeps_evaluations_and_may_take_another_name(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    evaluation = evaluate(project, classifier)
    base = replace(classifier, evaluations=(evaluation,))
    again = fit(project, IMAGE_KIND, replace(GOOD, epochs=1), name="next", base=base).classifier
    assert again.evaluations == (evaluation,)
    assert again.name == "next"


def test_a_continued_fit_that_only_spoils_gives_back_the_model(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    spoiling = replace(GOOD, epochs=2, learning_rate=10.0)
    again = fit(project, IMAGE_KIND, spoiling, name="bars", base=classifier).classifier
    assert again.runs[-1].best_epoch == -1
    assert again.runs[-1].epochs == 2
    before, after = weights(classifier), weights(again)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_fresh_fit_under_the_same_name_keeps_runs_and_evaluations(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    evaluation = evaluate(project, classifier)
    project = edits.put_classifier(project, replace(classifier, evaluations=(evaluation,)))
    project = edits.create_category(project, IMAGE_KIND, "slanting")
    slanting = project.known_categories(IMAGE_KIND)[-1]
    project = edits.categorize(project, ["i34", "i35"], slanting)
    settings = replace(GOOD, epochs=1, seed=7)
    result = fit(project, "Image", settings, name="bars")
    after = result.classifier
    assert after.runs[:-1] == classifier.runs
    assert after.runs[-1].settings == settings
    assert after.evaluations == (evaluation,)
    assert after.evaluations[0].run == 0
    assert after.evaluations[0].classes == classifier.class_map != after.class_map
    project = apply_fit(project, result)
    assert project.classifiers == (after,)
    assert evaluate(project, after).run == 1


def test_the_past_of_another_kind_or_name_is_not_taken_over(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    quick = replace(QUICK, epochs=1)
    assert len(fit(project, IMAGE_KIND, quick, name="c").classifier.runs) == 1
    other = replace(project, classifiers=(replace(classifier, kind="cells", model=None),))
    assert len(fit(other, IMAGE_KIND, quick, name="bars").classifier.runs) == 1


def test_a_name_that_another_kind_s_model_has_is_refused_before_the_work(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    other = replace(project, classifiers=(replace(classifier, kind="cells"),))
    with pytest.raises(EditError, match=r"'bars'.*choose another name"):
        fit(other, IMAGE_KIND, QUICK, name="bars")


def test_a_category_that_the_model_does_not_know_is_refused(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    project = edits.create_category(project, IMAGE_KIND, "slanting")
    project = edits.categorize(project, ["i35"], project.known_categories(IMAGE_KIND)[-1])
    with pytest.raises(FitError, match="does not know 'slanting' of kind 'Image'; fit a new one"):
        fit(project, IMAGE_KIND, GOOD, name="bars", base=classifier)


def test_a_model_of_piximi_is_continued_without_centering(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    base = of_piximi(replace(classifier, settings=replace(classifier.settings, center=True)))
    again = fit(project, IMAGE_KIND, replace(GOOD, epochs=1), name="bars", base=base).classifier
    assert not again.settings.center


def test_a_model_of_another_kind_is_refused(fitted: tuple[Project, Classifier]) -> None:
    project = edits.create_kind(fitted[0], "cells")
    with pytest.raises(FitError, match="'bars' is of another kind than"):
        fit(project, "cells", GOOD, name="c", base=fitted[1])


def test_a_model_without_a_kind_takes_the_one_it_is_given(
    fitted: tuple[Project, Classifier],
) -> None:
    base = replace(fitted[1], kind="")
    again = fit(fitted[0], IMAGE_KIND, replace(GOOD, epochs=1), name="c", base=base).classifier
    assert again.kind == IMAGE_KIND


def test_a_model_of_other_channels_refuses_things(fitted: tuple[Project, Classifier]) -> None:
    project = bars(channels=3)
    project = edits.set_partition(project, ["i1", "i2"], Partition.VALIDATION)
    base = replace(fitted[1], class_map=project.known_categories(IMAGE_KIND))
    with pytest.raises(FitError, match=r"has 3 channels, but the classifier takes 1"):
        fit(project, IMAGE_KIND, GOOD, name="bars", base=base)


def of_piximi(classifier: Classifier) -> Classifier:
    """Take off what shows that a classifier was fitted by us."""
    assert classifier.model is not None
    kept = {key: value for key, value in classifier.model.document.items() if key != EXTRA_KEY}
    return replace(classifier, runs=(), model=replace(classifier.model, document=kept))


# --- cancelling ------------------------------------------------------------------------------


class StopAt:
    """Progress that cancels when the message begins as given, at its n-th such call."""

    def __init__(self, message: str, calls: int = 1) -> None:
        self.message, self.calls, self.raised = message, calls, 0.0

    def __call__(self, done: int, total: int, message: str = "", **values: object) -> None:
        if message.startswith(self.message):
            self.calls -= 1
            if self.calls <= 0:
                self.raised = time.perf_counter()
                raise Cancelled


def test_a_fit_that_is_cancelled_returns_its_best(fitted: tuple[Project, Classifier]) -> None:
    settings = replace(GOOD, epochs=1000)
    result = fit(bars(), IMAGE_KIND, settings, name="c", progress=StopAt("Epoch 12 "))
    run = result.classifier.runs[0]
    assert run.stopped == "cancelled"
    assert run.epochs == 11
    assert result.partitions


def test_cancelling_before_the_epochs_is_passed_on() -> None:
    with pytest.raises(Cancelled):
        fit(bars(), IMAGE_KIND, QUICK, name="c", progress=StopAt("Reading"))


def test_predicting_and_evaluating_pass_cancelling_on(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    with pytest.raises(Cancelled):
        predict(project, classifier, progress=StopAt("Predicting"))
    with pytest.raises(Cancelled):
        evaluate(project, classifier, progress=StopAt("Predicting"))


# --- applying --------------------------------------------------------------------------------


def test_a_result_is_applied_to_the_project_as_it_is_now() -> None:
    project = bars()
    result = fit(project, IMAGE_KIND, replace(QUICK, epochs=1), name="c")
    training = [key for key, where in result.partitions.items() if where == Partition.TRAINING]
    gone, unlabelled, kept = training[:3]
    project = edits.delete_things(project, [gone])
    project = edits.categorize(project, [unlabelled], project.kinds[IMAGE_KIND].unknown)
    after = apply_fit(project, result)
    assert gone not in after.things
    assert after.things[unlabelled].partition == Partition.INFERENCE
    assert after.things[kept].partition == Partition.TRAINING


def test_a_result_whose_kind_has_gone_is_refused(fitted: tuple[Project, Classifier]) -> None:
    stray = FitResult(replace(fitted[1], kind="cells"), {})
    with pytest.raises(EditError, match="The kind that 'bars' was fitted on has gone"):
        apply_fit(fitted[0], stray)


# --- predict ---------------------------------------------------------------------------------


def test_predict_asks_about_inference_things(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    answer = predict(project, classifier)
    assert answer.ids == tuple(f"i{i}" for i in range(30, 40))
    assert answer.probabilities.dtype == np.float32
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)
    after = edits.set_predictions(project, answer.predictions())
    for key in answer.ids:
        prediction = after.things[key].prediction
        assert prediction is not None
        assert prediction.category == classifier.class_map[int(key[1:]) % 2]
        assert 0.5 <= (prediction.probability or 0) <= 1


def test_predict_of_named_things_keeps_their_order(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    answer = predict(project, classifier, ["i5", "i0", "i33"])
    assert answer.ids == ("i5", "i0", "i33")
    single = predict(project, classifier, ["i33"]).probabilities
    np.testing.assert_allclose(answer.probabilities[2:], single, atol=1e-6)


def test_predict_of_nothing_is_nothing(fitted: tuple[Project, Classifier]) -> None:
    assert predict(*fitted, []).probabilities.shape == (0, 2)
    assert predict(*fitted, []).predictions() == {}


def test_predict_in_blocks_gives_the_same(
    fitted: tuple[Project, Classifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, classifier = fitted
    whole = predict(project, classifier, project.things)
    monkeypatch.setattr("napari_piximi.learn.steps.LARGEST_BATCH", 8)
    by_eight = predict(project, classifier, project.things)
    np.testing.assert_allclose(by_eight.probabilities, whole.probabilities, atol=1e-6)
    monkeypatch.setattr("napari_piximi.learn.inference.BLOCK_BYTES", 1)
    blocks = predict(project, classifier, project.things)
    np.testing.assert_array_equal(blocks.probabilities, by_eight.probabilities)


def test_progress_of_predicting_reaches_the_end(fitted: tuple[Project, Classifier]) -> None:
    calls: list[tuple[int, int]] = []
    predict(
        *fitted,
        progress=lambda done, total, message="", **values: calls.append((done, total)),
    )
    assert calls[-1] == (10, 10)


def test_classes_that_are_not_mapped_are_refused(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    with pytest.raises(FitError, match="map 'upright', 'lying' to categories first; all of them"):
        predict(project, replace(classifier, class_map=()))
    lost = edits.delete_category(project, classifier.class_map[1])
    with pytest.raises(FitError, match="to categories first; 1 of them have none"):
        predict(lost, classifier)


def test_a_classifier_without_its_files_is_refused(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    for function in (predict, evaluate):
        with pytest.raises(FitError, match="'bars' has no model: its files are missing"):
            function(project, replace(classifier, model=None))


def test_a_model_that_does_not_fit_its_settings_is_refused(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    wrong = replace(classifier, settings=replace(classifier.settings, height=20))
    message = r"should go from \(20, 16, 1\) to 2 classes, but its model goes from \(16, 16, 1\)"
    with pytest.raises(FitError, match=message):
        predict(project, wrong)


def test_unknown_things_and_other_channels_are_refused(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    with pytest.raises(FitError, match="There is no thing 'nobody'"):
        predict(project, classifier, ["nobody"])
    other = moved(project, "i33", pixels=ArrayPixels(np.zeros((1, 16, 16, 3))))
    with pytest.raises(FitError, match=r"'name of i33' .* has 3 channels"):
        predict(other, classifier)


def test_damaged_weights_are_found_out(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    assert classifier.model is not None
    size = len(classifier.model.weights)
    broken = replace(classifier.model, weights=np.full(size // 4, np.nan, "<f4").tobytes())
    with pytest.raises(FitError, match="The model answers NaN for 'name of i30' and 9 more"):
        predict(project, replace(classifier, model=broken))


def test_center_is_obeyed_only_for_models_of_ours() -> None:
    settings = replace(GOOD, center=True)
    project = bars()
    result = fit(project, IMAGE_KIND, settings, name="c")
    ours = result.classifier
    piximis = of_piximi(ours)
    raw = replace(ours, settings=replace(settings, center=False))
    first, second, third, fourth = (
        predict(project, c, ["i1"]).probabilities
        for c in (ours, piximis, raw, replace(ours, runs=()))
    )
    np.testing.assert_array_equal(second, third)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, fourth)  # came as files, with our key in them


# --- evaluate --------------------------------------------------------------------------------


def test_evaluate_counts_and_measures(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    evaluation = evaluate(project, classifier)
    things = [t for t in project.things.values() if t.partition == Partition.VALIDATION]
    answer = predict(project, classifier, [t.id for t in things])
    true = np.array([classifier.class_map.index(t.category) for t in things])
    rows = answer.probabilities
    assert evaluation.cross_entropy == pytest.approx(-np.log(rows[range(8), true]).mean(), rel=1e-5)
    assert evaluation.cross_entropy == pytest.approx(cross_entropy(np.eye(2)[true], rows))
    assert evaluation.accuracy == np.mean(rows.argmax(axis=1) == true)
    assert evaluation.classes == classifier.class_map
    assert evaluation.partition == "Validation"
    assert evaluation.run == 0
    run = classifier.runs[0]
    assert evaluation.accuracy == pytest.approx(run.history["val_accuracy"][run.best_epoch])


@pytest.mark.parametrize(("partition", "count"), [("Training", 22), ("Labelled", 30)])
def test_other_partitions_can_be_evaluated(
    fitted: tuple[Project, Classifier], partition: str, count: int
) -> None:
    assert evaluate(*fitted, partition=partition).support.sum() == count


def test_evaluating_nothing_is_refused(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    empty = edits.set_partition(project, list(project.things), Partition.INFERENCE)
    with pytest.raises(FitError, match="'bars' has nothing to be evaluated on: no Validation"):
        evaluate(empty, classifier)
    with pytest.raises(FitError, match="'Inference' cannot be evaluated; choose Validation"):
        evaluate(project, classifier, partition="Inference")


def test_categories_that_the_model_does_not_know_are_left_out(
    fitted: tuple[Project, Classifier],
) -> None:
    project, classifier = fitted
    project = edits.create_category(project, IMAGE_KIND, "slanting")
    project = edits.categorize(project, ["i35"], project.known_categories(IMAGE_KIND)[-1])
    with pytest.warns(PiximiWarning, match="1 things are left out"):
        assert evaluate(project, classifier, partition="Labelled").support.sum() == 30


# --- real digits -----------------------------------------------------------------------------


def accuracy(answer: Predictions, truth: Mapping[str, str]) -> float:
    said = answer.predictions()
    return float(np.mean([said[key].category == truth[key] for key in said]))


def test_few_labels_of_real_digits_are_enough() -> None:
    project, truth = digits(seed=0)
    scores = {}
    for name, settings in {"ours": Settings(epochs=120), "Piximi's": PIXIMI_SETTINGS}.items():
        result = fit(project, IMAGE_KIND, settings, name="digits")
        answer = predict(apply_fit(project, result), result.classifier)
        assert len(answer.ids) == 1597
        scores[name] = accuracy(answer, truth)
    assert scores["ours"] > 0.94
    assert 0.5 < scores["Piximi's"] < 0.9


def test_images_need_not_be_of_one_size() -> None:
    project = bars()
    for i in range(0, 30, 3):
        pixels = np.asarray(project.things[f"i{i}"].pixels)
        larger = np.kron(pixels, np.ones((1, 2, 3, 1), np.uint8))
        project = moved(project, f"i{i}", pixels=ArrayPixels(larger))
    classifier = fit(project, IMAGE_KIND, QUICK, name="c").classifier
    assert classifier.runs[0].training == 22
