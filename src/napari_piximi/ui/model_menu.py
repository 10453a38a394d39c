"""The menu of the model that the Classifier dock is about."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMenu, QWidget

from napari_piximi.ui.menu_entries import Entry, write_menu
from napari_piximi.ui.model_actions import ModelActions

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["ModelMenu"]


class ModelMenu(QMenu):
    """Written anew whenever it is opened: what cannot be done is grey.

    Parameters
    ----------
    panel : ClassifierPanel
    rename : callable
        Puts the cursor into the name.
    parent : QWidget

    Attributes
    ----------
    actions_of : ModelActions
    """

    def __init__(
        self, panel: "ClassifierPanel", rename: Callable[[], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.actions_of = ModelActions(panel, parent)
        self._rename = rename
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Write what can be done now."""
        write_menu(self, self._groups())

    def _groups(self) -> tuple[tuple[Entry, ...], ...]:
        do = self.actions_of
        found = do.choice.classifier
        chosen = found is not None
        whole = found is not None and found.model is not None
        return (
            (
                ("Open model file…", "Add a model: NAME.json, its weights, or a zip of both",
                 do.open_file, True),
                ("Open from URL…", "Add a model from an https:// address",
                 do.open_address, True),
            ),
            (
                ("Save model…", "Write NAME.json and NAME.weights.bin", do.save, whole),
                ("Model summary…", "The layers with their shapes and parameters",
                 do.summarize, whole),
                ("Map classes…", "Say which category each class stands for",
                 do.map_classes, whole),
            ),
            (
                ("Duplicate", "Copy this model; training the copy keeps the original as it is",
                 do.duplicate, whole),
                ("Rename", "Give this model another name (F2)", self._rename, chosen),
                ("Delete", "Delete this model; undo brings it back", do.delete, chosen),
            ),
            (
                ("Import hyper-parameters…", "Take the settings of the next fit from a file",
                 do.import_settings, True),
                ("Export hyper-parameters…", "Write the settings as a file that Piximi's is alike",
                 do.export_settings, True),
            ),
        )  # fmt: skip
