"""Labels of more than 16 bits, drawn in 16 bits."""

import numpy as np
import pytest
from napari.layers import Labels

from napari_piximi.ui.layer_colormap import SMALL, LabelColors, Texture

SIDE = 1100


@pytest.fixture
def labels() -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    assert SIDE * SIDE > SMALL
    made = np.zeros((SIDE, SIDE), np.int32)
    made[:300] = np.arange(300 * SIDE).reshape(300, SIDE)
    return made


def test_no_label_is_taken_for_background(
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int32]],
) -> None:
    assert (labels == 1 << 16).any()
    drawn = Texture().of(labels)
    assert drawn.dtype == np.uint16
    assert np.array_equal(drawn == 0, labels == 0)
    others = labels % (1 << 16) != 0
    assert np.array_equal(drawn[others], labels[others] % (1 << 16))
    assert (drawn[labels == 1 << 16] == 1).all()
    assert np.array_equal(Texture().of(labels[60:70]), drawn[60:70])


def test_memory_is_used_again_for_the_same_labels_only(
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int32]],
) -> None:
    texture = Texture()
    first = texture.of(labels)
    labels[0, 0] = 7
    again = texture.of(labels[:])
    assert again is first
    assert again[0, 0] == 7
    other = labels.copy()
    assert texture.of(other) is not first
    assert first[0, 0] == 7


def test_what_was_drawn_ahead_is_not_drawn_again_at_first(
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int32]],
) -> None:
    ahead, texture = Texture(), Texture()
    ahead.fill(labels)
    texture.adopt(ahead)
    labels[0, 0] = 7
    assert texture.of(labels)[0, 0] == 0
    assert texture.of(labels)[0, 0] == 7


def test_a_layer_has_the_colours_of_its_labels() -> None:
    colors = np.random.default_rng(0).random((65_535, 4)).astype(np.float32)
    layer = Labels(np.array([[0, 1, 500], [65_537, 70_000, 65_534]], np.int32))
    layer.colormap = LabelColors(colors)
    view = layer._slice.image.view
    assert view.tolist() == [[0, 1, 500], [1, 4464, 65_534]]
    assert np.allclose(layer.colormap.map(np.uint16(500)), colors[500])
    layer.selected_label = 500
    layer.show_selected_label = True
    assert (layer._slice.image.view != 0).tolist() == [[False, False, True], [False] * 3]
