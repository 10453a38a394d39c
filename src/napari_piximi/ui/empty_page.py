"""What an empty gallery says: why it is empty, and what to do next."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_piximi.model.gallery import Gallery, chips
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.ui.filter_bar import cleared
from napari_piximi.ui.shown_names import breakable
from napari_piximi.ui.wrapped_label import notice

__all__ = ["EmptyPage", "why_empty"]


def why_empty(gallery: Gallery) -> str:
    """Say why nothing is on show and what to do; empty if something is."""
    if gallery.ids:
        return ""
    project, kind = gallery.project, gallery.query.kind
    if not project.things:
        return "Drop images or a project here"
    if chips(project, gallery.query):
        return "No thing matches these filters"
    if gallery.total:
        return "All things here have hidden categories; show them in the Categories dock"
    if kind == IMAGE_KIND:
        return "Drop images here"
    name = breakable(project.kind_name(kind))
    return (
        f"The kind {name} has no objects yet: show an image and paint some on its layer, "
        "or select objects of another kind and move them here"
    )


class EmptyPage(QWidget):
    """Words in place of an empty grid, with a button where one click mends it.

    Parameters
    ----------
    gallery : Gallery
    """

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self.words = notice()
        self.clear = QPushButton("Clear all filters")
        self.clear.setToolTip("Take all filters away")
        self.clear.setAccessibleName("Clear all filters")
        self.clear.clicked.connect(lambda _: gallery.set_query(cleared(gallery.query)))
        layout = QVBoxLayout(self)
        layout.addStretch()
        layout.addWidget(self.words)
        layout.addWidget(self.clear, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch()

    def refresh(self) -> None:
        """Say what holds now."""
        self.words.setText(why_empty(self._gallery))
        shown = self._gallery.project.things and chips(self._gallery.project, self._gallery.query)
        self.clear.setVisible(bool(shown))
