"""Opening, saving and leaving: real files, real jobs, no window of napari."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit, QMainWindow
from tests.shared_data import shared

from napari_piximi.errors import SaveError
from napari_piximi.io import bundle as bundle_io
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.recovery import lost_sessions
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.progress import Progress
from napari_piximi.ui import documents, file_choice
from napari_piximi.ui.guard import guard
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]


@pytest.fixture(autouse=True)
def quiet_window(qtbot: QtBot) -> None:
    """Each test has an application."""


def bundle(path: Path, name: str = "Cells") -> Path:
    write_bundle(edits.create_category(new_project(name), IMAGE_KIND, "mitosis"), path)
    return path


def rename(workspace: Workspace, name: str) -> None:
    workspace.edit(f"Rename project to {name}", edits.rename_project, name)


def opened(workspace: Workspace, path: Path) -> None:
    job = documents.open_path(workspace, path)
    assert job is not None
    job.wait()
    assert job.state == "done"


# --- opening -------------------------------------------------------------------------------


def test_opening_an_untouched_project_asks_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = bundle(tmp_path / "cells.zip")
    opened(workspace, path)
    assert workspace.project.name == "Cells"
    assert workspace.path == path
    assert not workspace.session.dirty
    assert documents.recent() == [path]


def test_the_first_image_is_shown(workspace: Workspace) -> None:
    opened(workspace, shared("bundles/rgb_project.zip"))
    assert workspace.shown == next(workspace.project.images()).id


@pytest.mark.parametrize("kind", ["cut off", "no zip", "missing", "a folder of something else"])
def test_a_bad_bundle_is_one_notification_and_nothing_else(
    workspace: Workspace, tmp_path: Path, notifications: list[Notification], kind: str
) -> None:
    rename(workspace, "Precious")
    workspace.session.mark_saved()
    before, bad = workspace.project, tmp_path / "bad.zip"
    if kind == "cut off":
        data = bundle(tmp_path / "good.zip").read_bytes()
        bad.write_bytes(data[: len(data) // 2])
    elif kind == "no zip":
        bad.write_bytes(b"these are no bytes of a zip")
    elif kind != "missing":
        bad = tmp_path / "bad.zarr"
        bad.mkdir()
        (bad / ".zgroup").write_text("{}")
    job = documents.open_path(workspace, bad)
    assert job is not None
    job.wait()
    assert job.state == "failed"
    assert [bad.name in str(n.message) for n in notifications] == [True]
    assert workspace.project is before
    assert workspace.session.undo_label == "Rename project to Precious"
    assert documents.recent() == []


def test_unsaved_work_is_asked_about(
    workspace: Workspace, tmp_path: Path, answers: list[str]
) -> None:
    path = bundle(tmp_path / "cells.zip")
    rename(workspace, "Unsaved")
    answers[:] = ["Cancel"]
    assert documents.open_path(workspace, path) is None
    assert workspace.project.name == "Unsaved"
    answers[:] = ["Don't save"]
    opened(workspace, path)
    assert workspace.project.name == "Cells"


def test_work_done_while_a_bundle_is_read_is_asked_about(
    workspace: Workspace, tmp_path: Path, answers: list[str]
) -> None:
    job = documents.open_path(workspace, bundle(tmp_path / "cells.zip"))
    assert job is not None
    rename(workspace, "Just typed")
    answers[:] = ["Cancel"]
    job.wait()
    assert (workspace.project.name, answers) == ("Just typed", [])


def test_of_two_that_are_opened_the_last_one_stays(workspace: Workspace, tmp_path: Path) -> None:
    first = documents.open_path(workspace, bundle(tmp_path / "first.zip", "First"))
    last = documents.open_path(workspace, bundle(tmp_path / "last.zip", "Last"))
    assert first is not None
    assert last is not None
    last.wait()
    first.wait()
    assert workspace.project.name == "Last"


def test_a_new_project_meanwhile_stays(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = bundle_io.read_bundle_and_version(bundle(tmp_path / "cells.zip"))
    gate = threading.Event()

    def read(_path: Path, progress: Progress) -> tuple[Project, str]:
        assert gate.wait(20)
        return found  # too late to be cancelled

    monkeypatch.setattr(documents, "read_bundle_and_version", read)
    job = documents.open_path(workspace, tmp_path / "cells.zip")
    assert job is not None
    assert documents.new(workspace)
    gate.set()
    job.wait()
    assert (workspace.project.name, workspace.path) == ("Untitled", None)


def test_opening_what_is_open_already(
    workspace: Workspace, tmp_path: Path, answers: list[str]
) -> None:
    path = bundle(tmp_path / "cells.zip")
    opened(workspace, path)
    opened(workspace, path)  # asks nothing
    rename(workspace, "Changed")
    answers[:] = ["Cancel"]
    assert documents.open_path(workspace, path) is None
    answers[:] = ["Open the saved version"]
    opened(workspace, path)
    assert workspace.project.name == "Cells"


def test_changes_to_what_is_open_can_go_to_another_file(
    workspace: Workspace, tmp_path: Path, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = bundle(tmp_path / "cells.zip"), tmp_path / "other.zip"
    opened(workspace, path)
    rename(workspace, "Changed")
    monkeypatch.setattr(file_choice, "choose_target", lambda *_: other)
    answers[:] = ["Save as…"]
    opened(workspace, path)
    assert workspace.project.name == "Cells"
    assert read_bundle(other).name == "Changed"


def test_new(workspace: Workspace, tmp_path: Path, answers: list[str]) -> None:
    opened(workspace, bundle(tmp_path / "cells.zip"))
    rename(workspace, "Changed")
    answers[:] = ["Cancel", "Don't save"]
    assert not documents.new(workspace)
    assert workspace.project.name == "Changed"
    assert documents.new(workspace)
    assert (workspace.project.name, workspace.path) == ("Untitled", None)


# --- recent --------------------------------------------------------------------------------


def test_ten_recent_ones_the_newest_first(workspace: Workspace, tmp_path: Path) -> None:
    paths = [bundle(tmp_path / f"{n}.zip") for n in range(12)]
    for path in (*paths, paths[5]):
        opened(workspace, path)
    assert documents.recent() == [paths[5], *[paths[n] for n in (11, 10, 9, 8, 7, 6, 4, 3, 2)]]


# --- saving --------------------------------------------------------------------------------


def test_save_as_adds_a_suffix_and_save_goes_there(workspace: Workspace, tmp_path: Path) -> None:
    rename(workspace, "First")
    job = documents.save_as(workspace, tmp_path / "cells")
    assert job is not None
    job.wait()
    path = tmp_path / "cells.zip"
    assert (workspace.path, workspace.session.dirty) == (path, False)
    assert documents.recent() == [path]
    rename(workspace, "Second")
    assert workspace.session.dirty
    job = documents.save(workspace)
    assert job is not None
    job.wait()
    assert read_bundle(path).name == "Second"
    assert documents.title_of(workspace) == "cells.zip – napari"


def test_a_folder(workspace: Workspace, tmp_path: Path) -> None:
    rename(workspace, "Folder")
    for _ in range(2):  # the second time over our own
        job = documents.save_as(workspace, tmp_path / "cells.zarr")
        assert job is not None
        job.wait()
    assert read_bundle(tmp_path / "cells.zarr").name == "Folder"


@pytest.mark.parametrize("name", ["others.zarr", "others.zarr/inner.zip"])
def test_what_is_not_ours_is_never_replaced(
    workspace: Workspace, tmp_path: Path, notifications: list[Notification], name: str
) -> None:
    folder = tmp_path / "others.zarr"
    (folder / "0").mkdir(parents=True)
    (folder / "0" / "data").write_bytes(b"years of work")
    assert documents.save_as(workspace, tmp_path / name) is None
    assert len(notifications) == 1
    assert (folder / "0" / "data").read_bytes() == b"years of work"


class Slow:
    """Stands in for the writing of a bundle; it waits until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = threading.Event()
        self.begun: list[str] = []
        monkeypatch.setattr(documents, "write_bundle", self)

    def __call__(self, project: Project, path: Path, progress: Progress) -> None:
        self.begun.append(project.name)
        assert self.go_on.wait(20)
        write_bundle(project, path, progress=progress)


def test_editing_goes_on_while_the_state_of_the_beginning_is_saved(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    rename(workspace, "Saved")
    job = documents.save_as(workspace, tmp_path / "cells.zip")
    assert job is not None
    rename(workspace, "Typed meanwhile")
    slow.go_on.set()
    job.wait()
    assert read_bundle(tmp_path / "cells.zip").name == "Saved"
    assert workspace.session.dirty
    workspace.undo()
    assert not workspace.session.dirty


def test_a_second_save_comes_after_the_first(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finish: Wait
) -> None:
    slow = Slow(monkeypatch)
    rename(workspace, "First")
    job = documents.save_as(workspace, tmp_path / "cells.zip")
    again = documents.save_as(workspace, tmp_path / "cells.zip")
    assert again is job  # the same to the same file: once will do
    rename(workspace, "Second")
    documents.save_as(workspace, tmp_path / "cells.zip")
    slow.go_on.set()
    finish(workspace)
    assert slow.begun == ["First", "Second"]
    assert read_bundle(tmp_path / "cells.zip").name == "Second"
    assert not workspace.session.dirty


@pytest.mark.parametrize("trouble", [SaveError("cells.zip: disk full"), MemoryError("no memory")])
def test_a_failed_save_keeps_everything(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
    trouble: Exception,
) -> None:
    path = bundle(tmp_path / "cells.zip")
    opened(workspace, path)
    rename(workspace, "Not saved")

    def fail(*_: Any, **__: Any) -> None:  # noqa: ANN401
        raise trouble

    monkeypatch.setattr(documents, "write_bundle", fail)
    job = documents.save(workspace)
    assert job is not None
    job.wait()
    assert [str(n.message) for n in notifications] == [str(trouble)]
    assert (workspace.path, workspace.session.dirty) == (path, True)
    assert read_bundle(path).name == "Cells"
    monkeypatch.undo()
    # the mark "being saved" is gone: the next one works
    job = documents.save(workspace)
    assert job is not None
    job.wait()
    assert read_bundle(path).name == "Not saved"


@pytest.mark.skipif(os.name == "nt", reason="folders there take no notice of the mode")
def test_a_place_that_cannot_be_written_to(
    workspace: Workspace, tmp_path: Path, notifications: list[Notification]
) -> None:
    rename(workspace, "Not saved")
    (tmp_path / "file").write_bytes(b"")
    job = documents.save_as(workspace, tmp_path / "file" / "cells.zip")
    assert job is not None
    job.wait()
    assert job.state == "failed"
    assert len(notifications) == 1
    assert (workspace.path, workspace.session.dirty) == (None, True)


def test_an_older_bundle_is_brought_up_to_date_and_that_is_told_once(
    workspace: Workspace, tmp_path: Path, notifications: list[Notification]
) -> None:
    path = tmp_path / "old.zip"
    path.write_bytes(shared("bundles/legacy_v020.zip").read_bytes())
    opened(workspace, path)
    for name in ("Once", "Twice"):
        rename(workspace, name)
        job = documents.save(workspace)
        assert job is not None
        job.wait()
    told = [str(n.message) for n in notifications if "present format" in str(n.message)]
    assert len(told) == 1
    assert "0.2.0" in told[0]
    assert read_bundle(path).name == "Twice"


# --- leaving -------------------------------------------------------------------------------


def test_leaving_with_nothing_to_save_asks_nothing(workspace: Workspace) -> None:
    assert documents.may_leave(workspace)


def test_leaving_saves_and_waits(workspace: Workspace, tmp_path: Path, answers: list[str]) -> None:
    path = bundle(tmp_path / "cells.zip")
    opened(workspace, path)
    rename(workspace, "Changed")
    answers[:] = ["Save"]
    assert documents.may_leave(workspace)
    assert read_bundle(path).name == "Changed"


def test_a_save_that_fails_means_staying(
    workspace: Workspace, tmp_path: Path, answers: list[str], notifications: list[Notification]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = bundle(folder / "cells.zip")
    opened(workspace, path)
    rename(workspace, "Changed")
    path.unlink()
    folder.rmdir()
    answers[:] = ["Save"]
    assert not documents.may_leave(workspace)
    assert len(notifications) == 1
    assert workspace.session.dirty


def test_no_file_chosen_means_staying(
    workspace: Workspace, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rename(workspace, "Changed")
    monkeypatch.setattr(file_choice, "choose_target", lambda *_: None)
    answers[:] = ["Save"]
    assert not documents.may_leave(workspace)


def test_edits_made_while_the_leaving_saves_are_asked_about_again(
    workspace: Workspace, tmp_path: Path, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(workspace, bundle(tmp_path / "cells.zip"))
    rename(workspace, "Changed")
    slow = Slow(monkeypatch)

    def interfere(_: object) -> None:
        rename(workspace, "Once more")
        slow.go_on.set()

    workspace.jobs.started.connect(interfere)
    answers[:] = ["Save", "Cancel"]
    assert not documents.may_leave(workspace)
    assert answers == []


# --- closing the window ----------------------------------------------------------------------


class Window(QMainWindow):
    """Has a question of its own when it closes, as napari's has."""

    agrees = True
    asked = 0

    def closeEvent(self, event: QCloseEvent | None) -> None:
        assert event is not None
        self.asked += 1
        event.setAccepted(self.agrees)


@pytest.fixture
def window(qtbot: QtBot, workspace: Workspace) -> Window:
    made = Window()
    qtbot.addWidget(made)
    guard(made, workspace)
    guard(made, workspace)  # twice is as good as once
    made.show()
    return made


@pytest.fixture
def closed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Note when the workspace is closed."""
    noted: list[bool] = []
    close = workspace.close

    def note(*, keep: bool = False) -> None:
        noted.append(True)
        close(keep=keep)

    monkeypatch.setattr(workspace, "close", note)
    return noted


def test_a_window_with_nothing_to_save_just_closes(window: Window, closed: list[bool]) -> None:
    assert window.close()
    assert not window.isVisible()
    assert (window.asked, closed) == (1, [True])


def test_cancel_keeps_the_window(
    window: Window, workspace: Workspace, answers: list[str], closed: list[bool]
) -> None:
    rename(workspace, "Changed")
    answers[:] = ["Cancel"]
    assert not window.close()
    assert window.isVisible()
    assert (window.asked, closed) == (0, [])
    answers[:] = ["Don't save"]
    assert window.close()
    assert closed == [True]


def test_the_windows_own_question_still_counts(
    window: Window, workspace: Workspace, answers: list[str], closed: list[bool]
) -> None:
    rename(workspace, "Changed")
    window.agrees = False
    answers[:] = ["Don't save"]
    assert not window.close()
    assert window.isVisible()
    assert closed == []
    assert workspace.session.dirty
    workspace.session.mark_saved()
    window.agrees = True
    assert window.close()


def test_closing_twice_asks_once(
    window: Window, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename(workspace, "Changed")
    questions: list[str] = []

    def ask(_parent: object, title: str, *_: object) -> str:
        questions.append(title)
        window.close()  # the user is impatient
        assert not documents.may_leave(workspace)
        return "Cancel"

    monkeypatch.setattr("napari_piximi.ui.messages.ask", ask)
    assert not window.close()
    assert window.isVisible()
    assert len(questions) == 1
    workspace.session.mark_saved()


def test_the_save_is_waited_for_with_the_window_alive(
    window: Window,
    workspace: Workspace,
    tmp_path: Path,
    answers: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(workspace, bundle(tmp_path / "cells.zip"))
    rename(workspace, "Changed")
    slow = Slow(monkeypatch)
    seen: list[bool] = []
    workspace.jobs.finished.connect(lambda _: seen.append(window.isVisible()))
    workspace.jobs.started.connect(lambda _: slow.go_on.set())
    answers[:] = ["Save"]
    assert window.close()
    assert seen == [True]
    assert read_bundle(tmp_path / "cells.zip").name == "Changed"


def test_the_title_tells_the_file_and_what_is_not_saved(
    window: Window, workspace: Workspace, tmp_path: Path
) -> None:
    viewer = workspace.viewer
    assert viewer.title == "Untitled – napari"
    opened(workspace, bundle(tmp_path / "cells.zip"))
    assert viewer.title == "cells.zip – napari"
    rename(workspace, "Changed")
    assert viewer.title == "• cells.zip – napari"
    viewer.title = "My own"
    workspace.undo()
    assert viewer.title == "My own"


def test_other_events_pass(window: Window, workspace: Workspace) -> None:
    rename(workspace, "Changed")
    window.hide()
    window.event(QEvent(QEvent.Type.WindowActivate))
    assert workspace.session.dirty
    workspace.session.mark_saved()


# --- the dialog ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Cells", "Cells.zip"), ("a/b: c?", "a_b_ c_.zip"), (" . ", "Untitled.zip")],
)
def test_a_first_file_is_called_after_the_project(
    name: str, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proposed: list[str] = []

    def accept(dialog: Any) -> int:  # noqa: ANN401
        proposed.extend(Path(p).name for p in dialog.selectedFiles())
        return 1

    monkeypatch.setattr("napari_piximi.ui.file_choice.QFileDialog.exec", accept)
    file_choice.remember_folder(tmp_path / "x")
    chosen = file_choice.choose_target(None, None, name)
    assert proposed == [expected]
    assert chosen == tmp_path / expected


@pytest.mark.parametrize(
    ("typed", "expected"), [("plain", "plain.zip"), ("x.zip", "x.zip"), ("f.zarr", "f.zarr")]
)
def test_the_dialog_adds_the_suffix(tmp_path: Path, typed: str, expected: str) -> None:
    file_choice.remember_folder(tmp_path / "x")

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QFileDialog)
        line = dialog.findChild(QLineEdit)
        assert line is not None
        line.setText(typed)
        dialog.accept()

    QTimer.singleShot(100, answer)
    assert file_choice.choose_target(None, None, "Cells") == tmp_path / expected


def test_files_and_folders_are_asked_for_where_the_last_ones_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, QFileDialog.FileMode]] = []

    def accept(dialog: QFileDialog) -> int:
        shown.append((dialog.directory().path(), dialog.fileMode()))
        monkeypatch.setattr(dialog, "selectedFiles", lambda: [str(tmp_path / "a" / "b.png")])
        return 1

    monkeypatch.setattr("napari_piximi.ui.file_choice.QFileDialog.exec", accept)
    (tmp_path / "a").mkdir()
    file_choice.remember_folder(tmp_path / "x")
    chosen = file_choice.choose_files(None, "Import", ["All files (*)"], several=True)
    assert chosen == [tmp_path / "a" / "b.png"]
    file_choice.choose_folder(None, "Folder")
    mode = QFileDialog.FileMode
    assert shown == [
        (str(tmp_path), mode.ExistingFiles),
        (str(tmp_path / "a"), mode.Directory),
    ]
    (tmp_path / "a").rmdir()  # then it begins at home
    file_choice.choose_folder(None, "Folder")
    assert shown[-1][0] == str(Path.home())


def test_the_window_stays_where_asking_fails_and_then_the_work_is_kept(
    window: Window,
    workspace: Workspace,
    state_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:
    def fail(*_: object) -> bool:
        raise RuntimeError("no screen")

    workspace.edit("Rename project", edits.rename_project, "Unsaved")
    monkeypatch.setattr(documents, "may_leave", fail)
    window.close()
    assert window.isVisible()
    assert window.asked == 0
    assert "no screen" in notifications[0].message
    window.close()
    assert not window.isVisible()
    assert [lost.name for lost in lost_sessions(state_folder / "recovery")] == ["Unsaved"]


def test_what_waits_in_the_viewer_is_asked_about_and_saved(
    workspace: Workspace, tmp_path: Path, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def paint() -> None:
        workspace.edit("Paint", edits.rename_project, "Painted")

    monkeypatch.setattr(workspace.layers, "flush", paint)
    answers[:] = ["Cancel"]
    assert not documents.may_leave(workspace)
    assert answers == []
    workspace.undo()
    job = documents.save_as(workspace, tmp_path / "painted.zip")
    assert job is not None
    job.wait()
    assert read_bundle(tmp_path / "painted.zip").name == "Painted"


def test_a_file_that_a_suffix_leads_to_is_not_replaced_unasked(
    workspace: Workspace, tmp_path: Path, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cells.v2.zip").write_bytes(b"precious")
    monkeypatch.setattr(file_choice, "choose_target", lambda *_: tmp_path / "cells.v2")
    answers[:] = ["Cancel"]
    assert documents.save_as(workspace) is None
    assert (tmp_path / "cells.v2.zip").read_bytes() == b"precious"
    answers[:] = ["Replace"]
    job = documents.save_as(workspace)
    assert job is not None
    job.wait()
    assert read_bundle(tmp_path / "cells.v2.zip").name == workspace.project.name
