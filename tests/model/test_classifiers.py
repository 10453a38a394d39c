"""Edits of classifiers: copied, mapped, tidied, each undone exactly."""

from dataclasses import replace

import numpy as np
import pytest

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.session import Session
from napari_piximi.model.things import ArrayPixels, Image
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings

MODEL = ModelArtifact({"classes": ["a", "b", "c"]}, b"1234")
RUNS = tuple(Run(Settings(seed=seed), {"loss": (1.0, 0.5)}) for seed in range(3))
COUNTS = ((1, 0, 0), (0, 2, 0), (0, 0, 3))
EVALUATIONS = tuple(Evaluation(COUNTS, 0.1, run=run) for run in (None, 0, 1, 2))
MAP = ("1a", "1b", "1c")


def project(**changes: object) -> Project:
    made = edits.create_kind(new_project(), "cell")
    for name in "abc":
        made = edits.create_category(made, "Image", name, category_id=f"1{name}")
    cell = list(made.kinds)[1]
    made = edits.create_category(made, cell, "x", category_id="1x")
    start = Classifier(
        "net", "Image", Settings(), 1, 1, MODEL, MAP, RUNS, EVALUATIONS
    )  # fmt: skip
    return edits.put_classifier(made, replace(start, **changes))  # type: ignore[arg-type]


def test_a_copy_to_train_from_has_all_that_the_original_has() -> None:
    before = project()
    after = edits.duplicate_classifier(before, "net", "net 2")
    original, copy = after.classifiers
    assert original is before.classifiers[0]
    assert copy == replace(original, name="net 2")
    assert copy.model is original.model  # nothing is in memory twice
    session = Session(before)
    session.apply(after, "Duplicate")
    session.undo()
    assert session.project is before


@pytest.mark.parametrize("name", ["net", "", "a.b", "base-model", "../x"])
def test_a_copy_needs_a_name_that_is_free(name: str) -> None:
    with pytest.raises(EditError):
        edits.duplicate_classifier(project(), "net", name)


def test_a_copy_does_not_drop_files_that_could_not_be_opened() -> None:
    before = replace(project(), unread_models={"lost": (b"", b"")})
    with pytest.raises(EditError, match="'lost' already"):
        edits.duplicate_classifier(before, "net", "lost")


def test_without_a_model_there_is_nothing_to_copy() -> None:
    with pytest.raises(EditError, match="no model"):
        edits.duplicate_classifier(project(model=None), "net", "new")


def test_classes_are_mapped_and_left_out() -> None:
    before = project(class_map=())
    after = edits.map_classes(before, "net", "Image", ["1c", "", "1a"])
    assert after.classifiers[0].class_map == ("1c", "", "1a")
    assert edits.map_classes(after, "net", "Image", ("1c", "", "1a")) is after


def test_a_new_map_does_not_change_what_was_counted_under_the_old_one() -> None:
    known = Evaluation(COUNTS, 0.1, ("1b", "1a", "1c"))
    small = Evaluation(((1,),), 0.1)
    before = project(evaluations=(EVALUATIONS[0], known, small))
    (after,) = edits.map_classes(before, "net", "Image", ["1c", "1b", "1a"]).classifiers
    assert [e.classes for e in after.evaluations] == [MAP, ("1b", "1a", "1c"), ()]
    assert [e.confusion_matrix for e in after.evaluations[:2]] == [COUNTS, COUNTS]


def test_a_classifier_without_a_kind_is_taken_into_one() -> None:
    before = project(kind="", class_map=())
    (after,) = edits.map_classes(before, "net", "Image", MAP).classifiers
    assert (after.kind, after.class_map) == ("Image", MAP)
    both = edits.put_classifier(before, replace(before.classifiers[0], kind="Image"))
    after = edits.map_classes(both, "net", "Image", MAP).find_classifier("net", "Image")
    assert after.class_map == MAP


@pytest.mark.parametrize(
    ("class_map", "word"),
    [
        (["1a", "1b"], "3 classes, but 2"),
        (["1a", "1b", "1c", ""], "3 classes, but 4"),
        (["1a", "1b", "1x"], "'1x' is no category of 'Image'"),
        (["1a", "1b", "1gone"], "'1gone'"),
        (["1a", "1a", ""], "'a' stands for two classes"),
        (["", "", ""], "All classes are left out"),
    ],
)
def test_maps_that_cannot_be(class_map: list[str], word: str) -> None:
    with pytest.raises(EditError, match=word):
        edits.map_classes(project(), "net", "Image", class_map)


def test_unknown_is_no_class() -> None:
    before = project()
    unknown = before.kinds["Image"].unknown
    with pytest.raises(EditError, match="no category"):
        edits.map_classes(before, "net", "Image", ["1a", "1b", unknown])


def test_classes_of_what_has_gone() -> None:
    with pytest.raises(EditError, match="no kind 'gone'"):
        edits.map_classes(project(), "net", "gone", MAP)
    with pytest.raises(EditError, match="no classifier"):
        edits.map_classes(project(), "other", "Image", MAP)


def test_without_names_of_classes_the_old_map_tells_how_many_there_are() -> None:
    bare = ModelArtifact({}, b"")
    with pytest.raises(EditError, match="3 classes"):
        edits.map_classes(project(model=bare), "net", "Image", ["1a"])
    after = edits.map_classes(project(model=bare, class_map=()), "net", "Image", ["1a"])
    assert after.classifiers[0].class_map == ("1a",)


def test_deleting_a_category_leaves_the_map_so_that_undo_and_a_new_map_are_exact() -> None:
    before = project()
    after = edits.delete_category(before, "1b")
    assert after.classifiers[0].class_map == MAP
    mended = edits.map_classes(after, "net", "Image", ["1a", "", "1c"])
    assert mended.classifiers[0].class_map == ("1a", "", "1c")
    assert mended.classifiers[0].evaluations[0].classes == MAP


def test_evaluations_come_and_go() -> None:
    before = project()
    fresh = Evaluation(COUNTS, 0.2)
    after = edits.add_evaluation(before, "net", "Image", fresh)
    assert after.classifiers[0].evaluations == (*EVALUATIONS, fresh)
    again = edits.delete_evaluation(after, "net", "Image", 4)
    assert again.classifiers == before.classifiers
    assert edits.delete_evaluation(after, "net", None, 0).classifiers[0].evaluations == (
        *EVALUATIONS[1:],
        fresh,
    )
    for index in (-1, 4):
        with pytest.raises(EditError, match=f"no evaluation {index + 1}"):
            edits.delete_evaluation(before, "net", "Image", index)
    with pytest.raises(EditError, match="no classifier"):
        edits.add_evaluation(before, "gone", "Image", fresh)


def test_ids_of_an_evaluation_are_not_in_memory_twice() -> None:
    before = project()
    image = Image(
        "1image", "a.png", before.kinds["Image"].unknown,
        ArrayPixels(np.zeros((1, 2, 2, 1), np.uint8)), 8,
    )  # fmt: skip
    before = edits.add_images(before, [image])
    copy = "".join(["1", "image"])
    evaluation = Evaluation(((1,),), 0.0, ids=(copy, "1gone"), true=(0, 0), predicted=(0, 0))
    (found,) = edits.add_evaluation(before, "net", "Image", evaluation).classifiers
    assert found.evaluations[-1] == evaluation
    assert found.evaluations[-1].ids[0] is next(iter(before.things))


def test_evaluations_know_their_run_when_another_one_is_deleted() -> None:
    (after,) = edits.delete_run(project(), "net", "Image", 1).classifiers
    assert after.runs == (RUNS[0], RUNS[2])
    assert [e.run for e in after.evaluations] == [None, 0, None, 1]
    assert after.model is MODEL
    with pytest.raises(EditError, match="no run 4"):
        edits.delete_run(project(), "net", "Image", 3)


def test_edits_keep_the_order_of_classifiers() -> None:
    before = edits.put_classifier(project(), Classifier("later", "Image"))
    for after in (
        edits.delete_run(before, "net", "Image", 0),
        edits.add_evaluation(before, "net", "Image", EVALUATIONS[0]),
        edits.map_classes(before, "net", "Image", ["1c", "1b", "1a"]),
    ):
        assert [c.name for c in after.classifiers] == ["net", "later"]
        assert after.classifiers[1] is before.classifiers[1]
