"""The pages of a dock: each is made when it is first looked at, once all is imported.

To Qt, a dock behind another one's tab is visible still: it lies outside of the window, and no
event tells of it. So the page is hidden when the dock says that it is out of sight; pages may
then trust `isVisible`, `showEvent` and `hideEvent`.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any
from weakref import ref

from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QHideEvent, QPaintEvent, QShowEvent
from qtpy.QtWidgets import QDockWidget, QTabWidget, QVBoxLayout, QWidget

from napari_piximi.ui.panel import Panel
from napari_piximi.ui.rest import Rest

__all__ = ["GLANCE", "PageTabs"]

GLANCE = 50
"""Milliseconds in sight after which it counts: a dock made behind another one flashes up."""


class PageTabs(QTabWidget):
    """The pages of a dock.

    Parameters
    ----------
    panel : Panel
        What lies in the dock; pages are made for it.
    meanings : mapping of str to str
        Names of the pages, and what they are for.
    page_class : callable
        Imports the page of a name, and returns what makes it.
    warm_up : callable
        Imports all that the dock needs; called in a thread.
    """

    in_sight = QtSignal()
    """The dock stays in sight and all is imported; again for each :meth:`look_again`."""

    def __init__(
        self,
        panel: Panel,
        meanings: Mapping[str, str],
        page_class: Callable[[str], Callable[[Any], QWidget]],
        warm_up: Callable[[], None],
    ) -> None:
        super().__init__()
        self._panel, self._page_class, self._warm_up = panel, page_class, warm_up
        self._names = list(meanings)
        self._made: dict[str, QWidget] = {}
        self._warming: threading.Thread | None = None
        self._seen = Rest(self._look, GLANCE, self)
        self._exposed = Rest(self._show_exposed, 0, self)
        self._dock: ref[QDockWidget] | None = None
        self.setDocumentMode(True)
        bar = self.tabBar()
        if bar is not None:
            bar.setDrawBase(False)
        for name, meaning in meanings.items():
            home = QWidget()
            QVBoxLayout(home).setContentsMargins(0, 0, 0, 0)
            self.setTabToolTip(self.addTab(home, name), meaning)
        self.currentChanged.connect(self.fill)

    @property
    def filled(self) -> bool:
        """Whether the page that is looked at is made."""
        return self._names[self.currentIndex()] in self._made

    def page(self, name: str) -> QWidget:
        """Show a page and return it."""
        self.setCurrentIndex(self._names.index(name))
        self.fill()
        return self._made[name]

    def fill(self, *_: object) -> None:
        """Make the page that is looked at, if it is not there yet."""
        if self.filled:
            return
        name, home = self._names[self.currentIndex()], self.currentWidget()
        layout = None if home is None else home.layout()
        assert layout is not None
        page = self._made[name] = self._page_class(name)(self._panel)
        layout.addWidget(page)

    def look_again(self) -> None:
        """Tell once more, in a turn of its own, that the dock is in sight."""
        self._seen.ask()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Tell of it soon, unless another dock is put in front."""
        super().showEvent(event)
        self._follow_dock()
        self._seen.ask()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Tell of nothing."""
        super().hideEvent(event)
        self._seen.forget()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Be seen, so that there is a page to see, whatever the dock has said."""
        super().paintEvent(event)
        home = self.currentWidget()
        if home is not None and home.isHidden():
            self._exposed.ask()

    def _follow_dock(self) -> None:
        """Hear from the dock when it comes to the front of others, and goes behind."""
        dock = self.parent()
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parent()
        if dock is not None and (self._dock is None or self._dock() is not dock):
            self._dock = ref(dock)
            dock.visibilityChanged.connect(self._sighted)

    def _sighted(self, seen: bool) -> None:
        home = self.currentWidget()
        if seen:
            self._come_back()
        elif home is not None:
            self._seen.forget()
            self._exposed.forget()
            home.hide()

    def _show_exposed(self) -> None:
        if not self.visibleRegion().isEmpty():
            self._come_back()

    def _come_back(self) -> None:
        home = self.currentWidget()
        if home is not None and home.isHidden():
            home.show()
            self._seen.ask()

    def _look(self) -> None:
        if self._warming is None:
            self._warming = threading.Thread(target=self._warm_up, daemon=True)
            self._warming.start()
        if self._warming.is_alive():
            self._seen.ask()
        else:
            self.in_sight.emit()
