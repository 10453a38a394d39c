"""The line of text that changes while something is under way."""

from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from napari_piximi.ui.live_line import LiveLine


class Layouts(QObject):
    """Counts how often a widget is laid out."""

    count = 0

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        assert event is not None
        self.count += event.type() == QEvent.Type.LayoutRequest
        return False


def relayouts(qtbot: QtBot, line: QLabel) -> int:
    home, seen = QWidget(), Layouts()
    qtbot.addWidget(home)
    QVBoxLayout(home).addWidget(line)
    home.resize(200, 60)
    with qtbot.waitExposed(home):
        home.show()
    QApplication.processEvents()
    home.installEventFilter(seen)
    for epoch in range(9):
        line.setText(f"Epoch {epoch} of 9" * epoch)
        QApplication.processEvents()
    home.removeEventFilter(seen)
    return seen.count


def test_its_neighbours_stay_where_they_are(qtbot: QtBot) -> None:
    assert relayouts(qtbot, LiveLine("Epoch 1 of 200")) == 0
    assert relayouts(qtbot, QLabel("Epoch 1 of 200")) > 0


def test_it_is_as_high_as_a_label_and_tells_all(qtbot: QtBot) -> None:
    line, label = LiveLine("Epoch 7 of 200"), QLabel("Epoch 7 of 200")
    for widget in (line, label):
        qtbot.addWidget(widget)
    assert line.sizeHint().height() == label.sizeHint().height()
    assert (line.text(), line.accessibleName()) == ("Epoch 7 of 200", "Epoch 7 of 200")
    assert "Epoch 7 of 200" in line.toolTip()
    line.setText("")
    assert (line.text(), line.toolTip()) == ("", "")


def test_it_is_drawn_in_the_colour_of_labels_and_shortened(qtbot: QtBot) -> None:
    line = LiveLine("x" * 500)
    qtbot.addWidget(line)
    line.setStyleSheet("color: #ff0000; background: #000000;")
    line.resize(80, line.sizeHint().height())
    image = line.grab().toImage()
    reds = {image.pixelColor(x, y).red() for x in range(80) for y in range(image.height())}
    assert max(reds) > 128
    last = {image.pixelColor(79, y).red() for y in range(image.height())}
    assert last != reds
