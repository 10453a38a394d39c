"""Work that is under way when its project or its window is to be left."""

from qtpy.QtWidgets import QWidget

from napari_piximi.ui import messages
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.workspace import Workspace

__all__ = ["Agreement", "may_end_work"]


class Agreement:
    """What there was to lose when a user agreed to leave the project.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self._project, self._work = workspace.project, _missed(workspace)

    def holds(self, workspace: Workspace) -> bool:
        """Tell whether there is nothing more to lose by now."""
        return workspace.project is self._project and _missed(workspace) <= self._work


def _missed(workspace: Workspace) -> set[Job]:
    return {job for job in workspace.jobs.running if job.leaving is not None or job.edits}


def may_end_work(workspace: Workspace, parent: QWidget | None = None) -> bool:
    """Tell whether the project may be left as far as work is concerned, after asking about it.

    Work whose outcome so far is to be kept is stopped, and waited for while the window stays
    alive: it is then in the project, about which its own question is asked. Work that is to be
    lost goes on until the project really is left.

    Parameters
    ----------
    workspace : Workspace
    parent : QWidget, optional
        Of questions.
    """
    jobs = workspace.jobs.running
    if not all(_may_end(job, parent) for job in list(jobs)):
        return False
    while edits := [job for job in jobs if job.edits]:
        edits[0].wait()
    return True


def _may_end(job: Job, parent: QWidget | None) -> bool:
    leaving = job.leaving
    if leaving is None or not job.running:  # or it ended while another was asked about
        return True
    answers = [*[leaving.keep] * bool(leaving.keep), leaving.discard, leaving.stay]
    answer = messages.ask(parent, leaving.title, leaving.text, answers)
    if answer == leaving.keep and job.running:
        leaving.stop()
        job.wait()
    return answer != leaving.stay
