"""Lists that leave columns out while they are narrow."""

from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QTreeWidgetItem

from napari_piximi.ui.kept_list import LEAST, Column, KeptLine, KeptList

COLUMNS = (
    Column("Model", "m"),
    Column("On", "o", 54),
    Column("Run", "r", 34, number=True, spare=True),
    Column("Things", "t", 52, number=True, spare=True),
    Column("F1", "f", 46, number=True),
)


def shown(made: KeptList) -> list[str]:
    titles = made.headerItem()
    assert isinstance(titles, QTreeWidgetItem)
    return [c.title for n, c in enumerate(COLUMNS) if not made.isColumnHidden(n)]


def test_names_keep_their_room(qtbot: QtBot) -> None:
    made = KeptList("list", COLUMNS, lambda entry: KeptLine((entry, "a", "1", "2", "3"), "hint"))
    qtbot.addWidget(made)
    made.show_entries(["SimpleCNN 1", "SimpleCNN 2"], lambda _: False)
    made.show()
    others = sum(column.width for column in COLUMNS)
    edge = 2 * made.frameWidth()
    for width, wanted in (
        (others + LEAST, ["Model", "On", "Run", "Things", "F1"]),
        (others + LEAST - 1, ["Model", "On", "Things", "F1"]),
        (others + LEAST - 34, ["Model", "On", "Things", "F1"]),
        (others + LEAST - 35, ["Model", "On", "F1"]),
        (others + LEAST - 200, ["Model", "On", "F1"]),
        (others + LEAST + 100, ["Model", "On", "Run", "Things", "F1"]),
    ):
        made.resize(width + edge, made.height())
        qtbot.wait(1)
        assert shown(made) == wanted
        if width >= others + LEAST - 86:
            assert made.columnWidth(0) >= LEAST
    assert [made.columnWidth(n) for n in range(1, 5)] == [54, 34, 52, 46]
