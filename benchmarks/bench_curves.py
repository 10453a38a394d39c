"""How fast training curves repaint: six runs of 400 epochs, beside bare QPainter and pyqtgraph.

Run ``xvfb-run -a python benchmarks/bench_curves.py``. A frame is what a live epoch costs: new
lines, and one repaint of both charts (accuracy and loss; training and validation).
The floor draws the same points with one QPainter and nothing else. All paint into pixmaps; the
limit holds for processor time, since the wall's depends on who else uses the computer.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QApplication, QWidget

from napari_piximi.ui.curve_data import COLORS, Curves
from napari_piximi.ui.curves import CurvesView

RUNS, EPOCHS, FRAMES, LIMIT = 6, 400, 60, 10.0
WIDTH, HEIGHT = 700, 320


def made_up(number: int, epochs: int) -> Curves:
    rng = np.random.default_rng(number)
    x = np.arange(1.0, epochs + 1)
    loss = np.exp(-x / 60) + 0.05 + 0.02 * rng.random(epochs)
    figures = {
        "loss": (x, loss),
        "val_loss": (x, loss * 1.2 + 0.05 * rng.random(epochs)),
        "accuracy": (x, 1 - loss / 2),
        "val_accuracy": (x, 1 - loss / 1.8 + 0.02 * rng.random(epochs)),
    }
    return Curves(("k", "c", number), f"SimpleCNN {number}", figures, epochs // 2, True, epochs)


def timed(label: str, frame: Callable[[int], object], limit: float | None = None) -> None:
    frame(0)
    took, worked = [], []
    for number in range(FRAMES):
        began, busy = time.perf_counter(), time.process_time()
        frame(number)
        took.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - busy))
    verdict = "" if limit is None else ("ok" if np.percentile(worked, 95) <= limit else "OVER")
    print(
        f"{label:<44} median {np.median(took):6.2f} ms  p95 {np.percentile(took, 95):6.2f} ms  "
        f"worst {max(took):6.2f} ms; processor p95 {np.percentile(worked, 95):6.2f} ms  {verdict}",
        flush=True,
    )


def ours() -> None:
    view = CurvesView()
    view.resize(WIDTH, HEIGHT)
    view.show()
    QApplication.processEvents()
    done = [made_up(number, EPOCHS) for number in range(RUNS - 1)]
    view.show_curves([made_up(9, EPOCHS - FRAMES), *done])
    for row in range(RUNS):
        item = view.runs.tree.topLevelItem(row)
        assert item is not None
        item.setCheckState(0, Qt.CheckState.Checked)
    assert len(view.drawn) == RUNS

    def frame(number: int) -> None:
        view.show_curves([made_up(9, EPOCHS - FRAMES + number), *done])
        for chart in view.charts:
            chart.grab()

    timed(f"ours, {RUNS} runs × {EPOCHS} epochs", frame, LIMIT)


def floor() -> None:
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    curves = [made_up(number, EPOCHS) for number in range(RUNS)]

    def frame(_: int) -> None:
        painter = QPainter(image)
        painter.fillRect(image.rect(), QColor("#262930"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for place, run in enumerate(curves):
            painter.setPen(QPen(QColor(COLORS[place]), 1))
            for x, y in run.figures.values():
                points = zip((x * WIDTH / EPOCHS).tolist(), (y * HEIGHT).tolist(), strict=True)
                painter.drawPolyline(QPolygonF([QPointF(*point) for point in points]))
        painter.end()

    timed("floor: bare QPainter, no axes", frame)


def peer() -> None:
    began = time.perf_counter()
    import pyqtgraph

    print(f"{'import pyqtgraph':<44} {1000 * (time.perf_counter() - began):13.0f} ms, once")
    home = QWidget()
    pyqtgraph.setConfigOptions(antialias=True)
    plots = pyqtgraph.GraphicsLayoutWidget(home)
    plots.resize(WIDTH, HEIGHT)
    items = [plots.addPlot(), plots.addPlot()]
    lines = []
    for place in range(RUNS):
        for name in made_up(0, 2).figures:
            item = items[name.endswith("loss")]
            lines.append((item.plot(pen=pyqtgraph.mkPen(COLORS[place], width=1)), place, name))
    home.resize(WIDTH, HEIGHT)
    home.show()
    QApplication.processEvents()
    curves = [made_up(number, EPOCHS) for number in range(RUNS)]

    def frame(number: int) -> None:
        live = made_up(9, EPOCHS - FRAMES + number)
        for line, place, name in lines:
            if place == 0 or number == 0:
                line.setData(*(live if place == 0 else curves[place]).figures[name])
        plots.grab()

    timed("peer: pyqtgraph, antialiased", frame)


if __name__ == "__main__":
    app = QApplication(sys.argv)
    floor()
    ours()
    peer()
