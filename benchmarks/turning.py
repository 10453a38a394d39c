"""The event loop of a window turns for a while, in benchmarks."""

import time
from collections.abc import Callable

__all__ = ["live"]


def live(seconds: float, until: Callable[[], object], look_every: int) -> None:
    """Let the event loop turn until something has come about, or so many seconds have gone.

    Parameters
    ----------
    seconds : float
    until : callable
        Tells whether it has.
    look_every : int
        Milliseconds.
    """
    from qtpy.QtCore import QEventLoop, QTimer

    loop, timer = QEventLoop(), QTimer()
    end = time.monotonic() + seconds

    def look() -> None:
        if until() or time.monotonic() > end:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(look_every)
    loop.exec()
