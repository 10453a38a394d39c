"""Dialogs that ask for a file or folder, and remember where one was chosen last."""

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_piximi.ui import preferences

__all__ = [
    "choose_export",
    "choose_files",
    "choose_folder",
    "choose_target",
    "last_folder",
    "remember_folder",
]

FOLDER = "folder"
BUNDLE_FILTER = "Piximi project (*.zip)"
FOLDER_FILTER = "Piximi project as a folder (*.zarr)"


def choose_files(
    parent: QWidget | None, title: str, filters: Sequence[str], *, several: bool = False
) -> list[Path]:
    """Ask for files to open.

    Parameters
    ----------
    parent : QWidget or None
    title : str
    filters : sequence of str
        As Qt writes them: ``Piximi project (*.zip)``.
    several : bool
        Whether more than one may be chosen.

    Returns
    -------
    list of Path
        Empty if the user gave none.
    """
    dialog = QFileDialog(parent, title, last_folder())
    mode = QFileDialog.FileMode
    dialog.setFileMode(mode.ExistingFiles if several else mode.ExistingFile)
    dialog.setNameFilters(list(filters))
    return _chosen(dialog)


def choose_folder(parent: QWidget | None, title: str) -> Path | None:
    """Ask for a folder that exists."""
    dialog = QFileDialog(parent, title, last_folder())
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    return next(iter(_chosen(dialog)), None)


def choose_target(parent: QWidget | None, present: Path | None, name: str) -> Path | None:
    """Ask where to save a project; replacing a file is asked about by the dialog.

    Parameters
    ----------
    parent : QWidget or None
    present : Path or None
        The file that the project has now.
    name : str
        The project's, which a first file is called after.
    """
    folder = str(present.parent) if present else last_folder()
    dialog = QFileDialog(parent, "Save project", folder)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    dialog.setNameFilters([BUNDLE_FILTER, FOLDER_FILTER])

    def follow(chosen: str) -> None:
        dialog.setDefaultSuffix("zarr" if chosen == FOLDER_FILTER else "zip")

    dialog.filterSelected.connect(follow)
    if present is not None and present.suffix == ".zarr":
        dialog.selectNameFilter(FOLDER_FILTER)
    follow(dialog.selectedNameFilter())
    dialog.selectFile(present.name if present else f"{_file_name(name)}.zip")
    return next(iter(_chosen(dialog)), None)


def choose_export(parent: QWidget | None, title: str, name: str, suffix: str) -> Path | None:
    """Ask where to write a file that is not the project; replacing one is asked about.

    Parameters
    ----------
    parent : QWidget or None
    title : str
        What is written: ``"Export figures"``.
    name : str
        What the file is called after; what no system takes is left out.
    suffix : str
        Without the dot.
    """
    dialog = QFileDialog(parent, title, last_folder())
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    dialog.setNameFilters([f"{suffix.upper()} (*.{suffix})"])
    dialog.setDefaultSuffix(suffix)
    dialog.selectFile(f"{_file_name(name)}.{suffix}")
    return next(iter(_chosen(dialog)), None)


def remember_folder(path: Path) -> None:
    """Begin there next time."""
    preferences.put(FOLDER, str(path.parent))


def last_folder() -> str:
    """Return the folder where a file was chosen last, or that of the user."""
    folder = Path(preferences.get(FOLDER, ""))
    return str(folder) if folder.is_absolute() and folder.is_dir() else str(Path.home())


def _chosen(dialog: QFileDialog) -> list[Path]:
    try:
        chosen = [Path(name) for name in dialog.selectedFiles()] if dialog.exec() else []
    finally:
        dialog.deleteLater()
    if chosen:
        remember_folder(chosen[0])
    return chosen


def _file_name(name: str) -> str:
    """Turn the name of a project into one that every system takes as a file's."""
    kept = "".join("_" if c in '<>:"/\\|?*' or not c.isprintable() else c for c in name)
    return kept.strip(" .") or "Untitled"
