"""The page Train your own: what it offers, fits, keeps, and refuses."""

from dataclasses import replace
from pathlib import Path

import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QComboBox, QWidget
from tests.segment.nuclei import nuclei_project
from tests.ui.conftest import Wait
from tests.ui.network_stage import KIND, Plays, engine, page, panel, plays

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.network_files import read_network
from napari_piximi.model import edits
from napari_piximi.model.project import new_project
from napari_piximi.model.segmentation import SegmentationNetwork, SegmentationScore, UNetSettings
from napari_piximi.model.things import Annotation
from napari_piximi.segment.annotated import split_of
from napari_piximi.ui import documents
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.network_choice import annotated_of
from napari_piximi.ui.network_fitting import keep_network
from napari_piximi.ui.network_outcome import outcome_of
from napari_piximi.ui.network_page import PRESETS, NetworkPage
from napari_piximi.ui.network_picker import NEW
from napari_piximi.ui.project_facts import classifier_lines
from napari_piximi.ui.segment_page import SegmentPage
from napari_piximi.ui.segmentation_panel import SegmentationPanel
from napari_piximi.ui.workspace import Workspace

__all__ = ["engine", "page", "panel", "plays"]  # fixtures

NAME = "U-Net 1"


def texts(notifications: list[Notification]) -> list[str]:
    return [str(note.message) for note in notifications]


def only(workspace: Workspace) -> SegmentationNetwork:
    (found,) = workspace.project.networks
    return found


def troubles(page: NetworkPage) -> list[tuple[str, str]]:
    return [(trouble.severity, trouble.text) for trouble in page.troubles.troubles]


def choose(box: QComboBox, text: str) -> None:
    row = box.findText(text, Qt.MatchFlag.MatchStartsWith)
    assert row >= 0, [box.itemText(i) for i in range(box.count())]
    box.setCurrentIndex(row)
    box.activated.emit(row)


# --- what is there -----------------------------------------------------------------------------


def test_everything_is_set_for_a_first_fit(page: NetworkPage) -> None:
    project = page.workspace.project
    objects = sum(isinstance(thing, Annotation) for thing in project.things.values())
    assert page.picker.kinds.currentText() == f"nuclei: {objects} on 3 images"
    assert page.picker.networks.currentText() == NEW
    assert page.picker.name.placeholderText() == NAME
    assert page.picker.channels.isHidden(), "there is one channel only"
    assert page.form.settings == UNetSettings()
    assert page.presets.box.currentText() == "Quick"
    assert page.buttons.button.text() == f"Fit {NAME}"
    assert page.buttons.button.isEnabled()
    assert not page.buttons.go_on.isVisible()
    assert page.outcome.isHidden()
    assert [severity for severity, _ in troubles(page) if severity == "stop"] == []


def test_all_controls_are_named_and_explained(page: NetworkPage) -> None:
    buttons = [b for b in page.findChildren(QAbstractButton) if b.isVisible()]
    boxes = [b for b in page.findChildren(QComboBox) if b.isVisible()]
    assert all(control.toolTip() for control in (*buttons, *boxes))
    assert all(button.accessibleName() or button.text() for button in buttons)
    assert all(box.accessibleName() for box in boxes)


def test_objects_are_counted_by_kind_and_image() -> None:
    project = edits.create_kind(nuclei_project([1, 2], 96, 5), "other")
    other = project.find_kind("other").id
    found = annotated_of(project)
    assert (found[other].objects, found[other].images) == (0, 0)
    assert found[KIND].images == 2
    assert found[KIND].objects == sum(1 for _ in project.of_kind(KIND))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("empty", "There is no image yet"),
        ("no kind", "Nothing is annotated yet"),
        ("one object", "too few to learn from"),
        ("one image", "One image is annotated"),
    ],
)
def test_what_would_stop_or_spoil_a_fit(page: NetworkPage, state: str, told: str) -> None:
    workspace, project = page.workspace, page.workspace.project
    ids = [thing.id for thing in project.of_kind(KIND)]
    first = next(project.images()).id
    of_first = [t.id for t in project.annotations(first)]
    if state == "empty":
        project = new_project()
    elif state == "no kind":
        project = edits.delete_things(project, ids)
    elif state == "one object":
        project = edits.delete_things(project, [key for key in ids if key != of_first[0]])
    else:
        project = edits.delete_things(project, [key for key in ids if key not in of_first])
    workspace.open_project(project)
    page.refresh()
    assert any(told in text for _, text in troubles(page)), troubles(page)
    stopped = troubles(page)[0][0] == "stop"
    assert stopped is (state != "one image")
    assert page.buttons.button.isEnabled() is not stopped
    why = next((text for severity, text in troubles(page) if severity == "stop"), None)
    assert (page.buttons.button.toolTip() == why) is stopped, "what is disabled says why"


def test_from_nothing_annotated_there_is_a_way_to_find_objects(
    page: NetworkPage, panel: SegmentationPanel, qtbot: QtBot
) -> None:
    project = page.workspace.project
    ids = [thing.id for thing in project.of_kind(KIND)]
    page.workspace.edit("x", edits.delete_things, ids)
    page.refresh()
    button = page.troubles.rows[0].button
    assert button is not None
    assert button.text() == "Go to Find objects"
    assert button.toolTip() == "Go to Find objects", "nothing that could be undone"
    button.click()
    assert isinstance(panel.page("Find objects"), SegmentPage)
    assert panel.pages.currentIndex() == 0


def test_channels_are_chosen_by_boxes(page: NetworkPage) -> None:
    from tests.ui.segment_stage import dots, project_of

    three = dots(200).repeat(3, axis=-1)
    page.workspace.open_project(project_of(three))
    page.refresh()
    boxes = page.picker.channels.boxes
    assert not page.picker.channels.isHidden()
    assert list(page.choice.channels) == [0, 1, 2]
    boxes[1].click()
    assert list(page.choice.channels) == [0, 2]
    assert [box.text() for box in boxes] == ["1 (red)", "2 (green)", "3 (blue)"]
    for box in (boxes[0], boxes[2]):
        box.click()
    assert not page.choice.channels


def test_presets_and_reset(page: NetworkPage) -> None:
    choose(page.presets.box, "Thorough")
    assert page.choice.settings == PRESETS["Thorough"]
    page.form.edited.emit(replace(page.choice.settings, seed=5))
    assert page.presets.box.currentText() == "Thorough", "the seed is no matter of presets"
    page.presets.button.click()
    assert page.choice.settings == UNetSettings()


# --- a fit --------------------------------------------------------------------------------------


def test_a_fit_is_one_edit_with_its_curves(
    page: NetworkPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick")
    workspace = page.workspace
    before, seen = workspace.project, []
    page.fitting.progressed.connect(lambda: seen.append(len(page.curves.curves)))
    page.buttons.button.click()
    assert page.buttons.button.text() == "Stop and keep the best"
    finish(workspace)
    network = only(workspace)
    assert (network.name, network.kind, len(network.runs)) == (NAME, KIND, 1)
    assert seen
    assert workspace.session.undo_label == f"Fit {NAME}"
    assert page.choice.network is network
    assert outcome_of(network).startswith("F1 0.600 on the ")
    assert page.outcome.text.text() == outcome_of(network)
    assert [c.title for c in page.curves.curves] == [f"{NAME} · fit 1"]
    lines = {line.name: line.y.tolist() for line in page.curves.charts[0].lines}
    assert lines == {"validation": [0.0, 0.45, pytest.approx(0.6)]}
    assert page.buttons.button.text() == f"Fit {NAME} anew"
    assert page.buttons.go_on.isEnabled()
    workspace.undo()
    assert workspace.project is before
    workspace.redo()
    assert texts(notifications) == []


def test_an_evaluation_of_what_is_held_out_is_what_counts(
    page: NetworkPage, plays: Plays, finish: Wait
) -> None:
    plays("quick")
    page.buttons.button.click()
    finish(page.workspace)
    network, pairs = only(page.workspace), (8,) * 10
    score = SegmentationScore("Validation", 1, 8, 8, pairs, (0.9,) * 10, 0)
    page.workspace.edit("Score", edits.add_score, network.name, score)
    finish(page.workspace)
    page.refresh()
    assert page.outcome.text.text() == "F1 1.000 on the 8 objects held out, at IoU 0.5"
    assert page.picker.networks.currentText() == f"{NAME} · F1 1.00"
    all_of_them = replace(score, partition="All annotated", matched=(4,) * 10)
    page.workspace.edit("Score", edits.add_score, network.name, all_of_them)
    finish(page.workspace)
    page.refresh()
    assert page.outcome.text.text().startswith("F1 1.000")
    ((line, _),) = classifier_lines(page.workspace.project)
    assert line.endswith("F1 1.00"), "the Project dock tells the same"


def test_continue_and_anew_keep_the_runs_and_scores(
    page: NetworkPage, plays: Plays, finish: Wait
) -> None:
    plays("quick")
    workspace = page.workspace
    page.fit()
    finish(workspace)
    score = SegmentationScore("Validation", 1, 4, 4, (4,) * 10, (0.9,) * 10, 0)
    workspace.edit("x", edits.add_score, NAME, score)
    page.form.edited.emit(replace(page.choice.settings, epochs=7, depth=5))
    page.go_on()
    finish(workspace)
    network = only(workspace)
    assert [run.settings.epochs for run in network.runs] == [UNetSettings().epochs, 7]
    assert network.settings.depth == UNetSettings().depth, "its shape stays"
    page.fit()
    finish(workspace)
    assert len(only(workspace).runs) == 3
    assert only(workspace).scores == (score,)
    assert [c.title for c in page.curves.curves] == [f"{NAME} · fit {n}" for n in (3, 2, 1)]


def test_stop_keeps_the_best(page: NetworkPage, plays: Plays, finish: Wait, qtbot: QtBot) -> None:
    plays("until_stopped")
    page.fit()
    qtbot.waitUntil(
        lambda: bool(page.fitting.current and page.fitting.current.history), timeout=9000
    )
    assert [c.stopped for c in page.curves.curves] in ([], ["running"])
    page.buttons.button.click()
    assert page.buttons.button.text() == "Stopping…"
    finish(page.workspace)
    assert only(page.workspace).runs[-1].stopped == "cancelled"
    assert page.buttons.button.text() == f"Fit {NAME} anew"


def test_stopped_before_the_first_epoch_keeps_nothing(
    page: NetworkPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("stopped_at_once")
    page.fit()
    finish(page.workspace)
    assert page.workspace.project.networks == ()
    assert texts(notifications) == [
        f"{NAME}: stopped before the first epoch was complete, so there is nothing to keep"
    ]


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_killed_engine_leaves_the_best(
    page: NetworkPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("dies")
    page.fit()
    finish(page.workspace)
    assert only(page.workspace).runs[-1].stopped == "interrupted"
    (told,) = texts(notifications)
    assert f"of epoch 2, are kept as {NAME}" in told
    plays("dies_at_once")
    before = page.workspace.project
    page.fit()
    finish(page.workspace)
    assert page.workspace.project is before
    assert "was not fitted, and nothing is lost" in texts(notifications)[-1]
    plays("quick")
    page.fit()
    finish(page.workspace)
    assert len(only(page.workspace).runs) == 2


def test_a_diverging_fit_keeps_the_best_and_says_so_once(
    page: NetworkPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("diverges")
    page.fit()
    finish(page.workspace)
    assert only(page.workspace).runs[-1].stopped == "diverged"
    assert texts(notifications) == ["The loss is no finite number after epoch 3"]


def test_too_little_memory_has_a_remedy(
    page: NetworkPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("out_of_memory")
    page.fit()
    finish(page.workspace)
    row = page.troubles.rows[0]
    assert row.button is not None
    assert row.button.text() == "Fit with batch size 1"
    assert row.button.toolTip() == "Fit with batch size 1"
    assert len(notifications) == 1
    row.button.click()
    finish(page.workspace)
    assert only(page.workspace).settings.batch_size == 1
    assert page.fitting.trouble is None


def test_the_kind_is_deleted_meanwhile(
    page: NetworkPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick")
    page.fit()
    assert page.workspace.edit("Delete", edits.delete_kind, KIND)
    assert page.workspace.edit("Make", edits.create_kind, "Nuclei")
    finish(page.workspace)
    (told,) = texts(notifications)
    assert told.startswith(f"{NAME} is fitted. Its kind nuclei 2 was deleted meanwhile")
    assert only(page.workspace).kind == KIND
    assert page.workspace.project.kind_name(KIND) == "nuclei 2"
    for _ in range(3):
        page.workspace.undo()
    assert page.workspace.project.networks == ()
    page.refresh()
    assert page.buttons.button.isEnabled()


def test_the_kind_is_renamed_and_things_go_meanwhile(
    page: NetworkPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick")
    page.fit()
    workspace = page.workspace
    workspace.edit("Rename", edits.edit_kind, KIND, name="cells")
    workspace.edit("Delete", edits.delete_things, [next(workspace.project.images()).id])
    after = workspace.project
    finish(workspace)
    assert only(workspace).kind == KIND
    assert workspace.project.things is after.things
    assert texts(notifications) == []


def test_another_project_is_opened_meanwhile(
    page: NetworkPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("until_stopped")
    page.fit()
    page.workspace.open_project(new_project("next"))
    assert page.fitting.current is None
    finish(page.workspace)
    assert page.workspace.project.networks == ()
    assert texts(notifications) == [f"Fit {NAME}: stopped, since another project was opened"]


def test_who_leaves_the_project_is_asked_about_the_fit(
    page: NetworkPage, plays: Plays, answers: list[str], qtbot: QtBot
) -> None:
    plays("until_stopped")
    page.fit()
    qtbot.waitUntil(
        lambda: bool(page.fitting.current and page.fitting.current.history), timeout=9000
    )
    before = page.workspace.project
    answers.append("Go on fitting")
    assert not documents.new(page.workspace)
    assert page.fitting.current is not None
    assert page.workspace.project is before
    answers[:] = ["Stop and keep the best", "Cancel"]
    assert not documents.new(page.workspace)
    assert page.fitting.current is None
    assert [network.name for network in page.workspace.project.networks] == [NAME]
    answers.append("Don't save")
    assert documents.new(page.workspace)
    assert page.workspace.project.networks == ()


def test_a_result_finds_its_place_in_the_current_project() -> None:
    project = edits.create_kind(nuclei_project([1], 96, 5), "other")
    other = project.find_kind("other").id
    taken = edits.put_network(project, SegmentationNetwork(NAME, other))
    after = keep_network(taken, SegmentationNetwork(NAME, KIND), "nuclei")
    assert [(n.name, n.kind) for n in after.networks] == [(NAME, other), ("U-Net 2", KIND)]


# --- networks of the project ----------------------------------------------------------------------


@pytest.fixture
def fitted(page: NetworkPage, plays: Plays, finish: Wait) -> NetworkPage:
    plays("quick")
    page.fit()
    finish(page.workspace)
    return page


def test_a_fit_is_scored_on_what_it_has_held_out(
    page: NetworkPage, plays: Plays, finish: Wait
) -> None:
    plays("quick", judged=True)
    page.fit()
    finish(page.workspace)
    network, project = only(page.workspace), page.workspace.project
    (held,) = split_of(network).validation
    (score,) = network.scores
    assert (score.partition, score.images, score.run) == ("Validation", 1, 0)
    assert score.annotated == sum(1 for _ in project.annotations(held))
    assert page.workspace.session.undo_label == f"Evaluate {NAME}"
    page.workspace.undo()
    assert only(page.workspace).scores == ()


def test_the_score_of_a_network_that_has_gone_is_dropped(
    page: NetworkPage, plays: Plays, finish: Wait, notifications: list[Notification]
) -> None:
    plays("quick", judged=True)

    def delete(job: Job) -> None:
        if job.title == f"Evaluate {NAME}":
            page.workspace.edit("Delete", edits.delete_network, NAME)

    page.workspace.jobs.started.connect(delete)
    page.fit()
    finish(page.workspace)
    assert page.workspace.project.networks == ()
    assert texts(notifications) == []


def test_nothing_is_scored_where_nothing_is_held_out(
    page: NetworkPage, plays: Plays, finish: Wait
) -> None:
    plays("quick", judged=True)
    page.choice.set_settings(replace(page.choice.settings, training_percentage=1.0))
    page.fit()
    finish(page.workspace)
    assert only(page.workspace).scores == ()


def test_a_fit_is_deleted_from_the_list_and_undo_brings_it_back(
    fitted: NetworkPage, finish: Wait
) -> None:
    page = fitted
    page.refresh()
    page.fit()
    finish(page.workspace)
    page.refresh()
    first, second = only(page.workspace).runs
    tree = page.curves.runs.tree
    tree.setCurrentItem(tree.topLevelItem(1))
    page.curves.runs.delete.trigger()
    assert only(page.workspace).runs == (second,)
    page.refresh()
    assert [curves.run for curves in page.curves.curves] == [second]
    assert page.workspace.session.undo_label == f"Delete fit 1 of {NAME}"
    page.workspace.undo()
    assert only(page.workspace).runs == (first, second)


def test_rename_duplicate_delete(fitted: NetworkPage, notifications: list[Notification]) -> None:
    page, picker = fitted, fitted.picker
    picker.name.setText("a.b")
    picker.name.textEdited.emit("a.b")
    assert "cannot name" in picker.name.trouble.text()
    picker.name.setText("Fine one")
    picker.name.textEdited.emit("Fine one")
    picker.name.editingFinished.emit()
    page.refresh()
    assert only(page.workspace).name == "Fine one"
    assert picker.networks.currentText() == "Fine one · F1 0.60"
    do = picker.menu.actions_of
    do.duplicate()
    do.duplicate()
    names = [network.name for network in page.workspace.project.networks]
    assert names == ["Fine one", "Fine one copy", "Fine one copy copy"]
    do.delete()
    assert len(page.workspace.project.networks) == 2
    assert page.choice.network is None
    page.workspace.undo()
    assert len(page.workspace.project.networks) == 3
    assert texts(notifications) == ["“Fine one copy copy” is deleted; undo brings it back"]


def test_the_menu_offers_what_can_be_done(fitted: NetworkPage) -> None:
    menu = fitted.picker.menu
    menu.fill()
    assert all(action.isEnabled() for action in menu.actions() if action.text())
    fitted.choice.choose(None)
    menu.fill()
    enabled = [action.text() for action in menu.actions() if action.text() and action.isEnabled()]
    assert enabled == ["Open network file…"]


def test_save_as_files_and_open_again(
    page: NetworkPage,
    finish: Wait,
    tmp_path: Path,
    answers: list[str],
    notifications: list[Notification],
) -> None:
    from tests.io.networks import network

    page.workspace.edit("x", edits.put_network, replace(network(), kind=KIND, name="small"))
    page.choice.choose("small")
    do, path = page.picker.menu.actions_of, tmp_path / "small.json"
    do.save_to(only(page.workspace), path)
    finish(page.workspace)
    assert read_network(path).settings == only(page.workspace).settings
    do.read(path)
    finish(page.workspace)
    assert [n.name for n in page.workspace.project.networks] == ["small", "small 2"]
    assert page.workspace.project.networks[-1].kind == KIND
    assert page.choice.network is page.workspace.project.networks[-1]
    assert texts(notifications) == ["Saved small.json and small.weights.bin"]
    path.unlink()
    answers.append("Cancel")
    assert do.save_to(only_named(page.workspace, "small"), path) is None
    (tmp_path / "bad.json").write_text("{}")
    do.read(tmp_path / "bad.json")
    finish(page.workspace)
    assert len(page.workspace.project.networks) == 2
    assert len(notifications) == 2


def only_named(workspace: Workspace, name: str) -> SegmentationNetwork:
    return workspace.project.find_network(name)


def test_find_objects_with_it(fitted: NetworkPage, panel: SegmentationPanel) -> None:
    fitted.outcome.next.click()
    assert panel.pages.currentIndex() == 0
    segmenter = panel.choice.segmenter
    assert segmenter is not None
    assert segmenter.key == "own"
    assert panel.choice.network is only(fitted.workspace)
    assert panel.choice.kind == "nuclei"
    request = panel.choice.request()
    assert request.network is only(fitted.workspace)
    assert request.channels == (0,)


def test_runs_are_there_again_when_the_project_is_opened(
    fitted: NetworkPage, tmp_path: Path, qtbot: QtBot
) -> None:
    workspace = fitted.workspace
    path = tmp_path / "nuclei.zip"
    weightless = replace(only(workspace), model=None)
    write_bundle(edits.put_network(workspace.project, weightless), path)
    workspace.open_project(read_bundle(path))
    fitted.refresh()
    assert [c.title for c in fitted.curves.curves] == [f"{NAME} · fit 1"]
    choose(fitted.picker.networks, NAME)
    fitted.refresh()
    assert fitted.picker.missing.isVisible()
    assert fitted.outcome.isHidden(), "without its files it finds nothing"
    assert not fitted.buttons.go_on.isVisible()
    assert fitted.buttons.button.isEnabled()


def test_hostile_names(page: NetworkPage, finish: Wait, plays: Plays) -> None:
    plays("quick")
    name = "<b>" + "x" * 300 + "\n%s"
    page.workspace.edit("x", edits.edit_kind, KIND, name=name)
    page.refresh()
    assert len(page.picker.kinds.currentText()) < 80
    assert page.minimumSizeHint().width() < 360
    page.choice.set_name("<i>50% of " + "y" * 200)
    page.fit()
    finish(page.workspace)
    page.refresh()
    assert only(page.workspace).name.startswith("<i>50%")
    assert page.minimumSizeHint().width() < 360
    widgets = [w for w in page.findChildren(QWidget) if w.isVisible()]
    assert all("<i>" not in w.toolTip() or w.toolTip().startswith("<span>") for w in widgets)
