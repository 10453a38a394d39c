"""What is ours is known by its content alone, and by little of it."""

import json
import os
import zipfile
from pathlib import Path

import pytest
from tests.io.test_bad_bundles import ONLY_IN_ZIPS, REFUSED, add_model
from tests.io.tiny_bundle import tiny_members, tiny_project, write_folder, write_zip
from tests.shared_data import DATA, shared

from napari_piximi.io._zip import find_directory
from napari_piximi.io.bundle import write_bundle
from napari_piximi.io.sniffing import (
    SAMPLE,
    _ends,
    classifier_json,
    looks_like_bundle,
    looks_like_classifier,
    looks_like_dicom,
)

MODEL = json.dumps({
    "modelTopology": {}, "weightsManifest": [{"paths": ["./group1-shard1of1.bin"]}],
}).encode()  # fmt: skip
OME = json.dumps({"multiscales": [{"axes": [], "datasets": [{"path": "0"}]}]}).encode()


# --- bundles -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(DATA.glob("bundles/*.zip")), ids=lambda p: str(p.name))
def test_all_that_piximi_wrote(path: Path) -> None:
    assert looks_like_bundle(path)


@pytest.mark.parametrize("form", ["tiny.zip", "tiny.zarr"])
def test_what_we_write(form: str, tmp_path: Path) -> None:
    write_bundle(tiny_project(), tmp_path / form)
    assert looks_like_bundle(tmp_path / form)


def test_an_unzipped_bundle_is_known_by_the_folder_in_it(tmp_path: Path) -> None:
    (tmp_path / "unzipped").mkdir()
    assert not looks_like_bundle(tmp_path / "unzipped")
    write_bundle(tiny_project(), tmp_path / "unzipped" / "tiny.zarr")
    assert looks_like_bundle(tmp_path / "unzipped")


@pytest.mark.parametrize("case", [case for case in REFUSED if case != "no .zarr"])
def test_damaged_bundles_are_still_ours(case: str, tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    add_model(members)
    REFUSED[case][0](members)
    assert looks_like_bundle(write_zip(tmp_path / "bad.zip", members))
    if case not in ONLY_IN_ZIPS:
        assert looks_like_bundle(write_folder(tmp_path / "tiny.zarr", members))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.9999])
def test_a_bundle_that_was_cut_short_is_still_ours(share: float, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "cut.zip", tiny_members(tmp_path))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert looks_like_bundle(path)


def test_backslashes_in_names_do_not_hide_a_bundle(tmp_path: Path) -> None:
    members = {n.replace("/", "\\"): d for n, d in tiny_members(tmp_path).items()}
    assert looks_like_bundle(write_zip(tmp_path / "windows.zip", members))


FOREIGN_ZIPS = {
    "pictures": {"a.png": b"x", "b/c.txt": b"y"},
    "OME-Zarr": {"x.zarr/.zattrs": OME, "x.zarr/0/.zarray": b"{}"},
    "OME-Zarr 3": {"x.zarr/zarr.json": b"{}", "x.zarr/0/zarr.json": b"{}"},
    "nothing": {},
}


@pytest.mark.parametrize("case", FOREIGN_ZIPS)
@pytest.mark.parametrize("cut", [False, True])
def test_another_zip_is_not(case: str, cut: bool, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "other.zip", FOREIGN_ZIPS[case])
    if cut:
        path.write_bytes(path.read_bytes()[:-10])
    assert not looks_like_bundle(path)
    assert not looks_like_classifier(path)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip .zarr/ at all", bytes(300_000)])
def test_what_is_no_zip_is_not(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.zip"
    path.write_bytes(data)
    assert not looks_like_bundle(path)


def test_another_folder_is_not(tmp_path: Path) -> None:
    ome = tmp_path / "ome.zarr"
    (ome / "project" / "things").mkdir(parents=True)
    (ome / ".zattrs").write_bytes(OME)
    (tmp_path / "empty.zarr").mkdir()
    for path in (ome, tmp_path / "empty.zarr", tmp_path, tmp_path / "missing.zip"):
        assert not looks_like_bundle(path)


def test_only_so_much_of_a_large_directory_is_read(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(3000):
            file.writestr(f"x.zarr/project/things/{'long' * 15}{number}/.zattrs", b"")
    read: list[int] = []
    with path.open("rb") as file:
        place = find_directory(file, path)
        read.append(len(_ends(file, place.offset, place.size)))
    assert place.size > 3 * SAMPLE
    assert read[0] <= 2 * SAMPLE + 1
    assert looks_like_bundle(path)


# --- classifiers ---------------------------------------------------------------------------


def test_a_classifier_and_its_weights_find_each_other(tmp_path: Path) -> None:
    document, weights = tmp_path / "model.json", tmp_path / "group1-shard1of1.bin"
    document.write_bytes(MODEL)
    weights.write_bytes(b"1234")
    (tmp_path / "other.json").write_bytes(b'{"paths": "group1-shard1of1.bin"}')
    assert classifier_json(document) == document
    assert classifier_json(weights) == document
    assert looks_like_classifier(weights)
    (tmp_path / "plain.bin").write_bytes(b"1234")
    assert not looks_like_classifier(tmp_path / "plain.bin")


def test_weights_by_piximis_name(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_bytes(MODEL)
    weights = tmp_path / "net.weights.bin"
    weights.write_bytes(b"")
    assert classifier_json(weights) == tmp_path / "net.json"
    lonely = tmp_path / "lonely.weights.bin"
    lonely.write_bytes(b"")
    assert classifier_json(lonely) is None
    assert looks_like_classifier(lonely), "to be told that its JSON file is missing"


@pytest.mark.parametrize("text", [b"", b"[1]", b'["modelTopology"]', b'{"images": []}'])
def test_other_json_is_no_classifier(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text)
    assert not looks_like_classifier(path)


def test_a_long_list_of_weights_does_not_hide_a_classifier(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'\xef\xbb\xbf {"a": [' + b" " * 4 * SAMPLE + b'], "modelTopology": {}}')
    assert looks_like_classifier(path)


def test_a_zip_that_piximi_saves_a_classifier_in() -> None:
    path = shared("classifiers/digits_cnn.zip")
    assert looks_like_classifier(path)
    assert not looks_like_bundle(path)


# --- images --------------------------------------------------------------------------------


def test_dicom(tmp_path: Path) -> None:
    for name, data, expected in (
        ("a.dcm", bytes(128) + b"DICM", True),
        ("b.dcm", b"\x08\x00\x05\x00", True),
        ("c.dcm", b"GIF89a", False),
        ("e.dcm", b"\x08\x00\xff\x00", False),
        ("f.dcm", b"\x08\x00\x05\x01", False),
        ("d.dcm", b"", False),
    ):
        (tmp_path / name).write_bytes(data)
        assert looks_like_dicom(tmp_path / name) == expected, name
    assert not looks_like_dicom(tmp_path / "missing.dcm")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
@pytest.mark.parametrize("suffix", ["zip", "json", "bin", "dcm"])
def test_a_pipe_is_not_waited_for(suffix: str, tmp_path: Path) -> None:
    pipe = tmp_path / f"pipe.{suffix}"
    os.mkfifo(pipe)
    assert not looks_like_bundle(pipe)
    assert not looks_like_classifier(pipe)
    assert not looks_like_dicom(pipe)
    assert classifier_json(pipe) is None
