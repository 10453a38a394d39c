"""Which settings are proposed, and why; no Keras in this process."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.learn.projects import bars, with_categories

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.learn.cross_validation import cross_validate
from napari_piximi.learn.proposal import Proposal, best_of, propose
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import FOREST, Settings

GOOD = Settings(architecture=FOREST, trees=20)
# A forest whose leaves must hold nearly everything can only guess.
POOR = replace(GOOD, min_samples_leaf=1000)


def evaluation(wrong: set[int], entropy: float, count: int = 100) -> Evaluation:
    """Of things that are all of class 0, but for one in ten."""
    true = tuple(int(i % 10 == 0) for i in range(count))
    said = tuple(1 - t if i in wrong else t for i, t in enumerate(true))
    ids = tuple(map(str, range(count)))
    return Evaluation(((count, 0), (0, 0)), entropy, ids=ids, true=true, predicted=said)


@pytest.mark.parametrize(
    ("first", "second", "best"),
    [
        # clearly better: 20 and 5 wrong, of which none are the same
        ((set(range(20)), 0.1), (set(range(20, 25)), 0.9), 1),
        ((set(range(5)), 0.9), (set(range(5, 25)), 0.1), 0),
        # 6 and 4 wrong: 2 is within √10, so the cross entropy decides
        ((set(range(6)), 0.1), (set(range(6, 10)), 0.9), 0),
        ((set(range(6)), 0.9), (set(range(6, 10)), 0.1), 1),
        # the same 4 wrong, and 2 more: 2 is above √2
        ((set(range(6)), 0.1), (set(range(4)), 0.9), 1),
        # the same 4 wrong, and 1 more: 1 is within √1
        ((set(range(5)), 0.1), (set(range(4)), 0.9), 0),
        # a tie
        ((set(), 0.5), (set(), 0.4), 1),
        ((set(), 0.4), (set(), 0.4), 0),
    ],
)
def test_within_noise_the_cross_entropy_decides(
    first: tuple[set[int], float], second: tuple[set[int], float], best: int
) -> None:
    assert best_of([evaluation(*first), evaluation(*second)]) == best


def test_the_better_settings_are_proposed() -> None:
    project = bars(60)
    proposal = propose(project, IMAGE_KIND, [POOR, GOOD], folds=3)
    assert isinstance(proposal, Proposal)
    assert proposal.best == 1
    assert proposal.candidates == (POOR, GOOD)
    poor, good = proposal.evaluations
    assert good.accuracy > poor.accuracy
    alone = cross_validate(project, IMAGE_KIND, GOOD, folds=3).evaluation
    assert good.predicted == alone.predicted


def test_all_candidates_are_judged_in_the_same_folds() -> None:
    other = replace(GOOD, seed=5)
    proposal = propose(bars(40), IMAGE_KIND, [GOOD, other], folds=2)
    first, second = proposal.evaluations
    assert (first.ids, first.true, first.predicted) == (second.ids, second.true, second.predicted)
    assert proposal.candidates[1].seed == 5


def test_progress_is_of_all_candidates_together() -> None:
    told: list[tuple[int, int, int]] = []

    def note(done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        told.append((values["candidate"], done, total))

    propose(bars(30), IMAGE_KIND, [GOOD, POOR], folds=2, progress=note)
    assert {candidate for candidate, _, _ in told} == {1, 2}
    assert {total for _, _, total in told} == {2000}
    done = [done for _, done, _ in told]
    assert done == sorted(done)
    assert done[-1] == 2000


def test_a_stop_is_passed_on() -> None:
    def stop(done: int, total: int, message: str = "", **values: object) -> None:
        if done > 1200:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        propose(bars(30), IMAGE_KIND, [GOOD, POOR], folds=2, progress=stop)


def test_no_candidates_and_no_labels_are_refused() -> None:
    with pytest.raises(FitError, match="at least one candidate"):
        propose(bars(), IMAGE_KIND, [])
    with pytest.raises(FitError, match="has a category yet"):
        propose(with_categories("a", "b")[0], IMAGE_KIND, [GOOD])


def test_no_keras_is_loaded() -> None:
    code = (
        "import sys; from napari_piximi.learn import proposal;"
        "assert not {'keras', 'tensorflow', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_more_than_two_are_compared() -> None:
    evaluations = [
        evaluation(set(range(30)), 0.05),
        evaluation({1, 2, 3}, 0.4),
        evaluation({1, 2, 4}, 0.3),
    ]
    assert best_of(evaluations) == 2
    assert np.argmin([e.cross_entropy for e in evaluations]) == 0
