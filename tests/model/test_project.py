import copy
import pickle
import uuid
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from tests.model.cells import CELLS, IMAGES, cells_project

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.project import (
    CroppedPixels,
    Project,
    new_kind,
    new_project,
    touched,
)
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    ArrayPixels,
    Channel,
    Image,
    Partition,
    default_channels,
    is_unknown,
    new_id,
    new_ids,
)
from napari_piximi.model.training import Classifier, Settings


def annotation(project: Project, key: str) -> Annotation:
    found = project.things[key]
    assert isinstance(found, Annotation)
    return found


# --- finding -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cell", "CELL", "Cell"])
def test_a_kind_is_found_whatever_the_case(name: str) -> None:
    assert cells_project().find_kind(name).id == "cell"


def test_a_kind_is_found_by_id_before_name() -> None:
    project = edits.create_kind(cells_project(), "tissue")
    (made,) = [kind for kind in project.kinds.values() if kind.name == "tissue"]
    assert project.find_kind(made.id) is made
    project = replace(project, kinds={**project.kinds, "x": replace(made, id="x", name=made.id)})
    assert project.find_kind(made.id) is made


def test_a_kind_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(
        EditError, match="'cel' is no kind; this project has 'Image', 'cell', 'nucleus'"
    ):
        cells_project().find_kind("cel")


def test_a_name_that_several_kinds_have_asks_for_an_id() -> None:
    project = cells_project()
    twin, _ = new_kind("CELL", kind_id="twin")
    kinds = {**project.kinds, "cell": replace(project.kinds["cell"], id="c"), "twin": twin}
    kinds["c"] = kinds.pop("cell")
    with pytest.raises(EditError, match="'Cell' is the name of several kinds; use an id"):
        replace(project, kinds=kinds).find_kind("Cell")
    assert replace(project, kinds=kinds).find_kind("twin") is twin


def test_a_classifier_is_found_by_its_exact_name() -> None:
    project = cells_project()
    assert project.find_classifier("net") is project.classifiers[0]
    with pytest.raises(EditError, match="'Net' is no classifier of this project; it has 'net'"):
        project.find_classifier("Net")
    with pytest.raises(EditError, match="it has none"):
        new_project().find_classifier("net")


def test_a_classifier_of_several_kinds_is_found_by_its_kind_too() -> None:
    project = edits.put_classifier(cells_project(), Classifier("net", "nucleus"))
    first, second = project.classifiers
    assert project.find_classifier("net", "cell") is first
    assert project.find_classifier("net", "nucleus") is second
    message = "'net' is a classifier of several kinds, 'cell', 'nucleus'; say which kind"
    with pytest.raises(EditError, match=message):
        project.find_classifier("net")
    with pytest.raises(EditError, match="'net' is no classifier of the kind 'Image'; it has none"):
        project.find_classifier("net", "Image")
    with pytest.raises(EditError, match="no classifier of the kind 'gone'"):
        project.find_classifier("net", "gone")


def test_names_of_classifiers_count_those_that_could_not_be_opened() -> None:
    project = replace(cells_project(), unread_models={"odd": (b"{}", b"")})
    assert project.classifier_names() == {"net", "odd"}


def test_known_categories_leave_unknown_out_and_keep_the_order() -> None:
    project = cells_project()
    assert project.known_categories("cell") == ("1round", "1long")
    unknown = project.kinds["cell"].unknown
    project = edits.reorder_categories(project, "cell", ["1long", unknown, "1round"])
    assert project.known_categories("cell") == ("1long", "1round")


def test_things_are_listed_in_order() -> None:
    project = cells_project()
    assert [thing.id for thing in project.images()] == list(IMAGES)
    assert [thing.id for thing in project.annotations()] == list(CELLS)
    assert [thing.id for thing in project.annotations(IMAGES[1])] == list(CELLS[2:])
    assert [thing.id for thing in project.of_kind("cell")] == list(CELLS)
    assert list(project.of_kind("nucleus")) == []


# --- pixels --------------------------------------------------------------------------------


def test_an_annotation_without_pixels_shows_its_images() -> None:
    project = cells_project()
    one = replace(annotation(project, "cell0"), plane=1)
    pixels = project.pixels(one)
    whole = np.asarray(project.things["image0"].pixels)
    assert isinstance(pixels, CroppedPixels)
    assert pixels.shape == project.shape(one) == (1, 2, 3, 3)
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(np.asarray(pixels), whole[1:2, 4:6, 6:9])


def test_a_crop_can_be_converted_and_copied() -> None:
    project = cells_project()
    pixels = project.pixels(project.things["cell0"])
    assert np.asarray(pixels, dtype=np.float32).dtype == np.float32
    copied = np.array(pixels)
    copied[:] = 0
    assert np.asarray(pixels).any()


def test_pixels_of_its_own_come_first() -> None:
    project = cells_project()
    own = ArrayPixels(np.zeros((1, 2, 3, 3), np.uint16))
    one = replace(annotation(project, "cell0"), pixels=own)
    assert project.pixels(one) is own
    picture = project.things["image0"]
    assert project.pixels(picture) is picture.pixels
    assert project.shape(picture) == (2, 20, 30, 3)


def test_pixels_in_memory_are_the_array_itself() -> None:
    array = np.zeros((1, 2, 2, 1), np.uint8)
    pixels = ArrayPixels(array)
    assert np.shares_memory(np.asarray(pixels), array)
    assert not np.shares_memory(np.array(pixels), array)
    assert np.asarray(pixels, dtype=np.float64).dtype == np.float64


# --- values --------------------------------------------------------------------------------


def test_touched_names_what_was_added_removed_or_replaced() -> None:
    before = cells_project()
    after = edits.delete_things(before, ["cell0"])
    after = edits.rename_thing(after, "cell1", "other")
    third = replace(annotation(before, "cell0"), id="new")
    after = edits.add_annotations(after, [third])
    assert touched(before, after) == {"cell0", "cell1", "new"}
    assert touched(after, before) == {"cell0", "cell1", "new"}


def test_nothing_is_touched_by_edits_of_other_parts() -> None:
    before = cells_project()
    assert touched(before, edits.rename_project(before, "other")) == frozenset()
    assert touched(before, replace(before, things=dict(before.things))) == frozenset()


def test_a_project_survives_pickling() -> None:
    project = cells_project()
    crop = project.pixels(project.things["cell0"])
    again, crop_again = pickle.loads(pickle.dumps((project, crop)))
    assert again.kinds == project.kinds
    assert again.categories == project.categories
    assert again.classifiers == project.classifiers
    assert [again.things[key] for key in CELLS] == [project.things[key] for key in CELLS]
    for key in IMAGES:
        was, now = project.things[key], again.things[key]
        np.testing.assert_array_equal(np.asarray(now.pixels), np.asarray(was.pixels))
        assert replace(now, pixels=was.pixels) == was
    np.testing.assert_array_equal(np.asarray(crop_again), np.asarray(crop))


def test_two_projects_of_the_same_values_are_equal_and_pixels_count_by_identity() -> None:
    project = cells_project()
    assert replace(project, things=dict(project.things)) == project
    first = project.things["image0"]
    assert isinstance(first, Image)
    assert replace(first, pixels=copy.copy(first.pixels)) != first


def test_a_project_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        new_project().name = "other"  # type: ignore[misc]


def test_a_new_project_holds_the_kind_image_and_its_unknown_category() -> None:
    project = new_project()
    assert project.name == "Untitled"
    assert project.image_channels is None
    assert list(project.kinds) == [IMAGE_KIND]
    (unknown,) = project.categories.values()
    assert (unknown.name, unknown.color, unknown.kind) == ("Unknown", "#AAAAAA", IMAGE_KIND)
    assert project.kinds[IMAGE_KIND].unknown == unknown.id
    assert project.known_categories(IMAGE_KIND) == ()


def test_many_ids_are_like_single_ones() -> None:
    ids = new_ids(2000)
    assert len(set(ids)) == 2000
    for key in ids:
        assert uuid.UUID(key).version == 4
        assert uuid.UUID(key).variant == uuid.RFC_4122
        assert str(uuid.UUID(key)) == key
        assert key.startswith("1")
    assert {len(set(column)) for column in list(zip(*ids, strict=True))[1:8]} == {16}
    assert new_ids(0) == []


def test_ids_tell_unknown_categories_by_their_first_character() -> None:
    assert is_unknown(new_id(unknown=True))
    assert not is_unknown(new_id())
    assert new_id().startswith("1")
    assert len({new_id() for _ in range(100)}) == 100


def test_a_new_kind_can_carry_settings() -> None:
    kind, unknown = new_kind("cell", settings=Settings(epochs=7))
    assert kind.settings.epochs == 7
    assert kind.categories == (unknown.id,)


def test_the_first_look_of_channels_is_piximis() -> None:
    assert default_channels(1) == (Channel((1.0, 1.0, 1.0)),)
    red, green, blue = default_channels(3)
    assert (red.color, green.color, blue.color) == ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert all(channel.visible for channel in (red, green, blue))
    many = default_channels(7)
    assert [channel.visible for channel in many] == [True, *[False] * 6]
    assert many[3].color == (1, 1, 0)
    assert many[6].color == (1, 1, 1)


def test_partitions_are_spelt_as_piximi_does() -> None:
    assert [str(p) for p in Partition] == ["Unassigned", "Training", "Validation", "Inference"]


def test_touched_is_the_same_however_the_things_lie() -> None:
    before = cells_project()
    after = edits.set_partition(before, ["cell0", "cell2"], Partition.TRAINING)
    turned = replace(after, things=dict(reversed(list(after.things.items()))))
    assert touched(before, after) == touched(before, turned) == {"cell0", "cell2"}
    new = replace(annotation(after, "cell1"), id="new")
    grown = edits.add_annotations(after, [new])
    turned = replace(grown, things=dict(reversed(list(grown.things.items()))))
    for one, other in ((before, grown), (grown, before), (before, turned), (turned, before)):
        assert touched(one, other) == {"cell0", "cell2", "new"}
    assert touched(after, grown) == touched(grown, after) == {"new"}
