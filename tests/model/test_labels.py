from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from napari_piximi.errors import EditError
from napari_piximi.model import edits, masks
from napari_piximi.model.labels import annotations_of, labels_of
from napari_piximi.model.project import new_kind, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, Partition, is_unknown

KIND, UNKNOWN = new_kind("cell", kind_id="cell")
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))
LABELS = arrays.arrays(np.int32, SHAPES, elements=st.integers(0, 4))


def image_of(*shape: int, plane: int = 0) -> Image:
    pixels = ArrayPixels(np.zeros((*shape, 1), np.uint16))
    return Image("1image", "image.tif", "0unknown", pixels, 16, plane=plane)


def made(labels: NDArray[np.int32], image: Image | None = None) -> list[Annotation]:
    numbers = map("1cell-{}".format, count())
    image = image or image_of(*(labels.shape if labels.ndim == 3 else (1, *labels.shape)))
    return annotations_of(
        labels, image=image, kind=KIND, name="cell", make_id=lambda: next(numbers)
    )


def test_a_hand_made_image() -> None:
    labels = np.array([[0, 7, 7, 0], [2, 7, 0, 0], [2, 2, 0, 7]], np.int32)
    two, seven = made(labels)
    assert (two.name, two.bbox) == ("cell 2", (1, 0, 3, 2))
    assert masks.lengths(two.runs).tolist() == [0, 1, 1, 2]
    assert (seven.name, seven.bbox) == ("cell 7", (0, 1, 3, 4))
    assert masks.lengths(seven.runs).tolist() == [0, 2, 1, 1, 4, 1]
    assert [two.id, seven.id] == ["1cell-0", "1cell-1"]
    for annotation in (two, seven):
        assert (annotation.kind, annotation.category) == ("cell", KIND.unknown)
        assert (annotation.image, annotation.bit_depth) == ("1image", 16)
        assert (annotation.plane, annotation.pixels) == (0, None)
        assert annotation.partition == Partition.INFERENCE


def test_a_category_means_that_it_does_not_wait_for_inference() -> None:
    (one,) = annotations_of(
        np.ones((2, 2), bool), image=image_of(1, 2, 2), kind=KIND, name="cell", category="1round"
    )
    assert (one.category, one.partition) == ("1round", Partition.UNASSIGNED)
    assert not is_unknown(one.id)
    assert one.runs == masks.full(2, 2)


@given(LABELS)
def test_each_object_is_the_mask_of_its_label(labels: NDArray[np.int32]) -> None:
    found = {(a.plane, int(a.name.removeprefix("cell "))): a for a in made(labels)}
    expected = [(z, v) for z, plane in enumerate(labels) for v in np.unique(plane) if v]
    assert list(found) == expected
    for (plane, value), annotation in found.items():
        mask = labels[plane] == value
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
        assert annotation.bbox == (top, left, bottom, right)
        assert annotation.runs == masks.encode(mask[top:bottom, left:right])


@given(LABELS)
def test_painting_them_gives_the_objects_back(labels: NDArray[np.int32]) -> None:
    annotations = made(labels)
    painted = labels_of(annotations, (labels.shape[0], labels.shape[1], labels.shape[2]))
    assert painted.dtype == np.int32
    expected = np.zeros_like(labels)
    for number, annotation in enumerate(annotations, 1):
        value = int(annotation.name.removeprefix("cell "))
        plane = annotation.plane
        expected[plane][labels[plane] == value] = number
    np.testing.assert_array_equal(painted, expected)


def test_later_ones_are_painted_over_earlier_ones() -> None:
    whole, part = np.ones((2, 3), np.int32), np.array([[0, 1, 0], [0, 1, 0]], np.int32)
    annotations = made(whole) + made(part)
    assert labels_of(annotations, (1, 2, 3)).tolist() == [[[1, 2, 1], [1, 2, 1]]]
    assert labels_of(annotations[::-1], (1, 2, 3)).tolist() == [[[2, 2, 2], [2, 2, 2]]]
    assert labels_of([], (1, 2, 2)).tolist() == [[[0, 0], [0, 0]]]


def test_labels_with_two_axes_lie_on_the_plane_that_the_image_shows() -> None:
    labels = np.eye(3, dtype=np.uint8)
    (found,) = annotations_of(labels, image=image_of(5, 3, 3, plane=4), kind=KIND, name="cell")
    assert found.plane == 4


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint64])
def test_all_sorts_of_whole_numbers(dtype: type) -> None:
    labels: NDArray[np.integer] = np.array([[0, 1], [1, 0]], dtype)
    (found,) = annotations_of(labels, image=image_of(1, 2, 2), kind=KIND, name="cell")
    assert found.name == "cell 1"
    assert masks.lengths(found.runs).tolist() == [1, 2, 1]


def test_huge_labels_keep_their_number() -> None:
    labels = np.array([[2**63 + 1]], np.uint64)
    (found,) = annotations_of(labels, image=image_of(1, 1, 1), kind=KIND, name="cell")
    assert found.name == f"cell {2**63 + 1}"


def test_labels_that_lie_otherwise_in_memory() -> None:
    labels = np.array([[0, 1, 1], [2, 0, 1]], np.int32)
    assert made(np.asfortranarray(labels)) == made(labels)


def test_they_can_be_added_to_a_project() -> None:
    project = edits.add_kind(new_project(), KIND, UNKNOWN)
    image = Image(
        "1image", "image.tif", project.kinds["Image"].unknown,
        ArrayPixels(np.zeros((2, 4, 4, 1), np.uint8)),
    )  # fmt: skip
    labels = np.arange(32, dtype=np.int32).reshape(2, 4, 4)
    project = edits.add_images(project, [image])
    project = edits.add_annotations(project, made(labels, image))
    assert len(list(project.annotations())) == 31


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 2), np.float32), "float32, not whole numbers"),
        (np.zeros((2, 3), np.int32), "Labels of 2 × 3 do not fit 'image.tif', which has 1 × 2 × 2"),
        (np.zeros((2, 2, 2), np.int32), "Labels of 2 × 2 × 2 do not fit"),
        (np.zeros(4, np.int32), "Labels of 4 do not fit"),
    ],
)
def test_labels_that_do_not_suit_are_refused(labels: NDArray[np.int32], message: str) -> None:
    with pytest.raises(EditError, match=message):
        annotations_of(labels, image=image_of(1, 2, 2), kind=KIND, name="cell")


@pytest.mark.parametrize(
    ("box", "plane", "runs", "message"),
    [
        ((0, 0, 3, 2), 0, masks.full(3, 2), "does not lie in an image of 1 × 2 × 2"),
        ((-1, 0, 1, 2), 0, masks.full(2, 2), "does not lie in"),
        ((0, 0, 2, 2), 1, masks.full(2, 2), "plane 1, box"),
        ((0, 0, 2, 2), 0, masks.full(2, 1), "its mask does not fill its box"),
    ],
)
def test_annotations_that_do_not_lie_inside_are_refused(
    box: tuple[int, int, int, int], plane: int, runs: bytes, message: str
) -> None:
    annotation = Annotation("1", "cell", "cell", "0", "1image", box, runs, plane=plane)
    with pytest.raises(EditError, match=message):
        labels_of([annotation], (1, 2, 2))
