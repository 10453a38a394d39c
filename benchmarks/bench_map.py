"""How fast the feature map pans and lassoes, beside what else could draw its points.

Run ``xvfb-run -a python benchmarks/bench_map.py`` (about a minute), or with ``--things 10000``
for so many points alone. The view is the real one, under a real (or virtual) display; a frame
holds everything from the move to the end of painting. The floor is a blank picture of the same
size; the peers are pyqtgraph's own scatter plot and vispy's markers, panned in the same way.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import pyqtgraph
from numpy.typing import NDArray
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QApplication
from skimage.measure import points_in_poly
from vispy import gloo, scene

from napari_piximi.learn.projections import pca
from napari_piximi.learn.suggestions import diverse_order, mixed_order
from napari_piximi.ui.map_points import inside
from napari_piximi.ui.map_view import MapView

WIDTH, HEIGHT, FRAMES = 900, 700, 60
COLORS = np.array([0xFFE6194B, 0xFF3CB44B, 0xFF4363D8, 0xFFF58231, 0xFF911EB4], np.uint32)

Points = NDArray[np.float32]


class Counted(MapView):
    """Counts how often it was drawn."""

    drawn = 0

    def draw(self, painter: QPainter) -> None:
        self.drawn += 1
        super().draw(painter)

    def after(self, move: Callable[[], object]) -> None:
        """Move, and wait until that is drawn."""
        before = self.drawn
        move()
        while self.drawn == before:
            QApplication.processEvents()


def report(label: str, value: float, unit: str, target: str = "") -> None:
    print(f"{label:<64}{value:10.1f} {unit:<9}{target}", flush=True)


def frames(app: QApplication, move: Callable[[], object], count: int = FRAMES) -> float:
    """Return frames per second, by the median frame."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        move()
        app.processEvents()
        times.append(time.perf_counter() - start)
    return 1 / statistics.median(times)


def milliseconds(work: Callable[[], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def blobs(count: int) -> tuple[Points, NDArray[np.intp]]:
    draws = np.random.default_rng(0)
    group = draws.integers(0, len(COLORS), count)
    centres = draws.normal(0, 3, (len(COLORS), 2))
    return (centres[group] + draws.normal(size=(count, 2))).astype(np.float32), group


def bench_view(app: QApplication, count: int) -> None:
    points, group = blobs(count)
    view = Counted()
    view.resize(WIDTH, HEIGHT)
    view.show()
    app.processEvents()
    floor = frames(app, lambda: view.after(view.viewport.update))
    view.set_points(points)
    view.set_colors(COLORS[group], np.ones(count, bool))
    view.fit()
    app.processEvents()
    report(f"floor: an empty map, {WIDTH} × {HEIGHT}", floor, "frames/s")
    report(
        f"pan {count:,} points",
        frames(app, lambda: view.after(lambda: view.pan(0.002, 0))),
        "frames/s",
        "≥ 30",
    )
    view.mark(np.arange(count) % 10 == 0)
    speed = frames(app, lambda: view.after(lambda: view.pan(-0.002, 0)))
    report(f"pan {count:,} points, a tenth selected", speed, "frames/s", "≥ 30")
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ring = 200 + 40 * np.sin(7 * angle)
    lasso = np.column_stack([450 + ring * np.cos(angle), 350 + ring * np.sin(angle)])
    spent = milliseconds(lambda: inside(view.pixels_of(points), lasso))
    report(f"lasso of 400 corners around {count:,} points", spent, "ms", "≤ 50")
    at = view.pixels_of(points)
    peer = milliseconds(lambda: points_in_poly(at, lasso), 1)
    report("  peer: skimage.measure.points_in_poly", peer, "ms")
    view.close()


def bench_peers(app: QApplication, count: int) -> None:
    points, group = blobs(count)
    plot = pyqtgraph.PlotWidget()
    plot.resize(WIDTH, HEIGHT)
    brushes = [pyqtgraph.mkBrush(f"#{color & 0xFFFFFF:06x}") for color in COLORS.tolist()]
    chosen = [brushes[code] for code in group]
    plot.addItem(
        pyqtgraph.ScatterPlotItem(points[:, 0], points[:, 1], size=5, pen=None, brush=chosen)
    )
    plot.show()
    app.processEvents()
    box = plot.getViewBox()
    report("  peer: pyqtgraph.ScatterPlotItem", frames(app, lambda: box.translateBy(0.01), 20),
           "frames/s")  # fmt: skip
    plot.close()
    canvas = scene.SceneCanvas(size=(WIDTH, HEIGHT), show=True)
    view = canvas.central_widget.add_view(camera="panzoom")
    markers = scene.visuals.Markers(parent=view.scene)
    faces = np.array([brush.color().getRgbF() for brush in chosen])
    markers.set_data(points, size=5, face_color=faces, edge_width=0)
    view.camera.rect = (-8, -8, 16, 16)
    app.processEvents()

    def pan() -> None:
        view.camera.pan((0.01, 0))
        app.processEvents()
        gloo.gl.glFinish()

    report("  peer: vispy Markers", frames(app, pan, 20), "frames/s")
    canvas.close()


def bench_learning(count: int) -> None:
    features = np.random.default_rng(0).normal(size=(count, 64)).astype(np.float32)
    report(f"PCA of {count:,} × 64 features", milliseconds(lambda: pca(features), 1), "ms")
    spent = milliseconds(lambda: diverse_order(features, 20), 1)
    report(f"diverse order of {count:,} × 64 features", spent, "ms")
    spent = milliseconds(lambda: mixed_order(features[:, 0], features, 20), 1)
    report(f"mixed order of {count:,} × 64 features", spent, "ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    counts = parser.parse_args().things
    app = QApplication([])
    for count in counts:
        bench_view(app, count)
        bench_peers(app, count)
    bench_learning(max(counts))


if __name__ == "__main__":
    main()
