"""The layers of any model; importing this loads no Keras, but a network or graph does."""

import numpy as np

from napari_piximi.learn.layer_rows import LayerRow, ModelSummary
from napari_piximi.model.forest import forest_of
from napari_piximi.model.project import Project
from napari_piximi.model.training import FOREST_FORMAT, GRAPH_FORMAT, ModelArtifact
from napari_piximi.progress import Progress, silent

__all__ = ["summarize"]

MANY = 12
"""Features that are named; the others are counted."""


def summarize(
    project: Project, model: ModelArtifact, *, progress: Progress = silent
) -> ModelSummary:
    """Tabulate a model.

    Parameters
    ----------
    project : Project
        Not looked at: what runs in the engine is given one.
    model : ModelArtifact
        A network, a graph or a forest.

    Raises
    ------
    ModelFileError
        If the model is damaged.
    FitError
        If it is a graph model and Keras does not run on TensorFlow.
    """
    progress(0, 1, "Reading the model")
    form = model.document.get("format")
    if form == FOREST_FORMAT:
        return _of_forest(model)
    if form == GRAPH_FORMAT:
        from napari_piximi.learn.graphs import graph_rows

        remark = "A graph model: it predicts and cannot be fitted."
        return ModelSummary(tuple(graph_rows(model)), remark)
    from napari_piximi.learn.serialization import summary

    return ModelSummary(tuple(summary(model)))


def _of_forest(model: ModelArtifact) -> ModelSummary:
    forest = forest_of(model)
    sizes = np.diff([*forest.roots.tolist(), len(forest.features)]).tolist()
    classes = len(forest.classes)
    rows = tuple(
        LayerRow(f"tree {number}", "Decision tree", (classes,), size, trainable=True)
        for number, size in enumerate(sizes, 1)
    )
    named = ", ".join(forest.names[:MANY])
    more = len(forest.names) - MANY
    rest = f" and {more} more" if more > 0 else ""
    remark = f"{len(rows):,} trees on {len(forest.names):,} features: {named}{rest}."
    return ModelSummary(rows, remark, "Nodes")
