"""Cross-validation: each labelled thing is predicted by a model that has not seen it."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import Cancelled, FitError, PiximiWarning
from napari_piximi.learn.checks import check_settings
from napari_piximi.learn.classifier import fit, predict
from napari_piximi.learn.metrics import evaluation_of
from napari_piximi.learn.plans import targets_of
from napari_piximi.model.edits import delete_things, set_partition
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition, Thing, is_unknown
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress, silent

__all__ = ["CrossValidation", "cross_validate", "folds_of"]

Floats = NDArray[np.float32]

STEPS = 1000
"""Parts of a fold that progress is told in."""


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What models say of things that they have not seen.

    Attributes
    ----------
    ids : tuple of str
        The labelled things, in the project's order.
    probabilities : (N, classes) float32 array
        Of each thing, by the model of the fold that it was held out of.
    class_map : tuple of str
        Category id per class.
    evaluation : Evaluation
        Of partition ``"Cross-validation"``.
    folds : int
        How many were made.
    """

    ids: tuple[str, ...]
    probabilities: Floats
    class_map: tuple[str, ...]
    evaluation: Evaluation
    folds: int


def cross_validate(
    project: Project,
    kind: str,
    settings: Settings,
    *,
    folds: int = 5,
    progress: Progress = silent,
) -> CrossValidation:
    """Fit on all folds but one, predict that one, and so on for each.

    The labelled things are shared out at random, each category evenly (stratified); which
    things of a project train and validate otherwise plays no part. Of the things that a
    model is fitted on, `training_percentage` trains and the rest decides which epoch is best
    and when to stop, as in any fit; the held-out fold decides nothing.

    Parameters
    ----------
    project : Project
    kind : str
        Id of a kind, or its name.
    settings : Settings
        Its `seed` draws the folds, too.
    folds : int
        At least 2. No more are made than the largest category has examples.
    progress : Progress
        Told of all folds together, with ``fold`` and the figures of the fit. When it raises
        Cancelled, that is passed on.

    Raises
    ------
    FitError
        If fewer than two categories have two examples, or as for
        :func:`napari_piximi.learn.classifier.fit`.

    Warns
    -----
    PiximiWarning
        If a category has fewer examples than there are folds: it is missing from some of
        them. Of one with a single example the thing only trains, and is left out of the
        outcome. If a fit diverges.

    References
    ----------
    Kohavi, R. A study of cross-validation and bootstrap for accuracy estimation and model
    selection. IJCAI 1995: stratified folds.
    """
    check_settings(settings)
    kind = project.find_kind(kind).id
    labelled = [thing for thing in project.of_kind(kind) if not is_unknown(thing.category)]
    fold_of = _checked_folds(project, kind, labelled, settings, folds)
    count = int(fold_of.max()) + 1
    tested = [thing for thing, fold in zip(labelled, fold_of, strict=True) if fold >= 0]
    class_map = project.known_categories(kind)
    learnt = _bare(project, kind, labelled)
    rows = np.zeros((len(labelled), len(class_map)), dtype=np.float32)
    for fold in range(count):
        held = np.flatnonzero(fold_of == fold).tolist()
        ids = [labelled[row].id for row in held]
        told = _Told(progress, fold, count)
        rows[held] = _held_out(learnt, kind, settings, ids, told)
    progress(count * STEPS, count * STEPS, "Cross-validated")
    kept = rows[fold_of >= 0]
    found = evaluation_of(targets_of(class_map, tested), kept, [thing.id for thing in tested])
    evaluation = replace(found, classes=class_map, partition="Cross-validation", folds=count)
    return CrossValidation(evaluation.ids, kept, class_map, evaluation, count)


def folds_of(categories: Sequence[str], folds: int, seed: int) -> NDArray[np.int64]:
    """Share things out into folds, each category evenly.

    Parameters
    ----------
    categories : sequence of str, length N
        Category of each thing.
    folds : int
    seed : int

    Returns
    -------
    (N,) integer array
        Fold of each thing; -1 where it is the only one of its category. The sizes of folds,
        over all and of each category, differ by one at most.
    """
    # By first appearance: ids of categories are drawn at random and must decide nothing.
    names = {name: code for code, name in enumerate(dict.fromkeys(categories))}
    codes = np.array([names[name] for name in categories], dtype=np.int64)
    draws = np.random.default_rng((seed, 1))
    found = np.full(len(codes), -1, dtype=np.int64)
    begun = 0
    for code in range(len(names)):
        rows = draws.permutation(np.flatnonzero(codes == code))
        if len(rows) > 1:
            found[rows] = (begun + np.arange(len(rows))) % folds
            begun += len(rows)
    return found


def _checked_folds(
    project: Project, kind: str, labelled: Sequence[Thing], settings: Settings, folds: int
) -> NDArray[np.int64]:
    name = project.kinds[kind].name
    if folds < 2:
        raise FitError(f"{folds} folds cannot be cross-validated; it takes at least 2")
    if not labelled:
        raise FitError(f"No thing of kind {name!r} has a category yet; label some first")
    counts = Counter(thing.category for thing in labelled)
    if len([count for count in counts.values() if count > 1]) < 2:
        raise FitError(
            f"Cross-validation needs at least two categories of kind {name!r} with two examples "
            "each; label some more"
        )
    folds = min(folds, max(counts.values()))
    few = [key for key in project.known_categories(kind) if 0 < counts[key] < folds]
    if few:
        listed = ", ".join(f"{project.categories[key].name!r} ({counts[key]})" for key in few)
        alone = any(counts[key] == 1 for key in few)
        text = f"Fewer examples than the {folds} folds, so their figures are rough: {listed}"
        more = "; a single example only trains, and is not judged" if alone else ""
        warnings.warn(text + more, PiximiWarning, stacklevel=3)
    return folds_of([thing.category for thing in labelled], folds, settings.seed)


def _bare(project: Project, kind: str, labelled: Sequence[Thing]) -> Project:
    """Return the project with the labelled things alone, none of them in a partition yet."""
    known = {thing.id for thing in labelled}
    project = delete_things(project, [t.id for t in project.of_kind(kind) if t.id not in known])
    project = replace(project, classifiers=(), unread_models={})
    return set_partition(project, known, Partition.UNASSIGNED)


def _held_out(
    project: Project, kind: str, settings: Settings, held: Sequence[str], told: "_Told"
) -> Floats:
    """Fit on all but some things, and return what the model says of those."""
    name = f"Fold {told.fold + 1}"
    with warnings.catch_warnings():
        # What a fold lacks is due to its size, and has been said.
        warnings.simplefilter("ignore", PiximiWarning)
        fitted = fit(delete_things(project, held), kind, settings, name=name, progress=told)
        told.check()
        rows = predict(project, fitted.classifier, held, progress=told.quietly).probabilities
    if not np.isfinite(rows).all():
        raise FitError(f"{name} of {told.folds}: the fitted model gives no numbers (NaN)")
    if fitted.classifier.runs[-1].stopped == "diverged":
        text = f"{name} of {told.folds} diverged; its best epoch before that was used"
        warnings.warn(text, PiximiWarning, stacklevel=3)
    return rows


class _Told:
    """Tells how far all folds are, while one is fitted, and remembers a cancel."""

    def __init__(self, progress: Progress, fold: int, folds: int) -> None:
        self.progress, self.fold, self.folds = progress, fold, folds
        self._far = 0
        self._cancelled: Cancelled | None = None

    def __call__(self, done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        """Tell of the fit; a fit that is cancelled would return what it has learnt so far."""
        self._far = max(self._far, min(STEPS - 1, STEPS * done // total if total else 0))
        try:
            self._tell(message, **values)
        except Cancelled as cancelled:
            self._cancelled = cancelled
            raise

    def quietly(self, done: int, total: int, message: str = "", **_values: Any) -> None:  # noqa: ANN401
        """Tell that the held-out things are predicted, which takes little time."""
        self._tell(message)

    def check(self) -> None:
        """Pass on a cancel that a fit took for a wish to stop early.

        Raises
        ------
        Cancelled
        """
        if self._cancelled is not None:
            raise self._cancelled

    def _tell(self, message: str, **values: Any) -> None:  # noqa: ANN401
        text = f"Fold {self.fold + 1} of {self.folds}"
        text = f"{text}: {message}" if message else text
        done = self.fold * STEPS + self._far
        self.progress(done, self.folds * STEPS, text, fold=self.fold, **values)
