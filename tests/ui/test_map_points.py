import numpy as np
import pytest
from skimage.measure import points_in_poly

from napari_piximi.ui.map_points import inside, nearest, paint_points

STAR = np.array([(5, 0), (8, 10), (0, 3.5), (10, 3.5), (2, 10)], float)


@pytest.mark.parametrize("corners", [3, 4, 7, 300])
def test_points_inside_are_scikit_images(corners: int) -> None:
    draws = np.random.default_rng(corners)
    points = draws.normal(size=(2000, 2))
    polygon = draws.normal(size=(corners, 2))  # crosses itself again and again
    expected = points_in_poly(points, polygon)
    assert inside(points, polygon).tolist() == expected.tolist()
    assert 0 < expected.sum() < 2000


def test_what_a_star_surrounds_twice_is_out() -> None:
    points = np.array([(5, 5), (5, 2), (9, 9), (5, 11)], np.float32)
    assert inside(points, STAR).tolist() == [False, True, False, False]


def test_nothing_is_inside_a_line() -> None:
    points = np.zeros((3, 2))
    assert not inside(points, np.zeros((2, 2))).any()
    assert not inside(points, np.ones((5, 2))).any()
    assert inside(np.zeros((0, 2)), STAR).tolist() == []


def test_disks_are_painted_later_ones_on_top_and_cut_at_edges() -> None:
    canvas = np.zeros((6, 7), np.uint32)
    pixels = np.array([(3, 3), (4, 3), (0, 0), (7, 5), (-9, 2), (3, 99)], np.int32)
    paint_points(canvas, pixels, np.array([1, 2, 3, 4, 5, 6], np.uint32), 1)
    assert canvas.tolist() == [
        [3, 3, 0, 0, 0, 0, 0],
        [3, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 2, 0, 0],
        [0, 0, 1, 1, 2, 2, 0],
        [0, 0, 0, 1, 2, 0, 0],
        [0, 0, 0, 0, 0, 0, 4],
    ]
    paint_points(canvas, np.array([(1, 5)], np.int32), np.array([9], np.uint32), 0)
    assert canvas[5].tolist() == [0, 9, 0, 0, 0, 0, 4]


def test_the_nearest_shown_point_within_reach_is_found() -> None:
    points = np.array([(0, 0), (3, 0), (3.5, 0)], np.float32)
    shown = np.array([True, False, True])
    assert nearest(points, shown, np.array([2.9, 0]), 2) == 2
    assert nearest(points, shown, np.array([1, 1]), 2) == 0
    assert nearest(points, shown, np.array([9, 9]), 2) is None
