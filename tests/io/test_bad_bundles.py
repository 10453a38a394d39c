"""Damaged and hostile bundles: one clear error that names file and member, or a warned repair."""

import json
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.io.tiny_bundle import (
    CELL,
    ROOT,
    THINGS,
    Members,
    edit_json,
    tiny_members,
    tiny_project,
    write_folder,
    write_zip,
)

from napari_piximi.errors import BundleError, PiximiError, PiximiWarning
from napari_piximi.io._packed import packed_bytes
from napari_piximi.io._zip import Member
from napari_piximi.io._zip_or_folder import ZipSource
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model import masks
from napari_piximi.model.things import Annotation, Partition

Change = Callable[[Members], object]


def attributes(name: str, **values: Any) -> Change:  # noqa: ANN401
    return lambda members: edit_json(members, name, lambda found: found.update(values))


def without(name: str, key: str) -> Change:
    return lambda members: edit_json(members, name, lambda found: found.pop(key))


def removed(name: str) -> Change:
    return lambda members: members.pop(name)


def replaced(name: str, data: bytes) -> Change:
    return lambda members: members.update({name: data})


PIXELS = f"{CELL}/cell 0/0.0.0.0"
SHAPE = f"{CELL}/cell 0/.zarray"
KINDS = f"{ROOT}project/kinds/.zattrs"
CATEGORIES = f"{ROOT}project/categories/.zattrs"
HUGE = {
    "zarr_format": 2, "shape": [1, 10**6, 10**6, 1], "chunks": [1, 10**6, 10**6, 1],
    "dtype": "<f4", "order": "C", "compressor": None, "filters": None, "fill_value": 0,
}  # fmt: skip
MANY = {**HUGE, "shape": [1, 10**4, 10**4, 1], "chunks": [1, 1, 1, 1]}

REFUSED: dict[str, tuple[Change, tuple[str, ...]]] = {
    "no .zarr": (
        lambda members: [members.pop(name) for name in list(members)] + [members.update(x=b"")],
        ("no .zarr folder",),
    ),
    "two roots": (replaced("other.zarr/.zgroup", b"{}"), ("other.zarr/ and tiny.zarr/",)),
    "leads out": (replaced("../evil.txt", b""), ("'../evil.txt'", "out of the bundle")),
    "leads out inside": (replaced(f"{ROOT}a/../../b", b""), ("out of the bundle",)),
    "absolute": (replaced("/etc/passwd", b""), ("out of the bundle",)),
    "leads out, Windows": (replaced("..\\evil.txt", b""), ("out of the bundle",)),
    "no version": (without(f"{ROOT}.zattrs", "version"), ("root", "'version'")),
    "odd version": (attributes(f"{ROOT}.zattrs", version="napari"), ("'napari'",)),
    "too old": (attributes(f"{ROOT}.zattrs", version="0.0.9"), ("'0.0.9'", "older")),
    "not JSON": (replaced(KINDS, b"{"), ("kinds/.zattrs", "JSON")),
    "not an object": (replaced(KINDS, b"[1]"), ("kinds/.zattrs", "list")),
    "no thing_names": (without(f"{THINGS}.zattrs", "thing_names"), ("things", "'thing_names'")),
    "thing_names no list": (attributes(f"{THINGS}.zattrs", thing_names=7), ("thing_names",)),
    "names twice": (attributes(f"{THINGS}.zattrs", thing_names=["a.tif", "a.tif"]), ("distinct",)),
    "thing missing": (attributes(f"{THINGS}.zattrs", thing_names=["gone"]), ("things/gone",)),
    "no id": (without(f"{CELL}/.zattrs", "thing_id"), ("cell 0", "'thing_id'")),
    "id a number": (attributes(f"{CELL}/.zattrs", thing_id=5), ("cell 0", "thing_id", "5")),
    "id twice": (attributes(f"{CELL}/.zattrs", thing_id="1a"), ("'1a'", "twice")),
    "no mask": (without(f"{CELL}/.zattrs", "mask"), ("cell 0", "'mask'")),
    "mask a text": (attributes(f"{CELL}/.zattrs", mask="1 2"), ("cell 0", "mask")),
    "mask negative": (attributes(f"{CELL}/.zattrs", mask=[-1, 7]), ("cell 0", "mask")),
    "mask fractional": (attributes(f"{CELL}/.zattrs", mask=[0.5, 5.5]), ("cell 0", "mask")),
    "mask overflows": (attributes(f"{CELL}/.zattrs", mask=[0, 7]), ("cell 0", "larger")),
    "mask of 2**40": (attributes(f"{CELL}/.zattrs", mask=[2**40]), ("cell 0", "mask")),
    "bbox of three": (attributes(f"{CELL}/.zattrs", bbox=[1, 2, 3]), ("cell 0", "[1, 2, 3]")),
    "bbox a text": (attributes(f"{CELL}/.zattrs", bbox="1234x"), ("cell 0", "1234x")),
    "bbox of infinity": (
        lambda m: m.update({f"{CELL}/.zattrs": m[f"{CELL}/.zattrs"].replace(b"[3,2", b"[1e999,2")}),
        ("cell 0", "bbox"),
    ),
    "bbox empty": (attributes(f"{CELL}/.zattrs", bbox=[3, 2, 3, 4]), ("cell 0", "empty")),
    "bbox off": (attributes(f"{CELL}/.zattrs", bbox=[30, 2, 33, 4]), ("cell 0", "outside")),
    "image missing": (attributes(f"{CELL}/.zattrs", image_id="1zz"), ("cell 0", "image")),
    "plane a text": (attributes(f"{CELL}/.zattrs", active_plane="x"), ("active_plane", "'x'")),
    "chunk missing": (removed(PIXELS), ("cell 0/0.0.0.0", "missing")),
    "array missing": (removed(f"{THINGS}a.tif/a.tif/.zarray"), ("a.tif", "pixels are missing")),
    "absurd": (replaced(SHAPE, json.dumps(HUGE).encode()), ("cell 0", "absurdly large")),
    "absurdly many": (replaced(SHAPE, json.dumps(MANY).encode()), ("cell 0", "absurdly large")),
    "shape a text": (replaced(SHAPE, b'{"shape":"x","chunks":[1]}'), ("cell 0", "no array")),
    "chunk of nothing": (replaced(SHAPE, b'{"shape":[2],"chunks":[0]}'), ("cell 0", "no array")),
    "odd dtype": (
        replaced(SHAPE, json.dumps({**HUGE, "shape": [1], "chunks": [1], "dtype": "|O"}).encode()),
        ("cell 0", "'|O'"),
    ),
    "unknown codec": (
        replaced(SHAPE, json.dumps({**HUGE, "shape": [1], "chunks": [1],
                                    "compressor": {"id": "evil"}}).encode()),
        ("cell 0", "evil"),
    ),
    "filters": (
        replaced(SHAPE, json.dumps({**HUGE, "shape": [1], "chunks": [1],
                                    "filters": [{"id": "pickle"}]}).encode()),
        ("cell 0", "pickle"),
    ),
    "two axes": (
        lambda members: members.update({
            SHAPE: json.dumps({**HUGE, "shape": [2, 3], "chunks": [2, 3]}).encode(),
            f"{CELL}/cell 0/0.0": bytes(24),
        }),
        ("cell 0", "[2, 3]"),
    ),
    "kinds unequal": (
        lambda members: edit_json(members, KINDS, lambda a: a["display_name"].pop()),
        ("kinds", "equally long"),
    ),
    "no Image": (
        lambda members: edit_json(members, KINDS, lambda a: a["kind_id"].__setitem__(0, "Other")),
        ("Image",),
    ),
    "kind twice": (
        lambda members: edit_json(members, KINDS, lambda a: a["kind_id"].__setitem__(1, "Image")),
        ("kind id", "twice"),
    ),
    "kind id leads out": (
        lambda members: edit_json(members, KINDS, lambda a: a["kind_id"].__setitem__(1, "../../x")),
        ("'../../x'", "out of the bundle"),
    ),
    "undefined kind leads out": (
        attributes(f"{CELL}/.zattrs", kind="/tmp/x"),
        ("'/tmp/x'", "out of the bundle"),
    ),
    "box of 1e300": (
        lambda m: m.update({f"{CELL}/.zattrs": m[f"{CELL}/.zattrs"].replace(b"[3,2", b"[1e300,2")}),
        ("cell 0", "bbox"),
    ),
    "plane beyond 64 bits": (attributes(f"{CELL}/.zattrs", active_plane=2**70), ("active_plane",)),
    "absurdly many channels": (
        replaced(
            f"{THINGS}a.tif/a.tif/.zarray",
            json.dumps({**HUGE, "shape": [1, 1, 1, 10**7], "chunks": [1, 1, 1, 10**7]}).encode(),
        ),
        ("a.tif", "channels, too many"),
    ),
    "a chunk far larger than its array": (
        replaced(SHAPE, json.dumps({**HUGE, "shape": [1, 2, 3, 2], "chunks": [1, 2, 3, 10**9],
                                    "compressor": {"id": "zlib"}}).encode()),
        ("cell 0", "absurdly large"),
    ),
    "box far larger than its image": (
        attributes(f"{CELL}/.zattrs", bbox=[0, 0, 60000, 60000], mask=[0, 3_600_000_000]),
        ("cell 0", "far larger"),
    ),
    "box of 2**62": (
        attributes(f"{CELL}/.zattrs", bbox=[-(2**30), 0, 2**30, 2**30], mask=[0, 2**32 - 1]),
        ("cell 0", "absurdly large"),
    ),
    "class map of infinity": (
        lambda m: m.update({
            f"{ROOT}classifier/Image/m/model_info/.zattrs":
            b'{"class_map": [[Infinity, "1good"]], "eval_results": []}'}),
        ("model_info", "class map"),
    ),
    "a confusion matrix beyond counting": (
        attributes(f"{ROOT}classifier/Image/m/model_info/.zattrs", class_map=[],
                   eval_results=[{"confusionMatrix": [[2**70]], "crossEntropy": 1}]),
        ("model_info", "no count"),
    ),
    "no kinds": (removed(KINDS), ("project/kinds/.zattrs", "missing")),
    "categories unequal": (
        lambda members: edit_json(members, CATEGORIES, lambda a: a["color"].append("#000000")),
        ("categories", "equally long"),
    ),
    "category twice": (
        lambda members: edit_json(
            members, CATEGORIES, lambda a: a["category_id"].__setitem__(0, a["category_id"][1])
        ),
        ("twice",),
    ),
    "class map": (
        attributes(
            f"{ROOT}classifier/Image/m/model_info/.zattrs", class_map=[["x", "y"]], eval_results=[]
        ),
        ("model_info", "class map"),
    ),
    "evaluation": (
        attributes(
            f"{ROOT}classifier/Image/m/model_info/.zattrs",
            class_map=[],
            eval_results=[{"confusionMatrix": [[1, 2]], "crossEntropy": 1}],
        ),
        ("model_info", "not square"),
    ),
}  # fmt: skip


def read_all(path: Path) -> None:
    """Read a bundle and the pixels of its last thing, whatever is repaired on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PiximiWarning)
        np.asarray(list(read_bundle(path).things.values())[-1].pixels)


def add_model(members: Members) -> None:
    """Give the tiny bundle a model without files."""
    edit_json(members, f"{ROOT}classifier/Image/.zattrs", lambda a: a["models"].append("m"))
    base = f"{ROOT}classifier/Image/base-model/"
    for name in [name for name in members if name.startswith(base)]:
        members[name.replace("base-model", "m")] = members[name]


ONLY_IN_ZIPS = {
    "no .zarr", "two roots", "leads out", "leads out inside", "absolute", "leads out, Windows",
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "form"),
    [(c, "zip") for c in REFUSED] + [(c, "folder") for c in REFUSED if c not in ONLY_IN_ZIPS],
)
def test_refused_with_an_error_that_says_where(case: str, form: str, tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    add_model(members)
    change, words = REFUSED[case]
    change(members)
    if form == "zip":
        path = write_zip(tmp_path / "bad.zip", members)
    else:
        path = write_folder(tmp_path / "tiny.zarr", members)
    with pytest.raises(BundleError) as caught:
        read_all(path)
    text = str(caught.value)
    assert str(path) in text
    assert all(word in text for word in words), text


def refused(path: Path) -> str:
    with pytest.raises(BundleError) as caught:
        read_bundle(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    assert "cannot be opened" in refused(tmp_path / "none.zip")


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip at all" * 100, bytes(70_000)])
def test_not_a_zip(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.zip"
    path.write_bytes(data)
    assert "not a zip file" in refused(path)


def test_an_empty_folder_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "x.zarr").mkdir()
    assert "no .zarr folder" in refused(tmp_path / "x.zarr")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99, 0.9999])
def test_a_truncated_zip(share: float, tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    write_bundle(tiny_project(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert "cut short" in refused(path)


def test_a_zip_whose_middle_is_gone(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "hole.zip", tiny_members(tmp_path))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3] + data[len(data) // 2 :])
    refused(path)


def test_a_member_that_claims_more_than_the_file_holds_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    write_bundle(tiny_project(), path)
    with ZipSource(path).open() as file:
        lies = Member("lies", 0, 0, 1 << 50, 1 << 50, 0)
        with pytest.raises(BundleError, match="lies is damaged, or the file was cut short"):
            packed_bytes(file, lies, path)


def flip(path: Path, needle: bytes, offset: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(needle) + offset] ^= 0x01
    path.write_bytes(data)


def test_a_flipped_bit_in_the_attributes(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "bit.zip", tiny_members(tmp_path))
    flip(path, b'"display_name"', 3)
    assert "checksum" in refused(path)


def test_a_flipped_bit_in_pixels_is_found_when_they_are_read(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    path = write_zip(tmp_path / "bit.zip", members)
    flip(path, members[PIXELS][:40], 9)
    thing = read_bundle(path).things["1c"]
    with pytest.raises(BundleError, match=r"cell 0/0\.0\.0\.0 is damaged"):
        np.asarray(thing.pixels)


@pytest.mark.parametrize("size", [4, 1000])
def test_a_chunk_of_the_wrong_size(size: int, tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    members[PIXELS] = bytes(size)
    path = write_zip(tmp_path / "short.zip", members)
    thing = read_bundle(path).things["1c"]
    with pytest.raises(BundleError, match=rf"cell 0/0\.0\.0\.0 holds {size} bytes"):
        np.asarray(thing.pixels)


@pytest.mark.parametrize(
    ("method", "word"), [(zipfile.ZIP_BZIP2, "BZIP2"), (zipfile.ZIP_LZMA, "LZMA")]
)
def test_packed_in_a_way_that_piximi_does_not_read(method: int, word: str, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "odd.zip", tiny_members(tmp_path), method)
    assert word in refused(path)


def test_encrypted(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "secret.zip", tiny_members(tmp_path))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in refused(path)


def bomb(path: Path, members: Members, name: str, size: int) -> None:
    """Write zeros that unpack to `size` bytes, or claim to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(min(size, 1 << 20))) + packer.flush()
    write_zip(path, {**members, name: packed})
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        found = -1
        while (found := data.find(signature, found + 1)) >= 0:
            start = found + (30 if at == 8 else 46)
            if data[start : start + len(name)] == name.encode():
                struct.pack_into("<H", data, found + at, 8)
                struct.pack_into("<I", data, found + at + 14, size)
    path.write_bytes(data)


@pytest.mark.parametrize("size", [1 << 21, (1 << 32) - 2])
def test_a_zip_bomb_in_the_attributes(size: int, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    bomb(path, tiny_members(tmp_path), KINDS, size)
    assert "zip bomb" in refused(path)


def test_a_member_that_unpacks_to_more_than_it_says(tmp_path: Path) -> None:
    path = tmp_path / "lie.zip"
    bomb(path, tiny_members(tmp_path), KINDS, 1000)
    assert "damaged" in refused(path)


def test_metadata_that_would_fill_the_memory(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    members[KINDS] = b" " * ((64 << 20) + 1)
    path = write_zip(tmp_path / "fat.zip", members)
    assert "zip bomb" in refused(path)


def test_a_codec_that_unpacks_to_too_much(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    meta = json.loads(members[SHAPE])
    members[SHAPE] = json.dumps({**meta, "compressor": {"id": "zlib"}}).encode()
    members[PIXELS] = zlib.compress(bytes(1 << 24))
    thing = read_bundle(write_zip(tmp_path / "x.zip", members)).things["1c"]
    with pytest.raises(BundleError, match=r"0\.0\.0\.0 holds"):
        np.asarray(thing.pixels)


def test_garbage_for_a_codec(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    meta = json.loads(members[SHAPE])
    for codec in ("zlib", "gzip", "blosc"):
        members[SHAPE] = json.dumps({**meta, "compressor": {"id": codec}}).encode()
        thing = read_bundle(write_zip(tmp_path / f"{codec}.zip", members)).things["1c"]
        with pytest.raises(BundleError, match=r"0\.0\.0\.0"):
            np.asarray(thing.pixels)


# --- repairs -------------------------------------------------------------------------------


def mended(change: Change, folder: Path, match: str) -> Any:  # noqa: ANN401
    members = tiny_members(folder)
    change(members)
    path = write_zip(folder / "mended.zip", members)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        project = read_bundle(path)
    assert any(re.search(match, str(warning.message)) for warning in told), told
    assert {warning.category for warning in told} == {PiximiWarning}
    assert all(str(path) in str(warning.message) for warning in told)
    return project


def test_a_newer_version_is_read_with_a_warning(tmp_path: Path) -> None:
    project = mended(attributes(f"{ROOT}.zattrs", version="2.0.0"), tmp_path, "newer Piximi")
    assert len(project.things) == 3


def test_a_kind_that_no_one_defines_is_made(tmp_path: Path) -> None:
    project = mended(attributes(f"{CELL}/.zattrs", kind="ghost"), tmp_path, "made the kinds.*ghost")
    thing = project.things["1c"]
    assert thing.kind == "ghost"
    assert thing.category == project.kinds["ghost"].unknown
    assert project.categories[thing.category].kind == "ghost"


def test_a_category_that_no_one_defines_becomes_unknown(tmp_path: Path) -> None:
    change = attributes(f"{CELL}/.zattrs", class_category_id="1nobody")
    project = mended(change, tmp_path, "'cell 0'.*Unknown")
    thing = project.things["1c"]
    assert thing.category == project.kinds[thing.kind].unknown


def test_a_predicted_category_of_another_kind_is_dropped(tmp_path: Path) -> None:
    change = attributes(
        f"{CELL}/.zattrs", class_category_id="1good", classifier_partition="Inference"
    )
    thing = mended(change, tmp_path, "'cell 0'.*predicted").things["1c"]
    assert thing.prediction is None


def test_an_unknown_partition_becomes_unassigned(tmp_path: Path) -> None:
    change = attributes(f"{CELL}/.zattrs", classifier_partition="Holiday")
    assert mended(change, tmp_path, "partition").things["1c"].partition == Partition.UNASSIGNED


def test_a_mask_that_ends_early_is_filled_with_background(tmp_path: Path) -> None:
    for lengths in ([1, 2], [1, 2, 1]):
        folder = tmp_path / str(len(lengths))
        folder.mkdir()
        change = attributes(f"{CELL}/.zattrs", mask=lengths)
        thing = mended(change, folder, "ends early").things["1c"]
        assert masks.decode(thing.runs, (2, 3)).tolist() == [[0, 1, 1], [0, 0, 0]]


def test_a_box_beyond_its_image_is_clipped_with_its_mask(tmp_path: Path) -> None:
    change = attributes(f"{CELL}/.zattrs", bbox=[6, 5, 9, 7])
    project = mended(change, tmp_path, "clipped")
    thing = project.things["1c"]
    assert isinstance(thing, Annotation)
    assert thing.bbox == (5, 6, 6, 8)
    assert masks.decode(thing.runs, (1, 2)).tolist() == [[0, 1]]
    image = np.asarray(project.things["1a"].pixels)
    np.testing.assert_array_equal(project.pixels(thing), image[1:2, 5:6, 6:8])


def test_pixels_of_another_size_than_the_box_are_taken_from_the_image(tmp_path: Path) -> None:
    change = attributes(f"{CELL}/.zattrs", bbox=[0, 0, 2, 3], mask=[0, 6])
    project = mended(change, tmp_path, "another size")
    assert project.shape(project.things["1c"]) == (1, 3, 2, 2)


def test_a_plane_that_the_image_lacks(tmp_path: Path) -> None:
    change = attributes(f"{CELL}/.zattrs", active_plane=7)
    assert mended(change, tmp_path, "moved to the last").things["1c"].plane == 1


def test_no_bit_depth(tmp_path: Path) -> None:
    change = without(f"{CELL}/cell 0/.zattrs", "bit_depth")
    assert mended(change, tmp_path, "8 bits").things["1c"].bit_depth == 8


def test_a_colour_that_would_crash_piximi(tmp_path: Path) -> None:
    def change(members: Members) -> None:
        edit_json(members, CATEGORIES, lambda a: a["color"].__setitem__(0, "red"))

    for category in mended(change, tmp_path, "colour").categories.values():
        assert category.color.startswith("#")


def test_ids_that_piximi_mixes_up_are_changed(tmp_path: Path) -> None:
    def change(members: Members) -> None:
        for name in (CATEGORIES, KINDS, f"{THINGS}b.tif/.zattrs"):
            members[name] = members[name].replace(b'"1good"', b'"0good"')

    project = mended(change, tmp_path, "mixes up.*0good")
    assert project.things["1b"].category == "1good"
    assert "1good" in project.kinds["Image"].categories


def test_a_kind_without_its_unknown_category(tmp_path: Path) -> None:
    def change(members: Members) -> None:
        edit_json(members, KINDS, lambda a: a["unknown_category_id"].__setitem__(1, "0new"))

    project = mended(change, tmp_path, "no Unknown category")
    assert project.categories["0new"].name == "Unknown"


def test_settings_out_of_their_limits(tmp_path: Path) -> None:
    name = f"{ROOT}classifier/Image/base-model/model_info/optimizer_settings/.zattrs"
    change = attributes(name, epochs=-3, optimization_algorithm="Magic")
    project = mended(change, tmp_path, "epochs -3 is not valid")
    assert project.kinds["Image"].settings.epochs == tiny_project().kinds["Image"].settings.epochs


BAD_MODELS = {
    "not JSON": (b"{", b"", "JSON"),
    "no weights": (b"{}", b"", "modelTopology"),
    "a graph model": (b'{"format":"graph-model","modelTopology":{"node":[]}}', b"", "graph model"),
    "a Lambda layer": (
        json.dumps({
            "modelTopology": {"class_name": "Sequential", "config": {"name": "s", "layers": [
                {"class_name": "Lambda", "config": {"name": "l", "function": "evil",
                                                    "batch_input_shape": [None, 4]}}]}},
            "format": "layers-model",
            "weightsManifest": [{"paths": ["./odd.weights.bin"], "weights": []}],
        }).encode(),
        b"",
        "Lambda",
    ),
    "a shard too short": (
        json.dumps({
            "modelTopology": {"class_name": "Sequential", "config": {"name": "s", "layers": [
                {"class_name": "Dense", "config": {"name": "d", "units": 2,
                                                   "batch_input_shape": [None, 4]}}]}},
            "format": "layers-model",
            "weightsManifest": [{"paths": ["./odd.weights.bin"], "weights": [
                {"name": "d/kernel", "shape": [4, 2], "dtype": "float32"},
                {"name": "d/bias", "shape": [2], "dtype": "float32"}]}],
        }).encode(),
        bytes(36),
        "40 bytes of weights expected, 36 found",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_MODELS)
def test_a_classifier_that_cannot_be_opened_is_left_out_and_kept(case: str, tmp_path: Path) -> None:
    text, weights, words = BAD_MODELS[case]

    def change(members: Members) -> None:
        members |= {"odd.json": text, "odd.weights.bin": weights}

    project = mended(change, tmp_path, words)
    assert not project.classifiers
    for form in ("saved.zip", "saved.zarr"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PiximiWarning)
            write_bundle(project, tmp_path / form)
            assert read_bundle(tmp_path / form).unread_models == {"odd": (text, weights)}


def test_attributes_that_fill_the_memory_when_parsed(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    members[KINDS] = b'{"kind_id":[' + b"[]," * (2 << 20) + b"[]]}"
    path = write_zip(tmp_path / "dense.zip", members, zipfile.ZIP_DEFLATED)
    assert "zip bomb" in refused(path)


def test_a_fit_that_diverged_in_piximi_has_no_cross_entropy(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    add_model(members)
    result = {"confusionMatrix": [[1]], "crossEntropy": None, "accuracy": 1}
    info = f"{ROOT}classifier/Image/m/model_info/.zattrs"
    edit_json(members, info, lambda a: a.update(class_map=[], eval_results=[result]))
    project = read_bundle(write_zip(tmp_path / "x.zip", members))
    for _ in range(2):
        (evaluation,) = project.find_classifier("m").evaluations
        assert np.isnan(evaluation.cross_entropy)
        write_bundle(project, tmp_path / "again.zip")
        project = read_bundle(tmp_path / "again.zip")


def test_two_kinds_that_share_an_unknown_category(tmp_path: Path) -> None:
    def change(members: Members) -> None:
        edit_json(
            members,
            KINDS,
            lambda a: a["unknown_category_id"].__setitem__(1, a["unknown_category_id"][0]),
        )

    project = mended(change, tmp_path, "no Unknown category")
    for kind in project.kinds.values():
        assert kind.unknown in kind.categories
        assert project.categories[kind.unknown].kind == kind.id


def test_notes_of_ours_that_another_tool_left_behind_are_not_believed(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    note = {"category": "1good", "partition": "Inference"}
    change = {"napari_piximi": note, "classifier_partition": "Training"}
    edit_json(members, f"{THINGS}b.tif/.zattrs", lambda a: a.update(change))
    project = read_bundle(write_zip(tmp_path / "x.zip", members))
    assert project.things["1b"].partition == Partition.TRAINING


@pytest.mark.parametrize("name", ["lists", "kind_id", "version"])
def test_old_layouts_that_are_damaged(name: str, tmp_path: Path) -> None:
    version = "0.2.0" if name == "kind_id" else "1." + "9" * 5000 if name == "version" else "0.1.0"
    members = tiny_members(tmp_path)
    edit_json(members, f"{ROOT}.zattrs", lambda a: a.update(version=version))
    edit_json(members, KINDS, lambda a: a.update(kind_id=5))
    old = {"category_id": ["1a", "1b"], "name": ["a"], "color": ["#000000"]}
    for group in ("annotationCategories", "categories"):
        members[f"{ROOT}project/{group}/.zattrs"] = json.dumps(old).encode()
    members[f"{ROOT}project/images/.zattrs"] = b'{"image_names": []}'
    refused(write_zip(tmp_path / "old.zip", members))


def test_nan_in_attributes_and_missing_looks_are_read_all_the_same(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    edit_json(members, f"{CELL}/.zattrs", lambda a: a.update(note=float("nan")))
    members.pop(f"{THINGS}a.tif/colors/color/.zarray")
    project = read_bundle(write_zip(tmp_path / "x.zip", members))
    assert project.things == {**project.things}
    assert len(project.things) == 3


def test_nan_pixels_open(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    count = len(members[PIXELS]) // 4
    members[PIXELS] = np.full(count, np.nan, "<f4").tobytes()
    project = read_bundle(write_zip(tmp_path / "x.zip", members))
    assert np.isnan(np.asarray(project.things["1c"].pixels)).all()


def test_contents_lists_that_lie_are_rebuilt(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    edit_json(members, KINDS, lambda a: a.update(contents=[["1zz"], []]))
    project = read_bundle(write_zip(tmp_path / "x.zip", members))
    assert [t.id for t in project.of_kind("Image")] == ["1a", "1b"]


# --- anything ------------------------------------------------------------------------------


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_is_in_the_file_only_our_errors_come_out(
    data: st.DataObject, tmp_path: Path
) -> None:
    path = tmp_path / "fuzz.zip"
    if not (tmp_path / "good").exists():
        write_bundle(tiny_project(), path)
        (tmp_path / "good").write_bytes(path.read_bytes())
    good = bytearray((tmp_path / "good").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(good) - 1))
        good[at] = data.draw(st.integers(0, 255))
    path.write_bytes(good)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PiximiWarning)
        with suppress(PiximiError):
            project = read_bundle(path)
            for thing in project.things.values():
                np.asarray(project.pixels(thing))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats() | st.text(max_size=4),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=4), children, max_size=3)
    ),
    max_leaves=4,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_an_attribute_holds_only_our_errors_come_out(
    data: st.DataObject, tmp_path: Path
) -> None:
    if not (tmp_path / "made").exists():
        members = tiny_members(tmp_path)
        add_model(members)
        write_zip(tmp_path / "good.zip", members)
    with zipfile.ZipFile(tmp_path / "good.zip") as file:
        members = {name: file.read(name) for name in file.namelist()}
    texts = sorted(name for name in members if name.endswith((".zattrs", ".zarray")))
    name = data.draw(st.sampled_from(texts))
    found = json.loads(members[name])
    if found:
        found[data.draw(st.sampled_from(sorted(found)))] = data.draw(JSON)
    members[name] = json.dumps(found).encode()
    path = write_zip(tmp_path / "fuzz.zip", members)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PiximiWarning)
        try:
            project = read_bundle(path)
            for thing in project.things.values():
                np.asarray(project.pixels(thing))
        except PiximiError:
            return
        write_bundle(project, tmp_path / "again.zip")
