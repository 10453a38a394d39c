"""Classifiers as a user has them: a JSON file, its weights, or the zip that Piximi saves."""

from collections.abc import Container
from pathlib import Path

from napari_piximi.errors import BundleError, ModelFileError
from napari_piximi.io._document import find_models, list_files
from napari_piximi.io._source import Source
from napari_piximi.io._tfjs_metadata import is_network
from napari_piximi.io._zip_or_folder import open_source
from napari_piximi.io.sniffing import classifier_json
from napari_piximi.io.tfjs import model_from_bytes, read_model, shard_names
from napari_piximi.model.training import ModelArtifact
from napari_piximi.progress import Progress, silent

__all__ = ["read_files", "read_models"]

MAX_BYTES = 2 << 30
MAX_DOCUMENT = 64 << 20


def read_models(path: Path, progress: Progress = silent) -> dict[str, ModelArtifact]:
    """Read one classifier from its files, or all of a zip.

    Parameters
    ----------
    path : Path
        ``NAME.json``, or its weights file, or a zip of such pairs.
    progress : Progress, optional

    Returns
    -------
    dict of str to ModelArtifact
        By name: that of the JSON file up to its first dot.

    Raises
    ------
    ModelFileError
        If a file is missing or damaged, there is no classifier, or there is a segmentation
        network; the message names file and value.
    """
    found = read_files(path, progress)
    for name, model in found.items():
        if is_network(model.document):
            raise ModelFileError(
                f"{path}: {name} is a segmentation network, not a classifier; "
                "open it in the Segmentation dock"
            )
    return found


def read_files(path: Path, progress: Progress = silent) -> dict[str, ModelArtifact]:
    """Read models of whatever sort, as :func:`read_models` does.

    Raises
    ------
    ModelFileError
        If a file is missing or damaged, or there is no model.
    """
    progress(0, 1, f"Reading {path.name}")
    if path.suffix.lower() == ".zip":
        found = _read_zip(path)
    else:
        document = classifier_json(path) or path
        found = {document.name.split(".")[0]: read_model(document)}
    progress(1, 1, f"Read {path.name}")
    return found


def _read_zip(path: Path) -> dict[str, ModelArtifact]:
    found: dict[str, ModelArtifact] = {}
    try:
        source = open_source(path)
        pairs = find_models(list_files(source.members(), path), "")
        for name, (document, weights) in pairs.items():
            if document.size + weights.size > MAX_BYTES:
                raise ModelFileError(f"{path}: {name} has {weights.size} bytes, too many")
            stem = name.rpartition("/")[2]
            shards = {f"{stem}.weights.bin": source.read(weights)}
            found[stem] = model_from_bytes(source.read(document), shards, f"{path}: {name}.json")
        found |= _read_sharded(path, source, pairs)
    except BundleError as error:
        raise ModelFileError(str(error)) from error
    if not found:
        raise ModelFileError(f"{path}: holds no classifier, NAME.json with NAME.weights.bin")
    return found


def _read_sharded(path: Path, source: Source, known: Container[str]) -> dict[str, ModelArtifact]:
    """Read the models of a zip whose weights lie in several files, or are named otherwise."""
    found: dict[str, ModelArtifact] = {}
    members = list_files(source.members(), path)
    for name, member in members.items():
        stem, where = name.removesuffix(".json"), f"{path}: {name}"
        if not name.endswith(".json") or stem in known or member.size > MAX_DOCUMENT:
            continue
        document = source.read(member)
        if b'"weightsManifest"' not in document:
            continue
        folder = name[: len(name) - len(name.rpartition("/")[2])]
        files = {shard: members.get(folder + shard) for shard in shard_names(document, where)}
        there = {shard: file for shard, file in files.items() if file is not None}
        if sum(file.size for file in there.values()) > MAX_BYTES:
            raise ModelFileError(f"{where}: its weights are too many")
        shards = {shard: source.read(file) for shard, file in there.items()}
        called = stem.rpartition("/")[2].split(".")[0]
        found[called] = model_from_bytes(document, shards, where)
    return found
