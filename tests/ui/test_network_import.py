"""Segmentation networks that are dropped."""

from pathlib import Path

import pytest
from napari.utils.notifications import Notification
from tests.io.networks import network
from tests.io.networks import small_model as model
from tests.ui.conftest import Wait

from napari_piximi.io.network_files import write_network
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.ui import dropping
from napari_piximi.ui.network_import import adopted, import_network
from napari_piximi.ui.reading import get_reader
from napari_piximi.ui.workspace import Workspace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "nuclei.json"
    write_network(network(), path)
    return path


def with_kinds(*names: str) -> Project:
    project = new_project()
    for name in names:
        project = edits.create_kind(project, name)
    return project


def test_a_network_is_told_from_a_classifier(file: Path) -> None:
    weights = file.with_name("nuclei.weights.bin")
    assert dropping.sort_paths([file, weights]).networks == [file, weights]
    assert get_reader(str(file)) is not None
    assert getattr(get_reader(str(file)), "__name__", "") == "_read_network"


def test_its_two_files_are_one_network(workspace: Workspace, file: Path, finish: Wait) -> None:
    dropping.accept_paths(workspace, [file, file.with_name("nuclei.weights.bin")], None)
    finish(workspace)
    (found,) = workspace.project.networks
    assert (found.name, found.channels) == ("nuclei", (1, 0))
    assert found.model is not None
    assert found.model.weights == model().weights
    assert workspace.project.kind_name(found.kind) == "nuclei"
    workspace.session.undo()
    assert workspace.project.networks == ()
    import_network(workspace, file)
    finish(workspace)
    assert len(workspace.project.networks) == 1


def test_it_finds_the_kind_on_show_or_the_first_one() -> None:
    project = with_kinds("cell", "nucleus")
    cell, nucleus = (project.find_kind(name).id for name in ("cell", "nucleus"))
    assert adopted(project, network(), nucleus).networks[0].kind == nucleus
    assert adopted(project, network(), "Image").networks[0].kind == cell
    assert adopted(project, network(), "gone").networks[0].kind == cell


def test_a_name_that_is_taken_gets_a_number() -> None:
    project = adopted(adopted(with_kinds("cell"), network(), ""), network(), "")
    assert [one.name for one in project.networks] == ["net", "net 2"]


def test_a_damaged_network_leaves_the_project_as_it_was(
    workspace: Workspace, file: Path, finish: Wait, notifications: list[Notification]
) -> None:
    file.with_name("nuclei.weights.bin").unlink()
    before = workspace.project
    import_network(workspace, file)
    finish(workspace)
    (message,) = notifications
    assert "nuclei.weights.bin" in message.message
    assert workspace.project is before
