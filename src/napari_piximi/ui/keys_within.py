"""Keys that count within one widget."""

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QWidget

__all__ = ["keys_within"]


def keys_within(widget: QWidget, keys: str, act: Callable[[], object]) -> QShortcut:
    """Do something on keys that are pressed in a widget, or in a part of it.

    Parameters
    ----------
    widget : QWidget
    keys : str
        Such as ``Ctrl+Return``.
    act : callable
        A bound method.
    """
    shortcut = QShortcut(QKeySequence(keys), widget)
    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    shortcut.activated.connect(act)
    return shortcut
