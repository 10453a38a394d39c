from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication
from tests.ui.gallery_project import hands

from napari_piximi.ui.map_view import Change, MapView, Tool

LEFT, NO = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
POINTS = np.array([(0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5)], np.float32)
RED, BLUE = 0xFFFF0000, 0xFF0000FF


class Heard:
    def __init__(self, view: MapView) -> None:
        self.chosen: list[tuple[list[int], Change]] = []
        self.pointed: list[int] = []
        self.opened: list[int] = []
        view.chosen.connect(lambda rows, change: self.chosen.append((rows.tolist(), change)))
        view.pointed.connect(self.pointed.append)
        view.opened.connect(self.opened.append)


@pytest.fixture
def view(qtbot: QtBot) -> MapView:
    made = MapView()
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.show()
    qtbot.waitExposed(made)
    made.set_points(POINTS)
    made.set_colors(np.array([RED, RED, BLUE, BLUE, RED], np.uint32), np.ones(5, bool))
    return made


def place(view: MapView, x: float, y: float) -> QPoint:
    across, down = view.pixels_of(np.array([(x, y)], np.float32))[0]
    return QPoint(round(across), round(down))


def drag(view: MapView, corners: list[tuple[float, float]], key: Qt.KeyboardModifier = NO) -> None:
    spots = [place(view, *corner) for corner in corners]
    hands.mousePress(view.viewport, LEFT, key, spots[0])
    for spot in spots[1:]:
        move(view, spot, key)
    hands.mouseRelease(view.viewport, LEFT, key, spots[-1])


def move(
    view: MapView, to: QPoint, key: Qt.KeyboardModifier = NO, held: Qt.MouseButton = LEFT
) -> None:
    at = QPointF(to)
    event = QMouseEvent(QEvent.Type.MouseMove, at, at, Qt.MouseButton.NoButton, held, key)
    QApplication.sendEvent(view.viewport, event)


def image(view: MapView) -> NDArray[np.uint32]:
    picture = view._picture()
    bits = picture.constBits()
    assert bits is not None
    bits.setsize(picture.sizeInBytes())
    data: Any = bits
    return np.frombuffer(bytes(data), np.uint32).reshape(picture.height(), picture.width())


def test_points_are_painted_where_they_are(view: MapView) -> None:
    painted = image(view)
    for (x, y), color in zip(POINTS, (RED, RED, BLUE, BLUE, RED), strict=True):
        spot = place(view, x, y)
        assert painted[spot.y(), spot.x()] == color
    assert place(view, 0, 1).y() < place(view, 0, 0).y()  # up is up


def test_hidden_points_are_not_painted_and_marked_ones_have_a_ring(view: MapView) -> None:
    before = (image(view) == 0xFFFFFFFF).sum()
    view.mark(np.array([False, True, True, False, False]))
    ring = (image(view) == 0xFFFFFFFF).sum()
    assert before == 0 < ring
    shown = np.array([True, False, True, True, True])
    view.set_colors(np.full(5, BLUE, np.uint32), shown)
    painted = image(view)
    spot = place(view, 1, 0)
    assert painted[spot.y(), spot.x()] != BLUE
    assert 0 < (painted == 0xFFFFFFFF).sum() < ring


def test_points_below_do_not_hide_others_at_the_same_place(view: MapView) -> None:
    view.set_points(np.array([(0, 0), (0, 0), (1, 1)], np.float32))
    colors, shown = np.array([RED, BLUE, BLUE], np.uint32), np.ones(3, bool)
    spot = place(view, 0, 0)
    for below, over in (([True, False, False], BLUE), ([False, True, False], RED)):
        view.set_colors(colors, shown, np.array(below))
        assert image(view)[spot.y(), spot.x()] == over
        assert (image(view) == RED).any() == (over == RED)


def test_a_lasso_chooses_what_is_in_it_and_shown(view: MapView) -> None:
    heard = Heard(view)
    drag(view, [(-0.1, -0.1), (0.7, -0.1), (0.7, 0.7), (-0.1, 0.7)])
    drag(view, [(0.8, -0.1), (1.2, -0.1), (1.2, 1.2), (0.8, 1.2)], SHIFT)
    drag(view, [(0.8, 0.8), (1.2, 0.8), (1.2, 1.2), (0.8, 1.2)], ALT)
    view.set_colors(np.full(5, BLUE, np.uint32), np.array([True, True, True, True, False]))
    drag(view, [(-0.1, -0.1), (0.7, -0.1), (0.7, 0.7), (-0.1, 0.7)])
    assert heard.chosen == [
        ([0, 4], Change.REPLACE), ([1, 3], Change.ADD), ([3], Change.REMOVE),
        ([0], Change.REPLACE),
    ]  # fmt: skip


def test_a_rectangle_chooses_from_corner_to_corner(view: MapView) -> None:
    heard = Heard(view)
    view.tool = Tool.RECTANGLE
    drag(view, [(1.1, 1.1), (0.4, 0.4)])
    assert heard.chosen == [([3, 4], Change.REPLACE)]


def test_a_click_chooses_one_and_beside_all_none(view: MapView) -> None:
    heard = Heard(view)
    hands.mouseClick(view.viewport, LEFT, NO, place(view, 1, 1))
    hands.mouseClick(view.viewport, LEFT, SHIFT, place(view, 0.25, 0.25))
    hands.mouseClick(view.viewport, LEFT, NO, place(view, 0.25, 0.25))
    assert heard.chosen == [([3], Change.REPLACE), ([], Change.REPLACE)]
    hands.mouseDClick(view.viewport, LEFT, NO, place(view, 0, 1))
    assert heard.opened == [2]


def test_what_the_mouse_is_over_is_told(view: MapView) -> None:
    heard = Heard(view)
    move(view, place(view, 0.5, 0.5), held=Qt.MouseButton.NoButton)
    move(view, place(view, 0.25, 0.25), held=Qt.MouseButton.NoButton)
    assert heard.pointed == [4, -1]


def test_panning_moves_and_keys_zoom_and_fit(view: MapView, qtbot: QtBot) -> None:
    heard = Heard(view)
    whole = place(view, 0, 0), place(view, 1, 1)
    view.tool = Tool.PAN
    drag(view, [(0, 0), (0.1, 0), (0.3, 0)])
    assert heard.chosen == []
    hands.keyClick(view.graphics, Qt.Key.Key_Plus)
    zoomed = place(view, 1, 1) - place(view, 0, 0)
    assert zoomed.x() == pytest.approx(1.25 * (whole[1] - whole[0]).x(), abs=2)
    before = place(view, 0, 0)
    hands.keyClick(view.graphics, Qt.Key.Key_Left)
    assert place(view, 0, 0).x() > before.x()
    hands.keyClick(view.graphics, Qt.Key.Key_F)
    assert (place(view, 0, 0), place(view, 1, 1)) == whole


def test_a_lasso_can_be_given_up(view: MapView) -> None:
    heard = Heard(view)
    hands.mousePress(view.viewport, LEFT, NO, place(view, -0.1, -0.1))
    move(view, place(view, 0.7, 0.7))
    assert not view.grab().isNull()
    hands.keyClick(view.graphics, Qt.Key.Key_Escape)
    hands.mouseRelease(view.viewport, LEFT, NO, place(view, 0.7, 0.7))
    assert heard.chosen == []


def test_any_points_can_be_shown(view: MapView) -> None:
    for points in (np.zeros((0, 2)), np.zeros((1, 2)), np.full((3, 2), 1e9), POINTS * 1e-8):
        view.set_points(points.astype(np.float32))
        view.set_colors(np.full(len(points), RED, np.uint32), np.ones(len(points), bool))
        view.zoom(1000)
        assert not view.grab().isNull()
        view.fit()
        assert (image(view) == RED).any() == (len(points) > 0)
