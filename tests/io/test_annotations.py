"""Annotation files: told by their content, Piximi's read in all versions, bad ones refused."""

import copy
import json
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.model.cells import IMAGES, cells_project
from tests.shared_data import shared

from napari_piximi.errors import AnnotationFileError, Cancelled, PiximiWarning
from napari_piximi.io import annotations as module
from napari_piximi.io.annotations import annotation_format, read_annotations
from napari_piximi.io.bundle import read_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project
from napari_piximi.model.session import Session
from napari_piximi.model.things import Annotation, Partition, Prediction

Document = dict[str, Any]
Change = Callable[[Document], object]

PROJECT = cells_project()
UNKNOWN_ID = "0blob-unknown"


def piximi() -> Document:
    """Two annotations of a new kind, and one of a kind of which the project has the name."""

    def category(key: str, name: str, kind: str, color: str = "#123456") -> Document:
        return {"id": key, "name": name, "color": color, "kind": kind, "visible": True}

    def annotation(key: str, kind: str, category: str, mask: str, **more: Any) -> Document:  # noqa: ANN401
        return {
            "id": key, "name": f"name of {key}", "kind": kind, "categoryId": category,
            "imageId": "file image", "mask": mask, "boundingBox": [5, 2, 8, 4],
            "activePlane": 1, "partition": "Training", "shape": [1, 2, 3, 3], **more,
        }  # fmt: skip

    return {
        "version": "1.1.4",
        "images": [{"id": "file image", "name": "image0.tif"}],
        "kinds": [
            {
                "id": "1blob", "displayName": "blob", "unknownCategoryId": UNKNOWN_ID,
                "categories": [UNKNOWN_ID, "1red"], "containing": [],
            },
            {
                "id": "1other", "displayName": "CELL", "unknownCategoryId": "0other",
                "categories": ["0other", "1rund"], "containing": [],
            },
        ],
        "categories": [
            category(UNKNOWN_ID, "Unknown", "1blob", "#AAAAAA"),
            category("1red", "red", "1blob"),
            category("1rund", "ROUND", "1other"),
            category("0other", "Unknown", "1other", "#AAAAAA"),
        ],
        "annotations": [
            annotation("a", "1blob", "1red", "1 5"),
            annotation("b", "1blob", UNKNOWN_ID, "0 6", partition="Unassigned"),
            annotation("c", "1other", "1rund", "0 2 1 3", activePlane=0),
        ],
    }  # fmt: skip


def coco() -> Document:
    return {
        "images": [{"id": 7, "file_name": "image0.tif", "height": 20, "width": 30}],
        "categories": [{"id": 3, "name": "round", "supercategory": "cell"}],
        "annotations": [
            {
                "id": 1, "image_id": 7, "category_id": 3, "iscrowd": 0, "area": 6,
                "bbox": [5, 2, 3, 2], "segmentation": [[5, 2, 8, 2, 8, 4, 5, 4]],
            }
        ],
    }  # fmt: skip


@pytest.fixture
def written(tmp_path: Path) -> Callable[[object], Path]:
    def write(document: object) -> Path:
        path = tmp_path / "made.json"
        path.write_bytes(document if isinstance(document, bytes) else orjson.dumps(document))
        return path

    return write


Written = Callable[[object], Path]


def added(project: Project) -> list[Annotation]:
    return [thing for thing in project.annotations() if thing.id not in PROJECT.things]


# --- telling formats ---------------------------------------------------------------------------

CLASSIFIER = {"modelTopology": {}, "weightsManifest": [], **piximi()}
FOREIGN: dict[str, object] = {
    "empty file": b"",
    "binary": bytes(range(256)) * 40,
    "broken": orjson.dumps(piximi())[:-2],
    "not a number": json.dumps({**coco(), "info": float("nan")}).encode(),
    "too deep": b'{"annotations":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a list": [piximi()],
    "empty object": {},
    "empty lists": {"images": [], "categories": [], "annotations": []},
    "classifier": CLASSIFIER,
    "GeoJSON": {"type": "FeatureCollection", "features": []},
    "captions": {"images": [], "annotations": [{"image_id": 1, "caption": "a dog"}]},
    "rows of numbers": {"images": [], "categories": [], "annotations": [1, 2]},
    "LabelMe": {"shapes": [], "imagePath": "a.png", "version": "5.0"},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_ours_is_declined_and_refused(name: str, written: Written) -> None:
    path = written(FOREIGN[name])
    assert annotation_format(path) is None
    with pytest.raises(AnnotationFileError, match=re.escape(str(path))):
        read_annotations(path, PROJECT)


@pytest.mark.parametrize("at_a_glance", [False, True])
def test_formats_are_told_by_content(
    at_a_glance: bool, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    if at_a_glance:
        monkeypatch.setattr(module, "MAX_PARSED_TO_TELL", 4)
    assert annotation_format(written(piximi())) == "piximi"
    assert annotation_format(written(b"\xef\xbb\xbf\n" + orjson.dumps(coco()))) == "coco"
    assert annotation_format(written(CLASSIFIER)) is None
    assert annotation_format(written({"images": [], "annotations": []})) is None
    assert annotation_format(written({"type": "FeatureCollection"})) is None


def test_formats_of_files_without_annotations(written: Written) -> None:
    assert annotation_format(written({**piximi(), "annotations": []})) == "piximi"
    assert annotation_format(written({**coco(), "annotations": []})) == "coco"
    assert read_annotations(written({**coco(), "annotations": []}), PROJECT) is PROJECT


def test_what_is_no_file_is_declined(tmp_path: Path) -> None:
    assert annotation_format(tmp_path) is None
    assert annotation_format(tmp_path / "absent.json") is None
    with pytest.raises(AnnotationFileError, match=r"absent\.json: No such file"):
        read_annotations(tmp_path / "absent.json", PROJECT)


def test_files_beyond_the_limits(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(piximi())
    monkeypatch.setattr(module, "MAX_PARSED_BYTES", 100)
    with pytest.raises(AnnotationFileError, match=r"GiB of memory; split it"):
        read_annotations(path, PROJECT)
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    assert annotation_format(path) is None
    with pytest.raises(AnnotationFileError, match=r"more than the 100 that can be read"):
        read_annotations(path, PROJECT)


# --- Piximi ------------------------------------------------------------------------------------


def test_annotations_kinds_and_categories_come_in(written: Written) -> None:
    after = read_annotations(written(piximi()), PROJECT)
    a, b, c = added(after)
    assert a == Annotation(
        "a", "name of a", "1blob", "1red", "image0", (2, 5, 4, 8), masks.from_lengths((1, 5)),
        16, None, Partition.TRAINING, 1,
    )  # fmt: skip
    assert (b.category, b.partition) == (UNKNOWN_ID, Partition.UNASSIGNED)
    # "CELL" is the project's kind "cell", "ROUND" its category "round".
    assert (c.kind, c.category, c.plane) == ("cell", "1round", 0)
    assert list(after.kinds) == [*PROJECT.kinds, "1blob"]
    assert after.kinds["1blob"].name == "blob"
    assert after.kinds["1blob"].categories == (UNKNOWN_ID, "1red")
    assert after.kinds["1blob"].unknown == UNKNOWN_ID
    assert after.categories["1red"].color == "#123456"
    assert len(after.categories) == len(PROJECT.categories) + 2


def test_undo_brings_the_same_project_back(written: Written) -> None:
    session = Session(PROJECT)
    after = read_annotations(written(piximi()), session.project)
    session.apply(after, "Import annotations")
    session.undo()
    assert session.project is PROJECT
    session.redo()
    assert session.project is after


def test_the_same_file_again_adds_nothing(written: Written) -> None:
    path = written(piximi())
    after = read_annotations(path, PROJECT)
    with pytest.warns(PiximiWarning, match="3 of 3 annotations left out, with an id that is there"):
        assert read_annotations(path, after) is after


def test_ids_that_are_there_twice_come_in_once(written: Written) -> None:
    document = piximi()
    document["annotations"][1]["id"] = "a"
    with pytest.warns(PiximiWarning, match="1 of 3 annotations left out, with an id"):
        after = read_annotations(written(document), PROJECT)
    assert [thing.id for thing in added(after)] == ["a", "c"]


def test_predictions_are_kept_apart(written: Written) -> None:
    document = piximi()
    document["annotations"][0]["partition"] = "Inference"
    first = added(read_annotations(written(document), PROJECT))[0]
    assert (first.category, first.prediction) == (UNKNOWN_ID, Prediction("1red"))


def test_before_version_0_2_categories_are_kinds(written: Written) -> None:
    def row(category: str, mask: Any) -> Document:  # noqa: ANN401
        return {
            "id": f"1{category}", "categoryId": category, "imageId": "i", "mask": mask,
            "plane": 1, "boundingBox": [5, 2, 8, 4],
        }  # fmt: skip

    document = {
        "images": [{"id": "i", "name": "image1.png"}],
        "categories": [
            {"id": "x", "name": "Nucleus", "color": "#111111", "visible": True},
            {"id": "y", "name": "vesicle", "color": "#222222", "visible": True},
            {"id": "0z", "name": "Unknown", "color": "#AAAAAA", "visible": True},
        ],
        "annotations": [row("x", "0 6"), row("y", [1, 5]), row("0z", "1 4 1")],
    }
    after = read_annotations(written(document), PROJECT)
    found = added(after)
    assert [after.kinds[thing.kind].name for thing in found] == ["nucleus", "vesicle", "object"]
    assert all(thing.category == after.kinds[thing.kind].unknown for thing in found)
    assert {(thing.image, thing.plane) for thing in found} == {("image1", 1)}
    assert [masks.lengths(thing.runs).tolist() for thing in found] == [[0, 6], [1, 5], [1, 4, 1]]
    assert found[0].name == "image1.tif-nucleus_0"


def named(project: Project, *names: str) -> Project:
    things = dict(project.things)
    for key, name in zip(IMAGES, names, strict=True):
        things[key] = replace(things[key], name=name)
    return replace(project, things=things)


@pytest.mark.parametrize(
    ("here", "images", "expected"),
    [
        (("a.tif", "b.tif"), [("image1", "a.tif")], "image1"),
        (("a.tif", "b.tif"), [("x", "b.tif")], "image1"),
        (("a.tif", "A.tif"), [("x", "A.tif")], "image1"),
        (("a.tif", "b.tif"), [("x", "B.tif")], None),
        (("a.tif", "b.tif"), [("x", "folder/b.tif")], "image1"),
        (("a.tif", "f/b.tif"), [("x", "C:\\pics\\b.tif")], "image1"),
        (("a.tif", "b.tif"), [("x", "b.png")], "image1"),
        (("b.tif", "b.jpg"), [("x", "b.png")], None),
        (("b.tif", "b.tif"), [("x", "b.tif")], None),
        (("b.tif", "c.tif"), [("x", "1/b.tif"), ("y", "2/b.tif")], None),
        (("b.png", "c.tif"), [("x", "b.tif"), ("y", "b.png")], None),
        (("a.tif", "b.tif"), [("x", ".tif")], None),
    ],
)
def test_images_are_matched_where_there_is_no_doubt(
    here: tuple[str, str],
    images: list[tuple[str, str]],
    expected: str | None,
    written: Written,
) -> None:
    document = piximi()
    document["images"] = [{"id": key, "name": name} for key, name in images]
    for row in document["annotations"]:
        row["imageId"] = images[0][0]
    project = named(PROJECT, *here)
    if expected is None:
        with pytest.warns(PiximiWarning, match="3 of 3 annotations left out, on images that"):
            assert read_annotations(written(document), project) is project
    else:
        found = added(read_annotations(written(document), project))
        assert {thing.image for thing in found} == {expected}


def test_what_cannot_be_placed_is_counted_once(written: Written) -> None:
    document = piximi()
    document["images"].append({"id": "gone", "name": "a.png"})
    document["annotations"][0]["imageId"] = "gone"
    document["annotations"][1]["activePlane"] = 2
    document["annotations"] += [
        {**document["annotations"][2], "id": f"more{n}", "boundingBox": box, "mask": mask}
        for n, (box, mask) in enumerate(
            [([30, 0, 32, 2], "0 4"), ([28, 18, 32, 22], "0 16"), ([0, 0, 2, 2], "4")]
        )
    ]
    with pytest.warns(PiximiWarning) as caught:
        after = read_annotations(written(document), PROJECT)
    assert len(caught) == 1
    text = str(caught[0].message)
    assert (
        "1 of 6 annotations left out, on images that this project does not have ('a.png')" in text
    )
    assert "1 of 6 annotations left out, on planes that their image does not have" in text
    assert "1 of 6 annotations left out, outside of their image" in text
    assert "1 of 6 annotations left out, without any pixel in their image" in text
    c, clipped = added(after)
    assert c.id == "c"
    assert clipped.bbox == (18, 28, 20, 30)
    assert clipped.runs == masks.full(2, 2)


def replaced(*path: str | int, value: object) -> Change:
    def change(document: Document) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


BAD: dict[str, tuple[Change, str]] = {
    "no list": (replaced("categories", value={}), r"categories: is {}, not a list"),
    "no object": (replaced("annotations", 1, value=7), r"annotations\[1\]: is 7, not an object"),
    "id of an image": (replaced("images", 0, "id", value=4), r"images\[0\]\.id: is 4, not a text"),
    "image twice": (
        lambda d: d["images"].append({"id": "file image", "name": "image1.tif"}),
        r"images\[1\]\.id: 'file image' is there twice",
    ),
    "no name": (lambda d: d["images"][0].pop("name"), r"images\[0\]\.name: misses"),
    "no image": (
        lambda d: d["annotations"][2].pop("imageId"),
        r"annotations\[2\]\.imageId: misses",
    ),
    "no category": (
        replaced("annotations", 0, "categoryId", value="1blue"),
        r"annotations\[0\]\.categoryId: there is no category '1blue'",
    ),
    "kind of images": (
        replaced("annotations", 0, "kind", value="Image"),
        r"annotations\[0\]\.kind: 'Image' is the kind of images",
    ),
    "kind no text": (replaced("annotations", 0, "kind", value=[1]), r"\[0\]\.kind: is \[1\]"),
    "box of three": (
        replaced("annotations", 0, "boundingBox", value=[1, 2, 3]),
        r"annotations\[0\]\.boundingBox: is \[1, 2, 3\], not four numbers",
    ),
    "box of halves": (
        replaced("annotations", 0, "boundingBox", value=[1.5, 2, 3, 4]),
        r"boundingBox: is \[1\.5, 2, 3, 4\], not x1, y1, x2, y2",
    ),
    "box reversed": (
        replaced("annotations", 0, "boundingBox", value=[8, 2, 5, 4]),
        r"boundingBox: is \[8, 2, 5, 4\], not x1, y1, x2, y2",
    ),
    "absurd box": (
        replaced("annotations", 0, "boundingBox", value=[0, 0, 1e300, 1e300]),
        r"annotations\[0\]\.mask: has 6 pixels, but its box 1",
    ),
    "huge box": (
        lambda d: d["annotations"][0].update(
            boundingBox=[0, 0, 10**5, 10**5], mask="0 4000000000 0 4000000000 0 2000000000"
        ),
        r"annotations\[0\]\.boundingBox: is far larger than its image",
    ),
    "short mask": (
        replaced("annotations", 1, "mask", value="0 5"),
        r"annotations\[1\]\.mask: has 5 pixels, but its box 6",
    ),
    "long mask": (replaced("annotations", 1, "mask", value="0 7"), r"has 7 pixels, but its box 6"),
    "negative run": (
        replaced("annotations", 1, "mask", value="-1 7"),
        r"annotations\[1\]\.mask: '-1 7' are no run lengths",
    ),
    "enormous run": (
        replaced("annotations", 1, "mask", value="0 99999999999999999999"),
        r"are no run lengths",
    ),
    "mask of words": (replaced("annotations", 1, "mask", value="0 six"), r"are no run lengths"),
    "mask of texts": (replaced("annotations", 1, "mask", value=["0", "6"]), r"not run lengths"),
    "plane no number": (
        replaced("annotations", 1, "activePlane", value="0"),
        r"annotations\[1\]\.activePlane: is '0', not a whole number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_member_is_named_and_nothing_added(name: str, written: Written) -> None:
    change, message = BAD[name]
    document = piximi()
    change(document)
    path = written(document)
    with pytest.raises(AnnotationFileError, match=message) as caught:
        read_annotations(path, PROJECT)
    assert str(caught.value).startswith(str(path))
    assert isinstance(caught.value, ValueError)


def test_kind_ids_that_lead_astray_are_not_taken_over(written: Written) -> None:
    document = json.loads(json.dumps(piximi()).replace("1blob", "../../blob"))
    after = read_annotations(written(document), PROJECT)
    first, second, _ = added(after)
    assert first.kind == second.kind
    assert ".." not in first.kind
    assert after.kinds[first.kind].name == "blob"


def test_reading_can_be_cancelled(written: Written) -> None:
    def stop(done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        if total:
            raise Cancelled("Stopped")

    for document in (piximi(), coco()):
        with pytest.raises(Cancelled):
            read_annotations(written(document), PROJECT, progress=stop)


# --- anything at all ---------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([0, 1, 2, -1, 7, 10**9]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "0 6", "Image", "image0", "a", "..", "\0", "1red", "\U0001f52c"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    found = [path] if path else []
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in steps:
        more = isinstance(inner, dict | list)
        found += places(inner, (*path, step)) if more else [(*path, step)]
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_changed_file_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    document = data.draw(st.sampled_from([piximi(), coco(), coco_runs()]))
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places(document)))
        if data.draw(st.booleans()):
            replaced(*path, value=data.draw(VALUES))(document)
        else:
            place = document
            for step in path[:-1]:
                place = place[step]
            del place[path[-1]]
    made = tmp_path / "changed.json"
    made.write_bytes(orjson.dumps(copy.deepcopy(document)))
    with warnings.catch_warnings(), suppress(AnnotationFileError):
        warnings.simplefilter("ignore", PiximiWarning)
        after = read_annotations(made, PROJECT)
        assert annotation_format(made) is not None
        assert list(after.things)[: len(PROJECT.things)] == list(PROJECT.things)
        for thing in added(after):
            top, left, bottom, right = thing.bbox
            assert masks.decode(thing.runs, (bottom - top, right - left)).any()


def coco_runs() -> Document:
    document = coco()
    document["annotations"][0]["segmentation"] = {"size": [20, 30], "counts": [0, 600]}
    runs = {"size": [20, 30], "counts": "0hb0"}
    crowd = {"id": 2, "image_id": 7, "category_id": 3, "iscrowd": 1, "segmentation": runs}
    document["annotations"].append(crowd)
    return document


# --- what the real Piximi wrote ----------------------------------------------------------------


def test_piximis_own_export_comes_back_as_it_was() -> None:
    project = read_bundle(shared("bundles/rgb_project.zip"))
    originals = {thing.id: thing for thing in project.annotations()}
    bare = edits.delete_things(project, originals)
    path = shared("exports/rgb_piximi.json")
    assert annotation_format(path) == "piximi"
    again = read_annotations(path, bare)
    assert again.categories == project.categories
    assert again.kinds == project.kinds
    found = {thing.id: thing for thing in again.annotations()}
    assert {key: replace(a, pixels=None) for key, a in originals.items()} == found
    assert len(found) == 6


def test_piximis_own_export_brings_its_kinds() -> None:
    project = read_bundle(shared("bundles/rgb_project.zip"))
    bare = project
    for kind in list(project.kinds)[1:]:
        bare = edits.delete_kind(bare, kind)
    again = read_annotations(shared("exports/rgb_piximi.json"), bare)
    for made in again.kinds.values():
        assert made.name == project.kinds[made.id].name
        assert made.unknown == project.kinds[made.id].unknown
    for one in again.annotations():
        assert again.categories[one.category] == project.categories[one.category]


def test_classifiers_and_bundles_are_declined() -> None:
    assert annotation_format(shared("classifiers/mnist_classifier/mnist_classifier.json")) is None
    assert annotation_format(shared("bundles/rgb_project.zip")) is None
    assert annotation_format(shared("exports/rgb_coco.json")) == "coco"
    assert annotation_format(shared("digits_labels.json")) is None


def test_masks_of_clipped_annotations(written: Written) -> None:
    inside = np.zeros((4, 4), bool)
    inside[1:, :3] = True
    document = piximi()
    del document["annotations"][1:]
    document["annotations"][0].update(
        boundingBox=[-2, -1, 2, 3],
        mask=" ".join(map(str, masks.lengths(masks.encode(inside)).tolist())),
    )
    one = added(read_annotations(written(document), PROJECT))[0]
    assert one.bbox == (0, 0, 3, 2)
    assert np.array_equal(masks.decode(one.runs, (3, 2)), inside[1:, 2:])
