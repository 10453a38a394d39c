"""Never lose work: every edit goes into a journal outside the project's file at once.

A journal is a folder of a session: a lock, the records of what was done since the project was
opened or saved, and pixels and weights that lie nowhere else. When the session ends well, the
folder goes. One that is left, and that no process has locked, is work to be recovered.
"""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from napari_piximi.errors import RecoveryError
from napari_piximi.io._journal import Journal, Start, journals, remove
from napari_piximi.io._journal_file import UNFIT, read_ends
from napari_piximi.io._journal_lock import Lock
from napari_piximi.io._journal_replay import Recovered, replay
from napari_piximi.io._writers import remove_leftovers
from napari_piximi.model.bulk import without_garbage_collection
from napari_piximi.model.project import Project
from napari_piximi.progress import Progress, silent

__all__ = ["Journal", "LostSession", "lost_sessions"]

SESSION = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
ABANDONED = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class LostSession:
    """A session that ended without saying so.

    Attributes
    ----------
    folder : Path
    name : str
        Of the project.
    path : Path or None
        The bundle it was read from or saved to last.
    when : datetime
        Of the last edit, in local time.
    edits : int
        How many there were since the project was opened or saved.
    """

    folder: Path
    name: str
    path: Path | None
    when: datetime
    edits: int

    def recover(self, progress: Progress = silent) -> Project:
        """Return the project as it was last; the session stays lost.

        Its new pixels are read from the session's folder; see :meth:`adopt` for going on.

        Raises
        ------
        RecoveryError
            If nothing can be got, or another process recovers it just now.

        Warns
        -----
        PiximiWarning
            Of everything that could not be had.
        """
        with _locked(self.folder) as lock:
            project = _recovered(self.folder, progress).project
            lock.release()
        return project

    def adopt(self, progress: Progress = silent) -> tuple[Journal, Project, Path | None]:
        """Go on with the session: its journal, the project as it was last, and its bundle.

        The project has unsaved changes. There is no path if the bundle was changed by someone
        else meanwhile, and had better not be replaced unasked.

        Raises
        ------
        RecoveryError
            As for :meth:`recover`; the session then stays as it is.

        Warns
        -----
        PiximiWarning
            Of everything that could not be had.
        """
        with _locked(self.folder) as lock:
            found = _recovered(self.folder, progress)
            self._clear_beside()
            base = found.base if found.base.mark or found.base.path is None else None
            start = Start(found.start, found.base.path, base, found.edits)
            return Journal(self.folder, lock, start, found.project), found.project, found.path

    def discard(self) -> None:
        """Delete it.

        Raises
        ------
        RecoveryError
            If another process recovers it just now.
        """
        with _locked(self.folder) as lock:
            self._clear_beside()
            remove(self.folder)
            lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _clear_beside(self) -> None:
        """Delete what a save that was cut short left beside the bundle."""
        for path in journals(self.folder)[:1]:
            with suppress(OSError, RuntimeError, *UNFIT):  # of paths that cannot be
                first, last = read_ends(path)
                bundles = {first["path"], last["path"] if last["what"] == "saving" else None}
                for bundle in bundles - {None}:
                    remove_leftovers(Path(bundle), int(first["process"]))


def lost_sessions(home: Path) -> list[LostSession]:
    """List what there is to recover, the newest first.

    Sessions that another process, or this one, goes on with are left out. Those in which
    nothing was done are deleted.
    """
    folders = sorted(home.iterdir()) if home.is_dir() else []
    found = [session for folder in folders if (session := _lost(folder)) is not None]
    return sorted(found, key=lambda session: session.when, reverse=True)


def _lost(folder: Path) -> LostSession | None:
    if not journals(folder):
        _clear_up(folder)
        return None
    try:
        with _locked(folder) as lock:
            session, in_vain = _summary(folder)
            if in_vain:
                remove(folder)
            lock.release()
    except RecoveryError:
        return None
    if in_vain:
        shutil.rmtree(folder, ignore_errors=True)
    return None if in_vain else session


def _clear_up(folder: Path) -> None:
    """Delete a session that ended before its journal began; a new one is given time for that."""
    with suppress(OSError, RecoveryError):
        if SESSION.fullmatch(folder.name) and time.time() - folder.stat().st_mtime > ABANDONED:
            with _locked(folder) as lock:
                shutil.rmtree(folder, ignore_errors=True)
                lock.release()


def _summary(folder: Path) -> tuple[LostSession, bool]:
    """Return what a journal tells of itself, and whether nothing would be lost with it."""
    error: Exception | None = None
    for path in journals(folder):
        try:
            first, last = read_ends(path)
            bundle = None if first["path"] is None else Path(first["path"])
            when = datetime.fromtimestamp(last["when"]).astimezone()
            session = LostSession(folder, str(last["name"]), bundle, when, int(last["edits"]))
            in_vain = session.edits == 0 and (bundle is not None or last["things"] == 0)
        except (*UNFIT, OSError) as trouble:
            error = trouble
        else:
            return session, in_vain
    raise RecoveryError(f"{folder}: holds nothing that could be read") from error


@contextmanager
def _locked(folder: Path) -> Iterator[Lock]:
    """Hold the lock of a session; whoever takes it over does so by not failing."""
    lock = None
    with suppress(OSError):
        lock = Lock.take(folder)
    if lock is None:
        raise RecoveryError(f"{folder}: this session has gone, or another napari has it")
    try:
        yield lock
    except BaseException:
        lock.release()
        raise


def _recovered(folder: Path, progress: Progress) -> Recovered:
    trouble = RecoveryError(f"{folder}: holds no journal")
    with without_garbage_collection():
        for path in journals(folder):
            try:
                return replay(path, progress)
            except RecoveryError as error:
                trouble = error
    raise trouble
