"""A button that starts long work, and stops it when it is pressed again."""

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QMouseEvent, QPaintEvent
from qtpy.QtWidgets import QPushButton, QSizePolicy, QStyle, QStyleOptionButton, QStylePainter

__all__ = ["StartButton"]

LEAST = 150
"""Pixels of width below which no name in its text makes it narrower."""


class StartButton(QPushButton):
    """A large button; the second half of a double click does not stop what its first half began.

    Where a name in its text has too little room, its middle is left out.

    Parameters
    ----------
    text : str
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setObjectName("start")
        self.setStyleSheet("QPushButton#start { font-weight: bold; padding: 6px 10px; }")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        """Return a width at which the name in the text may be shortened."""
        hint = super().minimumSizeHint()
        return QSize(min(hint.width(), LEAST), hint.height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw as Qt does, but for a text that is too long."""
        option, part = QStyleOptionButton(), QStyle.SubElement.SE_PushButtonContents
        self.initStyleOption(option)
        painter, style = QStylePainter(self), self.style()
        if style is not None:
            room = style.subElementRect(part, option, self).width()
            middle = Qt.TextElideMode.ElideMiddle
            option.text = self.fontMetrics().elidedText(self.text(), middle, room)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        painter.end()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Let it pass."""
        if event is not None:
            event.accept()
