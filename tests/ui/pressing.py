"""Press keys and buttons; PyQt's own stubs have these functions as methods."""

from collections.abc import Sequence
from typing import Any

from qtpy import QtTest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QWidget

__all__ = ["click", "double_click", "drag", "drag_along", "press", "write"]

TEST: Any = QtTest.QTest
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def click(widget: QWidget | None, at: QPoint | None = None) -> None:
    """Click once, by default in the middle."""
    TEST.mouseClick(widget, LEFT, NONE, at or QPoint())


def double_click(widget: QWidget | None, at: QPoint) -> None:
    """Click twice: what comes between the two is for the test to do."""
    TEST.mouseDClick(widget, LEFT, NONE, at)


def drag(widget: QWidget, start: QPoint, end: QPoint, rest: int) -> None:
    """Drag with the left button, with a rest of some milliseconds on the way."""
    TEST.mouseMove(widget, start)
    TEST.mousePress(widget, LEFT, NONE, start)
    for step in range(1, 9):
        TEST.mouseMove(widget, start + (end - start) * step / 8)
        TEST.qWait(rest if step == 4 else 10)
    TEST.mouseRelease(widget, LEFT, NONE, end)


def drag_along(widget: QWidget, corners: Sequence[QPoint]) -> None:
    """Drag with the left button from corner to corner."""
    first, *others = corners
    TEST.mouseMove(widget, first)
    TEST.mousePress(widget, LEFT, NONE, first)
    for corner in others:
        TEST.mouseMove(widget, corner)
        TEST.qWait(10)
    TEST.mouseRelease(widget, LEFT, NONE, corners[-1])


def press(widget: QWidget | None, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
    """Press one key."""
    TEST.keyClick(widget, key, modifier)


def write(widget: QWidget | None, text: str) -> None:
    """Type a text."""
    TEST.keyClicks(widget, text)
