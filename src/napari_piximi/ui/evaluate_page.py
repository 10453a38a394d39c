"""The Evaluate page of the Classifier dock."""

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["EvaluatePage"]


class EvaluatePage(QWidget):
    """To come.

    Parameters
    ----------
    panel : ClassifierPanel
        Gives `workspace`, `learning`, `choice`, and `listen` for signals.
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__(panel)
        self.panel = panel
