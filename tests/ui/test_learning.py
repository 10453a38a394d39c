"""Jobs in the engines: in a viewer without a window, and with Keras beside a real one."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication
from tests.ui.conftest import Wait

from napari_piximi.errors import EngineError, FitError
from napari_piximi.io.samples import digits_project
from napari_piximi.learn.device_choice import VARIABLE
from napari_piximi.learn.results import FitResult, Predictions, apply_fit
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import FOREST, FOREST_FORMAT, Classifier, ModelArtifact, Settings
from napari_piximi.ui import learning as learning_module
from napari_piximi.ui.docks import show_dock
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.learning import Learning, needs_keras
from napari_piximi.ui.workspace import Workspace, workspace_of

WARM = True
"""Let the dock start its engines; see ``cold`` in :mod:`tests.ui.conftest`."""

JOBS = "tests.ui.learning_jobs:"
FIT, PREDICT = "napari_piximi.learn.classifier:fit", "napari_piximi.learn.classifier:predict"
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


@pytest.fixture(scope="module")
def digits() -> Project:
    return digits_project(per_class=20).project


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Workspace:
    """Return a workspace whose engines import nothing, and tell a device at once."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(learning_module, "KERAS_MODULES", ())
    monkeypatch.setattr(learning_module, "PLAIN_MODULES", ())
    monkeypatch.setattr(learning_module, "REPORT", f"{JOBS}device")
    return workspace


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        QApplication.processEvents()
        time.sleep(0.002)


def run(workspace: Workspace, function: str, *args: object, **options: Any) -> Job:  # noqa: ANN401
    return workspace.learning.run(
        "Work", f"{JOBS}{function}", workspace.project, IMAGE_KIND, *args, **options
    )


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


# --- without a window ------------------------------------------------------------------------


@pytest.mark.parametrize("keras", [True, False])
def test_a_function_gets_the_things_and_its_result_comes_back(
    plain: Workspace, digits: Project, keras: bool
) -> None:
    plain.open_project(digits)
    found: list[tuple[int, int]] = []
    run(plain, "things", keras=keras, done=found.append).wait()
    engine = plain.learning.networks if keras else plain.learning.plain
    assert found == [(1797, engine.pid)]


def test_the_engines_know_each_other_not(plain: Workspace) -> None:
    found: list[tuple[int, int]] = []
    for keras in (True, False):
        run(plain, "things", keras=keras, done=found.append).wait()
    assert found[0][1] != found[1][1]


def test_warm_starts_one_after_the_other_once(plain: Workspace, finish: Wait) -> None:
    learning = plain.learning
    told: list[str] = []
    learning.device_changed.connect(lambda: told.append(learning.device))
    for _ in range(3):
        learning.warm()
    assert len(plain.jobs.running) == 1
    assert learning.plain.pid is None
    finish(plain)
    assert learning.networks.pid is not None
    wait_for(lambda: learning.plain.pid)
    pids = learning.plain.pid, learning.networks.pid
    learning.warm()
    assert plain.jobs.running == []
    assert told == ["auto of test"]
    assert (learning.plain.pid, learning.networks.pid) == pids


def test_trouble_of_a_warm_start_waits_until_something_is_asked(
    plain: Workspace,
    finish: Wait,
    notifications: list[Notification],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning_module, "KERAS_MODULES", ("tests.broken_module",))
    learning = plain.learning
    learning.warm()
    finish(plain)
    assert notifications == []
    assert learning.device.startswith("None: The process that computes cannot start: ModuleNot")
    job = run(plain, "things")
    job.wait()
    finish(plain)
    assert job.state == "failed"
    assert len(notifications) == 1
    assert "pip install --upgrade tensorflow" in notifications[0].message
    found: list[object] = []
    run(plain, "things", keras=False, done=found.append).wait()
    assert len(found) == 1, "what needs no Keras works"


def test_the_device_can_be_chosen_and_is_remembered(
    plain: Workspace, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning = plain.learning
    learning.choose_device("cpu")
    finish(plain)
    assert (learning.device, learning.device_choice) == ("cpu of test", "cpu")
    learning.choose_device("gpu")
    finish(plain)
    assert learning.device == "gpu of test"
    assert Learning(plain).device_choice == "gpu"
    monkeypatch.setenv(VARIABLE, "cpu")
    assert Learning(plain).device_choice == "cpu", "the command line has the last word"


def test_an_error_is_one_notification_or_goes_to_who_asked(
    plain: Workspace, notifications: list[Notification]
) -> None:
    run(plain, "refuse").wait()
    assert [note.message for note in notifications] == ["nothing to learn from"]
    caught: list[BaseException] = []
    run(plain, "refuse", failed=caught.append).wait()
    assert [type(error) for error in caught] == [FitError]
    assert len(notifications) == 1


def test_a_job_that_is_cancelled_stops_and_hands_over_what_it_has(plain: Workspace) -> None:
    results: list[str] = []
    job = run(plain, "count", 2000, done=results.append)
    figures: list[dict[str, Any]] = []
    job.progressed.connect(lambda *report: figures.append(report[3]))
    wait_for(lambda: any("step" in values for values in figures))
    job.cancel()
    job.wait()
    assert results == ["stopped"]


def test_opening_another_project_stops_and_says_so(
    plain: Workspace, notifications: list[Notification], finish: Wait
) -> None:
    results: list[str] = []
    job = run(plain, "count", 2000, done=results.append, failed=results.append)
    wait_for(lambda: plain.learning.networks.busy)
    plain.open_project(new_project("other"))
    finish(plain)
    assert not job.running
    assert results == []
    assert [note.message for note in notifications] == [
        "Work: stopped, since another project was opened"
    ]
    found: list[object] = []
    run(plain, "things", done=found.append).wait()
    assert len(found) == 1


@pytest.mark.parametrize("keeps", [False, True])
def test_closing_while_something_hangs_waits_for_nobody(
    plain: Workspace, tmp_path: Path, notifications: list[Notification], keeps: bool
) -> None:
    caught: list[BaseException] = []
    job = run(plain, "hang", str(tmp_path / "busy"), keeps=keeps, failed=caught.append)
    wait_for((tmp_path / "busy").exists)
    start = time.monotonic()
    plain.close()
    assert time.monotonic() - start < 2
    assert not job.running
    assert caught == []
    assert notifications == []
    assert plain.learning.networks.pid is None


def test_closing_while_the_engine_starts_leaves_no_process(
    plain: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning_module, "KERAS_MODULES", ("tests.slow_module",))
    learning = plain.learning
    learning.warm()
    run(plain, "things")
    plain.close()
    time.sleep(0.1)
    assert learning.networks.pid is None
    assert learning.plain.pid is None


@posix
@pytest.mark.parametrize("keeps", [False, True])
def test_killed_at_work_it_is_one_error_with_what_was_kept(
    plain: Workspace, tmp_path: Path, notifications: list[Notification], keeps: bool
) -> None:
    before = plain.project
    caught: list[BaseException] = []
    job = run(plain, "hang", str(tmp_path / "busy"), keeps=keeps, failed=caught.append)
    wait_for((tmp_path / "busy").exists)
    kill(plain.learning.networks.pid)
    job.wait()
    (error,) = caught
    assert isinstance(error, EngineError)
    assert error.kept == ("best" if keeps else None)
    assert notifications == []
    assert plain.project is before


def test_without_work_the_engines_end(plain: Workspace, finish: Wait) -> None:
    learning = plain.learning
    learning._idle.setInterval(150)
    learning.warm()
    finish(plain)
    wait_for(lambda: learning.networks.pid is None and learning.plain.pid is None)
    job = run(plain, "count", 60)  # longer than the engines may be idle
    job.wait()
    assert job.state == "done"
    assert learning.networks.pid is not None
    wait_for(lambda: learning.networks.pid is None)


def test_what_needs_keras() -> None:
    def classifier(form: str) -> Classifier:
        return Classifier("c", IMAGE_KIND, model=ModelArtifact({"format": form}, b""))

    assert needs_keras(Settings())
    assert not needs_keras(Settings(architecture=FOREST))
    assert needs_keras(classifier("layers-model"))
    assert not needs_keras(classifier(FOREST_FORMAT))


# --- Keras beside a real window --------------------------------------------------------------


@pytest.fixture(scope="module")
def window(qapp: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Return the workspace of a real window with the Classifier dock in sight."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_PIXIMI_STATE", str(tmp_path_factory.mktemp("state")))
        viewer = napari.Viewer(show=True)
        workspace = workspace_of(viewer)
        yield workspace
        workspace.session.mark_saved()
        workspace.close()
        viewer.close()


@pytest.fixture
def labelled(window: Workspace, digits: Project, qtbot: QtBot) -> Workspace:
    window.open_project(digits)
    panel = show_dock(window, "Classifier")
    assert panel is not None
    qtbot.waitUntil(panel.isVisible)
    window.session.mark_saved()
    return window


def fit(workspace: Workspace, epochs: int, **more: Any) -> tuple[Job, list[Any]]:  # noqa: ANN401
    """Fit as the dock does."""
    results: list[Any] = []
    job = workspace.learning.run(
        "Fit SimpleCNN 1", FIT, workspace.project, IMAGE_KIND, IMAGE_KIND,
        Settings(epochs=epochs, seed=3), name="SimpleCNN 1", keeps=True, done=results.append,
        failed=results.append, **more,
    )  # fmt: skip
    return job, results


def predict(workspace: Workspace, classifier: Classifier) -> tuple[Job, list[Any]]:
    results: list[Any] = []
    job = workspace.learning.run(
        "Predict", PREDICT, workspace.project, IMAGE_KIND, classifier,
        done=results.append, failed=results.append,
    )  # fmt: skip
    return job, results


def fitted(workspace: Workspace) -> Classifier:
    job, results = fit(workspace, 8)
    job.wait()
    (result,) = results
    assert isinstance(result, FitResult), result
    assert workspace.edit("Fit", apply_fit, result)
    return workspace.project.classifiers[-1]


def test_fit_and_predict_beside_a_window(labelled: Workspace) -> None:
    figures: list[dict[str, Any]] = []
    classifier = fitted(labelled)
    assert classifier.runs[-1].epochs == 8
    assert classifier.runs[-1].device.startswith(("CPU (", "N"))
    job, results = predict(labelled, classifier)
    job.progressed.connect(lambda *report: figures.append(report[3]))
    job.wait()
    (found,) = results
    assert isinstance(found, Predictions)
    assert found.probabilities.shape == (1597, 10)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-4)
    assert labelled.edit("Predict", edits.set_predictions, found.predictions())
    assert "tensorflow" not in sys.modules
    assert "keras" not in sys.modules
    assert labelled.learning.device.startswith(("CPU (", "N"))


def test_stop_keeps_the_best_weights(labelled: Workspace) -> None:
    job, results = fit(labelled, 2000)
    figures: list[dict[str, Any]] = []
    job.progressed.connect(lambda *report: figures.append(report[3]))
    wait_for(lambda: sum("val_loss" in values for values in figures) > 2, 60)
    job.cancel()
    job.wait()
    (result,) = results
    assert isinstance(result, FitResult)
    run = result.classifier.runs[-1]
    assert run.stopped == "cancelled"
    assert 2 < run.epochs < 2000


@posix
def test_killed_while_idle_the_next_fit_works(
    labelled: Workspace, notifications: list[Notification]
) -> None:
    fitted(labelled)
    before = labelled.project
    kill(labelled.learning.networks.pid)
    assert fitted(labelled).runs[-1].epochs == 8
    assert notifications == []
    assert before.classifiers[-1].name in {c.name for c in labelled.project.classifiers}


@posix
def test_killed_in_a_fit_and_in_a_predict(labelled: Workspace) -> None:
    classifier = fitted(labelled)
    project = labelled.project

    job, results = fit(labelled, 5000)
    figures: list[dict[str, Any]] = []
    job.progressed.connect(lambda *report: figures.append(report[3]))
    wait_for(lambda: any(values.get("epoch", 0) > 40 for values in figures), 60)
    kill(labelled.learning.networks.pid)
    job.wait()
    (error,) = results
    assert isinstance(error, EngineError)
    assert str(error).startswith("The process that computes has gone: it was killed")
    assert isinstance(error.kept, FitResult)
    assert error.kept.classifier.runs[-1].stopped == "interrupted"
    assert labelled.project is project

    many = [replace(i, id=f"{i.id}-{n}") for n in range(30) for i in project.images()]
    labelled.edit("Add as many that it takes a while", edits.add_images, many)
    project = labelled.project
    job, results = predict(labelled, classifier)
    wait_for(lambda: labelled.learning.networks.pid is not None)
    started: list[str] = []
    job.progressed.connect(lambda *report: started.append(report[2]))
    wait_for(lambda: any(text and "Starting" not in text for text in started), 60)
    kill(labelled.learning.networks.pid)
    job.wait()
    (error,) = results
    assert isinstance(error, EngineError), "killed too late"
    assert labelled.project is project

    job, results = predict(labelled, classifier)
    job.wait()
    assert isinstance(results[0], Predictions)


def test_closing_the_window_in_a_fit_loses_nothing_else(labelled: Workspace) -> None:
    """Last: it closes the workspace that the tests of this module share."""
    job, results = fit(labelled, 5000)
    figures: list[dict[str, Any]] = []
    job.progressed.connect(lambda *report: figures.append(report[3]))
    wait_for(lambda: any("epoch" in values for values in figures), 60)
    project = labelled.project
    start = time.monotonic()
    labelled.close()
    assert time.monotonic() - start < 3
    assert not job.running
    assert results == []
    assert labelled.project is project
    assert labelled.learning.networks.pid is None
