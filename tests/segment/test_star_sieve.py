"""Candidates that go early are those that would have gone in the end."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.segment.star_fields import clustered, scattered
from threadpoolctl import threadpool_limits

from napari_piximi.errors import Cancelled
from napari_piximi.progress import silent
from napari_piximi.segment import _star_sieve, star_network
from napari_piximi.segment._star_polygons import polygons
from napari_piximi.segment._star_sieve import Sieve
from napari_piximi.segment._star_suppression import survivors
from napari_piximi.segment.star_convex import Stars, best_first, kept
from napari_piximi.segment.star_network import Look, StarNetwork, scan
from napari_piximi.segment.tiles import tiles

SIZE = 400
FIELDS = {
    "nuclei": clustered(1, 3000, SIZE, 12, 20),
    "crowded": clustered(2, 3000, SIZE, 9, 4),
    "large": clustered(3, 1500, SIZE, 30, 40),
    "scattered": scattered(4, 2000, SIZE, 15),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Let the compiled part not wait for cores that others use."""
    with threadpool_limits(1, "openmp"):
        yield


def check_same(one: Stars, other: Stars) -> None:
    for name in ("points", "distances", "scores"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def sieved(stars: Stars, overlap: float, edge: int, margin: float) -> Sieve:
    sieve = Sieve(stars.distances.shape[1], overlap, margin)
    for tile in tiles((SIZE + 1, SIZE + 1), edge):
        inside = (stars.points >= tile.keep[:2]) & (stars.points < tile.keep[2:])
        sieve.add(stars[np.flatnonzero(inside.all(axis=1))], tile, silent)
    return sieve


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("edge", [64, 150])
@pytest.mark.parametrize("field", FIELDS)
def test_what_stays_is_what_stays_of_all(
    field: str, edge: int, overlap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    stars = FIELDS[field]
    monkeypatch.setattr(_star_sieve, "_MOST", 200)
    longest = float(stars.distances.max())
    sieve = sieved(stars, overlap, edge, longest)
    assert sieve.is_thinned
    assert sieve.longest == pytest.approx(longest)
    rest = sieve.rest()
    whole = kept(stars, overlap, compiled=False)
    assert len(whole) <= len(rest) < len(stars)
    check_same(kept(rest, overlap, compiled=False), whole)
    check_same(kept(rest, overlap, compiled=True), whole)


def test_the_rest_is_in_the_order_of_the_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_star_sieve, "_MOST", 200)
    points = sieved(FIELDS["nuclei"], 0.3, 64, 40).rest().points
    order = np.lexsort((points[:, 1], points[:, 0]))
    np.testing.assert_array_equal(points, points[order])


def test_few_are_kept_all() -> None:
    sieve = sieved(FIELDS["nuclei"], 0.3, 64, 40)
    assert not sieve.is_thinned
    assert len(sieve.rest()) == len(FIELDS["nuclei"])


def test_doubtful_ones_remove_none_and_make_others_doubtful() -> None:
    # In a row, each overlapping with the next one only, the better the more to the left.
    points = np.array([[50, 20 * place] for place in range(1, 6)], np.float32)
    row = Stars(points, np.full((5, 32), 14, np.float32), np.linspace(0.9, 0.5, 5, dtype="f4"))
    shapes = polygons(row.points, row.distances)
    np.testing.assert_array_equal(survivors(shapes, 0.1, silent), [1, 0, 1, 0, 1])
    doubtful = np.array([True, False, False, False, False])
    np.testing.assert_array_equal(survivors(shapes, 0.1, silent, doubtful), np.ones(5))
    np.testing.assert_array_equal(doubtful, np.ones(5))
    doubtful = np.array([False, False, False, True, False])  # which goes whoever comes
    np.testing.assert_array_equal(survivors(shapes, 0.1, silent, doubtful), [1, 0, 1, 0, 1])
    assert not doubtful[[0, 2, 4]].any()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_comes_what_is_certain_stays_true(seed: int) -> None:
    stars = clustered(100 + seed, 2000, 600, 10, 8)
    stars = stars[best_first(stars)]
    hidden = np.random.default_rng(seed).random(len(stars)) < 0.01
    shapes, seen = polygons(stars.points, stars.distances), stars[~hidden]
    low, high = shapes.low, shapes.high
    meets = np.zeros(len(stars), bool)
    for one in np.flatnonzero(hidden):
        meets |= ((low <= high[one] + 1) & (high >= low[one] - 1)).all(axis=1)
    doubtful = meets[~hidden]
    stays = survivors(polygons(seen.points, seen.distances), 0.3, silent, doubtful)
    truth = survivors(shapes, 0.3, silent)[~hidden]
    assert 50 < np.count_nonzero(stays & ~doubtful) < np.count_nonzero(stays)
    assert truth[stays & ~doubtful].all()
    assert not truth[~stays].any()


class Drawn:
    """A network whose input says what it is to answer: probability, and the length of rays."""

    def __init__(self) -> None:
        self.asked = 0
        self.network = StarNetwork(2, 32, (1, 1), 1, 0, self.ask)

    def ask(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.asked += 1
        return pixels[..., 0], np.repeat(pixels[..., 1:] * np.float32(20), 32, axis=2)


def drawn_plane() -> NDArray[np.float32]:
    draw = np.random.default_rng(5)
    plane = draw.random((200, 150, 2), np.float32)
    plane[..., 0] = np.where(draw.random((200, 150)) < 0.1, plane[..., 0], 0)
    return plane


@pytest.mark.parametrize(("margin", "turns"), [(21.0, 1), (5.0, 2)])
def test_rays_that_are_longer_than_supposed_are_seen_to(
    margin: float, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane, look, drawn = drawn_plane(), Look(0, 100, 0.2, edge=50), Drawn()
    whole = scan(drawn.network, plane, look)
    assert drawn.asked == 12
    monkeypatch.setattr(_star_sieve, "_MOST", 300)
    monkeypatch.setattr(star_network, "MARGIN", margin)
    some = scan(drawn.network, plane, look, overlap=0.3)
    assert drawn.asked == 12 + 12 * turns
    assert len(some) < len(whole)
    check_same(kept(some, 0.3), kept(whole, 0.3))


def test_letting_go_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_star_sieve, "_MOST", 300)
    monkeypatch.setattr(star_network, "MARGIN", 21.0)
    told: list[int] = []

    def stop(done: int, total: int, message: str = "", **values: object) -> None:
        told.append(done)
        if done and told.count(done) == 2:  # the first time is before the tile is looked at
            raise Cancelled

    with pytest.raises(Cancelled):
        scan(Drawn().network, drawn_plane(), Look(0, 100, 0.2, edge=50), stop, 0.3)
    assert told == sorted(told)
