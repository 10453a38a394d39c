"""Long work: it reports, ends in the main thread, and stops when it is asked to."""

import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from napari.qt.threading import create_worker
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QTimer

from napari_piximi.errors import BundleError, Cancelled, PiximiWarning
from napari_piximi.model import edits
from napari_piximi.model.project import new_project
from napari_piximi.progress import Progress
from napari_piximi.ui import jobs as jobs_module
from napari_piximi.ui.jobs import Job, Jobs
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]


@pytest.fixture
def jobs(qtbot: QtBot) -> Jobs:
    return Jobs()


def count_slowly(steps: int, progress: Progress) -> int:
    for step in range(steps):
        progress(step, steps, f"step {step}")
        time.sleep(0.02)
    progress(steps, steps, "counted")
    return steps


def listen(jobs: Jobs, hear: Callable[..., object]) -> None:
    """Hear all that jobs started from now on report."""

    def connect(job: Job) -> None:
        job.progressed.connect(hear)

    jobs.started.connect(connect)


def test_the_result_arrives_in_the_main_thread(jobs: Jobs) -> None:
    seen: list[tuple[int, bool]] = []
    main = threading.current_thread()

    job = jobs.run(
        "Count",
        count_slowly,
        3,
        done=lambda n: seen.append((n, main is threading.current_thread())),
    )
    assert jobs.running == [job]
    job.wait()

    assert seen == [(3, True)]
    assert job.state == "done"
    assert jobs.running == []


def test_progress_is_reported_with_its_message_and_always_at_the_end(jobs: Jobs) -> None:
    reports: list[tuple[Any, ...]] = []
    listen(jobs, lambda *report: reports.append(report))
    jobs.run("Count", count_slowly, 10).wait()
    assert reports[0][:2] == (0, 10)
    assert reports[-1] == (10, 10, "counted", {})
    assert len(reports) < 11, "reports that only count are thinned out"


def test_no_figure_is_thinned_out(jobs: Jobs) -> None:
    losses: list[float] = []

    def fit(progress: Progress) -> None:
        for epoch in range(50):
            progress(epoch, 50, loss=epoch / 2)

    listen(jobs, lambda _d, _t, _m, values: losses.extend(values.values()))
    jobs.run("Fit", fit).wait()
    assert losses == [epoch / 2 for epoch in range(50)]


def test_cancel_stops_it_without_a_word(
    jobs: Jobs, notifications: list[Notification], qtbot: QtBot
) -> None:
    results: list[int] = []
    job = jobs.run("Count", count_slowly, 1000, done=results.append)
    qtbot.wait(60)
    start = time.monotonic()
    job.cancel()
    job.wait()
    assert time.monotonic() - start < 1
    assert job.state == "cancelled"
    assert results == []
    assert notifications == []


def test_an_error_is_one_notification(jobs: Jobs, notifications: list[Notification]) -> None:
    def fail(progress: Progress) -> None:
        raise BundleError("cells.zip: .zattrs: is damaged")

    job = jobs.run("Open", fail)
    job.wait()
    assert job.state == "failed"
    assert [n.message for n in notifications] == ["cells.zip: .zattrs: is damaged"]


def test_an_error_can_be_taken_care_of(jobs: Jobs, notifications: list[Notification]) -> None:
    errors: list[BaseException] = []

    def fail(progress: Progress) -> None:
        progress(0, 1)
        raise Cancelled("no")

    jobs.run("Open", fail, failed=errors.append).wait()
    assert [type(error) for error in errors] == [Cancelled]
    assert notifications == []


def test_a_warning_of_ours_is_shown_and_one_of_a_library_is_not(
    jobs: Jobs, notifications: list[Notification]
) -> None:
    def repair(progress: Progress) -> None:
        warnings.warn("two names were alike", PiximiWarning, stacklevel=1)
        warnings.warn("this will go", DeprecationWarning, stacklevel=1)

    jobs.run("Open", repair).wait()
    assert [n.message for n in notifications] == ["two names were alike"]


def test_closing_waits_for_the_end_of_all(jobs: Jobs) -> None:
    ended: list[Job] = []
    jobs.finished.connect(ended.append)
    running = [jobs.run("Count", count_slowly, 1000) for _ in range(2)]
    jobs.close()
    assert set(ended) == set(running)
    assert [job.state for job in running] == ["cancelled", "cancelled"]


def test_a_result_for_a_project_that_was_closed_is_dropped(
    workspace: Workspace, finish: Wait
) -> None:
    results: list[int] = []
    job = workspace.run("Count", count_slowly, 5, done=results.append)
    workspace.open_project(new_project("Another"))
    job.wait()
    assert results == []

    workspace.run("Count", count_slowly, 2, done=results.append)
    finish(workspace)
    assert results == [2]


def test_a_result_applies_to_the_project_as_it_is_by_then(
    workspace: Workspace, finish: Wait
) -> None:
    def work(progress: Progress) -> str:
        time.sleep(0.05)
        return "cell"

    workspace.run(
        "Find a kind", work, done=lambda kind: workspace.edit("Add", edits.create_kind, kind)
    )
    workspace.edit("Rename project", edits.rename_project, "Meanwhile")
    finish(workspace)
    assert workspace.project.name == "Meanwhile"
    assert [kind.name for kind in workspace.project.kinds.values()] == ["Image", "cell"]


def test_a_job_ends_although_napari_asked_its_worker_to_quit(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[Any] = []

    def create(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        workers.append(create_worker(*args, **options))
        return workers[-1]

    monkeypatch.setattr(jobs_module, "create_worker", create)
    job = jobs.run("Count", count_slowly, 5)
    workers[0].quit()  # as napari does when its window closes
    ended: list[bool] = []
    job.finished.connect(lambda: ended.append(job.running))
    guard = QTimer()  # or this hangs where it fails
    guard.timeout.connect(job.finished.emit)
    guard.start(5000)
    job.wait()
    guard.stop()
    assert ended == [False]
    assert jobs.running == []


def test_what_comes_of_a_job_when_all_is_closed_is_dropped(jobs: Jobs) -> None:
    gate = threading.Event()
    results: list[int] = []

    def stubborn(*, progress: Progress) -> int:
        gate.wait(5)
        return 1  # without a look at whether it was cancelled

    job = jobs.run("Stubborn", stubborn, done=results.append)
    QTimer.singleShot(50, gate.set)
    jobs.close()
    assert (job.state, results) == ("done", [])


def test_more_bytes_than_32_bits_can_be_reported() -> None:
    job = Job("Copy")
    seen: list[tuple[int, int]] = []
    job.progressed.connect(lambda done, total, *_: seen.append((done, total)))
    job.report(3 << 32, 6 << 32, part=1)
    job.report(3 << 32, 0, part=2)
    assert seen == [(10**9 // 2, 10**9), (10**9, 0)]


def test_reports_that_only_count_without_a_total_are_thinned_out() -> None:
    job = Job("Look")
    seen: list[int] = []
    job.progressed.connect(lambda *_: seen.append(1))
    for _ in range(1000):
        job.report(0, 0, "Looking")
    assert len(seen) < 100


def test_a_worker_that_exits_ends_its_job_only(jobs: Jobs) -> None:
    def leave(*, progress: Progress) -> None:
        raise SystemExit(3)

    errors: list[BaseException] = []
    job = jobs.run("Leave", leave, failed=errors.append)
    job.wait()
    assert job.state == "failed"
    assert isinstance(errors[0], SystemExit)
