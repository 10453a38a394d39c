"""Every bundle of the real Piximi, against the application's own account of what it holds."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.shared_data import DATA, shared

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Image, Thing
from napari_piximi.model.training import Classifier, Settings

EXPECTED = (
    "digits_project",
    "gray16_project",
    "legacy_v010_no_annotations",
    "legacy_v020",
    "legacy_v100",
    "multi_channel_project",
    "rgb_project",
    "zstack_plane_annotations_UNOPENABLE",
    "zstack_plane_annotations_padded",
    "zstack_project",
)
REGENERATED_IDS = {"legacy_v010_no_annotations"}
"""Piximi makes new category ids each time it opens version 0.1.0."""

Reopen = Callable[[Project, Path], Project]


def as_read(project: Project, folder: Path) -> Project:
    return project


def through_zip(project: Project, folder: Path) -> Project:
    write_bundle(project, folder / "again.zip")
    return read_bundle(folder / "again.zip")


def through_deflated_zip(project: Project, folder: Path) -> Project:
    write_bundle(project, folder / "again.zip", compress=True)
    return read_bundle(folder / "again.zip")


def through_folder(project: Project, folder: Path) -> Project:
    write_bundle(project, folder / "again.zarr")
    return read_bundle(folder / "again.zarr")


def through_zip_without_index(project: Project, folder: Path) -> Project:
    write_bundle(project, folder / "first.zarr")
    through = read_bundle(folder / "first.zarr")
    return through_zip(through, folder)


@pytest.mark.parametrize(
    "reopen",
    [as_read, through_zip, through_deflated_zip, through_folder, through_zip_without_index],
)
@pytest.mark.parametrize("name", EXPECTED)
def test_equals_what_piximi_holds(name: str, reopen: Reopen, tmp_path: Path) -> None:
    project = reopen(read_bundle(shared(f"bundles/{name}.zip")), tmp_path)
    expected = json.loads(shared(f"bundles/{name}.expected.json").read_text())
    ids = _id_translation(project, expected) if name in REGENERATED_IDS else {}

    assert project.name == expected["project"]["name"]
    assert project.image_channels == expected["project"]["imageChannels"]
    assert [_kind(project, k) for k in project.kinds] == [
        _expected_kind(k, ids) for k in expected["kinds"]
    ]
    assert _categories(project) == {
        ids.get(c["id"], c["id"]): _expected_category(c) for c in expected["categories"]
    }
    assert list(project.things) == [thing["id"] for thing in expected["things"]]
    for thing in expected["things"]:
        _check_thing(project, project.things[thing["id"]], thing, ids)
    _check_classifiers(project, expected)


def _id_translation(project: Project, expected: dict[str, Any]) -> dict[str, str]:
    """Match the Unknown categories, whose ids are made up on opening, by their kinds."""
    by_kind = {kind["id"]: kind["unknownCategoryId"] for kind in expected["kinds"]}
    return {unknown: project.kinds[kind].unknown for kind, unknown in by_kind.items()}


def _shown(thing: Thing) -> str:
    return thing.prediction.category if thing.prediction else thing.category


def _kind(project: Project, key: str) -> dict[str, Any]:
    kind = project.kinds[key]
    return {
        "id": kind.id,
        "displayName": kind.name,
        "unknownCategoryId": kind.unknown,
        "categories": list(kind.categories),
        "containing": [thing.id for thing in project.of_kind(kind.id)],
    }


def _expected_kind(kind: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return {
        **kind,
        "unknownCategoryId": ids.get(kind["unknownCategoryId"], kind["unknownCategoryId"]),
        "categories": [ids.get(c, c) for c in kind["categories"]],
    }


def _categories(project: Project) -> dict[str, Any]:
    return {
        c.id: (c.name, c.color.upper(), c.kind, c.visible, _holding(project, c.id))
        for c in project.categories.values()
    }


def _holding(project: Project, category: str) -> set[str]:
    return {thing.id for thing in project.things.values() if _shown(thing) == category}


def _expected_category(category: dict[str, Any]) -> Any:  # noqa: ANN401
    # Piximi appends to this list as it predicts; its order has no meaning.
    color = category["color"].upper()
    visible, held = category["visible"], set(category["containing"])
    return category["name"], color, category["kind"], visible, held


def _check_thing(
    project: Project, thing: Thing, expected: dict[str, Any], ids: dict[str, str]
) -> None:
    assert thing.name == expected["name"]
    assert thing.kind == expected["kind"]
    assert _shown(thing) == ids.get(expected["categoryId"], expected["categoryId"])
    assert thing.partition == expected["partition"]
    assert thing.plane == expected["activePlane"]
    assert thing.bit_depth == expected["bitDepth"]
    assert list(project.shape(thing)) == expected["tensorShape"]
    _check_pixels(np.asarray(project.pixels(thing)), expected["data"])
    if isinstance(thing, Image):
        _check_channels(thing, expected["colors"])
        assert [a.id for a in project.annotations(thing.id)] == expected["containing"]
    else:
        _check_mask(thing, expected)


def _check_pixels(pixels: np.ndarray[Any, Any], expected: dict[str, Any]) -> None:
    assert pixels.dtype == np.float32
    axes = (0, 1, 2)
    wide = pixels.astype(np.float64)
    assert pixels.ravel()[:8].tolist() == expected["first"]
    assert pixels.min(axes).tolist() == expected["min"]
    assert pixels.max(axes).tolist() == expected["max"]
    np.testing.assert_allclose(wide.sum(axes), expected["sum"], rtol=1e-12)
    np.testing.assert_allclose(wide.mean(axes), expected["mean"], rtol=1e-12)


def _check_channels(image: Image, expected: dict[str, Any]) -> None:
    for number, channel in enumerate(image.channels):
        low, high = expected["range"][str(number)]
        assert (channel.minimum, channel.maximum) == (low, high)
        assert channel.visible == expected["visible"][str(number)]
        assert list(channel.color) == pytest.approx(expected["color"][number])


def _check_mask(thing: Annotation, expected: dict[str, Any]) -> None:
    top, left, bottom, right = thing.bbox
    assert [left, top, right, bottom] == expected["boundingBox"]
    assert thing.image == expected["imageId"]
    runs = masks.lengths(thing.runs)
    assert runs.tolist() == expected["encodedMask"]
    assert int(runs.sum()) == expected["encodedMaskSum"]
    assert masks.decode(thing.runs, (bottom - top, right - left)).sum() == expected["foreground"]


def _check_classifiers(project: Project, expected: dict[str, Any]) -> None:
    state = expected["classifierState"]["kindClassifiers"]
    for kind, entry in state.items():
        infos = dict(entry["modelInfoDict"])
        _check_settings(project.kinds[kind].settings, infos.pop("base-model"))
        for name, info in infos.items():
            _check_classifier(project.find_classifier(name), info)
    loaded = {model["name"]: model for model in expected["classifiers"]}
    assert {c.name for c in project.classifiers if c.model} == loaded.keys()
    for name, model in loaded.items():
        artifact = project.find_classifier(name).model
        assert artifact is not None
        assert list(artifact.classes) == model["classes"]


def _check_settings(settings: Settings, info: dict[str, Any]) -> None:
    optimizer, pre = info["optimizerSettings"], info["preprocessSettings"]
    assert settings.epochs == optimizer["epochs"]
    assert settings.batch_size == optimizer["batchSize"]
    assert settings.learning_rate == optimizer["learningRate"]
    assert settings.loss == optimizer["lossFunction"]
    assert list(settings.metrics) == optimizer["metrics"]
    assert settings.optimizer == optimizer["optimizationAlgorithm"]
    assert settings.height == pre["inputShape"]["height"]
    assert settings.width == pre["inputShape"]["width"]
    assert settings.shuffle == pre["shuffle"]
    assert settings.rescale == pre["rescaleOptions"]["rescale"]
    assert settings.center == pre["rescaleOptions"]["center"]
    assert settings.num_crops == pre["cropOptions"]["numCrops"]
    assert settings.crop_schema == pre["cropOptions"]["cropSchema"]
    assert settings.training_percentage == pre["trainingPercentage"]


def _check_classifier(classifier: Classifier, info: dict[str, Any]) -> None:
    _check_settings(classifier.settings, info)
    shape = info["preprocessSettings"]["inputShape"]
    assert list(classifier.input_shape) == [
        shape[k] for k in ["planes", "height", "width", "channels"]
    ]
    assert dict(enumerate(classifier.class_map)) == {int(k): v for k, v in info["classMap"].items()}
    for evaluation, expected in zip(classifier.evaluations, info["evalResults"], strict=True):
        assert [list(row) for row in evaluation.confusion_matrix] == expected["confusionMatrix"]
        assert evaluation.cross_entropy == expected["crossEntropy"]
        assert evaluation.accuracy == expected["accuracy"]
        scores = (evaluation.precision, evaluation.recall, evaluation.f1)
        keys = ("precision", "recall", "f1Score")
        assert [evaluation.averaged(s) for s in scores] == [expected[key] for key in keys]


def test_every_bundle_of_the_data_is_tested() -> None:
    shared("bundles")
    without_account = {"legacy_v010_annotations", "legacy_v020_noimagechannels"}
    assert {path.stem for path in (DATA / "bundles").glob("*.zip")} == {
        *EXPECTED,
        *without_account,
    }


def _annotations(project: Project) -> Iterable[tuple[Any, ...]]:
    return [(a.id, a.kind, a.bbox, a.runs, a.plane, a.image) for a in project.annotations()]


def test_version_0_1_0_with_annotations_opens_where_piximi_fails(tmp_path: Path) -> None:
    project = read_bundle(shared("bundles/legacy_v010_annotations.zip"))
    assert [kind.name for kind in project.kinds.values()] == ["Image", "nucleus", "cell body"]
    # The same two objects are in rgb_project, drawn on the same image.
    modern = read_bundle(shared("bundles/rgb_project.zip"))
    for annotation in project.annotations():
        twin = modern.things[annotation.id]
        assert isinstance(twin, Annotation)
        assert (annotation.bbox, annotation.runs) == (twin.bbox, twin.runs)
        assert annotation.category == project.kinds[annotation.kind].unknown
        top, left, bottom, right = annotation.bbox
        image = np.asarray(project.things[annotation.image].pixels)
        np.testing.assert_array_equal(project.pixels(annotation), image[:1, top:bottom, left:right])
    names = [annotation.name for annotation in project.annotations()]
    assert names == ["cell-painting.png-nucleus_0", "cell-painting.png-cell body_0"]
    assert _annotations(through_zip(project, tmp_path)) == _annotations(project)


def test_early_version_0_2_0_takes_its_channel_count_from_the_images(tmp_path: Path) -> None:
    project = read_bundle(shared("bundles/legacy_v020_noimagechannels.zip"))
    later = read_bundle(shared("bundles/legacy_v020.zip"))
    assert project.image_channels == 3
    assert list(project.things) == list(later.things)
    assert _annotations(project) == _annotations(later)
    assert through_folder(project, tmp_path).image_channels == 3


def test_predictions_of_piximi_are_kept_apart_from_the_users_categories(tmp_path: Path) -> None:
    project = read_bundle(shared("bundles/digits_project.zip"))
    predicted = [t for t in project.things.values() if t.prediction]
    account = json.loads(shared("classifiers/digits_predictions.json").read_text())
    assert {t.id: t.prediction.category for t in predicted if t.prediction} == {
        p["id"]: p["categoryId"] for p in account["app_predictions"]
    }
    assert {t.category for t in predicted} == {project.kinds["Image"].unknown}
    again = through_zip(project, tmp_path)
    assert [t.prediction for t in again.things.values()] == [
        t.prediction for t in project.things.values()
    ]
