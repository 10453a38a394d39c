import numpy as np
import pytest
from tests.segment.stand_in import install, project_of, request

from napari_piximi.errors import SegmentError
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition
from napari_piximi.segment.found import Found, found_boxes
from napari_piximi.segment.results import Fate, Target, apply_outcome, fate_of
from napari_piximi.segment.running import Outcome, Segmented

FIELD = np.zeros((6, 8), np.uint8)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


def outcome_of(*found: Found, **changes: object) -> Outcome:
    parts = [Segmented(f"1image{number}", 0, one) for number, one in enumerate(found)]
    return Outcome(request(**changes), tuple(parts))


def kinds(project: Project) -> dict[str, int]:
    return {
        kind.name: sum(1 for _ in project.of_kind(kind.id))
        for kind in project.kinds.values()
        if kind.name != "Image"
    }


TWO = found_boxes([[0, 0, 2, 3], [3, 4, 6, 8]])


def test_objects_become_annotations_of_a_new_kind_that_wait_for_a_category() -> None:
    project = apply_outcome(project_of(FIELD), outcome_of(TWO), Target("cell"))
    kind = project.find_kind("cell")
    one, two = project.annotations("1image0")
    assert (one.name, two.name) == ("cell 1", "cell 2")
    assert (one.bbox, one.runs) == ((0, 0, 2, 3), masks.full(2, 3))
    assert (two.bbox, two.plane, two.bit_depth, two.pixels) == ((3, 4, 6, 8), 0, 8, None)
    assert {one.kind, two.kind} == {kind.id}
    assert {one.category, two.category} == {kind.unknown}
    assert {one.partition, two.partition} == {Partition.INFERENCE}


def test_a_kind_that_is_there_is_used_whatever_the_case() -> None:
    project = edits.create_kind(project_of(FIELD), "Cell")
    again = apply_outcome(project, outcome_of(TWO), Target("cELL "))
    assert kinds(again) == {"Cell": 2}


def test_a_second_run_adds_or_replaces() -> None:
    project = apply_outcome(project_of(FIELD, FIELD), outcome_of(TWO, TWO), Target("cell"))
    one = outcome_of(found_boxes([[0, 0, 1, 1]]))
    assert kinds(apply_outcome(project, one, Target("cell"))) == {"cell": 5}
    assert kinds(apply_outcome(project, one, Target("cell", replaces=True))) == {"cell": 3}
    assert kinds(apply_outcome(project, one, Target("other", replaces=True))) == {
        "cell": 4,
        "other": 1,
    }


def test_where_nothing_is_found_nothing_is_replaced() -> None:
    project = apply_outcome(project_of(FIELD, FIELD), outcome_of(TWO, TWO), Target("cell"))
    replacing, nothing = Target("cell", replaces=True), found_boxes([])
    one = outcome_of(found_boxes([[0, 0, 1, 1]]), nothing)
    again = apply_outcome(project, one, replacing)
    assert [a.image for a in again.annotations()] == ["1image1", "1image1", "1image0"]
    assert fate_of(project, one, replacing) == Fate(replaced=2, kept=2)
    assert apply_outcome(project, outcome_of(nothing, nothing), replacing) is project
    assert fate_of(project, outcome_of(nothing, nothing), replacing) == Fate(kept=4)


def test_labels_that_go_are_counted() -> None:
    project = apply_outcome(project_of(FIELD), outcome_of(TWO), Target("cell"))
    kind = project.find_kind("cell").id
    project = edits.create_category(project, kind, "large")
    label = project.known_categories(kind)[0]
    project = edits.categorize(project, [next(project.annotations()).id], label)
    assert fate_of(project, outcome_of(TWO), Target("Cell ", replaces=True)) == Fate(2, 1)
    assert fate_of(project, outcome_of(TWO), Target("cell")) == Fate()
    assert fate_of(project, outcome_of(TWO), Target("other", replaces=True)) == Fate()


@pytest.mark.parametrize(
    ("fate", "lost", "saved"),
    [
        (Fate(), "", ""),
        (Fate(1200), "1,200 replaced", ""),
        (Fate(25, 5), "25 replaced, 5 of them had a category", ""),
        (Fate(1, 1, 1), "1 replaced, which had a category", "the object there stays"),
        (Fate(kept=2), "", "the 2 objects there stay"),
    ],
)
def test_a_fate_in_words(fate: Fate, lost: str, saved: str) -> None:
    assert (fate.lost, fate.saved) == (lost, saved)


def test_only_objects_in_the_region_are_replaced() -> None:
    project = apply_outcome(project_of(FIELD), outcome_of(TWO), Target("cell"))
    part = outcome_of(found_boxes([[3, 4, 4, 5]]), region=(3, 4, 6, 8))
    left = apply_outcome(project, part, Target("cell", replaces=True))
    assert [a.bbox for a in left.annotations()] == [(0, 0, 2, 3), (3, 4, 4, 5)]


def test_other_planes_are_left_alone() -> None:
    project = project_of(np.stack([FIELD, FIELD]))
    parts = tuple(Segmented("1image0", plane, TWO) for plane in (0, 1))
    project = apply_outcome(project, Outcome(request(), parts), Target("cell"))
    one = outcome_of(found_boxes([[0, 0, 1, 1]]))
    once = apply_outcome(project, one, Target("cell", replaces=True))
    assert [a.plane for a in once.annotations()] == [1, 1, 0]


def test_each_class_gets_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, classes=("dog", "cat", "cow"))
    found = found_boxes([[0, 0, 1, 1], [0, 0, 2, 2], [1, 1, 3, 3]], classes=("dog", "cat", "dog"))
    project = apply_outcome(project_of(FIELD), outcome_of(found), Target("anything"))
    assert kinds(project) == {"dog": 2, "cat": 1}
    fewer = found_boxes([[0, 0, 1, 1]], classes=("cat",))
    again = apply_outcome(project, outcome_of(fewer), Target("anything", replaces=True))
    assert kinds(again) == {"dog": 0, "cat": 1}


def test_images_that_are_gone_or_smaller_now_are_passed_over() -> None:
    project = edits.delete_things(project_of(FIELD, FIELD), ("1image0",))
    assert kinds(apply_outcome(project, outcome_of(TWO, TWO), Target("cell"))) == {"cell": 2}
    small = project_of(FIELD[:3])
    assert kinds(apply_outcome(small, outcome_of(TWO), Target("cell"))) == {}


def test_nothing_found_changes_nothing() -> None:
    project = project_of(FIELD)
    assert apply_outcome(project, outcome_of(found_boxes([])), Target("cell")) is project


@pytest.mark.parametrize("name", ["", "  ", "Image", "image"])
def test_a_kind_that_cannot_hold_objects_is_refused(name: str) -> None:
    with pytest.raises(SegmentError, match="a kind of their own"):
        apply_outcome(project_of(FIELD), outcome_of(TWO), Target(name))
