"""What is predicted how often, as a table; a click shows exactly those things."""

from collections.abc import Mapping, Sequence

import numpy as np
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from napari_piximi.model.predicted import PredictedCategory
from napari_piximi.model.things import Category
from napari_piximi.ui.filter_form import swatch
from napari_piximi.ui.shown_names import one_line, tip

__all__ = ["PredictedTable"]

MOST_ROWS = 7
ID = Qt.ItemDataRole.UserRole
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class PredictedTable(QTreeWidget):
    """A row for each category: colour, name, count, mean probability.

    Parameters
    ----------
    parent : QWidget, optional
    """

    chosen = Signal(str)
    """The things that are predicted to be of this category are to be shown, or all again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[tuple[PredictedCategory, str, str], ...] = ()
        self.setHeaderLabels(["Predicted", "Things", "Mean"])
        self.setAccessibleName("Predicted categories")
        self.setToolTip("Click a category to see exactly the things predicted to be of it")
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        header = self.header()
        assert header is not None
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        for column, mode in enumerate(
            (
                QHeaderView.ResizeMode.Stretch,
                QHeaderView.ResizeMode.ResizeToContents,
                QHeaderView.ResizeMode.ResizeToContents,
            )
        ):
            header.setSectionResizeMode(column, mode)
        self.itemClicked.connect(lambda item, _: self.chosen.emit(item.data(0, ID)))

    def show_rows(
        self, rows: Sequence[PredictedCategory], categories: Mapping[str, Category]
    ) -> None:
        """Show other rows; those that nothing is predicted to be are left out."""
        found = tuple(
            (row, categories[row.category].name, categories[row.category].color)
            for row in rows
            if row.count
        )
        if found == self._shown:
            return
        self._shown = found
        self.clear()
        self.addTopLevelItems([_item(*each) for each in found])
        self.updateGeometry()

    def mark(self, predicted: frozenset[str]) -> None:
        """Mark the category that alone is on show, if there is one."""
        items = [self.topLevelItem(row) for row in range(self.topLevelItemCount())]
        for item in items:
            if item is not None:
                item.setSelected(predicted == frozenset([item.data(0, ID)]))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Show what the row under the cursor stands for."""
        item = self.currentItem()
        if event is not None and item is not None and event.key() in ENTER:
            self.chosen.emit(item.data(0, ID))
            return
        super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """Return a height for all rows, up to some."""
        header = self.header()
        assert header is not None
        rows = min(max(self.topLevelItemCount(), 1), MOST_ROWS)
        row = self.sizeHintForRow(0) if self.topLevelItemCount() else self.fontMetrics().height()
        height = header.sizeHint().height() + rows * row + 2 * self.frameWidth() + 2
        return QSize(200, height)

    def minimumSizeHint(self) -> QSize:
        """Return the same height: a table that is squeezed shows nothing."""
        return QSize(100, self.sizeHint().height())


def _item(row: PredictedCategory, name: str, color: str) -> QTreeWidgetItem:
    mean = "–" if np.isnan(row.mean) else f"{row.mean:.2f}"
    item = QTreeWidgetItem([one_line(name), f"{row.count:,}", mean])
    item.setData(0, ID, row.category)
    item.setIcon(0, swatch(color))
    item.setToolTip(0, tip(f"Show exactly the {row.count:,} things predicted to be {name}"))
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for column in (1, 2):
        item.setTextAlignment(column, right)
    return item
