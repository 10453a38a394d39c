"""A progress bar that is drawn with the rest of the window."""

import time

from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import QProgressBar, QStyle, QStyleOptionProgressBar, QStylePainter

from napari_piximi.ui.rest import BEAT, Pace

__all__ = ["ProgressBar", "thin_bar"]

STEPS = 6
"""Places in which the piece of a bar is seen that does not know how far something is."""


class ProgressBar(QProgressBar):
    """A progress bar that waits until the window is drawn.

    Qt's own draws itself at once for each change of its range, value or text, and 30 times a
    second while it does not know how far something is; and with it the whole window, because of
    napari's canvas: without a graphics card 10 ms each time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(self._move, BEAT // 2, self)

    def show_progress(self, done: int, total: int, text: str | None = None) -> None:
        """Show how far something is.

        Parameters
        ----------
        done, total : int
            A total of 0 or less: it is not known.
        text : str, optional
            What stands in the bar, a format as of :class:`QProgressBar`; as before if not given.
        """
        self.setUpdatesEnabled(False)
        self.setRange(0, max(total, 0))
        self.setValue(done)
        if text is not None:
            self.setFormat(text)
        self.setUpdatesEnabled(True)

    def show_busy(self) -> None:
        """Show that something is under way, of which nobody knows how far it is."""
        self.show_progress(0, 0)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw it; of a bar that does not know how far something is, a piece that moves."""
        if self.maximum() > self.minimum():
            super().paintEvent(event)
            return
        painter, option = QStylePainter(self), QStyleOptionProgressBar()
        self.initStyleOption(option)
        option.minimum, option.maximum, option.progress = 0, 1, 0
        painter.drawControl(QStyle.ControlElement.CE_ProgressBar, option)
        option.progress, option.text = 1, ""
        piece = self.width() // STEPS
        place = int(1000 * time.monotonic()) // (BEAT // 2) % STEPS
        painter.setClipRect(place * piece, 0, piece, self.height())
        painter.drawControl(QStyle.ControlElement.CE_ProgressBar, option)
        painter.end()
        self._pace.ask()

    def _move(self) -> None:
        if self.isVisible():
            self.update()


def thin_bar(name: str) -> ProgressBar:
    """Make a low bar without words, for beside what tells how far something is.

    Parameters
    ----------
    name : str
        Accessible name.
    """
    bar = ProgressBar()
    bar.setTextVisible(False)
    bar.setFixedHeight(6)
    bar.setAccessibleName(name)
    return bar
