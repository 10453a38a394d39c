import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.model.cells import CELLS, cells_project, image

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.session import Session
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Partition, Prediction
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings

PROJECT = cells_project()


def names(session: Session) -> list[str]:
    """Undo everything, and return the project names gone through, the current one first."""
    found = [session.project.name]
    while session.undo() is not None:
        found.append(session.project.name)
    return found


def rename(session: Session, name: str) -> None:
    session.apply(edits.rename_project(session.project, name), f"Rename to {name}")


def test_a_session_starts_with_an_empty_project_and_nothing_to_undo() -> None:
    session = Session()
    assert session.project.name == "Untitled"
    assert not session.dirty
    assert session.undo_label is session.redo_label is None
    assert session.undo() is session.redo() is None


def test_an_edit_can_be_undone_and_redone() -> None:
    session = Session(PROJECT)
    after = edits.categorize(PROJECT, CELLS, "1long")
    session.apply(after, "Categorize 4 cells")
    assert session.project is after
    assert (session.undo_label, session.redo_label) == ("Categorize 4 cells", None)
    assert session.undo() == "Categorize 4 cells"
    assert session.project is PROJECT
    assert (session.undo_label, session.redo_label) == (None, "Categorize 4 cells")
    assert session.redo() == "Categorize 4 cells"
    assert session.project is after
    assert (session.undo_label, session.redo_label) == ("Categorize 4 cells", None)


def test_a_new_edit_ends_what_could_be_redone() -> None:
    session = Session(PROJECT)
    rename(session, "a")
    rename(session, "b")
    session.undo()
    rename(session, "c")
    assert session.redo_label is None
    assert session.redo() is None
    assert names(session) == ["c", "a", "Cells"]


def test_every_change_is_told_once_with_before_and_after() -> None:
    session = Session(PROJECT)
    heard = Mock()
    session.changed.connect(lambda before, after: heard(before, after))
    after = edits.rename_project(PROJECT, "other")
    session.apply(after, "Rename project")
    session.undo()
    session.redo()
    assert [call.args for call in heard.call_args_list] == [
        (PROJECT, after), (after, PROJECT), (PROJECT, after)
    ]  # fmt: skip


def test_a_listener_sees_the_new_project_in_the_session() -> None:
    session = Session(PROJECT)
    seen: list[bool] = []
    session.changed.connect(lambda before, after: seen.append(session.project is after))
    rename(session, "other")
    session.undo()
    assert seen == [True, True]


def test_nothing_is_told_when_nothing_changes() -> None:
    session = Session(PROJECT)
    heard = Mock()
    session.changed.connect(lambda before, after: heard(before, after))
    session.apply(edits.categorize(PROJECT, ["cell0"], "1round"), "Categorize")
    session.undo()
    session.redo()
    session.mark_saved()
    heard.assert_not_called()
    assert session.undo_label is None


def test_dirty_until_saved_and_clean_again_after_undo() -> None:
    session = Session(PROJECT)
    rename(session, "a")
    assert session.dirty
    session.undo()
    assert not session.dirty
    session.redo()
    session.mark_saved()
    assert not session.dirty
    session.undo()
    assert session.dirty


def test_what_was_saved_may_be_an_older_project() -> None:
    """The user works on while a thread saves."""
    session = Session(PROJECT)
    rename(session, "a")
    saving = session.project
    rename(session, "b")
    session.mark_saved(saving)
    assert session.dirty
    session.undo()
    assert not session.dirty


# --- bounded memory --------------------------------------------------------------------------


def test_the_oldest_steps_are_forgotten_first() -> None:
    session = Session(PROJECT, history_bytes=1000)
    for name in "abcdefgh":
        rename(session, name)
    kept = names(session)
    assert kept == list("hgfe")
    assert session.undo() is None


def test_edits_of_many_things_weigh_more() -> None:
    def steps(ids: list[str]) -> int:
        session = Session(PROJECT, history_bytes=20_000)
        for number in range(100):
            partition = Partition.TRAINING if number % 2 == 0 else Partition.VALIDATION
            session.apply(edits.set_partition(session.project, ids, partition), "Partition")
        return len(names(session)) - 1

    few, many = steps(["cell0"]), steps(list(CELLS))
    assert 1 < many < few < 100


def test_one_step_is_kept_however_heavy() -> None:
    session = Session(PROJECT, history_bytes=0)
    rename(session, "a")
    rename(session, "b")
    assert names(session) == ["b", "a"]


def heavy_images(megabytes: int) -> Project:
    project = new_project()
    unknown = project.kinds[IMAGE_KIND].unknown
    pixels = ArrayPixels(np.zeros((1, megabytes << 10, 1 << 10, 1), np.uint8))
    pictures = [replace(image(f"i{n}", unknown), pixels=pixels, channels=()) for n in range(5)]
    return edits.add_images(project, pictures)


def test_pixels_of_deleted_images_count() -> None:
    session = Session(heavy_images(2), history_bytes=5 << 20)
    for number in range(5):
        session.apply(edits.delete_things(session.project, [f"i{number}"]), f"Delete {number}")
    assert [session.undo(), session.undo(), session.undo()] == ["Delete 4", "Delete 3", None]


def test_pixels_that_stay_in_the_project_do_not_count() -> None:
    session = Session(heavy_images(2), history_bytes=1 << 20)
    for number in range(50):
        session.apply(edits.rename_thing(session.project, "i0", f"{number}"), f"{number}")
    assert len([None for _ in range(50) if session.undo()]) == 50


def test_images_that_were_added_count_once_they_are_undone() -> None:
    added = heavy_images(2)
    session = Session(new_project(), history_bytes=5 << 20)
    for name in "abc":
        rename(session, name)
    session.apply(replace(added, name="d"), "Add images")
    assert session.undo_label == "Add images"
    session.undo()
    # ten megabytes wait to be redone: only one older step is left
    assert session.redo_label == "Add images"
    assert session.undo() == "Rename to c"
    assert session.undo() is None


def test_weights_of_replaced_classifiers_count() -> None:
    session = Session(PROJECT, history_bytes=5 << 20)
    for number in range(6):
        model = ModelArtifact({"number": number}, bytes(2 << 20))
        fitted = Classifier("net", "cell", model=model)
        session.apply(edits.put_classifier(session.project, fitted), f"Fit {number}")
    assert [session.undo(), session.undo(), session.undo()] == ["Fit 5", "Fit 4", None]


def test_what_only_the_past_has_of_evaluations_and_runs_counts() -> None:
    """An evaluation of 100,000 things is 2.4 MB; those that are still there cost nothing."""
    things = range(100_000)
    ids, zeros = tuple(map(str, things)), (0,) * len(things)
    evaluations = [
        Evaluation(((len(things),),), 0.0, run=i, ids=ids, true=zeros, predicted=zeros)
        for i in range(6)
    ]
    session = Session(PROJECT, history_bytes=5 << 20)
    session.apply(edits.put_classifier(PROJECT, Classifier("net", "cell")), "New")
    for evaluation in evaluations:
        added = edits.add_evaluation(session.project, "net", "cell", evaluation)
        session.apply(added, "Evaluate")
    for _ in evaluations:
        session.apply(edits.delete_evaluation(session.project, "net", "cell", 0), "Delete")
    labels = []
    while (label := session.undo()) is not None:
        labels.append(label)
    assert labels == ["Delete"] * 2  # 2.4 MB each of what the present lacks

    session = Session(PROJECT, history_bytes=1 << 20)
    run = Run(Settings(), {"loss": (0.5,) * 20_000})
    fitted = Classifier("net", "cell", runs=(run,))
    session.apply(edits.put_classifier(PROJECT, fitted), "Fit")
    for label in ("Delete", "Rename"):
        session.apply(
            edits.delete_run(session.project, "net", "cell", 0)
            if label == "Delete"
            else edits.rename_project(session.project, "x"),
            label,
        )
    assert [session.undo() for _ in range(4)] == ["Rename", "Delete", "Fit", None]


# --- against a list of projects --------------------------------------------------------------


class SessionAgainstList(RuleBasedStateMachine):
    """Compare a session with a plain list of projects and a position in it."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(PROJECT)
        self.told: list[tuple[Project, Project]] = []
        self.session.changed.connect(lambda before, after: self.told.append((before, after)))
        self.projects = [PROJECT]
        self.labels: list[str] = []
        self.position = 0
        self.saved = PROJECT

    @property
    def current(self) -> Project:
        return self.projects[self.position]

    @contextlib.contextmanager
    def telling(self, position: int) -> Iterator[None]:
        """Go to `position`, and expect one signal that says so, or none if it is the same."""
        before, self.position = self.session.project, position
        self.told.clear()
        yield
        expected = [] if before is self.current else [(before, self.current)]
        assert [(id(a), id(b)) for a, b in self.told] == [(id(a), id(b)) for a, b in expected]

    def apply(self, project: Project, label: str) -> None:
        position = self.position
        if project is not self.current:
            self.projects[position + 1 :] = [project]
            self.labels[position:] = [label]
            position += 1
        with self.telling(position):
            self.session.apply(project, label)

    @rule(ids=st.sets(st.sampled_from(CELLS)), category=st.sampled_from(["1round", "1long"]))
    def categorize(self, ids: set[str], category: str) -> None:
        present = ids & self.current.things.keys()
        if category in self.current.categories:
            self.apply(edits.categorize(self.current, present, category), f"to {category}")
        else:
            with pytest.raises(EditError):
                edits.categorize(self.current, present, category)

    @rule(ids=st.sets(st.sampled_from([*CELLS, "image0", "image1"])))
    def delete(self, ids: set[str]) -> None:
        self.apply(edits.delete_things(self.current, ids), f"delete {sorted(ids)}")

    @rule(number=st.integers(0, 3))
    def rename(self, number: int) -> None:
        self.apply(edits.rename_project(self.current, f"project {number}"), f"name {number}")

    @rule(probability=st.floats(0, 1), key=st.sampled_from(CELLS))
    def predict(self, probability: float, key: str) -> None:
        said = {key: Prediction("1round", probability)}
        self.apply(edits.set_predictions(self.current, said), f"predict {key}")

    @rule()
    def accept(self) -> None:
        cells = [a.id for a in self.current.annotations()]
        self.apply(edits.accept_predictions(self.current, cells), "accept")

    @rule()
    def delete_category(self) -> None:
        if "1round" in self.current.categories:
            self.apply(edits.delete_category(self.current, "1round"), "delete round")

    @rule()
    def apply_what_is_there(self) -> None:
        self.apply(self.current, "nothing")

    @rule(which=st.integers(0, 5))
    def apply_an_earlier_project(self, which: int) -> None:
        self.apply(self.projects[min(which, self.position)], "go back by an edit")

    @rule()
    def undo(self) -> None:
        label = self.labels[self.position - 1] if self.position else None
        with self.telling(max(self.position - 1, 0)):
            assert self.session.undo() == label

    @rule()
    def redo(self) -> None:
        label = self.labels[self.position] if self.position < len(self.labels) else None
        with self.telling(min(self.position + 1, len(self.projects) - 1)):
            assert self.session.redo() == label

    @rule()
    def save(self) -> None:
        self.saved = self.current
        self.session.mark_saved()

    @precondition(lambda self: self.position > 0)
    @rule()
    def save_what_was_there_before(self) -> None:
        self.saved = self.projects[self.position - 1]
        self.session.mark_saved(self.saved)

    @invariant()
    def agree(self) -> None:
        assert self.session.project is self.current
        assert self.session.dirty == (self.current is not self.saved)
        before = self.labels[self.position - 1] if self.position else None
        after = self.labels[self.position] if self.position < len(self.labels) else None
        assert (self.session.undo_label, self.session.redo_label) == (before, after)

    @invariant()
    def every_thing_has_its_kind_image_and_category(self) -> None:
        project = self.session.project
        for thing in project.things.values():
            assert thing.category in project.kinds[thing.kind].categories
            assert thing.prediction is None or thing.prediction.category in project.categories
        assert {a.image for a in project.annotations()} <= project.things.keys()

    def teardown(self) -> None:
        while self.session.undo() is not None:
            pass
        assert self.session.project is PROJECT


TestSessionAgainstList: Any = SessionAgainstList.TestCase
TestSessionAgainstList.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_what_amends_an_edit_is_no_step_of_its_own() -> None:
    session = Session()
    first = session.project
    session.apply(edits.rename_project(first, "Cells"), "Rename")
    seen: list[str] = []
    session.changed.connect(lambda _, after: seen.append(after.name))
    session.amend(edits.rename_project(session.project, "Cells, amended"))
    session.amend(session.project)  # which is no change
    assert (seen, session.undo_label, session.redo_label) == (["Cells, amended"], "Rename", None)
    session.undo()
    assert session.project is first
    session.amend(edits.rename_project(first, "amended"))
    assert session.redo_label == "Rename"  # an edit that was taken back is still to be had
    session.redo()
    assert session.project.name == "Cells, amended"


def test_what_a_step_costs_may_be_worked_out_before() -> None:
    after = edits.categorize(PROJECT, CELLS[:2], PROJECT.kinds["cell"].unknown)
    said = {key: Prediction(PROJECT.known_categories("cell")[0], 0.5) for key in CELLS}
    after = edits.set_predictions(after, said)
    plain, ahead = Session(PROJECT), Session(PROJECT)
    ahead.foresee(after)
    for session in (plain, ahead):
        assert session.ahead(redo=False) is None
        session.apply(after, "Predict")
    assert ahead.ahead(redo=False) == plain.ahead(redo=False) == (PROJECT, len(CELLS))
    assert [step.cost for step in ahead._undo] == [step.cost for step in plain._undo]
    ahead.foresee(new_project())  # which does not come
    assert ahead.undo() == "Predict"
    assert ahead.ahead(redo=True) == (after, len(CELLS))
