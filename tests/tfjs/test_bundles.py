"""The libraries that Piximi reads bundles with read ours, by the rules of its reader."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.io.histories import KNOWN, evaluation_of_things, history_project, trio
from tests.io.tiny_bundle import tiny_project
from tests.shared_data import shared
from tests.tfjs.node import require_node, run_script

from napari_piximi.io._models import is_ours
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Image, Prediction
from napari_piximi.model.training import Classifier, Settings

REAL = (
    "digits_project",
    "legacy_v010_annotations",
    "legacy_v020_noimagechannels",
    "rgb_project",
    "zstack_plane_annotations_UNOPENABLE",
    "zstack_plane_annotations_padded",
)


def read_as_piximi(path: Path) -> Any:  # noqa: ANN401
    require_node()
    return json.loads(run_script("read_bundle.cjs", str(path)))


def check(project: Project, found: Any) -> None:  # noqa: ANN401
    assert found["name"] == project.name
    assert found["imageChannels"] == (project.image_channels or "undefined")
    assert found["kinds"]["kind_id"] == list(project.kinds)
    assert found["kinds"]["display_name"] == [kind.name for kind in project.kinds.values()]
    assert found["kinds"]["contents"] == [
        [thing.id for thing in project.of_kind(kind)] for kind in project.kinds
    ]
    assert found["categories"]["category_id"] == list(project.categories)
    shown = {t["thing_id"]: t["class_category_id"] for t in found["things"]}
    for category, contents in zip(project.categories, found["categories"]["contents"], strict=True):
        assert contents == [key for key, value in shown.items() if value == category]
    assert [thing["thing_id"] for thing in found["things"]] == list(project.things)
    for thing in found["things"]:
        check_thing(project, thing)
    assert list(found["models"]) == list(project.kinds)
    for kind, models in found["models"].items():
        own = [c.name for c in project.classifiers if c.kind == kind and not is_ours(c)]
        assert list(models) == ["base-model", *own]
        for model in models.values():
            assert type(model["learning_rate"]) in (float, int)
            assert len(model["input_shape"]) == 4


def check_thing(project: Project, found: Any) -> None:  # noqa: ANN401
    thing = project.things[found["thing_id"]]
    expected = thing.prediction.category if thing.prediction else thing.category
    assert found["class_category_id"] == expected
    assert found["bit_depth"] == thing.bit_depth
    data = np.frombuffer(base64.b64decode(found["data"]), "<f4").reshape(found["shape"])
    pixels = np.asarray(project.pixels(thing))
    if pixels.dtype != np.float32:
        pixels = (pixels / (2**thing.bit_depth - 1)).astype(np.float32)
    plane = slice(None) if len(pixels) == len(data) else slice(thing.plane, thing.plane + 1)
    np.testing.assert_array_equal(data[plane], pixels)
    if isinstance(thing, Image):
        assert found["contents"] == [a.id for a in project.annotations(thing.id)]
        assert len(found["color"]) == 3 * len(thing.channels)
        assert found["range_max"] == [channel.maximum for channel in thing.channels]
    else:
        check_annotation(thing, found)


def check_annotation(thing: Annotation, found: Any) -> None:  # noqa: ANN401
    left, top, right, bottom = found["bbox"]
    assert (top, left, bottom, right) == thing.bbox
    assert sum(found["mask"]) == (bottom - top) * (right - left)
    assert found["mask"] == masks.lengths(thing.runs).tolist()
    assert found["image_id"] == thing.image


@pytest.mark.parametrize("name", REAL)
def test_real_bundles_that_we_saved(name: str, tmp_path: Path) -> None:
    project = read_bundle(shared(f"bundles/{name}.zip"))
    write_bundle(project, tmp_path / "saved by us.zip")
    check(project, read_as_piximi(tmp_path / "saved by us.zip"))


@pytest.mark.parametrize("compress", [False, True])
def test_a_project_of_our_own(compress: bool, tmp_path: Path) -> None:
    project = edits.rename_thing(tiny_project(), "1b", "folder/b é.tif")
    project = edits.set_predictions(project, {"1a": Prediction("1good", 0.5)})
    settings = Settings(height=300, width=400)
    fitted = Classifier("a model", "Image", settings, 2, class_map=("1good",))
    project = edits.put_classifier(project, fitted)
    path = tmp_path / "my.first project.zip"
    write_bundle(project, path, compress=compress)
    found = read_as_piximi(path)
    check(project, found)
    assert found["models"]["Image"]["a model"]["input_shape"] == [1, 300, 400, 2]
    assert [thing["name"] for thing in found["things"]][1] == "folder/b é.tif"
    assert {t["thing_id"]: t["classifier_partition"] for t in found["things"]}["1a"] == "Inference"


def test_more_members_than_a_plain_zip_can_count(tmp_path: Path) -> None:
    """Beyond 65,535 members the directory is in zip64 form."""
    project = tiny_project()
    (template,) = project.annotations()
    many = [replace(template, id=f"1x{i}", name=f"object {i}") for i in range(13_200)]
    project = edits.add_annotations(project, many)
    write_bundle(project, tmp_path / "many.zip")
    assert len(read_bundle(tmp_path / "many.zip").things) == 13_203
    found = read_as_piximi(tmp_path / "many.zip")
    assert len(found["things"]) == 13_203


def load_as_piximi(path: Path, tables: list[dict[str, Any]]) -> Any:  # noqa: ANN401
    require_node()
    return json.loads(run_script("load_models.cjs", str(path), text=json.dumps(tables)))


def test_forests_graph_models_and_cross_validation_do_not_disturb_piximi(tmp_path: Path) -> None:
    counted = evaluation_of_things(40)
    swapped = replace(counted, classes=KNOWN[::-1], ids=(), true=(), predicted=())
    diverged = replace(counted, cross_entropy=float("nan"))
    of_three = evaluation_of_things(40, classes=3)
    project = history_project()
    for classifier in trio():
        past = (counted, swapped, diverged, of_three)
        project = edits.put_classifier(project, replace(classifier, evaluations=past))
    partly = replace(trio()[0], kind="Image", class_map=("", KNOWN[1]))
    path = tmp_path / "mixed.zip"
    write_bundle(project, path)
    found = read_as_piximi(path)
    check(project, found)
    assert list(found["models"]["Image"]) == ["base-model", "net"]
    assert found["files"] == ["net.json", "net.weights.bin"]
    shown = found["models"]["Image"]["net"]
    assert shown["class_map"] == [[0, KNOWN[0]], [1, KNOWN[1]]]
    # Its table has a row per category of the project, in their order; figures must be numbers.
    known = [project.categories[key].name for key in project.known_categories("Image")]
    loaded = load_as_piximi(path, [{"categories": known, "results": shown["eval_results"]}])
    assert loaded["loaded"] == {"net": [None, 2]}
    assert loaded["failed"] == {}
    first, second = loaded["tables"][0]
    matrix = [list(row) for row in counted.confusion_matrix]
    assert first["rows"] == matrix
    assert second["rows"] == [row[::-1] for row in matrix[::-1]]
    assert first["figures"] == second["figures"]
    assert first["figures"][0] == f"{counted.accuracy:.3f}"
    # A class map with a gap would be read as a shorter one, and each class after it as another.
    write_bundle(edits.put_classifier(history_project(), partly), path)
    assert read_as_piximi(path)["models"]["Image"]["net"]["class_map"] == []
    assert read_bundle(path).classifiers[0].class_map == ("", KNOWN[1])


def test_a_category_that_was_deleted_is_nowhere_in_what_piximi_reads(tmp_path: Path) -> None:
    past = (evaluation_of_things(9),)
    project = edits.put_classifier(history_project(), replace(trio()[0], evaluations=past))
    project = edits.delete_category(project, KNOWN[0])
    path = tmp_path / "deleted.zip"
    write_bundle(project, path)
    shown = read_as_piximi(path)["models"]["Image"]["net"]
    assert (shown["class_map"], shown["eval_results"]) == ([], [])
    (again,) = read_bundle(path).classifiers
    assert again.class_map == KNOWN
    assert again.evaluations == past
