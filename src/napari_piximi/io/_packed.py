"""Members of a zip, as they lie in it: packed or not, whole or block by block."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from napari_piximi.errors import BundleError
from napari_piximi.io._checksum import Checksum
from napari_piximi.io._zip import DEFLATED, LOCAL, Member

__all__ = [
    "BLOCK_BYTES",
    "LENGTHS",
    "Bytes",
    "blocks_of",
    "check_expansion",
    "go_to",
    "packed_blocks",
    "packed_bytes",
    "unpack",
    "unpacked_blocks",
]

MAX_EXPANSION = 1040  # Deflate cannot do better than 1032:1; more is a lie or a bomb
BOMB_BYTES = 1 << 32
BOMB_RATIO = 200
LENGTHS = struct.Struct("<2H")  # at byte 26 of a local header: of name and extra field
BLOCK_BYTES = 16 << 20
INFLATED_BYTES = 1 << 20  # at once: zlib copies what it has not come to yet

Bytes = bytes | memoryview


def packed_bytes(file: BinaryIO, member: Member, path: Path) -> bytes:
    """Read the bytes of a member as they lie in the zip, packed or not."""
    return b"".join(packed_blocks(file, member, path, member.packed))


def packed_blocks(
    file: BinaryIO, member: Member, path: Path, size: int = BLOCK_BYTES
) -> Iterator[bytes]:
    """Read the bytes of a member as they lie in the zip, in blocks of `size`.

    Raises
    ------
    BundleError
        If they are not where the directory says, or not all there.
    """
    go_to(file, member, path)
    yield from blocks_of(file, member.packed, f"{path}: {member.name}", size)


def go_to(file: BinaryIO, member: Member, path: Path) -> None:
    """Go to where the bytes of a member begin in the zip.

    Raises
    ------
    BundleError
        If they are not where the directory says, or not all there.
    """
    try:
        file.seek(member.offset)
    except (OSError, OverflowError):  # further than any file reaches
        raise BundleError(f"{path}: {member.name} is said to lie beyond the file's end") from None
    header = file.read(LOCAL.size)
    if header[:4] != b"PK\x03\x04" or len(header) < LOCAL.size:
        raise BundleError(_short(f"{path}: {member.name}"))
    start = file.seek(sum(LENGTHS.unpack_from(header, 26)), os.SEEK_CUR)
    if member.packed > os.fstat(file.fileno()).st_size - start:  # before memory is taken for it
        raise BundleError(_short(f"{path}: {member.name}"))


def blocks_of(file: BinaryIO, length: int, where: str, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Read so many bytes from where the file is, in blocks of `size`; `where` is for errors.

    Raises
    ------
    BundleError
        If the file ends before.
    """
    while length > 0:
        block = file.read(min(length, size))
        if not block:
            raise BundleError(_short(where))
        yield block
        length -= len(block)


def unpack(member: Member, packed: Bytes, path: Path, crc32: Checksum = zlib.crc32) -> Bytes:
    """Unpack a member of which all packed bytes are there.

    Raises
    ------
    BundleError
        If it is damaged, or looks like a zip bomb.
    """
    data = packed
    if member.method == DEFLATED:
        check_expansion(member, path)
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflate.decompress(packed, member.size + 1)
        except zlib.error as error:
            raise BundleError(f"{path}: {member.name} cannot be unpacked") from error
    if len(data) != member.size or crc32(data) != member.crc:
        raise _damaged(member, path)
    return data


def unpacked_blocks(file: BinaryIO, member: Member, path: Path) -> Iterator[bytes]:
    """Unpack a member from where the file is, block by block, and see that it is what it was.

    Raises
    ------
    BundleError
        If it is damaged, which shows at the end of it; or looks like a zip bomb.
    """
    crc, left = 0, member.size
    read = _inflated if member.method == DEFLATED else _stored
    for block in read(file, member, path):
        crc, left = zlib.crc32(block, crc), left - len(block)
        if left < 0:
            break
        yield block
    if left or crc != member.crc:
        raise _damaged(member, path)


def _stored(file: BinaryIO, member: Member, path: Path) -> Iterator[bytes]:
    return blocks_of(file, member.packed, f"{path}: {member.name}")


def _inflated(file: BinaryIO, member: Member, path: Path) -> Iterator[bytes]:
    check_expansion(member, path)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for block in blocks_of(file, member.packed, f"{path}: {member.name}", INFLATED_BYTES):
            packed = block
            while packed:
                yield inflate.decompress(packed, INFLATED_BYTES)
                packed = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error as error:
        raise BundleError(f"{path}: {member.name} cannot be unpacked") from error


def _damaged(member: Member, path: Path) -> BundleError:
    return BundleError(f"{path}: {member.name} is damaged (its checksum is wrong)")


def _short(where: str) -> str:
    return f"{where} is damaged, or the file was cut short"


def check_expansion(member: Member, path: Path) -> None:
    """Refuse a member that claims to unpack to more than it honestly can or should.

    Raises
    ------
    BundleError
        If it looks like a zip bomb.
    """
    ratio = member.size / max(member.packed, 1)
    if ratio > MAX_EXPANSION or (member.size > BOMB_BYTES and ratio > BOMB_RATIO):
        raise BundleError(
            f"{path}: {member.name} would unpack from {member.packed} to {member.size} bytes; "
            "this looks like a zip bomb and is refused"
        )
