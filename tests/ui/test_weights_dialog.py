"""The dialogs before a download, and before pixels leave this machine."""

from collections.abc import Callable
from pathlib import Path

import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication, QLabel
from tests.ui.segment_stage import segmenter

from napari_piximi.errors import Cancelled, ModelFileError, WeightsUnavailableError
from napari_piximi.progress import Progress
from napari_piximi.segment import weights
from napari_piximi.ui.sending_dialog import SendingDialog
from napari_piximi.ui.weights_dialog import WeightsDialog
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bool]:
    """Say whether the weights are here; they are kept in the test's own folder."""
    state = [False]
    monkeypatch.setattr(weights, "folder", lambda key: tmp_path / key)
    monkeypatch.setattr(weights, "is_here", lambda _key: state[0])
    return state


@pytest.fixture
def dialog(workspace: Workspace, qtbot: QtBot, here: list[bool]) -> WeightsDialog:
    made = WeightsDialog(workspace, segmenter(weights="stardist-fluo"))
    qtbot.addWidget(made)
    made.show()
    return made


def texts(dialog: WeightsDialog | SendingDialog) -> str:
    labels = " | ".join(label.text() for label in dialog.findChildren(QLabel))
    return labels.replace("\u200b", "")


def test_it_says_what_comes_from_where(dialog: WeightsDialog, tmp_path: Path) -> None:
    said = texts(dialog)
    for part in (
        "StarDist (fluorescence)", "5.8 MB", "raw.githubusercontent.com", "BSD-3-Clause",
        str(tmp_path / "stardist-fluo"),
    ):  # fmt: skip
        assert part in said


def test_a_download_that_comes(
    dialog: WeightsDialog, workspace: Workspace, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(key: str, progress: Progress) -> None:
        progress(1, 2, "group1-shard1of2.bin")
        fetched.append(key)

    monkeypatch.setattr(weights, "fetch", fetch)
    dialog.download.click()
    assert dialog.bar.isVisible()
    assert not dialog.download.isEnabled()
    finish(workspace)
    assert fetched == ["stardist-fluo"]
    assert dialog.result() == 1


def test_no_connection_is_said_and_can_be_tried_again(
    dialog: WeightsDialog, workspace: Workspace, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(_key: str, _progress: Progress) -> None:
        raise WeightsUnavailableError("raw.githubusercontent.com cannot be reached")

    monkeypatch.setattr(weights, "fetch", lambda key, progress: fetch(key, progress))
    dialog.download.click()
    finish(workspace)
    assert "cannot be reached" in dialog.trouble.text().replace("\u200b", "")
    assert dialog.isVisible()
    assert dialog.download.isEnabled()
    assert dialog.download.text() == "Try again"
    monkeypatch.setattr(weights, "fetch", lambda _key, progress: progress(1, 1))
    dialog.download.click()
    assert dialog.trouble.isHidden()
    finish(workspace)
    assert dialog.result() == 1


def test_files_that_are_no_model_are_said_once(
    dialog: WeightsDialog, workspace: Workspace, finish: Wait, monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:  # fmt: skip
    def fetch(_key: str, progress: Progress) -> None:
        progress(1, 2)
        raise ModelFileError("model.json: is no model")

    monkeypatch.setattr(weights, "fetch", fetch)
    dialog.download.click()
    finish(workspace)
    assert dialog.trouble.text().replace("\u200b", "") == "model.json: is no model"
    assert dialog.download.isEnabled()
    assert notifications == []


def test_cancel_ends_the_download(
    dialog: WeightsDialog, workspace: Workspace, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []

    def fetch(_key: str, progress: Progress) -> None:
        try:
            while True:
                progress(1, 10)
        except Cancelled:
            ended.append(True)
            raise

    monkeypatch.setattr(weights, "fetch", fetch)
    dialog.download.click()
    dialog.reject()
    finish(workspace)
    assert ended == [True]
    assert dialog.result() == 0


def test_files_that_one_has(dialog: WeightsDialog, here: list[bool], tmp_path: Path) -> None:
    assert dialog.by_hand.isHidden()
    dialog.have.click()
    assert dialog.by_hand.isVisible()
    assert dialog.folder.text() == str(tmp_path / "stardist-fluo")
    dialog.copy.click()
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == dialog.folder.text()
    dialog.look.click()
    assert "Not all files are there yet" in dialog.trouble.text()
    here[0] = True
    dialog.look.click()
    assert dialog.result() == 1


def test_sending_is_refused_by_default(qtbot: QtBot) -> None:
    dialog = SendingDialog("Cellpose", "ai.imjoy.io", 12, 48_000_000)
    qtbot.addWidget(dialog)
    dialog.show()
    said = texts(dialog)
    for part in ("12 images", "48 MB", "ai.imjoy.io", "not run on this machine"):
        assert part in said
    assert dialog.cancel.isDefault()
    assert not dialog.send.isDefault()
    assert not dialog.send.autoDefault()
    assert not dialog.always.isChecked()
    dialog.cancel.click()
    assert dialog.result() == 0
    dialog.show()
    dialog.send.click()
    assert dialog.result() == 1
