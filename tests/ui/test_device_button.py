"""The device that fits run on is shown, and chosen from a menu."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from pytestqt.qtbot import QtBot

from napari_piximi.ui.device_button import STARTING, DeviceButton

if TYPE_CHECKING:
    from napari_piximi.ui.learning import Learning


@pytest.fixture
def learning() -> SimpleNamespace:
    made = SimpleNamespace(device_choice="auto", chosen=[])
    made.choose_device = made.chosen.append
    return made


def test_the_menu_marks_and_chooses(qtbot: QtBot, learning: SimpleNamespace) -> None:
    button = DeviceButton(cast("Learning", learning))
    qtbot.addWidget(button)
    button.choices.aboutToShow.emit()
    actions = button.choices.actions()
    assert [action.text() for action in actions] == ["Automatic", "CPU", "GPU"]
    assert [action.isChecked() for action in actions] == [True, False, False]
    assert all(action.toolTip() != action.text() for action in actions[:2])
    actions[0].trigger()
    assert learning.chosen == []  # it is the choice already
    actions[2].trigger()
    assert learning.chosen == ["gpu"]


def test_a_long_device_is_elided_and_told_in_the_tip(
    qtbot: QtBot, learning: SimpleNamespace
) -> None:
    button = DeviceButton(cast("Learning", learning))
    qtbot.addWidget(button)
    button.resize(100, 24)
    button.show_device("")
    assert STARTING in button.accessibleName()
    button.show_device("GPU 0: NVIDIA H100 80GB HBM3 & friends")
    assert "…" in button.text()
    assert "friends" in button.toolTip()
    button.resize(600, 24)
    button.show_device("GPU 0: A & B", fixed=True)
    assert button.text() == "GPU 0: A && B"
    assert not button.isEnabled()
