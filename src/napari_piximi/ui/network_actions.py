"""What the menu of a network does: open, save, copy, delete."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QMenu, QWidget

from napari_piximi.io.network_files import read_network, write_network
from napari_piximi.model import edits
from napari_piximi.model.networks import free_network_name
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.progress import Progress, silent
from napari_piximi.ui import file_choice, messages
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.menu_entries import write_menu
from napari_piximi.ui.model_saving import save_model
from napari_piximi.ui.network_choice import NetworkChoice
from napari_piximi.ui.network_import import adopted
from napari_piximi.ui.shown_names import one_line

__all__ = ["NetworkActions", "NetworkMenu"]

FILTERS = ("Networks (*.json *.bin *.zip)", "All files (*)")


class NetworkActions:
    """What can be done to the network that is chosen.

    Parameters
    ----------
    choice : NetworkChoice
    parent : QWidget
        Of the dialogs.
    """

    def __init__(self, choice: NetworkChoice, parent: QWidget) -> None:
        self.choice, self.workspace, self.parent = choice, choice.workspace, parent

    def open_file(self) -> None:
        """Ask for files of a network, and add it to the chosen kind."""
        for path in file_choice.choose_files(self.parent, "Open a network", FILTERS):
            self.read(path)

    def read(self, path: Path) -> Job:
        """Add the network of a file to the chosen kind, under a free name."""
        kind = self.choice.kind

        def take(network: SegmentationNetwork) -> None:
            label = f"Open network {one_line(network.name)}"
            if self.workspace.edit(label, adopted, network, kind):
                found = self.workspace.project.networks[-1]
                self.choice.choose_kind(found.kind)
                self.choice.choose(found.name)

        def read(progress: Progress = silent) -> SegmentationNetwork:
            return read_network(path, progress)

        return self.workspace.run(f"Open {path.name}", read, done=take)

    def save(self) -> Job | None:
        """Ask where, and write ``NAME.json`` and ``NAME.weights.bin``."""
        found = self.choice.network
        if found is None or found.model is None:
            return None
        path = file_choice.choose_export(self.parent, "Save the network", found.name, "json")
        return None if path is None else self.save_to(found, path)

    def save_to(self, network: SegmentationNetwork, path: Path) -> Job | None:
        """Write the files, as :func:`save_model` does."""
        return save_model(self.workspace, path, partial(write_network, network), self.parent)

    def duplicate(self) -> None:
        """Copy the network under a free name, and choose the copy."""
        found = self.choice.network
        if found is None:
            return
        project = self.workspace.project
        name = f"{found.name} copy"
        if any(network.name == name for network in project.networks):
            name = free_network_name(project, name, 2)
        label = f"Duplicate network {one_line(found.name)}"
        if self.workspace.edit(label, edits.duplicate_network, found.name, name):
            self.choice.choose(name)

    def delete(self) -> None:
        """Delete the network; undo brings it back."""
        found = self.choice.network
        if found is None:
            return
        label = f"Delete network {one_line(found.name)}"
        if self.workspace.edit(label, edits.delete_network, found.name):
            self.choice.choose(None)
            messages.info(f"“{one_line(found.name)}” is deleted; undo brings it back")


class NetworkMenu(QMenu):
    """Written anew whenever it is opened: what cannot be done is grey.

    Parameters
    ----------
    choice : NetworkChoice
    rename : callable
        Puts the cursor into the name.
    parent : QWidget

    Attributes
    ----------
    actions_of : NetworkActions
    """

    def __init__(
        self, choice: NetworkChoice, rename: Callable[[], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.actions_of = NetworkActions(choice, parent)
        self._choice, self._rename = choice, rename
        self.setToolTipsVisible(True)
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """Write what can be done now."""
        do, found = self.actions_of, self._choice.network
        whole = found is not None and found.model is not None
        files = (
            ("Open network file…", "Add a network: NAME.json, its weights, or a zip of both",
             do.open_file, True),
            ("Save network…", "Write NAME.json and NAME.weights.bin, which TensorFlow.js reads",
             do.save, whole),
        )  # fmt: skip
        network = (
            ("Duplicate", "Copy this network; fitting the copy keeps the original as it is",
             do.duplicate, whole),
            ("Rename", "Give this network another name (F2)", self._rename, found is not None),
            ("Delete", "Delete this network; undo brings it back", do.delete, found is not None),
        )  # fmt: skip
        write_menu(self, (files, network))
