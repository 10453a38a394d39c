"""The Segmentation dock: what it makes and starts, and when."""

import pytest
from pytestqt.qtbot import QtBot
from tests.ui.segment_stage import install, segmenter

from napari_piximi.ui import segmentation_panel
from napari_piximi.ui.learning import Learning
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
    qtbot.wait(2 * segmentation_panel.GLANCE)
    assert panel.findChildren(SegmentPage) == [], "a dock made behind another one flashes up"
    panel.show()
    qtbot.waitUntil(lambda: len(panel.findChildren(SegmentPage)) == 1)
    assert panel.page("Find objects") is panel.findChildren(SegmentPage)[0]


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
    qtbot.wait(3 * segmentation_panel.GLANCE)
    assert warmed == []
    page.choice.choose("network")
    assert warmed


def test_all_is_imported_ahead() -> None:
    segmentation_panel.warm_up()
    assert segmentation_panel._page_class("Find objects") is SegmentPage
