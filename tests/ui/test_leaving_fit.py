"""A fit that runs is asked about before its window closes."""

from types import SimpleNamespace
from typing import Any

import pytest

from napari_piximi.model.training import Settings
from napari_piximi.ui import leaving_fit, messages
from napari_piximi.ui.fitting import FitUnderWay, fitting_of
from napari_piximi.ui.workspace import Workspace


def _begin(workspace: Workspace, waited: list[str]) -> FitUnderWay:
    """Begin a fit that ends when it is waited for."""
    fitting = fitting_of(workspace)
    job: Any = SimpleNamespace(
        cancel=lambda: waited.append("stop"), wait=lambda: waited.append("wait")
    )
    fitting.current = FitUnderWay("kind", "Cells 1", Settings(), None, job=job)
    return fitting.current


def _answer(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    asked: list[str] = []

    def ask(_parent: object, title: str, text: str, answers: tuple[str, ...]) -> str:
        asked.append(f"{title}. {text}")
        assert answer in answers
        return answer

    monkeypatch.setattr(messages, "ask", ask)
    return asked


def test_nothing_is_asked_without_a_fit(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _answer(monkeypatch, leaving_fit.CANCEL)
    assert leaving_fit.may_end_fit(workspace)
    assert asked == []


@pytest.mark.parametrize(
    ("answer", "leaves", "done"),
    [
        (leaving_fit.KEEP, True, ["stop", "wait"]),
        (leaving_fit.DISCARD, True, []),
        (leaving_fit.CANCEL, False, []),
    ],
)
def test_the_best_is_kept_or_not_or_the_window_stays(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    leaves: bool,
    done: list[str],
) -> None:
    waited: list[str] = []
    fit = _begin(workspace, waited)
    asked = _answer(monkeypatch, answer)
    assert leaving_fit.may_end_fit(workspace) is leaves
    assert waited == done
    assert fit.stopping is (answer == leaving_fit.KEEP)
    assert "Cells 1 is still being fitted" in asked[0]
    fitting_of(workspace).current = None
