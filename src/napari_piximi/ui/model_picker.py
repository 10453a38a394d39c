"""The head of the Classifier dock: which model it is about, and what can be done with it."""

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["ModelPicker"]


class ModelPicker(QWidget):
    """To come.

    Parameters
    ----------
    panel : ClassifierPanel
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__(panel)
        self.panel = panel
