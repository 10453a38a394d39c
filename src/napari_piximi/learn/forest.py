"""Classifiers that are forests: fitted by scikit-learn on features, kept as plain arrays."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.io.tfjs import piximi_metadata
from napari_piximi.learn.checks import warn_if_alike
from napari_piximi.learn.feature_rows import feature_rows
from napari_piximi.learn.metrics import cross_entropy, figures
from napari_piximi.learn.plans import Plan, targets_of
from napari_piximi.learn.sampling import reading_order
from napari_piximi.learn.suitability import model_of
from napari_piximi.measure.features import feature_names
from napari_piximi.model.forest import Forest, artifact_of, ask, forest_of, tree_counts
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Thing
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings
from napari_piximi.progress import Progress

__all__ = ["embedding", "features", "fit", "probabilities"]

Floats = NDArray[np.float32]

MAX_DEPTH = 500

MANY = 2000
"""Training things from which on trees grow in several threads; the forest is the same."""

BLOCK = 8192
"""Things that are measured and asked about at a time."""


def fit(
    plan: Plan,
    progress: Progress,
    keep: Callable[[ModelArtifact, Run], None] | None = None,
) -> tuple[ModelArtifact, Run]:
    """Fit a forest; see :class:`napari_piximi.learn.classifier.Learner`.

    The trees are extremely randomised ones (Geurts et al. 2006) on bootstrap samples, which
    did better in cross-validation on few labels than Breiman's. A forest that is continued is
    fitted anew on all that trains now. Its history tells how
    good it was after ever more trees: on the training things, each judged by the trees that
    have not seen it (out of bag), and on the validation things. Trees are quick to fit:
    nothing is put aside with `keep`.
    """
    training, validation = plan.split.training, plan.split.validation
    table = feature_rows(plan.project, training, plan.channels, progress)
    held_out = feature_rows(plan.project, validation, plan.channels, progress)
    warn_if_alike(table, plan.project.kinds[plan.kind].name)
    growing = _Growing(
        plan.settings,
        (table, targets_of(plan.class_map, training)),
        (held_out.reshape(-1, table.shape[1]), targets_of(plan.class_map, validation)),
    )
    stopped = growing.run(progress)
    names = feature_names(plan.channels, objects=plan.kind != IMAGE_KIND)
    forest = _arrays(growing.forest, names, plan.classes, growing.known, table)
    planes = plan.base.planes if plan.base else 1
    metadata = piximi_metadata(plan.settings, plan.channels, planes, plan.classes)
    history = {key: tuple(values) for key, values in growing.history.items()}
    run = Run(
        plan.settings,
        history,
        len(history["loss"]) - 1,
        len(training),
        len(validation),
        stopped,
        "CPU (a forest needs no GPU)",
        "scikit-learn",
        growing.seconds,
    )
    return artifact_of(forest, metadata), run


def probabilities(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> Floats:
    """Ask a forest; see :class:`napari_piximi.learn.classifier.Learner`."""
    forest = _suitable(classifier)
    result = np.empty((len(things), len(forest.classes)), dtype=np.float32)
    for rows, table in _tables(project, classifier, forest, things, progress):
        result[rows] = ask(forest, table)
    return result


def features(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> Floats:
    """Return what a forest sees of things, (N, F), standardised as on its training things.

    Raises
    ------
    FitError
        As for :func:`probabilities`.
    """
    return embedding(project, classifier, things, progress)[0]


def embedding(
    project: Project, classifier: Classifier, things: Sequence[Thing], progress: Progress
) -> tuple[Floats, Floats]:
    """Return :func:`features` and :func:`probabilities` for the price of one."""
    forest = _suitable(classifier)
    seen = np.empty((len(things), len(forest.names)), dtype=np.float32)
    said = np.empty((len(things), len(forest.classes)), dtype=np.float32)
    for rows, table in _tables(project, classifier, forest, things, progress):
        seen[rows] = (table - forest.mean) / forest.scale
        said[rows] = ask(forest, table)
    return seen, said


def _suitable(classifier: Classifier) -> Forest:
    """Return a classifier's forest, if it tells its classes apart by features that we measure."""
    forest = forest_of(model_of(classifier))
    if len(forest.classes) != len(classifier.class_map):
        raise FitError(
            f"Classifier {classifier.name!r} has {len(classifier.class_map)} classes, "
            f"but its forest tells {len(forest.classes)} apart"
        )
    measured = feature_names(classifier.channels, objects=classifier.kind != IMAGE_KIND)
    unknown = [name for name in forest.names if name not in set(measured)]
    if unknown:
        raise FitError(
            f"The forest of {classifier.name!r} looks at {unknown[0]!r} and {len(unknown) - 1} "
            f"more features that things with {classifier.channels} channels do not have; "
            "fit it anew"
        )
    return forest


def _tables(
    project: Project,
    classifier: Classifier,
    forest: Forest,
    things: Sequence[Thing],
    progress: Progress,
) -> Iterator[tuple[list[int], Floats]]:
    """Yield blocks of things: their indices, and their features as the forest knows them."""
    measured = feature_names(classifier.channels, objects=classifier.kind != IMAGE_KIND)
    place = {name: i for i, name in enumerate(measured)}
    columns = [place[name] for name in forest.names]
    order = reading_order(things)  # so that few images are read for two blocks
    for start in range(0, len(things), BLOCK):
        rows = order[start : start + BLOCK]
        block = [things[row] for row in rows]

        def tick(done: int, *_: object, start: int = start, **__: object) -> None:
            progress(start + done, len(things), "Predicting")

        yield rows, feature_rows(project, block, classifier.channels, tick)[:, columns]
    progress(len(things), len(things), "Predicting")


@dataclass
class _Growing:
    """A forest that grows, a few trees at a time.

    Attributes
    ----------
    training, validation : (rows of features, targets)
    """

    settings: Settings
    training: tuple[Floats, Floats]
    validation: tuple[Floats, Floats]
    history: dict[str, list[float]] = field(default_factory=lambda: {"loss": []})
    seconds: float = 0.0

    def __post_init__(self) -> None:
        from sklearn.ensemble import ExtraTreesClassifier

        settings = self.settings
        self.truth = self.training[1].argmax(axis=1)
        self.known = np.unique(self.truth)
        self.forest: Any = ExtraTreesClassifier(
            n_estimators=0,
            bootstrap=True,
            max_features=settings.max_features or "sqrt",
            min_samples_leaf=settings.min_samples_leaf,
            max_depth=MAX_DEPTH,
            class_weight=self._weights() if settings.class_weights else None,
            random_state=settings.seed,
            warm_start=True,
            n_jobs=-1 if len(self.truth) >= MANY else None,
        )
        # Sums of the votes of the trees so far, of those who may judge a thing.
        self.votes: list[NDArray[np.float64]] = [
            np.zeros(part[1].shape) for part in (self.training, self.validation)
        ]

    def _weights(self) -> dict[int, float]:
        """Weigh classes so that each counts the same; scikit-learn does so only at one go."""
        counts = np.bincount(self.truth)
        return {int(i): len(self.truth) / (len(self.known) * counts[i]) for i in self.known}

    def run(self, progress: Progress) -> str:
        """Grow all trees; tell how it ended."""
        started, trees = time.perf_counter(), self.settings.trees
        progress(0, trees, "Fitting")
        try:
            for epoch, count in enumerate(tree_counts(trees)):
                self._grow(count)
                self.seconds = time.perf_counter() - started
                latest = {key: values[-1] for key, values in self.history.items()}
                at = {"epoch": epoch + 1, "complete": epoch + 1}
                progress(count, trees, f"{count} of {trees} trees", **at, **latest)
        except Cancelled:
            if not self.history["loss"]:
                raise
            return "cancelled"
        return "finished"

    def _grow(self, count: int) -> None:
        from sklearn import config_context

        before = len(getattr(self.forest, "estimators_", ()))
        self.forest.set_params(n_estimators=count)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            self.forest.fit(self.training[0], self.truth)
        drawn = self.forest.estimators_samples_[before:]
        for estimator, seen in zip(self.forest.estimators_[before:], drawn, strict=True):
            unseen = np.ones(len(self.truth), dtype=bool)
            unseen[seen] = False
            self._vote(0, estimator.tree_, np.flatnonzero(unseen))
            self._vote(1, estimator.tree_, np.arange(len(self.validation[1])))
        self._note(count)

    def _vote(self, which: int, tree: Any, rows: NDArray[np.intp]) -> None:  # noqa: ANN401
        if len(rows):
            shares = tree.predict((self.training, self.validation)[which][0][rows])
            self.votes[which][np.ix_(rows, self.known)] += shares.reshape(len(rows), -1)

    def _note(self, count: int) -> None:
        values = dict(self._judged(0))
        if len(self.validation[1]):
            values |= {f"val_{key}": value for key, value in self._judged(1).items()}
        values["trees"] = float(count)
        for key, value in values.items():
            self.history.setdefault(key, []).append(value)

    def _judged(self, which: int) -> dict[str, float]:
        targets = (self.training, self.validation)[which][1]
        votes = self.votes[which]
        total = votes.sum(axis=1, keepdims=True)
        # A thing that every tree has seen tells nothing yet.
        shares = np.where(total > 0, votes, 1) / np.where(total > 0, total, votes.shape[1])
        judged = total[:, 0] > 0 if (total > 0).any() else slice(None)
        loss = cross_entropy(targets[judged].astype(np.float64), shares[judged])
        return {"loss": loss, **figures(self.settings.metrics, targets[judged], shares[judged])}


def _arrays(
    fitted: Any,  # noqa: ANN401
    names: Sequence[str],
    classes: Sequence[str],
    known: NDArray[np.integer],
    table: Floats,
) -> Forest:
    """Take scikit-learn's trees apart.

    It compares float32 features with float64 thresholds; the next float32 below such a
    threshold decides the same.
    """
    trees = [estimator.tree_ for estimator in fitted.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])
    pairs = zip(trees, roots, strict=False)
    children, values = [], np.zeros((roots[-1], len(classes)), dtype=np.float32)
    for tree, root in pairs:
        both = np.stack([tree.children_left, tree.children_right], axis=1)
        own = np.arange(tree.node_count)[:, None]
        children.append(np.where(both < 0, own, both) + root)
        shares = tree.value[:, 0, :]
        values[root : root + tree.node_count, known] = shares / shares.sum(axis=1, keepdims=True)
    exact = np.concatenate([tree.threshold for tree in trees])
    thresholds = exact.astype(np.float32)
    thresholds = np.where(thresholds > exact, np.nextafter(thresholds, -np.inf), thresholds)
    spread = table.std(axis=0, dtype=np.float64)
    return Forest(
        tuple(names),
        tuple(classes),
        roots[:-1].astype(np.int32),
        np.maximum(np.concatenate([tree.feature for tree in trees]), -1).astype(np.int32),
        thresholds.astype(np.float32),
        np.concatenate(children).astype(np.int32),
        values,
        table.mean(axis=0, dtype=np.float64).astype(np.float32),
        np.where(spread > 1e-6, spread, 1).astype(np.float32),
    )
