"""The figures of each class in a table that can be sorted and copied."""

from collections.abc import Sequence

from qtpy.QtCore import QSize
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QTableWidgetItem, QWidget

from napari_piximi.learn.report import averages_of, class_figures
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.ui.copied_table import CopiedTable, Figure, shown_figure
from napari_piximi.ui.judged_classes import JudgedClass
from napari_piximi.ui.shown_names import tip
from napari_piximi.ui.spare_columns import leave_out

__all__ = ["FiguresTable", "shown_figure"]

TITLES = ("Category", "Prec.", "Recall", "F1", "AUC", "Things")
MEANINGS = (
    "The category",
    "Precision: of the things predicted as it, the share that is it",
    "Recall: of the things that are it, the share predicted as it",
    "F1: harmonic mean of precision and recall",
    "ROC-AUC, it against the rest: how often one of it is given a higher probability of being "
    "it than another thing",
    "Number of things that are it",
)
NARROW, WIDE = 48, 55
SPARE, LEAST = (5, 4), 68
"""Columns that a narrow table leaves out, and the room that names then have not, in pixels."""
MOST_ROWS = 12
AVERAGES = (("Mean", False), ("Weighted", True))
AVERAGE_TIPS = ("Mean: each category counts the same", "Mean weighted by the number of things")


class FiguresTable(CopiedTable):
    """Precision, recall, F1, ROC-AUC and support of each class, or their averages.

    Parameters
    ----------
    averages : bool
        Show the averages over classes instead, without a header.
    """

    def __init__(self, *, averages: bool = False, parent: QWidget | None = None) -> None:
        name = "Averages over categories" if averages else "Figures per category"
        super().__init__(name, TITLES, MEANINGS, parent)
        self._averages = averages
        self.setIconSize(QSize(10, 10))
        leave_out(self, SPARE, LEAST)
        across = self.horizontalHeader()
        assert across is not None
        across.setVisible(not averages)

    def show_evaluation(
        self,
        evaluation: Evaluation | None,
        classes: Sequence[JudgedClass],
        other: Evaluation | None = None,
    ) -> None:
        """Show other figures, or none; with how they differ from another evaluation's.

        The differences are left out where the other has other classes.
        """
        self.setSortingEnabled(False)
        self.setRowCount(0)
        if evaluation is not None:
            same = other is not None and len(other.confusion_matrix) == len(classes)
            compared = other if same or self._averages else None
            if self._averages:
                self._fill_averages(evaluation, compared)
            else:
                self._fill(evaluation, classes, compared)
        for column in range(1, len(TITLES) - 1):
            self.setColumnWidth(column, NARROW if other is None else WIDE)
        self.setColumnWidth(len(TITLES) - 1, NARROW if other is None else 42)
        self.fit_height(MOST_ROWS)
        self.setSortingEnabled(not self._averages)

    # --- within ------------------------------------------------------------------------------

    def _fill(
        self, evaluation: Evaluation, classes: Sequence[JudgedClass], other: Evaluation | None
    ) -> None:
        table, support = class_figures(evaluation), evaluation.support
        before = class_figures(other) if other is not None else None
        self.setRowCount(len(classes))
        for row, shown in enumerate(classes):
            name = QTableWidgetItem(_chip(shown.color), shown.name)
            name.setToolTip(tip(_told(shown.name, table[row].tolist(), int(support[row]))))
            self.setItem(row, 0, name)
            older = None if before is None else before[row].tolist()
            self._fill_row(row, table[row].tolist(), older, int(support[row]))

    def _fill_averages(self, evaluation: Evaluation, other: Evaluation | None) -> None:
        self.setRowCount(len(AVERAGES))
        things = int(evaluation.support.sum())
        for row, (name, weighted) in enumerate(AVERAGES):
            item = QTableWidgetItem(name)
            self.setItem(row, 0, item)
            older = None if other is None else averages_of(other, weighted=weighted)
            values = averages_of(evaluation, weighted=weighted)
            item.setToolTip(_told(AVERAGE_TIPS[row], values, things))
            self._fill_row(row, values, older, things)

    def _fill_row(
        self, row: int, values: Sequence[float], older: Sequence[float] | None, things: int
    ) -> None:
        for column, value in enumerate(values):
            item = Figure(shown_figure(value), value)
            if older is not None:
                item.setToolTip(f"{MEANINGS[column + 1]}\n{shown_figure(value, older[column])}")
                _color_difference(item, value - older[column])
            self.setItem(row, column + 1, item)
        self.setItem(row, len(TITLES) - 1, Figure(f"{things:,}", things))


def _told(name: str, values: Sequence[float], things: int) -> str:
    """Write a row with all its columns, also those that a narrow table leaves out."""
    figures = zip(TITLES[1:], (*map(shown_figure, values), f"{things:,}"), strict=True)
    return "\n".join([name, ", ".join(f"{title} {figure}" for title, figure in figures)])


def _color_difference(item: QTableWidgetItem, difference: float) -> None:
    """Mark what is better or worse than in the other evaluation, by a letter too."""
    if abs(difference) >= 0.0005:  # also False for NaN
        item.setText(f"{item.text()}{'▲' if difference > 0 else '▼'}")


def _chip(color: str) -> QIcon:
    pixels = QPixmap(10, 10)
    pixels.fill(QColor(color))
    return QIcon(pixels)
