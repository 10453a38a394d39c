"""The line with the name of a model, which is checked while it is typed."""

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import QLineEdit

from napari_piximi.ui.inline_name import trouble_label
from napari_piximi.ui.shown_names import LONGEST_TROUBLE, breakable, tip

__all__ = ["NameLine"]


class NameLine(QLineEdit):
    """Names a model that is there, or one that is to be fitted.

    Parameters
    ----------
    what : str
        What it names: ``model``.
    trouble_with : callable
        Returns what is wrong with a name; empty where nothing is.

    Attributes
    ----------
    trouble : QLabel
        Says what is wrong; the owner puts it below.
    """

    typed = QtSignal(str)
    """A name with which nothing is wrong, as far as it is typed."""
    completed = QtSignal(str)
    """A name with which nothing is wrong, when the user is done with it."""

    def __init__(self, what: str, trouble_with: Callable[[str], str]) -> None:
        super().__init__()
        self._what, self._trouble_with = what, trouble_with
        self.trouble = trouble_label()
        self.setAccessibleName(f"Name of the {what}")
        self.textEdited.connect(self._check)
        self.editingFinished.connect(self._complete)

    def show_name(self, text: str, given: str) -> None:
        """Show a name, unless another one is being typed.

        Parameters
        ----------
        text : str
        given : str
            The name that holds where the text is empty.
        """
        self.setPlaceholderText(given)
        self.setToolTip(tip(f"Name of the {self._what}: {given}"))
        if self.hasFocus() and self.isModified():
            return
        if self.text() != text:
            self.setText(text)
            self.setCursorPosition(0)
        self._complain("")

    def begin(self) -> None:
        """Put the cursor into it."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.selectAll()

    def _check(self, text: str) -> None:
        trouble = self._trouble_with(text.strip())
        self._complain(trouble)
        if not trouble:
            self.typed.emit(text.strip())

    def _complete(self) -> None:
        text = self.text().strip()
        if not self._trouble_with(text):
            self.setModified(False)
            self.completed.emit(text)

    def _complain(self, trouble: str) -> None:
        self.trouble.setText(breakable(trouble, LONGEST_TROUBLE))
        self.trouble.setVisible(bool(trouble))
