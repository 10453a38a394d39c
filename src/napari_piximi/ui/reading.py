"""What napari asks when a file is opened or dropped.

A project opens as the session of the viewer, in a job, and brings its own layers; napari is
then told that there are none to add. Where there is no window the layers of the first image
are returned, as any reader does.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_piximi.io.sniffing import (
    looks_like_bundle,
    looks_like_classifier,
    looks_like_dicom,
    looks_like_network,
)

if TYPE_CHECKING:
    from napari_piximi.ui.jobs import Job
    from napari_piximi.ui.workspace import Workspace

__all__ = ["SAMPLE_ADDRESS", "get_reader"]

Reader = Callable[[str | list[str]], Any]

NO_LAYERS: list[tuple[None]] = [(None,)]
"""What a reader returns that has done its work in another way."""

SAMPLE_ADDRESS = "piximi://sample/"
"""Begins what the manifest has for a URI: nothing is fetched, the sample is built here."""


def get_reader(path: str | list[str]) -> Reader | None:
    """Return what reads a path, or None if it is not ours.

    Decided by a few reads of the content, so that other plugins get what only looks alike.

    Parameters
    ----------
    path : str or list of str
        A list is to become one stack, which we do not make.
    """
    if not isinstance(path, str):
        return None
    if path.startswith(SAMPLE_ADDRESS):
        return _read_sample
    if "://" in path:
        return None
    found = Path(path)
    if looks_like_bundle(found):
        return _read_bundle
    if looks_like_network(found):
        return _read_network
    if looks_like_classifier(found):
        return _read_classifier
    if found.suffix.lower() in (".dcm", ".dicom"):
        return _read_dicom if looks_like_dicom(found) else None
    return _read_annotations if _has_annotations(found) else None


def _has_annotations(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    from napari_piximi.io.annotations import annotation_format

    return annotation_format(path) is not None


def _workspace() -> "Workspace | None":
    """Return the workspace of the viewer that is being opened into; None without a window."""
    from napari import current_viewer

    viewer = current_viewer()
    if viewer is None:
        return None
    from napari_piximi.ui.workspace import workspace_of

    return workspace_of(viewer)


def _read_bundle(path: str | list[str]) -> Any:  # noqa: ANN401
    assert isinstance(path, str)
    workspace = _workspace()
    if workspace is None:
        from napari_piximi.io.bundle import read_bundle
        from napari_piximi.ui.plain_layers import first_image_layers

        return first_image_layers(read_bundle(path))
    from napari_piximi.ui import documents

    documents.open_path(workspace, Path(path))
    return NO_LAYERS


def _read_sample(path: str | list[str]) -> Any:  # noqa: ANN401
    from napari_piximi.ui.sample_data import open_sample, sample_project

    name = str(path).removeprefix(SAMPLE_ADDRESS)
    workspace = _workspace()
    if workspace is None:
        from napari_piximi.ui.plain_layers import first_image_layers

        return first_image_layers(sample_project(name))
    open_sample(workspace, name)
    return NO_LAYERS


def _read_classifier(path: str | list[str]) -> Any:  # noqa: ANN401
    from napari_piximi.ui.imports import import_classifier

    workspace = _needed_workspace(path)
    _show_docks_after(import_classifier(workspace, str(path)), workspace)
    return NO_LAYERS


def _read_network(path: str | list[str]) -> Any:  # noqa: ANN401
    from napari_piximi.ui.network_import import import_network

    workspace = _needed_workspace(path)
    _show_docks_after(import_network(workspace, Path(str(path))), workspace)
    return NO_LAYERS


def _read_annotations(path: str | list[str]) -> Any:  # noqa: ANN401
    from napari_piximi.ui.imports import import_annotations

    workspace = _needed_workspace(path)
    _show_docks_after(import_annotations(workspace, str(path)), workspace)
    return NO_LAYERS


def _needed_workspace(path: str | list[str]) -> "Workspace":
    workspace = _workspace()
    if workspace is None:
        from napari_piximi.errors import PiximiError

        raise PiximiError(
            f"{path}: holds no layers but a part of a project; open it in a napari window"
        )
    return workspace


def _show_docks_after(job: "Job | None", workspace: "Workspace") -> None:
    """Show where the file went, once it is there."""
    from napari_piximi.ui.docks import show_docks

    def show() -> None:
        if job is not None and job.state == "done":
            show_docks(workspace)

    if job is not None:
        job.finished.connect(show)


def _read_dicom(path: str | list[str]) -> Any:  # noqa: ANN401
    from napari_piximi.io.images import read_images
    from napari_piximi.ui.plain_layers import image_layers

    workspace = _workspace()
    if workspace is None:
        images = read_images(str(path), category="")
    else:
        from napari_piximi.ui.waiting import wait_for

        images = wait_for(workspace.jobs, "Read DICOM", read_images, str(path), category="")
    return [layer for image in images for layer in image_layers(image)]
