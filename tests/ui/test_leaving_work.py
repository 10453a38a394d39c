"""Work that is under way is asked about before its project is left."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot

from napari_piximi.io.bundle import write_bundle
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.progress import Progress
from napari_piximi.ui import computing, documents, sample_data
from napari_piximi.ui.computing import apply_computed
from napari_piximi.ui.dropping import accept_paths
from napari_piximi.ui.jobs import Job, Leaving, missed
from napari_piximi.ui.recovery_bar import RecoveryBar
from napari_piximi.ui.workspace import Workspace

STOP, GO_ON, KEEP = "Stop it", "Go on with it", "Keep what is found"
Wait = Callable[[Workspace], None]


class Work:
    """A job that ends when it is cancelled, or let go."""

    def __init__(self, workspace: Workspace) -> None:
        self.go = threading.Event()
        self.job = missed(workspace.run("Predict 7 things", self._wait, done=self._done))
        self._workspace = workspace

    def _wait(self, progress: Progress) -> str:
        while not self.go.wait(0.01):
            progress(0, 1, "Waiting")
        return "Found"

    def _done(self, name: str) -> None:
        self._workspace.edit("Predict", edits.rename_project, name)


@pytest.fixture
def work(qtbot: QtBot, workspace: Workspace) -> Iterator[Work]:
    made = Work(workspace)
    yield made
    made.go.set()
    made.job.wait()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "other.zip"
    write_bundle(new_project("Other"), path)
    return path


def opened(workspace: Workspace, path: Path) -> Job | None:
    job = documents.open_path(workspace, path)
    if job is not None:
        job.wait()
    return job


def dropped(workspace: Workspace, path: Path) -> None:
    accept_paths(workspace, [path], None)
    for job in [job for job in workspace.jobs.running if job.leaving is None]:
        job.wait()


def begun_anew(workspace: Workspace, _path: Path) -> None:
    documents.new(workspace)


def sampled(workspace: Workspace, _path: Path) -> None:
    job = sample_data.open_sample(workspace, "coins")
    if job is not None:
        job.wait()


LEAVINGS = [opened, dropped, begun_anew, sampled]


@pytest.mark.parametrize("leave", LEAVINGS)
def test_refused_nothing_changes(
    work: Work, workspace: Workspace, path: Path, answers: list[str], leave: Callable[..., object]
) -> None:
    before = workspace.session
    answers.append(GO_ON)
    leave(workspace, path)
    assert workspace.session is before
    assert work.job.running
    work.go.set()
    work.job.wait()
    assert workspace.project.name == "Found"


@pytest.mark.parametrize("leave", LEAVINGS)
def test_agreed_the_work_is_stopped(
    work: Work, workspace: Workspace, path: Path, answers: list[str], leave: Callable[..., object]
) -> None:
    before = workspace.session
    answers.append(STOP)
    leave(workspace, path)
    assert workspace.session is not before
    work.job.wait()
    assert work.job.state == "cancelled"
    assert answers == []


def test_a_recovery_is_asked_about_too(
    work: Work, workspace: Workspace, qtbot: QtBot, answers: list[str]
) -> None:
    bar = RecoveryBar(workspace.viewer)
    qtbot.addWidget(bar)
    session: Any = SimpleNamespace(name="Lost", adopt=pytest.fail)
    answers.append(GO_ON)
    bar.take(session)
    assert answers == []
    assert [job.title for job in workspace.jobs.running] == [work.job.title]


def test_the_work_goes_on_where_the_other_project_cannot_be_read(
    work: Work,
    workspace: Workspace,
    tmp_path: Path,
    answers: list[str],
    notifications: list[Notification],
) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"no zip")
    answers.append(STOP)
    opened(workspace, bad)
    assert work.job.running
    assert len(notifications) == 1


def test_the_saved_version_is_opened_again_only_if_the_work_may_end(
    workspace: Workspace, path: Path, answers: list[str]
) -> None:
    opened(workspace, path)
    work = Work(workspace)
    answers.append(GO_ON)
    assert documents.open_path(workspace, path) is None
    answers.append(STOP)
    assert opened(workspace, path) is not None
    work.job.wait()
    workspace.edit("Rename", edits.rename_project, "Changed")
    work = Work(workspace)
    answers[:] = [STOP, "Cancel"]
    assert documents.open_path(workspace, path) is None
    assert work.job.running
    answers[:] = [STOP, "Open the saved version"]
    assert opened(workspace, path) is not None
    assert (workspace.project.name, answers) == ("Other", [])


READINGS: list[Callable[[Workspace, Path], Job | None]] = [
    documents.open_path,
    lambda workspace, _path: sample_data.open_sample(workspace, "coins"),
]


@pytest.mark.parametrize("read", READINGS)
def test_work_that_began_while_the_project_was_read_is_asked_about(
    qtbot: QtBot,
    workspace: Workspace,
    path: Path,
    answers: list[str],
    read: Callable[[Workspace, Path], Job | None],
) -> None:
    before = workspace.session
    job = read(workspace, path)
    assert job is not None
    work = Work(workspace)
    answers.append(GO_ON)
    job.wait()
    assert workspace.session is before
    assert answers == []
    work.go.set()
    work.job.wait()


@pytest.mark.parametrize("read", READINGS)
def test_a_save_that_began_while_the_project_was_read_comes_to_its_end(
    workspace: Workspace,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Workspace, Path], Job | None],
) -> None:
    gate, order = threading.Event(), []

    def write(project: Project, to: Path, progress: Progress) -> None:
        assert gate.wait(20)
        write_bundle(project, to)
        order.append("saved")

    monkeypatch.setattr(documents, "write_bundle", write)
    before = workspace.session
    workspace.changed.connect(lambda *_: order.append("opened"))
    job = read(workspace, path)
    assert job is not None
    saving = documents.save_as(workspace, tmp_path / "mine.zip")
    assert saving is not None
    threading.Timer(0.3, gate.set).start()
    job.wait()
    saving.wait()
    assert saving.state == "done"
    assert (tmp_path / "mine.zip").is_file()
    assert workspace.session is not before
    assert order[0] == "saved"


def test_what_is_found_so_far_can_be_kept(
    work: Work, workspace: Workspace, answers: list[str]
) -> None:
    work.job.leaving = Leaving("Finding", keep=KEEP, stop=work.go.set)
    answers[:] = [KEEP, "Cancel"]
    assert not documents.may_leave(workspace)
    assert workspace.project.name == "Found"
    assert work.job.state == "done"


def test_each_work_is_asked_about(work: Work, workspace: Workspace, answers: list[str]) -> None:
    other = Work(workspace)
    answers[:] = [STOP, GO_ON]
    assert not documents.may_leave(workspace)
    assert answers == []
    answers[:] = [STOP, STOP]
    assert documents.may_leave(workspace)
    other.go.set()
    other.job.wait()


def test_nothing_is_asked_about_work_that_nobody_misses(work: Work, workspace: Workspace) -> None:
    work.job.leaving = None
    assert documents.may_leave(workspace)


def test_an_edit_that_is_being_worked_out_is_waited_for(
    qtbot: QtBot, workspace: Workspace, answers: list[str]
) -> None:
    def rename(project: Project) -> Project:
        return edits.rename_project(project, "Worked out")

    assert apply_computed(workspace, "Rename", computing.MANY, rename) is not None
    answers.append("Don't save")
    assert documents.may_leave(workspace)
    assert workspace.project.name == "Worked out"
    assert answers == []
