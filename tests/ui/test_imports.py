"""Images, annotations and classifiers come in as one job and one edit, or not at all."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from napari.utils.notifications import Notification
from numpy.typing import NDArray
from tests.learn.graph_files import put_graph
from tests.shared_data import shared
from tests.ui.conftest import Wait

from napari_piximi.io.bundle import read_bundle
from napari_piximi.io.images import read_images
from napari_piximi.io.scratch import FilePixels
from napari_piximi.learn.adoption import NewCategory
from napari_piximi.model import edits
from napari_piximi.model.things import IMAGE_KIND, Image, Partition
from napari_piximi.model.training import GRAPH_FORMAT
from napari_piximi.ui import image_dialog, image_reading, imports, messages
from napari_piximi.ui.mapping_dialog import Mapping
from napari_piximi.ui.workspace import Workspace


def grey(path: Path, value: int = 0, shape: tuple[int, ...] = (5, 6)) -> Path:
    iio.imwrite(path, np.full(shape, value, np.uint8) + np.eye(5, 6, dtype=np.uint8).reshape(
        (5, 6) + (1,) * (len(shape) - 2)))  # fmt: skip
    return path


def stack(path: Path, pages: int = 6) -> Path:
    tifffile.imwrite(path, pages_of(pages), photometric="minisblack", metadata=None)
    return path


def pages_of(count: int) -> NDArray[np.uint8]:
    return np.arange(count * 20, dtype=np.uint8).reshape(count, 4, 5)


def images(workspace: Workspace) -> list[Image]:
    return list(workspace.project.images())


# --- images --------------------------------------------------------------------------------


def test_many_files_are_one_edit(
    workspace: Workspace, finish: Wait, tmp_path: Path, notifications: list[Notification]
) -> None:
    files = [grey(tmp_path / f"cell{number}.png", number) for number in (10, 2, 1)]
    imports.import_images(workspace, files)
    assert not images(workspace), "it returns before anything is read"
    finish(workspace)
    found = images(workspace)
    assert [image.name for image in found] == ["cell1.png", "cell2.png", "cell10.png"]
    assert workspace.session.undo_label == "Import 3 images"
    assert workspace.shown == found[0].id
    unknown = workspace.project.kinds[IMAGE_KIND].unknown
    for image in found:
        assert (image.category, image.partition) == (unknown, Partition.INFERENCE)
        assert isinstance(image.pixels, FilePixels)
        expected = iio.imread(tmp_path / image.name)
        np.testing.assert_array_equal(np.asarray(image.pixels)[0, ..., 0], expected)
    workspace.undo()
    assert not images(workspace)
    assert workspace.project.image_channels is None
    assert not notifications


def test_a_folder(workspace: Workspace, finish: Wait, tmp_path: Path) -> None:
    for number in range(3):
        grey(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("not an image")
    imports.import_images(workspace, [tmp_path])
    finish(workspace)
    assert len(images(workspace)) == 3


def test_what_is_shown_stays(workspace: Workspace, finish: Wait, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        imports.import_images(workspace, [grey(tmp_path / name)])
        finish(workspace)
    assert workspace.shown == images(workspace)[0].id


def test_then_is_called_when_the_images_are_there(
    workspace: Workspace, finish: Wait, tmp_path: Path
) -> None:
    seen: list[int] = []
    imports.import_images(
        workspace, [grey(tmp_path / "a.png")], then=lambda: seen.append(len(images(workspace)))
    )
    finish(workspace)
    assert seen == [1]


def test_damaged_ones_are_left_out_and_told_of_once(
    workspace: Workspace, finish: Wait, tmp_path: Path, notifications: list[Notification]
) -> None:
    grey(tmp_path / "good.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.tif").write_bytes(b"this is no TIFF")
    whole = grey(tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:45])
    imports.import_images(workspace, [tmp_path, tmp_path / "notes.txt"])
    finish(workspace)
    assert [image.name for image in images(workspace)] == ["good.png"]
    (notification,) = notifications
    for word in ("4 files were not imported", "empty.png", "text.tif", "cut.png", "notes.txt"):
        assert word in notification.message
    assert str(tmp_path) not in notification.message, "names are enough"


def test_nothing_to_import(
    workspace: Workspace, finish: Wait, tmp_path: Path, notifications: list[Notification]
) -> None:
    imports.import_images(workspace, [tmp_path])
    finish(workspace)
    (notification,) = notifications
    assert "no image files in it" in notification.message
    assert workspace.session.undo_label is None


def test_other_channels_are_explained_before_anything_is_read(
    workspace: Workspace,
    finish: Wait,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [grey(tmp_path / f"{n}.png") for n in range(3)]
    files.append(grey(tmp_path / "colour.png", shape=(5, 6, 3)))
    read_names: list[str] = []
    read = read_images

    def note(path: Path, **options: Any) -> list[Image]:  # noqa: ANN401
        read_names.append(path.name)
        return read(path, **options)

    def ask(_parent: object, _title: str, text: str, choices: Sequence[str]) -> str:
        assert not read_names, "nothing is read yet"
        assert "colour.png (3 channels)" in text
        assert "1 channel," in text
        return choices[answer]

    monkeypatch.setattr(image_reading, "read_images", note)
    monkeypatch.setattr(messages, "ask", ask)
    answer = 1
    imports.import_images(workspace, files)
    finish(workspace)
    assert not images(workspace)
    assert workspace.session.undo_label is None
    answer = 0
    imports.import_images(workspace, files)
    finish(workspace)
    assert [image.name for image in images(workspace)] == ["0.png", "1.png", "2.png"]
    assert "colour.png" not in read_names


def test_none_suits_the_project(
    workspace: Workspace, finish: Wait, tmp_path: Path, notifications: list[Notification]
) -> None:
    imports.import_images(workspace, [grey(tmp_path / "grey.png")])
    finish(workspace)
    imports.import_images(workspace, [grey(tmp_path / "colour.png", shape=(5, 6, 3))])
    finish(workspace)
    (notification,) = notifications
    for word in ("1 channel", "colour.png (3 channels)", "project of their own"):
        assert word in notification.message
    assert len(images(workspace)) == 1


def test_cancel_leaves_the_project_and_no_files(
    workspace: Workspace, finish: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_reading, "BATCH_BYTES", 1)
    files = [grey(tmp_path / f"{n}.png") for n in range(4)]
    read = read_images

    def cancel_at_the_third(path: Path, **options: Any) -> Any:  # noqa: ANN401
        if path.name == "2.png":
            workspace.jobs.running[-1].cancel()
        return read(path, **options)

    monkeypatch.setattr(image_reading, "read_images", cancel_at_the_third)
    before = workspace.project
    imports.import_images(workspace, files)
    finish(workspace)
    assert workspace.project is before
    assert not list(workspace.scratch.folder.rglob("*.npy"))


def test_another_project_opened_meanwhile_gets_nothing(
    workspace: Workspace, finish: Wait, tmp_path: Path
) -> None:
    from napari_piximi.model.project import new_project

    imports.import_images(workspace, [grey(tmp_path / "a.png")])
    workspace.open_project(new_project("other"))
    finish(workspace)
    assert not images(workspace)


# --- stacks that do not tell ---------------------------------------------------------------


class Answer:
    """Answers the dialog in place of the user, and notes what it offers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *channels: int | None) -> None:
        self.channels = list(channels)
        self.offered: list[tuple[str, int]] = []
        self.for_all = True

        def execute(dialog: image_dialog.ImageDialog) -> int:
            self.offered.append((dialog._facts.path.name, dialog.channels))
            answer = self.channels.pop(0)
            if answer is None:
                dialog.done(0)
                return 0
            dialog.choose(answer)
            dialog.choose_for_all(self.for_all)
            dialog.done(1)
            return 1

        monkeypatch.setattr(image_dialog.ImageDialog, "exec", execute)


def test_asked_once_for_all_stacks_alike(
    workspace: Workspace, finish: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Answer(monkeypatch, 3)
    imports.import_images(workspace, [stack(tmp_path / "a.tif"), stack(tmp_path / "b.tif")])
    finish(workspace)
    assert [name for name, _ in answer.offered] == ["a.tif"]
    for image in images(workspace):
        assert image.pixels.shape == (2, 4, 5, 3)
        expected = pages_of(6).reshape(2, 3, 4, 5).transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(np.asarray(image.pixels), expected)


def test_one_by_one_if_the_user_wants(
    workspace: Workspace, finish: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Answer(monkeypatch, 2, 2)
    answer.for_all = False
    imports.import_images(workspace, [stack(tmp_path / "a.tif"), stack(tmp_path / "b.tif")])
    finish(workspace)
    assert [name for name, _ in answer.offered] == ["a.tif", "b.tif"]
    assert len(images(workspace)) == 2


def test_the_projects_channel_count_is_offered_first(
    workspace: Workspace, finish: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports.import_images(workspace, [grey(tmp_path / "colour.png", shape=(5, 6, 3))])
    finish(workspace)
    answer = Answer(monkeypatch, 3)
    imports.import_images(workspace, [stack(tmp_path / "a.tif")])
    finish(workspace)
    assert answer.offered == [("a.tif", 3)]


def test_no_answer_no_import(
    workspace: Workspace, finish: Wait, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Answer(monkeypatch, None)
    imports.import_images(workspace, [stack(tmp_path / "a.tif"), grey(tmp_path / "b.png")])
    finish(workspace)
    assert not images(workspace)


# --- annotations ---------------------------------------------------------------------------


@pytest.fixture
def bare(workspace: Workspace) -> Workspace:
    """Open the real RGB project without its annotations and kinds."""
    project = read_bundle(shared("bundles/rgb_project.zip"))
    project = edits.delete_things(project, [a.id for a in project.annotations()])
    workspace.open_project(project)
    return workspace


@pytest.mark.parametrize("name", ["rgb_piximi.json", "rgb_coco.json"])
def test_annotations(bare: Workspace, finish: Wait, name: str) -> None:
    imports.import_annotations(bare, shared(f"exports/{name}"))
    assert not list(bare.project.annotations())
    finish(bare)
    assert len(list(bare.project.annotations())) == 6
    assert bare.session.undo_label == "Import 6 annotations"
    bare.undo()
    assert not list(bare.project.annotations())


def test_an_edit_meanwhile_is_kept(bare: Workspace, finish: Wait) -> None:
    imports.import_annotations(bare, shared("exports/rgb_piximi.json"))
    bare.edit("Rename", edits.rename_project, "renamed")
    finish(bare)
    assert bare.project.name == "renamed"
    assert len(list(bare.project.annotations())) == 6


def test_bad_annotations_are_told_of_once(
    bare: Workspace, finish: Wait, tmp_path: Path, notifications: list[Notification]
) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"images": [], "categories": 5, "annotations": []}')
    before = bare.project
    imports.import_annotations(bare, path)
    finish(bare)
    assert bare.project is before
    (notification,) = notifications
    assert "bad.json" in notification.message


# --- classifiers ---------------------------------------------------------------------------


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    with zipfile.ZipFile(shared("classifiers/digits_cnn.zip")) as file:
        file.extractall(tmp_path)
    return tmp_path / "digits_cnn.json"


def test_a_classifier_and_its_weights_at_once_are_one(
    workspace: Workspace, finish: Wait, classifier: Path, notifications: list[Notification]
) -> None:
    weights = classifier.with_name("digits_cnn.weights.bin")
    assert imports.import_classifier(workspace, classifier) is not None
    assert imports.import_classifier(workspace, weights) is None
    finish(workspace)
    (found,) = workspace.project.classifiers
    assert (found.name, found.kind) == ("digits_cnn", IMAGE_KIND)
    names = [workspace.project.categories[c].name for c in found.class_map]
    assert found.model is not None
    assert tuple(names) == found.model.classes
    assert workspace.session.undo_label == "Import classifier digits_cnn"
    imports.import_classifier(workspace, weights)
    finish(workspace)
    assert workspace.project.classifiers == (found,)
    assert [n.message for n in notifications] == [
        "digits_cnn is in the Classifier dock now, for Image; all its 4 classes stand for "
        "categories",
        "The project has the classifier digits_cnn already",
    ]
    assert workspace.learning.choice.classifier == found
    workspace.undo()
    assert not workspace.project.classifiers
    assert not workspace.project.known_categories(IMAGE_KIND)


def test_a_kind_that_has_all_its_classes_gets_it(
    workspace: Workspace, finish: Wait, classifier: Path
) -> None:
    classes = json.loads(classifier.read_text())["classes"]
    workspace.edit("Create kind", edits.create_kind, "cell")
    kind = workspace.project.find_kind("cell").id
    for name in classes:
        workspace.edit("Create category", edits.create_category, kind, name.upper())
    imports.import_classifier(workspace, classifier)
    finish(workspace)
    (found,) = workspace.project.classifiers
    assert found.kind == kind
    assert found.class_map == workspace.project.known_categories(kind)


def test_the_other_file_of_a_classifier_may_come_when_it_has_been_read(
    workspace: Workspace, finish: Wait, classifier: Path, notifications: list[Notification]
) -> None:
    imports.import_classifier(workspace, classifier)
    finish(workspace)
    assert (
        imports.import_classifier(workspace, classifier.with_name("digits_cnn.weights.bin")) is None
    )
    assert len(workspace.project.classifiers) == 1
    notifications.clear()
    assert imports.import_classifier(workspace, classifier) is not None, "it is asked for again"
    finish(workspace)
    assert len(notifications) == 1


def test_a_bad_classifier_is_told_of_once(
    workspace: Workspace, finish: Wait, classifier: Path, notifications: list[Notification]
) -> None:
    weights = classifier.with_name("digits_cnn.weights.bin")
    weights.write_bytes(weights.read_bytes()[:-4])
    imports.import_classifier(workspace, classifier)
    imports.import_classifier(workspace, weights)
    finish(workspace)
    (notification,) = notifications
    assert "digits_cnn" in notification.message
    assert not workspace.project.classifiers
    imports.import_classifier(workspace, classifier)
    finish(workspace)
    assert len(notifications) == 2, "it can be tried again"


def test_classes_without_names_get_numbers(
    workspace: Workspace, finish: Wait, classifier: Path
) -> None:
    document = json.loads(classifier.read_text())
    del document["classes"]
    classifier.write_text(json.dumps(document))
    imports.import_classifier(workspace, classifier)
    finish(workspace)
    (found,) = workspace.project.classifiers
    names = [workspace.project.categories[c].name for c in found.class_map]
    assert names == ["Class 1", "Class 2", "Class 3", "Class 4"]


def test_a_classifier_that_tells_nothing_of_its_classes(
    workspace: Workspace, finish: Wait, classifier: Path, notifications: list[Notification]
) -> None:
    document = json.loads(classifier.read_text())
    del document["classes"]
    layers = document["modelTopology"]["config"]["layers"]
    flat = next(layer for layer in layers if layer["class_name"] == "Flatten")
    flat["config"]["batch_input_shape"] = [None, 24, 28, 1]
    layers[:] = [flat]
    classifier.write_text(json.dumps(document))
    imports.import_classifier(workspace, classifier)
    finish(workspace)
    (notification,) = notifications
    assert "names no classes" in notification.message
    assert not workspace.project.classifiers


def test_what_its_classes_stand_for_is_asked(
    workspace: Workspace, finish: Wait, classifier: Path, mappings: list[Mapping | None]
) -> None:
    workspace.edit("Create category", edits.create_category, IMAGE_KIND, "zero")
    (zero,) = workspace.project.known_categories(IMAGE_KIND)
    mappings.append(Mapping(IMAGE_KIND, (zero, NewCategory("one"), None, None)))
    came: list[tuple[str, str]] = []
    imports.import_classifier(workspace, classifier, then=lambda *what: came.append(what))
    finish(workspace)
    (found,) = workspace.project.classifiers
    one = workspace.project.known_categories(IMAGE_KIND)[1]
    assert found.class_map == (zero, one, "", "")
    assert workspace.project.categories[one].name == "one"
    assert came == [(IMAGE_KIND, "digits_cnn")]
    workspace.undo()
    assert workspace.project.known_categories(IMAGE_KIND) == (zero,), "it was one edit"


def test_saying_no_adds_nothing(
    workspace: Workspace,
    finish: Wait,
    classifier: Path,
    mappings: list[Mapping | None],
    notifications: list[Notification],
) -> None:
    before = workspace.project
    mappings.append(None)
    imports.import_classifier(workspace, classifier)
    finish(workspace)
    assert workspace.project is before
    assert not notifications


def test_a_category_that_went_while_it_was_asked_about(
    workspace: Workspace,
    finish: Wait,
    classifier: Path,
    mappings: list[Mapping | None],
    notifications: list[Notification],
) -> None:
    before = workspace.project
    mappings.append(Mapping(IMAGE_KIND, ("1-gone", None, None, None)))
    imports.import_classifier(workspace, classifier)
    finish(workspace)
    assert workspace.project is before
    (notification,) = notifications
    assert "'1-gone' is no category" in notification.message


def test_a_graph_model_with_all_its_shards_at_once(
    workspace: Workspace, finish: Wait, tmp_path: Path, notifications: list[Notification]
) -> None:
    path = put_graph(tmp_path, shards=3)
    shards = sorted(tmp_path.glob("*.bin"))
    assert len(shards) == 3
    jobs = [imports.import_classifier(workspace, each) for each in (shards[1], path, *shards)]
    assert [job is not None for job in jobs] == [True, False, False, False, False]
    finish(workspace)
    (found,) = workspace.project.classifiers
    assert (found.name, found.channels, found.settings.height) == ("net", 1, 16)
    assert found.model is not None
    assert found.model.document["format"] == GRAPH_FORMAT
    assert imports.import_classifier(workspace, shards[1]) is not None, "it is asked for again"
    finish(workspace)
    assert [n.message for n in notifications] == [
        "net is in the Classifier dock now, for Image; all its 2 classes stand for categories",
        "The project has the classifier net already",
    ]
