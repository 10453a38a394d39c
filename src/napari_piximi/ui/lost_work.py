"""Lost work is looked for when the first dock of a viewer is shown, whichever it is."""

import weakref
from collections.abc import Callable
from pathlib import Path

from napari_piximi.io.recovery import LostSession, lost_sessions
from napari_piximi.progress import Progress, silent
from napari_piximi.ui import preferences
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.workspace import Workspace

__all__ = ["look_for_lost_work", "point_to_lost_work"]

_asked: weakref.WeakSet[Workspace] = weakref.WeakSet()


def look_for_lost_work(workspace: Workspace, found: Callable[[list[LostSession]], object]) -> Job:
    """Search in the background.

    Parameters
    ----------
    workspace : Workspace
    found : callable
        Gets a list of LostSession, the newest first.
    """
    home = preferences.state_folder() / "recovery"
    return workspace.jobs.run("Look for lost work", _search, home, done=found)


def point_to_lost_work(workspace: Workspace) -> None:
    """Show the Project dock, which offers it, if there is lost work; ask once per viewer."""
    if workspace in _asked or getattr(workspace.viewer, "window", None) is None:
        return
    _asked.add(workspace)

    def found(sessions: list[LostSession]) -> None:
        if sessions:
            from napari_piximi.ui.docks import show_dock

            show_dock(workspace, "Project")

    look_for_lost_work(workspace, found)


def _search(home: Path, *, progress: Progress = silent) -> list[LostSession]:
    progress(0, 1, "Looking")
    return lost_sessions(home)
