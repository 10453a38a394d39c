"""Ranking, suspicion and maps by a real network."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.learn.projects import QUICK, bars

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.learn.classifier import apply_fit, embed, fit, predict
from napari_piximi.learn.networks import features
from napari_piximi.learn.next_steps import map_features, rank, suspect
from napari_piximi.learn.projections import pca
from napari_piximi.learn.serialization import to_keras
from napari_piximi.learn.suggestions import entropies, margins
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import Classifier
from napari_piximi.progress import silent

pytestmark = pytest.mark.keras

GOOD = replace(QUICK, epochs=12, learning_rate=0.01, averaging=0.5)


@pytest.fixture(scope="module")
def fitted() -> tuple[Project, Classifier]:
    project = bars()
    result = fit(project, IMAGE_KIND, GOOD, name="bars")
    return apply_fit(project, result), result.classifier


def test_features_and_probabilities_come_together(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    seen = embed(project, classifier)
    assert seen.ids == tuple(thing.id for thing in project.of_kind(IMAGE_KIND))
    assert seen.class_map == classifier.class_map
    said = predict(project, classifier, seen.ids).probabilities
    np.testing.assert_allclose(seen.probabilities, said, atol=1e-6)
    things = [project.things[key] for key in seen.ids[:3]]
    np.testing.assert_allclose(
        features(project, classifier, things, silent), seen.features[:3], atol=1e-5
    )


def test_features_are_what_the_last_layer_is_given(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    seen = embed(project, classifier, list(project.things)[:7])
    assert classifier.model is not None
    last = [layer for layer in to_keras(classifier.model).layers if layer.weights][-1]
    kernel, bias = (np.asarray(weight) for weight in last.weights)
    logits = seen.features @ kernel + bias
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(seen.probabilities, expected, atol=1e-5)


@pytest.mark.parametrize(("method", "score"), [("margin", margins), ("entropy", entropies)])
def test_uncertain_things_come_first(
    fitted: tuple[Project, Classifier], method: str, score: Callable[[Any], NDArray[np.float64]]
) -> None:
    project, classifier = fitted
    ranking = rank(project, classifier, method)
    assert ranking.title == method
    assert set(ranking.ids) == {f"i{n}" for n in range(30, 40)}  # those without a label
    said = predict(project, classifier, ranking.ids).probabilities
    np.testing.assert_allclose(ranking.scores, score(said), atol=1e-6)


@pytest.mark.parametrize("method", ["diverse", "mixed"])
def test_diverse_things_are_all_ranked(fitted: tuple[Project, Classifier], method: str) -> None:
    project, classifier = fitted
    ranking = rank(project, classifier, method, unlabelled=False, count=4, seed=3)
    assert sorted(ranking.scores.tolist()) == list(range(1, 41))
    again = rank(project, classifier, method, unlabelled=False, count=4, seed=3)
    assert ranking.scores.tolist() == again.scores.tolist()
    first = [ranking.ids[row] for row in np.argsort(-ranking.scores)[:4]]
    assert len({int(key[1:]) % 2 for key in first}) == 2  # of both sorts of bars


def test_there_must_be_something_to_rank(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    ids = [thing.id for thing in project.of_kind(IMAGE_KIND)]
    every = edits.categorize(project, ids, classifier.class_map[0])
    with pytest.raises(FitError, match="every thing has a category"):
        rank(every, classifier, "margin")
    with pytest.raises(FitError, match="'best' ranks nothing; there are margin"):
        rank(project, classifier, "best")
    with pytest.raises(FitError, match="map 'upright', 'lying' to categories first"):
        map_features(project, replace(classifier, class_map=()))


def test_a_map_says_what_it_is_of(fitted: tuple[Project, Classifier]) -> None:
    project, classifier = fitted
    drawn = map_features(project, classifier)
    seen = embed(project, classifier)
    assert (drawn.title, drawn.method, drawn.kind) == ("bars, run 1", "PCA", IMAGE_KIND)
    np.testing.assert_allclose(drawn.points, pca(seen.features), atol=1e-5)
    assert drawn.predicted.tolist() == seen.probabilities.argmax(axis=1).tolist()
    np.testing.assert_allclose(drawn.probability, seen.probabilities.max(axis=1))
    np.testing.assert_allclose(drawn.uncertainty, margins(seen.probabilities), atol=1e-6)


def test_a_ranking_can_be_cancelled(fitted: tuple[Project, Classifier]) -> None:
    def stop(*_: object, **__: object) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        rank(*fitted, "mixed", progress=stop)


def test_a_flipped_label_is_suspicious() -> None:
    project = bars(60)
    upright, lying = project.known_categories(IMAGE_KIND)
    project = edits.categorize(project, ["i4"], lying)
    settings = replace(GOOD, epochs=15)
    found = suspect(project, IMAGE_KIND, settings, folds=3)
    assert found.judged == 45
    assert found.accuracy > 0.8
    worst = found.found[0]
    assert (worst.thing, worst.given, worst.expected) == ("i4", lying, upright)
    assert worst.self_confidence < 0.5 < worst.confidence
