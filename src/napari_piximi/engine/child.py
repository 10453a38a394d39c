"""The child process as its parent sees it."""

import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, NoReturn

from napari_piximi.engine.frames import Message, packed, read_frame, write_frame
from napari_piximi.errors import Cancelled, EngineError, PiximiError
from napari_piximi.progress import Progress

__all__ = ["TICK", "WAITING", "Child"]

TICK = 0.03
"""Seconds between two looks at whether the caller wants to stop."""
HASTE = 0.1
"""Seconds in which a function that has nothing to hand over yet may answer a stop."""
WAITING = "Waiting for other work to end"
STARTING, STARTING_AGAIN = "Starting the engine", "Starting the engine again: it had gone"
PATIENT = 10
"""Seconds of a start after which it is said how long it takes already."""
DYING = 2.0
"""Seconds in which a child that was closed must have ended."""
TOLD = 300
"""Characters of the child's last words that an error quotes."""
DETAILS = 4000
"""Bytes of them that go into a report of the fault."""

_BOOT = (
    "import sys; sys.path[:] = {path!r}; from napari_piximi.engine import serve; "
    "serve({modules!r}, {parent})"
)


class Child:
    """A process that runs functions.

    Parameters
    ----------
    modules : sequence of str
    environment : mapping
    again : bool
        Another one died before it; whoever waits is told, which is all that there is to say
        of a process that had nothing to do.

    Raises
    ------
    EngineError
        If the system lets no process start.
    """

    def __init__(
        self, modules: Sequence[str], environment: Mapping[str, str], *, again: bool = False
    ) -> None:
        self.environment = dict(environment)
        self._starting, self._begun = STARTING_AGAIN if again else STARTING, time.monotonic()
        words = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the process has ended
        try:
            self.process = _begun(modules, environment, words)
        except OSError as error:
            words.close()
            raise EngineError(f"No process can be started to compute in ({error})") from error
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._speaking = threading.Lock()
        self._ready = self._closed = False
        self._heard = 0  # length of its words when the call began
        self._left: float | None = None  # until when a call that was left alone may be silent
        self._words = words
        heed = (weakref.ref(self), self.process, words)
        listener = threading.Thread(target=_listen, args=heed, daemon=True)
        listener.start()
        self._finalizer = weakref.finalize(self, _end, self.process, listener, os.getpid())

    @property
    def closed(self) -> bool:
        """Whether it was ended on purpose."""
        return self._closed

    @property
    def alive(self) -> bool:
        """Whether it can be asked; also tells at once when it was killed a moment ago."""
        return not self._closed and self.process.poll() is None

    @property
    def waiting(self) -> str:
        """What whoever waits for it is told."""
        seconds = int(time.monotonic() - self._begun)
        if self._ready:
            return WAITING
        return self._starting if seconds < PATIENT else f"{self._starting}, {seconds} s"

    def begin(self, call: int, shape: tuple[bool, bool], pieces: list[bytes]) -> None:
        """Let it run a function; `shape` tells whether that reports and keeps."""
        with suppress(OSError, ValueError):  # the words have gone with the process
            self._heard = os.fstat(self._words.fileno()).st_size
        self._say([packed(("call", call, shape)), pieces])

    def wait_until_ready(self, report: Progress, remedy: str) -> None:
        """Wait until its modules are imported.

        Raises
        ------
        EngineError
            If they cannot be.
        """
        while not self._ready:
            report(0, 0, self.waiting)
            message = self._next()
            if message is None:
                continue
            if message.kind == "unfit":
                self.close()
                raise _unfit(message.value, remedy)
            self._check_alive(message, None, report, remedy)
            self._ready = True

    def outcome(
        self,
        call: int,
        report: Progress,
        grace: float,
        sent: list[bytes],
        *,
        keeps: bool = False,
        again: bool = False,
    ) -> bytes | None:
        """Hand on reports until the call ends; return its outcome, a pickle.

        None where the child died before it began, unless this is tried `again`. What was
        `sent` is forgotten as soon as it is not needed for that. A call that is stopped before
        it has anything to hand over is left alone: it ends in its own time, and nobody waits
        for that but the next one.
        """
        course = _Course(call, keeps=keeps)
        if self._left is not None:
            course.latest = ((0, 0, WAITING), {})
        while course.outcome is None:
            message = self._next()
            if message is not None:
                if message.kind == "died" and not (course.began or self._closed or again):
                    return None
                self._check_alive(message, course.kept, report)
                course.take(message)
                if course.began:
                    self._left = None
                    sent.clear()
            if course.outcome is None:
                if not again and self._hangs(grace, heard=message is not None):
                    return None
                self._attend(course, report, grace, heard=message is not None)
        return course.outcome

    def _attend(self, course: "_Course", report: Progress, grace: float, *, heard: bool) -> None:
        """Report how it goes; ask it to stop where that is wanted, and see whether it does."""
        now = time.monotonic()
        if course.patience is None:
            if self._cancelled(report, course.call, course.latest, fresh=heard):
                course.patience = now + (HASTE if course.empty else grace)
        elif heard and not course.empty:
            course.patience = now + grace
        elif now > course.patience:
            self._give_up(course, grace)

    def _hangs(self, grace: float, *, heard: bool) -> bool:
        """End a child in which a call that was left alone does not end; tell whether it was."""
        if self._left is None:
            return False
        if heard:
            self._left = time.monotonic() + grace
        elif time.monotonic() > self._left:
            self.close()
            return True
        return False

    def _give_up(self, course: "_Course", grace: float) -> NoReturn:
        """Wait no longer for a call that was stopped."""
        if course.empty:
            self._left = time.monotonic() + grace
            raise Cancelled("Cancelled")
        self.close()
        raise _stubborn(course.kept, grace)

    def close(self) -> None:
        """End it."""
        self._closed = True
        self._finalizer()

    def put(self, message: Message) -> None:
        """Take a message that the child sent."""
        self._messages.put(message)

    def _say(self, frames: list[list[bytes]]) -> None:
        assert self.process.stdin is not None
        try:
            with self._speaking:
                for pieces in frames:
                    write_frame(self.process.stdin, pieces)
        except (OSError, ValueError):  # it died; the end of its messages tells how
            pass
        except BaseException:
            self.close()  # half a message: what follows could not be understood
            raise

    def _cancelled(self, report: Progress, call: int, latest: Any, *, fresh: bool) -> bool:  # noqa: ANN401
        """Report; where the caller wants to stop, tell the child. Figures are reported once."""
        position, values = latest
        try:
            report(*position, **(values if fresh else {}))
        except Cancelled:
            self._say([packed(("cancel", call))])
            return True
        except BaseException:
            self.close()  # nobody waits for the outcome
            raise
        return False

    def _next(self) -> Message | None:
        try:
            return self._messages.get(timeout=TICK)
        except queue.Empty:
            return None

    def _check_alive(
        self, message: Message, kept: bytes | None, report: Progress, remedy: str = ""
    ) -> None:
        if message.kind != "died":
            return
        self._messages.put(message)  # for the next one who asks
        code, written, words = message.value
        words = words[-max(written - self._heard, 0) :] if written > self._heard else b""
        if self._closed:
            report(0, 0)  # who closed it mostly wanted this to stop, too
            text = "The process that computes was closed before it had finished"
        else:
            text = _obituary(code, words.decode(errors="replace"), started=self._ready)
        text = text if self._ready else f"{text}. {remedy}".strip(" .")
        raise _error(text, kept, words)


class _Course:
    """How a call goes, as far as its messages tell."""

    def __init__(self, call: int, *, keeps: bool = False) -> None:
        self.call = call
        self.keeps = keeps
        self.began = False
        self.kept: bytes | None = None
        self.patience: float | None = None  # until when it may be silent, once it is to stop
        self.latest: tuple[tuple[Any, ...], dict[str, Any]] = ((0, 0, ""), {})
        self.outcome: bytes | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is lost with the call: it did not begin, or would have kept something."""
        return not self.began or (self.keeps and self.kept is None)

    def take(self, message: Message) -> None:
        """Take a message; one of a call that nobody waits for any more says nothing."""
        if message.call != self.call:
            return
        if message.kind == "began":
            self.began = True
        elif message.kind == "keep":
            self.kept = message.value
        elif message.kind == "progress":
            self.latest = message.value
        else:
            self.outcome = message.value


def _begun(
    modules: Sequence[str], environment: Mapping[str, str], words: IO[bytes]
) -> "subprocess.Popen[bytes]":
    boot = _BOOT.format(path=sys.path, modules=tuple(modules), parent=os.getpid())
    windows: dict[str, Any] = {}
    if sys.platform == "win32":
        quiet = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        windows = {"creationflags": quiet}
    return subprocess.Popen(
        [sys.executable, "-c", boot],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=words,
        env={**os.environ, **environment},
        **windows,
    )


def _listen(
    owner: "weakref.ref[Child]", process: "subprocess.Popen[bytes]", words: IO[bytes]
) -> None:
    """Read what the child says, in a thread, until it ends."""
    assert process.stdout is not None
    with process.stdout as stream, suppress(Exception):  # as at the end of the stream
        while True:
            _hand_over(owner, Message(*pickle.loads(read_frame(stream))))
    if owner() is not None:
        process.kill()  # it may live on, but there is no understanding it any more
    code = process.wait()
    with suppress(OSError):
        assert process.stdin is not None
        process.stdin.close()
    with words:
        written = words.seek(0, os.SEEK_END)
        words.seek(max(written - DETAILS, 0))
        last = words.read()
    _hand_over(owner, Message("died", 0, (code, written, last)))


def _hand_over(owner: "weakref.ref[Child]", message: Message) -> None:
    child = owner()
    if child is not None:
        child.put(message)


def _end(process: "subprocess.Popen[bytes]", listener: threading.Thread, owner: int) -> None:
    """Kill it and wait until its files are closed; in a fork of the parent do nothing."""
    if os.getpid() != owner:
        return
    process.kill()
    if threading.current_thread() is not listener:
        listener.join(DYING)


def _unfit(error: bytes, remedy: str) -> PiximiError:
    found: BaseException = pickle.loads(error)
    if isinstance(found, PiximiError) and not isinstance(found, EngineError):
        return found
    text = f"The process that computes cannot start: {found}. {remedy}".strip(" .")
    return _error(text, None, getattr(found, "details", ""))


def _stubborn(kept: bytes | None, grace: float) -> PiximiError:
    """Say that it had to be ended; who wanted it stopped and loses nothing is not bothered."""
    if kept is None:
        return Cancelled("Cancelled")
    return _error(
        f"The process that computes did not stop within {grace:g} s and was ended", kept, ""
    )


def _error(text: str, kept: bytes | None, details: bytes | str) -> EngineError:
    error = EngineError(text)
    error.details = details if isinstance(details, str) else details.decode(errors="replace")
    if kept is not None:
        with suppress(Exception):
            error.kept = pickle.loads(kept)
    return error


def _obituary(code: int, words: str, *, started: bool) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    quoted = f": {lines[-1][:TOLD]}" if lines else ""
    if code == -getattr(signal, "SIGKILL", 9):
        reason = "it was killed, as systems do when memory runs out"
    elif code < 0:
        reason = f"it crashed (signal {-code}){quoted}"
    elif code > 255:  # as Windows counts
        reason = f"it crashed (code {code:#x}){quoted}"
    else:
        reason = f"it ended with code {code}{quoted}"
    when = "" if started else " while it was starting"
    return (
        f"The process that computes has gone{when}: {reason}. The project is as it was; "
        "the next job starts a new one"
    )
