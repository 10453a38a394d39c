"""What is fitted on what, decided before any pixel is read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from napari_piximi.learn.checks import check_kind, check_settings, common_channels
from napari_piximi.learn.splits import Split, split_things
from napari_piximi.learn.suitability import input_settings, mapped_categories
from napari_piximi.model.project import Project
from napari_piximi.model.things import Thing
from napari_piximi.model.training import FOREST, Classifier, Settings

__all__ = ["INPUT_SETTINGS", "Plan", "plan_fit", "targets_of"]

Floats = NDArray[np.float32]

# What a model expects of its input; a fit that is continued keeps it.
INPUT_SETTINGS = ("architecture", "height", "width", "rescale", "center", "crop_schema")


@dataclass(frozen=True)
class Plan:
    """A fit that has been found possible.

    Attributes
    ----------
    project : Project
    kind, name : str
        Kind id, and the name that the classifier is to have.
    settings : Settings
    class_map : tuple of str
        Category id per class.
    channels : int
    split : Split
    base : Classifier or None
        The one that is continued.
    """

    project: Project
    kind: str
    name: str
    settings: Settings
    class_map: tuple[str, ...]
    channels: int
    split: Split
    base: Classifier | None

    @property
    def classes(self) -> list[str]:
        """Names of the classes, no two alike; one that is left out keeps the model's name."""
        old = self.base.model.classes if self.base is not None and self.base.model else ()
        names = [self.project.categories[key].name if key else "" for key in self.class_map]
        for place, key in enumerate(self.class_map):
            if not key:
                own = old[place] if place < len(old) else ""
                # Meanwhile a category may be called like the class that was left out.
                names[place] = _free(own, (*names[:place], *names[place + 1 :]))
        return names


def _free(name: str, taken: Collection[str]) -> str:
    if name not in taken:
        return name
    numbered = (f"{name} (left out {number})" for number in count(1))
    return next(other for other in numbered if other not in taken)


def plan_fit(
    project: Project, kind: str, name: str, settings: Settings, base: Classifier | None = None
) -> Plan:
    """Decide what trains, what validates, and which classes there are.

    Parameters
    ----------
    kind : str
        Kind id.

    Raises
    ------
    FitError
        As for :func:`napari_piximi.learn.classifier.fit`.
    """
    if base is not None:
        expected = input_settings(base)
        settings = replace(settings, **{key: getattr(expected, key) for key in INPUT_SETTINGS})
    check_settings(settings)
    class_map = (
        project.known_categories(kind) if base is None else mapped_categories(project, base, kind)
    )
    split = split_things(project, kind, settings, keep=base is not None)
    check_kind(project, kind, split, class_map, forest=settings.architecture == FOREST)
    channels = base.channels if base else common_channels(project, split.training)
    return Plan(project, kind, name, settings, class_map, channels, split, base)


def targets_of(class_map: tuple[str, ...], things: Sequence[Thing]) -> Floats:
    """Return the truth about things, (N, classes): 1 for the category, 0 for the others."""
    index = {category: i for i, category in enumerate(class_map)}
    if not things:
        return np.zeros((0, len(class_map)), dtype=np.float32)
    return np.eye(len(class_map), dtype=np.float32)[[index[thing.category] for thing in things]]
