"""What a model sees of things before its last decision; nothing here needs Keras."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.training import Classifier

__all__ = ["Embedding", "FeatureMap", "map_title"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Embedding:
    """Features of things, and what the model makes of them.

    Attributes
    ----------
    ids : tuple of str
    features : (N, D) float32 array
        Of a network: what goes into its last layer with weights, averaged over what is left
        of the picture. Of a forest: its standardised features.
    probabilities : (N, classes) float32 array
    class_map : tuple of str
        Category id per class.
    """

    ids: tuple[str, ...]
    features: Floats
    probabilities: Floats
    class_map: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Things as points, those side by side that look alike to a model.

    Attributes
    ----------
    title : str
        What it is a map of: ``"SimpleCNN 1, run 2"``.
    method : str
        ``"PCA"`` or ``"UMAP"``.
    kind : str
        Kind id.
    ids : tuple of str
    points : (N, 2) float32 array
    predicted : (N,) integer array
        Class of each thing, an index into `class_map`.
    probability : (N,) float32 array
        Of that class.
    uncertainty : (N,) float32 array
        1 − (first − second), as :func:`napari_piximi.learn.suggestions.margins`.
    class_map : tuple of str
        Category id per class.
    """

    title: str
    method: str
    kind: str
    ids: tuple[str, ...]
    points: NDArray[np.float32]
    predicted: NDArray[np.int32]
    probability: NDArray[np.float32]
    uncertainty: NDArray[np.float32]
    class_map: tuple[str, ...]


def map_title(classifier: Classifier) -> str:
    """Return ``"SimpleCNN 1, run 2"``; just the name of a classifier that was never fitted."""
    runs = len(classifier.runs)
    return f"{classifier.name}, run {runs}" if runs else classifier.name
