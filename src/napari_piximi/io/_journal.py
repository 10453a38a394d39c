"""What happens to a project, written down in a thread beside the window."""

import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from napari_piximi.errors import RecoveryError
from napari_piximi.io._journal_diff import Ledger, difference, pixels_of
from napari_piximi.io._journal_file import JournalFile, pack
from napari_piximi.io._journal_lock import Lock
from napari_piximi.io._journal_origin import Origin, opened, things_digest
from napari_piximi.io._journal_values import Store
from napari_piximi.io._source import users_of
from napari_piximi.io.scratch import Scratch
from napari_piximi.model.project import Project

__all__ = ["Journal", "Start", "journals", "remove"]

PAUSE = 0.1
"""Seconds between two writes, so that what comes in bursts is written together."""
RETRY = 5.0
"""Seconds after which a write that failed is tried again."""
LONGEST_WAIT = 1.0
"""Seconds that a save waits at most for the journal."""
LONGEST_END = 10.0
"""Seconds that closing waits at most for what is being written."""
LONGEST_CLOSE = 0.05
"""Seconds that the window waits at most where all is to be deleted; the rest is done beside it."""
QUICKLY_DELETED = 64 << 20  # bytes
JOURNAL = "journal-"


class Journal:
    """Write down what happens to a project, in a thread of its own.

    All methods may be called in the thread of the window: they return at once, but for those
    that say they wait. Made by :meth:`begin`, or by :meth:`LostSession.adopt`.

    Attributes
    ----------
    folder : Path
        Of this session.
    scratch : Scratch
        Takes the pixels of new images, which then need not be written a second time.
    failed : Exception or None
        Why the last write failed, as on a full disk; it is tried again.
    """

    def __init__(self, folder: Path, lock: Lock, start: "Start", project: Project) -> None:
        self.folder = folder
        self.scratch = Scratch(folder)
        self.failed: Exception | None = None
        self._lock = lock
        self._start = start
        self._store = Store(folder)
        self._ledger = Ledger(self.scratch, self._store, {})
        self._file: JournalFile | None = None
        self._told = self._latest = project  # what a reader of the file has, and what it lacks
        self._edits, self._edits_saved = start.edits, 0
        self._linked = False  # whether the base cannot get lost
        self._changed = threading.Condition()
        self._tasks = deque([lambda: self._start_anew(start)])
        self._asked, self._done = 1, 0
        self._hurry = self._closing = self._dropped = self._again = False
        self._thread = threading.Thread(target=self._run, name="recovery journal", daemon=True)
        self._thread.start()

    @classmethod
    def begin(cls, home: Path, project: Project, path: Path | None = None) -> "Journal":
        """Begin a session.

        Parameters
        ----------
        home : Path
            The folder of all sessions; it is made if needed, for this user alone.
        project : Project
            What the session starts with.
        path : Path, optional
            The bundle it was read from just now; without one, all of it is written down.

        Raises
        ------
        RecoveryError
            If the folder cannot be made or locked.
        """
        folder = home / f"{time.strftime('%Y%m%d-%H%M%S')}-{token_hex(4)}"
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
            lock = Lock.take(folder)
        except OSError as error:
            reason = error.strerror or error
            raise RecoveryError(f"{folder}: no journal can be kept there ({reason})") from error
        if lock is None:
            raise RecoveryError(f"{folder}: files cannot be locked there, so no journal is kept")
        return cls(folder, lock, Start(project, path, just_opened=True), project)

    def note(self, before: Project, after: Project) -> None:
        """Take note of an edit; it is on the disk well within a second.

        Parameters
        ----------
        before, after : Project
            As the session's ``changed`` has them; edits that follow each other closely are
            written as one.
        """
        if before is not after:
            with self._changed:
                self._latest = after
                self._edits += 1
                self._ask()

    def saving(self, project: Project, path: Path) -> None:
        """Tell that `project` is about to be written to `path`.

        Where the bytes of the bundle so far could not be kept by a link, this waits, a second
        at most, until that is on the disk: after a crash it may be the only sign that the file
        at `path` is the new one.
        """
        with self._changed:
            self._edits_saved = self._edits
            self._ask(lambda: self._note_saving(project, path.resolve()))
        if not self._linked:
            self.flush(LONGEST_WAIT)

    def saved(self, project: Project, path: Path) -> None:
        """Tell that `project` was written to `path`; edits made meanwhile are kept."""
        with self._changed:
            self._edits, self._edits_saved = self._edits - self._edits_saved, 0
            self._ask(lambda: self._start_anew(Start(project, path)))

    def save_failed(self) -> None:
        """Tell that what is at the path of :meth:`saving` is what was there before."""
        with self._changed:
            self._ask(lambda: self._append("not saved", []))

    def flush(self, timeout: float) -> bool:
        """Wait until all so far is on the disk.

        Parameters
        ----------
        timeout : float
            Seconds to wait at most.

        Returns
        -------
        bool
            Whether it is there.
        """
        with self._changed:
            asked, self._hurry = self._asked, True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._done >= asked, timeout)
            return done and self.failed is None

    def close(self, discard: bool) -> None:
        """End the session.

        Parameters
        ----------
        discard : bool
            Delete the folder, pixels and all, if need be in a thread that outlives this call;
            otherwise it is a lost session from now on, and this waits until all is written.
        """
        with self._changed:
            self._closing, self._dropped = True, discard
            if discard:
                self._tasks.clear()
                self._done = self._asked
            self._changed.notify_all()
        if not discard:
            self._end()
            return
        self._thread.join(LONGEST_CLOSE)
        if not self._thread.is_alive() and _size(self.folder) < QUICKLY_DELETED:
            self._end()
            return
        try:  # no daemon: Python waits for it when it ends
            threading.Thread(target=self._end, name="recovery journal's end").start()
        except RuntimeError:  # Python is ending already
            self._end()

    def _end(self) -> None:
        self._thread.join(LONGEST_END)
        if self._file is not None:
            self._file.close()
        if self._dropped:
            remove(self.folder)
        self._lock.release()
        if self._dropped:  # Windows keeps the lock's file until now
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- in the thread -----------------------------------------------------------------------

    def _ask(self, task: Callable[[], None] | None = None) -> None:
        """Wake the thread; the lock is held."""
        if task is not None:
            self._tasks.append(task)
        self._asked += 1
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                wait = RETRY if self._again else None
                self._changed.wait_for(lambda: self._asked > self._done or self._closing, wait)
                asked = self._asked
                if self._dropped or (self._closing and asked == self._done):
                    return
            failed = self._attempt()
            with self._changed:
                self._done, self._again = asked, failed is not None
                self.failed = failed or self._ledger.trouble
                self._hurry = self._hurry and self._asked > asked
                self._changed.notify_all()
                if self._closing and failed is not None:
                    return
                self._changed.wait_for(lambda: self._hurry or self._closing, PAUSE)

    def _attempt(self) -> Exception | None:
        """Write all there is to write; return why that failed."""
        try:
            if self._file is not None and not self._file.path.exists():
                self._begin_again()
            while self._tasks:
                self._tasks[0]()
                with self._changed:
                    if self._tasks:  # close may have cleared them
                        self._tasks.popleft()
            self._write(self._latest)
        except Exception as error:  # editing must go on, whatever it is
            return error
        return None

    def _write(self, project: Project) -> None:
        if project is self._told:
            return
        known = len(self._ledger)
        try:
            parts = difference(self._told, project, self._ledger)
            if parts:
                self._append("edit", parts)
        except BaseException:
            self._ledger.forget(known)
            raise
        self._told = project

    def _append(self, what: str, parts: Sequence[bytes], **facts: object) -> None:
        assert self._file is not None
        self._file.append([self._head(what, **facts), *parts])

    def _head(self, what: str, **facts: object) -> bytes:
        project = self._latest
        summary = {"name": project.name, "edits": self._edits, "things": len(project.things)}
        return pack({"what": what, "when": time.time(), **summary, **facts})

    def _note_saving(self, project: Project, path: Path) -> None:
        self._write(project)
        self._append("saving", [], path=str(path), saved=things_digest(project))

    def _begin_again(self) -> None:
        """Make the folder again, which someone deleted; pixels that were only there are lost."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.release()
        lock = Lock.take(self.folder)
        if lock is None:
            raise RecoveryError(f"{self.folder}: was deleted, and another process has it now")
        self._lock, self._store, start = lock, Store(self.folder), self._start
        base = None if start.base is None else start.base.renewed(self.folder, 1)
        self._start_anew(replace(start, base=base))

    def _start_anew(self, start: "Start") -> None:
        """Write a journal that begins with a bundle, and drop the one before."""
        number = max(map(_number, journals(self.folder)), default=0) + 1
        base = start.note(self.folder, number)
        known = Project() if base.path is None else start.project
        ledger = Ledger(self.scratch, self._store, pixels_of(known))
        latest, bare = self._latest, replace(known, kinds={}, categories={})
        parts = difference(bare, latest, ledger)
        head = self._head("base", process=os.getpid(), **base.head())
        records = [[head], [self._head("edit"), *parts]]
        file = JournalFile(self.folder / f"{JOURNAL}{number:06d}", records)
        if self._file is not None:
            self._file.close()
        self._file, self._ledger, self._told = file, ledger, latest
        self._start = replace(start, base=base)
        self._linked = base.path is None or base.link is not None
        for old in journals(self.folder):
            if _number(old) < number:
                old.unlink(missing_ok=True)
        for link in self.folder.glob("bundle-*.zip"):
            if link.name != base.link and not users_of(link):  # as after a recovery
                link.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Start:
    """What a journal begins with: a project as it is at a path, or at a place known already."""

    project: Project
    path: Path | None
    base: Origin | None = None
    edits: int = 0
    just_opened: bool = False

    def note(self, folder: Path, number: int) -> Origin:
        """Return the base, after taking note of the bundle as it is now if there is none yet."""
        if self.base is not None:
            return self.base
        if self.just_opened and self.path is not None:
            return opened(self.project, self.path, folder, number)
        return Origin.note(self.path, folder, number)


def _size(folder: Path) -> int:
    """Return how many bytes lie in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        return sum(entry.stat().st_size for entry in entries)
    return 0


def journals(folder: Path) -> list[Path]:
    """Return the journals in a folder, the newest first: the one before goes only after it."""
    found = [path for path in folder.glob(f"{JOURNAL}*") if _number(path)]
    return sorted(found, key=_number, reverse=True)


def _number(path: Path) -> int:
    digits = path.name.removeprefix(JOURNAL)
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def remove(folder: Path) -> None:
    """Delete a session: first what would be offered, so that no half of it ever is."""
    for path in journals(folder):
        path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
