"""Where a bundle's bytes come from: a zip file or a folder, opened only while it is read.

Pixels that have not been read yet point into their source. Saving over a bundle must not
pull the rug from under them, so what is still pointed at is moved aside first.
"""

import os
import shutil
import stat
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, TypeVar

from napari_piximi.errors import BundleError
from napari_piximi.io._aside import Kept, aside_of, asides_of, identity
from napari_piximi.io._checksum import checksum_of
from napari_piximi.io._packed import LENGTHS, Bytes, go_to, packed_bytes, unpacked, unpacked_blocks
from napari_piximi.io._zip import DEFLATED, LOCAL, STORED, Member, find_directory, members

__all__ = [
    "FolderSource",
    "Read",
    "Source",
    "ZipSource",
    "aside_of",
    "hand_over",
    "keep",
    "open_source",
    "users_of",
]

Key = TypeVar("Key")
Read = Callable[[Member], bytes]
"""Returns the unpacked, checked bytes of a member."""

MODEL_FILES = (".json", ".weights.bin")
SLACK = 1 << 11
MAX_SPAN = 1 << 20

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


class ZipSource(Source):
    """A bundle in a zip file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._checked: set[int] = set()

    def members(self) -> list[Member]:
        """Read the zip's directory."""
        with self.open() as file:
            return members(file, self.path, find_directory(file, self.path))

    def open(self, buffering: int = -1) -> BinaryIO:
        """Open the zip file itself, to be closed by the caller.

        Raises
        ------
        BundleError
            If it has gone, or changed since it was opened first.
        """
        self._follow()
        try:
            file = self.path.open("rb", buffering)
        except OSError as error:
            raise BundleError(f"{self.path}: cannot be read ({error.strerror})") from error
        try:
            self._check_unchanged(os.fstat(file.fileno()))
        except BundleError:
            file.close()
            raise
        return file

    def open_member(self, member: Member) -> BinaryIO:
        """Open the zip itself, or a temporary file with what was packed."""
        with ExitStack() as on_error:
            file = on_error.enter_context(self.open(buffering=0))
            start = go_to(file, member, self.path)
            if member.method == DEFLATED:
                copy = on_error.enter_context(TemporaryFile())
                copy.writelines(unpacked_blocks(file, member, self.path))
                file.close()
                file, start = copy, 0
            elif start not in self._checked:
                deque(unpacked_blocks(file, member, self.path), 0)
                self._checked.add(start)
            file.seek(start)
            on_error.pop_all()
            return file

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """Open it for several reads."""
        with self.open() as file:
            yield lambda member: bytes(self._read(file, member))

    def _read(self, file: BinaryIO, member: Member) -> Bytes:
        return unpacked(member, packed_bytes(file, member, self.path), self.path)

    def lend_many(self, wanted: Mapping[Key, Member]) -> Iterator[list[tuple[Key, Bytes]]]:
        """Read members in the order in which they lie, small neighbours in one go."""
        ordered = sorted(wanted.items(), key=lambda item: item[1].offset)
        buffer = memoryview(bytearray(2 * MAX_SPAN))  # new memory costs more than reading
        seen = buffer.toreadonly()
        crc32 = checksum_of(len(ordered))
        with self.open(buffering=0) as file:
            for group in _neighbours(item for item in ordered if item[1].packed < MAX_SPAN):
                start, last = group[0][1].offset, group[-1][1]
                file.seek(start)
                length = file.readinto(buffer[: last.offset + last.packed + SLACK - start])  # type: ignore[attr-defined]
                lent = []
                for key, member in group:
                    at = member.offset - start
                    if length < at + LOCAL.size:
                        raise BundleError(f"{self.path}: {member.name} was cut off")
                    name_length, extra_length = LENGTHS.unpack_from(buffer, at + 26)
                    at += LOCAL.size + name_length + extra_length
                    packed: Bytes = seen[at : min(at + member.packed, length)]
                    if len(packed) != member.packed:  # longer than our slack, or damaged
                        packed = packed_bytes(file, member, self.path)
                    lent.append((key, unpacked(member, packed, self.path, crc32)))
                yield lent
            for key, member in ordered:
                if member.packed >= MAX_SPAN:
                    yield [(key, self._read(file, member))]


def _neighbours(members: Iterable[tuple[Key, Member]]) -> Iterator[list[tuple[Key, Member]]]:
    """Group members, sorted by offset, with little between them, that unpack to no more."""
    group: list[tuple[Key, Member]] = []
    start = end = unpacked = 0
    for item in members:
        _, _, _, packed, size, offset = item[1]
        span = max(offset + packed - start, unpacked + size)
        if group and (offset - end > SLACK or span > MAX_SPAN):
            yield group
            group = []
        if not group:
            start, unpacked = offset, 0
        group.append(item)
        end = offset + packed
        unpacked += size
    if group:
        yield group


class FolderSource(Source):
    """A bundle in a folder.

    Parameters
    ----------
    path : Path
        ``NAME.zarr``
    beside : bool
        Whether classifier files beside the folder belong to it, as in an unzipped bundle.
    """

    def __init__(self, path: Path, *, beside: bool = False) -> None:
        super().__init__(path)
        self._beside = self.path.parent if beside else None

    def members(self) -> list[Member]:
        """Walk the folder; links are not followed."""
        found: list[Member] = []
        for file in sorted(self._beside.iterdir()) if self._beside else ():
            if file.name.endswith(MODEL_FILES) and file.is_file() and not file.is_symlink():
                size = file.stat().st_size
                found.append(Member(file.name, STORED, 0, size, size, 0))
        for folder, _, files in os.walk(self.path):
            inner = Path(folder).relative_to(self.path).as_posix()
            prefix = f"{self.path.name}/" + ("" if inner == "." else f"{inner}/")
            for name in files:
                facts = os.stat(os.path.join(folder, name), follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode):
                    size = facts.st_size
                    found.append(Member(prefix + name, STORED, 0, size, size, 0))
        return found

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """Open it for several reads."""
        yield self._read_file

    def _read_file(self, member: Member) -> bytes:
        with self.open_member(member) as file:
            try:
                data = file.read()
            except OSError as error:
                raise BundleError(f"{file.name}: cannot be read ({error.strerror})") from error
        if len(data) != member.size:
            raise BundleError(f"{file.name}: changed on disk since it was opened; open it again")
        return data

    def open_member(self, member: Member) -> BinaryIO:
        """Open the member's own file."""
        for _ in range(2):
            self._follow()
            try:
                file = self._open(member)
            except BundleError:
                if not self._foreign or self._is_at(self.path):
                    raise
                continue  # it is moved aside at this moment
            if not self._foreign or self._is_at(self.path):
                return file
            file.close()
        raise BundleError(f"{self.path}: changed on disk since it was opened; open it again")

    def _open(self, member: Member) -> BinaryIO:
        inner = member.name.partition("/")[2]
        path = self.path / inner if inner else (self._beside or self.path) / member.name
        try:
            file = path.open("rb", buffering=0)
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
        if os.fstat(file.fileno()).st_size != member.size:
            file.close()
            raise BundleError(f"{path}: changed on disk since it was opened; open it again")
        return file


def open_source(path: Path) -> Source:
    """Choose how to read a path.

    Raises
    ------
    BundleError
        If there is nothing, or it cannot be opened.
    """
    try:
        if not path.is_dir():
            return ZipSource(path)
        if path.suffix == ".zarr":
            return FolderSource(path)
        inner = [folder for folder in path.iterdir() if folder.suffix == ".zarr"]
        return FolderSource(inner[0], beside=True) if len(inner) == 1 else FolderSource(path)
    except OSError as error:
        raise BundleError(f"{path}: cannot be opened ({error.strerror})") from error


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
