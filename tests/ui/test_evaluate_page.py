import csv
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import Notification
from psygnal import Signal
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from sklearn.metrics import precision_recall_fscore_support
from tests.learn.projects import bars
from tests.ui.pressing import press

from napari_piximi.learn.classifier import apply_fit, fit
from napari_piximi.learn.metrics import evaluation_of
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Partition
from napari_piximi.model.training import FOREST, Classifier, ModelArtifact, Settings
from napari_piximi.ui import evaluate_form, evaluation_view
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.evaluate_page import EvaluatePage
from napari_piximi.ui.evaluating import PARTITIONS
from napari_piximi.ui.evaluation_view import headline
from napari_piximi.ui.judged_classes import classes_of
from napari_piximi.ui.workspace import Workspace, workspace_of

Wait = Callable[[Workspace], None]
CHOSEN = Qt.ItemDataRole.ToolTipRole


@pytest.fixture(scope="module")
def fitted() -> Project:
    """Fit a forest on bars once."""
    project = bars(40)
    settings = Settings(architecture=FOREST)
    return apply_fit(project, fit(project, IMAGE_KIND, settings, name="forest"))


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[EvaluatePage]:
    viewer = ViewerModel()
    panel = ClassifierPanel(viewer)
    qtbot.addWidget(panel)
    found = panel.page("Evaluate")
    assert isinstance(found, EvaluatePage)
    yield found
    workspace_of(viewer).close()


def open_in(page: EvaluatePage, project: Project) -> Workspace:
    workspace = page.panel.workspace
    workspace.open_project(project)
    names = [c.name for c in project.classifiers]
    page.panel.choice.choose(names[-1] if names else None)
    return workspace


def judged(project: Project, *, seed: int = 0, partition: str = "Labelled") -> Evaluation:
    """Make an evaluation with errors on all labelled things."""
    ids = [t.id for t in project.things.values() if t.partition != Partition.INFERENCE]
    classes = project.known_categories(IMAGE_KIND)
    true = [classes.index(project.things[key].category) for key in ids]
    targets = np.eye(len(classes))[true]
    rows = np.random.default_rng(seed).dirichlet(np.ones(len(classes)), len(ids)) + targets / 3
    found = evaluation_of(targets, rows / rows.sum(axis=1, keepdims=True), ids)
    return replace(found, classes=classes, partition=partition, run=0)


def with_evaluations(project: Project, *evaluations: Evaluation) -> Project:
    (classifier,) = project.classifiers
    return edits.put_classifier(project, replace(classifier, evaluations=evaluations))


def choose(page: EvaluatePage, partition: str) -> None:
    page.form.on.setCurrentIndex(PARTITIONS.index(partition))


# --- evaluate in the engine ------------------------------------------------------------------


def test_evaluate_and_cross_validate_in_the_engine(
    page: EvaluatePage, fitted: Project, finish: Wait
) -> None:
    workspace = open_in(page, fitted)
    assert page.form.button.isEnabled()
    page.form.button.click()
    assert page.form.button.text() == "Stop"
    assert not page.form.bar.isHidden()
    finish(workspace)
    assert page.form.button.text() == "Evaluate"
    (kept,) = workspace.project.classifiers[0].evaluations
    assert (kept.partition, kept.run) == ("Validation", 0)
    assert len(kept.ids) == workspace.project.classifiers[0].runs[0].validation
    assert page.view.kept is not None
    assert page.view.kept.evaluation is kept
    assert workspace.session.undo_label == "Evaluate forest"

    choose(page, "Cross-validation")
    page.form.folds.setValue(3)
    page.form.button.click()
    finish(workspace)
    first, second = workspace.project.classifiers[0].evaluations
    assert first is kept
    assert (second.partition, second.folds, len(second.ids)) == ("Cross-validation", 3, 30)
    line = page.list.topLevelItem(0)
    assert line is not None
    assert [line.text(column) for column in (1, 2)] == ["3 folds", "–"]
    assert page.view.kept.title == "forest, Cross-validation, 3 folds"
    assert page.list.topLevelItemCount() == 2
    assert page.view.kept.evaluation is second
    workspace.undo()
    assert workspace.project.classifiers[0].evaluations == (first,)
    assert page.view.kept.evaluation is first


def test_stop_keeps_nothing(page: EvaluatePage, fitted: Project, finish: Wait) -> None:
    workspace = open_in(page, fitted)
    choose(page, "Cross-validation")
    page.form.button.click()
    page.form.button.click()
    assert not page.form.button.isEnabled()
    finish(workspace)
    assert workspace.project is fitted
    assert page.form.button.text() == "Evaluate"
    assert page.form.button.isEnabled()


def test_a_killed_engine_is_one_message_and_the_next_evaluation_works(
    page: EvaluatePage,
    fitted: Project,
    finish: Wait,
    notifications: list[Notification],
    qtbot: QtBot,
) -> None:
    workspace = open_in(page, fitted)
    choose(page, "Labelled")
    page.form.button.click()
    finish(workspace)
    (before,) = workspace.project.classifiers[0].evaluations
    choose(page, "Cross-validation")
    page.form.button.click()
    qtbot.waitUntil(lambda: "Fold" in page.form.doing.text(), timeout=30_000)
    pid = page.panel.learning.plain.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    finish(workspace)
    assert len(notifications) == 1
    assert workspace.project.classifiers[0].evaluations == (before,)
    page.form.button.click()
    finish(workspace)
    assert len(workspace.project.classifiers[0].evaluations) == 2


def test_the_classifier_is_deleted_meanwhile(
    page: EvaluatePage, fitted: Project, finish: Wait, notifications: list[Notification]
) -> None:
    workspace = open_in(page, fitted)
    page.form.button.click()
    workspace.edit("Delete", edits.delete_classifier, "forest", IMAGE_KIND)
    finish(workspace)
    assert [n.message for n in notifications] == [
        "'forest' was deleted or renamed while it was evaluated, so the outcome is lost; "
        "evaluate again"
    ]
    assert workspace.project.classifiers == ()
    assert not page.form.button.isEnabled()


def test_a_category_is_deleted_meanwhile(page: EvaluatePage, fitted: Project, finish: Wait) -> None:
    workspace = open_in(page, fitted)
    choose(page, "Labelled")
    page.form.button.click()
    doomed = fitted.known_categories(IMAGE_KIND)[0]
    workspace.edit("Delete", edits.delete_category, doomed)
    finish(workspace)
    (kept,) = workspace.project.classifiers[0].evaluations
    assert kept.classes == fitted.known_categories(IMAGE_KIND)
    assert page.view.matrix.items.classes[0].name == "upright (deleted)"
    assert "map" in page.form.trouble.text()
    assert not page.form.button.isEnabled()


def test_a_dock_that_is_closed_meanwhile_loses_nothing(
    workspace: Workspace, fitted: Project, finish: Wait, qtbot: QtBot
) -> None:
    panel = ClassifierPanel(workspace.viewer)
    found = panel.page("Evaluate")
    assert isinstance(found, EvaluatePage)
    open_in(found, fitted)
    found.form.button.click()
    gone: list[bool] = []
    panel.destroyed.connect(lambda: gone.append(True))
    panel.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    finish(workspace)
    assert len(workspace.project.classifiers[0].evaluations) == 1


def test_nan_of_a_model_is_one_message(
    page: EvaluatePage, fitted: Project, finish: Wait, notifications: list[Notification]
) -> None:
    (forest,) = fitted.classifiers
    assert forest.model is not None
    broken = np.frombuffer(forest.model.weights, np.uint8).copy()
    broken[:] = 255
    model = ModelArtifact(forest.model.document, broken.tobytes())
    workspace = open_in(page, edits.put_classifier(fitted, replace(forest, model=model)))
    page.form.button.click()
    finish(workspace)
    assert len(notifications) == 1
    assert workspace.project.classifiers[0].evaluations == ()


# --- what would stop it ----------------------------------------------------------------------


def test_what_stands_in_the_way_is_said(page: EvaluatePage, fitted: Project) -> None:
    workspace = open_in(page, bars())
    assert page.form.trouble.text().startswith("Fit a model on the Fit page")
    assert page.empty.isHidden()
    assert not page.form.button.isEnabled()

    open_in(page, edits.set_partition(fitted, fitted.things, Partition.INFERENCE))
    assert "No labelled thing is in Validation" in page.form.trouble.text()
    choose(page, "Labelled")
    assert page.form.button.isEnabled()

    unknown = fitted.kinds[IMAGE_KIND].unknown
    workspace.edit("Clear", edits.categorize, list(fitted.things), unknown)
    page.form.refresh()
    assert "Nothing has a category yet" in page.form.trouble.text()
    choose(page, "Cross-validation")
    first = next(iter(fitted.things))
    workspace.edit("One", edits.categorize, [first], fitted.known_categories(IMAGE_KIND)[0])
    page.form.refresh()
    assert "two examples of at least two categories" in page.form.trouble.text()

    missing = replace(fitted.classifiers[0], model=None)
    open_in(page, edits.put_classifier(fitted, missing))
    assert "are missing: fit it again" in page.form.trouble.text()
    strange = replace(fitted.classifiers[0], channels=5)
    open_in(page, edits.put_classifier(fitted, strange))
    assert "takes 5 channels, but the images have 1" in page.form.trouble.text()
    assert not page.form.button.isEnabled()
    strange = replace(fitted.classifiers[0], class_map=("gone", "lost"))
    open_in(page, edits.put_classifier(fitted, strange))
    assert "map" in page.form.trouble.text()


# --- how many folds ------------------------------------------------------------------------------


def labelled_only(project: Project, counts: tuple[int, int]) -> Project:
    """Leave so many things of each category labelled."""
    for category, count in zip(project.known_categories(IMAGE_KIND), counts, strict=True):
        ids = [thing.id for thing in project.things.values() if thing.category == category]
        project = edits.categorize(project, ids[count:], project.kinds[IMAGE_KIND].unknown)
    return project


def test_no_more_folds_are_offered_than_the_labels_allow(
    page: EvaluatePage, fitted: Project
) -> None:
    form = page.form
    workspace = open_in(page, labelled_only(fitted, (3, 7)))
    assert form.limit.isHidden(), "no folds are made of validation things"
    choose(page, "Cross-validation")
    assert (form.folds.value(), form.folds.maximum()) == (5, 7)
    assert not form.limit.isHidden()
    assert form.limit.text() == (
        "The labels allow 7 folds at most: no category has more of them. upright has 3 labelled "
        "things: with more than 3 folds it is missing from some."
    )
    form.folds.setValue(3)
    assert form.limit.text().endswith("no category has more of them.")
    form.folds.setValue(50)
    assert form.folds.value() == 7

    workspace.edit("Fewer", lambda project: labelled_only(project, (1, 4)))
    form.refresh()
    assert form.folds.value() == 4
    assert form.trouble.text().startswith("Cross-validation needs two examples"), "and no more"
    assert form.limit.isHidden()
    workspace.undo()
    form.refresh()
    assert form.folds.value() == 7, "what was asked for is remembered"


def test_a_single_example_is_said_and_many_labels_need_no_words(
    page: EvaluatePage, fitted: Project
) -> None:
    choose(page, "Cross-validation")
    project = edits.create_category(labelled_only(fitted, (4, 5)), IMAGE_KIND, "odd")
    odd = project.known_categories(IMAGE_KIND)[-1]
    spare = [t.id for t in project.things.values() if t.category != odd][-1]
    open_in(page, edits.categorize(project, [spare], odd))
    assert "odd has a single labelled thing, which only trains" in page.form.limit.text()
    (first, second) = fitted.known_categories(IMAGE_KIND)
    many = bars(140)
    classifier = replace(fitted.classifiers[0], class_map=many.known_categories(IMAGE_KIND))
    assert (first, second) != classifier.class_map
    open_in(page, edits.put_classifier(many, classifier))
    assert page.form.folds.maximum() == 50
    assert page.form.limit.isHidden()


def test_the_time_that_is_left_is_told(
    page: EvaluatePage, fitted: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of networks it is a bound: each fold may end before its last epoch."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(evaluate_form, "time", clock)
    told: list[str] = []

    class Started:
        progressed = Signal(int, int, str, object)

    (forest,) = fitted.classifiers
    network = replace(forest, settings=Settings(), model=ModelArtifact({}, b""))
    for classifier, word in ((forest, "about"), (network, "at most")):
        open_in(page, edits.put_classifier(fitted, classifier))
        choose(page, "Cross-validation")
        job = Started()
        monkeypatch.setattr(page.evaluating, "start", lambda *_, job=job: job)
        page.form.button.click()
        for seconds, done in ((0, 0), (10, 1000)):
            now[0] += seconds
            job.progressed.emit(done, 5000, "Fold 1 of 5", {})
            told.append(page.form.doing.text())
        assert told[-2:] == ["Fold 1 of 5", f"Fold 1 of 5, {word} 40 s left"]


def test_what_is_labelled_no_more_at_the_press_counts(
    page: EvaluatePage, fitted: Project, finish: Wait, notifications: list[Notification]
) -> None:
    """Also the outcome says so, should fewer folds have been made after all."""
    workspace = open_in(page, fitted)
    choose(page, "Cross-validation")
    page.form.folds.setValue(10)
    workspace.edit("Fewer", lambda project: labelled_only(project, (3, 3)))
    page.form.button.click()
    finish(workspace)
    assert page.form.folds.value() == 3
    assert notifications == []
    kind = workspace.gallery.query.kind
    page.evaluating.start(workspace.project.classifiers[0], kind, "Cross-validation", 9)
    finish(workspace)
    assert [note.message for note in notifications] == [
        "forest: 3 folds were made in place of 9, as many as the largest category has labelled "
        "things"
    ]
    assert len(workspace.project.classifiers[0].evaluations) == 2


# --- figures ---------------------------------------------------------------------------------


def test_the_figures_shown_are_scikit_learns(page: EvaluatePage, fitted: Project) -> None:
    evaluation = judged(fitted)
    open_in(page, with_evaluations(fitted, evaluation))
    scores = precision_recall_fscore_support(evaluation.true, evaluation.predicted)
    table = page.view.table
    for row in range(2):
        shown = [table.item(row, column).text() for column in range(1, 6)]  # type: ignore[union-attr]
        assert shown[:3] == [f"{scores[i][row]:.3f}" for i in range(3)]
        assert shown[3] == f"{evaluation.roc_auc[row]:.3f}"
        assert shown[4] == str(scores[3][row])
    for row, average in enumerate(("macro", "weighted")):
        means = precision_recall_fscore_support(
            evaluation.true, evaluation.predicted, average=average
        )
        shown = [page.view.averages.item(row, c).text() for c in (1, 2, 3)]  # type: ignore[union-attr]
        assert shown == [f"{value:.3f}" for value in means[:3]]
    assert f"Accuracy {evaluation.accuracy:.3f}" in page.view.figures.text()
    assert "30 things" in page.view.figures.text()


def test_the_table_is_sorted_by_number_and_copied(page: EvaluatePage, fitted: Project) -> None:
    open_in(page, with_evaluations(fitted, judged(fitted)))
    table = page.view.table
    names = [table.item(row, 0).text() for row in range(2)]  # type: ignore[union-attr]
    assert names == ["upright", "lying"], "as the matrix, at first"
    table.sortItems(3, Qt.SortOrder.DescendingOrder)
    f1 = [float(table.item(row, 3).text()) for row in range(2)]  # type: ignore[union-attr]
    assert f1 == sorted(f1, reverse=True)
    lines = [line.split("\t") for line in table.copied().splitlines()]
    assert lines[0] == ["Category", "Prec.", "Recall", "F1", "AUC", "Things"]
    assert {line[0] for line in lines[1:]} == {"upright", "lying"}


def test_two_evaluations_are_compared(page: EvaluatePage, fitted: Project) -> None:
    first, second = judged(fitted), judged(fitted, seed=5)
    open_in(page, with_evaluations(fitted, first, second))
    view = page.view
    assert view.kept is not None
    assert view.kept.evaluation is second
    assert view.other_matrix.isHidden()
    view.compare.setCurrentIndex(1)
    assert not view.other_matrix.isHidden()
    assert view.other_matrix.items.counts.tolist() == [list(r) for r in first.confusion_matrix]
    assert view.figures.text() == headline(second, first)
    difference = f"{second.accuracy - first.accuracy:+.3f}".replace("-", "\u2212")
    assert f"({difference})" in view.figures.text()
    page.list.setCurrentItem(page.list.topLevelItem(1))
    assert view.kept.evaluation is first


def test_evaluations_of_other_models_are_listed_too(page: EvaluatePage, fitted: Project) -> None:
    project = with_evaluations(fitted, judged(fitted))
    (forest,) = project.classifiers
    other = replace(forest, name="older", evaluations=(judged(project, seed=2),))
    workspace = open_in(page, edits.put_classifier(project, other))
    page.panel.choice.choose("forest")
    assert [entry.classifier.name for entry in page.list.kept] == ["forest", "older"]
    page.panel.choice.choose("older")
    assert [entry.classifier.name for entry in page.list.kept] == ["older", "forest"]
    workspace.edit("Delete", edits.delete_classifier, "forest", IMAGE_KIND)
    assert [entry.classifier.name for entry in page.list.kept] == ["older"]


def test_the_chosen_model_is_the_one_whose_matrix_is_shown(
    page: EvaluatePage, fitted: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never another model's under its name, neither when it is chosen nor when it was fitted."""
    first, second = judged(fitted), judged(fitted, seed=5)
    project = with_evaluations(fitted, first)
    other = replace(project.classifiers[0], name="older", evaluations=(second,))
    workspace = open_in(page, edits.put_classifier(project, other))

    def shown() -> tuple[Evaluation | None, int]:
        current = page.list.indexOfTopLevelItem(page.list.currentItem())
        return page.view.kept.evaluation if page.view.kept else None, current

    saved = []
    monkeypatch.setattr(evaluation_view, "choose_export", lambda *_: Path("x.png"))
    monkeypatch.setattr(
        evaluation_view, "save_picture", lambda _p, kept, *_, **__: saved.append(kept)
    )
    for name, newest in (("forest", first), ("older", second), ("forest", first)):
        page.panel.choice.choose(name)
        assert shown() == (newest, 0)
        page.view.export_picture.click()
        assert (saved[-1].classifier.name, saved[-1].evaluation) == (name, newest)

    page.list.setCurrentItem(page.list.topLevelItem(1))
    workspace.edit("Category", edits.create_category, IMAGE_KIND, "more")
    assert shown() == (second, 1), "what was clicked stays"
    third = judged(fitted, seed=7)
    workspace.edit(
        "Fit", edits.put_classifier, replace(project.classifiers[0], evaluations=(first, third))
    )
    assert shown() == (third, 0), "until the chosen model has a newer one"
    workspace.undo()
    assert shown() == (first, 0)
    workspace.redo()
    assert shown() == (third, 0)
    workspace.edit(
        "Other", edits.put_classifier, replace(other, evaluations=(second, judged(fitted, seed=9)))
    )
    assert shown() == (third, 0), "one of another model's is listed, no more"
    assert page.list.topLevelItemCount() == 4


def test_a_model_that_was_not_evaluated_shows_no_other_ones_matrix(
    page: EvaluatePage, fitted: Project
) -> None:
    found = judged(fitted)
    project = with_evaluations(fitted, found)
    bare = replace(project.classifiers[0], name="bare", evaluations=())
    open_in(page, edits.put_classifier(project, bare))
    page.panel.choice.choose("forest")
    assert not page.view.isHidden()
    for name in ("bare", None):
        page.panel.choice.choose(name)
        assert page.view.isHidden()
        assert page.view.kept is None
        assert page.list.currentItem() is None
        assert page.empty.isHidden() == (name is None), "a new model is asked to be fitted"
    page.panel.choice.choose("bare")
    assert page.empty.text().startswith("This model has not been evaluated yet")
    page.list.setCurrentItem(page.list.topLevelItem(0))
    assert page.view.kept is not None
    assert page.view.kept.evaluation is found
    assert not page.view.isHidden()
    assert page.empty.isHidden()


def test_an_evaluation_is_deleted_by_key_and_comes_back(
    page: EvaluatePage, fitted: Project
) -> None:
    first, second = judged(fitted), judged(fitted, seed=5)
    workspace = open_in(page, with_evaluations(fitted, first, second))
    page.list.setCurrentItem(page.list.topLevelItem(1))
    press(page.list, Qt.Key.Key_Delete)
    assert list(workspace.project.classifiers[0].evaluations) == [second]
    assert page.list.topLevelItemCount() == 1
    assert page.view.kept is not None
    assert page.view.kept.evaluation is second
    workspace.undo()
    assert list(workspace.project.classifiers[0].evaluations) == [first, second]
    assert page.list.topLevelItemCount() == 2


# --- a click shows the things ----------------------------------------------------------------


def wanted(evaluation: Evaluation, wants: Callable[[int, int], bool]) -> set[str]:
    rows = zip(evaluation.ids, evaluation.true, evaluation.predicted, strict=True)
    return {key for key, true, predicted in rows if wants(true, predicted)}


def test_cells_headers_and_buttons_show_exactly_those_things(
    page: EvaluatePage, fitted: Project
) -> None:
    evaluation = judged(fitted)
    workspace = open_in(page, with_evaluations(fitted, evaluation))
    view, matrix = page.view, page.view.matrix
    matrix.clicked.emit(matrix.items.index(0, 1))
    assert set(workspace.gallery.ids) == wanted(evaluation, lambda t, p: (t, p) == (0, 1))
    header = matrix.verticalHeader()
    assert header is not None
    header.sectionClicked.emit(1)
    assert set(workspace.gallery.ids) == wanted(evaluation, lambda t, _: t == 1)
    header = matrix.horizontalHeader()
    assert header is not None
    header.sectionClicked.emit(0)
    assert set(workspace.gallery.ids) == wanted(evaluation, lambda _, p: p == 0)
    view.errors.click()
    assert set(workspace.gallery.ids) == wanted(evaluation, lambda t, p: t != p)
    view.right.click()
    assert set(workspace.gallery.ids) == wanted(evaluation, lambda t, p: t == p)
    assert f"{len(workspace.gallery.ids)} things are in the gallery" in view.caption.text()

    matrix.setCurrentIndex(matrix.items.index(1, 0))
    press(matrix, Qt.Key.Key_Return)
    assert set(workspace.gallery.ids) == wanted(evaluation, lambda t, p: (t, p) == (1, 0))
    press(matrix, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert set(workspace.gallery.ids) == wanted(evaluation, lambda t, _: t == 1)
    press(matrix, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert set(workspace.gallery.ids) == wanted(evaluation, lambda _, p: p == 0)
    press(matrix, Qt.Key.Key_Up)
    assert matrix.currentIndex().row() == 0


def test_deleted_things_are_left_out_and_said(page: EvaluatePage, fitted: Project) -> None:
    evaluation = judged(fitted)
    workspace = open_in(page, with_evaluations(fitted, evaluation))
    errors = wanted(evaluation, lambda t, p: t != p)
    gone = sorted(errors)[:2]
    workspace.edit("Delete", edits.delete_things, gone)
    page.view.errors.click()
    assert set(workspace.gallery.ids) == errors - set(gone)
    assert page.view.caption.text().endswith("; 2 have been deleted or moved since.")
    workspace.edit("Delete", edits.delete_things, errors)
    before = workspace.gallery.query
    page.view.errors.click()
    assert page.view.caption.text().startswith("None of these things is left")
    assert workspace.gallery.query == before


def test_an_evaluation_of_piximi_has_figures_but_no_things(
    page: EvaluatePage, fitted: Project
) -> None:
    workspace = open_in(page, with_evaluations(fitted, Evaluation(((3, 1), (0, 4)), 0.4)))
    assert "evaluate again" in page.view.caption.text()
    assert not page.view.errors.isEnabled()
    before = workspace.gallery.query
    page.view.matrix.asked.emit(0, 1)
    assert workspace.gallery.query == before
    assert page.view.matrix.items.classes[0].name == "upright"
    assert page.view.table.item(0, 4).text() == "–"  # type: ignore[union-attr]


# --- the matrix ------------------------------------------------------------------------------


def test_tool_tips_counts_and_shares(page: EvaluatePage, fitted: Project) -> None:
    evaluation = Evaluation(((68, 12), (1, 0)), 0.4)
    open_in(page, with_evaluations(fitted, evaluation))
    items = page.view.matrix.items
    index = items.index(0, 1)
    assert items.data(index, CHOSEN) == "true upright, predicted lying: 12 of 80 (15 %)"
    assert items.data(index) == "12"
    page.view.percentages.setChecked(True)
    assert items.data(index) == "15"
    assert items.data(items.index(1, 0)) == "100"
    assert items.data(items.index(1, 1)) == ""


def test_renamed_categories_follow_and_two_of_a_name_are_told_apart(
    page: EvaluatePage, fitted: Project
) -> None:
    workspace = open_in(page, with_evaluations(fitted, judged(fitted)))
    first = fitted.known_categories(IMAGE_KIND)[0]
    workspace.edit("Rename", edits.edit_category, first, name="<b>up</b>", color="#123456")
    shown = page.view.matrix.items.classes[0]
    assert (shown.name, shown.color) == ("<b>up</b>", "#123456")
    assert "&lt;b&gt;" in page.view.matrix.items.data(page.view.matrix.items.index(0, 0), CHOSEN)
    lost = Classifier("x", IMAGE_KIND, class_map=("gone", "lost"))
    two = classes_of(fitted, lost, Evaluation(((1, 0), (0, 1)), 0.1))
    assert [entry.name for entry in two] == ["class 1 (deleted)", "class 2 (deleted)"]


# --- export ----------------------------------------------------------------------------------


def test_figures_and_matrix_are_exported(
    page: EvaluatePage, fitted: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = judged(fitted)
    open_in(page, with_evaluations(fitted, evaluation))
    monkeypatch.setattr(evaluation_view, "choose_export", lambda *_: tmp_path / f"out.{_[-1]}")
    page.view.export_figures.click()
    page.view.export_picture.click()
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["classifier"], row["partition"], row["run"]) for row in rows} == {
        ("forest", "Labelled", "1")
    }
    cells = {
        (row["true"], row["predicted"]): int(row["value"])
        for row in rows
        if row["figure"] == "confusion matrix"
    }
    assert cells["upright", "lying"] == evaluation.confusion_matrix[0][1]
    single = {row["figure"]: row["value"] for row in rows if not row["true"]}
    assert float(single["accuracy"]) == evaluation.accuracy
    assert float(single["ROC-AUC (macro)"]) == evaluation.averaged_roc_auc()
    picture = QImage(str(tmp_path / "out.png"))
    assert picture.width() > 300
    colors = {
        picture.pixelColor(x, y).name()
        for x in range(0, picture.width(), 7)
        for y in range(0, picture.height(), 7)
    }
    assert len(colors) > 3


def test_an_export_that_cannot_be_written_is_one_message(
    page: EvaluatePage,
    fitted: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:
    open_in(page, with_evaluations(fitted, judged(fitted)))
    target = tmp_path / "gone" / "out.csv"
    monkeypatch.setattr(evaluation_view, "choose_export", lambda *_: target)
    page.view.export_figures.click()
    assert [n.message for n in notifications] == [f"{target}: not saved: No such file or directory"]


@pytest.mark.parametrize("button", ["export_figures", "export_picture"])
def test_an_export_that_fails_leaves_the_old_file(
    page: EvaluatePage, fitted: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification], button: str,
) -> None:  # fmt: skip
    open_in(page, with_evaluations(fitted, judged(fitted)))
    target = tmp_path / "out"
    target.write_bytes(b"precious")
    monkeypatch.setattr(evaluation_view, "choose_export", lambda *_: target)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        getattr(page.view, button).click()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert target.read_bytes() == b"precious"
    assert [n.message for n in notifications] == [f"{target}: not saved: No space left on device"]
    getattr(page.view, button).click()
    assert target.read_bytes() != b"precious"
    assert len(notifications) == 1
