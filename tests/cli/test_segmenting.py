from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.command import Command
from tests.segment.stand_in import install, project_of

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model.project import Project

BLOBS = np.array([[0, 0, 0, 0], [0, 200, 200, 0], [0, 0, 0, 220]], np.uint8)
SEGMENT = ("segment", "--segmenter", "stand-in")


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "blobs.zip"
    write_bundle(project_of(BLOBS, BLOBS), path)
    return path


def objects(project: Project, kind: str = "blob") -> int:
    return sum(1 for _ in project.of_kind(project.find_kind(kind).id))


def test_objects_are_found_and_saved(command: Command, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    lines = command.works(*SEGMENT, bundle, "--out", out).splitlines()
    assert lines == [
        "0.tif: 2 objects",
        "1.tif: 2 objects",
        "Stand-in: 4 objects on 2 of 2 images",
    ]
    project = read_bundle(out)
    assert objects(project) == 4
    assert {a.bbox for a in project.annotations()} == {(1, 1, 2, 3), (2, 3, 3, 4)}


def test_images_become_a_project(command: Command, tmp_path: Path) -> None:
    folder, out = tmp_path / "plate", tmp_path / "out.zarr"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(BLOBS).save(folder / name)
    said = command.works(*SEGMENT, folder, "--out", out)
    assert said.endswith("4 objects on 2 of 2 images\n")
    assert [image.name for image in read_bundle(out).images()] == ["a.png", "b.png"]


def test_settings_kind_and_images_are_obeyed(
    command: Command, bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.zip"
    options = ("--set", "level=0.8", "--kind", "bright", "--image", "1.tif", "--channels", "1")
    command.works(*SEGMENT, bundle, "--out", out, *options)
    assert objects(read_bundle(out), "bright") == 1
    command.works(*SEGMENT, out, "--out", out, "--kind", "bright", "--replace")
    assert objects(read_bundle(out), "bright") == 4


def test_what_was_found_is_saved_though_an_image_fails(command: Command, tmp_path: Path) -> None:
    source, out = tmp_path / "source.zip", tmp_path / "out.zip"
    bad = np.where(BLOBS > 210, np.nan, BLOBS / np.float32(255)).astype(np.float32)
    write_bundle(project_of(BLOBS, bad), source)
    outcome = command(*SEGMENT, source, "--out", out)
    assert outcome.code == 1
    assert "what was found is saved, but '1.tif' has pixels that are NaN" in outcome.err
    assert objects(read_bundle(out)) == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--segmenter", "magic"), "no segmenter 'magic'"),
        (("--set", "level=2"), "level is 0.0 to 1.0, not 2.0"),
        (("--set", "radius=2"), "'radius=2' is no setting of Stand-in; write name=value with one"),
        (("--channels", "2"), "images, which have 1, not channel 2"),
        (("--channels", "x"), "--channels 'x': write numbers, such as 1,3"),
        (("--image", "gone"), "--image 'gone': the project has no image of that name"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_written(
    command: Command, bundle: Path, tmp_path: Path, options: tuple[str, ...], text: str
) -> None:
    out = tmp_path / "out.zip"
    assert text in command.fails(*SEGMENT, bundle, "--out", out, *options)
    assert not out.exists()


def test_pixels_leave_only_where_that_is_allowed(
    command: Command, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, remote=True)
    out = tmp_path / "out.zip"
    said = command.fails(*SEGMENT, bundle, "--out", out)
    assert said.startswith("Stand-in sends the pixels of 2 images to another machine")
    command.works(*SEGMENT, bundle, "--out", out, "--send-pixels")
    assert objects(read_bundle(out)) == 4


def test_nothing_to_do_is_said(command: Command, bundle: Path, tmp_path: Path) -> None:
    assert "Name a project or images" in command.fails(*SEGMENT)
    assert "Name a project or images" in command.fails(*SEGMENT, bundle)
    two = command.fails(*SEGMENT, bundle, bundle, "--out", tmp_path / "out.zip")
    assert two.endswith("is a project; name it alone, or images without it")


def test_the_segmenters_are_listed(command: Command) -> None:
    assert command.works("segment", "--list") == (
        "stand-in        Stand-in: Finds.\n                channels objects\n"
    )
