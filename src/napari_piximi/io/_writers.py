"""Put a bundle's members into a zip or a folder that appears whole or not at all."""

import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from napari_piximi.errors import SaveError
from napari_piximi.io._replace import sync_folder
from napari_piximi.io._source import aside_of, hand_over, keep, users_of
from napari_piximi.io._zip import Member, ZipWriter

__all__ = ["FolderWriter", "Writer", "remove_leftovers", "replacing_file", "writing"]

Block = bytes | memoryview


class Writer(Protocol):
    """What members are written to; each call returns what the member became.

    Attributes
    ----------
    packs : bool
        Whether members may be packed, as in a zip, so that :meth:`copy` can be used.
    """

    packs: bool

    def write(self, name: str, data: Block, *, compress: bool = False) -> Member:
        """Write a member from memory."""

    def write_blocks(self, name: str, size: int, blocks: Iterable[Block]) -> Member:
        """Write a member of known size piece by piece."""

    def copy(self, member: Member, blocks: Iterable[Block]) -> Member:
        """Write a member whose packed bytes and checksum are known."""


class FolderWriter:
    """Write members as files; their first folder is the bundle itself.

    Parameters
    ----------
    folder : Path
        What the first folder of each name becomes.
    """

    packs = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, data: Block, *, compress: bool = False) -> Member:
        """Write a file; a name that ends with a slash makes a folder."""
        return self.write_blocks(name, len(data), [data])

    def write_blocks(self, name: str, size: int, blocks: Iterable[Block]) -> Member:
        """Write a file piece by piece."""
        path = self._folder / name.partition("/")[2]
        if ".." in path.parts or not path.is_relative_to(self._folder):
            raise SaveError(f"{name}: leads out of the bundle")
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.writelines(blocks)
        return Member(name, 0, 0, size, size, 0)

    def copy(self, member: Member, blocks: Iterable[Block]) -> Member:
        """Refuse: files hold nothing packed."""
        raise NotImplementedError


@contextmanager
def writing(path: Path, finish: Callable[[ZipWriter], None]) -> Iterator[Writer]:
    """Write a bundle beside `path` and put it in its place when all went well.

    Parameters
    ----------
    path : Path
        A name with ``.zarr`` at its end becomes a folder, any other a zip.
    finish : callable
        Called with the zip's writer before its directory is written.

    Raises
    ------
    SaveError
        If the disk is full, the folder read-only, …; what was at `path` is untouched.
    """
    try:
        if path.suffix == ".zarr":
            with _replacing_folder(path) as folder:
                yield FolderWriter(folder)
        else:
            with replacing_file(path) as file:
                writer = ZipWriter(file)
                yield writer
                finish(writer)
                writer.close()
    except OSError as error:
        if isinstance(error, SaveError):
            raise
        raise SaveError(
            f"{path}: could not be saved ({error.strerror or error}); "
            "what was there before is untouched"
        ) from error


@contextmanager
def replacing_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the place of `path` at the end, all or nothing."""
    handle, name = tempfile.mkstemp(prefix=_part_prefix(path), suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with open(handle, "wb", buffering=1 << 20) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _take_over_mode(temporary, path)
        keep(path)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _take_over_mode(temporary: Path, path: Path) -> None:
    """Give the new file the permissions of the old, or those of any new file."""
    if path.exists():
        shutil.copymode(path, temporary)
    else:
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)


@contextmanager
def _replacing_folder(path: Path) -> Iterator[Path]:
    temporary = Path(tempfile.mkdtemp(prefix=_part_prefix(path), suffix=".part", dir=path.parent))
    old = aside_of(path)
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            os.rename(path, old)
        try:
            os.rename(temporary, path)
        except OSError:
            if old.exists():
                os.rename(old, path)
            raise
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    users = users_of(path)
    if users:
        hand_over(users, old)
    else:
        shutil.rmtree(old, ignore_errors=True)


# --- after a crash -------------------------------------------------------------------------


def remove_leftovers(target: Path, owner: int) -> None:
    """Delete what a process that was killed wrote or kept beside a bundle.

    Parameters
    ----------
    target : Path
        The bundle.
    owner : int
        Number of that process. Nothing is done while there is one of this number.
    """
    target = target.resolve()
    if _is_alive(owner) or not target.parent.is_dir():
        return
    name = glob.escape(target.name)
    for pattern in (f".{name}.{owner}-*.part", f".{name}.kept-{owner}-*"):
        for leftover in target.parent.glob(pattern):
            if users_of(leftover):  # a project that was recovered may read from it
                continue
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                with suppress(OSError):
                    leftover.unlink()


def _part_prefix(target: Path) -> str:
    """Return how the hidden names begin under which this process writes what replaces `target`."""
    return f".{target.name}.{os.getpid()}-"


def _is_alive(process: int) -> bool:
    """Tell whether there may be a process of a number."""
    if sys.platform == "win32" or process <= 0:
        return True  # there, asking by a signal would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
