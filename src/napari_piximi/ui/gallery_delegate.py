"""How one cell of the gallery is drawn: thumbnail, frame in the category's colour, two lines."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from napari.utils.theme import get_theme
from qtpy.QtCore import QModelIndex, QPointF, QRect, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QAbstractItemDelegate, QStyle, QStyleOptionViewItem, QWidget

from napari_piximi.model.project import Project
from napari_piximi.model.things import Thing, is_unknown
from napari_piximi.ui.gallery_items import GalleryItems, prediction_text
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.thumbnails import Thumbnail, Thumbnails

__all__ = ["CellDelegate", "Colors", "colors_of"]

MARGIN = 4
FRAME = 3
TICK = 16
TEXT_FROM = 64
"""Thumbnail size, in pixels, from which on there is room for text."""
LEAST_CONTRAST = 0.15
LINES_KEPT = 20_000
TURNS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Invisible letters that turn the direction of those after them: 12 would read 21."""
LONGEST = 120
"""Letters of a name that are laid out: a name may be endless."""
SELECTED = QStyle.StateFlag.State_Selected
FOCUSED = QStyle.StateFlag.State_HasFocus


@dataclass(frozen=True, slots=True)
class Colors:
    """The colours of a napari theme that cells are painted with."""

    background: QColor
    empty: QColor
    text: QColor
    faint: QColor
    selected: QColor
    selected_edge: QColor
    warning: QColor


def colors_of(theme: str) -> Colors:
    """Return the colours of a napari theme."""
    given = get_theme(theme)

    def color(name: str) -> QColor:
        return QColor(*getattr(given, name).as_rgb_tuple()[:3])

    text, background = color("text"), color("background")
    return Colors(
        background=background,
        empty=color("foreground"),
        text=text,
        faint=_between(text, background, 0.4),
        selected=color("current"),
        selected_edge=text,
        warning=color("warning"),
    )


def _between(one: QColor, other: QColor, share: float) -> QColor:
    parts = zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)
    return QColor(*(round(a * (1 - share) + b * share) for a, b in parts))


def _brightness(color: QColor) -> float:
    """Return Rec. 601 luma, 0…1."""
    return 0.299 * color.redF() + 0.587 * color.greenF() + 0.114 * color.blueF()


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a category's frame is painted with.

    If it would not stand out, an outline is there, and something brighter in the gaps.
    """

    color: QColor
    dashes: tuple[QPen, ...]
    outline: QPen | None


class CellDelegate(QAbstractItemDelegate):
    """Paint the cells of a gallery.

    Parameters
    ----------
    items : GalleryItems
    thumbnails : Thumbnails
    missed : callable
        Called when a cell was painted whose thumbnail is not there, or out of date.
    parent : QWidget
        The view; its font is used.
    """

    def __init__(
        self,
        items: GalleryItems,
        thumbnails: Thumbnails,
        missed: Callable[[], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._items = items
        self._thumbnails = thumbnails
        self._missed = missed
        self._widget = parent
        self._lines: OrderedDict[tuple[str, bool], str] = OrderedDict()
        self._frames: dict[str, _Frame] = {}
        self._tick: QPixmap | None = None
        self.size = 96
        self.set_colors(colors_of("dark"))
        self.set_font(parent.font())

    # --- what cells look like ----------------------------------------------------------------

    def set_colors(self, colors: Colors) -> None:
        """Paint with other colours from now on."""
        self.colors = colors
        self._tick = None
        self._frames.clear()

    def set_font(self, font: QFont) -> None:
        """Write with another font from now on."""
        self._font = QFont(font)
        self._slanted = QFont(font)
        self._slanted.setItalic(True)
        self._metrics = QFontMetrics(self._font)
        self._slanted_metrics = QFontMetrics(self._slanted)
        self._lines.clear()

    def set_size(self, size: int) -> None:
        """Paint thumbnails of another size, in pixels, from now on."""
        self.size = size
        self._lines.clear()

    @property
    def side(self) -> int:
        """Size of thumbnails in pixels of the screen."""
        return round(self.size * self._widget.devicePixelRatioF())

    def cell_size(self) -> QSize:
        """Return the size of each cell."""
        around = 2 * (MARGIN + FRAME)
        text = 2 * self._metrics.height() + 2 if self.size >= TEXT_FROM else 0
        return QSize(self.size + around, self.size + around + text)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the size of each cell."""
        return self.cell_size()

    # --- painting ----------------------------------------------------------------------------

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Paint one cell for Qt."""
        assert painter is not None
        state, rect = option.state, option.rect
        self.paint_cell(painter, rect, index.row(), bool(state & SELECTED), bool(state & FOCUSED))

    def paint_cell(
        self, painter: QPainter, rect: QRect, row: int, selected: bool, focused: bool
    ) -> None:
        """Paint one cell.

        Parameters
        ----------
        painter : QPainter
        rect : QRect
            Of the cell; it may be wider than needed.
        row : int
        selected, focused : bool
            Whether it is in the selection, and whether keys move on from it.
        """
        project, thing = self._items.project, self._items.thing(row)
        thumbnail = self._thumbnails.get(thing)
        if not self._thumbnails.is_fresh(project, thing, self.side):
            self._missed()
        width = self.size + 2 * (MARGIN + FRAME)
        rect = QRect(rect.left() + (rect.width() - width) // 2, rect.top(), width, rect.height())
        if selected:
            painter.fillRect(rect.adjusted(1, 1, -1, -1), self.colors.selected)
        left, top = rect.left() + MARGIN + FRAME, rect.top() + MARGIN + FRAME
        self._paint_picture(painter, QRect(left, top, self.size, self.size), thumbnail)
        self._paint_frame(painter, left, top, project, thing)
        if self.size >= TEXT_FROM:
            faint = self.colors.text if selected else self.colors.faint
            self._paint_text(painter, left, top + self.size + FRAME + 1, project, thing, faint)
        if selected or focused:
            self._paint_edge(painter, rect, selected=selected, focused=focused)
        if selected:
            mark = self._tick_mark()
            painter.drawPixmap(left + self.size - TICK - 2, top + 2, mark)

    def _paint_picture(self, painter: QPainter, square: QRect, thumbnail: Thumbnail | None) -> None:
        if thumbnail is None or thumbnail.picture is None:
            painter.fillRect(square, self.colors.empty)
            if thumbnail is not None:
                self._paint_broken(painter, square)
            return
        picture = thumbnail.picture
        scale = self.size / thumbnail.side
        width, height = round(picture.width() * scale), round(picture.height() * scale)
        if width < self.size or height < self.size:
            painter.fillRect(square, self.colors.empty)
        left = square.left() + (self.size - width) // 2
        top = square.top() + (self.size - height) // 2
        if (width, height) == (picture.width(), picture.height()):
            painter.drawImage(left, top, picture)
        else:
            painter.drawImage(QRect(left, top, width, height), picture)

    def _paint_broken(self, painter: QPainter, square: QRect) -> None:
        painter.setPen(QPen(self.colors.warning, 2))
        inner = square.adjusted(*[self.size // 4] * 2, *[-self.size // 4] * 2)
        painter.drawRect(inner)
        painter.drawLine(inner.topLeft(), inner.bottomRight())
        painter.drawLine(inner.bottomLeft(), inner.topRight())

    def _paint_frame(
        self, painter: QPainter, left: int, top: int, project: Project, thing: Thing
    ) -> None:
        """Draw the category's colour: solid where the user said it, dashed where predicted."""
        said = thing.prediction
        key = thing.category if said is None else said.category
        frame = self._frame(project.categories[key].color)
        if frame.outline is not None:
            painter.setPen(frame.outline)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            length = self.size + 2 * FRAME + 1
            painter.drawRect(left - FRAME - 1, top - FRAME - 1, length, length)
        if said is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            length = self.size + FRAME
            for pen in frame.dashes:
                painter.setPen(pen)
                painter.drawRect(left - 2, top - 2, length, length)
            return
        width = 1 if is_unknown(key) else FRAME
        outer = self.size + 2 * width
        x, y = left - width, top - width
        painter.fillRect(x, y, outer, width, frame.color)
        painter.fillRect(x, y + outer - width, outer, width, frame.color)
        painter.fillRect(x, y, width, outer, frame.color)
        painter.fillRect(x + outer - width, y, width, outer, frame.color)

    def _frame(self, name: str) -> "_Frame":
        frame = self._frames.get(name)
        if frame is None:
            color = QColor(name)
            dashes = QPen(color, FRAME)
            dashes.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            dashes.setCapStyle(Qt.PenCapStyle.FlatCap)
            dashes.setDashPattern([2.5, 1.5])
            faint = abs(_brightness(color) - _brightness(self.colors.background)) < LEAST_CONTRAST
            outline = QPen(self.colors.faint, 1) if faint else None
            gaps = [QPen(self.colors.faint, FRAME)] if faint else []
            frame = self._frames[name] = _Frame(color, (*gaps, dashes), outline)
        return frame

    def _paint_text(
        self, painter: QPainter, left: int, top: int, project: Project, thing: Thing, faint: QColor
    ) -> None:
        painter.setFont(self._font)
        painter.setPen(self.colors.text)
        top += self._metrics.ascent()
        painter.drawText(QPointF(left, top), self._line(thing.name, slanted=False))
        said = prediction_text(project, thing)
        text = said or project.categories[thing.category].name
        if said:
            painter.setFont(self._slanted)
        elif is_unknown(thing.category):
            painter.setPen(faint)
        below = QPointF(left, top + self._metrics.height())
        painter.drawText(below, self._line(text, slanted=bool(said)))

    def _tick_mark(self) -> QPixmap:
        """Return what lies in the corner of a selected thing, drawn once."""
        if self._tick is None:
            ratio = self._widget.devicePixelRatioF()
            self._tick = QPixmap(round(TICK * ratio), round(TICK * ratio))
            self._tick.setDevicePixelRatio(ratio)
            self._tick.fill(Qt.GlobalColor.transparent)
            painter = QPainter(self._tick)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self.colors.text, 1))
            painter.setBrush(self.colors.selected)
            painter.drawEllipse(1, 1, TICK - 2, TICK - 2)
            painter.setPen(QPen(self.colors.text, 2))
            painter.drawLine(4, 8, 7, 11)
            painter.drawLine(7, 11, 12, 5)
            painter.end()
        return self._tick

    def _paint_edge(self, painter: QPainter, rect: QRect, *, selected: bool, focused: bool) -> None:
        style = Qt.PenStyle.SolidLine if selected else Qt.PenStyle.DotLine
        painter.setPen(QPen(self.colors.selected_edge, 2 if focused else 1, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(1, 1, -2, -2))

    def _line(self, text: str, *, slanted: bool) -> str:
        """Return a line cut to the width of a cell, once."""
        key = (text, slanted)
        line = self._lines.get(key)
        if line is None:
            metrics = self._slanted_metrics if slanted else self._metrics
            mode = Qt.TextElideMode.ElideMiddle if not slanted else Qt.TextElideMode.ElideRight
            line = metrics.elidedText(one_line(text, LONGEST).translate(TURNS), mode, self.size)
            self._lines[key] = line
            if len(self._lines) > LINES_KEPT:
                self._lines.popitem(last=False)
        return line
