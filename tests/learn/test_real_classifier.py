"""Piximi's own classifier on Piximi's own project, against what Piximi itself answered."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.shared_data import shared

from napari_piximi.io.bundle import read_bundle
from napari_piximi.learn.classifier import evaluate, fit, predict
from napari_piximi.learn.sampling import build_samples
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND

pytestmark = pytest.mark.keras


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """Read what the application answered."""
    found: dict[str, Any] = json.loads(shared("classifiers/digits_predictions.json").read_text())
    return found


@pytest.fixture(scope="module")
def project() -> Project:
    """Read the project that holds the classifier."""
    return read_bundle(shared("bundles/digits_project.zip"))


def test_all_probabilities_are_piximis(project: Project, reference: dict[str, Any]) -> None:
    rows = reference["all_probabilities"]
    assert len(rows) == 120
    classifier = project.classifiers[0]
    answer = predict(project, classifier, [row["id"] for row in rows])
    expected = np.array([row["probabilities"] for row in rows])
    assert np.abs(answer.probabilities - expected).max() < 1e-5
    assert answer.class_map == tuple(reference["classMap"][str(i)] for i in range(4))


def test_the_predictions_are_piximis(project: Project, reference: dict[str, Any]) -> None:
    said = predict(project, project.classifiers[0]).predictions()
    rows = reference["app_predictions"]
    assert set(said) == {row["id"] for row in rows}
    for row in rows:
        assert said[row["id"]].category == row["categoryId"]


def test_a_sample_is_piximis(project: Project, reference: dict[str, Any]) -> None:
    sample = reference["sample_resized_input"]
    thing = next(t for t in project.things.values() if t.name == sample["name"])
    classifier = project.classifiers[0]
    with build_samples(project, [thing], classifier.settings, 1) as samples:
        expected = np.array(sample["data"], np.float32).reshape(sample["shape"])
        np.testing.assert_allclose(samples.values[0], expected, atol=1e-6)


def test_the_evaluation_is_piximis(project: Project, reference: dict[str, Any]) -> None:
    evaluation = evaluate(project, project.classifiers[0])
    theirs = reference["evalResults"][0]
    assert [list(row) for row in evaluation.confusion_matrix] == theirs["confusionMatrix"]
    assert evaluation.accuracy == theirs["accuracy"]
    # Of Piximi's own probabilities; the logarithm of its WebGL is good to 1e-4 near 1.
    index = {category: int(i) for i, category in reference["classMap"].items()}
    chances = [
        row["probabilities"][index[row["categoryId"]]]
        for row in reference["all_probabilities"]
        if row["partition"] == "Validation"
    ]
    assert evaluation.cross_entropy == pytest.approx(-np.log(chances).mean(), rel=1e-3)
    assert evaluation.cross_entropy == pytest.approx(theirs["crossEntropy"], abs=2e-4)


def test_piximis_classifier_is_fitted_on(project: Project) -> None:
    base = project.classifiers[0]
    settings = replace(base.settings, epochs=2, learning_rate=1e-4, softmax_twice=False)
    again = fit(project, IMAGE_KIND, settings, name=base.name, base=base).classifier
    assert again.class_map == base.class_map
    assert again.settings.height == 24
    assert again.runs[-1].validation == 20
    assert again.runs[-1].history["val_accuracy"][-1] == 1.0
