"""How the cells of the list of categories are painted and edited."""

from collections.abc import Callable

from qtpy.QtCore import QModelIndex, QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPen
from qtpy.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_piximi.ui.category_items import ROW, CategoryRow, Column

__all__ = ["ROW_HEIGHT", "CategoryDelegate", "paint_eye", "paint_key", "paint_swatch"]

MARGIN = 7
ROW_HEIGHT = 25
FAINT = 0.45
"""Opacity of what is hidden."""


class CategoryDelegate(QStyledItemDelegate):
    """Paint keys, colours and eyes; check names while they are typed.

    Parameters
    ----------
    check : callable
        Gets id and a name that is being typed; says elsewhere what is wrong with it.
    """

    def __init__(self, check: Callable[[str, str], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._check = check

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Paint one cell."""
        row = index.data(ROW)
        if painter is None or not isinstance(row, CategoryRow):
            return
        painter.save()
        if not row.visible and index.column() != Column.EYE:
            painter.setOpacity(FAINT)
        super().paint(painter, option, index)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = option.palette.text().color()
        if index.column() == Column.KEY and row.key:
            paint_key(painter, option.rect, row.key, color)
        elif index.column() == Column.COLOR:
            paint_swatch(painter, option.rect, QColor(row.color), color)
        elif index.column() == Column.EYE:
            hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
            painter.setOpacity(1 if row.visible or hovered else FAINT)
            paint_eye(painter, option.rect, color, closed=not row.visible)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Give a row room for its key and eye."""
        size = super().sizeHint(option, index)
        return QSize(size.width(), max(size.height() + 4, ROW_HEIGHT))

    def createEditor(
        self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> QWidget | None:
        """Return the line in which a category is renamed."""
        editor = super().createEditor(parent, option, index)
        row = index.data(ROW)
        if isinstance(editor, QLineEdit):
            editor.setAccessibleName(f"New name of the category {row.name}")
            editor.textEdited.connect(lambda text: self._check(row.id, text.strip()))
        return editor


def paint_key(painter: QPainter, rect: QRect, key: str, color: QColor) -> None:
    """Paint a number as a small key."""
    size = min(rect.width(), rect.height()) - MARGIN
    box = QRectF(0, 0, size, size)
    box.moveCenter(QRectF(rect).center())
    edge = QColor(color)
    edge.setAlphaF(0.5)
    painter.setPen(QPen(edge, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box, 3, 3)
    font = painter.font()
    font.setPixelSize(max(int(size * 0.65), 8))
    painter.setFont(font)
    painter.setPen(color)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, key)


def paint_swatch(painter: QPainter, rect: QRect, fill: QColor, edge: QColor) -> None:
    """Paint a colour, with an edge so that black and white are seen on any theme."""
    size = min(rect.width(), rect.height()) - MARGIN
    box = QRectF(0, 0, size, size)
    box.moveCenter(QRectF(rect).center())
    faint = QColor(edge)
    faint.setAlphaF(0.4)
    painter.setPen(QPen(faint, 1))
    painter.setBrush(fill)
    painter.drawRoundedRect(box, 3, 3)


def paint_eye(painter: QPainter, rect: QRect, color: QColor, *, closed: bool) -> None:
    """Paint an eye, struck out if what it stands for is hidden."""
    middle = QRectF(rect).center()
    half, height = 7.0, 4.6
    left, right = middle - QPointF(half, 0), middle + QPointF(half, 0)
    lids = QPainterPath(left)
    lids.quadTo(middle - QPointF(0, 2 * height), right)
    lids.quadTo(middle + QPointF(0, 2 * height), left)
    painter.setPen(QPen(color, 1.3))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(lids)
    painter.setBrush(color)
    painter.drawEllipse(middle, 1.9, 1.9)
    if closed:
        painter.drawLine(middle + QPointF(-half, height + 1), middle + QPointF(half, -height - 1))
