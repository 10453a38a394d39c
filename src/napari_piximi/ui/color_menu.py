"""A menu of colours: Piximi's palette first, any other through Qt's dialog."""

from collections.abc import Callable
from functools import partial

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QKeyEvent, QShowEvent
from qtpy.QtWidgets import QColorDialog, QGridLayout, QMenu, QPushButton, QWidget, QWidgetAction

from napari_piximi.model.things import PALETTE

__all__ = ["ColorMenu"]

COLUMNS = 6

STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Up: -COLUMNS,
    Qt.Key.Key_Down: COLUMNS,
}


class ColorMenu(QMenu):
    """Ask for a colour: by a click, or by arrow keys and Enter.

    Parameters
    ----------
    present : str
        ``#RRGGBB``, what the colour is now.
    choose : callable
        Gets the colour chosen, ``#RRGGBB``.
    parent : QWidget
    """

    def __init__(self, present: str, choose: Callable[[str], None], parent: QWidget) -> None:
        super().__init__(parent)
        self.aboutToHide.connect(self.deleteLater)
        self._present = present
        self._choose = choose
        self.swatches: list[QPushButton] = []
        grid = QWidget()
        layout = QGridLayout(grid)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        for place, color in enumerate(PALETTE):
            layout.addWidget(self._swatch(color), *divmod(place, COLUMNS))
        action = QWidgetAction(self)
        action.setDefaultWidget(grid)
        self.addAction(action)
        other = self.addAction("Other colour…")
        assert other is not None
        other.triggered.connect(self._ask)
        self._other = other

    def showEvent(self, event: QShowEvent | None) -> None:
        """Let arrow keys begin at the colour there is."""
        super().showEvent(event)
        present = self._present.upper()
        self._focus(PALETTE.index(present) if present in PALETTE else 0)

    def _step(self, place: int, by: int) -> None:
        """Move from one colour to another, and from the last row to what is below it."""
        if place + by < len(self.swatches):
            self._focus(max(place + by, 0))
        else:
            self.setFocus(Qt.FocusReason.OtherFocusReason)
            self.setActiveAction(self._other)

    def _focus(self, place: int) -> None:
        self.swatches[place].setFocus(Qt.FocusReason.TabFocusReason)

    def _swatch(self, color: str) -> QPushButton:
        button = _Swatch(partial(self._step, len(self.swatches)))
        button.setFixedSize(26, 26)
        edge = "#ffffff" if color == self._present.upper() else "#808080"
        button.setStyleSheet(
            f"QPushButton {{ background-color: {color}; border: 2px solid {edge};"
            " border-radius: 4px; } QPushButton:focus { border-color: #4da3ff; }"
        )
        button.setToolTip(color)
        button.setAccessibleName(f"Colour {color}")
        button.clicked.connect(partial(self._take, color))
        self.swatches.append(button)
        return button

    def _take(self, color: str, *_: object) -> None:
        self.close()
        self._choose(color)

    def _ask(self) -> None:
        for place, color in enumerate(PALETTE[: QColorDialog.customCount()]):
            QColorDialog.setCustomColor(place, QColor(color))
        found = QColorDialog.getColor(QColor(self._present), self.parentWidget(), "Category colour")
        if found.isValid():
            self._choose(found.name().upper())


class _Swatch(QPushButton):
    """A colour; arrow keys are for the menu, and Enter is a click."""

    def __init__(self, step: Callable[[int], None]) -> None:
        super().__init__()
        self._step = step

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go to another colour, or take this one."""
        key = None if event is None else event.key()
        if key in STEPS:
            self._step(STEPS[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)
