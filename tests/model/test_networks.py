"""Edits of segmentation networks: put, copied, tidied, each undone exactly."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.model.cells import cells_project

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import (
    THRESHOLDS,
    SegmentationNetwork,
    SegmentationScore,
    UNetSettings,
)
from napari_piximi.model.session import Session
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import ModelArtifact, Run

MODEL = ModelArtifact({"format": "layers-model"}, b"1234")
RUNS = tuple(Run(UNetSettings(seed=seed), {"loss": (1.0, 0.5)}) for seed in range(3))
COUNTS = (2,) * len(THRESHOLDS)
IOUS = (0.75,) * len(THRESHOLDS)
SCORES = tuple(
    SegmentationScore("Validation", 1, 4, 3, COUNTS, IOUS, run) for run in (None, 0, 1, 2)
)
OTHER = next(kind for kind in cells_project().kinds if kind not in (IMAGE_KIND, "cell"))


def project(**changes: object) -> Project:
    start = SegmentationNetwork("net", "cell", UNetSettings(), (1, 0), MODEL, RUNS, SCORES)
    return edits.put_network(cells_project(), replace(start, **changes))  # type: ignore[arg-type]


def undone(before: Project, after: Project) -> None:
    session = Session(before)
    session.apply(after, "Edit")
    assert session.undo() == "Edit"
    assert session.project is before
    session.redo()
    assert session.project is after


def test_a_network_is_put_in_the_place_of_its_name_and_is_the_newest() -> None:
    before = edits.put_network(project(), SegmentationNetwork("second", OTHER))
    new = replace(before.networks[0], settings=UNetSettings(depth=2))
    after = edits.put_network(before, new)
    assert [n.name for n in after.networks] == ["second", "net"]
    assert after.find_network("net") is new
    assert edits.put_network(after, new) is after
    undone(before, after)


PUT: list[tuple[dict[str, object], str]] = [
    ({"name": ""}, "cannot name"),
    ({"name": "  "}, "cannot name"),
    ({"name": "a.b"}, "cannot name"),
    ({"name": "../x"}, "cannot name"),
    ({"name": "a/b"}, "cannot name"),
    ({"name": "a\\b"}, "cannot name"),
    ({"name": "a\0"}, "cannot name"),
    ({"kind": "gone"}, "no kind of objects 'gone'"),
    ({"kind": ""}, "no kind of objects ''"),
    ({"kind": IMAGE_KIND}, "no kind of objects 'Image'"),
    ({"channels": ()}, "channels"),
    ({"channels": (0, -1)}, "channels"),
]


@pytest.mark.parametrize(("changes", "trouble"), PUT)
def test_what_cannot_be_put(changes: dict[str, object], trouble: str) -> None:
    with pytest.raises(EditError, match=trouble):
        project(**changes)


def test_a_network_of_another_kind_is_not_replaced() -> None:
    with pytest.raises(EditError, match="choose another name"):
        edits.put_network(project(), SegmentationNetwork("net", OTHER))


def test_a_network_gets_another_name_and_stays_in_its_place() -> None:
    before = edits.put_network(project(), SegmentationNetwork("second", "cell"))
    after = edits.rename_network(before, "net", "new name")
    assert [n.name for n in after.networks] == ["new name", "second"]
    assert after.networks[0] == replace(before.networks[0], name="new name")
    assert edits.rename_network(before, "net", "net") is before
    undone(before, after)


def test_a_copy_to_fit_from_has_all_that_the_original_has() -> None:
    before = project()
    after = edits.duplicate_network(before, "net", "net 2")
    original, copy = after.networks
    assert original is before.networks[0]
    assert copy == replace(original, name="net 2")
    assert copy.model is original.model
    undone(before, after)


@pytest.mark.parametrize("edit", [edits.rename_network, edits.duplicate_network])
@pytest.mark.parametrize("name", ["taken", "", "a.b", "../x"])
def test_a_new_name_must_be_free_and_a_name(
    edit: Callable[[Project, str, str], Project], name: str
) -> None:
    start = edits.put_network(project(), SegmentationNetwork("taken", OTHER))
    with pytest.raises(EditError):
        edit(start, "net", name)


def test_without_a_model_there_is_nothing_to_copy() -> None:
    with pytest.raises(EditError, match="no model"):
        edits.duplicate_network(project(model=None), "net", "new")


def test_networks_go_alone_or_with_their_kind() -> None:
    before = edits.put_network(project(), SegmentationNetwork("second", OTHER))
    after = edits.delete_network(before, "net")
    assert [n.name for n in after.networks] == ["second"]
    undone(before, after)
    left = edits.delete_kind(before, "cell")
    assert [n.name for n in left.networks] == ["second"]
    undone(before, left)


@pytest.mark.parametrize(
    ("index", "left"), [(0, (None, None, 0, 1)), (1, (None, 0, None, 1)), (2, (None, 0, 1, None))]
)
def test_a_run_goes_and_scores_no_longer_tell_of_it(
    index: int, left: tuple[int | None, ...]
) -> None:
    before = project()
    after = edits.delete_network_run(before, "net", index)
    (network,) = after.networks
    assert network.runs == RUNS[:index] + RUNS[index + 1 :]
    assert tuple(score.run for score in network.scores) == left
    assert network.model is MODEL
    undone(before, after)


def test_scores_are_kept_and_deleted() -> None:
    before = project(scores=())
    both = edits.add_score(edits.add_score(before, "net", SCORES[1]), "net", SCORES[2])
    assert both.networks[0].scores == SCORES[1:3]
    after = edits.delete_score(both, "net", 0)
    assert after.networks[0].scores == SCORES[2:3]
    undone(both, after)


GONE: list[Callable[[Project], Project]] = [
    lambda p: edits.rename_network(p, "gone", "x"),
    lambda p: edits.duplicate_network(p, "gone", "x"),
    lambda p: edits.delete_network(p, "gone"),
    lambda p: edits.delete_network_run(p, "gone", 0),
    lambda p: edits.delete_network_run(p, "net", 3),
    lambda p: edits.delete_network_run(p, "net", -1),
    lambda p: edits.add_score(p, "gone", SCORES[0]),
    lambda p: edits.delete_score(p, "gone", 0),
    lambda p: edits.delete_score(p, "net", 4),
]


@pytest.mark.parametrize("edit", GONE)
def test_what_is_not_there(edit: Callable[[Project], Project]) -> None:
    with pytest.raises(EditError, match=r"'gone' is no segmentation network|'net' has no"):
        edit(project())


def test_weights_and_runs_that_only_the_past_has_count_as_memory() -> None:
    session = Session(project(runs=(), scores=()), history_bytes=5 << 20)
    for number in range(6):
        model = ModelArtifact({"number": number}, bytes(2 << 20))
        fitted = replace(session.project.networks[0], model=model)
        session.apply(edits.put_network(session.project, fitted), f"Fit {number}")
    assert [session.undo() for _ in range(3)] == ["Fit 5", "Fit 4", None]

    session = Session(project(), history_bytes=5 << 20)
    for number in range(6):
        copy = edits.duplicate_network(session.project, "net", f"copy {number}")
        session.apply(copy, f"Copy {number}")  # the weights are there once
    assert [session.undo() for _ in range(7)][-2:] == ["Copy 0", None]
    run = Run(UNetSettings(), {"loss": (0.5,) * 20_000})
    session = Session(project(runs=(run,), scores=()), history_bytes=1 << 20)
    session.apply(edits.delete_network_run(session.project, "net", 0), "Delete")
    session.apply(edits.rename_project(session.project, "x"), "Rename")
    assert [session.undo() for _ in range(3)] == ["Rename", "Delete", None]
