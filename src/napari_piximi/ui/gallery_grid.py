"""A grid of equal cells, for any number of rows: where each lies is worked out, not laid out."""

from collections.abc import Callable
from typing import cast

from qtpy.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from qtpy.QtGui import QMouseEvent, QPaintEvent, QRegion, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QScrollBar,
    QStyle,
    QStyleOptionRubberBand,
    QStylePainter,
    QWidget,
)

__all__ = ["CellGrid"]

GAP = 2
WHEEL = 40
"""Pixels of one line of the mouse wheel; a notch has three."""

Move, Hint = QAbstractItemView.CursorAction, QAbstractItemView.ScrollHint


class CellGrid(QAbstractItemView):
    """A list of equal cells side by side, with mouse and keys as in Qt's own icon view.

    QListView lays out row by row and keeps each rectangle: for 100,000 rows the window stands
    still for 0.2 s whenever the width, the size of cells or what is on show changes, and
    PyQt cannot override that. Here each place follows from its row.

    Parameters
    ----------
    parent : QWidget, optional
    """

    placed = Signal()
    """Other rows may be in sight now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._anchor = (0, 0)
        self._placing = False
        self._columns = 1
        self._grid = QSize(100, 100)
        self._pressed = QPoint()
        self._band = QRect()
        self._cell = QSize(100, 100)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFrameShape(QAbstractItemView.Shape.NoFrame)
        self.scroll_bar.valueChanged.connect(self._scrolled)

    @property
    def scroll_bar(self) -> QScrollBar:
        """The vertical scroll bar."""
        return cast("QScrollBar", self.verticalScrollBar())

    @property
    def canvas(self) -> QWidget:
        """The part that is painted on."""
        return cast("QWidget", self.viewport())

    @property
    def row_count(self) -> int:
        """Number of rows."""
        model = self.model()
        return 0 if model is None else model.rowCount()

    # --- where rows lie ----------------------------------------------------------------------

    def gridSize(self) -> QSize:
        """Return the distance from cell to cell, in pixels."""
        return self._grid

    def cell_rect(self, row: int) -> QRect:
        """Return where a row is painted, in pixels of the canvas."""
        if not 0 <= row < self.row_count:
            return QRect()
        line, column = divmod(row, self._columns)
        grid = self._grid
        left = column * grid.width() + self._margin()
        top = line * grid.height() - self.scroll_bar.value()
        return QRect(QPoint(left, top), self._cell)

    def rows_in_sight(self) -> range:
        """Return the rows of which at least a part is to be seen."""
        height, offset = self._line_height(), self.scroll_bar.value()
        first = offset // height * self._columns
        past = (offset + self.canvas.height() + height - 1) // height * self._columns
        return range(min(first, self.row_count), min(past, self.row_count))

    def visualRect(self, index: QModelIndex) -> QRect:
        """Return where a row is painted."""
        return self.cell_rect(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        """Return the row at a point of the canvas; an invalid index between cells."""
        row = self._nearest(point)
        return self._index(row) if self.cell_rect(row).contains(point) else QModelIndex()

    def horizontalOffset(self) -> int:
        """Return 0: all columns are always in sight."""
        return 0

    def verticalOffset(self) -> int:
        """Return how far it is scrolled down, in pixels."""
        return self.scroll_bar.value()

    def _index(self, row: int) -> QModelIndex:
        model = self.model()
        return QModelIndex() if model is None else model.index(row, 0)

    def _line_height(self) -> int:
        return max(self._grid.height(), 1)

    def _margin(self) -> int:
        """Return the room to the left of each cell."""
        return max((self._grid.width() - self._cell.width()) // 2, 0)

    def _nearest(self, point: QPoint) -> int:
        """Return the row at a point or beside it; −1 where there are none."""
        column = point.x() // max(self._grid.width(), 1)
        line = (point.y() + self.scroll_bar.value()) // self._line_height()
        row = max(line, 0) * self._columns + min(max(column, 0), self._columns - 1)
        return min(row, self.row_count - 1)

    # --- what Qt asks a view -----------------------------------------------------------------

    def updateGeometries(self) -> None:
        """Fit the scroll bar to the number of lines."""
        super().updateGeometries()
        lines = -(-self.row_count // self._columns)
        height = self.canvas.height()
        self.scroll_bar.setSingleStep(WHEEL)
        self.scroll_bar.setPageStep(height)
        self.scroll_bar.setRange(0, max(lines * self._line_height() - height, 0))

    def scrollTo(
        self, index: QModelIndex, hint: QAbstractItemView.ScrollHint = Hint.EnsureVisible
    ) -> None:
        """Scroll until a row is in sight."""
        if not index.isValid():
            return
        rect, height = self.cell_rect(index.row()), self.canvas.height()
        step = 0
        if hint == Hint.PositionAtCenter:
            step = rect.center().y() - height // 2
        elif hint == Hint.PositionAtTop or (rect.top() < 0 and hint == Hint.EnsureVisible):
            step = rect.top()
        elif hint == Hint.PositionAtBottom or rect.bottom() >= height:
            step = min(rect.bottom() + GAP - height, rect.top())
        self.scroll_bar.setValue(self.scroll_bar.value() + step)

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        """Return the row that a key leads to."""
        row, last = self.currentIndex().row(), self.row_count - 1
        if row < 0 or last < 0:
            return self._index(0)
        page = max(self.canvas.height() // self._line_height(), 1) * self._columns
        steps = {
            Move.MoveLeft: -1, Move.MovePrevious: -1, Move.MoveRight: 1, Move.MoveNext: 1,
            Move.MoveUp: -self._columns, Move.MoveDown: self._columns,
            Move.MovePageUp: -page, Move.MovePageDown: page,
            Move.MoveHome: -row, Move.MoveEnd: last - row,
        }  # fmt: skip
        step = steps[action]
        column = row % self._columns
        if row + step < 0:
            step = (column if abs(step) > 1 else 0) - row
        if row + step > last:  # the last line may be shorter
            same_line = last // self._columns == row // self._columns
            step = 0 if same_line and action == Move.MoveDown else last - row
        return self._index(row + step)

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Select what a rubber band touches, or all rows from one corner to the other."""
        model, chosen = self.selectionModel(), QItemSelection()
        if model is None or not self.row_count:
            return
        if self.state() == QAbstractItemView.State.DragSelectingState:
            chosen = self._touched(rect.normalized())
        elif rect.size() == QSize(1, 1):
            hit = self.indexAt(rect.topLeft())
            if hit.isValid():
                chosen.select(hit, hit)
        else:
            ends = sorted((self._nearest(rect.topLeft()), self._nearest(rect.bottomRight())))
            chosen.select(*map(self._index, ends))
        model.select(chosen, command)

    def _touched(self, band: QRect) -> QItemSelection:
        """Return the cells of which a rectangle of the canvas touches a part."""
        chosen, last = QItemSelection(), self.row_count - 1
        offset, margin = self.scroll_bar.value(), self._margin()
        width, height = max(self._grid.width(), 1), self._line_height()
        left = max(-((margin + self._cell.width() - 1 - band.left()) // width), 0)
        right = min((band.right() - margin) // width, self._columns - 1)
        top = max(-((self._cell.height() - 1 - band.top() - offset) // height), 0)
        bottom = min((band.bottom() + offset) // height, last // self._columns)
        if left > right or top > bottom:
            return chosen
        whole = left == 0 and right == self._columns - 1
        for line in (top,) if whole else range(top, bottom + 1):
            first = line * self._columns + left
            end = (bottom if whole else line) * self._columns + right
            if first <= last:
                chosen.select(self._index(first), self._index(min(end, last)))
        return chosen

    def isIndexHidden(self, index: QModelIndex) -> bool:
        """Return False: no row is hidden."""
        return False

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """Return what is to be painted again when a selection changes: all that is in sight."""
        return QRegion(self.canvas.rect())

    # --- the rubber band ---------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Note where a rubber band would begin."""
        if event is not None:
            self._pressed = event.position().toPoint() + QPoint(0, self.scroll_bar.value())
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Draw the rubber band out."""
        super().mouseMoveEvent(event)
        if event is not None and self.state() == QAbstractItemView.State.DragSelectingState:
            here = event.position().toPoint() + QPoint(0, self.scroll_bar.value())
            self._band = QRect(self._pressed, here).normalized()
            self.canvas.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Take the rubber band away."""
        super().mouseReleaseEvent(event)
        self._band = QRect()
        self.canvas.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the rubber band."""
        if self._band.isNull():
            return
        option = QStyleOptionRubberBand()
        option.initFrom(self)
        option.rect = self._band.translated(0, -self.scroll_bar.value())
        QStylePainter(self.canvas).drawControl(QStyle.ControlElement.CE_RubberBand, option)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move what is painted already."""
        if self._band.isNull():
            self.canvas.scroll(dx, dy)
        else:
            self.canvas.update()

    # --- the place that is kept --------------------------------------------------------------

    def set_cell(self, size: QSize) -> None:
        """Give all cells another size, in pixels; what is at the top stays there."""
        if size != self._cell:
            self._anchor = (self._anchor[0], 0)
        self._cell = size
        self._spread()

    def go_to(self, row: int) -> None:
        """Begin at a row when :meth:`keep_place` is called next."""
        self._anchor = (row, 0)

    def keep_place(self, change: Callable[[], object]) -> None:
        """Change what is on show or its size, and stay in the same place."""
        self._placing = True
        try:
            change()
            self.executeDelayedItemsLayout()
            self.updateGeometries()
            row, offset = self._anchor
            self.scroll_bar.setValue(row // self._columns * self._line_height() + offset)
        finally:
            self._placing = False
        self.canvas.update()
        self.placed.emit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Spread the cells anew."""
        super().resizeEvent(event)
        self._spread()

    def _spread(self) -> None:
        """Spread as many cells as fit over the width."""
        width = self.canvas.width()
        count = max(width // max(self._cell.width(), 1), 1)
        grid = QSize(max(width // count, self._cell.width()), self._cell.height() + GAP)

        def change() -> None:
            self._columns, self._grid = count, grid

        self.keep_place(change)

    def _scrolled(self, value: int) -> None:
        if not self._placing:
            line, offset = divmod(value, self._line_height())
            self._anchor = (line * self._columns, offset)
