"""A project with labels, and an engine in which stand-ins play the part of a fit."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.ui.gallery_project import gallery_project

from napari_piximi.engine import Engine
from napari_piximi.model import edits
from napari_piximi.ui import comparing, refitting
from napari_piximi.ui import fitting as fitting_module
from napari_piximi.ui.workspace import Workspace

__all__ = ["Plays", "engine", "plays"]

Plays = Callable[[str], None]
STAND_INS = "tests.ui.stand_in_fits:"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """Return an engine without Keras, which all tests of this file share."""
    made = Engine()
    yield made
    made.close()


@pytest.fixture
def plays(workspace: Workspace, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Plays:
    """Return a function that says which stand-in plays the part of a fit."""
    project = gallery_project(16)
    project = edits.categorize(project, [f"cell-{i}" for i in range(6)], "1round")
    project = edits.categorize(project, [f"cell-{i}" for i in range(6, 12)], "1long")
    workspace.open_project(project)
    kind = project.find_kind("cells").id
    workspace.gallery.set_query(replace(workspace.gallery.query, kind=kind))
    learning = workspace.learning
    learning.networks.close()
    learning.networks = engine
    monkeypatch.setattr(engine, "close", lambda: None)  # the workspace ends; it goes on
    learning.plain.close()
    learning.plain = engine
    monkeypatch.setattr(learning, "warm", lambda: None)
    monkeypatch.setattr(fitting_module, "EVALUATE", f"{STAND_INS}evaluate")
    monkeypatch.setattr(comparing, "PROPOSE", f"{STAND_INS}propose")
    monkeypatch.setattr(refitting, "PREDICT", f"{STAND_INS}predict")

    def play(name: str) -> None:
        monkeypatch.setattr(fitting_module, "FIT", f"{STAND_INS}{name}")
        monkeypatch.setattr(refitting, "FIT", f"{STAND_INS}{name}")

    return play
