"""The grid of thumbnails: shows what the gallery says, and takes keys, clicks and the wheel."""

from typing import cast

import numpy as np
from qtpy.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QRect,
    Qt,
    QTimer,
    Signal,
)
from qtpy.QtGui import (
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QRegion,
    QWheelEvent,
)
from qtpy.QtWidgets import QAbstractItemView, QWidget

from napari_piximi.model.gallery import Gallery
from napari_piximi.ui.gallery_delegate import CellDelegate, Colors
from napari_piximi.ui.gallery_grid import CellGrid
from napari_piximi.ui.gallery_items import GalleryItems
from napari_piximi.ui.number_keys import digit_of
from napari_piximi.ui.thumbnails import Thumbnails

__all__ = ["LARGEST", "SMALLEST", "GalleryView"]

SMALLEST, LARGEST = 32, 256
"""Sizes of thumbnails, in pixels."""
WHEEL_STEP = 1.15
MANY = 500
"""Parts of a selection above which Qt would take long to compare it with another."""
IDLE = 30
"""Milliseconds after the last step of scrolling before thumbnails are asked for."""
SCREENS_AHEAD = 1

Keys = Qt.Key
Flag = QItemSelectionModel.SelectionFlag
OPENING = (Keys.Key_Return, Keys.Key_Enter)
DELETING = (Keys.Key_Delete, Keys.Key_Backspace)
OWN_KEYS = (*OPENING, *DELETING, Keys.Key_Escape)


class GalleryView(CellGrid):
    """Thumbnails in a grid; its selection and the gallery's are kept alike.

    Parameters
    ----------
    gallery : Gallery
    parent : QWidget, optional
    """

    opened = Signal(str)
    """A thing is to be shown in the viewer: double click, or Enter."""
    numbered = Signal(int)
    """A number key, 0 to 9, or shift and the key."""
    accepted = Signal()
    """The predictions of the selection are to be accepted."""
    deleted = Signal()
    """The selection is to be deleted."""
    resized = Signal(int)
    """Another size of thumbnails was chosen with the wheel."""

    def __init__(self, gallery: Gallery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self._missing = False
        self.thumbnails = Thumbnails(self)
        self.items = GalleryItems(gallery, self.thumbnails, self)
        self.cells = CellDelegate(self.items, self.thumbnails, self._miss, self)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(IDLE)
        self._soon.timeout.connect(self.ask)
        self._set_up()
        self.thumbnails.ready.connect(self._show_ready)
        self.doubleClicked.connect(self._open)
        self.scroll_bar.valueChanged.connect(self._hold_painting)
        self.placed.connect(self._ask_later)

    def _set_up(self) -> None:
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragEnabled(False)
        self.setAcceptDrops(False)
        self.setAccessibleName("Gallery")
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setItemDelegate(self.cells)
        self.setModel(self.items)
        self.set_size(self.cells.size)

    # --- what is on show -------------------------------------------------------------------

    def set_size(self, size: int) -> None:
        """Show thumbnails of another size, in pixels; what is at the top stays there."""
        self.cells.set_size(max(SMALLEST, min(size, LARGEST)))
        self.set_cell(self.cells.cell_size())

    def repaint_things(self, ids: frozenset[str]) -> None:
        """Paint those of some things again that are in sight."""
        sight = self.rows_in_sight()
        rows = [row for row in sight if self.items.ids[row] in ids]
        if rows:
            self.items.tell_changed(rows[0], rows[-1])

    def set_colors(self, colors: Colors) -> None:
        """Paint with the colours of another theme."""
        self.cells.set_colors(colors)
        name = colors.background.name()
        style = f"CellGrid, GalleryView {{ background-color: {name}; border: none; }}"
        if style != self.styleSheet():
            self.setStyleSheet(style)
        self.canvas.update()

    def changeEvent(self, event: QEvent | None) -> None:
        """Write with the font that the style gives."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self.cells.set_font(self.font())
            self.set_size(self.cells.size)

    def rearrange(self, *, follow: bool) -> None:
        """Show what is on show now in the gallery, with its selection.

        Parameters
        ----------
        follow : bool
            Scroll to the current thing, or to the top, rather than stay in this place.
        """
        if follow:
            current = self._gallery.current
            row = self._gallery.row(current) if current is not None else None
            self.go_to(row or 0)
        self.keep_place(self.items.rearrange)
        self.take_selection()

    # --- selection, both ways ----------------------------------------------------------------

    def _selection(self) -> QItemSelectionModel:
        return cast("QItemSelectionModel", self.selectionModel())

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        """Pass on what the user selected."""
        super().selectionChanged(selected, deselected)
        self._give_selection()

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Pass on where the keys move on from."""
        super().currentChanged(current, previous)
        self._give_selection()

    def _give_selection(self) -> None:
        ids: list[str] | frozenset[str] = self.items.ids_of(self._selection().selection())
        if not self._differs(ids):
            ids = self._gallery.selection  # with what is out of sight
        current = self.currentIndex()
        self._gallery.select(ids, self.items.ids[current.row()] if current.isValid() else None)

    def _differs(self, ids: list[str] | frozenset[str]) -> bool:
        """Tell whether the gallery has others selected among those on show."""
        chosen = frozenset(ids)
        if chosen == self._gallery.selection:
            return False
        rest = self._gallery.selection - chosen
        return len(chosen - self._gallery.selection) > 0 or any(
            self._gallery.row(key) is not None for key in rest
        )

    def take_selection(self) -> None:
        """Select what the gallery has selected, if that is something else."""
        selection = self._selection()
        shown, chosen = self.items.ids, self._gallery.selection
        if self._differs(self.items.ids_of(selection.selection())):
            whole = len(shown) == len(chosen) and chosen.issuperset(shown)
            rows = np.arange(len(shown)) if whole else self.items.rows_of(chosen)
            # Qt compares every old part with every new one: let there be no old ones.
            selection.reset()
            selection.select(self.items.selection_of(rows), Flag.Select)
            self.canvas.update()
        current = self._gallery.current
        row = self._gallery.row(current) if current is not None else None
        if row is not None and row != self.currentIndex().row():
            selection.setCurrentIndex(self.items.index(row), Flag.NoUpdate)
            self.scrollTo(self.items.index(row))

    def selectAll(self) -> None:
        """Select all that is on show."""
        selection, current = self._selection(), self.currentIndex()
        if len(selection.selection()) > MANY:
            selection.reset()  # as in take_selection
        super().selectAll()
        if current.isValid() and not self.currentIndex().isValid():
            selection.setCurrentIndex(current, Flag.NoUpdate)

    # --- keys and wheel ------------------------------------------------------------------------

    def event(self, event: QEvent | None) -> bool:
        """Keep the keys that mean something here from being shortcuts of the window."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            select_all = event.matches(QKeySequence.StandardKey.SelectAll)
            if select_all or digit_of(event) is not None or event.key() in OWN_KEYS:
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Categorise, open, delete, deselect; all others as in any list."""
        assert event is not None
        digit, key = digit_of(event), event.key()
        if digit is not None:
            self.numbered.emit(digit)
        elif key in OPENING:
            self._open(self.currentIndex())
        elif key in DELETING:
            self.deleted.emit()
        elif key == Keys.Key_A and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.accepted.emit()
        elif key == Keys.Key_Escape:
            self.clearSelection()
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def keyboardSearch(self, search: str | None) -> None:
        """Do nothing: letters would jump about among 100,000 names."""

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Scroll; with Ctrl, change the size of the thumbnails."""
        assert event is not None
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().wheelEvent(event)
            return
        factor = WHEEL_STEP ** (event.angleDelta().y() / 120)
        size = max(SMALLEST, min(round(self.cells.size * factor), LARGEST))
        if size != self.cells.size:
            self.resized.emit(size)
        event.accept()

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            self.opened.emit(self.items.ids[index.row()])

    # --- thumbnails ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the cells in sight.

        Qt's selection model takes long to answer for each cell where a selection has many
        parts; the gallery knows at once.
        """
        if event is None:
            return
        self._paint_cells(event.rect())
        super().paintEvent(event)
        if self._missing:
            self._missing = False
            self._ask_later()

    def _paint_cells(self, dirty: QRect) -> None:
        painter = QPainter(self.canvas)
        chosen, shown = self._gallery.selection, self.items.ids
        focused = self.currentIndex().row() if self.hasFocus() else -1
        for row in self.rows_in_sight():
            rect = self.cell_rect(row)
            if rect.intersects(dirty):
                self.cells.paint_cell(painter, rect, row, shown[row] in chosen, row == focused)
        painter.end()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Paint no thumbnails that nobody sees."""
        super().hideEvent(event)
        self.thumbnails.rest()

    def _miss(self) -> None:
        self._missing = True

    def ask(self) -> None:
        """Ask for the thumbnails of what is to be seen, then for the next screen's."""
        if not self.isVisible():
            return
        rows = self.rows_in_sight()
        ahead = range(rows.stop, min(rows.stop + SCREENS_AHEAD * len(rows), len(self.items.ids)))
        things = [self.items.thing(row) for part in (rows, ahead) for row in part]
        self.thumbnails.want(self._gallery.project, things, self.cells.side)

    def _hold_painting(self) -> None:
        self.thumbnails.pause()
        if self.thumbnails.working:
            self._ask_later()

    def _ask_later(self) -> None:
        self._soon.start()

    def _show_ready(self, ids: list[str]) -> None:
        sight = self.rows_in_sight()
        region = QRegion()
        for key in ids:
            row = self._gallery.row(key)
            if row is not None and row in sight and row < len(self.items.ids):
                region += QRegion(self.cell_rect(row))
        if not region.isEmpty():
            self.canvas.update(region)
