"""Pages that may be higher than their dock."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

__all__ = ["scroll_all", "scrolled"]


def scrolled(content: QWidget, least: int = 0) -> QScrollArea:
    """Return an area in which a widget can be scrolled up and down.

    Parameters
    ----------
    content : QWidget
    least : int
        Its height in pixels at least.
    """
    area = QScrollArea()
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumHeight(least)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def scroll_all(page: QWidget, content: QWidget) -> None:
    """Fill a page with what can be scrolled, also by keys."""
    area = scrolled(content)
    area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(area)
