"""Columns that are left out of a narrow list, so that the others can be read."""

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QTableView, QTreeView

__all__ = ["leave_out"]


def leave_out(view: QTreeView | QTableView, spare: Sequence[int], least: int) -> None:
    """Hide columns of a list as long as its first one has too little room.

    Parameters
    ----------
    view : QTreeView or QTableView
        Its first column takes the room that the others leave.
    spare : sequence of int
        Columns that may be left out, the first ones first.
    least : int
        Width of the first column in pixels from which on all is shown.
    """
    _SpareColumns(view, tuple(spare), least)


class _SpareColumns(QObject):
    """Follows the width of a list; lives as long as that."""

    def __init__(self, view: QTreeView | QTableView, spare: tuple[int, ...], least: int) -> None:
        super().__init__(view)
        self._view, self._spare, self._least = view, spare, least
        self._widths: dict[int, int] = {}
        port = view.viewport()
        assert port is not None
        port.installEventFilter(self)

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:
        """Hide and show columns when the list is made wider or narrower."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._fit()
        return False

    def _fit(self) -> None:
        view, port = self._view, self._view.viewport()
        model = view.model()
        if port is None or model is None:
            return
        for column in range(1, model.columnCount()):
            if not view.isColumnHidden(column):  # else it would have none
                self._widths[column] = view.columnWidth(column)
        room = port.width() - sum(self._widths.values())
        for column in self._spare:
            hidden = room < self._least
            if view.isColumnHidden(column) != hidden:
                view.setColumnHidden(column, hidden)
            room += self._widths[column] if hidden else 0
