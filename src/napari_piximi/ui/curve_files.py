"""Where a picture or a table is to be saved, and saving it."""

from pathlib import Path

from qtpy.QtCore import QBuffer, QByteArray, QIODevice
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_piximi.errors import SaveError
from napari_piximi.io._replace import replace_files
from napari_piximi.ui import messages
from napari_piximi.ui.file_choice import last_folder, remember_folder

__all__ = ["choose_new_file", "write_bytes", "write_picture"]


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
    try:
        replace_files({path: data})
    except SaveError as error:
        messages.error(error)
        return False
    return True


def write_picture(path: Path, picture: QImage | QPixmap) -> bool:
    """Write a picture as PNG, whole or not at all; one message where that fails."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(buffer, "PNG"):
        messages.error(f"{path}: not saved: the picture may be too large")
        return False
    return write_bytes(path, data.data())
