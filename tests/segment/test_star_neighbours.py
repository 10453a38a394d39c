"""Pairs that may overlap are found, and no others, against all pairs one by one."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.segment.star_fields import scattered

from napari_piximi.segment import _star_neighbours
from napari_piximi.segment._star_neighbours import meeting
from napari_piximi.segment._star_polygons import Polygons, polygons

Pairs = set[tuple[int, int]]


def of_all_sizes(seed: int, shift: float = 0) -> Polygons:
    stars = scattered(seed, 120, 250, 12)
    sizes = np.random.default_rng(seed).choice([0.1, 1, 1, 8], (120, 1)).astype(np.float32)
    return polygons(stars.points + np.float32(shift), stars.distances * sizes)


def one_by_one(
    stars: Polygons, ones: NDArray[np.int64], others: NDArray[np.int64], overlap: float
) -> Pairs:
    found = set()
    corners = stars.rows, stars.cols
    for i in ones.tolist():
        for j in others[others > i].tolist():
            sides = [
                max(0, min(c[i].max(), c[j].max()) - max(c[i].min(), c[j].min())) for c in corners
            ]
            apart = float(np.hypot(*(stars.points[i] - stars.points[j])))
            if (
                sides[0] * sides[1] > overlap * min(stars.areas[i], stars.areas[j])
                and apart < stars.reach.max() + stars.reach[i]
            ):
                found.add((i, j))
    return found


def listed(
    stars: Polygons, ones: NDArray[np.int64], others: NDArray[np.int64], overlap: float
) -> list[tuple[int, int]]:
    parts = meeting(stars, ones, others, float(stars.reach.max()), overlap)
    return [pair for part in parts for pair in zip(*(c.tolist() for c in part), strict=True)]


@pytest.mark.parametrize("overlap", [0, 0.4, 0.9])
@pytest.mark.parametrize(("seed", "shift"), [(0, 0), (1, 0), (2, -100), (3, 15_000)])
def test_pairs_are_those_of_comparing_all(seed: int, shift: float, overlap: float) -> None:
    stars = of_all_sizes(seed, shift)
    everyone = np.arange(len(stars))
    for ones, others in ((everyone, everyone), (everyone[:60:3], everyone[60:])):
        found = listed(stars, ones, others, overlap)
        assert len(found) == len(set(found)) > 20
        assert one_by_one(stars, ones, others, overlap) <= set(found)
        assert set(found) <= one_by_one(stars, ones, others, overlap * (1 - 1e-4))


def test_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stars, everyone = of_all_sizes(4), np.arange(120)
    whole = listed(stars, everyone, everyone, 0.3)
    monkeypatch.setattr(_star_neighbours, "_AT_ONCE", 50)
    assert listed(stars, everyone, everyone, 0.3) == whole


def test_nobody_meets_nobody() -> None:
    stars, nobody = of_all_sizes(5), np.arange(0)
    assert not listed(stars, nobody, np.arange(9), 0.3)
    assert not listed(stars, np.arange(9), nobody, 0.3)
