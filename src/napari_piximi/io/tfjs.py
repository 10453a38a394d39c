"""Classifier files: TensorFlow.js layers and graph models, NAME.json with its weights.

Reading trusts nothing: sizes, names, paths, layers and operations are checked before any
weight is read, so that a hostile file never reaches Keras. Nothing here needs Keras.
"""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError
from napari_piximi.io._replace import replace_files
from napari_piximi.io._tfjs_cut import begun_at
from napari_piximi.io._tfjs_graph import (
    Endpoint,
    check_graph,
    graph_inputs,
    graph_nodes,
    graph_outputs,
    is_graph,
    split_reference,
)
from napari_piximi.io._tfjs_manifest import (
    ShardGroup,
    decode_typed,
    decode_weights,
    parse_manifest,
)
from napari_piximi.io._tfjs_metadata import (
    EXTRA_KEY,
    is_network,
    piximi_metadata,
    settings_from_document,
)
from napari_piximi.io._tfjs_shards import check_length, gather_shards
from napari_piximi.io._tfjs_topology import (
    ACTIVATIONS,
    LAYERS,
    MODELS,
    check_topology,
    input_shape,
    model_node,
    output_units,
)
from napari_piximi.model.forest import forest_of
from napari_piximi.model.training import (
    FOREST_FORMAT,
    GRAPH_FORMAT,
    LAYERS_FORMAT,
    ModelArtifact,
)

__all__ = [
    "ACTIVATIONS",
    "EXTRA_KEY",
    "LAYERS",
    "MODELS",
    "Endpoint",
    "check_topology",
    "graph_inputs",
    "graph_nodes",
    "graph_outputs",
    "graph_weights",
    "input_shape",
    "is_graph",
    "is_network",
    "model_files",
    "model_from_bytes",
    "model_node",
    "output_units",
    "piximi_metadata",
    "read_model",
    "settings_from_document",
    "shard_names",
    "split_reference",
    "weight_arrays",
    "write_model",
]

_MAX_DOCUMENT = 64 * 2**20
_WEIGHTS = ".weights.bin"


def read_model(path: Path, *, begins: str = "") -> ModelArtifact:
    """Read a classifier from disk.

    Parameters
    ----------
    path : Path
        ``NAME.json``, or its weights file; the JSON file is then looked for beside it.
    begins : str
        A node of a graph model that is to be its input; what leads to it is left out. Nothing
        happens where there is no such node.

    Returns
    -------
    ModelArtifact

    Raises
    ------
    ModelFileError
        If a file is missing, damaged or cut short, if it is neither a layers nor a graph
        model, or if it holds layers or operations that we do not run. The message names the
        file and the value.

    Warns
    -----
    PiximiWarning
        If the weights were renamed after saving, and their length shows that they are
        the right ones.
    """
    path = Path(path)
    document_path = path if path.suffix == ".json" else _document_beside(path)
    document = _parse_document(_read_document(document_path), str(document_path), begins)
    groups = _checked_groups(document, str(document_path))
    folder = document_path.parent
    spare = document_path.stem + _WEIGHTS
    sizes = _sizes(folder, [name for group in groups for name in group.paths] + [spare])
    weights = gather_shards(
        groups, sizes, lambda name: _read_bytes(folder / name), spare, str(document_path)
    )
    return _checked_forest(ModelArtifact(document, weights), str(document_path))


def model_from_bytes(
    document: bytes, shards: Mapping[str, bytes], source: str, *, begins: str = ""
) -> ModelArtifact:
    """Read a classifier whose files are in memory, such as members of a zip.

    Parameters
    ----------
    document : bytes
        The JSON file.
    shards : mapping of str to bytes
        Weights files by name, without a folder.
    source : str
        Name for messages.
    begins : str
        As for :func:`read_model`.

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
    parsed = _parse_document(document, source, begins)
    groups = _checked_groups(parsed, source)
    sizes = {name: len(data) for name, data in shards.items()}
    spare = next(iter(shards)) if len(shards) == 1 else ""
    weights = gather_shards(groups, sizes, shards.__getitem__, spare, source)
    return _checked_forest(ModelArtifact(parsed, weights), source)


def shard_names(document: bytes, source: str, *, begins: str = "") -> tuple[str, ...]:
    """Name the weights files that a JSON file asks for; `begins` is as for :func:`read_model`.

    Raises
    ------
    ModelFileError
        If the JSON file is damaged, no model, or holds what we do not run.
    """
    groups = _checked_groups(_parse_document(document, source, begins), source)
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
    check_length(groups, artifact.weights, name)
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
    check_length(groups, artifact.weights, "model")
    return decode_weights(groups, artifact.weights)


def graph_weights(artifact: ModelArtifact) -> dict[str, NDArray[Any]]:
    """Decode the weights of a graph model, each in the type that the manifest declares.

    Raises
    ------
    ModelFileError
        As for :func:`weight_arrays`; or if the graph holds what we do not run.
    """
    groups = _checked_groups(dict(artifact.document), "model")
    check_length(groups, artifact.weights, "model")
    return decode_typed(groups, artifact.weights)


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


def _parse_document(data: bytes, source: str, begins: str = "") -> dict[str, Any]:
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
    if not is_graph(document):
        return document
    cut = begun_at(document, begins, source) if begins else document
    return cut | {"format": GRAPH_FORMAT}


def _checked_groups(document: dict[str, Any], source: str) -> tuple[ShardGroup, ...]:
    """Check everything but the weights' bytes."""
    if is_graph(document):
        graph_nodes(document, source)
        groups = parse_manifest(document, source)
        shapes = {spec.name: spec.shape for group in groups for spec in group.weights}
        check_graph(document, shapes, source)
        return groups
    # Files of 2018, the published MobileNet among them, have no format.
    form = document.get("format", LAYERS_FORMAT)
    if form not in (LAYERS_FORMAT, FOREST_FORMAT):
        raise ModelFileError(f"{source}: format is {form!r}, not {LAYERS_FORMAT!r}")
    if form == LAYERS_FORMAT:
        check_topology(document, source)
    return parse_manifest(document, source)


def _checked_forest(artifact: ModelArtifact, source: str) -> ModelArtifact:
    """Check the trees of a forest, which its weights hold."""
    if artifact.document.get("format") == FOREST_FORMAT:
        try:
            forest_of(artifact)
        except ModelFileError as error:
            raise ModelFileError(f"{source}: {error}") from error
    return artifact
