"""The Predict page, with a stand-in for the engine: what it asks, shows, applies and refuses."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from tests.ui.gallery_project import gallery_project, hands

from napari_piximi.errors import EngineError, FitError
from napari_piximi.learn.results import Predictions, apply_predictions
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.query import chips
from napari_piximi.model.things import Partition, Prediction
from napari_piximi.model.training import Classifier, ModelArtifact
from napari_piximi.progress import Progress
from napari_piximi.ui import computing, predicting, preferences
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.gallery_items import prediction_text
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.learning import Learning
from napari_piximi.ui.predict_page import PredictPage
from napari_piximi.ui.predicting import Asked
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]
Answer = Callable[[Project, Classifier, list[str]], Predictions]
Done = Callable[[Predictions], object]

SURE = (0.95, 0.55)
"""Probability of the class that stand-ins say, by turns."""


def answer(project: Project, classifier: Classifier, ids: list[str]) -> Predictions:
    """Say round, long, round, … with 0.95 and 0.55 by turns of two."""
    rows = np.zeros((len(ids), 2), np.float32)
    for row in range(len(ids)):
        best = SURE[row // 2 % 2]
        rows[row] = (best, 1 - best) if row % 2 == 0 else (1 - best, best)
    return Predictions(tuple(ids), rows, classifier.class_map)


@pytest.fixture
def answers_of(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """Stand in for the engine; the last of these answers."""
    given: list[Answer] = [answer]

    def run(
        learning: Learning, title: str, function: str, project: Project, kind: str,
        classifier: Classifier, ids: list[str], *, keras: bool, done: Done,
    ) -> Job:  # fmt: skip
        assert function == "napari_piximi.learn.classifier:predict"
        assert classifier.kind == kind

        def work(progress: Progress) -> Predictions:
            progress(0, len(ids), "Predicting")
            found = given[-1](project, classifier, ids)
            progress(len(ids), len(ids), "Predicting")
            return found

        return learning.workspace.run(title, work, done=done)

    monkeypatch.setattr(Learning, "run", run)
    monkeypatch.setattr(Learning, "warm", lambda _: None)
    return given


def with_model(project: Project) -> Project:
    kind = project.find_kind("cells").id
    model = ModelArtifact({"format": "layers-model", "classes": ["r", "l"]}, b"")
    made = Classifier("Net", kind, channels=3, class_map=("1round", "1long"), model=model)
    return edits.put_classifier(project, made)


@pytest.fixture
def page(workspace: Workspace, qtbot: QtBot, answers_of: list[Answer]) -> PredictPage:
    panel = ClassifierPanel(workspace.viewer)
    qtbot.addWidget(panel)
    workspace.open_project(with_model(gallery_project()))
    kind = workspace.project.find_kind("cells").id
    workspace.gallery.set_query(replace(workspace.gallery.query, kind=kind))
    panel.choice.choose("Net")
    panel.resize(360, 900)
    panel.show()
    made = panel.page("Predict")
    assert isinstance(made, PredictPage)
    made.refresh()
    return made


def predict(page: PredictPage, finish: Wait) -> None:
    page.ask.press()
    finish(page.panel.workspace)
    finish(page.panel.workspace)  # of many things, the edit is a job of its own
    page.refresh()


def said(page: PredictPage) -> dict[str, str]:
    things = page.panel.workspace.project.things
    return {k: t.prediction.category for k, t in things.items() if t.prediction is not None}


def rows_of(page: PredictPage) -> list[tuple[str, ...]]:
    table = page.review.table
    items = [table.topLevelItem(row) for row in range(table.topLevelItemCount())]
    return [tuple(item.text(column) for column in range(3)) for item in items if item]


def choose(page: PredictPage, asked: Asked) -> None:
    page.ask.asked.setCurrentIndex(page.ask.asked.findData(asked))
    page.ask.asked.activated.emit(page.ask.asked.currentIndex())


def test_a_prediction_is_one_edit_and_is_summed_up(page: PredictPage, finish: Wait) -> None:
    workspace = page.panel.workspace
    workspace.edit("Label", edits.categorize, ["cell-0", "cell-1"], "1round")
    workspace.edit("Put", edits.set_partition, ["cell-2"], Partition.TRAINING)
    page.refresh()
    assert page.ask.asked.currentText() == "Unlabelled (10)"
    assert page.review.details.isHidden()
    predict(page, finish)
    assert workspace.session.undo_label == "Predict 10 things with Net"
    assert sorted(said(page)) == sorted(f"cell-{n}" for n in range(2, 12))
    assert workspace.project.things["cell-2"].partition == Partition.INFERENCE
    assert workspace.project.things["cell-0"].partition == Partition.UNASSIGNED
    assert rows_of(page) == [("round", "5", "0.79"), ("long", "5", "0.79")]
    assert page.review.headline.text() == "10 of 12 predicted, all of them unlabelled"
    assert workspace.layers.color_mode == "prediction"
    workspace.undo()
    page.refresh()
    assert said(page) == {}
    assert page.review.details.isHidden()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked.WAITING, {2, 3, 4, 5, 6, 7, 8, 9, 10, 11}),
        (Asked.SELECTED, {0, 5}),
        (Asked.SHOWN, {0, 2, 4, 6, 8, 10}),
        (Asked.ALL, set(range(12))),
    ],
)
def test_what_is_asked_about(
    page: PredictPage, finish: Wait, asked: Asked, expected: set[int]
) -> None:
    workspace = page.panel.workspace
    workspace.edit("Label", edits.categorize, ["cell-0", "cell-1"], "1round")
    gallery = workspace.gallery
    if asked is Asked.SHOWN:
        gallery.set_query(replace(gallery.query, image="a"))
    gallery.select(["cell-0", "cell-5"])
    page.refresh()
    choose(page, asked)
    assert page.ask.asked.currentText() == f"{asked.value} ({len(expected)})"
    assert preferences.get("predict/asked") == asked.value
    predict(page, finish)
    assert set(said(page)) == {f"cell-{n}" for n in expected}
    for key in ("cell-0", "cell-1"):  # the user's categories stay
        assert workspace.project.things[key].category == "1round"


def test_nothing_to_ask_about_disables_the_button(page: PredictPage) -> None:
    choose(page, Asked.SELECTED)
    assert not page.ask.button.isEnabled()
    assert "none" in page.ask.button.toolTip()
    page.panel.workspace.gallery.select(["cell-1"])
    assert page.ask.button.isEnabled()


def test_a_row_shows_exactly_its_things_and_all_again(page: PredictPage, finish: Wait) -> None:
    predict(page, finish)
    gallery, table = page.panel.workspace.gallery, page.review.table
    item = table.topLevelItem(1)
    assert item is not None
    table.itemClicked.emit(item, 0)
    assert set(gallery.ids) == {k for k, c in said(page).items() if c == "1long"}
    assert item.isSelected()
    table.setCurrentItem(item)
    hands.keyClick(table, Qt.Key.Key_Return)
    assert len(gallery.ids) == 12
    assert not item.isSelected()


def test_the_threshold_counts_filters_and_accepts(page: PredictPage, finish: Wait) -> None:
    workspace, review = page.panel.workspace, page.review
    predict(page, finish)
    review.spin.setValue(0.9)
    assert review.slider.value() == 90
    assert review.above.text() == "6 of 12 at 0.90 or above"
    review.show_above.click()
    sure = {k for k, t in workspace.project.things.items()
            if t.prediction is not None and (t.prediction.probability or 0) >= 0.9}  # fmt: skip
    assert len(sure) == 6
    assert set(workspace.gallery.ids) == sure
    review.show_below.click()
    assert set(workspace.gallery.ids) == set(said(page)) - sure
    review.show_all.click()
    assert len(workspace.gallery.ids) == 12
    page.refresh()
    assert review.accept_above.text() == "Accept ≥ 0.90 (6)"
    review.accept_above.click()
    labelled = {t.id for t in workspace.project.annotations() if not t.category.startswith("0")}
    assert labelled == sure
    assert workspace.session.undo_label == "Accept 6 predictions"
    assert preferences.get("predict/threshold") == 0.9
    workspace.undo()
    assert len(said(page)) == 12


def test_a_thing_at_the_threshold_is_above_and_not_below(page: PredictPage) -> None:
    workspace = page.panel.workspace
    workspace.edit("Say", edits.set_predictions, {"cell-1": Prediction("1long", 0.8),
                   "cell-2": Prediction("1long", 0.79), "cell-3": Prediction("1long")})  # fmt: skip
    page.refresh()
    page.review.spin.setValue(0.8)
    assert page.review.above.text() == "1 of 2 at 0.80 or above"  # one has no probability
    page.review.show_above.click()
    assert list(workspace.gallery.ids) == ["cell-1"]
    page.review.show_below.click()
    assert list(workspace.gallery.ids) == ["cell-2"]
    assert rows_of(page) == [("long", "3", "0.80")]


def test_what_is_shown_below_a_threshold_reads_as_below_it(page: PredictPage) -> None:
    """Neither the chip nor any percentage names the threshold, however near to it a thing is."""
    workspace = page.panel.workspace
    near = {"cell-1": 0.796, "cell-2": 0.7999999, "cell-3": 0.8, "cell-4": 0.29, "cell-5": 1.0}
    said_of = {key: Prediction("1long", value) for key, value in near.items()}
    workspace.edit("Say", edits.set_predictions, said_of)
    page.refresh()
    page.review.spin.setValue(0.8)
    page.review.show_below.click()
    things = workspace.project.things

    def read() -> dict[str, str]:
        return {k: prediction_text(workspace.project, things[k]) for k in workspace.gallery.ids}

    assert read() == {"cell-1": "long 79%", "cell-2": "long 79%", "cell-4": "long 29%"}
    (chip,) = chips(workspace.project, workspace.gallery.query)
    assert chip.text == "Probability below 0.80"
    page.review.show_above.click()
    assert read() == {"cell-3": "long 80%", "cell-5": "long 100%"}


def test_accepting_all_leaves_what_the_user_said(page: PredictPage, finish: Wait) -> None:
    workspace, review = page.panel.workspace, page.review
    workspace.edit("Label", edits.categorize, ["cell-1"], "1round")
    choose(page, Asked.ALL)
    predict(page, finish)
    assert said(page)["cell-1"] == "1long"
    assert review.accept_all.text() == "Accept all (11)"
    review.accept_all.click()
    assert workspace.project.things["cell-1"].category == "1round"
    assert said(page) == {"cell-1": "1long"}
    workspace.gallery.select(["cell-1"])
    page.refresh()
    assert review.accept_selected.text() == "Accept selected (1)"
    review.accept_selected.click()
    assert workspace.project.things["cell-1"].category == "1long"


def test_clearing_and_hiding(page: PredictPage, finish: Wait) -> None:
    workspace, review = page.panel.workspace, page.review
    predict(page, finish)
    workspace.edit("Label", edits.categorize, ["cell-0"], "1round")
    review.unlabelled.click()
    assert "cell-0" not in workspace.gallery.ids
    assert len(workspace.gallery.ids) == 11
    review.unlabelled.click()
    assert len(workspace.gallery.ids) == 12
    review.clear.click()
    assert said(page) == {}
    assert workspace.session.undo_label == "Clear 11 predictions"


def test_colours_go_by_prediction_and_back(page: PredictPage, finish: Wait) -> None:
    predict(page, finish)
    assert page.review.colors.isChecked()
    page.review.colors.click()
    assert page.panel.workspace.layers.color_mode == "category"
    page.panel.workspace.layers.color_mode = "prediction"
    assert page.review.colors.isChecked()


def test_a_click_into_the_histogram_sets_the_threshold(page: PredictPage, finish: Wait) -> None:
    predict(page, finish)
    view = page.review.histogram
    hands.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() // 2, 20))
    assert page.review.threshold == pytest.approx(0.5, abs=0.02)
    hands.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(0, 20))
    assert page.review.threshold == 0


# --- what cannot be ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words", "map_offered"),
    [
        ({"model": None}, "missing", False),
        ({"channels": 1}, "takes 1 channel, but the images have 3", False),
        ({"class_map": ()}, "map its classes", True),
        ({"class_map": ("1round", "gone")}, "map its classes", True),
    ],
)
def test_what_stops_a_prediction_is_said(
    page: PredictPage, changes: dict[str, Any], words: str, map_offered: bool
) -> None:
    workspace = page.panel.workspace
    workspace.edit("Put", lambda p: replace(
        p, classifiers=(replace(p.classifiers[0], **changes),)))  # fmt: skip
    page.refresh()
    assert words in page.ask.line.text.text()
    assert not page.ask.line.isHidden()
    assert not page.ask.button.isEnabled()
    assert page.ask.line.mend.isHidden() is not map_offered


def test_without_a_model_it_is_said_what_to_do(page: PredictPage) -> None:
    page.panel.choice.choose(None)
    page.refresh()
    assert "fit one" in page.ask.line.text.text()
    assert not page.ask.button.isEnabled()


@pytest.mark.parametrize("error", [EngineError("The engine was killed"), FitError("NaN")])
def test_a_failure_is_one_message_and_changes_nothing(
    page: PredictPage,
    finish: Wait,
    answers_of: list[Answer],
    notifications: list[Notification],
    error: Exception,
) -> None:
    def fail(*_: object) -> Predictions:
        raise error

    answers_of.append(fail)
    before = page.panel.workspace.project
    predict(page, finish)
    assert page.panel.workspace.project is before
    assert [n.message for n in notifications] == [str(error)]
    assert page.ask.button.text() == "Predict"
    assert page.ask.button.isEnabled()


def test_stopping_changes_nothing_and_says_nothing(
    page: PredictPage,
    finish: Wait,
    answers_of: list[Answer],
    notifications: list[Notification],
) -> None:
    stopped = threading.Event()

    def wait(project: Project, classifier: Classifier, ids: list[str]) -> Predictions:
        assert stopped.wait(10)
        return answer(project, classifier, ids)

    answers_of.append(wait)
    before = page.panel.workspace.project
    page.ask.press()
    assert page.ask.button.text() == "Stop"
    page.ask.press()
    assert not page.ask.button.isEnabled()
    stopped.set()
    finish(page.panel.workspace)
    assert page.panel.workspace.project is before
    assert notifications == []
    assert page.ask.button.text() == "Predict"


def test_things_and_categories_that_go_meanwhile_are_left_out(
    page: PredictPage, finish: Wait, notifications: list[Notification]
) -> None:
    workspace = page.panel.workspace
    page.ask.press()
    workspace.edit("Delete", edits.delete_things, ["cell-0", "cell-1"])
    workspace.edit("Delete", edits.delete_category, "1long")
    finish(workspace)
    assert set(said(page)) == {f"cell-{n}" for n in range(2, 12, 2)}
    assert [n.message for n in notifications] == [
        "2 things and 1 category went while it was predicted, and are left out"
    ]


def test_an_edit_made_meanwhile_is_kept_where_things_are_many(
    page: PredictPage, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "MANY", 1)
    workspace = page.panel.workspace
    computed: list[int] = []

    def slowly(project: Project, predictions: Predictions) -> Project:
        computed.append(len(project.things))
        return apply_predictions(project, predictions)

    monkeypatch.setattr(predicting, "apply_predictions", slowly)
    predicting._apply(workspace, "Net", answer(
        workspace.project, workspace.project.classifiers[0], ["cell-2", "cell-3"]))  # fmt: skip
    workspace.edit("Label", edits.categorize, ["cell-0"], "1round")
    while workspace.jobs.running:
        finish(workspace)
    assert len(computed) == 2
    assert workspace.project.things["cell-0"].category == "1round"
    assert set(said(page)) == {"cell-2", "cell-3"}
    assert workspace.session.undo_label == "Predict 2 things with Net"


def test_out_of_sight_it_does_nothing_until_it_comes_back(page: PredictPage) -> None:
    page.panel.hide()
    said_of = {"cell-1": Prediction("1long", 0.9)}
    page.panel.workspace.edit("Predict", edits.set_predictions, said_of)
    assert rows_of(page) == []
    page.panel.show()
    assert rows_of(page) == [("long", "1", "0.90")]
