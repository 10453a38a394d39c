"""What is lent to another process arrives, also when it is saved over meanwhile."""

import pickle
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.io import lending_child
from tests.io.networks import network
from tests.io.tiny_bundle import tiny_project

from napari_piximi.engine import Engine
from napari_piximi.errors import BundleError, Cancelled, SaveError
from napari_piximi.io import lending
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.lending import lend
from napari_piximi.io.scratch import Scratch
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image

CHILD = "tests.io.lending_child:"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def arrived(project: Project, kind: str, folder: Path) -> Project:
    found = pickle.loads(pickle.dumps(lend(project, kind, folder)))
    assert isinstance(found, Project)
    return found


def objects(project: Project) -> str:
    return next(kind for kind in project.kinds if kind != IMAGE_KIND)


def with_arrays(count: int, side: int) -> Project:
    values = np.random.default_rng(0).integers(0, 255, (count, 1, side, side, 3), np.uint8)
    project = edits.create_category(tiny_project(), IMAGE_KIND, "c")
    images = [
        Image(f"1new{i}", f"{i}.png", project.kinds[IMAGE_KIND].unknown, ArrayPixels(values[i]))
        for i in range(count)
    ]
    return replace(project, things={image.id: image for image in images})


def test_things_of_the_kind_and_their_images_arrive(tmp_path: Path) -> None:
    project = tiny_project()
    kind = objects(project)
    found = arrived(project, kind, tmp_path)
    wanted = list(project.of_kind(kind))
    wanted += [project.things[key] for key in {thing.image for thing in wanted}]  # type: ignore[union-attr]
    assert list(found.things) == [thing.id for thing in wanted]
    for old in wanted:
        new = found.things[old.id]
        assert type(new) is type(old)
        for part in fields(old):
            if part.name != "pixels":
                assert getattr(new, part.name) == getattr(old, part.name)
    assert lending_child.sums(found).items() <= lending_child.sums(project).items()
    assert (found.kinds, found.categories) == (project.kinds, project.categories)
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_asked_for_is_sent_with_its_images(tmp_path: Path) -> None:
    project = tiny_project()
    kind = objects(project)

    def sent(*only: str) -> list[str]:
        lent = lend(project, kind, tmp_path, only=only)
        found = pickle.loads(pickle.dumps(lent))
        assert (found.kinds, found.categories) == (project.kinds, project.categories)
        for key, thing in found.things.items():
            assert (thing.name, thing.kind) == (project.things[key].name, project.things[key].kind)
        return list(found.things)

    assert sent("1c") == ["1c", "1a"]  # an annotation, and the image it lies on
    assert sent("1b") == ["1b"]  # an image alone, although the kind is another
    assert sent("1a", "1c", "gone") == ["1a", "1c"]
    assert sent() == []


def test_networks_of_the_kind_go_along(tmp_path: Path) -> None:
    project = edits.create_kind(tiny_project(), "other")
    first, other = list(project.kinds)[1:]
    for made in (network(kind=first), network(name="second", kind=other)):
        project = edits.put_network(project, made)
    assert arrived(project, first, tmp_path).networks == project.networks[:1]
    assert arrived(project, other, tmp_path).networks == project.networks[1:]
    assert arrived(project, IMAGE_KIND, tmp_path).networks == ()


def test_many_small_arrays_go_through_one_file(tmp_path: Path, engine: Engine) -> None:
    project = with_arrays(600, 32)
    lent = lend(project, IMAGE_KIND, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert len(pickle.dumps(lent)) < 120_000, "the pixels are not in the pickle"
    assert engine.call(f"{CHILD}sums", lent) == lending_child.sums(project)


def test_an_array_that_things_share_is_written_once(tmp_path: Path) -> None:
    array = np.arange(2 << 20, dtype=np.float32).reshape(1, 1024, 2048, 1)[:, ::-1]
    project = with_arrays(40, 1)
    shared = ArrayPixels(array)
    project = replace(
        project, things={key: replace(t, pixels=shared) for key, t in project.things.items()}
    )
    found = arrived(project, IMAGE_KIND, tmp_path)
    (file,) = tmp_path.iterdir()
    assert array.nbytes <= file.stat().st_size < array.nbytes + 100
    for thing in found.things.values():
        np.testing.assert_array_equal(np.asarray(thing.pixels), array)
        assert not np.asarray(thing.pixels).flags.writeable


def test_pixels_in_scratch_files_are_read_there(tmp_path: Path, engine: Engine) -> None:
    kept = Scratch(tmp_path).put_all([np.full((1, 2, 2, 3), i, np.uint8) for i in range(5)])
    project = with_arrays(5, 1)
    things = zip(project.things.values(), kept, strict=True)
    project = replace(project, things={t.id: replace(t, pixels=p) for t, p in things})
    assert list(engine.call(f"{CHILD}sums", lend(project, IMAGE_KIND, tmp_path)).values()) == [
        12.0 * i for i in range(5)
    ]


@pytest.mark.parametrize("name", ["project.zip", "project.zarr"])
def test_a_bundle_that_is_saved_over_is_still_read(
    tmp_path: Path, engine: Engine, name: str
) -> None:
    path = tmp_path / name
    write_bundle(tiny_project(), path)
    project = read_bundle(path)
    kind = objects(project)
    wanted = lending_child.sums(arrived(project, kind, tmp_path))

    found = []
    ready, go = tmp_path / "ready", tmp_path / "go"

    def call() -> None:
        lent = lend(project, kind, tmp_path)
        found.append(engine.call(f"{CHILD}sums_later", lent, str(ready), str(go)))

    thread = threading.Thread(target=call)
    thread.start()
    while not ready.exists():
        time.sleep(0.01)
    for brightness in (0.25, 0.5):  # twice, with other pixels of the same size
        write_bundle(painted(project, brightness), path)
    go.write_text("", "utf-8")
    thread.join(20)
    assert found == [wanted]
    assert lending_child.sums(read_bundle(path)) != wanted


def painted(project: Project, value: float) -> Project:
    things: dict[str, Any] = {}
    for key, thing in project.things.items():
        things[key] = thing
        if thing.pixels is not None:
            grey = np.full(thing.pixels.shape, value, np.float32)
            things[key] = replace(thing, pixels=ArrayPixels(grey))
    return replace(project, things=things)


@pytest.mark.parametrize("name", ["project.zip", "project.zarr"])
def test_pixels_that_vanish_are_one_clear_error(tmp_path: Path, engine: Engine, name: str) -> None:
    path = tmp_path / name
    write_bundle(tiny_project(), path)
    project = read_bundle(path)
    lent = lend(project, objects(project), tmp_path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(BundleError, match=name):
        engine.call(f"{CHILD}sums", lent)


@pytest.mark.parametrize("name", ["project.zip", "project.zarr"])
def test_a_foreign_bundle_in_its_place_is_not_taken_for_it(
    tmp_path: Path, engine: Engine, name: str
) -> None:
    path = tmp_path / name
    write_bundle(tiny_project(), path)
    project = read_bundle(path)
    lent = lend(project, objects(project), tmp_path)
    other = tmp_path / "other" / name
    other.parent.mkdir()
    write_bundle(painted(project, 0.5), other)
    path.rename(tmp_path / "elsewhere")
    other.rename(path)
    with pytest.raises(BundleError, match="changed on disk"):
        engine.call(f"{CHILD}sums", lent)


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    def stop(*_: object, **__: object) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        lend(with_arrays(600, 32), IMAGE_KIND, tmp_path, stop)


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lending._Shelf, "_start", full)
    with pytest.raises(SaveError, match=r"pixels cannot be put there \(No space left"):
        lend(with_arrays(600, 32), IMAGE_KIND, tmp_path)
