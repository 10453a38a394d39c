"""The Segmentation dock: what it makes and starts, and when."""

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget
from tests.ui.conftest import Wait
from tests.ui.segment_stage import dots, install, project_of, segmenter

from napari_piximi.ui import segmentation_panel
from napari_piximi.ui.learning import Learning
from napari_piximi.ui.page_tabs import GLANCE
from napari_piximi.ui.segment_page import SegmentPage
from napari_piximi.ui.segmentation_panel import PAGES, SegmentationPanel
from napari_piximi.ui.workspace import Workspace


@pytest.fixture
def warmed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note when the engines are started."""
    notes: list[str] = []
    monkeypatch.setattr(Learning, "warm", lambda _self: notes.append("warm"))
    install(monkeypatch, segmenter(), segmenter("network", place="networks"))
    return notes


@pytest.fixture
def panel(workspace: Workspace, qtbot: QtBot, warmed: list[str]) -> SegmentationPanel:
    made = SegmentationPanel(workspace.viewer)
    qtbot.addWidget(made)
    return made


def test_nothing_is_made_before_it_is_in_sight(panel: SegmentationPanel, qtbot: QtBot) -> None:
    assert panel.findChildren(SegmentPage) == []
    panel.show()
    panel.hide()
    qtbot.wait(2 * GLANCE)
    assert panel.findChildren(SegmentPage) == [], "a dock made behind another one flashes up"
    panel.show()
    qtbot.waitUntil(lambda: len(panel.findChildren(SegmentPage)) == 1)
    assert panel.page("Find objects") is panel.findChildren(SegmentPage)[0]


def test_a_page_behind_another_dock_is_hidden(
    panel: SegmentationPanel, finish: Wait, qtbot: QtBot
) -> None:
    workspace = panel.workspace
    workspace.open_project(project_of(dots(200, 250)))
    workspace.show("image-0")
    window, front, other = QMainWindow(), QDockWidget("front"), QDockWidget("other")
    qtbot.addWidget(window)
    front.setWidget(panel)
    other.setWidget(QWidget())
    for dock in (front, other):
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.tabifyDockWidget(other, front)
    window.resize(900, 700)
    window.show()
    front.raise_()
    page = panel.page("Find objects")
    assert isinstance(page, SegmentPage)
    qtbot.waitUntil(page.isVisible)
    page.toggle_preview()
    finish(workspace)
    assert page.preview.shown
    width = front.minimumSizeHint().width()
    other.raise_()
    qtbot.waitUntil(lambda: not page.isVisible())
    assert panel.isVisible(), "to Qt it is"
    assert not page.preview.shown
    assert front.minimumSizeHint().width() == width
    page.target.named.emit("heart")
    assert page.target.kind.currentText() == "blob", "what is out of sight does not work"
    front.raise_()
    qtbot.waitUntil(page.isVisible)
    assert page.target.kind.currentText() == "heart", "it catches up"


def test_pages_are_named_and_explained(panel: SegmentationPanel) -> None:
    tabs = panel.pages
    assert [tabs.tabText(place) for place in range(tabs.count())] == list(PAGES)
    assert all(tabs.tabToolTip(place) for place in range(tabs.count()))


def test_engines_start_only_for_networks(
    panel: SegmentationPanel, qtbot: QtBot, warmed: list[str]
) -> None:
    panel.show()
    page = panel.page("Find objects")
    assert isinstance(page, SegmentPage)
    page.choice.choose("quick")
    qtbot.wait(3 * GLANCE)
    assert warmed == []
    page.choice.choose("network")
    assert warmed


def test_all_is_imported_ahead() -> None:
    segmentation_panel.warm_up()
    assert segmentation_panel._page_class("Find objects") is SegmentPage
