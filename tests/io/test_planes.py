from pathlib import Path

import numpy as np
import pytest

from napari_piximi.io import _zarr
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.planes import read_plane
from napari_piximi.model import edits, masks
from napari_piximi.model.project import new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, default_channels


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
