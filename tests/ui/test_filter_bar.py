"""Search, the form of filters, chips, and the order: set a control, look at the gallery."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget
from tests.ui.gallery_project import gallery_project, hands

from napari_piximi.model import edits
from napari_piximi.model.gallery import Gallery, Ranking, SortKey
from napari_piximi.model.things import Partition, Prediction
from napari_piximi.ui.empty_page import why_empty
from napari_piximi.ui.filter_bar import ChipRow, FilterButton, SearchField, cleared
from napari_piximi.ui.filter_form import FilterForm
from napari_piximi.ui.sort_bar import (
    DirectionButton,
    KindChoice,
    ShuffleButton,
    SortChoice,
    remembered_order,
)

Left, Keys = Qt.MouseButton.LeftButton, Qt.Key
ROLE, CHECK = Qt.ItemDataRole.UserRole, Qt.CheckState


@pytest.fixture
def gallery() -> Gallery:
    """Return twelve cells: 0 and 1 are round, 2 and 3 predicted long with 40 % and 80 %."""
    project = gallery_project()
    project = edits.categorize(project, ["cell-0", "cell-1"], "1round")
    said = {"cell-2": Prediction("1long", 0.4), "cell-3": Prediction("1long", 0.8)}
    project = edits.set_predictions(project, said)
    made = Gallery(edits.set_partition(project, ["cell-5"], Partition.VALIDATION))
    made.set_query(replace(made.query, kind=project.find_kind("cells").id))
    return made


@pytest.fixture
def form(gallery: Gallery, qtbot: QtBot) -> FilterForm:
    made = FilterForm(gallery)
    qtbot.addWidget(made)
    made.refresh()
    return made


@pytest.fixture
def row(gallery: Gallery, qtbot: QtBot) -> Iterator[ChipRow]:
    made = ChipRow(gallery)
    qtbot.addWidget(made)
    gallery.arranged.connect(made.refresh)
    yield made
    gallery.arranged.disconnect(made.refresh)


def numbers(gallery: Gallery) -> list[int]:
    return [int(key.removeprefix("cell-")) for key in gallery.ids]


def check(choices: QListWidget, key: str, state: Qt.CheckState = CHECK.Checked) -> None:
    for place in range(choices.count()):
        item = choices.item(place)
        if item is not None and item.data(ROLE) == key:
            item.setCheckState(state)


# --- searching -----------------------------------------------------------------------------------


def test_typing_searches_when_it_ends(gallery: Gallery, qtbot: QtBot) -> None:
    asked: list[str] = []
    gallery.arranged.connect(lambda: asked.append(gallery.query.text))
    field = SearchField(gallery)
    qtbot.addWidget(field)
    hands.keyClicks(field, "CELL 1")
    assert asked == []
    qtbot.waitUntil(lambda: bool(asked))
    assert asked == ["CELL 1"]  # once, not for each letter
    assert numbers(gallery) == [1, 10, 11]
    hands.keyClicks(field, "0")
    hands.keyClick(field, Keys.Key_Return)
    assert numbers(gallery) == [10]
    field.clear()
    assert len(gallery.ids) == 12


def test_the_field_follows_chips_but_not_while_typing(gallery: Gallery, qtbot: QtBot) -> None:
    field = SearchField(gallery)
    qtbot.addWidget(field)
    gallery.set_query(replace(gallery.query, text="b.tif"))
    field.refresh()
    assert field.text() == "b.tif"
    hands.keyClicks(field, "f")
    field.refresh()
    assert field.text() == "b.tiff"


# --- the form ------------------------------------------------------------------------------------


def test_filters_combine(form: FilterForm, gallery: Gallery) -> None:
    check(form.categories, "1round")
    assert numbers(gallery) == [0, 1]
    unknown = gallery.project.kinds[gallery.query.kind].unknown
    check(form.categories, unknown)
    form.partitions[Partition.VALIDATION].click()
    assert numbers(gallery) == [5]
    form.partitions[Partition.VALIDATION].click()
    check(form.predicted, "1long")
    assert numbers(gallery) == [2, 3]
    form.probability.setValue((0.5, 1.0))
    assert numbers(gallery) == [3]
    check(form.predicted, "1long", CHECK.Unchecked)
    form.probability.setValue((0.0, 1.0))
    form.labelled.setCurrentText("Labelled")
    assert numbers(gallery) == [0, 1]
    form.labelled.setCurrentText("Not labelled")
    assert numbers(gallery) == list(range(2, 12))
    form.labelled.setCurrentText("Any")
    assert len(gallery.ids) == 12


def test_the_form_shows_the_filters_as_they_are(form: FilterForm, gallery: Gallery) -> None:
    query = replace(
        gallery.query,
        categories=frozenset(["1long"]),
        partitions=frozenset([Partition.TRAINING]),
        probability=(0.25, 0.75),
        labelled=False,
    )
    gallery.set_query(query)
    form.refresh()
    assert gallery.query == query  # showing is not asking
    states = {
        item.data(ROLE): item.checkState() == CHECK.Checked
        for item in map(form.categories.item, range(form.categories.count()))
        if item is not None
    }
    assert states == {key: key == "1long" for key in states}
    assert form.partitions[Partition.TRAINING].isChecked()
    assert not form.partitions[Partition.INFERENCE].isChecked()
    assert form.probability.value() == (0.25, 0.75)
    assert form.labelled.currentText() == "Not labelled"


def test_the_form_counts(form: FilterForm) -> None:
    texts = [
        item.text()
        for item in map(form.categories.item, range(form.categories.count()))
        if item is not None
    ]
    assert texts == ["Unknown (10)", "round (2)", "long (0)"]


def test_the_button_opens_the_form_as_it_is_now(gallery: Gallery, qtbot: QtBot) -> None:
    button = FilterButton(gallery)
    qtbot.addWidget(button)
    gallery.set_query(replace(gallery.query, labelled=True))
    menu = button.menu()
    assert menu is not None
    menu.aboutToShow.emit()
    assert button.form.labelled.currentText() == "Labelled"
    assert button.form.categories.count() == 3


# --- chips ---------------------------------------------------------------------------------------


def test_each_filter_is_a_chip_that_takes_it_away(
    row: ChipRow, gallery: Gallery, qtbot: QtBot
) -> None:
    assert not row.isVisibleTo(None)
    query = replace(gallery.query, text="cell", labelled=False, sort=SortKey.NAME)
    gallery.set_query(query)
    assert [button.text() for button in row.buttons] == [
        "Name contains “cell”  ✕", "Not labelled  ✕", "Clear all",
    ]  # fmt: skip
    assert row.buttons[0].accessibleName() == "Take this filter away: Name contains “cell”"
    hands.mouseClick(row.buttons[0], Left)
    assert gallery.query == replace(query, text="")
    gallery.set_query(query)
    hands.mouseClick(row.buttons[-1], Left)
    assert gallery.query == cleared(query)
    assert gallery.query.sort == SortKey.NAME
    assert row.buttons == []


def test_long_chips_are_cut(row: ChipRow, gallery: Gallery) -> None:
    gallery.set_query(replace(gallery.query, text="x" * 200))
    assert len(row.buttons[0].text()) < 50
    assert "x" * 200 in row.buttons[0].toolTip()


def test_names_on_chips_are_no_markup_and_make_one_line(row: ChipRow, gallery: Gallery) -> None:
    gallery.set_query(replace(gallery.query, text="<b>a</b>\nb"))
    assert "\n" not in row.buttons[0].text()
    assert "&lt;b&gt;" in row.buttons[0].toolTip()


# --- kind and order ------------------------------------------------------------------------------


def test_the_kind_is_chosen(gallery: Gallery, qtbot: QtBot) -> None:
    choice = KindChoice(gallery)
    qtbot.addWidget(choice)
    choice.refresh()
    cells = gallery.query.kind
    assert [choice.itemText(n) for n in range(choice.count())] == ["Image", "cells"]
    assert choice.currentText() == "cells"
    gallery.set_query(replace(gallery.query, text="tif", labelled=False, sort=SortKey.NAME))
    choice.setCurrentIndex(0)
    assert (gallery.query.kind, gallery.query.text) == ("Image", "tif")
    assert gallery.query.labelled is None
    assert gallery.query.sort == SortKey.NAME
    assert list(gallery.ids) == ["a", "b"]
    hidden = edits.edit_kind(gallery.project, cells, visible=False)
    gallery.update(gallery.project, hidden)
    choice.refresh()
    assert choice.count() == 1


def test_the_order_is_chosen(gallery: Gallery, qtbot: QtBot) -> None:
    sort, direction = SortChoice(gallery), DirectionButton(gallery)
    shuffle = ShuffleButton(gallery)
    for widget in (sort, direction, shuffle):
        qtbot.addWidget(widget)
        gallery.arranged.connect(widget.refresh)
    assert [sort.itemText(n) for n in range(sort.count())] == [
        key.value for key in SortKey if key != SortKey.SUGGESTED
    ]
    sort.setCurrentText("Probability")
    assert numbers(gallery)[:2] == [3, 2]
    direction.click()
    assert numbers(gallery)[:2] == [2, 3]
    assert direction.text() == "↓"
    sort.setCurrentText("Random")
    assert shuffle.isVisibleTo(None) or not shuffle.isHidden()
    assert not direction.isEnabled()
    before = numbers(gallery)
    hands.mouseClick(shuffle, Left)
    assert sorted(numbers(gallery)) == sorted(before)
    assert numbers(gallery) != before
    sort.setCurrentText("Name")
    assert shuffle.isHidden()
    for widget in (sort, direction, shuffle):
        gallery.arranged.disconnect(widget.refresh)


def test_nothing_is_said_where_things_are_on_show(gallery: Gallery) -> None:
    assert why_empty(gallery) == ""
    gallery.set_query(replace(gallery.query, text="nowhere"))
    assert why_empty(gallery) == "No thing matches these filters"


def test_suggestions_are_offered_while_there_are_some(gallery: Gallery, qtbot: QtBot) -> None:
    sort = SortChoice(gallery)
    qtbot.addWidget(sort)
    gallery.arranged.connect(sort.refresh)
    count = sort.count()
    ranking = Ranking("margin", tuple(gallery.ids[1:2]), np.ones(1))
    query = gallery.query
    gallery.set_query(replace(query, sort=SortKey.SUGGESTED, ranking=ranking))
    assert sort.currentText() == "Suggested: margin"
    sort.setCurrentText("Name")
    assert sort.count() == count + 1
    sort.setCurrentText("Suggested: margin")
    assert gallery.query.sort == SortKey.SUGGESTED
    remembered_order(gallery)
    assert sort.currentText() == "Name"
    gallery.set_query(query)
    assert sort.count() == count
    assert sort.currentText() == query.sort.value
