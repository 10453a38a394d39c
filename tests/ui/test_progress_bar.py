"""The bar that is drawn with the rest of the window."""

import time

from pytestqt.qtbot import QtBot
from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import QApplication

from napari_piximi.ui.progress_bar import ProgressBar
from napari_piximi.ui.rest import BEAT


class Counted(ProgressBar):
    """Counts how often it is drawn."""

    drawn = 0

    def paintEvent(self, event: QPaintEvent | None) -> None:
        self.drawn += 1
        super().paintEvent(event)


def test_many_changes_are_drawn_once_and_later(qtbot: QtBot) -> None:
    bar = Counted()
    qtbot.addWidget(bar)
    with qtbot.waitExposed(bar):
        bar.show()
    QApplication.processEvents()
    bar.drawn = 0
    for done in range(100):
        bar.show_progress(done, 200 + done, f"{done} %p%")
    assert bar.drawn == 0
    qtbot.waitUntil(lambda: bar.drawn > 0)
    assert bar.drawn == 1
    assert (bar.value(), bar.maximum()) == (99, 299)
    assert bar.text() == "99 33%"


def test_nobody_knows_how_far_it_is(qtbot: QtBot) -> None:
    bar = ProgressBar()
    qtbot.addWidget(bar)
    for tell in (bar.show_busy, lambda: bar.show_progress(3, -1)):
        bar.show_progress(1, 2)
        tell()
        assert (bar.minimum(), bar.maximum()) == (0, 0)


def test_what_is_not_known_moves_with_the_beat(qtbot: QtBot) -> None:
    bar = Counted()
    qtbot.addWidget(bar)
    bar.show_busy()
    with qtbot.waitExposed(bar):
        bar.show()
    QApplication.processEvents()
    bar.drawn = 0
    seen = set()
    began = time.monotonic()
    while time.monotonic() - began < 4 * BEAT / 1000:
        qtbot.wait(BEAT // 10)
        image = bar.grab().toImage()  # which draws it once more
        bar.drawn -= 1
        row = [image.pixelColor(x, image.height() // 2).name() for x in range(image.width())]
        seen.add(tuple(row))
    assert len(seen) >= 3
    assert bar.drawn <= 2 * (time.monotonic() - began) * 1000 / BEAT + 1
    bar.show_progress(1, 2)
    qtbot.wait(BEAT)
    bar.drawn = 0
    qtbot.wait(2 * BEAT)
    assert bar.drawn == 0
