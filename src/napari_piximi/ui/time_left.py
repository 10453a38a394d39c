"""How long something will still take, from how it went so far."""

from collections import deque

__all__ = ["TimeLeft", "spoken"]

WINDOW = 15.0
"""Seconds back to which the pace is measured; it changes, as when others use the computer too."""
PATIENCE = 1.5
"""Seconds before anything is said: the first steps are slow, and would promise years."""


class TimeLeft:
    """The time that is left, from steps done and in all."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, int]] = deque()

    def note(self, now: float, done: int, total: int) -> float | None:
        """Take in how far it is.

        Parameters
        ----------
        now : float
            Seconds, from any start.
        done, total : int
            Steps.

        Returns
        -------
        float or None
            Seconds left; None while there is too little to go by.
        """
        noted = self._noted
        if noted and done < noted[-1][1]:
            noted.clear()
        if not noted or done > noted[-1][1]:
            noted.append((now, done))
        while len(noted) > 2 and noted[1][0] < now - WINDOW:
            noted.popleft()
        began, first = noted[0]
        seconds, steps = noted[-1][0] - began, noted[-1][1] - first
        if total <= 0 or steps <= 0 or seconds < PATIENCE:
            return None
        return max(0.0, seconds / steps * (total - done) - (now - noted[-1][0]))


def spoken(seconds: float) -> str:
    """Say a time as people do: ``8 s``, ``2 min 10 s``, ``1 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60 // 10 * 10} s".replace(" 0 s", "")
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min".replace(" 0 min", "")
