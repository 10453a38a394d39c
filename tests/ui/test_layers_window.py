"""Keys and clicks in a real window."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget
from tests.model.cells import CELLS
from tests.ui.segment_stage import project_of
from tests.ui.test_layers import cells, flat_project

from napari_piximi.model import edits, masks
from napari_piximi.model.raster import MOST
from napari_piximi.model.things import Annotation, ArrayPixels, Image
from napari_piximi.ui import segment_preview
from napari_piximi.ui.layer_view import camera_of
from napari_piximi.ui.rest import Rest
from napari_piximi.ui.segment_page import SegmentPage
from napari_piximi.ui.segmentation_panel import SegmentationPanel
from napari_piximi.ui.workspace import Workspace, workspace_of

qtest: Any = QTest  # its type hints lack that all of it is static
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(scope="module")
def viewer(qapp: object) -> Iterator[napari.Viewer]:
    made = napari.Viewer()
    made.window._qt_window.resize(900, 700)
    yield made
    workspace_of(made).close()
    made.close()


@pytest.fixture
def canvas(viewer: napari.Viewer, qtbot: QtBot) -> QWidget:
    native: QWidget = viewer.window._qt_viewer.canvas.native
    window = viewer.window._qt_window
    window.activateWindow()
    native.setFocus()
    qtbot.wait(50)
    return native


@pytest.fixture
def workspace(viewer: napari.Viewer) -> Workspace:
    made = workspace_of(viewer)
    viewer.layers.clear()
    made.open_project(flat_project())
    made.gallery.select([])
    made.show("image0")
    made.layers.flush()  # in a window, layers come one by one
    return made


def middle(canvas: QWidget) -> QPoint:
    return QPoint(canvas.width() // 2, canvas.height() // 2)


def test_a_click_selects_an_object(workspace: Workspace, canvas: QWidget, qtbot: QtBot) -> None:
    workspace.show(CELLS[1])
    workspace.gallery.select([])
    qtest.mouseClick(canvas, LEFT, NONE, middle(canvas))
    assert workspace.gallery.selection == {CELLS[1]}
    qtest.mouseClick(canvas, LEFT, NONE, QPoint(3, 3))
    assert not workspace.gallery.selection
    workspace.layers.select(CELLS[0])
    qtest.mouseClick(canvas, LEFT, SHIFT, middle(canvas))
    assert workspace.gallery.selection == {CELLS[0], CELLS[1]}
    qtest.mouseClick(canvas, LEFT, CONTROL, middle(canvas))
    assert workspace.gallery.selection == {CELLS[0]}


def test_a_drag_moves_the_camera_only(workspace: Workspace, canvas: QWidget, qtbot: QtBot) -> None:
    workspace.show(CELLS[1])
    workspace.gallery.select([])
    start = middle(canvas)
    qtest.mousePress(canvas, LEFT, NONE, start)
    for distance in (10, 20, 0):
        qtest.mouseMove(canvas, start + QPoint(distance, 0))
        qtbot.wait(20)
    qtest.mouseRelease(canvas, LEFT, NONE, start)
    assert not workspace.gallery.selection


def test_painting_with_the_mouse(workspace: Workspace, canvas: QWidget, qtbot: QtBot) -> None:
    layer = cells(workspace)
    layer.mode = "paint"
    layer.brush_size = 1
    before = set(workspace.project.things)
    with qtbot.waitSignal(workspace.changed, timeout=2000):
        qtest.mouseClick(canvas, LEFT, NONE, middle(canvas))
    (new,) = set(workspace.project.things) - before
    assert workspace.session.undo_label == f"Add {workspace.project.things[new].name}"
    qtest.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    assert set(workspace.project.things) == before
    assert np.unique(layer.data).tolist() == [0, 2]
    qtest.keyClick(canvas, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert new in workspace.project.things
    assert 3 in np.unique(layer.data)


def test_a_stroke_that_rests_is_one_edit(
    workspace: Workspace, canvas: QWidget, qtbot: QtBot
) -> None:
    layer = cells(workspace)
    layer.mode = "paint"
    layer.brush_size = 1
    before = workspace.project
    start = middle(canvas)
    qtest.mousePress(canvas, LEFT, NONE, start)
    qtest.mouseMove(canvas, start + QPoint(20, 0))
    qtbot.wait(1000)
    assert workspace.project is before
    qtest.mouseMove(canvas, start + QPoint(40, 0))
    qtest.mouseRelease(canvas, LEFT, NONE, start + QPoint(40, 0))
    qtbot.waitUntil(lambda: workspace.project is not before, timeout=2000)
    qtbot.wait(400)
    workspace.undo()
    assert workspace.project == before


def test_pages_turn_the_images(workspace: Workspace, canvas: QWidget, qtbot: QtBot) -> None:
    qtest.keyClick(canvas, Qt.Key.Key_PageDown)
    assert workspace.shown == "image1"
    qtest.keyClick(canvas, Qt.Key.Key_PageUp)
    assert workspace.shown == "image0"


def test_number_keys_categorise(workspace: Workspace, canvas: QWidget, qtbot: QtBot) -> None:
    layer = cells(workspace)
    qtest.keyClick(canvas, Qt.Key.Key_1)
    assert layer.mode == "erase", "napari's own key while nothing is selected"
    layer.mode = "pan_zoom"
    workspace.layers.select(CELLS[1])
    qtest.keyClick(canvas, Qt.Key.Key_1)
    assert layer.mode == "pan_zoom"
    assert workspace.project.things[CELLS[1]].category == "1round"
    qtest.keyClick(canvas, Qt.Key.Key_0)
    unknown = workspace.project.kinds["cell"].unknown
    assert workspace.project.things[CELLS[1]].category == unknown
    before = workspace.project
    qtest.keyClick(canvas, Qt.Key.Key_9)
    assert workspace.project is before, "there is no such category"
    layer.mode = "paint"
    qtest.keyClick(canvas, Qt.Key.Key_1)
    assert layer.mode == "erase", "napari's own key while painting"


def test_shift_and_numbers_categorise_whatever_is_active(
    workspace: Workspace, viewer: napari.Viewer, canvas: QWidget, qtbot: QtBot
) -> None:
    workspace.layers.select(CELLS[0])
    viewer.layers.selection.active = workspace.layers.layers()[0]
    qtest.keyClick(canvas, Qt.Key.Key_2, SHIFT)
    assert workspace.project.things[CELLS[0]].category == "1long"


def test_escape_selects_nothing(workspace: Workspace, canvas: QWidget, qtbot: QtBot) -> None:
    workspace.layers.select(CELLS[0])
    qtest.keyClick(canvas, Qt.Key.Key_Escape)
    assert not workspace.gallery.selection


def test_very_many_objects_come_into_a_layer_that_is_shown(
    workspace: Workspace, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    """Their labels need more than 16 bits: napari fails there if it has a colour too many."""
    count = MOST + 1
    image = workspace.project.things["image0"]
    assert isinstance(image, Image)
    pixels = ArrayPixels(np.zeros((1, 256, 257, 3), np.uint8))
    workspace.edit("Add", edits.add_images, [replace(image, id="wide", pixels=pixels)])
    workspace.show("wide")
    workspace.layers.flush()
    layer = workspace.layers.labels_layer("cell")
    assert layer is not None
    assert layer.data.dtype == np.uint16
    cell = workspace.project.things[CELLS[2]]
    assert isinstance(cell, Annotation)
    cell = replace(cell, image="wide", runs=masks.full(1, 1))
    places = (divmod(number, 257) for number in range(count))
    made = [
        replace(cell, id=f"many{number}", bbox=(row, column, row + 1, column + 1))
        for number, (row, column) in enumerate(places)
    ]
    assert workspace.edit("Add", edits.add_annotations, made)
    qtbot.wait(50)
    assert layer.data.dtype == np.int32
    np.testing.assert_array_equal(np.ravel(layer.data)[:count], np.arange(1, count + 1))
    workspace.session.undo()
    assert not np.any(layer.data)
    assert layer is workspace.layers.labels_layer("cell")


def test_a_preview_follows_the_view_of_a_large_image(
    workspace: Workspace, canvas: QWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would go on to tell of the part that was in view before."""
    monkeypatch.setattr(segment_preview, "MOST", 64)
    pixels = np.zeros((1, 200, 200, 1), np.uint8)
    pixels[:, 90:110, 20:40] = pixels[:, 90:100, 150:160] = pixels[:, 104:112, 150:160] = 200
    workspace.open_project(project_of(pixels))
    workspace.show("image-0")
    workspace.layers.flush()
    panel = SegmentationPanel(workspace.viewer)
    qtbot.addWidget(panel)
    panel.show()
    page = panel.page("Find objects")
    assert isinstance(page, SegmentPage)
    camera = camera_of(workspace.viewer)
    camera.zoom = min(canvas.width(), canvas.height()) / 60
    camera.center = (0.0, 100.0, 30.0)
    qtbot.wait(200)
    page.buttons.look.click()
    qtbot.waitUntil(lambda: page.buttons.found.text().startswith("1 object in the part in view"))
    start, layer = middle(canvas), page.preview.layer
    qtest.mousePress(canvas, LEFT, NONE, start)
    for step in range(1, 9):
        qtest.mouseMove(canvas, start - QPoint(round(canvas.width() * step / 10), 0))
        qtbot.wait(20)
    qtest.mouseRelease(canvas, LEFT, NONE, start)
    assert camera.center[2] > 60, "the drag moved it"
    camera.center = (0.0, 100.0, 155.0)
    qtbot.waitUntil(lambda: page.buttons.found.text().startswith("2 objects in the part in view"))
    assert page.preview.layer is layer
    assert layer is not None
    assert layer.translate[1] > 60
    panel.hide()
    assert not page.preview.shown


def test_napari_moving_its_slider_for_a_new_stack_is_no_edit(
    workspace: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts in the middle until all layers are there, which takes long on a busy machine."""
    moved: list[int] = []
    point = workspace.viewer.dims.events.point
    note = point.connect(lambda: moved.append(workspace.layers.plane))
    # As if the layers took longer to come than the slider takes to rest.
    slider = workspace.layers._slider
    monkeypatch.setattr(slider, "_soon", Rest(slider._commit, 0))
    workspace.open_project(project_of(np.zeros((7, 20, 30, 1), np.uint8)))
    workspace.show("image-0")
    qtbot.waitUntil(lambda: not workspace.layers._arrivals.waiting)
    qtbot.wait(50)
    point.disconnect(note)
    assert any(moved), "else there is nothing to pass over"
    assert (workspace.layers.plane, workspace.session.dirty) == (0, False)
    workspace.viewer.dims.set_current_step(0, 3)
    qtbot.waitUntil(lambda: workspace.session.undo_label == "Show plane 3 of 0.tif")
