"""COCO files: polygons and run lengths as its reference implementation has them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from tests.model.cells import cells_project
from tests.shared_data import shared

from napari_piximi.errors import AnnotationFileError, PiximiWarning
from napari_piximi.io import _outlines
from napari_piximi.io._annotation_file import AnnotationFile
from napari_piximi.io._coco_runs import decode_counts
from napari_piximi.io._outlines import Shape, draw
from napari_piximi.io.annotations import read_annotations
from napari_piximi.io.bundle import read_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Partition

Document = dict[str, Any]
Mask = NDArray[np.bool_]

PROJECT = cells_project()
FILE = AnnotationFile("made.json", {})
HEIGHT, WIDTH = 20, 30
SQUARE = [5.0, 2.0, 8.0, 2.0, 8.0, 4.0, 5.0, 4.0]


def drawn(shapes: list[Shape]) -> list[Mask]:
    """Draw shapes as masks of their whole images, and check that boxes are tight."""
    found = []
    for shape, outline in zip(shapes, draw(shapes, FILE), strict=True):
        mask = np.zeros((shape.height, shape.width), bool)
        if outline is not None:
            (top, left, bottom, right), runs = outline
            inner = masks.decode(runs, (bottom - top, right - left))
            assert all(edge.any() for edge in (inner[0], inner[-1], inner[:, 0], inner[:, -1]))
            assert runs == masks.encode(inner)
            mask[top:bottom, left:right] = inner
        found.append(mask)
    return found


def compressed(counts: list[int]) -> str:
    """Write run lengths as COCO does, one bit after the other, slowly."""
    text = ""
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            digit, value = value & 31, value >> 5
            more = value != (-1 if digit & 16 else 0)
            text += chr(48 + digit + 32 * more)
            if not more:
                break
    return text


def runs_of(mask: Mask) -> list[int]:
    """Count runs column by column, background first, one pixel at a time."""
    counts, inside = [0], False
    for value in mask.T.ravel().tolist():
        if value != inside:
            counts.append(0)
            inside = value
        counts[-1] += 1
    return counts


# --- outlines ----------------------------------------------------------------------------------

SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@given(st.lists(SIZES.flatmap(lambda size: arrays.arrays(bool, size)), max_size=5))
def test_run_lengths_give_the_mask_back(originals: list[Mask]) -> None:
    counts = [runs_of(mask) for mask in originals]
    plain = [
        Shape(n, mask.shape[0], mask.shape[1], counts=runs)
        for n, (mask, runs) in enumerate(zip(originals, counts, strict=True))
    ]
    packed = [shape._replace(counts=compressed(shape.counts)) for shape in plain]  # type: ignore[arg-type]
    assert all(map(np.array_equal, drawn(plain), originals))
    assert all(map(np.array_equal, drawn(packed + plain), originals * 2))


@given(st.lists(st.lists(st.integers(0, 2**35), max_size=9), max_size=5))
def test_compressed_numbers_come_back(lists: list[list[int]]) -> None:
    values, sizes = decode_counts([compressed(counts) for counts in lists])
    assert sizes.tolist() == [len(counts) for counts in lists]
    assert values.tolist() == [count for counts in lists for count in counts]


COORDINATES = st.one_of(
    st.floats(-15, 40, width=32),
    st.integers(-15, 40).map(float),
    st.integers(-75, 200).map(lambda fifths: fifths / 5),
    st.integers(-30, 80).map(lambda halves: halves / 2),
)
POLYGONS = st.lists(
    st.lists(COORDINATES, min_size=6, max_size=20).map(lambda p: p[: len(p) // 2 * 2]),
    min_size=1,
    max_size=3,
)


# Its own: the reference does not know the newest NumPy yet.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't:DeprecationWarning")
@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(POLYGONS, st.integers(1, 25), st.integers(1, 25)), max_size=4))
def test_polygons_are_those_of_the_reference(
    cases: list[tuple[list[list[float]], int, int]],
) -> None:
    reference = pytest.importorskip("pycocotools.mask")
    shapes = [Shape(n, h, w, polygons) for n, (polygons, h, w) in enumerate(cases)]
    for (polygons, height, width), mask in zip(cases, drawn(shapes), strict=True):
        parts = reference.merge(reference.frPyObjects(polygons, height, width))
        assert np.array_equal(mask, reference.decode(parts).astype(bool))


def test_corners_of_pixels() -> None:
    """A polygon's corners are corners of pixels: three columns of two pixels, by hand."""
    mask = drawn([Shape(0, HEIGHT, WIDTH, [SQUARE])])[0]
    assert np.argwhere(mask).tolist() == [[y, x] for y in (2, 3) for x in (5, 6, 7)]


def test_several_parts_are_one_object_and_what_crosses_itself_has_a_hole() -> None:
    apart = [15.0, 10.0, 17.0, 10.0, 17.0, 12.0, 15.0, 12.0]
    twice: list[float] = [0, 0, 9, 0, 9, 9, 0, 9, 0, 0, 3, 3, 3, 6, 6, 6, 6, 3, 3, 3]
    both, ring = drawn(
        [Shape(0, HEIGHT, WIDTH, [SQUARE, apart, SQUARE]), Shape(1, HEIGHT, WIDTH, [twice])]
    )
    assert both.sum() == 6 + 4
    assert both[10:12, 15:17].all()
    assert ring.sum() == 81 - 9
    assert not ring[3:6, 3:6].any()


def contour(mask: Mask) -> list[float]:
    """Follow the outer border of a mask from pixel to pixel, as Piximi's export does."""
    y, x = (int(v) for v in np.argwhere(mask)[0])
    padded = np.pad(mask, 1)
    around = [(0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1)]
    path, came, seen = [(y, x)], 0, set()
    while True:
        y, x = path[-1]
        turns = [(came + 1 + turn) % 8 for turn in range(8)]
        steps = [t for t in turns if padded[y + 1 + around[t][0], x + 1 + around[t][1]]]
        if not steps or (y, x, steps[0]) in seen:
            break
        seen.add((y, x, steps[0]))
        path.append((y + around[steps[0]][0], x + around[steps[0]][1]))
        came = (steps[0] + 4) % 8
    points = path[:-1] if len(path) > 1 else path
    return [float(v) for y, x in points for v in (x, y)]


@given(st.lists(arrays.arrays(bool, (7, 9)), min_size=1, max_size=4))
def test_contours_of_pixels_give_the_mask_back(originals: list[Mask]) -> None:
    """All but holes and further parts, which such a contour cannot tell."""
    from scipy import ndimage

    wanted = []
    for original in originals:
        parts, count = ndimage.label(original, np.ones((3, 3)))
        if count:
            first = parts == parts[tuple(np.argwhere(original)[0])]
            wanted.append(ndimage.binary_fill_holes(first))
    shapes = [Shape(n, 7, 9, [contour(mask)], may_be_pixels=True) for n, mask in enumerate(wanted)]
    assert all(map(np.array_equal, drawn(shapes), wanted))


def test_only_what_steps_from_pixel_to_pixel_is_a_contour() -> None:
    steps = [5.0, 5.0, 6.0, 5.0, 6.0, 6.0, 5.0, 6.0]
    shapes = [
        Shape(0, HEIGHT, WIDTH, [steps], may_be_pixels=True),
        Shape(1, HEIGHT, WIDTH, [steps]),
        Shape(2, HEIGHT, WIDTH, [SQUARE], may_be_pixels=True),
        Shape(3, HEIGHT, WIDTH, [[v + 0.5 for v in steps]], may_be_pixels=True),
    ]
    assert [int(mask.sum()) for mask in drawn(shapes)] == [4, 1, 6, 1]


def test_contours_beyond_the_image_are_clipped() -> None:
    frame = np.ones((6, 6), bool)
    around = [v - 3 for v in contour(frame)]
    outside = [v + 100 for v in around]
    inner, nothing = drawn(
        [
            Shape(0, 4, 5, [around], may_be_pixels=True),
            Shape(1, 4, 5, [outside], may_be_pixels=True),
        ]
    )
    assert np.argwhere(inner).tolist() == [[y, x] for y in range(3) for x in range(3)]
    assert not nothing.any()


def test_too_much_at_once_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [Shape(n, HEIGHT, WIDTH, [[v + n for v in SQUARE]]) for n in range(9)]
    expected = draw(shapes, FILE)
    monkeypatch.setattr(_outlines, "MOST_AT_ONCE", 5)
    assert draw(shapes, FILE) == expected
    monkeypatch.setattr(_outlines, "MOST_ALONE", 5)
    with pytest.raises(
        AnnotationFileError, match=r"made\.json: annotations\[0\]\.segmentation: has"
    ):
        draw(shapes, FILE)


# --- files -------------------------------------------------------------------------------------


def document(*annotations: Document) -> Document:
    return {
        "images": [
            {"id": 7, "file_name": "images/image0.tif", "height": HEIGHT, "width": WIDTH},
            {"id": 8, "file_name": "image1.png"},
            {"id": 9, "file_name": "gone.png"},
        ],
        "categories": [
            {"id": 3, "name": "Round", "supercategory": "Cell"},
            {"id": 4, "name": "flat", "supercategory": "cell", "color": "#010203"},
            {"id": 5, "name": "dog", "supercategory": "animal"},
            {"id": 6, "name": "thing"},
            {"id": 1, "name": "unknown", "supercategory": "none"},
        ],
        "annotations": [
            {"id": n, "image_id": 7, "category_id": 3, "area": 6, "segmentation": [SQUARE], **more}
            for n, more in enumerate(annotations)
        ],
    }


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Project]:
    def read(*annotations: Document, **tables: object) -> Project:
        path = tmp_path / "coco.json"
        path.write_bytes(orjson.dumps({**document(*annotations), **tables}))
        return read_annotations(path, PROJECT)

    return read


Read = Callable[..., Project]


def added(project: Project) -> list[Annotation]:
    return [thing for thing in project.annotations() if thing.id not in PROJECT.things]


def test_categories_and_kinds(read: Read) -> None:
    after = read(*({"category_id": key} for key in (6, 5, 4, 3, 1, "3", 3.0)))
    words = [(after.kinds[a.kind].name, after.categories[a.category].name) for a in added(after)]
    assert words == [
        ("object", "thing"),
        ("animal", "dog"),
        ("cell", "flat"),
        ("cell", "round"),
        ("object", "Unknown"),
        ("cell", "round"),
        ("cell", "round"),
    ]
    assert [kind.name for kind in after.kinds.values()] == [
        "Image", "cell", "nucleus", "animal", "object",
    ]  # fmt: skip
    assert next(c for c in after.categories.values() if c.name == "flat").color == "#010203"


def test_what_an_annotation_becomes(read: Read) -> None:
    one, two = added(read({}, {"image_id": 8}))
    assert one == Annotation(
        one.id, "image0.tif-cell_2", "cell", "1round", "image0", (2, 5, 4, 8), masks.full(2, 3), 16
    )
    assert one.partition is Partition.UNASSIGNED
    assert (two.image, two.name) == ("image1", "image1.tif-cell_2")
    assert re.fullmatch(r"1[0-9a-f]{7}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one.id)


def test_reading_again_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "coco.json"
    path.write_bytes(orjson.dumps(document({}, {"category_id": 4}, {"category_id": 5})))
    after = read_annotations(path, PROJECT)
    with pytest.warns(PiximiWarning, match="3 of 3 annotations left out, with an id"):
        assert read_annotations(path, after) is after


def test_boxes_crowds_and_lone_polygons(read: Read) -> None:
    counts = runs_of(drawn([Shape(0, HEIGHT, WIDTH, [SQUARE])])[0])
    size = [HEIGHT, WIDTH]
    found = added(
        read(
            {"segmentation": [], "bbox": [5, 2, 3, 2]},
            {"segmentation": {"size": size, "counts": counts}, "iscrowd": 1},
            {"segmentation": {"size": size, "counts": compressed(counts)}},
            {"segmentation": SQUARE},
            {"segmentation": [SQUARE, []]},
        )
    )
    assert [(one.bbox, one.runs) for one in found] == [((2, 5, 4, 8), masks.full(2, 3))] * 5


def test_what_is_left_out_is_counted_and_the_rest_clipped(read: Read) -> None:
    with pytest.warns(PiximiWarning) as caught:
        after = read(
            {"image_id": 9},
            {"segmentation": [[v - 50 for v in SQUARE]]},
            {"segmentation": [[v - 6 for v in SQUARE]]},
            {"segmentation": [[28, 18, 40, 18, 40, 25, 28, 25]]},
            {"segmentation": {"size": [10**9, 10**9], "counts": [10**18]}},
            {"segmentation": None, "bbox": [5, 5, 0, 0]},
            {},
        )
    assert len(caught) == 1
    text = str(caught[0].message)
    assert (
        "1 of 7 annotations left out, on images that this project does not have ('gone.png')"
        in text
    )
    assert "3 of 7 annotations left out, without any pixel in their image" in text
    assert "1 of 7 annotations left out, on images of another size (height × width)" in text
    assert "20 × 30 here, 1000000000 × 1000000000 in the file" in text
    assert [one.bbox for one in added(after)] == [(18, 28, 20, 30), (2, 5, 4, 8)]


def test_images_of_another_size_are_left_out(read: Read) -> None:
    images = [{"id": 7, "file_name": "image0.tif", "height": 30, "width": 20}]
    with pytest.warns(PiximiWarning, match=r"image0\.tif: 20 × 30 here, 30 × 20 in the file"):
        assert read({}, images=images) is PROJECT


SIZE = [HEIGHT, WIDTH]
BAD: dict[str, tuple[Document, str]] = {
    "no category": ({"category_id": 99}, r"annotations\[0\]\.category_id: there is no category"),
    "no image": ({"image_id": 99}, r"annotations\[0\]\.image_id: there is no image '99'"),
    "id of nothing": ({"image_id": None}, r"annotations\[0\]\.image_id: is None, not an id"),
    "absurd": ({"segmentation": [[0, 0, 1e300, 0, 5, 5]]}, r"\[0\]: has the corner \(1e\+300, 0\)"),
    "absurd box": ({"segmentation": [], "bbox": [0, 0, 1e300, 1]}, r"\[0\]: has the corner"),
    "negative box": ({"segmentation": [], "bbox": [5, 5, -1, 1]}, r"bbox: has a negative width"),
    "box of texts": ({"segmentation": [], "bbox": ["1"] * 4}, r"bbox: is .* not four numbers"),
    "odd": ({"segmentation": [[1, 2, 3]]}, r"segmentation\[0\]: is \[1, 2, 3\], not pairs"),
    "texts": ({"segmentation": [SQUARE, ["1", "2"]]}, r"segmentation\[1\]: is \['1', '2'\]"),
    "deep": ({"segmentation": [[[1, 2]]]}, r"segmentation\[0\]: is \[\[1, 2\]\]"),
    "a text": ({"segmentation": "here"}, r"segmentation: is 'here', neither polygons nor run"),
    "no size": ({"segmentation": {"counts": [600]}}, r"segmentation\.size: is None"),
    "no counts": ({"segmentation": {"size": SIZE}}, r"segmentation\.counts: is None"),
    "short": (
        {"segmentation": {"size": SIZE, "counts": [0, 599]}},
        r"counts: fills 599 pixels of an image of 20 × 30",
    ),
    "negative": (
        {"segmentation": {"size": SIZE, "counts": [-1, 601]}},
        r"annotations\[0\]\.segmentation\.counts: has a run of -1 pixels",
    ),
    "enormous": ({"segmentation": {"size": SIZE, "counts": [2**63]}}, r"more pixels than any"),
    "long": ({"segmentation": {"size": SIZE, "counts": [0, 2**62]}}, r"has a run of 4611686"),
    "foreign": ({"segmentation": {"size": SIZE, "counts": "é"}}, r"characters that are no digits"),
    "no digit": ({"segmentation": {"size": SIZE, "counts": "0 0"}}, r"characters that are no"),
    "unfinished": ({"segmentation": {"size": SIZE, "counts": "0h"}}, r"ends within a number"),
    "many digits": ({"segmentation": {"size": SIZE, "counts": "o" * 20 + "0"}}, r"too many digits"),
    "no counts at all": ({"segmentation": {"size": SIZE, "counts": ""}}, r"fills 0 pixels"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_member_is_named(name: str, read: Read) -> None:
    change, message = BAD[name]
    with pytest.raises(AnnotationFileError, match=message):
        read(change)


def test_which_run_lengths_are_bad_is_told(read: Read) -> None:
    good = {"segmentation": {"size": SIZE, "counts": "0hb0"}}
    bad = {"segmentation": {"size": SIZE, "counts": "0h"}}
    with pytest.raises(AnnotationFileError, match=r"annotations\[3\]\.segmentation\.counts: ends"):
        read({}, good, {}, bad, good)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"images": [{"file_name": "a"}]}, r"images\[0\]\.id: misses"),
        ({"images": [{"id": 7}]}, r"images\[0\]\.file_name: misses"),
        (
            {"images": [{"id": 7, "file_name": "image0.tif", "width": "30"}]},
            r"images\[0\]\.width: is '30', not a whole number",
        ),
        (
            {"images": [{"id": 7, "file_name": "a"}, {"id": "7", "file_name": "b"}]},
            r"images\[1\]\.id: '7' is there twice",
        ),
        ({"categories": [{"id": 3}]}, r"categories\[0\]\.name: misses"),
        (
            {"categories": [{"id": 3, "name": "a", "supercategory": 4}]},
            r"categories\[0\]\.supercategory: is 4, not a text",
        ),
    ],
)
def test_bad_tables_are_named(tables: Document, message: str, read: Read) -> None:
    with pytest.raises(AnnotationFileError, match=message):
        read({}, **tables)


def test_piximis_own_export_gives_the_masks_back() -> None:
    project = read_bundle(shared("bundles/rgb_project.zip"))
    originals = list(project.annotations())
    bare = edits.delete_things(project, [thing.id for thing in originals])
    again = read_annotations(shared("exports/rgb_coco.json"), bare)
    found = list(again.annotations())
    assert len(found) == len(originals) == 6
    assert again.categories == project.categories
    for original, one in zip(originals, found, strict=True):
        whole = np.zeros((2, 520, 700), bool)
        for mask, thing in zip(whole, (original, one), strict=True):
            top, left, bottom, right = thing.bbox
            shape = bottom - top, right - left
            mask[top:bottom, left:right] = masks.decode(thing.runs, shape)
        assert np.array_equal(*whole)
        assert (one.kind, one.category, one.image) == (
            original.kind, original.category, original.image,
        )  # fmt: skip
