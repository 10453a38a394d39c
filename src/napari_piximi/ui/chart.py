"""A chart of lines, painted by Qt itself.

pyqtgraph would do as well, but importing it stops the window for 150 ms (measured), once, in the
middle of the first fit; this is there at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QTransform
from qtpy.QtWidgets import QSizePolicy, QWidget

__all__ = ["PAPER", "Chart", "ChartColors", "Line", "nice_ticks"]

Floats = NDArray[np.float64]

ROOMY = 7
"""Lines of text that are as tall as a chart that has room for the name of its x axis."""
NAMED = 300
"""Pixels of width from which the runs are named beside their values."""
PARTS = 1000
"""Parts that a line of very many points is thinned to; more than a chart has pixels."""


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a chart.

    Attributes
    ----------
    name, run : str
        For the pointer that hovers over it; the run is left out where there is no room.
    x, y : (N,) array
        `x` rises.
    color : str
    dashed : bool
    mark : float or None
        The `x` that is marked by a dot.
    """

    name: str
    x: Floats
    y: Floats
    color: str
    run: str = ""
    dashed: bool = False
    mark: float | None = None

    @cached_property
    def points(self) -> QPolygonF:
        """The line as Qt draws it, thinned where no screen shows all of it."""
        x, y = _thinned(self.x, self.y)
        pairs = zip(x.tolist(), y.tolist(), strict=True)
        return QPolygonF([QPointF(*pair) for pair in pairs])


@dataclass(frozen=True)
class ChartColors:
    """What a chart takes from the theme."""

    background: str = "#262930"
    text: str = "#f0f1f2"
    grid: str = "#414851"


PAPER = ChartColors("#ffffff", "#000000", "#d0d0d0")
"""Of a picture that is printed, whatever the theme of the window is."""


class Chart(QWidget):
    """Lines over a common x, with a grid, and values where the pointer is.

    Parameters
    ----------
    title : str
    empty : str
        What is said while there are no lines.
    unit : bool
        The values are shares: the axis goes no further than 0 to 1.
    along : str
        What x is.
    span : (low, high), optional
        Of x; by default from 1 to as far as the lines go, in whole numbers.
    """

    hovered = QtSignal(object)
    """The x under the pointer, or None; other charts may follow it."""

    def __init__(
        self,
        title: str,
        empty: str = "",
        *,
        unit: bool = False,
        along: str = "Epoch",
        span: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self.title, self.empty, self.unit = title, empty, unit
        self.along, self.span = along, span
        self.colors = ChartColors()
        self.lines: tuple[Line, ...] = ()
        self.at: float | None = None
        self._x, self._y = (1.0, 10.0), (0.0, 1.0)
        self.setMouseTracking(True)
        self.setMinimumSize(120, 90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(title)

    def sizeHint(self) -> QSize:
        """Return a size at which lines can be read."""
        return QSize(320, 150)

    def set_colors(self, colors: ChartColors) -> None:
        """Follow the theme."""
        self.colors = colors
        self.update()

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Draw these lines."""
        self.lines = tuple(line for line in lines if len(line.x))
        self._x, self._y = self._ranges()
        last = [f"{line.name} {line.y[-1]:.3g}" for line in self.lines]
        self.setAccessibleDescription("; ".join(last))
        self.update()

    def set_hover(self, at: float | None) -> None:
        """Show the values at an x."""
        if at != self.at:
            self.at = at
            self.update()

    def values_at(self, at: float) -> list[tuple[Line, float, float]]:
        """Return the point of each line that is nearest to an x."""
        found, least = [], 1.0 if self.span is None else 0.0
        for line in self.lines:
            place = int(np.abs(line.x - at).argmin())
            if abs(float(line.x[place]) - at) <= max(least, (self._x[1] - self._x[0]) / 50):
                found.append((line, float(line.x[place]), float(line.y[place])))
        return found

    # --- where things are --------------------------------------------------------------------

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        if not self.lines:
            return self.span or (1.0, 10.0), (0.0, 1.0)
        right = max(float(line.x[-1]) for line in self.lines)
        across = self.span or (1.0, max(right, 2.0))
        low = min(float(np.nanmin(line.y)) for line in self.lines)
        high = max(float(np.nanmax(line.y)) for line in self.lines)
        if self.unit:
            return across, (max(0.0, min(low - 0.03, 0.9)), max(1.0, high))
        room = (high - low) * 0.05 or 0.05
        return across, (max(0.0, low - room) if low >= 0 else low - room, high + room)

    @property
    def _names_x(self) -> bool:
        return self.height() >= ROOMY * self.fontMetrics().height()

    def _inside(self) -> QRectF:
        height = self.fontMetrics().height()
        left = self.fontMetrics().horizontalAdvance("0.00") + 8
        rows = 3 if self._names_x else 2
        width, tall = self.width() - left - 8, self.height() - rows * height - 8
        return QRectF(left, height + 4, max(width, 1), max(tall, 1))

    def _scale(self, inside: QRectF) -> tuple[float, float, float, float]:
        """Return factor and offset from values to pixels, along x and along y."""
        across = inside.width() / (self._x[1] - self._x[0])
        up = -inside.height() / (self._y[1] - self._y[0])
        return across, inside.left() - self._x[0] * across, up, inside.bottom() - self._y[0] * up

    # --- painting ------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Paint it all."""
        painter = QPainter(self)
        self.draw(painter)
        painter.end()

    def draw(self, painter: QPainter) -> None:
        """Paint it all, wherever that is."""
        painter.fillRect(self.rect(), QColor(self.colors.background))
        painter.setFont(self.font())
        painter.setPen(QColor(self.colors.text))
        inside = self._inside()
        head = QRectF(inside.left(), 1, inside.width(), self.fontMetrics().height())
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft, self.title)
        if not self.lines:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(12, 12, -12, -4), flags, self.empty)
            return
        scale = self._scale(inside)
        self._draw_grid(painter, inside, scale)
        painter.save()
        painter.setClipRect(inside.adjusted(-3, -3, 3, 3))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for line in self.lines:
            _draw_line(painter, line, scale)
        painter.restore()
        if self.at is not None:
            self._draw_hover(painter, inside, scale)

    def _draw_grid(
        self, painter: QPainter, inside: QRectF, scale: tuple[float, float, float, float]
    ) -> None:
        height = self.fontMetrics().height()
        text, grid = QColor(self.colors.text), QColor(self.colors.grid)
        whole = self.span is None
        for value in nice_ticks(*self._y, max(2, int(inside.height() // (2 * height)))):
            y = value * scale[2] + scale[3]
            painter.setPen(grid)
            painter.drawLine(QPointF(inside.left(), y), QPointF(inside.right(), y))
            painter.setPen(text)
            box = QRectF(0, y - height / 2, inside.left() - 4, height)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, f"{value:.3g}")
        for value in nice_ticks(*self._x, max(2, int(inside.width() // 45)), whole=whole):
            x = value * scale[0] + scale[1]
            painter.setPen(grid)
            painter.drawLine(QPointF(x, inside.top()), QPointF(x, inside.bottom()))
            painter.setPen(text)
            number = f"{value:g}"
            wide = self.fontMetrics().horizontalAdvance(number) + 2
            left = min(x - wide / 2, self.width() - wide)
            box = QRectF(left, inside.bottom() + 2, wide, height)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, number)
        if self._names_x:
            below = QRectF(inside.left(), inside.bottom() + 2 + height, inside.width(), height)
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.along)

    def _draw_hover(
        self, painter: QPainter, inside: QRectF, scale: tuple[float, float, float, float]
    ) -> None:
        assert self.at is not None
        found = self.values_at(self.at)
        if not found:
            return
        x = found[0][1] * scale[0] + scale[1]
        painter.setPen(QPen(QColor(self.colors.text), 0, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(x, inside.top()), QPointF(x, inside.bottom()))
        metrics = self.fontMetrics()
        named = self.width() >= NAMED
        rows = [
            (line.color, f"{value:.4g}  {line.name}{f', {line.run}' if named else ''}")
            for line, _, value in found
        ]
        rows = [(self.colors.text, f"{self.along} {found[0][1]:g}"), *rows]
        most = max(int(inside.width()), 60)
        shown = [metrics.elidedText(row, Qt.TextElideMode.ElideMiddle, most) for _, row in rows]
        width = max(metrics.horizontalAdvance(row) for row in shown) + 18
        tall = metrics.height() * len(rows) + 6
        left = x + 8 if x + 8 + width < self.width() else max(0.0, x - 8 - width)
        box = QRectF(left, min(inside.top(), max(0.0, self.height() - tall)), width, tall)
        painter.setPen(QColor(self.colors.grid))
        painter.setBrush(QColor(self.colors.background))
        painter.drawRect(box)
        for row, ((color, _), text) in enumerate(zip(rows, shown, strict=True)):
            top = box.top() + 3 + row * metrics.height()
            if row:
                painter.fillRect(QRectF(left + 4, top + 3, 6, metrics.height() - 6), QColor(color))
            painter.setPen(QColor(self.colors.text))
            place = QRectF(left + (14 if row else 4), top, width, metrics.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, text)

    # --- the pointer -----------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Show the values below the pointer."""
        if event is not None and self.lines:
            across, offset, *_ = self._scale(self._inside())
            at = (event.position().x() - offset) / across
            self.hovered.emit(float(round(at)) if self.span is None else at)

    def leaveEvent(self, event: object) -> None:
        """Show values no more."""
        super().leaveEvent(event)  # type: ignore[arg-type]
        self.hovered.emit(None)


def nice_ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """Return round numbers from `low` to `high`, about `most` of them."""
    rough = (high - low) / max(most, 1)
    if not np.isfinite(rough) or rough <= 0:
        return [low]
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    if whole:
        step = max(1.0, np.ceil(step))
    first = np.ceil(low / step - 1e-9)
    count = int(np.floor((high - first * step) / step + 1e-9)) + 1
    return [float(np.round((first + i) * step, 12)) for i in range(max(count, 0))]


def _draw_line(painter: QPainter, line: Line, scale: tuple[float, float, float, float]) -> None:
    # Qt paints lines of one pixel fifty times as fast as wider ones: two make a wider one.
    pen = QPen(QColor(line.color), 1)
    pen.setCosmetic(True)
    if line.dashed:
        pen.setStyle(Qt.PenStyle.DashLine)
    painter.setPen(pen)
    across, left, up, bottom = scale
    for shift in (0.0,) if line.dashed else (-0.3, 0.3):
        painter.save()
        painter.setTransform(
            QTransform(across, 0, 0, up, left + shift, bottom + shift), combine=True
        )
        painter.drawPolyline(line.points)
        painter.restore()
    if len(line.x) == 1:
        _draw_dot(painter, line, line.x[0] * across + left, line.y[0] * up + bottom, 2)
    at = np.flatnonzero(line.x == (0.0 if line.mark is None else line.mark))
    if at.size:
        place = int(at[0])
        _draw_dot(painter, line, line.x[place] * across + left, line.y[place] * up + bottom, 4)


def _draw_dot(painter: QPainter, line: Line, x: float, y: float, radius: float) -> None:
    painter.setBrush(QColor(line.color))
    painter.drawEllipse(QPointF(float(x), float(y)), radius, radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Keep first, lowest, highest and last of the points in each of many equal parts."""
    if len(x) <= 4 * PARTS:
        return x, y
    part = ((x - x[0]) / (x[-1] - x[0]) * PARTS).astype(np.int64)
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    ends = np.append(starts[1:], len(x)) - 1
    low, high = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    return np.repeat(x[starts], 4), np.column_stack((y[starts], low, high, y[ends])).ravel()
