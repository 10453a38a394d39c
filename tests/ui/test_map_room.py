"""A map that opens beside the gallery gets room to be seen."""

from pytestqt.qtbot import QtBot
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_piximi.ui.map_room import ENOUGH, share_room


class _Hungry(QWidget):
    """Wants all there is."""

    def sizeHint(self) -> QSize:
        return QSize(1200, 200)


def _docked(window: QMainWindow, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
    dock = QDockWidget(window)
    dock.setWidget(widget)
    window.addDockWidget(area, dock)
    return dock


def test_half_of_the_row_but_no_more_than_is_needed(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.setCentralWidget(QWidget())
    bottom = Qt.DockWidgetArea.BottomDockWidgetArea
    gallery = _docked(window, _Hungry(), bottom)
    small = QWidget()
    own = _docked(window, small, bottom)
    window.resize(900, 500)
    window.show()
    qtbot.waitExposed(window)
    window.resizeDocks([gallery, own], [700, 150], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: own.width() < 250)
    assert share_room(small)
    qtbot.waitUntil(lambda: own.width() > 400)
    assert abs(own.width() - min(ENOUGH, (own.width() + gallery.width()) // 2)) <= 2
    assert not share_room(small)  # it has enough now


def test_where_there_is_no_row_nothing_moves(qtbot: QtBot) -> None:
    alone = QWidget()
    qtbot.addWidget(alone)
    assert not share_room(alone)
    window = QMainWindow()
    qtbot.addWidget(window)
    inner = QWidget()
    _docked(window, inner, Qt.DockWidgetArea.RightDockWidgetArea)
    window.show()
    assert not share_room(inner)
