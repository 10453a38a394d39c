"""Text of more than one line, which may hold names of the user's."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

__all__ = ["notice", "wrapped_label"]


def wrapped_label(text: str = "", least: int = 0) -> QLabel:
    """Make a label that breaks lines, and shows what looks like markup as it is.

    Parameters
    ----------
    text : str
    least : int
        Its width in pixels at least.
    """
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setMinimumWidth(least)
    return label


def notice(text: str = "") -> QLabel:
    """Make a label that stands in the middle, in place of what is not there yet."""
    label = wrapped_label(text, 100)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
