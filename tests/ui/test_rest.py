"""Tests of doing something once for all that asks for it."""

import time

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject, QTimer

from napari_piximi.ui.rest import Pace, Rest

DELAY = 200


def test_rest_waits_for_the_last_one_and_a_pace_for_none(qtbot: QtBot, qapp: object) -> None:
    calls: list[str] = []
    owner = QObject()
    rest = Rest(lambda: calls.append("rest"), DELAY, owner)
    pace = Pace(lambda: calls.append("pace"), DELAY, owner)
    began = time.monotonic()
    for _ in range(20):
        rest.ask()
        pace.ask()
        qtbot.wait(DELAY // 4)
    assert "rest" not in calls
    beats = 1000 * (time.monotonic() - began) / DELAY
    assert 2 <= calls.count("pace") <= beats + 1
    qtbot.waitUntil(lambda: "rest" in calls)
    assert calls.count("rest") == 1


@pytest.mark.parametrize(("now", "left"), [(10.0, 250), (10.1304, 120), (10.3409, 160)])
def test_all_keep_the_same_beat(
    now: float, left: int, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = QObject()
    pace = Pace(bool, 250, owner)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace.ask()
    (timer,) = owner.findChildren(QTimer)
    assert timer.interval() == left


@pytest.mark.parametrize("made", [Rest, Pace])
def test_forgetting_and_flushing(made: type[Rest], qtbot: QtBot, qapp: object) -> None:
    calls: list[int] = []
    asked = made(lambda: calls.append(1), DELAY)
    asked.ask()
    assert asked.waiting
    asked.flush()
    assert calls == [1]
    asked.ask()
    asked.forget()
    assert not asked.waiting
    qtbot.wait(2 * DELAY)
    assert calls == [1]
