"""Where a picture or a table of curves is to be saved, and saving it."""

import os
from pathlib import Path
from secrets import token_hex

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_piximi.ui import messages
from napari_piximi.ui.file_choice import last_folder, remember_folder

__all__ = ["choose_new_file", "write_bytes"]


def choose_new_file(parent: QWidget | None, title: str, name: str, kind: str) -> Path | None:
    """Ask where to save something; replacing a file is asked about by the dialog.

    Parameters
    ----------
    parent : QWidget or None
    title : str
    name : str
        What the file is called at first; its ending is that of all that are chosen.
    kind : str
        As Qt writes it: ``Table (*.csv)``.
    """
    dialog = QFileDialog(parent, title, last_folder())
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QFileDialog.FileMode.AnyFile)
    dialog.setNameFilters([kind])
    dialog.setDefaultSuffix(Path(name).suffix.removeprefix("."))
    dialog.selectFile(name)
    try:
        chosen = dialog.selectedFiles() if dialog.exec() else []
    finally:
        dialog.deleteLater()
    if not chosen:
        return None
    remember_folder(Path(chosen[0]))
    return Path(chosen[0])


def write_bytes(path: Path, data: bytes) -> bool:
    """Write a file whole or not at all; one message where that fails."""
    beside = path.with_name(f".{path.name}.{token_hex(4)}.new")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        messages.error(f"{path} cannot be written: {error.strerror or error}")
        return False
    return True
