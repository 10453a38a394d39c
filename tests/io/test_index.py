"""The index speeds reading up, and is believed only where it is right."""

import json
import struct
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.io.tiny_bundle import (
    ROOT,
    edit_json,
    tiny_members,
    tiny_project,
    without_pixels,
    write_zip,
)

from napari_piximi.errors import PiximiError, PiximiWarning
from napari_piximi.io import _index, bundle
from napari_piximi.io._index import INDEX_NAME, LENGTH, MAGIC, read_index
from napari_piximi.io._zip_or_folder import open_source
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import Prediction


@pytest.fixture
def path(tmp_path: Path) -> Path:
    project = edits.set_predictions(tiny_project(), {"1a": Prediction("1good", 0.75)})
    write_bundle(project, tmp_path / "tiny.zip")
    return tmp_path / "tiny.zip"


def facts(project: Project) -> Any:  # noqa: ANN401
    pixels = [np.asarray(project.pixels(t)).tolist() for t in project.things.values()]
    return without_pixels(project), pixels


def test_it_is_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_long_way(source: object) -> None:
        raise AssertionError("the long way was taken")

    monkeypatch.setattr(bundle, "_read_document", no_long_way)
    assert len(read_bundle(path).things) == 3


def test_both_ways_give_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = facts(read_bundle(path))
    monkeypatch.setattr(bundle, "read_index", lambda source: None)
    assert facts(read_bundle(path)) == quick


def test_others_who_change_the_zip_are_believed_instead(path: Path) -> None:
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    edit_json(members, f"{ROOT}project/.zattrs", lambda a: a.update(name="changed"))
    write_zip(path, members)
    assert read_index(open_source(path)) is None
    assert read_bundle(path).name == "changed"


def test_appending_to_the_zip_makes_it_invalid(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("note.txt", "hello")
    assert read_index(open_source(path)) is None
    assert len(read_bundle(path).things) == 3


def test_bundles_without_one_and_folders_have_none(path: Path, tmp_path: Path) -> None:
    plain = write_zip(tmp_path / "plain.zip", tiny_members(tmp_path))
    assert read_index(open_source(plain)) is None
    write_bundle(tiny_project(), tmp_path / "x.zarr")
    assert read_index(open_source(tmp_path / "x.zarr")) is None


def with_index(path: Path, target: Path, data: bytes) -> Path:
    """Write the bundle again with another index, at the place where ours would be."""
    with zipfile.ZipFile(path) as file, zipfile.ZipFile(target, "w") as out:
        for info in file.infolist():
            if not info.filename.endswith(INDEX_NAME):
                out.writestr(info, file.read(info))
        out.writestr(f"{ROOT}{INDEX_NAME}", data)
    return target


def genuine(path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return the index's bytes; from here on its digest is not checked, as if forged."""
    with zipfile.ZipFile(path) as file:
        data = file.read(f"{ROOT}{INDEX_NAME}")
    (length,) = LENGTH.unpack_from(data, len(MAGIC))
    start = len(MAGIC) + LENGTH.size
    noted = json.loads(data[start : start + length])["digest"]
    monkeypatch.setattr(_index, "digest", lambda directory: noted)
    return data


def changed(data: bytes, **values: Any) -> bytes:  # noqa: ANN401
    start = len(MAGIC) + LENGTH.size
    (length,) = LENGTH.unpack_from(data, len(MAGIC))
    header = json.loads(data[start : start + length])
    for key, value in values.items():
        header[key] = value(header[key]) if callable(value) else value
    text = json.dumps(header).encode()
    return MAGIC + LENGTH.pack(len(text)) + text + data[start + length :]


HOSTILE: dict[str, Any] = {
    "other magic": lambda data: b"x" + data[1:],
    "cut short": lambda data: data[:-9],
    "header too long": lambda data: MAGIC + struct.pack("<Q", 1 << 60) + data[30:],
    "ids gone": lambda data: changed(data, texts={"ids": [], "names": []}),
    "names gone": lambda data: changed(data, texts=lambda t: {**t, "names": []}),
    "words gone": lambda data: changed(data, words={}),
    "channels gone": lambda data: changed(data, channels={}),
    "columns gone": lambda data: changed(data, columns=[]),
    "absurd column": lambda data: changed(data, columns=[["runs", "<i8", [1 << 60]]]),
    "an object column": lambda data: changed(data, columns=[["runs", "|O", [2]]]),
    "models no pairs": lambda data: changed(data, models={"m": [1]}),
    "not an object": lambda data: MAGIC + LENGTH.pack(2) + b"[]",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_bad_index_is_passed_over(
    case: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = facts(read_bundle(path))
    data = genuine(path, monkeypatch)
    target = with_index(path, tmp_path / "bad.zip", HOSTILE[case](data))
    assert read_index(open_source(target)) is None
    assert facts(read_bundle(target)) == expected


def test_the_control_a_good_index_is_taken(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = genuine(path, monkeypatch)
    target = with_index(path, tmp_path / "good.zip", changed(data))
    assert read_index(open_source(target)) is not None


@settings(
    max_examples=200, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_whatever_the_index_holds_only_our_errors_come_out(
    data: st.DataObject, path: Path, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        index = bytearray(genuine(path, patch))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(len(MAGIC), len(index) - 1))
            index[at] = data.draw(st.integers(0, 255))
        target = with_index(path, tmp_path / "fuzz.zip", bytes(index))
        with warnings.catch_warnings(), suppress(PiximiError):
            warnings.simplefilter("ignore", PiximiWarning)
            facts(read_bundle(target))
