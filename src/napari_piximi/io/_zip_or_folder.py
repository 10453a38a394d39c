"""The two forms of a bundle: a zip file and a folder, opened only while they are read."""

import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from napari_piximi.errors import BundleError
from napari_piximi.io._checksum import checksum_of
from napari_piximi.io._packed import (
    LENGTHS,
    Bytes,
    blocks_of,
    go_to,
    packed_bytes,
    unpack,
    unpacked_blocks,
)
from napari_piximi.io._source import Key, Read, Source
from napari_piximi.io._zip import DEFLATED, LOCAL, STORED, Member, find_directory, members

__all__ = ["FolderSource", "ZipSource", "open_source"]

MODEL_FILES = (".json", ".weights.bin")
SLACK = 1 << 11
MAX_SPAN = 1 << 20


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

    def blocks(self, member: Member) -> Iterator[bytes]:
        """Read a member, unpack it and see that it is what it was."""
        with self.open(buffering=0) as file:
            go_to(file, member, self.path)
            yield from unpacked_blocks(file, member, self.path)

    def open_member(self, member: Member) -> BinaryIO:
        """Open the zip itself, or a temporary file with what was packed."""
        file: BinaryIO
        with ExitStack() as on_error:
            if member.method == DEFLATED:
                file = on_error.enter_context(TemporaryFile())
                file.writelines(self.blocks(member))
                file.seek(0)
            else:
                if member.offset not in self._checked:
                    deque(self.blocks(member), 0)
                    self._checked.add(member.offset)
                file = on_error.enter_context(self.open(buffering=0))
                go_to(file, member, self.path)
            on_error.pop_all()
            return file

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """Open it for several reads."""
        with self.open() as file:
            yield lambda member: bytes(self._read(file, member))

    def _read(self, file: BinaryIO, member: Member) -> Bytes:
        return unpack(member, packed_bytes(file, member, self.path), self.path)

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
                    lent.append((key, unpack(member, packed, self.path, crc32)))
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

    def blocks(self, member: Member) -> Iterator[bytes]:
        """Read the member's own file."""
        with self.open_member(member) as file:
            yield from blocks_of(file, member.size, f"{self.path}: {member.name}")

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
