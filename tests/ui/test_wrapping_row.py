"""Buttons that stand below each other where there is too little room beside each other."""

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_piximi.ui.wrapping_row import GAP, WrappingRow


@pytest.fixture
def buttons() -> list[QPushButton]:
    return [QPushButton(text) for text in ("Accept ≥ 0.80 (1,257)", "All", "Selected", "Clear")]


@pytest.fixture
def home(buttons: list[QPushButton], qtbot: QtBot) -> QWidget:
    """Return a widget in which a row of at most two columns lies above something else."""
    made = QWidget()
    qtbot.addWidget(made)
    layout = QVBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(WrappingRow(buttons, 2))
    layout.addWidget(QPushButton("below"))
    layout.addStretch()
    made.show()
    return made


def rows(buttons: list[QPushButton]) -> list[int]:
    """Return how many buttons there are in each row."""
    tops = [button.y() for button in buttons]
    return [tops.count(top) for top in sorted(set(tops))]


def test_columns_follow_the_width(home: QWidget, buttons: list[QPushButton], qtbot: QtBot) -> None:
    widest = buttons[0].sizeHint().width()
    home.resize(2 * widest + GAP, 300)
    qtbot.waitUntil(lambda: rows(buttons) == [2, 2])
    home.resize(2 * widest + GAP - 1, 300)
    qtbot.waitUntil(lambda: rows(buttons) == [1, 1, 1, 1])
    home.resize(5 * widest, 300)
    qtbot.waitUntil(lambda: rows(buttons) == [2, 2])
    assert home.minimumSizeHint().width() == widest


def test_nothing_lies_over_what_is_below(
    home: QWidget, buttons: list[QPushButton], qtbot: QtBot
) -> None:
    home.resize(buttons[0].sizeHint().width(), 300)
    qtbot.waitUntil(lambda: rows(buttons) == [1, 1, 1, 1])
    (below,) = (b for b in home.findChildren(QPushButton) if b.text() == "below")
    row = buttons[0].parentWidget()
    assert row is not None
    assert row.height() >= buttons[-1].geometry().bottom()
    assert below.y() > row.geometry().bottom()


def test_a_longer_text_makes_new_rows(
    home: QWidget, buttons: list[QPushButton], qtbot: QtBot
) -> None:
    home.resize(2 * buttons[0].sizeHint().width() + GAP, 300)
    qtbot.waitUntil(lambda: rows(buttons) == [2, 2])
    buttons[1].setText("Accept all of them (100,000,000)")
    qtbot.waitUntil(lambda: rows(buttons) == [1, 1, 1, 1])
    assert buttons[1].width() >= buttons[1].sizeHint().width()
