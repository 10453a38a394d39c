"""Classifiers of every format, with runs and evaluations, for tests of files."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tests.io.recovery_kill import model as layers_model
from tests.io.tiny_bundle import tiny_project
from tests.learn.graph_files import small_graph

from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation, confusion_counts
from napari_piximi.model.forest import Forest, artifact_of
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings

KNOWN = ("1good", "1bad")
FIGURES = st.floats(-1e6, 1e6) | st.just(math.nan)
IDS = st.text(max_size=6) | st.sampled_from(["1a", "1b", "\udcff", "a\0b"])


def history_project() -> Project:
    """Return the tiny project, with two categories of images."""
    return edits.create_category(tiny_project(), "Image", "bad", category_id=KNOWN[1])


def forest_model(seed: int = 0) -> ModelArtifact:
    """Return two trees of one split each, on two features."""
    rng = np.random.default_rng(seed)
    share = rng.random((6, 1), np.float32)
    forest = Forest(
        ("area", "intensity_mean"),
        ("good", "bad"),
        np.array([0, 3], np.int32),
        np.array([0, -1, -1, 1, -1, -1], np.int32),
        np.array([0.5, 0, 0, 2.5, 0, 0], np.float32),
        np.array([[1, 2], [1, 1], [2, 2], [4, 5], [4, 4], [5, 5]], np.int32),
        np.hstack([share, 1 - share]),
        np.zeros(2, np.float32),
        np.ones(2, np.float32),
    )
    return artifact_of(forest)


def graph_model() -> ModelArtifact:
    """Return a small graph, whose manifest names the file that a bundle gives it."""
    model = small_graph()
    (group,) = model.document["weightsManifest"]
    manifest = [{"paths": ["./graph.weights.bin"], "weights": group["weights"]}]
    return ModelArtifact({**model.document, "weightsManifest": manifest}, model.weights)


def trio() -> tuple[Classifier, ...]:
    """Return a network, a forest and a graph model, all mapped."""
    layers = layers_model("net", np.linspace(-1, 1, 18, dtype=np.float32))
    forest = Settings(architecture="Random forest")
    return (
        Classifier("net", "Image", Settings(height=2, width=2), 2, 1, layers, KNOWN),
        Classifier("wood", "Image", forest, 2, 1, forest_model(), KNOWN),
        Classifier("graph", "Image", Settings(), 2, 1, graph_model(), KNOWN),
    )


def evaluation_of_things(count: int, classes: int = 2, seed: int = 0) -> Evaluation:
    """Return an evaluation of `count` things whose ids are as long as a uuid."""
    rng = np.random.default_rng(seed)
    true, predicted = rng.integers(0, classes, (2, count))
    return Evaluation(
        confusion_counts(true, predicted, classes),
        0.5,
        KNOWN if classes == len(KNOWN) else tuple(f"1{i}" for i in range(classes)),
        "Cross-validation",
        None,
        tuple(f"1{i:035d}" for i in range(count)),
        tuple(true.tolist()),
        tuple(predicted.tolist()),
        (0.5,) * (classes - 1) + (math.nan,),
        7,
    )


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Any run."""
    epochs = draw(st.integers(0, 5))
    names = draw(st.lists(st.text(max_size=8), max_size=4, unique=True))
    column = st.lists(FIGURES, min_size=epochs, max_size=epochs).map(tuple)
    return Run(
        Settings(epochs=draw(st.integers(1, 9)), seed=draw(st.integers(0, 99))),
        {name: draw(column) for name in names},
        draw(st.integers(-1, epochs - 1)) if names and epochs else 0,
        draw(st.integers(0, 10**6)),
        draw(st.integers(0, 10**6)),
        draw(st.sampled_from(["finished", "early", "cancelled", "diverged", "interrupted"])),
        draw(st.text(max_size=5)),
        draw(st.text(max_size=5)),
        draw(st.floats(0, 1e6)),
    )


@st.composite
def evaluations(draw: st.DrawFn, number_of_runs: int) -> Evaluation:
    """Any evaluation, with things or without."""
    size = draw(st.integers(1, 4))
    ids = draw(st.lists(IDS, max_size=6, unique=True))
    index = st.integers(0, size - 1)
    columns = draw(st.lists(st.tuples(index, index), min_size=len(ids), max_size=len(ids)))
    true, predicted = (tuple(pair[side] for pair in columns) for side in (0, 1))
    counts = draw(
        st.lists(
            st.lists(st.integers(0, 2**40), min_size=size, max_size=size).map(tuple),
            min_size=size,
            max_size=size,
        )
    )
    if ids:
        matrix = confusion_counts(np.array(true, int), np.array(predicted, int), size)
    else:
        matrix = tuple(counts)
    run = st.none() | st.integers(0, number_of_runs - 1) if number_of_runs else st.none()
    area = st.floats(0, 1) | st.just(math.nan)
    return Evaluation(
        matrix,
        draw(FIGURES),
        draw(st.sampled_from([(), tuple(f"1{i}" for i in range(size))])),
        draw(st.sampled_from(["Validation", "Labelled", "Cross-validation"])),
        draw(run),
        tuple(ids),
        true,
        predicted,
        draw(st.just(()) | st.lists(area, min_size=size, max_size=size).map(tuple)),
    )


@st.composite
def classifiers(draw: st.DrawFn) -> Classifier:
    """One of the trio, with any history."""
    chosen = draw(st.sampled_from(trio()))
    past = draw(st.lists(runs(), max_size=3).map(tuple))
    found = tuple(draw(st.lists(evaluations(len(past)), max_size=3)))
    class_map = draw(st.sampled_from([(), KNOWN, ("", "1bad"), ("1gone", "1good")]))
    return replace(chosen, runs=past, evaluations=found, class_map=class_map)


def comparable(classifier: Classifier) -> Any:  # noqa: ANN401
    """Return all of a classifier, NaN equal to NaN."""
    return repr(replace(classifier, model=None)), classifier.model
