"""Tests of bars in napari's activity dialog, whose every move lets the event loop turn."""

from collections.abc import Iterator

import pytest
from napari.resources import LOADING_GIF_PATH
from napari.utils import progress as napari_progress
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject
from qtpy.QtGui import QMovie
from qtpy.QtWidgets import QDialog, QLabel, QMainWindow

from napari_piximi.ui import activity as module
from napari_piximi.ui.activity import Activity, keep_room
from napari_piximi.ui.rest import BEAT, Pace


class Bar:
    """A bar that lets other work happen while it is made, moved or closed, as napari's do."""

    made: "list[Bar]" = []  # noqa: RUF012
    meanwhile: "list[object]" = []  # noqa: RUF012
    on_stack = 0

    def __init__(self, total: int, desc: str, file: object) -> None:
        self.total, self.desc, self.n, self.closed = total, desc, 0, False
        Bar.made.append(self)
        self.turn()

    def update(self, more: int) -> None:
        assert not self.closed
        self.n += more
        self.turn()

    def close(self) -> None:
        self.closed = True
        self.turn()

    @staticmethod
    def turn() -> None:
        assert Bar.on_stack == 0, "a bar is touched while another one lets the event loop turn"
        Bar.on_stack += 1
        while Bar.meanwhile:
            Bar.meanwhile.pop()()  # type: ignore[operator]
        Bar.on_stack -= 1


@pytest.fixture
def activity(qapp: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Activity]:
    monkeypatch.setattr(module, "napari_progress", Bar)
    Bar.made.clear()
    home = QObject()
    yield Activity(home)
    Bar.meanwhile.clear()


def test_what_happens_while_a_bar_moves_waits(activity: Activity) -> None:
    activity.begin("a", "Fit")
    activity.show("a", 1, 3)

    def end_and_begin_another() -> None:
        activity.end("a")
        activity.begin("b", "Predict")
        activity.flush()

    Bar.meanwhile.append(end_and_begin_another)
    activity.flush()
    assert [(bar.desc, bar.closed) for bar in Bar.made] == [("Fit", True)]
    activity.flush()
    assert [(bar.desc, bar.closed) for bar in Bar.made] == [("Fit", True), ("Predict", False)]


def test_a_bar_follows_and_goes(activity: Activity) -> None:
    activity.begin("a", "Fit")
    for count in range(5):
        activity.show("a", count, 9)
    activity.flush()
    (bar,) = Bar.made
    assert (bar.n, bar.total, bar.closed) == (4, 9, False)
    activity.show("a", 2, 3)
    activity.flush()
    assert (bar.n, bar.total) == (2, 3)
    activity.end("a")
    activity.flush()
    assert bar.closed
    activity.show("a", 3, 3)  # a report that comes late
    activity.flush()
    assert bar.n == 2


def test_short_work_gets_no_bar(activity: Activity) -> None:
    activity.begin("a", "Look")
    activity.end("a")
    activity.flush()
    assert Bar.made == []


def test_napari_shows_them(qapp: object) -> None:
    home = QObject()
    activity = Activity(home)
    activity.begin(1, "Fit SimpleCNN 1")
    activity.show(1, 3, 10)
    activity.flush()
    (bar,) = (bar for bar in napari_progress._all_instances if "SimpleCNN 1" in str(bar.desc))
    assert (bar.n, bar.total) == (3, 10)
    activity.end(1)
    activity.flush()
    assert bar not in napari_progress._all_instances


def test_what_has_its_bar_is_not_drawn_again_between_two_beats(
    activity: Activity, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait for the bar is over with it: the sign would turn twice, and so the window."""
    turns: list[int] = []
    monkeypatch.setattr(module, "_turn_signs", lambda: turns.append(1))
    monkeypatch.setattr(activity, "_pace", Pace(lambda: None))
    activity.begin("a", "Fit")
    activity.flush()
    qtbot.wait(module.DELAY + 200)
    assert turns == [1]


@pytest.mark.usefixtures("activity")
def test_the_sign_turns_with_the_beat(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    sign, other = QLabel(), QLabel("Ready")
    movie = QMovie(str(LOADING_GIF_PATH))
    sign.setMovie(movie)
    bar = window.statusBar()
    assert bar is not None
    bar.addWidget(sign)
    bar.addWidget(other)
    movie.start()  # as napari does when there is a bar
    activity = Activity(window)
    activity.begin("a", "Fit")
    activity.flush()
    assert movie.state() == QMovie.MovieState.Paused
    before = movie.currentFrameNumber()
    qtbot.waitUntil(lambda: movie.currentFrameNumber() == before + module.STEP)
    activity.end("a")
    activity.flush()
    after = movie.currentFrameNumber()
    qtbot.wait(2 * BEAT)
    assert movie.currentFrameNumber() == after


def test_bars_of_a_dialog_that_nobody_sees_stay(activity: Activity, qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    dialog = QDialog(window)
    dialog.setObjectName("Activity")
    activity.begin("a", "Fit")
    activity.show("a", 3, 9)
    activity.flush()
    (bar,) = Bar.made
    assert (bar.n, bar.total) == (0, 0)
    dialog.show()
    qtbot.waitUntil(lambda: (bar.n, bar.total) == (3, 9))


def test_the_sign_has_its_room_before_it_shows(qtbot: QtBot) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    sign = QLabel()
    sign.setMovie(QMovie(str(LOADING_GIF_PATH)))
    policy = sign.sizePolicy()
    policy.setRetainSizeWhenHidden(True)  # as napari does
    sign.setSizePolicy(policy)
    bar = window.statusBar()
    assert bar is not None
    bar.addPermanentWidget(sign)
    sign.hide()
    before = sign.sizeHint()
    keep_room(window)
    assert sign.sizeHint().height() > before.height()
    there = bar.sizeHint()
    sign.show()
    assert bar.sizeHint() == there
