"""The Categories dock: controls are set, and the project looked at."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.layers import Image as ImageLayer
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QModelIndex, QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QLineEdit
from tests.ui.pressing import click, double_click, press, write

from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import (
    IMAGE_KIND,
    PALETTE,
    Annotation,
    ArrayPixels,
    Image,
    Partition,
)
from napari_piximi.ui.categories_panel import CategoriesPanel
from napari_piximi.ui.category_items import Column
from napari_piximi.ui.color_menu import ColorMenu
from napari_piximi.ui.workspace import Workspace

Key = Qt.Key
LEFT = Qt.MouseButton.LeftButton


def cells() -> Project:
    """Make four images and the categories a, b, c; the kind nucleus with one object."""
    project = new_project("Cells")
    for name in ("a", "b", "c"):
        project = edits.create_category(project, IMAGE_KIND, name, category_id=name)
    unknown = project.kinds[IMAGE_KIND].unknown
    pixels = ArrayPixels(np.zeros((1, 4, 4, 1), np.uint8))
    images = [Image(f"i{n}", f"image {n}", unknown, pixels) for n in range(4)]
    project = edits.create_kind(edits.add_images(project, images), "nucleus")
    kind = project.find_kind("nucleus")
    runs = np.array([0, 4], "<u4").tobytes()
    object_ = Annotation("o0", "object 0", kind.id, kind.unknown, "i0", (0, 0, 2, 2), runs)
    return edits.add_annotations(project, [object_])


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace) -> CategoriesPanel:
    workspace.open_project(cells())
    made = CategoriesPanel(workspace.viewer)
    qtbot.addWidget(made)
    made.resize(320, 400)
    made.show()
    return made


def names(panel: CategoriesPanel) -> list[str]:
    return [row.name for row in panel.items.rows]


def count(panel: CategoriesPanel, category: str) -> str:
    row = panel.items.row_of(category)
    assert row is not None
    return str(panel.items.index(row, Column.TOTAL).data())


def click_cell(panel: CategoriesPanel, category: str, column: Column) -> None:
    row = panel.items.row_of(category)
    assert row is not None
    place = panel.list.visualRect(panel.items.index(row, column)).center()
    click(panel.list.viewport(), place)


# --- what is drawn -------------------------------------------------------------------------


def test_unknown_comes_first_with_key_0(panel: CategoriesPanel) -> None:
    assert names(panel) == ["Unknown", "a", "b", "c"]
    assert [row.key for row in panel.items.rows] == ["0", "1", "2", "3"]
    assert count(panel, panel.items.rows[0].id) == "4"


def test_only_nine_more_have_keys(panel: CategoriesPanel) -> None:
    for number in range(8):
        panel.name.setText(f"category {number}")
        panel.create_category()
    assert [row.key for row in panel.items.rows] == [*"0123456789", "", ""]


def test_counts_per_partition(panel: CategoriesPanel, workspace: Workspace) -> None:
    workspace.edit("Categorise", edits.categorize, ["i0", "i1", "i2"], "a")
    workspace.edit("Split", edits.set_partition, ["i0"], Partition.TRAINING)
    row = panel.items.row_of("a")
    assert row is not None
    assert count(panel, "a") == "3"
    tip = panel.items.index(row, Column.NAME).data(Qt.ItemDataRole.ToolTipRole)
    assert tip == "a: Unassigned 2, Training 1"
    assert panel.list.isColumnHidden(Column.TRAINING)
    panel.resize(600, 400)
    assert not panel.list.isColumnHidden(Column.TRAINING)
    assert panel.items.index(row, Column.TRAINING).data() == "1"


def test_only_what_differs_is_drawn_again(panel: CategoriesPanel, workspace: Workspace) -> None:
    changed: list[int] = []
    panel.items.dataChanged.connect(lambda first, *_: changed.append(first.row()))
    panel.items.modelReset.connect(lambda: changed.append(-1))
    workspace.edit("Categorise", edits.categorize, ["i0"], "b")
    assert changed == [0, 2]


def test_out_of_sight_nothing_is_drawn_until_it_is_shown(
    panel: CategoriesPanel, workspace: Workspace
) -> None:
    panel.hide()
    workspace.edit("Categorise", edits.categorize, ["i0"], "a")
    assert count(panel, "a") == "0"
    panel.show()
    assert count(panel, "a") == "1"


def test_another_kind(panel: CategoriesPanel, workspace: Workspace) -> None:
    kind = workspace.project.find_kind("nucleus").id
    workspace.gallery.set_query(replace(workspace.gallery.query, kind=kind))
    assert names(panel) == ["Unknown"]
    assert panel.name.placeholderText() == "New category of nucleus"


def test_everything_has_a_tip_and_a_name(panel: CategoriesPanel) -> None:
    for control in (panel.assign, panel.only, panel.more, panel.name, panel.add):
        assert control.toolTip()
        assert control.accessibleName()
    for column in Column:
        index = panel.items.index(1, column)
        assert index.data(Qt.ItemDataRole.ToolTipRole)
        assert index.data(Qt.ItemDataRole.AccessibleTextRole) is not None
    assert panel.minimumSizeHint().width() <= 320


# --- create, rename, recolour ------------------------------------------------------------------


def test_create(panel: CategoriesPanel, workspace: Workspace) -> None:
    write(panel.name, "mitosis")
    press(panel.name, Key.Key_Return)
    made = workspace.project.categories[workspace.project.known_categories(IMAGE_KIND)[-1]]
    assert (made.name, made.color) == ("mitosis", PALETTE[3])
    assert panel.list.current() == made.id
    assert panel.name.text() == ""
    assert workspace.session.undo_label == "Create category mitosis"
    workspace.undo()
    assert names(panel) == ["Unknown", "a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "said"), [("A", "already"), ("unknown", "already"), (" ", "Type")]
)
def test_names_are_unique_and_the_panel_says_so(
    panel: CategoriesPanel,
    workspace: Workspace,
    notifications: list[Notification],
    name: str,
    said: str,
) -> None:
    before = workspace.project
    panel.name.setText(name)
    click(panel.add)
    assert workspace.project is before
    assert panel.trouble.isVisible()
    assert said in panel.trouble.text()
    assert panel.name.text() == name  # to be mended
    assert notifications == []
    press(panel.name, Key.Key_X)
    assert not panel.trouble.isVisible()


def editor_of(panel: CategoriesPanel) -> QLineEdit:
    editors = panel.list.viewport().findChildren(QLineEdit)  # type: ignore[union-attr]
    assert len(editors) == 1
    return editors[0]


def test_rename_in_place(qtbot: QtBot, panel: CategoriesPanel, workspace: Workspace) -> None:
    panel.list.choose("a")
    panel.list.setFocus()
    press(panel.list, Key.Key_F2)
    editor = editor_of(panel)
    editor.selectAll()
    write(editor, "b")
    assert "already" in panel.trouble.text()  # said while it is typed
    write(editor, "lur")
    assert not panel.trouble.isVisible()
    press(editor, Key.Key_Return)
    qtbot.waitUntil(lambda: workspace.project.categories["a"].name == "blur")
    assert workspace.session.undo_label == "Rename category a to blur"


def test_a_name_that_is_taken_is_not(panel: CategoriesPanel, workspace: Workspace) -> None:
    index = panel.items.index(1, Column.NAME)
    assert not panel.items.setData(index, "B")
    assert workspace.project.categories["a"].name == "a"
    assert "already" in panel.trouble.text()


def test_a_name_given_up_is_not_complained_of(panel: CategoriesPanel, qtbot: QtBot) -> None:
    panel.list.choose("a")
    press(panel.list, Key.Key_F2)
    editor = editor_of(panel)
    editor.selectAll()
    write(editor, "b")
    assert panel.trouble.isVisible()
    press(editor, Key.Key_Escape)
    qtbot.waitUntil(lambda: not panel.trouble.isVisible())
    assert panel.items.rows[1].name == "a"


def test_recolour(
    panel: CategoriesPanel, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[ColorMenu] = []
    monkeypatch.setattr(ColorMenu, "popup", lambda menu, _place: shown.append(menu))
    click_cell(panel, "a", Column.COLOR)
    (menu,) = shown
    assert [swatch.toolTip() for swatch in menu.swatches] == list(PALETTE)
    menu.swatches[6].click()
    assert workspace.project.categories["a"].color == PALETTE[6]
    assert workspace.session.undo_label == "Recolour category a"
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor("#12abEF"))
    menu.actions()[-1].trigger()
    assert workspace.project.categories["a"].color == "#12ABEF"
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor())
    menu.actions()[-1].trigger()
    assert workspace.project.categories["a"].color == "#12ABEF"


# --- hide, delete, order ---------------------------------------------------------------------


def test_the_eye(panel: CategoriesPanel, workspace: Workspace) -> None:
    click_cell(panel, "b", Column.EYE)
    assert not workspace.project.categories["b"].visible
    assert workspace.session.undo_label == "Hide category b"
    panel.list.choose("b")
    press(panel.list, Key.Key_Space)
    assert workspace.project.categories["b"].visible


def test_delete(panel: CategoriesPanel, workspace: Workspace) -> None:
    workspace.edit("Categorise", edits.categorize, ["i0"], "b")
    panel.list.choose("b")
    press(panel.list, Key.Key_Delete)
    assert names(panel) == ["Unknown", "a", "c"]
    assert panel.list.current() == "c"
    unknown = workspace.project.kinds[IMAGE_KIND].unknown
    assert workspace.project.things["i0"].category == unknown
    workspace.undo()
    assert workspace.project.things["i0"].category == "b"


def test_unknown_stays(panel: CategoriesPanel, workspace: Workspace) -> None:
    before, unknown = workspace.project, panel.items.rows[0].id
    panel.list.choose(unknown)
    for key, modifier in ((Key.Key_Delete, Qt.KeyboardModifier.NoModifier),
                          (Key.Key_Down, Qt.KeyboardModifier.AltModifier),
                          (Key.Key_F2, Qt.KeyboardModifier.NoModifier)):  # fmt: skip
        press(panel.list, key, modifier)
    assert workspace.project is before
    assert panel.list.viewport().findChildren(QLineEdit) == []  # type: ignore[union-attr]
    flags = panel.items.flags(panel.items.index(0, Column.NAME))
    assert not flags & Qt.ItemFlag.ItemIsDragEnabled


@pytest.mark.parametrize(
    ("category", "keys", "expected"),
    [
        ("a", [Key.Key_Down], ["b", "a", "c"]),
        ("a", [Key.Key_Down] * 5, ["b", "c", "a"]),
        ("c", [Key.Key_Up, Key.Key_Up], ["c", "a", "b"]),
        ("a", [Key.Key_Up], ["a", "b", "c"]),
    ],
)
def test_move_by_keys(
    panel: CategoriesPanel,
    workspace: Workspace,
    category: str,
    keys: list[Qt.Key],
    expected: list[str],
) -> None:
    panel.list.choose(category)
    for key in keys:
        press(panel.list, key, Qt.KeyboardModifier.AltModifier)
    assert list(workspace.project.known_categories(IMAGE_KIND)) == expected
    assert names(panel) == ["Unknown", *expected]
    assert panel.list.current() == category


@pytest.mark.parametrize(
    ("category", "row", "expected"),
    [
        ("a", 4, ["b", "c", "a"]),
        ("a", 3, ["b", "a", "c"]),
        ("c", 1, ["c", "a", "b"]),
        ("c", 0, ["c", "a", "b"]),  # before Unknown: that stays the first
        ("b", 2, ["a", "b", "c"]),
        ("b", 3, ["a", "b", "c"]),
        ("b", -1, ["a", "c", "b"]),  # onto the empty space below
    ],
)
def test_move_by_dragging(
    panel: CategoriesPanel, workspace: Workspace, category: str, row: int, expected: list[str]
) -> None:
    dragged = panel.items.row_of(category)
    assert dragged is not None
    data = panel.items.mimeData([panel.items.index(dragged, Column.NAME)])
    move = Qt.DropAction.MoveAction
    assert not panel.items.dropMimeData(data, move, row, 0, QModelIndex())
    assert list(workspace.project.known_categories(IMAGE_KIND)) == expected


def test_unknown_keeps_its_place_in_the_file(panel: CategoriesPanel, workspace: Workspace) -> None:
    unknown = workspace.project.kinds[IMAGE_KIND].unknown
    workspace.edit("Move", edits.reorder_categories, IMAGE_KIND, ["a", unknown, "b", "c"])
    panel.step("c", -1)
    assert workspace.project.kinds[IMAGE_KIND].categories == ("a", unknown, "c", "b")


# --- giving ----------------------------------------------------------------------------------


def test_nothing_selected(panel: CategoriesPanel, workspace: Workspace) -> None:
    before = workspace.project
    panel.list.choose("a")
    assert panel.target.text() == "Nothing selected"
    assert not panel.assign.isEnabled()
    press(panel.list, Key.Key_1)
    assert workspace.project is before
    assert "Select things" in panel.trouble.text()
    workspace.gallery.select(["i0"])
    assert not panel.trouble.isVisible()


def test_give_to_the_selection(panel: CategoriesPanel, workspace: Workspace) -> None:
    workspace.gallery.select(["i0", "i1"])
    assert panel.target.text() == "2 selected images"
    panel.list.choose("b")
    click(panel.assign)
    assert [t.category for t in workspace.project.of_kind(IMAGE_KIND)].count("b") == 2
    assert workspace.session.undo_label == "Categorise 2 things as b"
    press(panel.list, Key.Key_3)
    assert workspace.project.things["i1"].category == "c"
    press(panel.list, Key.Key_0)
    assert workspace.project.things["i1"].category == workspace.project.kinds[IMAGE_KIND].unknown
    panel.list.choose("a")
    press(panel.list, Key.Key_Return)
    assert workspace.project.things["i0"].category == "a"
    before = workspace.project
    press(panel.list, Key.Key_9)  # no category has it
    assert workspace.project is before


def test_double_click_gives(panel: CategoriesPanel, workspace: Workspace) -> None:
    workspace.gallery.select(["i3"])
    assert panel.target.text() == "Image image 3"
    place = panel.list.visualRect(panel.items.index(2, Column.NAME)).center()
    click(panel.list.viewport(), place)
    double_click(panel.list.viewport(), place)
    assert workspace.project.things["i3"].category == "b"


@pytest.fixture
def layer(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> ImageLayer:
    """Return a layer that shows image 2; nothing in the gallery is selected."""
    made = ImageLayer(np.zeros((4, 4)), name="shown")

    def thing_of(layer: Any) -> str | None:  # noqa: ANN401
        return "i2" if layer is made else None

    monkeypatch.setattr(workspace.layers, "thing_of", thing_of, raising=False)
    return made


def test_give_to_the_selected_layer(
    panel: CategoriesPanel, workspace: Workspace, layer: ImageLayer
) -> None:
    layers = workspace.viewer.layers
    layers.append(layer)
    layers.selection.active = layer
    assert panel.target.text() == "Image image 2 (selected layer)"
    press(panel.list, Key.Key_2)
    assert workspace.project.things["i2"].category == "b"
    kind = workspace.project.find_kind("nucleus").id
    workspace.gallery.set_query(replace(workspace.gallery.query, kind=kind))
    assert "choose the kind Image" in panel.target.text()
    assert not panel.assign.isEnabled()
    layers.selection.clear()
    assert panel.target.text() == "Nothing selected"
    workspace.gallery.select(["o0"])
    assert panel.target.text() == "Object object 0"


def test_show_only(panel: CategoriesPanel, workspace: Workspace) -> None:
    workspace.edit("Categorise", edits.categorize, ["i0", "i1"], "a")
    panel.list.choose("a")
    click(panel.only)
    assert list(workspace.gallery.ids) == ["i0", "i1"]
    assert panel.only.text() == "Show all"
    assert count(panel, panel.items.rows[0].id) == "2"  # of all, not of those on show
    click(panel.only)
    assert len(workspace.gallery.ids) == 4
    assert panel.only.text() == "Show only"


def test_the_menu(panel: CategoriesPanel, workspace: Workspace) -> None:
    def enabled() -> dict[str, bool]:
        panel.fill_menu()
        return {a.text().split("\t")[0]: a.isEnabled() for a in panel.menu.actions()}

    panel.list.choose("a")
    assert all(enabled().values())
    panel.menu.actions()[5].trigger()  # move down
    assert names(panel) == ["Unknown", "b", "a", "c"]
    panel.list.choose(workspace.project.kinds[IMAGE_KIND].unknown)
    assert [text for text, on in enabled().items() if not on] == [
        "Rename", "Move up", "Move down", "Delete",
    ]  # fmt: skip


# --- keys and lives ----------------------------------------------------------------------------


def test_undo_keys(panel: CategoriesPanel, workspace: Workspace) -> None:
    before = workspace.project
    panel.list.choose("a")
    press(panel.list, Key.Key_Delete)
    control = Qt.KeyboardModifier.ControlModifier
    press(panel.list, Key.Key_Z, control)
    assert workspace.project is before
    press(panel.list, Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    assert names(panel) == ["Unknown", "b", "c"]


def test_in_a_line_of_text_the_key_takes_typing_back(
    panel: CategoriesPanel, workspace: Workspace
) -> None:
    workspace.edit("Categorise", edits.categorize, ["i0"], "a")
    before = workspace.project
    write(panel.name, "x")
    press(panel.name, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert panel.name.text() == ""
    assert workspace.project is before


def test_a_panel_that_is_gone_hears_nothing(
    qtbot: QtBot, workspace: Workspace, exceptions: Callable[[], list[BaseException]]
) -> None:
    panel = CategoriesPanel(workspace.viewer)
    panel.show()
    with qtbot.waitSignal(panel.destroyed):
        panel.deleteLater()
    workspace.edit("Create", edits.create_category, IMAGE_KIND, "late")
    workspace.gallery.selected.emit()
    workspace.viewer.layers.append(ImageLayer(np.zeros((4, 4))))
    assert exceptions() == []


@pytest.fixture
def exceptions(qtbot: QtBot) -> Callable[[], list[BaseException]]:
    """Return what was raised inside Qt's loop."""
    return lambda: [error[1] for error in getattr(qtbot, "_exceptions", [])]


def test_painting(panel: CategoriesPanel, workspace: Workspace) -> None:
    """Colour, key and eye are to be seen; black is on any theme."""
    workspace.edit("Recolour", edits.edit_category, "a", color="#00FF00")
    image = panel.list.grab().toImage()
    shown = panel.list.visualRect(panel.items.index(1, Column.COLOR)).center()
    offset = panel.list.viewport().mapTo(panel.list, QPoint(0, 0))  # type: ignore[union-attr]
    assert image.pixelColor(shown + offset).name() == "#00ff00"


LONG = "LongNameWithoutAnySpaceInIt" * 20


def test_long_names_make_the_dock_no_wider(panel: CategoriesPanel, workspace: Workspace) -> None:
    workspace.edit("Rename", edits.rename_thing, "i0", LONG)
    workspace.edit("Create", edits.create_category, IMAGE_KIND, LONG, category_id="long")
    workspace.gallery.select(["i0"])
    panel.name.setText(LONG)
    panel.create_category()  # there is one
    assert panel.trouble.isVisible()
    panel.list.choose("long")
    panel.fill_menu()
    assert panel.minimumSizeHint().width() <= 320
    assert panel.menu.sizeHint().width() < 600
    assert LONG[:100] in panel.target.toolTip()


def test_names_of_two_lines_and_of_markup(panel: CategoriesPanel, workspace: Workspace) -> None:
    name = "<b>two</b>\nlines"
    workspace.edit("Create", edits.create_category, IMAGE_KIND, name, category_id="odd")
    row = panel.items.row_of("odd")
    assert row is not None
    cell = panel.items.index(row, Column.NAME)
    assert cell.data() == "<b>two</b> lines"
    assert cell.data(Qt.ItemDataRole.EditRole) == name
    assert "&lt;b&gt;" in cell.data(Qt.ItemDataRole.ToolTipRole)


@pytest.mark.parametrize(
    "act",
    [
        lambda panel: panel.edits.recolor("gone", "#112233"),
        lambda panel: panel.edits.turn_visible("gone"),
        lambda panel: panel.edits.delete("gone"),
        lambda panel: panel.edits.rename("gone", "x"),
        lambda panel: panel.edits.check_name("gone", "x"),
        lambda panel: panel.edits.give("gone"),
    ],
)
def test_a_category_that_has_gone_meanwhile_is_told_of(
    panel: CategoriesPanel, workspace: Workspace, act: Callable[[CategoriesPanel], None]
) -> None:
    workspace.gallery.select(["i0"])
    before = workspace.project
    act(panel)
    assert "has gone meanwhile" in panel.trouble.text()
    assert workspace.project is before
    panel.ask_color("gone")  # from a menu that was open
    assert panel.findChildren(ColorMenu) == []


def test_colours_by_keys(panel: CategoriesPanel, workspace: Workspace, qtbot: QtBot) -> None:
    workspace.edit("Recolour", edits.edit_category, "a", color=PALETTE[1])
    panel.ask_color("a")
    (menu,) = panel.findChildren(ColorMenu)
    assert menu.focusWidget() is menu.swatches[1]
    press(menu.focusWidget(), Key.Key_Down)
    press(menu.focusWidget(), Key.Key_Right)
    press(menu.focusWidget(), Key.Key_Return)
    assert workspace.project.categories["a"].color == PALETTE[8]
    qtbot.waitUntil(lambda: panel.findChildren(ColorMenu) == [])


def test_below_the_last_colours_is_any_other(panel: CategoriesPanel) -> None:
    panel.ask_color("a")
    (menu,) = panel.findChildren(ColorMenu)
    menu.swatches[-1].setFocus()
    press(menu.swatches[-1], Key.Key_Down)
    action = menu.activeAction()
    assert action is not None
    assert action.text() == "Other colour…"
    menu.close()
