"""File ▸ Open Sample ▸ Piximi: projects built here, of images that come with libraries we use."""

from dataclasses import replace

from napari_piximi.errors import PiximiError
from napari_piximi.io import samples
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.progress import Progress, silent
from napari_piximi.ui import docks, documents
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.leaving_work import Agreement
from napari_piximi.ui.workspace import Workspace

__all__ = ["open_sample", "sample_project"]


def sample_project(name: str, progress: Progress = silent) -> Project:
    """Build a sample.

    Parameters
    ----------
    name : str
        ``"digits"``, ``"coins"`` or ``"histology"``.
    progress : Progress, optional

    Raises
    ------
    PiximiError
        If there is no sample of that name.
    """
    progress(0, 0, f"Building the sample {name}")
    if name == "digits":
        return samples.digits_project().project
    if name == "coins":
        return samples.coins_project()
    if name == "histology":
        return samples.histology_project()
    raise PiximiError(f"{name!r} is no sample; there are digits, coins and histology")


def open_sample(workspace: Workspace, name: str) -> Job | None:
    """Open a sample in place of the project; unsaved work is asked about first.

    Returns
    -------
    Job or None
        None if the user stayed with the project that was open.
    """
    if not documents.may_leave(workspace):
        return None
    agreed = Agreement(workspace)

    def opened(project: Project) -> None:
        if not documents.may_still_leave(agreed, workspace):
            return
        workspace.open_project(project)
        _look_at_objects(workspace)
        documents.show_first_image(workspace)

    return workspace.run(f"Open sample {name}", _built, name, done=opened)


def _built(name: str, progress: Progress) -> Project:
    """Build a sample, and import what is needed to show it."""
    docks.warm_up()
    return sample_project(name, progress)


def _look_at_objects(workspace: Workspace) -> None:
    """Let the gallery begin with the objects, where there is but one image."""
    kinds = [kind for kind in workspace.project.kinds if kind != IMAGE_KIND]
    if kinds and sum(1 for _ in workspace.project.images()) == 1:
        workspace.gallery.set_query(replace(workspace.gallery.query, kind=kinds[0]))
