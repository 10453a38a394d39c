"""Running jobs in the Project dock."""

import threading
from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot
from tests.ui.pressing import click

from napari_piximi.progress import Progress
from napari_piximi.ui import job_bar
from napari_piximi.ui.job_bar import JobBar
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]


@pytest.fixture
def bar(qtbot: QtBot, workspace: Workspace) -> JobBar:
    made = JobBar(workspace.viewer)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_row_per_job_as_long_as_it_runs(
    qtbot: QtBot, bar: JobBar, workspace: Workspace, gate: threading.Event, finish: Wait
) -> None:
    def work(progress: Progress) -> None:
        assert gate.wait(20)
        progress(1, 1)

    assert bar.isHidden()
    workspace.jobs.run("First", work)
    workspace.jobs.run("Second", work)
    assert [row.text.text() for row in bar.rows()] == ["First", "Second"]
    qtbot.waitUntil(lambda: not bar.isHidden())
    assert not any(row.isHidden() for row in bar.rows())
    gate.set()
    finish(workspace)
    assert bar.rows() == []
    assert bar.isHidden()


def test_a_short_job_does_not_flicker(
    qtbot: QtBot, bar: JobBar, workspace: Workspace, finish: Wait
) -> None:
    workspace.jobs.run("Short", lambda progress: None)
    assert bar.isHidden()
    finish(workspace)
    qtbot.wait(job_bar.PATIENCE + 100)
    assert bar.isHidden()


def test_progress(
    qtbot: QtBot, bar: JobBar, workspace: Workspace, gate: threading.Event, finish: Wait
) -> None:
    def work(progress: Progress) -> None:
        progress(3, 4, "100% of it", loss=0.1)
        assert gate.wait(20)

    workspace.jobs.run("Work", work)
    (row,) = bar.rows()
    assert (row.bar.minimum(), row.bar.maximum()) == (0, 0)  # not known yet
    qtbot.waitUntil(lambda: row.bar.maximum() == 4)
    assert (row.bar.value(), row.bar.toolTip()) == (3, "100% of it")
    assert row.bar.text().endswith("75%")
    gate.set()
    finish(workspace)


def test_cancel(bar: JobBar, workspace: Workspace, gate: threading.Event, finish: Wait) -> None:
    def work(progress: Progress) -> None:
        while not gate.wait(0.01):
            progress(0, 0, "Waiting")

    job = workspace.jobs.run("Work", work)
    (row,) = bar.rows()
    assert row.cancel.accessibleName() == "Cancel: Work"
    assert row.cancel.toolTip()
    click(row.cancel)
    assert not row.cancel.isEnabled()
    finish(workspace)
    assert job.state == "cancelled"


def test_jobs_that_ran_already_are_shown(
    qtbot: QtBot, workspace: Workspace, gate: threading.Event, finish: Wait
) -> None:
    workspace.jobs.run("Early", lambda progress: gate.wait(20))
    late = JobBar(workspace.viewer)
    qtbot.addWidget(late)
    assert [row.job.title for row in late.rows()] == ["Early"]
    gate.set()
    finish(workspace)
    assert late.rows() == []
