"""What fits and predictions bring back; nothing here needs Keras."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.edits import put_classifier, set_partition, set_predictions
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.free_names import numbered_name
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition, Prediction, is_unknown
from napari_piximi.model.training import Classifier

__all__ = ["FitResult", "Predictions", "add_evaluation", "apply_fit"]

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
        highest = self.probabilities[np.arange(len(best)), best].astype(float).tolist()
        said = map(Prediction, map(self.class_map.__getitem__, best.tolist()), highest)
        return dict(zip(self.ids, said, strict=True))


def apply_predictions(project: Project, predictions: Predictions) -> Project:
    """Put predictions into a project, which may have changed meanwhile.

    What has gone is passed over. As in Piximi, a thing without a category that is predicted
    waits in the partition Inference.
    """
    said = predictions.predictions()
    project = set_predictions(project, said)
    things = project.things
    waiting = [
        key
        for key in said
        if key in things
        and is_unknown(things[key].category)
        and things[key].partition != Partition.INFERENCE
    ]
    return set_partition(project, waiting, Partition.INFERENCE)


def apply_fit(project: Project, result: FitResult) -> Project:
    """Put the outcome of a fit into a project, which may have changed meanwhile.

    Things that have gone are passed over, and so are partitions that no longer suit: a
    thing without a category cannot train. Categories may have gone, too: the classes are then
    to be mapped before the classifier is asked. Evaluations that the classifier got meanwhile
    stay, and where another kind took its name, it gets a number.

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
    return put_classifier(project, _brought_up_to_date(project, result.classifier))


def _brought_up_to_date(project: Project, classifier: Classifier) -> Classifier:
    for other in project.classifiers:
        if (other.name, other.kind) == (classifier.name, classifier.kind):
            return _with_own_past(classifier, other)
    taken = project.classifier_names()
    if classifier.name not in taken or classifier.name in project.unread_models:
        return classifier
    name = numbered_name(classifier.name, lambda name: name not in taken, 2)
    return replace(classifier, name=name)


def _with_own_past(classifier: Classifier, present: Classifier) -> Classifier:
    """Give what came back from another process the runs and evaluations that are here already.

    Copies of them would be in memory twice, and be written to the journal again.
    """
    runs = tuple(
        here if (here.settings, here.seconds) == (run.settings, run.seconds) else run
        for run, here in zip(classifier.runs, present.runs, strict=False)
    )
    known = set(map(_gist, present.evaluations))
    strange = (e for e in classifier.evaluations if _gist(e) not in known)
    return replace(
        classifier,
        runs=(*runs, *classifier.runs[len(runs) :]),
        evaluations=(*strange, *present.evaluations),
    )


def _gist(evaluation: Evaluation) -> tuple[object, ...]:
    """Return what tells evaluations apart without a look at each thing."""
    return evaluation.confusion_matrix, evaluation.partition, evaluation.run, len(evaluation.ids)


def add_evaluation(project: Project, classifier: Classifier, evaluation: Evaluation) -> Project:
    """Keep what was found about a classifier with it, if the project still has its model.

    Parameters
    ----------
    project : Project
        As it is now.
    classifier : Classifier
        The one that was judged.
    evaluation : Evaluation
    """
    key = classifier.name, classifier.kind
    present = next((c for c in project.classifiers if (c.name, c.kind) == key), None)
    if present is None or present.model is not classifier.model:
        return project
    return edits.add_evaluation(project, *key, evaluation)
