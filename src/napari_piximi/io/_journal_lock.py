"""A lock that the system lets go of when the process that holds it ends, however it ends."""

import os
import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["Lock"]

NAME = "lock"


class Lock:
    """The sign that a process uses a folder. Made by :meth:`take`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @classmethod
    def take(cls, folder: Path) -> "Lock | None":
        """Take the lock of a folder; None where another process, or this one, has it.

        Raises
        ------
        OSError
            If the folder has gone or cannot be written to.
        """
        file = open(folder / NAME, "a+b", buffering=0)  # noqa: SIM115 - open as long as it is held
        try:
            _lock(file)
        except OSError:
            file.close()
            return None
        return cls(file)

    def release(self) -> None:
        """Let go of it."""
        self._file.close()


def _lock(file: BinaryIO) -> None:
    if sys.platform == "win32":
        file.seek(0, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
