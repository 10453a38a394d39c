"""What runs, in napari's activity dialog.

napari's bars let the event loop turn whenever they are made or moved. Whatever happens in that
turn, such as the end of the very job, must not touch the bars again before it is over: that
ends in a segmentation fault. So all that is wanted of them is noted, and done in one place.
"""

from dataclasses import dataclass
from io import StringIO
from typing import Any

from napari.utils import progress as napari_progress
from qtpy.QtCore import QObject, QTimer
from qtpy.QtGui import QMovie
from qtpy.QtWidgets import QApplication, QDialog, QLabel, QMainWindow, QStatusBar

from napari_piximi.ui.rest import Pace

__all__ = ["Activity", "keep_room"]

STEP = 3
"""By how many of its 90 pictures napari's sign that something runs turns from beat to beat.

Where its canvas is drawn without a graphics card, each picture costs as much as drawing the
whole window; its own 30 a second took a third of a processor from what runs.
"""

DELAY = 500
"""Milliseconds until a bar is made; a job that ends sooner gets none."""


@dataclass
class _Line:
    """A bar as it should be."""

    title: str
    count: int = 0
    total: int = 0
    ended: bool = False
    bar: Any = None


class Activity:
    """Bars in napari's activity dialog.

    Parameters
    ----------
    home : QObject
        Owns the timer.
    """

    def __init__(self, home: QObject) -> None:
        self._lines: dict[object, _Line] = {}
        self._turning = False
        self._timer = QTimer(home)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY)
        self._timer.timeout.connect(self.flush)
        self._pace = Pace(self.flush, owner=home)

    def begin(self, key: object, title: str) -> None:
        """Ask for a bar."""
        self._lines[key] = _Line(title)
        if not self._timer.isActive():
            self._timer.start()

    def show(self, key: object, count: int, total: int) -> None:
        """Say how far it is; `total` 0 means not known."""
        line = self._lines.get(key)
        if line is not None:
            line.count, line.total = count, total

    def end(self, key: object) -> None:
        """Take the bar away."""
        self._lines[key].ended = True
        self._pace.ask()

    def flush(self) -> None:
        """Do now what was noted, unless that is being done."""
        if self._turning:
            return
        self._timer.stop()  # all that wait for a bar get it now
        self._turning = True
        moving = _is_seen()
        try:
            for key, line in list(self._lines.items()):
                _draw(line, moving)
                if line.ended:
                    del self._lines[key]
        finally:
            self._turning = False
        if any(line.bar is not None for line in self._lines.values()):
            _turn_signs()
            self._pace.ask()


def _draw(line: _Line, moving: bool) -> None:
    if line.bar is None and not line.ended:
        line.bar = napari_progress(total=0, desc=line.title, file=StringIO())  # not to the terminal
    bar = line.bar
    if bar is None:
        return
    if line.ended:
        bar.close()
    elif moving:
        if bar.total != line.total:
            bar.total = line.total
        if line.count != bar.n:
            bar.update(line.count - bar.n)


def _is_seen() -> bool:
    """Whether a window shows the dialog, or there is no window: what is hidden need not move."""
    windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, QMainWindow)]
    dialogs = [w.findChild(QDialog, "Activity") for w in windows]
    return not any(dialogs) or any(dialog.isVisible() for dialog in dialogs if dialog is not None)


def keep_room(window: QMainWindow) -> None:
    """Let napari's sign that something runs take its room now, while it is hidden.

    Its size is not known until its first picture is read. It makes the status bar a pixel
    higher; the canvas and all docks would be laid out and drawn anew when the first job begins.
    """
    for _, movie in _signs(window):
        movie.jumpToFrame(0)


def _turn_signs() -> None:
    """Let napari's sign that something runs turn with the beat, in all windows: all show it."""
    for window in QApplication.topLevelWidgets():
        for _, movie in _signs(window) if isinstance(window, QMainWindow) else ():
            movie.setPaused(True)
            for _ in range(STEP):
                movie.jumpToNextFrame()


def _signs(window: QMainWindow) -> list[tuple[QLabel, QMovie]]:
    bar = window.findChild(QStatusBar)
    labels = bar.findChildren(QLabel) if bar is not None else []
    return [(label, movie) for label in labels if (movie := label.movie()) is not None]
