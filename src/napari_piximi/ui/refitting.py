"""A forest that follows the labels: fitted anew whenever they come to rest."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from psygnal import Signal

from napari_piximi.errors import Cancelled, EditError, PiximiError
from napari_piximi.learn.readiness import readiness
from napari_piximi.learn.results import FitResult, Predictions, apply_fit, apply_predictions
from napari_piximi.model.project import Project
from napari_piximi.model.training import Settings
from napari_piximi.ui import messages
from napari_piximi.ui.fitting import FIT
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.label_changes import labels_changed
from napari_piximi.ui.of_workspace import OfWorkspace, one_each
from napari_piximi.ui.rest import Rest
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace

__all__ = ["Refitting", "refitting_of"]

PREDICT = "napari_piximi.learn.classifier:predict"
REFIT = "Refit "
DELAY = 300
"""Milliseconds without another label before a refit."""


class Refitting(OfWorkspace):
    """Refits of one viewer; what they do belongs to the label that caused it, also for undo.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    followed : tuple of kind, name, settings; or None
        The forest that follows.
    predicts : bool
        Whether it also predicts what has no label.
    """

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.followed: tuple[str, str, Settings] | None = None
        self.predicts = True
        self.fits = 0
        self._runs_before: int | None = None
        self._job: Job | None = None
        self._again = False
        self._rest = Rest(self._fit, DELAY)
        workspace.changed.connect(self._project_changed)
        workspace.opened.connect(self.stop)

    def follow(self, kind: str, name: str, settings: Settings) -> None:
        """Fit a forest now, and after each change of the labels of its kind."""
        self.followed = kind, name, settings
        self._runs_before = None
        self._rest.ask()
        self.changed.emit()

    def stop(self) -> None:
        """Follow no more."""
        if self.followed is not None:
            self.followed = None
            self._rest.forget()
            self._again = False
            if self._job is not None:
                self._job.cancel()
            self.changed.emit()

    def _project_changed(self, before: Project, after: Project) -> None:
        if self.followed is None:
            return
        kind = self.followed[0]
        if kind not in after.kinds:
            self.stop()
        elif labels_changed(before, after, kind):
            self._rest.ask()

    def _fit(self) -> None:
        if self.followed is None:
            return
        if self._job is not None:  # its labels are of the past
            self._again = True
            self._job.cancel()
            return
        kind, name, settings = self.followed
        project = self.workspace.project
        found = readiness(project, kind, settings)
        if any(trouble.severity == "stop" for trouble in found):
            return  # the page says what is missing
        done = partial(self._fitted, self.followed)
        self._run(f"{REFIT}{one_line(name)}", FIT, kind, settings, done=done, name=name)

    def _run(
        self,
        title: str,
        function: str,
        *args: object,
        done: Callable[[Any], object],
        **options: Any,  # noqa: ANN401
    ) -> None:
        assert self.followed is not None
        workspace = self.workspace
        self._job = workspace.learning.run(
            title,
            function,
            workspace.project,
            self.followed[0],
            *args,
            keras=False,
            done=done,
            failed=self._failed,
            **options,
        )
        self._job.finished.connect(partial(self._ended, self._job))

    def _fitted(self, wish: tuple[str, str, Settings], result: FitResult) -> None:
        workspace = self.workspace
        if self.followed != wish or result.classifier.runs[-1].stopped == "cancelled":
            return
        runs = result.classifier.runs
        if self._runs_before is None:
            self._runs_before = len(runs) - 1
        # one run for all refits: a hundred labels are no hundred fits to compare
        classifier = replace(result.classifier, runs=(*runs[: self._runs_before], runs[-1]))
        workspace.settle()
        try:
            after = apply_fit(workspace.project, replace(result, classifier=classifier))
        except EditError as error:
            messages.error(error)
            self.stop()
            return
        workspace.session.amend(after)
        self.fits += 1
        if workspace.gallery.query.kind == wish[0]:
            workspace.learning.choice.choose(classifier.name)
        self.changed.emit()

    def _predict(self) -> None:
        """Ask the forest about what has no label."""
        if self.followed is None:
            return
        kind, name, _ = self.followed
        project = self.workspace.project
        for classifier in project.classifiers:
            if (classifier.kind, classifier.name) == (kind, name):
                if set(classifier.class_map) <= project.categories.keys():
                    title = f"Predict with {one_line(name)}"
                    self._run(title, PREDICT, classifier, done=self._predicted)
                return

    def _predicted(self, predictions: Predictions) -> None:
        session = self.workspace.session
        self.workspace.settle()
        try:
            session.amend(apply_predictions(session.project, predictions))
        except EditError as error:
            messages.error(error)

    def _ended(self, job: Job) -> None:
        if self._job is not job:
            return
        self._job = None
        if self._again:
            self._again = False
            self._rest.ask()
        elif job.state == "done" and self.predicts and job.title.startswith(REFIT):
            self._predict()

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, Cancelled):
            return
        self.stop()
        if not isinstance(error, PiximiError | OSError | MemoryError):
            raise error
        messages.error(f"The forest no longer follows your labels: {error}")


refitting_of = one_each(Refitting)
"""Return what refits for a viewer, made when it is first asked for."""
