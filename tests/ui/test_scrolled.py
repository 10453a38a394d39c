"""Pages that may be higher than their dock."""

from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_piximi.ui.scrolled import BESIDE, LOW, LowPage


def test_a_page_asks_for_no_more_height_than_a_small_screen_has(qtbot: QtBot) -> None:
    """Else the window would grow beyond the screen's edge with every line that a page says."""
    content = QWidget()
    column = QVBoxLayout(content)
    page = LowPage(content)
    qtbot.addWidget(page)
    screen = page.screen()
    assert screen is not None
    most = max(screen.availableGeometry().height() - BESIDE, LOW)
    column.addWidget(QLabel("one line that is as wide as this"))
    assert page.minimumSizeHint().height() == content.minimumSizeHint().height() < most
    for _ in range(100):
        column.addWidget(QLabel("another"))
    assert content.minimumSizeHint().height() > most
    assert page.minimumSizeHint().height() == most


def test_nothing_is_cut_off_beside_its_scroll_bar(qtbot: QtBot) -> None:
    content = QWidget()
    column = QVBoxLayout(content)
    for _ in range(100):
        column.addWidget(QLabel("a line that is as wide as this"))
    page = LowPage(content)
    qtbot.addWidget(page)
    page.resize(page.minimumSizeHint())
    page.show()
    qtbot.waitExposed(page)
    bar, view = page.verticalScrollBar(), page.viewport()
    assert bar is not None
    assert view is not None
    assert bar.isVisible()
    assert view.width() >= content.minimumSizeHint().width()
