"""The engine as its users see it: a place in which a function can be called."""

import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from napari_piximi.engine.child import TICK, WAITING, Child
from napari_piximi.engine.frames import packed, unpacked
from napari_piximi.errors import EngineError, PiximiError, PiximiWarning
from napari_piximi.progress import Progress, silent

__all__ = ["Engine"]

GRACE = 20.0
"""Seconds in which a function that is asked to stop must give some sign of life."""


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
    remedy : str
        What a user can do where the modules cannot be imported: a sentence for the error.
    grace : float
        Seconds in which a function that is asked to stop must give some sign of life; then its
        process is ended.

    Attributes
    ----------
    environment : dict
        May be changed; a child that has another one is replaced before the next call.

    Examples
    --------
    >>> engine = Engine()
    >>> engine.call("math:gcd", 12, 18)
    6
    >>> engine.close()
    """

    def __init__(
        self,
        modules: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        *,
        remedy: str = "",
        grace: float = GRACE,
    ) -> None:
        self._modules = tuple(modules)
        self.environment = dict(environment or {})
        self._remedy = remedy
        self._grace = grace
        self._calling = threading.Lock()
        self._changing = threading.Lock()
        self._child: Child | None = None
        self._closed = False
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
        """Start the child, if there is none, without waiting until it is ready.

        Raises
        ------
        EngineError
            If the system lets no process start, or the engine was closed.
        """
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
            As long as it kept nothing, a stop is Cancelled at once: the function ends in its own
            time (Keras may be compiling), which only the next call waits for.

        Raises
        ------
        EngineError
            If the child died, or had to be ended since it did not stop when asked to;
            :attr:`~napari_piximi.errors.EngineError.kept` is then what the function kept last.
            Or if the function failed with anything but an error of ours, its arguments or its
            result cannot cross, the modules cannot be imported, or the engine is closed.
        Cancelled
            If `progress` raised it before the function began, or the function did.
        PiximiError
            Whatever the function raises.

        Warns
        -----
        PiximiWarning
            Those of the function, when it has ended.
        """
        report = progress or silent
        with self._turn(report):
            pieces = _packed(function, args, options, report)
            shape = (progress is not None, keeps)
            outcome = self._outcome(pieces, shape, report)
            if outcome is None:  # it was killed while it was idle
                outcome = self._outcome(pieces, shape, report, again=True)
            assert outcome is not None
        result, warned = _opened(function, outcome)
        for text in warned:
            warnings.warn(text, PiximiWarning, stacklevel=2)
        return result

    def _outcome(
        self,
        pieces: list[bytes],
        shape: tuple[bool, bool],
        report: Progress,
        *,
        again: bool = False,
    ) -> bytes | None:
        child = self._started(fresh=True)
        child.wait_until_ready(report, self._remedy)
        self._calls += 1
        child.begin(self._calls, shape, pieces)
        return child.outcome(self._calls, report, self._grace, pieces, keeps=shape[1], again=again)

    def rest(self) -> bool:
        """End the child, and free its memory, unless a function runs; a call starts a new one.

        Returns
        -------
        bool
            False where a function runs.
        """
        if not self._calling.acquire(blocking=False):
            return False
        try:
            self._end()
        finally:
            self._calling.release()
        return True

    def close(self) -> None:
        """End the child for good, whatever it does; a call that waits for it gets an error."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        with self._changing:
            child, self._child = self._child, None
        if child is not None:
            child.close()

    @contextmanager
    def _turn(self, report: Progress) -> Iterator[None]:
        while not self._calling.acquire(timeout=TICK):
            report(0, 0, WAITING if self._child is None else self._child.waiting)
        try:
            yield
        finally:
            self._calling.release()

    def _started(self, *, fresh: bool = False) -> Child:
        """Return the child; a `fresh` one has the environment that is wanted now."""
        with self._changing:
            if self._closed:
                raise EngineError("The process that computes was closed")
            child, wanted = self._child, dict(self.environment)
            if child is not None and child.alive and fresh and child.environment != wanted:
                child.close()
            if child is None or not child.alive:
                died = child is not None and not child.closed
                self._child = child = Child(self._modules, wanted, again=died)
            return child


def _packed(function: str, args: Any, options: Any, report: Progress) -> list[bytes]:  # noqa: ANN401
    def between() -> None:
        report(0, 0, "Preparing")

    try:
        return packed((function, args, options), between)
    except (PiximiError, MemoryError):
        raise
    except Exception as error:  # pickle raises whatever the objects in it do
        raise EngineError(f"What {function} needs cannot be sent: {error}") from error


def _opened(function: str, outcome: bytes) -> Any:  # noqa: ANN401
    """Read what the child answered; raise it where it is an error."""
    try:
        result, warned = unpacked(outcome)
    except MemoryError:
        raise
    except Exception as error:
        raise EngineError(f"What {function} returned cannot be read: {error}") from error
    if isinstance(warned, BaseException):
        raise warned
    return result, warned
