"""A small histogram of probabilities, in which a line marks the threshold."""

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_piximi.ui.gallery_delegate import Colors, colors_of

__all__ = ["ProbabilityView"]

HEIGHT = 56
MARGIN = 7
"""Room for half a handle on either side, so that the line lies where a slider's handle does."""
STEP = 0.01


class ProbabilityView(QWidget):
    """Bars for parts of 0…1; those at or above the threshold stand out.

    A click, or dragging, sets the threshold. For keys there is the slider below.

    Parameters
    ----------
    parent : QWidget, optional
    """

    picked = Signal(float)
    """The user chose this threshold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: NDArray[np.int64] = np.zeros(1, np.int64)
        self._threshold = 0.0
        self._colors: Colors = colors_of("dark")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "How many predictions have which probability, 0 on the left and 1 on the right; "
            "click to set the threshold"
        )
        self.setAccessibleName("Histogram of probabilities")
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def set_counts(self, counts: NDArray[np.int64]) -> None:
        """Show other counts, one for each of equal parts of 0…1."""
        self._counts = counts
        self.setAccessibleDescription(f"{int(counts.sum()):,} probabilities")
        self.update()

    def set_threshold(self, threshold: float) -> None:
        """Draw the line elsewhere, 0…1."""
        self._threshold = threshold
        self.update()

    def set_colors(self, colors: Colors) -> None:
        """Paint with other colours from now on."""
        self._colors = colors
        self.update()

    def sizeHint(self) -> QSize:
        """Return a small size."""
        return QSize(200, HEIGHT)

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw bars, the line, and the ends of the scale."""
        painter = QPainter(self)
        area = QRectF(MARGIN, 1, self.width() - 2 * MARGIN, self.height() - 3)
        faint, strong = QColor(self._colors.faint), QColor(self._colors.text)
        faint.setAlphaF(0.45)
        highest, count = max(int(self._counts.max()), 1), len(self._counts)
        # Square roots: a model that is mostly sure would leave nothing to be seen elsewhere.
        heights = np.sqrt(self._counts / highest) * area.height()
        width = area.width() / count
        first = self._threshold * count
        for bar, height in enumerate(heights.tolist()):
            if height > 0:
                left, top = area.left() + bar * width, area.bottom() - max(height, 1.5)
                chosen = bar + 1e-6 >= first
                rect = QRectF(left + 0.5, top, max(width - 1, 1), area.bottom() - top)
                painter.fillRect(rect, strong if chosen else faint)
        painter.setPen(QPen(faint, 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        x = area.left() + self._threshold * area.width()
        painter.setPen(QPen(self._colors.warning, 2))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Set the threshold."""
        self._pick(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Set the threshold."""
        self._pick(event)

    def _pick(self, event: QMouseEvent | None) -> None:
        if event is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        share = (event.position().x() - MARGIN) / max(self.width() - 2 * MARGIN, 1)
        self.picked.emit(round(min(max(share, 0.0), 1.0) / STEP) * STEP)
