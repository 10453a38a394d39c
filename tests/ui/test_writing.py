"""Layers become bundles: those of the project all of it, plain ones a project of their own."""

from pathlib import Path

import napari
import numpy as np
import pytest
from napari.layers import Image, Labels, Layer
from napari.utils.notifications import Notification
from npe2 import PluginManager, PluginManifest
from tests.io.tiny_bundle import tiny_project
from tests.ui.conftest import Wait

import napari_piximi
from napari_piximi.errors import SaveError
from napari_piximi.io.bundle import read_bundle
from napari_piximi.model import edits
from napari_piximi.ui.workspace import Workspace
from napari_piximi.ui.writing import FullLayerData, write_layers

OURS = Path(napari_piximi.__file__).with_name("napari.yaml")


@pytest.fixture
def in_window(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Let the writer find a viewer as if there were a window."""
    monkeypatch.setattr(napari, "current_viewer", lambda: workspace.viewer)
    return workspace


def data_of(*layers: Layer) -> list[FullLayerData]:
    return [layer.as_layer_data_tuple() for layer in layers]


def plain() -> list[FullLayerData]:
    labels = np.zeros((6, 7), int)
    labels[1:3, 2:5] = 4
    return data_of(
        Image(np.arange(42, dtype=np.uint8).reshape(6, 7), name="cells.tif"),
        Labels(labels, name="nucleus"),
    )


@pytest.mark.parametrize("name", ["a.zip", "a.zarr"])
def test_plain_layers_without_a_window(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / name)
    assert write_layers(path, plain()) == [path]
    project = read_bundle(path)
    assert project.name == "a"
    (image,) = project.images()
    (annotation,) = project.annotations()
    assert (image.name, annotation.bbox) == ("cells.tif", (1, 2, 3, 5))
    assert project.kind_name(annotation.kind) == "nucleus"


def test_plain_layers_beside_a_window(in_window: Workspace, tmp_path: Path) -> None:
    before = in_window.project
    path = str(tmp_path / "a.zip")
    assert write_layers(path, plain()) == [path]
    assert len(read_bundle(path).things) == 2
    assert in_window.project is before
    assert in_window.path is None


def test_labels_alone_are_refused_and_nothing_is_written(
    in_window: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(SaveError, match="needs an image"):
        write_layers(str(tmp_path / "a.zip"), plain()[1:])
    assert not list(tmp_path.glob("*.zip"))


def test_a_folder_that_is_not_there(in_window: Workspace, tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="missing"):
        write_layers(str(tmp_path / "missing" / "a.zip"), plain())


def test_a_layer_of_the_project_saves_all_of_it(in_window: Workspace, tmp_path: Path) -> None:
    in_window.open_project(tiny_project())
    in_window.show("1b")
    in_window.edit("Rename", edits.rename_project, "renamed")
    path = str(tmp_path / "a.zip")
    assert write_layers(path, data_of(in_window.layers.layers()[0])) == [path]
    assert read_bundle(path).name == "renamed"
    assert read_bundle(path).things.keys() == tiny_project().things.keys()
    assert in_window.path == Path(path)
    assert not in_window.session.dirty


def test_layers_beside_those_of_the_project_are_told_of(
    in_window: Workspace, tmp_path: Path, notifications: list[Notification]
) -> None:
    in_window.open_project(tiny_project())
    in_window.show("1b")
    in_window.viewer.add_image(np.zeros((4, 4)), name="stranger")
    path = str(tmp_path / "a.zip")
    assert write_layers(path, data_of(*in_window.viewer.layers)) == [path]
    assert len(read_bundle(path).things) == len(tiny_project().things)
    (notification,) = notifications
    assert notification.message.startswith("stranger: not saved")


def test_a_save_of_the_project_that_fails(
    in_window: Workspace, tmp_path: Path, notifications: list[Notification]
) -> None:
    in_window.open_project(tiny_project())
    in_window.show("1b")
    (tmp_path / "a.zip").mkdir()
    (tmp_path / "a.zip" / "kept.txt").write_text("kept")
    layers = data_of(in_window.layers.layers()[0])
    assert write_layers(str(tmp_path / "a.zip"), layers) == []
    assert len(notifications) == 1
    assert (tmp_path / "a.zip" / "kept.txt").read_text() == "kept"


def test_through_napari(npe2pm: PluginManager, tmp_path: Path, finish: Wait) -> None:
    npe2pm.register(PluginManifest.from_file(OURS))
    layers = napari.components.LayerList()
    layers.append(Image(np.zeros((5, 6), np.uint8), name="one"))
    layers.selection = {layers[0]}
    path = str(tmp_path / "one.zip")
    assert layers.save(path, selected=True) == [path]
    assert len(read_bundle(path).things) == 1
