"""Graph models predict what TensorFlow computes by hand, and refuse everything else clearly."""

import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from tests.learn.graph_files import classifier_graph, node, packed, small_graph
from tests.learn.projects import bars

from napari_piximi.errors import FitError, ModelFileError, PiximiWarning
from napari_piximi.learn.adoption import adopt_model
from napari_piximi.learn.classifier import fit, predict
from napari_piximi.learn.graph_models import features, load_graph
from napari_piximi.learn.sampling import build_samples
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import Classifier, ModelArtifact, Settings
from napari_piximi.progress import silent

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="graph models run on TensorFlow only"
    ),
]


@pytest.fixture(scope="module")
def project() -> Project:
    return bars(24)


def adopted(project: Project, model: ModelArtifact) -> tuple[Project, Classifier]:
    after = adopt_model(project, IMAGE_KIND, "graph", model)
    return after, after.classifiers[-1]


def by_hand(project: Project, classifier: Classifier) -> Any:  # noqa: ANN401
    """Compute the small graph's scores with numpy alone."""
    _, weights = classifier_graph()
    things = list(project.things.values())
    with build_samples(project, things, classifier.settings, 1) as samples:
        values = np.array(samples.values)
    padded = np.pad(values, ((0, 0), (1, 2), (1, 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), (1, 2))[:, ::2, ::2, 0]
    maps = np.einsum("nyxij,ijc->nyxc", windows, weights["conv/kernel"][:, :, 0])
    maps += weights["conv/bias"]
    maps = np.where(maps > 0, maps, maps * weights["conv/alpha"])
    pooled = maps.reshape(len(values), 4, 2, 4, 2, 4).max(axis=(2, 4))
    flat = pooled.reshape(len(values), -1)
    return flat, flat @ weights["dense/kernel"] + weights["dense/bias"]


def softmax(scores: Any) -> Any:  # noqa: ANN401
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_probabilities_are_those_computed_by_hand(project: Project) -> None:
    after, classifier = adopted(project, small_graph())
    assert (classifier.settings.height, classifier.settings.width, classifier.channels) == (
        16,
    ) * 2 + (1,)
    answer = predict(after, classifier, list(after.things))
    _, scores = by_hand(after, classifier)
    np.testing.assert_allclose(answer.probabilities, softmax(scores), atol=1e-5)
    assert answer.class_map == after.known_categories(IMAGE_KIND)


def test_scores_become_probabilities_and_that_is_said(project: Project) -> None:
    after, classifier = adopted(project, small_graph(softmax=False))
    with pytest.warns(PiximiWarning, match="gives scores, not probabilities"):
        answer = predict(after, classifier, list(after.things))
    _, scores = by_hand(after, classifier)
    np.testing.assert_allclose(answer.probabilities, softmax(scores), atol=1e-5)


def test_features_are_what_the_last_layer_is_given(project: Project) -> None:
    after, classifier = adopted(project, small_graph())
    things = list(after.things.values())
    flat, _ = by_hand(after, classifier)
    np.testing.assert_allclose(features(after, classifier, things, silent), flat, atol=1e-5)


def test_no_features_without_a_dense_layer(project: Project) -> None:
    document, weights = classifier_graph()
    nodes = [n for n in document["modelTopology"]["node"] if n["name"] not in ("dense", "said")]
    document["modelTopology"]["node"] = [*nodes, node("said", "Softmax", "flat")]
    model, files = packed(document, weights)
    classifier = Classifier("g", IMAGE_KIND, Settings(height=16, width=16),
                            model=ModelArtifact(model, files[0]))  # fmt: skip
    with pytest.raises(FitError, match="does not end in a dense layer"):
        features(project, classifier, list(project.things.values()), silent)


def test_predicting_nothing(project: Project) -> None:
    after, classifier = adopted(project, small_graph())
    assert predict(after, classifier, []).probabilities.shape == (0, 2)


@pytest.mark.filterwarnings("ignore:No thing")
def test_a_graph_cannot_be_fitted(project: Project) -> None:
    after, classifier = adopted(project, small_graph())
    with pytest.raises(FitError, match="cannot be fitted; it can only predict"):
        fit(after, IMAGE_KIND, classifier.settings, name="graph", base=classifier)


def test_other_sizes_and_classes_are_refused(project: Project) -> None:
    after, classifier = adopted(project, small_graph())
    wide = replace(classifier, settings=replace(classifier.settings, width=20))
    with pytest.raises(FitError, match=r"should take \(16, 20, 1\)"):
        predict(after, wide, list(after.things))
    odd = replace(classifier, class_map=classifier.class_map[:1])
    with pytest.raises(FitError, match="should give 1 classes"):
        predict(after, odd, list(after.things))


def test_damaged_weights(project: Project) -> None:
    document, weights = classifier_graph()
    weights["dense/bias"][0] = np.nan
    model, files = packed(document, weights)
    after, classifier = adopted(project, ModelArtifact(model, files[0]))
    with pytest.raises(FitError, match="answers NaN"):
        predict(after, classifier, list(after.things))


def test_another_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(FitError, match="TensorFlow only, and Keras runs on jax"):
        load_graph(small_graph())


def test_samples_of_other_shapes() -> None:
    with pytest.raises(FitError, match=r"takes \(any, 16, 16, 1\), not \(1, 8, 8, 1\)"):
        load_graph(small_graph())([np.zeros((1, 8, 8, 1), np.float32)])


def test_fused_with_what_we_do_not_know() -> None:
    document, weights = classifier_graph()
    fused = next(n for n in document["modelTopology"]["node"] if n["op"] == "_FusedConv2D")
    fused["attr"]["fused_ops"]["list"]["s"][1] = "RXZpbA=="
    model, files = packed(document, weights)
    with pytest.raises(ModelFileError, match="'conv' is fused with 'Evil'"):
        load_graph(ModelArtifact(model, files[0]))


def test_texts_of_old_converters() -> None:
    """They wrote a text as the numbers of its bytes, and all the lists that an attribute lacks."""
    document, weights = classifier_graph()
    old = json.loads(json.dumps(document))
    for item in old["modelTopology"]["node"]:
        for value in item["attr"].values():
            if "s" in value:
                value["s"] = list(b64decode(value["s"]))
            if "list" in value:
                texts = [list(b64decode(text)) for text in value["list"].get("s", [])]
                value["list"] = {"i": [], "f": [], "func": [], **value["list"], "s": texts}
    samples = np.random.default_rng(1).random((2, 16, 16, 1), dtype=np.float32)
    found = []
    for made in (document, old):
        model, files = packed(made, weights)
        found += load_graph(ModelArtifact(model, files[0]))([samples])
    np.testing.assert_array_equal(found[0], found[1])
    old["modelTopology"]["node"][-3]["attr"]["T"] = {"s": [83, 300]}
    model, files = packed(old, weights)
    with pytest.raises(ModelFileError, match="is no text"):
        load_graph(ModelArtifact(model, files[0]))


def test_what_would_fill_the_memory() -> None:
    document, weights = classifier_graph()
    weights["much"] = np.array([100_000, 100_000], "<i4")
    nodes = document["modelTopology"]["node"]
    nodes[-1]["input"] = ["huge"]
    tensor = {"tensor": {"dtype": "DT_INT32", "tensorShape": {"dim": [{"size": "2"}]}}}
    nodes += [
        {"name": "much", "op": "Const", "attr": {"value": tensor, "dtype": {"type": "DT_INT32"}}},
        node("huge", "Tile", "dense", "much"),
    ]
    model, files = packed(document, weights)
    with pytest.raises(ModelFileError, match=r"'huge' \(Tile\) would make"):
        load_graph(ModelArtifact(model, files[0]))


def test_what_tensorflow_refuses() -> None:
    document, weights = classifier_graph()
    next(n for n in document["modelTopology"]["node"] if n["name"] == "pool")["input"] = []
    model, files = packed(document, weights)
    with pytest.raises(ModelFileError, match="TensorFlow refuses the graph model"):
        load_graph(ModelArtifact(model, files[0]))
