"""Ctrl+C: pressed once, the work stops and keeps what is done; pressed twice, it ends at once."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_piximi.errors import Cancelled
from napari_piximi.model.training import Run
from napari_piximi.progress import Progress

__all__ = ["INTERRUPTED", "UNSAVED", "Stoppable", "check_kept", "stoppable", "tell_if_stopped"]

INTERRUPTED = 130
"""Exit code of what Ctrl+C ended, as shells have it."""

UNSAVED = "stopped before it was done; its result is not saved"
STOPPING = "napari-piximi: stopping; Ctrl+C again leaves at once, and saves nothing\n"


class Stoppable:
    """A progress that tells the work once that Ctrl+C was pressed.

    Attributes
    ----------
    show : Progress
        The same for what is to be finished all the same, such as saving.
    """

    def __init__(self, show: Progress) -> None:
        self.show = show
        self.pressed = self.told = False

    def __call__(self, done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        """Report; see :class:`napari_piximi.progress.Progress`.

        Raises
        ------
        Cancelled
            The first time after Ctrl+C was pressed.
        """
        if self.pressed and not self.told:
            self.told = True
            raise Cancelled(UNSAVED)
        self.show(done, total, message, **values)

    def press(self, *_signal: object) -> None:
        """Take note of Ctrl+C.

        Raises
        ------
        KeyboardInterrupt
            The second time.
        """
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
        # Not through sys.stderr, in whose midst the signal may have come.
        os.write(2, ("\n" * sys.stderr.isatty() + STOPPING).encode())


@contextmanager
def stoppable(show: Progress) -> Iterator[Stoppable]:
    """Let Ctrl+C stop the work that reports to what this yields."""
    progress = Stoppable(show)
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # such as a job that is to ignore Ctrl+C
        yield progress
        return
    signal.signal(signal.SIGINT, progress.press)
    try:
        yield progress
    finally:
        signal.signal(signal.SIGINT, before)


def check_kept(run: Run) -> None:
    """Go no further with a fit that was stopped before there was anything to keep.

    Raises
    ------
    Cancelled
    """
    if run.stopped == "cancelled" and not run.epochs:
        raise Cancelled("stopped before the first epoch was complete; there is nothing to save")


def tell_if_stopped(run: Run, out: Path) -> None:
    """Tell that a fit was stopped, and what was saved.

    Raises
    ------
    Cancelled
        If it was.
    """
    if run.stopped == "cancelled":
        raise Cancelled(f"stopped: the best so far is kept, saved in {out}")
