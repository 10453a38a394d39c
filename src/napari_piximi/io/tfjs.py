"""Classifier files: TensorFlow.js layers models, NAME.json with NAME.weights.bin.

Reading trusts nothing: sizes, names, paths and layers are checked before any weight is
read, so that a hostile file never reaches Keras. Nothing here needs Keras.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError
from napari_piximi.io._replace import replace_files
from napari_piximi.io._tfjs_manifest import ShardGroup, decode_weights, parse_manifest
from napari_piximi.io._tfjs_metadata import EXTRA_KEY, piximi_metadata, settings_from_document
from napari_piximi.io._tfjs_topology import (
    ACTIVATIONS,
    LAYERS,
    MODELS,
    check_topology,
    input_shape,
    model_node,
    output_units,
)
from napari_piximi.io._warn import warn
from napari_piximi.model.training import ModelArtifact

__all__ = [
    "ACTIVATIONS",
    "EXTRA_KEY",
    "LAYERS",
    "MODELS",
    "check_topology",
    "input_shape",
    "model_files",
    "model_from_bytes",
    "model_node",
    "output_units",
    "piximi_metadata",
    "read_model",
    "settings_from_document",
    "shard_names",
    "weight_arrays",
    "write_model",
]

_MAX_DOCUMENT = 64 * 2**20
_WEIGHTS = ".weights.bin"


def read_model(path: Path) -> ModelArtifact:
    """Read a classifier from disk.

    Parameters
    ----------
    path : Path
        ``NAME.json``, or its weights file; the JSON file is then looked for beside it.

    Returns
    -------
    ModelArtifact

    Raises
    ------
    ModelFileError
        If a file is missing, damaged or cut short, if it is not a layers model, or if it
        holds layers that we do not run. The message names the file and the value.

    Warns
    -----
    PiximiWarning
        If the weights were renamed after saving, and their length shows that they are
        the right ones.
    """
    path = Path(path)
    document_path = path if path.suffix == ".json" else _document_beside(path)
    document = _parse_document(_read_document(document_path), str(document_path))
    groups = _checked_groups(document, str(document_path))
    folder = document_path.parent
    spare = document_path.stem + _WEIGHTS
    sizes = _sizes(folder, [name for group in groups for name in group.paths] + [spare])
    weights = _gather(
        groups, sizes, lambda name: _read_bytes(folder / name), spare, str(document_path)
    )
    return ModelArtifact(document, weights)


def model_from_bytes(document: bytes, shards: Mapping[str, bytes], source: str) -> ModelArtifact:
    """Read a classifier whose files are in memory, such as members of a zip.

    Parameters
    ----------
    document : bytes
        The JSON file.
    shards : mapping of str to bytes
        Weights files by name, without a folder.
    source : str
        Name for messages.

    Returns
    -------
    ModelArtifact

    Raises
    ------
    ModelFileError
        As for :func:`read_model`.

    Warns
    -----
    PiximiWarning
        As for :func:`read_model`.
    """
    parsed = _parse_document(document, source)
    groups = _checked_groups(parsed, source)
    sizes = {name: len(data) for name, data in shards.items()}
    spare = next(iter(shards)) if len(shards) == 1 else ""
    return ModelArtifact(parsed, _gather(groups, sizes, shards.__getitem__, spare, source))


def shard_names(document: bytes, source: str) -> tuple[str, ...]:
    """Name the weights files that a JSON file asks for.

    Raises
    ------
    ModelFileError
        If the JSON file is damaged, not a layers model, or holds what we do not run.
    """
    groups = _checked_groups(_parse_document(document, source), source)
    return tuple(dict.fromkeys(name for group in groups for name in group.paths))


def write_model(artifact: ModelArtifact, path: Path) -> None:
    """Write ``NAME.json`` and ``NAME.weights.bin`` so that Piximi opens them.

    Both are complete on disk before either takes its name; old files of these names stay
    as they were if anything fails.

    Parameters
    ----------
    artifact : ModelArtifact
    path : Path
        ``FOLDER/NAME.json``.

    Raises
    ------
    ModelFileError
        If the name is not ``NAME.json`` with a NAME free of dots, at the first of which
        Piximi would cut it; or the artifact is not whole.
    SaveError
        If the disk is full, the folder read-only, or the like.
    """
    path = Path(path)
    if path.suffix != ".json":
        raise ModelFileError(f"{path}: a classifier is saved as NAME.json")
    document, weights = model_files(artifact, path.stem)
    replace_files({path.with_name(path.stem + _WEIGHTS): weights, path: document})


def model_files(artifact: ModelArtifact, name: str) -> tuple[bytes, bytes]:
    """Make the contents of ``NAME.json`` and ``NAME.weights.bin``.

    Parameters
    ----------
    artifact : ModelArtifact
    name : str
        NAME; folders before the last ``/`` are left out of the manifest.

    Returns
    -------
    document, weights : bytes

    Raises
    ------
    ModelFileError
        If the name is empty or has a dot, the artifact's weights do not fit its manifest,
        or its document holds what JSON cannot, such as NaN.
    """
    stem = name.rpartition("/")[2]
    if not stem or "." in name:
        raise ModelFileError(f"{name!r} cannot name a classifier: Piximi cuts names at a dot")
    groups = parse_manifest(artifact.document, name)
    _check_length(groups, artifact.weights, name)
    entries = [
        entry for group in artifact.document["weightsManifest"] for entry in group["weights"]
    ]
    document = dict(artifact.document)
    document["weightsManifest"] = [{"paths": [f"./{stem}{_WEIGHTS}"], "weights": entries}]
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode(), artifact.weights
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{name}: the document is not valid JSON: {error}") from error


def weight_arrays(artifact: ModelArtifact) -> dict[str, NDArray[np.float32]]:
    """Decode the weights.

    Returns
    -------
    dict of str to ndarray of float32
        By name (``layer/variable``), quantized ones restored; read-only views of the
        artifact's bytes where these are float32. State of an optimiser is left out.

    Raises
    ------
    ModelFileError
        If the manifest is malformed, or the bytes do not fit it.
    """
    groups = parse_manifest(artifact.document, "model")
    _check_length(groups, artifact.weights, "model")
    return decode_weights(groups, artifact.weights)


def _check_length(groups: tuple[ShardGroup, ...], weights: bytes, source: str) -> None:
    needed = sum(group.nbytes for group in groups)
    if len(weights) != needed:
        raise ModelFileError(
            f"{source}: the manifest needs {needed} bytes of weights, there are {len(weights)}"
        )


def _document_beside(path: Path) -> Path:
    """Find the JSON file that a weights file belongs to."""
    if path.name.endswith(_WEIGHTS):
        named = path.with_name(path.name.removesuffix(_WEIGHTS) + ".json")
        if named.is_file():
            return named
    for candidate in sorted(path.parent.glob("*.json")):
        try:
            names = shard_names(_read_document(candidate), str(candidate))
        except ModelFileError:
            continue
        if path.name in names:
            return candidate
    raise ModelFileError(
        f"{path}: no JSON file beside it names it as its weights; open the classifier's NAME.json"
    )


def _read_document(path: Path) -> bytes:
    size = _sizes(path.parent, [path.name]).get(path.name)
    if size is None:
        raise ModelFileError(f"{path}: there is no such file")
    if size > _MAX_DOCUMENT:
        raise ModelFileError(f"{path}: {size} bytes are too many for a model's JSON file")
    return _read_bytes(path)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error}") from error


def _sizes(folder: Path, names: list[str]) -> dict[str, int]:
    return {name: (folder / name).stat().st_size for name in names if (folder / name).is_file()}


def _parse_document(data: bytes, source: str) -> dict[str, Any]:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not a JSON number")

    def finite(text: str) -> float:
        number = float(text)
        return number if isfinite(number) else refuse(text)

    try:
        document = json.loads(data.decode("utf-8-sig"), parse_constant=refuse, parse_float=finite)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{source}: is not a JSON file: {error}") from error
    if not isinstance(document, dict):
        raise ModelFileError(f"{source}: holds a {type(document).__name__}, not a model")
    return document


def _checked_groups(document: dict[str, Any], source: str) -> tuple[ShardGroup, ...]:
    """Check everything but the weights' bytes."""
    _check_format(document, source)
    check_topology(document, source)
    return parse_manifest(document, source)


def _check_format(document: dict[str, Any], source: str) -> None:
    # Files of 2018, the published MobileNet among them, have no format.
    form = document.get("format", "layers-model")
    topology = document.get("modelTopology")
    if form == "graph-model" or (isinstance(topology, dict) and "node" in topology):
        raise ModelFileError(f"{source}: is a graph model; these cannot be opened yet")
    if form != "layers-model":
        raise ModelFileError(f"{source}: format is {form!r}, not 'layers-model'")


def _gather(
    groups: tuple[ShardGroup, ...],
    sizes: Mapping[str, int],
    read: Callable[[str], bytes],
    spare: str,
    source: str,
) -> bytes:
    """Read all shards, once their lengths are known to be right.

    `spare` is the one file that may stand in for a missing one.
    """
    groups = _with_spare(groups, sizes, spare, source)
    for group in groups:
        _check_shards(group, sizes, source)
    chunks = [read(name) for group in groups for name in group.paths]
    weights = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    # A file may have changed since its length was taken.
    _check_length(groups, weights, source)
    return weights


def _with_spare(
    groups: tuple[ShardGroup, ...], sizes: Mapping[str, int], spare: str, source: str
) -> tuple[ShardGroup, ...]:
    group = groups[0]
    if len(groups) != 1 or len(group.paths) != 1 or group.paths[0] in sizes:
        return groups
    if sizes.get(spare) != group.nbytes:
        return groups
    warn(f"{source}: its weights file {group.paths[0]!r} is missing; {spare!r} is used instead")
    return (replace(group, paths=(spare,)),)


def _check_shards(group: ShardGroup, sizes: Mapping[str, int], source: str) -> None:
    missing = [name for name in group.paths if name not in sizes]
    if missing:
        raise ModelFileError(
            f"{source}: its weights file {missing[0]!r} is missing; put it beside the JSON file "
            "under exactly that name (a renamed one must be renamed back)"
        )
    found = sum(sizes[name] for name in group.paths)
    if found != group.nbytes:
        files = " + ".join(f"{name!r} ({sizes[name]} bytes)" for name in group.paths)
        raise ModelFileError(
            f"{source}: {group.nbytes} bytes of weights expected, {found} found in "
            f"{files or 'no file'}; truncated, or not this model's"
        )
