"""Buttons whose meaning is told by a tool tip, and to those who cannot see them."""

from qtpy.QtWidgets import QPushButton

__all__ = ["push_button"]


def push_button(text: str, meaning: str) -> QPushButton:
    """Make a button.

    Parameters
    ----------
    text : str
    meaning : str
        Tool tip and accessible name.
    """
    button = QPushButton(text)
    button.setToolTip(meaning)
    button.setAccessibleName(meaning)
    return button
