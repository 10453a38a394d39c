"""The Project dock: controls are set, and the project looked at."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QMainWindow, QMenu, QPushButton
from tests.ui.pressing import click, double_click, press, write

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, Annotation, ArrayPixels, Image, Partition
from napari_piximi.model.training import Classifier, ModelArtifact
from napari_piximi.ui import documents, file_choice, project_facts, project_panel
from napari_piximi.ui.project_facts import kind_text
from napari_piximi.ui.project_panel import ProjectPanel
from napari_piximi.ui.workspace import Workspace

Key = Qt.Key
LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
Wait = Callable[[Workspace], None]


def cells(objects: int = 3) -> Project:
    """Make two images, the kinds nucleus with objects and empty without."""
    project = edits.create_category(new_project("Cells"), IMAGE_KIND, "a", category_id="a")
    unknown = project.kinds[IMAGE_KIND].unknown
    pixels = ArrayPixels(np.zeros((1, 4, 4, 1), np.uint8))
    images = [Image(f"i{n}", f"image {n}", unknown, pixels) for n in range(2)]
    project = edits.create_kind(edits.add_images(project, images), "nucleus")
    project = edits.create_kind(project, "empty")
    kind = project.find_kind("nucleus")
    runs = np.array([0, 4], "<u4").tobytes()
    made = [
        Annotation(f"o{n}", f"object {n}", kind.id, kind.unknown, "i0", (0, 0, 2, 2), runs)
        for n in range(objects)
    ]
    return edits.add_annotations(project, made)


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace, finish: Wait) -> ProjectPanel:
    workspace.open_project(cells())
    made = ProjectPanel(workspace.viewer)
    qtbot.addWidget(made)
    made.resize(320, 500)
    made.show()
    finish(workspace)
    return made


def tabs(panel: ProjectPanel) -> list[str]:
    return [panel.kinds.tabs.tabText(n) for n in range(panel.kinds.tabs.count())]


def choose(panel: ProjectPanel, name: str) -> None:
    panel.kinds.tabs.setCurrentIndex([text.split(" (")[0] for text in tabs(panel)].index(name))


def entries(menu: QMenu) -> dict[str, bool]:
    return {a.text().split("\t")[0]: a.isEnabled() for a in menu.actions() if a.text()}


def trigger(menu: QMenu, text: str) -> None:
    next(a for a in menu.actions() if a.text().startswith(text)).trigger()


# --- the file --------------------------------------------------------------------------------


def test_name_and_mark(panel: ProjectPanel, workspace: Workspace, tmp_path: Path) -> None:
    assert (panel.name.text(), panel.state.text()) == ("Cells", "")
    assert panel.path.text() == "Not saved to a file yet"
    panel.name.selectAll()
    write(panel.name, "Mitosis")
    press(panel.name, Key.Key_Return)
    assert workspace.project.name == "Mitosis"
    assert workspace.session.undo_label == "Rename project to Mitosis"
    assert panel.state.text() == "• unsaved"
    job = documents.save_as(workspace, tmp_path / "cells.zip")
    assert job is not None
    job.wait()
    assert panel.state.text() == f"saved {time.strftime('%H:%M')}"
    assert panel.path.text() == f"cells.zip in {tmp_path.name}"
    assert panel.path.toolTip() == str(tmp_path / "cells.zip")
    workspace.undo()
    assert (panel.name.text(), panel.state.text()) == ("Cells", "• unsaved")


def test_a_project_needs_a_name(
    panel: ProjectPanel, workspace: Workspace, notifications: list[Notification]
) -> None:
    panel.name.selectAll()
    press(panel.name, Key.Key_Delete)
    press(panel.name, Key.Key_Return)
    assert workspace.project.name == panel.name.text() == "Cells"
    assert len(notifications) == 1


def test_a_name_that_is_being_typed_stays(panel: ProjectPanel, workspace: Workspace) -> None:
    panel.name.setFocus()
    panel.name.selectAll()
    write(panel.name, "Half a na")
    workspace.edit("Categorise", edits.categorize, ["i0"], "a")
    assert panel.name.text() == "Half a na"


def test_undo_and_redo_name_the_edit(panel: ProjectPanel, workspace: Workspace) -> None:
    files = panel.files
    assert not files.undo.isEnabled()
    before = workspace.project
    workspace.categorize(["i0", "i1"], "a")
    assert files.undo.toolTip() == "Undo Categorise 2 things as a  Ctrl+Z"
    files.fill_more_menu()
    assert entries(files.more_menu)["Undo Categorise 2 things as a"]
    assert not entries(files.more_menu)["Redo"]
    click(files.undo)
    assert workspace.project is before
    assert files.redo.toolTip() == "Redo Categorise 2 things as a  Ctrl+Shift+Z"
    assert not files.undo.isEnabled()
    click(files.redo)
    assert workspace.project.things["i0"].category == "a"


def test_keys(
    panel: ProjectPanel, workspace: Workspace, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, finish: Wait,
) -> None:  # fmt: skip
    before, other = workspace.project, tmp_path / "other.zip"
    workspace.categorize(["i0"], "a")
    after, focus = workspace.project, panel.files.new
    press(focus, Key.Key_Z, CONTROL)
    assert workspace.project is before
    press(focus, Key.Key_Z, CONTROL | SHIFT)
    assert workspace.project is after
    press(focus, Key.Key_Z, CONTROL)
    press(focus, Key.Key_Y, CONTROL)
    assert workspace.project is after
    monkeypatch.setattr(file_choice, "choose_target", lambda *_: other)
    press(focus, Key.Key_S, CONTROL)
    finish(workspace)
    assert workspace.path == other
    assert read_bundle(other).name == "Cells"


def test_open_lists_what_was_opened_last(
    panel: ProjectPanel,
    workspace: Workspace,
    tmp_path: Path,
    finish: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = [tmp_path / "first.zip", tmp_path / "last.zip"]
    for path in paths:
        write_bundle(new_project(path.stem), path)
        documents.open_path(workspace, path)
        finish(workspace)
    paths[0].unlink()
    panel.files.fill_open_menu()
    listed = entries(panel.files.open_menu)
    assert listed["last.zip"]
    assert not listed["first.zip (gone)"]
    documents.new(workspace)
    trigger(panel.files.open_menu, "last.zip")
    finish(workspace)
    assert workspace.project.name == "last"
    documents.new(workspace)
    monkeypatch.setattr(file_choice, "choose_files", lambda *_, **__: [paths[1]])
    trigger(panel.files.open_menu, "Open project…")
    finish(workspace)
    assert workspace.project.name == "last"


def test_new_button(panel: ProjectPanel, workspace: Workspace, answers: list[str]) -> None:
    workspace.categorize(["i0"], "a")
    answers[:] = ["Don't save"]
    click(panel.files.new)
    assert workspace.project.things == {}
    assert panel.drop.isVisible()
    assert panel.name.text() == "Untitled"


def test_what_is_imported_is_asked_for(
    panel: ProjectPanel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    taken: list[list[Path]] = []
    chosen = [tmp_path / "a.png"]
    monkeypatch.setattr(file_choice, "choose_files", lambda *_, **__: chosen)
    monkeypatch.setattr(file_choice, "choose_folder", lambda *_: tmp_path)
    monkeypatch.setattr(
        "napari_piximi.ui.file_row.accept_paths", lambda _w, paths, _p: taken.append(paths)
    )
    for action in panel.files.import_menu.actions()[:4]:
        action.trigger()
    assert taken == [chosen, [tmp_path], chosen, chosen]


def test_save_as_and_a_project_folder(
    panel: ProjectPanel, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    finish: Wait,
) -> None:  # fmt: skip
    path = tmp_path / "cells.zarr"
    monkeypatch.setattr(file_choice, "choose_target", lambda *_: path)
    panel.files.fill_more_menu()
    trigger(panel.files.more_menu, "Save as…")
    finish(workspace)
    assert workspace.path == path
    documents.new(workspace)
    monkeypatch.setattr(file_choice, "choose_folder", lambda *_: path)
    panel.files.fill_open_menu()
    trigger(panel.files.open_menu, "Open project folder")
    finish(workspace)
    assert (workspace.project.name, workspace.path) == ("Cells", path)


def test_import_of_layers_wants_some_selected(
    panel: ProjectPanel, notifications: list[Notification]
) -> None:
    trigger(panel.files.import_menu, "Selected layers")
    assert len(notifications) == 1
    assert "Select the layers" in str(notifications[0].message)


# --- kinds -----------------------------------------------------------------------------------


def test_tabs_have_counts(panel: ProjectPanel) -> None:
    assert tabs(panel) == ["Image (2)", "nucleus (3)", "empty (0)"]


def test_a_tab_puts_its_kind_on_show_and_follows(panel: ProjectPanel, workspace: Workspace) -> None:
    gallery = workspace.gallery
    gallery.set_query(replace(gallery.query, categories=frozenset(["a"])))
    choose(panel, "nucleus")
    nucleus = workspace.project.find_kind("nucleus").id
    assert (gallery.query.kind, gallery.query.categories) == (nucleus, frozenset())
    assert "3" in panel.facts.text()
    gallery.set_query(replace(gallery.query, kind=IMAGE_KIND))
    assert panel.kinds.tabs.currentIndex() == 0


def test_create_a_kind(panel: ProjectPanel, workspace: Workspace) -> None:
    click(panel.kinds.add)
    line = panel.kinds.name.line
    write(line, "NUCLEUS")
    press(line, Key.Key_Return)
    assert "already" in panel.kinds.name.trouble.text()
    assert panel.kinds.name.isVisible()
    line.setText("cell body")
    press(line, Key.Key_Return)
    assert not panel.kinds.name.isVisible()
    made = workspace.project.find_kind("cell body")
    assert workspace.gallery.query.kind == made.id
    assert tabs(panel)[-1] == "cell body (0)"
    workspace.undo()
    assert tabs(panel) == ["Image (2)", "nucleus (3)", "empty (0)"]
    assert workspace.gallery.query.kind == IMAGE_KIND


def test_rename_a_kind(panel: ProjectPanel, workspace: Workspace) -> None:
    choose(panel, "nucleus")
    place = panel.kinds.tabs.tabRect(1).center()
    double_click(panel.kinds.tabs, place)
    line = panel.kinds.name.line
    assert line.text() == "nucleus"
    line.setText("R&D nuclei")
    press(line, Key.Key_Return)
    assert workspace.project.find_kind("R&D nuclei")
    assert tabs(panel)[1] == "R&&D nuclei (3)"
    assert workspace.session.undo_label == "Rename kind nucleus to R&D nuclei"


def test_escape_gives_up(panel: ProjectPanel, workspace: Workspace) -> None:
    before = workspace.project
    choose(panel, "nucleus")
    press(panel.kinds.tabs, Key.Key_F2)
    assert panel.kinds.name.isVisible()
    press(panel.kinds.name.line, Key.Key_Escape)
    assert not panel.kinds.name.isVisible()
    assert workspace.project is before


def test_image_keeps_its_name(panel: ProjectPanel) -> None:
    double_click(panel.kinds.tabs, panel.kinds.tabs.tabRect(0).center())
    assert not panel.kinds.name.isVisible()
    panel.kinds.fill_menu()
    listed = entries(panel.kinds.menu)
    assert not listed["Rename “Image”…"]
    assert not listed["Delete “Image”"]


def test_hide_and_show(panel: ProjectPanel, workspace: Workspace) -> None:
    choose(panel, "nucleus")
    nucleus = workspace.gallery.query.kind
    panel.kinds.fill_menu()
    trigger(panel.kinds.menu, "Hide")
    assert tabs(panel) == ["Image (2)", "empty (0)"]
    assert workspace.gallery.query.kind != nucleus
    assert not workspace.project.kinds[nucleus].visible
    panel.kinds.fill_menu()
    trigger(panel.kinds.menu, "Show “nucleus” (3)")
    assert workspace.gallery.query.kind == nucleus
    assert tabs(panel) == ["Image (2)", "nucleus (3)", "empty (0)"]


def test_the_last_kind_in_sight_stays(
    panel: ProjectPanel, workspace: Workspace, notifications: list[Notification]
) -> None:
    for _ in range(3):
        panel.kinds.hide_kind()
    assert [kind.visible for kind in workspace.project.kinds.values()].count(True) == 1
    assert len(notifications) == 1


def test_delete_a_kind(panel: ProjectPanel, workspace: Workspace) -> None:
    choose(panel, "nucleus")
    panel.kinds.fill_menu()
    trigger(panel.kinds.menu, "Delete")
    assert tabs(panel) == ["Image (2)", "empty (0)"]
    assert len(workspace.project.things) == 2
    assert workspace.session.undo_label == "Delete kind nucleus"
    workspace.undo()
    assert len(workspace.project.things) == 5


def test_deleting_many_things_is_told(
    panel: ProjectPanel, workspace: Workspace, notifications: list[Notification]
) -> None:
    workspace.open_project(cells(150))
    choose(panel, "nucleus")
    panel.kinds.delete()
    assert "150 objects are deleted; undo brings them back" in str(notifications[0].message)


# --- what is in it -----------------------------------------------------------------------------


def test_facts(qtbot: QtBot, panel: ProjectPanel, workspace: Workspace) -> None:
    assert panel.facts.text().splitlines() == [
        "2 images, 3 objects", "0 of 2 labelled (0%)", "Inference 2",
    ]  # fmt: skip
    workspace.categorize(["i0"], "a")
    expected = "1 of 2 labelled (50%)"
    qtbot.waitUntil(lambda: panel.facts.text().splitlines()[1] == expected)
    workspace.edit("Delete", edits.delete_things, ["o0"])
    qtbot.waitUntil(lambda: tabs(panel)[1] == "nucleus (2)")


def test_nearly_all_is_not_all() -> None:
    project = cells()
    unknown = project.kinds[IMAGE_KIND].unknown
    counts = {"a": {Partition.TRAINING: 9_999}, unknown: {Partition.INFERENCE: 1}}
    assert kind_text(project, IMAGE_KIND, counts) == (
        "9,999 of 10,000 labelled (99%)", "Training 9,999, Inference 1",
    )  # fmt: skip


def test_classifiers_are_listed(panel: ProjectPanel, workspace: Workspace) -> None:
    assert not panel.classifiers.isVisible()
    evaluation = Evaluation(((9, 1), (0, 10)), 0.1)
    fitted = Classifier("cnn", IMAGE_KIND, model=ModelArtifact({}, b""), evaluations=(evaluation,))
    project = replace(
        workspace.project,
        classifiers=(fitted, Classifier("new", "", model=None)),
        unread_models={"odd": (b"", b"")},
    )
    workspace.open_project(project)
    lines = [panel.classifiers.item(n).text() for n in range(3)]  # type: ignore[union-attr]
    assert lines == [
        "cnn (Image), 95% right (valid.)", "new (no kind), not fitted", "odd: not usable",
    ]  # fmt: skip
    assert panel.classifiers.isVisible()


def test_out_of_sight_nothing_is_counted(
    panel: ProjectPanel, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.hide()
    monkeypatch.setattr(project_panel, "count_kinds", None)  # would fail if called
    workspace.edit("Delete", edits.delete_things, ["o0"])
    monkeypatch.undo()
    panel.show()
    assert tabs(panel)[1] == "nucleus (2)"


def test_many_edits_in_a_row_are_counted_once(
    qtbot: QtBot, panel: ProjectPanel, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    original = project_facts.count_kinds

    def count(project: Project) -> Any:  # noqa: ANN401
        counted.append(len(project.things))
        return original(project)

    monkeypatch.setattr(project_panel, "count_kinds", count)
    for number in range(3):
        workspace.edit("Delete", edits.delete_things, [f"o{number}"])
    qtbot.waitUntil(lambda: bool(counted))
    qtbot.wait(100)
    assert counted == [2]


# --- dropping ----------------------------------------------------------------------------------


def drop(panel: ProjectPanel, *paths: Path) -> bool:
    """Drag files onto the panel and let go; tell whether they were wanted."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, LEFT, none)
    enter.ignore()
    panel.dragEnterEvent(enter)
    if enter.isAccepted():
        panel.dropEvent(QDropEvent(QPointF(5, 5), copy, data, LEFT, none))
    return enter.isAccepted()


def test_drop_a_project(
    qtbot: QtBot, panel: ProjectPanel, workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "dropped.zip"
    write_bundle(new_project("Dropped"), path)
    assert drop(panel, path)
    qtbot.waitUntil(lambda: workspace.project.name == "Dropped")


def test_drop_something_else(panel: ProjectPanel) -> None:
    assert not drop(panel)


# --- the whole -----------------------------------------------------------------------------------


def test_usable_at_320_pixels_with_tips_and_names(panel: ProjectPanel) -> None:
    assert panel.minimumSizeHint().width() <= 320
    for button in panel.findChildren(QPushButton):
        if button.isVisible():
            assert button.toolTip(), button.text()
            assert button.accessibleName(), button.text()
            assert button.focusPolicy() != Qt.FocusPolicy.NoFocus
    for words in (panel.name, panel.state, panel.path, panel.facts, panel.kinds.tabs):
        assert words.accessibleName()


def test_the_window_it_lies_in_is_guarded(
    qtbot: QtBot, workspace: Workspace, answers: list[str], finish: Wait
) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(ProjectPanel(workspace.viewer))
    window.show()
    finish(workspace)
    workspace.edit("Rename", edits.rename_project, "Changed")
    answers[:] = ["Cancel", "Don't save"]
    assert not window.close()
    assert window.close()
    assert answers == []


def test_a_name_asked_for_is_that_kinds_alone(panel: ProjectPanel, workspace: Workspace) -> None:
    choose(panel, "nucleus")
    panel.kinds.rename()
    write(panel.kinds.name.line, "cell")
    choose(panel, "empty")
    assert not panel.kinds.name.isVisible()
    press(panel.kinds.name.line, Key.Key_Return)
    assert {kind.name for kind in workspace.project.kinds.values()} == {"Image", "nucleus", "empty"}


def test_a_name_is_asked_for_no_more_in_another_project(
    panel: ProjectPanel, workspace: Workspace
) -> None:
    panel.kinds.create_kind()
    workspace.open_project(cells())
    assert not panel.kinds.name.isVisible()


def test_a_kind_that_stays_in_sight_although_all_are_hidden(
    panel: ProjectPanel, workspace: Workspace, notifications: list[Notification]
) -> None:
    for kind in workspace.project.kinds:
        workspace.edit("Hide", edits.edit_kind, kind, visible=False)
    panel.kinds.hide_kind()
    assert len(notifications) == 1


def test_why_image_keeps_its_name_is_told(
    panel: ProjectPanel, notifications: list[Notification]
) -> None:
    press(panel.kinds.tabs, Key.Key_F2)
    assert len(notifications) == 1
    assert "rename" not in panel.kinds.tabs.tabToolTip(0)


def test_long_and_odd_names(panel: ProjectPanel, workspace: Workspace) -> None:
    long = "very_long_name_without_any_space_" * 30
    nucleus = workspace.project.find_kind("nucleus").id
    workspace.edit("Rename", edits.edit_kind, nucleus, name=long)
    workspace.edit("Rename", edits.rename_project, f"<h1>x</h1>{long}")
    choose(panel, long[:23] + "…")
    panel.kinds.create_kind()
    panel.kinds.name.line.setText(long)
    press(panel.kinds.name.line, Key.Key_Return)
    assert panel.kinds.name.trouble.isVisible()
    panel.kinds.fill_menu()
    panel.files.fill_more_menu()
    assert panel.minimumSizeHint().width() <= 320
    assert max(menu.sizeHint().width() for menu in (panel.kinds.menu, panel.files.more_menu)) < 700
    assert panel.name.cursorPosition() == 0
    assert "<h1>" not in panel.files.undo.toolTip()
    workspace.edit("Rename", edits.edit_kind, nucleus, name=f"{long}!")
    assert panel.kinds.tabs.accessibleTabName(1).startswith(f"{long}!")


def test_a_recent_file_in_a_folder_that_may_not_be_read(
    panel: ProjectPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(path)

    monkeypatch.setattr(documents, "recent", lambda: [Path("/secret/cells.zip")])
    monkeypatch.setattr(Path, "exists", refuse)
    panel.files.fill_open_menu()
    assert entries(panel.files.open_menu)["cells.zip (gone)"] is False
