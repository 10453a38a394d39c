"""A model of which only the address is known: what its files were is remembered."""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from napari_piximi.errors import (
    DownloadError,
    ModelFileError,
    SaveError,
    WeightsUnavailableError,
)
from napari_piximi.io._replace import replace_files
from napari_piximi.io.download import Downloads, checksum
from napari_piximi.io.tfjs import model_from_bytes, shard_names
from napari_piximi.model.training import ModelArtifact

__all__ = ["DOCUMENT", "RememberedModel"]

DOCUMENT = "model.json"
CHECKSUMS = "checksums.json"
MOST_SHARDS = 500


@dataclass
class RememberedModel:
    """One model's files: in a folder, or to be fetched into it, all of them or none.

    Attributes
    ----------
    url : str
        Address of the folder that holds ``model.json``, with a slash at the end.
    folder : Path
        On this machine.
    downloads : Downloads or None
        With which files that are not here are fetched; None fetches nothing.
    otherwise : str
        What else the user may do, at the end of messages.
    begins : str
        As for :func:`napari_piximi.io.tfjs.read_model`.
    fetched : dict of str to bytes
        By name.
    """

    url: str
    folder: Path
    downloads: Downloads | None = None
    otherwise: str = ""
    begins: str = ""
    fetched: dict[str, bytes] = field(default_factory=dict)

    def artifact(self) -> ModelArtifact:
        """Gather the files, check them against the first download, keep what is new.

        Raises
        ------
        WeightsUnavailableError
            If they cannot be had, or are not what they were at the first download; the message
            names the address, and the folder where the files can be put by hand.
        Cancelled
            If the progress of the downloads raises it; nothing is kept then.
        """
        known = self._checksums()
        try:
            document = self._get(DOCUMENT, known)
            names = self._named(document)
            shards = {name: self._get(name, known) for name in names}
            artifact = model_from_bytes(document, shards, self.url + DOCUMENT, begins=self.begins)
        except ModelFileError as error:
            raise self._unavailable(str(error)) from error
        self._keep({DOCUMENT: document, **shards}, known)
        return artifact

    def is_here(self) -> bool:
        """Tell whether all files are in the folder; what is in them is not looked at."""
        path = self.folder / DOCUMENT
        try:
            stat = path.stat()
            names = _listed(path, stat.st_size, stat.st_mtime_ns, self.begins)
        except (OSError, ModelFileError):
            return False
        return all((self.folder / name).is_file() for name in names)

    def _named(self, document: bytes) -> tuple[str, ...]:
        names = shard_names(document, self.url + DOCUMENT, begins=self.begins)
        if len(names) > MOST_SHARDS:
            raise self._unavailable(f"it names {len(names)} files")
        return names

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
        if self.downloads is None:
            raise self._unavailable(f"{name} is not on this machine")
        try:
            self.fetched[name] = self.downloads.fetch(self.url + name, name)
        except DownloadError as error:
            raise self._unavailable(str(error)) from error
        return self.fetched[name]

    def _checksums(self) -> dict[str, str]:
        path = self.folder / CHECKSUMS
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
            replace_files({**fresh, self.folder / CHECKSUMS: record})
        except (OSError, SaveError) as error:
            raise self._unavailable(f"cannot be kept in {self.folder}: {error}") from error

    def _unavailable(self, reason: str) -> WeightsUnavailableError:
        return WeightsUnavailableError(
            f"pretrained weights are not available: {reason}. Without a connection, put "
            f"{DOCUMENT} and the files that it names, from {self.url}, into {self.folder}"
            f"{self.otherwise}"
        )


@lru_cache(maxsize=8)
def _listed(path: Path, _size: int, _changed: int, begins: str) -> tuple[str, ...]:
    """Name the shards of a file; read once, as long as it does not change."""
    return shard_names(path.read_bytes(), str(path), begins=begins)
