"""A state folder of its own for each test, and no dialog that waits for a person."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from napari.components import ViewerModel
from napari.utils.notifications import Notification, notification_manager
from qtpy.QtWidgets import QWidget

from napari_piximi.learn.adoption import Target, suggest_targets
from napari_piximi.model.project import Project
from napari_piximi.ui import mapping_dialog, messages, preferences
from napari_piximi.ui.learning import Learning
from napari_piximi.ui.workspace import Workspace, workspace_of


@pytest.fixture(autouse=True, scope="session")
def apart() -> None:
    """Refuse to open windows beside TensorFlow, which crashes."""
    assert "tensorflow" not in sys.modules, "tests/ui need a pytest process of their own: make ui"


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep choices and recovery of a test in its own folder."""
    monkeypatch.setenv(preferences.STATE, str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer questions with these, in order; a question that none is left for fails the test."""
    prepared: list[str] = []

    def ask(_parent: QWidget | None, title: str, _text: str, choices: Sequence[str]) -> str:
        assert prepared, f"nobody answers {title!r}, which offers {choices}"
        answer = prepared.pop(0)
        assert answer in choices, f"{title!r} offers {choices}, not {answer!r}"
        return answer

    monkeypatch.setattr(messages, "ask", ask)
    return prepared


@pytest.fixture(autouse=True)
def mappings(monkeypatch: pytest.MonkeyPatch) -> list[mapping_dialog.Mapping | None]:
    """Answer what classes stand for with these, in order, and then by name."""
    prepared: list[mapping_dialog.Mapping | None] = []

    def ask(
        project: Project,
        _name: str,
        classes: Sequence[str],
        kind: str,
        _parent: QWidget | None = None,
        *,
        fixed: bool = False,
        targets: Sequence[Target] | None = None,
    ) -> mapping_dialog.Mapping | None:
        if prepared:
            return prepared.pop(0)
        chosen = targets or suggest_targets(project, kind, classes)
        return mapping_dialog.Mapping(kind, tuple(chosen))

    monkeypatch.setattr(mapping_dialog, "ask_mapping", ask)
    return prepared


@pytest.fixture(autouse=True)
def cold(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no engine because a dock is looked at, but in modules that say ``WARM = True``."""
    if not getattr(request.module, "WARM", False):
        monkeypatch.setattr(Learning, "warm", lambda self: None)


@pytest.fixture
def notifications() -> Iterator[list[Notification]]:
    """Collect what napari shows as notifications."""
    shown: list[Notification] = []

    def note(notification: Notification) -> None:
        shown.append(notification)

    notification_manager.notification_ready.connect(note)
    yield shown
    notification_manager.notification_ready.disconnect(note)


@pytest.fixture
def workspace(qapp: object) -> Iterator[Workspace]:
    """Return the workspace of a viewer that has no window."""
    viewer = ViewerModel()
    made = workspace_of(viewer)
    yield made
    made.close()


Wait = Callable[[Workspace], None]


@pytest.fixture
def finish() -> Wait:
    """Return a function that waits for all jobs of a workspace."""

    def wait(workspace: Workspace) -> None:
        while workspace.jobs.running:
            workspace.jobs.running[0].wait()

    return wait
