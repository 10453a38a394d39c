"""A fit that is under way when its window is to be closed."""

from qtpy.QtWidgets import QWidget

from napari_piximi.ui import messages
from napari_piximi.ui.fit_course import FitCourse
from napari_piximi.ui.fitting import fitting_of
from napari_piximi.ui.network_fitting import network_fitting_of
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace

__all__ = ["may_end_fit"]

KEEP, DISCARD, CANCEL = "Stop and keep the best", "Discard the fit", "Go on fitting"


def may_end_fit(workspace: Workspace, parent: QWidget | None = None) -> bool:
    """Tell whether the window may close as far as a fit is concerned, after asking about it.

    Where the best weights are to be kept, the fit is stopped, and waited for while the window
    stays alive: they are then in the project, about which its own question is asked.

    Parameters
    ----------
    workspace : Workspace
    parent : QWidget, optional

    Returns
    -------
    bool
        True where no fit is under way (any more).
    """
    courses = (fitting_of(workspace), network_fitting_of(workspace))
    return all(_may_end(fitting, parent) for fitting in courses)


def _may_end(fitting: FitCourse, parent: QWidget | None) -> bool:
    fit = fitting.current
    if fit is None or fit.job is None:
        return True
    answer = messages.ask(
        parent,
        f"{one_line(fit.name)} is still being fitted",
        "Its best epoch so far can be kept as a model of the project. If you discard the fit, "
        "it is lost.",
        (KEEP, DISCARD, CANCEL),
    )
    if answer == KEEP and fitting.current is fit:
        fitting.stop()
        fit.job.wait()
    return answer != CANCEL
