"""The Gallery dock: the things of one kind as thumbnails, to look through and to categorise."""

from napari.components import ViewerModel
from qtpy.QtCore import QEvent, QPoint, Qt, QTimer
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.ui import messages, preferences
from napari_piximi.ui.dropping import accept_paths, local_paths
from napari_piximi.ui.edit_keys import EditKeys
from napari_piximi.ui.empty_page import EmptyPage
from napari_piximi.ui.filter_bar import ChipRow, FilterButton, SearchField
from napari_piximi.ui.gallery_delegate import colors_of
from napari_piximi.ui.gallery_menu import delete_selection, fill_menu, selected_ids
from napari_piximi.ui.gallery_view import LARGEST, SMALLEST, GalleryView
from napari_piximi.ui.panel import Panel
from napari_piximi.ui.sort_bar import (
    DirectionButton,
    KindChoice,
    ShuffleButton,
    SortChoice,
    remembered_order,
)
from napari_piximi.ui.workspace import numbered_categories

__all__ = ["GalleryPanel"]

SIZE, JUMP = "gallery/size", "gallery/jump"
DEFAULT_SIZE = 96
REMEMBER = 300
"""Milliseconds after the last step of the slider before the size is kept."""


def count_line(kind: str, shown: int, total: int, chosen: int) -> str:
    """Return ``"120 images"`` or ``"37 of 1,234 objects · 3 selected"``; empty for none at all."""
    noun = "image" if kind == IMAGE_KIND else "object"
    things = f"{total:,} {noun}" + "s" * (total != 1) if total else ""
    text = things if shown == total else f"{shown:,} of {things}"
    return f"{text} · {chosen:,} selected" if chosen else text


class GalleryPanel(Panel):
    """Thumbnails of images or objects, with all that is needed to sort and label them.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        gallery = self.workspace.gallery
        remembered_order(gallery)
        self.kinds = KindChoice(gallery)
        self.search = SearchField(gallery)
        self.filters = FilterButton(gallery)
        self.sort = SortChoice(gallery)
        self.direction = DirectionButton(gallery)
        self.shuffle = ShuffleButton(gallery)
        self.chips = ChipRow(gallery)
        self.view = GalleryView(gallery)
        self.empty = EmptyPage(gallery)
        self.count = QLabel()
        self.jump = QCheckBox("Next after key")
        self._shown: object = None
        self._remember = QTimer(self)
        self.size_slider = QSlider(Qt.Orientation.Horizontal)
        self.pages = QStackedWidget()
        self._set_up_foot()
        self._lay_out()
        self._connect()
        self.setAcceptDrops(True)
        self.setMinimumSize(200, 140)
        self._keys = EditKeys(self, self.workspace)
        self._take_theme()
        self._rearranged()

    # --- parts -----------------------------------------------------------------------------

    def _set_up_foot(self) -> None:
        self.count.setAccessibleName("Number of things on show")
        self.jump.setToolTip("After a number key, or A, select the next thing")
        self.jump.setAccessibleName("Select the next thing after a number key")
        self.jump.setChecked(preferences.get(JUMP, False))
        self.size_slider.setRange(SMALLEST, LARGEST)
        self.size_slider.setPageStep(32)
        self.size_slider.setFixedSize(90, self.sort.sizeHint().height())
        self.size_slider.setToolTip("Size of the thumbnails; also Ctrl and the mouse wheel")
        self.size_slider.setAccessibleName("Size of the thumbnails")
        size = preferences.get(SIZE, DEFAULT_SIZE)
        self.size_slider.setValue(size)
        self.view.set_size(self.size_slider.value())
        self._remember.setSingleShot(True)
        self._remember.setInterval(REMEMBER)
        self._remember.timeout.connect(lambda: preferences.put(SIZE, self.view.cells.size))

    def _lay_out(self) -> None:
        self.search.setFixedWidth(150)
        top = QWidget()
        flow = QFlowLayout(top)
        flow.setContentsMargins(0, 0, 0, 0)
        flow.setHorizontalSpacing(4)
        flow.setVerticalSpacing(4)
        order = (self.sort, self.direction, self.shuffle, self.size_slider)
        for part in (self.kinds, self.search, self.filters, *order):
            flow.addWidget(part)
        self.pages.addWidget(self.view)
        self.pages.addWidget(self.empty)
        foot = QHBoxLayout()
        foot.addWidget(self.count, 1)
        foot.addWidget(self.jump)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(top)
        layout.addWidget(self.chips)
        layout.addWidget(self.pages, 1)
        layout.addLayout(foot)

    def _connect(self) -> None:
        gallery = self.workspace.gallery
        self.listen(gallery.arranged, self._rearranged)
        self.listen(gallery.repainted, self.view.repaint_things)
        self.listen(gallery.selected, self._selected)
        self.listen(self.workspace.opened, self._opened)
        self.view.opened.connect(self.workspace.show)
        self.view.numbered.connect(self.categorize_by_number)
        self.view.accepted.connect(self.accept)
        self.view.deleted.connect(lambda: delete_selection(self.workspace))
        self.view.resized.connect(self.size_slider.setValue)
        self.view.customContextMenuRequested.connect(self._open_menu)
        self.view.thumbnails.failed.connect(self._tell_broken)
        self.size_slider.valueChanged.connect(self._resize)
        self.jump.toggled.connect(lambda on: preferences.put(JUMP, on))

    # --- what has changed --------------------------------------------------------------------

    def project_changed(self, before: Project, after: Project) -> None:
        """Follow names of kinds and categories."""
        if before.kinds is not after.kinds:
            self.kinds.refresh()
        if before.categories is not after.categories:
            self.chips.refresh()
        if not before.things or not after.things:
            self.empty.refresh()

    def _opened(self) -> None:
        self.view.thumbnails.clear()
        self._shown = None

    def _rearranged(self) -> None:
        query = self.workspace.gallery.query
        asked, self._shown = query != self._shown, query
        self.view.rearrange(follow=asked)
        for part in (self.kinds, self.search, self.sort, self.direction, self.shuffle):
            part.refresh()
        self.chips.refresh()
        self.empty.refresh()
        self.pages.setCurrentWidget(self.view if self.workspace.gallery.ids else self.empty)
        self._count()

    def _selected(self) -> None:
        self.view.take_selection()
        self._count()

    def _count(self) -> None:
        gallery = self.workspace.gallery
        shown, total, chosen = len(gallery.ids), gallery.total, len(gallery.selection)
        self.count.setText(count_line(gallery.query.kind, shown, total, chosen))

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme and size of text."""
        super().changeEvent(event)
        styled = event is not None and event.type() == QEvent.Type.StyleChange
        if styled and hasattr(self, "_keys"):
            self._take_theme()

    def _take_theme(self) -> None:
        self.view.set_colors(colors_of(self.workspace.viewer.theme))

    def _tell_broken(self, trouble: str) -> None:
        messages.error(f"Some thumbnails cannot be painted: {trouble}")

    # --- what the user does --------------------------------------------------------------------

    def categorize_by_number(self, digit: int) -> None:
        """Give the selection the category of a number key, and go on if that is wished.

        Parameters
        ----------
        digit : int
            0 for Unknown, 1 to 9 for the others.
        """
        gallery = self.workspace.gallery
        categories = numbered_categories(self.workspace.project, gallery.query.kind)
        ids = selected_ids(self.workspace)
        if not ids or digit >= len(categories):
            return
        done = self.workspace.categorize(ids, categories[digit])
        # Where they went out of sight, the gallery has gone on by itself.
        if done and self.jump.isChecked() and gallery.selection.intersection(ids):
            self._go_on(ids)

    def accept(self) -> None:
        """Accept the predictions of the selection, and go on if that is wished."""
        from napari_piximi.ui.predicting import accept_selected

        ids = selected_ids(self.workspace)
        before = self.workspace.project
        accept_selected(self.workspace)
        applied = self.workspace.project is not before
        if applied and self.jump.isChecked() and self.workspace.gallery.selection.intersection(ids):
            self._go_on(ids)

    def _go_on(self, done: list[str]) -> None:
        """Select what follows the last of some things."""
        gallery = self.workspace.gallery
        rows = [row for row in map(gallery.row, done) if row is not None]
        if rows and max(rows) + 1 < len(gallery.ids):
            following = gallery.ids[max(rows) + 1]
            gallery.select([following], following)

    def _resize(self, size: int) -> None:
        self.view.set_size(size)
        self._remember.start()

    def _open_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill_menu(menu, self.workspace)
        menu.popup(self.view.canvas.mapToGlobal(at))

    # --- files that are dropped ------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files of this machine."""
        if event is not None and local_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open the project, or add the images, that were dropped."""
        if event is not None:
            event.acceptProposedAction()
            accept_paths(self.workspace, local_paths(event.mimeData()), self)
