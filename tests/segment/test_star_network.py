"""A network looks at planes of any size, in tiles, as if it saw the whole at once."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learn.graph_files import real_graph, small_graph
from tests.segment.star_graph import star_graph
from tests.shared_data import shared

from napari_piximi.errors import Cancelled, ModelFileError
from napari_piximi.segment._star_files import network_of
from napari_piximi.segment.star_convex import Stars
from napari_piximi.segment.star_network import Look, StarNetwork, scan

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="graph models run on TensorFlow only"
    ),
]


@pytest.fixture(scope="module")
def small() -> StarNetwork:
    return network_of(star_graph(), "small")


def noise(height: int, width: int, channels: int = 1, seed: int = 0) -> NDArray[np.uint8]:
    draw = np.random.default_rng(seed)
    return draw.integers(0, 255, (height, width, channels)).astype(np.uint8)


def check_close(one: Stars, other: Stars) -> None:
    np.testing.assert_array_equal(one.points, other.points)
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(one.distances, other.distances, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["stardist-fluo", "stardist-vhe"])
def test_tiles_of_the_real_topologies_give_what_the_whole_gives(name: str) -> None:
    network = network_of(real_graph(shared(f"graph-models/{name}/model.json")), name)
    pixels = noise(389, 451, network.channels)
    whole = scan(network, pixels, Look(threshold=0, edge=1024))
    assert len(whole) == (195 - 2) * (226 - 2)  # but for two pixels of the grid at two sides
    # A threshold that no probability is near to: TensorFlow may sum up in another order.
    ranked = np.sort(whole.scores)
    gaps = np.diff(ranked[-len(ranked) // 5 :])
    at = len(ranked) - len(gaps) - 1 + int(gaps.argmax())
    look = Look(threshold=float((ranked[at] + ranked[at + 1]) / 2), edge=1024)
    few = scan(network, pixels, look)
    assert 0 < len(few) < len(whole)
    check_close(scan(network, pixels, Look(threshold=look.threshold, edge=64)), few)


@pytest.mark.parametrize("shape", [(97, 64), (33, 130), (16, 16), (5, 7), (3, 200)])
def test_tiles_give_what_the_whole_gives(small: StarNetwork, shape: tuple[int, int]) -> None:
    pixels = noise(*shape)
    whole = scan(small, pixels, Look(threshold=1e-6))
    check_close(scan(small, pixels, Look(threshold=1e-6, edge=16)), whole)
    double = scan(small, pixels, Look(threshold=1e-6, scale=1.7))
    check_close(scan(small, pixels, Look(threshold=1e-6, scale=1.7, edge=16)), double)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 3)])
def test_tiny_planes_are_no_trouble(small: StarNetwork, shape: tuple[int, int]) -> None:
    assert len(scan(small, noise(*shape), Look(threshold=0.01))) == 0


def test_a_grid_that_is_not_enlarged_gives_the_same(small: StarNetwork) -> None:
    pixels = noise(80, 90)
    coarse = network_of(star_graph(sparse=False), "coarse")
    check_close(
        scan(coarse, pixels, Look(threshold=1e-6)), scan(small, pixels, Look(threshold=1e-6))
    )


def test_looking_can_be_cancelled_at_any_tile(small: StarNetwork) -> None:
    said: list[tuple[int, int]] = []

    def stop(done: int, total: int, message: str = "", **values: object) -> None:
        said.append((done, total))
        if done == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        scan(small, noise(64, 64), Look(edge=16), stop)
    assert said == [(0, 0), *((n, 16) for n in range(6))]


@pytest.mark.parametrize(
    ("artifact", "told"),
    [
        (small_graph(), "mine: is no StarDist network, which takes one image"),
        (star_graph(size=256), "takes images of any size"),
        (star_graph(rays=2), "at least 3 rays"),
    ],
)
def test_other_networks_are_refused(artifact: object, told: str) -> None:
    with pytest.raises(ModelFileError, match=told):
        network_of(artifact, "mine")  # type: ignore[arg-type]
