from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from tests.ui.gallery_project import CELLS, gallery_project

from napari_piximi.learn.embedding import FeatureMap
from napari_piximi.model import edits
from napari_piximi.model.project import new_project
from napari_piximi.model.query import Query
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings
from napari_piximi.ui.map_panel import MapPanel
from napari_piximi.ui.map_view import Change
from napari_piximi.ui.workspace import Workspace

CLASSES = ("1round", "1long")


def cell_map(workspace: Workspace, count: int = 12) -> FeatureMap:
    draws = np.random.default_rng(0)
    return FeatureMap(
        "net, run 1", "PCA", workspace.project.find_kind(CELLS).id,
        tuple(f"cell-{n}" for n in range(count)),
        draws.normal(size=(count, 2)).astype(np.float32),
        (np.arange(count) % 2).astype(np.int32),
        np.linspace(0.5, 1, count).astype(np.float32),
        np.linspace(1, 0, count).astype(np.float32),
        CLASSES,
    )  # fmt: skip


@pytest.fixture
def panel(workspace: Workspace, qtbot: QtBot) -> MapPanel:
    workspace.open_project(gallery_project())
    workspace.gallery.set_query(Query(workspace.project.find_kind(CELLS).id))
    made = MapPanel(workspace.viewer)
    qtbot.addWidget(made)
    made.resize(700, 300)
    made.show()
    qtbot.waitUntil(lambda: hasattr(made, "view"), timeout=20_000)
    return made


def legend(panel: MapPanel) -> list[str]:
    lines = panel.legend
    return [item.text() for n in range(lines.count()) if (item := lines.item(n)) is not None]


def test_without_a_model_one_is_told_what_to_do(panel: MapPanel) -> None:
    assert not panel.bar.make.isEnabled()
    assert "Fit a model first" in panel.message.text()
    assert panel.compute() is None


def test_points_follow_categories(panel: MapPanel) -> None:
    workspace = panel.workspace
    panel.show_map(cell_map(workspace))
    assert legend(panel) == ["round  0", "long  0", "Unknown  12"]
    points = panel.view._points
    workspace.categorize(["cell-1", "cell-3"], "1long")
    assert legend(panel) == ["round  0", "long  2", "Unknown  10"]
    assert panel.view._points is points
    color = workspace.project.categories["1long"].color
    colored = panel.view._colors == (0xFF000000 | int(color[1:], 16))
    assert np.flatnonzero(colored).tolist() == [1, 3]
    workspace.undo()
    assert legend(panel) == ["round  0", "long  0", "Unknown  12"]


def test_things_that_have_gone_are_not_shown(panel: MapPanel) -> None:
    panel.show_map(cell_map(panel.workspace))
    panel.workspace.edit("delete", edits.delete_things, ["cell-0", "cell-5"])
    assert np.flatnonzero(~panel.view.visible_points).tolist() == [0, 5]
    panel.workspace.undo()
    assert panel.view.visible_points.all()


def test_points_are_coloured_by_what_the_model_said(panel: MapPanel) -> None:
    panel.show_map(cell_map(panel.workspace))
    panel.bar.color.setCurrentText("Prediction")
    assert legend(panel) == ["round  6", "long  6"]
    panel.bar.color.setCurrentText("Probability")
    assert legend(panel) == [
        "0.0 to 0.2  0", "0.2 to 0.4  0", "0.4 to 0.6  3", "0.6 to 0.8  4", "0.8 to 1.0  5"
    ]  # fmt: skip
    panel.bar.color.setCurrentText("Uncertainty")
    assert sum(int(line.split()[-1]) for line in legend(panel)) == 12
    assert legend(panel)[0] == "0.0 to 0.2  3"


def test_a_click_on_the_legend_hides_and_shows(panel: MapPanel) -> None:
    panel.show_map(cell_map(panel.workspace))
    panel.workspace.categorize(["cell-2"], "1round")
    item = panel.legend.item(2)
    assert item is not None
    panel.legend.itemClicked.emit(item)
    assert np.flatnonzero(panel.view.visible_points).tolist() == [2]
    item.setCheckState(Qt.CheckState.Checked)
    assert panel.view.visible_points.all()


def test_a_lasso_selects_in_the_gallery_and_back(panel: MapPanel) -> None:
    gallery = panel.workspace.gallery
    panel.show_map(cell_map(panel.workspace))
    panel.view.chosen.emit(np.array([1, 2]), Change.REPLACE)
    assert gallery.selection == {"cell-1", "cell-2"}
    panel.view.chosen.emit(np.array([2, 7]), Change.ADD)
    panel.view.chosen.emit(np.array([1]), Change.REMOVE)
    assert gallery.selection == {"cell-2", "cell-7"}
    assert np.flatnonzero(panel.view.marked).tolist() == [2, 7]
    gallery.select(["cell-4"])
    assert np.flatnonzero(panel.view.marked).tolist() == [4]


def test_a_lasso_brings_the_gallery_back_to_the_kind_of_the_map(panel: MapPanel) -> None:
    gallery = panel.workspace.gallery
    panel.show_map(cell_map(panel.workspace))
    gallery.set_query(Query(IMAGE_KIND))
    panel.view.chosen.emit(np.array([3]), Change.REPLACE)
    assert gallery.query.kind == panel.workspace.project.find_kind(CELLS).id
    assert gallery.selection == {"cell-3"}


def test_pointing_names_things_and_a_double_click_shows_them(panel: MapPanel) -> None:
    panel.show_map(cell_map(panel.workspace))
    panel.view.pointed.emit(3)
    assert panel.hint.text() == "cell 3 · Unknown · model: long 0.64"
    panel.view.pointed.emit(-1)
    assert "Drag around points" in panel.hint.text()
    panel.view.opened.emit(3)
    assert panel.workspace.shown == "b"
    assert panel.workspace.gallery.selection == {"cell-3"}


def test_a_newer_model_is_told_of(panel: MapPanel) -> None:
    workspace = panel.workspace
    kind = workspace.project.find_kind(CELLS).id
    run = Run(Settings(), {"loss": (1.0,)})
    net = Classifier("net", kind, model=ModelArtifact({}, b""), class_map=CLASSES, runs=(run,))
    workspace.edit("fit", edits.put_classifier, net)
    workspace.learning.choice.choose("net")
    assert panel.bar.make.text() == "Map"
    assert panel.bar.make.isEnabled()
    panel.show_map(cell_map(workspace))
    assert panel.title.text() == "PCA map of net, run 1 · 12 things"
    workspace.edit("fit", edits.put_classifier, replace(net, runs=(run, run)))
    assert "“Map again” for net, run 2" in panel.title.text()


def test_a_map_stays_while_the_dock_is_closed_but_not_for_another_project(
    panel: MapPanel, qtbot: QtBot
) -> None:
    workspace = panel.workspace
    panel.show_map(cell_map(workspace))
    again = MapPanel(workspace.viewer)
    qtbot.addWidget(again)
    again.show()
    qtbot.waitUntil(lambda: hasattr(again, "view"), timeout=20_000)
    assert again.drawn is panel.drawn
    workspace.open_project(new_project())
    assert panel.drawn is again.drawn is None
    assert legend(panel) == []


def test_a_narrow_dock_has_its_legend_below(panel: MapPanel, qtbot: QtBot) -> None:
    panel.show_map(cell_map(panel.workspace))
    panel.resize(260, 400)
    qtbot.waitUntil(lambda: panel.legend.y() >= panel.view.geometry().bottom())
    panel.resize(700, 300)
    qtbot.waitUntil(lambda: panel.legend.x() >= panel.view.geometry().right())
