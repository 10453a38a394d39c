"""A confusion matrix as a Qt model: counts, shares of each row, and what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.ui.judged_classes import JudgedClass
from napari_piximi.ui.shown_names import tip

__all__ = ["CELL", "Cell", "ConfusionItems", "percent", "short_count"]

CELL = Qt.ItemDataRole.UserRole
"""Role under which an index has its :class:`Cell`, and a header its :class:`JudgedClass`."""
HOW = "Click, or press Enter, to see them in the gallery"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes
    ----------
    count : int
    share : float
        Of its row, 0…1; 0 where the row is empty.
    text : str
        What is written in it; empty for none.
    color : str or None
        The category's on the diagonal.
    """

    count: int
    share: float
    text: str
    color: str | None


def short_count(count: int) -> str:
    """Write a count in at most four letters: ``9999``, ``12k``, ``3M``."""
    if count < 10_000:
        return str(count)
    return f"{count // 1000}k" if count < 1_000_000 else f"{count // 1_000_000}M"


def percent(share: float) -> str:
    """Write a share; neither 0 nor 100 stands for what is not quite that."""
    if 0 < share < 0.005:
        return "<1"
    return "99" if 0.99 <= share < 1 else str(round(100 * share))


class ConfusionItems(QAbstractTableModel):
    """Rows are the true classes, columns the predicted ones."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.classes: tuple[JudgedClass, ...] = ()
        self.counts: NDArray[np.int64] = np.zeros((0, 0), dtype=np.int64)
        self._shares: NDArray[np.float64] = np.zeros((0, 0))
        self.percentages = False
        self.looks = True

    def show(self, evaluation: Evaluation | None, classes: Sequence[JudgedClass] = ()) -> None:
        """Show another evaluation, or none."""
        self.beginResetModel()
        matrix = evaluation.confusion_matrix if evaluation else ()
        self.classes = tuple(classes)
        self.counts = np.array(matrix, dtype=np.int64).reshape(len(matrix), len(matrix))
        rows = np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        self._shares = self.counts / rows
        self.looks = bool(evaluation and evaluation.ids)
        self.endResetModel()

    def set_percentages(self, on: bool) -> None:
        """Write shares of the rows, in per cent, instead of counts."""
        if on != self.percentages:
            self.percentages = on
            self.dataChanged.emit(QModelIndex(), QModelIndex())

    def longest(self) -> str:
        """Return the text that needs the most room."""
        texts = {self.cell(*at).text for at in np.ndindex(self.counts.shape)}
        return max(texts, key=len, default="")

    def cell(self, row: int, column: int) -> Cell:
        """Return one cell."""
        count, share = int(self.counts[row, column]), float(self._shares[row, column])
        text = percent(share) if self.percentages else short_count(count)
        color = self.classes[row].color if row == column else None
        return Cell(count, share, text if count else "", color)

    def meaning(self, row: int, column: int) -> str:
        """Say what a cell holds: ``true A, predicted B: 12 of 80 (15 %)``."""
        cell, whole = self.cell(row, column), int(self.counts[row].sum())
        true, predicted = self.classes[row].name, self.classes[column].name
        part = f" ({percent(cell.share)} %)" if whole else ""
        return f"true {true}, predicted {predicted}: {cell.count:,} of {whole:,}{part}"

    # --- what Qt asks ------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of classes."""
        return 0 if parent is not None and parent.isValid() else len(self.classes)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of classes."""
        return self.rowCount(parent)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401
        """Return what Qt asks of a cell."""
        row, column = index.row(), index.column()
        if not index.isValid():
            return None
        if role == CELL:
            return self.cell(row, column)
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cell(row, column).text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.meaning(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            how = f"\n{HOW}" if self.looks and self.counts[row, column] else ""
            return tip(self.meaning(row, column) + how)
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:  # noqa: ANN401
        """Return what Qt asks of a header."""
        if not 0 <= section < len(self.classes):
            return None
        shown, true = self.classes[section], orientation == Qt.Orientation.Vertical
        if role == CELL:
            return shown
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return shown.name
        if role == Qt.ItemDataRole.ToolTipRole:
            counts = self.counts[section] if true else self.counts[:, section]
            word = "true" if true else "predicted"
            how = f"\n{HOW}" if self.looks and counts.sum() else ""
            return tip(f"{word} {shown.name}: {int(counts.sum()):,}{how}")
        return None
