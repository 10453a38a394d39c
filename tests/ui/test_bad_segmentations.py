"""What goes wrong when objects are to be found, by the dock's own controls.

Each test ends with a run that works: one clear message, a sound project, and life goes on.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import Notification
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QComboBox
from tests.io.model_server import ModelServer
from tests.learn.graph_files import small_graph
from tests.segment.published import files_of, publish
from tests.segment.star_graph import discs, star_graph
from tests.ui.pressing import click
from tests.ui.segment_stage import Slow, dots, find, install, project_of, segmenter

from napari_piximi.engine import Engine
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, Annotation, is_unknown
from napari_piximi.progress import Progress
from napari_piximi.segment import weights
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found
from napari_piximi.ui.learning import KERAS_MODULES
from napari_piximi.ui.segment_page import SegmentPage
from napari_piximi.ui.segment_where import Where
from napari_piximi.ui.segmentation_panel import SegmentationPanel
from napari_piximi.ui.weights_dialog import WeightsDialog
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]
Pixels = NDArray[Any]
KEY = "stardist-fluo"
BREAK = "\u200b"
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


class Desk:
    """The Segmentation dock, and what a user does with it."""

    def __init__(
        self, workspace: Workspace, page: SegmentPage, said: list[Notification], finish: Wait
    ) -> None:
        self.workspace, self.page, self.said = workspace, page, said
        self._finish = finish
        self.folder = Path()

    @property
    def project(self) -> Project:
        return self.workspace.project

    @property
    def objects(self) -> list[Annotation]:
        return [t for t in self.project.things.values() if isinstance(t, Annotation)]

    def counts(self) -> list[int]:
        """Return how many objects each image has."""
        images = [image.id for image in self.project.images()]
        return [sum(thing.image == image for thing in self.objects) for image in images]

    def said_once(self) -> str:
        (text,) = [str(note.message) for note in self.said]
        self.said.clear()
        return text

    def open(self, project: Project) -> None:
        self.workspace.open_project(project)
        first = next(project.images(), None)
        if first is not None:
            self.workspace.show(first.id)
        self.page.refresh()

    def show(self, *arrays: Pixels) -> None:
        """Open a project of images, and choose all of them."""
        self.open(project_of(*arrays))
        choose(self.page.target.where, self.page.target.where.findData(Where.ALL))

    def pick(self, key: str, **settings: Any) -> None:  # noqa: ANN401
        """Choose a segmenter, and its settings in the form."""
        choose(self.page.segmenter.box, self.page.segmenter.box.findData(key))
        for name, value in settings.items():
            editor = self.page.forms[key].editor(name)
            editor.show_value(value)
            editor.changed.emit(value)
        assert [getattr(self.page.choice.settings, name) for name in settings] == [
            *settings.values()
        ]

    def press(self) -> None:
        """Click Find objects, or Stop."""
        assert self.page.buttons.button.isEnabled(), self.page.buttons.button.toolTip()
        click(self.page.buttons.button)

    def finish(self) -> None:
        while self.workspace.jobs.running:
            self._finish(self.workspace)
        self.page.refresh()

    def run(self) -> None:
        self.press()
        self.finish()

    def edit(self, function: Callable[..., Project], *args: object, **options: object) -> None:
        assert self.workspace.edit("Edit", function, *args, **options)

    def is_sound(self) -> None:
        """See that the project holds together, and comes back from the disk as it is."""
        project, page = self.project, self.page
        for thing in self.objects:
            assert thing.image in project.things
            assert is_unknown(thing.category)
            assert thing.category == project.kinds[thing.kind].unknown
        path = self.folder / "sound.zip"
        write_bundle(project, path)
        again = read_bundle(path)
        assert set(again.things) == set(project.things)
        assert page.segmenting.current is None
        assert not page.buttons.bar.isVisible()
        assert page.preview.layer is None or page.preview.shown

    def still_works(self, key: str = "") -> None:
        """Find two objects, and take them back."""
        self.is_sound()
        assert self.said == []
        self.show(dots(200, 250))
        self.pick(key or "quick")
        before = self.project
        self.run()
        assert len(self.objects) == 2
        assert self.said_once() == "2 objects on 1 image; Ctrl+Z takes them back"
        self.workspace.undo()
        assert self.project is before


def choose(box: QComboBox, row: int) -> None:
    assert row >= 0
    box.setCurrentIndex(row)
    box.activated.emit(row)


@pytest.fixture
def desk(
    workspace: Workspace, qtbot: QtBot, notifications: list[Notification], finish: Wait,
    tmp_path: Path,
) -> Desk:  # fmt: skip
    panel = SegmentationPanel(workspace.viewer)
    qtbot.addWidget(panel)
    panel.resize(360, 900)
    panel.show()
    page = panel.page("Find objects")
    assert isinstance(page, SegmentPage)
    made = Desk(workspace, page, notifications, finish)
    made.folder = tmp_path
    return made


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    install(monkeypatch, segmenter(), segmenter("slow", find=made))
    return made


# --- images with nothing, or nothing else ------------------------------------------------------


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1, 1, 1), np.uint8),
        np.full((1, 1, 1, 1), 255, np.uint8),
        np.full((1, 40, 30, 1), 77, np.uint8),
        np.zeros((1, 40, 30, 1), np.float32),
        np.full((1, 1, 500, 1), 65535, np.uint16),
    ],
    ids=["1x1 black", "1x1 white", "constant", "constant float", "one row"],
)
@pytest.mark.parametrize("method", ["Otsu", "Li", "Triangle", "Local"])
def test_there_is_no_object(desk: Desk, pixels: Pixels, method: str) -> None:
    desk.show(pixels)
    desk.pick("threshold", method=method)
    before = desk.project
    click(desk.page.buttons.look)
    desk.finish()
    assert desk.page.preview.text.startswith("No object: try another channel")
    desk.run()
    assert desk.project is before
    assert desk.said_once().startswith("No object was found on 1 image. Try the preview with")
    assert not desk.page.preview.shown
    desk.is_sound()


@pytest.mark.parametrize("shape", [(1, 1), (40, 30), (1, 500)])
def test_the_whole_image_is_one_object(desk: Desk, shape: tuple[int, int]) -> None:
    desk.show(np.full((1, *shape, 1), 200, np.uint8))
    desk.pick("threshold", method="Manual", value=50.0, min_size=0, smoothing=0.0, split=0.0,
              objects="Bright", even_light=False)  # fmt: skip
    desk.run()
    (thing,) = desk.objects
    assert thing.bbox == (0, 0, *shape)
    assert desk.said_once() == "1 object on 1 image; Ctrl+Z takes it back"
    desk.is_sound()
    desk.run()
    assert len(desk.objects) == 1, "it was replaced"


def test_settings_that_exclude_each_other(desk: Desk) -> None:
    desk.show(dots(200, 250), dots(200))
    desk.pick("threshold", min_size=100, max_size=10)
    before = desk.project
    desk.run()
    assert desk.project is before
    assert desk.said_once() == (
        "2 images could not be segmented: 0.tif, 1.tif: The largest size, 10 pixels, is less "
        "than the smallest, 100 pixels; no object can be found"
    )
    click(desk.page.buttons.look)
    desk.finish()
    assert desk.page.preview.failed
    assert "The largest size, 10 pixels" in desk.page.buttons.found.text()
    desk.pick("threshold", min_size=0, max_size=0, smoothing=0.0, even_light=False)
    wait_for(lambda: desk.page.preview.shown)
    assert not desk.page.preview.failed
    desk.run()
    assert desk.counts() == [2, 1]


def test_nan_and_infinity(desk: Desk) -> None:
    bad = np.zeros((1, 32, 32, 1), np.float32)
    bad[0, 3, 3] = np.nan
    worse = np.where(bad == 0, np.float32(0), np.float32(np.inf))
    desk.show(bad, (dots(200, 250) / 255).astype(np.float32), worse)
    desk.pick("threshold", smoothing=0.0, even_light=False, min_size=4)
    desk.run()
    assert desk.counts() == [0, 2, 0]
    assert desk.said_once() == (
        "2 objects on 1 of 3 images; Ctrl+Z takes them back. 2 images could not be segmented: "
        "0.tif, 2.tif: has pixels that are NaN or infinite"
    )
    click(desk.page.buttons.look)
    desk.finish()
    assert desk.page.buttons.found.text() == "⚠ '0.tif' has pixels that are NaN or infinite"
    desk.is_sound()


def test_channels_of_another_project_are_not_remembered(desk: Desk) -> None:
    desk.show(np.zeros((1, 32, 32, 5), np.uint8))
    desk.pick("threshold", smoothing=0.0, even_light=False, min_size=4)
    choose(desk.page.channels.boxes[0], 4)
    assert desk.page.choice.channels == (4,)
    desk.show(dots(200, 250))
    assert desk.page.choice.channels == (0,)
    desk.run()
    assert desk.counts() == [2]


def test_names_that_are_markup(desk: Desk, slow: Slow) -> None:
    project = project_of(dots(200), dots(200))
    nasty = "<b>%s</b>\n%n.tif"
    things = {key: replace(thing, name=nasty) for key, thing in project.things.items()}
    desk.show()
    desk.open(replace(project, things=things))
    desk.pick("slow")
    slow.failing = {nasty: ValueError("50 % <i>off</i>")}
    desk.press()
    assert slow.begun.acquire(timeout=5)
    wait_for(lambda: "<b>%s</b> %n.tif" in desk.page.buttons.line.text())
    slow.go.release()
    desk.finish()
    text = desk.said_once()
    assert "it failed with ValueError: 50 % <i>off</i>" in text
    assert "nothing is lost" in text
    desk.still_works()


# --- stopped -----------------------------------------------------------------------------------


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    for _ in range(round(seconds / 0.005)):
        if condition():
            return
        QApplication.processEvents()
        threading.Event().wait(0.005)
    raise AssertionError("it never came")


@pytest.mark.parametrize("finished", [0, 1, 2])
def test_stopped_at_any_image(desk: Desk, slow: Slow, finished: int) -> None:
    desk.show(dots(200), dots(200, 250), dots(100))
    desk.pick("slow")
    before = desk.project
    desk.press()
    for _ in range(finished):
        slow.go.release()
    for _ in range(finished + 1):
        assert slow.begun.acquire(timeout=5)
    desk.press()
    assert not desk.page.buttons.button.isEnabled(), "stopping once is enough"
    assert desk.page.buttons.line.text() == "Stopping; finished images are kept"
    desk.finish()
    assert desk.counts() == [1, 2, 0][:finished] + [0] * (3 - finished)
    text = desk.said_once()
    assert text.startswith("Stopped")
    if finished:
        desk.workspace.undo()
    assert desk.project is before
    desk.still_works()


def test_stopped_at_once(desk: Desk, slow: Slow) -> None:
    desk.show(dots(200), dots(200, 250))
    desk.pick("slow")
    before = desk.project
    desk.press()
    desk.press()
    desk.finish()
    assert desk.project is before
    assert "the project stays as it is" in desk.said_once()
    desk.still_works()


def test_a_preview_is_taken_away_while_it_is_worked_out(desk: Desk, slow: Slow) -> None:
    desk.show(dots(200), dots(200, 250))
    desk.pick("slow")
    click(desk.page.buttons.look)
    assert slow.begun.acquire(timeout=5)
    click(desk.page.buttons.look)
    desk.finish()
    assert not desk.page.preview.shown
    assert desk.page.buttons.found.isHidden()
    desk.still_works()


# --- the project changes meanwhile ---------------------------------------------------------------


def begin(desk: Desk, slow: Slow, *arrays: Pixels) -> None:
    desk.show(*arrays)
    desk.pick("slow")
    desk.page.target.kind.setEditText("blob")
    desk.press()
    assert slow.begun.acquire(timeout=5)


def end(desk: Desk, slow: Slow) -> None:
    for _ in range(5):
        slow.go.release()
    desk.finish()


@pytest.mark.parametrize("doomed", [["image-0"], ["image-1"], ["image-0", "image-1"]])
def test_images_are_deleted(desk: Desk, slow: Slow, doomed: list[str]) -> None:
    begin(desk, slow, dots(200), dots(200, 250))
    desk.edit(edits.delete_things, doomed)
    kept = desk.project
    end(desk, slow)
    assert len(desk.objects) == {"image-0": 2, "image-1": 1}[doomed[0]] * (len(doomed) == 1)
    text = desk.said_once()
    some = "1 image went meanwhile, and is left out"
    assert (some if len(doomed) == 1 else "2 images went meanwhile, and are left out") in text
    if len(doomed) == 2:
        assert desk.project is kept
    desk.still_works()


def test_an_image_is_deleted_while_it_is_previewed(desk: Desk, slow: Slow) -> None:
    desk.show(dots(200), dots(200, 250))
    desk.pick("slow")
    click(desk.page.buttons.look)
    assert slow.begun.acquire(timeout=5)
    desk.edit(edits.delete_things, ["image-0"])
    end(desk, slow)
    assert not desk.page.preview.shown
    desk.still_works()


@pytest.mark.parametrize("replaces", [True, False])
def test_the_kind_is_deleted(desk: Desk, slow: Slow, replaces: bool) -> None:
    begin(desk, slow, dots(200), dots(200, 250))
    end(desk, slow)
    desk.said.clear()
    (desk.page.target.replaces if replaces else desk.page.target.adds).click()
    desk.press()
    desk.edit(edits.delete_kind, desk.project.find_kind("blob").id)
    assert desk.objects == []
    end(desk, slow)
    assert desk.counts() == [1, 2]
    assert desk.project.find_kind("blob")
    assert desk.said_once() == "3 objects on 2 images; Ctrl+Z takes them back"
    desk.still_works()


def test_the_kind_is_renamed(desk: Desk, slow: Slow) -> None:
    begin(desk, slow, dots(200), dots(200, 250))
    end(desk, slow)
    desk.said.clear()
    desk.page.target.adds.click()
    desk.press()
    kind = desk.project.find_kind("blob").id
    desk.edit(edits.edit_kind, kind, name="grain")
    desk.page.refresh()
    assert desk.page.target.kind.currentText() == "grain"
    end(desk, slow)
    assert desk.counts() == [2, 4]
    assert {thing.kind for thing in desk.objects} == {kind}
    assert desk.said_once() == "3 objects on 2 images; Ctrl+Z takes them back"
    desk.page.target.replaces.click()
    desk.press()
    end(desk, slow)
    assert desk.counts() == [1, 2]
    assert desk.said_once() == "3 objects on 2 images; 6 replaced; Ctrl+Z brings them back"
    desk.still_works()


@pytest.mark.parametrize("other", [True, False], ids=["another project", "closed"])
def test_another_project_is_opened(desk: Desk, slow: Slow, other: bool) -> None:
    begin(desk, slow, dots(200), dots(200, 250))
    opened = project_of(dots(77)) if other else new_project("Empty")
    desk.open(opened)
    assert desk.page.segmenting.current is None
    end(desk, slow)
    assert desk.project is opened
    assert desk.said_once() == "Find objects with Slow: stopped, since another project was opened"
    assert desk.page.buttons.button.isEnabled() is other
    desk.still_works()


def test_another_project_is_opened_and_segmented_at_once(desk: Desk, slow: Slow) -> None:
    begin(desk, slow, dots(200), dots(200, 250))
    desk.open(project_of(dots(177, 199)))
    desk.pick("quick")
    desk.run()
    assert desk.counts() == [2]
    texts = sorted(note.message for note in desk.said)
    desk.said.clear()
    assert texts == [
        "2 objects on 1 image; Ctrl+Z takes them back",
        "Find objects with Slow: stopped, since another project was opened",
    ]
    desk.still_works()


# --- weights that cannot be had ------------------------------------------------------------------


@pytest.fixture
def server(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModelServer]:
    """Let a server in any mood have the weights that a segmenter needs."""
    monkeypatch.setenv("NAPARI_PIXIMI_CACHE", str(tmp_path / "cache"))
    files = files_of(small_graph())
    publish(monkeypatch, KEY, files)
    running = ModelServer(files)
    source = replace(weights.CATALOGUE[KEY], url=running.url)
    monkeypatch.setattr(weights, "CATALOGUE", {**weights.CATALOGUE, KEY: source})
    monkeypatch.setattr(weights, "fetch", partial(weights.fetch, timeout=0.3))
    install(monkeypatch, segmenter(), segmenter("heavy", weights=KEY, find=with_weights))
    yield running
    running.close()


def with_weights(plane: Plane, settings: Any, progress: Progress) -> Found:  # noqa: ANN401
    """Find as the others do, with whole weights only."""
    assert weights.artifact(KEY).weights
    return find(plane, settings, progress)


class Asked:
    """Answers the dialog about weights: downloads, sees what it says, and gives up."""

    def __init__(self, *acts: Callable[[WeightsDialog], None]) -> None:
        self.acts = list(acts)
        self.told: list[str] = []
        QTimer.singleShot(0, self._look)

    def _look(self) -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, WeightsDialog):
            if self.acts:
                QTimer.singleShot(10, self._look)
            return
        if dialog.job is None:
            self.told.append(dialog.trouble.text().replace(BREAK, ""))
            (self.acts.pop(0) if self.acts else WeightsDialog.reject)(dialog)
        QTimer.singleShot(10, self._look)


def download(dialog: WeightsDialog) -> None:
    click(dialog.download)


@pytest.mark.parametrize(
    ("mood", "told"),
    [
        ("down", "503"),
        ("stuck", "timed out"),
        ("truncating", "group1-shard1of2.bin"),
        ("another file", "is another file"),
        ("gone", "404"),
    ],
)
def test_weights_cannot_be_had(desk: Desk, server: ModelServer, mood: str, told: str) -> None:
    whole = dict(server.files)
    if mood == "another file":
        server.files["group1-shard1of2.bin"] = bytes(len(whole["group1-shard1of2.bin"]))
    elif mood == "gone":
        del server.files["group1-shard2of2.bin"]
    else:
        server.mood = mood
    desk.show(dots(200, 250))
    desk.pick("heavy")
    before = desk.project
    asked = Asked(download)
    desk.press()
    desk.finish()
    assert asked.acts == []
    first, last = asked.told
    assert first == ""
    assert told in last
    assert server.url in last
    assert str(weights.folder(KEY)) in last
    assert desk.project is before
    assert desk.said == [], "the dialog says it"
    assert not weights.is_here(KEY)
    server.files, server.mood = whole, "well"
    again = Asked(download)
    desk.press()
    desk.finish()
    assert again.told == [""]
    assert weights.is_here(KEY)
    assert desk.said_once() == "2 objects on 1 image; Ctrl+Z takes them back"
    desk.still_works("heavy")


def test_no_server_at_all(desk: Desk, server: ModelServer) -> None:
    desk.show(dots(200, 250))
    desk.pick("heavy")
    server._http.server_close()
    asked = Asked(download, download)
    desk.press()
    assert len(asked.told) == 3
    assert asked.told[1] == asked.told[2] != ""
    assert desk.said == []
    desk.still_works()


def test_a_download_is_given_up(desk: Desk, server: ModelServer) -> None:
    server.mood = "slow"
    desk.show(dots(200, 250))
    desk.pick("heavy")

    def give_up(dialog: WeightsDialog) -> None:
        click(dialog.download)
        wait_for(lambda: server.asked)
        dialog.reject()

    asked = Asked(give_up)
    desk.press()
    desk.finish()
    assert asked.acts == []
    assert desk.said == []
    assert not weights.is_here(KEY)
    desk.still_works()


def test_weights_are_damaged_after_they_came(desk: Desk, server: ModelServer) -> None:
    weights.fetch(KEY)
    shard = weights.folder(KEY) / "group1-shard1of2.bin"
    shard.write_bytes(bytes(shard.stat().st_size))
    desk.show(dots(200, 250), dots(200))
    desk.pick("heavy")
    before = desk.project
    desk.run()
    assert desk.project is before
    text = desk.said_once()
    assert str(shard) in text
    assert "delete it, and download it again" in text
    shard.unlink()
    asked = Asked(download)
    desk.run()
    assert asked.told == [""]
    assert desk.counts() == [2, 1]
    desk.said.clear()
    desk.still_works("heavy")


# --- networks that are none, in the real engine --------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return the engine with Keras, which all tests of this file share."""
    made = Engine(KERAS_MODULES)
    yield made
    made.close()


@pytest.fixture
def real(desk: Desk, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Desk:
    learning = desk.workspace.learning
    learning.networks.close()
    learning.networks = engine
    monkeypatch.setattr(engine, "close", lambda: None)  # the workspace ends; it goes on
    return desk


def put(folder: Path, *, channels: int = 1) -> Path:
    """Write a small StarDist network; return the path of its JSON file."""
    folder.mkdir()
    for name, data in files_of(star_graph(channels)).items():
        (folder / name).write_bytes(data)
    return folder / "model.json"


def no_file(folder: Path) -> str:
    return str(folder / "nowhere" / "model.json")


def no_shard(folder: Path) -> str:
    path = put(folder / "net")
    (folder / "net" / "group1-shard2of2.bin").unlink()
    return str(path)


def short_shard(folder: Path) -> str:
    path = put(folder / "net")
    shard = folder / "net" / "group1-shard1of2.bin"
    shard.write_bytes(shard.read_bytes()[:-4])
    return str(path)


def unknown_op(folder: Path) -> str:
    path = put(folder / "net")
    document = json.loads(path.read_text())
    next(n for n in document["modelTopology"]["node"] if n["op"] == "MaxPool")["op"] = "Juggle"
    path.write_text(json.dumps(document))
    return str(path)


def other_graph(folder: Path) -> str:
    (folder / "net").mkdir()
    for name, data in files_of(small_graph()).items():
        (folder / "net" / name).write_bytes(data)
    return str(folder / "net" / "model.json")


def layers_model(folder: Path) -> str:
    path = put(folder / "net")
    document = json.loads(path.read_text())
    flat = {"class_name": "Flatten", "config": {"name": "flat", "batch_input_shape": [None, 8]}}
    network = {"class_name": "Sequential", "config": {"name": "net", "layers": [flat]}}
    topology = {"keras_version": "2.0", "backend": "tensorflow", "model_config": network}
    document |= {"format": "layers-model", "modelTopology": topology}
    path.write_text(json.dumps(document))
    return str(path)


def no_json(folder: Path) -> str:
    path = folder / "model.json"
    path.write_text("{")
    return str(path)


def three_channels(folder: Path) -> str:
    return str(put(folder / "net", channels=3))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (no_file, "there is no such file"),
        (no_shard, "group1-shard2of2.bin"),
        (short_shard, "group1-shard1of2.bin"),
        (unknown_op, "Juggle"),
        (other_graph, "no StarDist network"),
        (layers_model, "no StarDist network"),
        (no_json, "model.json"),
        (three_channels, "takes 3 channels, not 1"),
    ],
)
def test_a_model_that_is_of_no_use(
    real: Desk, tmp_path: Path, made: Callable[[Path], str], told: str
) -> None:
    desk, model = real, made(tmp_path)
    pixels, centres = discs(60, 86)
    desk.show(pixels[None], pixels[None])
    desk.pick(KEY, model=model, probability=0.5)
    before = desk.project
    desk.run()
    assert desk.project is before
    text = desk.said_once()
    assert told in text
    assert text.count(told) == 1, "said once, not for each image"
    assert "Traceback" not in text
    click(desk.page.buttons.look)
    desk.finish()
    assert desk.page.preview.failed
    assert told in desk.page.buttons.found.text().replace(BREAK, "")
    desk.pick(KEY, model=str(put(tmp_path / "sound")))
    desk.run()
    assert desk.counts() == [len(centres)] * 2
    desk.said.clear()
    desk.is_sound()


def test_weights_are_nowhere(real: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a dialog that is refused, since nothing is downloaded unasked."""
    monkeypatch.setenv("NAPARI_PIXIMI_CACHE", str(tmp_path / "cache"))
    desk = real
    desk.show(dots(200, 250))
    desk.pick(KEY)
    before = desk.project
    asked = Asked(WeightsDialog.reject)
    desk.press()
    assert asked.told == [""]
    assert desk.page.segmenting.current is None
    assert desk.project is before
    desk.is_sound()


@posix
def test_the_engine_is_killed(real: Desk, engine: Engine, tmp_path: Path) -> None:
    """Between two images, and again while it is only being looked at."""
    desk = real
    pixels, centres = discs(60, 86)
    large = np.tile(discs(52, 52)[0], (40, 40, 1))
    desk.show(pixels[None], large[None], pixels[None])
    desk.pick(KEY, model=str(put(tmp_path / "net")), probability=0.5)
    desk.press()
    way = desk.page.segmenting.current
    assert way is not None
    wait_for(lambda: way.done > 1000 and "1.tif" in way.message)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    desk.finish()
    assert desk.counts() == [len(centres), 0, 0]
    text = desk.said_once()
    assert text.startswith("It ended before all was done: The process that computes has gone")
    assert f"{len(centres)} objects on 1 of 3 images" in text
    desk.is_sound()
    desk.workspace.show("image-2")
    choose(desk.page.target.where, desk.page.target.where.findData(Where.SHOWN))
    desk.page.target.adds.click()
    desk.run()
    assert desk.counts() == [len(centres), 0, len(centres)]
    assert desk.said_once().startswith(f"{len(centres)} objects on 1 image")


def test_stopped_while_the_network_looks(real: Desk, tmp_path: Path) -> None:
    desk = real
    large = np.tile(discs(52, 52)[0], (40, 40, 1))
    desk.show(large[None])
    desk.pick(KEY, model=str(put(tmp_path / "net")), probability=0.5)
    before = desk.project
    desk.press()
    way = desk.page.segmenting.current
    assert way is not None
    wait_for(lambda: way.done > 0)
    desk.press()
    desk.finish()
    assert desk.project is before
    assert "the project stays as it is" in desk.said_once()
    desk.is_sound()
    assert IMAGE_KIND in desk.project.kinds
