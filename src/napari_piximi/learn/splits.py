"""Which things train a classifier, which validate it, and which wait for its predictions."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from math import floor

import numpy as np

from napari_piximi.errors import PiximiWarning
from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition, Thing, is_unknown
from napari_piximi.model.training import Settings

__all__ = ["Split", "split_things", "training_count"]


@dataclass(frozen=True)
class Split:
    """The things of a kind, by what a fit does with them.

    Attributes
    ----------
    training, validation : tuple of things
        In the project's order.
    partitions : mapping of id to Partition
        Those that change.
    """

    training: tuple[Thing, ...]
    validation: tuple[Thing, ...]
    partitions: Mapping[str, Partition]


def split_things(project: Project, kind: str, settings: Settings, *, keep: bool = False) -> Split:
    """Split the labelled things of a kind into Training and Validation.

    Things that are in one already stay there. The Unassigned ones of each category are
    shared out by `training_percentage`, so that a category with two or more examples has
    one on either side, unless the share is 1. Unlabelled things become Inference.

    Parameters
    ----------
    project : Project
    kind : str
        Kind id.
    settings : Settings
        Uses `training_percentage`, `shuffle` and `seed`.
    keep : bool
        Keep the split, as when a fit is continued: all Unassigned go to Training.

    Warns
    -----
    PiximiWarning
        If a category has a single example, which goes to Training.
    """
    things = list(project.of_kind(kind))
    placed = {thing.id: _settled(thing) for thing in things}
    draws = np.random.default_rng((settings.seed, 0))
    for category in project.known_categories(kind):
        labelled = [thing for thing in things if thing.category == category]
        free = [thing for thing in labelled if thing.partition == Partition.UNASSIGNED]
        if settings.shuffle:
            free = [free[i] for i in draws.permutation(len(free))]
        taken = {thing.partition for thing in labelled}
        trained, validated = Partition.TRAINING in taken, Partition.VALIDATION in taken
        share = settings.training_percentage
        count = len(free) if keep else training_count(share, len(free), trained, validated)
        for rank, thing in enumerate(free):
            placed[thing.id] = Partition.TRAINING if rank < count else Partition.VALIDATION
        if len(labelled) == 1 and not keep and settings.training_percentage < 1:
            warnings.warn(
                f"Category {project.categories[category].name!r} has a single example; "
                "it trains, and nothing validates it",
                PiximiWarning,
                stacklevel=4,
            )
    return Split(
        tuple(thing for thing in things if placed[thing.id] == Partition.TRAINING),
        tuple(thing for thing in things if placed[thing.id] == Partition.VALIDATION),
        {thing.id: placed[thing.id] for thing in things if placed[thing.id] != thing.partition},
    )


def _settled(thing: Thing) -> Partition:
    return Partition.INFERENCE if is_unknown(thing.category) else thing.partition


def training_count(share: float, free: int, trained: bool, validated: bool) -> int:
    """Say how many of a category's Unassigned things train.

    Parameters
    ----------
    share : float
        `training_percentage` of the settings.
    free : int
        How many are Unassigned.
    trained, validated : bool
        Whether others of the category train, or validate, already.
    """
    count = floor(share * free + 0.5)
    if not validated and share < 1 and (free > 1 or trained):
        count = min(count, free - 1)
    if not trained:
        count = max(count, 1)
    return max(min(count, free), 0)
