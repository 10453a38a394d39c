"""Which of several settings suits the labels best; importing this loads no Keras."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_piximi.errors import FitError
from napari_piximi.learn.cross_validation import cross_validate
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress, silent

__all__ = ["Proposal", "best_of", "propose"]

STEPS = 1000
"""Parts of a candidate that progress is told in."""


@dataclass(frozen=True, eq=False)
class Proposal:
    """What cross-validation says of several settings.

    Attributes
    ----------
    candidates : tuple of Settings
    evaluations : tuple of Evaluation
        Of each candidate, on the same things in the same folds.
    best : int
        Index of the one proposed.
    """

    candidates: tuple[Settings, ...]
    evaluations: tuple[Evaluation, ...]
    best: int


def propose(
    project: Project,
    kind: str,
    candidates: Sequence[Settings],
    *,
    folds: int = 5,
    progress: Progress = silent,
) -> Proposal:
    """Find out by cross-validation which settings suit the labels of a kind best.

    Parameters
    ----------
    project : Project
    kind : str
        Id of a kind, or its name.
    candidates : sequence of Settings
        All take the seed of the first, so that their folds are the same.
    folds : int
    progress : Progress
        Told of all candidates together, with ``candidate``, from 1. When it raises Cancelled,
        that is passed on.

    Raises
    ------
    FitError
        If there are no candidates, or as for
        :func:`napari_piximi.learn.cross_validation.cross_validate`.
    """
    if not candidates:
        raise FitError("There is nothing to choose from: give at least one candidate")
    alike = tuple(replace(candidate, seed=candidates[0].seed) for candidate in candidates)
    evaluations = tuple(
        cross_validate(
            project, kind, settings, folds=folds, progress=_part(progress, i, len(alike))
        ).evaluation
        for i, settings in enumerate(alike)
    )
    return Proposal(tuple(candidates), evaluations, best_of(evaluations))


def best_of(evaluations: Sequence[Evaluation]) -> int:
    """Return the index of the best of evaluations of the same things.

    Notes
    -----
    The one that is right most often is compared with each other one on the things that only
    one of the two got right: b and c of them. Where b − c is within one standard error,
    √(b + c), the difference may be chance (McNemar 1947), and the lower cross entropy decides.
    """
    right = [np.equal(e.true, e.predicted) for e in evaluations]
    top = max(range(len(right)), key=lambda i: (right[i].sum(), -evaluations[i].cross_entropy))
    level = [
        i
        for i, row in enumerate(right)
        if right[top].sum() - row.sum() <= np.sqrt((right[top] != row).sum())
    ]
    return min(level, key=lambda i: evaluations[i].cross_entropy)


def _part(progress: Progress, index: int, count: int) -> Progress:
    """Return the progress of one candidate among several."""

    def told(done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        far = index * STEPS + (STEPS * done // total if total else 0)
        progress(far, count * STEPS, message, candidate=index + 1, **values)

    return told
