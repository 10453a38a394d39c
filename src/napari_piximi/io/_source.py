"""Where a bundle's bytes come from, whether it is a zip file or a folder.

Pixels that have not been read yet point into their source. Saving over a bundle must not
pull the rug from under them, so what is still pointed at is moved aside first.
"""

import os
import shutil
import stat
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from napari_piximi.errors import BundleError
from napari_piximi.io._aside import Kept, aside_of, asides_of, identity
from napari_piximi.io._packed import Bytes
from napari_piximi.io._zip import Member

__all__ = ["Key", "Read", "Source", "aside_of", "hand_over", "keep", "users_of"]

Key = TypeVar("Key")
Read = Callable[[Member], bytes]
"""Returns the unpacked, checked bytes of a member."""

_live: "weakref.WeakSet[Source]" = weakref.WeakSet()


class Source:
    """A bundle on disk. Two sources are equal only if they are one and the same.

    Attributes
    ----------
    path : Path
        Where its bytes are now; :func:`hand_over` may change it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        found = os.stat(self.path)
        self._mark, self._identity = self._fingerprint(found), identity(found)
        self._foreign = False
        self._kept: Kept | None = None
        _live.add(self)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs; it does not delete what we keep."""
        return {**self.__dict__, "_kept": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take up what another process sent."""
        self.__dict__.update(state)
        self._foreign = True
        _live.add(self)

    def members(self) -> list[Member]:
        """List everything in it."""
        raise NotImplementedError

    def reading(self) -> AbstractContextManager[Read]:
        """Open it for several reads."""
        raise NotImplementedError

    def read(self, member: Member) -> bytes:
        """Read one member.

        Raises
        ------
        BundleError
            If the file has changed since it was opened, or the member is damaged.
        """
        with self.reading() as read:
            return read(member)

    def read_many(self, wanted: Mapping[Key, Member]) -> Iterator[tuple[Key, bytes]]:
        """Read small members in whatever order is quickest; yield key and bytes."""
        for group in self.lend_many(wanted):
            for name, data in group:
                yield name, bytes(data)

    def lend_many(self, wanted: Mapping[Key, Member]) -> Iterator[list[tuple[Key, Bytes]]]:
        """Read small members; yield keys and bytes of some that lie together.

        The bytes are lent: they become others when the next are asked for.
        """
        with self.reading() as read:
            for name, member in wanted.items():
                yield [(name, read(member))]

    def blocks(self, member: Member) -> Iterator[bytes]:
        """Read a large member block by block; what is wrong with it may show at the end only.

        Raises
        ------
        BundleError
            As :meth:`read` does.
        """
        raise NotImplementedError

    def open_member(self, member: Member) -> BinaryIO:
        """Open a file in which the bytes of a member lie unpacked, where they begin.

        The caller closes it. It stays what it is, even if something else is saved in its place.

        Raises
        ------
        BundleError
            If the bundle has gone or changed since, or the member is damaged: the checksum that
            a zip has of it is looked at once.
        OSError
            If it is packed, and there is no room to unpack it.
        """
        raise NotImplementedError

    @staticmethod
    def _fingerprint(found: os.stat_result) -> tuple[int, int]:
        return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else (0, 0)

    def has_changed(self) -> bool:
        """Tell whether it has gone or is another file now, so that nothing can be read of it."""
        try:
            return self._fingerprint(os.stat(self.path)) != self._mark
        except OSError:
            return True

    def _follow(self) -> None:
        """Find what another process opened and has moved aside since: it cannot tell us."""
        if self._foreign and not self._is_at(self.path):
            self.path = next(filter(self._is_at, asides_of(self.path)), self.path)

    def _is_at(self, path: Path) -> bool:
        """Tell whether this is there, or a copy of it, and not another file or folder."""
        try:
            found = os.stat(path)
        except OSError:
            return False
        known = self._fingerprint(found) == self._mark
        return known and (stat.S_ISREG(found.st_mode) or identity(found) == self._identity)

    def _check_unchanged(self, found: os.stat_result) -> None:
        if self._fingerprint(found) != self._mark:
            raise BundleError(f"{self.path}: changed on disk since it was opened; open it again")


def users_of(target: Path) -> list[Source]:
    """Return the sources that open projects still read from `target`."""
    target = target.resolve()
    return [source for source in _live if source.path == target]


def hand_over(users: Iterable[Source], aside: Path) -> None:
    """Let sources read from `aside` from now on; it is deleted when none is left."""
    kept = Kept(aside)
    for source in users:
        source.path, source._kept = aside, kept


def keep(target: Path) -> None:
    """Keep what open projects still read from a zip that is about to be replaced.

    It is hard-linked, or copied where the file system cannot link, to a hidden name.
    """
    target = target.resolve()
    users = users_of(target)
    if not users or not target.exists():
        return
    aside = aside_of(target)
    try:
        os.link(target, aside)
    except OSError:
        shutil.copy2(target, aside)
    hand_over(users, aside)
