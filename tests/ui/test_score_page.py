"""The page Evaluate of the Segmentation dock: what is judged, kept, shown, exported, refused."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QAbstractButton, QComboBox
from tests.segment.nuclei import KIND, nuclei_project
from tests.ui.conftest import Wait
from tests.ui.pressing import press as press_key
from tests.ui.segment_stage import Above, Slow, install, segmenter

from napari_piximi.errors import EngineError, SegmentError
from napari_piximi.io.tfjs import EXTRA_KEY
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.segmentation import (
    ScoredImage,
    SegmentationNetwork,
    SegmentationScore,
    UNetSettings,
)
from napari_piximi.model.things import Annotation
from napari_piximi.model.training import LAYERS_FORMAT, ModelArtifact, Run
from napari_piximi.progress import Progress
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found, found_boxes
from napari_piximi.segment.segmenters.own import OwnSettings
from napari_piximi.ui import score_view
from napari_piximi.ui.score_page import ScorePage
from napari_piximi.ui.score_plan import ALL, HELD, SHOWN
from napari_piximi.ui.score_view import NO_ROWS, headline
from napari_piximi.ui.segmentation_panel import SegmentationPanel
from napari_piximi.ui.workspace import Workspace

NAME = "U-Net 1"


class Truth:
    """A segmenter that knows the truth, but for the images that it is told to fail on."""

    def __init__(self) -> None:
        self.project = new_project()
        self.failing: set[str] = set()
        self.missing = 0

    def __call__(self, plane: Plane, settings: object, progress: Progress, *_: object) -> Found:
        """Find all annotations of the image but for some."""
        progress(0, 1, "Looking")
        if plane.name in self.failing:
            raise SegmentError(f"{plane.name!r}: is of no use")
        (image,) = (i for i in self.project.images() if i.name == plane.name)
        if plane.pixels.shape[:2] != image.pixels.shape[1:3]:
            return found_boxes([])
        there = list(self.project.annotations(image.id))[self.missing :]
        boxes = np.array([a.bbox for a in there], np.int64).reshape(-1, 4)
        return Found(boxes, tuple(a.runs for a in there))


@pytest.fixture
def truth(monkeypatch: pytest.MonkeyPatch) -> Truth:
    found = Truth()
    own = segmenter("own", find=found, own=True, settings=OwnSettings, place="window")
    install(monkeypatch, segmenter("quick", find=found), own)
    return found


def with_network(project: Project) -> Project:
    """Add a network that has held out the last image."""
    *rest, last = [image.id for image in project.images()]
    split = {"training": rest, "validation": [last], "region": None}
    document = {"format": LAYERS_FORMAT, EXTRA_KEY: {"segmentation": {"split": split}}}
    run = Run(UNetSettings(), {"loss": (1.0,)})
    network = SegmentationNetwork(NAME, KIND, model=ModelArtifact(document, b""), runs=(run,))
    return edits.put_network(project, network)


@pytest.fixture
def page(workspace: Workspace, truth: Truth, qtbot: QtBot) -> ScorePage:
    """Return the page, for a project with three annotated images and a network."""
    truth.project = with_network(nuclei_project([1, 2, 3], 96, 5))
    workspace.open_project(truth.project)
    panel = SegmentationPanel(workspace.viewer)
    qtbot.addWidget(panel)
    panel.resize(360, 900)
    panel.show()
    made = panel.page("Evaluate")
    assert isinstance(made, ScorePage)
    return made


def texts(notifications: list[Notification]) -> list[str]:
    return [str(note.message) for note in notifications]


def choose(box: QComboBox, text: str) -> None:
    row = box.findText(text, Qt.MatchFlag.MatchContains)
    assert row >= 0, [box.itemText(i) for i in range(box.count())]
    box.setCurrentIndex(row)
    box.activated.emit(row)


def count(project: Project, image: str | None = None) -> int:
    return sum(1 for _ in project.annotations(image))


def press(page: ScorePage, finish: Wait) -> None:
    assert page.form.button.isEnabled(), page.form.trouble.text()
    page.form.button.click()
    finish(page.workspace)


# --- judging ------------------------------------------------------------------------------------


def test_what_the_other_page_is_set_to_is_judged_on_all_annotated_images(
    page: ScorePage, truth: Truth, finish: Wait, notifications: list[Notification]
) -> None:
    truth.missing = 1
    before = page.workspace.project
    assert page.form.segmenter.currentText() == "As on Find objects: Quick"
    assert page.form.images.currentText() == "All annotated (3 images)"
    assert page.empty.isVisible()
    press(page, finish)
    assert page.workspace.project is before, "scores of other segmenters change nothing"
    (entry,) = page.scoring.kept
    assert (entry.title, entry.kind, entry.score.partition) == ("Quick", KIND, ALL)
    objects = count(before)
    assert (entry.score.annotated, entry.score.found) == (objects, objects - 3)
    assert entry.score.matched == (objects - 3,) * 10
    assert [(row.annotated, row.found) for row in entry.score.rows] == [
        (count(before, image.id), count(before, image.id) - 1) for image in before.images()
    ]
    assert page.view.images.rowCount() == 3
    assert page.view.table.rowCount() == 10
    cell = page.view.table.item(0, 2)
    assert cell is not None
    assert cell.text() == f"{(objects - 3) / objects:.2f}"
    assert page.view.figures.text() == headline(entry)
    (line,) = page.view.chart.lines
    assert line.y.tolist() == list(entry.score.f1)
    assert line.x.tolist()[0] == 0.5
    assert texts(notifications) == []


def test_a_network_keeps_its_score_as_one_edit(page: ScorePage, finish: Wait) -> None:
    before = page.workspace.project
    page.form.choose_network(NAME)
    assert page.form.partition == HELD
    assert page.form.images.currentText() == f"Held out by {NAME} (1 image)"
    press(page, finish)
    (score,) = page.workspace.project.find_network(NAME).scores
    last = [image.id for image in before.images()][-1]
    assert (score.partition, score.images, score.annotated) == (HELD, 1, count(before, last))
    assert score.f1 == (1.0,) * 10
    assert score.run == 0
    assert page.workspace.session.undo_label == f"Evaluate {NAME}"
    assert page.view.judged is not None
    assert page.view.judged.score.rows[0].image == last
    page.workspace.undo()
    assert page.workspace.project is before
    assert page.empty.isVisible()
    page.workspace.redo()
    assert page.view.judged.score.rows, "image by image is still known"


def test_a_network_is_compared_with_another_way(
    page: ScorePage, truth: Truth, finish: Wait
) -> None:
    page.form.choose_network(NAME)
    press(page, finish)
    truth.missing = 2
    choose(page.form.segmenter, "As on")
    choose(page.form.images, "Held out")
    press(page, finish)
    assert [entry.name for entry in page.scoring.kept] == [
        f"Quick, {HELD}",
        f"{NAME}, {HELD}, run 1",
    ]
    page.view.compare.setCurrentIndex(1)
    assert [line.run for line in page.view.chart.lines] == [
        f"Quick, {HELD}",
        f"{NAME}, {HELD}, run 1",
    ]
    cell = page.view.table.item(0, 3)
    assert cell is not None
    assert cell.text().endswith("▼")
    assert "(-" in page.view.figures.text()
    page.list.setCurrentItem(page.list.topLevelItem(1))
    assert page.view.judged is not None
    assert page.view.judged.title == NAME


def test_the_newest_score_of_what_is_chosen_is_selected(page: ScorePage, finish: Wait) -> None:
    """After another fit its score is at the top, and it is the one that is shown."""
    page.form.choose_network(NAME)
    press(page, finish)
    (first,) = page.workspace.project.find_network(NAME).scores

    def shown() -> tuple[SegmentationScore | None, int]:
        current = page.list.indexOfTopLevelItem(page.list.currentItem())
        return page.view.judged.score if page.view.judged else None, current

    assert shown() == (first, 0)
    second = replace(first, run=1, matched=(1,) * 10)
    page.workspace.edit("Fit", edits.add_score, NAME, second)
    assert shown() == (second, 0)
    page.list.setCurrentItem(page.list.topLevelItem(1))
    page.refresh()
    assert shown() == (first, 1), "what was clicked stays"
    page.workspace.undo()
    page.workspace.redo()
    assert shown() == (second, 0)

    other = replace(page.workspace.project.find_network(NAME), name="U-Net 2", scores=(first,))
    page.workspace.edit("Another", edits.put_network, other)
    assert shown() == (second, 1)
    page.form.choose_network("U-Net 2")
    assert shown() == (first, 0)
    choose(page.form.segmenter, NAME)
    assert shown() == (second, 1)


def test_a_part_of_the_only_image(page: ScorePage, finish: Wait) -> None:
    project = page.workspace.project
    network = project.find_network(NAME)
    (image,) = [i.id for i in project.images()][-1:]
    document = {
        "format": LAYERS_FORMAT,
        EXTRA_KEY: {
            "segmentation": {
                "split": {"training": [image], "validation": [image], "region": [0, 0, 96, 48]}
            }
        },
    }
    changed = replace(network, model=ModelArtifact(document, b""))
    page.workspace.edit("x", edits.put_network, changed)
    page.form.choose_network(NAME)
    assert page.form.images.currentText() == f"Held out by {NAME} (a part of 1 image)"
    press(page, finish)
    (score,) = page.workspace.project.find_network(NAME).scores
    assert 0 < score.annotated < count(project, image)


def test_the_shown_image_and_a_click_on_a_row(page: ScorePage, finish: Wait) -> None:
    workspace = page.workspace
    images = [image.id for image in workspace.project.images()]
    choose(page.form.images, "The shown image")
    assert not page.form.button.isEnabled()
    assert "None of these images" in page.form.trouble.text()
    workspace.show(images[0])
    page.refresh()
    press(page, finish)
    assert [row.image for row in page.scoring.kept[0].score.rows] == images[:1]
    assert page.scoring.kept[0].score.partition == SHOWN
    choose(page.form.images, "All annotated")
    press(page, finish)
    item = page.view.images.item(2, 1)
    assert item is not None
    page.view.images.itemClicked.emit(item)
    assert workspace.shown == images[2]
    workspace.edit("Delete", edits.delete_things, [images[1]])
    item = page.view.images.item(1, 0)
    assert item is not None
    page.view.images.itemClicked.emit(item)
    assert workspace.shown == images[2]
    assert "not in the project any more" in page.view.caption.text()


# --- what is kept ---------------------------------------------------------------------------------


def test_scores_can_be_deleted(page: ScorePage, finish: Wait) -> None:
    press(page, finish)
    page.form.choose_network(NAME)
    press(page, finish)
    assert len(page.scoring.kept) == 2
    for row in (1, 0):
        page.list.setCurrentItem(page.list.topLevelItem(row))
        press_key(page.list, Qt.Key.Key_Delete)
    assert page.scoring.kept == []
    assert page.workspace.project.find_network(NAME).scores == ()
    page.workspace.undo()
    assert len(page.scoring.kept) == 1


def test_scores_of_a_project_that_was_opened(page: ScorePage, workspace: Workspace) -> None:
    score = SegmentationScore("Validation", 2, 10, 9, (8,) * 10, (0.9,) * 10, 0)
    before = workspace.project
    workspace.open_project(edits.add_score(before, NAME, score))
    page.refresh()
    assert page.list.topLevelItemCount() == 1
    assert page.view.caption.text() == NO_ROWS
    assert page.view.images.isHidden()
    row = ScoredImage("gone", "gone.tif", 3, 2, (1,) * 10, (0.9,) * 10)
    better = replace(score, rows=(row,))
    workspace.open_project(edits.add_score(before, NAME, better))
    page.refresh()
    assert page.view.caption.isHidden()
    cells = [page.view.images.item(0, column) for column in range(4)]
    assert [cell and cell.text() for cell in cells] == ["gone.tif", "3", "2", "0.400"]
    workspace.open_project(new_project())
    page.refresh()
    assert page.scoring.kept == []
    assert page.empty.isVisible()


def test_export(
    page: ScorePage, finish: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(page, finish)
    names: list[str] = []

    def choose_file(_parent: object, _title: str, name: str, suffix: str) -> Path:
        names.append(f"{name}.{suffix}")
        return tmp_path / f"score.{suffix}"

    monkeypatch.setattr(score_view, "choose_export", choose_file)
    for action in (page.view.csv, page.view.png):
        assert action is not None
        action.trigger()
    assert names == [f"Quick, {ALL}.csv", f"Quick, {ALL}.png"]
    with (tmp_path / "score.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    values = {(r["image"], r["figure"], r["threshold"]): r["value"] for r in rows}
    assert values["", "F1", "0.5"] == "1.0"
    assert {row["segmenter"] for row in rows} == {"Quick"}
    assert len({row["image"] for row in rows}) == 4
    picture = QImage(str(tmp_path / "score.png"))
    assert picture.width() == 1280
    assert len({picture.pixel(x, y) for x in range(0, 1280, 7) for y in range(0, 700, 7)}) > 2


# --- what goes wrong ------------------------------------------------------------------------------


def test_an_image_that_fails_does_not_count(
    page: ScorePage, truth: Truth, finish: Wait, notifications: list[Notification]
) -> None:
    first = next(page.workspace.project.images())
    truth.failing = {first.name}
    press(page, finish)
    (entry,) = page.scoring.kept
    assert entry.score.images == 2
    assert texts(notifications) == [
        f"1 image could not be segmented and does not count: {first.name!r}: is of no use"
    ]
    truth.failing = {image.name for image in page.workspace.project.images()}
    press(page, finish)
    assert len(page.scoring.kept) == 1
    assert len(notifications) == 2
    assert "No image could be segmented" in texts(notifications)[1]
    assert page.form.button.text() == "Evaluate"


@pytest.mark.parametrize("state", ["nothing", "no annotations"])
def test_nothing_to_compare_with(page: ScorePage, state: str) -> None:
    project = new_project()
    if state == "no annotations":
        project = page.workspace.project
        ids = [t.id for t in project.things.values() if isinstance(t, Annotation)]
        project = edits.delete_things(project, ids)
    page.workspace.open_project(project)
    page.refresh()
    assert not page.form.button.isEnabled()
    told = "Nothing is annotated yet" if state == "nothing" else "None of these images"
    assert page.form.trouble.text().startswith(told)


@pytest.fixture
def slow(page: ScorePage, monkeypatch: pytest.MonkeyPatch) -> Slow:
    found = Slow()
    own = segmenter(
        "own",
        find=lambda plane, _settings, progress, _network: found(plane, Above(), progress),
        own=True,
        settings=OwnSettings,
        place="window",
    )
    install(monkeypatch, segmenter("quick", find=found), own)
    return found


def test_stop_keeps_nothing(
    page: ScorePage, slow: Slow, finish: Wait, notifications: list[Notification], qtbot: QtBot
) -> None:
    page.form.button.click()
    qtbot.waitUntil(lambda: slow.begun.acquire(blocking=False))
    assert page.form.button.text() == "Stop"
    assert not page.form.kind.isEnabled()
    assert page.form.bar.isVisible()
    page.form.button.click()
    finish(page.workspace)
    assert page.scoring.kept == []
    assert texts(notifications) == ["The evaluation was stopped; nothing is kept of it"]
    assert page.form.button.isEnabled()
    assert page.form.bar.isHidden()


Edit = Callable[[Workspace], object]


@pytest.mark.parametrize("change", ["delete network", "delete kind", "rename kind"])
def test_the_project_changes_meanwhile(
    page: ScorePage,
    slow: Slow,
    finish: Wait,
    notifications: list[Notification],
    qtbot: QtBot,
    change: str,
) -> None:
    workspace = page.workspace
    page.form.choose_network(NAME)
    page.form.segmenter.activated.emit(1)
    page.form.button.click()
    qtbot.waitUntil(lambda: slow.begun.acquire(blocking=False))
    if change == "delete network":
        workspace.edit("Delete", edits.delete_network, NAME)
    elif change == "delete kind":
        workspace.edit("Delete", edits.delete_kind, KIND)
    else:
        workspace.edit("Rename", edits.edit_kind, KIND, name="cells")
    after = workspace.project
    slow.go.release()
    finish(workspace)
    if change == "rename kind":
        assert len(workspace.project.find_network(NAME).scores) == 1
        assert texts(notifications) == []
        return
    assert workspace.project is after
    assert [entry.title for entry in page.scoring.kept] == [NAME], "it stays listed"
    (told,) = texts(notifications)
    assert "was deleted or renamed while it was evaluated" in told


def test_another_project_is_opened_meanwhile(
    page: ScorePage, slow: Slow, finish: Wait, notifications: list[Notification], qtbot: QtBot
) -> None:
    page.form.button.click()
    qtbot.waitUntil(lambda: slow.begun.acquire(blocking=False))
    page.workspace.open_project(nuclei_project([4], 96, 5))
    assert not page.scoring.running
    finish(page.workspace)
    assert page.scoring.kept == []
    assert texts(notifications) == ["Evaluate Quick: stopped, since another project was opened"]


def test_a_dead_engine_is_told_and_nothing_is_lost(
    page: ScorePage, slow: Slow, finish: Wait, notifications: list[Notification]
) -> None:
    slow.failing["nuclei 1"] = EngineError("The process that computes was ended")
    slow.failing.update({i.name: slow.failing["nuclei 1"] for i in page.workspace.project.images()})
    slow.go.release()
    press(page, finish)
    (told,) = texts(notifications)
    assert told.startswith("Quick could not be evaluated, and nothing is lost: The process")
    assert page.form.button.isEnabled()


def test_all_controls_are_named_and_the_dock_stays_narrow(page: ScorePage, finish: Wait) -> None:
    page.workspace.edit("x", edits.edit_kind, KIND, name="<b>" + "k" * 200)
    page.workspace.edit("x", edits.rename_network, NAME, "<i>" + "n" * 200)
    page.refresh()
    press(page, finish)
    buttons = [b for b in page.findChildren(QAbstractButton) if b.isVisible()]
    boxes = [b for b in page.findChildren(QComboBox) if b.isVisible()]
    assert all(control.toolTip() for control in (*buttons, *boxes))
    assert all(button.accessibleName() or button.text() for button in buttons)
    assert all(box.accessibleName() for box in boxes)
    assert page.minimumSizeHint().width() < 360
