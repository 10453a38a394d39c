"""A list to choose from that says less where there is too little room, and all in its tool tip."""

from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QSize
from qtpy.QtGui import QHelpEvent, QIcon, QPixmap
from qtpy.QtWidgets import QApplication, QComboBox, QToolTip

from napari_piximi.ui.elided_box import ElidedBox

TEXT = "Held out by U-Net 1 (a part of <b> 1 image)"


def shown_box(qtbot: QtBot, width: int, text: str = TEXT) -> ElidedBox:
    box = ElidedBox()
    qtbot.addWidget(box)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(4)
    box.addItem(text)
    box.setToolTip("Images & such")
    box.resize(width, 24)
    box.show()
    return box


def tip_of(box: ElidedBox) -> str:
    """Rest the pointer on it, and return what is said."""
    QToolTip.hideText()
    place = QPoint(5, 5)
    event = QHelpEvent(QEvent.Type.ToolTip, place, box.mapToGlobal(place))
    QApplication.sendEvent(box, event)
    return QToolTip.text()


def test_a_long_text_ends_in_an_ellipsis_and_its_tool_tip_says_all(qtbot: QtBot) -> None:
    box = shown_box(qtbot, 120)
    shown = box.shown_text()
    assert shown.endswith("…")
    assert TEXT.startswith(shown[:-1])
    assert box.fontMetrics().horizontalAdvance(shown) < 120
    assert box.currentText() == TEXT
    said = tip_of(box)
    assert "(a part of &lt;b&gt; 1 image)<br>Images &amp; such" in said


def test_a_text_that_has_room_is_left_alone(qtbot: QtBot) -> None:
    box = shown_box(qtbot, 500)
    assert box.shown_text() == TEXT
    assert tip_of(box) == "Images & such"


def test_an_icon_takes_room(qtbot: QtBot) -> None:
    box = shown_box(qtbot, 150)
    before = box.shown_text()
    picture = QPixmap(16, 16)
    picture.fill()
    box.setItemIcon(0, QIcon(picture))
    box.setIconSize(QSize(16, 16))
    assert len(box.shown_text()) < len(before)


def test_it_is_painted_with_the_shortened_text(qtbot: QtBot) -> None:
    long, short = shown_box(qtbot, 120), shown_box(qtbot, 120)
    short.setItemText(0, long.shown_text())
    assert long.grab().toImage() == short.grab().toImage()
