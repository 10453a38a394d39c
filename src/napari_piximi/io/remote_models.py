"""Classifiers at an address: model.json and all the weights files that it names."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from napari_piximi.errors import DownloadError
from napari_piximi.io.download import Downloads, check_address, checksum
from napari_piximi.io.tfjs import model_from_bytes, shard_names
from napari_piximi.model.training import ModelArtifact
from napari_piximi.progress import Progress, silent

__all__ = ["MOST_BYTES", "RemoteFile", "RemoteModel", "fetch_model"]

MOST_BYTES = 500_000_000
"""Refuse models above this: a hundred times what a classifier has."""
MOST_FILES = 500
DOCUMENT = "model.json"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file as it came.

    Attributes
    ----------
    name : str
    size : int
        Bytes.
    sha256 : str
        Hexadecimal.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model that was fetched, and what of it.

    Attributes
    ----------
    name : str
        For the classifier: the file's, or, where that is just ``model``, the folder's.
    host : str
        Where it came from.
    files : tuple of RemoteFile
    artifact : ModelArtifact
    """

    name: str
    host: str
    files: tuple[RemoteFile, ...]
    artifact: ModelArtifact


def fetch_model(
    address: str,
    progress: Progress = silent,
    *,
    timeout: float = 30.0,
    max_bytes: int = MOST_BYTES,
) -> RemoteModel:
    """Fetch a classifier, a layers or a graph model; nothing is kept on this machine.

    Parameters
    ----------
    address : str
        Of the JSON file, or of the folder that holds ``model.json``. What follows a ``?`` is
        asked for with every file, as TensorFlow.js does.
    progress : Progress
        Told of bytes; may raise Cancelled, which is passed on.
    timeout : float
        Seconds without a byte after which the server counts as down.
    max_bytes : int
        Refuse more than this, all files together.

    Returns
    -------
    RemoteModel

    Raises
    ------
    DownloadError
        If a file cannot be had, or must not be: see :mod:`napari_piximi.io.download`.
    ModelFileError
        If what came is no model, is damaged, or holds what we do not run.
    """
    address = address.strip()
    check_address(address)
    document_address = _document_address(address)
    host = check_address(document_address)
    downloads = Downloads(timeout, max_bytes, progress)
    document = downloads.fetch(document_address)
    names = shard_names(document, document_address)
    if len(names) > MOST_FILES:
        raise DownloadError(f"{document_address}: names {len(names)} files, {MOST_FILES} at most")
    shards = {}
    for number, name in enumerate(names, 1):
        told = f"{name} ({number} of {len(names)})"
        shards[name] = downloads.fetch(_beside(document_address, name), told)
    artifact = model_from_bytes(document, shards, document_address)
    own = urlsplit(document_address).path.rpartition("/")[2]
    files = tuple(
        RemoteFile(name, len(data), checksum(data))
        for name, data in ((own, document), *shards.items())
    )
    return RemoteModel(_name(document_address), host, files, artifact)


def _document_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.path.lower().endswith(".json"):
        return urlunsplit(parts._replace(fragment=""))
    path = f"{parts.path.rstrip('/')}/{DOCUMENT}"
    return urlunsplit(parts._replace(path=path, fragment=""))


def _beside(address: str, name: str) -> str:
    parts = urlsplit(address)
    folder = parts.path.rpartition("/")[0]
    return urlunsplit(parts._replace(path=f"{folder}/{name}"))


def _name(address: str) -> str:
    """Name a model after its file or folder; dots cannot be in the name of a classifier."""
    *folders, file = [unquote(part) for part in urlsplit(address).path.split("/") if part]
    stem = file.rpartition(".")[0]
    chosen = folders[-1] if stem == "model" and folders else stem
    return "".join("_" if sign in "./\\\0" else sign for sign in chosen).strip() or "model"
