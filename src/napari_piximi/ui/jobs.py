"""Long work in napari's thread workers: progress, cancel, and one call back at the end."""

import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari.qt.threading import FunctionWorker, create_worker
from psygnal import Signal
from qtpy.QtCore import QEventLoop, QObject
from qtpy.QtCore import Signal as QtSignal

from napari_piximi.errors import Cancelled, PiximiError, PiximiWarning
from napari_piximi.ui import messages
from napari_piximi.ui.activity import Activity

__all__ = ["Job", "Jobs", "Leaving", "missed", "show_failure"]

INTERVAL = 0.25
"""Seconds between two reports of progress that only count."""
MOST = 10**9
"""Most steps that are reported."""
WARNINGS = 5
"""Most warnings of one job that are shown in full."""


@dataclass(frozen=True)
class Leaving:
    """What is asked before a job is stopped because its project or its window is left.

    Attributes
    ----------
    title, text : str
    discard, stay : str
        Captions of the answers.
    keep : str
        Caption of the answer that keeps what is done so far; empty where nothing can be kept.
    stop : callable
        Stops the job so that this is kept.
    """

    title: str
    text: str = "If you leave the project, it is stopped, and nothing of it is kept."
    discard: str = "Stop it"
    stay: str = "Go on with it"
    keep: str = ""
    stop: Callable[[], object] = bool


class Job(QObject):
    """One function that runs in another thread.

    Attributes
    ----------
    title : str
        What is done, for a person.
    state : str
        ``"running"``, ``"done"``, ``"cancelled"`` or ``"failed"``.
    warnings : list of str
        What it repaired, or what has no effect.
    leaving : Leaving or None
        What is asked before it is stopped; None where nobody would miss it.
    edits : bool
        It works out an edit of the user's, which is waited for rather than stopped.
    """

    progressed = QtSignal(int, int, str, object)
    """Steps done, steps in all (0: not known), message, dict of figures; in the main thread."""
    finished = QtSignal()

    def __init__(self, title: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.state = "running"
        self.warnings: list[str] = []
        self.leaving: Leaving | None = None
        self.edits = False
        self._stop = threading.Event()
        self._reported = 0.0

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.state == "running"

    def cancel(self) -> None:
        """Ask it to stop; it does at its next report of progress."""
        self._stop.set()

    def wait(self) -> None:
        """Return when it has ended; the window goes on living."""
        if self.running:
            loop = QEventLoop()
            self.finished.connect(loop.quit)
            loop.exec()

    def report(self, done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        """Be the progress callback of the function, in its thread.

        Raises
        ------
        Cancelled
            If :meth:`cancel` was called.
        """
        if self._stop.is_set():
            raise Cancelled(f"{self.title} was cancelled")
        now = time.monotonic()
        if total > MOST:  # Qt counts with 32 bits, and a file can have more bytes
            done, total = done * MOST // total, MOST
        done = min(done, MOST)
        if values or done == total > 0 or now - self._reported > INTERVAL:
            self._reported = now
            self.progressed.emit(done, total, message, values)


class Jobs:
    """The long work of one viewer. Workers compute; what is done with the result is not theirs."""

    started = Signal(Job)
    finished = Signal(Job)

    def __init__(self) -> None:
        self.running: list[Job] = []
        self._closing = False
        self._home = QObject()
        self._activity = Activity(self._home)

    def run(
        self,
        title: str,
        function: Callable[..., Any],
        *args: Any,  # noqa: ANN401
        done: Callable[[Any], object] | None = None,
        failed: Callable[[BaseException], None] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Job:
        """Call ``function(*args, progress=…, **options)`` in a thread worker.

        Parameters
        ----------
        title : str
            Shown beside the progress.
        function : callable
            Has a parameter `progress`; see :class:`~napari_piximi.progress.Progress`.
        done : callable, optional
            Gets the result, in the main thread.
        failed : callable, optional
            Gets the error, or Cancelled, instead of the usual notification.

        Returns
        -------
        Job
        """
        # Jobs live as long as this does: the last one to let go of a job may be its own thread,
        # in which nothing of Qt must be destroyed.
        job = Job(title, self._home)
        self._activity.begin(job, title)
        job.progressed.connect(lambda count, total, *_: self._activity.show(job, count, total))

        outcome: list[tuple[Any, BaseException | None]] = []

        def work() -> None:
            outcome.append(attempt())

        def attempt() -> tuple[Any, BaseException | None]:
            # napari's worker puts all of this back in the end; libraries' warnings are no users'.
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", PiximiWarning)
            warnings.showwarning = lambda message, *_: job.warnings.append(str(message))
            try:
                return function(*args, progress=job.report, **options), None
            except BaseException as error:  # or the job would never end
                return None, error

        def end() -> None:
            self._activity.end(job)
            self.running.remove(job)
            result, error = outcome[0]
            job.state = _state(error)
            if error is None:  # else the error says it all
                _tell(job.warnings)
            try:
                _deliver(result, error, None if self._closing else done, failed)
            finally:
                job.finished.emit()
                self.finished.emit(job)

        self.running.append(job)
        worker: FunctionWorker[None] = create_worker(work, _start_thread=False)
        # not `returned`: it never comes once napari has asked the worker to quit, as it does when
        # its window closes, and who waits for the job then would wait for ever
        worker.finished.connect(end)
        self.started.emit(job)
        worker.start()
        return job

    def close(self) -> None:
        """Cancel everything and wait for its end; what comes of it all the same is dropped."""
        self._closing = True
        try:
            for job in list(self.running):
                job.cancel()
            for job in list(self.running):
                job.wait()
        finally:
            self._closing = False
            self._activity.flush()


def _tell(warnings: list[str]) -> None:
    """Show all warnings as one notification."""
    if warnings:
        more = len(warnings) - WARNINGS
        rest = [f"… and {more:,} more"] if more > 0 else []
        messages.warn("\n".join([*warnings[:WARNINGS], *rest]))


def _state(error: BaseException | None) -> str:
    if error is None:
        return "done"
    return "cancelled" if isinstance(error, Cancelled) else "failed"


def _deliver(
    result: Any,  # noqa: ANN401
    error: BaseException | None,
    done: Callable[[Any], object] | None,
    failed: Callable[[BaseException], None] | None,
) -> None:
    """Hand over the result; an error becomes one notification, a fault of ours is raised."""
    if error is None:
        if done is not None:
            done(result)
    else:
        (failed or show_failure)(error)


def missed(job: Job) -> Job:
    """Let a job be asked about before it is stopped because its project is left; return it."""
    job.leaving = Leaving(f"“{job.title}” is still under way")
    return job


def show_failure(error: BaseException) -> None:
    """Show one notification of what is the user's to know; a fault of ours is raised.

    Parameters
    ----------
    error : BaseException
        What ended a job; Cancelled says nothing new.
    """
    if isinstance(error, PiximiError | OSError | MemoryError):
        if not isinstance(error, Cancelled):
            messages.error(error)
    elif isinstance(error, Exception):
        raise error
    else:  # SystemExit, say, which would end napari
        raise RuntimeError(f"{type(error).__name__} in a job") from error
