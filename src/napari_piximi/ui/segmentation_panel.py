"""The Segmentation dock: find the objects in images."""

from collections.abc import Callable

from napari.components import ViewerModel
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_piximi.ui.edit_keys import EditKeys
from napari_piximi.ui.page_tabs import PageTabs
from napari_piximi.ui.panel import Panel
from napari_piximi.ui.segment_choice import SegmenterChoice

__all__ = ["SegmentationPanel", "warm_up"]

PAGES = {
    "Find objects": "Let a segmenter outline the objects in the images",
    "Train your own": "Teach a network with the objects that you annotated",
    "Evaluate": "See how well objects are found, against annotations",
}
"""Names of the pages, and what they are for; :func:`_page_class` makes them."""


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
        self.pages = PageTabs(self, PAGES, _page_class, warm_up)
        self.pages.in_sight.connect(self.look)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.pages, 1)
        EditKeys(self, self.workspace)

    def page(self, name: str) -> QWidget:
        """Show a page, one of :data:`PAGES`, and return it."""
        return self.pages.page(name)

    def look(self) -> None:
        """Make what is in sight."""
        self.pages.fill()
        self.warm()

    def warm(self) -> None:
        """Start the engines if the chosen segmenter needs one, so that its first run waits less."""
        segmenter = self.choice.segmenter
        if self.isVisible() and segmenter is not None and segmenter.place == "networks":
            self.workspace.learning.warm()


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
