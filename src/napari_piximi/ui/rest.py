"""Do something once for all that asks for it: when it has come to rest, or at the next beat."""

import time
import weakref
from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QCoreApplication, QObject, Qt, QTimer

__all__ = ["BEAT", "Pace", "Rest", "timer_of"]

BEAT = 500
"""Milliseconds between two pictures of what is under way."""


class Rest:
    """Call a function when nothing has been asked for some time.

    Parameters
    ----------
    function : callable
    delay : int
        Milliseconds after the last :meth:`ask`.
    owner : QObject, optional
        With it, the wait ends.
    """

    def __init__(
        self, function: Callable[[], object], delay: int, owner: QObject | None = None
    ) -> None:
        self._function = function
        self._timer = QTimer(owner) if owner is not None else timer_of(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay)
        self._timer.timeout.connect(self._call)

    @property
    def waiting(self) -> bool:
        """Whether the function is to be called."""
        with suppress(RuntimeError):
            return self._timer.isActive()
        return False

    def ask(self, *_: object) -> None:
        """Call the function later; asking again puts it off."""
        with suppress(RuntimeError):  # Qt has deleted the timer with its owner
            self._timer.start()

    def flush(self) -> None:
        """Call the function now if it is to be called."""
        if self.waiting:
            self._timer.stop()
            self._function()

    def forget(self) -> None:
        """Do not call the function after all."""
        with suppress(RuntimeError):  # Qt has deleted the timer, as it does when all ends
            self._timer.stop()

    def _call(self) -> None:
        self._function()


class Pace(Rest):
    """Call a function at the next beat after it has been asked for; all keep the same beat.

    For what follows reports: where napari's canvas is drawn without a graphics card, every
    change in its window costs a good part of a processor, since the whole window is put
    together again. So all changes come at the same moment, in one picture.

    Parameters
    ----------
    function : callable
    beat : int
        Milliseconds between two beats.
    owner : QObject, optional
        With it, the wait ends.
    """

    def __init__(
        self, function: Callable[[], object], beat: int = BEAT, owner: QObject | None = None
    ) -> None:
        super().__init__(function, beat, owner)
        self._beat = beat
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)

    def ask(self, *_: object) -> None:
        """Call the function at the next beat; asking again changes nothing."""
        if not self.waiting:
            self._timer.setInterval(self._beat - int(1000 * time.monotonic()) % self._beat)
            super().ask()


def timer_of(owner: object) -> QTimer:
    """Return a timer for something that is not of Qt.

    Its owner may be let go of in any thread, by the garbage collector; a timer must be destroyed
    in its own.
    """
    timer = QTimer(QCoreApplication.instance())
    weakref.finalize(owner, _drop, timer).atexit = False
    return timer


def _drop(timer: QTimer) -> None:
    with suppress(RuntimeError):  # the application has gone, and the timer with it
        timer.deleteLater()
