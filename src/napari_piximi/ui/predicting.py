"""Asking a classifier about things, and what becomes of its predictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from napari_piximi.errors import FitError
from napari_piximi.learn.results import Predictions, apply_predictions
from napari_piximi.learn.suitability import mapped_categories
from napari_piximi.model import edits
from napari_piximi.model.predicted import predicted_of
from napari_piximi.model.project import Project
from napari_piximi.model.training import Classifier
from napari_piximi.ui import messages
from napari_piximi.ui.computing import apply_computed
from napari_piximi.ui.gallery_menu import count_text, predicted_ids, selected_ids
from napari_piximi.ui.jobs import Job, missed
from napari_piximi.ui.learning import needs_keras
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace

__all__ = [
    "Asked",
    "Obstacle",
    "accept",
    "accept_selected",
    "accept_things",
    "asked_count",
    "asked_ids",
    "clear",
    "obstacle",
    "predict",
]


PREDICT = "napari_piximi.learn.classifier:predict"


class Asked(StrEnum):
    """Which things a classifier is asked about; the values are what a user reads."""

    WAITING = "Unlabelled"
    SELECTED = "Selected"
    SHOWN = "All on show"
    ALL = "All of the kind"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a classifier cannot be asked now.

    Attributes
    ----------
    text : str
        What a user reads, with what to do about it.
    mend : str
        ``"map"`` where its classes are to be mapped to categories, ``"fit"`` where the page Fit
        helps, ``"label"`` where things are to be labelled; empty where no button can help.
    """

    text: str
    mend: str = ""


# --- which things --------------------------------------------------------------------------


def asked_count(workspace: Workspace, asked: Asked) -> int:
    """Count the things that are asked about."""
    gallery = workspace.gallery
    if asked is Asked.WAITING:
        return int(np.count_nonzero(_is_waiting(workspace)))
    sizes = {Asked.SELECTED: gallery.selection, Asked.SHOWN: gallery.ids}
    return len(sizes[asked]) if asked in sizes else gallery.total


def asked_ids(workspace: Workspace, asked: Asked) -> list[str]:
    """Return the things that are asked about."""
    gallery = workspace.gallery
    if asked is Asked.SELECTED:
        return selected_ids(workspace)
    if asked is Asked.SHOWN:
        return list(gallery.ids)
    ids = gallery.columns.ids
    if asked is Asked.ALL:
        return list(ids)
    return [ids[row] for row in np.flatnonzero(_is_waiting(workspace)).tolist()]


def _is_waiting(workspace: Workspace) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    columns = workspace.gallery.columns
    unknown = workspace.project.kinds[columns.kind].unknown
    return np.asarray(columns.category == columns.codes.categories[unknown])


# --- asking --------------------------------------------------------------------------------


def obstacle(project: Project, kind: str, classifier: Classifier | None) -> Obstacle | None:
    """Say why a classifier cannot be asked about things of a kind; None where it can."""
    if classifier is None:
        return Obstacle("There is no model yet: fit one, or choose or open one above", "fit")
    name = one_line(classifier.name, 40)
    if classifier.model is None:
        return Obstacle(f"The files of {name} are missing: fit it again, or open its files above")
    channels = project.image_channels
    if channels is not None and classifier.channels != channels:
        return Obstacle(
            f"{name} takes {_channels(classifier.channels)}, but the images have {channels}: "
            "choose another model, or fit a new one"
        )
    try:
        mapped_categories(project, classifier, kind)
    except FitError:
        text = f"Not every class of {name} has a category of its own: map its classes first"
        return Obstacle(text, "map")
    return None


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def predict(workspace: Workspace, classifier: Classifier, ids: Sequence[str]) -> Job:
    """Ask a classifier about things of the kind on show, in an engine; one undoable edit."""
    kind = workspace.gallery.query.kind
    own = replace(classifier, kind=kind)

    def done(predictions: Predictions) -> None:
        _apply(workspace, classifier.name, predictions)

    job = workspace.learning.run(
        f"Predict {count_text(len(ids))}",
        PREDICT,
        workspace.project,
        kind,
        own,
        list(ids),
        keras=needs_keras(classifier),
        done=done,
    )
    return missed(job)


def _apply(workspace: Workspace, name: str, predictions: Predictions) -> None:
    count = len(predictions.ids)
    label = f"Predict {count_text(count)} with {one_line(name, 40)}"

    def applied() -> None:
        workspace.layers.color_mode = "prediction"
        things = workspace.project.things
        gone = count - sum(map(things.__contains__, predictions.ids))
        lost = set(predictions.class_map).difference(workspace.project.categories)
        if gone or lost:
            what = [count_text(gone)] * bool(gone)
            what += [f"{len(lost)} {'category' if len(lost) == 1 else 'categories'}"] * bool(lost)
            messages.info(f"{' and '.join(what)} went while it was predicted, and are left out")

    apply_computed(workspace, label, count, apply_predictions, predictions, done=applied)


# --- afterwards ----------------------------------------------------------------------------


def accept(workspace: Workspace, threshold: float | None = None) -> Job | None:
    """Accept the predictions of all things of the kind that have no category yet.

    Parameters
    ----------
    workspace : Workspace
    threshold : float, optional
        Only where the probability is known and no less.
    """
    ids = predicted_of(workspace.gallery.columns).waiting_ids(threshold)
    return accept_things(workspace, ids)


def accept_selected(workspace: Workspace) -> Job | None:
    """Accept the predictions of the selected things, also of those that have a category."""
    return accept_things(workspace, predicted_ids(workspace, selected_ids(workspace)))


def accept_things(workspace: Workspace, ids: Sequence[str]) -> Job | None:
    """Accept the predictions of things, also of those that have a category."""
    if not ids:
        return None
    label = f"Accept {_predictions(len(ids))}"
    return apply_computed(workspace, label, len(ids), _accept_present, ids)


def clear(workspace: Workspace, ids: Sequence[str] | None = None) -> Job | None:
    """Take the predictions off things, by default off all of the kind."""
    if ids is None:
        ids = predicted_of(workspace.gallery.columns).ids()
    if not ids:
        return None
    label = f"Clear {_predictions(len(ids))}"
    return apply_computed(workspace, label, len(ids), _clear_present, ids)


def _accept_present(project: Project, ids: Sequence[str]) -> Project:
    """Accept, in a project that may have changed since, where there still is something."""
    return edits.accept_predictions(project, [key for key in ids if key in project.things])


def _clear_present(project: Project, ids: Sequence[str]) -> Project:
    return edits.clear_predictions(project, [key for key in ids if key in project.things])


def _predictions(count: int) -> str:
    return "1 prediction" if count == 1 else f"{count:,} predictions"
