"""Layers come and go one in a turn of the event loop in a window, and at once without one."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels
from pytestqt.qtbot import QtBot

from napari_piximi.ui import layer_arrivals
from napari_piximi.ui.layer_arrivals import Arrivals, has_window


@pytest.fixture
def viewer(qapp: object) -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def windowed(viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch) -> ViewerModel:
    """Return a viewer that passes for one that has a window."""
    monkeypatch.setattr(layer_arrivals, "has_window", lambda _viewer: True)
    return viewer


def labels(*names: str) -> list[Labels]:
    return [Labels(np.ones((4, 4), np.uint8), name=name) for name in names]


def names_of(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_a_viewer_has_a_window_or_none(viewer: ViewerModel) -> None:
    assert not has_window(viewer)
    assert has_window(SimpleNamespace(window=object()))


def test_without_a_window_all_is_done_at_once(viewer: ViewerModel) -> None:
    arrivals, done = Arrivals(viewer), list[str]()
    one, two = labels("one", "two")
    arrivals.bring([one, two], lambda: 0)
    arrivals.then(lambda: done.append("then"))
    assert names_of(viewer) == ["two", "one"]
    assert done == ["then"]
    arrivals.take([one])
    assert names_of(viewer) == ["two"]
    assert not arrivals.waiting


def test_in_a_window_each_layer_has_turns_of_its_own(windowed: ViewerModel, qtbot: QtBot) -> None:
    arrivals, seen = Arrivals(windowed), list[tuple[str, ...]]()
    batches: list[str] = []
    if hasattr(windowed.layers.events, "begin_batch"):
        windowed.layers.events.begin_batch.connect(lambda: batches.append("begin"))
        windowed.layers.events.end_batch.connect(lambda: batches.append("end"))
    step = arrivals._next

    def watch() -> None:
        step()
        seen.append(tuple(names_of(windowed)))

    arrivals._soon._function = watch
    arrivals.bring(labels("one", "two"), lambda: len(windowed.layers))
    arrivals.then(lambda: seen.append(("then",)))
    assert names_of(windowed) == []
    qtbot.waitUntil(lambda: not arrivals.waiting)
    both = ("one", "two")
    first = ("one",)
    assert seen == [(), first, first, first, both, both, ("then",), both]
    assert batches in ([], ["begin", "end"] * 2)


def test_what_waits_can_be_done_now(windowed: ViewerModel, qtbot: QtBot) -> None:
    arrivals, done = Arrivals(windowed), list[str]()
    arrivals.bring(labels("one", "two"), lambda: len(windowed.layers))
    arrivals.then(lambda: done.append("then"))
    arrivals.flush()
    assert names_of(windowed) == ["one", "two"]
    qtbot.wait(3 * layer_arrivals.BETWEEN)
    assert done == ["then"]


def test_what_napari_made_half_is_complete_before_a_layer_goes(windowed: ViewerModel) -> None:
    if not hasattr(windowed.layers.events, "end_batch"):
        pytest.skip("this napari has no batches")
    ended: list[tuple[str, ...]] = []
    windowed.layers.events.end_batch.connect(lambda: ended.append(tuple(names_of(windowed))))
    arrivals = Arrivals(windowed)
    arrivals.bring(labels("one", "two"), lambda: len(windowed.layers))
    arrivals._next()
    arrivals._next()
    assert ended == []
    windowed.layers.pop()
    assert ended[0] == ("one",)
    arrivals.flush()
    assert names_of(windowed) == ["two"]


def test_a_layer_that_is_taken_before_it_came_does_not_come(
    windowed: ViewerModel, qtbot: QtBot
) -> None:
    arrivals = Arrivals(windowed)
    one, two = labels("one", "two")
    arrivals.bring([one, two], lambda: len(windowed.layers))
    arrivals.take([one])
    qtbot.waitUntil(lambda: not arrivals.waiting)
    assert names_of(windowed) == ["two"]


def test_a_layer_that_was_taken_holds_no_data(viewer: ViewerModel) -> None:
    arrivals = Arrivals(viewer)
    picture = viewer.add_image(np.ones((3, 40, 50), np.float32))
    (flat,) = labels("flat")
    viewer.layers.append(flat)
    arrivals.take([picture, flat])
    assert len(viewer.layers) == 0
    assert picture.data.shape == (1, 1, 1)
    assert flat.data.shape == (1, 1)


def test_a_step_that_fails_does_not_stop_the_others(windowed: ViewerModel, qtbot: QtBot) -> None:
    arrivals, done = Arrivals(windowed), list[str]()

    def fail() -> None:
        raise ValueError("no")

    arrivals.then(fail)
    arrivals.then(lambda: done.append("then"))
    with qtbot.captureExceptions() as errors:
        qtbot.waitUntil(lambda: bool(done))
    raised: list[Any] = [str(error[1]) for error in errors]
    assert raised == ["no"]
