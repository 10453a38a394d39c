"""The head of the Classifier dock chooses, names, and leads to everything else."""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from tests.io.model_server import ModelServer
from tests.learn.graph_files import classifier_graph, packed, put_graph, small_graph
from tests.ui.pressing import press, write

from napari_piximi.io.hyperparameters import PLACES, write_hyperparameters
from napari_piximi.io.tfjs import read_model
from napari_piximi.learn.adoption import adopt_model
from napari_piximi.learn.layer_rows import ModelSummary
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.forest import Forest, artifact_of
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image
from napari_piximi.model.training import (
    FOREST,
    GRAPH_FORMAT,
    PIXIMI_SETTINGS,
    Classifier,
    ModelArtifact,
    Run,
    Settings,
)
from napari_piximi.ui import file_choice, url_dialog
from napari_piximi.ui.classifier_panel import ClassifierPanel
from napari_piximi.ui.mapping_dialog import Mapping
from napari_piximi.ui.model_actions import portable_model
from napari_piximi.ui.model_picker import ModelPicker
from napari_piximi.ui.project_facts import classifier_lines
from napari_piximi.ui.workspace import Workspace, workspace_of

if TYPE_CHECKING:
    from napari_piximi.learn.results import Predictions

Wait = Callable[[Workspace], None]


@pytest.fixture
def workspace(qapp: object) -> Iterator[Workspace]:
    viewer = ViewerModel()
    made = workspace_of(viewer)
    made.open_project(two_models())
    yield made
    made.close()
    del viewer


@pytest.fixture
def picker(workspace: Workspace, qtbot: QtBot) -> ModelPicker:
    panel = ClassifierPanel(workspace.viewer)
    qtbot.addWidget(panel)
    return ModelPicker(panel)


def two_models() -> Project:
    """Make a project with a graph model, mapped, and a forest that was fitted here."""
    project = new_project()
    for name in ("upright", "lying"):
        project = edits.create_category(project, IMAGE_KIND, name)
    project = adopt_model(project, IMAGE_KIND, "net", small_graph())
    forest = Classifier(
        "oak", IMAGE_KIND, Settings(architecture=FOREST), model=stump(),
        class_map=project.known_categories(IMAGE_KIND),
        runs=(Run(Settings(), {"loss": (0.5, 0.4), "val_accuracy": (0.8, 0.9)}, best_epoch=0),),
    )  # fmt: skip
    return edits.put_classifier(project, forest)


def stump() -> ModelArtifact:
    """Make a forest of two trees: one that asks about one feature, one that does not ask."""
    forest = Forest(
        names=("area", "mean"),
        classes=("upright", "lying"),
        roots=np.array([0, 3], np.int32),
        features=np.array([0, -1, -1, -1], np.int32),
        thresholds=np.array([0.5, 0, 0, 0], np.float32),
        children=np.array([[1, 2], [1, 1], [2, 2], [3, 3]], np.int32),
        values=np.array([[0.5, 0.5], [1, 0], [0, 1], [0.5, 0.5]], np.float32),
        mean=np.zeros(2, np.float32),
        scale=np.ones(2, np.float32),
    )
    return artifact_of(forest)


def texts(picker: ModelPicker) -> list[str]:
    return [picker.models.itemText(i) for i in range(picker.models.count())]


def pick(picker: ModelPicker, text: str) -> None:
    place = next(i for i, shown in enumerate(texts(picker)) if shown.startswith(text))
    picker.models.setCurrentIndex(place)
    picker.models.activated.emit(place)


def entries(picker: ModelPicker) -> dict[str, bool]:
    picker.menu.fill()
    return {a.text(): a.isEnabled() for a in picker.menu.actions() if a.text()}


def trigger(picker: ModelPicker, text: str) -> None:
    picker.menu.fill()
    (action,) = [a for a in picker.menu.actions() if a.text() == text]
    action.trigger()


def give_name(picker: ModelPicker, name: str) -> None:
    picker.name.selectAll()
    write(picker.name, name)
    press(picker.name, Qt.Key.Key_Return)


# --- choosing ----------------------------------------------------------------------------------


def test_new_models_and_those_of_the_project(picker: ModelPicker) -> None:
    assert texts(picker) == [
        "+ New SimpleCNN", "+ New MobileNet", "+ New random forest",
        "net · graph model", "oak · random forest · 80% valid.",
    ]  # fmt: skip


def test_choosing(picker: ModelPicker) -> None:
    choice = picker.choice
    pick(picker, "oak")
    assert choice.classifier is not None
    assert (choice.classifier.name, picker.name.text()) == ("oak", "oak")
    pick(picker, "+ New random forest")
    assert choice.classifier is None
    assert choice.settings.architecture == FOREST
    assert picker.name.text() == ""
    assert picker.name.placeholderText() == "Random forest 1"
    choice.choose("net")
    assert picker.models.currentText() == "net · graph model"


def test_only_models_of_the_kind_on_show(picker: ModelPicker, workspace: Workspace) -> None:
    workspace.edit("Create kind", edits.create_kind, "cell")
    kind = workspace.project.find_kind("cell").id
    workspace.gallery.set_query(replace(workspace.gallery.query, kind=kind))
    assert len(texts(picker)) == 3


def test_what_a_model_learnt_from_tells_not_how_good_it_is(
    picker: ModelPicker, workspace: Workspace
) -> None:
    """Neither here nor in the Project dock, and both say what the figure was found on."""
    oak = workspace.project.find_classifier("oak")
    learnt = Evaluation(((4, 0), (0, 4)), 0.1, partition="Training")
    crossed = Evaluation(((3, 1), (1, 3)), 0.1, partition="Cross-validation")
    held = Evaluation(((3, 1), (0, 4)), 0.1)

    def shown(*evaluations: Evaluation) -> tuple[str, str]:
        workspace.edit("Judge", edits.put_classifier, replace(oak, evaluations=evaluations))
        lines = dict(line.split(" (", 1) for line, _ in classifier_lines(workspace.project))
        place = next(i for i, text in enumerate(texts(picker)) if text.startswith("oak"))
        return texts(picker)[place].partition("forest")[2], lines["oak"].partition(", ")[2]

    assert shown(learnt) == (" · 80% valid.", "80% right (valid.)"), "that of the fit itself"
    assert shown(held, crossed, learnt) == (" · 88% valid.", "88% right (valid.)")
    oak = replace(oak, runs=())
    assert shown(crossed, learnt) == (" · 75% cross-valid.", "75% right (cross-valid.)")
    assert shown(learnt) == ("", ""), "no figure at all"
    longer = dict(classifier_lines(workspace.project))
    assert "not evaluated yet on things that it did not learn from" in str(longer)
    pick(picker, "oak")
    shown(crossed)
    assert "accuracy 75.0% in cross-validation" in picker.models.toolTip()


# --- names --------------------------------------------------------------------------------------


def test_naming_a_new_model(picker: ModelPicker) -> None:
    give_name(picker, "mine")
    assert picker.choice.name == "mine"
    give_name(picker, "a.b")
    assert "cannot name a classifier" in picker.name.trouble.text().replace("\u200b", "")
    assert picker.choice.name != "a.b"
    give_name(picker, "net")
    assert "There is a classifier 'net' already" in picker.name.trouble.text()
    picker.name.clear()
    picker.name.textEdited.emit("")
    assert picker.choice.name == "SimpleCNN 1"
    assert picker.name.trouble.isHidden()


def test_renaming(picker: ModelPicker, workspace: Workspace) -> None:
    pick(picker, "net")
    draft = replace(picker.choice.settings, epochs=7)
    picker.choice.set_settings(draft)
    give_name(picker, "oak")
    assert "There is a classifier 'oak' already" in picker.name.trouble.text()
    assert [c.name for c in workspace.project.classifiers] == ["net", "oak"]
    give_name(picker, "web")
    assert [c.name for c in workspace.project.classifiers] == ["web", "oak"]
    assert picker.choice.name == "web"
    assert picker.choice.settings == draft, "the draft goes with it"
    assert workspace.session.undo_label == "Rename classifier net to web"
    workspace.undo()
    assert "net · graph model" in texts(picker)


# --- what is missing ----------------------------------------------------------------------------


def test_classes_without_category_are_told_and_mended(
    picker: ModelPicker, workspace: Workspace, mappings: list[Mapping | None]
) -> None:
    pick(picker, "net")
    assert picker.missing.isHidden()
    upright, lying = workspace.project.known_categories(IMAGE_KIND)
    workspace.edit("Delete category", edits.delete_category, upright)
    assert picker.missing.text() == "1 class has no category"
    assert not picker.map.isHidden()
    mappings.append(Mapping(IMAGE_KIND, (None, lying)))
    picker.map.click()
    assert workspace.project.find_classifier("net").class_map == ("", lying)
    assert picker.missing.isHidden(), "left out on purpose"
    assert workspace.session.undo_label == "Map the classes of net"
    workspace.undo()
    assert picker.missing.text() == "1 class has no category"
    picker.map.click()  # by name: the category is created again
    names = [
        workspace.project.categories[c].name
        for c in workspace.project.find_classifier("net").class_map
    ]
    assert names == ["upright", "lying"]


def test_a_model_without_weights(picker: ModelPicker, workspace: Workspace) -> None:
    lost = Classifier("lost", IMAGE_KIND)
    workspace.edit("Put", edits.put_classifier, lost)
    pick(picker, "lost")
    assert "weights are missing" in picker.missing.text()
    assert picker.map.isHidden()
    can = entries(picker)
    assert not can["Save model…"]
    assert not can["Duplicate"]
    assert can["Delete"]


# --- the menu -----------------------------------------------------------------------------------


def test_nothing_can_be_done_to_a_new_model(picker: ModelPicker) -> None:
    assert {text for text, enabled in entries(picker).items() if enabled} == {
        "Open model file…", "Open from URL…",
        "Import hyper-parameters…", "Export hyper-parameters…",
    }  # fmt: skip


def test_duplicate_and_delete(picker: ModelPicker, workspace: Workspace) -> None:
    pick(picker, "net")
    trigger(picker, "Duplicate")
    trigger(picker, "Duplicate")
    assert [c.name for c in workspace.project.classifiers] == [
        "net",
        "oak",
        "net copy",
        "net copy copy",
    ]
    assert picker.choice.name == "net copy copy"
    trigger(picker, "Delete")
    assert [c.name for c in workspace.project.classifiers] == ["net", "oak", "net copy"]
    assert picker.choice.classifier is None
    workspace.undo()
    assert len(workspace.project.classifiers) == 4


@pytest.mark.parametrize("name", ["net", "oak"])
def test_save_and_open_again(
    picker: ModelPicker,
    workspace: Workspace,
    finish: Wait,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
    name: str,
) -> None:
    upright = workspace.project.known_categories(IMAGE_KIND)[0]
    workspace.edit("Rename", edits.edit_category, upright, name="standing")
    pick(picker, name)
    target = tmp_path / "saved.json"
    monkeypatch.setattr(file_choice, "choose_export", lambda *_: target)
    trigger(picker, "Save model…")
    finish(workspace)
    assert ("forest" in notifications[-1].message) == (name == "oak")
    found = workspace.project.find_classifier(name).model
    again = read_model(target)
    assert found is not None
    assert again.weights == found.weights
    assert again.classes == ("standing", "lying"), "as the categories are called now"
    monkeypatch.setattr(file_choice, "choose_files", lambda *_: [target])
    trigger(picker, "Open model file…")
    finish(workspace)
    assert picker.choice.name == "saved"
    newest = workspace.project.classifiers[-1]
    assert newest.class_map == workspace.project.known_categories(IMAGE_KIND)
    assert (newest.settings.architecture == FOREST) == (name == "oak")


def test_weights_of_another_model_are_asked_about(
    picker: ModelPicker, workspace: Workspace, finish: Wait, tmp_path: Path, answers: list[str]
) -> None:
    other = tmp_path / "saved.weights.bin"
    other.write_bytes(b"theirs")
    net = workspace.project.find_classifier("net")
    assert net.model is not None
    answers.append("Cancel")
    actions = picker.menu.actions_of
    assert actions.save_to(net, net.model, tmp_path / "saved.json") is None
    assert other.read_bytes() == b"theirs"
    answers.append("Replace")
    actions.save_to(net, net.model, tmp_path / "saved.json")
    finish(workspace)
    assert read_model(tmp_path / "saved.json").weights == net.model.weights


def test_names_of_classes_that_cannot_be_saved_stay(workspace: Workspace) -> None:
    project, net = workspace.project, workspace.project.find_classifier("net")
    assert net.model is not None
    assert portable_model(project, net, net.model) is net.model
    left_out = replace(net, class_map=("", net.class_map[1]))
    assert portable_model(project, left_out, net.model) is net.model
    unmapped = replace(net, class_map=())
    assert portable_model(project, unmapped, net.model) is net.model


def test_open_a_file_of_another_kind(
    picker: ModelPicker,
    workspace: Workspace,
    finish: Wait,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notifications: list[Notification],
) -> None:
    workspace.edit("Create kind", edits.create_kind, "cell")
    kind = workspace.project.find_kind("cell").id
    for name in ("a", "b"):
        workspace.edit("Create category", edits.create_category, kind, name)
    path = put_graph(tmp_path, "theirs", classes=("a", "b"))
    monkeypatch.setattr(file_choice, "choose_files", lambda *_: [path])
    trigger(picker, "Open model file…")
    finish(workspace)
    assert workspace.project.classifiers[-1].kind == kind
    assert picker.choice.classifier is None
    assert "of the kind cell" in notifications[-1].message


def test_open_from_an_address(
    picker: ModelPicker, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, shards = packed(*classifier_graph(seed=9), 2)
    names = document["weightsManifest"][0]["paths"]
    server = ModelServer(
        {"model.json": json.dumps(document).encode(), **dict(zip(names, shards, strict=True))}
    )

    def run(dialog: url_dialog.UrlDialog) -> int:
        dialog.address.setText(server.url)
        dialog.go.click()
        assert dialog.job is not None
        dialog.job.wait()
        dialog.go.click()
        return dialog.result()

    monkeypatch.setattr(url_dialog.UrlDialog, "exec", run)
    try:
        trigger(picker, "Open from URL…")
    finally:
        server.close()
    found = workspace.project.classifiers[-1]
    assert found.name == picker.choice.name == "net_of_ours"
    assert found.model is not None
    assert found.model.document["format"] == GRAPH_FORMAT
    assert workspace.session.undo_label == "Import classifier net_of_ours"


def test_the_summary_of_a_forest_comes_from_the_engine(
    picker: ModelPicker, workspace: Workspace, finish: Wait
) -> None:
    pick(picker, "oak")
    trigger(picker, "Model summary…")
    finish(workspace)
    dialog = picker.menu.actions_of.summary
    assert dialog is not None
    assert dialog.table.rowCount() == 2
    assert dialog.totals.text().startswith("4 nodes in all")
    assert "2 trees on 2 features: area, mean." in dialog.totals.text()
    dialog.close()


def test_a_second_summary_takes_the_place_of_the_first(picker: ModelPicker) -> None:
    actions = picker.menu.actions_of
    actions._show_summary("a", ModelSummary(()))
    first = actions.summary
    actions._show_summary("b", ModelSummary(()))
    assert first is not None
    assert not first.isVisible()
    assert actions.summary is not None
    actions.summary.close()


def test_hyper_parameters_as_a_file(
    picker: ModelPicker,
    workspace: Workspace,
    finish: Wait,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drafted = replace(picker.choice.settings, epochs=77, height=40, batch_size=5)
    picker.choice.set_settings(drafted)
    target = tmp_path / "settings.json"
    monkeypatch.setattr(file_choice, "choose_export", lambda *_: target)
    trigger(picker, "Export hyper-parameters…")
    finish(workspace)
    picker.choice.set_settings(Settings())
    monkeypatch.setattr(file_choice, "choose_files", lambda *_: [target])
    trigger(picker, "Import hyper-parameters…")
    finish(workspace)
    assert picker.choice.settings == drafted
    pick(picker, "oak")
    trigger(picker, "Import hyper-parameters…")
    finish(workspace)
    assert picker.choice.settings.architecture == FOREST, "that of a model stays"
    assert picker.choice.settings.epochs == 77
    assert picker.choice.settings.height != 40


def test_what_piximi_does_in_its_own_way_is_said_once(
    picker: ModelPicker, workspace: Workspace, finish: Wait, tmp_path: Path,
    notifications: list[Notification],
) -> None:  # fmt: skip
    """Where settings are taken over that its file does not name, and that our defaults lack."""
    theirs = tmp_path / "hyper.json"
    theirs.write_text(json.dumps({"compileOptions": {"epochs": 12}}))
    read = picker.menu.actions_of.read_settings
    read(theirs)
    finish(workspace)
    (note,) = notifications
    assert str(note.message).startswith("hyper.json is Piximi's own, so the next fit does as")
    assert picker.choice.settings.softmax_twice
    words = {
        "patience": "never stops early", "keep_best": "keeps the last epoch",
        "averaging": "averages weights", "label_smoothing": "smooths labels", "shift": "shifts",
        "rotation": "rotates", "zoom": "zooms", "softmax_twice": "softmax twice",
    }  # fmt: skip
    usual = Settings()
    unnamed = (f.name for f in fields(Settings) if f.name not in PLACES)
    assert set(words) == {n for n in unnamed if getattr(usual, n) != getattr(PIXIMI_SETTINGS, n)}
    assert all(word in str(note.message) for word in words.values())
    ours = tmp_path / "ours.json"
    write_hyperparameters(usual, ours)
    read(ours)
    finish(workspace)
    pick(picker, "oak")
    read(theirs)
    finish(workspace)
    assert len(notifications) == 1, "neither of a file of ours, nor of what a forest has not"


def test_hyper_parameters_that_are_none(
    picker: ModelPicker, workspace: Workspace, finish: Wait, tmp_path: Path,
    notifications: list[Notification],
) -> None:  # fmt: skip
    before = picker.choice.settings
    (tmp_path / "bad.json").write_text("[")
    picker.menu.actions_of.read_settings(tmp_path / "bad.json")
    finish(workspace)
    assert "bad.json" in notifications[-1].message
    assert picker.choice.settings == before


# --- room ---------------------------------------------------------------------------------------


def test_the_head_fits_300_pixels(picker: ModelPicker, workspace: Workspace) -> None:
    long = "a name that goes on and on " * 5
    workspace.edit("Rename", edits.rename_classifier, "net", long)
    picker.choice.choose(long)
    assert picker.minimumSizeHint().width() <= 290
    picker.resize(290, picker.sizeHint().height())
    assert picker.sizeHint().height() <= 70, "two rows"


def test_every_control_says_what_it_is(picker: ModelPicker) -> None:
    for control in (picker.models, picker.name, picker.more):
        assert control.accessibleName()
        assert control.toolTip()
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus


# --- with Keras, in its engine ------------------------------------------------------------------


def test_a_graph_model_is_asked_and_tabulated_in_the_engine(
    picker: ModelPicker, workspace: Workspace, finish: Wait
) -> None:
    samples = [
        Image(f"i{i}", f"i{i}", workspace.project.kinds[IMAGE_KIND].unknown,
              ArrayPixels(np.full((1, 16, 16, 1), 20 * i, np.uint8)), 8)
        for i in range(3)
    ]  # fmt: skip
    workspace.edit("Add", edits.add_images, samples)
    pick(picker, "net")
    trigger(picker, "Model summary…")
    found: list[Predictions] = []
    picker.panel.learning.run(
        "Predict 3 things", "napari_piximi.learn.classifier:predict", workspace.project,
        IMAGE_KIND, picker.choice.classifier, [image.id for image in samples], done=found.append,
    )  # fmt: skip
    finish(workspace)
    dialog = picker.menu.actions_of.summary
    assert dialog is not None
    assert dialog.table.rowCount() == 5
    assert "238 parameters in all: 0 trainable" in dialog.totals.text()
    dialog.close()
    (answer,) = found
    assert answer.ids == ("i0", "i1", "i2")
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.ptp(answer.probabilities[:, 0]) > 1e-4
