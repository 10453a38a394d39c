"""How fast the gallery is: the real panel, driven under a real (or virtual) display.

Run ``xvfb-run -a python benchmarks/bench_gallery.py`` (about two minutes), or with
``--things 1000`` for a quick look. A bundle is written once to a temporary folder, saved and
opened as a user would; frames are timed around Qt's ``repaint``, so that they hold everything
from the first line of painting to the last.
"""

import argparse
import gc
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from napari.components import ViewerModel
from qtpy.QtCore import QAbstractListModel, QItemSelectionModel, QModelIndex, QRect, QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.gallery import SortKey
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import (
    Annotation,
    ArrayPixels,
    Image,
    Partition,
    Prediction,
    default_channels,
)
from napari_piximi.ui import preferences
from napari_piximi.ui.gallery_delegate import CellDelegate
from napari_piximi.ui.gallery_panel import GalleryPanel
from napari_piximi.ui.gallery_view import GalleryView
from napari_piximi.ui.workspace import workspace_of

SIDE = 48
WIDTH, HEIGHT = 1500, 900
FRAMES = 120


def resident() -> float:
    """Return the memory of this process, in MB, where the system tells."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def report(label: str, value: float, limit: float | None = None, unit: str = "ms") -> None:
    wanted = f"{limit:10.0f}" if limit is not None else f"{'':>10}"
    verdict = "" if limit is None else ("   ok" if value <= limit else "   OVER")
    print(f"{label:<76}{value:10.1f} {unit}{wanted}{verdict}", flush=True)


def synthetic(annotations: int, images: int = 25, side: int = 880) -> Project:
    """Make cells of 48 × 48 × 3 on noisy images, partly labelled, partly predicted."""
    rng = np.random.default_rng(0)
    project = edits.create_kind(new_project("benchmark"), "cell")
    image_kind, cell = project.kinds.values()
    for name in ("round", "long", "dividing", "dead"):
        project = edits.create_category(project, cell.id, name, category_id=f"1{name}")
    known = ("1round", "1long", "1dividing", "1dead")
    pictures = [
        Image(
            f"1image{i}", f"image {i}.tif", image_kind.unknown,
            ArrayPixels(rng.integers(0, 256, (1, side, side, 3), np.uint8)),
            channels=default_channels(3),
        )
        for i in range(images)
    ]  # fmt: skip
    y, x = np.ogrid[:SIDE, :SIDE]
    runs = masks.encode((y - 23.5) ** 2 + (x - 23.5) ** 2 < 23**2)
    corners = rng.integers(0, side - SIDE, (annotations, 2)).tolist()
    objects = [
        Annotation(
            f"1object{i}", f"cell {i} of image {i % images}", cell.id,
            known[i % 4] if i % 3 == 0 else cell.unknown, f"1image{i % images}",
            (top, left, top + SIDE, left + SIDE), runs,
            partition=Partition.UNASSIGNED if i % 3 == 0 else Partition.INFERENCE,
        )
        for i, (top, left) in enumerate(corners)
    ]  # fmt: skip
    return edits.add_annotations(edits.add_images(project, pictures), objects)


def save(path: Path, count: int) -> None:
    write_bundle(synthetic(count), path)


def with_predictions(project: Project) -> Project:
    """Let a classifier have been asked about half of what is not labelled."""
    known = ("1round", "1long", "1dividing", "1dead")
    said = {
        thing.id: Prediction(known[i % 4], 0.25 + 0.75 * (i * 7919 % 1000) / 1000)
        for i, thing in enumerate(project.annotations())
        if i % 3 == 1
    }
    return edits.set_predictions(project, said)


# --- the floor: Qt's own list, which draws a rectangle for each row ---------------------------


class BareModel(QAbstractListModel):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return self.count

    def data(self, index: QModelIndex, role: int = 0) -> None:
        return None


class BareDelegate(QStyledItemDelegate):
    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        if painter is not None:
            painter.fillRect(option.rect.adjusted(4, 4, -4, -4), Qt.GlobalColor.gray)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(110, 140)


class BareView(QListView):
    def paintEvent(self, event: QPaintEvent | None) -> None:
        super().paintEvent(event)


def bare_view(count: int) -> tuple[QListView, list[object]]:
    view, model, delegate = BareView(), BareModel(count), BareDelegate()
    view.setViewMode(QListView.ViewMode.IconMode)
    view.setMovement(QListView.Movement.Static)
    view.setResizeMode(QListView.ResizeMode.Adjust)
    view.setLayoutMode(QListView.LayoutMode.Batched)
    view.setBatchSize(2000)
    view.setUniformItemSizes(True)
    view.setGridSize(QSize(110, 140))
    view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
    view.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
    view.setItemDelegate(delegate)
    view.setModel(model)
    view.resize(WIDTH, HEIGHT)
    return view, [model, delegate]


# --- driving the views --------------------------------------------------------------------------


def settle(seconds: float = 0.3) -> None:
    """Let the event loop run."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.002)


def timed(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def percentiles(label: str, times: Sequence[float], limit: float | None) -> None:
    p50, p95, worst = (float(np.percentile(times, p)) for p in (50, 95, 100))
    report(f"{label}, p95 (median {p50:.1f}, worst {worst:.1f})", p95, limit)


def scroll(view: QAbstractItemView, step: int, pause: float) -> tuple[list[float], list[float]]:
    """Scroll down and return how long each frame took, and its share of the processor, in ms.

    The second leaves out what other programs and the thumbnails take meanwhile.
    """
    bar, times, shares = view.verticalScrollBar(), list[float](), list[float]()
    assert bar is not None
    for _ in range(FRAMES):
        if bar.value() == bar.maximum():
            if isinstance(view, GalleryView):
                view.thumbnails.clear()
            bar.setValue(0)
        start, share = time.perf_counter(), time.thread_time()
        bar.setValue(min(bar.value() + step, bar.maximum()))
        view.viewport().repaint()  # type: ignore[union-attr]
        times.append((time.perf_counter() - start) * 1000)
        shares.append((time.thread_time() - share) * 1000)
        settle(pause)
    return times, shares


class Watched:
    """Time every paint event of the panel's view, and count the cells painted cold."""

    def __init__(self, panel: GalleryPanel) -> None:
        self.times: list[float] = []
        self.cold = self.cells = 0
        view = panel.view
        paint_event, paint = type(view).paintEvent, type(view.cells).paint_cell

        def timed_event(own: GalleryView, event: QPaintEvent | None) -> None:
            start = time.perf_counter()
            paint_event(own, event)
            self.times.append((time.perf_counter() - start) * 1000)

        def counted(
            own: CellDelegate,
            painter: QPainter,
            rect: QRect,
            row: int,
            selected: bool,
            focused: bool,
        ) -> None:
            self.cells += 1
            self.cold += view.thumbnails.get(view.items.thing(row)) is None
            paint(own, painter, rect, row, selected, focused)

        type(view).paintEvent = timed_event  # type: ignore[method-assign,assignment]
        type(view.cells).paint_cell = counted  # type: ignore[method-assign]
        self._undo = lambda: (
            setattr(type(view), "paintEvent", paint_event),
            setattr(type(view.cells), "paint_cell", paint),
        )

    def stop(self) -> None:
        self._undo()


def bench(path: Path, count: int) -> None:
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{count:,} annotations of a bundle{'':<42}{'':>10}     limit")
    view, kept = bare_view(count)
    report("floor: bare QListView, first screen", timed(lambda: (view.show(), view.repaint())))
    settle(1)
    times, shares = scroll(view, 900, 0)
    percentiles("floor: bare QListView, frame while scrolling", times, None)
    percentiles("  of it, the processor of this thread", shares, None)
    report("floor: bare QListView, select all", timed(lambda: (view.selectAll(), view.repaint())))
    view.close()
    view.deleteLater()
    settle(0.1)
    kept.clear()
    viewer = ViewerModel()
    workspace = workspace_of(viewer)
    panel = GalleryPanel(viewer)
    panel.resize(WIDTH, HEIGHT)
    panel.show()
    settle()
    before = resident()
    start = time.perf_counter()
    project = with_predictions(read_bundle(path))
    report("read_bundle and predictions", (time.perf_counter() - start) * 1000)
    bench_panel(panel, project, path)
    settle()
    report("resident memory, all in all", resident(), 1000, "MB")
    report("resident memory, before the project", before, None, "MB")
    workspace.close()
    panel.close()
    panel.view.thumbnails.stop()
    panel.deleteLater()
    settle(0.1)


def bench_panel(panel: GalleryPanel, project: Project, path: Path) -> None:
    workspace, view = panel.workspace, panel.view
    gallery, viewport = workspace.gallery, view.canvas
    cell = next(kind.id for kind in project.kinds.values() if kind.name == "cell")

    def ask(**changes: object) -> Callable[[], object]:
        return lambda: (
            gallery.set_query(replace(gallery.query, **changes)),  # type: ignore[arg-type]
            QApplication.processEvents(),
            viewport.repaint(),
        )

    def opened() -> None:
        workspace.open_project(project, path)
        ask(kind=cell)()

    def waits() -> bool:
        things = map(view.items.thing, view.rows_in_sight())
        fresh = view.thumbnails.is_fresh
        return not all(fresh(gallery.project, thing, view.cells.side) for thing in things)

    gc.collect()
    start = time.perf_counter()
    opened()
    grid = time.perf_counter()
    while waits():
        settle(0.001)
    viewport.repaint()
    whole = time.perf_counter()
    report("open: first screen, names and frames, no thumbnail yet", (grid - start) * 1000, 500)
    cells = len(view.rows_in_sight())
    report(f"open: first screen with all {cells} thumbnails painted", (whole - start) * 1000, 500)
    settle(1)
    bench_scrolling(panel)
    ask(sort=SortKey.ADDED)()
    for label, changes in (
        ("sort by name", {"sort": SortKey.NAME}),
        ("sort by file name", {"sort": SortKey.FILE}),
        ("sort by uncertainty", {"sort": SortKey.UNCERTAINTY}),
        ("sort by area", {"sort": SortKey.AREA}),
        ("sort at random", {"sort": SortKey.RANDOM}),
        ("sort by order of adding", {"sort": SortKey.ADDED}),
        ("filter by text", {"text": "7"}),
        ("filter by category too", {"categories": frozenset(["1round", "1long"])}),
        ("no filter", {"text": "", "categories": frozenset()}),
        ("filter by probability", {"probability": (0.4, 0.9)}),
        ("no filter again", {"probability": (0.0, 1.0)}),
    ):
        report(f"{label}, to the painted screen", timed(ask(**changes)), 150)
        settle(0.5)
    bench_edits(panel)


def bench_scrolling(panel: GalleryPanel) -> None:
    view = panel.view
    for label, step, pause in (
        ("scroll by wheel steps, cold", 120, 0.0),
        ("scroll by pages, cold", HEIGHT, 0.0),
        ("scroll by pages, 60 ms to look at each, cold", HEIGHT, 0.06),
    ):
        watched = Watched(panel)
        times, shares = scroll(view, step, pause)
        watched.stop()
        percentiles(f"{label}: whole frame", times, 12)
        percentiles("  of it, the processor of this thread", shares, 12)
        percentiles("  paintEvent alone", watched.times, 12)
        report(f"  cells painted without a thumbnail, of {watched.cells:,}", watched.cold, None, "")
        settle(0.5)


def bench_edits(panel: GalleryPanel) -> None:
    workspace, view = panel.workspace, panel.view
    gallery, viewport = workspace.gallery, view.canvas
    project, known = workspace.project, "1round"
    report(
        "floor: edits.categorize of all, nothing else",
        timed(lambda: edits.categorize(project, list(gallery.ids), known)),
    )
    report("select all", timed(lambda: (view.selectAll(), viewport.repaint())), 400)
    report(
        "categorise all",
        timed(lambda: (panel.categorize_by_number(1), viewport.repaint())), 500,
    )  # fmt: skip
    report("undo of it", timed(lambda: (workspace.undo(), viewport.repaint())), 500)
    report("select none", timed(lambda: (view.clearSelection(), viewport.repaint())), 400)
    one = gallery.ids[len(gallery.ids) // 2]
    gallery.select([one], one)
    settle(0.3)
    report("categorise one", timed(lambda: (panel.categorize_by_number(2), viewport.repaint())))
    half = gallery.ids[::2]
    report("select every second thing", timed(lambda: (gallery.select(half), viewport.repaint())))
    report("  paint them once more", timed(viewport.repaint), 12)
    index = view.items.index(3)
    click = QItemSelectionModel.SelectionFlag.ClearAndSelect
    report("  then click on one", timed(lambda: view.selectionModel().select(index, click)))  # type: ignore[union-attr]


def run(path: Path, count: int) -> None:
    app = QApplication.instance() or QApplication(sys.argv)
    bench(path, count)
    app.processEvents()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, nargs="*", default=[1000, 10_000, 100_000])
    choices = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        os.environ.setdefault(preferences.STATE, name)
        for count in choices.things:
            path = Path(name) / f"{count}.zip"
            for work in (save, run):  # each in a process of its own, so that memory is its own
                process = spawn.Process(target=work, args=(path, count))
                process.start()
                process.join()
            path.unlink()


if __name__ == "__main__":
    main()
