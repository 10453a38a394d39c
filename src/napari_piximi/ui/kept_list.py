"""What is kept, one line each: the user chooses one, or deletes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from napari_piximi.ui.category_view import DELETE_KEYS
from napari_piximi.ui.shown_names import tip
from napari_piximi.ui.spare_columns import leave_out

__all__ = ["Column", "KeptLine", "KeptList"]

MOST_ROWS = 6
ROW = 21
LEAST = 96
"""Width in pixels of a name that can be told from others."""
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    title, meaning : str
    width : int
        In pixels; 0 for what is left.
    number : bool
        It stands at the right.
    spare : bool
        It is left out where the list is narrow, the first one first; what is told of a line when
        the pointer rests on it says it too.
    """

    title: str
    meaning: str
    width: int = 0
    number: bool = False
    spare: bool = False


@dataclass(frozen=True)
class KeptLine:
    """How one entry is shown.

    Attributes
    ----------
    texts : tuple of str
        One for each column.
    hint : str
    """

    texts: tuple[str, ...]
    hint: str


class KeptList(QTreeWidget):
    """One line per entry.

    Parameters
    ----------
    name : str
        Accessible name.
    columns : sequence of Column
    line : callable
        Tells how an entry is shown.
    """

    chosen = QtSignal(object)
    """The entry that the user wants to see."""
    delete_asked = QtSignal(object)
    """The entry that is to be forgotten."""

    def __init__(
        self,
        name: str,
        columns: Sequence[Column],
        line: Callable[[Any], KeptLine],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.kept: list[Any] = []
        self._columns, self._line = tuple(columns), line
        self.setHeaderLabels([column.title for column in columns])
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
        self.setAllColumnsShowFocus(True)
        self.setAccessibleName(name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header, titles = self.header(), self.headerItem()
        assert header is not None
        assert titles is not None
        header.setMinimumSectionSize(24)
        header.setStretchLastSection(False)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        for place, column in enumerate(columns):
            mode = QHeaderView.ResizeMode
            header.setSectionResizeMode(place, mode.Fixed if column.width else mode.Stretch)
            if column.width:
                self.setColumnWidth(place, column.width)
            titles.setToolTip(place, column.meaning)
            if column.number:
                titles.setTextAlignment(place, RIGHT)
        leave_out(self, [n for n, column in enumerate(columns) if column.spare], LEAST)
        self.currentItemChanged.connect(self._choose)

    def show_entries(self, kept: Sequence[Any], current: Callable[[Any], bool]) -> None:
        """Show these, the first one that is `current` as chosen."""
        self.blockSignals(True)
        try:
            self.kept = list(kept)
            self.clear()
            self.addTopLevelItems([self._item(entry) for entry in kept])
            for row, entry in enumerate(kept):
                if current(entry):
                    self.setCurrentItem(self.topLevelItem(row))
                    break
        finally:
            self.blockSignals(False)
        header = self.header()
        assert header is not None
        rows = min(max(len(kept), 1), MOST_ROWS)
        self.setFixedHeight(header.sizeHint().height() + rows * ROW + 4)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Delete forgets an entry; all other keys move."""
        if event is None or event.key() not in DELETE_KEYS:
            super().keyPressEvent(event)
            return
        item = self.currentItem()
        row = -1 if item is None else self.indexOfTopLevelItem(item)
        if 0 <= row < len(self.kept):
            self.delete_asked.emit(self.kept[row])

    def _choose(self, item: QTreeWidgetItem | None, _before: object) -> None:
        row = -1 if item is None else self.indexOfTopLevelItem(item)
        if 0 <= row < len(self.kept):
            self.chosen.emit(self.kept[row])

    def _item(self, entry: Any) -> QTreeWidgetItem:  # noqa: ANN401
        line = self._line(entry)
        item = QTreeWidgetItem(list(line.texts))
        item.setSizeHint(0, QSize(0, ROW))
        for place, column in enumerate(self._columns):
            item.setToolTip(place, tip(line.hint))
            if column.number:
                item.setTextAlignment(place, RIGHT)
        return item
