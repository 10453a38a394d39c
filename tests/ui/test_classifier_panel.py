"""The Classifier dock makes its parts when it is in sight, one in a turn of the event loop."""

import threading

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QWidget

from napari_piximi.ui import classifier_panel as module
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.learning import Learning
from napari_piximi.ui.page_tabs import GLANCE, PageTabs
from napari_piximi.ui.workspace import Workspace


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is done, in order."""
    done: list[str] = []
    monkeypatch.setattr(Learning, "warm", lambda _: done.append("engine"))
    for owner, name in ((ClassifierPanel, "_pick"), (PageTabs, "fill")):
        make = getattr(owner, name)

        def noted(part: QWidget, *_: object, name: str = name, make: object = make) -> None:
            done.append(name)
            make(part)  # type: ignore[operator]

        monkeypatch.setattr(owner, name, noted)
    return done


def test_parts_are_made_one_by_one_when_all_is_imported(
    workspace: Workspace, steps: list[str], monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    gate, threads = threading.Event(), []

    def warm_up() -> None:
        threads.append(threading.current_thread())
        assert gate.wait(20)

    monkeypatch.setattr(module, "warm_up", warm_up)
    panel = ClassifierPanel(workspace.viewer)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitUntil(lambda: bool(threads))
    qtbot.wait(3 * GLANCE)
    assert steps == []  # the window goes on living while a thread imports
    assert threads[0] is not threading.main_thread()
    gate.set()
    seen: list[int] = []
    qtbot.waitUntil(lambda: seen.append(len(steps)) or steps[-1:] == ["engine"])  # type: ignore[func-returns-value]
    assert steps == ["_pick", "fill", "engine"]
    assert {1, 2} <= set(seen)  # in turns of their own
    assert len(threads) == 1


def test_a_dock_that_only_flashes_up_makes_nothing(
    workspace: Workspace, steps: list[str], qtbot: QtBot
) -> None:
    panel = ClassifierPanel(workspace.viewer)
    qtbot.addWidget(panel)
    panel.show()
    panel.hide()
    qtbot.wait(3 * GLANCE)
    assert steps == []
    panel.show()
    qtbot.waitUntil(lambda: "engine" in steps)
    panel.look()
    assert steps.count("engine") == 2
