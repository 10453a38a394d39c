"""Saving is all or nothing, and takes nothing from those who still read the old file."""

import errno
import gc
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.io.tiny_bundle import tiny_project

from napari_piximi.errors import BundleError, Cancelled, SaveError
from napari_piximi.io import _writers, _zarr
from napari_piximi.io._zarr import StoredArray
from napari_piximi.io._zip import ZipWriter
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_kind, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image
from napari_piximi.model.training import Classifier

FORMS = ["x.zip", "x.zarr"]


def pixels(project: Project) -> list[Any]:
    return [np.asarray(project.pixels(thing)).tolist() for thing in project.things.values()]


def forget_cached_pixels() -> None:
    _zarr._cache.clear()


@pytest.fixture(params=FORMS)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / str(request.param)
    write_bundle(tiny_project(), path)
    return path


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail_after(calls: int, real: Callable[..., Any], code: int) -> Callable[..., Any]:
    count = 0

    def failing(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        nonlocal count
        count += 1
        if count > calls:
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    return failing


class FullDisk:
    """A file on a disk that is full after some writes."""

    def __init__(self, file: Any, writes: int) -> None:  # noqa: ANN401
        self._file = file
        self.write = fail_after(writes, file.write, errno.ENOSPC)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._file, name)


@pytest.mark.parametrize("writes", [0, 1, 30, 90])
def test_a_full_disk_leaves_the_old_zip(
    writes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.zip"
    write_bundle(tiny_project(), path)
    before, project = path.read_bytes(), read_bundle(path)
    real = ZipWriter.__init__

    def on_full_disk(self: Any, file: Any) -> None:  # noqa: ANN401
        real(self, FullDisk(file, writes))  # type: ignore[arg-type]

    monkeypatch.setattr(ZipWriter, "__init__", on_full_disk)
    with pytest.raises(SaveError, match=r"x\.zip: could not be saved \(No space left on device\)"):
        write_bundle(edits.rename_project(project, "other"), path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert left_in(tmp_path) == ["x.zip"]
    assert pixels(project) == pixels(tiny_project_as_read(tmp_path))


def tiny_project_as_read(folder: Path) -> Project:
    (folder / "twin").mkdir()
    write_bundle(tiny_project(), folder / "twin" / "t.zip")
    return read_bundle(folder / "twin" / "t.zip")


def test_fsync_and_rename_may_fail_too(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = read_bundle(saved)
    for name in ("replace", "rename", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail_after(0, getattr(os, name), errno.EIO))
            if saved.suffix == ".zarr" and name != "rename":
                continue
            if saved.suffix == ".zip" and name == "rename":
                continue
            with pytest.raises(SaveError, match="Input/output error"):
                write_bundle(edits.rename_project(project, "other"), saved)
        assert read_bundle(saved).name == "tiny"
        assert pixels(project)
    del project
    gc.collect()
    assert left_in(saved.parent) == [saved.name]


def test_a_folder_that_cannot_be_swapped_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.zarr"
    write_bundle(tiny_project(), path)
    real = os.rename
    calls = 0

    def second_fails(source: Any, target: Any) -> None:  # noqa: ANN401
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.EACCES, "denied")
        real(source, target)

    monkeypatch.setattr(os, "rename", second_fails)
    with pytest.raises(SaveError, match="denied"):
        write_bundle(tiny_project(), path)
    monkeypatch.undo()
    assert read_bundle(path).name == "tiny"
    assert left_in(tmp_path) == ["x.zarr"]


def test_a_read_only_folder(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tests may run as root, whom permissions do not stop.
    for name in ("mkstemp", "mkdtemp"):
        failing = fail_after(0, lambda: None, errno.EACCES)
        monkeypatch.setattr(tempfile, name, failing)
    with pytest.raises(SaveError, match="Permission denied"):
        write_bundle(tiny_project(), saved)
    assert read_bundle(saved).name == "tiny"


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="No such file"):
        write_bundle(tiny_project(), tmp_path / "no" / "x.zip")


@pytest.mark.parametrize("bad", ["../../out", "/out", "a/../../out", "..", "a\\..\\out"])
@pytest.mark.parametrize("form", FORMS)
def test_no_id_leads_out_of_the_bundle(form: str, bad: str, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    kind, unknown = new_kind("x", kind_id=bad)
    hostile = [
        edits.add_kind(tiny_project(), kind, unknown),
        replace(tiny_project(), unread_models={bad: (b"{}", b"")}),
        replace(tiny_project(), classifiers=(Classifier(bad, "Image"),)),
    ]
    for project in hostile:
        with pytest.raises(SaveError, match="cannot name a kind or classifier"):
            write_bundle(project, folder / form)
    assert left_in(tmp_path) == ["inner"]
    assert left_in(folder) == []


def test_the_folder_writer_refuses_what_leads_out(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="leads out"):
        _writers.FolderWriter(tmp_path / "x").write("x.zarr/../../y", b"")
    assert left_in(tmp_path) == []


def test_cancelled(saved: Path) -> None:
    def stop(*args: object, **values: object) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        write_bundle(edits.rename_project(tiny_project(), "other"), saved, progress=stop)
    assert read_bundle(saved).name == "tiny"
    assert left_in(saved.parent) == [saved.name]


KILLED = """
import sys, time
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits
def wait(done, total, message="", **values):
    print("saving", flush=True)
    time.sleep(60)
project = edits.rename_project(read_bundle(sys.argv[1]), "other")
write_bundle(project, sys.argv[1], progress=wait)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="SIGKILL is absent on this system")
def test_killed_while_saving(saved: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(saved)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "saving\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert read_bundle(saved).name == "tiny"
    write_bundle(edits.rename_project(tiny_project(), "after"), saved)
    assert read_bundle(saved).name == "after"


def test_saving_over_a_file_does_not_take_the_pixels_of_open_projects(saved: Path) -> None:
    first = read_bundle(saved)
    expected = pixels(first)
    first = read_bundle(saved)
    forget_cached_pixels()
    kept = [thing.id for thing in first.things.values()][:1]
    second = edits.delete_things(first, kept)  # its image is gone from the file, not from undo
    write_bundle(second, saved)
    write_bundle(edits.rename_project(second, "again"), saved)
    forget_cached_pixels()
    assert pixels(first) == expected
    assert pixels(pickle.loads(pickle.dumps(first))) == expected
    assert pixels(read_bundle(saved)) == pixels(second) == expected[1:2]


def test_what_was_kept_is_deleted_when_no_one_needs_it(saved: Path) -> None:
    project = read_bundle(saved)
    write_bundle(edits.rename_project(project, "again"), saved)
    assert len(left_in(saved.parent)) == 2
    forget_cached_pixels()
    del project
    gc.collect()
    assert left_in(saved.parent) == [saved.name]


def test_no_hard_links_on_this_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.zip"
    write_bundle(tiny_project(), path)
    project = read_bundle(path)
    monkeypatch.setattr(os, "link", fail_after(0, os.link, errno.EPERM))
    write_bundle(edits.rename_project(project, "again"), path)
    forget_cached_pixels()
    assert pixels(project) == pixels(read_bundle(path))


def test_a_file_that_others_change_is_not_read_wrongly(saved: Path) -> None:
    project = read_bundle(saved)
    forget_cached_pixels()
    time.sleep(0.01)
    files = [saved] if saved.is_file() else list(saved.rglob("0.0.0.0"))
    for path in files:
        path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(BundleError, match="changed on disk since it was opened"):
        pixels(project)
    with pytest.raises(BundleError, match="changed on disk"):
        write_bundle(project, saved.with_name("other" + saved.suffix))
    assert len(left_in(saved.parent)) == 1


def test_no_file_stays_open(saved: Path) -> None:
    fds = Path("/proc/self/fd")
    if not fds.exists():
        pytest.skip("/proc is absent: open files cannot be counted")
    before = len(list(fds.iterdir()))
    project = read_bundle(saved)
    pixels(project)
    write_bundle(project, saved)
    assert len(list(fds.iterdir())) == before


def test_permissions_of_a_replaced_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    write_bundle(tiny_project(), path)
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    path.chmod(0o640)
    write_bundle(tiny_project(), path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_same_project_gives_the_same_bytes(tmp_path: Path) -> None:
    project = tiny_project()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_bundle(project, tmp_path / name / "x.zip")
    assert (tmp_path / "a/x.zip").read_bytes() == (tmp_path / "b/x.zip").read_bytes()


def test_unchanged_pixels_are_copied_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.zip"
    write_bundle(tiny_project(), path, compress=True)
    project = read_bundle(path)

    def no_reading(self: object) -> None:
        raise AssertionError("pixels were read")

    monkeypatch.setattr(_zarr.StoredArray, "read", no_reading)
    write_bundle(replace(project, name="copy"), tmp_path / "copy.zip")
    monkeypatch.undo()
    assert pixels(read_bundle(tmp_path / "copy.zip")) == pixels(project)


def test_a_file_that_has_gone_is_named(saved: Path) -> None:
    project = read_bundle(saved)
    forget_cached_pixels()
    saved.rename(saved.with_name("moved" + saved.suffix))
    with pytest.raises(BundleError, match=rf"{saved.name}.*cannot be read"):
        pixels(project)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is absent on this system")
def test_a_fork_deletes_nothing_that_its_parent_needs(tmp_path: Path) -> None:
    code = """
import gc, os, sys
from napari_piximi.io.bundle import read_bundle, write_bundle
import numpy as np
path = sys.argv[1]
project = read_bundle(path)
write_bundle(project, path)
child = os.fork()
if child == 0:
    del project
    gc.collect()
    os._exit(0)
os.waitpid(child, 0)
print(sum(np.asarray(project.pixels(t)).size for t in project.things.values()))
"""
    path = tmp_path / "x.zip"
    write_bundle(tiny_project(), path)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 0


def test_a_large_image_is_read_once_for_all_its_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new_project("p")
    pixels = np.arange(400, dtype=np.uint8).reshape(1, 20, 20, 1)
    image = Image("i", "i.tif", project.kinds["Image"].unknown, ArrayPixels(pixels))
    write_bundle(edits.add_images(project, [image]), tmp_path / "one.zip")
    project = edits.create_kind(read_bundle(tmp_path / "one.zip"), "cell")
    cell = project.find_kind("cell")
    objects = [
        Annotation(
            f"o{n}", f"cell {n}", cell.id, cell.unknown, "i", (n, n, n + 4, n + 4), masks.full(4, 4)
        )
        for n in range(10)
    ]
    project = edits.add_annotations(project, objects)
    monkeypatch.setattr(_zarr._cache, "limit", 0)  # it is too large to be kept there
    reads, usual = [], StoredArray.read

    def read(self: StoredArray) -> NDArray[Any]:
        reads.append(self)
        return usual(self)

    monkeypatch.setattr(StoredArray, "read", read)
    write_bundle(project, tmp_path / "two.zip")
    assert len(reads) == 1
    crop = np.asarray(read_bundle(tmp_path / "two.zip").things["o3"].pixels)
    np.testing.assert_array_equal(np.round(crop * 255), pixels[:, 3:7, 3:7])
