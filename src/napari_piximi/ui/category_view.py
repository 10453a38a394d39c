"""The list of categories: what keys, clicks and drags on it mean."""

import sys

from qtpy.QtCore import QModelIndex, QSize, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QKeyEvent, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeView, QWidget

from napari_piximi.ui.category_delegate import ROW_HEIGHT, CategoryDelegate
from napari_piximi.ui.category_items import PARTITIONS, CategoryItems, Column
from napari_piximi.ui.number_keys import digit_of

__all__ = ["DELETE_KEYS", "CategoryView"]

DELETE_KEYS = (Qt.Key.Key_Delete, *([Qt.Key.Key_Backspace] if sys.platform == "darwin" else []))
"""A Mac's key that deletes is where others have Backspace."""
WIDE = 470
"""From this width on there is room for a count per partition."""
WIDTHS = {Column.KEY: 28, Column.COLOR: 28, Column.EYE: 30, Column.TOTAL: 62}
COUNT_WIDTH = 54


class CategoryView(QTreeView):
    """Show categories; what is asked for by key or click goes out as a signal.

    Parameters
    ----------
    items : CategoryItems
    delegate : CategoryDelegate
    """

    number_pressed = QtSignal(int)
    assign_asked = QtSignal(str)
    color_asked = QtSignal(str)
    eye_clicked = QtSignal(str)
    delete_asked = QtSignal(str)
    step_asked = QtSignal(str, int)
    """Category, and by how many places it is to move."""

    def __init__(
        self, items: CategoryItems, delegate: CategoryDelegate, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._items = items
        delegate.setParent(self)
        self.setModel(items)
        self.setItemDelegate(delegate)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setMouseTracking(True)
        self.setAccessibleName("Categories")
        self.setToolTip("Enter gives a category, F2 renames, Space hides, Alt + arrows move it")
        self.setMinimumHeight(5 * ROW_HEIGHT)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._allow_drags()
        self._size_columns()
        self.clicked.connect(self._click)
        self.doubleClicked.connect(self._double_click)

    def current(self) -> str | None:
        """Return the id of the category that keys and buttons act on."""
        index = self.currentIndex()
        return self._items.rows[index.row()].id if index.isValid() else None

    def choose(self, category: str | None) -> None:
        """Make a category the one that keys and buttons act on."""
        row = self._items.row_of(category)
        if row is not None:
            self.setCurrentIndex(self._items.index(row, Column.NAME))

    def sizeHint(self) -> QSize:
        """Ask for room for about eight categories."""
        return QSize(300, 9 * ROW_HEIGHT)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Numbers categorise, Enter gives, Space hides, Del deletes, Alt + arrows move."""
        if event is None or not self._take(event):
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show a count per partition where there is room."""
        super().resizeEvent(event)
        narrow = self.width() < WIDE
        for column in PARTITIONS:
            if self.isColumnHidden(column) != narrow:
                self.setColumnHidden(column, narrow)

    # --- within ------------------------------------------------------------------------------

    def _allow_drags(self) -> None:
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setDragDropOverwriteMode(False)
        self.setDropIndicatorShown(True)

    def _size_columns(self) -> None:
        header = self.header()
        assert header is not None
        header.setMinimumSectionSize(24)
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setSectionsClickable(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for column in Column:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            self.setColumnWidth(column, WIDTHS.get(column, COUNT_WIDTH))
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        for column in PARTITIONS:
            self.setColumnHidden(column, True)

    def _take(self, event: QKeyEvent) -> bool:
        category, key = self.current(), event.key()
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        number = digit_of(event)
        if number is not None:
            self.number_pressed.emit(number)
        elif category is None:
            return False
        elif key in steps and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.step_asked.emit(category, steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self._is_editing():
            self.assign_asked.emit(category)
        elif key == Qt.Key.Key_Space:
            self.eye_clicked.emit(category)
        elif key in DELETE_KEYS:
            self.delete_asked.emit(category)
        else:
            return False
        event.accept()
        return True

    def _is_editing(self) -> bool:
        return self.state() == QAbstractItemView.State.EditingState

    def _click(self, index: QModelIndex) -> None:
        category = self._items.rows[index.row()].id
        if index.column() == Column.EYE:
            self.eye_clicked.emit(category)
        elif index.column() == Column.COLOR:
            self.color_asked.emit(category)

    def _double_click(self, index: QModelIndex) -> None:
        if index.column() not in (Column.EYE, Column.COLOR):
            self.assign_asked.emit(self._items.rows[index.row()].id)
