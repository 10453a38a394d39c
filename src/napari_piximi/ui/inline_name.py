"""A line for a name, with what is wrong with it said right below."""

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_piximi.ui.shown_names import LONGEST_TROUBLE, breakable
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["InlineName", "trouble_label"]


def trouble_label() -> QLabel:
    """Make the label that says what is wrong; hidden while nothing is."""
    label = wrapped_label()
    label.setObjectName("trouble")
    label.setStyleSheet(
        "QLabel#trouble { background-color: #99121f; color: white; padding: 3px 5px;"
        " border-radius: 2px; }"
    )
    label.setVisible(False)
    return label


class InlineName(QWidget):
    """Ask for a name without a dialog: Enter takes it, Esc gives up.

    Parameters
    ----------
    parent : QWidget, optional
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.trouble = trouble_label()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.line)
        layout.addWidget(self.trouble)
        self._accept: Callable[[str], str | None] | None = None
        self.line.returnPressed.connect(self._take)
        self.line.textEdited.connect(lambda: self.complain(None))
        self.setVisible(False)

    def ask(self, hint: str, name: str, accept: Callable[[str], str | None]) -> None:
        """Show the line.

        Parameters
        ----------
        hint : str
            What the name is for; shown while the line is empty, and its accessible name.
        name : str
            To begin with.
        accept : callable
            Gets the name; returns what is wrong with it, or None if it was taken.
        """
        self._accept = accept
        self.complain(None)
        self.line.setPlaceholderText(hint)
        self.line.setAccessibleName(hint)
        self.line.setToolTip(f"{hint}: Enter takes it, Esc gives up")
        self.line.setText(name)
        self.setVisible(True)
        self.line.selectAll()
        self.line.setFocus(Qt.FocusReason.OtherFocusReason)

    def give_up(self) -> None:
        """Ask no more."""
        self._accept = None
        self.setVisible(False)

    def complain(self, trouble: str | None) -> None:
        """Say what is wrong with the name, or that nothing is."""
        self.trouble.setText(breakable(trouble or "", LONGEST_TROUBLE))
        self.trouble.setVisible(bool(trouble))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Give up on Esc."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.give_up()
        else:
            super().keyPressEvent(event)

    def _take(self) -> None:
        if self._accept is None:
            return
        trouble = self._accept(self.line.text().strip())
        self.complain(trouble)
        if not trouble:
            self.setVisible(False)
