"""From the coins sample to objects, and from annotated nuclei to a network, in the real window.

The picture of each step is taken as in :mod:`tests.ui.test_story`; ``make screenshots`` renews
those of the documentation.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDockWidget, QWidget
from tests.io.tiny_bundle import without_pixels
from tests.segment import trained_coco, trained_glas
from tests.segment.coins import coins_truth
from tests.segment.collages import collage
from tests.segment.glands import KIND as GLANDS
from tests.segment.glands import glands_project
from tests.segment.nuclei import KIND, nuclei_project
from tests.segment.published import files_of
from tests.segment.trained_star import STAR
from tests.ui.conftest import Wait
from tests.ui.pressing import click
from tests.ui.segment_stage import project_of
from tests.ui.test_story import PICTURES, SHOTS, Shoot, User, shoot, user
from tests.ui.test_window import viewer, workspace

from napari_piximi.model import edits
from napari_piximi.model.labels import annotations_of, labels_of
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import (
    SegmentationNetwork,
    SegmentationScore,
    UNetSettings,
)
from napari_piximi.model.things import Image
from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment.segmenters.coco_ssd import CocoSettings
from napari_piximi.segment.segmenters.glas import GlasSettings
from napari_piximi.segment.segmenters.stardist import StarDistSettings
from napari_piximi.ui import documents
from napari_piximi.ui.docks import dock_name, show_dock, show_docks
from napari_piximi.ui.sample_data import open_sample
from napari_piximi.ui.segmentation_panel import SegmentationPanel

__all__ = ["shoot", "user", "viewer", "workspace"]

WARM = True
"""Let the dock start its engines; see ``cold`` in :mod:`tests.ui.conftest`."""

QUICK = UNetSettings() if SHOTS else UNetSettings(epochs=6, tiles=24, patience=0)
NAME = "U-Net 1"
COLLAGE = 1016
"""Seed of one that shows two persons and a cup."""


class Desk(User):
    """A user with the Segmentation dock open."""

    panel: SegmentationPanel

    def open(self) -> None:
        show_docks(self.workspace)
        self.qtbot.waitUntil(lambda: len(self.viewer.window.dock_widgets) >= 4)
        self.qtbot.wait(300)
        panel = show_dock(self.workspace, "Segmentation")
        assert isinstance(panel, SegmentationPanel)
        self.panel = panel
        self.qtbot.waitUntil(panel.isVisible)
        self.viewer.window._qt_window.resizeDocks(
            [self.frame("Segmentation"), self.frame("Categories")],
            [680, 140],
            Qt.Orientation.Vertical,
        )
        self.qtbot.wait(100)

    def frame(self, name: str) -> QDockWidget:
        """Return the dock widget that a dock lies in."""
        found: QWidget | None = self.viewer.window.dock_widgets[dock_name(name)]
        while found is not None and not isinstance(found, QDockWidget):
            found = found.parentWidget()
        assert isinstance(found, QDockWidget)
        return found

    def page(self, name: str) -> Any:  # noqa: ANN401
        page = self.panel.page(name)
        self.qtbot.wait(150)
        return page

    def press_button(self, button: QWidget) -> None:
        self.qtbot.wait(250)
        assert button.isVisible()
        assert button.isEnabled(), button.toolTip()
        click(button, button.rect().center())
        self.finish(self.workspace)
        self.qtbot.wait(150)

    def choose(self, box: QComboBox, text: str) -> None:
        row = next(i for i in range(box.count()) if text in box.itemText(i))
        box.setCurrentIndex(row)
        box.activated.emit(row)
        self.qtbot.wait(150)

    def objects(self, kind: str) -> int:
        return sum(1 for _ in self.project.of_kind(self.project.find_kind(kind).id))


@pytest.fixture
def desk(viewer: napari.Viewer, user: User, qtbot: QtBot, finish: Wait) -> Desk:
    return Desk(viewer, user.workspace, qtbot, finish)


def test_find_the_coins(
    desk: Desk, shoot: Shoot, tmp_path: Path, notifications: list[Notification]
) -> None:
    open_sample(desk.workspace, "coins")
    desk.finish(desk.workspace)
    with_truth(desk)
    desk.open()
    preview_and_find(desk, shoot)
    judge_the_default(desk, shoot)
    save_and_open_again(desk, tmp_path / "coins.zip")
    assert [n.message for n in notifications if n.severity != "info"] == []


def with_truth(desk: Desk) -> None:
    """Put in what a person would annotate, in place of what the sample has."""
    image, kind = next(desk.project.images()), desk.project.find_kind("coin")
    there = [thing.id for thing in desk.project.annotations(image.id)]
    project = edits.delete_things(desk.project, there)
    made = annotations_of(coins_truth(), image=image, kind=kind, name="coin")
    desk.workspace.open_project(edits.add_annotations(project, made))
    gallery = desk.workspace.gallery
    gallery.set_query(replace(gallery.query, kind=kind.id))
    desk.workspace.show(image.id)


def preview_and_find(desk: Desk, shoot: Shoot) -> None:
    """Look at a preview, find the coins with it, take that back and do it again."""
    page = desk.page("Find objects")
    desk.workspace.layers.flush()
    layers = list(desk.viewer.layers)
    page.target.kind.setEditText("found")
    desk.press_button(page.buttons.look)
    assert "24" in page.buttons.found.text()
    assert len(desk.viewer.layers) == len(layers) + 1
    shoot("14-preview")
    before = desk.project
    desk.press_button(page.buttons.button)
    assert desk.objects("found") == 24
    assert list(desk.viewer.layers) != layers
    assert not any("preview" in layer.name for layer in desk.viewer.layers)
    found = desk.project
    desk.workspace.undo()
    assert desk.project is before
    desk.workspace.redo()
    assert desk.project is found
    shoot("15-found")


def judge_the_default(desk: Desk, shoot: Shoot) -> None:
    """See that the default finds all coins that were drawn by hand."""
    page = desk.page("Evaluate")
    desk.choose(page.form.kind, "coin: 24")
    desk.press_button(page.form.button)
    (entry,) = page.scoring.kept
    assert (entry.score.annotated, entry.score.found) == (24, 24)
    assert entry.score.f1[0] == 1.0
    shoot("16-judged")


def save_and_open_again(desk: Desk, target: Path) -> None:
    """Save, drop the file on the window, and find everything again."""
    documents.save_as(desk.workspace, target)
    desk.finish(desk.workspace)
    saved = desk.project
    desk.drop(target)
    assert desk.project is not saved
    assert told(desk.project) == told(saved)


def test_train_a_network(
    desk: Desk, shoot: Shoot, tmp_path: Path, notifications: list[Notification]
) -> None:
    desk.workspace.open_project(annotated_nuclei())
    desk.workspace.layers.color_mode = "instance"
    desk.workspace.show(next(desk.project.images()).id)
    desk.open()
    train(desk, shoot)
    judge_the_network(desk, shoot)
    find_with_own(desk, shoot)
    save_and_open_again(desk, tmp_path / "nuclei.zip")
    again = desk.project.find_network(NAME)
    assert (len(again.runs), [s.partition for s in again.scores]) == (1, ["Validation"])
    assert again.model is not None
    assert [n.message for n in notifications if n.severity != "info"] == []


def annotated_nuclei() -> Project:
    """Return five images, on four of which the nuclei are annotated."""
    project = nuclei_project([1, 2, 3, 4, 5])
    last = list(project.images())[-1].id
    return edits.delete_things(project, [thing.id for thing in project.annotations(last)])


def train(desk: Desk, shoot: Shoot) -> None:
    """Fit a U-Net in the engine; its curves stay, and so does how it does on what was held out."""
    page = desk.page("Train your own")
    page.choice.set_settings(QUICK)
    page.refresh()
    assert "on 4 images" in page.picker.kinds.currentText()
    before = desk.project
    desk.press_button(page.buttons.button)
    network = network_of(desk)
    assert network.runs[-1].epochs > 1
    assert network.kind == KIND
    assert page.curves.charts[0].lines
    assert [score.partition for score in network.scores] == ["Validation"]
    for _ in range(2):
        desk.workspace.undo()
    assert desk.project is before
    for _ in range(2):
        desk.workspace.redo()
    shoot("17-trained")


def judge_the_network(desk: Desk, shoot: Shoot) -> None:
    """See how it was judged, and judge the default, on the image that it has not learnt from."""
    desk.press_button(desk.page("Train your own").outcome.more)
    page = desk.page("Evaluate")
    assert page.form.partition == "Validation"
    (score,) = network_of(desk).scores
    desk.choose(page.form.segmenter, "As on Find objects")
    desk.choose(page.form.images, "Held out")
    desk.press_button(page.form.button)
    default, own = page.scoring.kept
    assert own.score is score
    assert default.score.annotated == score.annotated > 5
    if SHOTS:
        assert score.f1[5] > default.score.f1[5] + 0.1, "it learnt to part what touches"
    page.list.setCurrentItem(page.list.topLevelItem(1))
    page.view.compare.setCurrentIndex(1)
    shoot("18-compared")


def find_with_own(desk: Desk, shoot: Shoot) -> None:
    """Find the nuclei of the image that nobody has annotated."""
    last = list(desk.project.images())[-1].id
    desk.workspace.show(last)
    desk.press_button(desk.page("Train your own").outcome.next)
    page = desk.page("Find objects")
    assert page.choice.network is network_of(desk)
    desk.choose(page.target.where, "The shown image")
    desk.press_button(page.buttons.button)
    if SHOTS:
        assert sum(1 for _ in desk.project.annotations(last)) > 5
        shoot("19-own")


def network_of(desk: Desk) -> SegmentationNetwork:
    return desk.project.find_network(NAME)


def test_find_nuclei_with_stardist(
    desk: Desk,
    shoot: Shoot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:
    shutil.copytree(STAR, tmp_path / "my_stardist")
    monkeypatch.chdir(tmp_path)  # engines begin here
    project = nuclei_project([701, 702], 256, 22)
    shown = list(project.images())[-1].id
    bare = edits.delete_things(project, [thing.id for thing in project.annotations(shown)])
    desk.workspace.open_project(bare)
    desk.workspace.show(shown)
    desk.open()
    find_with(desk, "stardist-fluo", StarDistSettings(model="my_stardist"), ["stardist_nucleus"])
    assert_as_in_the_package(desk, shown)
    shoot("20-stardist")
    score = scored(desk, KIND)
    assert score.annotated > 40
    assert score.f1[0] > 0.85
    assert [n.message for n in notifications if n.severity != "info"] == []


def find_with(desk: Desk, key: str, settings: object, kinds: list[str]) -> None:
    """Preview what a segmenter finds on the shown image, then find it."""
    page = desk.page("Find objects")
    page.choice.choose(key)
    page.choice.set_settings(settings)
    desk.choose(page.target.where, "The shown image")
    desk.press_button(page.buttons.look)
    previewed = page.buttons.found.text()
    desk.press_button(page.buttons.button)
    assert f"{sum(map(desk.objects, kinds))} " in previewed


def scored(desk: Desk, kind: str) -> SegmentationScore:
    """Compare what was last chosen with all annotations of a kind."""
    page = desk.page("Evaluate")
    desk.choose(page.form.kind, kind)
    desk.press_button(page.form.button)
    (entry,) = page.scoring.kept
    score: SegmentationScore = entry.score
    return score


def assert_as_in_the_package(desk: Desk, image: str) -> None:
    """Compare with the label image that the package makes, in the process that may load it."""
    thing = desk.project.things[image]
    assert isinstance(thing, Image)
    pixels = np.asarray(thing.pixels)[0, :, :, 0]
    labels = desk.workspace.learning.networks.call("tests.segment.trained_star:by_package", pixels)
    objects = list(desk.project.annotations(image))
    mine = labels_of(objects, (1, *pixels.shape))[0]
    seen = np.concatenate(([0], np.unique(labels[labels > 0])))
    assert len(objects) == len(seen) - 1 > 40
    np.testing.assert_array_equal(seen[mine], labels)


def test_find_glands(
    desk: Desk,
    shoot: Shoot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:
    put_network(tmp_path / "my_glas", trained_glas.artifact())
    monkeypatch.chdir(tmp_path)
    project = glands_project(601, 602)
    bare = edits.delete_things(project, [thing.id for thing in project.annotations("i602")])
    desk.workspace.open_project(bare)
    desk.workspace.show("i602")
    desk.open()
    find_with(desk, "glas", GlasSettings(model="my_glas"), ["glas_glands"])
    assert desk.objects("glas_glands") > 5
    shoot("22-glands")
    assert scored(desk, GLANDS).f1[0] > 0.85
    assert [n.message for n in notifications if n.severity != "info"] == []


def test_find_everyday_objects(
    desk: Desk,
    shoot: Shoot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:
    put_network(tmp_path / "my_coco", trained_coco.trained_detector())
    monkeypatch.chdir(tmp_path)
    pixels, truth = collage(COLLAGE)
    desk.workspace.open_project(project_of(pixels[np.newaxis]))
    desk.workspace.show("image-0")
    desk.open()
    find_with(desk, "coco-ssd", CocoSettings(model="my_coco"), sorted(set(truth.classes)))
    names = [desk.project.kind_name(t.kind) for t in desk.project.annotations("image-0")]
    assert sorted(names) == sorted(truth.classes)
    desk.workspace.layers.flush()
    for layer in desk.viewer.layers:
        if isinstance(layer, Labels):
            layer.contour, layer.opacity = 5, 1
    desk.viewer.reset_view()
    shoot("23-everyday")
    assert [n.message for n in notifications if n.severity != "info"] == []


def put_network(folder: Path, artifact: ModelArtifact) -> None:
    """Write a graph as the converter of TensorFlow.js does."""
    folder.mkdir()
    for name, data in files_of(artifact).items():
        (folder / name).write_bytes(data)


@pytest.mark.parametrize("key", ["stardist-fluo", "glas", "coco-ssd", "cellpose"])
def test_what_each_network_needs(desk: Desk, shoot: Shoot, key: str) -> None:
    desk.workspace.open_project(nuclei_project([701], 256, 22))
    desk.open()
    page = desk.page("Find objects")
    page.choice.choose(key)
    page.segmenter.about.button.setChecked(True)
    desk.qtbot.wait(150)
    assert all(page.segmenter.facts[name].text() for name in ("Takes", "Licence", "Cite"))
    assert page.forms[key].isVisible()
    column = page.segmenter.parentWidget()
    assert column is not None
    photograph(column, f"21-{key}", desk.viewer.theme)


def photograph(widget: QWidget, name: str, theme: str) -> None:
    """Take a picture of a part of the window, if pictures are asked for."""
    if SHOTS:
        assert widget.grab().save(str(PICTURES / f"{name}-{theme}.png"))


def told(project: Project) -> Any:  # noqa: ANN401
    """Return all of a project but its pixels, and the names of the files of its models."""
    networks = [
        replace(n, model=replace(n.model, document={**n.model.document, "weightsManifest": None}))
        for n in project.networks
        if n.model is not None
    ]
    return without_pixels(replace(project, networks=tuple(networks)))
