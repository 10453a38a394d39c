"""Docks that a user has dragged to 300 pixels: nothing is cut off, or out of reach."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from napari.qt import get_stylesheet
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QLabel,
    QScrollArea,
    QWidget,
)
from superqt import QElidingLabel
from tests.segment.nuclei import KIND, nuclei_project

from napari_piximi.io.tfjs import EXTRA_KEY
from napari_piximi.learn.label_errors import Suspicion, Suspicions
from napari_piximi.learn.metrics import evaluation_of
from napari_piximi.model import edits, masks
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.query import Query
from napari_piximi.model.segmentation import (
    THRESHOLDS,
    ScoredImage,
    SegmentationNetwork,
    SegmentationScore,
    UNetSettings,
)
from napari_piximi.model.things import Annotation, Partition, Prediction
from napari_piximi.model.training import FOREST, LAYERS_FORMAT, Classifier, ModelArtifact, Run
from napari_piximi.ui.categories_panel import CategoriesPanel
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.evaluate_page import EvaluatePage
from napari_piximi.ui.evaluating import CROSS_VALIDATION, PARTITIONS
from napari_piximi.ui.fit_page import FitPage
from napari_piximi.ui.gallery_panel import GalleryPanel
from napari_piximi.ui.map_panel import MapPanel
from napari_piximi.ui.network_page import NetworkPage
from napari_piximi.ui.project_panel import ProjectPanel
from napari_piximi.ui.score_page import ScorePage
from napari_piximi.ui.segment_page import SegmentPage
from napari_piximi.ui.segmentation_panel import SegmentationPanel
from napari_piximi.ui.start_button import StartButton
from napari_piximi.ui.suggest_page import SUSPICIOUS, SuggestPage
from napari_piximi.ui.workspace import Workspace

NARROW = 300
QT_OWN, QT_VIEWS = "qt_spinbox_button", QAbstractScrollArea
LONG = "Nuclei, by shape and size"
CLASSES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
THINGS, LABELLED = 1_500, 200


def full_project() -> Project:
    """Make a project with two images, objects, predictions, classifiers and a network."""
    project = nuclei_project([1, 2], 96, 5)
    for name in CLASSES:
        project = edits.create_category(project, KIND, name, category_id=name)
    runs = masks.encode(np.tri(4, 4, dtype=bool))
    unknown = project.kinds[KIND].unknown
    labels = [CLASSES[n % 10] if n < LABELLED else unknown for n in range(THINGS)]
    parts = (Partition.TRAINING, Partition.VALIDATION)
    project = edits.add_annotations(
        project,
        [
            Annotation(
                f"o{n}", f"object {n}", KIND, label, f"i{1 + n % 2}", (8, 8, 12, 12), runs,
                partition=parts[n % 2] if n < LABELLED else Partition.INFERENCE,
            )
            for n, label in enumerate(labels)
        ],
    )  # fmt: skip
    said = np.random.default_rng(0).uniform(0.4, 1, THINGS).tolist()
    project = edits.set_predictions(
        project,
        {f"o{n}": Prediction(CLASSES[n % 10], said[n]) for n in range(LABELLED, THINGS)},
    )
    for name in ("SimpleCNN 1", LONG):
        project = edits.put_classifier(project, classifier(name))
    return edits.put_network(project, network())


def classifier(name: str) -> Classifier:
    """Make one with two runs and two evaluations."""
    model = ModelArtifact({"format": LAYERS_FORMAT, "classes": CLASSES}, b"")
    history = dict.fromkeys(("loss", "val_loss", "accuracy", "val_accuracy"), (0.5, 0.25, 0.98))
    made = Classifier(name, KIND, model=model, class_map=tuple(CLASSES))
    run = Run(made.settings, history, 2, LABELLED // 2, LABELLED // 2)
    return replace(made, runs=(run, run), evaluations=(judged("Validation"), judged("Labelled")))


def judged(partition: str) -> Evaluation:
    ids = [f"o{n}" for n in range(LABELLED)]
    truth = np.eye(10)[np.arange(LABELLED) % 10]
    rows = np.random.default_rng(0).dirichlet(np.ones(10), LABELLED) + truth
    found = evaluation_of(truth, rows / rows.sum(axis=1, keepdims=True), ids)
    return replace(found, classes=tuple(CLASSES), partition=partition, run=1)


def network() -> SegmentationNetwork:
    """Make one that held out a part of an image, with two scores."""
    split = {"training": ["i1"], "validation": ["i1"], "region": [0, 48, 96, 96]}
    document = {"format": LAYERS_FORMAT, EXTRA_KEY: {"segmentation": {"split": split}}}
    figures = dict.fromkeys(("loss", "val_loss", "iou", "val_iou", "val_f1"), (0.5, 0.25))
    matched, overlap = (700,) * len(THRESHOLDS), (0.93,) * len(THRESHOLDS)
    row = ScoredImage("i1", "nuclei 1", 750, 750, matched, overlap)
    score = SegmentationScore("Validation", 1, 750, 750, matched, overlap, 0, (row,))
    run = Run(UNetSettings(), figures)
    model = ModelArtifact(document, b"")
    return SegmentationNetwork("U-Net 1", KIND, model=model, runs=(run, run), scores=(score,) * 2)


# --- the docks, each with as much on show as there can be ------------------------------------


def classifier_dock(workspace: Workspace, name: str) -> QWidget:
    panel = ClassifierPanel(workspace.viewer)
    panel.choice.choose(LONG)
    panel.look()
    page = panel.page(name)
    if name == "Fit":
        assert isinstance(page, FitPage)
        page.curves.runs.button.setChecked(True)
    if isinstance(page, EvaluatePage):
        page.form.on.setCurrentIndex(PARTITIONS.index(CROSS_VALIDATION))
        assert page.form.folds.isVisibleTo(page)
    return panel


def suspicious_labels(workspace: Workspace) -> QWidget:
    panel = ClassifierPanel(workspace.viewer)
    panel.choice.choose(LONG)
    panel.look()
    page = panel.page("Next")
    assert isinstance(page, SuggestPage)
    page.method.setCurrentText(SUSPICIOUS)
    found = [Suspicion(f"o{n}", CLASSES[n % 10], CLASSES[-1], 0.01, 0.97) for n in range(50)]
    page.show_suspicions(KIND, Suspicions(tuple(found), LABELLED, 0.9))
    return panel


def forest(workspace: Workspace) -> QWidget:
    panel = ClassifierPanel(workspace.viewer)
    panel.choice.choose(None)
    panel.choice.set_settings(replace(panel.choice.settings, architecture=FOREST))
    panel.look()
    panel.page("Fit")
    return panel


def segmentation_dock(workspace: Workspace, name: str) -> QWidget:
    workspace.show("i1")
    panel = SegmentationPanel(workspace.viewer)
    page = panel.page(name)
    if isinstance(page, SegmentPage):
        page.choice.choose("threshold")
        page.target.named.emit(KIND)
        page.refresh()
        assert page.target.adds.isVisibleTo(page)
        for group in page.forms["threshold"].groups.values():
            group.button.setChecked(True)
    if isinstance(page, NetworkPage):
        page.choice.choose("U-Net 1")
    if isinstance(page, ScorePage):
        page.form.choose_network("U-Net 1")
    return panel


def categories(workspace: Workspace) -> QWidget:
    workspace.show("i1")
    return CategoriesPanel(workspace.viewer)


DOCKS: dict[str, Callable[[Workspace], QWidget]] = {
    "Fit": lambda workspace: classifier_dock(workspace, "Fit"),
    "Fit a forest": forest,
    "Predict": lambda workspace: classifier_dock(workspace, "Predict"),
    "Evaluate a classifier": lambda workspace: classifier_dock(workspace, "Evaluate"),
    "Next": lambda workspace: classifier_dock(workspace, "Next"),
    "Suspicious labels": suspicious_labels,
    "Find objects": lambda workspace: segmentation_dock(workspace, "Find objects"),
    "Train your own": lambda workspace: segmentation_dock(workspace, "Train your own"),
    "Evaluate a network": lambda workspace: segmentation_dock(workspace, "Evaluate"),
    "Project": lambda workspace: ProjectPanel(workspace.viewer),
    "Categories": categories,
    "Gallery": lambda workspace: GalleryPanel(workspace.viewer),
    "Feature map": lambda workspace: MapPanel(workspace.viewer),
}


@pytest.fixture(scope="module")
def project() -> Project:
    return full_project()


@pytest.fixture(params=DOCKS)
def dock(
    request: pytest.FixtureRequest, workspace: Workspace, project: Project, qtbot: QtBot
) -> QWidget:
    """Return a dock, as wide as it is asked to be, and as low as docks are."""
    workspace.open_project(project)
    workspace.gallery.set_query(Query(KIND))
    panel = DOCKS[request.param](workspace)
    qtbot.addWidget(panel)
    panel.setStyleSheet(get_stylesheet("dark"))
    panel.resize(NARROW, 600)
    panel.show()
    if isinstance(panel, MapPanel):
        qtbot.waitUntil(lambda: hasattr(panel, "view"), timeout=20_000)
    qtbot.wait(100)
    return panel


# --- what is cut off -------------------------------------------------------------------------


def test_a_narrow_dock_cuts_nothing_off(dock: QWidget) -> None:
    assert dock.minimumSizeHint().width() <= NARROW
    assert dock.width() == NARROW
    assert wide_contents(dock) == []
    assert squeezed(dock) == []


def wide_contents(dock: QWidget) -> list[str]:
    """Name what is scrolled up and down, and wider than what is seen of it."""
    found = []
    for area in dock.findChildren(QScrollArea):
        content, port = area.widget(), area.viewport()
        if area.isVisible() and content is not None and port is not None:
            least, bar = content.minimumSizeHint().width(), area.verticalScrollBar()
            assert bar is not None
            room = area.width() - bar.sizeHint().width()
            if least > room:
                found.append(f"{type(content).__name__}: {least} in {room}")
    return found


def squeezed(dock: QWidget) -> list[str]:
    """Name buttons and texts that have less room than they need, or leave their parent."""
    texts: list[QAbstractButton | QLabel] = []
    texts += [b for b in dock.findChildren(QAbstractButton) if b.objectName() != QT_OWN]
    texts += [n for n in dock.findChildren(QLabel) if not isinstance(n.parent(), QT_VIEWS)]
    return [
        f"{type(widget).__name__} {widget.text()!r}: {widget.width()} of {needed(widget)}"
        for widget in texts
        if widget.isVisible() and widget.width() < needed(widget)
    ]


def needed(widget: QAbstractButton | QLabel) -> int:
    """Return the width without which the text of a widget is cut."""
    elides = isinstance(widget, QElidingLabel | StartButton)
    wraps = isinstance(widget, QLabel) and widget.wordWrap()
    return 0 if elides or wraps else widget.sizeHint().width()
