"""Published weights: fetched from a server that may be in any mood, checked, never half there."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from tests.io.model_server import ModelServer
from tests.learn.graph_files import small_graph
from tests.segment.published import files_of, publish, put
from tests.shared_data import shared

from napari_piximi.errors import Cancelled, SegmentError, WeightsUnavailableError
from napari_piximi.io.tfjs import graph_weights, shard_names
from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment import weights

KEYS = ("glas", "coco-ssd")
"""One whose checksums are known, and one whose are remembered."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_PIXIMI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model() -> ModelArtifact:
    return small_graph()


@pytest.fixture
def server(model: ModelArtifact, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    files = files_of(model, 3)
    for key in KEYS:
        publish(monkeypatch, key, files)
    running = ModelServer(files)
    yield running
    running.close()


# --- what is published -----------------------------------------------------------------------


@pytest.mark.parametrize("key", ["stardist-fluo", "stardist-vhe", "glas"])
def test_the_catalogue_names_the_files_of_the_real_models(key: str) -> None:
    source = weights.CATALOGUE[key]
    document = shared(f"graph-models/{key}/model.json").read_bytes()
    names = ("model.json", *shard_names(document, key))
    assert tuple(file.name for file in source.files) == names
    manifest = json.loads(document)["weightsManifest"]
    needed = sum(4 * int(np.prod(w["shape"])) for group in manifest for w in group["weights"])
    assert sum(file.size for file in source.files[1:]) == needed
    assert source.size == needed + source.files[0].size
    assert weights.host(key) == "raw.githubusercontent.com"
    assert urlsplit(source.url).path.endswith(f"/src/data/model-data/{key}/")


@pytest.mark.parametrize("key", ["stardist-fluo", "stardist-vhe", "glas"])
def test_the_real_topologies_have_their_checksums(key: str) -> None:
    document = shared(f"graph-models/{key}/model.json").read_bytes()
    file = weights.CATALOGUE[key].files[0]
    assert (len(document), weights.blob_id(document)) == (file.size, file.blob)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is absent")
@pytest.mark.parametrize("data", [b"", b"\0\r\n", b"x" * 70_000])
def test_checksums_are_those_of_git(data: bytes) -> None:
    told = subprocess.run(
        ["git", "hash-object", "--stdin"], input=data, capture_output=True, check=True
    )
    assert told.stdout.decode().strip() == weights.blob_id(data)


def test_unknown_weights() -> None:
    with pytest.raises(SegmentError, match="no weights 'yolo'; there are stardist-fluo, "):
        weights.is_here("yolo")


# --- fetching --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_files_come_once(server: ModelServer, model: ModelArtifact, cache: Path, key: str) -> None:
    size = sum(map(len, server.files.values()))
    assert not weights.is_here(key)
    assert weights.missing_bytes(key) == size
    reports: list[tuple[int, int, str]] = []
    weights.fetch(
        key,
        lambda done, total, message="", **_: reports.append((done, total, message)),
        base_url=server.url,
    )
    assert server.names == list(server.files)
    assert (reports[-1][0], reports[-1][1]) == (size, size)
    assert [r[0] for r in reports] == sorted(r[0] for r in reports)
    assert {r[1] for r in reports} == {size}
    assert reports[-1][2] == "Downloading group1-shard3of3.bin"
    assert weights.is_here(key)
    assert weights.missing_bytes(key) == 0
    there = {p.name: p.read_bytes() for p in (cache / key).iterdir() if p.name != "checksums.json"}
    assert there == server.files
    found = weights.artifact(key)
    assert found.weights == model.weights
    for name, values in graph_weights(model).items():
        np.testing.assert_array_equal(graph_weights(found)[name], values)
    weights.fetch(key, base_url=server.url)
    assert server.names == list(server.files), "nothing is asked for twice"


@pytest.mark.parametrize("key", KEYS)
def test_only_what_is_missing_comes(server: ModelServer, key: str) -> None:
    put(key, {name: data for name, data in server.files.items() if "2of3" not in name})
    assert not weights.is_here(key)
    assert weights.missing_bytes(key) == len(server.files["group1-shard2of3.bin"])
    weights.fetch(key, base_url=server.url)
    assert server.names == ["group1-shard2of3.bin"]
    assert weights.is_here(key)


@pytest.mark.parametrize("key", KEYS)
def test_a_redirect_is_followed(server: ModelServer, key: str) -> None:
    server.files = {"model.json": server.files["model.json"]}
    server.redirect = server.url + "moved/model.json"
    with pytest.raises(WeightsUnavailableError):
        weights.fetch(key, base_url=server.url)  # each file is redirected to the first one
    assert server.names[:2] == ["model.json", "model.json"]
    server.redirect = "http://example.org/elsewhere"
    with pytest.raises(WeightsUnavailableError, match="only https"):
        weights.fetch(key, base_url=server.url)


# --- no net ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_nobody_there(server: ModelServer, cache: Path, key: str) -> None:
    with pytest.raises(WeightsUnavailableError) as caught:
        weights.fetch(key, base_url="http://127.0.0.1:9/models")
    for told in ("http://127.0.0.1:9/models/model.json: no connection", str(cache / key)):
        assert told in str(caught.value)
    assert not cache.exists()


@pytest.mark.parametrize("key", KEYS)
def test_the_server_is_down(server: ModelServer, cache: Path, key: str) -> None:
    server.mood = "down"
    with pytest.raises(WeightsUnavailableError, match="the server answers 503"):
        weights.fetch(key, base_url=server.url)
    assert not cache.exists()


@pytest.mark.parametrize("key", KEYS)
def test_a_file_that_is_not_found(server: ModelServer, key: str) -> None:
    del server.files["group1-shard2of3.bin"]
    with pytest.raises(WeightsUnavailableError, match=r"shard2of3\.bin: the server answers 404"):
        weights.fetch(key, base_url=server.url)
    assert not weights.is_here(key)


@pytest.mark.parametrize("key", KEYS)
def test_a_stuck_server(server: ModelServer, key: str) -> None:
    server.mood = "stuck"
    with pytest.raises(WeightsUnavailableError, match="timed out"):
        weights.fetch(key, base_url=server.url, timeout=0.1)


@pytest.mark.parametrize("key", KEYS)
def test_a_slow_server(server: ModelServer, cache: Path, key: str) -> None:
    server.mood = "slow"
    with pytest.raises(WeightsUnavailableError, match=r"not finished after 0\.5 s|timed out"):
        weights.fetch(key, base_url=server.url, timeout=0.05)
    assert not cache.exists()


def test_what_is_whole_is_kept_when_the_rest_is_cut_short(server: ModelServer) -> None:
    server.mood = "truncating"
    with pytest.raises(WeightsUnavailableError, match="the connection broke"):
        weights.fetch("glas", base_url=server.url)
    there = sorted(path.name for path in weights.folder("glas").iterdir())
    assert there == ["model.json"]
    server.mood = "well"
    weights.fetch("glas", base_url=server.url)
    assert server.names.count("model.json") == 1
    assert weights.is_here("glas")


def test_without_known_checksums_nothing_is_kept_before_all_of_it_is_seen_to_fit(
    server: ModelServer, cache: Path
) -> None:
    server.mood = "truncating"
    with pytest.raises(WeightsUnavailableError, match="the connection broke"):
        weights.fetch("coco-ssd", base_url=server.url)
    server.mood = "well"
    server.files["group1-shard3of3.bin"] += b"more"
    with pytest.raises(WeightsUnavailableError, match="bytes of weights expected"):
        weights.fetch("coco-ssd", base_url=server.url)
    assert not cache.exists()


def test_wrong_bytes_are_refused(server: ModelServer) -> None:
    name = "group1-shard2of3.bin"
    right = server.files[name]
    server.files[name] = bytes(len(right))
    with pytest.raises(WeightsUnavailableError, match=rf"{name}: is another file \(git blob "):
        weights.fetch("glas", base_url=server.url)
    server.files[name] = right[:-1]
    with pytest.raises(WeightsUnavailableError, match=f"{len(right) - 1} bytes instead of"):
        weights.fetch("glas", base_url=server.url)
    server.files[name] = right + bytes(10_000_000)
    with pytest.raises(WeightsUnavailableError, match="more than"):
        weights.fetch("glas", base_url=server.url)
    assert not (weights.folder("glas") / name).exists()
    server.files["model.json"] = b"<html>sign in</html>"
    (weights.folder("glas") / "model.json").unlink()
    with pytest.raises(WeightsUnavailableError, match=r"model\.json: has 20 bytes"):
        weights.fetch("glas", base_url=server.url)


def test_a_change_since_the_first_download_is_refused(server: ModelServer) -> None:
    weights.fetch("coco-ssd", base_url=server.url)
    record = json.loads((weights.folder("coco-ssd") / "checksums.json").read_text())
    assert record == {n: hashlib.sha256(data).hexdigest() for n, data in server.files.items()}
    name = "group1-shard1of3.bin"
    (weights.folder("coco-ssd") / name).unlink()
    server.files[name] = bytes(len(server.files[name]))
    with pytest.raises(WeightsUnavailableError, match="not what it was at the first download"):
        weights.fetch("coco-ssd", base_url=server.url)
    assert not (weights.folder("coco-ssd") / name).exists()


@pytest.mark.parametrize("key", KEYS)
def test_cancelling_leaves_no_half_file(server: ModelServer, key: str) -> None:
    def cancel(done: int, total: int, message: str = "", **values: object) -> None:
        if "2of3" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        weights.fetch(key, cancel, base_url=server.url)
    folder = weights.folder(key)
    there = {path.name: path.read_bytes() for path in folder.glob("*")}
    whole = {n: server.files[n] for n in ("model.json", "group1-shard1of3.bin")}
    assert there == (whole if key == "glas" else {})
    weights.fetch(key, base_url=server.url)
    assert weights.is_here(key)


@pytest.mark.parametrize("key", KEYS)
def test_a_cache_that_is_no_folder(server: ModelServer, cache: Path, key: str) -> None:
    cache.write_bytes(b"")
    with pytest.raises(WeightsUnavailableError, match=f"cannot be kept in {cache / key}"):
        weights.fetch(key, base_url=server.url)


# --- by hand ---------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_files_put_by_hand(server: ModelServer, model: ModelArtifact, key: str) -> None:
    put(key, server.files)
    assert weights.is_here(key)
    assert weights.artifact(key).weights == model.weights
    weights.fetch(key, base_url=server.url)
    assert not server.asked


@pytest.mark.parametrize("key", KEYS)
def test_files_put_by_hand_are_checked(server: ModelServer, key: str) -> None:
    put(key, server.files)
    name = "group1-shard3of3.bin"
    put(key, {name: server.files[name][:-1]})
    with pytest.raises(WeightsUnavailableError) as caught:
        weights.artifact(key)
    assert str(weights.folder(key)) in str(caught.value)
    assert weights.CATALOGUE[key].url in str(caught.value)
    (weights.folder(key) / name).unlink()
    with pytest.raises(WeightsUnavailableError, match="shard3of3"):
        weights.artifact(key)
    assert not server.asked


def test_a_file_of_the_right_size_with_other_content(server: ModelServer) -> None:
    put("glas", server.files)
    name = "group1-shard1of3.bin"
    put("glas", {name: bytes(len(server.files[name]))})
    with pytest.raises(WeightsUnavailableError, match="is another file"):
        weights.artifact("glas")
    weights.fetch("glas", base_url=server.url)
    assert server.names == [name], "the damaged one comes again"
    assert weights.artifact("glas").weights


def test_nothing_is_here(cache: Path) -> None:
    for key, source in weights.CATALOGUE.items():
        assert weights.missing_bytes(key) == source.size
        with pytest.raises(WeightsUnavailableError) as caught:
            weights.artifact(key)
        text = str(caught.value)
        assert source.url in text
        assert str(cache / key) in text
        assert all(file.name in text for file in source.files)
    assert not cache.exists()


def test_a_folder_that_cannot_be_read(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "denied")

    for key in KEYS:
        put(key, server.files)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    for key in KEYS:
        with pytest.raises(WeightsUnavailableError, match="denied"):
            weights.artifact(key)
