"""What the Evaluate page does: judge a classifier in the engine, keep it, show its things."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from psygnal import Signal

from napari_piximi.errors import EditError
from napari_piximi.model.classifiers import add_evaluation
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.query import renewed
from napari_piximi.model.things import Partition
from napari_piximi.model.training import GRAPH_FORMAT, Classifier
from napari_piximi.ui import messages, predicting
from napari_piximi.ui.jobs import Job, missed
from napari_piximi.ui.learning import Learning, needs_keras
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace

if TYPE_CHECKING:
    from napari_piximi.learn.cross_validation import CrossValidation

__all__ = [
    "CROSS_VALIDATION",
    "PARTITIONS",
    "Evaluating",
    "FoldLimits",
    "fold_limits",
    "keep_evaluation",
    "obstacle",
    "show_things",
]

CROSS_VALIDATION = "Cross-validation"
PARTITIONS = ("Validation", "Training", "Labelled", CROSS_VALIDATION)
EVALUATE = "napari_piximi.learn.classifier:evaluate"
CROSS_VALIDATE = "napari_piximi.learn.cross_validation:cross_validate"


def keep_evaluation(project: Project, classifier: Classifier, evaluation: Evaluation) -> Project:
    """Add an evaluation to a classifier, which may have been fitted again meanwhile.

    Raises
    ------
    EditError
        If the classifier has gone.
    """
    key = classifier.name, classifier.kind
    if all((c.name, c.kind) != key for c in project.classifiers):
        raise EditError(
            f"{classifier.name!r} was deleted or renamed while it was evaluated, so the outcome "
            "is lost; evaluate again"
        )
    return add_evaluation(project, *key, evaluation)


def obstacle(workspace: Workspace, classifier: Classifier | None, partition: str) -> str:
    """Say what would stop an evaluation, and what to do; empty where nothing would."""
    project, gallery = workspace.project, workspace.gallery
    if classifier is None:
        return "Fit a model on the Fit page, or choose one above; then see here how good it is."
    found = predicting.obstacle(project, gallery.query.kind, classifier)
    if found is not None:
        return found.text
    counts = gallery.counts()
    known = project.known_categories(gallery.query.kind)
    numbers = {key: _counted(counts.get(key, {}), partition) for key in known}
    if not any(numbers.values()):
        return _nothing(partition)
    if partition == CROSS_VALIDATION:
        return _not_crossed(classifier, numbers)
    if not any(numbers.get(key) for key in classifier.class_map):
        return "The model knows none of the categories of these things: fit a new one."
    return ""


def _nothing(partition: str) -> str:
    if partition in ("Labelled", CROSS_VALIDATION):
        return "Nothing has a category yet: label some things first."
    return (
        f"No labelled thing is in {partition}: choose other things above, or fit, which shares "
        "the labelled things out."
    )


def _not_crossed(classifier: Classifier, numbers: Mapping[str, int]) -> str:
    document = classifier.model.document if classifier.model else {}
    if document.get("format") == GRAPH_FORMAT:
        return "A graph model cannot be fitted, so not cross-validated: choose other things."
    if sum(number > 1 for number in numbers.values()) < 2:
        return "Cross-validation needs two examples of at least two categories: label more."
    return ""


def _counted(counts: Mapping[Partition, int], partition: str) -> int:
    if partition in ("Validation", "Training"):
        return counts.get(Partition(partition), 0)
    return sum(counts.values())


class FoldLimits(NamedTuple):
    """How many folds the labels of a kind allow.

    Attributes
    ----------
    most : int
        Labelled things of the largest category: more folds are not made.
    fewest : int
        Of the smallest one that has any: more folds than that lack it in some.
    smallest : str
        Its name.
    """

    most: int
    fewest: int
    smallest: str


def fold_limits(workspace: Workspace) -> FoldLimits | None:
    """Return how many folds the labels allow; None where none are labelled."""
    project, gallery = workspace.project, workspace.gallery
    counts = gallery.counts()
    known = project.known_categories(gallery.query.kind)
    numbers = {key: sum(counts[key].values()) for key in known if counts.get(key)}
    labelled = {key: number for key, number in numbers.items() if number}
    if not labelled:
        return None
    smallest = min(labelled, key=lambda key: labelled[key])
    name = project.categories[smallest].name
    return FoldLimits(max(labelled.values()), labelled[smallest], name)


class Evaluating:
    """The evaluation that runs, if one does.

    Parameters
    ----------
    workspace : Workspace
    learning : Learning
    """

    changed = Signal()
    """An evaluation has begun or ended."""

    def __init__(self, workspace: Workspace, learning: Learning) -> None:
        self._workspace = workspace
        self._learning = learning
        self.job: Job | None = None

    @property
    def running(self) -> bool:
        """Whether an evaluation is being made."""
        return self.job is not None and self.job.running

    def start(self, classifier: Classifier, kind: str, partition: str, folds: int = 5) -> Job:
        """Evaluate a classifier; the outcome is kept with it as one edit."""
        asked = classifier if classifier.kind else replace(classifier, kind=kind)
        if partition == CROSS_VALIDATION:
            self.job = self._cross_validate(classifier, asked, folds)
        else:
            self.job = self._learning.run(
                f"Evaluate {classifier.name}",
                EVALUATE,
                self._workspace.project,
                kind,
                asked,
                partition=partition,
                keras=needs_keras(asked),
                done=partial(self._keep, classifier),
            )
        missed(self.job).finished.connect(self._ended)
        self.changed.emit()
        return self.job

    def _cross_validate(self, classifier: Classifier, asked: Classifier, folds: int) -> Job:
        return self._learning.run(
            f"Cross-validate {classifier.name}",
            CROSS_VALIDATE,
            self._workspace.project,
            asked.kind,
            asked.kind,
            asked.settings,
            folds=folds,
            keras=needs_keras(asked.settings),
            done=partial(self._keep_crossed, classifier, folds),
        )

    def _keep_crossed(self, classifier: Classifier, folds: int, found: "CrossValidation") -> None:
        self._keep(classifier, found.evaluation)
        if found.folds < folds:
            messages.warn(
                f"{one_line(classifier.name)}: {found.folds} folds were made in place of {folds}, "
                "as many as the largest category has labelled things"
            )

    def _keep(self, classifier: Classifier, found: Evaluation) -> None:
        label = f"Evaluate {classifier.name}"
        self._workspace.edit(label, keep_evaluation, classifier, found)

    def stop(self) -> None:
        """Stop; nothing is kept."""
        if self.job is not None:
            self.job.cancel()

    def _ended(self) -> None:
        self.job = None
        self.changed.emit()


def show_things(workspace: Workspace, kind: str, ids: Collection[str]) -> tuple[int, int]:
    """Show exactly these things in the gallery, if any is left.

    Returns
    -------
    shown, gone : int
        Those that have been deleted since, or moved to another kind, are gone.
    """
    gallery = workspace.gallery
    if gallery.query.kind == kind:
        left = frozenset(filter(gallery.columns.rows.__contains__, ids))
    else:
        things = workspace.project.things
        left = frozenset(key for key in ids if key in things and things[key].kind == kind)
    if left:
        gallery.set_query(replace(renewed(gallery.query, kind), only=left))
    return len(left), len(ids) - len(left)
