import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from napari_piximi.segment.splitting import split_touching

Labels = NDArray[np.int32]


def dumbbell(distance: int, radius: int = 12, second: int = 12) -> Labels:
    """Paint two disks with one number whose centres are so far apart."""
    y, x = np.mgrid[: 3 * radius, : distance + 3 * radius]
    start = 3 * radius // 2
    one = (y - start) ** 2 + (x - start) ** 2 <= radius**2
    other = (y - start) ** 2 + (x - start - distance) ** 2 <= second**2
    labels: Labels = (one | other).astype(np.int32)
    return labels


def parts(labels: NDArray[np.integer]) -> list[int]:
    return sorted(np.unique(labels[labels > 0], return_counts=True)[1].tolist())


def waist(distance: int, radius: int = 12) -> float:
    """Measure how wide two disks are where they meet, as a share of their width."""
    return float(np.sqrt(max(radius**2 - (distance / 2) ** 2, 0)) / radius)


@pytest.mark.parametrize("distance", [6, 12, 16, 20, 22])
def test_two_disks_are_cut_where_their_waist_is_narrow(distance: int) -> None:
    labels = dumbbell(distance)
    share = waist(distance)
    if share < 0.95:
        halves = parts(split_touching(labels, min(share + 0.12, 1.0)))
        assert len(halves) == 2
        assert halves[0] == pytest.approx(halves[1], rel=0.06)
    assert len(parts(split_touching(labels, share - 0.12))) == 1


def test_what_is_cut_is_all_there() -> None:
    random = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(random.random((150, 140)), 3)
    labels, count = ndimage.label(smooth > np.median(smooth), np.ones((3, 3)))
    cut = split_touching(labels, 0.8, 5)
    np.testing.assert_array_equal(cut > 0, labels > 0)
    assert len(np.unique(cut[cut > 0])) > count
    for label in np.unique(cut[cut > 0]).tolist():
        assert len(np.unique(labels[cut == label])) == 1
        assert ndimage.label(cut == label, np.ones((3, 3)))[1] == 1


def test_small_parts_are_not_cut_off() -> None:
    labels = dumbbell(20, second=9)
    size = parts(split_touching(labels, 0.9))[0]
    assert len(parts(split_touching(labels, 0.9, size))) == 2
    assert len(parts(split_touching(labels, 0.9, size + 1))) == 1


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_there_is_nothing_to_cut_in(share: float) -> None:
    for labels in (np.zeros((5, 6), np.int32), np.ones((5, 6), np.int32)):
        assert split_touching(labels, share) is labels
    one = np.pad(np.ones((1, 1), np.int32), 2)
    assert parts(split_touching(one, share)) == [1]
    assert split_touching(one, 0.0) is one
