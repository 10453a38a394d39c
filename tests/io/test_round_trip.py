"""What goes into a bundle comes out of it, whatever the names, numbers and layouts."""

import io
import json
import zipfile
import zlib
from dataclasses import replace
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
    edit_json,
    tiny_members,
    tiny_project,
    without_pixels,
    write_folder,
    write_zip,
)

from napari_piximi.io._names import path_names, root_name
from napari_piximi.io.bundle import read_bundle, read_bundle_and_version, write_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.things import (
    Annotation,
    ArrayPixels,
    Channel,
    Image,
    Partition,
    Prediction,
    default_channels,
)
from napari_piximi.model.training import Classifier, Run, Settings

FORMS = ["x.zip", "x.zarr"]


def round_trip(project: Project, path: Path) -> Project:
    write_bundle(project, path)
    return read_bundle(path)


def same_pixels(project: Project, other: Project) -> None:
    for key, thing in project.things.items():
        ours, theirs = project.pixels(thing), other.pixels(other.things[key])
        expected = np.asarray(ours)
        if expected.dtype.kind == "u":
            full = 2**thing.bit_depth - 1
            expected = np.array([k / full for k in expected.ravel().tolist()], np.float32)
            expected = expected.reshape(ours.shape)
        np.testing.assert_array_equal(expected, np.asarray(theirs), strict=True)


NAMES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", ".", "..", "colors", "a/b.png", "a", "a/a", "a/b.png/b.png", "/a", "a\\b", "pic.json",
         "x.zarr", ".zattrs", "a/.zgroup", "é ü.tif", "line\nbreak", "50%#?.tif", " trailing "]
    ),
)  # fmt: skip
PROBABILITIES = st.none() | st.floats(0, 1)


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """Small projects with anything in them that a user can make."""
    project = edits.create_kind(tiny_project(), draw(st.text(min_size=1, max_size=5)) + "!")
    project = edits.rename_project(project, draw(st.text(min_size=1, max_size=9)) + "x")
    project = edits.delete_things(project, ["1a", "1b"])
    project = edits.edit_kind(project, list(project.kinds)[2], visible=draw(st.booleans()))
    project = edits.edit_category(project, "1good", visible=draw(st.booleans()))
    pool = [*project.kinds["Image"].categories]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    channels = draw(st.integers(1, 5))
    pictures = []
    for number in range(draw(st.integers(1, 3))):
        depth, planes = draw(st.sampled_from([8, 16])), draw(st.integers(1, 3))
        dtype = draw(st.sampled_from([np.uint8 if depth == 8 else np.uint16, np.float32]))
        values = rng.random((planes, 5, 7, channels), np.float32)
        if dtype != np.float32:
            values = (values * (2**depth - 1)).astype(dtype)
        look = [
            Channel((0.0, 0.5, 1.0), float(np.float32(rng.random())), 2.0, draw(st.booleans()))
            for _ in range(channels)
        ]
        prediction = Prediction(draw(st.sampled_from(pool[1:])), draw(PROBABILITIES))
        pictures.append(
            Image(
                f"1im{number}", draw(NAMES), draw(st.sampled_from(pool)), ArrayPixels(values),
                depth, tuple(look), draw(st.sampled_from(Partition)),
                draw(st.integers(0, planes - 1)),
                draw(st.sampled_from([None, prediction])),
                draw(st.sampled_from([None, (1.0, 0.25, 0.25)])),
            )
        )  # fmt: skip
    objects = []
    for number in range(draw(st.integers(0, 4))):
        kind = project.kinds[draw(st.sampled_from(list(project.kinds)[1:]))]
        image = draw(st.sampled_from(pictures))
        top, left = draw(st.integers(0, 4)), draw(st.integers(0, 6))
        bottom, right = draw(st.integers(top + 1, 5)), draw(st.integers(left + 1, 7))
        mask = rng.random((bottom - top, right - left)) < 0.5
        objects.append(
            Annotation(
                f"1an{number}", draw(NAMES), kind.id, kind.unknown, image.id,
                (top, left, bottom, right), masks.encode(mask), image.bit_depth,
                partition=draw(st.sampled_from(Partition)),
                plane=draw(st.integers(0, image.pixels.shape[0] - 1)),
            )
        )  # fmt: skip
    return edits.add_annotations(edits.add_images(project, pictures), objects)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(project=projects(), form=st.sampled_from(FORMS), compress=st.booleans())
def test_any_project(project: Project, form: str, compress: bool, tmp_path: Path) -> None:
    # A name of any characters is a member of any zip, but a file only where the system allows.
    if form == "x.zarr":
        renamed = {k: replace(t, name=f"{k}.tif") for k, t in project.things.items()}
        project = replace(project, things=renamed)
    write_bundle(project, tmp_path / form, compress=compress)
    again = read_bundle(tmp_path / form)
    assert without_pixels(again) == without_pixels(project)
    same_pixels(project, again)
    # From the bundle once more: now pixels are copied, and read without our index.
    write_bundle(again, tmp_path / "second.zip")
    with zipfile.ZipFile(tmp_path / "second.zip") as file:
        members = {n: file.read(n) for n in file.namelist() if not n.endswith("-index")}
    assert sum(name.endswith(".zarr/") for name in members) == 1
    third = read_bundle(write_zip(tmp_path / "third.zip", members))
    assert without_pixels(third) == without_pixels(project)
    same_pixels(project, third)


def full_history() -> Classifier:
    run = Run(
        Settings(epochs=3, seed=7, metrics=("Precision", "Binary cross-entropy")),
        {"loss": (1.0, 0.5, float("inf")), "val_loss": (1.5, 0.75, 0.25)},
        best_epoch=2, training=8, validation=4, stopped="early", device="CPU", backend="jax",
        seconds=1.25,
    )  # fmt: skip
    evaluation = Evaluation(((3, 1), (0, 4)), 0.125, ("1good", "1bad"), "Training", 0)
    return Classifier(
        "my model", "Image", Settings(height=300, width=44, weights="/home/me/m.json",
                                      metrics=("Binary cross-entropy",)), 2, 1, None,
        ("1good", "1bad"), (run,), (evaluation,),
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_classifiers_with_their_history(form: str, tmp_path: Path) -> None:
    project = edits.create_category(tiny_project(), "Image", "bad", category_id="1bad")
    other = Classifier("older", list(project.kinds)[1], Settings(), 2)
    project = edits.put_classifier(edits.put_classifier(project, full_history()), other)
    again = round_trip(project, tmp_path / form)
    found = again.find_classifier("my model")
    assert [c.name for c in again.classifiers] == ["my model", "older"]
    assert found.settings == replace(full_history().settings, weights="m.json")
    assert found.class_map == ("1good", "1bad")
    assert found.evaluations == full_history().evaluations
    (run,) = found.runs
    assert np.isnan(run.history["loss"][2])  # JSON holds no infinity
    assert replace(run, history={}) == replace(full_history().runs[0], history={})
    assert run.history["val_loss"] == (1.5, 0.75, 0.25)


def test_piximi_sees_macro_averages_the_right_way_round(tmp_path: Path) -> None:
    project = edits.create_category(tiny_project(), "Image", "bad", category_id="1bad")
    project = edits.put_classifier(project, full_history())
    write_bundle(project, tmp_path / "x.zarr")
    info = tmp_path / "x.zarr/classifier/Image/my model/model_info"
    shown = json.loads((info / ".zattrs").read_text())["eval_results"][0]
    assert shown["confusionMatrix"] == [[3, 1], [0, 4]]
    assert shown["accuracy"] == pytest.approx(7 / 8)
    assert shown["precision"] == pytest.approx((3 / 3 + 4 / 5) / 2)
    assert shown["recall"] == pytest.approx((3 / 4 + 4 / 4) / 2)
    optimizer = json.loads((info / "optimizer_settings/.zattrs").read_text())
    assert optimizer["metrics"] == ["Binary cros-sentropy"], "as it spells it"
    shape = json.loads((info / "preprocessing_settings/input_shape/.zarray").read_text())
    assert shape["dtype"] == "<i4"  # Piximi's own u1 would wrap 300 to 44
    raw = (info / "preprocessing_settings/input_shape/0").read_bytes()
    assert np.frombuffer(raw, "<i4").tolist() == [1, 300, 44, 2]


def test_every_kind_has_a_base_model_and_small_shapes_stay_u1(tmp_path: Path) -> None:
    write_bundle(tiny_project(), tmp_path / "x.zarr")
    for kind in tiny_project().kinds.values():
        name = kind.id if kind.id == "Image" else "*"
        (group,) = [p for p in (tmp_path / "x.zarr/classifier").glob(name) if p.is_dir()][:1]
        assert json.loads((group / ".zattrs").read_text())["models"] == ["base-model"]
        meta = group / "base-model/model_info/preprocessing_settings/input_shape/.zarray"
        assert json.loads(meta.read_text())["dtype"] == "|u1"


def test_an_annotation_on_a_later_plane_is_padded_as_piximi_needs_it(tmp_path: Path) -> None:
    write_bundle(tiny_project(), tmp_path / "x.zarr")
    array = tmp_path / "x.zarr/project/things/cell 0/cell 0"
    assert json.loads((array / ".zarray").read_text())["shape"] == [2, 2, 3, 2]
    stored = np.frombuffer((array / "0.0.0.0").read_bytes(), "<f4").reshape(2, 2, 3, 2)
    image = np.asarray(tiny_project().things["1a"].pixels)[:, 2:4, 3:6]
    np.testing.assert_array_equal(stored, (image / 255).astype(np.float32))


def test_edited_masks_lose_their_stored_pixels_and_moved_ones_keep_them(tmp_path: Path) -> None:
    project = round_trip(tiny_project(), tmp_path / "x.zip")
    edited = edits.set_mask(project, "1c", (0, 0, 1, 2), masks.full(1, 2))
    again = round_trip(edited, tmp_path / "y.zip")
    image = np.asarray(project.things["1a"].pixels)
    np.testing.assert_array_equal(again.pixels(again.things["1c"]), image[1:2, 0:1, 0:2])


LAYOUTS: dict[str, tuple[dict[str, Any], Any]] = {
    "float64": ({"dtype": "<f8"}, lambda a: {"0.0.0.0": a.astype("<f8").tobytes()}),
    "big-endian": ({"dtype": ">f4"}, lambda a: {"0.0.0.0": a.astype(">f4").tobytes()}),
    "float16": ({"dtype": "<f2"}, lambda a: {"0.0.0.0": a.astype("<f2").tobytes()}),
    "Fortran order": ({"order": "F"}, lambda a: {"0.0.0.0": a.tobytes("F")}),
    "zlib": ({"compressor": {"id": "zlib", "level": 1}},
             lambda a: {"0.0.0.0": zlib.compress(a.tobytes())}),
    "several chunks": ({"chunks": [1, 4, 5, 1]}, lambda a: chunked(a, (1, 4, 5, 1), ".")),
    "nested keys": ({"chunks": [1, 4, 5, 1], "dimension_separator": "/"},
                    lambda a: chunked(a, (1, 4, 5, 1), "/")),
    "one chunk larger than the array": ({"chunks": [3, 6, 8, 2]},
                                        lambda a: chunked(a, (3, 6, 8, 2), ".")),
    "filters []": ({"filters": []}, lambda a: {"0.0.0.0": a.tobytes()}),
    "fill_value null": ({"fill_value": None}, lambda a: {"0.0.0.0": a.tobytes()}),
}  # fmt: skip


def chunked(array: Any, size: tuple[int, ...], separator: str) -> dict[str, bytes]:  # noqa: ANN401
    counts = [-(-n // c) for n, c in zip(array.shape, size, strict=True)]
    found = {}
    for index in np.ndindex(*counts):
        box = tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, size, strict=True))
        block = np.zeros(size, array.dtype)
        part = array[box]
        block[tuple(slice(n) for n in part.shape)] = part
        found[separator.join(map(str, index))] = block.tobytes()
    return found


@pytest.mark.parametrize("form", ["zip", "folder"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_zarr_layouts_that_others_write(layout: str, form: str, tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    array = f"{THINGS}a.tif/a.tif"
    values = np.frombuffer(members.pop(f"{array}/0.0.0.0"), "<f4").reshape(2, 6, 8, 2)
    change, write = LAYOUTS[layout]
    edit_json(members, f"{array}/.zarray", lambda meta: meta.update(change))
    members |= {f"{array}/{key}": data for key, data in write(values).items()}
    path = (
        write_zip(tmp_path / "x.zip", members)
        if form == "zip"
        else write_folder(tmp_path / "tiny.zarr", members)
    )
    project = read_bundle(path)
    tolerance = 1e-3 if layout == "float16" else 0
    np.testing.assert_allclose(
        np.asarray(project.things["1a"].pixels), values, rtol=0, atol=tolerance
    )
    again = round_trip(project, tmp_path / "again.zip")
    np.testing.assert_allclose(
        np.asarray(again.things["1a"].pixels), values, rtol=0, atol=tolerance
    )
    assert np.asarray(again.things["1a"].pixels).dtype == np.float32


def test_blosc(tmp_path: Path) -> None:
    from numcodecs.blosc import Blosc

    members = tiny_members(tmp_path)
    array = f"{THINGS}a.tif/a.tif"
    values = members[f"{array}/0.0.0.0"]
    members[f"{array}/0.0.0.0"] = Blosc(cname="lz4").encode(values)
    codec = {"compressor": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1}}
    edit_json(members, f"{array}/.zarray", lambda meta: meta.update(codec))
    project = read_bundle(write_zip(tmp_path / "x.zip", members))
    assert np.asarray(project.things["1a"].pixels).tobytes() == values


def test_eight_bit_integers_that_another_tool_stored_are_scaled(tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    array = f"{THINGS}a.tif/a.tif"
    values = np.asarray(tiny_project().things["1a"].pixels)
    members[f"{array}/0.0.0.0"] = values.tobytes()
    edit_json(members, f"{array}/.zarray", lambda meta: meta.update(dtype="|u1"))
    project = read_bundle(write_zip(tmp_path / "x.zip", members))
    np.testing.assert_array_equal(project.things["1a"].pixels, values)
    same_pixels(project, round_trip(project, tmp_path / "again.zip"))


@pytest.mark.parametrize("where", ["sub/", "./"])
def test_the_root_may_lie_deeper(where: str, tmp_path: Path) -> None:
    members = tiny_members(tmp_path)
    deeper = {where + name: data for name, data in members.items()}
    project = read_bundle(write_zip(tmp_path / "x.zip", deeper))
    assert without_pixels(project) == without_pixels(
        read_bundle(write_zip(tmp_path / "y.zip", members))
    )


def test_a_zip_packed_by_other_tools(tmp_path: Path) -> None:
    """Deflated, streamed (sizes after the data), with folders, backslashes, foreign files."""
    members = tiny_members(tmp_path)
    path = tmp_path / "x.zip"
    with (
        path.open("wb") as raw,
        zipfile.ZipFile(Unseekable(raw), "w", zipfile.ZIP_DEFLATED) as out,
    ):
        out.writestr("readme.txt", b"hello")
        out.writestr("foreign.json", b"[]")
        out.writestr(f"{ROOT}project/", b"")
        for name, data in members.items():
            out.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    project = read_bundle(path)
    assert list(project.things) == ["1a", "1b", "1c"]
    same_pixels(project, round_trip(project, tmp_path / "y.zip"))


class Unseekable(io.RawIOBase):
    """What makes `zipfile` write data descriptors."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401
        return int(self._file.write(data))

    def tell(self) -> int:
        raise OSError("cannot tell")


def test_versions_are_told(tmp_path: Path) -> None:
    write_bundle(tiny_project(), tmp_path / "x.zip")
    assert read_bundle_and_version(tmp_path / "x.zip")[1] == "1.1.4"


def test_a_project_without_anything(tmp_path: Path) -> None:
    from napari_piximi.model.project import new_project

    for form in FORMS:
        empty = new_project("nothing yet")
        assert round_trip(empty, tmp_path / form) == empty


def test_an_image_larger_than_a_block_is_written_in_blocks(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (2, 1500, 1500, 1), np.uint16)
    project = edits.delete_things(tiny_project(), ["1a", "1b"])
    unknown = project.kinds["Image"].unknown
    image = Image("1big", "big", unknown, ArrayPixels(values), 16, default_channels(1))
    project = edits.add_images(project, [image])
    again = round_trip(project, tmp_path / "x.zip")
    same_pixels(project, again)
    assert zipfile.ZipFile(tmp_path / "x.zip").testzip() is None


def test_python_s_own_zipfile_reads_what_we_write(tmp_path: Path) -> None:
    write_bundle(tiny_project(), tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as file:
        assert file.testzip() is None
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert f"{ROOT.replace('tiny', 'x')}" in file.namelist()


def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    project = edits.rename_thing(tiny_project(), "1a", "bad \udcff byte.tif")
    for form in FORMS:
        assert round_trip(project, tmp_path / form).things["1a"].name == "bad ? byte.tif"


# --- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.tif", "a.tif", "a.tif"], ["a.tif", "a_1.tif", "a_2.tif"]),
        (["x", "x"], ["x", "x_1"]),
        (["a_1.tif", "a.tif", "a.tif"], ["a_1.tif", "a.tif", "a_2.tif"]),
        (["dir/a.png"], ["dir/a.png"]),
        (["dir", "dir/a.png"], ["dir", "dir_a_2.png"]),
        (["dir/a.png", "dir"], ["dir/a.png", "dir_1"]),
        (["", ".", "..", "colors"], ["_", "_.", "_..", "_colors"]),
        (["/lead", "back\\slash", "a//b"], ["_/lead", "back/slash", "a/_/b"]),
        ([".zattrs", "a/.zgroup"], ["_.zattrs", "a/_.zgroup"]),
        (["cell-Image_0", "cell-Image_0"], ["cell-Image_0", "cell-Image_0_1"]),
    ],
)
def test_path_names(names: list[str], expected: list[str]) -> None:
    assert path_names(names) == expected


@given(st.lists(NAMES, max_size=12))
def test_path_names_never_collide(names: list[str]) -> None:
    found = path_names(names)
    assert len(set(found)) == len(names)
    paths = {path for name in found for path in (f"{name}/.zattrs", f"{name}/{name}/.zattrs")}
    assert len(paths) == 2 * len(names)
    for name in found:
        assert name == name.strip("/")
        assert not {"", ".", "..", "colors", ".zattrs"} & set(name.split("/"))


@pytest.mark.parametrize(
    ("file", "root"),
    [("my.project.v2.zip", "my_project_v2"), ("a b.zip", "a b"), (".zip", "project"),
     ("x.zarr", "x"), ("noext", "noext")],
)  # fmt: skip
def test_root_names(file: str, root: str) -> None:
    assert root_name(Path(file)) == root


def test_the_annotation_is_where_the_test_data_say() -> None:
    assert CELL.startswith(THINGS)


def test_old_files_with_unequal_columns_or_missing_parts_are_refused(tmp_path: Path) -> None:
    from tests.shared_data import shared

    from napari_piximi.errors import BundleError

    with zipfile.ZipFile(shared("bundles/legacy_v010_annotations.zip")) as file:
        good = {name: file.read(name) for name in file.namelist()}
    root = "legacy_v010.zarr/project"
    for name, change, words in (
        (f"{root}/annotations/.zattrs", {"annotation_id": ["1x"]}, "differ in length"),
        (f"{root}/annotations/.zattrs", {"image_id": ["1y", "1z"]}, "no image or annotation"),
        (f"{root}/images/.zattrs", None, r"project/images/\.zattrs: is missing"),
        (f"{root}/annotations/mask/.zarray", None, "annotations/mask.*missing"),
    ):
        members = dict(good)
        if change is None:
            members.pop(name)
        else:
            members[name] = json.dumps({**json.loads(members[name]), **change}).encode()
        with pytest.raises(BundleError, match=words):
            read_bundle(write_zip(tmp_path / "old.zip", members))


def test_a_padded_annotation_that_moves_keeps_its_pixels(tmp_path: Path) -> None:
    project = round_trip(tiny_project(), tmp_path / "x.zip")
    annotation = project.things["1c"]
    expected = np.asarray(project.pixels(annotation))
    moved = {**project.things, "1c": replace(annotation, plane=0)}
    again = round_trip(replace(project, things=moved), tmp_path / "y.zip")
    np.testing.assert_array_equal(again.pixels(again.things["1c"]), expected)


def with_model(folder: Path, file: str) -> Path:
    """Unzip Piximi's digits, with its classifier files under another name."""
    from tests.shared_data import shared

    with zipfile.ZipFile(shared("bundles/digits_project.zip")) as source:
        members = {name: source.read(name) for name in source.namelist()}
    for suffix in (".json", ".weights.bin"):
        members[f"{file}{suffix}"] = members.pop(f"digits_cnn{suffix}")
    for name, data in members.items():
        if not name.endswith("/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    return folder


def test_an_unzipped_bundle_keeps_its_classifiers(tmp_path: Path) -> None:
    project = read_bundle(with_model(tmp_path / "unzipped", "digits_cnn"))
    (classifier,) = project.classifiers
    assert classifier.name == "digits_cnn"
    assert classifier.model is not None
    # Saving to the inner folder while its pixels are still to be read takes nothing away.
    write_bundle(edits.rename_project(project, "other"), tmp_path / "unzipped/digits_project.zarr")
    assert np.asarray(next(project.images()).pixels).shape == (1, 28, 28, 1)


def test_files_of_classifiers_may_have_dots_and_folders(tmp_path: Path) -> None:
    import shutil
    import warnings

    folder = with_model(tmp_path / "unzipped", "digits_cnn.v2")
    shutil.make_archive(str(tmp_path / "dotted"), "zip", folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the weights file has another name than the JSON says
        project = read_bundle(tmp_path / "dotted.zip")
        assert [c.name for c in project.classifiers] == ["digits_cnn"]
    (classifier,) = project.classifiers
    assert classifier.model is not None
    inner = replace(project, classifiers=(replace(classifier, name="models/second"),))
    for form in (*FORMS, "y.zip"):
        inner = round_trip(inner, tmp_path / form)
        assert inner.find_classifier("models/second").model is not None


def test_saving_through_a_link_changes_what_it_points_to(tmp_path: Path) -> None:
    write_bundle(tiny_project(), tmp_path / "real.zip")
    (tmp_path / "link.zip").symlink_to(tmp_path / "real.zip")
    write_bundle(edits.rename_project(tiny_project(), "new"), tmp_path / "link.zip")
    assert (tmp_path / "link.zip").is_symlink()
    assert read_bundle(tmp_path / "real.zip").name == "new"


def test_many_equal_long_and_deep_names_are_quick(tmp_path: Path) -> None:
    import time

    start = time.perf_counter()
    found = path_names(["cell"] * 100_000)
    assert len(set(found)) == 100_000
    assert time.perf_counter() - start < 10  # each looked for a free number from 1: half an hour
    for name in ("x" * 40_000, "/".join("y" * 20_000), "\u4e2d" * 90):
        (short,) = path_names([name])
        assert len(short.encode()) <= 200
        project = edits.rename_thing(tiny_project(), "1a", name)
        for form in FORMS:
            assert round_trip(project, tmp_path / form).things["1a"].name == name


def test_names_that_differ_only_in_case_stay_apart_on_any_disk() -> None:
    assert path_names(["A.png", "a.png"]) == ["A.png", "a_1.png"]


def test_texts_that_are_no_unicode_anywhere(tmp_path: Path) -> None:
    project = edits.rename_project(tiny_project(), "bad \udcff")
    for form in FORMS:
        assert round_trip(project, tmp_path / form).name == "bad ?"
    write_bundle(project, tmp_path / "odd \udcff name.zip")
