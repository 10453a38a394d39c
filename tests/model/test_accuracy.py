from dataclasses import replace

from napari_piximi.model.accuracy import known_accuracy
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.training import Classifier, Run, Settings


def judged(right: int, partition: str, run: int | None = None) -> Evaluation:
    """Make an evaluation of ten things."""
    return Evaluation(((right, 10 - right), (0, 0)), 0.1, partition=partition, run=run)


def fitted(*values: float, best: int = 0) -> Run:
    history = {"accuracy": (1.0,) * len(values), "val_accuracy": values}
    return Run(Settings(), history, best_epoch=best)


BARE = Classifier("cnn", "kind")


def test_only_things_that_it_did_not_learn_from_count() -> None:
    assert known_accuracy(BARE) is None
    learnt = (judged(10, "Training"), judged(10, "Labelled"))
    assert known_accuracy(replace(BARE, evaluations=learnt)) is None
    crossed = (judged(5, "Cross-validation"), judged(6, "Cross-validation"), *learnt)
    assert known_accuracy(replace(BARE, evaluations=crossed)) == (0.6, "Cross-validation")
    held = (judged(7, "Validation"), judged(8, "Validation"), *crossed)
    found = known_accuracy(replace(BARE, evaluations=held))
    assert found == (0.8, "Validation")
    assert found.where == "on validation things"


def test_the_last_fit_is_what_counts() -> None:
    """A fit tells its own validation accuracy, at the epoch that was kept."""
    once = replace(BARE, runs=(fitted(0.5, 0.7, 0.6, best=1),))
    assert known_accuracy(once) == (0.7, "Validation")
    earlier = replace(once, evaluations=(judged(9, "Validation", 0),))
    assert known_accuracy(earlier) == (0.9, "Validation")
    twice = replace(earlier, runs=(*earlier.runs, fitted(0.4)))
    assert known_accuracy(twice) == (0.4, "Validation"), "the other was before the last fit"
    for run in (fitted(), fitted(float("nan")), fitted(0.4, best=-1)):
        assert known_accuracy(replace(twice, runs=(*earlier.runs, run))) is None
    crossed = replace(twice, evaluations=(judged(6, "Cross-validation"),))
    assert known_accuracy(crossed) == (0.4, "Validation")
