"""Models from an address: over https alone, no more than is allowed, all of it or nothing."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from tests.io.model_server import ModelServer
from tests.learn.graph_files import classifier_graph, packed

from napari_piximi.errors import Cancelled, DownloadError, ModelFileError
from napari_piximi.io import remote_models
from napari_piximi.io.download import Downloads, check_address
from napari_piximi.io.remote_models import fetch_model


@pytest.fixture
def server() -> Iterator[ModelServer]:
    document, shards = packed(*classifier_graph(), 3)
    names = document["weightsManifest"][0]["paths"]
    files = dict(zip(names, shards, strict=True))
    running = ModelServer({"model.json": json.dumps(document).encode(), **files})
    yield running
    running.close()


@pytest.mark.parametrize("ending", ["", "model.json", "model.json?key=1#part"])
def test_all_files_come(server: ModelServer, ending: str) -> None:
    reports: list[tuple[int, int, str]] = []
    found = fetch_model(
        server.url + ending,
        lambda done, total, message="", **_: reports.append((done, total, message)),
    )
    assert (found.name, found.artifact.classes) == ("net_of_ours", ("upright", "lying"))
    assert found.host == server.url.split("/")[2]
    assert [file.name for file in found.files] == list(server.files)
    for file in found.files:
        data = server.files[file.name]
        assert (file.size, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert len(server.asked) == 4
    assert all(path.endswith("?key=1") == ("key" in ending) for path in server.asked)
    assert reports[-1][2] == "Downloading group1-shard3of3.bin (3 of 3)"
    assert reports[-1][0] == reports[-1][1] == found.files[-1].size


def test_nothing_of_the_user_is_sent(
    server: ModelServer, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="ascii") as file:
        file.write("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", netrc)
    fetch_model(server.url)
    for headers in server.headers:
        assert not {"Authorization", "Cookie", "Referer"} & headers.keys()


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/model.json",
        "ftp://example.org/model.json",
        "file:///etc/passwd",
        "http://127.0.0.1.example.org/model.json",
        "http://10.0.0.1/model.json",
    ],
)
def test_only_https(address: str) -> None:
    with pytest.raises(DownloadError, match=r"only https|is no address"):
        fetch_model(address)


@pytest.mark.parametrize("address", ["", "model.json", "https://", "https://[", "https://a b/c"])
def test_no_address(address: str) -> None:
    with pytest.raises(DownloadError):
        check_address(address)
    with pytest.raises(DownloadError):
        fetch_model(address)


def test_no_passwords() -> None:
    with pytest.raises(DownloadError, match="user name or password"):
        check_address("https://me:secret@example.org/model.json")
    assert check_address("https://example.org:8443/model.json") == "example.org:8443"


def test_the_server_is_down(server: ModelServer) -> None:
    server.mood = "down"
    with pytest.raises(DownloadError, match="answers 503"):
        fetch_model(server.url)
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9/model\.json: no connection"):
        fetch_model("http://127.0.0.1:9/model.json")


def test_a_file_is_missing(server: ModelServer) -> None:
    del server.files["group1-shard2of3.bin"]
    with pytest.raises(DownloadError, match=r"shard2of3\.bin: the server answers 404"):
        fetch_model(server.url)


def test_a_stuck_server(server: ModelServer) -> None:
    server.mood = "stuck"
    with pytest.raises(DownloadError, match="timed out"):
        fetch_model(server.url, timeout=0.1)


def test_a_slow_server(server: ModelServer) -> None:
    server.mood = "slow"
    server.files["model.json"] += b" " * 20_000
    with pytest.raises(DownloadError, match="not finished after 1 s"):
        fetch_model(server.url, timeout=0.1)


def test_cut_short(server: ModelServer) -> None:
    server.mood = "truncating"
    with pytest.raises(DownloadError, match="broke before all of it"):
        fetch_model(server.url)


@pytest.mark.parametrize("mood", ["well", "silent about lengths"])
def test_too_large(server: ModelServer, mood: str) -> None:
    server.mood = mood
    room = len(server.files["model.json"]) + 10
    with pytest.raises(DownloadError, match=f"more than {room} bytes"):
        fetch_model(server.url, max_bytes=room)


def test_too_many_files(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_models, "MOST_FILES", 2)
    with pytest.raises(DownloadError, match="names 3 files"):
        fetch_model(server.url)
    assert len(server.asked) == 1


def test_something_else(server: ModelServer) -> None:
    server.files["model.json"] = b"<html>sign in</html>"
    with pytest.raises(ModelFileError, match="is not a JSON file"):
        fetch_model(server.url)
    server.files["model.json"] = b'{"modelTopology": {"node": [{"name": "x", "op": "PyFunc"}]}}'
    with pytest.raises(ModelFileError, match=r"weightsManifest|PyFunc"):
        fetch_model(server.url)
    assert len(server.asked) == 2


def test_weights_elsewhere(server: ModelServer) -> None:
    document = json.loads(server.files["model.json"])
    document["weightsManifest"][0]["paths"][0] = "https://example.org/evil.bin"
    server.files["model.json"] = json.dumps(document).encode()
    with pytest.raises(ModelFileError, match="not the name of a file beside"):
        fetch_model(server.url)


def test_redirects(server: ModelServer) -> None:
    server.redirect = server.url + "moved/model.json"
    assert Downloads().fetch(server.url + "model.json") == server.files["model.json"]
    server.redirect = "http://example.org/moved"
    with pytest.raises(DownloadError, match="only https"):
        Downloads().fetch(server.url + "model.json")
    server.redirect = "/around"
    with pytest.raises(DownloadError, match="leads on more than 5 times"):
        Downloads().fetch(server.url + "model.json")


def test_a_redirect_from_https_to_http(monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    def answer(_: object, place: str, **__: object) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url = 302, place
        response._content_consumed = True
        response.headers["Location"] = "http://127.0.0.1:9/model.json"
        return response

    monkeypatch.setattr(requests.Session, "get", answer)
    with pytest.raises(DownloadError, match="which is not https"):
        fetch_model("https://example.org/model.json")


def test_cancelling(server: ModelServer) -> None:
    def cancel(done: int, total: int, message: str = "", **values: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        fetch_model(server.url, cancel)


@contextmanager
def answering(*pieces: bytes) -> Iterator[str]:
    """Serve bytes as they are; the last piece again and again, with a pause before each."""
    over = threading.Event()

    def answer(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client, suppress(OSError):
            client.recv(4096)
            for piece in pieces:
                client.sendall(piece)
            while not over.wait(0.02):
                client.sendall(pieces[-1])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=answer, args=(listening,))
        server.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/model.json"
        over.set()
        server.join()


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
)
def test_a_byte_now_and_then(pieces: tuple[bytes, ...]) -> None:
    began = time.monotonic()
    # On a machine that is busy, a pause may be longer than the timeout.
    given_up = pytest.raises(DownloadError, match=r"not finished after 1\.5 s|timed out")
    with answering(*pieces) as address, given_up:
        Downloads(timeout=0.15).fetch(address)
    assert time.monotonic() - began < 4

    def cancel(*_: object, **__: object) -> None:
        raise Cancelled

    began = time.monotonic()
    with answering(*pieces) as address, pytest.raises(Cancelled):
        Downloads(progress=cancel).fetch(address)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("digits", [30, 5000])
def test_a_length_beyond_measure(digits: int) -> None:
    told = b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * digits + b"\r\n\r\n"
    with answering(told, b"x") as address, pytest.raises(DownloadError, match="more than"):
        Downloads(timeout=0.5).fetch(address)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://[::1", "data:text/plain,a"])
def test_a_redirect_to_no_address(server: ModelServer, place: str) -> None:
    server.redirect = place
    with pytest.raises(DownloadError, match=r"model\.json: .*(no address|IPv6)"):
        Downloads().fetch(server.url + "model.json")
