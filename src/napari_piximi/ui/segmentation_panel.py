"""The Segmentation dock: find the objects in images."""

import threading
from collections.abc import Callable

from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_piximi.ui.edit_keys import EditKeys
from napari_piximi.ui.panel import Panel
from napari_piximi.ui.segment_choice import SegmenterChoice

__all__ = ["SegmentationPanel", "warm_up"]

PAGES = {
    "Find objects": "Let a segmenter outline the objects in the images",
    "Train your own": "Teach a network with the objects that you annotated",
    "Evaluate": "See how well objects are found, against annotations",
}
"""Names of the pages, and what they are for; :func:`_page_class` makes them."""

GLANCE = 50
"""Milliseconds in sight after which it counts: a dock made behind another one flashes up."""


class SegmentationPanel(Panel):
    """Segmenters, and the networks of the project that find objects.

    Each page is made when it is first looked at.

    Parameters
    ----------
    napari_viewer : napari.Viewer

    Attributes
    ----------
    choice : SegmenterChoice
        The segmenter that the page *Find objects* is set to.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.setObjectName("segmentation")
        self.choice = SegmenterChoice(self.workspace)
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        bar = self.pages.tabBar()
        if bar is not None:
            bar.setDrawBase(False)
        self._homes: dict[str, QWidget] = {}
        for name, meaning in PAGES.items():
            home = QWidget()
            layout = QVBoxLayout(home)
            layout.setContentsMargins(0, 0, 0, 0)
            self._homes[name] = home
            self.pages.setTabToolTip(self.pages.addTab(home, name), meaning)
        self.pages.currentChanged.connect(self._fill)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.pages, 1)
        self._made: dict[str, QWidget] = {}
        self._seen = QTimer(self)
        self._seen.setSingleShot(True)
        self._seen.setInterval(GLANCE)
        self._seen.timeout.connect(self._look_on)
        self._warming: threading.Thread | None = None
        EditKeys(self, self.workspace)

    def page(self, name: str) -> QWidget:
        """Show a page, one of :data:`PAGES`, and return it."""
        self.pages.setCurrentWidget(self._homes[name])
        self._fill()
        return self._made[name]

    def showEvent(self, event: QShowEvent | None) -> None:
        """Make what is in sight, unless another tab is put in front."""
        super().showEvent(event)
        self._seen.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Leave what was to be made."""
        super().hideEvent(event)
        self._seen.stop()

    def look(self) -> None:
        """Make what is in sight."""
        self._fill()
        self.warm()

    def _look_on(self) -> None:
        """Do as :meth:`look`, once all is imported in a thread."""
        if self._warming is None:
            self._warming = threading.Thread(target=warm_up, daemon=True)
            self._warming.start()
        if self._warming.is_alive():
            self._seen.start()
        else:
            self.look()

    def warm(self) -> None:
        """Start the engines if the chosen segmenter needs one, so that its first run waits less."""
        segmenter = self.choice.segmenter
        if self.isVisible() and segmenter is not None and segmenter.place == "networks":
            self.workspace.learning.warm()

    def _fill(self, *_: object) -> None:
        """Make the page that is looked at, if it is not there yet."""
        name = list(PAGES)[self.pages.currentIndex()]
        if name in self._made:
            return
        page = self._made[name] = _page_class(name)(self)
        layout = self._homes[name].layout()
        assert layout is not None
        layout.addWidget(page)


def warm_up() -> None:
    """Import what the pages need; for a thread, since it takes too long for the window's."""
    from napari_piximi.segment import catalog

    catalog.segmenters()
    for name in PAGES:
        _page_class(name)


def _page_class(name: str) -> Callable[[SegmentationPanel], QWidget]:
    """Import a page when it is needed first."""
    if name == "Find objects":
        from napari_piximi.ui.segment_page import SegmentPage

        return SegmentPage
    if name == "Train your own":
        from napari_piximi.ui.network_page import NetworkPage

        return NetworkPage
    from napari_piximi.ui.score_page import ScorePage

    return ScorePage
