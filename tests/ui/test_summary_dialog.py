"""The table of layers says what the model has, and so do its copies."""

import csv
import io
from pathlib import Path

import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication

from napari_piximi.learn.layer_rows import LayerRow, ModelSummary
from napari_piximi.ui.summary_dialog import SummaryDialog, as_table

SUMMARY = ModelSummary(
    (
        LayerRow('conv, "2d"', "Conv2D", (24, 24, 8), 1208, trainable=True),
        LayerRow("frozen", "Dense", (None, 4), 100, trainable=False),
        LayerRow("end", "Sum", (), 0, trainable=False),
    ),
    "All <b>there</b> is.",
)
EXPECTED = [
    ["Layer", "Type", "Output shape", "Parameters", "Trainable"],
    ['conv, "2d"', "Conv2D", "24 × 24 × 8", "1208", "yes"],
    ["frozen", "Dense", "any × 4", "100", "no"],
    ["end", "Sum", "one value", "0", "no"],
    ["Total", "", "", "1308", ""],
    ["Trainable", "", "", "1208", ""],
]


@pytest.fixture
def dialog(qtbot: QtBot) -> SummaryDialog:
    made = SummaryDialog("net", SUMMARY)
    qtbot.addWidget(made)
    return made


def test_the_table(dialog: SummaryDialog) -> None:
    cells = [
        [dialog.table.item(row, column).text() for column in range(5)]  # type: ignore[union-attr]
        for row in range(dialog.table.rowCount())
    ]
    assert cells[0] == ['conv, "2d"', "Conv2D", "24 × 24 × 8", "1,208", "yes"]
    assert [row[0] for row in cells] == ['conv, "2d"', "frozen", "end"]
    assert dialog.totals.text().startswith(
        "1,308 parameters in all: 1,208 trainable, 100 not. All <b>there</b>"
    )


def test_csv_is_read_back(dialog: SummaryDialog, tmp_path: Path) -> None:
    assert dialog.write(tmp_path / "layers.csv")
    text = (tmp_path / "layers.csv").read_text("utf-8")
    assert list(csv.reader(io.StringIO(text))) == EXPECTED


def test_a_copy_is_tabs(dialog: SummaryDialog) -> None:
    dialog.copy.click()
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == as_table(SUMMARY, "\t")


def test_a_folder_that_is_not_there(
    dialog: SummaryDialog, tmp_path: Path, notifications: list[Notification]
) -> None:
    assert not dialog.write(tmp_path / "gone" / "layers.csv")
    assert len(notifications) == 1
