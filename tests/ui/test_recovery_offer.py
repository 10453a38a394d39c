"""Lost work is offered after a crash, and taken up again with one click."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from tests.ui.pressing import click

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.recovery import lost_sessions
from napari_piximi.model import edits
from napari_piximi.model.project import new_project
from napari_piximi.ui import documents
from napari_piximi.ui.project_panel import ProjectPanel
from napari_piximi.ui.recovery_bar import RecoveryBar
from napari_piximi.ui.workspace import Workspace

LEFT = Qt.MouseButton.LeftButton
Wait = Callable[[Workspace], None]

CRASH = """
import os, sys, time
from pathlib import Path
from napari_piximi.io.bundle import read_bundle
from napari_piximi.io.recovery import Journal
from napari_piximi.model import edits
from napari_piximi.model.project import new_project

home, name, path = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
project = read_bundle(path) if path else new_project()
journal = Journal.begin(home, project, Path(path) if path else None)
for step in range(3):
    after = edits.rename_project(project, f"{name} {step}")
    journal.note(project, after)
    project = after
time.sleep(1)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def crash(state_folder: Path) -> Callable[..., None]:
    """Return a function that edits a project in another process, which is then killed."""

    def run(name: str, path: Path | None = None) -> None:
        home = state_folder / "recovery"
        arguments = [sys.executable, "-c", CRASH, str(home), name, str(path or "")]
        done = subprocess.run(arguments, check=False, capture_output=True, text=True)
        assert done.returncode == -9, done.stderr

    return run


@pytest.fixture
def shown(qtbot: QtBot, workspace: Workspace, finish: Wait) -> Callable[[], RecoveryBar]:
    """Return a function that shows the Project dock and waits for the search."""
    kept: list[ProjectPanel] = []

    def show() -> RecoveryBar:
        panel = ProjectPanel(workspace.viewer)
        qtbot.addWidget(panel)
        kept.append(panel)
        panel.show()
        finish(workspace)
        return panel.recovery

    return show


def test_nothing_to_recover(shown: Callable[[], RecoveryBar]) -> None:
    assert not shown().isVisible()


def test_one_click(
    workspace: Workspace,
    crash: Callable[..., None],
    shown: Callable[[], RecoveryBar],
    state_folder: Path,
    tmp_path: Path,
    finish: Wait,
) -> None:
    path = tmp_path / "cells.zip"
    write_bundle(new_project("Cells"), path)
    crash("Lost", path)
    bar = shown()
    assert bar.isVisible()
    assert "Lost 2" in bar.text.text()
    assert "3 edits" in bar.text.text()
    assert not bar.others.isVisible()
    click(bar.recover)
    finish(workspace)
    assert workspace.project.name == "Lost 2"
    assert (workspace.path, workspace.session.dirty) == (path, True)
    assert not bar.isVisible()
    # it is this session's now, and after saving nothing is left of it
    home = state_folder / "recovery"
    assert lost_sessions(home) == []
    job = documents.save(workspace)
    assert job is not None
    job.wait()
    assert read_bundle(path).name == "Lost 2"
    workspace.close()
    assert lost_sessions(home) == []


def test_several(
    workspace: Workspace,
    crash: Callable[..., None],
    shown: Callable[[], RecoveryBar],
    finish: Wait,
) -> None:
    crash("First")
    crash("Second")
    bar = shown()
    assert [session.name for session in bar.sessions] == ["Second 2", "First 2"]
    assert bar.others.isVisible()
    bar.menu.aboutToShow.emit()
    older = bar.menu.actions()[1].menu()
    assert older is not None
    older.actions()[0].trigger()
    finish(workspace)
    assert workspace.project.name == "First 2"
    assert bar.isVisible()
    assert [session.name for session in bar.sessions] == ["Second 2"]


def test_discarding_is_asked_about(
    crash: Callable[..., None],
    shown: Callable[[], RecoveryBar],
    answers: list[str],
    state_folder: Path,
    workspace: Workspace,
    finish: Wait,
) -> None:
    crash("Lost")
    bar = shown()
    answers[:] = ["Keep"]
    click(bar.discard)
    assert bar.isVisible()
    answers[:] = ["Discard"]
    click(bar.discard)
    assert not bar.isVisible()
    finish(workspace)
    assert lost_sessions(state_folder / "recovery") == []


def test_unsaved_work_here_is_asked_about_first(
    workspace: Workspace,
    crash: Callable[..., None],
    shown: Callable[[], RecoveryBar],
    answers: list[str],
) -> None:
    crash("Lost")
    bar = shown()
    workspace.edit("Rename", edits.rename_project, "Mine")
    answers[:] = ["Cancel"]
    click(bar.recover)
    assert workspace.project.name == "Mine"
    assert bar.isVisible()


def test_work_done_while_it_is_recovered_is_not_lost_either(
    workspace: Workspace,
    crash: Callable[..., None],
    shown: Callable[[], RecoveryBar],
    answers: list[str],
    finish: Wait,
    state_folder: Path,
) -> None:
    crash("Lost")
    bar = shown()
    click(bar.recover)
    workspace.edit("Rename", edits.rename_project, "Mine")
    answers[:] = ["Cancel"]
    finish(workspace)
    assert workspace.project.name == "Mine"
    assert bar.isVisible()
    assert bar.isEnabled()
    assert [s.name for s in lost_sessions(state_folder / "recovery")] == ["Lost 2"]


def test_one_that_has_gone_meanwhile_is_told_of(
    workspace: Workspace,
    crash: Callable[..., None],
    shown: Callable[[], RecoveryBar],
    notifications: list[Notification],
    finish: Wait,
) -> None:
    crash("Lost")
    bar = shown()
    bar.sessions[0].discard()  # as another napari might
    before = workspace.project
    click(bar.recover)
    finish(workspace)
    assert len(notifications) == 1
    assert workspace.project is before
    assert bar.isEnabled()
    assert not bar.isVisible()
