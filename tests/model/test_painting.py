"""Strokes on overlapping annotations, against a slow model that keeps every mask as it is."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.model.cells import CELLS, cells_project

from napari_piximi.errors import EditError
from napari_piximi.model import edits, masks
from napari_piximi.model.painting import Stroke, edit_annotations, stroke_of
from napari_piximi.model.project import Project, new_kind, new_project, touched
from napari_piximi.model.raster import Raster, Region
from napari_piximi.model.session import Session
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    ArrayPixels,
    Image,
    Partition,
)

SHAPE = (2, 9, 11)
PLANES = [Region(z, 0, 0, *SHAPE[1:]) for z in range(SHAPE[0])]


def empty_project() -> Project:
    project = new_project("Cells")
    kind, unknown = new_kind("cell", kind_id="cell")
    project = edits.add_kind(project, kind, unknown)
    pixels = ArrayPixels(np.zeros((*SHAPE, 1), np.uint8))
    return edits.add_images(
        project, [Image("image", "a.tif", project.kinds[IMAGE_KIND].unknown, pixels)]
    )


def outlined(key: str, plane: int, mask: NDArray[np.bool_]) -> Annotation:
    """Make an annotation whose box is the whole plane: it need not be tight."""
    box = (0, 0, *SHAPE[1:])
    return Annotation(key, key, "cell", "", "image", box, masks.encode(mask), plane=plane)


def with_objects(objects: list[tuple[int, NDArray[np.bool_]]]) -> Project:
    project = empty_project()
    unknown = project.kinds["cell"].unknown
    made = [
        replace(outlined(f"cell{n}", plane, mask), category=unknown)
        for n, (plane, mask) in enumerate(objects)
    ]
    return edits.add_annotations(project, made)


def annotation(project: Project, key: str) -> Annotation:
    thing = project.things[key]
    assert isinstance(thing, Annotation)
    return thing


def full_mask(thing: Annotation) -> NDArray[np.bool_]:
    top, left, bottom, right = thing.bbox
    mask = np.zeros(SHAPE[1:], bool)
    mask[top:bottom, left:right] = masks.decode(thing.runs, (bottom - top, right - left))
    return mask


def box_mask(top: int, left: int, bottom: int, right: int) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE[1:], bool)
    mask[top:bottom, left:right] = True
    return mask


def shown(project: Project, raster: Raster) -> NDArray[Any]:
    """Paint every annotation of the project, one after the other."""
    labels = np.zeros(SHAPE, np.int64)
    for thing in project.annotations("image"):
        labels[thing.plane][full_mask(thing)] = raster.number(thing.id)
    return labels


def paint(
    session: Session, raster: Raster, painted: NDArray[Any], regions: list[Region] | None = None
) -> Stroke | None:
    """Do as the layer link does."""
    stroke = stroke_of(session.project, raster, painted, regions or PLANES)
    if stroke is not None:
        before = session.project
        raster.give(stroke.numbers)
        session.apply(stroke.apply(before), stroke.label(raster))
        raster.update(session.project, touched(before, session.project))
    return stroke


def start(project: Project) -> tuple[Session, Raster]:
    return Session(project), Raster(project, "image", "cell")


# --- the reference ---------------------------------------------------------------------------


@dataclass
class Reference:
    """Number, plane and mask of each annotation, in order: what a stroke does, pixel by pixel."""

    objects: dict[int, tuple[int, NDArray[np.bool_]]]

    def top(self) -> NDArray[Any]:
        labels = np.zeros(SHAPE, np.int64)
        for number, (plane, mask) in self.objects.items():
            labels[plane][mask] = number
        return labels

    def paint(self, painted: NDArray[Any], largest: int) -> None:
        before = self.top()
        touched_ones = set()
        fresh: dict[tuple[int, int], NDArray[np.bool_]] = {}
        for z, y, x in np.argwhere(before != painted):
            was, now = int(before[z, y, x]), int(painted[z, y, x])
            if was:
                self.objects[was][1][y, x] = False
                touched_ones.add(was)
            if now in self.objects and self.objects[now][0] == z:
                self.objects[now][1][y, x] = True
            elif now:
                fresh.setdefault((now, z), np.zeros(SHAPE[1:], bool))[y, x] = True
        for number in touched_ones:
            if not (painted == number)[self.objects[number][0]].any():
                del self.objects[number]
        spare = max([largest, *(number for number, _ in fresh)]) + 1
        taken = set(np.unique(before).tolist()) | set(self.numbers_before)
        for (number, z), mask in sorted(fresh.items(), key=lambda item: item[0]):
            if number in taken:
                number, spare = spare, spare + 1
            taken.add(number)
            self.objects[number] = (z, mask)

    numbers_before: tuple[int, ...] = ()


@st.composite
def rectangles(draw: st.DrawFn) -> NDArray[np.bool_]:
    top, left = draw(st.integers(0, SHAPE[1] - 1)), draw(st.integers(0, SHAPE[2] - 1))
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    return box_mask(top, left, top + height, left + width)


objects_on_planes = st.lists(st.tuples(st.integers(0, 1), rectangles()), max_size=5)
strokes = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([(0,), (1,), (0, 1)]), rectangles()),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(objects_on_planes, strokes)
def test_any_strokes_give_what_they_give_pixel_by_pixel(
    objects: list[tuple[int, NDArray[np.bool_]]],
    strokes: list[tuple[int, tuple[int, ...], NDArray[np.bool_]]],
) -> None:
    project = with_objects(objects)
    session, raster = start(project)
    reference = Reference({n: (z, mask.copy()) for n, (z, mask) in enumerate(objects, 1)})
    steps = 0
    for number, planes, where in strokes:
        painted = raster.labels.copy()
        for z in planes:
            painted[z][where] = number
        reference.numbers_before = tuple(reference.objects)
        reference.paint(painted, raster.largest)
        untouched = {t.id: t for t in session.project.annotations()}
        stroke = paint(session, raster, painted)
        steps += stroke is not None
        after = {t.id: t for t in session.project.annotations()}
        for key in untouched.keys() & after.keys():
            if stroke is None or key not in stroke.masks:
                assert after[key] is untouched[key]
        ours = {raster.number(t.id): (t.plane, full_mask(t)) for t in after.values()}
        assert list(ours) == list(reference.objects)
        for label, (z, mask) in reference.objects.items():
            assert ours[label][0] == z
            np.testing.assert_array_equal(ours[label][1], mask)
        np.testing.assert_array_equal(raster.labels, shown(session.project, raster))
    final, numbers = (
        session.project,
        {t.id: raster.number(t.id) for t in session.project.annotations()},
    )
    for _ in range(steps):
        before = session.project
        session.undo()
        raster.update(session.project, touched(before, session.project))
        np.testing.assert_array_equal(raster.labels, shown(session.project, raster))
    assert session.project is project
    for _ in range(steps):
        before = session.project
        session.redo()
        raster.update(session.project, touched(before, session.project))
    assert session.project is final
    assert {t.id: raster.number(t.id) for t in final.annotations()} == numbers
    np.testing.assert_array_equal(raster.labels, shown(final, raster))


# --- one by one ------------------------------------------------------------------------------


def overlapping() -> Project:
    """cell1 lies over the right half of cell0."""
    return with_objects([(0, box_mask(2, 2, 6, 8)), (0, box_mask(2, 5, 6, 10))])


def test_erasing_the_upper_one_brings_the_lower_one_back() -> None:
    project = overlapping()
    session, raster = start(project)
    painted = raster.labels.copy()
    painted[painted == 2] = 0
    stroke = paint(session, raster, painted)
    assert stroke is not None
    assert stroke.deleted == {"cell1"}
    assert session.undo_label == "Delete cell1"
    assert session.project.things["cell0"] is project.things["cell0"]
    np.testing.assert_array_equal(
        raster.labels[0] == 1, full_mask(outlined("", 0, box_mask(2, 2, 6, 8)))
    )


def test_erasing_part_of_one_leaves_its_hidden_pixels() -> None:
    project = overlapping()
    session, raster = start(project)
    painted = raster.labels.copy()
    painted[0, 2:6, 2:4] = 0
    paint(session, raster, painted, [Region(0, 1, 1, 7, 5)])
    assert session.undo_label == "Erase parts of cell0"
    thing = session.project.things["cell0"]
    assert isinstance(thing, Annotation)
    assert thing.bbox == (2, 4, 6, 8), "the box fits tightly, and goes on under cell1"
    assert masks.area(thing.runs) == 16
    assert session.project.things["cell1"] is project.things["cell1"]


def test_a_new_label_is_a_new_annotation() -> None:
    session, raster = start(overlapping())
    painted = raster.labels.copy()
    painted[1, 3:5, 3:6] = 40
    stroke = paint(session, raster, painted)
    assert stroke is not None
    (added,) = stroke.added
    assert session.undo_label == "Add a.tif-cell_40"
    assert raster.number(added.id) == 40
    assert (added.category, added.partition) == (
        session.project.kinds["cell"].unknown, Partition.UNASSIGNED,
    )  # fmt: skip
    assert (added.plane, added.bbox, added.runs) == (1, (3, 3, 5, 6), masks.full(2, 3))


def test_a_label_on_another_plane_is_another_annotation() -> None:
    session, raster = start(overlapping())
    painted = raster.labels.copy()
    painted[:, 0, 0] = 1
    stroke = paint(session, raster, painted)
    assert stroke is not None
    assert [raster.number(thing.id) for thing in stroke.added] == [3]
    assert raster.labels[:, 0, 0].tolist() == [1, 3]
    assert session.undo_label == "Add a.tif-cell_3"


def test_painting_over_others_takes_their_pixels() -> None:
    session, raster = start(overlapping())
    painted = raster.labels.copy()
    painted[0, 2:6, 5:9] = 1
    paint(session, raster, painted)
    assert session.undo_label == "Paint cell0"
    upper = session.project.things["cell1"]
    assert isinstance(upper, Annotation)
    assert upper.bbox == (2, 9, 6, 10)
    np.testing.assert_array_equal(raster.labels, painted)


def test_where_nothing_differs_there_is_no_stroke() -> None:
    session, raster = start(overlapping())
    assert stroke_of(session.project, raster, raster.labels.copy(), PLANES) is None


def test_deleting_many_is_one_edit() -> None:
    session, raster = start(overlapping())
    stroke = paint(session, raster, np.zeros(SHAPE, np.uint16))
    assert stroke is not None
    assert stroke.deleted == {"cell0", "cell1"}
    assert session.undo_label == "Delete 2 objects"


def test_an_annotation_that_comes_back_has_its_number_again() -> None:
    session, raster = start(overlapping())
    painted = raster.labels.copy()
    painted[painted == 1] = 0
    paint(session, raster, painted)
    assert raster.number("cell0") is None
    before = session.project
    session.undo()
    regions = raster.update(session.project, touched(before, session.project))
    assert regions == [Region(0, 0, 0, *SHAPE[1:])]
    assert (raster.number("cell0"), raster.number("cell1")) == (1, 2)
    np.testing.assert_array_equal(raster.labels, shown(session.project, raster))


def test_a_number_that_went_to_another_is_not_shared() -> None:
    """cell0 was deleted, its number painted anew; then both are there."""
    session, raster = start(overlapping())
    first = session.project
    raster.update(edits.delete_things(first, ["cell0"]), {"cell0"})
    raster.give({"other": 1})
    thing = replace(annotation(first, "cell1"), id="other")
    both = edits.add_annotations(first, [thing])
    raster.update(both, {"cell0", "other"})
    numbers = [raster.number(key) for key in ("cell0", "cell1", "other")]
    assert len(set(numbers)) == 3
    assert numbers[2] == 1


def test_very_many_annotations_get_wide_labels() -> None:
    _, raster = start(overlapping())
    project = overlapping()
    raster.give({"far": (1 << 16) + 1})
    thing = replace(annotation(project, "cell1"), id="far")
    raster.update(edits.add_annotations(project, [thing]), {"far"})
    assert raster.labels.dtype == np.int32
    assert raster.labels.max() == (1 << 16) + 1


# --- the edit --------------------------------------------------------------------------------


def test_edit_annotations_does_all_at_once() -> None:
    project = cells_project()
    new = replace(annotation(project, CELLS[0]), id="new")
    box, runs = (0, 0, 1, 2), masks.full(1, 2)
    after = edit_annotations(project, {CELLS[1]: (box, runs)}, [new], [CELLS[2]])
    changed = after.things[CELLS[1]]
    assert isinstance(changed, Annotation)
    assert (changed.bbox, changed.runs, changed.pixels) == (box, runs, None)
    assert changed.category == project.things[CELLS[1]].category
    assert list(after.things) == [key for key in project.things if key != CELLS[2]] + ["new"]
    assert after.things[CELLS[0]] is project.things[CELLS[0]]


def test_edit_annotations_that_changes_nothing_is_no_edit() -> None:
    project = cells_project()
    thing = project.things[CELLS[0]]
    assert isinstance(thing, Annotation)
    assert edit_annotations(project, {thing.id: (thing.bbox, thing.runs)}) is project


@pytest.mark.parametrize(
    ("outlines", "deleted", "message"),
    [
        ({"image0": ((0, 0, 1, 1), masks.full(1, 1))}, [], "'image0' is no annotation"),
        ({"nobody": ((0, 0, 1, 1), masks.full(1, 1))}, [], "'nobody' is no annotation"),
        ({CELLS[0]: ((0, 0, 99, 1), masks.full(99, 1))}, [], "does not lie in its"),
        ({CELLS[0]: ((0, 0, 2, 2), masks.full(1, 1))}, [], "its mask has 1 pixels"),
        ({}, ["image0"], "'image0' is no annotation"),
    ],
)
def test_edit_annotations_refuses(
    outlines: dict[str, tuple[tuple[int, int, int, int], bytes]], deleted: list[str], message: str
) -> None:
    with pytest.raises(EditError, match=message):
        edit_annotations(cells_project(), outlines, [], deleted)
