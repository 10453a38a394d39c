"""Bundles that were moved aside when they were saved over, since somebody still reads them."""

import glob
import itertools
import os
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Kept", "aside_of", "asides_of", "identity"]

_serial = itertools.count()


def aside_of(target: Path) -> Path:
    """Return a hidden name beside `target` for what is moved aside."""
    return target.with_name(f".{target.name}.kept-{os.getpid()}-{next(_serial)}")


def asides_of(target: Path) -> Iterator[Path]:
    """Yield what any process has moved aside from `target`."""
    return target.parent.glob(f".{glob.escape(target.name)}.kept-*")


def identity(found: os.stat_result) -> tuple[int, int]:
    """Return what stays the same when a file or folder is moved."""
    return found.st_dev, found.st_ino


class Kept:
    """What was moved aside, deleted when the last source that needs it goes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        weakref.finalize(self, _remove, path, os.getpid())


def _remove(path: Path, owner: int) -> None:
    """Delete what was kept, unless this is a fork of the process that still needs it."""
    if os.getpid() != owner:
        return
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
