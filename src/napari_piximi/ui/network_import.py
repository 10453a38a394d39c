"""A segmentation network that is dropped or opened from napari's menus."""

import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path

from napari_piximi.io.network_files import read_network
from napari_piximi.io.sniffing import classifier_json
from napari_piximi.model import edits
from napari_piximi.model.networks import free_network_name
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.progress import Progress, silent
from napari_piximi.ui import messages
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.shown_names import one_line
from napari_piximi.ui.workspace import Workspace

__all__ = ["adopted", "import_network"]

_reading: "weakref.WeakKeyDictionary[Workspace, set[Path]]" = weakref.WeakKeyDictionary()


def import_network(workspace: Workspace, path: Path) -> Job | None:
    """Add the network of a file to the project, as one undoable edit.

    It finds the kind of objects on show, else the first one; a project without any gets a kind
    of the network's name. napari hands over the files of one network one by one: what is being
    read already is not read again.

    Parameters
    ----------
    workspace : Workspace
    path : Path
        Any of the network's files.

    Returns
    -------
    Job or None
        None where it is being read.
    """
    reading, document = _reading.setdefault(workspace, set()), classifier_json(path) or path
    if document in reading:
        return None
    reading.add(document)

    def read(progress: Progress = silent) -> SegmentationNetwork:
        return read_network(document, progress)

    def take(network: SegmentationNetwork) -> None:
        shown = workspace.gallery.query.kind
        name = one_line(network.name)
        if workspace.edit(f"Open network {name}", adopted, network, shown):
            found = workspace.project.networks[-1]
            kind = one_line(workspace.project.kind_name(found.kind))
            messages.info(
                f"The network “{one_line(found.name)}” finds objects of the kind “{kind}”"
            )

    job = workspace.run(f"Open {document.name}", read, done=take)
    job.finished.connect(partial(reading.discard, document))
    return job


def adopted(project: Project, network: SegmentationNetwork, kind: str) -> Project:
    """Add a network to the networks of a kind, under a name that is free.

    Parameters
    ----------
    project : Project
    network : SegmentationNetwork
        From a file.
    kind : str
        Kind id; where it is none of objects, the first that is, or a new one.
    """
    objects = [key for key in project.kinds if key != IMAGE_KIND]
    if kind not in objects:
        if not objects:
            project = edits.create_kind(project, network.name)
            objects = [project.find_kind(network.name).id]
        kind = objects[0]
    if any(other.name == network.name for other in project.networks):
        network = replace(network, name=free_network_name(project, network.name, 2))
    return edits.put_network(project, replace(network, kind=kind))
