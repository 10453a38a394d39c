"""Pretrained weights: fetched once, checked, kept, and asked for by hand where there is no net."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from napari_piximi.errors import WeightsUnavailableError
from napari_piximi.io.download import Downloads
from napari_piximi.io.tfjs import read_model
from napari_piximi.learn.remembered import RememberedModel
from napari_piximi.model.training import ModelArtifact
from napari_piximi.progress import Progress, silent

__all__ = ["MOBILENET_URL", "cache_folder", "mobilenet_artifact"]

MOBILENET_URL = "https://storage.googleapis.com/tfjs-models/tfjs/mobilenet_v1_0.25_224/"
"""MobileNetV1, alpha 0.25, 224 x 224, trained on ImageNet; Apache-2.0."""

OTHERWISE = ", or set weights to 'random' or to the path of a model.json"


def mobilenet_artifact(
    choice: str,
    progress: Progress = silent,
    *,
    base_url: str = MOBILENET_URL,
    timeout: float = 30.0,
    max_bytes: int = 64 * 2**20,
) -> ModelArtifact:
    """Return pretrained MobileNet weights as a TensorFlow.js layers model.

    Parameters
    ----------
    choice : str
        Empty for the published MobileNetV1 0.25/224, downloaded on first use and kept in
        :func:`cache_folder`; or the path of a ``model.json`` with its shards beside it.
    progress : Progress
        Told of bytes fetched; its :class:`~napari_piximi.errors.Cancelled` passes through.
    base_url : str
        Address of the folder that holds ``model.json``.
    timeout : float
        Seconds without a byte after which the server counts as down, and, ten times over,
        seconds that one file may take.
    max_bytes : int
        Refuse a download above this.

    Returns
    -------
    ModelArtifact

    Raises
    ------
    WeightsUnavailableError
        If they cannot be had, or are not what they were at the first download; the message
        names the address, and the folder where the files can be put by hand.
    ModelFileError
        If the file that `choice` names is damaged.
    """
    if choice:
        path = Path(choice).expanduser()
        if not path.is_file():
            raise WeightsUnavailableError(f"{path}: there is no such file of pretrained weights")
        return read_model(path)
    folder = cache_folder() / urlsplit(base_url).path.strip("/").rpartition("/")[2]
    downloads = Downloads(timeout, max_bytes, progress)
    return RememberedModel(base_url.rstrip("/") + "/", folder, downloads, OTHERWISE).artifact()


def cache_folder() -> Path:
    """Folder of everything downloaded: pooch's for this application.

    The environment variable ``NAPARI_PIXIMI_CACHE`` names another.
    """
    chosen = os.environ.get("NAPARI_PIXIMI_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("napari-piximi"))
