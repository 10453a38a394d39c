"""From the digits sample to an accepted, saved and reopened project, in the real window.

The picture of each step is taken as in :mod:`tests.ui.test_story`; ``make screenshots`` renews
those of the documentation.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QWidget
from tests.io.tiny_bundle import without_pixels
from tests.ui.conftest import Wait
from tests.ui.pressing import click, drag_along, press
from tests.ui.test_story import SHOTS, Shoot, User, shoot, user
from tests.ui.test_window import viewer, workspace

from napari_piximi.io.bundle import read_bundle
from napari_piximi.io.samples import digits_project
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition, is_unknown
from napari_piximi.model.training import FOREST, Classifier, Settings
from napari_piximi.ui import documents
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.docks import show_dock, show_docks
from napari_piximi.ui.map_panel import MapPanel

__all__ = ["shoot", "user", "viewer", "workspace"]

WARM = True
"""Let the dock start its engines; see ``cold`` in :mod:`tests.ui.conftest`."""

QUICK = Settings(epochs=300 if SHOTS else 40, patience=50 if SHOTS else 0)


class Desk(User):
    """A user with the Classifier dock open."""

    def open(self) -> ClassifierPanel:
        panel = show_dock(self.workspace, "Classifier")
        assert isinstance(panel, ClassifierPanel)
        self.panel = panel
        self.qtbot.waitUntil(lambda: panel.page("Fit") is not None)
        return panel

    def page(self, name: str) -> Any:  # noqa: ANN401
        page = self.panel.page(name)
        self.qtbot.wait(100)
        return page

    def press_button(self, button: QWidget) -> None:
        self.qtbot.wait(200)
        assert button.isVisible()
        assert button.isEnabled(), button.toolTip()
        click(button, button.rect().center())
        self.finish(self.workspace)
        self.qtbot.wait(100)

    @property
    def classifier(self) -> Classifier:
        return self.project.classifiers[-1]


def test_learn_the_digits(
    viewer: napari.Viewer,
    user: User,
    shoot: Shoot,
    tmp_path: Path,
    qtbot: QtBot,
    finish: Wait,
    notifications: list[Notification],
) -> None:
    sample = digits_project(per_class=20, seed=0)
    desk = Desk(viewer, user.workspace, qtbot, finish)
    desk.workspace.open_project(sample.project)
    show_docks(desk.workspace)
    qtbot.waitUntil(lambda: len(viewer.window.dock_widgets) >= 4)
    desk.open()
    fit_a_network(desk, shoot)
    fit_a_forest(desk, shoot)
    look_at_errors(desk, shoot)
    predict_and_accept(desk, shoot, sample.truth)
    see_what_is_next(desk, shoot)
    draw_a_lasso(desk, shoot)
    save_and_open_again(desk, tmp_path / "digits.zip")
    assert [n.message for n in notifications if n.severity != "info"] == []


def fit_a_network(desk: Desk, shoot: Shoot) -> None:
    """Fit with one click; the curves stay, and the model is judged."""
    desk.workspace.learning.choice.set_settings(QUICK)
    page = desk.page("Fit")
    before = desk.project
    desk.press_button(page.buttons.button)
    fitted = desk.classifier
    assert fitted.name == "SimpleCNN 1"
    assert fitted.runs[-1].epochs == (
        QUICK.epochs if not QUICK.patience else fitted.runs[-1].epochs
    )
    assert fitted.evaluations[-1].accuracy > 0.8
    assert fitted.evaluations[-1].partition == "Validation"
    parts = {thing.partition for thing in desk.project.images() if not is_unknown(thing.category)}
    assert parts == {Partition.TRAINING, Partition.VALIDATION}
    desk.workspace.undo()
    desk.workspace.undo()
    assert desk.project is before, "a fit and its evaluation are two steps"
    desk.workspace.redo()
    desk.workspace.redo()
    shoot("7-fitted")


def fit_a_forest(desk: Desk, shoot: Shoot) -> None:
    """Fit another sort of model; its curve lies beside the first one's."""
    choice = desk.workspace.learning.choice
    choice.choose(None)
    choice.set_settings(replace(choice.settings, architecture=FOREST))
    page = desk.page("Fit")
    desk.press_button(page.buttons.button)
    assert desk.classifier.name == "Random forest 1"
    assert desk.classifier.evaluations[-1].accuracy > 0.8
    other = page.curves.runs.tree.topLevelItem(1)
    assert other is not None
    assert "SimpleCNN 1" in other.text(0)
    other.setCheckState(0, Qt.CheckState.Checked)
    shoot("8-compared")


def look_at_errors(desk: Desk, shoot: Shoot) -> None:
    """Evaluate on all labelled things; a click on the matrix shows the things in the gallery."""
    desk.workspace.learning.choice.choose("SimpleCNN 1")
    page = desk.page("Evaluate")
    page.form.on.setCurrentIndex(page.form.on.findText("All labelled", Qt.MatchFlag.MatchContains))
    desk.press_button(page.form.button)
    found = desk.project.find_classifier("SimpleCNN 1").evaluations[-1]
    assert found.partition == "Labelled"
    assert len(found.ids) == 200
    matrix = np.array(found.confusion_matrix)
    true, predicted = map(int, np.unravel_index(matrix.argmax(), matrix.shape))
    view = page.view.matrix
    cell = view.visualRect(view.model().index(true, predicted))
    click(view.viewport(), cell.center())
    shown = desk.workspace.gallery.ids
    pairs = zip(found.ids, found.true, found.predicted, strict=True)
    assert set(shown) == {i for i, t, p in pairs if (t, p) == (true, predicted)}
    assert len(shown) == matrix[true, predicted]
    shoot("9-evaluated")


def predict_and_accept(desk: Desk, shoot: Shoot, truth: dict[str, str]) -> None:
    """Predict what has no label, correct one thing, accept what is sure."""
    gallery = desk.workspace.gallery
    gallery.set_query(replace(gallery.query, only=None))
    page = desk.page("Predict")
    desk.press_button(page.ask.button)
    predicted = {i.id: i.prediction for i in desk.project.images() if i.prediction is not None}
    assert len(predicted) == 1597
    right = np.mean([p.category == truth[key] for key, p in predicted.items()])
    assert right > 0.85
    shoot("10-predicted")
    with_key = desk.project.known_categories("Image")[:9]
    wrong = next(k for k, p in predicted.items() if p.category != truth[k] in with_key)
    gallery.select([wrong])
    desk.gallery.view.setFocus()
    press(desk.gallery.view, Qt.Key(Qt.Key.Key_1 + with_key.index(truth[wrong])))
    corrected = desk.project.things[wrong]
    assert corrected.prediction is None
    assert corrected.category == truth[wrong]
    page.review.spin.setValue(0.9)
    sure = {k for k, p in predicted.items() if k != wrong and (p.probability or 0) >= 0.9}
    desk.press_button(page.review.accept_above)
    assert {k for k in predicted if not is_unknown(desk.project.things[k].category)} == {
        *sure,
        wrong,
    }
    desk.workspace.undo()
    desk.press_button(page.review.accept_all)
    assert not any(i.prediction for i in desk.project.images())
    assert not any(is_unknown(i.category) for i in desk.project.images())
    desk.workspace.undo()
    assert sum(i.prediction is not None for i in desk.project.images()) == 1596
    desk.press_button(page.review.accept_above)


def see_what_is_next(desk: Desk, shoot: Shoot) -> None:
    """Let the gallery begin with what is most uncertain."""
    page = desk.page("Next")
    desk.press_button(page.start)
    gallery = desk.workspace.gallery
    ranking = gallery.query.ranking
    assert ranking is not None
    left = [i.id for i in desk.project.images() if is_unknown(i.category)]
    assert set(gallery.ids) == set(left)
    scores = dict(zip(ranking.ids, ranking.scores.tolist(), strict=True))
    assert [scores[key] for key in gallery.ids] == sorted(scores.values(), reverse=True)
    shoot("11-suggested")


def draw_a_lasso(desk: Desk, shoot: Shoot) -> None:
    """Draw around points of the feature map: those things are selected in the gallery."""
    gallery = desk.workspace.gallery
    gallery.set_query(replace(gallery.query, labelled=None))
    panel = show_dock(desk.workspace, "Feature map")
    assert isinstance(panel, MapPanel)
    desk.finish(desk.workspace)
    QApplication.processEvents()
    panel.compute()
    desk.finish(desk.workspace)
    desk.qtbot.wait(300)
    assert panel.drawn is not None
    assert len(panel.drawn.ids) == 1797
    shoot("12-map")
    view = panel.view
    places = view.pixels_of(panel.drawn.points.astype(np.float32))
    left, top = np.percentile(places, 40, axis=0).round().astype(int).tolist()
    right, bottom = np.percentile(places, 70, axis=0).round().astype(int).tolist()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    drag_along(view.viewport, [QPoint(*corner) for corner in corners])
    inside = np.flatnonzero(((places > (left, top)) & (places < (right, bottom))).all(axis=1))
    expected = {panel.drawn.ids[row] for row in inside}
    assert len(expected) > 50
    assert len(gallery.selection ^ expected) < 0.1 * len(expected), "but for the very rim"
    shoot("13-lasso")


def save_and_open_again(desk: Desk, target: Path) -> None:
    """Save, drop the file on the window, and find everything again."""
    documents.save_as(desk.workspace, target)
    desk.finish(desk.workspace)
    saved = desk.project
    desk.drop(target)
    opened = desk.project
    assert opened is not saved
    assert told(opened) == told(saved)
    assert told(read_bundle(target)) == told(saved)
    again = opened.find_classifier("SimpleCNN 1")
    assert again.runs == saved.find_classifier("SimpleCNN 1").runs
    assert [e.partition for e in again.evaluations] == ["Validation", "Labelled"]
    assert opened.find_classifier("Random forest 1").model is not None


def told(project: Project) -> Any:  # noqa: ANN401
    """Return all of a project but its pixels, and the names of the files of its models."""
    models = [
        replace(c, model=replace(c.model, document={**c.model.document, "weightsManifest": None}))
        for c in project.classifiers
        if c.model is not None
    ]
    return without_pixels(replace(project, classifiers=tuple(models)))
