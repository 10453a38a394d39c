"""Classifiers from a JSON file, from its weights, and from the zip that Piximi saves."""

import json
import warnings
import zipfile
from pathlib import Path

import pytest
from tests.learn.graph_files import put_graph
from tests.shared_data import shared

from napari_piximi.errors import ModelFileError
from napari_piximi.io.model_files import read_models
from napari_piximi.io.sniffing import classifier_json, looks_like_classifier


@pytest.fixture
def files(tmp_path: Path) -> Path:
    with zipfile.ZipFile(shared("classifiers/digits_cnn.zip")) as file:
        file.extractall(tmp_path)
    return tmp_path


def test_all_three_ways_give_the_same(files: Path) -> None:
    (zipped,) = read_models(shared("classifiers/digits_cnn.zip")).items()
    for name in ("digits_cnn.json", "digits_cnn.weights.bin"):
        (found,) = read_models(files / name).items()
        assert found == zipped
    assert zipped[0] == "digits_cnn"
    assert len(zipped[1].classes) == 4


def test_weights_under_any_name_bear_the_name_of_the_json(files: Path) -> None:
    text = (files / "digits_cnn.json").read_text().replace("digits_cnn.weights", "group1-shard1of1")
    (files / "digits_cnn.json").write_text(text)
    weights = (files / "digits_cnn.weights.bin").rename(files / "group1-shard1of1.bin")
    assert list(read_models(weights)) == ["digits_cnn"]


def test_a_zip_of_several_shards(tmp_path: Path) -> None:
    path = put_graph(tmp_path, shards=3)
    files = [path, *tmp_path.glob("*.bin")]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for each in files:
            file.write(each, f"folder/{each.name}")
    assert looks_like_classifier(tmp_path / "x.zip")
    assert read_models(tmp_path / "x.zip") == read_models(path)
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as file:
        for each in files[:-1]:
            file.write(each, each.name)
    with pytest.raises(ModelFileError, match=r"y\.zip: net\.json: .*is missing"):
        read_models(tmp_path / "y.zip")


def test_the_json_of_a_shard_whose_names_are_in_its_middle(tmp_path: Path) -> None:
    path = put_graph(tmp_path, shards=2)
    document = json.loads(path.read_text())
    manifest = document.pop("weightsManifest")
    filler = "x" * 70_000
    large = {"modelTopology": document.pop("modelTopology"), "a": filler,
             "weightsManifest": manifest, "z": filler, **document}  # fmt: skip
    path.write_text(json.dumps(large))
    for shard in tmp_path.glob("*.bin"):
        assert classifier_json(shard) == path


def test_a_zip_without_classifiers(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.json", "{}")
    with pytest.raises(ModelFileError, match=r"x\.zip: holds no classifier"):
        read_models(path)


@pytest.mark.parametrize("data", [b"PK", b"nonsense"])
def test_a_damaged_zip(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"x\.zip: not a zip"):
        read_models(path)


def test_a_classifier_in_a_zip_that_is_damaged(files: Path) -> None:
    path = files / "bad.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.write(files / "digits_cnn.json", "sub/digits_cnn.json")
        file.writestr("sub/digits_cnn.weights.bin", b"1234")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ModelFileError, match=r"bad\.zip: sub/digits_cnn\.json: .*4 bytes"):
            read_models(path)


def test_weights_without_a_partner(tmp_path: Path) -> None:
    path = tmp_path / "x.weights.bin"
    path.write_bytes(b"")
    with pytest.raises(ModelFileError, match="no JSON file beside it"):
        read_models(path)
