"""How long the window stands still when 100,000 things change at once.

Run ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/bench_stalls.py`` (three
minutes). A timer ticks in every turn of the event loop of a real window with all its docks; the
processor time of the window's thread between two ticks is what one turn takes, whatever other
programs do meanwhile. Beside it, the same by the wall clock.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bench_gallery import synthetic
from turning import live

from napari_piximi.learn.results import Predictions
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import ArrayPixels, Image, default_channels
from napari_piximi.segment.found import found_boxes
from napari_piximi.segment.results import Target
from napari_piximi.segment.running import Outcome, Request, Segmented
from napari_piximi.segment.segmenters.threshold import ThresholdSettings

if TYPE_CHECKING:
    from napari_piximi.ui.workspace import Workspace

ASKED = 50.0
STEP, SIZE = 13, 9
"""Pixels from object to object, and of each, on the one image that has all."""


class Turns:
    """The longest turns of the event loop, by the processor and by the clock."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)
        self.begin()

    def begin(self) -> None:
        self.turns: list[tuple[float, float]] = []
        self._last = time.thread_time(), time.perf_counter()

    def _tick(self) -> None:
        now = time.thread_time(), time.perf_counter()
        self.turns.append((1000 * (now[0] - self._last[0]), 1000 * (now[1] - self._last[1])))
        self._last = now


class Stage:
    """A napari window with all docks, and what happens there."""

    def __init__(self) -> None:
        import napari

        from napari_piximi.ui.docks import show_docks
        from napari_piximi.ui.workspace import workspace_of

        self.viewer = napari.Viewer()
        self.workspace: Workspace = workspace_of(self.viewer)
        show_docks(self.workspace)
        self.turns = Turns()
        self.live(4)

    def live(self, seconds: float, until: Callable[[], object] = lambda: False) -> None:
        """Let the event loop run, and a little longer when something has come about."""
        live(seconds, until, 20)

    def measure(self, label: str, act: Callable[[], object], seconds: float = 2) -> None:
        """Do something in a turn of its own; print the longest turn until all is quiet."""
        from qtpy.QtCore import QTimer

        self.live(0.3)
        self.turns.begin()
        QTimer.singleShot(0, act)
        self.live(0.1)
        self.live(60, lambda: not self.workspace.jobs.running)
        self.live(seconds)
        cpu = sorted((cpu for cpu, _ in self.turns.turns), reverse=True)
        wall = max(wall for _, wall in self.turns.turns)
        over = [f"{turn:.0f}" for turn in cpu if turn > ASKED]
        more = f"   OVER: {', '.join(over[:6])}" if over else ""
        print(f"{label:<58}{cpu[0]:8.0f}{wall:8.0f}{ASKED:8.0f}{more}", flush=True)

    def close(self) -> None:
        self.workspace.session.mark_saved()
        self.workspace.close()
        self.viewer.close()


# --- one image that has all objects --------------------------------------------------------------


def one_image(count: int) -> Project:
    """Make two images, large enough for so many objects."""
    side = STEP * (int(np.ceil(np.sqrt(count))) + 1)
    rng = np.random.default_rng(0)
    project = new_project("one image")
    kind = project.kinds["Image"]
    pictures = [
        Image(
            f"1image{i}", f"field {i}.tif", kind.unknown,
            ArrayPixels(rng.integers(0, 256, (1, side, side, 1), np.uint8)),
            channels=default_channels(1),
        )
        for i in range(2)
    ]  # fmt: skip
    return edits.add_images(project, pictures)


def found_objects(count: int) -> Outcome:
    """Return what a segmenter would have found on the first image."""
    request = Request("threshold", ThresholdSettings(), (0,))
    across = int(np.ceil(np.sqrt(count)))
    row, column = np.divmod(np.arange(count), across)
    corners = np.column_stack((row, column)) * STEP
    boxes = np.concatenate((corners, corners + SIZE), axis=1)
    return Outcome(request, (Segmented("1image0", 0, found_boxes(boxes)),))


def bench_one_image(stage: Stage, count: int) -> None:
    from napari_piximi.ui.segmenting import SegmentingUnderWay, segmenting_of

    workspace = stage.workspace
    project = one_image(count)
    stage.measure("open a project of two images", lambda: open_project(workspace, project))
    stage.measure("show an image of it", lambda: workspace.show("1image0"))
    outcome = found_objects(count)
    way = SegmentingUnderWay("Threshold", ("1image0",), outcome.request, Target("cell"))
    segmenting = segmenting_of(workspace)
    stage.measure(
        f"apply {count:,} found objects on one image",
        lambda: segmenting._done(way, outcome),
        4,
    )
    kind = workspace.project.find_kind("cell").id
    stage.measure("show their kind in the gallery", lambda: show_kind(workspace, kind))
    stage.measure("show the other image", lambda: workspace.show("1image1"))
    stage.measure(f"show the image with {count:,} objects", lambda: workspace.show("1image0"), 4)
    bench_label(stage, kind)
    stage.measure("undo it", workspace.undo)


def open_project(workspace: "Workspace", project: Project) -> None:
    """Open a project as one that has been read from a file."""
    from napari_piximi.ui import docks

    def read(progress: object) -> None:
        docks.warm_up()
        workspace.foresee_opening(project)

    workspace.run("Open", read, done=lambda _: workspace.open_project(project))


def show_kind(workspace: "Workspace", kind: str) -> None:
    gallery = workspace.gallery
    gallery.set_query(replace(gallery.query, kind=kind))


def bench_label(stage: Stage, kind: str) -> None:
    workspace = stage.workspace
    if not workspace.project.known_categories(kind):
        workspace.edit("Create", edits.create_category, kind, "round")
    stage.live(1)
    thing = next(workspace.project.of_kind(kind)).id
    workspace.gallery.select([thing])
    category = workspace.project.known_categories(kind)[-1]
    stage.measure("give one object a category", lambda: workspace.categorize([thing], category))


# --- 25 images -----------------------------------------------------------------------------------


def bench_many_images(stage: Stage, count: int) -> None:
    from napari_piximi.ui import predicting

    workspace = stage.workspace
    project = synthetic(count)
    stage.measure(f"open {count:,} objects on 25 images", lambda: open_project(workspace, project))
    kind = project.find_kind("cell").id
    stage.measure("show their kind in the gallery", lambda: show_kind(workspace, kind))
    stage.measure("show an image of it", lambda: workspace.show("1image0"))
    bench_pages(stage, kind)
    bench_label(stage, kind)
    known = project.known_categories(kind)
    ids = tuple(thing.id for thing in project.of_kind(kind))
    odds = np.random.default_rng(0).dirichlet(np.ones(len(known)), len(ids)).astype(np.float32)
    predictions = Predictions(ids, odds, known)
    stage.measure(
        f"apply {count:,} predictions",
        lambda: predicting._apply(workspace, "SimpleCNN 1", predictions),
        3,
    )
    stage.measure("undo them", workspace.undo, 3)
    stage.measure("redo them", workspace.redo, 3)
    bench_pages(stage, kind)


def bench_pages(stage: Stage, kind: str) -> None:
    """Look at each page after one object has got another category."""
    from napari_piximi.ui import classifier_panel, segmentation_panel
    from napari_piximi.ui.docks import show_dock

    workspace = stage.workspace
    panels: Sequence[tuple[str, Sequence[str]]] = (
        ("Classifier", list(classifier_panel.PAGES)),
        ("Segmentation", list(segmentation_panel.PAGES)),
    )
    things = [thing.id for thing in workspace.project.of_kind(kind)]
    for dock, pages in panels:
        panel: Any = show_dock(workspace, dock)
        panel.look()
        for number, name in enumerate(pages):
            stage.measure(f"{dock}: show {name}", partial(panel.page, name))
            stage.measure(
                f"{dock}: {name} after a label",
                partial(relabel, workspace, things[number]),
                1,
            )
    show_dock(workspace, "Project")


def relabel(workspace: "Workspace", thing: str) -> None:
    kind = workspace.project.things[thing].kind
    known = workspace.project.known_categories(kind)
    other = next(key for key in known if key != workspace.project.things[thing].category)
    workspace.categorize([thing], other)


def bench_preview(stage: Stage) -> None:
    """Show the first preview of the Segmentation dock."""
    from napari_piximi.ui.segment_preview import Preview

    preview = Preview(stage.workspace)
    request = Request("threshold", ThresholdSettings(), (0,))
    stage.measure("first preview of objects", lambda: preview.ask(request), 3)
    stage.measure("preview again", lambda: preview.ask(request), 2)
    preview.hide()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, default=100_000)
    count = parser.parse_args().things
    with tempfile.TemporaryDirectory() as name:
        os.environ["NAPARI_PIXIMI_STATE"] = str(Path(name) / "state")
        stage = Stage()
        print(f"load of the machine {os.getloadavg()[0]:.1f}; milliseconds of the longest turn\n")
        print(f"{'':<58}{'cpu':>8}{'clock':>8}{'asked':>8}")
        bench_one_image(stage, count)
        bench_preview(stage)
        print()
        bench_many_images(stage, count)
        stage.close()


if __name__ == "__main__":
    main()
