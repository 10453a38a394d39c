"""A segmentation network is saved as a file, and never taken for a classifier, nor one for it."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.io.histories import trio
from tests.io.networks import network, networks, small_model

from napari_piximi.errors import FitError, ModelFileError, PiximiWarning
from napari_piximi.io.model_files import read_models
from napari_piximi.io.network_files import read_network, write_network
from napari_piximi.io.sniffing import looks_like_classifier, looks_like_network
from napari_piximi.io.tfjs import write_model
from napari_piximi.learn.adoption import adopt_model
from napari_piximi.model.project import new_project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.training import ModelArtifact

KEY = "napariPiximi"
SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def saved(folder: Path, **changes: Any) -> Path:  # noqa: ANN401
    path = folder / "nuclei.json"
    write_network(network(**changes), path)
    return path


def weights_beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}.weights.bin")


def bare(found: SegmentationNetwork) -> tuple[Any, ...]:
    model = found.model
    assert model is not None
    document = {key: value for key, value in model.document.items() if key != "weightsManifest"}
    return found.settings, found.channels, document, model.weights


@SLOW
@given(made=networks().filter(lambda n: n.model is not None))
def test_a_network_comes_back_from_its_files(made: SegmentationNetwork, tmp_path: Path) -> None:
    path = tmp_path / "nuclei.json"
    write_network(made, path)
    for start in (path, weights_beside(path)):
        again = read_network(start)
        assert bare(again) == bare(made)
        assert (again.name, again.kind, again.runs, again.scores) == ("nuclei", "", (), ())
    write_network(again, path)  # once more from what was read
    assert read_network(path) == again


def test_a_zip_of_both_files_is_opened_as_well(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as file:
        for part in (path, weights_beside(path)):
            file.write(part, part.name)
    assert bare(read_network(tmp_path / "both.zip")) == bare(network())
    with pytest.raises(ModelFileError, match="nuclei is a segmentation network"):
        read_models(tmp_path / "both.zip")


def test_notes_of_the_project_it_was_fitted_in_stay_there(tmp_path: Path) -> None:
    model = small_model()
    note = {"segmentation": {"split": {"training": ["1a"]}}}
    path = saved(tmp_path, model=ModelArtifact({**model.document, KEY: note}, model.weights))
    assert "1a" not in path.read_text()
    assert read_network(path).model == read_network(saved(tmp_path)).model


@pytest.mark.parametrize("name", ["x.txt", "a.b.json", ".json", "x"])
def test_a_file_needs_a_name_that_can_be_read_back(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"NAME\.json"):
        write_network(network(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_without_a_model_there_is_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="'net' has no model to save"):
        saved(tmp_path, model=None)


# --- which is which ------------------------------------------------------------------------


def test_a_network_is_told_from_a_classifier(tmp_path: Path) -> None:
    path = saved(tmp_path)
    other = tmp_path / "net.json"
    classifier = trio()[0].model
    assert classifier is not None
    write_model(classifier, other)
    for document, ours in ((path, True), (other, False)):
        for file in (document, weights_beside(document)):
            assert looks_like_network(file) is ours
            assert looks_like_classifier(file)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "filler": "x" * 200_000}, indent=1))
    assert looks_like_network(path)
    assert not looks_like_network(tmp_path)
    assert not looks_like_network(tmp_path / "gone.json")


def test_each_loader_says_what_the_file_is_instead(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with pytest.raises(ModelFileError, match=r"nuclei is a segmentation network, not a class"):
        read_models(path)
    other = tmp_path / "other.json"
    for classifier in trio():
        assert classifier.model is not None
        write_model(classifier.model, other)
        with pytest.raises(ModelFileError, match=r"other\.json: is no segmentation network"):
            read_network(other)
    model = small_model()
    document = {**model.document, KEY: {"segmentation": {}}}
    with pytest.raises(FitError, match="'x' is a segmentation network"):
        adopt_model(new_project(), "Image", "x", ModelArtifact(document, model.weights))


# --- hostile files -------------------------------------------------------------------------


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


def layer(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["modelTopology"]["config"]["layers"][0]
    return found


def note(**changes: Any) -> Callable[[dict[str, Any]], object]:  # noqa: ANN401
    return lambda document: document[KEY]["segmentation"].update(changes)


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "code": (lambda d: layer(d).update(class_name="Lambda"), "Lambda"),
    "no topology": (lambda d: d.pop("modelTopology"), "modelTopology"),
    "no manifest": (lambda d: d.pop("weightsManifest"), "weightsManifest"),
    "other channels": (note(channels=[0]), "not images of 1 channels"),
    "no channels": (note(channels=[]), "no channels"),
    "channels that are none": (note(channels=["a", "b"]), "no channels"),
    "channels in words": (note(channels="ab"), "should be"),
    "absurd channels": (note(channels=[1, 10**9]), "no channels"),
    "nothing told": (lambda d: d.update({KEY: {"segmentation": {}}}), "None"),
    "a list told": (lambda d: d.update({KEY: {"segmentation": []}}), "is no segmentation"),
    "a text told": (lambda d: d.update({KEY: "segmentation"}), "is no segmentation"),
    "a path": (
        lambda d: d["weightsManifest"][0].update(paths=["../../x.weights.bin"]),
        "weights",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(case: str, tmp_path: Path) -> None:
    change, trouble = HOSTILE[case]
    path = changed(saved(tmp_path), change)
    with pytest.raises(ModelFileError, match=trouble) as told:
        read_network(path)
    assert "nuclei.json" in str(told.value)


def test_missing_and_short_weights_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    data = weights_beside(path).read_bytes()
    weights_beside(path).write_bytes(data[:-4])
    with pytest.raises(ModelFileError, match="nuclei"):
        read_network(path)
    weights_beside(path).unlink()
    with pytest.raises(ModelFileError, match="nuclei"):
        read_network(path)


def test_settings_that_are_not_valid_are_told(tmp_path: Path) -> None:
    path = changed(saved(tmp_path), note(settings={"depth": -3, "filters": 8, "new": 1}))
    with pytest.warns(PiximiWarning, match="depth -3 is not valid"):
        found = read_network(path)
    assert found.settings == replace(UNetSettings(), filters=8)
    path = changed(path, note(settings="x"))
    with pytest.warns(PiximiWarning, match="settings should be an object"):
        assert read_network(path).settings == UNetSettings()
