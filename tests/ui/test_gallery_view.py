from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QItemSelection, QModelIndex, QPoint, QPointF, QRect, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication
from tests.ui.gallery_project import gallery_project, hands

from napari_piximi.model import edits
from napari_piximi.model.gallery import Gallery, SortKey
from napari_piximi.model.project import Project, new_project
from napari_piximi.ui.gallery_grid import CellGrid
from napari_piximi.ui.gallery_items import GalleryItems
from napari_piximi.ui.gallery_view import LARGEST, GalleryView

Mods, Left, Keys = Qt.KeyboardModifier, Qt.MouseButton.LeftButton, Qt.Key


@pytest.fixture
def gallery() -> Gallery:
    project = gallery_project(60)
    made = Gallery(project)
    made.set_query(replace(made.query, kind=project.find_kind("cells").id))
    return made


@pytest.fixture
def view(gallery: Gallery, qtbot: QtBot) -> Iterator[GalleryView]:
    made = GalleryView(gallery)
    qtbot.addWidget(made)
    made.resize(520, 420)
    gallery.arranged.connect(lambda: made.rearrange(follow=True))
    gallery.repainted.connect(made.repaint_things)
    gallery.selected.connect(made.take_selection)
    with qtbot.waitExposed(made):
        made.show()
    qtbot.waitUntil(lambda: made.scroll_bar.maximum() > 0)
    yield made
    made.thumbnails.stop()


def click(
    view: GalleryView, qtbot: QtBot, row: int, keys: Qt.KeyboardModifier = Mods.NoModifier
) -> None:
    hands.mouseClick(view.canvas, Left, keys, view.cell_rect(row).center())


def selection_of(view: GalleryView) -> QItemSelection:
    model = view.selectionModel()
    assert model is not None
    return model.selection()


def chosen(gallery: Gallery) -> list[int]:
    return sorted(row for row in map(gallery.row, gallery.selection) if row is not None)


def edit(gallery: Gallery, after: Project) -> None:
    gallery.update(gallery.project, after)


# --- what is shown ------------------------------------------------------------


def test_all_things_are_rows_and_in_a_grid(view: GalleryView, gallery: Gallery) -> None:
    assert view.items.rowCount() == 60
    assert view.items.index(3).data() == "cell 3"
    assert view.cell_rect(0).top() == view.cell_rect(1).top() < view.cell_rect(5).top()
    assert view.rows_in_sight().start == 0
    assert 8 < len(view.rows_in_sight()) < 60


def test_thumbnails_come_for_what_is_in_sight_first(view: GalleryView, qtbot: QtBot) -> None:
    told: list[str] = []
    view.thumbnails.ready.connect(told.extend)
    view.thumbnails.clear()
    view.scroll_bar.setValue(view.scroll_bar.maximum())
    view.canvas.repaint()
    sight = view.rows_in_sight()
    assert sight.stop == 60
    last = [view.items.ids[row] for row in sight]
    qtbot.waitUntil(lambda: set(last) <= set(told), timeout=5000)
    assert told[0] == last[0]
    assert view.thumbnails.get(view.items.thing(0)) is None


def test_thumbnails_appear_on_the_screen(view: GalleryView, qtbot: QtBot) -> None:
    thing, side = view.items.thing(0), view.cells.side
    qtbot.waitUntil(lambda: view.thumbnails.is_fresh(view.items.project, thing, side), timeout=5000)
    QApplication.processEvents()
    center = view.cell_rect(0).center()
    shown = view.canvas.grab().toImage().pixelColor(center)
    empty = view.cells.colors.empty
    assert shown != empty


def test_the_frame_has_the_color_of_the_category(view: GalleryView, gallery: Gallery) -> None:
    edit(gallery, edits.categorize(gallery.project, ["cell-0"], "1round"))
    category = gallery.project.categories["1round"]
    shown = view.canvas.grab().toImage()
    rect = view.cell_rect(0)
    middle, across = rect.center().y(), range(rect.left(), rect.right() + 1)
    row = [shown.pixelColor(x, middle).name().upper() for x in across]
    assert row.count(category.color.upper()) >= 6


def test_the_frame_of_a_prediction_is_dashed(view: GalleryView, gallery: Gallery) -> None:
    from napari_piximi.model.things import Prediction

    said = {"cell-0": Prediction("1round", 0.75)}
    edit(gallery, edits.set_predictions(gallery.project, said))
    color = gallery.project.categories["1round"].color.upper()
    shown = view.canvas.grab().toImage()
    rect = view.cell_rect(0)
    runs = [
        shown.pixelColor(x, rect.top() + 5).name().upper() == color
        for x in range(rect.left(), rect.right() + 1)
    ]
    changes = sum(a != b for a, b in pairwise(runs))
    assert changes > 8  # on and off; a solid frame has two


def test_an_edit_paints_only_what_is_in_sight(view: GalleryView, gallery: Gallery) -> None:
    told: list[tuple[int, int]] = []
    view.items.dataChanged.connect(lambda a, b: told.append((a.row(), b.row())))
    edit(gallery, edits.categorize(gallery.project, ["cell-1", "cell-4"], "1round"))
    assert told == [(1, 4)]
    edit(gallery, edits.categorize(gallery.project, gallery.ids, "1long"))
    assert told[1][0] == 0
    assert told[1][1] < 59
    edit(gallery, edits.categorize(gallery.project, ["cell-59"], "1round"))
    assert len(told) == 2


def test_another_size_keeps_what_is_at_the_top(view: GalleryView, qtbot: QtBot) -> None:
    view.scroll_bar.setValue(view.scroll_bar.maximum() // 2)
    first = view.rows_in_sight().start
    assert first > 0
    view.set_size(48)
    qtbot.waitUntil(lambda: view.gridSize().height() < 100)
    QApplication.processEvents()
    assert first in view.rows_in_sight()
    view.set_size(1000)
    assert view.cells.size == LARGEST


def test_an_edit_that_takes_things_away_does_not_scroll(
    view: GalleryView, gallery: Gallery
) -> None:
    gallery.arranged.disconnect()
    gallery.arranged.connect(lambda: view.rearrange(follow=False))
    view.scroll_bar.setValue(300)
    edit(gallery, edits.delete_things(gallery.project, ["cell-59"]))
    QApplication.processEvents()
    assert view.items.rowCount() == 59
    assert view.scroll_bar.value() == 300


def test_a_large_gallery_stays_in_its_place_while_it_is_laid_out(qtbot: QtBot) -> None:
    project = gallery_project(9000)
    gallery = Gallery(project)
    gallery.set_query(replace(gallery.query, kind=project.find_kind("cells").id))
    view = GalleryView(gallery)
    qtbot.addWidget(view)
    view.resize(520, 420)
    with qtbot.waitExposed(view):
        view.show()
    lines = 9000 // 4 * view.gridSize().height() - 1000
    qtbot.waitUntil(lambda: view.scroll_bar.maximum() > lines, timeout=5000)
    view.scroll_bar.setValue(lines)
    before = view.rows_in_sight()
    assert before.start > 8000
    edit(gallery, edits.delete_things(project, ["cell-8999"]))
    view.rearrange(follow=False)
    QApplication.processEvents()
    assert view.rows_in_sight() == before
    assert view.scroll_bar.value() == lines
    view.resize(800, 420)
    QApplication.processEvents()
    assert before.start in view.rows_in_sight()
    view.set_size(40)
    QApplication.processEvents()
    assert before.start in view.rows_in_sight()
    qtbot.wait(300)  # Qt lays out once more
    assert before.start in view.rows_in_sight()
    view.thumbnails.stop()


def test_no_place_is_laid_out_row_by_row(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Qt asks for each of 100,000 rows: 0.2 s at each step of the slider."""
    project = gallery_project(3000)
    gallery = Gallery(project)
    gallery.set_query(replace(gallery.query, kind=project.find_kind("cells").id))
    view = GalleryView(gallery)
    qtbot.addWidget(view)
    view.resize(520, 420)
    with qtbot.waitExposed(view):
        view.show()
    view.scroll_bar.setValue(view.scroll_bar.maximum() // 2)
    asked: list[int] = []
    count, rect = GalleryItems.rowCount, CellGrid.cell_rect

    def counted(own: GalleryItems, parent: QModelIndex | None = None) -> int:
        asked.append(0)
        return count(own, parent)

    def placed(own: CellGrid, row: int) -> QRect:
        asked.append(row)
        return rect(own, row)

    monkeypatch.setattr(GalleryItems, "rowCount", counted)
    monkeypatch.setattr(CellGrid, "cell_rect", placed)
    for size in (100, 60, 130):
        view.set_size(size)
        QApplication.processEvents()
    view.resize(700, 420)
    view.rearrange(follow=False)
    QApplication.processEvents()
    assert len(asked) < 2500
    view.thumbnails.stop()


def test_rows_in_sight_are_those_whose_cells_can_be_seen(view: GalleryView) -> None:
    for value in (0, 1, 137, 300, view.scroll_bar.maximum()):
        view.scroll_bar.setValue(value)
        seen = [row for row in range(60) if view.cell_rect(row).intersects(view.canvas.rect())]
        assert set(seen) <= set(view.rows_in_sight())
        assert len(view.rows_in_sight()) <= len(seen) + 4  # a gap may be all that is in sight
        for row in seen:
            assert view.indexAt(view.cell_rect(row).center()).row() == row
    assert not view.indexAt(QPoint(5, -100)).isValid() or view.scroll_bar.value() > 0


def test_names_are_drawn_in_one_line_that_nothing_turns_round(view: GalleryView) -> None:
    view.cells.set_size(256)
    assert view.cells._line("\u202ecell\n12\u202c \u2066a\u2069", slanted=False) == "cell 12 a"
    assert len(view.cells._line("x" * 300_000, slanted=False)) <= 120


def test_an_empty_grid_takes_mouse_and_keys(qtbot: QtBot) -> None:
    view = GalleryView(Gallery(new_project()))
    qtbot.addWidget(view)
    with qtbot.waitExposed(view):
        view.show()
    for key in (Keys.Key_Down, Keys.Key_End, Keys.Key_PageDown, Keys.Key_Home):
        hands.keyClick(view, key)
    hands.keyClick(view, Keys.Key_A, Mods.ControlModifier)
    hands.mousePress(view.canvas, Left, pos=QPoint(5, 5))
    hands.mouseMove(view.canvas, QPoint(90, 90))
    hands.mouseRelease(view.canvas, Left, pos=QPoint(90, 90))
    assert not view.currentIndex().isValid()
    assert view.rows_in_sight() == range(0)


# --- selection ------------------------------------------------------------


def test_clicks_select(view: GalleryView, gallery: Gallery, qtbot: QtBot) -> None:
    click(view, qtbot, 2)
    assert (chosen(gallery), gallery.current) == ([2], "cell-2")
    click(view, qtbot, 5, Mods.ShiftModifier)
    assert chosen(gallery) == [2, 3, 4, 5]
    click(view, qtbot, 3, Mods.ControlModifier)
    assert chosen(gallery) == [2, 4, 5]
    click(view, qtbot, 7, Mods.ControlModifier)
    assert (chosen(gallery), gallery.current) == ([2, 4, 5, 7], "cell-7")
    click(view, qtbot, 1)
    assert chosen(gallery) == [1]


def test_a_rubber_band_selects(view: GalleryView, gallery: Gallery, qtbot: QtBot) -> None:
    start = view.cell_rect(0).topLeft() + QPoint(1, 1)
    end = view.cell_rect(5).center()
    hands.mousePress(view.canvas, Left, pos=start)
    hands.mouseMove(view.canvas, start + QPoint(30, 30))
    hands.mouseMove(view.canvas, end)
    hands.mouseRelease(view.canvas, Left, pos=end)
    assert chosen(gallery) == [0, 1, 4, 5]


def test_a_rubber_band_reaches_where_it_began_after_scrolling(
    view: GalleryView, gallery: Gallery
) -> None:
    start, end = view.cell_rect(1).topLeft() + QPoint(3, 3), view.cell_rect(2).center()
    hands.mousePress(view.canvas, Left, pos=start)
    hands.mouseMove(view.canvas, start + QPoint(30, 30))
    view.scroll_bar.setValue(3 * view.gridSize().height())
    hands.mouseMove(view.canvas, end)
    hands.mouseRelease(view.canvas, Left, pos=end)
    assert chosen(gallery) == [1, 2, 5, 6, 9, 10, 13, 14]


def test_the_rubber_band_is_seen_and_goes(view: GalleryView) -> None:
    before = view.canvas.grab().toImage()
    hands.mousePress(view.canvas, Left, pos=QPoint(1, 1))
    hands.mouseMove(view.canvas, QPoint(40, 40))
    hands.mouseMove(view.canvas, QPoint(300, 200))
    view.clearSelection()
    band = view.canvas.grab().toImage()
    inner = QPoint(view.cell_rect(0).right() + 2, 20)  # between two cells
    assert band.pixelColor(inner) != before.pixelColor(inner)
    hands.mouseRelease(view.canvas, Left, pos=QPoint(300, 200))
    view.clearSelection()
    assert view.canvas.grab().toImage().pixelColor(inner) == before.pixelColor(inner)


def test_a_click_between_cells_selects_nothing(view: GalleryView, gallery: Gallery) -> None:
    gallery.select(["cell-3"], "cell-3")
    below = view.cell_rect(0).bottomLeft() + QPoint(20, 1)
    assert not view.indexAt(below).isValid()
    hands.mouseClick(view.canvas, Left, pos=below)
    assert chosen(gallery) == []


@pytest.mark.parametrize(
    ("start", "key", "keys", "expected"),
    [
        (2, Keys.Key_Up, Mods.NoModifier, [2]),
        (9, Keys.Key_Up, Mods.NoModifier, [5]),
        (0, Keys.Key_Left, Mods.NoModifier, [0]),
        (59, Keys.Key_Right, Mods.NoModifier, [59]),
        (57, Keys.Key_Down, Mods.NoModifier, [57]),
        (6, Keys.Key_Home, Mods.NoModifier, [0]),
        (6, Keys.Key_Home, Mods.ShiftModifier, [0, 1, 2, 3, 4, 5, 6]),
        (57, Keys.Key_End, Mods.ShiftModifier, [57, 58, 59]),
        (1, Keys.Key_Down, Mods.ShiftModifier, [1, 2, 3, 4, 5]),
        (1, Keys.Key_PageDown, Mods.NoModifier, [9]),
        (14, Keys.Key_PageUp, Mods.NoModifier, [6]),
        (5, Keys.Key_PageUp, Mods.NoModifier, [1]),
    ],
)
def test_where_keys_lead(
    view: GalleryView,
    gallery: Gallery,
    start: int,
    key: Qt.Key,
    keys: Qt.KeyboardModifier,
    expected: list[int],
) -> None:
    view.scrollTo(view.items.index(start))
    hands.mouseClick(view.canvas, Left, pos=view.cell_rect(start).center())
    assert view.canvas.height() // view.gridSize().height() == 2
    hands.keyClick(view, key, keys)
    assert chosen(gallery) == expected
    row = view.currentIndex().row()
    assert view.canvas.rect().contains(view.cell_rect(row))


def test_down_goes_to_the_end_of_a_shorter_last_line(view: GalleryView, gallery: Gallery) -> None:
    edit(gallery, edits.delete_things(gallery.project, ["cell-58", "cell-59"]))
    gallery.select(["cell-55"], "cell-55")
    hands.keyClick(view, Keys.Key_Down)
    assert gallery.current == "cell-57"


def test_ctrl_a_and_escape(view: GalleryView, gallery: Gallery, qtbot: QtBot) -> None:
    click(view, qtbot, 3)
    hands.keyClick(view, Keys.Key_A, Mods.ControlModifier)
    assert len(gallery.selection) == 60
    assert gallery.current == "cell-3"
    hands.keyClick(view, Keys.Key_Escape)
    assert gallery.selection == frozenset()


def test_arrow_keys_move_on(view: GalleryView, gallery: Gallery, qtbot: QtBot) -> None:
    click(view, qtbot, 0)
    hands.keyClick(view, Keys.Key_Right)
    assert (chosen(gallery), gallery.current) == ([1], "cell-1")
    hands.keyClick(view, Keys.Key_Down)
    assert chosen(gallery) == [5]
    hands.keyClick(view, Keys.Key_Left, Mods.ShiftModifier)
    assert chosen(gallery) == [4, 5]
    hands.keyClick(view, Keys.Key_End)
    assert gallery.current == "cell-59"
    assert 59 in view.rows_in_sight()


def test_the_gallery_s_selection_is_shown(view: GalleryView, gallery: Gallery) -> None:
    told: list[int] = []
    gallery.selected.connect(lambda: told.append(len(gallery.selection)))
    gallery.select(["cell-1", "cell-2", "cell-40"], "cell-40")
    assert view.items.ids_of(selection_of(view)) == ["cell-1", "cell-2", "cell-40"]
    assert view.currentIndex().row() == 40
    assert 40 in view.rows_in_sight()
    assert told == [3]  # what comes back from Qt is the same, so nobody is told again


def test_a_selection_in_pieces_is_quickly_replaced_by_all(
    view: GalleryView, gallery: Gallery
) -> None:
    gallery.select(gallery.ids[::2], "cell-6")
    assert len(selection_of(view)) == 30
    view.selectAll()
    assert len(gallery.selection) == 60
    assert gallery.current == "cell-6"
    gallery.select(gallery.ids[1::2])
    assert len(selection_of(view)) == 30
    assert chosen(gallery) == list(range(1, 60, 2))


def test_a_selection_lives_through_another_order(view: GalleryView, gallery: Gallery) -> None:
    gallery.select(["cell-1", "cell-7"], "cell-7")
    gallery.set_query(replace(gallery.query, sort=SortKey.RANDOM, seed=3))
    assert gallery.selection == {"cell-1", "cell-7"}
    shown = view.items.ids_of(selection_of(view))
    assert sorted(shown) == ["cell-1", "cell-7"]
    assert view.items.ids[view.currentIndex().row()] == "cell-7"


def test_what_is_out_of_sight_stays_selected_until_the_user_selects(
    view: GalleryView, gallery: Gallery, qtbot: QtBot
) -> None:
    gallery.set_query(replace(gallery.query, text="cell 1"))
    gallery.select(["cell-1", "cell-2"], "cell-1")  # as a click in the viewer does
    assert view.items.ids_of(selection_of(view)) == ["cell-1"]
    assert gallery.selection == {"cell-1", "cell-2"}
    click(view, qtbot, 0, Mods.ControlModifier)
    click(view, qtbot, 3)
    assert len(gallery.selection) == 1


def test_select_all_of_a_fragmented_hundred_thousand_does_not_hang(qtbot: QtBot) -> None:
    """Qt alone compares every part with every other: 20 seconds."""
    import time

    project = gallery_project(30_000)
    gallery = Gallery(project)
    gallery.set_query(replace(gallery.query, kind=project.find_kind("cells").id))
    view = GalleryView(gallery)
    qtbot.addWidget(view)
    gallery.selected.connect(view.take_selection)
    start = time.perf_counter()
    gallery.select(gallery.ids[::2])
    view.selectAll()
    gallery.select(gallery.ids[::2])
    view.clearSelection()
    assert time.perf_counter() - start < 5
    assert not gallery.selection
    view.thumbnails.stop()


# --- keys and wheel ------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "keys", "digit"),
    [(Keys.Key_3, Mods.NoModifier, 3), (Keys.Key_0, Mods.KeypadModifier, 0),
     (Keys.Key_Exclam, Mods.ShiftModifier, 1)],
)  # fmt: skip
def test_number_keys(
    view: GalleryView, qtbot: QtBot, key: Qt.Key, keys: Qt.KeyboardModifier, digit: int
) -> None:
    with qtbot.waitSignal(view.numbered) as heard:
        hands.keyClick(view, key, keys)
    assert heard.args == [digit]


def test_enter_and_double_click_open(view: GalleryView, qtbot: QtBot) -> None:
    click(view, qtbot, 4)
    with qtbot.waitSignal(view.opened) as heard:
        hands.keyClick(view, Keys.Key_Return)
    assert heard.args == ["cell-4"]
    click(view, qtbot, 2)
    with qtbot.waitSignal(view.opened) as heard:
        hands.mouseDClick(view.canvas, Left, pos=view.cell_rect(2).center())
    assert heard.args == ["cell-2"]


def test_letters_do_not_jump_about(view: GalleryView, gallery: Gallery, qtbot: QtBot) -> None:
    click(view, qtbot, 4)
    hands.keyClick(view, Keys.Key_C)
    assert gallery.current == "cell-4"


@pytest.mark.parametrize(("keys", "expected"), [(Mods.ControlModifier, 110), (None, None)])
def test_ctrl_and_the_wheel_change_the_size(
    view: GalleryView, qtbot: QtBot, keys: Qt.KeyboardModifier | None, expected: int | None
) -> None:
    heard: list[int] = []
    view.resized.connect(heard.append)
    at = QPointF(view.cell_rect(0).center())
    turn = QWheelEvent(
        at, view.canvas.mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        keys or Mods.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.canvas, turn)
    assert heard == ([expected] if expected else [])
