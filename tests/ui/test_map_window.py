"""The Feature map dock in a real window, beside napari's own OpenGL canvas."""

from collections.abc import Callable
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication, QDockWidget
from tests.ui.gallery_project import CELLS, gallery_project
from tests.ui.test_map_panel import cell_map

from napari_piximi.model.query import Query
from napari_piximi.ui.docks import show_dock
from napari_piximi.ui.map_panel import MapPanel
from napari_piximi.ui.workspace import workspace_of


def dock_of(panel: MapPanel) -> QDockWidget:
    parent = panel.parent()
    while not isinstance(parent, QDockWidget):
        assert parent is not None
        parent = parent.parent()
    return parent


def test_the_map_lives_beside_the_canvas(
    make_napari_viewer: Callable[..., Any], qtbot: QtBot
) -> None:
    viewer = make_napari_viewer(show=True)
    workspace = workspace_of(viewer)
    workspace.open_project(gallery_project())
    workspace.gallery.set_query(Query(workspace.project.find_kind(CELLS).id))
    workspace.show("a")
    panel = show_dock(workspace, "Feature map")
    assert isinstance(panel, MapPanel)
    qtbot.waitUntil(lambda: hasattr(panel, "view"), timeout=30_000)
    panel.show_map(cell_map(workspace))
    dock = dock_of(panel)
    for floating in (True, False):  # another window and back
        dock.setFloating(floating)
        dock.resize(500, 400)
        QApplication.processEvents()
        panel.view.pan(0.1, 0)
        QApplication.processEvents()
        assert not panel.grab().isNull()
        assert viewer.screenshot(flash=False).any()
    viewer.theme = "light"
    QApplication.processEvents()
    assert panel.view._background.lightness() > 128
    viewer.window.remove_dock_widget(panel)
    panel.deleteLater()
    QApplication.processEvents()
    again = show_dock(workspace, "Feature map")
    assert isinstance(again, MapPanel)
    qtbot.waitUntil(lambda: hasattr(again, "view"), timeout=30_000)
    assert again.drawn is not None
    again.view.chosen.emit(np.array([2]), _replace())
    assert workspace.gallery.selection == {"cell-2"}
    workspace.close()


def _replace() -> object:
    from napari_piximi.ui.map_view import Change

    return Change.REPLACE
