"""Buttons beside each other, and below each other where there is too little room."""

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QSize
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

__all__ = ["WrappingRow"]

GAP = 4


class WrappingRow(QWidget):
    """Widgets in columns of the same width, as many as there is room for.

    Parameters
    ----------
    widgets : sequence of QWidget
    most : int, optional
        Columns at most; as many as there are widgets by default.

    Attributes
    ----------
    widgets : tuple of QWidget
    """

    def __init__(self, widgets: Sequence[QWidget], most: int | None = None) -> None:
        super().__init__()
        self.widgets, self._most = tuple(widgets), most or len(widgets)
        for widget in widgets:
            widget.setParent(self)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def columns(self, width: int) -> int:
        """Return how many columns there are at a width in pixels."""
        fitting = (width + GAP) // (self._widest() + GAP)
        return max(min(fitting, self._most), 1)

    def sizeHint(self) -> QSize:
        """Return the size with all columns."""
        width = self._most * (self._widest() + GAP) - GAP
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return the width of one column, and the height that there is to be now."""
        return QSize(self._widest(), self.heightForWidth(max(self.width(), self._widest())))

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        rows = -(-len(self.widgets) // self.columns(width))
        return rows * (self._tallest() + GAP) - GAP

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the width."""
        super().resizeEvent(event)
        self._place()

    def event(self, event: QEvent | None) -> bool:
        """Follow what the widgets need."""
        heeded = super().event(event)
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self._place()
        return heeded

    def _place(self) -> None:
        columns = self.columns(self.width())
        wide, tall = (self.width() + GAP) // columns - GAP, self._tallest()
        for place, widget in enumerate(self.widgets):
            row, column = divmod(place, columns)
            widget.setGeometry(column * (wide + GAP), row * (tall + GAP), wide, tall)

    def _widest(self) -> int:
        return max(widget.sizeHint().width() for widget in self.widgets)

    def _tallest(self) -> int:
        return max(widget.sizeHint().height() for widget in self.widgets)
