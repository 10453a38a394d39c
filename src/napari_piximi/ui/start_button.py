"""A button that starts long work, and stops it when it is pressed again."""

from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QPushButton

__all__ = ["StartButton"]


class StartButton(QPushButton):
    """The second half of a double click does not stop what its first half began."""

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Let it pass."""
        if event is not None:
            event.accept()
