"""Long work of one viewer, one piece at a time: how far it is, how it is stopped, that it ends."""

from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from psygnal import Signal

from napari_piximi.ui.jobs import Job, Leaving
from napari_piximi.ui.of_workspace import OfWorkspace
from napari_piximi.ui.workspace import Workspace

__all__ = ["Course", "UnderWay"]


class UnderWay(Protocol):
    """Work that is under way, as far as it is."""

    job: Job | None
    stopping: bool

    def take(self, done: int, total: int, message: str, figures: dict[str, Any]) -> None:
        """Take a report in."""


Way = TypeVar("Way", bound=UnderWay)


class Course(OfWorkspace, Generic[Way]):
    """What does long work for one viewer; a subclass says what, and what comes of it.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    current : UnderWay or None
    """

    changed = Signal()
    """Work has begun or ended, or what is told of it is another."""
    progressed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.current: Way | None = None
        workspace.opened.connect(self._opened)

    def stop(self) -> None:
        """Stop the work; what it has so far is kept."""
        way = self.current
        if way is not None and way.job is not None and not way.stopping:
            way.stopping = True
            way.job.cancel()
            self.changed.emit()

    def _follow(self, way: Way, job: Job, leaving: Leaving) -> None:
        """Follow the job of work that has begun."""
        way.job, job.leaving = job, leaving
        job.progressed.connect(partial(self._progressed, way))
        job.finished.connect(partial(self._ended, way))
        self.changed.emit()

    def _progressed(self, way: Way, done: int, total: int, text: str, values: Any) -> None:  # noqa: ANN401
        if self.current is way:
            way.take(done, total, text, dict(values))
            self.progressed.emit()

    def _ended(self, way: Way) -> None:
        if self.current is way:
            self.current = None
            self.changed.emit()

    def _opened(self) -> None:
        if self.current is not None:  # it was cancelled with the project that it was of
            self.current = None
            self.changed.emit()
