"""A confusion matrix that can be looked into: a click asks for the things of a cell."""

from collections.abc import Sequence

from qtpy.QtCore import QModelIndex, QSize, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QFont, QImage, QKeyEvent, QPainter, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QSizePolicy, QTableView, QWidget

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.ui.confusion_delegate import ClassHeader, ConfusionDelegate
from napari_piximi.ui.confusion_items import ConfusionItems
from napari_piximi.ui.judged_classes import JudgedClass

__all__ = ["ConfusionView", "picture_of"]

SMALLEST, LARGEST = 18, 110
"""Pixels of a cell's side."""
TALLEST = 30
MOST_HEIGHT = 460
"""Pixels of height above which it scrolls."""
ENTER_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class ConfusionView(QTableView):
    """Rows are the true classes, columns the predicted ones."""

    asked = QtSignal(object, object)
    """True and predicted class index of the things to show; None for any."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items = ConfusionItems(self)
        self.setModel(self.items)
        self.setItemDelegate(ConfusionDelegate(self))
        across = ClassHeader(Qt.Orientation.Horizontal, self)
        down = ClassHeader(Qt.Orientation.Vertical, self)
        self.setHorizontalHeader(across)
        self.setVerticalHeader(down)
        self.setCornerButtonEnabled(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setShowGrid(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Confusion matrix: rows are true, columns are predicted")
        self.clicked.connect(self._click)
        across.sectionClicked.connect(lambda column: self.asked.emit(None, column))
        down.sectionClicked.connect(lambda row: self.asked.emit(row, None))

    def show_evaluation(
        self, evaluation: Evaluation | None, classes: Sequence[JudgedClass] = ()
    ) -> None:
        """Show another evaluation, or none."""
        at = self.currentIndex()
        self.items.show(evaluation, classes)
        self._fit()
        if at.isValid() and at.row() < len(classes) and at.column() < len(classes):
            self.setCurrentIndex(self.items.index(at.row(), at.column()))

    def set_percentages(self, on: bool) -> None:
        """Write shares of the rows instead of counts."""
        self.items.set_percentages(on)
        self._fit()
        self._repaint()

    def whole_size(self) -> QSize:
        """Return the size in which nothing scrolls."""
        count = self.items.rowCount()
        down, across = self.verticalHeader(), self.horizontalHeader()
        assert down is not None
        assert across is not None
        edge = 2 * self.frameWidth()
        width = down.sizeHint().width() + count * across.defaultSectionSize() + edge
        height = across.sizeHint().height() + count * down.defaultSectionSize() + edge
        return QSize(width, height)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Enter shows a cell's things; with Shift its row's, with Ctrl its column's."""
        at = self.currentIndex()
        if event is None or event.key() not in ENTER_KEYS or not at.isValid():
            super().keyPressEvent(event)
            return
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        self.asked.emit(None if control else at.row(), None if shift else at.column())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Use the width that there is."""
        super().resizeEvent(event)
        self._fit()

    # --- within ------------------------------------------------------------------------------

    def _click(self, index: QModelIndex) -> None:
        self.asked.emit(index.row(), index.column())

    def _fit(self) -> None:
        """Make the cells as large as the width allows, and all of them the same."""
        count = max(self.items.rowCount(), 1)
        down, across = self.verticalHeader(), self.horizontalHeader()
        assert down is not None
        assert across is not None
        needed = self.fontMetrics().horizontalAdvance(self.items.longest()) + 4
        inner = self.width() - 2 * self.frameWidth()
        if isinstance(down, ClassHeader):
            down.set_room(inner - count * max(SMALLEST, needed))
        room = inner - down.sizeHint().width()
        side = min(max(room // count, SMALLEST, needed), LARGEST)
        across.setDefaultSectionSize(side)
        down.setDefaultSectionSize(min(max(side, SMALLEST), TALLEST))
        bar = self.horizontalScrollBar()
        scrolls = self.whole_size().width() > self.width()
        extra = bar.sizeHint().height() if bar is not None and scrolls else 0
        height = min(self.whole_size().height() + extra, MOST_HEIGHT)
        if self.height() != height or self.minimumHeight() != height:
            self.setFixedHeight(height)

    def _repaint(self) -> None:
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()


def picture_of(
    evaluation: Evaluation,
    classes: Sequence[JudgedClass],
    title: str,
    *,
    percentages: bool = False,
    scale: float = 2.0,
) -> QImage:
    """Paint a whole confusion matrix, with its title, on white.

    Parameters
    ----------
    evaluation : Evaluation
    classes : sequence of JudgedClass
    title : str
    percentages : bool
        Write shares of the rows instead of counts.
    scale : float
        Pixels of the picture per pixel of the screen.
    """
    view = ConfusionView()
    view.setStyleSheet("* { background: white; color: black; gridline-color: #d0d0d0; border: 0 }")
    view.items.set_percentages(percentages)
    view.resize(SMALLEST, SMALLEST)
    view.show_evaluation(evaluation, classes)
    view.ensurePolished()
    needed = view.whole_size()
    side = max(len(classes) * 40 - len(classes) * view.columnWidth(0), 0)
    view.resize(needed.width() + side, needed.height())
    view._fit()
    size = view.whole_size()
    view.setFixedSize(size)
    head, margin = 52, 12
    width = max(size.width(), view.fontMetrics().horizontalAdvance(title) + 20) + 2 * margin
    image = QImage(
        int(width * scale),
        int((size.height() + head + margin) * scale),
        QImage.Format.Format_RGB32,
    )
    image.setDevicePixelRatio(scale)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    font = QFont(view.font())
    font.setBold(True)
    painter.setFont(font)
    painter.drawText(margin, 20, title)
    painter.setFont(view.font())
    what = "per cent of each row" if percentages else "counts"
    painter.drawText(margin, 40, f"rows: true, columns: predicted; {what}")
    painter.translate(margin, head)
    view.render(painter)
    painter.end()
    view.deleteLater()
    return image
