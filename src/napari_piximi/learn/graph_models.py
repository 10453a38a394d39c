"""Classifiers that are graph models: they predict, and are never fitted."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError, PiximiWarning
from napari_piximi.io._graph_ops import FUSED
from napari_piximi.io.tfjs import graph_nodes, graph_outputs
from napari_piximi.learn.graphs import Graph, load_graph
from napari_piximi.learn.plans import Plan
from napari_piximi.learn.sampling import build_samples, reading_order
from napari_piximi.learn.suitability import input_settings, model_of
from napari_piximi.model.project import Project
from napari_piximi.model.things import Thing
from napari_piximi.model.training import Classifier, ModelArtifact, Run
from napari_piximi.progress import Progress

__all__ = ["UNFITTED", "features", "fit", "load_graph", "probabilities"]

Floats = NDArray[np.float32]

UNFITTED = (
    "A graph model cannot be fitted; it can only predict. Let it predict, accept the predictions "
    "that are right, and fit a new model on them"
)

_BLOCK = 256
_BATCH_BYTES = 32 * 2**20
_ENDS = ("Softmax", "Sigmoid")
_PASSED = ("Identity", "Reshape", "Squeeze")
_TOLERANCE = 1e-3


def fit(
    plan: Plan,
    progress: Progress,
    keep: Callable[[ModelArtifact, Run], None] | None = None,
) -> tuple[ModelArtifact, Run]:
    """Refuse; see :class:`napari_piximi.learn.classifier.Learner`.

    Raises
    ------
    FitError
        Always.
    """
    raise FitError(UNFITTED)


def probabilities(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> Floats:
    """Ask a graph model; see :class:`napari_piximi.learn.classifier.Learner`.

    Raises
    ------
    FitError
        If it has several inputs, takes other samples or gives other classes than its classifier
        says, answers NaN, or as :func:`~napari_piximi.learn.graphs.load_graph` does.

    Warns
    -----
    PiximiWarning
        If the graph gives scores instead of probabilities; softmax makes these of them. The
        class with the highest score stays the highest.

    Notes
    -----
    Piximi takes the outputs as they are, so it shows scores as if they were probabilities.
    """
    artifact = model_of(classifier)
    graph = load_graph(artifact)
    rows = _rows(graph, project, classifier, things, progress, len(classifier.class_map))
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if broken.size:
        raise FitError(
            f"The model answers NaN for {things[broken[0]].name!r} and {broken.size - 1} more; "
            "its weights are damaged"
        )
    if _gives_probabilities(artifact) or not rows.size or _adds_up(rows):
        return rows
    warnings.warn(
        f"Classifier {classifier.name!r} gives scores, not probabilities: softmax was applied",
        PiximiWarning,
        stacklevel=2,
    )
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def features(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> Floats:
    """Return what the graph's last dense layer is given, (N, D).

    Raises
    ------
    FitError
        If the graph does not end in a dense layer; or as for :func:`probabilities`.
    """
    artifact = model_of(classifier)
    place = _before_the_end(
        graph_nodes(artifact.document), graph_outputs(artifact.document)[0].node
    )
    if place is None:
        raise FitError(
            f"Classifier {classifier.name!r} is a graph model that does not end in a dense layer, "
            "so it has no features to map; use a forest or a SimpleCNN for this"
        )
    graph = load_graph(artifact, (place,))
    return _rows(graph, project, classifier, things, progress, None)


def _rows(
    graph: Graph,
    project: Project,
    classifier: Classifier,
    things: Sequence[Thing],
    progress: Progress,
    width: int | None,
) -> Floats:
    """Ask a graph about things, in blocks of samples that are built as they are needed."""
    _check_input(graph, classifier)
    settings = input_settings(classifier)
    order = reading_order(things)
    parts: list[Floats] = []
    for start in range(0, len(order), _BLOCK):
        chosen = [things[index] for index in order[start : start + _BLOCK]]

        def reading(*_: object, start: int = start, **__: object) -> None:
            progress(start, len(things), "Predicting")

        with build_samples(
            project, chosen, settings, classifier.channels, backend="tensorflow", progress=reading
        ) as samples:
            parts += _answers(graph, classifier, samples.values, width)
        progress(start + len(chosen), len(things), "Predicting")
    if not parts:
        return np.zeros((0, width or 0), np.float32)
    answers = np.concatenate(parts)
    rows = np.empty_like(answers)
    rows[order] = answers
    return rows


def _answers(
    graph: Graph, classifier: Classifier, samples: Floats, width: int | None
) -> list[Floats]:
    fixed = graph.inputs[0].shape[0] if graph.inputs[0].shape else None
    size = fixed or max(1, min(_BLOCK, _BATCH_BYTES // max(1, samples[:1].nbytes)))
    parts = []
    for start in range(0, len(samples), size):
        batch = samples[start : start + size]
        count = len(batch)
        if fixed and count < fixed:  # the graph takes whole batches only
            batch = np.concatenate([batch, np.zeros((fixed - count, *batch.shape[1:]), np.float32)])
        answer = np.asarray(graph([batch])[0][:count], np.float32)
        if answer.shape[:1] != (count,) or (width is not None and answer.size != count * width):
            raise FitError(
                f"Classifier {classifier.name!r} should give {width} classes for each thing, but "
                f"its graph gives {list(answer.shape)} for {count}: it is no classifier of these"
            )
        parts.append(answer.reshape(count, -1))
    return parts


def _check_input(graph: Graph, classifier: Classifier) -> None:
    if len(graph.inputs) != 1:
        raise FitError(f"Classifier {classifier.name!r} takes {len(graph.inputs)} inputs, not one")
    wanted, given = graph.inputs[0].shape[1:], classifier.input_shape[1:]
    fits = not wanted or (
        len(wanted) == len(given)
        and all(length in (None, size) for length, size in zip(wanted, given, strict=True))
    )
    if not fits:
        raise FitError(
            f"Classifier {classifier.name!r} should take {given}, but its graph takes {wanted}"
        )


def _gives_probabilities(artifact: ModelArtifact) -> bool:
    """Tell whether the graph ends in what makes probabilities."""
    nodes = graph_nodes(artifact.document)
    node: Mapping[str, Any] = nodes[graph_outputs(artifact.document)[0].node]
    while node["op"] in _PASSED and node.get("input"):
        node = nodes[_name(node["input"][0])]
    return node["op"] in _ENDS


def _adds_up(rows: Floats) -> bool:
    """Tell whether rows are probabilities, in whatever way the graph makes them."""
    sums = rows.sum(axis=1)
    return bool((rows >= 0).all() and (np.abs(sums - 1) <= _TOLERANCE).all())


def _before_the_end(nodes: Mapping[str, Mapping[str, Any]], end: str) -> str | None:
    """Return the reference to what goes into the last dense layer on the way to `end`."""
    node = nodes[end]
    for _ in range(len(nodes)):
        inputs = node.get("input", [])
        if not inputs or node["op"] in ("Const", "Placeholder"):
            return None
        if FUSED.get(node["op"], node["op"]) in ("MatMul", "BatchMatMulV2"):
            return str(inputs[0])
        node = nodes[_name(inputs[0])]
    return None


def _name(reference: str) -> str:
    return reference.removeprefix("^").partition(":")[0]
