"""The page Find objects: what it shows, remembers, asks and refuses."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QApplication, QComboBox, QDoubleSpinBox, QWidget
from tests.segment.trained_star import STAR
from tests.ui.gallery_project import hands
from tests.ui.segment_stage import Above, Slow, dots, find, install, project_of, segmenter

from napari_piximi.model import edits
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.things import Annotation
from napari_piximi.model.training import ModelArtifact
from napari_piximi.progress import Progress
from napari_piximi.segment import catalog
from napari_piximi.segment.catalog import Plane, as_used
from napari_piximi.segment.found import Found
from napari_piximi.segment.running import ABSENT
from napari_piximi.ui import (
    preferences,
    segment_preview,
    segmenter_facts,
    sending_dialog,
    weights_dialog,
)
from napari_piximi.ui.layer_view import camera_of
from napari_piximi.ui.segment_choice import SegmenterChoice, settings_of
from napari_piximi.ui.segment_consent import host_of
from napari_piximi.ui.segment_page import NO_IMAGE, NOT_ADDED, SegmentPage
from napari_piximi.ui.segment_where import Where
from napari_piximi.ui.segmentation_panel import SegmentationPanel
from napari_piximi.ui.workspace import Workspace

Wait = Callable[[Workspace], None]
Sent = tuple[str, str, int, int]
BREAK = "\u200b"
REAL = catalog.segmenters()

NUCLEI = segmenter("nuclei", place="networks", channels=("cytoplasm", "nuclei?"), kind="nucleus")
ABSENTEE = segmenter("absentee", package="no-such-package-anywhere>=2")
SORTS = segmenter("sorts", classes=("cat", "dog"))


@pytest.fixture
def page(workspace: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> SegmentPage:
    """Return the page, with the first of two images on show."""
    install(monkeypatch, segmenter(), NUCLEI, ABSENTEE, SORTS)
    panel = SegmentationPanel(workspace.viewer)
    qtbot.addWidget(panel)
    workspace.open_project(project_of(dots(200, 250), dots(180)))
    workspace.show("image-0")
    panel.resize(360, 900)
    panel.show()
    made = panel.page("Find objects")
    assert isinstance(made, SegmentPage)
    made.refresh()
    return made


def choose(box: QComboBox, row: int) -> None:
    box.setCurrentIndex(row)
    box.activated.emit(row)


def pick(page: SegmentPage, key: str) -> None:
    choose(page.segmenter.box, page.segmenter.box.findData(key))


def where(page: SegmentPage, chosen: Where) -> None:
    choose(page.target.where, page.target.where.findData(chosen))


def found(page: SegmentPage) -> list[str]:
    project = page.workspace.project
    kinds = (t.kind for t in project.things.values() if isinstance(t, Annotation))
    return sorted(project.kind_name(kind) for kind in kinds)


def level(page: SegmentPage) -> QDoubleSpinBox:
    control = page.forms[page.choice.segmenter.key].editor("level").control  # type: ignore[union-attr]
    assert isinstance(control, QDoubleSpinBox)
    return control


def run(page: SegmentPage, finish: Wait) -> None:
    assert page.buttons.button.isEnabled(), page.buttons.button.toolTip()
    page.buttons.button.click()
    finish(page.workspace)
    finish(page.workspace)
    page.refresh()


# --- what is offered --------------------------------------------------------------------------


def test_segmenters_are_listed_with_what_they_lack(page: SegmentPage) -> None:
    box = page.segmenter.box
    assert [box.itemText(row) for row in range(box.count())] == [
        "Quick", "Nuclei", "Absentee (not installed)", "Sorts"
    ]  # fmt: skip
    assert page.segmenter.summary.text() == "What quick is for."
    assert page.segmenter.trouble.isHidden()
    pick(page, "absentee")
    assert "pip install no-such-package-anywhere" in page.segmenter.trouble.text().replace(
        BREAK, ""
    )
    assert not page.buttons.button.isEnabled()
    assert not page.buttons.look.isEnabled()
    page.segmenter.copy.click()
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == "pip install no-such-package-anywhere>=2"


def test_what_a_segmenter_needs(page: SegmentPage, monkeypatch: pytest.MonkeyPatch) -> None:
    page.segmenter.about.button.click()
    facts = page.segmenter.facts
    assert facts["Takes"].text() == "1 channel: objects"
    assert facts["Licence"].text() == "BSD-3-Clause"
    pick(page, "nuclei")
    assert facts["Takes"].text() == "2 channels: cytoplasm, nuclei (if there are any)"
    page.segmenter.cite.click()
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == "Nobody, 2026"
    pick(page, "sorts")
    assert facts["Finds"].text() == "2 sorts (cat, dog), each a kind of its own"
    weights = segmenter_facts.facts(segmenter(weights="stardist-fluo"))
    assert dict(weights)["Download"].startswith("5.8 MB once, from raw.githubusercontent.com")


def test_the_choice_is_remembered(
    page: SegmentPage, workspace: Workspace, qtbot: QtBot, finish: Wait
) -> None:
    pick(page, "nuclei")
    level(page).setValue(0.25)
    page.target.kind.setEditText("Cell nuclei")
    where(page, Where.ALL)
    page.target.adds.click()
    panel = SegmentationPanel(workspace.viewer)
    qtbot.addWidget(panel)
    panel.show()
    again = panel.page("Find objects")
    assert isinstance(again, SegmentPage)
    assert again.segmenter.box.currentText() == "Nuclei"
    assert level(again).value() == 0.25
    assert again.target.kind.currentText() == "Cell nuclei"
    assert again.target.images is Where.ALL
    assert again.target.adds.isChecked()
    pick(again, "quick")
    assert level(again).value() == 0.5
    assert again.target.kind.currentText() == "blob"


def test_settings_go_back(page: SegmentPage) -> None:
    level(page).setValue(0.9)
    group = page.forms["quick"].groups["Level"]
    assert "1 changed" in group.button.text()
    group.back.click()
    assert level(page).value() == 0.5
    assert page.choice.settings == page.choice.settings.__class__()


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({"level": 0.25, "method": "fine"}, (0.25, "fine")),
        ({"level": 1, "unknown": 3}, (1, "plain")),
        ({"level": 7.0, "method": "odd"}, (0.5, "plain")),
        ({"level": "0.3"}, (0.5, "plain")),
        ({"level": True}, (0.5, "plain")),
        ({"level": float("nan")}, (0.5, "plain")),
        ([1, 2], (0.5, "plain")),
    ],
)
def test_kept_settings_are_checked(kept: object, expected: tuple[float, str]) -> None:
    start = segmenter().settings()
    got = settings_of(start, kept)
    assert (got.level, got.method) == expected


def test_the_thresholds_shown_are_those_of_the_users_network(
    page: SegmentPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stardist = REAL["stardist-fluo"]
    install(monkeypatch, segmenter(), stardist)
    page.refresh()
    pick(page, stardist.key)
    form, choice = page.forms[stardist.key], page.choice

    def box(name: str) -> QDoubleSpinBox:
        control = form.editor(name).control
        assert isinstance(control, QDoubleSpinBox)
        return control

    def shown() -> tuple[str, str]:
        return box("probability").text(), box("overlap").text()

    def name_network(path: str) -> None:
        form.editor("model").changed.emit(path)

    objects = form.groups["Objects"]
    assert shown() == ("47.9 %", "30.0 %")
    name_network(str(STAR))
    assert shown() == ("59.6 %", "40.0 %")
    assert choice.settings == as_used(stardist, choice.request().settings)
    assert objects.back.isHidden(), "nothing is called changed"
    box("overlap").setValue(30)
    assert shown() == ("59.6 %", "30.0 %")
    used = as_used(stardist, choice.request().settings)
    assert (used.probability, used.overlap) == (0.5963180065155029, 0.3)
    assert not objects.back.isHidden()

    name_network("")
    assert shown() == ("47.9 %", "30.0 %")
    name_network(str(STAR))
    assert shown() == ("59.6 %", "30.0 %"), "what the user set stays"
    again = SegmenterChoice(page.workspace)
    assert again.settings == choice.settings, "and is remembered"
    assert again.request() == choice.request()
    objects.back.click()
    assert shown() == ("59.6 %", "40.0 %")
    name_network("")
    assert shown() == ("47.9 %", "30.0 %")


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({"overlap": None, "probability": 0.5}, (0.5, None)),
        ({"overlap": 2.0, "probability": "0.5"}, (None, None)),
        ({"overlap": True}, (None, None)),
    ],
)
def test_kept_thresholds_are_checked(
    kept: object, expected: tuple[float | None, float | None]
) -> None:
    got = settings_of(REAL["stardist-fluo"].settings(), kept)
    assert (got.probability, got.overlap) == expected


def test_channels(page: SegmentPage, workspace: Workspace, finish: Wait) -> None:
    pick(page, "nuclei")
    assert page.choice.channels == (0, ABSENT)
    page.channels.boxes[1].setCurrentIndex(page.channels.boxes[1].findData(0))
    page.channels.boxes[1].activated.emit(1)
    assert page.choice.channels == (0, 0)
    pick(page, "quick")
    pick(page, "nuclei")
    assert page.choice.channels == (0, 0), "remembered"
    workspace.open_project(project_of(np.zeros((1, 8, 8, 3), np.uint8)))
    assert page.choice.channels[1] == 2, "a project of three channels is another matter: blue"


def test_no_image_says_what_to_do_first(page: SegmentPage, workspace: Workspace) -> None:
    workspace.open_project(project_of())
    page.refresh()
    assert page.buttons.trouble.text().replace(BREAK, "") == NO_IMAGE
    assert not page.buttons.trouble.isHidden()
    assert not page.buttons.button.isEnabled()
    assert not page.buttons.look.isEnabled()
    page.find_objects()
    page.toggle_preview()
    assert workspace.jobs.running == []


def test_where(page: SegmentPage, workspace: Workspace) -> None:
    texts = [page.target.where.itemText(row) for row in range(3)]
    assert texts == ["The shown image", "Selected images (0)", "All images (2)"]
    where(page, Where.SELECTED)
    assert "No image is selected" in page.buttons.trouble.text()
    workspace.gallery.select(["image-1"])
    page.refresh()
    assert page.target.where.currentText() == "Selected images (1)"
    assert page.buttons.button.text() == "Find objects on 1 image"
    where(page, Where.ALL)
    assert page.buttons.button.text() == "Find objects on 2 images"
    where(page, Where.SHOWN)
    workspace.shown = None
    workspace.shown_changed.emit()
    page.refresh()
    assert "No image is on show" in page.buttons.trouble.text()


def test_the_images_of_selected_objects(page: SegmentPage, finish: Wait) -> None:
    run(page, finish)
    workspace = page.workspace
    kind = workspace.project.find_kind("blob").id
    workspace.gallery.set_query(replace(workspace.gallery.query, kind=kind))
    workspace.gallery.select(list(workspace.gallery.ids))
    page.refresh()
    assert page.target.where.itemText(1) == "Selected images (1)"


def test_planes_only_of_stacks(page: SegmentPage, workspace: Workspace, finish: Wait) -> None:
    assert page.target.planes.isHidden()
    workspace.open_project(project_of(np.concatenate([dots(200), dots(190, 191)])))
    workspace.show("image-0")
    page.refresh()
    assert not page.target.planes.isHidden()
    assert page.target.planes.itemText(0) == "The plane on show (1)"
    run(page, finish)
    assert found(page) == ["blob"]
    choose(page.target.planes, 1)
    assert page.target.there.text() == "1 there"
    run(page, finish)
    assert found(page) == ["blob"] * 3


# --- finding ----------------------------------------------------------------------------------


def test_what_was_found_is_shown_in_the_gallery(page: SegmentPage, finish: Wait) -> None:
    button, gallery = page.buttons.look_at, page.workspace.gallery
    assert button.isHidden()
    gallery.set_query(replace(gallery.query, labelled=True))
    run(page, finish)
    assert button.text() == "Show blob in the Gallery →"
    button.click()
    assert gallery.query.kind == page.workspace.project.find_kind("blob").id
    assert len(gallery.ids) == 2
    page.workspace.edit("Rename", edits.edit_kind, gallery.query.kind, name="dots & more")
    page.refresh()
    assert button.text() == "Show dots && more in the Gallery →"
    page.workspace.undo()
    page.workspace.undo()
    page.refresh()
    assert button.isHidden()
    button.click()
    assert gallery.query.kind == "Image"
    page.workspace.redo()
    page.refresh()
    assert not button.isHidden()
    page.workspace.open_project(project_of(dots(200)))
    page.refresh()
    assert button.isHidden()


def test_find_again_and_undo(page: SegmentPage, finish: Wait) -> None:
    assert not page.target.replaces.isVisible()
    run(page, finish)
    assert found(page) == ["blob", "blob"]
    assert page.target.there.text() == "2 there"
    assert page.target.replaces.isVisible()
    assert page.target.replaces.isChecked()
    run(page, finish)
    assert len(found(page)) == 2
    page.target.adds.click()
    run(page, finish)
    assert len(found(page)) == 4
    for _ in range(3):
        page.workspace.undo()
    page.refresh()
    assert found(page) == []
    assert not page.target.replaces.isVisible()


def test_replace_warns_of_labels_and_is_no_default_for_them(
    page: SegmentPage, finish: Wait, qtbot: QtBot
) -> None:
    run(page, finish)
    assert page.target.replaces.isChecked()
    assert page.target.labelled.isHidden()
    workspace = page.workspace
    kind = workspace.project.find_kind("blob").id
    workspace.edit("Category", edits.create_category, kind, "large")
    large = workspace.project.known_categories(kind)[0]
    one = next(workspace.project.annotations())
    workspace.edit("Label", edits.categorize, [one.id], large)
    page.refresh()
    assert page.target.there.text() == "2 there"
    assert page.target.adds.isChecked()
    text = page.target.labelled.text
    assert text() == "1 of them has a category: Replace would take it away"
    assert page.target.labelled.isVisible()
    run(page, finish)
    assert len(found(page)) == 4
    page.target.replaces.click()
    assert text() == "⚠ 1 of them has a category: Replace takes it away"
    again = SegmentationPanel(workspace.viewer)
    qtbot.addWidget(again)
    other = again.page("Find objects")
    assert isinstance(other, SegmentPage)
    assert other.target.replaces.isChecked()
    assert text() == other.target.labelled.text()
    run(page, finish)
    assert len(found(page)) == 2
    assert "brings them back" in page.target.replaces.toolTip()


def test_a_kind_is_remembered_where_it_is_of_use(page: SegmentPage, finish: Wait) -> None:
    page.target.kind.setEditText("cells")
    run(page, finish)
    assert found(page) == ["cells", "cells"]
    kept = page.workspace.project
    page.workspace.open_project(project_of(dots(200)))
    page.refresh()
    assert page.target.kind.currentText() == "blob", "cells were of another project"
    page.workspace.open_project(kept)
    page.refresh()
    assert page.target.kind.currentText() == "cells"


def test_a_preview_that_is_not_possible_says_why(
    page: SegmentPage, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, slow = page.buttons.look, Slow()
    assert look.toolTip().startswith("Show what would be found")
    pick(page, "absentee")
    assert not look.isEnabled()
    assert "is not installed" in look.toolTip().replace(BREAK, "")
    install(monkeypatch, segmenter(find=slow))
    pick(page, "quick")
    page.buttons.button.click()
    assert not look.isEnabled()
    assert "being found" in look.toolTip()
    slow.go.release()
    finish(page.workspace)
    page.refresh()
    assert look.isEnabled()
    page.workspace.open_project(project_of())
    page.refresh()
    assert not look.isEnabled()
    assert "No image is on show" in look.toolTip().replace(BREAK, "")


def test_a_grey_channel_for_what_was_made_for_colours(
    page: SegmentPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page.grey.isHidden()
    colors = ("red", "green", "blue")
    install(monkeypatch, segmenter(channels=colors, color=True), segmenter("any", channels=colors))
    page.refresh()
    assert not page.grey.isHidden()
    assert "Quick was made for colour images" in page.grey.text()
    pick(page, "any")
    assert page.grey.isHidden()
    pick(page, "quick")
    page.workspace.open_project(project_of(np.zeros((1, 8, 8, 3), np.uint8)))
    page.refresh()
    assert page.grey.isHidden()
    made = [key for key, known in REAL.items() if known.color]
    assert made == ["coco-ssd", "glas", "stardist-vhe"]
    assert "Works on" in dict(segmenter_facts.facts(REAL["bioengine"]))


def test_the_kind_is_chosen_or_new(page: SegmentPage, finish: Wait) -> None:
    assert page.target.kind.currentText() == "blob"
    assert "a new one" in page.target.kind.toolTip()
    page.target.kind.setFocus()
    page.target.kind.lineEdit().selectAll()  # type: ignore[union-attr]
    hands.keyClicks(page.target.kind, "Coins")
    run(page, finish)
    assert found(page) == ["Coins", "Coins"]
    assert "a new one" not in page.target.kind.toolTip()
    assert page.target.kind.findText("Coins") >= 0
    for name in ("", "  ", "image"):
        page.target.kind.setEditText(name)
        page.refresh()
        assert "Objects become" in page.buttons.trouble.text()
        assert not page.buttons.button.isEnabled()


def test_sorts_have_kinds_of_their_own(page: SegmentPage) -> None:
    pick(page, "sorts")
    assert page.target.kind.isHidden()
    assert not page.target.classes.isHidden()
    assert "cat, dog" in page.target.classes.toolTip()


def test_stop_and_progress(
    page: SegmentPage, finish: Wait, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()
    install(monkeypatch, segmenter(find=slow))
    where(page, Where.ALL)
    page.buttons.button.click()
    assert page.buttons.button.text() == "Stop"
    assert not page.buttons.look.isEnabled()
    slow.go.release()
    qtbot.waitUntil(lambda: "Image 2 of 2" in page.buttons.line.text())
    assert page.buttons.bar.isVisible()
    page.buttons.button.click()
    assert page.buttons.button.text() == "Stopping…"
    assert not page.buttons.button.isEnabled()
    finish(page.workspace)
    assert page.buttons.button.text() == "Find objects on 2 images"
    assert page.buttons.bar.isHidden()
    assert found(page) == ["blob", "blob"]


def test_keys(page: SegmentPage, finish: Wait, qtbot: QtBot) -> None:
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    page.setFocus()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    hands.keyClick(page.segmenter.box, Qt.Key.Key_Return, both)
    finish(page.workspace)
    assert page.preview.shown
    hands.keyClick(page.segmenter.box, Qt.Key.Key_Return, both)
    assert not page.preview.shown
    hands.keyClick(page.segmenter.box, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    finish(page.workspace)
    assert found(page) == ["blob", "blob"]


# --- preview ----------------------------------------------------------------------------------


def test_a_preview_follows_each_change(page: SegmentPage, finish: Wait, qtbot: QtBot) -> None:
    level(page).setValue(0.9)
    assert not page.preview.running, "after a rest"
    qtbot.waitUntil(lambda: page.preview.shown)
    assert page.buttons.found.text().startswith("1 object, diameter ")
    assert page.buttons.look.text() == "Hide preview"
    level(page).setValue(0.1)
    qtbot.waitUntil(lambda: page.buttons.found.text().startswith("2 objects,"))
    page.workspace.show("image-1")
    assert not page.preview.shown
    qtbot.waitUntil(lambda: page.buttons.found.text().startswith("1 object, diameter "))
    page.buttons.look.click()
    assert not page.preview.shown
    page.workspace.show("image-0")
    qtbot.wait(300)
    assert not page.preview.shown, "hidden for good"


def test_without_live_it_waits_for_a_press(page: SegmentPage, finish: Wait, qtbot: QtBot) -> None:
    page.buttons.follow.setChecked(False)
    level(page).setValue(0.9)
    qtbot.wait(250)
    assert not page.preview.running
    page.buttons.look.click()
    finish(page.workspace)
    assert page.preview.shown
    level(page).setValue(0.8)
    assert not page.preview.shown, "what is shown would not be what is set"
    page.refresh()
    assert "press Preview again" in page.buttons.found.text()


@pytest.mark.parametrize("live", [True, False])
def test_a_live_preview_follows_the_view_of_a_large_image(
    page: SegmentPage, finish: Wait, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, live: bool
) -> None:
    monkeypatch.setattr(segment_preview, "MOST", 16)
    page.buttons.follow.setChecked(live)
    (channel, *_), camera = page.workspace.layers.layers(), camera_of(page.workspace.viewer)
    channel.corner_pixels = np.array([[0, 0], [10, 10]])
    page.buttons.look.click()
    finish(page.workspace)
    before = page.buttons.found.text()
    assert before.startswith("2 objects in the part in view,")
    camera.center = (0.0, 20.0, 20.0)
    channel.corner_pixels = np.array([[16, 16], [32, 32]])
    if live:
        qtbot.waitUntil(lambda: page.buttons.found.text().startswith("No object in the part in"))
    else:
        qtbot.waitUntil(
            lambda: page.buttons.found.text() == before.replace("in v", "that was in v")
        )
        qtbot.wait(300)
        assert page.preview.shown, "it took its time, and can still be looked at"
    page.panel.hide()
    camera.center = (0.0, 5.0, 5.0)
    qtbot.wait(300)
    assert not page.preview.shown


def test_only_quick_ones_are_live(page: SegmentPage) -> None:
    assert not page.buttons.follow.isHidden()
    pick(page, "nuclei")
    assert page.buttons.follow.isHidden()


def test_a_run_takes_the_preview_away(page: SegmentPage, finish: Wait) -> None:
    page.buttons.look.click()
    finish(page.workspace)
    assert page.preview.shown
    run(page, finish)
    assert not page.preview.shown
    assert "Piximi preview" not in [layer.name for layer in page.workspace.viewer.layers]


def test_another_page_takes_it_away_too(page: SegmentPage, finish: Wait) -> None:
    page.buttons.look.click()
    finish(page.workspace)
    page.panel.hide()
    assert not page.preview.shown
    page.panel.show()
    assert page.buttons.look.text() == "Preview"


def test_a_name_does_not_disturb_the_preview(page: SegmentPage, finish: Wait) -> None:
    page.buttons.look.click()
    finish(page.workspace)
    layer = page.preview.layer
    page.target.kind.setEditText("Else")
    assert page.preview.layer is layer
    assert not page.preview.running


# --- consent ----------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """Note what is asked before pixels are sent; the answers are those of `agreed`."""
    notes: list[Sent] = []

    def ask(title: str, host: str, images: int, size: int, _parent: QWidget) -> tuple[bool, bool]:
        notes.append((title, host, images, size))
        return AGREED[0]

    monkeypatch.setattr(sending_dialog, "ask_sending", ask)
    return notes


AGREED = [(False, False)]


def test_pixels_leave_only_when_the_user_agrees(
    page: SegmentPage, finish: Wait, monkeypatch: pytest.MonkeyPatch, asked: list[Sent]
) -> None:
    install(monkeypatch, segmenter(remote=True))
    page.refresh()
    assert page.buttons.follow.isHidden(), "nothing is sent without a press"
    where(page, Where.ALL)
    page.find_objects()
    page.toggle_preview()
    host = "the server of Quick"
    assert asked == [("Quick", host, 2, 2 * 32 * 32), ("Quick", host, 1, 32 * 32)]
    assert page.workspace.jobs.running == []
    assert found(page) == []
    AGREED[0] = (True, False)
    run(page, finish)
    run(page, finish)
    assert len(asked) == 4, "each time"
    AGREED[0] = (True, True)
    run(page, finish)
    run(page, finish)
    assert len(asked) == 5
    page.workspace.open_project(project_of(dots(200)))
    page.refresh()
    run(page, finish)
    assert len(asked) == 6, "another project"
    AGREED[0] = (False, False)


def test_the_host_is_that_of_the_address() -> None:
    from napari_piximi.segment.segmenters.bioengine import SEGMENTERS

    assert host_of(SEGMENTERS[0], SEGMENTERS[0].settings()) == "ai.imjoy.io"


def test_weights_are_asked_for_first(
    page: SegmentPage, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, questions = [5_000_000], []

    def ask(_workspace: Workspace, chosen: catalog.Segmenter, _parent: QWidget) -> bool:
        questions.append(chosen.key)
        if len(questions) > 1:
            missing[0] = 0
        return len(questions) > 1

    monkeypatch.setattr("napari_piximi.segment.weights.missing_bytes", lambda _key: missing[0])
    monkeypatch.setattr(weights_dialog, "ask_weights", ask)
    install(monkeypatch, segmenter(weights="stardist-fluo"))
    page.refresh()
    assert page.segmenter.box.itemText(0) == "Quick (5.0 MB download)"
    page.find_objects()
    assert (questions, page.workspace.jobs.running) == (["quick"], [])
    run(page, finish)
    assert questions == ["quick"] * 2
    assert found(page) == ["blob", "blob"]
    run(page, finish)
    assert questions == ["quick"] * 2


# --- networks of the project ------------------------------------------------------------------


def test_networks_of_the_project(
    page: SegmentPage, finish: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def ask(
        plane: Plane, settings: Above, progress: Progress, network: SegmentationNetwork
    ) -> Found:
        names.append(network.name)
        return find(plane, settings, progress)

    install(monkeypatch, segmenter("own", own=True, find=ask))
    page.refresh()
    assert "none trained yet" in page.segmenter.box.itemText(0)
    assert page.segmenter.train.isVisible()
    shown: list[str] = []
    monkeypatch.setattr(page.panel, "page", shown.append)
    page.segmenter.train.click()
    assert shown == ["Train your own"]
    assert not page.buttons.button.isEnabled()
    project = page.workspace.project
    project = edits.create_kind(project, "cell")
    kind = project.find_kind("cell").id
    model = ModelArtifact({}, b"")
    nets = tuple(SegmentationNetwork(f"Net {n}", kind, model=model) for n in (1, 2))
    page.workspace.session.apply(replace(project, networks=nets), "Networks")
    page.refresh()
    assert [page.segmenter.network.itemText(n) for n in (0, 1)] == ["Net 1", "Net 2"]
    assert page.segmenter.network.currentText() == "Net 2"
    assert not page.segmenter.train.isVisible()
    assert page.target.kind.currentText() == "cell"
    choose(page.segmenter.network, 0)
    run(page, finish)
    assert names == ["Net 1"]
    assert found(page) == ["cell", "cell"]


# --- looks ------------------------------------------------------------------------------------


def test_every_control_can_be_reached_and_is_named(page: SegmentPage, finish: Wait) -> None:
    run(page, finish)
    page.segmenter.about.button.setChecked(True)
    controls = [
        w
        for w in page.findChildren(QWidget)
        if isinstance(w, QAbstractButton | QComboBox | QDoubleSpinBox) and w.isVisible()
        and w.objectName() != "qt_spinbox_button"
    ]  # fmt: skip
    assert len(controls) > 10
    for control in controls:
        assert control.toolTip(), control
        assert control.accessibleName() or getattr(control, "text", str)(), control
        assert (
            control.focusPolicy() != Qt.FocusPolicy.NoFocus or "Reset" in control.accessibleName()
        )


def test_it_fits_into_a_narrow_dock(page: SegmentPage, finish: Wait) -> None:
    run(page, finish)
    for key in catalog.segmenters():
        pick(page, key)
        for group in page.forms[key].groups.values():
            group.button.setChecked(True)
        assert page.minimumSizeHint().width() <= 352
        assert page._column.minimumSize().width() <= 336  # a scroll bar takes its room


def test_the_real_segmenters_fit_too(
    workspace: Workspace, qtbot: QtBot, notifications: list[Notification]
) -> None:
    panel = SegmentationPanel(workspace.viewer)
    qtbot.addWidget(panel)
    workspace.open_project(project_of(dots(200, 250)))
    workspace.show("image-0")
    panel.resize(360, 900)
    panel.show()
    page = panel.page("Find objects")
    assert isinstance(page, SegmentPage)
    assert next(iter(catalog.segmenters())) == "threshold"
    for key, made in catalog.segmenters().items():
        page.choice.choose(key)
        assert page.segmenter.box.currentData() == key
        for group in page.forms[key].groups.values():
            group.button.setChecked(True)
            for name, editor in group.editors.items():
                assert editor.control.toolTip(), (key, name)
                assert editor.control.accessibleName() != name
        assert page.forms[key].settings == catalog.as_used(made, made.settings())
        assert page._column.minimumSize().width() <= 336, key
    assert preferences.get("segment/segmenter") == list(catalog.segmenters())[-1]


def test_layers_that_are_not_in_the_project(page: SegmentPage, workspace: Workspace) -> None:
    workspace.open_project(project_of())
    workspace.viewer.add_image(np.zeros((8, 8)))
    page.refresh()
    assert page.buttons.trouble.text().replace(BREAK, "") == NOT_ADDED


def test_a_kind_keeps_its_objects_when_it_is_renamed(page: SegmentPage, finish: Wait) -> None:
    run(page, finish)
    kind = page.workspace.project.find_kind("blob").id
    page.workspace.edit("Rename", edits.edit_kind, kind, name="grain")
    page.refresh()
    assert page.target.kind.currentText() == "grain"
    assert page.target.there.text() == "2 there"
    run(page, finish)
    assert found(page) == ["grain", "grain"]


def test_tab_goes_as_one_reads(page: SegmentPage) -> None:
    page.segmenter.about.button.setChecked(True)
    for key in ("nuclei", "quick", "sorts", "nuclei"):
        pick(page, key)
        for group in page.forms[key].groups.values():
            group.button.setChecked(True)
    order = [
        page.segmenter.box, page.segmenter.about.button, page.segmenter.cite,
        *page.channels.boxes, page.forms["nuclei"].groups["Level"].button, level(page),
        page.forms["nuclei"].groups["Way"].button, page.target.where, page.target.kind,
        page.buttons.look, page.buttons.button,
    ]  # fmt: skip
    places: list[QWidget] = [page.segmenter.box]
    while (after := places[-1].nextInFocusChain()) not in (None, page.segmenter.box):
        assert after is not None
        places.append(after)
    found_at = [places.index(control) for control in order]
    assert found_at == sorted(found_at)
