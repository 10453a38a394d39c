"""What happens while the user is in the middle of a stroke, as napari's mouse callbacks see it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from tests.ui.test_layers import cells, flat_project

from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.ui.layer_labels import LOOK_AGAIN
from napari_piximi.ui.workspace import Workspace

REST = 2 * LOOK_AGAIN + 100


class Mouse:
    """A left button that is pressed, moved and released over a layer."""

    def __init__(self, layer: Labels) -> None:
        self._layer = layer

    def _event(self, what: str, row: float, column: float) -> Any:  # noqa: ANN401
        position = self._layer.data_to_world((row, column))
        return SimpleNamespace(
            type=what, position=position, pos=(0, 0), button=1, modifiers=(), is_dragging=True,
            view_direction=None, dims_displayed=[0, 1],
        )  # fmt: skip

    def press(self, row: int, column: int) -> None:
        event = self._event("mouse_press", row, column)
        wrapped = _Changing(event)
        mouse_press_callbacks(self._layer, wrapped)

    def move(self, row: int, column: int) -> None:
        mouse_move_callbacks(self._layer, self._event("mouse_move", row, column))

    def release(self, row: int, column: int) -> None:
        mouse_release_callbacks(self._layer, self._event("mouse_release", row, column))


class _Changing:
    """An event that becomes the next one, as napari's read-only proxy does."""

    def __init__(self, event: Any) -> None:  # noqa: ANN401
        self.__wrapped__ = event

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.__wrapped__, name)


@pytest.fixture
def flat(workspace: Workspace) -> Workspace:
    workspace.open_project(flat_project())
    workspace.show("image0")
    return workspace


@pytest.fixture
def layer(flat: Workspace) -> Labels:
    found = cells(flat)
    flat.viewer.layers.selection.active = found
    found.brush_size = 1
    found.mode = "paint"
    return found


@pytest.fixture
def edited(flat: Workspace) -> list[str | None]:
    """Collect what undo would take back, after each change."""
    labels: list[str | None] = []

    def note(_before: Project, _after: Project) -> None:
        labels.append(flat.session.undo_label)

    flat.changed.connect(note)
    return labels


def painted(project: Project) -> int:
    """Return how many pixels the new objects have."""
    from napari_piximi.model import masks

    old = flat_project().things
    new = [thing for thing in project.annotations() if thing.id not in old]
    return sum(
        int(masks.decode(t.runs, (t.bbox[2] - t.bbox[0], t.bbox[3] - t.bbox[1])).sum()) for t in new
    )


def test_a_stroke_that_rests_is_one_edit(
    flat: Workspace, layer: Labels, edited: list[str | None], qtbot: QtBot
) -> None:
    mouse = Mouse(layer)
    mouse.press(12, 10)
    mouse.move(12, 14)
    qtbot.wait(REST)
    assert edited == [], "the button is held"
    mouse.move(12, 19)
    qtbot.wait(REST)
    mouse.release(12, 19)
    qtbot.wait(REST)
    assert edited == ["Add image0.tif-cell_3"]
    assert painted(flat.project) == 10


def test_a_tool_that_goes_on_after_the_release_is_one_edit(
    flat: Workspace, layer: Labels, edited: list[str | None], qtbot: QtBot
) -> None:
    tool = layer._overlays.get("brush_stroke")
    if tool is None:
        pytest.skip("this napari has no such tool")
    tool.active = True
    with layer.block_history():
        layer.paint((12, 10), 9)
        qtbot.wait(REST)
        assert edited == []
        layer.paint((12, 11), 9)
    tool.active = False
    qtbot.waitUntil(lambda: bool(edited), timeout=2000)
    qtbot.wait(REST)
    assert edited == ["Add image0.tif-cell_9"]
    assert painted(flat.project) == 2


def test_a_drag_that_moves_the_camera_leaves_nothing_behind(
    flat: Workspace, layer: Labels, edited: list[str | None], qtbot: QtBot
) -> None:
    layer.mode = "pan_zoom"
    mouse = Mouse(layer)
    mouse.press(12, 10)
    mouse.move(12, 14)
    mouse.release(12, 14)
    layer.data[1, 1] = 7
    layer.refresh()
    qtbot.waitUntil(lambda: bool(edited), timeout=2000)
    assert painted(flat.project) == 1


def test_a_release_that_never_came_does_not_stop_anything(
    flat: Workspace, layer: Labels, edited: list[str | None], qtbot: QtBot
) -> None:
    mouse = Mouse(layer)
    mouse.press(12, 10)
    flat.viewer.layers.selection.active = None  # releases go to the active layer
    qtbot.waitUntil(lambda: bool(edited), timeout=2000)
    assert painted(flat.project) == 1
    flat.viewer.layers.selection.active = layer
    mouse.press(15, 10)  # napari drops what it began at the first press, now
    qtbot.wait(REST)
    assert len(edited) == 1
    mouse.release(15, 10)
    qtbot.waitUntil(lambda: len(edited) == 2, timeout=2000)


def test_undo_in_a_stroke_takes_back_what_there_is_of_it(
    flat: Workspace, layer: Labels, edited: list[str | None], qtbot: QtBot
) -> None:
    mouse = Mouse(layer)
    mouse.press(12, 10)
    mouse.move(12, 14)
    flat.undo()
    assert edited == ["Add image0.tif-cell_3", None]
    assert painted(flat.project) == 0
    mouse.move(12, 19)
    qtbot.wait(REST)
    mouse.release(12, 19)
    qtbot.wait(REST)
    assert len(edited) == 3, "the rest is one edit"
    assert painted(flat.project) == 6
    assert layer.mode == "paint"
    assert not layer._undo_history, "napari's own strokes know pixels of before"


def test_another_image_in_a_stroke_loses_nothing(
    flat: Workspace, layer: Labels, edited: list[str | None]
) -> None:
    mouse = Mouse(layer)
    mouse.press(12, 10)
    mouse.move(12, 14)
    flat.show("image1")
    assert edited == ["Add image0.tif-cell_3"]
    assert painted(flat.project) == 5


def test_an_edit_elsewhere_in_a_stroke_does_not_wipe_it(
    flat: Workspace, layer: Labels, edited: list[str | None], qtbot: QtBot
) -> None:
    mouse = Mouse(layer)
    mouse.press(4, 2)
    mouse.move(4, 12)  # over both cells, of which the upper one goes now
    flat.edit("Delete", edits.delete_things, ["cell1"])
    assert layer.data[4, 2:13].tolist() == [3] * 11
    assert layer.data[5, 7] == 1, "the lower cell shows"
    mouse.release(4, 12)
    qtbot.waitUntil(lambda: len(edited) == 2, timeout=2000)
    assert painted(flat.project) == 11
    assert np.unique(layer.data).tolist() == [0, 1, 3]


def test_a_layer_that_is_deleted_takes_nothing_unseen_with_it(
    flat: Workspace, layer: Labels, edited: list[str | None]
) -> None:
    layer.data[1, 1] = 7
    layer.refresh()
    flat.viewer.layers.remove(layer)
    assert edited == ["Add image0.tif-cell_7"]
    assert flat.layers.labels_layer("cell") is None


def test_another_project_with_the_same_kinds_may_lack_categories(flat: Workspace) -> None:
    """As the saved version of a project, opened again after a category was created."""
    flat.layers.select("cell1")
    flat.edit("Create", edits.create_category, "cell", "new", category_id="1new")
    flat.categorize(["cell1"], "1new")
    flat.open_project(flat_project())
    assert flat.layers.labels_layer("cell") is None
    flat.show("image0")
    assert np.unique(cells(flat).data).tolist() == [0, 2]


def test_sizes_in_micrometres_have_that_unit(
    flat: Workspace, notifications: list[Notification]
) -> None:
    """Or napari would warn beside each layer of the user's that has it."""
    picture = np.zeros((20, 30), np.uint8)
    flat.viewer.add_image(picture, scale=(0.5, 0.25), units="um")
    flat.show("image1")
    assert {tuple(map(str, layer.units)) for layer in flat.viewer.layers} == {
        ("micrometer", "micrometer")
    }
    assert not notifications
