import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from napari_piximi.errors import SegmentError
from napari_piximi.segment.tiles import Tile, tiles, walk


@given(
    shape=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    size=st.integers(1, 45),
    overlap=st.integers(0, 50),
    multiple=st.integers(1, 9),
)
def test_what_is_kept_covers_the_plane_once(
    shape: tuple[int, int], size: int, overlap: int, multiple: int
) -> None:
    times = np.zeros(shape, int)
    for tile in tiles(shape, size, overlap, multiple):
        times[tile.keeping] += 1
        top, left, bottom, right = tile.read
        assert 0 <= top <= tile.keep[0]
        assert 0 <= left <= tile.keep[1]
        assert tile.keep[2] <= bottom <= shape[0]
        assert tile.keep[3] <= right <= shape[1]
        assert top % multiple == left % multiple == 0
        assert bottom % multiple == 0 or bottom == shape[0]
        assert right % multiple == 0 or right == shape[1]
        assert top == 0 or tile.keep[0] - top >= overlap
        assert right == shape[1] or right - tile.keep[3] >= overlap
    assert (times == 1).all()


def test_a_neighbourhood_is_seen_whole() -> None:
    plane = np.random.default_rng(0).random((50, 37))
    result = np.zeros_like(plane)
    for tile in tiles((50, 37), 16, 3):
        seen = ndimage.maximum_filter(plane[tile.reading], 7, mode="nearest")
        result[tile.keeping] = seen[tile.kept]
    assert np.array_equal(result, ndimage.maximum_filter(plane, 7, mode="nearest"))


def test_one_tile_where_the_plane_is_small() -> None:
    assert list(tiles((5, 7), 8, 2)) == [Tile((0, 0, 5, 7), (0, 0, 5, 7))]
    assert list(tiles((0, 7), 8, 2)) == []


@pytest.mark.parametrize(("size", "overlap", "multiple"), [(0, 0, 1), (8, -1, 1), (8, 0, 0)])
def test_what_cannot_be_made_is_refused(size: int, overlap: int, multiple: int) -> None:
    with pytest.raises(SegmentError, match=f"Tiles of {size} pixels"):
        list(tiles((8, 8), size, overlap, multiple))


def test_a_walk_tells_how_far_it_is() -> None:
    told: list[tuple[int, int, str]] = []
    walked = list(walk((20, 30), 8, lambda *step: told.append(step), "looking", 2))
    assert walked == list(tiles((20, 30), 8, 2))
    assert told == [(done, 12, "looking") for done in range(12)]
