"""A Segmentation dock whose networks are fitted by stand-ins, in an engine without Keras."""

from collections.abc import Iterator
from typing import Protocol

import pytest
from pytestqt.qtbot import QtBot
from tests.segment.nuclei import KIND, nuclei_project

from napari_piximi.engine import Engine
from napari_piximi.ui import network_fitting
from napari_piximi.ui.network_fitting import NetworkFitting
from napari_piximi.ui.network_page import NetworkPage
from napari_piximi.ui.segmentation_panel import SegmentationPanel
from napari_piximi.ui.workspace import Workspace

__all__ = ["KIND", "Plays", "engine", "page", "panel", "plays"]


class Plays(Protocol):
    """Says which stand-in plays the part of a fit, and whether it is scored afterwards."""

    def __call__(self, name: str, *, judged: bool = False) -> None: ...


STAND_INS = "tests.ui.stand_in_networks:"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return an engine without Keras, which all tests of this file share."""
    made = Engine()
    yield made
    made.close()


@pytest.fixture
def panel(
    workspace: Workspace, engine: Engine, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> SegmentationPanel:
    """Return the dock of a project with three annotated images."""
    workspace.open_project(nuclei_project([1, 2, 3], 96, 5))
    learning = workspace.learning
    learning.networks.close()
    learning.networks = engine
    monkeypatch.setattr(engine, "close", lambda: None)  # the workspace ends; it goes on
    made = SegmentationPanel(workspace.viewer)
    qtbot.addWidget(made)
    made.resize(360, 900)
    made.show()
    return made


@pytest.fixture
def page(panel: SegmentationPanel) -> NetworkPage:
    """Return the page *Train your own*."""
    made = panel.page("Train your own")
    assert isinstance(made, NetworkPage)
    return made


@pytest.fixture
def plays(monkeypatch: pytest.MonkeyPatch) -> Plays:
    """Return a function that says which stand-in plays the part of a fit."""

    def play(name: str, *, judged: bool = False) -> None:
        monkeypatch.setattr(network_fitting, "FIT", f"{STAND_INS}{name}")
        monkeypatch.setattr(network_fitting, "SCORE", f"{STAND_INS}score")
        if not judged:
            monkeypatch.setattr(NetworkFitting, "_judge", lambda *_: None)

    return play
