"""The fit of one viewer that is under way: it goes on while no page looks at it."""

import weakref
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from psygnal import Signal

from napari_piximi.errors import Cancelled, DeviceMemoryError, EditError, EngineError, PiximiError
from napari_piximi.learn.readiness import Remedy, Trouble
from napari_piximi.learn.results import FitResult, add_evaluation, apply_fit
from napari_piximi.model.columns import Columns
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.things import Partition
from napari_piximi.model.training import Classifier, Settings
from napari_piximi.ui import messages, preferences
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.learning import needs_keras
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.time_left import TimeLeft, spoken
from napari_piximi.ui.workspace import Workspace

__all__ = ["FitUnderWay", "Fitting", "fitting_of", "last_settings"]

FIT = "napari_piximi.learn.classifier:fit"
EVALUATE = "napari_piximi.learn.classifier:evaluate"
LAST = "fit/last settings"


@dataclass
class FitUnderWay:
    """A fit, as far as it is.

    Attributes
    ----------
    kind, name : str
    settings : Settings
    base : Classifier or None
        The one that is continued.
    done, total : int
        Batches.
    message : str
    history : mapping of str to {epoch: value}
        The figures that were reported; quick epochs may be missing.
    over : bool
        Its result has come, and takes the place of these figures.
    """

    kind: str
    name: str
    settings: Settings
    base: Classifier | None
    job: Job | None = None
    done: int = 0
    total: int = 0
    message: str = ""
    history: dict[str, dict[int, float]] = field(default_factory=dict)
    stopping: bool = False
    over: bool = False
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


class Fitting:
    """What fits for one viewer, one fit at a time.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    current : FitUnderWay or None
    trouble : Trouble or None
        What made the last fit fail, where there is a remedy.
    """

    changed = Signal()
    """A fit has begun or ended, or its trouble is another."""
    progressed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = weakref.ref(workspace)
        self.current: FitUnderWay | None = None
        self.trouble: Trouble | None = None
        workspace.opened.connect(self._opened)

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        found = self._workspace()
        assert found is not None
        return found

    def start(
        self, kind: str, settings: Settings, name: str, base: Classifier | None = None
    ) -> FitUnderWay | None:
        """Begin a fit; None where one is under way already."""
        if self.current is not None:
            return None
        fit = FitUnderWay(kind, name, settings, base)
        self.current, self.trouble = fit, None
        if base is None:
            preferences.put(LAST, asdict(replace(settings, weights="")))
        workspace = self.workspace
        fit.job = workspace.learning.run(
            f"Fit {one_line(name)}",
            FIT,
            workspace.project,
            kind,
            kind,
            settings,
            name=name,
            base=base,
            keras=needs_keras(settings if base is None else base),
            keeps=True,
            done=partial(self._done, fit),
            failed=partial(self._failed, fit),
        )
        fit.job.progressed.connect(partial(self._progressed, fit))
        fit.job.finished.connect(partial(self._ended, fit))
        self.changed.emit()
        return fit

    def stop(self) -> None:
        """Stop the fit; the best weights so far are kept."""
        fit = self.current
        if fit is not None and fit.job is not None and not fit.stopping:
            fit.stopping = True
            fit.job.cancel()
            self.changed.emit()

    def forget_trouble(self) -> None:
        """Speak no more of what went wrong."""
        if self.trouble is not None:
            self.trouble = None
            self.changed.emit()

    # --- how it goes ---------------------------------------------------------------------------

    def _progressed(self, fit: FitUnderWay, done: int, total: int, text: str, values: Any) -> None:  # noqa: ANN401
        if self.current is fit:
            fit.take(done, total, text, dict(values))
            self.progressed.emit()

    def _ended(self, fit: FitUnderWay) -> None:
        if self.current is fit:
            self.current = None
            self.changed.emit()

    def _opened(self) -> None:
        self.trouble = None
        if self.current is not None:  # it was cancelled with the project that it was of
            self.current = None
            self.changed.emit()

    # --- what comes of it ------------------------------------------------------------------------

    def _done(self, fit: FitUnderWay, result: FitResult) -> None:
        run = result.classifier.runs[-1]
        if run.stopped == "cancelled" and not run.epochs and fit.settings.epochs:
            self._say_nothing_is_kept(fit)
            return
        self._take(fit, result)

    def _say_nothing_is_kept(self, fit: FitUnderWay) -> None:
        messages.info(
            f"{one_line(fit.name)}: stopped before the first epoch was complete, so there is "
            "nothing to keep"
        )

    def _take(self, fit: FitUnderWay, result: FitResult) -> bool:
        """Put a result into the project as it is now, and judge it."""
        workspace = self.workspace
        fit.over = True
        try:
            after = apply_fit(workspace.project, result)
        except EditError as error:
            messages.error(error)
            return False
        classifier = after.classifiers[-1]
        workspace.session.apply(after, f"Fit {one_line(classifier.name)}")
        if workspace.gallery.query.kind == fit.kind:
            workspace.learning.choice.choose(classifier.name)
        lost = [key for key in classifier.class_map if key and key not in after.categories]
        if lost:
            gone = "1 category" if len(lost) == 1 else f"{len(lost)} categories"
            messages.warn(
                f"{one_line(classifier.name)} is fitted, but {gone} of it went meanwhile: "
                "map its classes before it predicts"
            )
        else:
            self._evaluate(classifier)
        return True

    def _evaluate(self, classifier: Classifier) -> None:
        """Judge a classifier by the things that it has not been taught, if there are any."""
        workspace = self.workspace
        columns = workspace.gallery.columns
        if columns.kind != classifier.kind or columns.project is not workspace.project:
            columns = Columns(workspace.project, classifier.kind)
        counts = columns.counts()
        known = (counts.get(key, {}) for key in classifier.class_map)
        if not any(parts.get(Partition.VALIDATION, 0) for parts in known):
            return
        workspace.learning.run(
            f"Evaluate {one_line(classifier.name)}",
            EVALUATE,
            workspace.project,
            classifier.kind,
            classifier,
            keras=needs_keras(classifier),
            done=partial(self._evaluated, classifier),
        )

    def _evaluated(self, classifier: Classifier, evaluation: Evaluation) -> None:
        after = add_evaluation(self.workspace.project, classifier, evaluation)
        self.workspace.session.apply(after, f"Evaluate {one_line(classifier.name)}")

    def _failed(self, fit: FitUnderWay, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            self._say_nothing_is_kept(fit)
            return
        if isinstance(error, DeviceMemoryError) and error.batch_size:
            size = error.batch_size
            remedy = Remedy(f"Fit with batch size {size}", "fit", {"batch_size": size})
            self.trouble = Trouble(str(error), "stop", remedy)
        if isinstance(error, EngineError) and isinstance(error.kept, FitResult):
            self._keep(fit, error, error.kept)
        elif isinstance(error, EngineError):
            messages.error(f"{one_line(fit.name)} was not fitted, and nothing is lost: {error}")
        elif isinstance(error, PiximiError | OSError | MemoryError):
            messages.error(error)
        elif isinstance(error, Exception):
            raise error
        else:
            raise RuntimeError(f"{type(error).__name__} in a fit") from error

    def _keep(self, fit: FitUnderWay, error: EngineError, result: FitResult) -> None:
        """Take what was put aside before the engine died, and say so once."""
        name, epoch = one_line(result.classifier.name), result.classifier.runs[-1].best_epoch + 1
        which = f"of epoch {epoch}" if epoch else "from before the fit"
        if self._take(fit, result):
            messages.error(f"{error}. The best weights so far, {which}, are kept as {name}")


def last_settings() -> object:
    """Return what the last new model was fitted with, as it was kept; None if there is none."""
    return preferences.get(LAST)


_fittings: weakref.WeakKeyDictionary[Workspace, Fitting] = weakref.WeakKeyDictionary()


def fitting_of(workspace: Workspace) -> Fitting:
    """Return what fits for a viewer, made when it is first asked for."""
    if workspace not in _fittings:
        _fittings[workspace] = Fitting(workspace)
    return _fittings[workspace]
