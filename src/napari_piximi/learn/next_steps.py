"""What a window asks the engine for: a ranking, labels that look wrong, a map."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.learn.classifier import embed, predict
from napari_piximi.learn.cross_validation import CrossValidation, cross_validate
from napari_piximi.learn.embedding import Embedding, FeatureMap, map_title
from napari_piximi.learn.label_errors import Suspicion, Suspicions, suspicious_rows
from napari_piximi.learn.projections import project_features
from napari_piximi.learn.suggestions import (
    by_order,
    diverse_order,
    entropies,
    margins,
    mixed_order,
)
from napari_piximi.model.project import Project
from napari_piximi.model.query import Ranking
from napari_piximi.model.things import is_unknown
from napari_piximi.model.training import Classifier, Settings
from napari_piximi.progress import Progress, silent

__all__ = ["METHODS", "map_features", "rank", "suspect", "suspicions_of"]

METHODS = ("margin", "entropy", "diverse", "mixed")


def rank(
    project: Project,
    classifier: Classifier,
    method: str,
    *,
    unlabelled: bool = True,
    count: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> Ranking:
    """Say which things to label next.

    Parameters
    ----------
    project : Project
    classifier : Classifier
    method : {"margin", "entropy", "diverse", "mixed"}
    unlabelled : bool
        Only among things without a category.
    count : int
        How many are labelled at a time; so many are spread out.
    seed : int
    progress : Progress
        May raise Cancelled.

    Returns
    -------
    Ranking

    Raises
    ------
    FitError
        If there is no such method, no thing to rank, or as for
        :func:`napari_piximi.learn.classifier.predict`.
    """
    if method not in METHODS:
        raise FitError(f"{method!r} ranks nothing; there are {', '.join(METHODS)}")
    ids = [
        thing.id
        for thing in project.of_kind(classifier.kind)
        if is_unknown(thing.category) or not unlabelled
    ]
    if not ids:
        raise FitError("There is nothing to rank: every thing has a category")
    if method in ("margin", "entropy"):
        rows = predict(project, classifier, ids, progress=progress).probabilities
        return Ranking(method, tuple(ids), (margins if method == "margin" else entropies)(rows))
    seen = embed(project, classifier, ids, progress=progress)
    if method == "diverse":
        order = diverse_order(seen.features, count, seed, progress=progress)
    else:
        scores = margins(seen.probabilities)
        order = mixed_order(scores, seen.features, count, seed, progress=progress)
    return Ranking(method, tuple(ids), by_order(order))


def suspect(
    project: Project,
    kind: str,
    settings: Settings,
    *,
    folds: int = 5,
    progress: Progress = silent,
) -> Suspicions:
    """Find labels that look wrong to models that have not seen them.

    Parameters
    ----------
    project : Project
    kind : str
        Id of a kind, or its name.
    settings : Settings
        Of the models, one for each fold.
    folds : int
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    FitError
        As for :func:`napari_piximi.learn.cross_validation.cross_validate`.
    """
    found = cross_validate(project, kind, settings, folds=folds, progress=progress)
    given = [project.things[key].category for key in found.ids]
    return suspicions_of(found, given)


def suspicions_of(validated: CrossValidation, given: Sequence[str]) -> Suspicions:
    """Judge labels by a cross-validation.

    Parameters
    ----------
    validated : CrossValidation
    given : sequence of str, length N
        Category id of each of its things.
    """
    index = {category: code for code, category in enumerate(validated.class_map)}
    codes = np.array([index[category] for category in given], dtype=np.intp)
    rows, expected = suspicious_rows(validated.probabilities, codes)
    found = tuple(
        Suspicion(
            validated.ids[row],
            given[row],
            validated.class_map[other],
            float(validated.probabilities[row, codes[row]]),
            float(validated.probabilities[row, other]),
        )
        for row, other in zip(rows.tolist(), expected.tolist(), strict=True)
    )
    return Suspicions(found, len(given), validated.evaluation.accuracy)


def map_features(
    project: Project,
    classifier: Classifier,
    method: str = "PCA",
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> FeatureMap:
    """Map all things of a classifier's kind by what it sees of them.

    Parameters
    ----------
    project : Project
    classifier : Classifier
    method : {"PCA", "UMAP"}
    seed : int
    progress : Progress
        May raise Cancelled.

    Raises
    ------
    FitError
        If there is no thing, or as for :func:`napari_piximi.learn.classifier.embed` and
        :func:`napari_piximi.learn.projections.project_features`.
    """
    seen = embed(project, classifier, progress=progress)
    if not seen.ids:
        raise FitError("There is nothing to map: the project has no such things")
    points = project_features(seen.features, method, seed, progress)
    return _feature_map(classifier, method, seen, points)


def _feature_map(
    classifier: Classifier, method: str, seen: Embedding, points: NDArray[np.float32]
) -> FeatureMap:
    predicted = seen.probabilities.argmax(axis=1)
    return FeatureMap(
        map_title(classifier),
        method,
        classifier.kind,
        seen.ids,
        points,
        predicted.astype(np.int32),
        seen.probabilities[np.arange(len(predicted)), predicted],
        margins(seen.probabilities).astype(np.float32),
        seen.class_map,
    )
