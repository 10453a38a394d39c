"""Do something once, when what a user moves has come to rest."""

from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QTimer

__all__ = ["Rest"]


class Rest:
    """Call a function when nothing has been asked for some time.

    Parameters
    ----------
    function : callable
    delay : int
        Milliseconds after the last :meth:`ask`.
    """

    def __init__(self, function: Callable[[], object], delay: int) -> None:
        self._function = function
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay)
        self._timer.timeout.connect(self._call)

    @property
    def waiting(self) -> bool:
        """Whether the function is to be called."""
        return self._timer.isActive()

    def ask(self, *_: object) -> None:
        """Call the function later; asking again puts it off."""
        self._timer.start()

    def flush(self) -> None:
        """Call the function now if it is to be called."""
        if self._timer.isActive():
            self._timer.stop()
            self._function()

    def forget(self) -> None:
        """Do not call the function after all."""
        with suppress(RuntimeError):  # Qt has deleted the timer, as it does when all ends
            self._timer.stop()

    def _call(self) -> None:
        self._function()
