"""Choices are kept between sessions, whatever a file of choices may hold."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from napari_piximi.ui import preferences


@pytest.mark.parametrize("value", [3, 0.5, True, False, "cell, dead", ["a", "b"], {"x": 1}])
def test_a_choice_is_remembered_with_its_type(value: object) -> None:
    preferences.put("panel/choice", value)
    found = preferences.get("panel/choice")
    assert found == value
    assert type(found) is type(value)


def test_what_was_never_chosen_is_the_default() -> None:
    assert preferences.get("gallery/size", 96) == 96


@pytest.mark.parametrize("text", ["nonsense", '"large"', "null", "[]"])
def test_what_cannot_be_a_choice_is_the_default(text: str, state_folder: Path) -> None:
    state_folder.mkdir(parents=True, exist_ok=True)
    (state_folder / "choices.ini").write_text(f"[gallery]\nsize={text}\n", "utf-8")
    assert preferences.get("gallery/size", 96) == 96


def test_the_folder_is_the_users_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(preferences.STATE)
    assert preferences.state_folder().name == "napari-piximi"
    assert preferences.state_folder().is_absolute()


def test_what_is_kept_soon_is_there_at_once(state_folder: Path, qtbot: QtBot) -> None:
    file = state_folder / preferences.CHOICES
    for value in range(5):
        preferences.put_soon("form/size", value)
        preferences.put_soon("form/other", [value])
        assert preferences.get("form/size") == value
    assert not file.exists()
    preferences.put("form/other", "sure")
    assert preferences.get("form/other") == "sure"
    qtbot.waitUntil(lambda: "size=4" in file.read_text("utf-8"))
    assert preferences.get("form/size") == 4
    assert preferences.get("form/other") == "sure"


def test_what_is_kept_soon_stays_in_its_folder(
    state_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    preferences.put_soon("form/size", 1)
    monkeypatch.setenv(preferences.STATE, str(tmp_path / "another"))
    assert preferences.get("form/size") is None
    qtbot.waitUntil(lambda: (state_folder / preferences.CHOICES).exists())
    assert not (tmp_path / "another").exists()
