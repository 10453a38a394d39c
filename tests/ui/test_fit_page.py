"""The Fit page: from settings to a model, by its controls; and what helps beside it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QFileDialog,
    QLineEdit,
)
from tests.ui.conftest import Wait
from tests.ui.fit_stage import Plays, engine, plays
from tests.ui.gallery_project import hands
from tests.ui.pressing import press

from napari_piximi.model import edits
from napari_piximi.model.things import Partition
from napari_piximi.model.training import FOREST, GRAPH_FORMAT, ModelArtifact, Settings
from napari_piximi.ui import file_choice
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.comparing import comparing_of
from napari_piximi.ui.fit_page import FitPage
from napari_piximi.ui.model_menu import ModelMenu
from napari_piximi.ui.refitting import refitting_of
from napari_piximi.ui.time_left import TimeLeft, spoken
from napari_piximi.ui.workspace import Workspace

__all__ = ["engine", "plays"]  # fixtures

SMALL = Settings(batch_size=4)


@pytest.fixture
def page(workspace: Workspace, plays: Plays, qtbot: QtBot) -> Iterator[FitPage]:
    """Return the page, on show, for twelve labelled cells of sixteen."""
    plays("quick")
    workspace.learning.choice.set_settings(SMALL)
    panel = ClassifierPanel(workspace.viewer)
    qtbot.addWidget(panel)
    panel.resize(360, 640)
    panel.show()
    made = panel.page("Fit")
    assert isinstance(made, FitPage)
    made.refresh()
    yield made
    refitting_of(workspace).stop()


def refreshed(page: FitPage) -> FitPage:
    page.refresh()
    return page


def told(page: FitPage) -> list[str]:
    return [trouble.text for trouble in page.troubles.troubles]


def partition(page: FitPage) -> str:
    return page.workspace.project.things["cell-3"].partition.value


def mend(page: FitPage, place: int = 0) -> None:
    button = page.troubles.rows[place].button
    assert button is not None
    button.click()
    page.refresh()


def answer_dialog(name: str | None) -> None:
    """Answer the next dialog that asks for a file: with a name, or by cancelling it."""

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QFileDialog)
        line = dialog.findChild(QLineEdit)
        assert line is not None
        if name is None:
            dialog.reject()
        else:
            line.setText(name)
            dialog.accept()

    QTimer.singleShot(200, answer)


def from_the_menu(page: FitPage, text: str) -> None:
    menu = page.panel.findChild(ModelMenu)
    assert menu is not None
    menu.aboutToShow.emit()
    next(action for action in menu.actions() if action.text() == text).trigger()


def test_hyper_parameters_go_to_a_file_and_back_by_the_controls_of_the_dock(
    page: FitPage, finish: Wait, tmp_path: Path, notifications: list[Notification], qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: page.panel.findChild(ModelMenu) is not None)
    file_choice.remember_folder(tmp_path / "x")
    epochs = page.form.editor("epochs").control
    assert isinstance(epochs, QAbstractSpinBox)
    start = page.choice.settings
    epochs.setProperty("value", 77)
    drafted = refreshed(page).choice.settings
    assert drafted == replace(start, epochs=77)
    answer_dialog("mine")
    from_the_menu(page, "Export hyper-parameters…")
    finish(page.workspace)
    assert json.loads((tmp_path / "mine.json").read_text())
    refreshed(page).presets.button.click()
    assert refreshed(page).choice.settings.epochs != 77
    answer_dialog(None)
    from_the_menu(page, "Import hyper-parameters…")
    finish(page.workspace)
    assert refreshed(page).choice.settings.epochs != 77
    answer_dialog("mine.json")
    from_the_menu(page, "Import hyper-parameters…")
    finish(page.workspace)
    assert refreshed(page).choice.settings == drafted
    assert epochs.property("value") == 77
    (tmp_path / "bad.json").write_text("[")
    answer_dialog("bad.json")
    from_the_menu(page, "Import hyper-parameters…")
    finish(page.workspace)
    assert refreshed(page).choice.settings == drafted
    (note,) = notifications
    assert "bad.json" in str(note.message)
    page.buttons.button.click()
    finish(page.workspace)
    assert page.workspace.project.classifiers[0].settings.epochs == 77


# --- fitting -----------------------------------------------------------------------------------


def test_fit_with_one_click_and_see_the_curves(page: FitPage, finish: Wait) -> None:
    assert page.buttons.button.text() == "Fit SimpleCNN 1"
    assert page.buttons.go_on.isHidden()
    assert told(page) == []
    page.buttons.button.click()
    assert page.buttons.button.text() == "Stop and keep the best"
    assert not page.buttons.bar.isHidden()
    page._draw()
    (live,) = page.curves.curves
    color = page.curves.runs.color(live)
    finish(page.workspace)
    refreshed(page)
    assert page.curves.runs.color(page.curves.drawn[0]) == color  # handed on
    assert page.buttons.button.text() == "Fit SimpleCNN 1 anew"
    assert page.buttons.bar.isHidden()
    assert [curves.title for curves in page.curves.drawn] == ["SimpleCNN 1 · fit 1"]
    assert [len(line.x) for line in page.curves.charts[0].lines] == [3, 3]
    assert not page.buttons.go_on.isHidden()


def test_a_fit_is_deleted_from_the_list_and_undo_brings_it_back(
    page: FitPage, finish: Wait
) -> None:
    for _ in range(2):
        page.buttons.button.click()
        finish(page.workspace)
        refreshed(page)
    first, second = page.workspace.project.classifiers[0].runs
    tree = page.curves.runs.tree
    tree.setCurrentItem(tree.topLevelItem(1))
    press(tree, Qt.Key.Key_Delete)
    (left,) = page.workspace.project.classifiers
    assert left.runs == (second,)
    assert left.model is not None
    refreshed(page)
    assert [curves.run for curves in page.curves.curves] == [second]
    assert page.workspace.session.undo_label == "Delete fit 1 of SimpleCNN 1"
    page.workspace.undo()
    assert page.workspace.project.classifiers[0].runs == (first, second)


def test_fit_and_stop_by_keys(page: FitPage, plays: Plays, finish: Wait, qtbot: QtBot) -> None:
    plays("until_stopped")
    assert page.keys.key() == QKeySequence("Ctrl+Return")
    assert page.keys.context() == Qt.ShortcutContext.WidgetWithChildrenShortcut
    page.keys.activated.emit()  # no window is active under a screen without a window manager
    fit = page.fitting.current
    assert fit is not None
    qtbot.waitUntil(lambda: bool(fit.history), timeout=20_000)
    page._progressed()
    assert [line.x.tolist() for line in page.curves.charts[1].lines] == [[2], [2]]
    assert "left" not in page.buttons.line.text()
    page.keys.activated.emit()
    assert page.buttons.button.text() == "Stopping…"
    finish(page.workspace)
    assert page.workspace.project.classifiers[0].runs[0].stopped == "cancelled"


def test_a_page_that_is_made_during_a_fit_shows_it(
    page: FitPage, plays: Plays, finish: Wait, qtbot: QtBot
) -> None:
    plays("until_stopped")
    page.fit()
    again = ClassifierPanel(page.workspace.viewer)
    qtbot.addWidget(again)
    other = again.page("Fit")
    assert isinstance(other, FitPage)
    assert other.buttons.button.text() == "Stop and keep the best"
    fit = other.fitting.current
    assert fit is not None
    qtbot.waitUntil(lambda: bool(fit.history), timeout=20_000)
    other.fitting.stop()
    finish(page.workspace)
    assert len(page.workspace.project.classifiers) == 1


def test_continue_and_anew(page: FitPage, finish: Wait) -> None:
    page.fit()
    finish(page.workspace)
    refreshed(page).buttons.go_on.click()
    finish(page.workspace)
    refreshed(page).buttons.button.click()
    finish(page.workspace)
    (classifier,) = page.workspace.project.classifiers
    assert len(classifier.runs) == 3
    height = page.form.editor("height")
    assert not height.isEnabled()


def test_a_closed_panel_leaves_no_links(page: FitPage, workspace: Workspace) -> None:
    before = len(page.fitting.changed), len(page.comparing.changed)
    extra = ClassifierPanel(workspace.viewer)
    extra.page("Fit")
    assert len(page.fitting.changed) == before[0] + 1
    extra.deleteLater()
    hands.qWait(50)
    assert (len(page.fitting.changed), len(page.comparing.changed)) == before


def test_settings_and_seed_reach_the_draft(page: FitPage) -> None:
    page.seed.click()
    assert page.seed.text() == f"Seed {page.choice.settings.seed}"
    assert page.choice.settings == replace(SMALL, seed=page.choice.settings.seed)
    page.presets.button.click()
    assert page.choice.settings == Settings()
    assert page.presets.box.currentText() == "Few labels"


# --- what would stop it --------------------------------------------------------------------------


def test_small_input_is_mended(page: FitPage) -> None:
    page.choice.set_settings(replace(SMALL, height=8, width=8))
    assert told(refreshed(page)) == ["SimpleCNN needs an input of at least 16 × 16 pixels"]
    assert not page.buttons.button.isEnabled()
    mend(page)
    assert (page.choice.settings.height, page.choice.settings.width) == (16, 16)
    assert page.buttons.button.isEnabled()
    assert page.troubles.isHidden()


def test_no_labels_and_one_class(page: FitPage) -> None:
    workspace, kind = page.workspace, page.choice.kind
    ids = [f"cell-{i}" for i in range(16)]
    workspace.edit("x", edits.categorize, ids[6:12], workspace.project.kinds[kind].unknown)
    assert "All labelled things are 'round'" in refreshed(page).troubles.troubles[0].text
    assert not page.buttons.button.isEnabled()
    mend(page)
    assert workspace.gallery.query.labelled is False
    assert len(workspace.gallery.ids) == 10
    workspace.edit("x", edits.categorize, ids, workspace.project.kinds[kind].unknown)
    assert "has a category yet" in refreshed(page).troubles.troubles[0].text


def test_all_in_validation_is_put_back(page: FitPage) -> None:
    ids = [f"cell-{i}" for i in range(12)]
    page.workspace.edit("x", edits.set_partition, ids, Partition.VALIDATION)
    assert "none can train" in refreshed(page).troubles.troubles[0].text
    mend(page)
    assert partition(page) == "Unassigned"
    assert page.buttons.button.isEnabled()
    page.workspace.undo()
    assert partition(page) == "Validation"


def test_the_worst_comes_first_and_others_unfold(page: FitPage) -> None:
    page.choice.set_settings(replace(SMALL, height=8, width=8, training_percentage=1.0))
    refreshed(page)
    shown = [not row.isHidden() for row in page.troubles.rows]
    assert shown == [True, False]
    assert page.troubles.rows[0].text.text().startswith("✕ SimpleCNN needs")
    assert page.troubles.more.text() == "and 1 more"
    page.troubles.more.click()
    assert [not row.isHidden() for row in page.troubles.rows] == [True, True]


@pytest.mark.parametrize("sort", ["graph", "channels", "missing", "stranger"])
def test_models_that_cannot_go_on(page: FitPage, finish: Wait, sort: str) -> None:
    page.fit()
    finish(page.workspace)
    (made,) = page.workspace.project.classifiers
    model = ModelArtifact({"format": GRAPH_FORMAT}, b"x")
    changed = {
        "graph": replace(made, model=model),
        "channels": replace(made, channels=1),
        "missing": replace(made, model=None),
        "stranger": replace(made, class_map=("1round",)),
    }[sort]
    page.workspace.edit("x", edits.put_classifier, changed)
    refreshed(page)
    assert not page.buttons.go_on.isEnabled()
    assert page.troubles.troubles[0].severity == "stop"
    why = page.troubles.troubles[0].text
    assert page.buttons.go_on.toolTip() == why
    assert page.buttons.button.isEnabled() == (sort != "graph")
    assert (page.buttons.button.toolTip() == why) == (sort == "graph"), "what is disabled says why"
    mend(page)
    assert page.choice.classifier is None
    assert page.buttons.button.text() == "Fit SimpleCNN 2"
    assert page.buttons.button.isEnabled()


def test_out_of_memory_is_mended(
    page: FitPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("out_of_memory")
    page.choice.set_settings(Settings(batch_size=64))
    page.fit()
    finish(page.workspace)
    row = refreshed(page).troubles.rows[0]
    assert row.button is not None
    assert row.button.text() == "Fit with batch size 16"
    row.button.click()
    finish(page.workspace)
    assert page.workspace.project.classifiers[0].settings.batch_size == 16
    assert len(notifications) == 1
    assert page.fitting.trouble is None


def test_the_kind_is_deleted_while_it_is_on_show(
    page: FitPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    page.fit()
    page.workspace.edit("Delete", edits.delete_kind, page.choice.kind)
    finish(page.workspace)
    assert refreshed(page).choice.kind == "Image"
    assert len(notifications) == 1
    assert "has a category yet" in page.troubles.troubles[0].text


# --- comparing and following ---------------------------------------------------------------------


def test_compare_and_take_the_better(page: FitPage, finish: Wait) -> None:
    assert page.compare.compare.text() == "Compare SimpleCNN and forest…"
    page.compare.compare.click()
    assert page.comparing.job is not None
    refreshed(page)
    assert page.compare.compare.text() == "Stop comparing"
    finish(page.workspace)
    refreshed(page)
    assert page.compare.result.text() == "Random forest 0.96 ± 0.02 · SimpleCNN 0.90 ± 0.03"
    assert page.compare.use.text() == "Use the random forest"
    page.compare.use.click()
    assert page.choice.settings == replace(SMALL, architecture=FOREST)
    assert page.compare.use.isHidden()
    page.workspace.edit("x", edits.set_partition, ["cell-0"], Partition.TRAINING)
    assert comparing_of(page.workspace).of(page.choice.kind) is not None
    page.workspace.edit("x", edits.categorize, ["cell-14"], "1long")
    assert comparing_of(page.workspace).of(page.choice.kind) is None
    assert not refreshed(page).compare.compare.isHidden()


def test_a_comparison_that_fails_is_one_message(
    page: FitPage, finish: Wait, notifications: list[Notification], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_piximi.ui.comparing.PROPOSE", "tests.ui.stand_in_fits:refuses")
    page.compare.compare.click()
    finish(page.workspace)
    (note,) = notifications
    assert str(note.message).startswith("The models cannot be compared: 'cell 3'")
    assert page.comparing.job is None


def test_a_forest_follows_the_labels(page: FitPage, finish: Wait, qtbot: QtBot) -> None:
    workspace = page.workspace
    page.choice.set_settings(replace(SMALL, architecture=FOREST))
    refreshed(page)
    assert not page.follow.isHidden()
    refitting = page.refitting
    page.follow.follow.click()
    qtbot.waitUntil(lambda: refitting.fits == 1, timeout=20_000)
    finish(workspace)
    things = workspace.project.things
    assert things["cell-15"].prediction is not None
    assert things["cell-15"].prediction.category == "1round"
    undo = workspace.session.undo_label
    workspace.categorize(["cell-13"], "1long")
    workspace.categorize(["cell-14"], "1long")
    label = workspace.session.undo_label
    assert label != undo
    qtbot.waitUntil(lambda: refitting.fits == 2, timeout=20_000)
    finish(workspace)
    (classifier,) = workspace.project.classifiers
    assert len(classifier.runs) == 1  # all refits are one run
    assert workspace.session.undo_label == label  # and no edits of their own
    workspace.undo()
    assert workspace.project.things["cell-14"].category != "1long"
    qtbot.waitUntil(lambda: refitting.fits == 3, timeout=20_000)
    finish(workspace)
    assert workspace.session.redo_label == label
    refreshed(page).follow.follow.click()
    assert refitting.followed is None
    workspace.categorize(["cell-15"], "1long")
    hands.qWait(400)
    assert refitting.fits == 3


def test_following_ends_with_one_message_when_it_fails(
    page: FitPage, plays: Plays, finish: Wait, notifications: list[Notification], qtbot: QtBot
) -> None:
    plays("refuses")
    page.choice.set_settings(replace(SMALL, architecture=FOREST))
    refreshed(page).follow.follow.click()
    qtbot.waitUntil(lambda: bool(notifications), timeout=20_000)
    finish(page.workspace)
    assert len(notifications) == 1
    assert "no longer follows your labels: 'cell 3'" in str(notifications[0].message)
    assert not refreshed(page).follow.follow.isChecked()


# --- the look ------------------------------------------------------------------------------------


def test_it_fits_into_a_narrow_dock_and_speaks(page: FitPage) -> None:
    assert page.minimumSizeHint().width() <= 300
    assert page.minimumSizeHint().height() <= 460
    for button in page.findChildren(QAbstractButton):
        if not button.isHidden() and button.parent() is not None and button.text():
            assert button.toolTip() or button.objectName() == "qt_toolbar_ext_button", button.text()


# --- time left -----------------------------------------------------------------------------------


def test_time_left() -> None:
    left = TimeLeft()
    assert left.note(0.0, 0, 100) is None
    assert left.note(1.0, 10, 100) is None  # too little to go by
    assert left.note(2.0, 20, 100) == pytest.approx(8.0)
    assert left.note(2.5, 20, 100) == pytest.approx(7.5)  # nothing new: it runs down
    assert left.note(3.0, 100, 100) == 0
    assert left.note(4.0, 5, 100) is None  # something else
    slow = TimeLeft()
    for second in range(60):
        slow.note(float(second), second * (1 if second < 30 else 10), 10_000)
    assert slow.note(60.0, 600, 10_000) == pytest.approx(940, rel=0.05)  # the pace of late


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(7.6, "8 s"), (130, "2 min 10 s"), (120, "2 min"), (3000, "50 min"), (3900, "1 h 5 min")],
)
def test_times_are_spoken(seconds: float, words: str) -> None:
    assert spoken(seconds) == words
