"""What is in the journal is what is recovered, whatever happens in between."""

import errno
import math
import os
import shutil
import stat
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.io.recovery_kill import (
    STEPS,
    Script,
    beginning,
    end_run,
    image,
    kill_and_recover,
    model,
    same,
    states,
)
from tests.io.tiny_bundle import edit_json, tiny_members, tiny_project, write_zip

from napari_piximi.errors import BundleError, PiximiWarning, RecoveryError
from napari_piximi.io import _journal
from napari_piximi.io._journal_file import JournalFile, pack, read_records
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.recovery import Journal, LostSession, lost_sessions
from napari_piximi.io.scratch import FilePixels
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, Prediction
from napari_piximi.model.training import Classifier, Run, Settings

WAIT = 20.0


class Editing:
    """A session that is journalled."""

    def __init__(self, home: Path, project: Project, path: Path | None = None) -> None:
        self.home, self.project = home, project
        self.journal = Journal.begin(home, project, path)

    def to(self, project: Project) -> None:
        before, self.project = self.project, project
        self.journal.note(before, project)
        assert self.journal.flush(WAIT)

    def rename(self, name: str) -> None:
        self.to(edits.rename_project(self.project, name))

    def save(self, path: Path) -> None:
        self.journal.saving(self.project, path)
        write_bundle(self.project, path)
        self.journal.saved(self.project, path)
        assert self.journal.flush(WAIT)

    def lose(self) -> LostSession:
        self.journal.close(discard=False)
        (session,) = lost_sessions(self.home)
        return session

    def written(self) -> int:
        return sum(file.stat().st_size for file in self.journal.folder.iterdir())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "run.zip"
    write_bundle(beginning(), path)
    return path


@contextmanager
def silence() -> Iterator[None]:
    """Pass over warnings where another test looks at them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PiximiWarning)
        yield


# --- kill -9 -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "moment", "in_save", "on_file", "suffix"),
    [
        (1, 0.3, False, False, ".zip"),
        (2, 0.9, False, True, ".zip"),
        (3, 0.1, True, True, ".zip"),
        (4, 0.35, True, True, ".zarr"),
        (5, 0.5, True, False, ".zip"),
        (6, 1.9, False, True, ".zip"),
    ],
)
def test_after_a_kill_at_most_the_last_second_is_missing(
    seed: int, moment: float, in_save: bool, on_file: bool, suffix: str, tmp_path: Path
) -> None:
    outcome = kill_and_recover(
        tmp_path, seed, moment, in_save=in_save, on_file=on_file, suffix=suffix
    )
    assert outcome.lost <= 1.0
    assert outcome.recovered > 0


@pytest.mark.parametrize(
    ("where", "suffix"),
    [
        ("before run.zip", ".zip"),
        ("after run.zip", ".zip"),
        ("before journal-", ".zip"),
        ("after journal-", ".zip"),
        ("after nothing", ".zip"),
        ("before .run.zarr.kept", ".zarr"),
        ("after .run.zarr.kept", ".zarr"),
        ("after run.zarr", ".zarr"),
        ("after journal-", ".zarr"),
    ],
)
@pytest.mark.parametrize("options", [("linked",), ("read",), (), ("read", "linked")])
def test_an_end_anywhere_in_a_save_loses_no_edit(
    where: str, suffix: str, options: tuple[str, ...], home: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"run{suffix}"
    write_bundle(beginning(), path)
    last = end_run(home, path, where, *options)
    (session,) = lost_sessions(home)
    project = session.recover()
    assert same(project, edits.rename_thing(beginning(), "cell-1", last))
    assert session.path == path
    journal, adopted, found = session.adopt()
    assert same(adopted, project)
    assert found == path
    journal.close(discard=True)


# --- every edit ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("from_bundle", [False, True])
def test_any_edits_are_recovered(seed: int, from_bundle: bool, home: Path, bundle: Path) -> None:
    start = read_bundle(bundle) if from_bundle else beginning()
    session = Editing(home, start, bundle if from_bundle else None)
    script = Script(seed + 100, start, session.journal.scratch.put)
    script.session.changed.connect(session.journal.note)
    for number in range(STEPS):
        script.step()
        if number % 3 == 0:
            assert session.journal.flush(WAIT)
    assert same(session.lose().recover(), script.session.project)


@pytest.mark.parametrize("seed", range(3))
def test_a_journal_cut_short_gives_an_earlier_state(seed: int, home: Path, tmp_path: Path) -> None:
    wanted = states(seed, beginning())
    session = Editing(home, wanted[0])
    for project in wanted[1:]:
        session.to(project)
    folder = session.lose().folder
    (journal,) = folder.glob("journal-*")
    data = journal.read_bytes()
    found: list[int] = []
    draw = np.random.default_rng(seed)
    for length in sorted(draw.integers(5000, len(data), 12).tolist()):
        shutil.copytree(folder, tmp_path / "copy" / "one", dirs_exist_ok=True)
        (tmp_path / "copy" / "one" / journal.name).write_bytes(data[:length])
        (lost,) = lost_sessions(tmp_path / "copy")
        project = lost.recover()
        since = found[-1] if found else 0
        found.append(next(n for n in range(since, STEPS + 1) if same(project, wanted[n])))
    assert 0 < found[0] < found[-1]


def test_many_things_come_back_in_their_order(home: Path) -> None:
    start = beginning()
    many = [
        Annotation(f"many-{i}", "m", "cell", "0cell", "image-0", (0, 0, 2, 3), masks.full(2, 3))
        for i in range(5000)
    ]
    full = edits.add_annotations(start, many)
    session = Editing(home, start)
    session.to(full)
    session.to(edits.delete_things(full, [f"many-{i}" for i in range(0, 5000, 7)]))
    session.to(full)
    mixed = dict(reversed(list(full.things.items())))
    session.to(replace(full, things=mixed))
    found = session.lose().recover()
    assert list(found.things) == list(mixed)
    assert same(found, session.project)


def test_a_bulk_edit_tells_only_what_changed(home: Path) -> None:
    start = beginning()
    many = [
        Annotation(f"many-{i}", "m", "cell", "0cell", "image-0", (0, 0, 2, 3), masks.full(2, 3))
        for i in range(5000)
    ]
    session = Editing(home, edits.add_annotations(start, many))
    assert session.journal.flush(WAIT)
    before = session.written()
    session.to(edits.categorize(session.project, [f"many-{i}" for i in range(5000)], "1round"))
    assert session.written() - before < 5000 * 8
    assert same(session.lose().recover(), session.project)


def test_a_new_outline_after_saving_has_the_pixels_of_its_image(home: Path, tmp_path: Path) -> None:
    """The bundle stores an object's pixels; those are of the old outline."""
    session = Editing(home, beginning())
    session.save(tmp_path / "x.zip")
    session.to(edits.set_mask(session.project, "cell-1", (2, 2, 6, 8), masks.full(4, 6)))
    found = session.lose().recover()
    assert found.things["cell-1"].pixels is None
    assert same(found, session.project)


def test_an_object_deleted_before_the_save_comes_back_after_it(home: Path, bundle: Path) -> None:
    start = read_bundle(bundle)
    session = Editing(home, start, bundle)
    session.to(edits.delete_things(start, ["image-1", "cell-0"]))
    session.save(bundle)
    session.to(start)
    found = session.lose().recover()
    assert same(found, beginning())
    assert isinstance(found.things["image-1"].pixels, FilePixels)


def test_edits_made_while_saving_are_kept_and_counted(home: Path, tmp_path: Path) -> None:
    session, path = Editing(home, beginning()), tmp_path / "x.zip"
    session.rename("one")
    saved = session.project
    session.journal.saving(saved, path)
    session.rename("two")
    write_bundle(saved, path)
    session.rename("three")
    session.journal.saved(saved, path)
    lost = session.lose()
    assert (lost.name, lost.path, lost.edits) == ("three", path, 2)
    assert same(lost.recover(), session.project)


def test_after_a_save_that_failed_it_goes_on_as_before(home: Path, bundle: Path) -> None:
    session = Editing(home, read_bundle(bundle), bundle)
    session.rename("one")
    session.journal.saving(session.project, bundle)
    session.journal.save_failed()
    session.rename("two")
    lost = session.lose()
    assert lost.edits == 2
    assert lost.recover().name == "two"


def test_names_that_are_no_unicode_and_odd_numbers_are_kept(home: Path) -> None:
    start = beginning()
    session = Editing(home, start)
    things = dict(start.things)
    things["cell-1"] = replace(things["cell-1"], name="caf\udce9\n")
    picture = things["image-0"]
    assert isinstance(picture, Image)
    odd = replace(picture, pixel_size=(math.inf, 0.1, 1e-300), channels=())
    things["image-0"] = odd
    things["cell-2"] = replace(things["cell-2"], prediction=Prediction("1round", None))
    session.to(replace(start, things=things, segmenter="cell\udcff"))
    found = session.lose().recover()
    assert found.segmenter == "cell\udcff"
    assert found.things["cell-1"].name == "caf\udce9\n"
    assert same(found, session.project)


def test_a_bundle_that_gets_new_ids_when_it_is_opened(home: Path, tmp_path: Path) -> None:
    members = tiny_members(tmp_path)

    def without_cells(values: dict[str, Any]) -> None:
        images = [kind == "Image" for kind in values.get("kind") or values["kind_id"]]
        for name, column in values.items():
            if isinstance(column, list):
                values[name] = list(compress(column, images))

    for name in ("kinds", "categories"):
        edit_json(members, f"tiny.zarr/project/{name}/.zattrs", without_cells)
    path = write_zip(tmp_path / "x.zip", members)
    with silence():
        start, other = read_bundle(path), read_bundle(path)
    assert not same(start, other)
    session = Editing(home, start, path)
    session.rename("new")
    lost = session.lose()
    with silence():
        assert same(lost.recover(), session.project)


# --- pixels --------------------------------------------------------------------------------


def test_pixels_in_memory_are_written_once_and_not_held(home: Path) -> None:
    import weakref

    session = Editing(home, beginning())
    assert session.journal.flush(WAIT)
    array = np.full((1, 12, 16, 2), 7, np.uint8)
    with_image = edits.add_images(session.project, [image("new", "0image", ArrayPixels(array))])
    start = session.project
    for project in (with_image, start, with_image):
        session.to(project)
    files = list(session.journal.folder.glob("pixels-*"))
    assert len(files) == 2  # those of the start, and the new one
    watch = weakref.ref(array)
    found = session.lose().recover()
    np.testing.assert_array_equal(np.asarray(found.things["new"].pixels), array)
    session.project = start
    del array, with_image, project, session
    assert watch() is None


def test_pixels_put_before_are_not_written_again(home: Path, bundle: Path) -> None:
    session = Editing(home, read_bundle(bundle), bundle)
    pixels = session.journal.scratch.put(np.ones((1, 12, 16, 2), np.uint8))
    session.to(edits.add_images(session.project, [image("new", "0image", pixels)]))
    assert len(list(session.journal.folder.glob("pixels-*"))) == 1
    found = session.lose().recover().things["new"].pixels
    assert isinstance(found, FilePixels)
    assert found.path == pixels.path


def test_pixels_that_have_gone_are_told_and_the_rest_is_recovered(home: Path, bundle: Path) -> None:
    session = Editing(home, read_bundle(bundle), bundle)
    pixels = session.journal.scratch.put(np.ones((1, 12, 16, 2), np.uint8))
    session.to(edits.add_images(session.project, [image("new", "0image", pixels)]))
    session.rename("later")
    pixels.path.unlink()
    with pytest.warns(PiximiWarning, match=r"could not be recovered: 'new\.tif'"):
        found = session.lose().recover()
    assert found.name == "later"
    assert "new" not in found.things
    assert "image-0" in found.things


def test_pixels_that_cannot_be_read_are_told_at_once(home: Path, bundle: Path) -> None:
    start = read_bundle(bundle)
    bundle.write_bytes(bundle.read_bytes() + b" ")
    journal = Journal.begin(home, start)
    assert not journal.flush(WAIT)
    assert isinstance(journal.failed, BundleError)
    journal.note(start, edits.rename_project(start, "new"))
    journal.flush(WAIT)
    journal.close(discard=False)
    (lost,) = lost_sessions(home)
    with pytest.warns(PiximiWarning, match="could not be recovered"):
        found = lost.recover()
    assert (found.name, len(found.things)) == ("new", 0)


# --- classifiers ---------------------------------------------------------------------------


def with_classifier(project: Project, run: int, artifact: object = None) -> Project:
    weights = artifact or model("net", np.arange(18, dtype=np.float32))
    history = {"loss": (1.0, math.inf), "accuracy": (0.1, 0.2)}
    runs = tuple(Run(Settings(epochs=i + 1), history, seconds=0.1) for i in range(run))
    classifier = Classifier("net", "cell", Settings(weights="random"), 2, model=weights, runs=runs)  # type: ignore[arg-type]
    return edits.put_classifier(project, classifier)


def test_a_classifier_comes_back_whole_and_its_weights_are_written_once(home: Path) -> None:
    session = Editing(home, beginning())
    session.to(with_classifier(session.project, 1))
    artifact = session.project.classifiers[0].model
    for run in (2, 3):
        session.to(with_classifier(session.project, run, artifact))
    assert len(list(session.journal.folder.glob("data-*"))) == 2  # document and weights
    found = session.lose().recover()
    assert found.classifiers == session.project.classifiers
    assert len(found.classifiers[0].runs) == 3


def test_files_of_classifiers_that_could_not_be_opened_are_kept(home: Path) -> None:
    session = Editing(home, beginning())
    session.to(replace(session.project, unread_models={"old": (b"{", b"\0\1"), "x": (b"", b"")}))
    assert session.lose().recover().unread_models == session.project.unread_models


@pytest.mark.parametrize("damage", ["delete", "change", "swap"])
def test_weights_that_are_lost_are_told(damage: str, home: Path) -> None:
    session = Editing(home, beginning())
    session.to(with_classifier(session.project, 1))
    lost = session.lose()
    for file in lost.folder.glob("data-*"):
        if file.stat().st_size == 72:
            file.unlink() if damage == "delete" else file.write_bytes(b"x" * 72)
    with pytest.warns(PiximiWarning, match="'net' is recovered without its weights"):
        found = lost.recover()
    assert found.classifiers[0].model is None
    assert found.classifiers[0].runs == session.project.classifiers[0].runs


# --- the bundle it began with ----------------------------------------------------------------


def test_the_bundle_may_be_deleted_or_replaced(home: Path, bundle: Path) -> None:
    session = Editing(home, read_bundle(bundle), bundle)
    session.rename("new")
    bundle.unlink()
    lost = session.lose()
    assert same(lost.recover(), edits.rename_project(beginning(), "new"))
    write_bundle(tiny_project(), bundle)
    assert same(lost.recover(), edits.rename_project(beginning(), "new"))


def test_a_copy_of_the_bundle_with_another_date_will_do(
    home: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", raising(OSError(errno.EXDEV, "other disk")))
    session = Editing(home, read_bundle(bundle), bundle)
    session.rename("new")
    shutil.copy(bundle, bundle.with_suffix(".copy"))
    os.replace(bundle.with_suffix(".copy"), bundle)
    assert same(session.lose().recover(), edits.rename_project(beginning(), "new"))


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("suffix", [".zip", ".zarr"])
def test_a_bundle_that_someone_else_changed_gets_what_still_fits(
    suffix: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", raising(OSError(errno.EXDEV, "other disk")))
    path = tmp_path / f"x{suffix}"
    write_bundle(beginning(), path)
    session = Editing(home, read_bundle(path), path)
    session.to(edits.categorize(session.project, ["cell-1", "cell-2"], "1round"))
    del session.project
    write_bundle(edits.delete_things(beginning(), ["image-0"]), tmp_path / f"y{suffix}")
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    (tmp_path / f"y{suffix}").rename(path)
    lost = session.lose()
    with pytest.warns(PiximiWarning) as told:
        journal, found, place = lost.adopt()
    messages = [str(warning.message) for warning in told]
    assert any("was changed by someone else" in message for message in messages)
    assert any("1 things that were edited are not there" in message for message in messages)
    assert place is None  # so that it is not replaced unasked
    assert found.things["cell-1"].category == "1round"
    assert "cell-2" not in found.things
    journal.close(discard=False)
    (again,) = lost_sessions(home)
    assert same(again.recover(), found)


def test_without_the_bundle_what_is_new_is_recovered(
    home: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", raising(OSError(errno.EXDEV, "other disk")))
    session = Editing(home, read_bundle(bundle), bundle)
    pixels = session.journal.scratch.put(np.ones((1, 12, 16, 2), np.uint8))
    session.to(edits.add_images(session.project, [image("new", "0image", pixels)]))
    session.to(with_classifier(session.project, 1))
    bundle.unlink()
    with pytest.warns(PiximiWarning, match="cannot be read any more"):
        found = session.lose().recover()
    assert list(found.things) == ["new"]
    assert found.classifiers == session.project.classifiers


# --- sessions ------------------------------------------------------------------------------


def test_a_session_that_ends_well_leaves_nothing(home: Path) -> None:
    session = Editing(home, beginning())
    session.rename("new")
    assert lost_sessions(home) == []  # it goes on
    session.journal.close(discard=True)
    assert list(home.iterdir()) == []
    assert lost_sessions(home) == []
    assert lost_sessions(home / "nowhere") == []


def test_a_session_in_which_nothing_was_done_is_not_offered(home: Path, bundle: Path) -> None:
    for project, path in ((read_bundle(bundle), bundle), (new_project(), None)):
        journal = Journal.begin(home, project, path)
        assert journal.flush(WAIT)
        journal.close(discard=False)
        assert lost_sessions(home) == []
        assert list(home.iterdir()) == []


def test_folders_that_never_came_to_a_journal_go_after_an_hour(home: Path) -> None:
    fresh, old, other = (home / f"20260101-000000-0000000{i}" for i in range(3))
    for folder in (fresh, old, other):
        folder.mkdir(parents=True)
    other = other.rename(home / "of someone else")
    for folder in (old, other):
        os.utime(folder, (1, 1))
    assert lost_sessions(home) == []
    assert sorted(home.iterdir()) == [fresh, other]


def test_a_project_in_no_file_is_offered_even_without_edits(home: Path) -> None:
    lost = Editing(home, beginning()).lose()
    assert (lost.name, lost.path, lost.edits) == ("Run", None, 0)
    assert same(lost.recover(), beginning())


def test_a_lost_session_is_taken_by_one_only(home: Path) -> None:
    session = Editing(home, beginning())
    session.rename("new")
    lost = session.lose()
    journal, _, _ = lost.adopt()
    for act in (lost.adopt, lost.recover, lost.discard):
        with pytest.raises(RecoveryError, match="another napari has it"):
            act()
    journal.close(discard=True)
    with pytest.raises(RecoveryError, match="this session has gone"):
        lost.adopt()


def test_another_process_sees_that_a_session_lives(home: Path) -> None:
    session = Editing(home, beginning())
    session.rename("new")
    code = (
        "import sys; from pathlib import Path\n"
        "from napari_piximi.io.recovery import lost_sessions\n"
        f"sys.exit(len(lost_sessions(Path({str(home)!r}))))"
    )
    source = Path(_journal.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=source, check=False).returncode == 0
    session.journal.close(discard=False)
    assert subprocess.run([sys.executable, "-c", code], cwd=source, check=False).returncode == 1


def test_sessions_are_listed_with_the_latest_first(home: Path) -> None:
    for name in ("one", "two"):
        session = Editing(home, beginning())
        session.rename(name)
        session.journal.close(discard=False)
    listed = lost_sessions(home)
    assert [lost.name for lost in listed] == ["two", "one"]
    assert listed[0].when.tzinfo is not None
    listed[0].discard()
    assert [lost.name for lost in lost_sessions(home)] == ["one"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_only_the_user_can_look_into_it(home: Path) -> None:
    session = Editing(home, beginning())
    for folder in (home, session.journal.folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    session.journal.close(discard=True)


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecoveryError, match="no journal can be kept there"):
        Journal.begin(tmp_path / "file" / "home", beginning())


def test_a_full_disk_is_told_and_made_up_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Editing(home, beginning())
    session.rename("one")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", raising(OSError(errno.ENOSPC, "disk full")))
        later = edits.add_annotations(
            session.project,
            [Annotation("n", "n", "cell", "0cell", "image-0", (0, 0, 1, 1), masks.full(1, 1))],
        )
        session.journal.note(session.project, later)
        assert not session.journal.flush(WAIT)
        assert isinstance(session.journal.failed, OSError)
    session.to(edits.rename_thing(later, "n", "later"))
    assert session.journal.failed is None
    assert same(session.lose().recover(), session.project)


def test_a_write_that_failed_is_tried_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_journal, "RETRY", 0.05)
    session = Editing(home, beginning())
    session.rename("one")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", raising(OSError(errno.ENOSPC, "disk full")))
        session.journal.note(session.project, edits.rename_project(session.project, "two"))
        assert not session.journal.flush(WAIT)
    for _ in range(200):
        if session.journal.failed is None:
            break
        session.journal._thread.join(0.05)
    assert session.lose().name == "two"


# --- damage --------------------------------------------------------------------------------


def lost_after(home: Path, *names: str) -> tuple[LostSession, Path]:
    session = Editing(home, beginning())
    for name in names:
        session.rename(name)
    lost = session.lose()
    (journal,) = lost.folder.glob("journal-*")
    return lost, journal


def test_a_damaged_record_ends_what_is_recovered(home: Path) -> None:
    lost, journal = lost_after(home, "one", "two", "three")
    data = bytearray(journal.read_bytes())
    data[data.index(b'"two"')] ^= 1
    journal.write_bytes(data)
    with pytest.warns(PiximiWarning, match="journal-000001.*damaged.*checksum"):
        assert lost.recover().name == "one"


def test_zeros_at_the_end_are_passed_over(home: Path) -> None:
    lost, journal = lost_after(home, "one")
    journal.write_bytes(journal.read_bytes() + bytes(100))
    with pytest.warns(PiximiWarning, match="what was done after that is lost"):
        assert lost.recover().name == "one"


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"napari-piximi journal 9\n"])
def test_what_is_no_journal_is_not_offered_and_refused(content: bytes, home: Path) -> None:
    lost, journal = lost_after(home, "one")
    journal.write_bytes(content)
    assert lost_sessions(home) == []
    with pytest.raises(RecoveryError, match="journal-000001"):
        lost.recover()
    with pytest.raises(RecoveryError, match="journal-000001"):
        lost.adopt()
    assert journal.read_bytes() == content


def record(part: Mapping[str, Any], columns: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """Return a framed record whose checksum is right."""
    head = {"what": "edit", "when": 1.0, "name": "x", "edits": 9, "things": 0}
    data = pack(head) + pack(part, columns)
    return struct.pack("<QI", len(data), zlib.crc32(data)) + data


IDS = {"ids": np.array([0], np.uint32)}
THING = {"part": "things", "class": "Image", "whole": True, "new": ["x"], "words": {}}


@pytest.mark.parametrize(
    ("part", "columns"),
    [
        ({"part": "exec"}, None),
        ({}, None),
        ({"part": "values", "values": {"name": 7}}, None),
        ({"part": "values", "values": {"kinds": [{}]}}, None),
        ({"part": "values", "values": {"classifiers": {"a": 1}}}, None),
        ({"part": "values", "values": {"networks": {"a": 1}}}, None),
        ({"part": "values", "values": {"networks": [{"name": "a", "kind": "cell"}]}}, None),
        (
            {
                "part": "values",
                "values": {"networks": [{"name": "../a", "kind": "cell", "channels": [0]}]},
            },
            None,
        ),
        ({"part": "values", "values": {"unread_models": [["a", {"file": "../x.bin"}]]}}, None),
        ({"part": "removed", "new": [5]}, IDS),
        ({"part": "removed", "new": []}, {"ids": np.array([10**6])}),
        ({"part": "order"}, None),
        (THING, IDS),
        ({**THING, "class": "Path"}, IDS),
        ({**THING, "whole": False, "words": {"partition": ["Nowhere"]}}, IDS),
        *(
            (
                {**THING, "whole": False, "words": {"pixels": [place]}},
                {**IDS, "pixels": np.array([0])},
            )
            for place in (
                ["../../x.npy", 0, [1, 1, 1, 1], "|u1"],
                ["/etc/passwd", 0, [1, 1, 1, 1], "|u1"],
                ["lock", 0, [1, 1, 1, 1], "|u1"],
                ["pixels-0.npy", 0, [1, 1, 1, 1], "O"],
                ["pixels-0.npy", -1, [1, 1, 1, 1], "|u1"],
                ["pixels-0.npy", 0, ["1"], "|u1"],
                [1],
            )
        ),
    ],
)
def test_a_record_that_makes_no_sense_ends_what_is_recovered(
    part: dict[str, Any], columns: Mapping[str, NDArray[Any]] | None, home: Path
) -> None:
    lost, journal = lost_after(home, "one")
    journal.write_bytes(journal.read_bytes() + record(part, columns))
    with pytest.warns(PiximiWarning, match="journal-000001.*is damaged"):
        found = lost.recover()
    assert same(found, edits.rename_project(beginning(), "one"))


@pytest.mark.parametrize(
    ("name", "first"),
    [("path", 7), ("link", "../../run.zip"), ("link", 5), ("mark", "none"), ("what", "edit")],
)
def test_a_base_that_makes_no_sense_leads_nowhere(
    name: str, first: object, home: Path, bundle: Path
) -> None:
    session = Editing(home, read_bundle(bundle), bundle)
    session.rename("one")
    lost = session.lose()
    (journal,) = lost.folder.glob("journal-*")
    base, *rest = read_records(journal)
    JournalFile(journal, [[pack({**base.head, name: first})]]).close()
    assert rest
    if name == "mark":
        with pytest.warns(PiximiWarning, match="changed by someone else"):
            assert lost.recover().things
    else:
        with pytest.raises(RecoveryError, match="journal-000001: is damaged"):
            lost.recover()


def test_annotations_that_lie_nowhere_are_left_out(home: Path) -> None:
    start = beginning()
    session = Editing(home, start)
    things = dict(start.things)
    off = things["cell-1"]
    assert isinstance(off, Annotation)
    things["cell-1"] = replace(off, name="off", bbox=(0, 0, 900, 3))
    things["cell-2"] = replace(things["cell-2"], category="1nothing")
    session.to(replace(start, things=things))
    with pytest.warns(PiximiWarning, match="could not be recovered: 'off'"):
        found = session.lose().recover()
    assert "cell-1" not in found.things
    assert found.things["cell-2"].category == "0cell"


def test_half_a_new_journal_does_not_count(home: Path) -> None:
    lost, journal = lost_after(home, "one")
    (journal.parent / "journal-000002.part").write_bytes(journal.read_bytes()[:200])
    assert lost.recover().name == "one"
    shutil.copy(journal, journal.with_name("journal-000002"))
    with (journal.parent / "journal-000002").open("r+b") as file:
        file.truncate(40)
    (again,) = lost_sessions(home)
    assert (again.name, again.recover().name) == ("one", "one")


# --- what a review found -------------------------------------------------------------------


def test_after_a_recovery_by_link_pixels_stay_readable_when_it_is_saved(
    home: Path, bundle: Path, tmp_path: Path
) -> None:
    session = Editing(home, read_bundle(bundle), bundle)
    session.rename("mine")
    lost = session.lose()
    write_bundle(edits.rename_project(beginning(), "theirs"), tmp_path / "theirs.zip")
    os.replace(tmp_path / "theirs.zip", bundle)
    session.journal, session.project, path = lost.adopt()
    assert path == bundle
    session.save(bundle)
    session.rename("mine, later")
    session.save(tmp_path / "copy.zip")
    assert same(read_bundle(tmp_path / "copy.zip"), session.project)
    session.journal.close(discard=True)


def test_a_bundle_replaced_before_the_first_edit_is_not_the_base(home: Path, bundle: Path) -> None:
    project = read_bundle(bundle)
    other = edits.delete_things(beginning(), ["cell-0", "cell-1"])
    write_bundle(other, bundle)  # as from another viewer of this process
    session = Editing(home, project, bundle)
    session.rename("mine")
    lost = session.lose()
    assert lost.path is None  # saving must not replace the other's work unasked
    assert same(lost.recover(), session.project)


def test_a_bundle_that_another_process_replaced_is_told(
    home: Path, bundle: Path, tmp_path: Path
) -> None:
    project = read_bundle(bundle)
    write_bundle(edits.delete_things(beginning(), ["cell-0"]), tmp_path / "other.zip")
    os.replace(tmp_path / "other.zip", bundle)
    session = Editing(home, project, bundle)
    session.rename("mine")
    with pytest.warns(PiximiWarning, match="changed by someone else"):
        journal, recovered, path = session.lose().adopt()
    assert (recovered.name, path) == ("mine", None)
    assert "cell-0" not in recovered.things
    journal.close(discard=True)


@pytest.mark.parametrize("on_file", [False, True])
def test_a_folder_deleted_meanwhile_is_made_again(home: Path, bundle: Path, on_file: bool) -> None:
    start = read_bundle(bundle) if on_file else beginning()
    session = Editing(home, start, bundle if on_file else None)
    session.rename("one")
    shutil.rmtree(home)
    session.rename("two")
    assert session.journal.failed is None
    lost = session.lose()
    assert same(lost.recover(), session.project)
    assert lost.edits == 2


@pytest.mark.parametrize("damage", ["zeros after it", "zeros in it"])
def test_a_session_with_zeros_at_the_end_is_offered(damage: str, home: Path) -> None:
    _, journal = lost_after(home, "one", "two")
    data = journal.read_bytes()
    tail = data.rindex(b'{"what"') - 16
    journal.write_bytes(
        data + bytes(100) if damage == "zeros after it" else data[:tail] + bytes(len(data) - tail)
    )
    (found,) = lost_sessions(home)
    assert found.name == ("two" if damage == "zeros after it" else "one")


def test_closing_does_not_wait_for_what_is_being_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on = threading.Event(), threading.Event()
    session = Editing(home, beginning())
    session.rename("one")

    def slow(*_: object) -> list[bytes]:
        writing.set()
        go_on.wait(WAIT)
        return []

    monkeypatch.setattr(_journal, "difference", slow)
    session.journal.note(session.project, edits.rename_project(session.project, "two"))
    assert writing.wait(WAIT)
    start = time.perf_counter()
    session.journal.close(discard=True)
    assert time.perf_counter() - start < 5
    assert lost_sessions(home) == []  # it is locked still
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("recovery journal"):
            thread.join(WAIT)
    assert list(home.iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
from tests.io.recovery_kill import beginning
from napari_piximi.io._writers import replacing_file
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.recovery import Journal
from napari_piximi.model import edits
home, bundle = map(Path, sys.argv[1:])
project = read_bundle(bundle)
journal = Journal.begin(home, project, bundle)
journal.saving(project, bundle)
write_bundle(project, bundle)  # keeps the old one, which is still read
journal.saved(project, bundle)
journal.note(project, edits.rename_project(project, "two"))
assert journal.flush(20)
with replacing_file(bundle) as file:
    file.write(b"half of it")
    file.flush()
    os.kill(os.getpid(), 9)
"""


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
@pytest.mark.parametrize("ending", ["discard", "adopt"])
def test_what_a_killed_save_left_beside_the_bundle_goes(
    ending: str, home: Path, bundle: Path
) -> None:
    alive = bundle.with_name(f".run.zip.{os.getpid()}-abc.part")
    other = bundle.with_name(".run.zip.old.1-abc.part")
    for path in (alive, other):
        path.write_bytes(b"not ours to delete")
    run = [sys.executable, "-c", KILLED, str(home), str(bundle)]
    assert subprocess.run(run, cwd=Path(__file__).parents[2], check=False).returncode == -9
    assert len(hidden(bundle.parent)) == 4
    (lost,) = lost_sessions(home)
    if ending == "discard":
        lost.discard()
    else:
        journal, project, _ = lost.adopt()
        assert project.name == "two"
        assert all(np.asarray(image.pixels).size for image in project.images())
        journal.close(discard=True)
    assert hidden(bundle.parent) == sorted([alive.name, other.name])
