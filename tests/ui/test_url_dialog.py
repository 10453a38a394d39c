"""What is fetched from where is said first; what came is shown, and added only then."""

import json
from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot
from tests.io.model_server import ModelServer
from tests.learn.graph_files import classifier_graph, packed

from napari_piximi.ui.url_dialog import UrlDialog
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    document, shards = packed(*classifier_graph(), 2)
    names = document["weightsManifest"][0]["paths"]
    files = dict(zip(names, shards, strict=True))
    running = ModelServer({"model.json": json.dumps(document).encode(), **files})
    yield running
    running.close()


@pytest.fixture
def dialog(qtbot: QtBot, workspace: Workspace) -> UrlDialog:
    made = UrlDialog(workspace)
    qtbot.addWidget(made)
    return made


def test_nothing_is_fetched_before_it_is_asked(dialog: UrlDialog, server: ModelServer) -> None:
    assert not dialog.go.isEnabled()
    dialog.address.setText(server.url)
    assert server.url.split("/")[2] in dialog.told.text().replace("\u200b", "")
    assert "Nothing of your project is sent" in dialog.told.text()
    assert dialog.go.isEnabled()
    assert not server.asked


@pytest.mark.parametrize("address", ["http://example.org/model.json", "nonsense", "file:///x"])
def test_bad_addresses_cannot_be_fetched(dialog: UrlDialog, address: str) -> None:
    dialog.address.setText(address)
    assert not dialog.go.isEnabled()
    assert not dialog.trouble.isHidden()


def test_what_came_is_shown_and_asked_about(
    dialog: UrlDialog, server: ModelServer, workspace: Workspace, finish: Wait
) -> None:
    dialog.address.setText(server.url)
    dialog.go.click()
    finish(workspace)
    assert dialog.found is not None
    assert dialog.found.artifact.classes == ("upright", "lying")
    assert dialog.files.rowCount() == 3
    for row, file in enumerate(dialog.found.files):
        name, total = dialog.files.item(row, 0), dialog.files.item(row, 2)
        assert name is not None
        assert total is not None
        assert name.text() == file.name
        assert file.sha256 in total.toolTip()
        assert file.sha256.startswith(total.text()[:-1])
    assert "3 files" in dialog.told.text()
    assert dialog.go.text() == "Add to project"
    assert not workspace.project.classifiers
    dialog.go.click()
    assert dialog.result() == 1


def test_another_address_begins_again(
    dialog: UrlDialog, server: ModelServer, workspace: Workspace, finish: Wait
) -> None:
    dialog.address.setText(server.url)
    dialog.go.click()
    finish(workspace)
    dialog.address.setText(server.url + "x")
    assert dialog.found is None
    assert dialog.go.text() == "Fetch"
    assert dialog.files.isHidden()


def test_trouble_is_told_below_and_it_can_be_tried_again(
    dialog: UrlDialog, server: ModelServer, workspace: Workspace, finish: Wait
) -> None:
    server.mood = "down"
    dialog.address.setText(server.url)
    dialog.go.click()
    finish(workspace)
    assert "answers 503" in dialog.trouble.text()
    server.mood = "well"
    dialog.go.click()
    finish(workspace)
    assert dialog.found is not None
    assert dialog.trouble.isHidden()


def test_closing_stops_it(
    dialog: UrlDialog, server: ModelServer, workspace: Workspace, finish: Wait
) -> None:
    server.mood = "stuck"
    dialog.address.setText(server.url)
    dialog.go.click()
    job = dialog.job
    assert job is not None
    dialog.reject()
    finish(workspace)
    assert job.state == "cancelled"
    assert dialog.found is None
    assert len(server.asked) == 1
