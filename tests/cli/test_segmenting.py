from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.command import Command
from tests.segment.stand_in import install, project_of

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits
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


def plate(tmp_path: Path, **files: object) -> Path:
    """Make a folder of images, and of files that are none."""
    folder = tmp_path / "plate"
    folder.mkdir()
    for name, content in files.items():
        if isinstance(content, bytes):
            (folder / f"{name}.png").write_bytes(content)
        else:
            Image.fromarray(np.asarray(content)).save(folder / f"{name}.png")
    return folder


def test_a_broken_file_among_several_is_named_and_the_others_are_done(
    command: Command, tmp_path: Path
) -> None:
    colour = np.dstack([BLOBS] * 3)
    folder = plate(tmp_path, a=BLOBS, b=b"no picture", c=colour, d=BLOBS, e=b"")
    out = tmp_path / "out.zip"
    outcome = command(*SEGMENT, folder, "--out", out)
    assert outcome.code == 1
    assert outcome.out.splitlines() == [
        "a.png: 2 objects",
        "d.png: 2 objects",
        "Stand-in: 4 objects on 2 of 2 images",
    ]
    broken, coloured, empty, last = outcome.err.splitlines()
    assert broken.startswith(f"napari-piximi: not read: {folder / 'b.png'}: is no PNG, JPEG")
    assert coloured.startswith(f"napari-piximi: not read: {folder / 'c.png'}: ")
    assert "3 channels" in coloured
    assert empty == f"napari-piximi: not read: {folder / 'e.png'}: is empty"
    assert last == (
        "napari-piximi: error: what was found is saved, but 3 of 5 files could not be read"
    )
    assert objects(read_bundle(out)) == 4


def test_where_every_file_is_broken_nothing_is_written(command: Command, tmp_path: Path) -> None:
    folder, out = plate(tmp_path, a=b"", b=b"no picture"), tmp_path / "out.zip"
    text = command.fails(*SEGMENT, folder, "--out", out)
    assert text.startswith(f"none of 2 files could be read: {folder / 'a.png'}: is empty; ")
    assert f"{folder / 'b.png'}: is no PNG" in text
    alone = command.fails(*SEGMENT, folder / "a.png", "--out", out)
    assert alone == f"{folder / 'a.png'}: is empty"
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--segmenter", "magic"), "no segmenter 'magic'"),
        (("--set", "level=2"), "level cannot be 2.0; it goes from 0.0 to 1.0"),
        (("--set", "radius=2"), "'radius=2' is no setting of Stand-in; write name=value with one"),
        (("--channels", "2"), "cannot take channel 2 for 'objects': the images have 1 channel"),
        (("--channels", "-1"), "--channels '-1': channels are counted from 1"),
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


def test_a_source_that_is_not_there_is_named(
    command: Command, bundle: Path, tmp_path: Path
) -> None:
    gone, out = tmp_path / "coins.zip", tmp_path / "out.zip"
    for sources in ([gone], [bundle, gone]):
        line = command.fails(*SEGMENT, *sources, "--out", out)
        assert line == f"{gone}: there is no such file"
    assert not out.exists()


def test_the_segmenters_are_listed_with_what_they_need(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, package="magic", remote=True, licence="MIT", pixel_size="any")
    assert command.works("segment", "--list").splitlines() == [
        "stand-in        Stand-in: Finds.",
        "                channels  objects",
        "                for       any",
        "                needs     pip install magic, --send-pixels",
        "                licence   MIT",
        "                --set     level=0.5, method=plain",
    ]


def test_the_real_ones_are_listed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    lines = command.works("segment", "--list").splitlines()
    assert lines[0].startswith("threshold       Threshold: ")
    assert any(line.endswith("a network that was fitted in the project") for line in lines)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("gone/out.zip", "there is no folder"),
        ("folder", "is a folder; name a file that ends in .zip"),
    ],
)
def test_a_place_that_cannot_be_saved_to_is_told_before_the_work(
    command: Command,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    text: str,
) -> None:
    (tmp_path / "folder").mkdir()
    install(monkeypatch, pytest.fail)
    assert text in command.fails(*SEGMENT, bundle, "--out", tmp_path / place)
    assert "kind of their own" in command.fails(
        *SEGMENT, bundle, "--out", tmp_path / "out.zip", "--kind", "Image"
    )


def test_nothing_is_written_where_nothing_could_be_segmented(
    command: Command, tmp_path: Path
) -> None:
    source, out = tmp_path / "source.zip", tmp_path / "out.zip"
    bad = np.full((4, 4), np.nan, np.float32)
    write_bundle(project_of(*[bad] * 8), source)
    text = command.fails(*SEGMENT, source, "--out", out)
    assert text.startswith("no image could be segmented: '0.tif' has pixels that are NaN")
    assert text.endswith("'4.tif' has pixels that are NaN or infinite; and 3 more")
    assert not out.exists()


def test_what_was_replaced_is_told(command: Command, bundle: Path, tmp_path: Path) -> None:
    once, twice, thrice = (tmp_path / f"{name}.zip" for name in ("once", "twice", "thrice"))
    command.works(*SEGMENT, bundle, "--out", once)
    project = read_bundle(once)
    kind = project.find_kind("blob").id
    project = edits.create_category(project, kind, "large")
    label = project.known_categories(kind)[0]
    project = edits.categorize(project, [next(project.annotations()).id], label)
    write_bundle(project, once)
    said = command.works(*SEGMENT, once, "--out", twice, "--replace", "--set", "level=0.8")
    assert said.splitlines()[2:] == [
        "Stand-in: 2 objects on 2 of 2 images",
        "Stand-in: 4 replaced, 1 of them had a category",
    ]
    said = command.works(*SEGMENT, twice, "--out", thrice, "--replace", "--set", "level=1")
    assert said.splitlines()[2:] == [
        "Stand-in: 0 objects on 0 of 2 images",
        "Stand-in: where nothing was found, the 2 objects there stay",
    ]
    assert objects(read_bundle(thrice)) == 2


def test_a_network_for_another_segmenter_is_refused(
    command: Command, bundle: Path, tmp_path: Path
) -> None:
    text = command.fails(*SEGMENT, bundle, "--out", tmp_path / "out.zip", "--network", "gone")
    assert text == "Stand-in asks no network 'gone': choose the segmenter 'own'"


def test_one_object_is_no_objects(command: Command, bundle: Path, tmp_path: Path) -> None:
    options = ("--set", "level=0.8", "--image", "1.tif", "--every-plane")
    said = command.works(*SEGMENT, bundle, "--out", tmp_path / "out.zip", *options)
    assert said == "1.tif: 1 object\nStand-in: 1 object on 1 of 1 image\n"
