"""A table of figures that can be sorted by a column, and copied."""

import math
from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

__all__ = ["ROW", "CopiedTable", "Figure", "shown_figure"]

NUMBER = Qt.ItemDataRole.UserRole
ROW = 22
NARROW = 48


def shown_figure(value: float, before: float | None = None) -> str:
    """Write a figure, with its difference to another's where that is asked for."""
    text = "–" if math.isnan(value) else f"{value:.3f}"
    if before is None or math.isnan(value) or math.isnan(before):
        return text
    return f"{text} ({value - before:+.3f})".replace("-", "\u2212")


class Figure(QTableWidgetItem):
    """A cell that is sorted by its number."""

    def __init__(self, text: str, value: float) -> None:
        super().__init__(text)
        self.setData(NUMBER, value)
        self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, theirs = self.data(NUMBER), other.data(NUMBER)
        return bool((-1 if math.isnan(mine) else mine) < (-1 if math.isnan(theirs) else theirs))


class CopiedTable(QTableWidget):
    """Rows of figures; the first column takes the room that is left.

    Parameters
    ----------
    name : str
        Accessible name.
    titles, meanings : sequence of str
        Of the columns.
    parent : QWidget, optional
    """

    def __init__(
        self,
        name: str,
        titles: Sequence[str],
        meanings: Sequence[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(0, len(titles), parent)
        self.titles = tuple(titles)
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setHorizontalHeaderLabels(list(titles))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setToolTip("Click a title to sort; Ctrl+C copies the selected rows")
        across, down = self.horizontalHeader(), self.verticalHeader()
        assert across is not None
        assert down is not None
        down.hide()
        down.setDefaultSectionSize(ROW)
        down.setMinimumSectionSize(ROW)
        across.setMinimumSectionSize(24)
        across.setTextElideMode(Qt.TextElideMode.ElideRight)
        across.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # as it is filled, at first
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setWordWrap(False)
        for column, meaning in enumerate(meanings):
            item = self.horizontalHeaderItem(column)
            assert item is not None
            item.setToolTip(meaning)
            mode = QHeaderView.ResizeMode
            across.setSectionResizeMode(column, mode.Fixed if column else mode.Stretch)
            self.setColumnWidth(column, NARROW)

    def fit_height(self, most: int) -> None:
        """Be as tall as the rows, up to so many."""
        header = self.horizontalHeader()
        top = 0 if header is None or header.isHidden() else header.sizeHint().height()
        self.setFixedHeight(min(self.rowCount(), most) * ROW + top + 2 * self.frameWidth())

    def copied(self) -> str:
        """Return the selected rows, or all if none is, as text with tabs."""
        chosen = sorted({index.row() for index in self.selectedIndexes()})
        rows = [list(self.titles)]
        for row in chosen or range(self.rowCount()):
            items = [self.item(row, column) for column in range(self.columnCount())]
            rows.append([item.text() if item else "" for item in items])
        return "\n".join("\t".join(row) for row in rows)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy; all other keys move."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            clipboard = QGuiApplication.clipboard()
            if clipboard is not None:
                clipboard.setText(self.copied())
            return
        super().keyPressEvent(event)
