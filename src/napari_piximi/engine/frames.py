"""What parent and child say to each other, and how one saying is told from the next."""

import pickle
import struct
from collections.abc import Callable, Iterable
from typing import IO, Any, NamedTuple

__all__ = ["Message", "packed", "read_frame", "unpacked", "write_frame"]

LENGTH = struct.Struct("<Q")
PROTOCOL = 5


class Message(NamedTuple):
    """What the child says.

    Attributes
    ----------
    kind : str
        ready, unfit, began, progress, keep, done, failed; and died, which nobody says of
        himself.
    call : int
        Number of the call that it is about.
    value : object
        Of builtin types. Anything else is a pickle of its own, to be opened by who wants it.
    """

    kind: str
    call: int = 0
    value: Any = None


class _Pieces:
    """Takes a pickle piece by piece; large buffers are not copied."""

    def __init__(self, between: Callable[[], object]) -> None:
        self.pieces: list[bytes] = []
        self._between = between

    def write(self, piece: bytes | pickle.PickleBuffer) -> int:
        self._between()
        data = bytes(piece)  # of a large array, this is no bytes, and has no length
        self.pieces.append(data)
        return len(data)


def packed(value: object, between: Callable[[], object] = lambda: None) -> list[bytes]:
    """Pickle a value into pieces of 64 KiB or so.

    Parameters
    ----------
    value : object
    between : callable
        Called before each piece; what it raises ends the work.
    """
    pieces = _Pieces(between)
    pickle.Pickler(pieces, PROTOCOL).dump(value)
    return pieces.pieces


class _Reading:
    """A pickle that is read piece by piece."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def read(self, count: int) -> bytes:
        start, self._at = self._at, self._at + count
        return bytes(self._data[start : self._at])

    def readinto(self, buffer: memoryview) -> int:
        piece = self._data[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def readline(self) -> bytes:
        end = bytes(self._data[self._at :]).find(b"\n") + 1  # only protocol 0 has lines
        return self.read(end or len(self._data) - self._at)


def unpacked(data: bytes) -> Any:  # noqa: ANN401
    """Open a pickle frame by frame, between which other threads may run."""
    return pickle.Unpickler(_Reading(data)).load()


def write_frame(stream: IO[bytes], pieces: Iterable[bytes]) -> None:
    """Write the pieces of one saying, its length first."""
    pieces = list(pieces)
    stream.write(LENGTH.pack(sum(map(len, pieces))))
    for piece in pieces:
        stream.write(piece)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes:
    """Read one saying.

    Raises
    ------
    EOFError
        If the stream ends before it does.
    """
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    (length,) = LENGTH.unpack(head)
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data
