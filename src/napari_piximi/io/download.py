"""Files from the net: over https, no larger and no slower than they may be.

Nothing is sent but the request for the file: no cookies, no name or password, no referrer.
"""

import hashlib
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin, urlsplit

from napari_piximi.errors import DownloadError
from napari_piximi.progress import Progress, silent

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

__all__ = ["Downloads", "check_address", "checksum"]

_CHUNK = 2**16
_REDIRECTS = 5
_DIGITS = 20
_TICK = 0.05
"""Seconds between two looks at whether to go on."""


def check_address(address: str) -> str:
    """Refuse an address that must not be fetched from.

    Parameters
    ----------
    address : str

    Returns
    -------
    str
        The host, with its port where one is stated.

    Raises
    ------
    DownloadError
        If it is not https (http is for this very computer only), names no host, or holds a
        user name or password.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise DownloadError(f"{address!r} is no address: {error}") from error
    if not host or any(sign.isspace() for sign in address):
        raise DownloadError(f"{address!r} is no address; it should begin with https://")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise DownloadError(
            f"{address}: only https:// addresses are fetched, so that nobody on the way can "
            "change what arrives"
        )
    if parts.username or parts.password:
        raise DownloadError(f"{host}: an address with a user name or password is not fetched")
    return host if port is None else f"{host}:{port}"


def checksum(data: bytes) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@dataclass
class Downloads:
    """Files that are fetched one after another and share one allowance.

    Attributes
    ----------
    timeout : float
        Seconds without a byte after which the server counts as down.
    max_bytes : int
        Most that all files may have together.
    progress : Progress
        Told of bytes; may raise Cancelled, which is passed on.
    fetched : dict of str to bytes
        What came, by address.
    longest : float, optional
        Seconds that one file may take; ten times the timeout by default.
    """

    timeout: float = 30.0
    max_bytes: int = 512 * 2**20
    progress: Progress = silent
    fetched: dict[str, bytes] = field(default_factory=dict)
    longest: float | None = None

    @property
    def room(self) -> int:
        """Bytes that may still be fetched."""
        return self.max_bytes - sum(len(data) for data in self.fetched.values())

    def fetch(self, address: str, name: str = "") -> bytes:
        """Fetch a file.

        Parameters
        ----------
        address : str
        name : str, optional
            What it is called in reports of progress; by default the last part of its path.

        Raises
        ------
        DownloadError
            If there is no connection, the server has no such file, is too slow, leads
            elsewhere than to https, or the file is larger than may still be fetched, or cut
            short. The message names the address.
        """
        sink = BytesIO()
        self._bring(address, name, sink)
        data = self.fetched[address] = sink.getvalue()
        return data

    def save(self, address: str, path: Path, name: str = "") -> None:
        """Fetch a file that is large into its place; nothing is left of one that does not come.

        Raises
        ------
        DownloadError
            As for :meth:`fetch`.
        OSError
            If it cannot be written.
        """
        part = path.with_name(f".{path.name}.{token_hex(4)}.new")
        try:
            with part.open("wb") as sink:
                self._bring(address, name, sink)
            os.replace(part, path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _bring(self, address: str, name: str, sink: BinaryIO) -> None:
        check_address(address)
        name = name or urlsplit(address).path.rpartition("/")[2] or address
        arrival = _Arrival(address, self.timeout, self.room, sink)
        threading.Thread(target=arrival.run, name="download", daemon=True).start()
        try:
            self._wait_for(arrival, name)
        finally:
            arrival.unwanted = True
        if isinstance(arrival.failure, _TooLargeError):
            raise DownloadError(f"{address}: more than {self.max_bytes} bytes")
        if arrival.failure is not None:
            raise DownloadError(f"{address}: {_reason(arrival.failure)}") from arrival.failure

    def _wait_for(self, arrival: "_Arrival", name: str) -> None:
        longest = self.longest or 10 * self.timeout
        deadline = time.monotonic() + longest
        going = True
        while going:
            going = not arrival.ended.wait(_TICK)
            self.progress(arrival.sink.tell(), max(arrival.stated, 0), f"Downloading {name}")
            if going and time.monotonic() > deadline:
                raise DownloadError(f"{arrival.address}: not finished after {longest:g} s")


@dataclass
class _Arrival:
    """A file that comes in a thread of its own.

    A server that sends a byte now and then keeps a reader waiting for as long as it likes;
    so nobody waits for the reader, who is left alone instead.
    """

    address: str
    timeout: float
    room: int
    sink: BinaryIO
    stated: int = -1
    failure: Exception | None = None
    unwanted: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        from requests import Session

        try:
            with Session() as session:
                session.headers["Accept-Encoding"] = "identity"
                session.auth = _anonymous
                with self._asked(session) as response:
                    self._read(response)
        except Exception as error:  # whatever it is, it is told by who waits
            self.failure = error
        finally:
            self.ended.set()

    def _asked(self, session: "Session") -> "Response":
        """Follow redirects, each of which must lead where it may."""
        local, place = urlsplit(self.address).scheme == "http", self.address
        for _ in range(_REDIRECTS + 1):
            response = session.get(place, stream=True, timeout=self.timeout, allow_redirects=False)
            if not response.is_redirect:
                if response.status_code >= 400:
                    status = f"{response.status_code} {response.reason}"
                    response.close()
                    raise _TooMuchError(f"the server answers {status}")
                return response
            place = urljoin(place, response.headers["Location"])
            response.close()
            session.cookies.clear()
            if not local and urlsplit(place).scheme != "https":
                raise _TooMuchError(f"it leads on to {place}, which is not https")
            check_address(place)
        raise _TooMuchError(f"it leads on more than {_REDIRECTS} times")

    def _read(self, response: "Response") -> None:
        self.stated = _length(response.headers)
        if self.stated > self.room:
            raise _TooLargeError
        for chunk in response.iter_content(_CHUNK):
            if self.unwanted:
                return
            if self.sink.tell() + len(chunk) > self.room:
                raise _TooLargeError
            self.sink.write(chunk)


class _TooMuchError(Exception):
    """A download that is not to go on."""


class _TooLargeError(Exception):
    """A file that is larger than may still be fetched."""


def _anonymous(request: "PreparedRequest") -> "PreparedRequest":
    """Keep requests from sending a password that it finds in the user's .netrc."""
    return request


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("Content-Length", "")
    # More digits than any file has bytes: Python refuses to read thousands of them.
    return int(text[:_DIGITS]) if text.isdecimal() else -1


def _reason(error: Exception) -> str:
    """Say in a few words what requests takes a paragraph for."""
    from requests import ConnectionError as NoConnection
    from requests import Timeout
    from requests.exceptions import ChunkedEncodingError, SSLError

    if isinstance(error, DownloadError):
        return f"it leads on to where it must not: {error}"
    if isinstance(error, Timeout) or "timed out" in str(error):
        return "timed out"
    if isinstance(error, ChunkedEncodingError) or "IncompleteRead" in str(error):
        return "the connection broke before all of it had come"
    if isinstance(error, SSLError):
        return f"the server could not prove who it is ({' '.join(str(error).split())[:200]})"
    return "no connection" if isinstance(error, NoConnection) else str(error)
