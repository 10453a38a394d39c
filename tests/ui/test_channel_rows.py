"""Which channel is which: what is offered, chosen and guessed."""

import pytest
from pytestqt.qtbot import QtBot
from tests.ui.segment_stage import dots, project_of

from napari_piximi.model.things import default_channels
from napari_piximi.segment.running import ABSENT
from napari_piximi.ui.channel_rows import ChannelRows, channel_colors, color_word

COLORS = [channel.color for channel in default_channels(3)]


@pytest.fixture
def rows(qtbot: QtBot) -> ChannelRows:
    made = ChannelRows()
    qtbot.addWidget(made)
    return made


def offered(rows: ChannelRows, place: int) -> list[tuple[str, int]]:
    box = rows.boxes[place]
    return [(box.itemText(row), box.itemData(row)) for row in range(box.count())]


def test_each_wanted_channel_has_a_row(rows: ChannelRows) -> None:
    rows.show_channels(("cytoplasm", "nuclei?"), COLORS, (1, ABSENT))
    channels = [("Channel 1 (red)", 0), ("Channel 2 (green)", 1), ("Channel 3 (blue)", 2)]
    assert offered(rows, 0) == channels
    assert offered(rows, 1) == [("none", ABSENT), *channels]
    assert [label.text() for label in rows.labels] == ["Cytoplasm", "Nuclei"]
    assert rows.channels == (1, ABSENT)
    for box in rows.boxes:
        assert box.toolTip()
        assert box.accessibleName().startswith("Channel with ")
        assert not box.itemIcon(box.count() - 1).isNull()


def test_a_choice_is_asked_for(rows: ChannelRows) -> None:
    asked: list[tuple[int, ...]] = []
    rows.edited.connect(asked.append)
    rows.show_channels(("cytoplasm", "nuclei?"), COLORS, (0, 2))
    assert asked == []
    rows.boxes[1].setCurrentIndex(rows.boxes[1].findText("none"))
    rows.boxes[1].activated.emit(0)
    assert asked == [(0, ABSENT)]


def test_fewer_are_wanted(rows: ChannelRows) -> None:
    rows.show_channels(("red", "green", "blue"), COLORS, (0, 1, 2))
    rows.show_channels(("nuclei",), COLORS, (2,))
    assert rows.channels == (2,)
    assert [box.isHidden() for box in rows.boxes] == [False, True, True]


def test_nothing_to_choose_is_not_shown(rows: ChannelRows) -> None:
    rows.show_channels(("objects",), COLORS[:1], (0,))
    assert rows.isHidden()
    rows.show_channels(("objects",), [], ())
    assert rows.isHidden()
    rows.show_channels(("objects",), COLORS, (0,))
    assert not rows.isHidden()


def test_names_with_markup_and_without_end(rows: ChannelRows) -> None:
    rows.show_channels(("<b>x</b>" * 40,), COLORS, (0,))
    assert len(rows.labels[0].text()) <= 24
    assert "<b>" not in rows.boxes[0].toolTip()


@pytest.mark.parametrize(
    ("color", "word"),
    [
        ((1.0, 0.0, 0.0), "red"),
        ((0.9, 0.9, 0.1), "yellow"),
        ((1.0, 1.0, 1.0), "grey"),
        ((0.0, 0.0, 0.0), "black"),
        ((0.1, 0.2, 0.9), "blue"),
    ],
)
def test_words_of_colors(color: tuple[float, float, float], word: str) -> None:
    assert color_word(color) == word


def test_colors_of_a_project() -> None:
    assert channel_colors(project_of()) == []
    assert channel_colors(project_of(dots(9))) == [(1.0, 1.0, 1.0)]
