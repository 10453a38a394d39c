"""The preview: what it shows, that stale ones are not shown, and that it joins no project."""

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from tests.ui.segment_stage import Above, Slow, dots, install, project_of, refuse, segmenter

from napari_piximi.errors import SaveError
from napari_piximi.model import edits
from napari_piximi.model.things import ArrayPixels, Image
from napari_piximi.segment.running import Request
from napari_piximi.ui import segment_preview
from napari_piximi.ui.layer_import import add_layers, layers_to_project
from napari_piximi.ui.layer_view import camera_of
from napari_piximi.ui.segment_preview import Preview, looked_at
from napari_piximi.ui.workspace import Workspace
from napari_piximi.ui.writing import write_layers

Wait = Callable[[Workspace], None]
ASKED = Request("quick", Above(), (0,))


@pytest.fixture
def preview(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Preview]:
    """Return the preview of a viewer that shows the first of two images."""
    install(monkeypatch, segmenter())
    workspace.open_project(project_of(dots(200, 250, 9), dots(180)))
    made = Preview(workspace)
    workspace.show("image-0")
    yield made
    made.hide()


def labels_of(preview: Preview) -> list[Labels]:
    layers = preview.workspace.viewer.layers
    return [layer for layer in layers if layer.name == "Piximi preview"]


def test_it_shows_what_would_be_found(preview: Preview, finish: Wait) -> None:
    workspace = preview.workspace
    before, active = workspace.project, workspace.viewer.layers.selection.active
    ours = workspace.layers.layers()
    preview.ask(ASKED)
    assert preview.running
    finish(workspace)
    (layer,) = labels_of(preview)
    assert preview.layer == layer
    assert np.unique(layer.data).tolist() == [0, 1, 2]
    assert layer.data.shape == (32, 32)
    assert (layer.data > 0).sum() == 32
    assert not preview.failed
    assert preview.text == "2 objects, median diameter 4.5 px"
    assert workspace.project is before
    assert workspace.layers.layers() == ours
    assert workspace.viewer.layers.selection.active is active
    assert set(workspace.viewer.layers.selection) == {active}
    assert not layer.editable


def test_a_second_one_takes_its_place(preview: Preview, finish: Wait) -> None:
    preview.ask(ASKED)
    finish(preview.workspace)
    layer = preview.layer
    preview.ask(replace(ASKED, settings=Above(level=0.0)))
    finish(preview.workspace)
    assert preview.layer is layer
    assert labels_of(preview) == [layer]
    assert preview.text.startswith("3 objects,")


def test_stale_ones_are_never_shown(
    preview: Preview, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()
    install(monkeypatch, segmenter(find=slow))
    drawn: list[str] = []
    preview.changed.connect(lambda: drawn.append(preview.text))
    for level in (0.9, 0.8, 0.0):
        preview.ask(replace(ASKED, settings=Above(level=level)))
    for _ in range(5):
        slow.go.release()
    finish(preview.workspace)
    finish(preview.workspace)
    assert slow.seen[-1][1] == Above(level=0.0)
    assert len(slow.seen) <= 2
    assert [text for text in drawn if "object" in text and "diameter" in text] == [preview.text]
    assert preview.text.startswith("3 objects,")


def test_it_goes_with_the_image(preview: Preview, finish: Wait) -> None:
    workspace = preview.workspace
    preview.ask(ASKED)
    finish(workspace)
    workspace.show("image-1")
    assert labels_of(preview) == []
    assert not preview.shown
    assert preview.text == ""
    preview.ask(ASKED)
    finish(workspace)
    assert preview.text.startswith("1 object, diameter ")
    workspace.edit("Delete", edits.delete_things, ["image-1"])
    assert labels_of(preview) == []


def test_it_goes_with_the_project(preview: Preview, finish: Wait) -> None:
    workspace = preview.workspace
    preview.ask(ASKED)
    finish(workspace)
    preview.ask(replace(ASKED, settings=Above(level=0.1)))
    workspace.open_project(project_of(dots(7)))
    finish(workspace)
    assert labels_of(preview) == []
    assert not preview.running


def test_it_goes_when_its_pixels_are_others(preview: Preview, finish: Wait) -> None:
    workspace = preview.workspace
    preview.ask(ASKED)
    finish(workspace)
    image = workspace.project.things["image-0"]
    assert isinstance(image, Image)
    other = replace(image, pixels=ArrayPixels(dots(1)))
    things = {**workspace.project.things, "image-0": other}
    workspace.session.apply(replace(workspace.project, things=things), "Other pixels")
    assert labels_of(preview) == []


def test_the_user_may_take_the_layer_away(preview: Preview, finish: Wait) -> None:
    preview.ask(ASKED)
    finish(preview.workspace)
    preview.workspace.viewer.layers.remove(preview.layer)
    assert not preview.shown
    assert preview.text == ""
    preview.ask(ASKED)
    finish(preview.workspace)
    assert preview.shown


def test_troubles_are_said(
    preview: Preview, finish: Wait, monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:  # fmt: skip
    preview.ask(ASKED)
    finish(preview.workspace)
    preview.ask(replace(ASKED, channels=(4,)))
    assert preview.failed
    assert "channel 5" in preview.text
    assert not preview.shown
    install(monkeypatch, segmenter(find=refuse))
    preview.ask(ASKED)
    finish(preview.workspace)
    assert (preview.failed, preview.text) == (True, "'0.tif': is of no use")
    assert labels_of(preview) == []
    preview.workspace.shown = None
    preview.ask(ASKED)
    assert preview.text == "Show an image first"
    assert notifications == []


def test_nothing_found_says_what_to_try(preview: Preview, finish: Wait) -> None:
    preview.ask(replace(ASKED, settings=Above(level=1.0)))
    finish(preview.workspace)
    assert preview.text == "No object: try another channel, or other settings"


def test_it_never_becomes_part_of_a_project(
    preview: Preview, finish: Wait, notifications: list[Notification], tmp_path: object
) -> None:
    workspace = preview.workspace
    preview.ask(ASKED)
    finish(workspace)
    layer = preview.layer
    assert layer is not None
    before = workspace.project
    assert add_layers(workspace, [layer]) is None
    assert workspace.project is before
    assert [n.message for n in notifications] == [
        "A preview does not join; press Find objects in the Segmentation dock"
    ]
    assert workspace.layers.kind_of(layer) is None
    data = [found.as_layer_data_tuple() for found in workspace.viewer.layers]
    plain = layers_to_project(data, "Plain")
    assert [kind.name for kind in plain.kinds.values()] == ["Image"]
    with pytest.raises(SaveError, match="preview is not saved"):
        write_layers(f"{tmp_path}/x.zip", [layer.as_layer_data_tuple()])


def test_the_plane_on_show(preview: Preview, finish: Wait) -> None:
    workspace = preview.workspace
    stack = np.concatenate([dots(200), dots(200, 210), dots(7)])
    project = project_of(stack)
    image = project.things["image-0"]
    assert isinstance(image, Image)
    sized = replace(image, pixel_size=(2.0, 0.5, 0.5))
    workspace.open_project(replace(project, things={"image-0": sized}))
    workspace.show("image-0")
    moves: list[int] = []
    preview.moved.connect(lambda: moves.append(workspace.layers.plane))
    workspace.viewer.dims.set_point(0, 2.0)
    preview.ask(replace(ASKED, every_plane=True))
    finish(workspace)
    (layer,) = labels_of(preview)
    assert layer.data.shape == (1, 32, 32)
    assert tuple(layer.translate) == (2.0, 0.0, 0.0)
    assert tuple(layer.scale) == (2.0, 0.5, 0.5)
    assert preview.text == "2 objects, median diameter 4.5 px (2.26 µm)"
    assert moves == []
    workspace.viewer.dims.set_point(0, 4.0)
    assert moves == [2]


def test_of_a_large_image_the_part_in_view(
    preview: Preview, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_preview, "MOST", 16)
    workspace = preview.workspace
    image = workspace.project.things["image-0"]
    assert isinstance(image, Image)
    channel = workspace.layers.layers()[0]
    channel.corner_pixels = np.array([[-5, -5], [12, 12]])
    assert looked_at(image, workspace) == (0, 0, 12, 12)
    channel.corner_pixels = np.array([[-50, -50], [120, 120]])
    assert looked_at(image, workspace) == (8, 8, 24, 24)
    channel.corner_pixels = np.array([[100, 100], [120, 120]])
    assert looked_at(image, workspace) == (8, 8, 24, 24)
    channel.corner_pixels = np.array([[0, 4], [10, 14]])
    preview.ask(ASKED)
    finish(workspace)
    (layer,) = labels_of(preview)
    assert layer.data.shape == (10, 10)
    assert tuple(layer.translate) == (0, 4)
    assert preview.text.startswith("2 objects in the part in view,")
    assert layer.data[1:5, 3:7].min() > 0, "the second square begins at column 7"


def test_median_size_is_that_of_the_areas(preview: Preview, finish: Wait, qtbot: QtBot) -> None:
    workspace = preview.workspace
    array = np.zeros((1, 64, 64, 1), np.uint8)
    for number, side in enumerate((3, 10, 20)):
        array[0, 1 : 1 + side, 22 * number : 22 * number + side] = 200 + number
    workspace.open_project(project_of(array))
    workspace.show("image-0")
    preview.ask(ASKED)
    finish(workspace)
    expected = 2 * np.sqrt(100 / np.pi)
    assert preview.text == f"3 objects, median diameter {expected:.1f} px"


def test_it_tells_when_another_part_is_in_view(
    preview: Preview, finish: Wait, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    monkeypatch.setattr(segment_preview, "MOST", 16)
    workspace = preview.workspace
    channel, camera = workspace.layers.layers()[0], camera_of(workspace.viewer)
    told: list[str] = []
    preview.panned.connect(lambda: told.append(preview.text))

    def look_at(left: int, right: int) -> None:
        """Move as napari does: the camera at once, the corners when it is drawn."""
        camera.center = (0.0, 5.0, (left + right) / 2)
        channel.corner_pixels = np.array([[0, left], [10, right]])
        qtbot.wait(2 * segment_preview.DELAY)

    look_at(0, 10)
    assert told == [], "nothing is shown yet"
    preview.ask(ASKED)
    finish(workspace)
    qtbot.wait(2 * segment_preview.DELAY)
    before, layer = preview.text, preview.layer
    assert " in the part in view," in before
    camera.angles = (0.0, 0.0, 45.0)
    look_at(0, 10)
    assert told == []
    look_at(4, 14)
    assert told == [before.replace("in view", "that was in view")]
    assert preview.layer is layer
    look_at(0, 10)
    assert preview.text == before, "it is back"
    assert len(told) == 1
    camera.zoom *= 2
    channel.corner_pixels = np.array([[2, 2], [8, 8]])
    qtbot.wait(2 * segment_preview.DELAY)
    assert len(told) == 2
    look = preview._rested
    camera.zoom *= 2
    assert look.waiting
    preview.hide()
    assert not look.waiting


def test_a_whole_image_has_no_other_part(preview: Preview, finish: Wait) -> None:
    preview.ask(ASKED)
    finish(preview.workspace)
    camera_of(preview.workspace.viewer).zoom *= 2
    assert not preview._rested.waiting


def test_a_preview_that_is_let_go_leaves_nothing(preview: Preview, qtbot: QtBot) -> None:
    camera = camera_of(preview.workspace.viewer)
    before = [len(event.callbacks) for event in (camera.events.center, camera.events.zoom)]
    other = Preview(preview.workspace)
    told: list[None] = []
    other.panned.connect(lambda: told.append(None))
    other._rested.ask()
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None
    camera.zoom *= 2  # what is dead is dropped when there is news
    camera.center = (0.0, 1.0, 1.0)
    after = [len(event.callbacks) for event in (camera.events.center, camera.events.zoom)]
    assert after == before
    qtbot.wait(2 * segment_preview.DELAY)
    assert told == []
