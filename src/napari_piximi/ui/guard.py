"""Closing the window: unsaved changes are asked about, and then all work is stopped."""

import weakref
from functools import partial

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_piximi.ui import documents, messages
from napari_piximi.ui.links import Links
from napari_piximi.ui.workspace import Workspace

__all__ = ["guard", "guard_window_of"]


NAPARIS_TITLE = "napari"
UNASKED = (
    "The unsaved changes could not be asked about, so the window stays open. Save, and close it; "
    "or close it again, and the next start offers to recover them"
)


class _Guard(QObject):
    """Stands between a window and what closes it."""

    def __init__(self, window: QMainWindow, workspace: Workspace) -> None:
        super().__init__(window)
        self.workspace = workspace
        self._window = window
        self._viewer = weakref.ref(workspace.viewer)
        self._title = NAPARIS_TITLE
        self._failed = False
        window.installEventFilter(self)
        workspace.filed.connect(self.show_title)
        self._links = Links(self)
        self._links.add(partial(workspace.filed.disconnect, self.show_title, missing_ok=True))
        self.show_title()

    def show_title(self) -> None:
        """Call the window after the file; a title that someone else gave it stays."""
        viewer = self._viewer()
        if viewer is not None and viewer.title == self._title:
            viewer.title = self._title = documents.title_of(self.workspace)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Ask when the window is to close; only what it then says itself counts.

        The window's own reaction (napari may ask a question of its own) is called from here,
        since its outcome decides whether the workspace is done with.
        """
        if event is None or event.type() != QEvent.Type.Close or watched is not self._window:
            return False
        keep = False
        try:
            leaving = documents.may_leave(self.workspace, self._window)
        except Exception as error:  # from here it would let the window close without a word
            leaving = keep = self._failed
            self._failed = True
            if not leaving:
                messages.error(f"{UNASKED} ({error})")
        if not leaving:
            event.ignore()
            return True
        self._window.event(event)
        if event.isAccepted():
            self.workspace.close(keep=keep)
        return True


def guard(window: QMainWindow, workspace: Workspace) -> None:
    """Ask about unsaved changes before `window` closes; once is enough, more does no harm."""
    # Its own children alone: this is asked whenever a panel is shown.
    guards = window.findChildren(_Guard, options=Qt.FindChildOption.FindDirectChildrenOnly)
    if not any(found.workspace is workspace for found in guards):
        _Guard(window, workspace)


def guard_window_of(widget: QWidget, workspace: Workspace) -> None:
    """Guard the main window that a panel lies in, also while its dock floats."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    if parent is not None:
        guard(parent, workspace)
