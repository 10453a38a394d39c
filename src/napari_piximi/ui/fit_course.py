"""A fit that is under way, whatever is fitted: how far it is, how it is stopped, that it ends."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from napari_piximi.errors import Cancelled, DeviceMemoryError, EngineError, PiximiError
from napari_piximi.learn.readiness import Remedy, Trouble
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.training import Classifier, Run, Settings
from napari_piximi.ui import messages
from napari_piximi.ui.course import Course
from napari_piximi.ui.jobs import Job, Leaving
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.time_left import TimeLeft, spoken
from napari_piximi.ui.workspace import Workspace

__all__ = ["FitCourse", "FitUnderWay", "memory_trouble"]


@dataclass
class FitUnderWay:
    """A fit, as far as it is.

    Attributes
    ----------
    kind, name : str
    settings : Settings or UNetSettings
    base : Classifier or SegmentationNetwork or None
        The one that is continued.
    done, total : int
        Batches.
    message : str
    history : mapping of str to {epoch: value}
        The figures that were reported; quick epochs may be missing.
    over : bool
        Its result has come, and takes the place of these figures.
    kind_name : str
        What the kind was called when the fit began.
    """

    kind: str
    name: str
    settings: Settings | UNetSettings
    base: Classifier | SegmentationNetwork | None
    job: Job | None = None
    done: int = 0
    total: int = 0
    message: str = ""
    history: dict[str, dict[int, float]] = field(default_factory=dict)
    stopping: bool = False
    over: bool = False
    kind_name: str = ""
    left: TimeLeft = field(default_factory=TimeLeft)

    def take(self, done: int, total: int, message: str, figures: dict[str, Any]) -> None:
        """Take a report in."""
        self.done, self.total, self.message = done, total, message
        epoch = figures.get("complete", figures.get("epoch", 0))
        for name, value in figures.items():
            if isinstance(value, float) and epoch > 0:
                self.history.setdefault(name, {})[epoch] = value

    def line(self, now: float) -> str:
        """Say in one line how far it is, and how long it will take."""
        if self.stopping:
            return "Stopping; the best so far is kept"
        if not self.total:
            return self.message or "Getting ready"
        seconds = self.left.note(now, self.done, self.total)
        parts = [self.message]
        batches = self.total // max(self.settings.epochs, 1)
        if batches > 1 and self.total == batches * self.settings.epochs:
            parts.append(f"batch {(self.done - 1) % batches + 1 if self.done else 0} of {batches}")
        if seconds is not None:
            early = self.settings.patience > 0
            parts.append(f"{'at most' if early else 'about'} {spoken(seconds)} left")
        return ", ".join(parts)


class FitCourse(Course[FitUnderWay]):
    """What fits for one viewer, one fit at a time; a subclass says what, and what comes of it.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    current : FitUnderWay or None
    trouble : Trouble or None
        What made the last fit fail, where there is a remedy.
    """

    RESULT: ClassVar[type[Any]]
    """What a fit returns, and what it puts aside in case the engine dies."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.trouble: Trouble | None = None

    def live(self, kind: str) -> FitUnderWay | None:
        """Return the fit of a kind whose figures are still coming in."""
        fit = self.current
        return None if fit is None or fit.over or fit.kind != kind else fit

    def forget_trouble(self) -> None:
        """Speak no more of what went wrong."""
        if self.trouble is not None:
            self.trouble = None
            self.changed.emit()

    def _begin(self, fit: FitUnderWay, job: Job) -> None:
        """Follow the job of a fit that has begun."""
        fit.kind_name = self.workspace.project.kind_name(fit.kind)
        leaving = Leaving(
            f"{one_line(fit.name)} is still being fitted",
            "Its best epoch so far can be kept as a model of the project. If you discard the fit, "
            "it is lost.",
            "Discard the fit",
            "Go on fitting",
            "Stop and keep the best",
            self.stop,
        )
        self._follow(fit, job, leaving)

    def _opened(self) -> None:
        self.trouble = None
        super()._opened()

    def _say_nothing_is_kept(self, fit: FitUnderWay) -> None:
        messages.info(
            f"{one_line(fit.name)}: stopped before the first epoch was complete, so there is "
            "nothing to keep"
        )

    def _failed(self, fit: FitUnderWay, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            self._say_nothing_is_kept(fit)
            return
        self.trouble = memory_trouble(error) or self.trouble
        if isinstance(error, EngineError) and isinstance(error.kept, self.RESULT):
            self._keep(fit, error, error.kept)
        elif isinstance(error, EngineError):
            messages.error(f"{one_line(fit.name)} was not fitted, and nothing is lost: {error}")
        elif isinstance(error, PiximiError | OSError | MemoryError):
            messages.error(error)
        elif isinstance(error, Exception):
            raise error
        else:
            raise RuntimeError(f"{type(error).__name__} in a fit") from error

    def _keep(self, fit: FitUnderWay, error: EngineError, result: Any) -> None:  # noqa: ANN401
        """Take what was put aside before the engine died, and say so once."""
        name, run = self._newest(result)
        which = f"of epoch {run.best_epoch + 1}" if run.best_epoch >= 0 else "from before the fit"
        if self._take(fit, result):
            messages.error(
                f"{error}. The best weights so far, {which}, are kept as {one_line(name)}"
            )

    def _take(self, fit: FitUnderWay, result: Any) -> bool:  # noqa: ANN401
        """Put a result into the project as it is now; False where that is not possible."""
        raise NotImplementedError

    def _warn_of_kind(self, fit: FitUnderWay, more: str = "") -> None:
        """Tell that the kind was deleted meanwhile, and came back with the result."""
        name = one_line(self.workspace.project.kind_name(fit.kind))
        messages.warn(
            f"{one_line(fit.name)} is fitted. Its kind {name} was deleted meanwhile, and is back, "
            f"without objects, for it to be kept with{more}; undo takes both away"
        )

    def _newest(self, result: Any) -> tuple[str, Run]:  # noqa: ANN401
        """Return the name of what was fitted, and its newest run."""
        raise NotImplementedError


def memory_trouble(error: BaseException) -> Trouble | None:
    """Return what mends a want of memory of the device; None for any other error."""
    if not isinstance(error, DeviceMemoryError) or not error.batch_size:
        return None
    size = error.batch_size
    return Trouble(
        str(error), "stop", Remedy(f"Fit with batch size {size}", "fit", {"batch_size": size})
    )
