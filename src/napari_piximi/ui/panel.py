"""What all panels share: their workspace, and word of every change while they live."""

from collections.abc import Callable
from functools import partial
from typing import Any

from napari.components import ViewerModel
from psygnal import SignalInstance
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QWidget

from napari_piximi.model.project import Project
from napari_piximi.ui.guard import guard_window_of
from napari_piximi.ui.links import Links
from napari_piximi.ui.lost_work import point_to_lost_work
from napari_piximi.ui.workspace import Workspace, workspace_of

__all__ = ["Panel"]


class Panel(QWidget):
    """A widget that draws the project of one viewer and applies edits to it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__()
        self.workspace: Workspace = workspace_of(napari_viewer)
        self.links = Links(self)
        self.listen(self.workspace.changed, self.project_changed)

    def listen(self, signal: SignalInstance, slot: Callable[..., Any]) -> None:
        """Connect a signal until this panel is destroyed."""
        signal.connect(slot)
        self.links.add(partial(signal.disconnect, slot, missing_ok=True))

    def showEvent(self, event: QShowEvent | None) -> None:
        """See to it that closing the window asks about unsaved work, and lost work is offered."""
        super().showEvent(event)
        guard_window_of(self, self.workspace)
        point_to_lost_work(self.workspace)

    def project_changed(self, before: Project, after: Project) -> None:
        """Redraw what differs; called after every change, and when another project is opened."""
