"""Layers that join the project."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr
from napari.layers import Layer
from napari.utils.notifications import Notification
from napari_builtins.io import napari_get_reader
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QWidget

from napari_piximi.errors import EditError
from napari_piximi.io.scratch import FilePixels
from napari_piximi.model import masks
from napari_piximi.model.things import Annotation, Channel, Image
from napari_piximi.ui import join_dialog
from napari_piximi.ui.join_dialog import JoinDialog
from napari_piximi.ui.layer_import import add_layers, layers_to_project
from napari_piximi.ui.reading import get_reader
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]
rng = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int | None, Sequence[str]]]:
    """Answers to questions, each put in as (place, []); the options asked for come out."""
    prepared: list[tuple[int | None, Sequence[str]]] = []
    answered: list[int] = []

    def choose(_parent: QWidget | None, question: str, options: Sequence[str]) -> int | None:
        number = len(answered)
        assert number < len(prepared), f"nobody answers {question!r}: {options}"
        answered.append(number)
        place, _ = prepared[number]
        prepared[number] = place, [question, *options]
        return place

    monkeypatch.setattr(join_dialog, "choose", choose)
    return prepared


def only_image(workspace: Workspace) -> Image:
    (image,) = workspace.project.images()
    return image


def pixels(image: Image) -> NDArray[Any]:
    return np.asarray(image.pixels)


def test_an_image_layer_becomes_an_image(workspace: Workspace, finish: Wait) -> None:
    data = rng.integers(0, 4096, (20, 30), dtype=np.uint16)
    layer = workspace.viewer.add_image(
        data, name="dots", colormap="green", contrast_limits=(0, 6553.5), scale=(0.5, 0.25)
    )
    before = workspace.project
    add_layers(workspace)
    finish(workspace)
    image = only_image(workspace)
    assert (image.name, image.bit_depth, image.plane) == ("dots", 16, 0)
    np.testing.assert_array_equal(pixels(image), data[np.newaxis, ..., np.newaxis])
    assert image.channels == (Channel((0.0, 1.0, 0.0), 0.0, 6553.5 / 65535),)
    assert image.pixel_size == (1.0, 0.5, 0.25)
    assert isinstance(image.pixels, FilePixels), "it survives a crash"
    assert workspace.shown == image.id
    assert not layer.visible
    assert layer in workspace.viewer.layers
    assert workspace.session.undo_label == "Add layer dots"
    workspace.undo()
    assert workspace.project is before


def test_additive_layers_are_channels_of_one_image(workspace: Workspace, finish: Wait) -> None:
    data = rng.integers(0, 255, (3, 5, 20, 30), dtype=np.uint8)
    layers = workspace.viewer.add_image(
        data, channel_axis=0, name=["cells: dapi", "cells: gfp", "cells: rfp"],
        colormap=["blue", "green", "red"], contrast_limits=[(0, 255), (0, 51), (51, 102)],
    )  # fmt: skip
    layers[1].visible = False
    add_layers(workspace, reversed(layers))
    finish(workspace)
    image = only_image(workspace)
    assert image.name == "cells"
    assert image.pixels.shape == (5, 20, 30, 3)
    for number in range(3):
        np.testing.assert_array_equal(pixels(image)[..., number], data[number])
    assert image.channels == (
        Channel((0.0, 0.0, 1.0), 0.0, 1.0),
        Channel((0.0, 1.0, 0.0), 0.0, 0.2, visible=False),
        Channel((1.0, 0.0, 0.0), 0.2, 0.4),
    )


def test_a_colour_picture_has_three_channels(workspace: Workspace, finish: Wait) -> None:
    data = rng.integers(0, 255, (20, 30, 4), dtype=np.uint8)
    workspace.viewer.add_image(data, name="photo", rgb=True)
    add_layers(workspace)
    finish(workspace)
    np.testing.assert_array_equal(pixels(only_image(workspace)), data[np.newaxis, ..., :3])
    assert [channel.color for channel in only_image(workspace).channels] == [
        (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "shape"), [(0, (3, 20, 30, 1)), (1, (1, 20, 30, 3)), (None, None)]
)
def test_few_pages_may_be_planes_or_channels(
    workspace: Workspace,
    finish: Wait,
    asked: list[tuple[int | None, Sequence[str]]],
    place: int | None,
    shape: tuple[int, ...] | None,
) -> None:
    asked.append((place, []))
    data = rng.integers(0, 255, (3, 20, 30), dtype=np.uint8)
    workspace.viewer.add_image(data, name="pages")
    add_layers(workspace)
    finish(workspace)
    assert asked[0][1] == [
        "What is pages?",
        "1 image, 3 planes, 1 channel, 20 × 30",
        "1 image, 1 plane, 3 channels, 20 × 30",
    ]
    assert [image.pixels.shape for image in workspace.project.images()] == [shape][
        : shape is not None
    ]
    if place == 1:
        np.testing.assert_array_equal(pixels(only_image(workspace))[0], data.transpose(1, 2, 0))


def test_what_suits_the_project_is_not_asked(workspace: Workspace, finish: Wait) -> None:
    grey = workspace.viewer.add_image(np.zeros((20, 30), np.uint8), name="grey")
    stack = workspace.viewer.add_image(np.ones((2, 20, 30), np.uint8), name="stack")
    two = [workspace.viewer.add_image(np.ones((8, 9), np.uint8), name=n) for n in "ab"]
    for layers in ([grey], [stack], two):
        add_layers(workspace, layers)
        finish(workspace)
    shapes = [image.pixels.shape for image in workspace.project.images()]
    assert shapes == [(1, 20, 30, 1), (2, 20, 30, 1), (1, 8, 9, 1), (1, 8, 9, 1)]


def test_another_number_of_channels_is_explained(
    workspace: Workspace, finish: Wait, notifications: list[Notification]
) -> None:
    add_layers(workspace, [workspace.viewer.add_image(np.zeros((20, 30), np.uint8), name="grey")])
    finish(workspace)
    assert [note.message for note in notifications] == ["1 image joined the project"]
    notifications.clear()
    before = workspace.project
    photo = workspace.viewer.add_image(np.zeros((20, 30, 3), np.uint8), name="photo", rgb=True)
    assert add_layers(workspace, [photo]) is None
    assert workspace.project is before
    (note,) = notifications
    assert "'photo' would have 3 channels, but all images of 'Untitled' have 1" in note.message


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[False, True]]), np.array([[0, 255]], np.uint8)),
        (np.array([[-128, 127]], np.int8), np.array([[0, 255]], np.uint8)),
        (np.array([[7, 70000 - 5000]], np.int64), np.array([[7, 65000]], np.uint16)),
        (np.array([[0.0, 0.5]]), np.array([[0.0, 0.5]], np.float32)),
        (np.array([[-1.0, 3.0]]), np.array([[0.0, 1.0]], np.float32)),
    ],
)
@pytest.mark.filterwarnings("ignore::napari_piximi.errors.PiximiWarning")
def test_values_of_any_type(
    workspace: Workspace, finish: Wait, values: NDArray[Any], expected: NDArray[Any]
) -> None:
    kept = values.copy()
    layer = workspace.viewer.add_image(
        values, contrast_limits=(float(values.min()), float(values.max()))
    )
    add_layers(workspace)
    finish(workspace)
    image = only_image(workspace)
    assert pixels(image).dtype == expected.dtype
    np.testing.assert_array_equal(pixels(image)[0, ..., 0], expected)
    top = 1.0 if expected.dtype.kind == "f" else 2.0**image.bit_depth - 1
    shown = image.channels[0]
    assert (shown.minimum, shown.maximum) == pytest.approx(
        (expected.min() / top, expected.max() / top)
    )
    np.testing.assert_array_equal(layer.data, kept)


def test_floats_that_are_scaled_are_told_of(
    workspace: Workspace, finish: Wait, notifications: list[Notification]
) -> None:
    workspace.viewer.add_image(np.array([[-1.0, 3.0]]), name="wide")
    add_layers(workspace)
    finish(workspace)
    assert any(
        "wide: its values from -1 to 3 were scaled" in note.message for note in notifications
    )


def test_lazy_and_multiscale_layers_are_read_whole(workspace: Workspace, finish: Wait) -> None:
    data = rng.integers(0, 255, (64, 64), dtype=np.uint8)
    chunks = da.from_array(data, chunks=16)  # type: ignore[no-untyped-call]
    lazy = workspace.viewer.add_image(chunks, name="lazy")
    pyramid = workspace.viewer.add_image([data, data[::2, ::2]], name="pyramid", multiscale=True)
    for layer in (lazy, pyramid):
        add_layers(workspace, [layer])
        finish(workspace)
    for image in workspace.project.images():
        np.testing.assert_array_equal(pixels(image)[0, ..., 0], data)


def test_stacks_of_stacks_are_asked_about(
    workspace: Workspace, finish: Wait, asked: list[tuple[int | None, Sequence[str]]]
) -> None:
    asked.append((1, []))
    data = rng.integers(0, 255, (2, 5, 8, 9), dtype=np.uint8)
    workspace.viewer.add_image(data, name="deep", scale=(1, 2, 0.5, 0.5))
    add_layers(workspace)
    finish(workspace)
    assert asked[0][1][1:] == [
        "1 image, 5 planes, 2 channels, 8 × 9", "1 image, 2 planes, 5 channels, 8 × 9",
    ]  # fmt: skip
    np.testing.assert_array_equal(pixels(only_image(workspace)), data.transpose(0, 2, 3, 1))
    assert only_image(workspace).pixel_size == (2.0, 0.5, 0.5)


def test_axes_of_one_element_do_not_count(workspace: Workspace, finish: Wait) -> None:
    workspace.viewer.add_image(np.ones((1, 1, 8, 9), np.uint8), name="flat")
    add_layers(workspace)
    finish(workspace)
    assert only_image(workspace).pixels.shape == (1, 8, 9, 1)


def test_units_of_length_are_micrometres_in_the_project(workspace: Workspace, finish: Wait) -> None:
    data = np.ones((8, 9), np.uint8)
    workspace.viewer.add_image(data, scale=(0.001, 0.002), units=("mm", "mm"))
    add_layers(workspace)
    finish(workspace)
    assert only_image(workspace).pixel_size == pytest.approx((1.0, 1.0, 2.0))


# --- labels ----------------------------------------------------------------------------------


def test_labels_become_annotations_of_a_kind_of_their_name(
    workspace: Workspace, finish: Wait, notifications: list[Notification]
) -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[2:5, 3:9] = 4
    labels[10:12, 3:9] = 7
    photo = workspace.viewer.add_image(np.zeros((20, 30), np.uint8), name="photo")
    layer = workspace.viewer.add_labels(labels, name="nuclei")
    add_layers(workspace, [photo, layer])
    finish(workspace)
    kind = workspace.project.find_kind("nuclei")
    things = list(workspace.project.annotations())
    assert [thing.name for thing in things] == ["nuclei 4", "nuclei 7"]
    assert {thing.kind for thing in things} == {kind.id}
    assert {thing.category for thing in things} == {kind.unknown}
    assert {thing.image for thing in things} == {only_image(workspace).id}
    assert [(thing.bbox, masks.area(thing.runs)) for thing in things] == [
        ((2, 3, 5, 9), 18), ((10, 3, 12, 9), 12),
    ]  # fmt: skip
    assert workspace.session.undo_label == "Add 2 layers"
    ours = workspace.layers.labels_layer(kind.id)
    assert ours is not None
    np.testing.assert_array_equal(ours.data > 0, labels > 0)
    assert not layer.visible
    (note,) = notifications
    assert note.message == "1 image and 2 objects of nuclei joined the project"


def test_labels_of_a_kind_that_exists_join_it(workspace: Workspace, finish: Wait) -> None:
    photo = workspace.viewer.add_image(np.zeros((20, 30), np.uint8), name="photo")
    add_layers(workspace, [photo])
    finish(workspace)
    for name in ("nuclei", "Nuclei", "image"):
        layer = workspace.viewer.add_labels(np.eye(20, 30, dtype=np.uint8), name=name)
        add_layers(workspace, [layer])
        finish(workspace)
    names = [kind.name for kind in workspace.project.kinds.values()]
    assert names == ["Image", "nuclei", "Labels"]
    assert len(list(workspace.project.annotations())) == 3


def test_labels_of_a_stack_lie_on_their_planes(workspace: Workspace, finish: Wait) -> None:
    labels = np.zeros((7, 20, 30), np.int32)
    labels[2, 3, 3] = labels[6, 3, 3] = 1
    photo = workspace.viewer.add_image(np.zeros((7, 20, 30), np.uint8), name="photo")
    layer = workspace.viewer.add_labels(labels, name="nuclei")
    add_layers(workspace, [photo, layer])
    finish(workspace)
    assert [thing.plane for thing in workspace.project.annotations()] == [2, 6]


def test_labels_lie_on_the_image_that_is_shown(workspace: Workspace, finish: Wait) -> None:
    for name in ("a", "b"):
        photo = workspace.viewer.add_image(np.zeros((8, 9), np.uint8), name=name)
        add_layers(workspace, [photo])
        finish(workspace)
    first = next(workspace.project.images())
    workspace.show(first.id)
    labels = workspace.viewer.add_labels(np.eye(8, 9, dtype=np.uint8), name="spots")
    add_layers(workspace, [labels])
    finish(workspace)
    (thing,) = workspace.project.annotations()
    assert thing.image == first.id


def test_where_several_images_fit_it_is_asked(
    workspace: Workspace, finish: Wait, asked: list[tuple[int | None, Sequence[str]]]
) -> None:
    asked += [(0, []), (1, [])]
    two = [workspace.viewer.add_image(np.zeros((8, 9), np.uint8), name=n) for n in "ab"]
    layer = workspace.viewer.add_labels(np.eye(8, 9, dtype=np.uint8), name="spots")
    add_layers(workspace, [*two, layer])
    finish(workspace)
    assert asked[0][1][1:] == [
        "2 images, 1 plane, 1 channel, 8 × 9", "1 image, 1 plane, 2 channels, 8 × 9",
    ]  # fmt: skip
    assert asked[1][1] == ["On which image do the labels spots lie?", "a", "b"]
    (thing,) = workspace.project.annotations()
    assert workspace.project.things[thing.image].name == "b"


def test_labels_that_fit_nothing_are_refused(
    workspace: Workspace, notifications: list[Notification]
) -> None:
    layer = workspace.viewer.add_labels(np.eye(8, 9, dtype=np.uint8), name="spots")
    assert add_layers(workspace, [layer]) is None
    (note,) = notifications
    assert "as large as the labels 'spots' (8 × 9)" in note.message


def test_our_own_and_other_layers_are_refused_kindly(
    workspace: Workspace, finish: Wait, notifications: list[Notification]
) -> None:
    add_layers(workspace, [workspace.viewer.add_image(np.zeros((8, 9), np.uint8), name="photo")])
    finish(workspace)
    notifications.clear()
    before = workspace.project
    points = workspace.viewer.add_points([[1, 1]], name="points")
    assert add_layers(workspace, [*workspace.layers.layers(), points]) is None
    assert add_layers(workspace, []) is None
    assert workspace.project is before
    assert [note.message for note in notifications] == [
        "photo [1]: in the project already",
        "points: only Image and Labels layers can join a project",
        "Select the layers to be added in napari's list of layers first",
    ]


# --- without a viewer ------------------------------------------------------------------------


def test_plain_layers_make_a_project() -> None:
    labels = np.eye(8, 9, dtype=np.int64)
    project = layers_to_project(
        [
            (np.zeros((8, 9), np.uint8), {"name": "photo"}, "image"),
            (labels, {"name": "spots"}, "labels"),
            (np.zeros((1, 2)), {"name": "points"}, "points"),
        ],
        "bundle",
    )
    assert project.name == "bundle"
    (thing,) = project.annotations()
    assert isinstance(thing, Annotation)
    assert masks.area(thing.runs) == 8
    with pytest.raises(EditError, match="bundle: a project needs an image"):
        layers_to_project([(labels, {"name": "spots"}, "labels")], "bundle")
    with pytest.raises(EditError, match="has 5 axes"):
        layers_to_project([(np.zeros((2, 2, 2, 2, 2)), {"name": "deep"}, "image")], "bundle")


def test_the_dialog_offers_outcomes(qtbot: QtBot) -> None:
    dialog = JoinDialog("What is it?", ["1 image", "2 images"])
    qtbot.addWidget(dialog)
    assert dialog.chosen == 0
    dialog.check(1)
    assert dialog.chosen == 1


def test_an_ome_zarr_image_joins_through_napari_s_own_reader(
    workspace: Workspace,
    finish: Wait,
    asked: list[tuple[int | None, Sequence[str]]],
    tmp_path: Path,
) -> None:
    values = rng.integers(0, 4000, (3, 16, 20), dtype=np.uint16)
    group = zarr.open_group(str(tmp_path / "cells.zarr"), mode="w", zarr_format=2)
    group.create_array("0", data=values, chunks=(1, 8, 10))
    group.create_array("1", data=values[:, ::2, ::2], chunks=(1, 8, 10))
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    paths = [{"path": "0"}, {"path": "1"}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": paths}]
    path = str(tmp_path / "cells.zarr")
    assert get_reader(path) is None
    read = napari_get_reader(path)
    assert read is not None
    layers = [workspace.viewer.add_layer(Layer.create(*data)) for data in read(path)]
    asked.append((0, []))
    add_layers(workspace, layers)
    finish(workspace)
    assert asked[0][1][1:] == [
        "1 image, 3 planes, 1 channel, 16 × 20",
        "1 image, 1 plane, 3 channels, 16 × 20",
    ]
    assert np.array_equal(pixels(only_image(workspace))[..., 0], values)
