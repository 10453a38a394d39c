"""Points that can be panned, zoomed, lassoed, pointed at: the view of a feature map."""

from enum import Enum
from typing import Any

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QVBoxLayout, QWidget

from napari_piximi.ui.map_points import inside, nearest, paint_points

__all__ = ["Change", "MapView", "Tool"]

REACH = 8.0
"""Pixels from a point within which it counts as pointed at."""
STILL = 4.0
"""Pixels that the mouse may move during a click."""
FEW, SOME = 1_500, 25_000
"""Points up to which they are drawn large, and fairly large."""
ZOOM = 1.25
SHIFT, ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


class Tool(Enum):
    """What dragging with the left button does."""

    LASSO = "Lasso"
    RECTANGLE = "Rectangle"
    PAN = "Pan"


class Change(Enum):
    """What becomes of the selection."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


class _Points(QGraphicsItem):
    """Draws what a view holds, over all of it."""

    def __init__(self, view: "MapView") -> None:
        super().__init__()
        self._view = view

    def boundingRect(self) -> QRectF:
        """Return all that is in sight; a little more, so that nothing is cut at the edge."""
        (left, right), (low, high) = self._view.box.viewRange()
        width, height = right - left, high - low
        return QRectF(left - width, low - height, 3 * width, 3 * height)

    def paint(
        self,
        painter: QPainter | None,
        option: QStyleOptionGraphicsItem | None,
        widget: QWidget | None = None,
    ) -> None:
        """Draw in pixels of the screen."""
        if painter is not None:
            painter.save()
            painter.resetTransform()
            self._view.draw(painter)
            painter.restore()


class MapView(QWidget):
    """A map of points.

    The left button lassoes, draws a rectangle, or pans, as :attr:`tool` says; the middle one
    pans, the wheel zooms, the right one stretches. Keys: arrows pan, ``+`` and ``−`` zoom,
    ``F`` fits.

    Parameters
    ----------
    parent : QWidget, optional
    """

    chosen = Signal(object, object)
    """Rows (integer array) that were lassoed or clicked at, and the :class:`Change`."""
    pointed = Signal(int)
    """The row under the mouse, −1 for none."""
    opened = Signal(int)
    """A row was double-clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tool = Tool.LASSO
        self._points = np.zeros((0, 2), np.float32)
        self._colors = np.zeros(0, np.uint32)
        self._shown = np.zeros(0, bool)
        self._marked = np.zeros(0, bool)
        self._order = np.zeros(0, np.intp)
        self._below, self._under = np.zeros(0, bool), 0
        self._in_order = self._points, self._colors, self._marked
        self._path: list[QPointF] = []
        self._pointed = -1
        self._background, self._ink = QColor("#262930"), QColor("#ffffff")
        self.graphics: Any = pyqtgraph.GraphicsView(self, background=None)
        self.box: Any = pyqtgraph.ViewBox(lockAspect=True, enableMenu=False, defaultPadding=0.0)
        self.graphics.setCentralItem(self.box)
        self.box.disableAutoRange()
        self._item = _Points(self)
        self.box.addItem(self._item, ignoreBounds=True)
        self.box.sigTransformChanged.connect(self._moved)
        self.viewport: QWidget = self.graphics.viewport()
        self.viewport.setMouseTracking(True)
        self.viewport.installEventFilter(self)
        self.graphics.installEventFilter(self)
        self.graphics.setAccessibleName("Map of features")
        self.setFocusProxy(self.graphics)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.graphics)
        self.setMinimumSize(120, 100)

    # --- what is shown -------------------------------------------------------------------------

    def set_points(self, points: NDArray[np.float32]) -> None:
        """Show other points, all of them in sight; colours are to be set next.

        Parameters
        ----------
        points : (N, 2) float32 array
        """
        self._points = points
        self._order = np.random.default_rng(0).permutation(len(points))
        self._colors = np.zeros(len(points), np.uint32)
        self._shown = np.ones(len(points), bool)
        self._marked = self._below = np.zeros(len(points), bool)
        self._arrange()
        self.fit()

    def set_colors(
        self,
        colors: NDArray[np.uint32],
        shown: NDArray[np.bool_],
        below: NDArray[np.bool_] | None = None,
    ) -> None:
        """Colour the points, ``0xAARRGGBB`` each, and say which of them are shown.

        Those `below` are painted first: where most things have no label, the few that have one
        would be lost among them.
        """
        self._colors, self._shown = colors, shown
        self._below = np.zeros(len(colors), bool) if below is None else below
        self._arrange()

    def mark(self, marked: NDArray[np.bool_]) -> None:
        """Say which points stand out as selected."""
        self._marked = marked
        self._arrange()

    def _arrange(self) -> None:
        """Put what is shown into the order in which it is painted: once, not in each frame."""
        rows = self._order[self._shown[self._order]]
        if self._below.any():
            first = self._below[rows]
            rows = np.concatenate([rows[first], rows[~first]])
        self._under = int(self._below[rows].sum())
        self._in_order = self._points[rows], self._colors[rows], self._marked[rows]
        self._item.update()

    def set_theme(self, background: QColor, ink: QColor) -> None:
        """Take the colours of the theme."""
        self._background, self._ink = background, ink
        self._item.update()

    @property
    def marked(self) -> NDArray[np.bool_]:
        """Which points stand out."""
        return self._marked

    @property
    def visible_points(self) -> NDArray[np.bool_]:
        """Which points are shown."""
        return self._shown

    # --- where it is ---------------------------------------------------------------------------

    def fit(self) -> None:
        """Show all points that are shown."""
        points = self._points[self._shown] if self._shown.any() else self._points
        if not len(points):
            return
        low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
        size = np.maximum(high - low, 1e-6 + 1e-6 * np.abs(high).max())
        low, size = low - 0.05 * size, 1.1 * size
        self.box.setRange(QRectF(*low.tolist(), *size.tolist()), padding=0)

    def zoom(self, factor: float) -> None:
        """Zoom in (above 1) or out, about the middle."""
        self.box.scaleBy((1 / factor, 1 / factor))

    def pan(self, right: float, up: float) -> None:
        """Move by a share of what is in sight."""
        (left, end), (low, high) = self.box.viewRange()
        self.box.translateBy((right * (end - left), up * (high - low)))

    def pixels_of(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return where points are on the screen, (N, 2) in pixels of this view."""
        (left, right), (low, high) = self.box.viewRange()
        area = self.box.sceneBoundingRect()
        across, down = area.width() / (right - left), area.height() / (high - low)
        scale = np.array([across, -down], np.float32)
        shift = np.array([area.left() - left * across, area.bottom() + low * down], np.float32)
        return np.asarray(points * scale + shift)

    def _moved(self, *_: object) -> None:
        self._item.prepareGeometryChange()
        self._item.update()

    # --- drawing -------------------------------------------------------------------------------

    def draw(self, painter: QPainter) -> None:
        """Draw the points and the lasso."""
        painter.fillRect(self.viewport.rect(), self._background)
        if len(self._points):
            painter.drawImage(QPointF(0, 0), self._picture())
        if len(self._path) > 1:
            self._draw_path(painter)

    def _picture(self) -> QImage:
        ratio = self.viewport.devicePixelRatioF()
        width = max(1, round(self.viewport.width() * ratio))
        height = max(1, round(self.viewport.height() * ratio))
        canvas = np.full((height, width), self._background.rgb(), np.uint32)
        points, colors, marked = self._in_order
        # far away, pixels would not fit their numbers
        at = np.clip(self.pixels_of(points) * ratio, -(2**20), 2**20).astype(np.int32)
        radius = round(_radius(len(points)) * ratio)
        for part in (slice(0, self._under), slice(self._under, None)):
            paint_points(canvas, at[part], colors[part], radius)
        if marked.any():
            at, colors = at[marked], colors[marked]
            ink = np.full(len(at), self._ink.rgb(), np.uint32)
            paint_points(canvas, at, ink, radius + max(1, round(ratio)))
            paint_points(canvas, at, colors, max(radius - 1, 1))
        form = QImage.Format.Format_RGB32
        data: Any = canvas.data
        picture = QImage(data, width, height, 4 * width, form).copy()  # the array will go
        picture.setDevicePixelRatio(ratio)
        return QImage(picture)

    def _draw_path(self, painter: QPainter) -> None:
        fill = QColor(self._ink)
        fill.setAlpha(30)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._ink, 1.2, Qt.PenStyle.DashLine))
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF(self._outline()))

    def _outline(self) -> list[QPointF]:
        if self.tool is not Tool.RECTANGLE:
            return self._path
        area = QRectF(self._path[0], self._path[-1])
        return [area.topLeft(), area.topRight(), area.bottomRight(), area.bottomLeft()]

    # --- mouse and keys ------------------------------------------------------------------------

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Lasso and point; what is left goes to pyqtgraph, which pans and zooms."""
        if isinstance(event, QKeyEvent) and watched is self.graphics:
            return event.type() == QEvent.Type.KeyPress and self._key(event)
        if watched is not self.viewport or event is None:
            return False
        if event.type() == QEvent.Type.Leave:
            self._point(-1)
        if not isinstance(event, QMouseEvent):
            return False
        match event.type():
            case QEvent.Type.MouseButtonPress:
                return self._press(event)
            case QEvent.Type.MouseMove:
                return self._move(event)
            case QEvent.Type.MouseButtonRelease:
                return self._release(event)
            case QEvent.Type.MouseButtonDblClick if _is_left(event):
                row = self._row_at(event.position())
                if row is not None:
                    self.opened.emit(row)
                return True
        return False

    def _press(self, event: QMouseEvent) -> bool:
        if not _is_left(event):
            return False
        self.graphics.setFocus()
        self._path = [event.position()]
        return self.tool is not Tool.PAN

    def _move(self, event: QMouseEvent) -> bool:
        if not event.buttons():
            row = self._row_at(event.position())
            self._point(-1 if row is None else row)
            return False
        if not self._path or self.tool is Tool.PAN:
            return False
        self._path.append(event.position())
        self._item.update()
        return True

    def _release(self, event: QMouseEvent) -> bool:
        if not _is_left(event) or not self._path:
            return False
        path, outline = self._path, self._outline()
        self._path = []
        self._item.update()
        change = _change(event)
        far = max((at - path[0]).manhattanLength() for at in [*path, event.position()])
        if far < STILL:
            self._click(event.position(), change)
        elif self.tool is not Tool.PAN:
            corners = np.array([(at.x(), at.y()) for at in outline], np.float64)
            within = inside(self.pixels_of(self._points), corners) & self._shown
            self.chosen.emit(np.flatnonzero(within), change)
        return self.tool is not Tool.PAN

    def _click(self, at: QPointF, change: Change) -> None:
        row = self._row_at(at)
        if row is not None or change is Change.REPLACE:
            self.chosen.emit(np.array([] if row is None else [row], np.intp), change)

    def _row_at(self, at: QPointF) -> int | None:
        return nearest(self.pixels_of(self._points), self._shown, np.array([at.x(), at.y()]), REACH)

    def _point(self, row: int) -> None:
        if row != self._pointed:
            self._pointed = row
            self.pointed.emit(row)

    def _key(self, event: QKeyEvent) -> bool:
        steps = {
            Qt.Key.Key_Left: (-0.1, 0), Qt.Key.Key_Right: (0.1, 0),
            Qt.Key.Key_Up: (0, 0.1), Qt.Key.Key_Down: (0, -0.1),
        }  # fmt: skip
        if event.modifiers() & (CONTROL | ALT):
            return False
        key = Qt.Key(event.key())
        if key in steps:
            self.pan(*steps[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom(1 / ZOOM if key == Qt.Key.Key_Minus else ZOOM)
        elif key in (Qt.Key.Key_F, Qt.Key.Key_Home):
            self.fit()
        elif key == Qt.Key.Key_Escape and self._path:
            self._path = []
            self._item.update()
        else:
            return False
        return True


def _is_left(event: QMouseEvent) -> bool:
    return event.button() == Qt.MouseButton.LeftButton


def _change(event: QMouseEvent) -> Change:
    """Shift adds; Alt removes, and so does Control, as some desktops move windows with Alt."""
    if event.modifiers() & SHIFT:
        return Change.ADD
    return Change.REMOVE if event.modifiers() & (ALT | CONTROL) else Change.REPLACE


def _radius(count: int) -> int:
    return 4 if count <= FEW else 3 if count <= SOME else 2
