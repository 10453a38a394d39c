"""Objects are matched as StarDist's own evaluation does, and as counting pixel by pixel does."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stardist.matching import matching as stardist_matching

from napari_piximi.model import masks, stretches
from napari_piximi.model.segmentation import THRESHOLDS
from napari_piximi.segment.found import Found, found_boxes, found_labels
from napari_piximi.segment.matching import match_objects, overlaps

NOTHING = found_labels(np.zeros((4, 4), np.int64))
Masks = NDArray[np.bool_]


def found_masks(stack: Masks) -> Found:
    """Take whole planes for objects, each in its own box, padded by what is around it."""
    boxes, runs = [], []
    for mask in stack:
        rows, columns = np.nonzero(mask)
        box = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
        boxes.append(box)
        runs.append(masks.encode(mask[box[0] : box[2], box[1] : box[3]]))
    return Found(np.array(boxes, np.int64).reshape(-1, 4), tuple(runs))


def iou_of(first: Masks, second: Masks) -> NDArray[np.float64]:
    """Count pixels, mask against mask."""
    table = np.zeros((len(first), len(second)))
    for row, one in enumerate(first):
        for column, other in enumerate(second):
            table[row, column] = (one & other).sum() / (one | other).sum()
    return table


def best_by_trying(iou: NDArray[np.float64], threshold: float) -> tuple[int, float]:
    """Try all ways to pair rows with columns: the most pairs, and of these the largest sum."""
    if len(iou) > iou.shape[1]:
        iou = iou.T
    best = (0, 0.0)
    for columns in itertools.permutations(range(iou.shape[1]), len(iou)):
        values = [iou[row, column] for row, column in enumerate(columns)]
        good = [value for value in values if value >= threshold]
        best = max(best, (len(good), sum(good)))
    return best


@st.composite
def mask_sets(draw: st.DrawFn) -> tuple[Masks, Masks]:
    """Two sets of random masks on one plane; those of a set overlap, and are often alike."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    base = rng.random((3, height, width)) < draw(st.floats(0.1, 0.9))
    sets = []
    for _ in range(2):
        count = draw(st.integers(0, 4))
        stack = base[rng.integers(0, 3, count)] ^ (rng.random((count, height, width)) < 0.15)
        stack[:, rng.integers(height), rng.integers(width)] = True  # none is empty
        sets.append(stack)
    return sets[0], sets[1]


@settings(max_examples=300, deadline=None)
@given(sets=mask_sets())
def test_overlaps_are_counted_as_pixel_by_pixel(sets: tuple[Masks, Masks]) -> None:
    expected = iou_of(*sets)
    shared = overlaps(found_masks(sets[0]), found_masks(sets[1]))
    table = np.zeros_like(expected)
    table[shared.first, shared.second] = shared.iou
    np.testing.assert_array_equal(table, expected)
    assert len(shared.iou) == np.count_nonzero(expected)


@settings(max_examples=200, deadline=None)
@given(sets=mask_sets())
def test_as_many_pairs_as_can_be_and_the_best_of_them(sets: tuple[Masks, Masks]) -> None:
    expected = iou_of(*sets)
    thresholds = (0.1, 0.3, *THRESHOLDS)
    made = match_objects(found_masks(sets[0]), found_masks(sets[1]), thresholds)
    for place, threshold in enumerate(thresholds):
        count, total = best_by_trying(expected, threshold)
        assert made.matched[place] == count
        assert made.total_iou[place] == pytest.approx(total)
    assert len({a for a, _ in made.pairs}) == len({b for _, b in made.pairs}) == made.matched[0]
    assert all(expected[pair] >= 0.1 for pair in made.pairs)
    swapped = match_objects(found_masks(sets[1]), found_masks(sets[0]), thresholds)
    assert swapped.matched == made.matched
    np.testing.assert_allclose(swapped.total_iou, made.total_iou)


def random_labels(rng: np.random.Generator, side: int, count: int) -> NDArray[np.int32]:
    """Paint discs; later ones cover earlier ones."""
    rows, columns = np.mgrid[:side, :side]
    labels = np.zeros((side, side), np.int32)
    for number in range(1, count + 1):
        y, x = rng.integers(0, side, 2)
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= rng.integers(3, 9) ** 2] = number
    return labels


@pytest.mark.parametrize("seed", range(12))
def test_labels_are_matched_as_stardist_matches_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = random_labels(rng, 96, 40)
    guess = np.roll(truth, rng.integers(-2, 3, 2), (0, 1))
    guess[guess % 7 == 1] = 0
    extra = random_labels(rng, 96, 4)
    guess = np.where(extra > 0, extra + 100, guess)
    made = match_objects(found_labels(truth), found_labels(guess))
    for place, threshold in enumerate(THRESHOLDS):
        theirs = stardist_matching(truth, guess, thresh=threshold)
        assert made.matched[place] == theirs.tp
        assert made.annotated - made.matched[place] == theirs.fn
        assert made.found - made.matched[place] == theirs.fp
        if theirs.tp:
            mean = made.total_iou[place] / made.matched[place]
            assert mean == pytest.approx(theirs.mean_matched_score, abs=1e-6)
    assert made.matched[0] > made.matched[-1]  # or nothing was compared


def test_nothing_matches_nothing() -> None:
    none = (0,) * len(THRESHOLDS)
    some = found_boxes([[0, 0, 2, 2]])
    for annotated, found in ((NOTHING, NOTHING), (some, NOTHING), (NOTHING, some)):
        made = match_objects(annotated, found)
        assert (made.annotated, made.found) == (len(annotated), len(found))
        assert made.matched == none
        assert made.pairs == ()
    apart = match_objects(some, found_boxes([[2, 2, 4, 4], [0, 2, 2, 4]]))
    assert apart.matched == none


def test_a_share_that_is_the_threshold_itself_is_enough() -> None:
    whole = found_boxes([[0, 0, 1, 20]])
    for place, threshold in enumerate(THRESHOLDS):
        part = found_boxes([[0, 0, 1, round(20 * threshold)]])
        made = match_objects(whole, part)
        assert made.matched == (1,) * (place + 1) + (0,) * (len(THRESHOLDS) - place - 1)
        assert made.total_iou[0] == threshold


def test_two_halves_of_an_object_are_one_pair() -> None:
    whole, halves = found_boxes([[0, 0, 2, 4]]), found_boxes([[0, 0, 2, 2], [0, 2, 2, 4]])
    assert match_objects(whole, halves).matched[:2] == (1, 0)
    assert match_objects(halves, whole).matched[:2] == (1, 0)
    chain = found_boxes([[0, 0, 1, 3], [0, 2, 1, 5]])
    # Taking the better pair first would leave only one.
    other = found_boxes([[0, 1, 1, 4], [0, 3, 1, 5]])
    assert match_objects(chain, other, (0.15,)).matched == (2,)


def test_objects_that_reach_out_of_the_plane_or_are_large_are_compared_as_well() -> None:
    large = found_boxes([[0, 0, 20_000, 20_000]])
    part = found_boxes([[10_000, 0, 20_000, 20_000]])
    assert match_objects(large, part).total_iou[0] == 0.5
    assert match_objects(large, large).matched == (1,) * len(THRESHOLDS)


def test_many_overlaps_are_looked_at_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    stack = rng.random((12, 9, 11)) < 0.6
    one, other = found_masks(stack), found_masks(stack[::-1] ^ (rng.random(stack.shape) < 0.1))
    whole = overlaps(one, other)
    for portion in (1, 7, 100):
        monkeypatch.setattr(stretches, "AT_ONCE", portion)
        again = overlaps(one, other)
        np.testing.assert_array_equal(again.first, whole.first)
        np.testing.assert_array_equal(again.second, whole.second)
        np.testing.assert_array_equal(again.iou, whole.iou)


def test_ten_thousand_objects() -> None:
    squares = np.kron(np.arange(1, 10_001).reshape(100, 100), np.ones((40, 40), np.int64))
    squares[::40] = squares[:, ::40] = 0
    made = match_objects(found_labels(squares), found_labels(np.roll(squares, 3, 1)))
    share = 36 / 42  # of 39 columns, moved by 3
    assert made.matched[7] == 10_000
    assert made.total_iou[7] / made.matched[7] == pytest.approx(share)
