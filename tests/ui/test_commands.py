"""What the entries of the menus do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import Notification
from tests.io.tiny_bundle import tiny_project
from tests.shared_data import shared
from tests.ui.conftest import Wait

from napari_piximi.errors import PiximiError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits
from napari_piximi.model.things import Channel
from napari_piximi.ui import commands, file_choice
from napari_piximi.ui.workspace import Workspace


@pytest.fixture
def front(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Put the viewer in front, with the tiny project in it."""
    monkeypatch.setattr(commands, "current_viewer", lambda: workspace.viewer)
    workspace.open_project(tiny_project())
    return workspace


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Choose these files in every dialog."""
    files: list[Path] = []

    def choose(_parent: object, _title: str, filters: Sequence[str], **_: Any) -> list[Path]:  # noqa: ANN401
        for file in files:
            assert any(f"*{file.suffix}" in one for one in filters), filters
        return files

    monkeypatch.setattr(file_choice, "choose_files", choose)
    return files


def test_open_and_save(front: Workspace, chosen: list[Path], finish: Wait, tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    write_bundle(edits.rename_project(tiny_project(), "other"), path)
    commands.open_project()
    finish(front)
    assert front.project.name == "tiny", "no file was chosen"
    chosen.append(path)
    commands.open_project()
    finish(front)
    assert front.project.name == "other"
    front.edit("Rename", edits.rename_project, "renamed")
    commands.save_project()
    finish(front)
    assert read_bundle(path).name == "renamed"


def test_save_as(
    front: Workspace, finish: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_choice, "choose_target", lambda *_: tmp_path / "new.zip")
    commands.save_project_as()
    finish(front)
    assert front.path == tmp_path / "new.zip"


def test_imports(front: Workspace, chosen: list[Path], finish: Wait) -> None:
    front.open_project(read_bundle(shared("bundles/rgb_project.zip")))
    before = front.project
    for command in (
        commands.import_images,
        commands.import_annotations,
        commands.import_classifier,
    ):
        command()
    assert not front.jobs.running, "no file was chosen"
    chosen[:] = [shared("images/8b_rgb_FluorescentCells.tif")]
    commands.import_images()
    finish(front)
    assert len(list(front.project.images())) == len(list(before.images())) + 1
    chosen[:] = [shared("exports/rgb_coco.json")]
    commands.import_annotations()
    finish(front)
    assert len(list(front.project.annotations())) > len(list(before.annotations()))
    chosen[:] = [shared("classifiers/digits_cnn.zip")]
    commands.import_classifier()
    finish(front)
    assert [c.name for c in front.project.classifiers] == ["digits_cnn"]


def test_layers_join(front: Workspace, finish: Wait, notifications: list[Notification]) -> None:
    front.viewer.layers.selection.clear()
    commands.add_layers()
    commands.labels_to_annotations()
    assert len(notifications) == 2, "nothing is selected"
    front.show("1b")
    labels = np.zeros((6, 8), int)
    labels[1:3, 1:4] = 1
    layer = front.viewer.add_labels(labels, name="spot")
    front.viewer.layers.selection = {layer}
    commands.labels_to_annotations()
    finish(front)
    kind = front.project.find_kind("spot")
    (found,) = front.project.annotations("1b")
    assert found.kind == kind.id


def test_colours_that_are_not_to_be_seen_are_told_of(
    front: Workspace, notifications: list[Notification]
) -> None:
    front.show("1a")
    commands.color_by_category()
    assert not notifications
    commands.color_by_prediction()
    assert "No object on show has a prediction yet" in notifications.pop().message
    front.viewer.layers.clear()
    commands.color_by_instance()
    assert "show an image to see them" in notifications.pop().message


def test_colours(front: Workspace) -> None:
    for command, mode in (
        (commands.color_by_prediction, "prediction"),
        (commands.color_by_instance, "instance"),
        (commands.color_by_category, "category"),
    ):
        command()
        assert front.layers.color_mode == mode


def test_all_images_look_like_the_one_on_show(
    front: Workspace, notifications: list[Notification]
) -> None:
    commands.apply_look()
    assert len(notifications) == 1, "none is on show"
    look = (Channel((1.0, 1.0, 0.0), 0.1, 0.5), Channel((0.0, 1.0, 1.0), 0.2, 0.9, visible=False))
    front.edit("Look", edits.set_channels, ["1a"], look)
    front.show("1a")
    commands.apply_look()
    assert [image.channels for image in front.project.images()] == [look, look]


def test_the_table_needs_a_window(front: Workspace) -> None:
    commands.show_features()


def test_without_a_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "current_viewer", lambda: None)
    with pytest.raises(PiximiError, match="no napari window"):
        commands.save_project()
