"""One warm child process in which functions run, away from the process that owns a window.

TensorFlow and a window crash each other in one process, and an import of TensorFlow stalls
whatever shares its interpreter. The child is started with :mod:`subprocess`, not
:mod:`multiprocessing`, which would run the user's main script a second time. Both sides speak
in pickles, one after the other, through the child's standard input and output; when either
side goes, the other one sees the end of the stream.
"""

import importlib
import io
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, NamedTuple

from napari_piximi.errors import Cancelled, EngineError, PiximiError, PiximiWarning
from napari_piximi.progress import Progress, silent

__all__ = ["Engine", "serve"]

TICK = 0.03
"""Seconds between two looks at whether the caller wants to stop."""
INTERVAL = 0.04
"""Seconds between two reports of progress from the child."""
NICENESS = 5
"""The child gives way to the window, and to whatever else the user does."""
DYING = 2.0
"""Seconds in which a child that was closed must have ended."""
TOLD = 300
"""Characters of the child's last words that an error quotes."""

_BOOT = (
    "import sys; sys.path[:] = {path!r}; from napari_piximi.engine import serve; serve({modules!r})"
)


class Message(NamedTuple):
    """What the child says: `kind` is ready, progress, keep, done, failed or died."""

    kind: str
    call: int
    value: Any = None


class Engine:
    """A child process that runs one function at a time.

    It starts with the first call, or before by :meth:`start`, and a new one takes the place of
    one that died. All methods may be called in any thread.

    Parameters
    ----------
    modules : sequence of str
        What the child imports as it starts, such as ``"napari_piximi.learn.classifier"``.
    environment : mapping, optional
        Environment variables of the child beside those of this process.

    Examples
    --------
    >>> engine = Engine()
    >>> engine.call("math:gcd", 12, 18)
    6
    >>> engine.close()
    """

    def __init__(
        self, modules: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self._modules = tuple(modules)
        self._environment = dict(environment or {})
        self._calling = threading.Lock()
        self._starting = threading.Lock()
        self._child: _Child | None = None
        self._calls = 0

    @property
    def pid(self) -> int | None:
        """The process id of the child; None where there is none."""
        child = self._child
        return child.process.pid if child is not None and child.alive else None

    @property
    def busy(self) -> bool:
        """Whether a function is running."""
        return self._calling.locked()

    def start(self) -> None:
        """Start the child, if there is none, without waiting until it is ready."""
        self._started()

    def call(
        self,
        function: str,
        *args: Any,  # noqa: ANN401
        progress: Progress | None = None,
        keeps: bool = False,
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Run a function in the child and wait for what it returns.

        Parameters
        ----------
        function : str
            ``"module:name"``.
        *args, **options
            Handed on, by pickle.
        progress : Progress, optional
            The function then gets a `progress` of its own, whose reports end here. When this one
            raises Cancelled, so does the function's at its next report; what the function
            makes of it, a result or an error, is the outcome.
        keeps : bool
            The function gets a `keep`, to be called with what is to outlive a death of the child.

        Raises
        ------
        EngineError
            If the child died; :attr:`~napari_piximi.errors.EngineError.kept` is then what the
            function kept last. Or if the function failed with anything but an error of ours.
        Cancelled
            If `progress` raised it before the function began.
        PiximiError
            Whatever the function raises.

        Warns
        -----
        PiximiWarning
            Those of the function, when it has ended.
        """
        report = progress or silent
        with self._turn(report):
            child = self._started()
            child.wait_until_ready(report)
            self._calls += 1
            shape = (progress is not None, keeps)
            child.send(("call", self._calls, function, args, options, shape))
            result, warned = child.outcome(self._calls, report)
        for text in warned:
            warnings.warn(text, PiximiWarning, stacklevel=2)
        return result

    def close(self) -> None:
        """End the child, whatever it does; a call that waits for it gets an EngineError."""
        with self._starting:
            child, self._child = self._child, None
        if child is not None:
            child.close()

    @contextmanager
    def _turn(self, report: Progress) -> Any:  # noqa: ANN401
        while not self._calling.acquire(timeout=TICK):
            report(0, 0, "Waiting for other work to end")
        try:
            yield
        finally:
            self._calling.release()

    def _started(self) -> "_Child":
        with self._starting:
            if self._child is None or not self._child.alive:
                self._child = _Child(self._modules, self._environment)
            return self._child


class _Child:
    """The process as its parent sees it."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        boot = _BOOT.format(path=sys.path, modules=tuple(modules))
        words = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the process has ended
        windows: dict[str, Any] = {}
        if sys.platform == "win32":
            quiet = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
            windows = {"creationflags": quiet}
        self.process = subprocess.Popen(
            [sys.executable, "-c", boot],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            env={**os.environ, **environment},
            **windows,
        )
        self.alive = True
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._ready = False
        self._finalizer = weakref.finalize(self, _kill, self.process)
        listening = (weakref.ref(self), self.process, words)
        threading.Thread(target=_listen, args=listening, daemon=True).start()

    def send(self, message: object) -> None:
        """Say something; it is pickled piece by piece, between which other threads run."""
        assert self.process.stdin is not None
        try:
            pickle.Pickler(self.process.stdin, 5).dump(message)
            self.process.stdin.flush()
        except OSError:  # it died; the end of its messages tells how
            pass
        except BaseException:
            self.close()  # half a message: what follows could not be understood
            raise

    def wait_until_ready(self, report: Progress) -> None:
        """Wait until its modules are imported."""
        while not self._ready:
            report(0, 0, "Starting the engine")
            message = self._next()
            if message is not None:
                self._check_alive(message, None)
                self._ready = True

    def outcome(self, call: int, report: Progress) -> tuple[Any, list[str]]:
        """Hand on reports until the call ends; return its result and warnings."""
        kept: bytes | None = None
        latest: tuple[tuple[Any, ...], dict[str, Any]] = ((0, 0, ""), {})
        cancelled = False
        while True:
            message = self._next()
            if message is not None:
                self._check_alive(message, kept)
                if message.call != call:
                    continue  # of a call that nobody waits for any more
                if message.kind == "keep":
                    kept = message.value
                elif message.kind == "progress":
                    latest = message.value
                elif message.kind == "done":
                    return message.value  # type: ignore[no-any-return]
                else:
                    raise message.value
            if not cancelled:
                cancelled = self._cancelled(report, call, latest, fresh=message is not None)

    def _cancelled(self, report: Progress, call: int, latest: Any, *, fresh: bool) -> bool:  # noqa: ANN401
        """Report; where the caller wants to stop, tell the child. Figures are reported once."""
        position, values = latest
        try:
            report(*position, **(values if fresh else {}))
        except Cancelled:
            self.send(("cancel", call))
            return True
        except BaseException:
            self.close()  # nobody waits for the outcome
            raise
        return False

    def close(self) -> None:
        """End it."""
        self._finalizer()

    def _next(self) -> Message | None:
        try:
            return self._messages.get(timeout=TICK)
        except queue.Empty:
            return None

    def _check_alive(self, message: Message, kept: bytes | None) -> None:
        if message.kind != "died":
            return
        self._messages.put(message)  # for the next one who asks
        error = EngineError(_obituary(*message.value))
        error.kept = None if kept is None else pickle.loads(kept)
        raise error

    def put(self, message: Message) -> None:
        """Take a message that the child sent."""
        if message.kind == "died":
            self.alive = False
        self._messages.put(message)


def _listen(
    owner: "weakref.ref[_Child]", process: "subprocess.Popen[bytes]", words: IO[bytes]
) -> None:
    """Read what the child says, in a thread, until it ends."""
    assert process.stdout is not None
    with process.stdout as stream:
        while True:
            try:
                message = pickle.load(stream)
            except Exception:  # the end, or half a message of a child that was killed
                break
            _hand_over(owner, message)
    code = process.wait()
    with suppress(OSError):
        assert process.stdin is not None
        process.stdin.close()
    with words:
        last = _last_words(words)
    _hand_over(owner, Message("died", 0, (code, last)))


def _hand_over(owner: "weakref.ref[_Child]", message: Message) -> None:
    child = owner()
    if child is not None:
        child.put(message)


def _last_words(words: IO[bytes]) -> str:
    words.seek(0)
    lines = words.read()[-8 * TOLD :].decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:TOLD]


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(DYING)


def _obituary(code: int, words: str) -> str:
    if code == -getattr(signal, "SIGKILL", 9):
        reason = "it was killed, as systems do when memory runs out"
    elif code < 0:
        reason = f"it crashed (signal {-code})"
    else:
        reason = f"it ended with code {code}"
    quoted = f": {words}" if words and code != -9 else ""
    return (
        f"The process that computes has gone: {reason}{quoted}. The project is as it was; "
        "the next job starts a new one"
    )


# --- the child -------------------------------------------------------------------------------


def serve(modules: Sequence[str] = ()) -> None:
    """Be the child: import modules, then run what comes in, until the parent has gone."""
    with suppress(AttributeError, OSError):
        os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's
    commands, answers = _streams()
    for module in modules:
        importlib.import_module(module)
    server = _Server(answers)
    server.say(Message("ready", 0))
    calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_obey, args=(commands, calls, server), daemon=True).start()
    while True:
        server.run(*calls.get())


def _streams() -> tuple[IO[bytes], IO[bytes]]:
    """Take standard input and output for ourselves; what libraries print goes with the errors."""
    commands, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return os.fdopen(commands, "rb"), os.fdopen(answers, "wb")


def _obey(commands: IO[bytes], calls: "queue.SimpleQueue[Any]", server: "_Server") -> None:
    """Take commands in, also while a function runs; end when the parent has gone."""
    while True:
        try:
            name, *rest = pickle.load(commands)
        except (EOFError, pickle.UnpicklingError, OSError):
            os._exit(0)
        except Exception as error:  # an argument that cannot be read here
            traceback.print_exc()
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        if name == "cancel":
            server.cancel(*rest)
        else:
            calls.put(rest)


class _Server:
    """Runs one function after the other and tells how it goes."""

    def __init__(self, answers: IO[bytes]) -> None:
        self._answers = answers
        self._talking = threading.Lock()
        self._cancelled = 0
        self._call = 0
        self._said = 0.0

    def say(self, message: Message) -> None:
        """Send a message; pickled first, so that a part of it is never sent alone."""
        data = pickle.dumps(message, 5)
        with self._talking:
            self._answers.write(data)
            self._answers.flush()

    def cancel(self, call: int) -> None:
        """Let the call end at its next report."""
        self._cancelled = call

    def run(
        self,
        call: int,
        function: str,
        args: tuple[Any, ...],
        options: dict[str, Any],
        shape: tuple[bool, bool],
    ) -> None:
        """Run a function and send what becomes of it."""
        self._call = call
        reports, keeps = shape
        if reports:
            options = {**options, "progress": self._report}
        if keeps:
            options = {**options, "keep": self._keep}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", PiximiWarning)
            try:
                result = _found(function)(*args, **options)
                warned = [str(item.message) for item in caught]
                self.say(Message("done", call, (result, warned)))
            except BaseException as error:
                self.say(Message("failed", call, _sendable(error)))

    def _report(self, done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        if self._cancelled == self._call:
            raise Cancelled("Cancelled")
        now = time.monotonic()
        if now - self._said > INTERVAL or done == total > 0:
            self._said = now
            self.say(Message("progress", self._call, ((done, total, message), values)))

    def _keep(self, value: object) -> None:
        self.say(Message("keep", self._call, pickle.dumps(value, 5)))


def _found(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


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
