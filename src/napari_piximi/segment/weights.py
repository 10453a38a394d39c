"""Weights of published segmentation networks: fetched once, checked each time, kept."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from napari_piximi.errors import DownloadError, SaveError, SegmentError, WeightsUnavailableError
from napari_piximi.io._replace import replace_files
from napari_piximi.io.download import Downloads
from napari_piximi.io.tfjs import model_from_bytes
from napari_piximi.learn.remembered import DOCUMENT, RememberedModel
from napari_piximi.learn.weights import cache_folder
from napari_piximi.model.training import ModelArtifact
from napari_piximi.progress import Progress, silent

__all__ = [
    "CATALOGUE",
    "WeightsFile",
    "WeightsSource",
    "artifact",
    "blob_id",
    "by_hand",
    "fetch",
    "folder",
    "host",
    "is_here",
    "missing_bytes",
]

PIXIMI = (
    "https://raw.githubusercontent.com/piximi/piximi/20f4689893d6279eef14f4d72f602a4567bf5dcd/"
    "src/data/model-data/"
)
COCO_SSD = "https://storage.googleapis.com/tfjs-models/savedmodel/ssd_mobilenet_v2/"
MIB4 = 4 * 2**20
SPARE = 2
"""How many times the size that is known a model may have of which no checksums are known."""


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """One file as it was published.

    Attributes
    ----------
    name : str
    size : int
        Bytes.
    blob : str
        Its git blob id: SHA-1 of ``blob SIZE``, a zero byte, and its content.
    """

    name: str
    size: int
    blob: str


@dataclass(frozen=True, slots=True)
class WeightsSource:
    """A TensorFlow.js graph model, and where it comes from.

    Attributes
    ----------
    title : str
    url : str
        Of the folder that holds the files, with a slash at the end.
    licence : str
    size : int
        Bytes to download; about so many where `files` is empty.
    files : tuple of WeightsFile
        ``model.json`` and its shards. Empty where no checksums are known: then those of the
        first download are remembered, and a later change is refused.
    begins : str
        Node that becomes the graph's input; see :func:`napari_piximi.io.tfjs.read_model`.
    """

    title: str
    url: str
    licence: str
    size: int
    files: tuple[WeightsFile, ...] = ()
    begins: str = ""


def _of_piximi(title: str, name: str, *files: WeightsFile) -> WeightsSource:
    size = sum(file.size for file in files)
    return WeightsSource(title, f"{PIXIMI}{name}/", "BSD-3-Clause", size, files)


CATALOGUE: Mapping[str, WeightsSource] = {
    "stardist-fluo": _of_piximi(
        "StarDist (fluorescence)", "stardist-fluo",
        WeightsFile("model.json", 66274, "69056ad1c0bac1d95c0fa6f20472ca635dda9362"),
        WeightsFile("group1-shard1of2.bin", MIB4, "049df44f1738f0cb9cd61756fc1d6f6750a46a90"),
        WeightsFile("group1-shard2of2.bin", 1506584, "4a5bc2943d880715fac51dd3cf08ca3aeeab67c1"),
    ),
    "stardist-vhe": _of_piximi(
        "StarDist (H&E)", "stardist-vhe",
        WeightsFile("model.json", 61532, "8b3da31773fb16c5ecda9a6d5442f9eaf5d0542f"),
        WeightsFile("group1-shard1of2.bin", MIB4, "647c3702e914f59643bd0cd85872e371669d5835"),
        WeightsFile("group1-shard2of2.bin", 1508888, "853fb79382a3d299f5b7edcec975b32c4cc89ae3"),
    ),
    "glas": _of_piximi(
        "GlaS glands", "glas",
        WeightsFile("model.json", 106029, "5e2009582e3910d04ee8ca0de6315f36fd8565c2"),
        WeightsFile("group1-shard1of5.bin", MIB4, "f17fc15e57b62fa61f4d0bc95754eea72c68c4cd"),
        WeightsFile("group1-shard2of5.bin", MIB4, "f62e5f98d8352a7895f525fd836cfb5406f6e207"),
        WeightsFile("group1-shard3of5.bin", MIB4, "d4205d2d5e876431ccef49d837ea469b9a193ac1"),
        WeightsFile("group1-shard4of5.bin", MIB4, "944e689eccb42c915e360a8d232e065a1f7b2f04"),
        WeightsFile("group1-shard5of5.bin", 2969688, "ab82b6856e3e4d528b7af6bd17bf64d5676c4fd5"),
    ),
    "coco-ssd": WeightsSource(
        "COCO-SSD", COCO_SSD, "Apache-2.0", 67_580_000,
        begins="Preprocessor/map/TensorArrayStack/TensorArrayGatherV3",
    ),
}  # fmt: skip


def is_here(key: str) -> bool:
    """Tell whether all files are on this machine, by their names and sizes: this is quick.

    Raises
    ------
    SegmentError
        If there are no weights of that key.
    """
    source = _source(key)
    if not source.files:
        return _remembered(key).is_here()
    return all(_size(folder(key) / file.name) == file.size for file in source.files)


def missing_bytes(key: str) -> int:
    """Return how much is still to be downloaded, in bytes; about so much for ``coco-ssd``.

    Raises
    ------
    SegmentError
        If there are no weights of that key.
    """
    source = _source(key)
    if source.files:
        return sum(f.size for f in source.files if _size(folder(key) / f.name) != f.size)
    if is_here(key):
        return 0
    here = sum(path.stat().st_size for path in folder(key).glob("*") if path.is_file())
    return max(source.size - here, 1)


def host(key: str) -> str:
    """Return the name of the machine that the files come from.

    Raises
    ------
    SegmentError
        If there are no weights of that key.
    """
    return urlsplit(_source(key).url).netloc


def folder(key: str) -> Path:
    """Return where the files lie on this machine; it need not exist yet.

    Raises
    ------
    SegmentError
        If there are no weights of that key.
    """
    _source(key)
    return cache_folder() / key


def by_hand(key: str) -> str:
    """Say which files a user without a connection must put where.

    Raises
    ------
    SegmentError
        If there are no weights of that key.
    """
    source = _source(key)
    names = ", ".join(f.name for f in source.files) or f"{DOCUMENT} and the files that it names"
    return f"put {names}, from {source.url}, into {folder(key)}"


def fetch(
    key: str,
    progress: Progress = silent,
    *,
    base_url: str | None = None,
    timeout: float = 30.0,
) -> None:
    """Download what is missing, or damaged. This asks nobody: ask the user first.

    Parameters
    ----------
    key : str
        Of :data:`CATALOGUE`.
    progress : Progress
        Told of bytes, of all files together; may raise Cancelled, which is passed on. Files
        that had come until then are kept, and no half ones.
    base_url : str, optional
        Address of the folder with the files, where it is another than the published one.
    timeout : float
        Seconds without a byte after which the server counts as down, and, ten times over,
        seconds that one file may take.

    Raises
    ------
    WeightsUnavailableError
        If a file cannot be had or kept, or is not the published one; the message names the
        address, and the folder where the files can be put by hand.
    SegmentError
        If there are no weights of that key.
    """
    source = _source(key)
    url = (base_url or source.url).rstrip("/") + "/"
    if not source.files:
        downloads = _downloads(missing_bytes(key), SPARE * source.size, progress, timeout)
        _remembered(key, url, downloads).artifact()
        return
    missing = [f for f in source.files if _fault(_bytes(key, f.name), f)]
    total = sum(file.size for file in missing)
    downloads = _downloads(total, total, progress, timeout)
    for file in missing:
        try:
            data = downloads.fetch(url + file.name)
        except DownloadError as error:
            raise _unavailable(key, str(error)) from error
        fault = _fault(data, file)
        if fault:
            raise _unavailable(key, f"{url}{file.name}: {fault}")
        _keep(key, file.name, data)


def artifact(key: str) -> ModelArtifact:
    """Read weights that are on this machine; nothing is downloaded.

    Raises
    ------
    WeightsUnavailableError
        If a file is missing, or not the published one; the message names the address, and the
        folder where the files can be put by hand.
    ModelFileError
        If the files are no model that we run.
    SegmentError
        If there are no weights of that key.
    """
    source = _source(key)
    if not source.files:
        return _remembered(key).artifact()
    contents = dict(_checked(key, source))
    document = contents.pop(DOCUMENT)
    return model_from_bytes(document, contents, str(folder(key) / DOCUMENT), begins=source.begins)


def blob_id(data: bytes) -> str:
    """Return the name that git gives to a file's content; it serves as a checksum."""
    digest = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def _source(key: str) -> WeightsSource:
    if key not in CATALOGUE:
        raise SegmentError(f"There are no weights {key!r}; there are {', '.join(CATALOGUE)}")
    return CATALOGUE[key]


def _remembered(key: str, url: str = "", downloads: Downloads | None = None) -> RememberedModel:
    source = _source(key)
    return RememberedModel(url or source.url, folder(key), downloads, begins=source.begins)


def _downloads(size: int, most: int, progress: Progress, timeout: float) -> Downloads:
    """Make downloads whose progress is that of all files together."""
    downloads = Downloads(timeout, most)

    def report(done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        done += downloads.max_bytes - downloads.room
        progress(done, max(done, size), message, **values)

    downloads.progress = report
    return downloads


def _checked(key: str, source: WeightsSource) -> Iterator[tuple[str, bytes]]:
    for file in source.files:
        path, data = folder(key) / file.name, _bytes(key, file.name)
        if data is None:
            raise _unavailable(key, f"{path} is not there")
        if fault := _fault(data, file):
            raise _unavailable(key, f"{path}: {fault}; delete it, and download it again")
        yield file.name, data


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _bytes(key: str, name: str) -> bytes | None:
    path = folder(key) / name
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise _unavailable(key, f"{path}: {error.strerror or error}") from error


def _fault(data: bytes | None, file: WeightsFile) -> str:
    """Say what is wrong with a file; empty for one that is whole."""
    if data is None or len(data) != file.size:
        return f"has {len(data or b'')} bytes instead of {file.size}"
    found = blob_id(data)
    return "" if found == file.blob else f"is another file (git blob {found}, not {file.blob})"


def _keep(key: str, name: str, data: bytes) -> None:
    try:
        folder(key).mkdir(parents=True, exist_ok=True)
        replace_files({folder(key) / name: data})
    except (OSError, SaveError) as error:
        raise _unavailable(key, f"cannot be kept in {folder(key)}: {error}") from error


def _unavailable(key: str, reason: str) -> WeightsUnavailableError:
    return WeightsUnavailableError(
        f"The weights of {_source(key).title} are not available: {reason}. Download them when you "
        f"are asked, or, without a connection, {by_hand(key)}"
    )
