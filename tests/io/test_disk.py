"""Large images that stay in their bundle."""

import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_piximi.errors import BundleError
from napari_piximi.io import _layout, _packed, disk
from napari_piximi.io._source import Source
from napari_piximi.io._zarr import StoredArray
from napari_piximi.io._zip import Member
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.disk import DiskPlane, DiskStack, open_stack, stays_on_disk
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image

SHAPE = (3, 47, 38, 4)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small images count as large, and read few of their rows at a time."""
    monkeypatch.setattr(disk, "LARGE", 100)
    monkeypatch.setattr(disk, "TOGETHER", 5 * 38 * 4 * 4)


def project_of(pixels: NDArray[Any]) -> Project:
    project = new_project("p")
    image = Image("i", "i.tif", project.kinds["Image"].unknown, ArrayPixels(pixels))
    return edits.add_images(project, [image])


@pytest.fixture
def values() -> NDArray[np.float32]:
    return np.random.default_rng(5).random(SHAPE, np.float32)


def stored_at(path: Path, values: NDArray[np.float32]) -> StoredArray:
    write_bundle(project_of(values), path, compress=path.name == "packed.zip")
    pixels = read_bundle(path).things["i"].pixels
    assert isinstance(pixels, StoredArray)
    return pixels


@pytest.fixture(params=["p.zip", "packed.zip", "p.zarr"])
def stored(
    request: pytest.FixtureRequest, values: NDArray[np.float32], tmp_path: Path
) -> StoredArray:
    return stored_at(tmp_path / request.param, values)


@pytest.fixture
def zipped(values: NDArray[np.float32], tmp_path: Path) -> StoredArray:
    return stored_at(tmp_path / "p.zip", values)


def damage(pixels: StoredArray) -> None:
    """Turn a bit of what lies in a zip."""
    path, member = pixels.source.path, pixels.chunks[0]
    content = bytearray(path.read_bytes())
    content[member.offset + member.packed - 100] ^= 1
    path.write_bytes(content)


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[StoredArray]:
    """Return a list to which each array of a bundle is added that is read as a whole."""
    reads, usual = [], StoredArray.read

    def read(self: StoredArray) -> NDArray[np.float32]:
        reads.append(self)
        return usual(self)

    monkeypatch.setattr(StoredArray, "read", read)
    return reads


@contextmanager
def opened(pixels: StoredArray) -> Iterator[DiskStack]:
    with open_stack(pixels) as stack:
        assert isinstance(stack, DiskStack)
        yield stack


def test_every_cut_is_that_of_the_array(
    values: NDArray[np.float32], stored: StoredArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(1)
    reads = count_reads(monkeypatch)

    def some(length: int) -> slice:
        ends = [None, *random.integers(-length - 3, length + 3, 4).tolist()]
        first, last = (ends[number] for number in random.integers(0, 5, 2))
        return slice(first, last, (None, None, 1, 2, 3, 11, -1, -4)[random.integers(8)])

    with opened(stored) as stack:
        assert len(stack) == 3
        for number in range(3):
            for channels in (slice(None), slice(1, 3), slice(None, None, 2), 2, -1):
                plane, truth = stack[number], values[number]
                if channels != slice(None):
                    plane, truth = plane[..., channels], truth[..., channels]
                assert isinstance(plane, DiskPlane)
                assert (plane.shape, plane.size, len(plane)) == (truth.shape, truth.size, 47)
                assert plane.dtype == truth.dtype
                np.testing.assert_array_equal(np.asarray(plane), truth)
                for _ in range(60):
                    rows, columns = some(47), some(38)
                    np.testing.assert_array_equal(plane[rows], truth[rows])
                    np.testing.assert_array_equal(plane[rows, columns], truth[rows, columns])
                    grid = np.ix_(random.integers(0, 47, 9), random.integers(-38, 38, 6))
                    np.testing.assert_array_equal(plane[grid], truth[grid])
        np.testing.assert_array_equal(np.asarray(stack[-1]), values[-1])
        np.testing.assert_array_equal(np.asarray(stack[0], np.float64), values[0])
    assert not reads, "never as a whole"


@pytest.mark.parametrize(
    "key", [3, (2, slice(3)), (slice(2), slice(3), slice(1)), Ellipsis, "rows", (Ellipsis, 9)]
)
def test_what_is_no_cut_is_refused(stored: StoredArray, key: Any) -> None:  # noqa: ANN401
    with opened(stored) as stack, pytest.raises(IndexError):
        stack[0][key]


def test_points_and_channels_of_channels_are_refused(stored: StoredArray) -> None:
    with opened(stored) as stack:
        with pytest.raises(IndexError, match="not at points"):
            stack[0][np.arange(3), np.arange(3)]
        with pytest.raises(IndexError):
            stack[0][..., 1][..., 0]
        with pytest.raises(IndexError):
            stack[0][np.ix_([50], [1])]
        with pytest.raises(IndexError):
            stack[3]
        with pytest.raises(ValueError, match="without a copy"):
            np.asarray(stack[0], copy=False)


def test_threads_do_not_meet(values: NDArray[np.float32], stored: StoredArray) -> None:
    wrong: list[int] = []

    def look(number: int) -> None:
        random = np.random.default_rng(number)
        for _ in range(300):
            top, left = random.integers(0, (40, 30)).tolist()
            box = slice(top, top + 6), slice(left, left + 7)
            if not np.array_equal(plane[box], values[1][box]):
                wrong.append(number)

    with opened(stored) as stack:
        plane = stack[1]
        threads = [threading.Thread(target=look, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_the_checksum_is_looked_at_once(
    zipped: StoredArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, usual = [], _packed.unpacked_blocks

    def counted(*args: Any) -> Iterator[bytes]:  # noqa: ANN401
        looks.append(args)
        return usual(*args)

    monkeypatch.setattr("napari_piximi.io._zip_or_folder.unpacked_blocks", counted)
    for _ in range(3):
        with opened(zipped) as stack:
            np.asarray(stack[0])
    assert len(looks) == 1


@pytest.mark.parametrize(
    ("name", "trouble"),
    [("p.zip", "is damaged"), ("packed.zip", "(is damaged|cannot be unpacked)")],
)
def test_a_damaged_image_is_refused_each_time(
    name: str, trouble: str, values: NDArray[np.float32], tmp_path: Path
) -> None:
    path = tmp_path / name
    damage(stored_at(path, values))
    pixels = read_bundle(path).things["i"].pixels
    assert isinstance(pixels, StoredArray)
    for _ in range(2):
        told = rf"{name}: .*i\.tif.* {trouble}"
        with pytest.raises(BundleError, match=told), opened(pixels):
            pass


@pytest.mark.parametrize("wrong", [-1, 1])
def test_what_unpacks_to_another_length_is_refused(
    wrong: int, values: NDArray[np.float32], tmp_path: Path
) -> None:
    pixels = stored_at(tmp_path / "packed.zip", values)
    member = pixels.chunks[0]
    with (
        pytest.raises(BundleError, match="is damaged"),
        pixels.source.open_member(member._replace(size=member.size + wrong)),
    ):
        pass


def test_a_bomb_is_not_unpacked(values: NDArray[np.float32], tmp_path: Path) -> None:
    pixels = stored_at(tmp_path / "packed.zip", values)
    member = pixels.chunks[0]._replace(size=1 << 40)
    with pytest.raises(BundleError, match="zip bomb"), pixels.source.open_member(member):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_full_disk_is_told(
    values: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> BinaryIO:
        return Path("/dev/full").open("r+b", 0)

    pixels = stored_at(tmp_path / "packed.zip", values)
    monkeypatch.setattr("napari_piximi.io._zip_or_folder.TemporaryFile", full)
    with pytest.raises(OSError, match="No space left"), open_stack(pixels):
        pass


def test_unpacking_takes_little_memory(tmp_path: Path) -> None:
    row = np.random.default_rng(3).random((1, 1, 4000, 1), np.float32)
    values = np.tile(row, (1, 4000, 1, 1))
    pixels = stored_at(tmp_path / "packed.zip", values)
    tracemalloc.start()
    try:
        with pixels.source.open_member(pixels.chunks[0]) as file:
            most = tracemalloc.get_traced_memory()[1]
            assert file.read() == values.tobytes()
    finally:
        tracemalloc.stop()
    assert most < values.nbytes * 2 / 3


@pytest.mark.parametrize("stored", ["p.zip", "p.zarr"], indirect=True)
def test_an_image_cut_short_is_refused(stored: StoredArray) -> None:
    path = stored.source.path
    if path.is_dir():
        path /= stored.chunks[0].name.partition("/")[2]
    with opened(stored) as stack:
        plane = stack[0]
        with path.open("r+b") as file:
            file.truncate(2000)
        with pytest.raises(BundleError, match=r"i\.tif.* was cut off while it was read"):
            np.asarray(plane)
    with pytest.raises(BundleError, match="changed on disk"), opened(stored):
        pass


def test_an_image_of_another_shape_is_refused(stored: StoredArray) -> None:
    shape = (3, 47, 38, 5)
    other = StoredArray(stored.source, shape, stored.dtype, stored.chunks)
    with (
        pytest.raises(BundleError, match=r"i\.tif.* holds 85728 bytes.* needs 107160"),
        opened(other),
    ):
        pass


def test_what_is_open_stays_when_another_is_saved_in_its_place(
    values: NDArray[np.float32], stored: StoredArray
) -> None:
    with opened(stored) as stack:
        write_bundle(project_of(1 - values), stored.source.path)
        np.testing.assert_array_equal(np.asarray(stack[2]), values[2])
    with opened(stored) as stack:
        np.testing.assert_array_equal(np.asarray(stack[2]), values[2])


@pytest.mark.parametrize("plane", [0, 1])
def test_objects_are_saved_without_reading_their_image(
    plane: int,
    values: NDArray[np.float32],
    stored: StoredArray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also on a later plane of a stack, where the planes before are stored too."""
    project = edits.create_kind(read_bundle(stored.source.path), "cell")
    cell = project.find_kind("cell")
    boxes = {f"o{n}": (n, n // 2, n + 6, n // 2 + 5) for n in range(0, 40, 2)}
    objects = [
        Annotation(key, key, cell.id, cell.unknown, "i", box, masks.full(6, 5), plane=plane)
        for key, box in boxes.items()
    ]
    project = edits.add_annotations(project, objects[::-1])
    reads = count_reads(monkeypatch)
    write_bundle(project, tmp_path / "two.zip")
    assert not reads
    monkeypatch.setattr(disk, "LARGE", 1 << 30)
    found = read_bundle(tmp_path / "two.zip")
    for key, (top, left, bottom, right) in boxes.items():
        crop = np.asarray(found.things[key].pixels)
        np.testing.assert_array_equal(crop, values[plane : plane + 1, top:bottom, left:right])
    np.testing.assert_array_equal(np.asarray(found.things["i"].pixels), values)


@pytest.mark.parametrize("name", ["two.zip", "two.zarr"])
def test_an_image_is_copied_block_by_block(
    name: str,
    values: NDArray[np.float32],
    stored: StoredArray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between zip and folder too."""
    monkeypatch.setattr(_layout, "BLOCK_BYTES", 1000)
    project = read_bundle(stored.source.path)
    sizes, usual = [], Source.read

    def read(self: Source, member: Member) -> bytes:
        sizes.append(member.size)
        return usual(self, member)

    monkeypatch.setattr(Source, "read", read)
    write_bundle(project, tmp_path / name)
    found = read_bundle(tmp_path / name).things["i"].pixels
    assert max(sizes) < values.nbytes
    assert isinstance(found, StoredArray)
    with opened(found) as stack:
        np.testing.assert_array_equal([np.asarray(stack[n]) for n in range(3)], values)


@pytest.mark.parametrize("name", ["p.zip", "packed.zip"])
def test_a_damaged_image_is_not_copied_into_a_folder(
    name: str, values: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_layout, "BLOCK_BYTES", 1000)
    damage(stored_at(tmp_path / name, values))
    project = read_bundle(tmp_path / name)
    with pytest.raises(BundleError, match=r"i\.tif"):
        write_bundle(project, tmp_path / "two.zarr")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_small_and_free_pixels_are_read(
    values: NDArray[np.float32], stored: StoredArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stays_on_disk(stored)
    monkeypatch.setattr(disk, "LARGE", values.nbytes)
    for pixels in (stored, ArrayPixels(values)):
        assert not stays_on_disk(pixels)
        with open_stack(pixels) as stack:
            assert isinstance(stack, np.ndarray)
            np.testing.assert_array_equal(stack, values)
