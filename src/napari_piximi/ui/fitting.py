"""The fit of one viewer that is under way: it goes on while no page looks at it."""

from dataclasses import asdict, replace
from functools import partial
from typing import Any

from napari_piximi.errors import EditError
from napari_piximi.learn.results import FitResult, add_evaluation, apply_fit
from napari_piximi.model import edits
from napari_piximi.model.columns import Columns
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.things import Partition
from napari_piximi.model.training import Classifier, Run, Settings
from napari_piximi.ui import messages, preferences
from napari_piximi.ui.fit_course import FitCourse, FitUnderWay
from napari_piximi.ui.learning import needs_keras
from napari_piximi.ui.of_workspace import one_each
from napari_piximi.ui.shown_names import one_line

__all__ = ["FitUnderWay", "Fitting", "fitting_of", "last_settings"]

FIT = "napari_piximi.learn.classifier:fit"
EVALUATE = "napari_piximi.learn.classifier:evaluate"
LAST = "fit/last settings"


class Fitting(FitCourse):
    """What fits classifiers for one viewer, one fit at a time.

    Parameters
    ----------
    workspace : Workspace
    """

    RESULT = FitResult

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
        job = workspace.learning.run(
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
        self._begin(fit, job)
        return fit

    # --- what comes of it ------------------------------------------------------------------------

    def _done(self, fit: FitUnderWay, result: FitResult) -> None:
        run = result.classifier.runs[-1]
        if run.stopped == "cancelled" and not run.epochs and fit.settings.epochs:
            self._say_nothing_is_kept(fit)
            return
        self._take(fit, result)

    def _take(self, fit: FitUnderWay, result: FitResult) -> bool:
        """Put a result into the project as it is now, and judge it."""
        workspace = self.workspace
        workspace.settle()
        fit.over = True
        gone = fit.kind not in workspace.project.kinds
        try:
            before = edits.bring_back_kind(workspace.project, fit.kind, fit.kind_name)
            after = apply_fit(before, result)
        except EditError as error:
            messages.error(error)
            return False
        classifier = after.classifiers[-1]
        workspace.session.apply(after, f"Fit {one_line(classifier.name)}")
        if workspace.gallery.query.kind == fit.kind:
            workspace.learning.choice.choose(classifier.name)
        lost = [key for key in classifier.class_map if key and key not in after.categories]
        if gone:
            self._warn_of_kind(fit, " (map its classes before it predicts)")
        elif lost:
            count = "1 category" if len(lost) == 1 else f"{len(lost)} categories"
            messages.warn(
                f"{one_line(classifier.name)} is fitted, but {count} of it went meanwhile: "
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
        self.workspace.settle()
        after = add_evaluation(self.workspace.project, classifier, evaluation)
        self.workspace.session.apply(after, f"Evaluate {one_line(classifier.name)}")

    def _newest(self, result: Any) -> tuple[str, Run]:  # noqa: ANN401
        return result.classifier.name, result.classifier.runs[-1]


def last_settings() -> object:
    """Return what the last new model was fitted with, as it was kept; None if there is none."""
    return preferences.get(LAST)


fitting_of = one_each(Fitting)
"""Return what fits for a viewer, made when it is first asked for."""
