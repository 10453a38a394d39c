"""What was made ready in a thread for the layers of an image, until it is shown."""

from napari_piximi.model.bulk import without_garbage_collection
from napari_piximi.model.project import Project
from napari_piximi.progress import Progress
from napari_piximi.ui.layer_ahead import NOTHING, Ahead
from napari_piximi.ui.layer_kinds import KindLayers

__all__ = ["Foresight", "ready"]


class Foresight:
    """What was made ready last, if it is still about what there is."""

    def __init__(self) -> None:
        self._found: tuple[Project, str, Ahead] | None = None

    def put(self, project: Project, image: str, ahead: Ahead) -> None:
        """Keep what was made ready of an image of a project."""
        self._found = project, image, ahead

    def take(self, project: Project, image: str) -> Ahead:
        """Return it, only once; nothing where the project or the image is another one."""
        found, self._found = self._found, None
        if found is None or found[0].things is not project.things or found[1] != image:
            return NOTHING
        same = found[0].kinds is project.kinds and found[0].categories is project.categories
        return found[2] if same else NOTHING

    def forget(self) -> None:
        """Let go of it."""
        self._found = None


def ready(
    kinds: KindLayers, project: Project, image: str, progress: Progress
) -> tuple[Project, str, Ahead]:
    """Make the labels of an image ready; a job.

    Parameters
    ----------
    kinds : KindLayers
    project : Project
    image : str
        Image id.
    progress : Progress

    Returns
    -------
    project, image
        As given.
    ahead : mapping of kind id to LabelsAhead
    """
    progress(0, 0)
    with without_garbage_collection():
        return project, image, kinds.labels_of(project, image)
