"""Objects found as a job: what is kept, said, and done where things go wrong."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from tests.ui.segment_stage import Above, Slow, dots, install, project_of, segmenter

from napari_piximi.engine import Engine
from napari_piximi.errors import EngineError, ImageFileError, SegmentError
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Image, is_unknown
from napari_piximi.progress import silent
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found, found_boxes
from napari_piximi.segment.results import Target, apply_outcome
from napari_piximi.segment.running import Outcome, Request, Segmented, segment_image
from napari_piximi.ui import documents
from napari_piximi.ui import segmenting as module
from napari_piximi.ui.segmenting import Segmenting, asker_of, segmenting_of
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]
ASKED = Request("quick", Above(), (0,))
BLOBS = Target("blob")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    install(monkeypatch, segmenter(find=made))
    return made


@pytest.fixture
def stage(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Segmenting:
    """Return what finds objects; three images, with 2, 1 and 0 of them."""
    install(monkeypatch, segmenter())
    workspace.open_project(project_of(dots(200, 250), dots(180), dots(9)))
    return segmenting_of(workspace)


def objects(workspace: Workspace) -> list[tuple[str, str]]:
    project = workspace.project
    return sorted(
        (thing.image, project.kind_name(thing.kind))
        for thing in project.things.values()
        if isinstance(thing, Annotation)
    )


def draw(project: Project, image: str, count: int) -> Project:
    """Add objects of the kind blob."""
    parts = (Segmented(image, 0, found_boxes([[1, 1, 5, 5]] * count)),)
    return apply_outcome(project, Outcome(ASKED, parts), BLOBS)


def ids(count: int = 3) -> list[str]:
    return [f"image-{n}" for n in range(count)]


def test_objects_are_one_edit_and_are_unknown(
    stage: Segmenting, finish: Wait, notifications: list[Notification]
) -> None:
    workspace = stage.workspace
    before = workspace.project
    assert stage.start(ids(), ASKED, BLOBS) is not None
    assert stage.start(ids(), ASKED, BLOBS) is None, "one at a time"
    finish(workspace)
    assert stage.current is None
    assert objects(workspace) == [("image-0", "blob")] * 2 + [("image-1", "blob")]
    assert all(is_unknown(t.category) for t in workspace.project.things.values())
    assert [n.message for n in notifications] == [
        "3 objects on 2 of 3 images; Ctrl+Z takes them back"
    ]
    assert workspace.layers.color_mode == "instance"
    workspace.undo()
    assert workspace.project is before


def test_finished_images_can_be_kept_when_the_project_is_left(
    slow: Slow, workspace: Workspace, answers: list[str], qtbot: QtBot
) -> None:
    workspace.open_project(project_of(dots(200, 250), dots(180), dots(9)))
    segmenting = segmenting_of(workspace)
    segmenting.start(ids(), ASKED, BLOBS)
    slow.go.release()
    qtbot.waitUntil(lambda: len(slow.seen) == 2, timeout=9000)
    answers.append("Go on finding")
    assert not documents.new(workspace)
    assert segmenting.current is not None
    answers[:] = ["Stop and keep finished images", "Cancel"]
    assert not documents.new(workspace)
    assert segmenting.current is None
    assert objects(workspace) == [("image-0", "blob")] * 2


def test_running_again_replaces_or_adds(stage: Segmenting, finish: Wait) -> None:
    workspace = stage.workspace
    for target, count in ((BLOBS, 3), (BLOBS, 6), (Target("Blob", replaces=True), 3)):
        stage.start(ids(), ASKED, target)
        finish(workspace)
        assert len(objects(workspace)) == count


def test_finding_nothing_takes_nothing_away(
    stage: Segmenting, finish: Wait, notifications: list[Notification]
) -> None:
    workspace = stage.workspace
    stage.start(ids(), ASKED, BLOBS)
    finish(workspace)
    kept = workspace.project
    high = replace(ASKED, settings=Above(level=1.0))
    stage.start(ids(), high, Target("blob", replaces=True))
    finish(workspace)
    assert workspace.project is kept
    assert notifications[-1].severity == "warning"
    said = "No object was found on 3 images, so the 3 objects there stay. Try"
    assert notifications[-1].message.startswith(said)


def test_what_is_replaced_is_said(
    stage: Segmenting, finish: Wait, notifications: list[Notification]
) -> None:
    workspace = stage.workspace
    workspace.edit("Draw", draw, "image-0", 2)
    workspace.edit("Draw", draw, "image-2", 1)
    kind = workspace.project.find_kind("blob").id
    workspace.edit("Kind", edits.create_category, kind, "large")
    one = next(workspace.project.annotations("image-0"))
    large = workspace.project.known_categories(kind)[0]
    workspace.edit("Label", edits.categorize, [one.id], large)
    stage.start(ids(), ASKED, Target("blob", replaces=True))
    finish(workspace)
    assert objects(workspace) == [("image-0", "blob")] * 2 + [
        ("image-1", "blob"), ("image-2", "blob")
    ]  # fmt: skip
    assert [n.message for n in notifications] == [
        "3 objects on 2 of 3 images; 2 replaced, 1 of them had a category; Ctrl+Z brings them "
        "back. Where nothing was found, the object there stays"
    ]
    workspace.undo()
    assert [t.category for t in workspace.project.annotations()].count(large) == 1


def test_a_cancel_keeps_finished_images(
    stage: Segmenting, slow: Slow, finish: Wait, notifications: list[Notification], qtbot: QtBot
) -> None:
    workspace = stage.workspace
    way = stage.start(ids(), ASKED, BLOBS)
    assert way is not None
    slow.go.release()
    assert slow.begun.acquire(timeout=5)
    assert slow.begun.acquire(timeout=5)
    qtbot.waitUntil(lambda: "Image 2 of 3: 1.tif" in way.line())
    stage.stop()
    assert way.line() == "Stopping; finished images are kept"
    finish(workspace)
    assert objects(workspace) == [("image-0", "blob")] * 2
    assert [n.message for n in notifications] == [
        "Stopped. 2 objects on 1 of 3 images; Ctrl+Z takes them back"
    ]


def test_a_cancel_before_all_keeps_the_project(
    stage: Segmenting, slow: Slow, finish: Wait, notifications: list[Notification]
) -> None:
    before = stage.workspace.project
    stage.start(ids(), ASKED, BLOBS)
    stage.stop()
    finish(stage.workspace)
    assert stage.workspace.project is before
    (said,) = notifications
    assert said.message.startswith("Stopped")
    assert "project stays as it is" in said.message


def test_images_that_fail_are_named_in_one_message(
    stage: Segmenting, slow: Slow, finish: Wait, notifications: list[Notification]
) -> None:
    slow.failing = {
        "1.tif": SegmentError("'1.tif' has pixels that are NaN or infinite"),
        "2.tif": MemoryError(),
    }
    for _ in range(3):
        slow.go.release()
    stage.start(ids(), ASKED, BLOBS)
    finish(stage.workspace)
    assert len(objects(stage.workspace)) == 2
    (said,) = notifications
    assert said.severity == "warning"
    assert said.message == (
        "2 objects on 1 of 3 images; Ctrl+Z takes them back. 2 images could not be segmented: "
        "1.tif: has pixels that are NaN or infinite; 2.tif: there is not enough memory"
    )


def test_a_fault_keeps_what_is_finished(
    stage: Segmenting, slow: Slow, finish: Wait, notifications: list[Notification]
) -> None:
    slow.failing = {"1.tif": ZeroDivisionError("by zero")}
    slow.go.release()
    slow.go.release()
    stage.start(ids(), ASKED, BLOBS)
    finish(stage.workspace)
    assert len(objects(stage.workspace)) == 2
    (said,) = notifications
    assert said.severity == "error"
    assert "'1.tif': it failed with ZeroDivisionError: by zero" in said.message
    assert "2 objects on 1 of 3 images" in said.message


def test_a_fault_on_the_first_image_is_one_error(
    stage: Segmenting, slow: Slow, finish: Wait, notifications: list[Notification]
) -> None:
    before = stage.workspace.project
    slow.failing = {"0.tif": ZeroDivisionError("by zero")}
    slow.go.release()
    stage.start(ids(), ASKED, BLOBS)
    finish(stage.workspace)
    assert stage.workspace.project is before
    assert [n.severity for n in notifications] == ["error"]
    assert "Quick found nothing, and nothing is lost" in notifications[0].message


def test_images_deleted_meanwhile_are_passed_over(
    stage: Segmenting, slow: Slow, finish: Wait, notifications: list[Notification]
) -> None:
    workspace = stage.workspace
    stage.start(ids(), ASKED, BLOBS)
    workspace.edit("Delete", edits.delete_things, ["image-0"])
    for _ in range(3):
        slow.go.release()
    finish(workspace)
    assert objects(workspace) == [("image-1", "blob")]
    (said,) = notifications
    assert said.message == (
        "1 object on 1 of 3 images; Ctrl+Z takes it back. 1 image went meanwhile, and is left out"
    )


def test_another_project_gets_nothing(
    stage: Segmenting, slow: Slow, finish: Wait, notifications: list[Notification]
) -> None:
    workspace = stage.workspace
    stage.start(ids(), ASKED, BLOBS)
    assert slow.begun.acquire(timeout=5)
    other = project_of(dots(77))
    workspace.open_project(other)
    assert stage.current is None
    slow.go.release()
    finish(workspace)
    assert workspace.project is other
    assert [n.message for n in notifications] == [
        "Find objects with Quick: stopped, since another project was opened"
    ]


@pytest.mark.parametrize(
    ("pixels", "count"),
    [
        (np.full((1, 1, 1, 1), 255, np.uint8), 1),
        (np.full((1, 20, 30, 1), 255, np.uint8), 1),
        (np.zeros((1, 20, 30, 1), np.uint8), 0),
    ],
    ids=["1x1", "one object", "constant"],
)
def test_odd_images(
    stage: Segmenting, finish: Wait, pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]",
    count: int,
) -> None:  # fmt: skip
    workspace = stage.workspace
    workspace.open_project(project_of(pixels))
    stage.start(ids(1), ASKED, BLOBS)
    finish(workspace)
    assert len(objects(workspace)) == count


def test_nan_is_a_failure_that_names_the_image(
    stage: Segmenting, finish: Wait, notifications: list[Notification]
) -> None:
    workspace = stage.workspace
    workspace.open_project(project_of(np.full((1, 8, 8, 1), np.nan, np.float32)))
    stage.start(ids(1), ASKED, BLOBS)
    finish(workspace)
    assert [n.message for n in notifications] == [
        "1 image could not be segmented: 0.tif: has pixels that are NaN or infinite"
    ]


@pytest.mark.parametrize("kind", ["", "Image"])
def test_a_kind_that_objects_cannot_have(
    stage: Segmenting, finish: Wait, notifications: list[Notification], kind: str
) -> None:
    before = stage.workspace.project
    stage.start(ids(), ASKED, Target(kind))
    finish(stage.workspace)
    assert stage.workspace.project is before
    assert [n.severity for n in notifications] == ["error"]


def test_channels_that_are_not_there(
    stage: Segmenting, finish: Wait, notifications: list[Notification]
) -> None:
    stage.start(ids(), replace(ASKED, channels=(3,)), BLOBS)
    finish(stage.workspace)
    assert [n.severity for n in notifications] == ["error"]
    assert "channel 4" in notifications[0].message


def test_unreadable_files_fail_alone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        shape, dtype = (1, 8, 8, 1), np.dtype(np.uint8)

        def __init__(self, error: Exception) -> None:
            self.error = error

        def __array__(self, dtype: object = None, copy: object = None) -> None:
            raise self.error

    install(monkeypatch, segmenter())
    project = project_of(dots(200))
    ask = asker_of(workspace, "quick")
    image = project.things["image-0"]
    assert isinstance(image, Image)
    for error in (ImageFileError("0.tif: damaged"), FileNotFoundError("0.tif"), MemoryError()):
        broken = replace(image, pixels=Broken(error))  # type: ignore[arg-type]
        with pytest.raises(SegmentError, match=r"0\.tif"):
            ask(replace(project, things={"image-0": broken}), "image-0", ASKED, silent)


def many(_plane: Plane, _settings: Above, _progress: object) -> Found:
    rows, columns = np.divmod(np.arange(3_000), 100)
    return found_boxes(np.stack([rows, columns, rows + 1, columns + 1], axis=1))


def test_many_objects_are_worked_out_in_a_thread(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, finish: Wait
) -> None:
    install(monkeypatch, segmenter(find=many))
    workspace.open_project(project_of(np.zeros((1, 100, 100, 1), np.uint8)))
    titles: list[str] = []
    workspace.jobs.started.connect(lambda job: titles.append(job.title))
    segmenting_of(workspace).start(ids(1), ASKED, BLOBS)
    finish(workspace)
    finish(workspace)
    assert titles == ["Find objects with Quick", "Find 3,000 objects with Quick"]
    assert len(objects(workspace)) == 3_000


# --- the engine ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return an engine that knows segmenters, and no Keras."""
    made = Engine(("napari_piximi.segment.running",))
    yield made
    made.close()


@pytest.fixture
def elsewhere(workspace: Workspace, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a workspace whose segmenters all run in that engine."""
    monkeypatch.setattr(type(workspace.learning), "engine", lambda _self, _place: engine)
    workspace.open_project(project_of(dots(200, 250), dots(180), dots(220)))
    return workspace


def threshold() -> Request:
    from napari_piximi.segment.segmenters.threshold import ThresholdSettings

    plain = ThresholdSettings(even_light=False, smoothing=0.0, min_size=4)
    return Request("threshold", plain, (0,))


def test_an_engine_finds_what_the_window_finds(elsewhere: Workspace, finish: Wait) -> None:
    ask = asker_of(elsewhere, "threshold")
    there = ask(elsewhere.project, "image-0", threshold(), silent)
    here = segment_image(elsewhere.project, "image-0", threshold())
    assert len(there) == len(here) == 1
    assert len(there[0].found) == 2
    assert there[0].found.boxes.tolist() == here[0].found.boxes.tolist()
    assert there[0].found.runs == here[0].found.runs


def test_an_engine_that_dies_leaves_finished_images(
    elsewhere: Workspace, engine: Engine, finish: Wait, notifications: list[Notification],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    call, calls = Engine.call, []

    def falls(self: Engine, function: str, *args: object, **options: object) -> object:
        calls.append(function)
        if len(calls) == 2:
            assert self.pid is not None
            os.kill(self.pid, signal.SIGKILL)
            raise EngineError("The process that computes was killed")
        return call(self, function, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "call", falls)
    segmenting_of(elsewhere).start(ids(), threshold(), BLOBS)
    finish(elsewhere)
    assert calls == [module.SEGMENT] * 2
    assert objects(elsewhere) == [("image-0", "blob")] * 2
    (said,) = notifications
    assert said.severity == "error"
    assert said.message.startswith("It ended before all was done: The process that computes")
    assert "2 objects on 1 of 3 images" in said.message
    monkeypatch.undo()


def test_where_segmenters_run(workspace: Workspace) -> None:
    learning = workspace.learning
    assert learning.engine("window") is None
    assert learning.engine("networks") is learning.networks
    assert learning.engine("cellpose") is learning.cellpose
    assert learning.cellpose is not learning.networks
    learning.close()
    with pytest.raises(EngineError, match="closed"):
        learning.cellpose.start()
