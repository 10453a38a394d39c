"""Which sort of model suits the labels better: both are cross-validated."""

from dataclasses import dataclass, replace
from functools import partial
from math import sqrt
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_piximi.errors import Cancelled, EngineError, PiximiError
from napari_piximi.model.project import Project
from napari_piximi.model.training import FOREST, Settings
from napari_piximi.ui import messages
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.label_changes import labels_changed
from napari_piximi.ui.of_workspace import OfWorkspace, one_each
from napari_piximi.ui.workspace import Workspace

if TYPE_CHECKING:
    from napari_piximi.learn.proposal import Proposal

__all__ = ["Comparing", "Comparison", "comparing_of"]

PROPOSE = "napari_piximi.learn.proposal:propose"


@dataclass(frozen=True)
class Comparison:
    """What came of comparing.

    Attributes
    ----------
    candidates : tuple of Settings
        Those that were compared, the better ones first.
    accuracies, errors : tuple of float
        Of each, by cross-validation; and the standard error of a share.
    """

    candidates: tuple[Settings, ...]
    accuracies: tuple[float, ...]
    errors: tuple[float, ...]

    @property
    def line(self) -> str:
        """The outcome in one line."""
        parts = zip(self.candidates, self.accuracies, self.errors, strict=True)
        return " · ".join(f"{c.architecture} {a:.2f} ± {e:.2f}" for c, a, e in parts)


class Comparing(OfWorkspace):
    """The comparisons of one viewer; each holds until a label of its kind changes.

    Parameters
    ----------
    workspace : Workspace
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._found: dict[str, Comparison] = {}
        self.job: Job | None = None
        workspace.changed.connect(self._project_changed)
        workspace.opened.connect(self._opened)

    def of(self, kind: str) -> Comparison | None:
        """Return what was found for a kind, if its labels are still the same."""
        return self._found.get(kind)

    def start(self, kind: str, settings: Settings) -> Job | None:
        """Compare a network, with these settings, and a forest; None while that goes on."""
        if self.job is not None:
            return None
        network = settings.architecture if settings.architecture != FOREST else "SimpleCNN"
        candidates = [
            replace(settings, architecture=network),
            replace(settings, architecture=FOREST),
        ]
        project = self.workspace.project
        self.job = self.workspace.learning.run(
            "Compare models",
            PROPOSE,
            project,
            kind,
            kind,
            candidates,
            keras=True,
            done=partial(self._done, kind, project),
            failed=self._failed,
        )
        self.job.finished.connect(self._ended)
        self.changed.emit()
        return self.job

    def stop(self) -> None:
        """Give up comparing."""
        if self.job is not None:
            self.job.cancel()

    def _done(self, kind: str, project: Project, proposal: "Proposal") -> None:
        if not labels_changed(project, self.workspace.project, kind):
            self._found[kind] = _comparison(proposal)

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            return
        if not isinstance(error, PiximiError | OSError | MemoryError):
            raise error
        more = ". No project was changed" if isinstance(error, EngineError) else ""
        messages.error(f"The models cannot be compared: {error}{more}")

    def _ended(self) -> None:
        self.job = None
        self.changed.emit()

    def _opened(self) -> None:
        self._found.clear()
        self.changed.emit()

    def _project_changed(self, before: Project, after: Project) -> None:
        stale = [kind for kind in self._found if labels_changed(before, after, kind)]
        for kind in stale:
            del self._found[kind]
        if stale:
            self.changed.emit()


def _comparison(proposal: "Proposal") -> Comparison:
    """Read a proposal; the best first."""
    evaluations, best = proposal.evaluations, proposal.best
    order = sorted(range(len(evaluations)), key=lambda i: (i != best, -evaluations[i].accuracy))
    shares = [evaluations[i].accuracy for i in order]
    counts = [max(float(evaluations[i].support.sum()), 1.0) for i in order]
    errors = [sqrt(p * (1 - p) / n) for p, n in zip(shares, counts, strict=True)]
    candidates = tuple(proposal.candidates[i] for i in order)
    return Comparison(candidates, tuple(shares), tuple(errors))


comparing_of = one_each(Comparing)
"""Return what compares for a viewer, made when it is first asked for."""
