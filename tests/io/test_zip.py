"""The zip directory: zip64, odd names, and what only looks like an entry."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from napari_piximi.errors import BundleError
from napari_piximi.io import _zip
from napari_piximi.io._zip import (
    Directory,
    Member,
    ZipWriter,
    find_directory,
    members,
    parse_entries,
)

HERE = Path("x.zip")


def read(data: bytes) -> list[Member]:
    file = io.BytesIO(data)
    return members(file, HERE, find_directory(file, HERE))


def written(*names: str) -> bytes:
    file = io.BytesIO()
    writer = ZipWriter(file)
    for name in names:
        writer.write(name, name.encode() * 3)
    writer.close()
    return file.getvalue()


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("a",),
        ("a/b", "c" * 300, "é/ü.tif", "中"),
        ("PK\x01\x02", "zPK\x01\x02\x14"),  # names that look like entries
    ],
)
def test_what_is_written_is_read(names: tuple[str, ...]) -> None:
    data = written(*names)
    assert [member.name for member in read(data)] == list(names)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        assert [(m.name, m.crc, m.size, m.offset) for m in read(data)] == [
            (i.filename, i.CRC, i.file_size, i.header_offset) for i in file.infolist()
        ]


def test_a_long_directory_goes_through_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"thing {number}/.zattrs" for number in range(200)]
    expected = written(*names)
    monkeypatch.setattr(_zip, "SPILLED", 1000)
    monkeypatch.setattr(_zip, "BLOCK", 300)
    assert written(*names) == expected
    writer = ZipWriter(io.BytesIO())
    for name in names[:150]:
        writer.write(name, name.encode() * 3)
    so_far = b"".join(writer.directory())
    assert len(so_far) == sum(46 + len(name) for name in names[:150])
    for name in names[150:]:
        writer.write(name, name.encode() * 3)
    assert b"".join(writer.directory()).startswith(so_far)
    writer.close()


def test_names_without_the_mark_for_utf8_are_cp437() -> None:
    data = bytearray(written("ab", "cd"))
    at = data.rindex(b"PK\x01\x02")
    struct.pack_into("<H", data, at + 8, 0)
    data[at + 46] = 0x81
    assert [member.name for member in read(bytes(data))] == ["ab", "üd"]


def test_names_that_are_no_utf8_are_refused() -> None:
    data = bytearray(written("ab"))
    data[data.rindex(b"PK\x01\x02") + 46] = 0xFF
    with pytest.raises(BundleError, match="not UTF-8"):
        read(bytes(data))


SIZE, PACKED, OFFSET = (1 << 33) + 1, (1 << 33) + 2, (1 << 34) + 3


def entry64(*fields: int) -> bytes:
    """Make the directory entry of a member whose sizes and offset need 64 bits."""
    extra = struct.pack("<HH3s", 9, 3, b"abc")  # someone else's field comes first
    extra += struct.pack(f"<HH{len(fields)}Q", 1, 8 * len(fields), *fields)
    size, packed, offset = (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF if len(fields) == 3 else 7)
    before = (b"PK\x01\x02", 45, 45, 0x800, 0, 0, 33, 5, packed, size, 3, len(extra))
    return _zip.CENTRAL.pack(*before, 0, 0, 0, 0, offset) + b"big" + extra


@pytest.mark.parametrize(
    ("fields", "offset"), [((SIZE, PACKED, OFFSET), OFFSET), ((SIZE, PACKED), 7)]
)
def test_sizes_of_64_bits_are_taken_from_the_extra_field(
    fields: tuple[int, ...], offset: int
) -> None:
    data = entry64(*fields)
    (member,) = parse_entries(data, Directory(1 << 40, len(data), 1), HERE)
    assert member == Member("big", 0, 5, PACKED, SIZE, offset)


def test_large_members_and_many_bytes_are_written_in_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_zip, "FULL32", 100)  # so that 100 bytes are already too many
    file = io.BytesIO()
    writer = ZipWriter(file)
    writer.write("small", b"x")
    writer.write_blocks("large", 150, [b"y" * 100, b"z" * 50])
    writer.write("behind", b"w")
    writer.close()
    found = read(file.getvalue())
    assert [(m.name, m.size) for m in found] == [("small", 1), ("large", 150), ("behind", 1)]
    assert found[2].offset > 150
    local = _zip.LOCAL.unpack_from(file.getvalue(), found[1].offset)
    assert local[1] == 45  # needs version 4.5, which brought zip64
    assert local[7:9] == (100, 100)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data, end: struct.pack_into("<I", data, end + 12, 1 << 20), "should end at byte"),
        (lambda data, end: struct.pack_into("<H", data, end + 10, 3), "entry 2 is damaged"),
        (lambda data, end: data.__setitem__(data.rindex(b"PK\x01\x02") + 28, 250), "damaged"),
        (lambda data, end: data.__setitem__(data.rindex(b"PK\x01\x02"), 0), "entry 1 is damaged"),
    ],
)  # fmt: skip
def test_a_damaged_directory(change: object, words: str) -> None:
    data = bytearray(written("ab", "cd"))
    assert callable(change)
    change(data, data.rindex(b"PK\x05\x06"))
    with pytest.raises(BundleError, match=words):
        read(bytes(data))


def test_a_damaged_zip64_record() -> None:
    locator = _zip.LOCATOR64.pack(b"PK\x06\x07", 0, 3, 1)
    end = _zip.END.pack(b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0, 0xFFFFFFFF, 0)
    with pytest.raises(BundleError, match="zip64 directory record at byte 3"):
        read(bytes(80) + locator + end)


@pytest.mark.parametrize("field", [42, 20])
def test_members_beyond_the_file_are_refused(field: int) -> None:
    data = bytearray(written("ab", "cd"))
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + field, 1 << 30)
    with pytest.raises(BundleError, match="cd is said to lie beyond the file's end"):
        read(bytes(data))


def test_a_count_modulo_65536_as_jszip_writes_it() -> None:
    data = bytearray(written(*(f"{i:05}" for i in range(65_540))))
    # Take the zip64 records away and write the count as JSZip does.
    end, record = data.rindex(b"PK\x05\x06"), data.rindex(b"PK\x06\x06")
    plain = data[:record] + data[end:]
    struct.pack_into("<2H", plain, record + 8, 4, 4)
    assert len(read(bytes(plain))) == 65_540
