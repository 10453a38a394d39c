"""The Predict page of the Classifier dock."""

from typing import TYPE_CHECKING

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QVBoxLayout, QWidget

from napari_piximi.model.project import Project
from napari_piximi.ui.ask_box import AskBox
from napari_piximi.ui.rest import Rest
from napari_piximi.ui.review_box import ReviewBox
from napari_piximi.ui.scrolled import scroll_all

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["PredictPage"]


class PredictPage(QWidget):
    """Ask the chosen model about things; look through its answers, correct and accept them.

    What changed while it is out of sight is followed when it comes back.

    Parameters
    ----------
    panel : ClassifierPanel
        Gives `workspace`, `learning`, `choice`, and `listen` for signals.
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__(panel)
        self.panel = panel
        self.ask = AskBox(panel)
        self.review = ReviewBox(panel)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(2, 6, 2, 2)
        layout.setSpacing(4)
        layout.addWidget(self.ask)
        layout.addWidget(_line())
        layout.addWidget(self.review)
        layout.addStretch()
        scroll_all(self, inner)
        self._stale = True
        self._soon = Rest(self.refresh, 0, self)
        workspace = panel.workspace
        panel.listen(workspace.changed, self._changed)
        panel.listen(workspace.gallery.arranged, self._ask_soon)
        panel.listen(workspace.gallery.selected, self._selected)
        panel.listen(workspace.layers.color_mode_changed, self.review.refresh_colors)
        panel.listen(panel.choice.changed, self._ask_soon)
        self.review.refresh_colors()
        self.refresh()

    def refresh(self) -> None:
        """Follow the project, the gallery and the chosen model."""
        self._soon.forget()
        self._stale = False
        self.ask.refresh()
        self.review.refresh()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def _changed(self, _before: Project, _after: Project) -> None:
        self._ask_soon()

    def _ask_soon(self) -> None:
        self._stale = True
        if self.isVisible():
            self._soon.ask()

    def _selected(self) -> None:
        if self.isVisible() and not self._stale:
            self.ask.refresh()
            self.review.refresh_selection()
        else:
            self._stale = True


def _line() -> QFrame:
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    return line
