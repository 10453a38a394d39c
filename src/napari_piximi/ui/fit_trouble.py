"""One line that says what would stop a fit, with a button that mends it."""

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from napari_piximi.learn.readiness import Remedy, Severity, Trouble
from napari_piximi.ui.shown_names import breakable
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["TroubleLine"]

MARKS: dict[Severity, str] = {"stop": "#d6404b", "spoil": "#e0a100", "note": "#8a8f98"}
"""Colour of the bar at the left; the sign says the same."""
SHORT = 16
"""Letters of a button that has room beside the text."""
SIGNS: dict[Severity, str] = {"stop": "✕", "spoil": "⚠", "note": "ℹ"}
MEANINGS: dict[Severity, str] = {
    "stop": "No fit is possible until this is mended",
    "spoil": "A fit is possible, but its result will be the worse for it",
    "note": "Good to know",
}


class TroubleLine(QWidget):
    """The worst trouble and its remedy; the others unfold below it.

    Parameters
    ----------
    mend : callable
        Called with the remedy whose button was pressed.
    """

    def __init__(self, mend: Callable[[Remedy], object]) -> None:
        super().__init__()
        self._mend = mend
        self.troubles: tuple[Trouble, ...] = ()
        self.rows: list[TroubleRow] = []
        self.more = QToolButton()
        self.more.setCheckable(True)
        self.more.setAutoRaise(True)
        self.more.setToolTip("Show everything that was found")
        self.more.toggled.connect(self._unfold)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.more)
        self.setVisible(False)

    def show_troubles(self, troubles: Sequence[Trouble]) -> None:
        """Show these, the worst first."""
        if tuple(troubles) == self.troubles:
            return
        self.troubles = tuple(troubles)
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        for row in self.rows:
            layout.removeWidget(row)
            row.setVisible(False)
            row.deleteLater()
        self.rows = [TroubleRow(trouble, self._mend) for trouble in self.troubles]
        for place, row in enumerate(self.rows):
            layout.insertWidget(place, row)
        self._unfold(self.more.isChecked())
        self.setVisible(bool(self.rows))

    def _unfold(self, unfolded: bool) -> None:
        number = len(self.rows) - 1
        self.more.setVisible(number > 0)
        text = "Show less" if unfolded else f"and {number} more"
        self.more.setText(text)
        self.more.setAccessibleName(text)
        for place, row in enumerate(self.rows):
            row.setVisible(unfolded or place == 0)


class TroubleRow(QWidget):
    """One trouble, and the button of its remedy."""

    def __init__(self, trouble: Trouble, mend: Callable[[Remedy], object]) -> None:
        super().__init__()
        self.setObjectName("troubleRow")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        color = MARKS[trouble.severity]
        self.setStyleSheet(f"QWidget#troubleRow {{ border-left: 3px solid {color}; }}")
        self.text = wrapped_label(breakable(f"{SIGNS[trouble.severity]} {trouble.text}"))
        self.text.setToolTip(MEANINGS[trouble.severity])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 1, 0, 1)
        layout.addWidget(self.text, 1)
        self.button: QPushButton | None = None
        remedy = trouble.remedy
        if remedy is not None:
            self.button = QPushButton(remedy.caption)
            undone = "; this can be undone" if remedy.is_edit else ""
            self.button.setToolTip(f"{remedy.caption}{undone}")
            self.button.setAccessibleName(remedy.caption)
            self.button.clicked.connect(lambda: mend(remedy))
            if len(remedy.caption) > SHORT:
                layout.removeWidget(self.text)
                below = QVBoxLayout()
                below.setSpacing(2)
                below.addWidget(self.text)
                below.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
                layout.addLayout(below, 1)
            else:
                layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
