"""What must be so before a fit begins; each refusal is one line that says what to change."""

import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError, PiximiWarning
from napari_piximi.learn.splits import Split
from napari_piximi.model.limits import first_trouble
from napari_piximi.model.project import Project
from napari_piximi.model.things import Thing
from napari_piximi.model.training import NETWORKS, Settings

__all__ = ["check_kind", "check_settings", "common_channels", "warn_if_alike"]


def check_settings(settings: Settings) -> None:
    """Refuse settings outside of their limits, or that do not go together.

    Raises
    ------
    FitError
        It names the setting, its value and what it may be.
    """
    if trouble := first_trouble(settings):
        raise FitError(trouble)
    turned = settings.quarter_turns and settings.architecture in NETWORKS
    if turned and settings.height != settings.width:
        raise FitError(
            f"quarter_turns needs a square input, not {settings.height} by {settings.width}"
        )


def check_kind(
    project: Project,
    kind: str,
    split: Split,
    class_map: tuple[str, ...],
    *,
    forest: bool = False,
) -> None:
    """Refuse things that nothing can be learnt from.

    Parameters
    ----------
    project : Project
    kind : str
        Kind id.
    split : Split
    class_map : tuple of str
        Category id per class; empty for one that is left out.
    forest : bool
        Whether it is a forest that learns.

    Raises
    ------
    FitError
        If none is labelled, all are of one category, or the classifier that is continued
        does not know a category.

    Warns
    -----
    PiximiWarning
        If a category has no example, or nothing is left to validate, or nothing of a category
        that has several examples.
    """
    name = project.kinds[kind].name
    used = {thing.category for thing in (*split.training, *split.validation)}
    trained = {thing.category for thing in split.training}
    if not used:
        raise FitError(f"No thing of kind {name!r} has a category yet; label some first")
    strangers = [project.categories[key].name for key in used if key not in class_map]
    if strangers:
        raise FitError(
            f"The classifier does not know {', '.join(map(repr, sorted(strangers)))} of kind "
            f"{name!r}; fit a new one"
        )
    if not trained:
        raise FitError(f"All labelled things of kind {name!r} are in Validation; none can train")
    if len(used) == 1:
        raise FitError(
            f"All labelled things of kind {name!r} are {project.categories[used.pop()].name!r}; "
            "a classifier needs examples of at least two categories"
        )
    untrained = [key for key in class_map if key and key not in trained]
    _warn_of_gaps(project, name, split, untrained, forest=forest)


def _warn_of_gaps(
    project: Project, kind: str, split: Split, untrained: Sequence[str], *, forest: bool
) -> None:
    if untrained:
        missing = ", ".join(repr(project.categories[key].name) for key in untrained)
        warnings.warn(
            f"No thing of kind {kind!r} trains the category {missing}; "
            "the classifier will not know it",
            PiximiWarning,
            stacklevel=5,
        )
    if not split.validation:
        outcome = (
            "how good the forest is, only its training things tell, each by the trees that have "
            "not seen it"
            if forest
            else "the training loss decides which epoch is best and when to stop"
        )
        warnings.warn(
            f"No thing of kind {kind!r} is left to validate; {outcome}",
            PiximiWarning,
            stacklevel=5,
        )
    counts = Counter(thing.category for thing in split.training)
    unvalidated = counts.keys() - {thing.category for thing in split.validation}
    # A single example trains, of which the split has warned.
    unseen = sorted(project.categories[key].name for key in unvalidated if counts[key] > 1)
    if split.validation and unseen:
        warnings.warn(
            f"No thing of kind {kind!r} validates the category {', '.join(map(repr, unseen))}; "
            "set the partition of some to Unassigned or Validation, or its figures tell nothing",
            PiximiWarning,
            stacklevel=5,
        )


def common_channels(project: Project, things: Sequence[Thing]) -> int:
    """Return the channels of things.

    Raises
    ------
    FitError
        If they differ.
    """
    channels = int(project.shape(things[0])[-1])
    for thing in things:
        if project.shape(thing)[-1] != channels:
            raise FitError(
                f"{thing.name!r} ({thing.id}) has {project.shape(thing)[-1]} channels, "
                f"but {things[0].name!r} has {channels}"
            )
    return channels


def warn_if_alike(values: NDArray[np.floating], kind: str) -> None:
    """Warn if nothing distinguishes the things that a classifier is to tell apart.

    Parameters
    ----------
    values : (N, ...) array
        Samples or features of the things that train.
    kind : str
        Name of their kind.

    Warns
    -----
    PiximiWarning
        If all N are the same.
    """
    # Most differ in the second: no need to look at all of them.
    if len(values) and all(np.array_equal(values[0], other) for other in values[1:]):
        warnings.warn(
            f"All training things of kind {kind!r} look the same: nothing distinguishes them, "
            "so the classifier can only guess; look at their pixels and their categories",
            PiximiWarning,
            stacklevel=4,
        )
