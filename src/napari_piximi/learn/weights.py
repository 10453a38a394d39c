"""Pretrained weights: fetched once, checked, kept, and asked for by hand where there is no net."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from napari_piximi.errors import (
    DownloadError,
    ModelFileError,
    SaveError,
    WeightsUnavailableError,
)
from napari_piximi.io._replace import replace_files
from napari_piximi.io.download import Downloads, checksum
from napari_piximi.io.tfjs import model_from_bytes, read_model, shard_names
from napari_piximi.model.training import ModelArtifact
from napari_piximi.progress import Progress, silent

__all__ = ["MOBILENET_URL", "cache_folder", "mobilenet_artifact"]

MOBILENET_URL = "https://storage.googleapis.com/tfjs-models/tfjs/mobilenet_v1_0.25_224/"
"""MobileNetV1, alpha 0.25, 224 x 224, trained on ImageNet; Apache-2.0."""

_DOCUMENT = "model.json"
_CHECKSUMS = "checksums.json"
_MAX_SHARDS = 500


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
    store = _Store(base_url.rstrip("/") + "/", folder, downloads)
    return store.artifact()


def cache_folder() -> Path:
    """Folder of everything downloaded: pooch's for this application.

    The environment variable ``NAPARI_PIXIMI_CACHE`` names another.
    """
    chosen = os.environ.get("NAPARI_PIXIMI_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("napari-piximi"))


@dataclass
class _Store:
    """One model's files: in a folder, or to be fetched into it."""

    url: str
    folder: Path
    downloads: Downloads
    fetched: dict[str, bytes] = field(default_factory=dict)

    def artifact(self) -> ModelArtifact:
        """Gather the files, check them against the first download, keep what is new."""
        known = self._checksums()
        try:
            document = self._get(_DOCUMENT, known)
            names = shard_names(document, self.url + _DOCUMENT)
            if len(names) > _MAX_SHARDS:
                raise self._unavailable(f"it names {len(names)} files")
            shards = {name: self._get(name, known) for name in names}
            artifact = model_from_bytes(document, shards, self.url + _DOCUMENT)
        except ModelFileError as error:
            raise self._unavailable(str(error)) from error
        self._keep({_DOCUMENT: document, **shards}, known)
        return artifact

    def _get(self, name: str, known: dict[str, str]) -> bytes:
        path = self.folder / name
        try:
            data = path.read_bytes() if path.is_file() else None
        except OSError as error:
            raise self._unavailable(f"{path}: {error}") from error
        if data is None:
            data = self._download(name)
        if known.get(name, checksum(data)) != checksum(data):
            raise self._unavailable(
                f"{name} is not what it was at the first download (SHA-256 {checksum(data)}, "
                f"then {known[name]}); if you trust the new one, delete {self.folder}"
            )
        return data

    def _download(self, name: str) -> bytes:
        try:
            self.fetched[name] = self.downloads.fetch(self.url + name, name)
        except DownloadError as error:
            raise self._unavailable(str(error)) from error
        return self.fetched[name]

    def _checksums(self) -> dict[str, str]:
        path = self.folder / _CHECKSUMS
        try:
            known = json.loads(path.read_text("utf-8")) if path.is_file() else {}
            return {str(name): str(checksum) for name, checksum in known.items()}
        except (OSError, ValueError, AttributeError) as error:
            raise self._unavailable(f"{path} is damaged ({error}); delete it") from error

    def _keep(self, files: dict[str, bytes], known: dict[str, str]) -> None:
        checksums = {name: checksum(data) for name, data in files.items()}
        if not self.fetched and checksums == known:
            return
        record = json.dumps(checksums, indent=1).encode()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh = {self.folder / name: data for name, data in self.fetched.items()}
            replace_files({**fresh, self.folder / _CHECKSUMS: record})
        except (OSError, SaveError) as error:
            raise self._unavailable(f"cannot be kept in {self.folder}: {error}") from error

    def _unavailable(self, reason: str) -> WeightsUnavailableError:
        return WeightsUnavailableError(
            f"pretrained weights are not available: {reason}. Without a connection, put "
            f"{_DOCUMENT} and the files that it names, from {self.url}, into {self.folder}, "
            "or set weights to 'random' or to the path of a model.json"
        )
