import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgpack
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_piximi.errors import Cancelled, DownloadError, SegmentError
from napari_piximi.progress import silent
from napari_piximi.segment.catalog import Plane, find_segmenter
from napari_piximi.segment.found import Found, painted
from napari_piximi.segment.segmenters import bioengine
from napari_piximi.segment.segmenters.bioengine import BioEngineSettings, find

PIXELS = np.arange(5 * 7 * 3, dtype=np.uint16).reshape(5, 7, 3) * 100
LABELS = np.zeros((1, 5, 7), np.uint16)
LABELS[0, 1:3, 2:5], LABELS[0, 4, 6] = 300, 2

Answer = Callable[[dict[str, Any]], tuple[int, bytes]]


def packed(labels: NDArray[Any]) -> bytes:
    mask = {
        "_rtype": "ndarray",
        "_rvalue": labels.tobytes(),
        "_rshape": list(labels.shape),
        "_rdtype": str(labels.dtype),
    }
    return bytes(msgpack.packb({"mask": mask, "info": []}))


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Answer questions on this machine; yield the address, and what was asked."""
    asked: list[dict[str, Any]] = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append({"path": self.path, **msgpack.unpackb(gzip.decompress(body))})
            status, data = answer(asked[-1])
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def found_with(answer: Answer, pixels: NDArray[Any] = PIXELS, bit_depth: int = 16) -> Found:
    with serving(answer) as (address, _):
        return find(Plane(pixels, bit_depth), BioEngineSettings(server=address), silent)


def test_the_labels_in_the_answer_are_the_objects() -> None:
    with serving(lambda _: (200, packed(LABELS))) as (address, asked):
        settings = BioEngineSettings(server=f"{address}/", diameter=12.0)
        found = find(Plane(PIXELS, 16), settings, silent)
    again = painted(found, (5, 7))
    np.testing.assert_array_equal(again == 2, LABELS[0] == 300)
    np.testing.assert_array_equal(again == 1, LABELS[0] == 2)
    (question,) = asked
    assert question["path"] == "/public/services/triton-client/execute"
    assert (question["model_name"], question["decode_json"]) == ("cellpose-python", True)
    image, params = question["inputs"]
    assert params == {"diameter": 12.0}
    sent = np.frombuffer(image["_rvalue"], image["_rdtype"]).reshape(image["_rshape"])
    np.testing.assert_allclose(sent, PIXELS.transpose(2, 0, 1) / 257, rtol=1e-6)


def test_no_object_is_no_error() -> None:
    assert len(found_with(lambda _: (200, packed(np.zeros((5, 7), np.int32))))) == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not packed",
        msgpack.packb(3),
        msgpack.packb({"mask": None}),
        packed(LABELS[:, :4]),
        packed(LABELS.astype(np.float32)),
        msgpack.packb({"mask": {"_rvalue": b"12", "_rshape": [5, 7], "_rdtype": "uint16"}}),
        msgpack.packb({"mask": {"_rvalue": b"", "_rshape": [2**40, 7], "_rdtype": "uint16"}}),
    ],
)
def test_an_answer_without_labels_of_the_image_is_refused(answer: bytes) -> None:
    with pytest.raises(SegmentError, match=r"127.0.0.1:\d+: the answer holds no labels"):
        found_with(lambda _: (200, answer))


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_server_that_refuses_is_named(status: int) -> None:
    with pytest.raises(DownloadError, match=rf"127.0.0.1:\d+: the server answers {status}"):
        found_with(lambda _: (status, b""))


def test_a_server_that_is_down_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:\d+: cannot be reached; check"):
        find(Plane(PIXELS, 16), BioEngineSettings(server=address), silent)


def test_a_server_that_is_silent_is_not_waited_for() -> None:
    release = threading.Event()

    def silence(_: dict[str, Any]) -> tuple[int, bytes]:
        release.wait(30)
        return 500, b""

    with serving(silence) as (address, _):
        with pytest.raises(DownloadError, match=r"no answer within 0.1 s"):
            find(Plane(PIXELS), BioEngineSettings(server=address, timeout=0.1), silent)
        release.set()


def test_a_server_that_answers_byte_by_byte_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()
    monkeypatch.setattr(bioengine._Call, "run", lambda self: release.wait(30))
    with pytest.raises(DownloadError, match=r"127.0.0.1:1: not finished after 0.2 s"):
        find(Plane(PIXELS), BioEngineSettings(server="http://127.0.0.1:1", timeout=0.02), silent)
    release.set()


@pytest.mark.parametrize("label", [-1, 2**31, 2**40])
def test_labels_that_could_be_mistaken_for_others_are_refused(label: int) -> None:
    labels = LABELS.astype(np.int64)
    labels[0, 0, 0] = label
    with pytest.raises(SegmentError, match="the answer holds no labels of the image"):
        found_with(lambda _: (200, packed(labels)))


def test_pixels_go_nowhere_unprotected() -> None:
    with pytest.raises(DownloadError, match="only https"):
        find(Plane(PIXELS), BioEngineSettings(server="http://example.org"), silent)


def test_a_cancel_does_not_wait_for_the_answer() -> None:
    release = threading.Event()

    def slow(_: dict[str, Any]) -> tuple[int, bytes]:
        release.wait(30)
        return 200, packed(LABELS)

    def stop(done: int, total: int, message: str = "", **_: object) -> None:
        release.set()
        raise Cancelled

    with serving(slow) as (address, _), pytest.raises(Cancelled):
        find(Plane(PIXELS), BioEngineSettings(server=address), stop)


def test_it_says_that_it_sends_pixels_away() -> None:
    about = find_segmenter("bioengine")
    assert about.remote
    assert "sends pixels away" in about.title
