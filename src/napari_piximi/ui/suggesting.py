"""Why the Next page of the Classifier dock can suggest nothing now."""

from napari_piximi.learn.readiness import readiness
from napari_piximi.model.things import Partition
from napari_piximi.model.training import Classifier, Settings
from napari_piximi.ui.predicting import Asked, Obstacle, asked_count, obstacle
from napari_piximi.ui.workspace import Workspace

__all__ = ["rank_obstacle", "suspect_obstacle"]


def rank_obstacle(
    workspace: Workspace, kind: str, classifier: Classifier | None, asked: Asked
) -> Obstacle | None:
    """Say why a classifier cannot rank things of the kind on show; None where it can."""
    found = obstacle(workspace.project, kind, classifier)
    if found is None and not asked_count(workspace, asked):
        what = "without a label" if asked is Asked.WAITING else "of this kind"
        found = Obstacle(f"There is no thing {what}, so there is nothing to rank")
    return found


def suspect_obstacle(workspace: Workspace, kind: str, settings: Settings) -> Obstacle | None:
    """Say why labels of the kind on show cannot be judged by models that do not know them.

    How the things are split plays no part, since each of them is left out in its turn.
    """
    project, counts = workspace.project, workspace.gallery.counts()
    known = project.known_categories(kind)
    labelled = {key: sum(counts.get(key, {}).values()) for key in known}
    if sum(number > 1 for number in labelled.values()) < 2:
        text = "This needs two labelled things of at least two categories: label some first"
        return Obstacle(text, "label")
    free = {key: {Partition.UNASSIGNED: number} for key, number in labelled.items()}
    found = readiness(project, kind, settings, counts=free)
    worst = next((trouble for trouble in found if trouble.severity == "stop"), None)
    return Obstacle(worst.text, "fit") if worst is not None else None
