"""Runs and evaluations come back as they were, from every kind of file, and cheaply."""

import json
import math
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.io.histories import (
    KNOWN,
    classifiers,
    comparable,
    evaluation_of_things,
    forest_model,
    history_project,
    trio,
)
from tests.io.tiny_bundle import Members, edit_json, write_zip

from napari_piximi.errors import BundleError, PiximiWarning
from napari_piximi.io._evaluated import pack_evaluated, read_evaluated
from napari_piximi.io._journal_file import pack
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.recovery import Journal, lost_sessions
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier, Run, Settings

SLOW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
EVALUATED = "tiny.zarr/napari_piximi/evaluated"
INFO = "tiny.zarr/classifier/Image/wood/model_info/.zattrs"


def with_classifiers(*found: Classifier) -> Project:
    project = history_project()
    for classifier in found:
        project = edits.put_classifier(project, classifier)
    return project


def members_of(path: Path, *, index: bool = False) -> Members:
    with zipfile.ZipFile(path) as file:
        names = [name for name in file.namelist() if index or not name.endswith("-index")]
        return {name: file.read(name) for name in names}


@SLOW
@given(classifier=classifiers(), form=st.sampled_from(["tiny.zip", "tiny.zarr", "no index"]))
def test_any_history_in_a_bundle(classifier: Classifier, form: str, tmp_path: Path) -> None:
    path = tmp_path / (form if form != "no index" else "tiny.zip")
    write_bundle(with_classifiers(classifier), path)
    if form == "no index":
        path = write_zip(tmp_path / "stripped.zip", members_of(path))
    (again,) = read_bundle(path).classifiers
    assert comparable(again) == comparable(classifier)


@SLOW
@given(classifier=classifiers())
def test_any_history_in_a_journal(classifier: Classifier, tmp_path_factory: Any) -> None:  # noqa: ANN401
    home = tmp_path_factory.mktemp("home")
    start = history_project()
    journal = Journal.begin(home, start)
    put = edits.put_classifier(start, classifier)
    journal.note(start, put)
    assert journal.flush(20)
    journal.note(put, edits.rename_classifier(put, classifier.name, "renamed"))
    journal.close(discard=False)
    (session,) = lost_sessions(home)
    (again,) = session.recover().classifiers
    assert comparable(again) == comparable(replace(classifier, name="renamed"))
    session.discard()


def test_a_forest_and_a_graph_model_keep_their_files_when_they_cannot_be_opened(
    tmp_path: Path,
) -> None:
    write_bundle(with_classifiers(*trio()), tmp_path / "tiny.zip")
    members = members_of(tmp_path / "tiny.zip")
    folder = "tiny.zarr/napari_piximi/models/"
    assert {name for name in members if name.startswith(folder)} == {
        f"{folder}{name}.{part}" for name in ("wood", "graph") for part in ("model", "weights")
    }
    members[f"{folder}wood.weights"] = members[f"{folder}wood.weights"][:-4]
    path = write_zip(tmp_path / "damaged.zip", members)
    with pytest.warns(PiximiWarning, match="wood.model: .*keeps its files"):
        project = read_bundle(path)
    assert project.find_classifier("wood").model is None
    assert project.find_classifier("graph").model == trio()[2].model
    write_bundle(project, tmp_path / "again.zip")
    again = members_of(tmp_path / "again.zip")
    root = folder.replace("tiny", "again")
    assert again[f"{root}wood.weights"] == members[f"{folder}wood.weights"]
    assert json.loads(again["again.zarr/classifier/Image/.zattrs"])["models"] == [
        "base-model",
        "net",
    ]


def test_a_forest_that_no_kind_lists_is_a_classifier_without_a_kind(tmp_path: Path) -> None:
    write_bundle(with_classifiers(trio()[1]), tmp_path / "tiny.zip")
    members = members_of(tmp_path / "tiny.zip")
    edit_json(members, "tiny.zarr/classifier/Image/.zattrs", lambda a: a.pop("napari_piximi"))
    (found,) = read_bundle(write_zip(tmp_path / "x.zip", members)).classifiers
    assert (found.kind, found.settings.architecture) == ("", "Random forest")
    assert found.model == forest_model()


def test_things_that_are_gone_stay_in_an_evaluation(tmp_path: Path) -> None:
    evaluation = replace(
        evaluation_of_things(0), confusion_matrix=((1, 1), (0, 0)), ids=("1b", "1gone"),
        true=(0, 0), predicted=(0, 1),
    )  # fmt: skip
    project = with_classifiers(replace(trio()[1], evaluations=(evaluation,)))
    write_bundle(project, tmp_path / "tiny.zip")
    again = read_bundle(tmp_path / "tiny.zip")
    (found,) = again.classifiers[0].evaluations
    assert found.ids == ("1b", "1gone")
    assert found.ids[0] is next(key for key in again.things if key == "1b")  # no second copy


def test_evaluations_without_the_file_of_their_things_are_still_counts(tmp_path: Path) -> None:
    evaluation = evaluation_of_things(9)
    project = with_classifiers(replace(trio()[1], evaluations=(evaluation,)))
    write_bundle(project, tmp_path / "tiny.zip")
    members = members_of(tmp_path / "tiny.zip")
    del members[EVALUATED]
    (found,) = read_bundle(write_zip(tmp_path / "x.zip", members)).classifiers[0].evaluations
    assert found == replace(evaluation, ids=(), true=(), predicted=())


def test_things_that_are_not_those_counted_are_left_out(tmp_path: Path) -> None:
    def change(members: Members) -> None:
        other = pack_evaluated([evaluation_of_things(9, seed=5)])
        members[EVALUATED] = other

    path = damaged(tmp_path, change)
    with pytest.warns(PiximiWarning, match="not those that it counts"):
        (found,) = read_bundle(path).classifiers[0].evaluations
    assert found.ids == ()
    assert found.confusion_matrix == evaluation_of_things(9).confusion_matrix


def damaged(tmp_path: Path, change: Callable[[Members], object]) -> Path:
    run = Run(Settings(), {"loss": (1.0, 0.5), "val_loss": (1.0, math.nan)})
    classifier = replace(trio()[1], evaluations=(evaluation_of_things(9),), runs=(run,))
    write_bundle(with_classifiers(classifier), tmp_path / "tiny.zip")
    members = members_of(tmp_path / "tiny.zip")
    change(members)
    return write_zip(tmp_path / "damaged.zip", members)


def noted(part: str, **values: Any) -> Callable[[Members], object]:  # noqa: ANN401
    """Change the first run or evaluation."""
    return lambda members: edit_json(
        members, INFO, lambda a: a["napari_piximi"][part][0].update(values)
    )


def own(**values: Any) -> Callable[[Members], object]:  # noqa: ANN401
    return lambda members: edit_json(members, INFO, lambda a: a["napari_piximi"].update(values))


def evaluated(ids: str, columns: dict[str, Any]) -> Callable[[Members], object]:
    """Write the things of an evaluation: ids of one letter, and the columns given."""
    arrays = {f"0.{name}": np.array(column[0], column[1]) for name, column in columns.items()}
    arrays["ids"] = np.frombuffer(ids.encode(), "u1")
    arrays["lengths"] = np.ones(2, "u4")
    return lambda members: members.update({EVALUATED: pack({}, arrays)})


GOOD = {"rows": ([0, 1], "u4"), "true": ([0, 1], "u1"), "predicted": ([0, 1], "u1")}
IDS = "ab"
HOSTILE: dict[str, tuple[Callable[[Members], object], tuple[str, ...]]] = {
    "history of two lengths": (
        noted("runs", history={"loss": [1.0], "accuracy": [1.0, 2.0]}), ("'accuracy': 2",)
    ),
    "history of texts": (noted("runs", history={"loss": ["x"]}), ("'loss'", "str")),
    "history of truths": (noted("runs", history={"loss": [True]}), ("'loss'", "bool")),
    "history no list": (noted("runs", history={"loss": 7}), ("'loss'",)),
    "history endless": (noted("runs", history={"loss": [0] * 1_000_001}), ("1000000",)),
    "history too wide": (
        noted("runs", history={str(i): [] for i in range(300)}), ("history",)
    ),
    "history no object": (noted("runs", history=[1]), ("damaged",)),
    "best epoch beyond": (noted("runs", best_epoch=2), ("best epoch 2",)),
    "best epoch a text": (noted("runs", best_epoch="1"), ("best epoch '1'",)),
    "training negative": (noted("runs", training=-1), ("training -1",)),
    "validation absurd": (noted("runs", validation=10**30), ("validation",)),
    "seconds negative": (noted("runs", seconds=-1.0), ("-1.0 seconds",)),
    "stopped a number": (noted("runs", stopped=3), ("3",)),
    "runs no list": (own(runs={"a": 1}), ("runs should be a list",)),
    "evaluations of texts": (own(evaluations=["x"]), ("evaluations should be a list",)),
    "matrix not square": (noted("evaluations", confusion_matrix=[[1, 2]]), ("not square",)),
    "matrix negative": (noted("evaluations", confusion_matrix=[[1, 2], [3, -1]]), ("-1",)),
    "matrix absurd": (noted("evaluations", confusion_matrix=[[10**20, 2], [3, 1]]), ("count",)),
    "matrix fractional": (noted("evaluations", confusion_matrix=[[0.5, 2], [3, 1]]), ("0.5",)),
    "matrix of texts": (noted("evaluations", confusion_matrix=[["1", 2], [3, 1]]), ("'1'",)),
    "three classes": (noted("evaluations", classes=["1", "2", "3"]), ("3 classes",)),
    "classes numbers": (noted("evaluations", classes=[1, 2]), ("1 should be",)),
    "an area of 2": (noted("evaluations", roc_auc=[0.5, 2.0]), ("ROC-AUC of 2.0",)),
    "one area": (noted("evaluations", roc_auc=[0.5]), ("1 roc_auc",)),
    "folds of text": (noted("evaluations", folds="5"), ("folds '5' is no count",)),
    "partition a number": (noted("evaluations", partition=4), ("4 should be",)),
    "run a text": (noted("evaluations", run="0"), ("'0' should be",)),
    "loss a text": (noted("evaluations", cross_entropy="0"), ("'0' should be",)),
    "things of a stranger": (noted("evaluations", things=1), ("things 1",)),
    "things negative": (noted("evaluations", things=-1), ("things -1",)),
    "class map of numbers": (own(class_map=[1, 2]), ("class_map",)),
    "things: no file of ours": (
        lambda members: members.update({EVALUATED: b"junk"}), ("evaluated", "damaged")
    ),
    "things: ids too long": (evaluated("abc", GOOD), ("evaluated", "2 characters in 3")),
    "things: ids too short": (evaluated("", GOOD), ("evaluated", "2 characters in 0")),
    "things: ids no text": (
        lambda members: evaluated("ab", GOOD)(members)
        or members.update({EVALUATED: members[EVALUATED].replace(b"ab", b"\xff\xfe")}),
        ("evaluated", "decode"),
    ),
    "things: row beyond": (
        evaluated(IDS, GOOD | {"rows": ([0, 2], "u4")}), ("evaluated", "row 2 of 2")
    ),
    "things: negative": (
        evaluated(IDS, GOOD | {"true": ([0, -1], "i4")}), ("evaluated", "counts")
    ),
    "things: lengths differ": (
        evaluated(IDS, GOOD | {"predicted": ([0], "u1")}), ("evaluated", "2, 2 and 1")
    ),
    "things: a column too few": (
        evaluated(IDS, {key: GOOD[key] for key in ("rows", "true")}), ("evaluated", "2 columns")
    ),
    "things: class out of range": (
        evaluated(IDS, GOOD | {"predicted": ([0, 2], "u1")}), ("class 2", "2 classes")
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_histories_are_refused_with_one_clear_error(case: str, tmp_path: Path) -> None:
    change, words = HOSTILE[case]
    path = damaged(tmp_path, change)
    with pytest.raises(BundleError) as caught:
        read_bundle(path)
    message = str(caught.value)
    assert str(path) in message
    assert "wood/model_info" in message or EVALUATED in message
    for word in words:
        assert word in message
    assert len(message) < 500


@settings(max_examples=200, deadline=None)
@given(changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4))
def test_bytes_that_were_changed_are_refused_or_read(changes: list[tuple[float, int]]) -> None:
    data = bytearray(pack_evaluated([evaluation_of_things(5), evaluation_of_things(3, seed=1)]))
    for place, value in changes:
        data[int(place * len(data))] = value
    with suppress(ValueError):
        for ids, true, predicted in read_evaluated(bytes(data)):
            assert len(ids) == len(true) == len(predicted) <= 5
            assert min((*true, *predicted), default=0) >= 0


def test_what_a_later_version_adds_is_passed_over_and_what_lacks_has_its_default(
    tmp_path: Path,
) -> None:
    def change(members: Members) -> None:
        noted("runs", novelty=[1, 2])(members)
        noted("evaluations", novelty="x", run=77)(members)
        edit_json(members, INFO, lambda a: a["napari_piximi"]["runs"][0].pop("backend"))
        edit_json(members, INFO, lambda a: a["napari_piximi"]["runs"][0]["settings"].clear())
        edit_json(members, INFO, lambda a: a["napari_piximi"]["evaluations"][0].pop("roc_auc"))
        edit_json(members, INFO, lambda a: a["napari_piximi"]["evaluations"][0].pop("folds"))

    (found,) = read_bundle(damaged(tmp_path, change)).classifiers
    assert found.runs[0].backend == ""
    assert found.runs[0].settings.epochs == 10  # Piximi's
    read = found.evaluations[0]
    assert (read.run, read.roc_auc, read.folds) == (None, (), 0)


def test_bundles_of_the_version_before_keep_their_evaluations(tmp_path: Path) -> None:
    """There, an evaluation was Piximi's result with a note beside it."""
    matrix = [[3, 1], [0, 4]]
    result = {"confusionMatrix": matrix, "crossEntropy": None, "accuracy": 7 / 8}

    def change(members: Members) -> None:
        note = {"classes": list(KNOWN), "partition": "Training", "run": 0}
        edit_json(members, INFO, lambda a: a.update(eval_results=[result, result]))
        own(evaluations=[note])(members)

    first, second = read_bundle(damaged(tmp_path, change)).classifiers[0].evaluations
    assert first.confusion_matrix == second.confusion_matrix == ((3, 1), (0, 4))
    assert math.isnan(first.cross_entropy)
    assert (first.classes, first.partition, first.run) == (KNOWN, "Training", 0)
    assert (second.classes, second.partition, second.run) == ((), "Validation", None)


def test_ten_evaluations_of_many_things_are_small_and_written_once(tmp_path: Path) -> None:
    found = tuple(evaluation_of_things(20_000, seed=seed) for seed in range(10))
    assert len(pack_evaluated(found)) < 10 * 20_000 * 6 + 20_000 * 40 + 2000
    again = read_evaluated(pack_evaluated(found))
    assert again == [(e.ids, e.true, e.predicted) for e in found]
    home = tmp_path / "home"
    project = with_classifiers(replace(trio()[1], evaluations=found))
    journal = Journal.begin(home, project)
    assert journal.flush(20)
    before = sum(file.stat().st_size for file in journal.folder.iterdir())
    start = time.perf_counter()
    renamed = edits.rename_classifier(project, "wood", "tree")
    journal.note(project, renamed)
    assert time.perf_counter() - start < 0.02  # nothing is written in the window's thread
    assert journal.flush(20)
    grown = sum(file.stat().st_size for file in journal.folder.iterdir()) - before
    assert grown < 20_000
    journal.close(discard=True)


def test_long_histories_are_written_once(tmp_path: Path) -> None:
    """They are as exact as short ones, NaN and infinity among them."""
    curve = (math.nan, math.inf, *np.random.default_rng(3).random(2998).tolist())
    runs = tuple(Run(Settings(seed=i), {"loss": curve, "é": curve[::-1]}, 7) for i in range(3))
    project = with_classifiers(Classifier("x", "Image", runs=runs))
    journal = Journal.begin(tmp_path, history_project())
    assert journal.flush(20)
    journal.note(history_project(), project)
    assert journal.flush(20)
    before = sum(file.stat().st_size for file in journal.folder.iterdir())
    journal.note(project, edits.rename_classifier(project, "x", "y"))
    journal.close(discard=False)
    (session,) = lost_sessions(tmp_path)
    assert sum(file.stat().st_size for file in session.folder.iterdir()) - before < 10_000
    (found,) = session.recover().classifiers
    assert comparable(found) == comparable(replace(project.classifiers[0], name="y"))
    for file in session.folder.glob("data-*.bin"):
        file.unlink()
    with pytest.warns(PiximiWarning, match="without its curves"):
        (found,) = session.recover().classifiers
    assert [run.history for run in found.runs] == [{}] * 3
    assert [run.settings.seed for run in found.runs] == [0, 1, 2]


def test_a_recovery_without_the_file_of_the_things_keeps_the_counts(tmp_path: Path) -> None:
    project = history_project()
    journal = Journal.begin(tmp_path, project)
    classifier = Classifier("x", "Image", evaluations=(evaluation_of_things(5),))
    journal.note(project, edits.put_classifier(project, classifier))
    assert journal.flush(20)
    journal.close(discard=False)
    (session,) = lost_sessions(tmp_path)
    for file in session.folder.glob("data-*.bin"):
        file.unlink()
    with pytest.warns(PiximiWarning, match="without its things"):
        (found,) = session.recover().classifiers
    assert found.evaluations[0].confusion_matrix == evaluation_of_things(5).confusion_matrix
    assert found.evaluations[0].ids == ()


def test_a_model_that_piximi_cannot_have_is_not_shown_to_it(tmp_path: Path) -> None:
    missing = Classifier("lost wood", "Image", Settings(architecture="Random forest"), 2)
    write_bundle(with_classifiers(*trio(), missing), tmp_path / "tiny.zip")
    members = members_of(tmp_path / "tiny.zip")
    listed = json.loads(members["tiny.zarr/classifier/Image/.zattrs"])
    assert listed["models"] == ["base-model", "net"]
    assert listed["napari_piximi"]["models"] == ["wood", "graph", "lost wood"]
    assert read_bundle(tmp_path / "tiny.zip").find_classifier("lost wood").model is None
