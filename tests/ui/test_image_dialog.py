"""The question how many channels a stack has."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QPushButton, QRadioButton
from tests.ui.conftest import Wait

from napari_piximi.io.images import ImageFacts, inspect_image
from napari_piximi.model import edits
from napari_piximi.model.things import ArrayPixels, Image
from napari_piximi.ui import image_dialog
from napari_piximi.ui.image_dialog import ImageDialog, ask_channels, outcome
from napari_piximi.ui.workspace import Workspace


def facts_of(path: Path, pages: int = 6) -> ImageFacts:
    ramp = np.arange(pages * 40 * 50, dtype=np.uint16).reshape(pages, 40, 50)
    tifffile.imwrite(path, ramp, photometric="minisblack", metadata=None)
    return inspect_image(path)


def shown(dialog: ImageDialog) -> list[str]:
    return [button.text() for button in dialog.findChildren(QRadioButton)]


def press(dialog: ImageDialog, caption: str) -> None:
    """Press the button with this caption; a style may add a mark for the shortcut."""
    (button,) = (
        b for b in dialog.findChildren(QPushButton) if b.text().replace("&", "") == caption
    )
    button.click()


def test_each_outcome_in_words(tmp_path: Path) -> None:
    facts = facts_of(tmp_path / "a.tif")
    assert facts.choices == (1, 2, 3, 6)
    assert [outcome(facts, count) for count in facts.choices] == [
        "1 channel, 6 planes: a stack of grey pictures",
        "2 channels, 3 planes: pages 1 to 2 are the first plane",
        "3 channels, 2 planes: pages 1 to 3 are the first plane",
        "6 channels, 1 plane: one picture",
    ]


def test_a_choice_and_its_picture_for_each(
    workspace: Workspace, finish: Wait, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = ImageDialog(workspace, [facts_of(tmp_path / "a.tif")])
    qtbot.addWidget(dialog)
    finish(workspace)
    assert len(shown(dialog)) == 4
    assert all(label.pixmap().width() for label in dialog._pictures.values())
    assert not dialog._all.isVisibleTo(dialog), "there is one file only"
    dialog.choose(3)
    assert dialog.channels == 3


def test_the_project_decides_what_is_offered_first(
    workspace: Workspace, finish: Wait, qtbot: QtBot, tmp_path: Path
) -> None:
    facts = facts_of(tmp_path / "a.tif")
    project = workspace.project
    pixels = ArrayPixels(np.zeros((1, 4, 4, 2), np.uint8))
    image = Image("1a", "a", project.kinds["Image"].unknown, pixels)
    workspace.open_project(edits.add_images(project, [image]))
    dialog = ImageDialog(workspace, [facts])
    qtbot.addWidget(dialog)
    assert dialog.channels == 2
    finish(workspace)


def test_a_preview_that_is_late_or_fails_does_no_harm(
    workspace: Workspace, finish: Wait, qtbot: QtBot, tmp_path: Path
) -> None:
    facts = facts_of(tmp_path / "a.tif")
    dialog = ImageDialog(workspace, [facts])
    dialog.reject()
    dialog.deleteLater()
    finish(workspace)
    facts.path.unlink()
    dialog = ImageDialog(workspace, [facts])
    qtbot.addWidget(dialog)
    finish(workspace)
    assert dialog.channels in facts.choices


def test_a_stack_too_large_for_a_preview_is_asked_about_all_the_same(
    workspace: Workspace,
    finish: Wait,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("napari_piximi.ui.image_reading.MAX_PREVIEW_BYTES", 10)
    dialog = ImageDialog(workspace, [facts_of(tmp_path / "a.tif")])
    qtbot.addWidget(dialog)
    finish(workspace)
    assert not any(label.pixmap().width() for label in dialog._pictures.values())
    assert len(shown(dialog)) == 4


def test_buttons_answer(
    workspace: Workspace, finish: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a user does: show, choose, press Import; then Cancel for the other size."""
    pages = {"a.tif": 6, "b.tif": 6, "c.tif": 4}
    facts = [facts_of(tmp_path / name, count) for name, count in pages.items()]
    pressed = ["Import", "Import"]

    def execute(dialog: ImageDialog) -> int:
        dialog.show()
        dialog.choose(2)
        press(dialog, pressed.pop(0))
        return dialog.result()

    monkeypatch.setattr(image_dialog.ImageDialog, "exec", execute)
    assert ask_channels(workspace, facts) == {fact.path: 2 for fact in facts}
    pressed = ["Import", "Cancel"]
    assert ask_channels(workspace, facts) is None
    finish(workspace)
