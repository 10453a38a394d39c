"""Room for the feature map beside the gallery."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

__all__ = ["share_room"]

ENOUGH = 520
"""Width of a map, with its legend, in pixels, from which it needs no more."""


def share_room(panel: QWidget) -> bool:
    """Give the dock of a panel half of what it and the docks beside it have, if it has less.

    Qt gives a new dock what the others can spare, which is next to nothing.

    Parameters
    ----------
    panel : QWidget

    Returns
    -------
    bool
        Whether anything was changed.
    """
    dock = panel.parentWidget()
    while dock is not None and not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    window = dock.parentWidget() if dock is not None else None
    if dock is None or not isinstance(window, QMainWindow) or dock.isFloating():
        return False
    area = window.dockWidgetArea(dock)
    if area not in (Qt.DockWidgetArea.BottomDockWidgetArea, Qt.DockWidgetArea.TopDockWidgetArea):
        return False
    row = [other for other in window.findChildren(QDockWidget) if _beside(window, dock, other)]
    whole = dock.width() + sum(other.width() for other in row)
    mine = min(ENOUGH, whole // 2)
    if not row or dock.width() >= mine:
        return False
    rest = [(whole - mine) * other.width() // (whole - dock.width()) for other in row]
    window.resizeDocks([dock, *row], [mine, *rest], Qt.Orientation.Horizontal)
    return True


def _beside(window: QMainWindow, dock: QDockWidget, other: QDockWidget) -> bool:
    """Tell whether another dock lies in the same row."""
    if other is dock or not other.isVisible() or other.isFloating():
        return False
    same = window.dockWidgetArea(other) == window.dockWidgetArea(dock)
    return same and other.y() == dock.y() and other.x() != dock.x()
