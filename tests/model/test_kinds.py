import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.model.cells import CELLS, cell, cells_project

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_kind, touched
from napari_piximi.model.things import IMAGE_KIND, PALETTE, Partition, Prediction, is_unknown
from napari_piximi.model.training import Classifier

PROJECT = cells_project()
UNKNOWN = PROJECT.kinds["cell"].unknown
KIND, ITS_UNKNOWN = new_kind("tissue", kind_id="cell")

Edit = Callable[[Project], Project]

ERRORS: list[tuple[Edit, str]] = [
    (lambda p: edits.create_kind(p, "CELL"), "There is a kind called 'CELL' already"),
    (lambda p: edits.create_kind(p, "image"), "There is a kind called 'image' already"),
    (lambda p: edits.create_kind(p, " \t"), "A kind needs a name"),
    (
        lambda p: edits.add_kind(p, KIND, ITS_UNKNOWN),
        "There is a kind with the id 'cell' already",
    ),
    (lambda p: edits.edit_kind(p, "gone", name="a"), "There is no kind 'gone'"),
    (lambda p: edits.edit_kind(p, IMAGE_KIND, name="a"), "The kind Image cannot be renamed"),
    (
        lambda p: edits.edit_kind(p, "cell", name="Nucleus"),
        "There is a kind called 'Nucleus' already",
    ),
    (lambda p: edits.edit_kind(p, "cell", name=""), "A kind needs a name"),
    (lambda p: edits.delete_kind(p, IMAGE_KIND), "The kind Image cannot be deleted"),
    (lambda p: edits.delete_kind(p, "gone"), "There is no kind 'gone'"),
    (lambda p: edits.create_category(p, "gone", "a"), "There is no kind 'gone'"),
    (lambda p: edits.create_category(p, "cell", ""), "A category needs a name"),
    (
        lambda p: edits.create_category(p, "cell", "ROUND"),
        "'cell' has a category called 'ROUND' already",
    ),
    (
        lambda p: edits.create_category(p, "cell", "unknown"),
        "'cell' has a category called 'unknown' already",
    ),
    (
        lambda p: edits.create_category(p, "cell", "a", "red"),
        "'red' is no colour; write it as #RRGGBB",
    ),
    (
        lambda p: edits.create_category(p, "cell", "a", "#12345"),
        "'#12345' is no colour; write it as #RRGGBB",
    ),
    (
        lambda p: edits.create_category(p, "nucleus", "a", category_id="1round"),
        "There is a category with the id '1round' already",
    ),
    (
        lambda p: edits.create_category(p, "cell", "a", category_id="0a"),
        "'0a' would be the id of an Unknown category: it begins with 0",
    ),
    (lambda p: edits.edit_category(p, "1gone", name="a"), "There is no category '1gone'"),
    (
        lambda p: edits.edit_category(p, UNKNOWN, name="a"),
        "The category Unknown cannot be renamed",
    ),
    (
        lambda p: edits.edit_category(p, "1round", name="LONG"),
        "'cell' has a category called 'LONG' already",
    ),
    (
        lambda p: edits.edit_category(p, "1round", name="Unknown"),
        "'cell' has a category called 'Unknown' already",
    ),
    (lambda p: edits.edit_category(p, "1round", name=" "), "A category needs a name"),
    (
        lambda p: edits.edit_category(p, "1round", color="#GGGGGG"),
        "'#GGGGGG' is no colour; write it as #RRGGBB",
    ),
    (lambda p: edits.delete_category(p, "1gone"), "There is no category '1gone'"),
    (lambda p: edits.delete_category(p, UNKNOWN), "The category Unknown cannot be deleted"),
    (
        lambda p: edits.reorder_categories(p, "cell", ["1long", "1round"]),
        "The new order must hold each category of 'cell' once",
    ),
    (
        lambda p: edits.reorder_categories(p, "cell", [UNKNOWN, "1long", "1long"]),
        "The new order must hold each category of 'cell' once",
    ),
    (lambda p: edits.reorder_categories(p, "gone", []), "There is no kind 'gone'"),
]


@pytest.mark.parametrize(("edit", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_what_cannot_be_done_says_why(edit: Edit, message: str) -> None:
    before = cells_project()
    with pytest.raises(EditError, match=f"^{re.escape(message)}$"):
        edit(PROJECT)
    # nothing of the project given was changed
    assert list(PROJECT.kinds) == list(before.kinds)
    assert [c.name for c in PROJECT.categories.values()] == [
        c.name for c in before.categories.values()
    ]


def test_a_new_kind_has_its_unknown_category() -> None:
    project = edits.create_kind(PROJECT, "tissue")
    made = project.find_kind("tissue")
    assert list(project.kinds) == [*PROJECT.kinds, made.id]
    assert made.categories == (made.unknown,)
    unknown = project.categories[made.unknown]
    assert (unknown.name, unknown.color, unknown.kind) == ("Unknown", "#AAAAAA", made.id)
    assert is_unknown(unknown.id)
    assert "tissue" not in [kind.name for kind in PROJECT.kinds.values()]


def test_a_kind_made_elsewhere_is_taken_as_it_is() -> None:
    kind, unknown = new_kind("tissue", kind_id="t")
    project = edits.add_kind(PROJECT, kind, unknown)
    assert project.kinds["t"] is kind
    assert project.categories[unknown.id] is unknown


def test_a_kind_that_has_gone_comes_back_empty() -> None:
    gone = edits.delete_kind(PROJECT, "cell")
    back = edits.bring_back_kind(gone, "cell", "cells")
    kind = back.kinds["cell"]
    assert (kind.name, kind.categories) == ("cells", (kind.unknown,))
    assert list(back.of_kind("cell")) == []
    other = edits.create_kind(gone, "Cells")
    assert edits.bring_back_kind(other, "cell", "cells").kind_name("cell") == "cells 2"
    assert edits.bring_back_kind(PROJECT, "cell", "else") is PROJECT


def test_renaming_and_hiding_a_kind() -> None:
    project = edits.edit_kind(PROJECT, "cell", name="Cell", visible=False)
    assert (project.kinds["cell"].name, project.kinds["cell"].visible) == ("Cell", False)
    assert (PROJECT.kinds["cell"].name, PROJECT.kinds["cell"].visible) == ("cell", True)
    assert list(project.kinds) == list(PROJECT.kinds)
    assert project.things is PROJECT.things


def test_the_kind_image_can_be_hidden() -> None:
    assert (
        not edits.edit_kind(PROJECT, IMAGE_KIND, name="Image", visible=False)
        .kinds[IMAGE_KIND]
        .visible
    )


def test_with_a_kind_go_its_annotations_categories_and_classifiers() -> None:
    project = edits.put_classifier(PROJECT, Classifier("other", "nucleus"))
    project = edits.delete_kind(project, "cell")
    assert list(project.kinds) == [IMAGE_KIND, "nucleus"]
    assert {c.kind for c in project.categories.values()} == {IMAGE_KIND, "nucleus"}
    assert list(project.things) == ["image0", "image1"]
    assert [c.name for c in project.classifiers] == ["other"]
    assert list(PROJECT.things)[2:] == list(CELLS)


def test_a_new_category_comes_last_with_the_first_colour_that_is_free() -> None:
    project = edits.create_category(PROJECT, "cell", "spiky")
    made = project.known_categories("cell")[-1]
    assert project.categories[made].name == "spiky"
    assert not is_unknown(made)
    assert [project.categories[c].color for c in project.known_categories("cell")] == list(
        PALETTE[:3]
    )
    assert len(PROJECT.kinds["cell"].categories) == 3


def test_a_colour_that_was_freed_is_used_again() -> None:
    project = edits.edit_category(PROJECT, "1round", color="#123456")
    project = edits.create_category(project, "cell", "spiky")
    assert project.categories[project.known_categories("cell")[-1]].color == PALETTE[0]


def test_after_the_palette_colours_repeat() -> None:
    project = PROJECT
    for number in range(len(PALETTE) + 1):
        project = edits.create_category(project, "cell", f"number {number}")
    colors = [project.categories[c].color for c in project.known_categories("cell")]
    assert set(colors) == set(PALETTE)
    assert len(colors) == len(PALETTE) + 3


def test_a_colour_in_small_letters_counts_as_used() -> None:
    project = edits.edit_category(PROJECT, "1round", color=PALETTE[2].lower())
    project = edits.create_category(edits.create_category(project, "cell", "a"), "cell", "b")
    colors = [project.categories[c].color.upper() for c in project.known_categories("cell")]
    assert len(set(colors)) == len(colors)


def test_the_same_name_may_be_in_two_kinds() -> None:
    project = edits.create_category(PROJECT, "nucleus", "long", "#0000ff", "1n")
    made = project.categories["1n"]
    assert (made.name, made.color, made.kind, made.visible) == ("long", "#0000ff", "nucleus", True)


def test_editing_a_category() -> None:
    project = edits.edit_category(PROJECT, "1round", name="Round", color="#010203", visible=False)
    changed = project.categories["1round"]
    assert (changed.name, changed.color, changed.visible) == ("Round", "#010203", False)
    assert changed.kind == "cell"
    assert list(project.categories) == list(PROJECT.categories)
    assert PROJECT.categories["1round"].name == "round"


def test_unknown_can_be_hidden_and_recoloured() -> None:
    project = edits.edit_category(PROJECT, UNKNOWN, name="Unknown", color="#000000", visible=False)
    assert project.categories[UNKNOWN] == replace(
        PROJECT.categories[UNKNOWN], color="#000000", visible=False
    )


def test_things_of_a_deleted_category_go_to_unknown_and_wait_for_inference() -> None:
    project = edits.set_partition(PROJECT, ["cell0"], Partition.TRAINING)
    project = edits.delete_category(project, "1round")
    assert "1round" not in project.categories
    assert project.known_categories("cell") == ("1long",)
    moved = project.things["cell0"]
    assert (moved.category, moved.partition) == (UNKNOWN, Partition.INFERENCE)
    assert touched(PROJECT, project) == {"cell0"}
    assert "1round" in PROJECT.categories


def test_predictions_of_a_deleted_category_vanish() -> None:
    both = {"cell0": Prediction("1long", 0.6), "cell1": Prediction("1round", 0.7)}
    project = edits.delete_category(edits.set_predictions(PROJECT, both), "1long")
    assert [project.things[key].prediction for key in CELLS] == [None] * 4
    assert project.things["cell0"].category == "1round"
    assert project.things["cell1"].category == UNKNOWN


def test_reordering_categories() -> None:
    order = ("1long", UNKNOWN, "1round")
    project = edits.reorder_categories(PROJECT, "cell", list(order))
    assert project.kinds["cell"].categories == order
    assert PROJECT.kinds["cell"].categories == (UNKNOWN, "1round", "1long")


def test_a_category_can_be_used_at_once() -> None:
    project = edits.create_category(PROJECT, "nucleus", "dark", category_id="1dark")
    project = edits.add_annotations(project, [cell("new", "1dark", "image0", "nucleus")])
    assert project.things["new"].category == "1dark"
