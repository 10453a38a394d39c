"""Export of an evaluation: its figures as CSV, its confusion matrix as a picture."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

from qtpy.QtCore import QBuffer, QByteArray, QIODevice
from qtpy.QtGui import QImage

from napari_piximi.errors import SaveError
from napari_piximi.learn.report import write_figures
from napari_piximi.ui import messages
from napari_piximi.ui.confusion_view import picture_of
from napari_piximi.ui.evaluations_list import Kept
from napari_piximi.ui.judged_classes import JudgedClass

__all__ = ["save_figures", "save_picture"]


def save_figures(path: Path, kept: Kept, classes: tuple[JudgedClass, ...]) -> bool:
    """Write all figures and the matrix as CSV; say so where that is not possible."""
    text = StringIO(newline="")
    write_figures(text, kept.classifier.name, [shown.name for shown in classes], kept.evaluation)
    return _written(path, lambda: path.write_bytes(text.getvalue().encode("utf-8")))


def save_picture(
    path: Path, kept: Kept, classes: tuple[JudgedClass, ...], *, percentages: bool
) -> bool:
    """Write the matrix as PNG, twice as large as on the screen."""
    image = picture_of(kept.evaluation, classes, kept.summary, percentages=percentages)
    return _written(path, lambda: path.write_bytes(_png(image)))


def _png(image: QImage) -> bytes:
    array = QByteArray()
    buffer = QBuffer(array)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise OSError("the picture could not be made; it may be too large")
    return array.data()


def _written(path: Path, write: Callable[[], object]) -> bool:
    try:
        write()
    except OSError as error:
        messages.error(SaveError(f"{path}: could not be written ({error.strerror or error})"))
        return False
    return True
