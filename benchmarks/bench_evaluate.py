"""How fast an evaluation can be looked into: the real Evaluate page beside the real gallery.

Run ``xvfb-run -a python benchmarks/bench_evaluate.py`` (about a minute), or with
``--things 1000`` for a quick look. A click on a cell of the confusion matrix is timed to the end
of the repaint of the gallery; its floor, in the same run, is the gallery being given the same
things directly. ROC-AUC is timed beside scikit-learn's.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import numpy as np
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
from sklearn.metrics import roc_auc_score

from napari_piximi.cli.tables import write_table
from napari_piximi.learn.metrics import evaluation_of, roc_auc
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.query import renewed
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, Partition
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings
from napari_piximi.ui import preferences
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.evaluate_page import EvaluatePage
from napari_piximi.ui.gallery_panel import GalleryPanel
from napari_piximi.ui.workspace import Workspace, workspace_of

CLASSES = 10
TIMES = 15


def synthetic(count: int) -> Project:
    """Make labelled images of 24 × 24 that a classifier has been evaluated on."""
    draws = np.random.default_rng(0)
    project = new_project("benchmark")
    for i in range(CLASSES):
        project = edits.create_category(project, IMAGE_KIND, f"digit {i}")
    classes = project.known_categories(IMAGE_KIND)
    pixels = draws.integers(0, 255, (64, 1, 24, 24, 1), dtype=np.uint8)
    project = edits.add_images(
        project,
        [
            Image(f"t{i}", f"thing {i}", classes[i % CLASSES], ArrayPixels(pixels[i % 64]), 8, (),
                  Partition.VALIDATION)
            for i in range(count)
        ],
    )  # fmt: skip
    evaluations = tuple(evaluated(project, seed) for seed in range(3))
    runs = (Run(Settings(), {"loss": (1.0,)}),)
    model = ModelArtifact({"classes": [f"digit {i}" for i in range(CLASSES)]}, b"")
    return edits.put_classifier(
        project,
        Classifier("net", IMAGE_KIND, model=model, class_map=classes, runs=runs,
                   evaluations=evaluations),
    )  # fmt: skip


def evaluated(project: Project, seed: int) -> Evaluation:
    true = np.arange(len(project.things)) % CLASSES
    evaluation = evaluation_of(np.eye(CLASSES)[true], said(true, seed), tuple(project.things))
    return replace(evaluation, classes=project.known_categories(IMAGE_KIND), run=0)


def said(true: "np.ndarray[tuple[int], np.dtype[np.int64]]", seed: int) -> np.ndarray:  # type: ignore[type-arg]
    draws = np.random.default_rng(seed)
    rows = draws.random((len(true), CLASSES), dtype=np.float32) + np.eye(CLASSES)[true] / 2
    return np.asarray(rows / rows.sum(axis=1, keepdims=True), dtype=np.float32)


Times = list[float]


def timed(work: Callable[[int], object], before: Callable[[], object] = lambda: None) -> Times:
    """Return times in ms."""
    times = []
    for i in range(TIMES):
        before()
        start = time.perf_counter()
        work(i)
        times.append(1000 * (time.perf_counter() - start))
    return times


def report(label: str, times: Times, limit: float | None = None) -> None:
    value = statistics.median(times)
    verdict = "" if limit is None else f"{limit:8.0f}   {'ok' if value <= limit else 'OVER'}"
    print(f"{label:<62}{value:10.1f} ms (best {min(times):6.1f}){verdict}", flush=True)


def bench_clicks(workspace: Workspace, gallery: GalleryPanel, page: EvaluatePage) -> None:
    evaluation = workspace.project.classifiers[-1].evaluations[-1]
    view, model = gallery.view.viewport(), workspace.gallery
    assert view is not None

    def everything() -> None:
        model.set_query(renewed(model.query, IMAGE_KIND))
        view.repaint()

    def click(i: int) -> None:
        page.view.matrix.clicked.emit(page.view.matrix.items.index(i % CLASSES, i // 3 % CLASSES))
        view.repaint()

    def direct(i: int) -> None:
        only = frozenset(evaluation.chosen(i % CLASSES, i // 3 % CLASSES))
        start = time.perf_counter()
        model.set_query(replace(renewed(model.query, IMAGE_KIND), only=only))
        view.repaint()
        floors.append(1000 * (time.perf_counter() - start))

    floors: list[float] = []
    report("click on a cell, to the end of the gallery's repaint", timed(click, everything), 100)
    timed(direct, everything)
    report("  floor: set_query with the same ids, and the repaint", floors)
    errors = timed(lambda _: (page.view.errors.click(), view.repaint()), everything)
    report("click on 'All errors'", errors, 100)
    right = timed(lambda _: (page.view.right.click(), view.repaint()), everything)
    report("click on 'Right ones'", right, 100)
    lists = page.list

    def other(i: int) -> None:
        lists.setCurrentItem(lists.topLevelItem(i % 3))
        page.view.matrix.repaint()

    report("show another evaluation, to the end of the matrix's repaint", timed(other), 50)
    first = evaluation.classes[0]
    rename = timed(lambda i: workspace.edit("Rename", edits.edit_category, first, name=f"name {i}"))
    report("rename a category, with page and gallery", rename)


def bench_figures(count: int) -> None:
    true = np.arange(count) % CLASSES
    rows = said(true, 0)
    report(f"ROC-AUC of {CLASSES} classes", timed(lambda _: roc_auc(true, rows)), 300)
    theirs = timed(lambda _: [roc_auc_score(true == k, rows[:, k]) for k in range(CLASSES)])
    report("  scikit-learn's, class by class", theirs)
    targets, ids = np.eye(CLASSES)[true], tuple(f"t{i}" for i in range(count))
    report("all figures of an evaluation", timed(lambda _: evaluation_of(targets, rows, ids)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--things", type=int, default=100_000)
    count = parser.parse_args().things
    os.environ[preferences.STATE] = tempfile.mkdtemp(prefix="bench-evaluate-")
    app = QApplication.instance() or QApplication([])
    project = synthetic(count)
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{count:,} things, {CLASSES} classes; load {busy:.1f} on {os.cpu_count()} cores")
    bench_figures(count)
    table = said(np.arange(count) % CLASSES, 0)
    ids, classes = tuple(project.things), project.known_categories(IMAGE_KIND)
    start = time.perf_counter()
    write_table(StringIO(), project, ids, table, classes)
    report("table of predictions (CSV)", [1000 * (time.perf_counter() - start)])
    viewer = ViewerModel()
    workspace = workspace_of(viewer)
    workspace.open_project(project)
    workspace.learning.choice.choose("net")
    gallery, panel = GalleryPanel(viewer), ClassifierPanel(viewer)
    page = panel.page("Evaluate")
    assert isinstance(page, EvaluatePage)
    gallery.resize(1200, 800)
    gallery.show()
    page.resize(360, 900)
    app.processEvents()
    bench_clicks(workspace, gallery, page)
    workspace.close()
    for widget in (panel, gallery):
        widget.close()
        widget.deleteLater()
    app.processEvents()


if __name__ == "__main__":
    main()
