"""Cellpose on BioEngine, another machine: what Piximi in the browser uses.

The pixels leave this machine, so whoever calls this must have asked the user.
"""

import gzip
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import DownloadError, SegmentError
from napari_piximi.io.download import check_address
from napari_piximi.progress import Progress
from napari_piximi.segment.catalog import Plane, Segmenter, setting
from napari_piximi.segment.found import Found, found_labels

__all__ = ["SEGMENTERS", "BioEngineSettings", "find"]

SERVER = "https://ai.imjoy.io"
PLACE = "/public/services/triton-client/execute"
MODEL = "cellpose-python"
TICK = 0.05
PATIENCE = 10
"""Times the timeout that an answer may take which comes little by little."""
MOST_ANSWER = 2**30
MOST_LABEL = 2**31 - 1
LABEL_TYPES = ("uint8", "uint16", "uint32", "int32", "int64")


@dataclass(frozen=True, slots=True)
class BioEngineSettings:
    """What the service can be told."""

    diameter: float = setting(30.0, "Objects", "Their diameter in pixels", min=1.0, max=2000.0)
    server: str = setting(SERVER, "Server", "Address of the BioEngine that the pixels are sent to")
    timeout: float = setting(120.0, "Server", "Seconds to wait for an answer", min=1.0, max=3600.0)


def find(plane: Plane, settings: BioEngineSettings, progress: Progress) -> Found:
    """Send a plane away, and take the objects from the answer.

    Raises
    ------
    SegmentError
        If the answer holds no labels of the image.
    DownloadError
        If the server cannot be reached, or refuses; the message names it.
    Cancelled
        If `progress` raises it; the answer is then not waited for.

    Notes
    -----
    Channels come first, as 0…255 in float32, three of them. The service is Hypha's over HTTP:
    the arguments as gzipped MessagePack, arrays as ``_rtype: ndarray``.
    """
    server = settings.server.strip().rstrip("/")
    host = check_address(server)
    pixels = np.moveaxis(np.asarray(plane.pixels), 2, 0) * np.float32(255 / plane.top)
    question = {
        "inputs": [_sent(pixels.astype(np.float32)), {"diameter": settings.diameter}],
        "model_name": MODEL,
        "decode_json": True,
    }
    call = _Call(server + PLACE, _packed(question), settings.timeout)
    threading.Thread(target=call.run, name="bioengine", daemon=True).start()
    deadline = time.monotonic() + PATIENCE * settings.timeout
    while not call.ended.wait(TICK):
        progress(0, 0, f"Waiting for {host}")
        if time.monotonic() > deadline:
            raise DownloadError(f"{host}: not finished after {PATIENCE * settings.timeout:g} s")
    if call.failure is not None:
        raise DownloadError(f"{host}: {_reason(call.failure, settings)}") from call.failure
    return found_labels(_labels(call.answer, plane.pixels.shape[:2], host))


def _reason(failure: Exception, settings: BioEngineSettings) -> str:
    from requests import ConnectionError as NoConnectionError
    from requests import Timeout

    if isinstance(failure, Timeout):
        return f"no answer within {settings.timeout:g} s; wait longer, or try again later"
    if isinstance(failure, NoConnectionError):
        return "cannot be reached; check the address and the connection"
    return str(failure) or type(failure).__name__


def _sent(array: NDArray[Any]) -> dict[str, Any]:
    return {
        "_rtype": "ndarray",
        "_rvalue": array.tobytes(),
        "_rshape": list(array.shape),
        "_rdtype": str(array.dtype),
    }


def _packed(question: Mapping[str, Any]) -> bytes:
    import msgpack

    return gzip.compress(msgpack.packb(question), 1)


@dataclass
class _Call:
    """A question to the server, asked in a thread that nobody has to wait for."""

    address: str
    question: bytes
    timeout: float
    answer: bytes = b""
    failure: Exception | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        import requests

        kinds = {"Content-Type": "application/msgpack", "Content-Encoding": "gzip"}
        try:
            with requests.post(
                self.address,
                data=self.question,
                headers=kinds,
                timeout=self.timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                if response.status_code != 200:
                    raise DownloadError(f"the server answers {response.status_code}")
                self.answer = response.raw.read(MOST_ANSWER + 1, decode_content=True)
        except Exception as error:  # whatever it is, it is told by who waits
            self.failure = error
        finally:
            self.ended.set()


def _labels(answer: bytes, shape: tuple[int, ...], host: str) -> NDArray[np.int32]:
    """Read the labels out of an answer, which may hold anything."""
    import msgpack

    try:
        mask = msgpack.unpackb(answer)["mask"]
        dtype, sent = str(mask["_rdtype"]), tuple(mask["_rshape"])
        if dtype not in LABEL_TYPES or sent not in (shape, (1, *shape)):
            raise ValueError(f"labels of {sent}, {dtype}, for an image of {shape}")
        labels = np.frombuffer(mask["_rvalue"], dtype).reshape(shape)
        if labels.size and not 0 <= labels.min() <= labels.max() <= MOST_LABEL:
            raise ValueError(f"labels of {labels.min()} to {labels.max()}")
    except Exception as error:  # MessagePack has many of its own
        text = " ".join(str(error).split())[:200]
        raise SegmentError(f"{host}: the answer holds no labels of the image ({text})") from error
    return labels.astype(np.int32)


SEGMENTERS = (
    Segmenter(
        key="bioengine",
        title="Cellpose on BioEngine (sends pixels away)",
        summary="Cellpose as Piximi in the browser runs it: on a public server, to which your "
        "images are sent.",
        kind="cellpose_cells",
        settings=BioEngineSettings,
        find=find,
        channels=("red", "green", "blue"),
        place="window",
        package="msgpack",
        remote=True,
        pixel_size="Cells and nuclei of most sizes; say their diameter",
        licence="of the service; code BSD-3-Clause",
        citation="Stringer et al. (2021), Cellpose, Nature Methods 18; BioEngine, bioimage.io",
    ),
)
