"""What fits and predictions bring back; nothing here needs Keras."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import EditError
from napari_piximi.model.edits import put_classifier, set_partition
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition, Prediction, is_unknown
from napari_piximi.model.training import Classifier

__all__ = ["FitResult", "Predictions", "apply_fit"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FitResult:
    """What a fit made; :func:`apply_fit` puts it into a project.

    Attributes
    ----------
    classifier : Classifier
    partitions : mapping of thing id to Partition
        Those that the fit changed.
    """

    classifier: Classifier
    partitions: Mapping[str, Partition]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a classifier says of things.

    Attributes
    ----------
    ids : tuple of str
    probabilities : (N, classes) float32 array
        By thing and class.
    class_map : tuple of str
        Category id per class.
    """

    ids: tuple[str, ...]
    probabilities: Floats
    class_map: tuple[str, ...]

    def predictions(self) -> dict[str, Prediction]:
        """Return the most probable category of each thing, by id."""
        best = self.probabilities.argmax(axis=1)
        return {
            key: Prediction(self.class_map[index], float(row[index]))
            for key, index, row in zip(self.ids, best, self.probabilities, strict=True)
        }


def apply_fit(project: Project, result: FitResult) -> Project:
    """Put the outcome of a fit into a project, which may have changed meanwhile.

    Things that have gone are passed over, and so are partitions that no longer suit: a
    thing without a category cannot train.

    Raises
    ------
    EditError
        If the kind has gone.
    """
    if result.classifier.kind not in project.kinds:
        raise EditError(f"The kind that {result.classifier.name!r} was fitted on has gone")
    for partition in Partition:
        ids = [
            key
            for key, chosen in result.partitions.items()
            if chosen == partition
            and key in project.things
            and is_unknown(project.things[key].category) == (partition == Partition.INFERENCE)
        ]
        project = set_partition(project, ids, partition)
    return put_classifier(project, result.classifier)
