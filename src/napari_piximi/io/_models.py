"""The models of classifiers in a bundle: those of Piximi's kind beside its own, and ours apart.

Piximi takes every pair NAME.json and NAME.weights.bin in the zip for a layers model. A forest
is none, and a graph model it tries to read as one and fails. Both therefore lie in a folder of
ours, under names that Piximi does not look at.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from napari_piximi.errors import ModelFileError
from napari_piximi.io._document import OWN, find_models
from napari_piximi.io._writers import Writer
from napari_piximi.io._zip import Member
from napari_piximi.model.project import Project
from napari_piximi.model.training import (
    FOREST,
    FOREST_FORMAT,
    GRAPH_FORMAT,
    PIXIMI_SETTINGS,
    Classifier,
    ModelArtifact,
    Settings,
)

__all__ = [
    "DOCUMENT",
    "WEIGHTS",
    "Models",
    "artifact_from_bytes",
    "artifact_settings",
    "bundled_models",
    "files_of",
    "is_ours",
    "write_models",
]

DOCUMENT, WEIGHTS = ".model", ".weights"
FOLDER = f"{OWN}/models/"
OURS = (FOREST_FORMAT, GRAPH_FORMAT)
Models = Mapping[str, tuple[Member, Member]]


def is_ours(classifier: Classifier) -> bool:
    """Tell whether Piximi cannot have a classifier: a forest, or a graph model."""
    if classifier.model is None:
        return classifier.settings.architecture == FOREST
    return _is_format_ours(classifier.model.document)


def _is_format_ours(document: Mapping[str, Any]) -> bool:
    # What a graph model is without "format": its topology is a list of nodes.
    topology = document.get("modelTopology")
    return document.get("format") in OURS or (isinstance(topology, dict) and "node" in topology)


def artifact_from_bytes(text: bytes, weights: bytes, name: str, where: str) -> ModelArtifact:
    """Read a model of any format, as strictly as a file that someone sent.

    Parameters
    ----------
    text, weights : bytes
        The JSON and the weights file.
    name : str
        Of the classifier.
    where : str
        For messages.

    Raises
    ------
    ModelFileError
        If it is damaged, or holds what we do not run.
    """
    if b"napari-piximi forest" in text:
        document = _parsed(text)
        if document.get("format") == FOREST_FORMAT:
            return _forest(ModelArtifact(document, weights), where)
    from napari_piximi.io.tfjs import model_from_bytes

    return model_from_bytes(text, {f"{name.rpartition('/')[2]}.weights.bin": weights}, where)


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _forest(artifact: ModelArtifact, where: str) -> ModelArtifact:
    from napari_piximi.model.forest import forest_of

    try:
        forest_of(artifact)
    except ModelFileError as error:
        raise ModelFileError(f"{where}: {error}") from error
    return artifact


def artifact_settings(artifact: ModelArtifact, where: str) -> tuple[Settings, int, int]:
    """Return settings, channels and planes of a model without a description.

    Raises
    ------
    ModelFileError
        If it does not tell its input.
    """
    if artifact.document.get("format") == FOREST_FORMAT:
        return replace(PIXIMI_SETTINGS, architecture=FOREST), 1, 1
    from napari_piximi.io.tfjs import settings_from_document

    return settings_from_document(artifact.document, where)


def bundled_models(files: Mapping[str, Member], root: str) -> dict[str, tuple[Member, Member]]:
    """Find the models of a bundle, Piximi's and ours: name → (JSON member, weights member)."""
    found = find_models(files, root)
    start = f"{root}{FOLDER}"
    for path in [path for path in files if path.startswith(start) and path.endswith(DOCUMENT)]:
        name = path[len(start) : -len(DOCUMENT)]
        weights = files.get(f"{start}{name}{WEIGHTS}")
        if weights is not None and name:
            found.setdefault(name, (files[path], weights))
    return found


def write_models(
    writer: Writer, root: str, beside: str, project: Project
) -> dict[str, tuple[Member, Member]]:
    """Write the models; one that several kinds share is written once.

    Parameters
    ----------
    root, beside : str
        Where ours go, and where Piximi's.

    Raises
    ------
    ModelFileError
        If a model is not whole.
    """
    files = {
        name: (text, weights, _is_format_ours(_parsed(text)))
        for name, (text, weights) in project.unread_models.items()
    }
    for classifier in project.classifiers:
        if classifier.model is not None:
            ours = is_ours(classifier)
            files[classifier.name] = (*files_of(classifier.name, classifier.model), ours)
    return {
        name: _write(writer, f"{root}{FOLDER}{name}", DOCUMENT, WEIGHTS, text, weights)
        if ours
        else _write(writer, f"{beside}{name}", ".json", ".weights.bin", text, weights)
        for name, (text, weights, ours) in files.items()
    }


def files_of(name: str, model: ModelArtifact) -> tuple[bytes, bytes]:
    """Return the contents of a model's JSON and weights file.

    Raises
    ------
    ModelFileError
        If it is not whole.
    """
    if model.document.get("format") == FOREST_FORMAT:
        return json.dumps(model.document, separators=(",", ":")).encode(), model.weights
    from napari_piximi.io.tfjs import model_files

    return model_files(model, name.rpartition("/")[2])


def _write(
    writer: Writer, path: str, first: str, second: str, text: bytes, weights: bytes
) -> tuple[Member, Member]:
    return writer.write(f"{path}{first}", text), writer.write(f"{path}{second}", weights)
