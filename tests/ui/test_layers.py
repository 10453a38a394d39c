"""What the viewer shows of a project, and what the user's changes there make of it."""

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Points
from napari.utils.colormaps import Colormap
from napari.utils.notifications import Notification
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from tests.model.cells import CELLS, cells_project
from tests.shared_data import shared

from napari_piximi.errors import BundleError
from napari_piximi.io.bundle import read_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, ArrayPixels, Channel, Image, Prediction
from napari_piximi.ui import layer_labels, layers, preferences
from napari_piximi.ui.layer_channels import apply_channels_to_all
from napari_piximi.ui.layer_colors import COLOR_MODES
from napari_piximi.ui.layer_view import camera_of
from napari_piximi.ui.workspace import Workspace, workspace_of


def flat_project() -> Project:
    """Return images of one plane, of 20 × 30 pixels and three channels; cells as in `cells`."""
    project = cells_project()
    things = dict(project.things)
    for key in ("image0", "image1"):
        image = things[key]
        assert isinstance(image, Image)
        pixels = ArrayPixels(np.asarray(image.pixels)[:1])
        things[key] = replace(image, pixels=pixels, pixel_size=(2.0, 0.5, 0.25))
    return replace(project, things=things)


@pytest.fixture
def flat(workspace: Workspace) -> Workspace:
    workspace.open_project(flat_project())
    workspace.show("image0")
    return workspace


@pytest.fixture
def stack(workspace: Workspace) -> Workspace:
    workspace.open_project(cells_project())
    workspace.show("image0")
    return workspace


def images(workspace: Workspace) -> list[ImageLayer]:
    return [layer for layer in workspace.viewer.layers if isinstance(layer, ImageLayer)]


def cells(workspace: Workspace) -> Labels:
    layer = workspace.layers.labels_layer("cell")
    assert layer is not None
    return layer


def shown_image(workspace: Workspace) -> Image:
    image = workspace.project.things[workspace.shown or ""]
    assert isinstance(image, Image)
    return image


def annotations(workspace: Workspace) -> dict[str, Annotation]:
    return {thing.id: thing for thing in workspace.project.annotations()}


def color_of(layer: Labels, label: int) -> list[float]:
    return [round(float(part), 3) for part in layer.colormap.map(np.array([label]))[0]]


# --- channels --------------------------------------------------------------------------------


def test_a_shown_image_is_a_layer_for_each_channel(flat: Workspace) -> None:
    shown = images(flat)
    assert [layer.name for layer in shown] == [
        "image0.tif · red", "image0.tif · green", "image0.tif · blue",
    ]  # fmt: skip
    pixels = np.asarray(shown_image(flat).pixels)
    for number, layer in enumerate(shown):
        np.testing.assert_array_equal(layer.data, pixels[0, ..., number])
        assert layer.blending == "additive"
        assert tuple(layer.contrast_limits) == (0, 65535)
        assert tuple(layer.contrast_limits_range) == (0, 65535)
        assert layer.scale.tolist() == [0.5, 0.25]
        assert layer.visible
    assert shown[1].colormap.name == "green"
    assert flat.session.undo_label is None, "showing is no edit"


def test_every_channel_has_its_own_look(workspace: Workspace) -> None:
    look = (
        Channel((0.5, 0.25, 0.125), 0.25, 0.5),
        Channel((1.0, 1.0, 1.0), 0.0, 1.5, visible=False),
        Channel((1.0, 1.0, 1.0), 0.5, 0.5),
    )
    workspace.open_project(edits.set_channels(flat_project(), ["image0"], look))
    workspace.show("image0")
    first, second, third = images(workspace)
    assert tuple(first.contrast_limits) == pytest.approx((0.25 * 65535, 0.5 * 65535))
    assert tuple(first.contrast_limits_range) == (0, 65535)
    assert np.asarray(first.colormap.colors)[:, :3].tolist() == [[0, 0, 0], [0.5, 0.25, 0.125]]
    assert not second.visible
    assert tuple(second.contrast_limits_range) == (0, 1.5 * 65535)
    assert third.contrast_limits[0] < third.contrast_limits[1]
    assert [layer.name for layer in images(workspace)] == [
        "image0.tif · channel 1", "image0.tif · channel 2", "image0.tif · channel 3",
    ]  # fmt: skip
    workspace.layers.flush()
    assert workspace.session.undo_label is None


def test_float_pixels_are_shown_from_0_to_1(workspace: Workspace) -> None:
    project = flat_project()
    image = project.things["image0"]
    assert isinstance(image, Image)
    pixels = ArrayPixels(np.random.default_rng(0).random((1, 20, 30, 3), np.float32))
    things = {**project.things, "image0": replace(image, pixels=pixels)}
    workspace.open_project(replace(project, things=things))
    workspace.show("image0")
    assert {tuple(layer.contrast_limits) for layer in images(workspace)} == {(0.0, 1.0)}


def test_changes_of_the_look_are_one_edit_after_a_rest(flat: Workspace, qtbot: QtBot) -> None:
    red, green, blue = images(flat)
    red.contrast_limits = (0, 1000)
    red.contrast_limits = (0, 0.5 * 65535)
    green.visible = False
    blue.colormap = "cyan"
    before = flat.project
    with qtbot.waitSignal(flat.changed, timeout=2000):
        assert flat.project is before, "not at once"
    assert shown_image(flat).channels == (
        Channel((1.0, 0.0, 0.0), 0.0, 0.5),
        Channel((0.0, 1.0, 0.0), 0.0, 1.0, visible=False),
        Channel((0.0, 1.0, 1.0), 0.0, 1.0),
    )
    assert flat.session.undo_label == "Change the look of image0.tif"
    flat.undo()
    assert flat.project is before
    assert tuple(red.contrast_limits) == (0, 65535)
    assert green.visible
    assert blue.colormap.name == "blue"
    flat.layers.flush()
    assert flat.session.redo_label is not None, "following the project is no edit"


def test_a_colormap_that_ends_in_another_colour_gives_that_colour(flat: Workspace) -> None:
    red = images(flat)[0]
    red.colormap = Colormap([[0, 0, 0], [0.2, 0.4, 0.6]], name="sea")
    flat.layers.flush()
    assert shown_image(flat).channels[0].color == (0.2, 0.4, 0.6)
    assert red.colormap.name == "sea"


def test_a_colormap_that_ends_in_black_is_napari_s_own_matter(flat: Workspace) -> None:
    images(flat)[0].colormap = "gray_r"
    flat.layers.flush()
    assert flat.session.undo_label is None


def test_the_look_can_be_given_to_all_images(flat: Workspace) -> None:
    images(flat)[0].contrast_limits = (0, 0.25 * 65535)
    assert apply_channels_to_all(flat)
    looks = {image.channels for image in flat.project.images()}
    assert len(looks) == 1
    assert looks.pop()[0].maximum == 0.25
    assert flat.session.undo_label == "Show all images like image0.tif"
    flat.show("image1")
    assert tuple(images(flat)[0].contrast_limits) == (0, 0.25 * 65535)


def test_without_an_image_on_show_no_look_is_given(workspace: Workspace) -> None:
    assert not apply_channels_to_all(workspace)


# --- which image is on show ------------------------------------------------------------------


def test_another_image_takes_the_layers_over(flat: Workspace) -> None:
    own = flat.viewer.add_points([[1, 1]], name="mine")
    before = flat.layers.layers()
    flat.show("image1")
    assert flat.layers.layers() == before, "new visuals would take long"
    assert own in flat.viewer.layers
    assert images(flat)[0].name == "image1.tif · red"
    np.testing.assert_array_equal(np.unique(cells(flat).data), [0, 2])
    assert flat.layers.thing_of(images(flat)[0]) == "image1"
    assert flat.layers.thing_of(own) is None
    assert len(flat.viewer.layers) == 3 + 2 + 1


def test_an_image_of_another_form_gets_layers_of_its_own(flat: Workspace) -> None:
    pixels = ArrayPixels(np.zeros((4, 8, 9, 3), np.uint8))
    unknown = flat.project.kinds["Image"].unknown
    flat.edit("Add", edits.add_images, [Image("deep", "deep", unknown, pixels)])
    flat.viewer.add_points([[1, 1]], name="mine")
    flat.show("deep")
    assert {layer.ndim for layer in flat.layers.layers()} == {3}
    assert [layer.name for layer in flat.viewer.layers].count("deep · red") == 1
    assert len(flat.viewer.layers) == 6


def test_an_image_that_is_deleted_is_not_shown_any_more(flat: Workspace) -> None:
    flat.edit("Delete", edits.delete_things, ["image0"])
    assert flat.shown is None
    assert len(flat.viewer.layers) == 0
    flat.undo()
    flat.show("image0")
    assert len(flat.viewer.layers) == 5


def test_another_project_clears_the_viewer_but_for_foreign_layers(flat: Workspace) -> None:
    flat.viewer.add_points([[1, 1]], name="mine")
    images(flat)[0].visible = False
    cells(flat).fill((5, 7), 0)
    flat.open_project(flat_project())
    assert [layer.name for layer in flat.viewer.layers] == ["mine"]
    flat.layers.flush()
    assert flat.session.undo_label is None, "what waited belonged to the project before"


def test_taking_a_layer_away_takes_nothing_from_the_project(flat: Workspace) -> None:
    before = flat.project
    flat.viewer.layers.remove(cells(flat))
    flat.viewer.layers.remove(images(flat)[1])
    flat.layers.flush()
    assert flat.project is before
    assert flat.layers.labels_layer("cell") is None
    flat.show("image1")
    assert len(flat.layers.layers()) == 5, "the next image has all layers again"


def test_without_any_layer_nothing_is_on_show(flat: Workspace) -> None:
    flat.viewer.layers.clear()
    assert flat.shown is None
    flat.show("image0")
    assert len(flat.viewer.layers) == 5


def test_large_pixels_are_read_in_a_job(
    flat: Workspace, finish: Callable[[Workspace], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class SlowPixels:
        """Pixels that tell how often the main thread, which must not wait, read them."""

        shape = (1, 20, 30, 3)
        dtype = np.dtype(np.uint16)
        reads = 0

        def __array__(self, dtype: object = None, copy: bool | None = None) -> NDArray[np.uint16]:
            self.reads += threading.current_thread() is threading.main_thread()
            return np.full(self.shape, 7, np.uint16)

    slow = SlowPixels()
    image = replace(shown_image(flat), id="slow", name="slow", pixels=slow)
    flat.edit("Add", edits.add_images, [image])
    monkeypatch.setattr(layers, "AT_ONCE", 100)
    flat.show("slow")
    assert not any(layer.visible for layer in images(flat))
    finish(flat)
    assert {int(layer.data.max()) for layer in images(flat)} == {7}
    assert all(layer.visible for layer in images(flat))
    flat.show("image0")
    flat.show("slow")
    flat.show("image1")
    finish(flat)
    assert images(flat)[0].name == "image1.tif · red", "what comes too late is dropped"
    assert images(flat)[0].data.max() > 7
    flat.layers.flush()
    assert flat.session.undo_label == "Add"
    assert slow.reads == 0


def test_pixels_that_cannot_be_read_are_told_of(
    flat: Workspace, notifications: list[Notification]
) -> None:
    class LostPixels:
        """Pixels of a file that has gone."""

        shape = (1, 20, 30, 3)
        dtype = np.dtype(np.uint16)

        def __array__(self, dtype: object = None, copy: bool | None = None) -> NDArray[np.uint16]:
            raise BundleError("cells.zip: has gone")

    image = replace(shown_image(flat), id="lost", name="lost", pixels=LostPixels())
    flat.open_project(edits.add_images(flat.project, [image]))
    flat.show("image0")
    flat.show("lost")
    assert [note.message for note in notifications] == ["cells.zip: has gone"]
    assert not any(layer.visible for layer in images(flat))
    flat.show("image0")
    assert all(layer.visible for layer in images(flat))
    flat.layers.flush()
    assert flat.session.undo_label is None


def test_the_next_and_the_previous_image(flat: Workspace) -> None:
    flat.layers.step(1)
    assert flat.shown == "image1"
    flat.layers.step(1)
    assert flat.shown == "image1"
    flat.layers.step(-1)
    assert flat.shown == "image0"


# --- planes ----------------------------------------------------------------------------------


def test_planes_are_a_slider_that_the_project_follows(stack: Workspace, qtbot: QtBot) -> None:
    assert {layer.data.shape for layer in stack.layers.layers()} == {(2, 20, 30)}
    assert stack.viewer.dims.axis_labels[0] == "plane"
    with qtbot.waitSignal(stack.changed, timeout=2000):
        stack.viewer.dims.set_current_step(0, 1)
    assert shown_image(stack).plane == 1
    assert stack.session.undo_label == "Show plane 1 of image0.tif"
    stack.undo()
    assert stack.viewer.dims.current_step[0] == 0
    stack.layers.flush()
    assert stack.session.redo_label is not None


def test_the_plane_of_the_project_is_shown(stack: Workspace) -> None:
    stack.edit("Plane", edits.set_plane, ["image1"], 1)
    stack.show("image1")
    assert stack.viewer.dims.current_step[0] == 1
    stack.show("image0")
    assert stack.viewer.dims.current_step[0] == 0
    assert stack.session.undo_label == "Plane"


# --- labels ----------------------------------------------------------------------------------


def test_each_kind_is_a_labels_layer(flat: Workspace) -> None:
    layer = cells(flat)
    assert [layer.name for layer in flat.layers.layers()[3:]] == ["cell", "nucleus"]
    assert np.unique(layer.data).tolist() == [0, 2], "cell1 lies over cell0"
    assert layer.data.shape == (20, 30)
    assert flat.layers.kind_of(layer) == "cell"
    assert flat.layers.thing_of(layer) == "image0"
    assert flat.viewer.layers.selection.active is layer
    assert layer.selected_label == 3, "painting begins a new object"


def test_features_tell_of_every_object(flat: Workspace) -> None:
    flat.show("image1")
    flat.layers.flush()
    table = cells(flat).features
    assert table["index"].tolist() == [0, 1, 2]
    assert table["id"].tolist() == ["", CELLS[2], CELLS[3]]
    assert table["name"].tolist() == ["background", "name of cell2", "name of cell3"]
    assert table["category"].tolist() == ["", "Unknown", "Unknown"]
    assert table["partition"].tolist() == ["", "Unassigned", "Inference"]
    assert table["prediction"].tolist() == ["", "", "long"]
    np.testing.assert_array_equal(table["probability"], [np.nan, np.nan, 0.75])
    flat.categorize([CELLS[2]], "1round")
    flat.layers.flush()
    assert cells(flat).features["category"].tolist() == ["", "round", "Unknown"]


def test_labels_have_the_colour_of_their_category(flat: Workspace) -> None:
    first = flat.project.categories["1long"].color
    assert color_of(cells(flat), 2)[:3] == [
        round(int(first[at : at + 2], 16) / 255, 3) for at in (1, 3, 5)
    ]
    flat.edit("Recolour", edits.edit_category, "1long", color="#FF0080")
    assert color_of(cells(flat), 2)[:3] == [1.0, 0.0, 0.502]
    flat.edit("Hide", edits.edit_category, "1long", visible=False)
    assert color_of(cells(flat), 2)[3] == 0
    assert color_of(cells(flat), 1)[3] > 0


def test_labels_by_instance_and_by_prediction(flat: Workspace) -> None:
    told: list[str] = []
    flat.layers.color_mode_changed.connect(told.append)
    flat.layers.color_mode = "instance"
    assert color_of(cells(flat), 1) != color_of(cells(flat), 2)
    predicted = {CELLS[0]: Prediction("1long", 0.5)}
    flat.edit("Predict", edits.set_predictions, predicted)
    flat.layers.color_mode = "prediction"
    flat.edit("Recolour", edits.edit_category, "1long", color="#FF0000")
    assert color_of(cells(flat), 1)[:3] == [1.0, 0.0, 0.0]
    assert color_of(cells(flat), 2)[:3] == [0.5, 0.5, 0.5]
    assert told == ["instance", "prediction"]
    assert preferences.get("layers/color") == "prediction"
    with pytest.raises(ValueError, match="not 'rainbow'"):
        flat.layers.color_mode = "rainbow"  # type: ignore[assignment]


def test_kinds_are_hidden_with_their_layer(flat: Workspace) -> None:
    cells(flat).visible = False
    flat.layers.flush()
    assert not flat.project.kinds["cell"].visible
    flat.undo()
    assert cells(flat).visible
    flat.edit("Hide", edits.edit_kind, "cell", visible=False)
    assert not cells(flat).visible
    flat.edit("Rename", edits.edit_kind, "cell", name="Cell body")
    assert cells(flat).name == "Cell body"


def test_kinds_come_and_go(flat: Workspace) -> None:
    flat.edit("New", edits.create_kind, "vesicle")
    assert [layer.name for layer in flat.viewer.layers][-1] == "vesicle"
    active = flat.viewer.layers.selection.active
    assert active is cells(flat)
    flat.edit("Delete", edits.delete_kind, "cell")
    assert flat.layers.labels_layer("cell") is None
    assert "cell" not in [layer.name for layer in flat.viewer.layers]
    flat.undo()
    assert np.unique(cells(flat).data).tolist() == [0, 2]


# --- painting --------------------------------------------------------------------------------


def test_a_painted_object_is_one_edit(flat: Workspace, qtbot: QtBot) -> None:
    layer = cells(flat)
    layer.brush_size = 3
    before = flat.project
    with qtbot.waitSignal(flat.changed, timeout=2000), layer.block_history():
        layer.paint((15, 20), 3)
        layer.paint((15, 21), 3)
    assert flat.session.undo_label == "Add image0.tif-cell_3"
    (new,) = annotations(flat).keys() - {*CELLS}
    thing = annotations(flat)[new]
    rows, columns = np.nonzero(layer.data == 3)
    assert thing.bbox == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    assert masks.area(thing.runs) == rows.size > 3
    assert thing.category == flat.project.kinds["cell"].unknown
    flat.layers.flush()
    assert layer.features["id"].tolist()[-1] == new
    flat.undo()
    assert flat.project is before
    assert np.unique(layer.data).tolist() == [0, 2]
    flat.redo()
    assert np.unique(layer.data).tolist() == [0, 2, 3]


def test_a_new_object_is_selected_where_the_gallery_shows_its_kind(flat: Workspace) -> None:
    layer = cells(flat)
    flat.layers.select(CELLS[1])
    layer.paint((15, 20), 3)
    flat.layers.flush()
    (new,) = annotations(flat).keys() - {*CELLS}
    assert flat.gallery.selection == {new}
    assert layer.selected_label == 3
    flat.undo()
    assert not flat.gallery.selection & {new}


def test_erasing_brings_back_what_lies_beneath(flat: Workspace) -> None:
    layer = cells(flat)
    layer.fill((5, 7), 0)
    assert layer.data[5, 7] == 0
    flat.layers.flush()
    assert flat.session.undo_label == "Delete name of cell1"
    assert layer.data[5, 7] == 1, "cell0 lay under it"
    assert annotations(flat)[CELLS[0]] == flat_project().things[CELLS[0]]


def test_single_pixels_can_be_set(flat: Workspace) -> None:
    layer = cells(flat)
    layer.data_setitem((np.array([0, 0]), np.array([0, 1])), 2)
    flat.layers.flush()
    assert annotations(flat)[CELLS[1]].bbox == (0, 0, 6, 9)
    assert flat.session.undo_label == "Paint name of cell1"


def test_other_data_are_taken_as_painted(flat: Workspace, qtbot: QtBot) -> None:
    layer = cells(flat)
    data = np.zeros((20, 30), np.int32)
    data[2:4, 2:4] = 9
    with qtbot.waitSignal(flat.changed, timeout=2000):
        layer.data = data
    assert len(annotations(flat)) == 4
    assert cells(flat) is layer
    assert np.unique(layer.data).tolist() == [0, 1, 9], "cell0 shows again"


@pytest.mark.parametrize("small", [1, 1 << 22])
def test_other_data_are_looked_at_on_every_plane(
    stack: Workspace, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_labels, "SMALL", small)
    layer = cells(stack)
    data = layer.data.copy()
    data[1, 3:5, 3:5] = 9
    layer.data = data
    stack.layers.flush()
    assert [thing.plane for thing in annotations(stack).values()].count(1) == 1
    stack.viewer.dims.set_current_step(0, 1)
    layer.paint((1, 15, 15), 9)
    stack.layers.flush()
    layer.undo()
    stack.layers.flush()
    assert stack.session.undo_label == "Erase parts of image0.tif-cell_9"


def test_data_of_another_shape_are_not_ours(flat: Workspace) -> None:
    layer = cells(flat)
    layer.data = np.ones((5, 5), np.uint16)
    flat.layers.flush()
    assert layer.data.shape == (20, 30)
    assert flat.session.undo_label is None


def test_napari_s_own_undo_is_an_edit_like_any(flat: Workspace, qtbot: QtBot) -> None:
    layer = cells(flat)
    layer.paint((15, 20), 2)
    flat.layers.flush()
    grown = annotations(flat)[CELLS[1]].bbox
    assert grown != (4, 6, 6, 9)
    with qtbot.waitSignal(flat.changed, timeout=2000):
        layer.undo()
    assert annotations(flat)[CELLS[1]].bbox == (4, 6, 6, 9)
    assert flat.session.undo_label == "Erase parts of name of cell1"


def test_after_a_session_s_undo_napari_has_nothing_to_undo(flat: Workspace) -> None:
    layer = cells(flat)
    layer.mode = "paint"
    layer.paint((15, 20), 2)
    flat.layers.flush()
    flat.undo()
    before = flat.project
    layer.undo()
    layer.redo()
    flat.layers.flush()
    assert flat.project is before
    assert layer.mode == "paint"


def test_a_label_painted_on_another_plane_is_another_object(stack: Workspace) -> None:
    layer = cells(stack)
    stack.viewer.dims.set_current_step(0, 1)
    layer.selected_label = 2
    layer.paint((1, 10, 10), 2)
    stack.layers.flush()
    things = annotations(stack)
    (new,) = things.keys() - {*CELLS}
    assert things[new].plane == 1
    assert things[CELLS[1]] == cells_project().things[CELLS[1]]
    assert layer.data[1, 10, 10] == 3
    assert layer.selected_label == 3, "what is painted on now belongs to it"


def test_a_fill_in_three_dimensions_is_split_by_plane(stack: Workspace) -> None:
    layer = cells(stack)
    layer.n_edit_dimensions = 3
    layer.fill((0, 0, 0), 8)
    stack.layers.flush()
    new = [thing for key, thing in annotations(stack).items() if key not in CELLS]
    assert [thing.plane for thing in new] == [0, 1]
    assert [masks.area(thing.runs) for thing in new] == [600 - 6 + 1, 600]
    assert np.unique(layer.data).tolist() == [2, 8, 9]
    assert stack.session.undo_label == "Add 2 objects"


def test_strokes_that_wait_come_before_another_image(flat: Workspace) -> None:
    cells(flat).fill((5, 7), 0)
    flat.show("image1")
    assert CELLS[1] not in annotations(flat)
    assert annotations(flat).keys() >= {CELLS[2], CELLS[3]}


def test_edits_elsewhere_show_in_the_labels(flat: Workspace) -> None:
    layer = cells(flat)
    flat.edit("Mask", edits.set_mask, CELLS[1], (10, 10, 12, 12), masks.full(2, 2))
    assert layer.data[10, 10] == 2
    assert layer.data[5, 7] == 1
    flat.edit("Delete", edits.delete_things, [CELLS[1]])
    assert 2 not in layer.data
    thing = replace(annotations(flat)[CELLS[0]], id="new", bbox=(0, 0, 2, 3))
    flat.edit("Add", edits.add_annotations, [thing])
    assert layer.data[1, 1] == 3
    flat.layers.flush()
    assert flat.session.undo_label == "Add"


# --- selection -------------------------------------------------------------------------------


def test_what_is_selected_in_the_gallery_stands_out(flat: Workspace) -> None:
    before = color_of(cells(flat), 2)
    flat.layers.select(CELLS[1])
    assert flat.gallery.query.kind == "cell"
    assert flat.gallery.selection == {CELLS[1]}
    assert color_of(cells(flat), 2)[3] > before[3] > color_of(cells(flat), 1)[3]
    assert cells(flat).selected_label == 2
    flat.gallery.select([])
    assert color_of(cells(flat), 2) == before


def test_a_selected_object_of_grey_is_seen_on_grey(flat: Workspace) -> None:
    flat.categorize([CELLS[0]], flat.project.kinds["cell"].unknown)
    assert np.ptp(color_of(cells(flat), 1)[:3]) == 0
    flat.layers.select(CELLS[0])
    assert np.ptp(color_of(cells(flat), 1)[:3]) > 0.5


def test_a_label_that_is_picked_is_selected_in_the_gallery(flat: Workspace) -> None:
    cells(flat).selected_label = 1
    assert not flat.gallery.selection, "the gallery shows images"
    flat.layers.select(CELLS[1])
    cells(flat).selected_label = 1
    assert flat.gallery.selection == {CELLS[0]}
    cells(flat).selected_label = 77
    assert flat.gallery.selection == {CELLS[0]}


def test_adding_to_the_selection(flat: Workspace) -> None:
    flat.layers.select(CELLS[0])
    flat.layers.select(CELLS[1], add=True)
    assert flat.gallery.selection == {CELLS[0], CELLS[1]}
    flat.layers.select(CELLS[0], add=True)
    assert flat.gallery.selection == {CELLS[1]}


def test_an_annotation_is_brought_into_the_middle(stack: Workspace) -> None:
    moved = replace(annotations(stack)[CELLS[3]], id="there", plane=1, bbox=(10, 20, 12, 23))
    stack.edit("Add", edits.add_annotations, [moved])
    stack.viewer.add_points(np.zeros((1, 2)), name="mine")
    stack.show("there")
    assert stack.shown == "image1"
    assert stack.viewer.dims.current_step[0] == 1
    assert tuple(camera_of(stack.viewer).center)[-2:] == (10.5, 21.0)
    assert stack.gallery.selection == {"there"}
    assert cells(stack).selected_label == 3
    assert stack.viewer.layers.selection.active is cells(stack)


def test_the_uppermost_object_at_a_point(flat: Workspace) -> None:
    view = {"view_direction": None, "dims_displayed": [0, 1]}
    at = (5 * 0.5, 7 * 0.25)
    assert flat.layers.annotation_at(at, **view) == CELLS[1]
    assert flat.layers.annotation_at((0.0, 0.0), **view) is None
    flat.edit("Hide", edits.edit_category, "1long", visible=False)
    assert flat.layers.annotation_at(at, **view) is None
    cells(flat).visible = False
    assert flat.layers.annotation_at(at, **view) is None


def test_foreign_layers_stay_active(flat: Workspace) -> None:
    points: Points = flat.viewer.add_points([[1, 1]])
    flat.show("image1")
    assert flat.viewer.layers.selection.active is points


# --- the viewer goes -------------------------------------------------------------------------


def test_the_workspace_does_not_keep_its_viewer(qtbot: QtBot) -> None:
    import gc
    import weakref

    from napari.components import ViewerModel

    viewer = ViewerModel()
    made = workspace_of(viewer)
    made.open_project(flat_project())
    made.show("image0")
    made.layers.select(CELLS[1])
    images(made)[0].visible = False
    made.close()
    gone = weakref.ref(viewer)
    del viewer
    gc.collect()
    assert gone() is None
    qtbot.wait(600)  # timers of a viewer that is gone do no harm


# --- real bundles ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "digits_project", "gray16_project", "rgb_project", "multi_channel_project",
        "zstack_project", "zstack_plane_annotations_padded", "legacy_v100",
    ],
)  # fmt: skip
def test_looking_at_a_project_of_piximi_s_changes_nothing(
    workspace: Workspace, name: str, finish: Callable[[Workspace], None], qtbot: QtBot
) -> None:
    project = read_bundle(shared(f"bundles/{name}.zip"))
    workspace.open_project(project)
    shown = list(project.images())[:12]
    for image in shown:
        workspace.show(image.id)
        finish(workspace)
        assert len(workspace.layers.layers()) >= len(image.channels)
    for thing in list(project.annotations())[:5]:
        if thing.plane == shown_plane(workspace, thing):
            workspace.show(thing.id)
            assert workspace.gallery.selection == {thing.id}
    for mode in COLOR_MODES:
        workspace.layers.color_mode = mode
    qtbot.wait(300)
    workspace.layers.flush()
    assert workspace.project is project


def shown_plane(workspace: Workspace, thing: Annotation) -> int:
    image = workspace.project.things[thing.image]
    assert isinstance(image, Image)
    return image.plane
