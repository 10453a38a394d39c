"""File ▸ Save Selected Layers as a Piximi bundle: the session, or plain layers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_piximi.errors import Cancelled, EditError, SaveError
from napari_piximi.model.project import Project
from napari_piximi.progress import Progress, silent

if TYPE_CHECKING:
    from napari_piximi.ui.workspace import Workspace

__all__ = ["write_layers"]

FullLayerData = tuple[Any, dict[str, Any], str]


def write_layers(path: str, layers: Sequence[FullLayerData]) -> list[str]:
    """Write layers as a bundle.

    If any of them shows an image or annotations of the viewer's project, all of the project is
    saved; else the layers become a new project: Image layers its images, Labels layers the
    annotations on them.

    Parameters
    ----------
    path : str
        A ``.zarr`` at its end makes a folder, ``.zip`` a file.
    layers : sequence of (data, attributes, type)

    Returns
    -------
    list of str
        The path; empty if nothing was written, of which the user has been told.

    Raises
    ------
    SaveError
        If the layers make no project, such as Labels without an image of their size; if the
        target is the open project, of which they are no part, or a folder with other data; or
        if it cannot be written. What was there before is untouched.
    """
    from napari import current_viewer

    from napari_piximi.ui.layer_sources import PREVIEW

    given, layers = (
        len(layers),
        [x for x in layers if not (x[1].get("metadata") or {}).get(PREVIEW)],
    )
    if given and not layers:
        raise SaveError("A preview is not saved; press Find objects in the Segmentation dock")
    viewer = current_viewer()
    if viewer is None:
        _write(path, layers)
        return [path]
    from napari_piximi.ui.waiting import wait_for
    from napari_piximi.ui.workspace import workspace_of

    workspace = workspace_of(viewer)
    strangers = _strangers(workspace, layers)
    if len(strangers) < len(layers):
        return _save_session(workspace, path, strangers)
    _check_target(workspace, Path(path))
    try:
        wait_for(workspace.jobs, f"Saving {Path(path).name}", _write, path, layers)
    except Cancelled:
        return []
    return [path]


def _check_target(workspace: "Workspace", path: Path) -> None:
    """Refuse to write plain layers over the open project."""
    if workspace.path is not None and path.resolve() == workspace.path.resolve():
        raise SaveError(
            f"{path}: is the project that is open, of which these layers are no part; choose "
            "another name, or “Add layers to project” and save that"
        )


def _strangers(workspace: "Workspace", layers: Sequence[FullLayerData]) -> list[str]:
    """Return the names of the layers that show nothing of the project."""
    ours = [
        layer.data
        for layer in workspace.viewer.layers
        if workspace.layers.thing_of(layer) is not None
    ]
    return [
        str(attributes.get("name", "a layer"))
        for data, attributes, _ in layers
        if not any(data is own for own in ours)
    ]


def _save_session(workspace: "Workspace", path: str, strangers: Sequence[str]) -> list[str]:
    from napari_piximi.ui import documents, messages

    job = documents.save_as(workspace, Path(path))
    if job is None:
        return []
    job.wait()
    if job.state != "done":
        return []
    if strangers:
        messages.warn(
            f"{', '.join(strangers)}: not saved, since not in the project; "
            "choose “Add layers to project” first"
        )
    return [path]


def _write(path: str, layers: Sequence[FullLayerData], progress: Progress = silent) -> None:
    from napari_piximi.io.bundle import write_bundle

    target = Path(path)
    if target.is_dir() and any(target.iterdir()) and not (target / "project").is_dir():
        raise SaveError(f"{path}: is a folder with other data; choose another name")
    try:
        project = _project(target.stem, layers)
    except EditError as error:  # napari takes a ValueError for a writer that does not suit
        raise SaveError(str(error)) from error
    write_bundle(project, path, progress=progress)


def _project(name: str, layers: Sequence[FullLayerData]) -> Project:
    from napari_piximi.ui.layer_import import layers_to_project

    return layers_to_project(layers, name)
