from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import Notification
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QMenu, QWidget
from tests.ui.gallery_project import gallery_project, hands

from napari_piximi.errors import BundleError
from napari_piximi.model import edits, masks
from napari_piximi.model.gallery import SortKey
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import ArrayPixels, Channel, Image, Partition, Prediction
from napari_piximi.ui import gallery_panel, preferences
from napari_piximi.ui.gallery_delegate import colors_of
from napari_piximi.ui.gallery_menu import fill_menu
from napari_piximi.ui.gallery_panel import GalleryPanel, count_line
from napari_piximi.ui.workspace import Workspace

Mods, Left, Keys = Qt.KeyboardModifier, Qt.MouseButton.LeftButton, Qt.Key


@pytest.fixture
def panel(workspace: Workspace, qtbot: QtBot) -> Iterator[GalleryPanel]:
    made = GalleryPanel(workspace.viewer)
    qtbot.addWidget(made)
    made.resize(600, 400)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.view.thumbnails.stop()


@pytest.fixture
def cells(panel: GalleryPanel) -> GalleryPanel:
    """Return the panel with twelve cells on show."""
    project = gallery_project()
    panel.workspace.open_project(project)
    query = panel.workspace.gallery.query
    panel.workspace.gallery.set_query(replace(query, kind=project.find_kind("cells").id))
    QApplication.processEvents()
    return panel


def names(panel: GalleryPanel, *ids: str) -> list[str]:
    project = panel.workspace.project
    return [project.categories[project.things[key].category].name for key in ids]


def click(
    panel: GalleryPanel, qtbot: QtBot, row: int, keys: Qt.KeyboardModifier = Mods.NoModifier
) -> None:
    hands.mouseClick(panel.view.canvas, Left, keys, panel.view.cell_rect(row).center())


# --- labelling ------------------------------------------------------------


def test_number_keys_categorise_the_selection(cells: GalleryPanel, qtbot: QtBot) -> None:
    click(cells, qtbot, 1)
    click(cells, qtbot, 3, Mods.ShiftModifier)
    hands.keyClick(cells.view, Keys.Key_2)
    assert names(cells, "cell-0", "cell-1", "cell-2", "cell-3") == [
        "Unknown", "long", "long", "long",
    ]  # fmt: skip
    assert cells.workspace.session.undo_label == "Categorise 3 things as long"
    hands.keyClick(cells.view, Keys.Key_Exclam, Mods.ShiftModifier)
    assert names(cells, "cell-1") == ["round"]
    hands.keyClick(cells.view, Keys.Key_0)
    assert names(cells, "cell-1") == ["Unknown"]
    hands.keyClick(cells.view, Keys.Key_9)  # there is no ninth category
    assert names(cells, "cell-1") == ["Unknown"]
    assert cells.workspace.gallery.selection == {"cell-1", "cell-2", "cell-3"}


def test_keys_do_nothing_without_a_selection(cells: GalleryPanel, qtbot: QtBot) -> None:
    cells.view.setFocus()
    hands.keyClick(cells.view, Keys.Key_1)
    hands.keyClick(cells.view, Keys.Key_Delete)
    assert cells.workspace.session.undo_label is None


def test_the_jump_goes_through_all(cells: GalleryPanel, qtbot: QtBot) -> None:
    hands.mouseClick(cells.jump, Left, pos=QPoint(8, cells.jump.height() // 2))
    assert preferences.get("gallery/jump") is True
    click(cells, qtbot, 0)
    for key in (Keys.Key_1, Keys.Key_2, Keys.Key_1):
        hands.keyClick(cells.view, key)
    assert names(cells, "cell-0", "cell-1", "cell-2") == ["round", "long", "round"]
    assert cells.workspace.gallery.selection == {"cell-3"}
    cells.workspace.gallery.select(["cell-11"], "cell-11")
    hands.keyClick(cells.view, Keys.Key_1)
    assert cells.workspace.gallery.selection == {"cell-11"}  # the last one stays


def test_the_jump_where_labelled_things_go_out_of_sight(cells: GalleryPanel, qtbot: QtBot) -> None:
    cells.jump.setChecked(True)
    gallery = cells.workspace.gallery
    gallery.set_query(replace(gallery.query, labelled=False))
    QApplication.processEvents()
    click(cells, qtbot, 2)
    hands.keyClick(cells.view, Keys.Key_1)
    hands.keyClick(cells.view, Keys.Key_1)
    assert names(cells, "cell-2", "cell-3", "cell-4") == ["round", "round", "Unknown"]
    assert gallery.selection == {"cell-4"}
    assert cells.count.text() == "10 of 12 objects · 1 selected"


def test_undo_and_redo_keys(cells: GalleryPanel, qtbot: QtBot) -> None:
    click(cells, qtbot, 0)
    hands.keyClick(cells.view, Keys.Key_1)
    hands.keyClick(cells.view, Keys.Key_Z, Mods.ControlModifier)
    assert names(cells, "cell-0") == ["Unknown"]
    hands.keyClick(cells.view, Keys.Key_Z, Mods.ControlModifier | Mods.ShiftModifier)
    assert names(cells, "cell-0") == ["round"]


def test_delete_asks_for_nothing_and_can_be_undone(cells: GalleryPanel, qtbot: QtBot) -> None:
    click(cells, qtbot, 5)
    click(cells, qtbot, 6, Mods.ControlModifier)
    hands.keyClick(cells.view, Keys.Key_Delete)
    assert "cell-5" not in cells.workspace.project.things
    assert cells.count.text().startswith("10")
    assert cells.workspace.session.undo_label == "Delete 2 things"
    cells.workspace.undo()
    assert cells.view.items.rowCount() == 12


def test_double_click_and_enter_show_the_thing(cells: GalleryPanel, qtbot: QtBot) -> None:
    focused: list[str] = []
    cells.workspace.focused.connect(focused.append)
    click(cells, qtbot, 3)
    hands.keyClick(cells.view, Keys.Key_Return)
    assert cells.workspace.shown == "b"
    click(cells, qtbot, 2)
    hands.mouseDClick(cells.view.canvas, Left, pos=cells.view.cell_rect(2).center())
    assert cells.workspace.shown == "a"
    assert focused == ["cell-3", "cell-2"]


# --- the menu ------------------------------------------------------------


def menu_of(panel: GalleryPanel) -> dict[str, Any]:
    """Return texts of the menu with what they do; submenus as nested mappings."""

    def read(menu: QMenu) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for action in menu.actions():
            if not action.isSeparator():
                inner = action.menu()
                found[action.text()] = read(inner) if isinstance(inner, QMenu) else action
        return found

    menu = QMenu(panel)
    fill_menu(menu, panel.workspace)
    return read(menu)


def test_the_menu_does_what_it_says(cells: GalleryPanel) -> None:
    workspace = cells.workspace
    workspace.edit("Add kind", edits.create_kind, "nuclei")
    workspace.gallery.select(["cell-1", "cell-2"], "cell-1")
    menu = menu_of(cells)
    assert list(menu) == [
        "Show in the viewer\tEnter", "Only what lies on b.tif", "Categorise 2 things",
        "Put 2 things into a partition", "Move 2 things to a kind", "Copy names",
        "Delete 2 things\tDel",
    ]  # fmt: skip
    assert list(menu["Categorise 2 things"]) == ["Unknown\t0", "round\t1", "long\t2"]
    menu["Only what lies on b.tif"].trigger()
    assert workspace.gallery.ids == [f"cell-{n}" for n in range(1, 12, 2)]
    workspace.gallery.set_query(replace(workspace.gallery.query, image=None))
    workspace.gallery.select(["cell-1", "cell-2"], "cell-1")
    menu["Categorise 2 things"]["long\t2"].trigger()
    assert names(cells, "cell-1", "cell-2") == ["long", "long"]
    menu["Put 2 things into a partition"]["Validation"].trigger()
    assert workspace.project.things["cell-2"].partition == Partition.VALIDATION
    menu["Copy names"].trigger()
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == "cell 1\ncell 2"
    menu["Show in the viewer\tEnter"].trigger()
    assert workspace.shown == "b"
    menu["Move 2 things to a kind"]["nuclei"].trigger()
    nuclei = workspace.project.find_kind("nuclei").id
    assert workspace.project.things["cell-1"].kind == nuclei
    assert workspace.session.undo_label == "Move 2 things to nuclei"
    workspace.undo()
    workspace.gallery.select(["cell-1"])
    menu_of(cells)["Delete 1 thing\tDel"].trigger()
    assert "cell-1" not in workspace.project.things


def test_predictions_are_accepted_from_the_menu(cells: GalleryPanel) -> None:
    said = {"cell-1": Prediction("1long", 0.9)}
    cells.workspace.edit("Predict", edits.set_predictions, said)
    cells.workspace.gallery.select(["cell-1", "cell-2"])
    menu_of(cells)["Accept prediction\tA"].trigger()
    assert names(cells, "cell-1", "cell-2") == ["long", "Unknown"]
    cells.workspace.undo()
    menu_of(cells)["Clear prediction"].trigger()
    assert "Clear prediction" not in menu_of(cells)
    assert names(cells, "cell-1", "cell-2") == ["Unknown", "Unknown"]


def test_a_key_accepts_the_predictions_of_the_selection_and_goes_on(cells: GalleryPanel) -> None:
    said = {"cell-1": Prediction("1long", 0.9), "cell-3": Prediction("1round", 0.6)}
    cells.workspace.edit("Predict", edits.set_predictions, said)
    cells.jump.setChecked(True)
    cells.workspace.gallery.select(["cell-1"])
    hands.keyClick(cells.view, Qt.Key.Key_A)
    assert names(cells, "cell-1", "cell-3") == ["long", "Unknown"]
    assert cells.workspace.session.undo_label == "Accept 1 prediction"
    assert cells.workspace.gallery.selection == {"cell-2"}
    hands.keyClick(cells.view, Qt.Key.Key_A)  # there is nothing to accept
    assert cells.workspace.session.undo_label == "Accept 1 prediction"
    assert cells.workspace.gallery.selection == {"cell-2"}


def test_a_number_key_corrects_a_prediction_and_goes_on(cells: GalleryPanel) -> None:
    said = {f"cell-{n}": Prediction("1long", 0.9) for n in range(3)}
    cells.workspace.edit("Predict", edits.set_predictions, said)
    cells.jump.setChecked(True)
    cells.workspace.gallery.select(["cell-0"])
    hands.keyClick(cells.view, Qt.Key.Key_1)
    assert cells.workspace.project.things["cell-0"].prediction is None
    assert names(cells, "cell-0") == ["round"]
    assert cells.workspace.gallery.selection == {"cell-1"}


def test_images_are_not_moved_to_kinds(cells: GalleryPanel) -> None:
    gallery = cells.workspace.gallery
    gallery.set_query(replace(gallery.query, kind="Image"))
    assert [a.isEnabled() for a in menu_of(cells).values()] == [False]
    gallery.select(["a"])
    assert "Move 1 thing to a kind" not in menu_of(cells)


def test_a_right_click_opens_the_menu_of_what_lies_there(cells: GalleryPanel, qtbot: QtBot) -> None:
    at = cells.view.cell_rect(4).center()
    hands.mouseClick(cells.view.canvas, Qt.MouseButton.RightButton, pos=at)
    cells.view.customContextMenuRequested.emit(at)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert menu.actions()[2].text() == "Categorise 1 thing"
    assert cells.workspace.gallery.selection == {"cell-4"}
    menu.close()


# --- what the panel says ------------------------------------------------------------


def test_the_count_line(cells: GalleryPanel) -> None:
    assert cells.count.text() == "12 objects"
    cells.workspace.gallery.select(["cell-1", "cell-2"])
    assert cells.count.text() == "12 objects · 2 selected"
    gallery = cells.workspace.gallery
    gallery.set_query(replace(gallery.query, text="cell 1"))
    assert cells.count.text() == "3 of 12 objects · 1 selected"


def test_the_count_line_names_the_things() -> None:
    assert count_line("Image", 120, 120, 0) == "120 images"
    assert count_line("Image", 1, 1, 1) == "1 image · 1 selected"
    assert count_line("1cell", 37, 1234, 3) == "37 of 1,234 objects · 3 selected"
    assert count_line("1cell", 0, 1, 0) == "0 of 1 object"
    assert count_line("1cell", 0, 0, 0) == ""


def test_endless_names_make_nothing_wide(panel: GalleryPanel, qtbot: QtBot) -> None:
    project = gallery_project()
    kind = project.find_kind("cells")
    long = "k" * 5000 + "\n& <b>"
    project = edits.edit_kind(project, kind.id, name=long)
    project = edits.create_category(project, kind.id, "c" * 5000 + "\n", category_id="1wide")
    image = project.things["a"]
    things = {**project.things, "a": replace(image, name="n" * 300_000)}
    panel.workspace.open_project(replace(project, things=things))
    gallery = panel.workspace.gallery
    gallery.set_query(replace(gallery.query, kind=kind.id, categories=frozenset(["1wide"])))
    assert max(map(len, panel.empty.words.text().split())) < 5000
    assert all(len(button.text()) < 60 for button in panel.chips.buttons)
    assert max(len(panel.kinds.itemText(row)) for row in range(panel.kinds.count())) < 80
    panel.filters.form.refresh()
    texts = [item.text() for item in map(panel.filters.form.categories.item, range(4)) if item]
    assert max(map(len, texts)) < 60
    gallery.set_query(replace(gallery.query, categories=frozenset()))
    gallery.select(["cell-0"], "cell-0")
    menu = QMenu(panel)
    fill_menu(menu, panel.workspace)
    for part in (menu, *menu.findChildren(QMenu)):
        assert all(len(action.text()) < 120 for action in part.actions())
    assert len(panel.view.items.index(0).data(Qt.ItemDataRole.ToolTipRole)) < 3000


def test_empty_states_say_what_to_do(panel: GalleryPanel, qtbot: QtBot) -> None:
    workspace, page = panel.workspace, panel.empty
    assert panel.pages.currentWidget() is page
    assert page.words.text() == "Drop images or a project here"
    assert not page.clear.isVisibleTo(page)
    workspace.open_project(gallery_project(0))
    assert panel.pages.currentWidget() is panel.view
    gallery = workspace.gallery
    gallery.set_query(replace(gallery.query, kind=workspace.project.find_kind("cells").id))
    assert page.words.text().startswith("The kind cells has no objects yet")
    gallery.set_query(replace(gallery.query, kind="Image", text="nothing like it"))
    assert page.words.text() == "No thing matches these filters"
    hands.mouseClick(page.clear, Left)
    assert panel.pages.currentWidget() is panel.view
    assert gallery.query.text == ""
    unknown = workspace.project.kinds["Image"].unknown
    workspace.edit("Hide", edits.edit_category, unknown, visible=False)
    assert page.words.text().startswith("All things here have hidden categories")
    workspace.open_project(new_project())
    assert page.words.text() == "Drop images or a project here"


def test_the_tool_tip_tells_all(cells: GalleryPanel) -> None:
    said = {"cell-3": Prediction("1long", 0.875)}
    cells.workspace.edit("Predict", edits.set_predictions, said)
    tip = cells.view.items.index(3).data(Qt.ItemDataRole.ToolTipRole)
    for part in ("cell 3", "b.tif", "cells", "Unknown", "Unassigned", "long 87%",
                 "8 × 8 pixels, 3 channels", "36 pixels"):  # fmt: skip
        assert part in tip, part
    assert "Plane" not in tip
    spoken = cells.view.items.index(3).data(Qt.ItemDataRole.AccessibleDescriptionRole)
    assert spoken.startswith("Image: b.tif; Kind: cells; Category: Unknown")
    unnamed = edits.rename_thing(cells.workspace.project, "cell-3", "<b>&</b>")
    cells.workspace.session.apply(unnamed, "Rename")
    assert "&lt;b&gt;&amp;" in cells.view.items.index(3).data(Qt.ItemDataRole.ToolTipRole)


class Broken:
    """Pixels of a damaged file."""

    shape = (1, 32, 40, 3)
    dtype = np.dtype(np.uint8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        raise BundleError("cells.zip: 0.0.0.0 is damaged")


def test_damaged_pixels_are_told_once_and_in_the_tool_tip(
    panel: GalleryPanel, qtbot: QtBot, notifications: list[Notification]
) -> None:
    project = gallery_project()
    broken = {
        key: replace(thing, pixels=Broken()) if key in ("a", "b") else thing
        for key, thing in project.things.items()
    }
    panel.workspace.open_project(replace(project, things=broken))
    view = panel.view
    last = view.items.thing(1)
    qtbot.waitUntil(lambda: view.thumbnails.get(last) is not None, timeout=5000)
    qtbot.wait(100)
    assert [n.message for n in notifications] == [
        "Some thumbnails cannot be painted: cells.zip: 0.0.0.0 is damaged"
    ]
    tip = view.items.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "Its pixels cannot be shown: cells.zip: 0.0.0.0 is damaged" in tip
    center = view.canvas.grab().toImage().pixelColor(view.cell_rect(0).center() - QPoint(0, 15))
    assert center == view.cells.colors.warning


# --- choices ------------------------------------------------------------


def test_the_size_is_remembered(cells: GalleryPanel, workspace: Workspace, qtbot: QtBot) -> None:
    cells.size_slider.setValue(150)
    assert cells.view.cells.size == 150
    cells.view.resized.emit(170)
    assert (cells.size_slider.value(), cells.view.cells.size) == (170, 170)
    qtbot.waitUntil(lambda: preferences.get("gallery/size") == 170)
    again = GalleryPanel(workspace.viewer)
    qtbot.addWidget(again)
    assert again.view.cells.size == 170


def test_the_order_is_remembered(cells: GalleryPanel, workspace: Workspace) -> None:
    from napari_piximi.model.gallery import Gallery
    from napari_piximi.ui.sort_bar import remembered_order

    cells.sort.setCurrentText("Area")
    cells.direction.click()
    assert (workspace.gallery.query.sort, workspace.gallery.query.descending) == ("Area", True)
    other = Gallery(gallery_project())
    remembered_order(other)
    assert (other.query.sort, other.query.descending) == (SortKey.AREA, True)


def test_nonsense_in_the_choices_does_no_harm(workspace: Workspace, qtbot: QtBot) -> None:
    preferences.put("gallery/sort", "Moon phase")
    preferences.put("gallery/size", "large")
    panel = GalleryPanel(workspace.viewer)
    qtbot.addWidget(panel)
    assert workspace.gallery.query.sort == SortKey.ADDED
    assert panel.view.cells.size == 96


def test_another_project_begins_at_its_top(panel: GalleryPanel) -> None:
    panel.workspace.open_project(many_images())
    QApplication.processEvents()
    panel.view.scroll_bar.setValue(500)
    panel.workspace.open_project(many_images())
    QApplication.processEvents()
    assert panel.view.scroll_bar.maximum() > 500
    assert panel.view.scroll_bar.value() == 0


def many_images() -> Project:
    project = gallery_project(0)
    image = project.things["a"]
    return edits.add_images(
        project,
        [replace(image, id=f"c{n}") for n in range(60)],  # type: ignore[misc]
    )


def test_another_project_begins_at_its_images_with_other_thumbnails(
    cells: GalleryPanel, qtbot: QtBot
) -> None:
    view = cells.view
    qtbot.waitUntil(lambda: view.thumbnails.nbytes > 0 and not view.thumbnails.working)
    cells.workspace.open_project(gallery_project(0))
    assert view.thumbnails.nbytes == 0
    assert cells.kinds.currentText() == "Image"
    assert view.items.rowCount() == 2


def thumbnail_of(panel: GalleryPanel, qtbot: QtBot, key: str) -> bytes:
    """Return what the screen shows of a thing, when its thumbnail has come."""
    view, project = panel.view, panel.workspace.project
    thing = project.things[key]
    is_fresh = view.thumbnails.is_fresh
    qtbot.waitUntil(lambda: is_fresh(project, thing, view.cells.side), timeout=5000)
    QApplication.processEvents()
    row = panel.workspace.gallery.row(key)
    assert row is not None
    picture = view.canvas.grab(view.cell_rect(row).adjusted(12, 12, -12, -60)).toImage()
    return b"".join(
        picture.pixel(x, y).to_bytes(4) for y in range(picture.height()) for x in range(20)
    )


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("what", ["mask", "channels of its image", "channels", "plane"])
def test_whatever_changes_the_look_is_painted_and_undone(
    cells: GalleryPanel, qtbot: QtBot, what: str, hidden: bool
) -> None:
    workspace, gallery = cells.workspace, cells.workspace.gallery
    key = "a" if what in ("channels", "plane") else "cell-0"
    if key == "a":
        image = workspace.project.things["a"]
        assert isinstance(image, Image)
        stack = np.concatenate([np.asarray(image.pixels), 255 - np.asarray(image.pixels)])
        things = {**workspace.project.things, "a": replace(image, pixels=ArrayPixels(stack))}
        workspace.open_project(replace(workspace.project, things=things))
        gallery.set_query(replace(gallery.query, kind="Image"))
    before = thumbnail_of(cells, qtbot, key)
    cells.setVisible(not hidden)
    red = [Channel((1.0, 0.0, 0.0))] * 3
    if what == "mask":
        workspace.edit("Paint", edits.set_mask, key, (0, 0, 8, 8), masks.full(8, 8))
    elif what == "plane":
        workspace.edit("Turn", edits.set_plane, [key], 1)
    else:
        workspace.edit("Colour", edits.set_channels, ["a"], red)
    cells.setVisible(True)
    changed = thumbnail_of(cells, qtbot, key)
    assert changed != before
    workspace.undo()
    assert thumbnail_of(cells, qtbot, key) == before
    workspace.redo()
    assert thumbnail_of(cells, qtbot, key) == changed


def test_the_theme_is_followed(cells: GalleryPanel) -> None:
    for theme in ("light", "dark"):
        cells.workspace.viewer.theme = theme
        cells.setStyleSheet(f"/* {theme} */")  # as the window does
        assert cells.view.cells.colors == colors_of(theme)


@pytest.mark.parametrize("size", [(320, 600), (1400, 250)])
def test_it_fits(cells: GalleryPanel, qtbot: QtBot, size: tuple[int, int]) -> None:
    cells.resize(*size)
    qtbot.waitUntil(lambda: cells.width() == size[0])
    QApplication.processEvents()
    assert cells.minimumSizeHint().width() <= 320
    for control in (cells.kinds, cells.search, cells.filters, cells.sort, cells.direction,
                    cells.size_slider, cells.jump):  # fmt: skip
        box = control.rect().translated(control.mapTo(cells, QPoint()))
        assert cells.rect().contains(box), control.accessibleName()
    assert cells.view.height() > 100


def test_each_control_says_what_it_is(cells: GalleryPanel) -> None:
    controls: tuple[QWidget, ...] = (
        cells.kinds, cells.search, cells.filters, cells.sort, cells.direction, cells.shuffle,
        cells.size_slider, cells.jump, cells.empty.clear,
    )  # fmt: skip
    for control in controls:
        assert control.toolTip()
        assert control.accessibleName()


# --- files and the end ------------------------------------------------------------


def test_files_can_be_dropped(
    panel: GalleryPanel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dropped: list[list[Path]] = []
    monkeypatch.setattr(gallery_panel, "accept_paths", lambda _w, paths, _p: dropped.append(paths))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.tif"))])
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, Left, Mods.NoModifier)
    panel.dragEnterEvent(enter)
    assert enter.isAccepted()
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Left, Mods.NoModifier)
    panel.dropEvent(drop)
    assert dropped == [[tmp_path / "a.tif"]]
    text = QMimeData()
    text.setText("hello")
    other = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, text, Left, Mods.NoModifier)
    other.ignore()
    panel.dragEnterEvent(other)
    assert not other.isAccepted()


def test_a_panel_that_is_gone_hears_nothing(workspace: Workspace, qtbot: QtBot) -> None:
    panel = GalleryPanel(workspace.viewer)
    with qtbot.waitSignal(panel.destroyed):
        panel.deleteLater()
    del panel
    workspace.open_project(gallery_project())
    workspace.gallery.select(["a"])
    assert workspace.gallery.selection == {"a"}
