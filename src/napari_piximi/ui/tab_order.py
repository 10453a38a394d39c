"""The Tab key goes from control to control as one reads, whenever they were made."""

from collections.abc import Iterator
from itertools import pairwise

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractScrollArea, QLayout, QScrollArea, QTabWidget, QWidget

from napari_piximi.ui.wrapping_row import WrappingRow

__all__ = ["tab_as_laid_out"]


def tab_as_laid_out(widget: QWidget) -> None:
    """Let Tab go through the controls in a widget in the order of its layouts.

    Qt's own order is that in which they were made; what is made when it is first needed would
    come last.

    Parameters
    ----------
    widget : QWidget
        What comes before its first control stays as it is.
    """
    for before, after in pairwise(_controls(widget)):
        QWidget.setTabOrder(before, after)


def _controls(widget: QWidget) -> Iterator[QWidget]:
    if isinstance(widget, QScrollArea):
        inner = widget.widget()
        yield from _controls(inner) if inner is not None else ()
        return
    if isinstance(widget, WrappingRow):
        for part in widget.widgets:
            yield from _controls(part)
        return
    layout = widget.layout()
    whole = isinstance(widget, QAbstractScrollArea | QTabWidget)
    if layout is not None and not whole:
        yield from _in_layout(layout)
    elif widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield widget


def _in_layout(layout: QLayout) -> Iterator[QWidget]:
    for place in range(layout.count()):
        item = layout.itemAt(place)
        part = item.widget() if item is not None else None
        inner = item.layout() if item is not None else None
        if part is not None:
            yield from _controls(part)
        elif inner is not None:
            yield from _in_layout(inner)
