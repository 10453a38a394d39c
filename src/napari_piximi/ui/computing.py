"""Edits of very many things are worked out in a thread, and applied to what the project is then."""

import gc
from collections.abc import Callable
from typing import Any

from napari_piximi.errors import EditError
from napari_piximi.model.bulk import without_garbage_collection
from napari_piximi.model.project import Project
from napari_piximi.progress import Progress
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.workspace import Workspace

__all__ = ["apply_computed"]

MANY = 2_000
"""Things from which on an edit is worked out in a thread."""

TRIES = 3
"""Times that an edit is worked out anew because the project changed meanwhile."""


def apply_computed(
    workspace: Workspace,
    label: str,
    count: int,
    function: Callable[..., Project],
    *args: Any,  # noqa: ANN401
    done: Callable[[], object] | None = None,
) -> Job | None:
    """Apply ``function(project, *args)`` as one undoable edit, worked out in a thread if large.

    The result is applied if the project is still what it was worked out of. Otherwise it is
    worked out once more, and in the end at once, so that no edit of the user is lost.

    Parameters
    ----------
    workspace : Workspace
    label : str
        Of the edit.
    count : int
        How many things it concerns.
    function : callable
        An edit: pure; it may raise EditError.
    done : callable, optional
        Called when it is applied.

    Returns
    -------
    Job or None
        None where it was applied, or refused, at once.
    """
    return _apply(workspace, label, count, function, args, done, TRIES)


def _apply(
    workspace: Workspace,
    label: str,
    count: int,
    function: Callable[..., Project],
    args: tuple[Any, ...],
    done: Callable[[], object] | None,
    tries: int,
) -> Job | None:
    if count < MANY or tries == 0:
        if workspace.edit(label, function, *args) and done is not None:
            done()
        return None
    before = workspace.project

    def computed(after: Project | None) -> None:
        workspace.settle()
        if workspace.project is not before or after is None:
            _apply(workspace, label, count, function, args, done, tries - 1)
            return
        workspace.session.apply(after, label)
        if done is not None:
            done()

    job = workspace.run(label, _compute, workspace, before, function, args, done=computed)
    job.edits = True
    return job


def _compute(
    workspace: Workspace,
    project: Project,
    function: Callable[..., Project],
    args: tuple[Any, ...],
    progress: Progress,
) -> Project | None:
    """Work an edit out, and what is shown after it.

    None where it is refused, so that the user hears of it as of any edit.
    """
    progress(0, 0, "Working it out")
    try:
        with without_garbage_collection():
            after = function(project, *args)
            workspace.foresee(project, after)
            gc.freeze()  # or the next search for garbage would go through all that was made
            return after
    except EditError:
        return None
