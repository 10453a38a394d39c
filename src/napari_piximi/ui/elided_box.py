"""A list to choose from that shortens what it has no room for; Qt's own cuts it in a letter."""

from html import escape

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QHelpEvent, QPaintEvent
from qtpy.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QToolTip

from napari_piximi.ui.shown_names import LONGEST_TIP, one_line

__all__ = ["ElidedBox"]

GAP = 4
"""Pixels between an icon and the text, as in Qt's styles."""


class ElidedBox(QComboBox):
    """Ends in … where there is too little room; all of it is in the tool tip then."""

    def shown_text(self) -> str:
        """Return the text as it is drawn."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        return self._shortened(option)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw as Qt does, but for a text that is too long."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        if not self.isEditable():
            option.currentText = self._shortened(option)
            painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def event(self, event: QEvent | None) -> bool:
        """Put what is not seen of the text into the tool tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text, meaning = self.currentText(), self.toolTip()
            if not self.isEditable() and self.shown_text() != text:
                rich = meaning if meaning.startswith("<") else escape(meaning)
                whole = f"<span>{escape(one_line(text, LONGEST_TIP))}<br>{rich}</span>"
                QToolTip.showText(event.globalPos(), whole, self)
                return True
        return super().event(event)

    def _shortened(self, option: QStyleOptionComboBox) -> str:
        style, text = self.style(), option.currentText or ""
        if style is None:
            return text
        part = QStyle.SubControl.SC_ComboBoxEditField
        control = QStyle.ComplexControl.CC_ComboBox
        room = style.subControlRect(control, option, part, self).width() - 2
        if not option.currentIcon.isNull():
            room -= option.iconSize.width() + GAP
        return self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, max(room, 0))
