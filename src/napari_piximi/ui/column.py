"""A column in a scroll area that is as high as its wrapped texts need at its width."""

from qtpy.QtCore import QEvent
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QWidget

__all__ = ["Column"]


class Column(QWidget):
    """What lies in a scroll area; Qt alone would give texts the height of another width."""

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the width."""
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent | None) -> bool:
        """Follow what is inside."""
        heeded = super().event(event)
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return heeded

    def _fit(self) -> None:
        layout = self.layout()
        if layout is not None and layout.hasHeightForWidth():
            height = layout.totalHeightForWidth(self.width())
            if height != self.minimumHeight():
                self.setMinimumHeight(height)
