"""A line of text that changes while something is under way."""

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QLabel, QWidget

from napari_piximi.ui.shown_names import tip

__all__ = ["LiveLine"]


class LiveLine(QLabel):
    """One line, shortened at its end, that keeps its place whatever it says.

    A label of Qt's asks for another size with each other text. All that is around it is then
    laid out and drawn anew, for as long as something tells how far it is.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self.setText(text)

    def text(self) -> str:
        """Return all of it."""
        return self._text

    def setText(self, text: str | None) -> None:
        """Show another text, and all of it as the tool tip."""
        self._text = text or ""
        self.setAccessibleName(self._text)
        self.setToolTip(tip(self._text))
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of a line; as wide as there is room for."""
        margins = self.contentsMargins()
        return QSize(0, self.fontMetrics().height() + margins.top() + margins.bottom())

    def minimumSizeHint(self) -> QSize:
        """Return the height of a line."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw as much of it as there is room for."""
        room, end = self.contentsRect(), Qt.TextElideMode.ElideRight
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(
            room,
            int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
            self.fontMetrics().elidedText(self._text, end, room.width()),
        )
        painter.end()
