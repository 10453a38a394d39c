"""What becomes of a fit: done, stopped, failed, killed, or overtaken by edits meanwhile."""

import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from tests.ui.conftest import Wait
from tests.ui.fit_stage import Plays, engine, plays

from napari_piximi.model import edits
from napari_piximi.model.project import new_project
from napari_piximi.model.things import Partition
from napari_piximi.model.training import Classifier, Settings
from napari_piximi.ui.fitting import Fitting, FitUnderWay, fitting_of, last_settings
from napari_piximi.ui.workspace import Workspace

__all__ = ["engine", "plays"]  # fixtures

NAME = "SimpleCNN 1"


@pytest.fixture
def fitting(workspace: Workspace, plays: Plays) -> Fitting:
    return fitting_of(workspace)


def start(fitting: Fitting, base: Classifier | None = None, **changes: object) -> FitUnderWay:
    settings = Settings(**changes)  # type: ignore[arg-type]
    found = fitting.start(fitting.workspace.gallery.query.kind, settings, NAME, base)
    assert found is not None
    return found


def only(workspace: Workspace) -> Classifier:
    (found,) = workspace.project.classifiers
    return found


def texts(notifications: list[Notification]) -> list[str]:
    return [str(note.message) for note in notifications]


# --- it ends well ----------------------------------------------------------------------------


def test_a_fit_becomes_one_edit_and_is_judged(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick")
    workspace = fitting.workspace
    before, told, lines = workspace.project, [], []
    fitting.progressed.connect(lambda: told.append(dict(fitting.current.history.get("loss", {}))))  # type: ignore[union-attr]
    fitting.progressed.connect(lambda: lines.append(fitting.current.line(0.0)))  # type: ignore[union-attr]
    fit = start(fitting)
    assert fitting.current is fit
    assert fit.job is not None
    assert fit.job.title == f"Fit {NAME}"
    assert fitting.start("x", Settings(), "another") is None  # one at a time
    finish(workspace)
    assert fitting.current is None
    assert told[-1] == {1: 1.0, 2: 0.5, 3: 1 / 3}
    assert lines[-1] == "Epoch 3 of 300, batch 2 of 2"
    classifier = only(workspace)
    assert (classifier.name, len(classifier.runs)) == (NAME, 1)
    assert workspace.learning.choice.classifier == classifier
    assert [e.accuracy for e in classifier.evaluations] == [0.75]
    assert workspace.project.things["cell-0"].partition in ("Training", "Validation")
    assert workspace.session.undo_label == f"Evaluate {NAME}"
    workspace.undo()
    assert workspace.session.undo_label == f"Fit {NAME}"
    workspace.undo()
    assert workspace.project is before
    assert texts(notifications) == []


def test_continue_keeps_the_runs(fitting: Fitting, plays: Plays, finish: Wait) -> None:
    plays("quick")
    start(fitting)
    finish(fitting.workspace)
    first = only(fitting.workspace)
    start(fitting, first)
    finish(fitting.workspace)
    again = only(fitting.workspace)
    assert again.runs[0] == first.runs[0]
    assert len(again.runs) == 2
    assert again.evaluations[:1] == first.evaluations


def test_nothing_to_validate_is_not_judged(fitting: Fitting, plays: Plays, finish: Wait) -> None:
    plays("quick")
    start(fitting, training_percentage=1.0)
    finish(fitting.workspace)
    assert only(fitting.workspace).evaluations == ()
    assert fitting.workspace.session.undo_label == f"Fit {NAME}"


def test_what_a_new_model_was_fitted_with_is_remembered(
    fitting: Fitting, plays: Plays, finish: Wait
) -> None:
    plays("quick")
    start(fitting, epochs=7)
    finish(fitting.workspace)
    kept = last_settings()
    assert isinstance(kept, dict)
    assert kept["epochs"] == 7


# --- it is stopped ---------------------------------------------------------------------------


def test_stop_keeps_the_best(fitting: Fitting, plays: Plays, finish: Wait, qtbot: QtBot) -> None:
    plays("until_stopped")
    fit = start(fitting)
    qtbot.waitUntil(lambda: bool(fit.history), timeout=20_000)
    fitting.stop()
    assert fit.line(0.0) == "Stopping; the best so far is kept"
    finish(fitting.workspace)
    run = only(fitting.workspace).runs[-1]
    assert (run.stopped, run.epochs) == ("cancelled", 2)
    assert fitting.current is None


def test_stopped_too_early_there_is_nothing(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("stopped_at_once")
    start(fitting)
    finish(fitting.workspace)
    assert fitting.workspace.project.classifiers == ()
    assert texts(notifications) == [
        f"{NAME}: stopped before the first epoch was complete, so there is nothing to keep"
    ]


# --- it fails --------------------------------------------------------------------------------


def test_killed_it_leaves_the_best(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("dies")
    start(fitting)
    finish(fitting.workspace)
    classifier = only(fitting.workspace)
    assert (classifier.runs[-1].stopped, classifier.runs[-1].epochs) == ("interrupted", 2)
    (text,) = texts(notifications)
    assert "it was killed" in text
    assert f"The best weights so far, of epoch 2, are kept as {NAME}" in text
    plays("quick")
    start(fitting)
    finish(fitting.workspace)
    assert [run.stopped for run in only(fitting.workspace).runs] == ["interrupted", "finished"]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("dies_at_once", "it was killed"),
        ("fails_inside", "ValueError: Dimensions must be equal, but are 3 and 4"),
        ("refuses", "'cell 3' (cell-3) has pixels that are NaN or infinite"),
    ],
)
def test_a_failure_is_one_message(
    fitting: Fitting,
    plays: Plays,
    finish: Wait,
    notifications: list[Notification],
    part: str,
    words: str,
) -> None:
    plays(part)
    before = fitting.workspace.project
    start(fitting)
    finish(fitting.workspace)
    assert fitting.workspace.project is before
    assert fitting.current is None
    (text,) = texts(notifications)
    assert words in text
    plays("quick")
    start(fitting)
    finish(fitting.workspace)
    assert only(fitting.workspace).name == NAME


def test_out_of_memory_offers_a_batch_size(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("out_of_memory")
    start(fitting, batch_size=32)
    finish(fitting.workspace)
    trouble = fitting.trouble
    assert trouble is not None
    assert trouble.remedy is not None
    assert trouble.remedy.caption == "Fit with batch size 16"
    assert texts(notifications) == ["No room for a batch size of 32; 16 fits"]
    start(fitting, **trouble.remedy.changes)
    assert fitting.trouble is None
    finish(fitting.workspace)
    assert only(fitting.workspace).settings.batch_size == 16


# --- the project changes meanwhile -----------------------------------------------------------


def test_the_kind_is_deleted_meanwhile(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick")
    start(fitting)
    workspace = fitting.workspace
    workspace.edit("Delete", edits.delete_kind, workspace.gallery.query.kind)
    finish(workspace)
    (told,) = texts(notifications)
    assert told.startswith(f"{NAME} is fitted. Its kind cells was deleted meanwhile, and is back")
    assert fitting.current is None
    kept, kind = only(workspace), workspace.project.find_kind("cells")
    assert (kept.kind, len(kept.runs)) == (kind.id, 1)
    assert list(workspace.project.of_kind(kind.id)) == []
    workspace.undo()
    assert (workspace.project.classifiers, len(workspace.project.kinds)) == ((), 1)
    workspace.undo()
    assert workspace.project.find_kind("cells").categories


def test_a_category_is_deleted_meanwhile(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick")
    start(fitting)
    workspace = fitting.workspace
    workspace.edit("Delete", edits.delete_category, "1long")
    finish(workspace)
    assert only(workspace).class_map == ("1round", "1long")
    assert texts(notifications) == [
        f"{NAME} is fitted, but 1 category of it went meanwhile: map its classes before it predicts"
    ]
    assert workspace.project.things["cell-7"].partition != Partition.TRAINING


def test_a_category_is_renamed_meanwhile(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick")
    start(fitting)
    workspace = fitting.workspace
    workspace.edit("Rename", edits.edit_category, "1long", name="longish")
    finish(workspace)
    assert only(workspace).class_map == ("1round", "1long")
    assert workspace.project.categories["1long"].name == "longish"
    assert len(only(workspace).evaluations) == 1
    assert texts(notifications) == []


def test_a_thing_is_deleted_and_one_unlabelled_meanwhile(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick")
    start(fitting)
    workspace = fitting.workspace
    unknown = workspace.project.kinds[workspace.gallery.query.kind].unknown
    workspace.edit("Delete", edits.delete_things, ["cell-0"])
    workspace.edit("Unlabel", edits.categorize, ["cell-1"], unknown)
    finish(workspace)
    assert "cell-0" not in workspace.project.things
    assert workspace.project.things["cell-1"].partition != Partition.TRAINING
    assert only(workspace).name == NAME
    assert texts(notifications) == []


def test_another_kind_took_the_name_meanwhile(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick")
    fit = start(fitting)
    workspace = fitting.workspace
    other = Classifier(NAME, "Image")
    workspace.edit("Put", edits.put_classifier, other)
    finish(workspace)
    names = {c.kind: c.name for c in workspace.project.classifiers}
    assert names == {"Image": NAME, fit.kind: f"{NAME} 2"}
    assert texts(notifications) == []


def test_another_project_is_opened_meanwhile(
    fitting: Fitting, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("until_stopped")
    start(fitting)
    workspace = fitting.workspace
    workspace.open_project(new_project("Another"))
    assert fitting.current is None
    finish(workspace)
    assert workspace.project.classifiers == ()
    assert texts(notifications) == [f"Fit {NAME}: stopped, since another project was opened"]
    assert not workspace.session.dirty
