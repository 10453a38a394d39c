"""What goes wrong with a fit, in a real window with the real engine, by the dock's own buttons."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import napari
import numpy as np
import pytest
from napari.utils.notifications import Notification
from qtpy.QtWidgets import QApplication, QLabel, QPushButton
from tests.learn.graph_files import small_graph
from tests.learn.projects import QUICK, bars
from tests.ui.gallery_project import gallery_project
from tests.ui.pressing import click, double_click

from napari_piximi.learn.device_choice import VARIABLE
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, Partition
from napari_piximi.model.training import FOREST, GRAPH_FORMAT, Classifier, ModelArtifact, Settings
from napari_piximi.ui import evaluating, predicting, suggest_page
from napari_piximi.ui import fitting as fitting_module
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.docks import show_dock
from napari_piximi.ui.evaluate_page import EvaluatePage
from napari_piximi.ui.evaluating import CROSS_VALIDATION, PARTITIONS
from napari_piximi.ui.fit_page import FitPage
from napari_piximi.ui.fitting import FitUnderWay
from napari_piximi.ui.predict_page import PredictPage
from napari_piximi.ui.suggest_page import SuggestPage
from napari_piximi.ui.workspace import Workspace, workspace_of

WARM = True
"""Let the dock start its engines; see ``cold`` in :mod:`tests.ui.conftest`."""

SMALL = replace(QUICK, batch_size=8)
LONG = replace(SMALL, epochs=100_000)
TREES = replace(SMALL, architecture=FOREST)
NAME = "SimpleCNN 1"
STOPPED = f"{NAME}: stopped before the first epoch was complete, so there is nothing to keep"
ASKING = ("Predict", "Evaluate", "Next")
"""Pages that ask a model."""
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        QApplication.processEvents()
        time.sleep(0.002)


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@dataclass
class Asking:
    """The button of a page that asks a model, and what says why it cannot."""

    button: QPushButton
    trouble: QLabel
    mend: QPushButton | None = None


@dataclass
class Dock:
    """The Classifier dock of a window, and what a user does with it."""

    workspace: Workspace
    panel: ClassifierPanel
    page: FitPage
    said: list[Notification] = field(default_factory=list)

    @property
    def project(self) -> Project:
        return self.workspace.project

    @property
    def fit(self) -> FitUnderWay:
        fit = self.page.fitting.current
        assert fit is not None
        return fit

    @property
    def only(self) -> Classifier:
        (classifier,) = self.project.classifiers
        return classifier

    @property
    def texts(self) -> list[str]:
        """What was said; each test says what it expects."""
        return [note.message for note in self.said]

    def open(self, project: Project, settings: Settings = SMALL, kind: str = IMAGE_KIND) -> None:
        workspace = self.workspace
        workspace.open_project(project)
        workspace.gallery.set_query(replace(workspace.gallery.query, kind=kind))
        workspace.learning.choice.set_settings(settings)
        self.page.refresh()

    def press(self) -> None:
        """Click Fit, or Stop."""
        click(self.page.buttons.button)

    def begin(self, project: Project, settings: Settings = LONG, kind: str = IMAGE_KIND) -> None:
        """Let a fit go on that has something to keep."""
        self.open(project, settings, kind)
        self.press()
        fit = self.fit
        wait_for(lambda: len(fit.history.get("loss", ())) > 1)

    def finish(self) -> None:
        wait_for(lambda: not self.workspace.jobs.running, 40)
        self.page.refresh()

    def troubles(self) -> list[str]:
        return [trouble.text for trouble in self.page.troubles.troubles]

    def mend(self) -> None:
        """Click the button of the worst trouble."""
        button = self.page.troubles.rows[0].button
        assert button is not None
        click(button)
        self.page.refresh()

    def edit(self, function: Callable[..., Project], *args: object, **options: object) -> None:
        assert self.workspace.edit("Edit", function, *args, **options)

    def fit_here(self) -> Classifier:
        """Fit what is open with a click; that nothing is in the way is what this asserts."""
        before = list(self.texts)
        fits = {c.name: len(c.runs) for c in self.project.classifiers}
        assert self.page.buttons.button.isEnabled()
        self.press()
        self.finish()
        made = self.project.classifiers[-1]
        assert len(made.runs) == fits.get(made.name, 0) + 1
        assert made.runs[-1].stopped in ("finished", "early")
        assert self.page.fitting.current is None
        assert self.texts == before
        return made

    def look_at(self, name: str) -> Asking:
        """Show a page that asks a model."""
        page = self.panel.page(name)
        wait_for(page.isVisible)
        if isinstance(page, PredictPage):
            page.refresh()
            return Asking(page.ask.button, page.ask.line.text, page.ask.line.mend)
        if isinstance(page, EvaluatePage):
            page.form.on.setCurrentIndex(PARTITIONS.index("Labelled"))
            page.refresh()
            return Asking(page.form.button, page.form.trouble)
        assert isinstance(page, SuggestPage)
        page.method.setCurrentText("Mixed")
        page.refresh()
        return Asking(page.start, page.line.text, page.line.mend)

    def ask_here(self, name: str) -> None:
        """Ask the chosen model on a page; that nothing is in the way is what this asserts."""
        before, said = self.outcome_of(name), list(self.texts)
        asking = self.look_at(name)
        assert asking.button.isVisible()
        assert asking.button.isEnabled()
        assert not asking.trouble.isVisible()
        click(asking.button)
        self.finish()
        assert self.outcome_of(name) != before
        assert self.texts == said

    def outcome_of(self, name: str) -> object:
        """Return what comes of asking a model on a page."""
        if name == "Predict":
            images = [thing for thing in self.project.things.values() if isinstance(thing, Image)]
            return {image.id: image.prediction for image in images if image.prediction}
        if name == "Evaluate":
            return [classifier.evaluations for classifier in self.project.classifiers]
        return id(self.workspace.gallery.query.ranking)

    def still_works(self, settings: Settings = SMALL) -> None:
        """Fit something sound."""
        self.open(bars(), settings)
        made = self.fit_here()
        assert len(made.evaluations) == 1
        assert made.runs[-1].epochs == settings.epochs or settings.architecture == FOREST


@pytest.fixture(scope="module")
def window(qapp: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dock]:
    """Return the dock of a real window, on the page Fit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_PIXIMI_STATE", str(tmp_path_factory.mktemp("state")))
        patch.delenv(VARIABLE, raising=False)
        made = open_window()
        yield made
        close_window(made)


def open_window() -> Dock:
    viewer = napari.Viewer(show=True)
    workspace = workspace_of(viewer)
    panel = show_dock(workspace, "Classifier")
    assert isinstance(panel, ClassifierPanel)
    wait_for(panel.isVisible)
    page = panel.page("Fit")
    assert isinstance(page, FitPage)
    return Dock(workspace, panel, page)


def close_window(dock: Dock) -> None:
    viewer = dock.workspace._viewer()
    if viewer is not None and viewer in list(napari.Viewer._instances):
        dock.workspace.session.mark_saved()
        dock.workspace.close()
        viewer.close()


@pytest.fixture
def dock(window: Dock, notifications: list[Notification]) -> Iterator[Dock]:
    window.said = notifications
    window.panel.page("Fit")
    yield window
    window.page.fitting.stop()
    window.finish()


def repainted(project: Project, paint: Callable[[Image], np.ndarray]) -> Project:
    """Give the images of a project other pixels."""
    old = [thing for thing in project.things.values() if isinstance(thing, Image)]
    made = [replace(image, pixels=ArrayPixels(paint(image))) for image in old]
    return edits.add_images(edits.delete_things(project, [i.id for i in old]), made)


def cells() -> tuple[Project, str]:
    """Return labelled cells, and their kind."""
    project = gallery_project(16)
    project = edits.categorize(project, [f"cell-{i}" for i in range(6)], "1round")
    project = edits.categorize(project, [f"cell-{i}" for i in range(6, 12)], "1long")
    return project, project.find_kind("cells").id


def labelled(project: Project) -> list[str]:
    unknown = project.kinds[IMAGE_KIND].unknown
    return [t.id for t in project.of_kind(IMAGE_KIND) if t.category != unknown]


# --- there is nothing to learn from --------------------------------------------------------------


def test_no_labels(dock: Dock) -> None:
    project = bars()
    ids, first, second = labelled(project), *project.known_categories(IMAGE_KIND)
    dock.open(edits.categorize(project, ids, project.kinds[IMAGE_KIND].unknown))
    before = dock.project
    assert dock.troubles()[0] == (
        "No thing of kind 'Image' has a category yet: label a few of each"
    )
    assert not dock.page.buttons.button.isEnabled()
    dock.press()
    dock.page.keys.activated.emit()
    assert dock.page.fitting.current is None
    dock.mend()
    assert dock.workspace.gallery.query.labelled is False
    assert dock.project is before
    assert dock.texts == []
    dock.edit(edits.categorize, ids[::2], first)
    dock.edit(edits.categorize, ids[1::2], second)
    dock.page.refresh()
    dock.fit_here()


def test_one_class(dock: Dock) -> None:
    project = bars()
    ids, first, second = labelled(project), *project.known_categories(IMAGE_KIND)
    dock.open(edits.categorize(project, ids, first))
    assert dock.troubles()[0] == (
        "All labelled things are 'upright': label some of another category"
    )
    assert not dock.page.buttons.button.isEnabled()
    dock.press()
    assert dock.page.fitting.current is None
    assert dock.texts == []
    dock.edit(edits.categorize, ids[1::2], second)
    dock.page.refresh()
    dock.fit_here()


@pytest.mark.parametrize("settings", [SMALL, TREES], ids=["network", "forest"])
def test_a_class_missing_from_validation(dock: Dock, settings: Settings) -> None:
    project = bars()
    _, second = project.known_categories(IMAGE_KIND)
    ids = [thing.id for thing in project.things.values() if thing.category == second]
    dock.open(edits.set_partition(project, ids, Partition.TRAINING), settings)
    text = dock.troubles()[0]
    # the split takes some of a category that has none, so only a full share leaves a gap
    if "'lying'" not in text:
        pytest.fail(f"the line does not name the category: {text!r}")
    dock.press()
    dock.finish()
    assert len(dock.only.runs) == 1
    (text,) = dock.texts
    assert text.startswith("No thing of kind 'Image' validates the category 'lying'; set the ")
    dock.said.clear()
    dock.open(dock.project, settings)
    dock.mend()
    dock.still_works(settings)


@pytest.mark.parametrize("settings", [SMALL, TREES], ids=["network", "forest"])
def test_all_images_are_identical(dock: Dock, settings: Settings) -> None:
    grey = np.full((1, 16, 16, 1), 90, np.uint8)
    dock.open(repainted(bars(), lambda _: grey), settings)
    dock.press()
    dock.finish()
    assert len(dock.only.runs) == 1
    (text,) = dock.texts
    assert text.startswith("All training things of kind 'Image' look the same")
    assert "look at their pixels and their categories" in text
    dock.said.clear()
    dock.still_works(settings)


@pytest.mark.parametrize("settings", [SMALL, TREES], ids=["network", "forest"])
def test_nan_pixels(dock: Dock, settings: Settings) -> None:
    def paint(image: Image) -> np.ndarray:
        pixels = np.full((1, 16, 16, 1), 0.5, np.float32)
        pixels[0, int(image.id[1:]) % 16] = np.nan if image.id == "i4" else 0.1
        return pixels

    dock.open(repainted(bars(), paint), settings)
    before = dock.project
    dock.press()
    dock.finish()
    assert dock.project is before
    assert dock.page.fitting.current is None
    (text,) = dock.texts
    assert "'name of i4' (i4)" in text
    assert "NaN" in text
    dock.said.clear()
    dock.edit(edits.delete_things, ["i4"])
    dock.page.refresh()
    dock.fit_here()


# --- the model does not suit ---------------------------------------------------------------------


def test_a_model_for_another_number_of_channels(dock: Dock) -> None:
    dock.open(bars())
    made = dock.fit_here()
    dock.open(edits.put_classifier(bars(channels=3), made))
    dock.workspace.learning.choice.choose(NAME)
    dock.page.refresh()
    assert dock.troubles()[0] == f"'{NAME}' takes 1 channel, but the images have 3"
    assert dock.page.buttons.go_on.isVisible()
    assert not dock.page.buttons.go_on.isEnabled()
    click(dock.page.buttons.go_on)
    assert dock.page.fitting.current is None
    dock.mend()
    assert dock.workspace.learning.choice.classifier is None
    assert dock.fit_here().channels == 3
    assert dock.project.classifiers[0].channels == 1
    assert dock.texts == []


def test_a_graph_model(dock: Dock) -> None:
    project = bars()
    artifact = ModelArtifact({"format": GRAPH_FORMAT}, b"")
    classes = project.known_categories(IMAGE_KIND)
    found = Classifier("Found", IMAGE_KIND, SMALL, 1, 1, artifact, classes)
    dock.open(edits.put_classifier(project, found))
    dock.workspace.learning.choice.choose("Found")
    dock.page.refresh()
    assert dock.troubles()[0] == "'Found' is a graph model: it can predict, but not be fitted"
    assert not dock.page.buttons.button.isEnabled()
    assert not dock.page.buttons.go_on.isEnabled()
    dock.press()
    dock.page.keys.activated.emit()
    assert dock.page.fitting.current is None
    dock.mend()
    dock.fit_here()
    assert dock.project.classifiers[0] is found
    assert dock.texts == []


# --- the project changes meanwhile ---------------------------------------------------------------


def test_categories_are_deleted_and_renamed_while_it_fits(dock: Dock) -> None:
    dock.begin(bars())
    first, second = dock.project.known_categories(IMAGE_KIND)
    dock.edit(edits.edit_category, first, name="standing")
    dock.edit(edits.delete_category, second)
    dock.press()
    dock.finish()
    assert dock.only.class_map == (first, second)
    assert dock.only.runs[-1].stopped == "cancelled"
    assert dock.texts == [
        f"{NAME} is fitted, but 1 category of it went meanwhile: map its classes before it predicts"
    ]
    unknown = dock.project.kinds[IMAGE_KIND].unknown
    lost = [t for t in dock.project.of_kind(IMAGE_KIND) if t.category == unknown]
    assert all(thing.partition != Partition.TRAINING for thing in lost)
    dock.said.clear()
    dock.workspace.undo()
    dock.workspace.undo()
    assert dock.project.classifiers == ()
    assert second in dock.project.categories
    dock.still_works()


def test_a_category_is_renamed_while_it_fits(dock: Dock) -> None:
    dock.begin(bars())
    first, second = dock.project.known_categories(IMAGE_KIND)
    dock.edit(edits.edit_category, first, name="standing")
    dock.press()
    dock.finish()
    assert dock.only.class_map == (first, second)
    assert len(dock.only.evaluations) == 1
    assert dock.texts == []
    dock.workspace.learning.choice.set_settings(SMALL)
    dock.page.refresh()
    dock.fit_here()


def test_what_trains_is_deleted_while_it_fits(dock: Dock) -> None:
    dock.begin(bars())
    ids = labelled(dock.project)
    dock.edit(edits.delete_things, ids)
    dock.press()
    dock.finish()
    assert len(dock.only.runs) == 1
    assert dock.only.evaluations == ()
    assert not set(ids) & dock.project.things.keys()
    assert dock.texts == []
    dock.still_works()


def test_the_classifier_is_deleted_while_it_is_fitted_anew(dock: Dock) -> None:
    dock.open(bars())
    dock.fit_here()
    dock.workspace.learning.choice.set_settings(LONG)
    dock.page.refresh()
    dock.press()
    fit = dock.fit
    wait_for(lambda: len(fit.history.get("loss", ())) > 1)
    dock.edit(edits.delete_classifier, NAME, IMAGE_KIND)
    assert dock.project.classifiers == ()
    dock.press()
    dock.finish()
    assert len(dock.only.runs) == 2, "the fit brings it back, with its past"
    assert dock.texts == []
    dock.still_works()


def test_its_kind_is_deleted_while_it_fits(dock: Dock) -> None:
    project, kind = cells()
    dock.begin(project, kind=kind)
    dock.edit(edits.delete_kind, kind)
    if dock.page.fitting.current is not None:
        dock.press()
    dock.finish()
    assert (dock.only.kind, len(dock.only.runs)) == (kind, 1)
    assert list(dock.project.of_kind(kind)) == []
    (told,) = dock.texts
    assert told.startswith(f"{NAME} is fitted. Its kind ")
    dock.said.clear()
    dock.still_works()


def test_another_project_is_opened_while_it_fits(dock: Dock) -> None:
    dock.begin(bars())
    other = new_project("Other")
    dock.workspace.open_project(other)
    assert dock.page.fitting.current is None
    dock.finish()
    assert dock.project is other
    assert not dock.workspace.session.dirty
    assert dock.texts == [f"Fit {NAME}: stopped, since another project was opened"]
    dock.said.clear()
    dock.still_works()


# --- stopping ------------------------------------------------------------------------------------


def test_stop_at_once(dock: Dock) -> None:
    dock.open(bars(), LONG)
    before = dock.project
    dock.press()
    dock.press()
    start = time.monotonic()
    dock.finish()
    assert time.monotonic() - start < 1
    assert dock.project is before
    assert dock.texts == [STOPPED]
    dock.said.clear()
    dock.still_works()


def begun(fit: FitUnderWay) -> bool:
    return "Epoch 1" in fit.message or "Waiting" in fit.message


def test_stop_in_the_first_batch(dock: Dock) -> None:
    """Keras compiles it for seconds, and hears nothing."""
    for _ in range(2):  # the second is asked for while the first still compiles
        dock.open(bars(), LONG)
        before = dock.project
        dock.press()
        fit = dock.fit
        wait_for(partial(begun, fit))
        dock.press()
        start = time.monotonic()
        dock.finish()
        assert time.monotonic() - start < 0.6  # 0.1 s, and a busy machine
        if dock.project is before:
            assert dock.texts == [STOPPED]
        else:  # a quick machine has completed an epoch already, and its weights are kept
            assert dock.project.classifiers[-1].runs[-1].stopped == "cancelled"
        dock.said.clear()
    pid = dock.workspace.learning.networks.pid
    dock.still_works()
    assert dock.workspace.learning.networks.pid == pid, "nobody was killed for it"


def test_fit_twice_quickly(dock: Dock) -> None:
    dock.open(bars())
    button = dock.page.buttons.button
    click(button)
    double_click(button, button.rect().center())
    assert not dock.fit.stopping, "a double click does not stop what it began"
    assert dock.page.fitting.start(IMAGE_KIND, SMALL, NAME) is None
    dock.finish()
    assert [run.stopped for run in dock.only.runs] == ["finished"]
    assert dock.texts == []
    assert len(dock.fit_here().runs) == 2


# --- the engine fails ----------------------------------------------------------------------------


def test_an_error_inside_keras(dock: Dock, monkeypatch: pytest.MonkeyPatch) -> None:
    dock.open(bars())
    before = dock.project
    with monkeypatch.context() as patch:
        patch.setattr(fitting_module, "FIT", "tests.ui.failing_keras:fit")
        dock.press()
        dock.finish()
    assert dock.project is before
    (text,) = dock.texts
    assert text.startswith(f"{NAME} was not fitted, and nothing is lost: InvalidArgumentError: ")
    assert "Incompatible shapes: [8,2] vs. [8,3]" in text
    dock.said.clear()
    dock.fit_here()


@posix
def test_killed_in_a_fit_idle_and_in_a_predict(dock: Dock) -> None:
    networks = dock.workspace.learning.networks
    dock.begin(bars())
    fit = dock.fit
    wait_for(lambda: max(fit.history["loss"]) > 20)
    kill(networks.pid)
    dock.finish()
    assert dock.only.runs[-1].stopped == "interrupted"
    (text,) = dock.texts
    assert text.startswith("The process that computes has gone: it was killed")
    assert f"are kept as {NAME}" in text
    dock.said.clear()
    dock.workspace.learning.choice.set_settings(SMALL)
    dock.page.refresh()
    dock.fit_here()

    kill(networks.pid)
    time.sleep(0.05)
    told: set[str] = set()
    fitting = dock.page.fitting
    fitting.progressed.connect(lambda: told.add(fitting.current.message if fitting.current else ""))
    dock.fit_here()
    assert "Starting the engine again: it had gone" in told, "a line of the fit, and no message"

    page = dock.panel.page("Predict")
    assert isinstance(page, PredictPage)
    unknown = dock.project.kinds[IMAGE_KIND].unknown
    images = [thing for thing in dock.project.things.values() if isinstance(thing, Image)]
    waiting = [image for image in images if image.category == unknown]
    many = [replace(image, id=f"{image.id}-{n}") for n in range(4000) for image in waiting]
    dock.edit(edits.add_images, many)
    before = dock.project
    page.refresh()
    click(page.ask.button)
    (job,) = dock.workspace.jobs.running
    said: list[str] = []
    job.progressed.connect(lambda *report: said.append(report[2]))
    wait_for(lambda: any("redict" in text for text in said), 20)
    kill(networks.pid)
    dock.finish()
    assert dock.project is before
    (text,) = dock.texts
    assert "The process that computes has gone: it was killed" in text
    dock.said.clear()
    dock.edit(edits.delete_things, [image.id for image in many])
    page.refresh()
    click(page.ask.button)
    dock.finish()
    for image in waiting:
        thing = dock.project.things[image.id]
        assert isinstance(thing, Image)
        assert thing.prediction is not None
    assert dock.texts == []


@pytest.fixture(scope="module")
def taught(window: Dock) -> Project:
    """Return a project with a network that was fitted by the dock."""
    window.said = []
    window.open(bars())
    window.fit_here()
    return window.project


def choose(dock: Dock, project: Project, name: str = NAME) -> None:
    dock.open(project)
    dock.workspace.learning.choice.choose(name)


@pytest.mark.parametrize("name", ASKING)
def test_a_model_of_another_channel_count_is_not_asked(
    dock: Dock, taught: Project, name: str
) -> None:
    (made,) = taught.classifiers
    choose(dock, edits.put_classifier(bars(channels=3), made))
    before = dock.project
    asking = dock.look_at(name)
    assert asking.trouble.isVisible()
    assert asking.trouble.text().replace("\u200b", "") == (
        f"{NAME} takes 1 channel, but the images have 3: choose another model, or fit a new one"
    )
    assert not (asking.button.isVisible() and asking.button.isEnabled())
    click(asking.button)
    assert dock.workspace.jobs.running == []
    assert dock.project is before
    assert dock.texts == []
    choose(dock, taught)
    dock.ask_here(name)


@pytest.mark.parametrize("name", ASKING)
def test_a_model_is_asked_about_nan_pixels(dock: Dock, taught: Project, name: str) -> None:
    bad = "i4" if name == "Evaluate" else "i38"

    def paint(image: Image) -> np.ndarray:
        pixels = np.full((1, 16, 16, 1), 0.5, np.float32)
        pixels[0, int(image.id[1:]) % 16] = np.nan if image.id == bad else 0.1
        return pixels

    choose(dock, repainted(taught, paint))
    before = dock.project
    click(dock.look_at(name).button)
    dock.finish()
    assert dock.project is before
    (text,) = dock.texts
    assert f"'name of {bad}' ({bad}) has pixels that are NaN or infinite" in text
    dock.said.clear()
    dock.edit(edits.delete_things, [bad])
    dock.ask_here(name)


@pytest.mark.parametrize("name", ASKING)
def test_a_graph_model_is_asked_like_any_other(dock: Dock, taught: Project, name: str) -> None:
    classes = taught.known_categories(IMAGE_KIND)
    found = Classifier("Found", IMAGE_KIND, SMALL, 1, 1, small_graph(), classes)
    choose(dock, edits.put_classifier(taught, found), "Found")
    dock.ask_here(name)
    if name == "Evaluate":
        page = dock.panel.page(name)
        assert isinstance(page, EvaluatePage)
        page.form.on.setCurrentIndex(PARTITIONS.index(CROSS_VALIDATION))
        assert page.form.trouble.text().startswith("A graph model cannot be fitted")
        assert not page.form.button.isEnabled()
        assert dock.texts == []


@pytest.mark.parametrize("name", ASKING)
def test_a_category_is_deleted_while_a_model_is_asked(
    dock: Dock, taught: Project, name: str
) -> None:
    choose(dock, taught)
    before = dock.outcome_of(name)
    click(dock.look_at(name).button)
    lost = dock.project.known_categories(IMAGE_KIND)[1]
    dock.edit(edits.delete_category, lost)
    dock.finish()
    assert dock.outcome_of(name) != before, "what holds without it is kept"
    predicted = [t.prediction for t in dock.project.things.values() if isinstance(t, Image)]
    assert lost not in {prediction.category for prediction in predicted if prediction}
    said = ["1 category went while it was predicted, and are left out"]
    assert dock.texts == (said if name == "Predict" else [])
    dock.said.clear()
    asking = dock.look_at(name)
    assert "map its classes first" in asking.trouble.text().replace("\u200b", "")
    assert not (asking.button.isVisible() and asking.button.isEnabled())
    mend = asking.mend or dock.look_at("Predict").mend
    click(mend)
    assert len(dock.project.known_categories(IMAGE_KIND)) == 2
    dock.ask_here(name)


@pytest.mark.parametrize("name", ASKING)
def test_an_error_inside_keras_when_a_model_is_asked(
    dock: Dock, taught: Project, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(dock, taught)
    before, outcome = dock.project, dock.outcome_of(name)
    with monkeypatch.context() as patch:
        patch.setattr(predicting, "PREDICT", "tests.ui.failing_keras:predict")
        patch.setattr(evaluating, "EVALUATE", "tests.ui.failing_keras:evaluate")
        patch.setattr(suggest_page, "RANK", "tests.ui.failing_keras:rank")
        click(dock.look_at(name).button)
        dock.finish()
    assert dock.project is before
    assert dock.outcome_of(name) == outcome
    (text,) = dock.texts
    assert "InvalidArgumentError: " in text
    assert "Incompatible shapes: [8,2] vs. [8,3]" in text
    dock.said.clear()
    dock.ask_here(name)


def test_no_gpu(dock: Dock) -> None:
    learning = dock.workspace.learning
    learning.networks.environment["CUDA_VISIBLE_DEVICES"] = "-1"
    learning.choose_device("gpu")
    dock.finish()
    dock.open(bars())
    before = dock.project
    dock.press()
    dock.finish()
    assert dock.project is before
    (text,) = dock.texts
    assert text.startswith("No GPU can be used here: ")
    assert text.endswith("Choose the device 'cpu' or 'auto' instead")
    dock.said.clear()
    dock.still_works(TREES)
    learning.choose_device("auto")
    del learning.networks.environment["CUDA_VISIBLE_DEVICES"]
    dock.still_works()


# --- the end -------------------------------------------------------------------------------------


def test_the_window_is_closed_while_it_fits(dock: Dock, answers: list[str]) -> None:
    """A window of its own: the others of this module share theirs, which lives on."""
    doomed = open_window()
    doomed.said = dock.said
    doomed.begin(bars())
    workspace = doomed.workspace
    doomed.edit(edits.rename_project, "Renamed")
    project = doomed.project
    answers.extend(["Discard the fit", "Don't save"])
    start = time.monotonic()
    workspace.viewer.window._qt_window.close()
    assert time.monotonic() - start < 3
    assert answers == []
    assert workspace.project is project
    assert workspace.jobs.running == []
    assert workspace.learning.networks.pid is None
    assert workspace.learning.plain.pid is None
    assert dock.texts == []
    dock.still_works(TREES)
