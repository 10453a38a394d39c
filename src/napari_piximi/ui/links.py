"""Connections of a Qt object to what is not of Qt, which are cut when it goes."""

from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QObject

__all__ = ["Links"]


class Links:
    """What ends the connections of one object.

    Qt knows a bound method without owning it. A partial or lambda that knows the object would be
    one of a circle with it, and the garbage collector might empty that before Qt calls it at the
    very end, which crashes the process.

    Parameters
    ----------
    owner : QObject
        It is to keep this, as an attribute.
    """

    def __init__(self, owner: QObject) -> None:
        self._cuts: list[Callable[[], object]] = []
        owner.destroyed.connect(self.cut)

    def __bool__(self) -> bool:
        """Tell whether there is anything to cut: not any more once the object has gone."""
        return bool(self._cuts)

    def add(self, cut: Callable[[], object]) -> None:
        """Let `cut` be called when the object goes; it may raise that there is nothing to cut."""
        self._cuts.append(cut)

    def cut(self) -> None:
        """Cut them all."""
        while self._cuts:
            with suppress(ValueError, RuntimeError):
                self._cuts.pop()()
