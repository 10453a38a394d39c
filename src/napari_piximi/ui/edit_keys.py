"""Undo, redo and save by keys and buttons, in every dock alike."""

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import QWidget

from napari_piximi.ui import documents
from napari_piximi.ui.workspace import Workspace

__all__ = ["REDO_KEYS", "SAVE_AS_KEYS", "SAVE_KEYS", "UNDO_KEYS", "EditKeys", "key_text"]

UNDO_KEYS = ("Ctrl+Z",)
REDO_KEYS = ("Ctrl+Shift+Z", "Ctrl+Y")
SAVE_KEYS = ("Ctrl+S",)
SAVE_AS_KEYS = ("Ctrl+Shift+S",)


def key_text(keys: tuple[str, ...]) -> str:
    """Return the first of some keys as this system writes it."""
    return QKeySequence(keys[0]).toString(QKeySequence.SequenceFormat.NativeText)


class EditKeys(QObject):
    """Take Ctrl+Z, Ctrl+Shift+Z, Ctrl+S and Ctrl+Shift+S inside one panel.

    They come before shortcuts of the window that have the same keys, and after those of the
    control that has the focus: in a line of text, Ctrl+Z takes back typing.

    Parameters
    ----------
    panel : QWidget
        It owns these keys.
    workspace : Workspace
    """

    def __init__(self, panel: QWidget, workspace: Workspace) -> None:
        super().__init__(panel)
        actions: tuple[tuple[tuple[str, ...], Callable[[], object]], ...] = (
            (UNDO_KEYS, workspace.undo),
            (REDO_KEYS, workspace.redo),
            (SAVE_KEYS, lambda: documents.save(workspace, panel)),
            (SAVE_AS_KEYS, lambda: documents.save_as(workspace, parent=panel)),
        )
        self._actions = {QKeySequence(key): act for keys, act in actions for key in keys}
        panel.installEventFilter(self)

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:
        """Act on a key that no control inside the panel wanted."""
        if not isinstance(event, QKeyEvent):
            return False
        act = self._actions.get(QKeySequence(event.keyCombination()))
        if act is None:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
        elif event.type() == QEvent.Type.KeyPress:
            event.accept()
            act()
        return True
