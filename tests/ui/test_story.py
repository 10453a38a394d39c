"""A user's session in the real window: drop, browse, label, undo, paint, add, save, reopen.

With ``NAPARI_PIXIMI_SHOTS`` naming a folder, each step is photographed there, in both themes;
``make screenshots`` renews those of the documentation in this way.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
import pytest
from imageio.v3 import imwrite
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication
from tests.io.tiny_bundle import without_pixels
from tests.shared_data import shared
from tests.ui.conftest import Wait
from tests.ui.pressing import click, double_click, drag, press
from tests.ui.test_window import drop as drop_files
from tests.ui.test_window import viewer, workspace

from napari_piximi.io.bundle import read_bundle
from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation
from napari_piximi.ui import documents
from napari_piximi.ui.docks import dock_name
from napari_piximi.ui.gallery_panel import GalleryPanel
from napari_piximi.ui.layer_import import add_layers
from napari_piximi.ui.workspace import Workspace

__all__ = ["viewer", "workspace"]

SHOTS = os.environ.get("NAPARI_PIXIMI_SHOTS")
PICTURES = Path(SHOTS or "").absolute()  # some tests change the folder
Shoot = Callable[[str], None]


@pytest.fixture(params=["dark", "light"] if SHOTS else ["dark"])
def shoot(viewer: napari.Viewer, request: pytest.FixtureRequest, qtbot: QtBot) -> Shoot:
    """Return a function that takes a picture of the window, if pictures are asked for."""
    theme = request.param
    viewer.theme = theme
    viewer.window._qt_window.resize(1440, 900)

    def take(name: str) -> None:
        qtbot.wait(20)
        if SHOTS:
            imwrite(PICTURES / f"{name}-{theme}.png", picture_at_rest(viewer, qtbot))

    return take


def picture_at_rest(viewer: napari.Viewer, qtbot: QtBot) -> NDArray[np.uint8]:
    """Return a picture of the window when it has looked alike for a while, or after some time."""
    picture: NDArray[np.uint8] = np.zeros(0, np.uint8)
    for _ in range(12):
        qtbot.wait(400)
        last, picture = picture, viewer.window.screenshot(canvas_only=False, flash=False)
        if np.array_equal(last, picture):
            break
    return picture


class User:
    """What a user does in the window, step by step."""

    def __init__(
        self, viewer: napari.Viewer, workspace: Workspace, qtbot: QtBot, finish: Wait
    ) -> None:
        self.viewer, self.workspace = viewer, workspace
        self.qtbot, self.finish = qtbot, finish
        self.canvas = viewer.window._qt_viewer.canvas.native

    @property
    def gallery(self) -> GalleryPanel:
        panel = self.viewer.window.dock_widgets[dock_name("Gallery")]
        assert isinstance(panel, GalleryPanel)
        return panel

    @property
    def project(self) -> Project:
        return self.workspace.project

    def drop(self, path: Path) -> None:
        drop_files(self.viewer, path)
        self.finish(self.workspace)

    def click_thing(self, thing: str, *, twice: bool = False) -> None:
        """Click, or double-click, a thumbnail."""
        view, row = self.gallery.view, self.workspace.gallery.row(thing)
        assert row is not None
        view.scrollTo(view.items.index(row))
        QApplication.processEvents()
        place = view.cell_rect(row).center()
        click(view.canvas, place)
        if twice:
            double_click(view.canvas, place)
            self.finish(self.workspace)

    def on_canvas(self, row: float, column: float) -> QPoint:
        """Return where on the canvas a point of the image is seen."""
        camera = getattr(self.viewer, "scene", self.viewer).camera
        _, top, left = camera.center
        x = self.canvas.width() / 2 + (column - left) * camera.zoom
        y = self.canvas.height() / 2 + (row - top) * camera.zoom
        return QPoint(round(x), round(y))


@pytest.fixture
def user(viewer: napari.Viewer, workspace: Workspace, qtbot: QtBot, finish: Wait) -> User:
    return User(viewer, workspace, qtbot, finish)


def test_a_session_of_a_user(user: User, shoot: Shoot, tmp_path: Path, answers: list[str]) -> None:
    user.drop(shared("bundles/digits_project.zip"))
    shoot("1-opened")
    label_digits(user, shoot)

    answers.append("Don't save")
    user.drop(shared("bundles/rgb_project.zip"))
    assert not answers, "the other project was not saved, which is asked about"
    assert len(list(user.project.images())) == 4

    nucleus = user.project.find_kind("nucleus").id
    look_at_an_object(user, nucleus)
    shoot("3-object")
    painted = paint_an_object(user, nucleus)
    shoot("4-painted")
    user.workspace.gallery.select([painted])
    user.canvas.setFocus()
    press(user.canvas, Qt.Key.Key_1)
    interphase = user.project.known_categories(nucleus)[0]
    assert user.project.things[painted].category == interphase

    let_layers_join(user)
    shoot("5-joined")
    (tmp_path / "projects").mkdir()
    save_and_open_again(user, tmp_path / "projects" / "mine.zip")
    shoot("6-reopened")


def label_digits(user: User, shoot: Shoot) -> None:
    """Label what has no label yet by number keys, going on by itself, and undo once."""
    gallery = user.workspace.gallery
    user.gallery.jump.setChecked(True)
    gallery.set_query(replace(gallery.query, labelled=False))
    ids = list(gallery.ids)
    assert 0 < len(ids) < 120
    user.click_thing(ids[0])
    for key in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3):
        press(user.gallery.view, key)
    known = user.project.known_categories("Image")
    assert [user.project.things[i].category for i in ids[:3]] == list(known[:3])
    assert ids[0] not in gallery.ids, "what is labelled leaves the list"
    shoot("2-labelled")
    press(user.gallery.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert user.project.things[ids[2]].category == user.project.kinds["Image"].unknown
    assert user.project.things[ids[1]].category == known[1]


def look_at_an_object(user: User, kind: str) -> None:
    """Double-click an object: its image comes, centred on it."""
    gallery = user.workspace.gallery
    gallery.set_query(replace(gallery.query, kind=kind, labelled=None))
    user.click_thing(gallery.ids[0], twice=True)
    shown = user.project.things[gallery.ids[0]]
    assert isinstance(shown, Annotation)
    assert user.workspace.shown == shown.image


def paint_an_object(user: User, kind: str) -> str:
    """Paint a new object with the mouse; a hand that rests does not end the stroke."""
    user.workspace.layers.flush()
    labels = user.workspace.layers.labels_layer(kind)
    assert labels is not None
    user.viewer.layers.selection.active = labels
    before, image = user.project, user.workspace.shown
    labels.selected_label = int(labels.data.max()) + 1
    labels.brush_size = 12
    labels.mode = "paint"
    user.viewer.reset_view()
    height, width = labels.data.shape[-2:]
    start, end = (user.on_canvas(height * 0.8, width * place) for place in (0.5, 0.7))
    drag(user.canvas, start, end, rest=300)
    user.qtbot.waitUntil(lambda: len(user.project.things) == len(before.things) + 1)
    user.workspace.undo()
    assert user.project is before, "one stroke is one edit"
    user.workspace.redo()
    (painted,) = user.project.things.keys() - before.things.keys()
    new = user.project.things[painted]
    assert isinstance(new, Annotation)
    assert (new.kind, new.image) == (kind, image)
    assert new.bbox[3] - new.bbox[1] >= width * 0.2
    assert masks.area(new.runs) == np.count_nonzero(labels.data == labels.selected_label)
    labels.mode = "pan_zoom"
    return painted


def let_layers_join(user: User) -> None:
    """Add a picture and a labels layer of another origin to the project."""
    from skimage.data import astronaut

    picture = user.viewer.add_image(astronaut(), rgb=True, name="astronaut")
    found = np.zeros((512, 512), np.int32)
    found[60:200, 150:290] = 1
    outline = user.viewer.add_labels(found, name="head")
    add_layers(user.workspace, [picture, outline])
    user.finish(user.workspace)
    assert [image.name for image in user.project.images()][-1] == "astronaut"
    (joined,) = user.project.of_kind(user.project.find_kind("head").id)
    assert isinstance(joined, Annotation)
    assert joined.bbox == (60, 150, 200, 290)


def save_and_open_again(user: User, target: Path) -> None:
    """Save under another name, and drop that file on the window."""
    documents.save_as(user.workspace, target)
    user.finish(user.workspace)
    assert not user.workspace.session.dirty
    saved = user.project
    user.drop(target)
    assert user.workspace.path == target
    assert user.workspace.session.undo_label is None
    assert without_pixels(user.project) == without_pixels(saved)
    assert without_pixels(read_bundle(target)) == without_pixels(saved)
