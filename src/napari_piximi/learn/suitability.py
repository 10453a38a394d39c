"""Does a classifier suit the project: its model, its classes, what it takes as input."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError, PiximiWarning
from napari_piximi.io.tfjs import EXTRA_KEY
from napari_piximi.model.project import Project
from napari_piximi.model.things import Thing
from napari_piximi.model.training import Classifier, ModelArtifact, Settings

__all__ = [
    "check_model",
    "input_settings",
    "known_only",
    "mapped_categories",
    "model_of",
    "without_left_out",
]

Floats = NDArray[np.float32]


def input_settings(classifier: Classifier) -> Settings:
    """Return the settings that samples for a classifier are built with.

    Piximi ignores `center`; only a fit of ours, which leaves a run or our key in the file,
    has seen centred samples.
    """
    settings = classifier.settings
    ours = classifier.runs or EXTRA_KEY in model_of(classifier).document
    return settings if ours else replace(settings, center=False)


def model_of(classifier: Classifier) -> ModelArtifact:
    """Return the model of a classifier.

    Raises
    ------
    FitError
        If a bundle knew of it but lacked its files.
    """
    if classifier.model is None:
        raise FitError(f"Classifier {classifier.name!r} has no model: its files are missing")
    return classifier.model


def mapped_categories(
    project: Project, classifier: Classifier, kind: str | None = None
) -> tuple[str, ...]:
    """Return the category of each class; empty for one that is left out.

    Raises
    ------
    FitError
        If a class is mapped to what is no category of the kind, or none is mapped at all; or
        the model is missing.
    """
    model_of(classifier)
    kind = kind or classifier.kind
    if classifier.kind not in ("", kind):
        raise FitError(f"Classifier {classifier.name!r} is of another kind than {kind!r}")
    known = project.known_categories(kind) if kind in project.kinds else ()
    lost = [key for key in classifier.class_map if key and key not in known]
    if lost or not any(classifier.class_map):
        classes = ", ".join(repr(name) for name in model_of(classifier).classes) or "its classes"
        raise FitError(
            f"Classifier {classifier.name!r}: map {classes} to categories first; "
            f"{len(lost) or 'all'} of them have none"
        )
    return classifier.class_map


def without_left_out(class_map: tuple[str, ...], rows: Floats) -> tuple[tuple[str, ...], Floats]:
    """Drop the classes that have no category.

    They are never predicted, and the others keep the probabilities that the model gave them: a
    thing that belongs to a class that was left out then shows that nothing else suits it well,
    where probabilities made to add up to 1 again would look certain.

    Parameters
    ----------
    class_map : tuple of str
        Category id per class; empty for those that are left out.
    rows : (N, classes) array
        Probabilities.

    Returns
    -------
    class_map : tuple of str
    rows : (N, fewer classes) array
    """
    kept = [index for index, category in enumerate(class_map) if category]
    if len(kept) == len(class_map):
        return class_map, rows
    return tuple(class_map[index] for index in kept), np.ascontiguousarray(rows[:, kept])


def known_only(things: Sequence[Thing], class_map: tuple[str, ...]) -> list[Thing]:
    """Leave out, with a warning, the things whose category a classifier does not know."""
    known = [thing for thing in things if thing.category in class_map]
    if len(known) < len(things):
        warnings.warn(
            f"{len(things) - len(known)} things are left out: "
            "the classifier does not know their categories",
            PiximiWarning,
            stacklevel=4,
        )
    return known


def check_model(classifier: Classifier, model: Any) -> None:  # noqa: ANN401
    """Check that a model takes and gives what its classifier says.

    Raises
    ------
    FitError
        If it does not.
    """
    expected = (*classifier.input_shape[1:], len(classifier.class_map))
    actual = (*model.input_shape[1:], model.output_shape[-1])
    fits = len(actual) == len(expected) and all(
        size in (None, wanted) for size, wanted in zip(actual, expected, strict=True)
    )
    if not fits:
        raise FitError(
            f"Classifier {classifier.name!r} should go from {expected[:3]} to {expected[3]} "
            f"classes, but its model goes from {actual[:-1]} to {actual[-1]}"
        )
