"""Parts of large planes in bundles."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_piximi.errors import BundleError
from napari_piximi.io import _bands, disk
from napari_piximi.io._bands import Bands, is_banded
from napari_piximi.io._zarr import StoredArray
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image

SHAPE = (1, 50, 40, 2)


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> NDArray[np.float32]:
    """Return a plane that counts as large, in bands of 7 rows."""
    monkeypatch.setattr(disk, "LARGE", 100)
    monkeypatch.setattr(_bands, "BAND", 7 * 40 * 2 * 4)
    return np.random.default_rng(7).random(SHAPE, np.float32)


def saved(pixels: NDArray[np.float32], path: Path) -> Project:
    project = new_project("p")
    image = Image("i", "i.tif", project.kinds["Image"].unknown, ArrayPixels(pixels))
    write_bundle(edits.add_images(project, [image]), path)
    return read_bundle(path)


def stored(project: Project) -> StoredArray:
    pixels = project.things["i"].pixels
    assert isinstance(pixels, StoredArray)
    assert is_banded(pixels)
    return pixels


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[StoredArray]:
    reads, usual = [], StoredArray.read

    def read(self: StoredArray) -> NDArray[np.float32]:
        reads.append(self)
        return usual(self)

    monkeypatch.setattr(StoredArray, "read", read)
    return reads


def test_parts_are_those_of_the_plane(
    plane: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = stored(saved(plane, tmp_path / "p.zip"))
    reads = count_reads(monkeypatch)
    random = np.random.default_rng(3)
    with ExitStack() as stack:
        bands = Bands(pixels, stack)
        for top in range(0, 45, 3):
            bottom = top + int(random.integers(1, 6))
            left = int(random.integers(0, 30))
            part = bands.part(top, bottom, left, left + 9)
            np.testing.assert_array_equal(part, plane[:, top:bottom, left : left + 9])
        np.testing.assert_array_equal(bands.part(0, 50, 0, 40), plane)
    assert not reads, "never as a whole"


def test_where_the_order_is_none_it_is_read_as_a_whole(
    plane: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = stored(saved(plane, tmp_path / "p.zip"))
    reads = count_reads(monkeypatch)
    with ExitStack() as stack:
        bands = Bands(pixels, stack)
        for top in np.random.default_rng(3).integers(0, 46, 200).tolist():
            np.testing.assert_array_equal(
                bands.part(top, top + 4, 5, 9), plane[:, top : top + 4, 5:9]
            )
    assert len(reads) == 1


def test_a_damaged_plane_is_refused(plane: NDArray[np.float32], tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    saved(plane, path)
    content = bytearray(path.read_bytes())
    at = content.index(plane.tobytes()[4000:4032])
    content[at] ^= 1
    path.write_bytes(content)
    pixels = stored(read_bundle(path))
    with ExitStack() as stack, pytest.raises(BundleError, match=r"p\.zip: .*i\.tif.* is damaged"):
        Bands(pixels, stack)


def test_objects_of_a_large_plane_are_saved_from_its_bands(
    plane: NDArray[np.float32], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = edits.create_kind(saved(plane, tmp_path / "one.zip"), "cell")
    cell = project.find_kind("cell")
    boxes = {f"o{n}": (n, n // 2, n + 6, n // 2 + 5) for n in range(0, 44, 2)}
    objects = [
        Annotation(key, key, cell.id, cell.unknown, "i", box, masks.full(6, 5))
        for key, box in boxes.items()
    ]
    project = edits.add_annotations(project, objects)
    reads = count_reads(monkeypatch)
    write_bundle(project, tmp_path / "two.zip")
    assert not reads
    found = read_bundle(tmp_path / "two.zip")
    for key, (top, left, bottom, right) in boxes.items():
        crop = np.asarray(found.things[key].pixels)
        np.testing.assert_array_equal(crop, plane[:, top:bottom, left:right])
    np.testing.assert_array_equal(np.asarray(found.things["i"].pixels), plane)


def test_small_planes_and_stacks_are_no_matter_of_bands(tmp_path: Path) -> None:
    pixels = saved(np.zeros(SHAPE, np.float32), tmp_path / "p.zip").things["i"].pixels
    assert not is_banded(pixels)
    assert not is_banded(ArrayPixels(np.zeros(SHAPE, np.float32)))
