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
from qtpy.QtWidgets import QApplication, QLabel, QMainWindow, QStatusBar

__all__ = ["Activity", "keep_room"]

SPEED = 10
"""Percent of its speed at which napari's sign that something runs turns: 3 pictures a second.

Where its canvas is drawn without a graphics card, each picture costs as much as drawing the
whole window; 30 a second took a third of a processor from what runs.
"""

DELAY = 500
"""Milliseconds until what was noted is done; a job that ends sooner gets no bar."""


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

    def begin(self, key: object, title: str) -> None:
        """Ask for a bar."""
        self._lines[key] = _Line(title)
        self._ask()

    def show(self, key: object, count: int, total: int) -> None:
        """Say how far it is; `total` 0 means not known."""
        line = self._lines.get(key)
        if line is not None and (line.count, line.total) != (count, total):
            line.count, line.total = count, total
            self._ask()

    def end(self, key: object) -> None:
        """Take the bar away."""
        self._lines[key].ended = True
        self._ask()

    def flush(self) -> None:
        """Do now what was noted, unless that is being done."""
        if self._turning:
            return
        self._turning = True
        try:
            for key, line in list(self._lines.items()):
                _draw(line)
                if line.ended:
                    del self._lines[key]
        finally:
            self._turning = False

    def _ask(self) -> None:
        if not self._timer.isActive():
            self._timer.start()


def _draw(line: _Line) -> None:
    if line.bar is None and not line.ended:
        line.bar = napari_progress(total=0, desc=line.title, file=StringIO())  # not to the terminal
        _slow_down()
    bar = line.bar
    if bar is None:
        return
    if line.ended:
        bar.close()
        return
    if bar.total != line.total:
        bar.total = line.total
    if line.count != bar.n:
        bar.update(line.count - bar.n)


def keep_room(window: QMainWindow) -> None:
    """Let napari's sign that something runs take its room now, while it is hidden.

    Its size is not known until its first picture is read. It makes the status bar a pixel
    higher; the canvas and all docks would be laid out and drawn anew when the first job begins.
    """
    for _, movie in _signs(window):
        movie.jumpToFrame(0)


def _slow_down() -> None:
    """Let napari's sign that something runs turn slowly, in all windows: they all show it."""
    for window in QApplication.topLevelWidgets():
        for _, movie in _signs(window) if isinstance(window, QMainWindow) else ():
            movie.setSpeed(SPEED)


def _signs(window: QMainWindow) -> list[tuple[QLabel, QMovie]]:
    bar = window.findChild(QStatusBar)
    labels = bar.findChildren(QLabel) if bar is not None else []
    return [(label, movie) for label in labels if (movie := label.movie()) is not None]
