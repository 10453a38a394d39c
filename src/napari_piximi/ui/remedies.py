"""What the buttons beside a trouble do."""

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_piximi.learn.readiness import Remedy
from napari_piximi.model import edits
from napari_piximi.model.query import renewed
from napari_piximi.model.things import Partition, is_unknown
from napari_piximi.ui.docks import show_dock
from napari_piximi.ui.workspace import Workspace

if TYPE_CHECKING:
    from napari_piximi.ui.fit_page import FitPage

__all__ = ["apply_remedy"]


def apply_remedy(remedy: Remedy, page: "FitPage") -> None:
    """Mend a trouble of a fit."""
    workspace, choice = page.workspace, page.choice
    if remedy.action in ("settings", "fit"):
        choice.set_settings(replace(choice.settings, **remedy.changes))
        page.fitting.forget_trouble()
        page.refresh()
        if remedy.action == "fit":
            page.fit()
    elif remedy.action == "unlabelled":
        show_unlabelled(workspace, choice.kind)
    elif remedy.action == "new":
        settings = choice.settings
        choice.choose(None)
        choice.set_settings(settings)
    elif remedy.action == "unassign":
        put_back(workspace, choice.kind)
    else:
        _map(page)


def show_unlabelled(workspace: Workspace, kind: str) -> None:
    """Let the gallery show exactly the things of a kind that have no label."""
    query = renewed(workspace.gallery.query, kind)
    workspace.gallery.set_query(replace(query, labelled=False))
    show_dock(workspace, "Gallery")


def put_back(workspace: Workspace, kind: str) -> None:
    """Undo the split of the labelled things of a kind."""
    ids = [
        thing.id
        for thing in workspace.project.of_kind(kind)
        if not is_unknown(thing.category) and thing.partition != Partition.UNASSIGNED
    ]
    label = "Put labelled things back to Unassigned"
    workspace.edit(label, edits.set_partition, ids, Partition.UNASSIGNED)


def _map(page: "FitPage") -> None:
    from napari_piximi.ui.adopting import map_classifier

    chosen = page.choice.classifier
    if chosen is not None:
        map_classifier(page.workspace, chosen, page.choice.kind, page)
