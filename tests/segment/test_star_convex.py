"""Decoding is that of the ``stardist`` package, number for number, with and without it."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from stardist.geometry import polygons_to_label
from stardist.nms import (
    non_maximum_suppression,
    non_maximum_suppression_inds,
    non_maximum_suppression_sparse,
)
from tests.segment.star_fields import clustered, latticed, scattered
from threadpoolctl import threadpool_limits

from napari_piximi.errors import Cancelled
from napari_piximi.segment import _star_suppression, star_convex
from napari_piximi.segment._star_painting import painted_polygons
from napari_piximi.segment._star_polygons import outlines, polygons
from napari_piximi.segment.found import painted
from napari_piximi.segment.star_convex import (
    Stars,
    best_first,
    candidates,
    gathered,
    is_installed,
    kept,
)

FIELDS = {
    "sparse": scattered(0, 5000, 2048, 10),
    "middling": scattered(1, 5000, 2048, 25),
    "spiky": scattered(2, 1500, 1024, 15, noise=0.5),
    "round": scattered(3, 3000, 1024, 12, noise=0.0),
    "tiny": scattered(4, 3000, 300, 1.0),
    "few rays": scattered(5, 1500, 500, 10, rays=3),
    "many rays": scattered(6, 800, 500, 10, rays=128),
    "far away": Stars(
        scattered(7, 1500, 1000, 20).points + np.float32(19_000),
        scattered(7, 1500, 1000, 20).distances,
        scattered(7, 1500, 1000, 20).scores,
    ),
    "nuclei": clustered(8, 5000, 2048, 12, 20),
    "crowded": clustered(9, 5000, 512, 8, 10),
    "large nuclei": clustered(10, 3000, 2048, 60, 40),
    "one object": clustered(11, 1500, 64, 40, 1500),
    "lattice": latticed(6),
    "lattice of large ones": latticed(25, side=25),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Let the compiled part not wait for cores that others use."""
    with threadpool_limits(1, "openmp"):
        yield


def by_package(stars: Stars, overlap: float) -> Stars:
    """Suppress by the package's own function, which sorts too."""
    _, _, _, chosen = non_maximum_suppression_sparse(
        stars.distances, stars.scores, stars.points, nms_thresh=overlap
    )
    return stars[chosen]


def check_same(one: Stars, other: Stars) -> None:
    for name in ("points", "distances", "scores"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("overlap", [0.1, 0.4])
@pytest.mark.parametrize("field", FIELDS)
def test_what_stays_is_what_stays_in_the_package(field: str, overlap: float) -> None:
    stars = FIELDS[field]
    expected = by_package(stars, overlap)
    assert 0 < len(expected) < len(stars)
    check_same(kept(stars, overlap, compiled=False), expected)
    check_same(kept(stars, overlap, compiled=True), expected)


@pytest.mark.parametrize("seed", range(40))
def test_what_stays_does_not_depend_on_luck(seed: int) -> None:
    draw = np.random.default_rng(1000 + seed)
    count, radius = int(draw.integers(2, 900)), float(draw.choice([1, 3, 8, 20, 60]))
    size, overlap = int(draw.choice([60, 200, 600])), float(draw.choice([0, 0.05, 0.3, 0.5]))
    stars = (
        scattered(seed, count, size, radius, noise=float(draw.choice([0, 0.02, 0.2])))
        if seed % 2
        else clustered(seed, count, size, radius, int(draw.integers(1, 60)))
    )
    check_same(kept(stars, overlap, compiled=False), by_package(stars, overlap))


def test_small_stores_of_lines_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stars = FIELDS["large nuclei"]
    expected = by_package(stars, 0.4)
    monkeypatch.setattr(_star_suppression, "_LINES_KEPT", 0)
    check_same(kept(stars, 0.4, compiled=False), expected)
    monkeypatch.setattr(_star_suppression, "_LARGEST_BLOCK", 100)
    monkeypatch.setattr(_star_suppression, "_PAIRS_AT_ONCE", 30)
    check_same(kept(stars, 0.4, compiled=False), expected)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("field", ["spiky", "tiny", "nuclei", "crowded", "lattice"])
def test_block_by_block_the_same_stay(
    field: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stars, told = FIELDS[field], []

    def report(done: int, total: int, message: str = "", **values: object) -> None:
        told.append(done / total)

    monkeypatch.setattr(star_convex, "_BLOCK", 250)
    found = kept(stars, 0.3, report, compiled=compiled)
    check_same(found, by_package(stars, 0.3))
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] < 1


def test_areas_are_those_of_the_cut_corners() -> None:
    stars = scattered(3, 50, 300, 20)
    made = polygons(stars.points, stars.distances)
    for rows, cols, area in zip(made.rows, made.cols, made.areas, strict=True):
        expected = 0.5 * abs(np.dot(cols, np.roll(rows, -1)) - np.dot(rows, np.roll(cols, -1)))
        assert area == expected


def test_the_package_itself_is_used_where_it_is() -> None:
    assert is_installed()
    stars = FIELDS["nuclei"][best_first(FIELDS["nuclei"])]
    chosen = non_maximum_suppression_inds(
        stars.distances, stars.points, stars.scores, thresh=0.4, verbose=0
    )
    check_same(kept(stars, 0.4), stars[chosen])


def test_the_compiled_part_is_loaded_alone() -> None:
    lines = (
        "import sys, numpy as np",
        "from napari_piximi.segment.star_convex import Stars, kept",
        "one = np.full((3, 32), 5, np.float32)",
        "print(len(kept(Stars(one[:, :2], one, one[:, 0]), 0.3, compiled=True)))",
        "print(*{'stardist', 'csbdeep', 'keras', 'tensorflow', 'matplotlib'} & set(sys.modules))",
    )
    told = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert told.stdout == "1\n\n"


def dense(seed: int, height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    draw = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    probability = np.zeros((height, width), np.float32)
    for y, x, r in draw.random((40, 3)) * (height, width, 8):
        bump = 1 - np.hypot(rows - y, cols - x) / (4 + r)
        probability = np.maximum(probability, bump.astype(np.float32))
    rays = draw.uniform(4, 12, (height, width, 1)) * draw.uniform(0.8, 1.2, (height, width, 32))
    return probability, rays.astype(np.float32)


@pytest.mark.parametrize("grid", [(1, 1), (2, 2), (4, 2)])
def test_decoding_whole_arrays_is_that_of_the_package(grid: tuple[int, int]) -> None:
    probability, rays = dense(4, 90, 130)
    points, scores, distances = non_maximum_suppression(
        rays, probability, grid=grid, b=None, nms_thresh=0.3, prob_thresh=0.4
    )
    found = candidates(probability, rays, 0.4, grid)
    check_same(
        kept(found, 0.3, compiled=False), Stars(points.astype(np.float32), distances, scores)
    )
    assert len(found) > len(points) > 10


def test_candidates_come_in_the_order_of_the_pixels() -> None:
    probability, rays = dense(5, 50, 31)
    found = candidates(np.asfortranarray(probability), rays, 0.4, (2, 1))
    rows, cols = np.nonzero(probability > 0.4)
    np.testing.assert_array_equal(found.points, np.stack((2 * rows, cols), 1))
    np.testing.assert_array_equal(found.scores, probability[rows, cols])
    np.testing.assert_array_equal(found.distances, rays[rows, cols])


def test_rays_have_a_least_length() -> None:
    probability, rays = dense(4, 20, 20)
    rays[:] = -3
    assert (candidates(probability, rays, 0.2).distances == np.float32(1e-3)).all()


def test_the_order_of_the_parts_does_not_matter() -> None:
    stars = latticed(3, side=20)
    parts = [stars[np.arange(len(stars)) % 5 == part] for part in (3, 0, 4, 1, 2)]
    check_same(gathered(parts, 32), stars)
    assert parts == [], "they are in memory only once"
    assert gathered([], 32).distances.shape == (0, 32)


def test_there_is_no_limit_to_how_many() -> None:
    rows, cols = np.divmod(np.arange(8100), 90)
    points = np.stack((rows, cols), 1).astype(np.float32) * np.float32(12)
    rays = np.full((len(points), 32), 5, np.float32)
    stars = Stars(points, rays, np.full(len(points), 0.7, np.float32))
    assert len(kept(stars, 0.3, compiled=False)) == 8100


def test_nothing_stays_of_nothing() -> None:
    none = gathered([], 32)
    assert len(kept(none, 0.3, compiled=False)) == len(kept(none, 0.3, compiled=True)) == 0


def test_choosing_can_be_cancelled() -> None:
    def stop(done: int, total: int, message: str = "", **values: object) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        kept(FIELDS["sparse"], 0.4, stop, compiled=False)


@pytest.mark.parametrize("field", ["sparse", "crowded", "lattice", "spiky"])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_masks_are_the_labels_of_the_package(field: str, scale: float) -> None:
    stars = kept(FIELDS[field], 0.5)
    shape = (int(700 / scale), int(900 / scale))
    stretch = (1 / scale, 1 / scale)
    points = stars.points * np.array(stretch)
    expected = polygons_to_label(
        stars.distances, points, shape, prob=stars.scores, scale_dist=stretch
    )
    found = painted_polygons(outlines(points, stars.distances, stretch), stars.scores, shape)
    seen = np.unique(expected[expected > 0])
    assert len(found) == len(seen) > 5
    places = np.concatenate(([0], seen))
    np.testing.assert_array_equal(places[painted(found, shape)], expected)
    np.testing.assert_array_equal(found.scores, stars.scores[seen - 1])


def test_painting_can_be_cancelled() -> None:
    def stop(done: int, total: int, message: str = "", **values: object) -> None:
        raise Cancelled

    stars = FIELDS["lattice"]
    with pytest.raises(Cancelled):
        painted_polygons(outlines(stars.points, stars.distances), stars.scores, (64, 64), stop)
