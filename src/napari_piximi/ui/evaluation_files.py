"""Export of an evaluation: its figures as CSV, its confusion matrix as a picture."""

from io import StringIO
from pathlib import Path

from napari_piximi.learn.report import write_figures
from napari_piximi.ui.confusion_view import picture_of
from napari_piximi.ui.curve_files import write_bytes, write_picture
from napari_piximi.ui.evaluations_list import Kept
from napari_piximi.ui.judged_classes import JudgedClass

__all__ = ["save_figures", "save_picture"]


def save_figures(path: Path, kept: Kept, classes: tuple[JudgedClass, ...]) -> bool:
    """Write all figures and the matrix as CSV; say so where that is not possible."""
    text = StringIO(newline="")
    write_figures(text, kept.classifier.name, [shown.name for shown in classes], kept.evaluation)
    return write_bytes(path, text.getvalue().encode())


def save_picture(
    path: Path, kept: Kept, classes: tuple[JudgedClass, ...], *, percentages: bool
) -> bool:
    """Write the matrix as PNG, twice as large as on the screen."""
    image = picture_of(kept.evaluation, classes, kept.summary, percentages=percentages)
    return write_picture(path, image)
