"""How the cells and headers of a confusion matrix are painted."""

from qtpy.QtCore import QModelIndex, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPalette, QPen
from qtpy.QtWidgets import QHeaderView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_piximi.ui.confusion_items import CELL, Cell
from napari_piximi.ui.judged_classes import JudgedClass

__all__ = ["ClassHeader", "ConfusionDelegate", "blend", "legible_on"]

CHIP = 9
GAP = 4
FAINTEST = 0.14
"""Strength of the colour of a cell with a single thing."""
SHORTEST_NAME, LONGEST_NAME = 36, 110
"""Pixels that a header gives to a name that is not shorter."""


def blend(under: QColor, over: QColor, strength: float) -> QColor:
    """Lay one colour over another; `strength` 0 is `under`, 1 is `over`."""
    parts = [round(a + (b - a) * strength) for a, b in zip(_rgb(under), _rgb(over), strict=True)]
    return QColor(*parts)


def legible_on(color: QColor) -> QColor:
    """Return black or white, whichever has more contrast on a colour.

    References
    ----------
    WCAG 2.1, relative luminance and contrast ratio.
    """
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (part / 255 for part in _rgb(color))
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # Equal contrast with black and with white: (l + 0.05)² = 1.05 · 0.05.
    return QColor("black") if luminance > 0.1791 else QColor("white")


def _rgb(color: QColor) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()


class ConfusionDelegate(QStyledItemDelegate):
    """Paint cells: the diagonal in the category's colour, errors in grey, by their share."""

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Paint one cell."""
        cell = index.data(CELL)
        if painter is None or not isinstance(cell, Cell):
            return
        under = option.palette.color(QPalette.ColorRole.Base)
        ink = option.palette.color(QPalette.ColorRole.Text)
        fill = under
        if cell.count:
            over = QColor(cell.color) if cell.color else ink
            most = 1.0 if cell.color else 0.75
            fill = blend(under, over, FAINTEST + (most - FAINTEST) * cell.share)
        elif cell.color:
            fill = blend(under, QColor(cell.color), FAINTEST / 2)
        painter.save()
        painter.fillRect(option.rect, fill)
        painter.setPen(legible_on(fill) if cell.count else ink)
        painter.drawText(QRectF(option.rect), Qt.AlignmentFlag.AlignCenter, cell.text)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(legible_on(fill), 2))
            painter.drawRect(option.rect.adjusted(2, 2, -2, -2))
        painter.restore()


class ClassHeader(QHeaderView):
    """Names of classes, each with its colour; those of columns are written upwards."""

    def __init__(self, orientation: Qt.Orientation, parent: QWidget | None = None) -> None:
        super().__init__(orientation, parent)
        self._most = LONGEST_NAME
        self.setSectionsClickable(True)
        self.setHighlightSections(True)
        self.setMinimumSectionSize(8)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def set_room(self, pixels: int) -> None:
        """Give names so much room, within limits; all of it if too little would be left."""
        left = pixels - CHIP - 4 * GAP
        self._most = min(left, LONGEST_NAME) if left >= SHORTEST_NAME else LONGEST_NAME

    def sizeHint(self) -> QSize:
        """Ask for room for the longest name, within limits."""
        model = self.model()
        names = (
            [str(model.headerData(i, self.orientation()) or "") for i in range(self.count())]
            if model
            else []
        )
        text = max((self.fontMetrics().horizontalAdvance(name) for name in names), default=20)
        length = min(text, self._most) + CHIP + 4 * GAP
        upwards = self.orientation() == Qt.Orientation.Horizontal
        return QSize(super().sizeHint().width(), length) if upwards else QSize(length, 10)

    def paintSection(self, painter: QPainter | None, rect: QRect, logicalIndex: int) -> None:
        """Paint a chip and a name."""
        model = self.model()
        shown = model.headerData(logicalIndex, self.orientation(), CELL) if model else None
        if painter is None or not isinstance(shown, JudgedClass):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(rect)
        area = QRectF(rect)
        if self.orientation() == Qt.Orientation.Horizontal:
            painter.translate(rect.left(), rect.bottom() + 1)
            painter.rotate(-90)
            area = QRectF(0, 0, rect.height(), rect.width())
            self._paint(painter, area, shown, chip_first=True)
        else:
            self._paint(painter, area, shown, chip_first=False)
        painter.restore()

    def _paint(
        self, painter: QPainter, area: QRectF, shown: JudgedClass, *, chip_first: bool
    ) -> None:
        """Paint from left to right; the chip is on the side of the matrix."""
        size = min(CHIP, area.height() - 2)
        left = area.left() + GAP if chip_first else area.right() - GAP - size
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        edge = QColor(ink)
        edge.setAlphaF(0.4)
        painter.setPen(QPen(edge, 1))
        painter.setBrush(QColor(shown.color))
        painter.drawRoundedRect(QRectF(left, area.center().y() - size / 2, size, size), 2, 2)
        room = area.width() - size - 3 * GAP
        start = area.left() + (2 * GAP + size if chip_first else GAP)
        name = self.fontMetrics().elidedText(shown.name, Qt.TextElideMode.ElideMiddle, int(room))
        side = Qt.AlignmentFlag.AlignLeft if chip_first else Qt.AlignmentFlag.AlignRight
        painter.setPen(ink)
        painter.drawText(
            QRectF(start, area.top(), room, area.height()),
            side | Qt.AlignmentFlag.AlignVCenter,
            name,
        )
