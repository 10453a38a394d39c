"""Pixels in files of our own."""

import errno
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_piximi.errors import RecoveryError
from napari_piximi.io import scratch
from napari_piximi.io.scratch import FilePixels, Scratch
from napari_piximi.model import edits
from napari_piximi.model.project import new_project
from napari_piximi.model.things import Image

VALUES = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)


@pytest.fixture(params=["read", "mapped"])
def _ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let even small arrays be mapped, as large ones are."""
    if request.param == "mapped":
        monkeypatch.setattr(scratch, "MAPPED", 1)


@pytest.mark.usefixtures("_ways")
@pytest.mark.parametrize("dtype", ["u1", "<u2", "<f4", "<f8", ">u2", "?"])
def test_pixels_come_back_as_they_were_put(dtype: str, tmp_path: Path) -> None:
    values = VALUES.astype(dtype)
    pixels = Scratch(tmp_path).put(values)
    assert (pixels.shape, pixels.dtype) == (values.shape, values.dtype)
    np.testing.assert_array_equal(np.asarray(pixels), values)
    assert np.asarray(pixels, np.float32).dtype == np.float32


@pytest.mark.usefixtures("_ways")
def test_arrays_that_are_not_contiguous_or_empty_can_be_put(tmp_path: Path) -> None:
    folder = Scratch(tmp_path)
    np.testing.assert_array_equal(np.asarray(folder.put(VALUES[:, ::-2].T)), VALUES[:, ::-2].T)
    assert np.asarray(folder.put(np.empty((1, 0, 4, 2), np.uint8))).shape == (1, 0, 4, 2)


@pytest.mark.usefixtures("_ways")
def test_several_arrays_share_a_file(tmp_path: Path) -> None:
    arrays = [np.full((1, size, 2, 1), size, np.uint16) for size in range(1, 6)]
    kept = Scratch(tmp_path).put_all(arrays)
    assert len(list(tmp_path.iterdir())) == 1
    for array, pixels in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(np.asarray(pixels), array)


@pytest.mark.usefixtures("_ways")
def test_they_are_read_only_and_a_copy_is_not(tmp_path: Path) -> None:
    pixels = Scratch(tmp_path).put(VALUES)
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(pixels)[0] = 1
    copy = np.array(pixels, copy=True)
    copy[:] = 0
    np.testing.assert_array_equal(np.asarray(pixels), VALUES)


def test_no_file_stays_open_and_they_can_be_sent(tmp_path: Path) -> None:
    folder = Path("/proc/self/fd")
    pixels = Scratch(tmp_path).put(VALUES)
    values = np.asarray(pixels)
    if folder.exists():
        assert not [link for link in folder.iterdir() if os.path.realpath(link) == str(pixels.path)]
    sent = pickle.loads(pickle.dumps(pixels))
    np.testing.assert_array_equal(np.asarray(sent), values)


def test_they_serve_as_the_pixels_of_an_image(tmp_path: Path) -> None:
    pixels = Scratch(tmp_path).put(VALUES)
    project = new_project()
    image = Image("1i", "i", project.kinds["Image"].unknown, pixels)
    project = edits.add_images(project, [image])
    assert project.image_channels == 2
    assert project.things["1i"].pixels is pixels


def test_a_file_that_has_gone_is_named(tmp_path: Path) -> None:
    pixels = Scratch(tmp_path).put(VALUES)
    pixels.path.unlink()
    with pytest.raises(RecoveryError, match=f"{re.escape(str(pixels.path))}.*add the image"):
        np.asarray(pixels)


@pytest.mark.usefixtures("_ways")
@pytest.mark.parametrize(
    "damage", [lambda data: data[:90], lambda data: data[:-1], lambda data: b"x" + data[1:]]
)
def test_a_file_that_was_changed_is_refused(damage: object, tmp_path: Path) -> None:
    assert callable(damage)
    pixels = Scratch(tmp_path).put(VALUES)
    pixels.path.write_bytes(damage(pixels.path.read_bytes()))
    with pytest.raises(RecoveryError, match="cannot be read"):
        np.asarray(pixels)


@pytest.mark.parametrize("other", [VALUES[:1], VALUES.astype("u1"), np.asfortranarray(VALUES)])
def test_a_file_that_holds_another_array_is_refused(other: NDArray[Any], tmp_path: Path) -> None:
    pixels = Scratch(tmp_path).put(VALUES)
    np.save(pixels.path, other)
    with pytest.raises(RecoveryError, match="it holds another array"):
        np.asarray(pixels)


def test_objects_are_no_pixels(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="are no numbers"):
        Scratch(tmp_path).put(np.array([None]))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecoveryError, match="No space left"):
        Scratch(tmp_path).put(VALUES)
    assert list(tmp_path.iterdir()) == []


def test_two_are_equal_only_if_they_are_one(tmp_path: Path) -> None:
    pixels = Scratch(tmp_path).put(VALUES)
    twin = FilePixels(pixels.path, pixels.shape, pixels.dtype, pixels.offset)
    assert pixels != twin
    assert len({pixels, twin}) == 2
