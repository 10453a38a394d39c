"""The layers of a model in a table that can be copied and saved."""

import csv
import io
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.learn.layer_rows import LayerRow, ModelSummary
from napari_piximi.ui import file_choice
from napari_piximi.ui.curve_files import write_bytes
from napari_piximi.ui.shown_names import breakable, one_line, tip
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["SummaryDialog", "as_table"]

WIDTH, HEIGHT = 560, 480
NUMBERS = (2, 3)
"""Columns that are aligned to the right."""


def as_table(summary: ModelSummary, separator: str = ",") -> str:
    """Write a summary as CSV, with its totals in the last lines."""
    text = io.StringIO()
    rows = csv.writer(text, delimiter=separator, lineterminator="\n")
    rows.writerow(["Layer", "Type", "Output shape", summary.unit, "Trainable"])
    rows.writerows([*_cells(row)[:3], row.parameters, _cells(row)[4]] for row in summary.rows)
    rows.writerow(["Total", "", "", summary.parameters, ""])
    rows.writerow(["Trainable", "", "", summary.trainable, ""])
    return text.getvalue()


class SummaryDialog(QDialog):
    """Layer, type, output shape, parameters, trainable.

    Parameters
    ----------
    name : str
        Of the model.
    summary : ModelSummary
    parent : QWidget, optional
    """

    def __init__(self, name: str, summary: ModelSummary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._summary = name, summary
        self.setWindowTitle(f"Layers of {one_line(name)}")
        self.table = QTableWidget(len(summary.rows), 5)
        self._fill()
        still = summary.parameters - summary.trainable
        self.totals = wrapped_label(
            f"{summary.parameters:,} {summary.unit.lower()} in all: {summary.trainable:,} "
            f"trainable, {still:,} not. {breakable(summary.remark)}"
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Put the table on the clipboard, for a spreadsheet")
        self.save = QPushButton("Save as CSV…")
        self.save.setToolTip("Write the table to a file")
        for button in (self.copy, self.save):
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.clicked.connect(self._copy)
        self.save.clicked.connect(lambda: self._save())
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self.table, self.totals, buttons):
            layout.addWidget(widget)
        self.resize(WIDTH, HEIGHT)

    def write(self, path: Path) -> bool:
        """Write the table; False if it could not be, of which the user has been told."""
        return write_bytes(path, as_table(self._summary).encode())

    def _fill(self) -> None:
        titles = ["Layer", "Type", "Output shape", self._summary.unit, "Trainable"]
        self.table.setHorizontalHeaderLabels(titles)
        self.table.setAccessibleName("Layers of the model")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        numbers, header = self.table.verticalHeader(), self.table.horizontalHeader()
        assert numbers is not None
        assert header is not None
        numbers.setVisible(False)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for place, row in enumerate(self._summary.rows):
            for column, text in enumerate(_cells(row)):
                item = QTableWidgetItem(one_line(text))
                item.setToolTip(tip(text))
                if column in NUMBERS:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(place, column, item)
        for column in range(1, 5):
            self.table.resizeColumnToContents(column)

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(as_table(self._summary, "\t"))

    def _save(self) -> None:
        path = file_choice.choose_export(self, "Save the table", f"{self._name} layers", "csv")
        if path is not None:
            self.write(path)


def _cells(row: LayerRow) -> tuple[str, str, str, str, str]:
    lengths = " × ".join("any" if n is None else str(n) for n in row.output_shape) or "one value"
    trains = "yes" if row.trainable else "no"
    return row.name, row.class_name, lengths, f"{row.parameters:,}", trains
