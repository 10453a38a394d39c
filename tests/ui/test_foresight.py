"""What is shown of very many things is made ready in a thread, and is what it would be at once."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from tests.model.test_raster import with_annotations

from napari_piximi.learn.results import FitResult, Predictions
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import ArrayPixels, Image, Prediction
from napari_piximi.model.training import Classifier, Run, Settings
from napari_piximi.ui import computing
from napari_piximi.ui.category_edits import CategoryEdits
from napari_piximi.ui.computing import apply_computed
from napari_piximi.ui.fitting import FitUnderWay, fitting_of
from napari_piximi.ui.layer_colors import label_colors
from napari_piximi.ui.layer_view import camera_of
from napari_piximi.ui.refitting import refitting_of
from napari_piximi.ui.workspace import MANY_CHANGED, Workspace

COUNT = 3_000


@pytest.fixture
def many(workspace: Workspace) -> Workspace:
    """Return a workspace with many objects on one of two images, none of which is shown yet."""
    project, made = with_annotations(COUNT)
    image = project.things["image"]
    pixels = ArrayPixels(np.zeros((2, 90, 80, 1), np.uint8))
    assert isinstance(image, Image)
    project = edits.add_images(project, [replace(image, id="other", name="b", pixels=pixels)])
    project = edits.create_category(project, "cell", "round", category_id="1round")
    workspace.open_project(edits.add_annotations(project, made))
    return workspace


def finish(workspace: Workspace, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not workspace.jobs.running, timeout=60_000)
    qtbot.wait(50)


def cells(workspace: Workspace) -> Labels:
    layer = workspace.layers.labels_layer("cell")
    assert layer is not None
    return layer


def expected(workspace: Workspace) -> "np.ndarray[tuple[int, ...], np.dtype[np.int_]]":
    labels = np.zeros((2, 256, 256), int)
    for number, thing in enumerate(workspace.project.annotations("image"), 1):
        labels[thing.plane, thing.bbox[0], thing.bbox[1]] = number
    return labels


def predict(project: Project) -> Project:
    said = {thing.id: Prediction("1round", 0.75) for thing in project.annotations()}
    return edits.set_predictions(project, said)


def test_an_image_is_shown_when_its_labels_are_ready(many: Workspace, qtbot: QtBot) -> None:
    many.show("image")
    assert many.layers.layers() == []
    many.show("other")  # the user goes on
    finish(many, qtbot)
    assert many.layers.thing_of(many.layers.layers()[0]) == "other"
    many.layers.step(-1)
    finish(many, qtbot)
    assert np.array_equal(cells(many).data, expected(many))
    table = cells(many).features
    assert table["id"].tolist() == ["", *(t.id for t in many.project.annotations())]
    assert many.viewer.layers.selection.active is cells(many)


def test_an_object_is_looked_at_when_its_image_is_ready(many: Workspace, qtbot: QtBot) -> None:
    many.show("other")
    finish(many, qtbot)
    many.show("cell2570")  # in row 10, column 10 of the other image, which is larger
    finish(many, qtbot)
    assert many.layers.thing_of(cells(many)) == "image"
    assert np.allclose(camera_of(many.viewer).center[-2:], (10, 10), atol=1)
    assert many.gallery.selection == {"cell2570"}
    assert cells(many).selected_label == 2571
    assert many.viewer.layers.selection.active is cells(many)


def test_an_edit_made_meanwhile_is_shown(many: Workspace, qtbot: QtBot) -> None:
    many.show("image")
    many.edit("Delete", edits.delete_things, ["cell0"])
    finish(many, qtbot)
    assert np.array_equal(cells(many).data, expected(many))


def test_a_large_edit_is_followed_as_a_small_one(many: Workspace, qtbot: QtBot) -> None:
    many.show("image")
    finish(many, qtbot)
    layer, data = cells(many), cells(many).data
    many.layers.color_mode = "prediction"
    apply_computed(many, "Predict", COUNT, predict)
    finish(many, qtbot)
    assert cells(many) is layer
    assert layer.data is data
    assert set(layer.features["prediction"][1:]) == {"round"}
    raster = many.layers._kinds.kinds["cell"].raster
    kind = many.project.kinds["cell"]
    wanted = label_colors(raster, many.project.categories, kind, "prediction")
    assert np.array_equal(layer.colormap.colors, wanted)
    assert many.gallery.project is many.project


def test_objects_that_are_found_get_a_layer(many: Workspace, qtbot: QtBot) -> None:
    _, made = with_annotations(COUNT)
    many.show("image")
    finish(many, qtbot)
    nuclei = edits.create_kind(many.project, "nucleus")
    kind = nuclei.find_kind("nucleus")

    def find(project: Project) -> Project:
        project = replace(project, kinds=nuclei.kinds, categories=nuclei.categories)
        found = [
            replace(thing, id=f"n{thing.id}", kind=kind.id, category=kind.unknown) for thing in made
        ]
        return edits.add_annotations(project, found)

    apply_computed(many, "Find", COUNT, find)
    finish(many, qtbot)
    layer = many.layers.labels_layer(kind.id)
    assert layer is not None
    assert layer in many.viewer.layers
    assert np.count_nonzero(layer.data) == COUNT
    assert layer.selected_label == COUNT + 1
    many.undo()
    finish(many, qtbot)
    assert len(many.project.things) == COUNT + 2
    assert many.layers.labels_layer(kind.id) is None


def test_undo_waits_for_views_but_for_no_other_edit(many: Workspace, qtbot: QtBot) -> None:
    assert COUNT >= MANY_CHANGED
    many.show("image")
    finish(many, qtbot)
    before = many.project
    apply_computed(many, "Predict", COUNT, predict)
    finish(many, qtbot)
    many.undo()
    assert many.project is not before
    many.edit("Name", edits.rename_project, "other")
    assert many.project.things is before.things
    assert many.session.undo_label == "Name"
    finish(many, qtbot)
    assert many.session.undo_label == "Name"
    many.undo()
    assert many.project is before
    many.redo()
    many.undo()
    finish(many, qtbot)
    assert many.project is before


def fit_arrives(workspace: Workspace) -> None:
    fit = FitUnderWay("cell", "net", Settings(), None)
    made = Classifier("net", "cell", class_map=("1round",), runs=(Run(Settings(), {}),))
    assert fitting_of(workspace)._take(fit, FitResult(made, {}))


def predictions_arrive(workspace: Workspace) -> None:
    said = Predictions(("cell3",), np.ones((1, 1), np.float32), ("1round",))
    refitting_of(workspace)._predicted(said)


def category_is_made(workspace: Workspace) -> None:
    query = replace(workspace.gallery.query, kind="cell")
    workspace.gallery.set_query(query)
    assert CategoryEdits(workspace, lambda _: None).create("long") is not None


@pytest.mark.parametrize("arrives", [fit_arrives, predictions_arrive, category_is_made])
def test_an_undo_that_waits_is_done_before_what_arrives_meanwhile(
    many: Workspace, qtbot: QtBot, arrives: Callable[[Workspace], None]
) -> None:
    before = many.project
    apply_computed(many, "Predict", COUNT, predict)
    finish(many, qtbot)
    many.undo()
    assert many.project is not before, "it waits"
    arrives(many)
    finish(many, qtbot)
    predicted = [thing.id for thing in many.project.annotations() if thing.prediction]
    assert predicted == (["cell3"] if arrives is predictions_arrive else [])
    assert many.project is not before
    many.undo()
    finish(many, qtbot)
    if arrives is not predictions_arrive:  # which are no step of their own
        assert many.project is before


def test_an_undo_that_waits_is_done_before_a_large_edit_is_applied(
    many: Workspace, qtbot: QtBot
) -> None:
    apply_computed(many, "Predict", COUNT, predict)
    finish(many, qtbot)
    round_ids = [f"cell{i}" for i in range(COUNT)]
    apply_computed(many, "Label", COUNT, edits.categorize, round_ids, "1round")
    many.undo()
    finish(many, qtbot)
    assert not any(thing.prediction for thing in many.project.annotations())
    assert {thing.category for thing in many.project.annotations()} == {"1round"}
    assert many.session.undo_label == "Label"
    many.undo()
    finish(many, qtbot)
    assert many.session.undo_label is None


def test_an_undo_whose_views_cannot_be_made_ready_is_done(
    many: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:  # fmt: skip
    before = many.project
    apply_computed(many, "Predict", COUNT, predict)
    finish(many, qtbot)

    def fail(*_: object) -> None:
        raise MemoryError("no room for labels")

    monkeypatch.setattr(many, "foresee", fail)
    many.undo()
    finish(many, qtbot)
    assert many.project is before
    assert [note.message for note in notifications] == ["no room for labels"]


def test_undo_and_redo_of_much_in_a_row(many: Workspace, qtbot: QtBot) -> None:
    before = many.project
    apply_computed(many, "Predict", COUNT, predict)
    finish(many, qtbot)
    after = many.project
    for _ in range(2):
        many.undo()
        finish(many, qtbot)
        assert many.project is before
        many.redo()
        finish(many, qtbot)
        assert many.project is after
    many.undo()
    many.redo()
    many.undo()
    finish(many, qtbot)
    assert many.project is before


def test_one_label_changes_one_row_of_the_table(many: Workspace, qtbot: QtBot) -> None:
    many.show("image")
    finish(many, qtbot)
    table = cells(many).features
    many.categorize(["cell7"], "1round")
    many.layers.flush()
    assert cells(many).features is table
    assert table["category"].tolist().count("round") == 1
    assert table.loc[8, "category"] == "round"
    assert table.loc[8, "id"] == "cell7"
    many.edit("Rename", edits.edit_category, "1round", name="oval")
    many.layers.flush()
    finish(many, qtbot)
    assert cells(many).features["category"].tolist().count("oval") == 1


def test_what_was_made_ready_for_another_project_is_not_used(
    many: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "MANY", 1)
    many.show("image")
    finish(many, qtbot)
    apply_computed(many, "Predict", COUNT, predict)
    many.edit("Delete", edits.delete_things, ["cell0"])
    finish(many, qtbot)
    assert "cell0" not in many.project.things
    assert all(thing.prediction for thing in many.project.annotations())
    data = cells(many).data
    assert np.array_equal(data != 0, expected(many) != 0)
    assert many.gallery.columns.project is many.project
