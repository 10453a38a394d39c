"""A question with a few outcomes in words, one of which is chosen."""

from collections.abc import Sequence

from qtpy.QtWidgets import QDialog, QDialogButtonBox, QLabel, QRadioButton, QVBoxLayout, QWidget

__all__ = ["JoinDialog", "choose"]


def choose(parent: QWidget | None, question: str, options: Sequence[str]) -> int | None:
    """Ask which of some outcomes is meant.

    Returns
    -------
    int or None
        Its place; None if the user does not want to go on.
    """
    dialog = JoinDialog(question, options, parent)
    try:
        return dialog.chosen if dialog.exec() else None
    finally:
        dialog.deleteLater()


class JoinDialog(QDialog):
    """One radio button for each outcome; the first is checked.

    Parameters
    ----------
    question : str
    options : sequence of str
    parent : QWidget, optional
    """

    def __init__(
        self, question: str, options: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add layers to project")
        layout = QVBoxLayout(self)
        text = QLabel(question)
        text.setWordWrap(True)
        layout.addWidget(text)
        self._buttons = [QRadioButton(option.replace("&", "&&")) for option in options]
        for button in self._buttons:
            layout.addWidget(button)
        self._buttons[0].setChecked(True)
        box = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        ok = box.button(QDialogButtonBox.StandardButton.Ok)
        assert ok is not None
        ok.setText("Add")
        box.accepted.connect(self.accept)
        box.rejected.connect(self.reject)
        layout.addWidget(box)

    @property
    def chosen(self) -> int:
        """Place of the outcome that is checked."""
        return next(place for place, button in enumerate(self._buttons) if button.isChecked())

    def check(self, place: int) -> None:
        """Check another outcome."""
        self._buttons[place].setChecked(True)
