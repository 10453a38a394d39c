import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.model.cells import CELLS, IMAGES, cell, cells_project, image

from napari_piximi.errors import EditError, PiximiError
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project, touched
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    ArrayPixels,
    Channel,
    Image,
    Partition,
    Prediction,
    default_channels,
)
from napari_piximi.model.training import Classifier, ModelArtifact, Settings

PROJECT = edits.put_network(cells_project(), SegmentationNetwork("finder", "cell"))
UNKNOWN = PROJECT.kinds["cell"].unknown
FULL = masks.full(2, 3)

Edit = Callable[[Project], Project]


def snapshot(project: Project) -> tuple[Any, ...]:
    mappings: list[Mapping[str, Any]] = [project.kinds, project.categories, project.things]
    return (
        replace(project, kinds={}, categories={}, things={}),
        *(list(m.items()) for m in mappings),
    )


BEFORE = snapshot(PROJECT)


@pytest.fixture(autouse=True)
def _the_project_given_stays_as_it_was() -> Any:  # noqa: ANN401
    yield
    assert snapshot(PROJECT) == BEFORE


def thing(project: Project, key: str) -> Annotation:
    found = project.things[key]
    assert isinstance(found, Annotation)
    return found


def picture(project: Project, key: str) -> Image:
    found = project.things[key]
    assert isinstance(found, Image)
    return found


# --- nothing changes -------------------------------------------------------------------------

IDLE: dict[str, Edit] = {
    "rename_project": lambda p: edits.rename_project(p, "Cells"),
    "add_images": lambda p: edits.add_images(p, []),
    "add_annotations": lambda p: edits.add_annotations(p, []),
    "delete_things": lambda p: edits.delete_things(p, ["gone"]),
    "rename_thing": lambda p: edits.rename_thing(p, "cell0", "name of cell0"),
    "categorize": lambda p: edits.categorize(p, ["cell0"], "1round"),
    "categorize nothing": lambda p: edits.categorize(p, [], "1round"),
    "set_partition": lambda p: edits.set_partition(p, ["cell0"], Partition.UNASSIGNED),
    "set_plane": lambda p: edits.set_plane(p, IMAGES, 0),
    "set_channels": lambda p: edits.set_channels(p, ["image0"], picture(p, "image0").channels),
    "set_mask": lambda p: edits.set_mask(p, "cell0", (4, 6, 6, 9), masks.from_lengths((1, 5))),
    "move_to_kind": lambda p: edits.move_to_kind(p, CELLS, "cell"),
    "set_predictions": lambda p: edits.set_predictions(p, {"cell3": Prediction("1long", 0.75)}),
    "set_predictions of none": lambda p: edits.set_predictions(p, {}),
    "clear_predictions": lambda p: edits.clear_predictions(p, ["cell0", "image0"]),
    "accept_predictions": lambda p: edits.accept_predictions(p, ["cell0"]),
    "put_classifier": lambda p: edits.put_classifier(p, p.classifiers[0]),
    "rename_classifier": lambda p: edits.rename_classifier(p, "net", "net"),
    "put_network": lambda p: edits.put_network(p, p.networks[0]),
    "rename_network": lambda p: edits.rename_network(p, "finder", "finder"),
    "map_classes": lambda p: edits.map_classes(p, "net", "cell", p.classifiers[0].class_map),
    "bring_back_kind": lambda p: edits.bring_back_kind(p, "cell", "cell"),
    "edit_kind": lambda p: edits.edit_kind(p, "cell", name="cell", visible=True),
    "edit_category": lambda p: edits.edit_category(p, "1round", name="round", visible=True),
    "reorder_categories": lambda p: edits.reorder_categories(p, "cell", p.kinds["cell"].categories),
}


@pytest.mark.parametrize("edit", IDLE.values(), ids=IDLE)
def test_an_edit_that_changes_nothing_returns_the_project_itself(edit: Edit) -> None:
    assert edit(PROJECT) is PROJECT


def test_each_edit_either_can_be_idle_or_always_changes_something() -> None:
    always = {"add_kind", "create_kind", "create_category", "delete_kind", "delete_category",
              "delete_classifier", "duplicate_classifier", "add_evaluation", "delete_evaluation",
              "delete_run", "duplicate_network", "delete_network", "delete_network_run",
              "add_score", "delete_score"}  # fmt: skip
    assert {name.split()[0] for name in IDLE} | always == set(edits.__all__)


# --- errors ----------------------------------------------------------------------------------


def odd_image(channels: int) -> Image:
    return replace(image("new", PROJECT.kinds[IMAGE_KIND].unknown, (1, 4, 4, channels)), name="new")


def pixels(*shape: int) -> ArrayPixels:
    return ArrayPixels(np.zeros(shape, np.uint16))


def adds_image(**changes: Any) -> Edit:  # noqa: ANN401
    return lambda p: edits.add_images(p, [replace(odd_image(3), **changes)])


def adds_cell(**changes: Any) -> Edit:  # noqa: ANN401
    return lambda p: edits.add_annotations(p, [replace(cell("a", UNKNOWN, "image0"), **changes)])


# What could be saved, but not be opened again.
NOT_SOUND: list[tuple[Edit, str]] = [
    (adds_image(id=""), "'new': its id '' is empty"),
    (adds_image(pixels=pixels(4, 4, 3)), "Image 'new': pixels of shape (4, 4, 3) are not (Z, Y"),
    (adds_image(pixels=pixels()), "Image 'new': pixels of shape () are not (Z, Y, X, C)"),
    (adds_image(pixels=pixels(1, 0, 4, 3)), "Image 'new': pixels of shape (1, 0, 4, 3) are not"),
    (adds_image(pixels=pixels(0, 4, 4, 3)), "Image 'new': pixels of shape (0, 4, 4, 3) are not"),
    (adds_image(bit_depth=12), "'new': a bit depth of 12 is neither 8 nor 16"),
    (adds_image(plane=1), "Image 'new': plane 1 is none of its 1"),
    (adds_image(plane=-1), "Image 'new': plane -1 is none of its 1"),
    (adds_image(channels=(Channel(),)), "Image 'new': 1 channels to show, but its pixels have 3"),
    (adds_cell(id=""), "'name of a': its id '' is empty"),
    (adds_cell(bit_depth=0), "'name of a': a bit depth of 0 is neither 8 nor 16"),
    (adds_cell(pixels=pixels(1, 3, 3, 3)), "'name of a': pixels of shape (1, 3, 3, 3) are not"),
    (adds_cell(pixels=pixels(1, 2, 2, 3)), "with Y, X of its box (4, 6, 6, 9) and the 3 channels"),
    (adds_cell(pixels=pixels(1, 2, 3, 1)), "'name of a': pixels of shape (1, 2, 3, 1) are not"),
    (adds_cell(pixels=pixels(2, 3, 3)), "'name of a': pixels of shape (2, 3, 3) are not"),
    (adds_cell(pixels=pixels(0, 2, 3, 3)), "'name of a': pixels of shape (0, 2, 3, 3) are not"),
]

BAD_NAMES = ("", "a/", "/a", "a//b", "a/../b", "..", "a\\", "\\a", "a\\\\b", "a/\\b", "a\0b")

ERRORS: list[tuple[Edit, str]] = [
    *NOT_SOUND,
    (lambda p: edits.rename_project(p, " "), "A project needs a name"),
    (
        lambda p: edits.add_images(p, [odd_image(1)]),
        "Image 'new' has 1 channels, but the images of this project have 3",
    ),
    (
        lambda p: edits.add_images(new_project(), [odd_image(1), replace(odd_image(2), id="b")]),
        "Image 'new' has 2 channels, but the images of this project have 1",
    ),
    (
        lambda p: edits.add_images(p, [replace(odd_image(3), id="image0")]),
        "'new': there is a thing with the id 'image0' already",
    ),
    (
        lambda p: edits.add_images(p, [odd_image(3), odd_image(3)]),
        "'new': there is a thing with the id 'new' already",
    ),
    (
        lambda p: edits.add_images(p, [replace(odd_image(3), category="1round")]),
        "'new': '1round' is no category of its kind",
    ),
    (
        lambda p: edits.add_annotations(p, [cell("cell0", UNKNOWN, "image0")]),
        "'name of cell0': there is a thing with the id 'cell0' already",
    ),
    (
        lambda p: edits.add_annotations(p, [cell("a", UNKNOWN, "image0")] * 2),
        "'name of a': there is a thing with the id 'a' already",
    ),
    (
        lambda p: edits.add_annotations(p, [cell("a", UNKNOWN, "image7")]),
        "Annotation 'name of a': no image 'image7'",
    ),
    (
        lambda p: edits.add_annotations(p, [cell("a", UNKNOWN, "cell0")]),
        "Annotation 'name of a': no image 'cell0'",
    ),
    (
        lambda p: edits.add_annotations(p, [cell("a", "1good", "image0", IMAGE_KIND)]),
        "Annotation 'name of a' cannot be of the kind Image",
    ),
    (
        lambda p: edits.add_annotations(p, [cell("a", UNKNOWN, "image0", "tissue")]),
        "'name of a': there is no kind 'tissue'",
    ),
    (
        lambda p: edits.add_annotations(p, [cell("a", "1good", "image0")]),
        "'name of a': '1good' is no category of its kind",
    ),
    (
        lambda p: edits.add_annotations(p, [replace(cell("a", UNKNOWN, "image0"), plane=2)]),
        "Annotation 'name of a': its image has no plane 2",
    ),
    (
        lambda p: edits.add_annotations(p, [replace(cell("a", UNKNOWN, "image0"), runs=b"")]),
        "Annotation 'name of a': its mask has 0 pixels, but its box 6",
    ),
    (
        lambda p: edits.set_mask(p, "cell0", (0, 0, 2, 4), FULL),
        "Annotation 'name of cell0': its mask has 6 pixels, but its box 8",
    ),
    (lambda p: edits.set_mask(p, "image0", (0, 0, 2, 3), FULL), "'image0.tif' is no annotation"),
    (lambda p: edits.set_mask(p, "gone", (0, 0, 2, 3), FULL), "There is no thing 'gone'"),
    (lambda p: edits.rename_thing(p, "cell0", ""), "A thing needs a name"),
    (lambda p: edits.rename_thing(p, "gone", "a"), "There is no thing 'gone' in this project"),
    (lambda p: edits.categorize(p, ["cell0"], "1gone"), "There is no category '1gone'"),
    (lambda p: edits.categorize(p, ["cell0", "gone"], "1long"), "There is no thing 'gone'"),
    (
        lambda p: edits.categorize(p, ["cell0", "image0"], "1long"),
        "'image0.tif' is of another kind than category '1long'",
    ),
    (
        lambda p: edits.set_partition(p, ["gone"], Partition.TRAINING),
        "There is no thing 'gone' in this project",
    ),
    (lambda p: edits.set_plane(p, ["image0"], 2), "'image0.tif' has no plane 2 to show"),
    (lambda p: edits.set_plane(p, ["image0"], -1), "'image0.tif' has no plane -1 to show"),
    (lambda p: edits.set_plane(p, ["cell0"], 0), "'name of cell0' has no plane 0 to show"),
    (
        lambda p: edits.set_channels(p, ["image0"], [Channel()]),
        "'image0.tif' does not have 1 channels to show",
    ),
    (
        lambda p: edits.set_channels(p, ["cell0"], [Channel()] * 3),
        "'name of cell0' does not have 3 channels to show",
    ),
    (
        lambda p: edits.move_to_kind(p, ["cell0"], "tissue"),
        "There is no kind 'tissue' that annotations could be moved to",
    ),
    (lambda p: edits.move_to_kind(p, ["cell0"], IMAGE_KIND), "There is no kind 'Image' that"),
    (
        lambda p: edits.move_to_kind(p, ["image0"], "nucleus"),
        "'image0.tif' is an image and cannot be moved to another kind",
    ),
    (lambda p: edits.clear_predictions(p, ["gone"]), "There is no thing 'gone' in this project"),
    (lambda p: edits.accept_predictions(p, ["gone"]), "There is no thing 'gone' in this project"),
    (lambda p: edits.put_classifier(p, Classifier("a.b", "cell")), "'a.b' cannot name a classif"),
    (lambda p: edits.put_classifier(p, Classifier(" ", "cell")), "' ' cannot name a classifier"),
    (
        lambda p: edits.put_classifier(p, Classifier("base-model", "cell")),
        "'base-model' cannot name a classifier",
    ),
    (lambda p: edits.rename_classifier(p, "gone", "a"), "'gone' is no classifier of this project"),
    (lambda p: edits.rename_classifier(p, "net", "a.b"), "'a.b' cannot name a classifier"),
    (
        lambda p: edits.rename_classifier(
            edits.put_classifier(p, Classifier("b", "cell")), "net", "b"
        ),
        "There is a classifier 'b' already",
    ),
    (lambda p: edits.delete_classifier(p, "gone"), "'gone' is no classifier of this project"),
]


@pytest.mark.parametrize(("edit", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_an_edit_that_cannot_be_done_says_why(edit: Edit, message: str) -> None:
    with pytest.raises(EditError, match=re.escape(message)) as caught:
        edit(PROJECT)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, PiximiError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "bbox",
    [(-1, 0, 1, 3), (0, -1, 2, 2), (19, 0, 21, 3), (0, 28, 2, 31), (2, 0, 2, 3), (3, 0, 1, 3)],
)
def test_a_box_must_lie_in_its_image(bbox: tuple[int, int, int, int]) -> None:
    message = re.escape(f"the box {bbox} does not lie in its image of 20 × 30 pixels")
    with pytest.raises(EditError, match=message):
        edits.set_mask(PROJECT, "cell0", bbox, FULL)
    outside = replace(cell("a", UNKNOWN, "image0"), bbox=bbox, runs=FULL)
    with pytest.raises(EditError, match=message):
        edits.add_annotations(PROJECT, [outside])


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_of_classifiers_do_not_lead_astray(name: str) -> None:
    message = re.escape(f"{name!r} cannot name a classifier")
    with pytest.raises(EditError, match=message):
        edits.put_classifier(PROJECT, Classifier(name, "cell"))
    with pytest.raises(EditError, match=message):
        edits.rename_classifier(PROJECT, "net", name)
    assert edits.rename_classifier(PROJECT, "net", "a/b \\ c").classifiers[0].name == "a/b \\ c"


# --- things ----------------------------------------------------------------------------------


def test_renaming_the_project() -> None:
    assert edits.rename_project(PROJECT, "Ünique / name.") == replace(
        PROJECT, name="Ünique / name."
    )


def test_the_first_image_sets_the_channel_count() -> None:
    empty = new_project()
    unknown = empty.kinds[IMAGE_KIND].unknown
    project = edits.add_images(empty, [image("a", unknown, (1, 2, 2, 5))])
    assert project.image_channels == 5
    assert list(project.things) == ["a"]
    assert empty.image_channels is None


@pytest.mark.parametrize("bit_depth", [8, 16, 32])
def test_new_things_that_are_sound(bit_depth: int) -> None:
    project = adds_image(bit_depth=bit_depth)(PROJECT)
    own = pixels(1, 2, 3, 3)
    project = adds_cell(bit_depth=bit_depth, pixels=own)(project)
    assert picture(project, "new").bit_depth == thing(project, "a").bit_depth == bit_depth
    assert thing(project, "a").pixels is own


@pytest.mark.parametrize("count", [1, 3, 5])
def test_an_image_without_channels_to_show_gets_piximis_first_look(count: int) -> None:
    empty = new_project()
    unknown = empty.kinds[IMAGE_KIND].unknown
    plain = replace(image("a", unknown, (1, 4, 4, count)), channels=())
    project = edits.add_images(empty, [plain])
    assert picture(project, "a").channels == default_channels(count)


def test_new_things_come_last() -> None:
    project = edits.add_images(PROJECT, [odd_image(3)])
    project = edits.add_annotations(project, [cell("z", "1long", "image1")])
    assert list(project.things) == [*PROJECT.things, "new", "z"]
    assert touched(PROJECT, project) == {"new", "z"}


def test_with_an_image_go_its_annotations() -> None:
    project = edits.delete_things(PROJECT, ["image0"])
    assert list(project.things) == ["image1", "cell2", "cell3"]
    assert project.image_channels == 3


def test_deleting_an_annotation_leaves_its_image() -> None:
    project = edits.delete_things(PROJECT, ["cell1", "gone", "cell1"])
    assert list(project.things) == ["image0", "image1", "cell0", "cell2", "cell3"]


def test_without_images_the_channel_count_is_free_again() -> None:
    project = edits.delete_things(PROJECT, IMAGES)
    assert project.things == {}
    assert project.image_channels is None
    assert edits.add_images(project, [odd_image(1)]).image_channels == 1


def test_names_of_things_may_repeat() -> None:
    project = edits.rename_thing(PROJECT, "cell0", "name of cell1")
    assert thing(project, "cell0").name == thing(project, "cell1").name
    assert touched(PROJECT, project) == {"cell0"}


P = Partition


@pytest.mark.parametrize(
    ("category", "before", "after"),
    [
        # what gets a category leaves Inference, and only that
        ("1long", P.INFERENCE, P.UNASSIGNED),
        ("1long", P.UNASSIGNED, P.UNASSIGNED),
        ("1long", P.TRAINING, P.TRAINING),
        ("1long", P.VALIDATION, P.VALIDATION),
        # what loses its category waits for Inference
        (UNKNOWN, P.UNASSIGNED, P.INFERENCE),
        (UNKNOWN, P.TRAINING, P.INFERENCE),
        (UNKNOWN, P.VALIDATION, P.INFERENCE),
        (UNKNOWN, P.INFERENCE, P.INFERENCE),
    ],
)
def test_categorize_keeps_piximis_rules_of_partitions(category: str, before: P, after: P) -> None:
    project = edits.set_partition(PROJECT, ["cell0"], before)
    project = edits.categorize(project, ["cell0"], category)
    assert (thing(project, "cell0").category, thing(project, "cell0").partition) == (
        category,
        after,
    )


def test_categorize_takes_the_prediction_off() -> None:
    project = edits.categorize(PROJECT, ["cell3"], "1round")
    assert thing(project, "cell3").prediction is None
    # the user's own word counts, even where it says what was there before
    project = edits.categorize(PROJECT, ["cell3"], UNKNOWN)
    assert thing(project, "cell3").prediction is None
    assert thing(project, "cell3").category == UNKNOWN


def test_only_what_really_changes_is_touched() -> None:
    project = edits.categorize(PROJECT, CELLS, "1long")
    assert touched(PROJECT, project) == {"cell0", "cell2", "cell3"}
    assert project.things["image0"] is PROJECT.things["image0"]
    assert list(project.things) == list(PROJECT.things)
    project = edits.set_partition(PROJECT, CELLS, Partition.INFERENCE)
    assert touched(PROJECT, project) == {"cell0", "cell1", "cell2"}


def test_an_id_given_twice_counts_once() -> None:
    once = edits.categorize(PROJECT, ["cell0"], "1long")
    assert edits.categorize(PROJECT, ["cell0", "cell0"], "1long") == once


def test_images_are_categorized_too() -> None:
    project = edits.categorize(PROJECT, ["image1"], "1good")
    assert picture(project, "image1").category == "1good"
    assert picture(project, "image1").partition == Partition.UNASSIGNED


def test_setting_partition_plane_and_channels() -> None:
    project = edits.set_partition(PROJECT, CELLS[:2], Partition.VALIDATION)
    assert [thing(project, key).partition for key in CELLS[:3]] == [
        "Validation", "Validation", "Unassigned"
    ]  # fmt: skip
    assert picture(edits.set_plane(PROJECT, ["image1"], 1), "image1").plane == 1
    looks = [Channel((0.5, 0.5, 0.5), 0.1, 0.9, visible=False)] * 3
    project = edits.set_channels(PROJECT, IMAGES, looks)
    assert all(shown.channels == tuple(looks) for shown in project.images())
    assert touched(PROJECT, project) == set(IMAGES)


def test_another_mask_takes_away_the_pixels_that_were_stored_for_the_old_one() -> None:
    own = ArrayPixels(np.zeros((1, 2, 3, 3), np.uint16))
    things = {**PROJECT.things, "cell0": replace(thing(PROJECT, "cell0"), pixels=own)}
    project = replace(PROJECT, things=things)
    changed = thing(edits.set_mask(project, "cell0", (18, 27, 20, 30), FULL), "cell0")
    assert (changed.bbox, changed.runs, changed.pixels) == ((18, 27, 20, 30), FULL, None)
    assert edits.set_mask(project, "cell0", (4, 6, 6, 9), masks.from_lengths((1, 5))) is project


def test_moving_to_another_kind_finds_the_category_of_the_same_name() -> None:
    project = edits.set_partition(PROJECT, ["cell0", "cell1"], Partition.TRAINING)
    project = edits.move_to_kind(project, CELLS, "nucleus")
    unknown = PROJECT.kinds["nucleus"].unknown
    found = [(thing(project, k).kind, thing(project, k).category) for k in CELLS]
    assert found == [
        ("nucleus", "1nucleus-round"),
        ("nucleus", unknown),
        ("nucleus", unknown),
        ("nucleus", unknown),
    ]
    partitions = [thing(project, key).partition for key in CELLS]
    # "long" has no like among the nuclei: what loses its category waits for Inference
    assert partitions == ["Training", "Inference", "Unassigned", "Inference"]
    assert thing(project, "cell3").prediction is None


# --- predictions -----------------------------------------------------------------------------


def test_predictions_leave_the_users_category_alone() -> None:
    said = Prediction("1round", 0.6)
    project = edits.set_predictions(PROJECT, {"cell2": said, "gone": said})
    assert thing(project, "cell2").prediction == said
    assert thing(project, "cell2").category == UNKNOWN
    assert touched(PROJECT, project) == {"cell2"}


@pytest.mark.parametrize("category", ["1gone", "1good", "1nucleus-round"])
def test_predictions_of_a_category_that_is_not_the_kinds_are_passed_over(category: str) -> None:
    assert edits.set_predictions(PROJECT, {"cell2": Prediction(category, 0.6)}) is PROJECT


def test_clearing_predictions() -> None:
    project = edits.clear_predictions(PROJECT, CELLS)
    assert [thing(project, key).prediction for key in CELLS] == [None] * 4
    assert touched(PROJECT, project) == {"cell3"}


def test_accepting_makes_predictions_the_users_own() -> None:
    project = edits.accept_predictions(PROJECT, CELLS)
    accepted = thing(project, "cell3")
    assert (accepted.category, accepted.partition) == ("1long", Partition.UNASSIGNED)
    assert accepted.prediction is None
    assert touched(PROJECT, project) == {"cell3"}


# --- classifiers -----------------------------------------------------------------------------


def test_a_classifier_of_the_same_name_is_replaced_and_then_the_newest() -> None:
    project = edits.put_classifier(PROJECT, Classifier("other", "nucleus"))
    assert [c.name for c in project.classifiers] == ["net", "other"]
    new = Classifier("net", "cell", Settings(epochs=3), model=ModelArtifact({}, b"1"))
    project = edits.put_classifier(project, new)
    assert [c.name for c in project.classifiers] == ["other", "net"]
    assert project.find_classifier("net") is new


def test_putting_an_old_classifier_again_makes_it_the_newest() -> None:
    project = edits.put_classifier(PROJECT, Classifier("other", "nucleus"))
    project = edits.put_classifier(project, PROJECT.classifiers[0])
    assert [c.name for c in project.classifiers] == ["other", "net"]


def test_renaming_a_classifier_keeps_its_place() -> None:
    project = edits.put_classifier(PROJECT, Classifier("other", "nucleus"))
    project = edits.rename_classifier(project, "net", "Net")
    assert [c.name for c in project.classifiers] == ["Net", "other"]
    assert project.classifiers[0].class_map == ("1round", "1long")


ONE, TWO = ModelArtifact({}, b"1"), ModelArtifact({}, b"2")
TWINS = edits.put_classifier(PROJECT, Classifier("net", "nucleus"))


def with_nets(cell_model: ModelArtifact | None, nucleus_model: ModelArtifact | None) -> Project:
    project = edits.put_classifier(PROJECT, Classifier("net", "cell", model=cell_model))
    return edits.put_classifier(project, Classifier("net", "nucleus", model=nucleus_model))


def test_a_classifier_leaves_another_kinds_of_its_name_alone() -> None:
    assert [(c.kind, c.name) for c in TWINS.classifiers] == [("cell", "net"), ("nucleus", "net")]
    project = edits.put_classifier(TWINS, Classifier("net", "cell", Settings(epochs=3)))
    assert [c.kind for c in project.classifiers] == ["nucleus", "cell"]
    assert project.find_classifier("net", "cell").settings.epochs == 3


@pytest.mark.parametrize("models", [(ONE, None), (None, ONE), (ONE, ModelArtifact({}, b"1"))])
def test_kinds_may_share_a_name_and_a_model(
    models: tuple[ModelArtifact | None, ModelArtifact | None],
) -> None:
    assert tuple(c.model for c in with_nets(*models).classifiers) == models


def test_kinds_cannot_have_different_models_of_one_name() -> None:
    message = (
        "The kind 'cell' has another model called 'net', and a bundle can hold only one of a "
        "name; choose another name"
    )
    with pytest.raises(EditError, match=message):
        with_nets(ONE, TWO)
    project = edits.put_classifier(PROJECT, Classifier("net", "cell", model=ONE))
    project = edits.put_classifier(project, Classifier("two", "nucleus", model=TWO))
    with pytest.raises(EditError, match=message):
        edits.rename_classifier(project, "two", "net")
    same = edits.put_classifier(project, Classifier("two", "nucleus", model=ONE))
    renamed = edits.rename_classifier(same, "two", "net")
    assert [c.name for c in renamed.classifiers] == ["net", "net"]


def test_renaming_and_deleting_one_of_two_classifiers_of_a_name() -> None:
    message = "several kinds, 'cell', 'nucleus'; say which kind"
    with pytest.raises(EditError, match=message):
        edits.rename_classifier(TWINS, "net", "new")
    with pytest.raises(EditError, match=message):
        edits.delete_classifier(TWINS, "net")
    project = edits.rename_classifier(TWINS, "net", "new", "nucleus")
    assert [(c.kind, c.name) for c in project.classifiers] == [("cell", "net"), ("nucleus", "new")]
    assert edits.rename_classifier(project, "new", "net") == TWINS
    assert edits.delete_classifier(TWINS, "net", "nucleus") == PROJECT
    with pytest.raises(EditError, match="'net' is no classifier of the kind 'Image'"):
        edits.delete_classifier(TWINS, "net", IMAGE_KIND)


def test_files_that_could_not_be_opened_stay_with_another_kinds_classifier() -> None:
    files = {"net": (b"{}", b"")}
    project = replace(PROJECT, unread_models=files)
    with pytest.raises(EditError, match="The kind 'cell' has another model called 'net'"):
        edits.put_classifier(project, Classifier("net", "nucleus", model=ONE))
    twins = edits.put_classifier(project, Classifier("net", "nucleus"))
    assert twins.unread_models == files
    one = edits.delete_classifier(twins, "net", "cell")
    assert one.unread_models == files
    assert edits.delete_classifier(one, "net", "nucleus").unread_models == {}


def test_deleting_a_classifier() -> None:
    assert edits.delete_classifier(PROJECT, "net").classifiers == ()


def test_files_of_classifiers_that_could_not_be_opened_go_with_them() -> None:
    files = {"odd": (b"{}", b""), "lone": (b"{}", b"")}
    project = replace(new_project(), unread_models=files)
    project = edits.put_classifier(project, Classifier("fine", "Image"))
    assert project.unread_models == files
    known = replace(project, classifiers=(Classifier("odd", "Image"),))
    with pytest.raises(EditError, match="'odd' could not be opened"):
        edits.rename_classifier(known, "odd", "new")
    assert edits.delete_classifier(known, "odd").unread_models == {"lone": (b"{}", b"")}
    assert edits.delete_classifier(project, "lone").unread_models == {"odd": (b"{}", b"")}
    replaced = edits.put_classifier(project, Classifier("odd", "Image"))
    assert replaced.unread_models == {"lone": (b"{}", b"")}
    with pytest.raises(EditError, match="'gone' is no classifier"):
        edits.delete_classifier(project, "gone")
