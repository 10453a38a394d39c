import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_piximi.errors import BundleError
from napari_piximi.io import _zarr, _zip_or_folder
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.planes import lend_planes, read_plane
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, Pixels, default_channels


def copied(wanted: Sequence[tuple[Pixels, int]]) -> dict[int, NDArray[Any]]:
    """Keep planes that are lent."""
    return {
        number: plane.copy()
        for numbers, planes in lend_planes(wanted)
        for number, plane in zip(numbers, planes, strict=True)
    }


def test_a_plane_or_the_last_one() -> None:
    array = np.arange(2 * 3 * 4 * 1, dtype=np.uint8).reshape(2, 3, 4, 1)
    assert (read_plane(ArrayPixels(array), 0) == array[0]).all()
    assert (read_plane(ArrayPixels(array), 1) == array[1]).all()
    assert (read_plane(ArrayPixels(array), 7) == array[1]).all()
    with pytest.raises(IndexError):
        read_plane(ArrayPixels(array[:0]), 0)


def test_what_a_bundle_stores_is_read_past_its_cache(tmp_path: Path) -> None:
    """Also of objects that Piximi pads to the planes of their image."""
    project = new_project()
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (4, 16, 16, 1), np.uint8)
    image = Image(
        "1image", "stack.tif", project.kinds["Image"].unknown, ArrayPixels(array),
        channels=default_channels(1),
    )  # fmt: skip
    project = edits.create_kind(edits.add_images(project, [image]), "cell")
    cell = project.find_kind("cell")
    made = Annotation(
        "1cell", "cell", cell.id, cell.unknown, "1image", (2, 3, 9, 11), masks.full(7, 8), plane=2
    )
    project = edits.add_annotations(project, [made])
    write_bundle(project, tmp_path / "stack.zip")
    opened = read_bundle(tmp_path / "stack.zip")
    _zarr._cache.clear()
    for key in ("1image", "1cell"):
        thing = opened.things[key]
        pixels = opened.pixels(thing)
        found = read_plane(pixels, 2)
        expected = array[2] if key == "1image" else array[2, 2:9, 3:11]
        assert np.abs(found - expected / 255).max() < 1e-6 or (found == expected).all()
    assert _zarr._cache._bytes == 0


def noisy_objects(count: int) -> Project:
    """Return an image of four planes and objects on it, each of another size."""
    project, rng = new_project(), np.random.default_rng(0)
    array = rng.integers(0, 256, (4, 64, 64, 2), np.uint8)
    image = Image(
        "1image", "stack.tif", project.kinds["Image"].unknown, ArrayPixels(array),
        channels=default_channels(2),
    )  # fmt: skip
    project = edits.create_kind(edits.add_images(project, [image]), "cell")
    cell = project.find_kind("cell")
    made = [
        Annotation(
            f"1cell{n}", f"cell {n}", cell.id, cell.unknown, "1image",
            (n % 7, n % 11, n % 7 + 9 + n % 40, n % 11 + 30), masks.full(9 + n % 40, 30),
            plane=n % 4,
        )
        for n in range(count)
    ]  # fmt: skip
    return edits.add_annotations(project, made)


@pytest.mark.parametrize("name", ["stack.zip", "stack.zarr"])
@pytest.mark.parametrize("span", [1 << 20, 1 << 12])
def test_many_planes_are_the_same_as_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, span: int
) -> None:
    """Of a zip and a folder, in groups of many, and where each is larger than a group."""
    monkeypatch.setattr(_zip_or_folder, "MAX_SPAN", span)
    write_bundle(noisy_objects(60), tmp_path / name)
    opened = read_bundle(tmp_path / name)
    wanted = [(opened.pixels(thing), thing.plane) for thing in [*opened.things.values()][::-1]]
    wanted += [(ArrayPixels(np.ones((2, 3, 4, 1))), 5), wanted[0]]
    _zarr._cache.clear()
    found = copied(wanted)
    assert sorted(found) == list(range(len(wanted)))
    for number, (pixels, plane) in enumerate(wanted):
        np.testing.assert_array_equal(found[number], read_plane(pixels, plane))
    assert _zarr._cache._bytes == 0


def test_lent_planes_are_right_while_they_are_lent(tmp_path: Path) -> None:
    write_bundle(noisy_objects(60), tmp_path / "stack.zip")
    opened = read_bundle(tmp_path / "stack.zip")
    wanted = [(opened.pixels(thing), thing.plane) for thing in opened.things.values()]
    seen: list[int] = []
    for numbers, planes in lend_planes(wanted):
        assert not planes.flags.writeable
        for number, plane in zip(numbers, planes, strict=True):
            np.testing.assert_array_equal(plane, read_plane(*wanted[number]))
        seen += numbers
    assert sorted(seen) == list(range(len(wanted)))


def test_alike_neighbours_come_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each the plane that is meant, though all four planes of each are stored."""
    monkeypatch.setattr(_zip_or_folder, "MAX_SPAN", 1 << 24)
    write_bundle(noisy_objects(200), tmp_path / "stack.zip")
    opened = read_bundle(tmp_path / "stack.zip")
    wanted = [(opened.pixels(thing), thing.plane) for thing in opened.annotations()]
    found = [(len(numbers), planes.shape) for numbers, planes in lend_planes(wanted)]
    for number, plane in copied(wanted).items():
        np.testing.assert_array_equal(plane, read_plane(*wanted[number]))
    assert max(count for count, _ in found) == 5  # of forty heights
    assert all(count == shape[0] for count, shape in found)


def test_packed_planes_that_come_together_are_bounded_as_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros that Deflate packs to little must not fill the memory."""
    write_bundle(noisy_objects(40), tmp_path / "plain.zip")
    with ZipFile(tmp_path / "plain.zip") as plain, ZipFile(tmp_path / "p.zip", "w", 8) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    monkeypatch.setattr(_zip_or_folder, "MAX_SPAN", 100_000)
    opened = read_bundle(tmp_path / "p.zip")
    wanted = [(opened.pixels(thing), thing.plane) for thing in opened.annotations()]
    chunks = {n: pixels.chunks[0] for n, (pixels, _) in enumerate(wanted)}  # type: ignore[attr-defined]
    groups = list(wanted[0][0].source.lend_many(chunks))  # type: ignore[attr-defined]
    assert 1 < len(groups) < len(wanted)
    assert all(len(g) == 1 or sum(len(data) for _, data in g) <= 100_000 for g in groups)
    for number, plane in copied(wanted).items():
        np.testing.assert_array_equal(plane, read_plane(*wanted[number]))


@pytest.mark.parametrize("count", [8, 100])
def test_damaged_planes_among_many_are_refused_by_name(tmp_path: Path, count: int) -> None:
    path = tmp_path / "stack.zip"
    write_bundle(noisy_objects(count), path)
    opened = read_bundle(path)
    chunk = opened.things["1cell5"].pixels.chunks[0]  # type: ignore[union-attr]
    data, facts = bytearray(path.read_bytes()), os.stat(path)
    data[chunk.offset + 200] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    wanted = [(opened.pixels(thing), thing.plane) for thing in opened.things.values()]
    with pytest.raises(BundleError, match=f"{chunk.name} is damaged"):
        copied(wanted)


def test_no_planes() -> None:
    assert list(lend_planes([])) == []
