import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.io.model_server import ModelServer
from tests.learn.mobilenet_topology import mobilenet_files

from napari_piximi.errors import Cancelled, ModelFileError, WeightsUnavailableError
from napari_piximi.io.tfjs import input_shape, weight_arrays
from napari_piximi.learn import remembered
from napari_piximi.learn.weights import cache_folder, mobilenet_artifact


@pytest.fixture
def server() -> Iterator[ModelServer]:
    document, shards = mobilenet_files(size=32, alpha=0.125, classes=5)
    running = ModelServer({"model.json": document, **shards}, "mobilenet_test")
    yield running
    running.close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_PIXIMI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mobilenet_test"


def test_downloads_once(server: ModelServer, cache: Path) -> None:
    reports: list[tuple[int, str]] = []
    artifact = mobilenet_artifact(
        "",
        lambda done, total, message="", **_: reports.append((done, message)),
        base_url=server.url,
    )
    assert input_shape(artifact.document) == (32, 32, 3)
    assert weight_arrays(artifact)["conv1/kernel"].shape == (3, 3, 3, 4)
    assert len(server.asked) == 56
    assert (len(server.files["model.json"]), "Downloading model.json") in reports
    assert json.loads((cache / "checksums.json").read_text()).keys() == server.files.keys()
    assert mobilenet_artifact("", base_url=server.url) == artifact
    assert len(server.asked) == 56


def test_files_put_by_hand_need_no_server(server: ModelServer, cache: Path) -> None:
    server.mood = "down"
    cache.mkdir(parents=True)
    for name, data in server.files.items():
        (cache / name).write_bytes(data)
    assert mobilenet_artifact("", base_url=server.url).weights
    assert not server.asked
    assert (cache / "checksums.json").is_file()


@pytest.mark.parametrize("mood", ["down", "truncating"])
def test_nothing_is_kept_of_a_failed_download(server: ModelServer, cache: Path, mood: str) -> None:
    server.mood = mood
    with pytest.raises(WeightsUnavailableError) as caught:
        mobilenet_artifact("", base_url=server.url)
    assert server.url in str(caught.value)
    assert str(cache) in str(caught.value)
    assert not cache.exists()


def test_a_stuck_server(server: ModelServer) -> None:
    server.mood = "stuck"
    with pytest.raises(WeightsUnavailableError, match="timed out"):
        mobilenet_artifact("", base_url=server.url, timeout=0.1)


def test_a_server_that_never_ends(server: ModelServer) -> None:
    server.mood = "slow"
    with pytest.raises(WeightsUnavailableError, match=r"not finished after 0\.5 s"):
        mobilenet_artifact("", base_url=server.url, timeout=0.05)


def test_nobody_there(cache: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match=r"put model\.json and the files"):
        mobilenet_artifact("", base_url="http://127.0.0.1:9/models/mobilenet_test")
    assert not cache.exists()


def test_too_large(server: ModelServer) -> None:
    with pytest.raises(WeightsUnavailableError, match="more than 50000 bytes"):
        mobilenet_artifact("", base_url=server.url, max_bytes=50_000)


def test_too_many_shards(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_SHARDS", 10)
    with pytest.raises(WeightsUnavailableError, match="it names 55 files"):
        mobilenet_artifact("", base_url=server.url)


def test_changed_content_is_refused(server: ModelServer, cache: Path) -> None:
    mobilenet_artifact("", base_url=server.url)
    (cache / "group1-shard1of1").unlink()
    changed = bytes(len(server.files["group1-shard1of1"]))
    server.files["group1-shard1of1"] = changed
    with pytest.raises(WeightsUnavailableError, match="not what it was at the first download"):
        mobilenet_artifact("", base_url=server.url)
    assert not (cache / "group1-shard1of1").exists()
    (cache / "group1-shard1of1").write_bytes(changed)
    with pytest.raises(WeightsUnavailableError, match=f"delete {cache}"):
        mobilenet_artifact("", base_url=server.url)


def test_a_server_with_something_else(server: ModelServer) -> None:
    server.files["model.json"] = b"<html>sign in</html>"
    with pytest.raises(WeightsUnavailableError, match="is not a JSON file"):
        mobilenet_artifact("", base_url=server.url)


def test_a_damaged_record(server: ModelServer, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "checksums.json").write_text("[")
    with pytest.raises(WeightsUnavailableError, match=r"checksums\.json is damaged"):
        mobilenet_artifact("", base_url=server.url)


def test_a_cache_that_is_no_folder(server: ModelServer, cache: Path) -> None:
    cache.parent.write_bytes(b"")
    with pytest.raises(WeightsUnavailableError, match="cannot be kept"):
        mobilenet_artifact("", base_url=server.url)


def test_a_cache_that_cannot_be_read(
    server: ModelServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "denied")

    cache.mkdir(parents=True)
    (cache / "model.json").write_bytes(b"{}")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(WeightsUnavailableError, match=r"model\.json: .*denied"):
        mobilenet_artifact("", base_url=server.url)


def test_cancelling_stops_it(server: ModelServer, cache: Path) -> None:
    def cancel(done: int, total: int, message: str = "", **values: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        mobilenet_artifact("", cancel, base_url=server.url)
    assert not cache.exists()


def test_a_file_of_the_users_own(tmp_path: Path) -> None:
    document, shards = mobilenet_files(size=32, alpha=0.125, classes=5)
    for name, data in {"mine.json": document, **shards}.items():
        (tmp_path / name).write_bytes(data)
    assert mobilenet_artifact(str(tmp_path / "mine.json")).weights
    (tmp_path / "group3-shard1of1").unlink()
    with pytest.raises(ModelFileError, match="group3-shard1of1"):
        mobilenet_artifact(str(tmp_path / "mine.json"))
    with pytest.raises(WeightsUnavailableError, match="there is no such file"):
        mobilenet_artifact(str(tmp_path / "other.json"))


def test_where_downloads_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("NAPARI_PIXIMI_CACHE")
    assert cache_folder().name == "napari-piximi"
