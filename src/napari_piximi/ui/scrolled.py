"""Pages that may be higher than their dock."""

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

__all__ = ["LowPage", "scroll_all", "scrolled"]

LOW = 240
"""Pixels: lower than that, little of a page could be seen."""
BESIDE = 620
"""Pixels of the screen's height that a page leaves to all else: bars, titles, the dock below."""


def scrolled(content: QWidget, least: int = 0) -> QScrollArea:
    """Return an area in which a widget can be scrolled up and down.

    Parameters
    ----------
    content : QWidget
    least : int
        Its height in pixels at least.
    """
    area = QScrollArea()
    _fill(area, content)
    area.setMinimumHeight(least)
    return area


def _fill(area: QScrollArea, content: QWidget) -> None:
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)


class LowPage(QScrollArea):
    """A page that can be scrolled where the screen is too low for all of it.

    What a page says may take more lines at any time. The dock makes room for them, but the
    window must not grow beyond the edge of a small screen.

    Parameters
    ----------
    content : QWidget
    """

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        _fill(self, content)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the page with a scroll bar beside it, and the height it can have."""
        content, bar = self.widget(), self.verticalScrollBar()
        assert content is not None
        assert bar is not None
        least = content.minimumSizeHint()
        screen = self.screen()
        room = screen.availableGeometry().height() - BESIDE if screen is not None else LOW
        return QSize(least.width() + bar.sizeHint().width(), min(least.height(), max(room, LOW)))


def scroll_all(page: QWidget, content: QWidget) -> None:
    """Fill a page with what can be scrolled, also by keys."""
    area = scrolled(content)
    area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(area)
