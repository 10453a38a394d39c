import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import entropy
from sklearn.datasets import load_digits

from napari_piximi.errors import Cancelled
from napari_piximi.learn.suggestions import (
    by_order,
    diverse_order,
    entropies,
    margins,
    mixed_order,
    random_order,
)

TABLE = np.array(
    [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.7, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3]], np.float32
)


def test_margins_by_hand() -> None:
    np.testing.assert_allclose(margins(TABLE), [0.0, 1.0, 0.5, 1.0], atol=1e-6)
    assert margins(np.ones((3, 1))).tolist() == [0, 0, 0]
    assert margins(np.zeros((0, 4))).tolist() == []


def test_entropies_by_hand() -> None:
    expected = [0.0, np.log(2), 0.801819, np.log(3)]
    np.testing.assert_allclose(entropies(TABLE), expected, atol=1e-6)


def test_entropies_are_scipys() -> None:
    rows = np.random.default_rng(3).random((500, 7)) ** 4
    rows[::7, 2] = 0
    np.testing.assert_allclose(entropies(rows), entropy(rows, axis=1), rtol=1e-12)


def test_rows_of_nothing_count_as_undecided() -> None:
    assert entropies(np.zeros((1, 4))) == pytest.approx(np.log(4))
    assert margins(np.zeros((1, 4))).tolist() == [1.0]


def blobs(each: int = 50, groups: int = 8, seed: int = 0) -> NDArray[np.float32]:
    draws = np.random.default_rng(seed)
    centres = draws.normal(0, 20, (groups, 5))
    return (np.repeat(centres, each, axis=0) + draws.normal(0, 1, (each * groups, 5))).astype("f4")


def test_the_first_of_diverse_things_are_one_of_each_group() -> None:
    order = diverse_order(blobs(), 8, seed=1)
    assert sorted(order.tolist()) == list(range(400))
    for begin in (0, 8, 16):
        assert sorted((order[begin : begin + 8] // 50).tolist()) == list(range(8))


def test_diverse_digits_are_spread_out_more_than_random_ones() -> None:
    data = load_digits()

    def seen(order: NDArray[np.intp]) -> int:
        return len(set(data.target[order[:12]].tolist()))

    def apart(order: NDArray[np.intp]) -> float:
        chosen = data.data[order[:12]]
        away = ((chosen[:, None] - chosen[None]) ** 2).sum(axis=2)
        return float(np.sqrt(away[away > 0].min()))

    seeds = range(5)
    diverse = [diverse_order(data.data, 12, seed) for seed in seeds]
    drawn = [random_order(len(data.data), seed) for seed in seeds]
    assert np.mean([*map(seen, diverse)]) > np.mean([*map(seen, drawn)]) + 1
    assert np.mean([*map(apart, diverse)]) > 1.05 * np.mean([*map(apart, drawn)])


def test_few_or_equal_things_are_ordered_as_well() -> None:
    assert diverse_order(np.zeros((0, 3)), 5).tolist() == []
    assert diverse_order(np.zeros((1, 3)), 5).tolist() == [0]
    assert sorted(diverse_order(np.zeros((30, 3)), 5).tolist()) == list(range(30))
    assert sorted(diverse_order(np.eye(4), 20).tolist()) == [0, 1, 2, 3]
    assert diverse_order(np.zeros((3, 0)), 2).tolist() == [0, 1, 2]


def test_the_same_seed_gives_the_same_order() -> None:
    features = np.random.default_rng(0).normal(size=(500, 6))
    first, again = diverse_order(features, 20, 7), diverse_order(features, 20, 7)
    assert first.tolist() == again.tolist()
    assert first.tolist() != diverse_order(features, 20, 8).tolist()
    assert random_order(9, 1).tolist() == random_order(9, 1).tolist()


def test_mixed_things_are_uncertain_and_spread_out() -> None:
    features = blobs()
    scores = np.tile(np.linspace(0, 1, 50), 8)  # each group has some of which nothing is known
    scores[350:] = 0  # but the last
    order = mixed_order(scores, features, 7, seed=2)
    assert sorted(order.tolist()) == list(range(400))
    assert sorted((order[:7] // 50).tolist()) == list(range(7))
    assert scores[order[:7]].min() > 0.8
    rest = scores[order[70:]]
    assert (np.diff(rest) <= 0).all()


def test_scores_of_an_order() -> None:
    assert by_order(np.array([2, 0, 1])).tolist() == [2, 1, 3]


def test_a_hundred_thousand_things_take_seconds_and_can_be_cancelled() -> None:
    features = np.random.default_rng(0).normal(size=(100_000, 64)).astype(np.float32)
    told: list[tuple[int, int]] = []

    def note(done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        told.append((done, total))
        assert message == "Looking for things that differ"
        assert values == {}

    order = diverse_order(features, 20, progress=note)
    assert len(set(order.tolist())) == 100_000
    assert len(told) > 20
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all(done < total for done, total in told)

    def stop(done: int, *_: object, **__: object) -> None:
        if done > 2:
            raise Cancelled("enough")

    start = time.perf_counter()
    with pytest.raises(Cancelled, match="enough"):
        diverse_order(features, 20, progress=stop)
    assert time.perf_counter() - start < 30
