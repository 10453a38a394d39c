"""The engine as its child sees it: import, then run what comes in."""

import gc
import importlib
import io
import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import IO, Any

from napari_piximi.engine.frames import Message, packed, read_frame, write_frame
from napari_piximi.errors import Cancelled, EngineError, PiximiError, PiximiWarning

__all__ = ["serve"]

INTERVAL = 0.04
"""Seconds between two reports of progress."""
NICENESS = 10
"""The child gives way to the window, and to whatever else the user does."""
WATCH = 2.0
"""Seconds between two looks at whether the parent lives."""
TOLD = 300
"""Characters of a foreign error that are told."""


def serve(modules: Sequence[str] = (), parent: int = 0) -> None:
    """Be the child: import modules, then run what comes in, until the parent has gone.

    Parameters
    ----------
    modules : sequence of str
    parent : int
        Its process id; 0 where there is only the end of the stream to tell that it has gone.
    """
    with suppress(AttributeError, OSError):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's
    commands, answers = _streams()
    server = _Server(answers)
    calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
    obey = partial(_obey, commands, calls, server)
    threading.Thread(target=_to_the_end, args=(obey,), daemon=True).start()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    _to_the_end(partial(_serve, server, modules, calls))


def _serve(server: "_Server", modules: Sequence[str], calls: "queue.SimpleQueue[Any]") -> None:
    if server.ready(modules):
        while True:
            server.run(*calls.get())


def _to_the_end(work: Callable[[], None]) -> None:
    """Work until nobody is there any more, then end, whatever threads libraries have."""
    try:
        work()
    except (OSError, EOFError):
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(1)


def _streams() -> tuple[IO[bytes], IO[bytes]]:
    """Take standard input and output for ourselves; what libraries print goes with the errors."""
    commands, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(commands, "rb"), os.fdopen(answers, "wb")


def _obey(commands: IO[bytes], calls: "queue.SimpleQueue[Any]", server: "_Server") -> None:
    """Take commands in, also while a function runs; end when the parent has gone."""
    while True:
        name, *rest = pickle.loads(read_frame(commands))
        if name == "cancel":
            server.cancel(*rest)
        else:
            calls.put([*rest, read_frame(commands)])


def _watch(parent: int) -> None:
    """End with the parent even where a fork of it holds our streams open."""
    while parent and sys.platform != "win32":
        if os.getppid() != parent:
            os._exit(0)
        time.sleep(WATCH)


class _Server:
    """Runs one function after the other and tells how it goes."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._talking = threading.Lock()
        self._cancelled = 0
        self._call = 0
        self._said = 0.0

    def ready(self, modules: Sequence[str]) -> bool:
        """Import modules; tell whether that can be done."""
        try:
            for module in modules:
                importlib.import_module(module)
        except BaseException as error:
            self._say(Message("unfit", 0, pickle.dumps(_sendable(error))))
            return False
        self._say(Message("ready"))
        return True

    def cancel(self, call: int) -> None:
        """Let the call, and any before it, end at its next report."""
        self._cancelled = call

    def run(self, call: int, shape: tuple[bool, bool], asked: bytes) -> None:
        """Run a function and send what becomes of it; its arguments have gone by then."""
        self._call = call
        self._say(Message("began", call))
        reports, keeps = shape
        own: dict[str, Callable[..., None]] = {}
        if reports:
            own["progress"] = self._report
        if keeps:
            own["keep"] = self._keep
        try:
            message = Message("done", call, _done(asked, own))
        except BaseException as error:
            message = Message("failed", call, pickle.dumps((None, _sendable(error)), 5))
        self._say(message)
        del message
        gc.collect()

    def _say(self, message: Message) -> None:
        """Send a message; pickled first, so that a part of it is never sent alone."""
        pieces = packed(tuple(message))
        with self._talking:
            write_frame(self._answers, pieces)

    def _report(self, done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        if self._call <= self._cancelled:
            raise Cancelled("Cancelled")
        now = time.monotonic()
        if now - self._said > INTERVAL or done == total > 0:
            self._said = now
            self._say(Message("progress", self._call, ((done, total, message), values)))

    def _keep(self, value: object) -> None:
        self._say(Message("keep", self._call, pickle.dumps(value, 5)))


def _done(asked: bytes, own: dict[str, Callable[..., None]]) -> bytes:
    """Call a function; return its result and warnings, pickled."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PiximiWarning)
        result = _called(asked, own)
    told = [str(item.message) for item in caught if issubclass(item.category, PiximiWarning)]
    try:
        return pickle.dumps((result, told), 5)
    except MemoryError:
        raise
    except Exception as error:
        name = type(result).__name__
        raise EngineError(f"The result, of type {name}, cannot be sent: {error}") from error


def _called(asked: bytes, own: dict[str, Callable[..., None]]) -> Any:  # noqa: ANN401
    try:
        function, args, options = pickle.loads(asked)
    except MemoryError:
        raise
    except Exception as error:
        raise EngineError(f"The arguments cannot be read: {error}") from error
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found(*args, **options, **own)


def _sendable(error: BaseException) -> BaseException:
    """Return an error that the parent can read: ours as they are, others in words."""
    if isinstance(error, PiximiError | MemoryError):
        with suppress(Exception):
            pickle.loads(pickle.dumps(error))
            return error
    text = str(error).strip().splitlines() or [""]
    sent = EngineError(f"{type(error).__name__}: {text[0][:TOLD]}")
    trace = io.StringIO()
    traceback.print_exception(error, file=trace)
    sent.details = trace.getvalue()
    return sent
