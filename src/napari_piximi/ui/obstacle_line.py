"""One line that says why a model cannot be asked now, with a button that helps."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_piximi.ui.predicting import Obstacle
from napari_piximi.ui.shown_names import breakable
from napari_piximi.ui.wrapped_label import wrapped_label

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["ObstacleLine"]

MENDS = {
    "fit": ("Go to Fit", "Fit a model on what is labelled"),
    "map": ("Map classes…", "Say which category each class of this model stands for"),
    "label": ("Show unlabelled things", "Let the gallery show what has no label"),
}
"""Text and tool tip of the button."""


class ObstacleLine(QWidget):
    """Shows an obstacle, or nothing.

    Parameters
    ----------
    panel : ClassifierPanel
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__()
        self._panel = panel
        self.obstacle: Obstacle | None = None
        self.text, self.mend = wrapped_label(), QPushButton()
        self.text.setAccessibleName("What is in the way")
        self.mend.clicked.connect(self._mend)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.text)
        layout.addWidget(self.mend, 0, Qt.AlignmentFlag.AlignLeft)

    def show_obstacle(self, obstacle: Obstacle | None) -> None:
        """Show this; None takes the line away."""
        self.obstacle = obstacle
        mend = obstacle.mend if obstacle is not None else ""
        if obstacle is not None:
            self.text.setText(breakable(obstacle.text))
        if mend:
            caption, meaning = MENDS[mend]
            self.mend.setText(caption)
            self.mend.setToolTip(meaning)
            self.mend.setAccessibleName(caption)
        self.mend.setVisible(bool(mend))
        self.setVisible(obstacle is not None)

    def _mend(self) -> None:
        from napari_piximi.ui.adopting import map_classifier
        from napari_piximi.ui.remedies import show_unlabelled

        workspace, choice = self._panel.workspace, self._panel.choice
        mend = self.obstacle.mend if self.obstacle is not None else ""
        if mend == "fit":
            self._panel.page("Fit")
        elif mend == "label":
            show_unlabelled(workspace, choice.kind)
        elif mend == "map" and choice.classifier is not None:
            map_classifier(workspace, choice.classifier, choice.kind, self)
