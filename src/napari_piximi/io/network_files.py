"""Segmentation networks as files: TensorFlow.js layers models that say what they are.

``NAME.json`` has, beside the model, settings and channels under ``napariPiximi``, where a
classifier has its settings. So neither is taken for the other.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from napari_piximi.errors import ModelFileError
from napari_piximi.io._network_values import channels_from, check_network_model
from napari_piximi.io._tfjs_metadata import EXTRA_KEY, SEGMENTATION, is_network
from napari_piximi.io.model_files import read_files
from napari_piximi.io.settings import settings_from
from napari_piximi.io.tfjs import write_model
from napari_piximi.model.networks import is_network_name
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.model.training import ModelArtifact
from napari_piximi.progress import Progress, silent

__all__ = ["read_network", "write_network"]


def write_network(network: SegmentationNetwork, path: Path) -> None:
    """Write ``NAME.json`` and ``NAME.weights.bin``; :func:`read_network` opens them.

    Runs and scores stay in the project.

    Parameters
    ----------
    network : SegmentationNetwork
    path : Path
        ``FOLDER/NAME.json``.

    Raises
    ------
    ModelFileError
        If the network has no model or that is not whole, or the name is not ``NAME.json`` with
        a NAME free of dots.
    SaveError
        If the disk is full, the folder read-only, or the like.
    """
    path = Path(path)
    if network.model is None:
        raise ModelFileError(f"{network.name!r} has no model to save; fit it first")
    if path.suffix != ".json" or not is_network_name(path.stem):
        raise ModelFileError(f"{path}: a network is saved as NAME.json, NAME without dots")
    note = {"settings": asdict(network.settings), "channels": list(network.channels)}
    # First, where a look at the beginning of the file finds it.
    document = {EXTRA_KEY: {SEGMENTATION: note}, **_bare(network.model.document)}
    write_model(ModelArtifact(document, network.model.weights), path)


def read_network(path: Path, progress: Progress = silent) -> SegmentationNetwork:
    """Read a segmentation network from its files.

    Parameters
    ----------
    path : Path
        ``NAME.json``, or its weights file, or a zip of both.
    progress : Progress, optional

    Returns
    -------
    SegmentationNetwork
        Called as its JSON file up to the first dot; without a kind, runs and scores. Its channels
        may be more than a project has.

    Raises
    ------
    ModelFileError
        If a file is missing or damaged, the model holds what we do not run, or it is a
        classifier or another model; the message names file and value.

    Warns
    -----
    PiximiWarning
        Of settings that are not valid, which have their defaults then.
    """
    path = Path(path)
    found = read_files(path, progress)
    if len(found) != 1:
        raise ModelFileError(f"{path}: holds {len(found)} models; open one NAME.json")
    ((name, model),) = found.items()
    if not is_network(model.document):
        raise ModelFileError(
            f"{path}: is no segmentation network that napari-piximi saved; if it is a "
            "classifier, import it in the Classifier dock"
        )
    if not is_network_name(name):
        raise ModelFileError(f"{path}: {name!r} cannot name a network; give the files another name")
    note = model.document[EXTRA_KEY][SEGMENTATION]
    try:
        channels = channels_from(note.get("channels"))
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{path}: {error}") from error
    check_network_model(model, len(channels), str(path))
    settings = settings_from(note.get("settings", {}), UNetSettings(), str(path))
    bare = replace(model, document=_bare(model.document))
    return SegmentationNetwork(name, "", settings, channels, bare)


def _bare(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document without our note."""
    return {key: value for key, value in document.items() if key != EXTRA_KEY}
