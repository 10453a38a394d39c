"""Search, filters, and the active ones as chips that can be taken away."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLineEdit, QMenu, QPushButton, QWidget, QWidgetAction
from superqt import QFlowLayout

from napari_piximi.model.gallery import Chip, Gallery, Query, chips
from napari_piximi.model.query import renewed
from napari_piximi.ui.filter_form import FilterForm
from napari_piximi.ui.shown_names import one_line, tip

__all__ = ["ChipRow", "FilterButton", "SearchField", "cleared"]

TYPING = 150
"""Milliseconds after the last letter before it is searched for."""
LONGEST = 40


def cleared(query: Query) -> Query:
    """Return a query without its filters, sorted as before."""
    return renewed(query, query.kind)


class SearchField(QLineEdit):
    """Text that names are to contain.

    Parameters
    ----------
    gallery : Gallery
    """

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(TYPING)
        self._later.timeout.connect(self.search)
        self.setPlaceholderText("Search names")
        self.setClearButtonEnabled(True)
        self.setToolTip("Show only things whose name, or whose image's name, contains this")
        self.setAccessibleName("Search names")
        self.textEdited.connect(lambda _: self._later.start())
        self.textChanged.connect(self._follow_clearing)
        self.returnPressed.connect(self.search)

    def search(self) -> None:
        """Show what has the text, now."""
        self._later.stop()
        query = self._gallery.query
        self._gallery.set_query(replace(query, text=self.text().strip()))

    def _follow_clearing(self, text: str) -> None:
        if not text:
            self.search()

    def refresh(self) -> None:
        """Show the text that is searched for."""
        if not self._later.isActive() and self.text().strip() != self._gallery.query.text:
            self.setText(self._gallery.query.text)


class FilterButton(QPushButton):
    """A button that opens the form of filters.

    Parameters
    ----------
    gallery : Gallery
    """

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self.setText("Filter…")
        self.setToolTip("Filter by category, prediction, probability, partition, labelled or not")
        self.setAccessibleName("Filter")
        self.form = FilterForm(gallery)
        menu = QMenu(self)
        action = QWidgetAction(menu)
        action.setDefaultWidget(self.form)
        menu.addAction(action)
        menu.aboutToShow.connect(self.form.refresh)
        self.setMenu(menu)


class ChipRow(QWidget):
    """One chip for each active filter; a click takes the filter away.

    Parameters
    ----------
    gallery : Gallery
    """

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self._shown: tuple[Chip, ...] = ()
        self.buttons: list[QPushButton] = []
        self._flow = QFlowLayout(self)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow.setHorizontalSpacing(4)
        self._flow.setVerticalSpacing(3)
        self.setVisible(False)

    def refresh(self) -> None:
        """Show the filters that are active now."""
        shown = chips(self._gallery.project, self._gallery.query)
        if shown == self._shown:
            return
        self._shown = shown
        while self._flow.count():
            item = self._flow.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = [self._chip(chip) for chip in shown]
        if shown:
            clear = _button("Clear all", "Take all filters away", self.clear)
            clear.setFlat(True)
            self.buttons.append(clear)
        for button in self.buttons:
            self._flow.addWidget(button)
        self.setVisible(bool(shown))

    def clear(self) -> None:
        """Take all filters away."""
        self._gallery.set_query(cleared(self._gallery.query))

    def _chip(self, chip: Chip) -> QPushButton:
        text = f"{one_line(chip.text, LONGEST)}  ✕".replace("&", "&&")
        return _button(
            text,
            f"Take this filter away: {chip.text}",
            partial(self._gallery.set_query, chip.without),
        )


def _button(text: str, says: str, act: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip(says))
    button.setAccessibleName(says)
    button.clicked.connect(lambda _: act())
    return button
