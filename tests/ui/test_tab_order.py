"""Tab goes from control to control as one reads."""

from collections.abc import Sequence

from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)
from tests.ui.pressing import press

from napari_piximi.ui.tab_order import tab_as_laid_out
from napari_piximi.ui.wrapping_row import WrappingRow


def chain(first: QWidget, known: Sequence[str]) -> list[str]:
    """Return the names of those known in the order in which Tab goes through them."""
    names = [first.objectName()]
    widget = first.nextInFocusChain()
    while widget is not None and widget is not first:
        if widget.objectName() in known:
            names.append(widget.objectName())
        widget = widget.nextInFocusChain()
    return names


def button(name: str) -> QPushButton:
    made = QPushButton(name)
    made.setObjectName(name)
    return made


def test_what_was_made_late_has_its_place(qtbot: QtBot) -> None:
    top = QWidget()
    qtbot.addWidget(top)
    column, row, inner = QVBoxLayout(top), QHBoxLayout(), QWidget()
    area, things, pages, deaf = QScrollArea(), QListWidget(), QTabWidget(), button("deaf")
    things.setObjectName("things")
    pages.setObjectName("pages")
    deaf.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    last = button("last")
    row.addWidget(button("left"))
    row.addWidget(button("right"))
    within = QVBoxLayout(inner)
    within.addWidget(button("in the area"))
    area.setWidget(inner)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    first = button("first")
    column.addWidget(first)
    column.addLayout(row)
    column.addStretch()
    wrapped = WrappingRow([button("one"), button("two")])
    for widget in (area, things, pages, wrapped, deaf, last):
        column.addWidget(widget)
    within.insertWidget(0, button("late"))
    expected = [
        "first",
        "left",
        "right",
        "late",
        "in the area",
        "things",
        "pages",
        "one",
        "two",
        "last",
    ]
    assert chain(first, expected) != expected
    tab_as_laid_out(top)
    assert chain(first, expected) == expected
    top.show()
    top.activateWindow()
    first.setFocus()
    qtbot.waitUntil(first.hasFocus)
    for name in expected[1:4]:
        press(top.focusWidget(), Qt.Key.Key_Tab)
        focused = top.focusWidget()
        assert focused is not None
        assert focused.objectName() == name


def test_nothing_is_no_trouble(qtbot: QtBot) -> None:
    bare = QScrollArea()
    qtbot.addWidget(bare)
    tab_as_laid_out(bare)
    only = button("only")
    qtbot.addWidget(only)
    tab_as_laid_out(only)
    assert chain(only, ["only"]) == ["only"]
