"""What is said to the user: napari notifications, and questions that need an answer."""

from collections.abc import Sequence

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_piximi.ui.shown_names import breakable

__all__ = ["ask", "error", "info", "warn"]

LONGEST = 1000
"""Characters of a notification: more would fill the window."""


def error(trouble: str | BaseException) -> None:
    """Show one error notification."""
    show_error(_text(trouble))


def warn(text: str) -> None:
    """Show one warning notification."""
    show_warning(_shortened(text))


def info(text: str) -> None:
    """Show one notification."""
    show_info(_shortened(text))


def ask(parent: QWidget | None, title: str, text: str, answers: Sequence[str]) -> str:
    """Ask a question and wait for the answer.

    Parameters
    ----------
    parent : QWidget or None
    title, text : str
        What is asked; the text says what each answer leads to.
    answers : sequence of str
        Captions of the buttons; the first is the default, the last one is also Esc.

    Returns
    -------
    str
        The answer that was chosen.
    """
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setText(breakable(title))
    box.setInformativeText(breakable(text))
    box.setTextFormat(Qt.TextFormat.PlainText)  # names may hold what looks like markup
    box.setIcon(QMessageBox.Icon.Question)
    buttons = {box.addButton(a, QMessageBox.ButtonRole.AcceptRole): a for a in answers}
    first, *_, last = list(buttons)
    box.setDefaultButton(first)
    box.setEscapeButton(last)
    box.exec()
    clicked = box.clickedButton()
    return next((a for b, a in buttons.items() if b is clicked), answers[-1])


def _text(trouble: str | BaseException) -> str:
    if isinstance(trouble, str):
        return _shortened(trouble)
    return _shortened(" ".join(str(trouble).split()) or type(trouble).__name__)


def _shortened(text: str) -> str:
    """Leave out the middle of a text that names made endless."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
