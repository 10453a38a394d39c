"""New, open, save: which file the project of a viewer belongs to, and no work lost on the way."""

import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtWidgets import QWidget

from napari_piximi.errors import SaveError
from napari_piximi.io.bundle import PIXIMI_VERSION, read_bundle_and_version, write_bundle
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.session import Session
from napari_piximi.progress import Progress
from napari_piximi.ui import file_choice, messages, preferences
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.leaving_work import Agreement, may_end_work
from napari_piximi.ui.workspace import Workspace

__all__ = [
    "may_leave",
    "may_still_leave",
    "new",
    "open_path",
    "recent",
    "save",
    "save_as",
    "show_first_image",
    "title_of",
]

SAVE, SAVE_AS, DISCARD, CANCEL = "Save", "Save as…", "Don't save", "Cancel"
REOPEN, REPLACE = "Open the saved version", "Replace"
RECENT = "recent"
MOST_RECENT = 10
SUFFIXES = (".zip", ".zarr")


@dataclass(slots=True)
class _Desk:
    """What is being done with the files of one workspace.

    Attributes
    ----------
    saving, opening : Job or None
        The ones that run now.
    target : (Project, Path) or None
        What `saving` writes, and where.
    next_path : Path or None
        Where to save once more when `saving` has ended well.
    leaving : bool
        Whether a question about unsaved work is on the screen.
    old : (reference to Session, str) or None
        A session whose bundle is of an older version than those we write, and that version.
    """

    saving: Job | None = None
    opening: Job | None = None
    target: tuple[Project, Path] | None = None
    next_path: Path | None = None
    leaving: bool = False
    old: tuple[weakref.ref[Session], str] | None = None


_desks: weakref.WeakKeyDictionary[Workspace, _Desk] = weakref.WeakKeyDictionary()


def _desk(workspace: Workspace) -> _Desk:
    return _desks.setdefault(workspace, _Desk())


# --- opening -------------------------------------------------------------------------------


def new(workspace: Workspace, parent: QWidget | None = None) -> bool:
    """Begin an empty project; unsaved work is asked about first.

    Returns
    -------
    bool
        False if the user stayed with the project that was open.
    """
    if not may_leave(workspace, parent):
        return False
    workspace.open_project(new_project())
    return True


def open_path(
    workspace: Workspace, path: str | os.PathLike[str], parent: QWidget | None = None
) -> Job | None:
    """Open a project bundle in place of the project; unsaved work is asked about first.

    A bundle that cannot be read is told of once, and what was open stays.

    Parameters
    ----------
    workspace : Workspace
    path : path
        A ``.zip`` or a ``.zarr`` folder.
    parent : QWidget, optional
        Of questions.

    Returns
    -------
    Job or None
        None if the user stayed with the project that was open.
    """
    path = Path(os.path.abspath(path))
    if not _may_open(workspace, path, parent):
        return None
    desk, session, agreed = _desk(workspace), workspace.session, Agreement(workspace)
    if desk.opening is not None:
        desk.opening.cancel()  # the one asked for last is the one that is wanted

    def opened(found: tuple[Project, str]) -> None:
        project, version = found
        if desk.opening is not job or workspace.session is not session:
            return  # something else was opened since
        if not may_still_leave(agreed, workspace, parent):
            return
        workspace.open_project(project, path)
        if version.split(".")[:2] != PIXIMI_VERSION.split(".")[:2]:
            desk.old = weakref.ref(workspace.session), version
        _remember(path)
        show_first_image(workspace)

    def ended() -> None:
        if desk.opening is job:
            desk.opening = None

    job = workspace.jobs.run(f"Opening {path.name}", _read, workspace, path, done=opened)
    desk.opening = job
    job.finished.connect(ended)
    return job


def _read(workspace: Workspace, path: Path, progress: Progress) -> tuple[Project, str]:
    """Read a bundle, and make ready what is needed to show it."""
    from napari_piximi.ui import docks

    docks.warm_up()
    project, version = read_bundle_and_version(path, progress)
    workspace.foresee_opening(project)
    return project, version


def show_first_image(workspace: Workspace) -> None:
    """Show the docks, and the first image of the project if it has one."""
    from napari_piximi.ui.docks import show_docks

    show_docks(workspace)
    first = next(workspace.project.images(), None)
    if first is not None:
        workspace.show(first.id)


def _may_open(workspace: Workspace, path: Path, parent: QWidget | None) -> bool:
    """Ask about work; of unsaved work on the very file that is to be opened, something else."""
    if path != workspace.path:
        return may_leave(workspace, parent)
    return _asked_once(workspace, parent, _may_reopen)


def _may_reopen(workspace: Workspace, parent: QWidget | None) -> bool:
    path = workspace.path
    if path is None or not workspace.session.dirty:
        return True
    answer = messages.ask(
        parent,
        f"{path.name} is open, with changes that are not saved",
        "You can save your changes to another file, or drop them and go back to what is saved.",
        (SAVE_AS, REOPEN, CANCEL),
    )
    return answer == REOPEN or (answer == SAVE_AS and _saved(save_as(workspace, parent=parent)))


# --- saving --------------------------------------------------------------------------------


def save(workspace: Workspace, parent: QWidget | None = None) -> Job | None:
    """Save the project to its file, or ask for one if it has none.

    What is saved is the project as it is now, whatever is edited meanwhile. If a save is under
    way, this one comes after it.

    Returns
    -------
    Job or None
        The one that is under way now; None if the user gave no file.
    """
    if workspace.path is None:
        return save_as(workspace, parent=parent)
    return _write(workspace, workspace.path)


def save_as(
    workspace: Workspace, path: Path | None = None, parent: QWidget | None = None
) -> Job | None:
    """Save the project to another file, which then is the project's.

    Parameters
    ----------
    workspace : Workspace
    path : Path, optional
        Asked for by default. Without ``.zip`` or ``.zarr`` at its end it gets ``.zip``.
    parent : QWidget, optional
        Of the dialog.

    Returns
    -------
    Job or None
        None if the user gave no file, or one that cannot be one.
    """
    if path is None:
        path = _ask_target(workspace, parent)
        if path is None:
            return None
    path = _with_suffix(path)
    try:
        _check_target(path)
    except (SaveError, OSError) as error:
        messages.error(error)
        return None
    return _write(workspace, path)


def _ask_target(workspace: Workspace, parent: QWidget | None) -> Path | None:
    """Ask for a file; the dialog did not know of a name that a suffix is added to."""
    chosen = file_choice.choose_target(parent, workspace.path, workspace.project.name)
    if chosen is None:
        return None
    path = _with_suffix(chosen)
    if path.name != chosen.name and os.path.exists(path):
        title = f"Replace “{path.name}”?"
        text = f"There is a file of this name in {path.parent} already."
        if messages.ask(parent, title, text, (REPLACE, CANCEL)) == CANCEL:
            return None
    return path


def _with_suffix(path: Path) -> Path:
    path = Path(os.path.abspath(path))
    return path if path.suffix.lower() in SUFFIXES else path.with_name(f"{path.name}.zip")


def _check_target(path: Path) -> None:
    """Refuse what would destroy something that is no project of ours."""
    inside = next((p for p in path.parents if p.suffix.lower() == ".zarr"), None)
    if inside is not None:
        raise SaveError(f"{path}: lies in the folder {inside.name}; save beside it instead")
    if path.is_dir() and any(path.iterdir()) and not (path / "project").is_dir():
        raise SaveError(f"{path}: is a folder with other data; choose another name")


def _write(workspace: Workspace, path: Path) -> Job:
    workspace.layers.flush()  # what was just painted is to be saved too
    desk, session, project = _desk(workspace), workspace.session, workspace.project
    if desk.saving is not None:
        if desk.target is None or desk.target[0] is not project or desk.target[1] != path:
            desk.next_path = path
        return desk.saving

    def written(_: object) -> None:
        _remember(path)
        if workspace.session is session:
            workspace.mark_saved(project, path)
            _tell_of_upgrade(desk, session, path)

    def ended() -> None:
        desk.saving = desk.target = None
        again, desk.next_path = desk.next_path, None
        if job.state != "done":
            workspace.fail_save()
        elif again is not None and workspace.session is session:
            _write(workspace, again)

    workspace.begin_save(project, path)
    job = workspace.jobs.run(f"Saving {path.name}", write_bundle, project, path, done=written)
    desk.saving, desk.target = job, (project, path)
    job.finished.connect(ended)
    return job


def _tell_of_upgrade(desk: _Desk, session: Session, path: Path) -> None:
    if desk.old is not None and desk.old[0]() is session:
        messages.info(
            f"{path.name} is saved in Piximi's present format, {PIXIMI_VERSION}; "
            f"it was opened from {desk.old[1]}."
        )
    desk.old = None


def _saved(job: Job | None) -> bool:
    """Wait for a save; tell whether it came to a good end."""
    if job is None:
        return False
    job.wait()
    return job.state == "done"


def _wait_for_save(workspace: Workspace) -> None:
    desk = _desk(workspace)
    while desk.saving is not None:
        desk.saving.wait()


# --- leaving -------------------------------------------------------------------------------


def may_leave(workspace: Workspace, parent: QWidget | None = None) -> bool:
    """Tell whether the project may be left, after asking about work.

    That is work that is under way, and work that is not saved, which is then saved. The window
    stays alive while either is waited for. If saving fails, the user stays.

    Returns
    -------
    bool
        False while the same question is on the screen already.
    """
    return _asked_once(workspace, parent, _may_drop)


def may_still_leave(agreed: Agreement, workspace: Workspace, parent: QWidget | None = None) -> bool:
    """Tell the same where the user agreed before; asks again if there is more to lose by now."""
    if agreed.holds(workspace) and _desk(workspace).saving is None:
        return True
    return may_leave(workspace, parent)


def _asked_once(
    workspace: Workspace, parent: QWidget | None, ask: Callable[[Workspace, QWidget | None], bool]
) -> bool:
    """Ask about work that is under way, and then `ask`, but not while this is on the screen."""
    desk = _desk(workspace)
    if desk.leaving:
        return False
    desk.leaving = True
    try:
        if not may_end_work(workspace, parent):
            return False
        _wait_for_save(workspace)
        workspace.layers.flush()  # what was just painted is work too
        return ask(workspace, parent)
    finally:
        desk.leaving = False


def _may_drop(workspace: Workspace, parent: QWidget | None) -> bool:
    while workspace.session.dirty:
        answer = messages.ask(
            parent,
            f"Save the changes to “{workspace.project.name}”?",
            "If you do not save them, they are lost.",
            (SAVE, DISCARD, CANCEL),
        )
        if answer == DISCARD:
            return True
        if answer == CANCEL or not _saved(save(workspace, parent)):
            return False
    return True


# --- names of files ------------------------------------------------------------------------


def title_of(workspace: Workspace) -> str:
    """Return what the window is to be called: the file, with a mark if not all is saved."""
    name = workspace.path.name if workspace.path else workspace.project.name
    return f"{'• ' if workspace.session.dirty else ''}{name} – napari"


def recent() -> list[Path]:
    """Return the bundles opened or saved last, the newest first; some may have gone since."""
    known = preferences.get(RECENT, [])
    return [Path(name) for name in known if isinstance(name, str)][:MOST_RECENT]


def _remember(path: Path) -> None:
    others = [other for other in recent() if other != path]
    preferences.put(RECENT, [str(p) for p in (path, *others)][:MOST_RECENT])
    file_choice.remember_folder(path)
