"""Labels of very many annotations; strokes and edits are in test_painting."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from napari_piximi.model import edits, masks, raster
from napari_piximi.model.project import Project, new_kind, new_project, touched
from napari_piximi.model.raster import Raster
from napari_piximi.model.things import IMAGE_KIND, Annotation, ArrayPixels, Image

SHAPE = (2, 40, 50)
LIMIT = raster.MOST - raster.ROOM
CELL = Annotation("cell", "cell", "cell", "", "image", (0, 0, 1, 1), masks.full(1, 1))

MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))
PLACES = st.tuples(st.integers(0, 1), st.integers(0, 31), st.integers(0, 41), MASKS)


def with_annotations(count: int) -> tuple[Project, list[Annotation]]:
    """Make a project without annotations, and some that all fit it: one pixel each."""
    project = new_project()
    kind, unknown = new_kind("cell", kind_id="cell")
    project = edits.add_kind(project, kind, unknown)
    pixels = ArrayPixels(np.zeros((2, 256, 256, 1), np.uint8))
    image = Image("image", "a.tif", project.kinds[IMAGE_KIND].unknown, pixels)
    cell = replace(CELL, category=kind.unknown)
    places = (divmod(number, 256) for number in range(count))
    made = [
        replace(cell, id=f"cell{number}", bbox=(row, column, row + 1, column + 1))
        for number, (row, column) in enumerate(places)
    ]
    return edits.add_images(project, [image]), made


def one_by_one(project: Project, labels: Raster) -> NDArray[Any]:
    painted = np.zeros(labels.labels.shape, np.int64)
    for thing in labels.things.values():
        top, left, bottom, right = thing.bbox
        mask = masks.decode(thing.runs, (bottom - top, right - left))
        number = labels.number(thing.id)
        assert number is not None
        painted[thing.plane, top:bottom, left:right][mask] = number
    assert list(labels.things.values()) == list(project.annotations("image"))
    return painted


@settings(deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=9), st.data())
def test_labels_are_as_if_painted_one_by_one(
    places: list[tuple[int, int, int, NDArray[np.bool_]]], data: st.DataObject
) -> None:
    """Made anew, and after annotations came and went on one side, or on all of a plane."""
    project, _ = with_annotations(0)
    pixels = ArrayPixels(np.zeros((*SHAPE, 1), np.uint8))
    project = edits.delete_things(project, ["image"])
    image = Image("image", "a.tif", project.kinds[IMAGE_KIND].unknown, pixels)
    project = edits.add_images(project, [image])
    cells = [
        replace(
            CELL, id=f"cell{number}", category=project.kinds["cell"].unknown, plane=plane,
            bbox=(top, left, top + mask.shape[0], left + mask.shape[1]), runs=masks.encode(mask),
        )
        for number, (plane, top, left, mask) in enumerate(places)
    ]  # fmt: skip
    some = data.draw(st.integers(0, len(cells)))
    first = edits.add_annotations(project, cells[:some])
    found = Raster(first, "image", "cell")
    np.testing.assert_array_equal(found.labels, one_by_one(first, found))
    second = edits.add_annotations(first, cells[some:])
    found.update(second, touched(first, second))
    np.testing.assert_array_equal(found.labels, one_by_one(second, found))
    assert found.numbers().tolist() == list(range(1, len(cells) + 1))
    third = edits.delete_things(second, [cells[0].id])
    found.update(third, touched(second, third))
    np.testing.assert_array_equal(found.labels, one_by_one(third, found))
    fourth = edits.add_annotations(third, [replace(cells[0], id="again")])
    if len(cells) > 2:  # one goes, one is redrawn and one comes at once
        fourth = edits.delete_things(fourth, [cells[1].id])
        fourth = edits.set_mask(
            fourth, cells[-1].id, (3, 4, 5, 7), masks.encode(np.ones((2, 3), bool))
        )
    found.update(fourth, touched(third, fourth))
    np.testing.assert_array_equal(found.labels, one_by_one(fourth, found))
    assert found._boxes.tolist() == [[t.plane, *t.bbox] for t in found.things.values()]


def test_labels_have_16_bits_while_there_is_room() -> None:
    project, cells = with_annotations(LIMIT + 1)
    first = edits.add_annotations(project, cells[:LIMIT])
    found = Raster(first, "image", "cell")
    assert found.labels.dtype == np.uint16
    second = edits.add_annotations(first, cells[LIMIT:])
    found.update(second, touched(first, second))
    assert found.labels.dtype == np.int32
    assert Raster(second, "image", "cell").labels.dtype == np.int32
    expected = np.arange(1, LIMIT + 2)
    np.testing.assert_array_equal(found.labels[0].ravel()[: LIMIT + 1], expected)


def test_very_many_that_come_at_once_are_numbered_in_order() -> None:
    """It took minutes when the largest number was looked for anew for each."""
    project, cells = with_annotations(60_000)
    found = Raster(project, "image", "cell")
    after = edits.add_annotations(project, cells)
    found.update(after, touched(project, after))
    assert found.largest == 60_000
    assert found.numbers().tolist() == list(range(1, 60_001))
    np.testing.assert_array_equal(found.labels, Raster(after, "image", "cell").labels)


def test_what_is_looked_at_ahead_is_what_an_update_gives() -> None:
    project, made = with_annotations(60)
    project = edits.add_annotations(project, made[:50])
    raster = Raster(project, "image", "cell")
    before = raster.labels.copy()
    after = edits.add_annotations(edits.delete_things(project, ["cell3", "cell4"]), made[50:])
    changed = touched(project, after)
    ahead, regions = raster.followed(after, changed)
    assert np.array_equal(raster.labels, before)
    assert len(raster) == 50
    assert raster.number("cell3") == 4
    assert raster.update(after, changed) == regions
    assert np.array_equal(ahead.labels, raster.labels)
    assert np.array_equal(one_by_one(after, ahead), ahead.labels)
    assert ahead.things == raster.things
    assert np.array_equal(ahead.numbers(), raster.numbers())
    assert list(ahead.rows) == [thing.id for thing in after.annotations()]


def test_labels_are_shared_where_no_outline_differs() -> None:
    project, made = with_annotations(20)
    project = edits.add_annotations(project, made)
    raster = Raster(project, "image", "cell")
    renamed = edits.create_category(project, "cell", "round", category_id="1round")
    renamed = edits.categorize(renamed, ["cell3"], "1round")
    ahead, regions = raster.followed(renamed, touched(project, renamed))
    assert regions == []
    assert ahead.labels is raster.labels
    assert ahead.things["cell3"].category == "1round"
    assert raster.things["cell3"].category != "1round"
