"""Inside, border, outside: from labels and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.segment.nuclei import nuclei

from napari_piximi.segment.found import found_labels
from napari_piximi.segment.matching import match_objects
from napari_piximi.segment.unet_targets import BORDER, CLASSES, INSIDE, classes_of, labels_from

SIGNS = {".": 0, "#": INSIDE, "o": BORDER}


def drawn(*rows: str) -> NDArray[np.uint8]:
    return np.array([[SIGNS[sign] for sign in row] for row in rows], np.uint8)


def numbers(*rows: str) -> NDArray[np.int32]:
    return np.array([[int(sign) for sign in row] for row in rows], np.int32)


def certain(classes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return probabilities that are 1 for what is true."""
    return np.eye(len(CLASSES), dtype=np.float32)[classes]


def test_objects_that_touch_get_a_border_on_both_sides() -> None:
    labels = numbers(
        "000000000000",
        "011111222220",
        "011111222220",
        "011111222220",
        "011111222220",
        "011111222220",
        "000000000000",
    )
    expected = drawn(
        "............",
        ".oooooooooo.",
        ".o###oo###o.",
        ".o###oo###o.",
        ".o###oo###o.",
        ".oooooooooo.",
        "............",
    )
    np.testing.assert_array_equal(classes_of(labels, 1), expected)


def test_the_edge_of_the_image_is_no_border() -> None:
    labels = numbers("11100", "11100", "11100", "00000")
    np.testing.assert_array_equal(classes_of(labels, 1), drawn("##o..", "##o..", "ooo..", "....."))
    whole = np.ones((4, 3), np.int32)
    np.testing.assert_array_equal(classes_of(whole, 3), np.full((4, 3), INSIDE))
    np.testing.assert_array_equal(classes_of(whole * 0, 3), np.zeros((4, 3)))


def test_what_is_too_small_for_a_border_has_an_inside_all_the_same() -> None:
    labels = numbers("0000000", "0100220", "0000220", "0000000")
    found = classes_of(labels, 3)
    for number in (1, 2):
        assert (found[labels == number] == INSIDE).any()
    again, _ = labels_from(certain(found))
    np.testing.assert_array_equal(again, labels)


@given(st.integers(0, 2**31), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_the_border_is_as_wide_as_a_search_pixel_by_pixel_finds(seed: int, border: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.zeros((14, 15), np.int32)
    for number in (1, 2, 3):
        top, left = random.integers(0, 9, 2)
        labels[top : top + random.integers(3, 9), left : left + random.integers(3, 9)] = number
    padded = np.pad(labels, 1, mode="edge")
    edges = [
        (r, c)
        for r, c in np.argwhere(labels).tolist()
        if len(np.unique(padded[r : r + 3, c : c + 3])) > 1
    ]
    found = classes_of(labels, border)
    for number in np.unique(labels[labels > 0]).tolist():
        pixels = np.argwhere(labels == number)
        near = [min((np.hypot(*(p - e)) for e in edges), default=np.inf) + 1 for p in pixels]
        limit = min(border + 0.5, 0.6 * max(near))
        expected = [INSIDE if depth > limit else BORDER for depth in near]
        assert found[tuple(pixels.T)].tolist() == expected


@pytest.mark.parametrize("border", [1, 2, 3])
def test_nuclei_that_touch_come_back_at_full_size(border: int) -> None:
    matched = objects = 0
    for seed in range(6):
        labels = nuclei(seed)[1]
        found, scores = labels_from(certain(classes_of(labels, border)))
        np.testing.assert_array_equal(found > 0, labels > 0)
        np.testing.assert_array_equal(scores, 1)
        assert found.max() == len(scores)
        compared = match_objects(found_labels(labels), found_labels(found), (0.75,))
        matched += compared.matched[0]
        objects += compared.annotated + compared.found
    assert 2 * matched / objects > 0.9


def test_thresholds_and_least_size() -> None:
    probabilities = np.zeros((9, 12, 3), np.float32)
    probabilities[..., 0] = 1
    probabilities[2:7, 2:7] = (0.3, 0.1, 0.6)
    probabilities[3:6, 3:6] = (0.1, 0.8, 0.1)
    probabilities[1, 10] = (0.2, 0.7, 0.1)
    labels, scores = labels_from(probabilities)
    assert np.bincount(labels.ravel()).tolist() == [82, 1, 25]
    np.testing.assert_allclose(scores, [0.8, (9 * 0.9 + 16 * 0.7) / 25], rtol=1e-6)
    assert labels_from(probabilities, min_size=2)[0].max() == 1
    assert (labels_from(probabilities, 0.75)[0] > 0).sum() == 10
    assert labels_from(probabilities, seed=0.75)[0].max() == 1
    assert labels_from(probabilities, seed=0.95)[1].shape == (0,)
    assert not labels_from(np.zeros((1, 1, 3), np.float32))[0].any()
