"""Segmentation networks in a bundle: Piximi passes over them.

What is told of them is noted beside Piximi's segmenter. Their models lie in a folder of ours,
under names that Piximi does not look at: ``napari_piximi/networks/0.model`` and ``0.weights``.
Networks that share a model share its files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

from napari_piximi.errors import BundleError, ModelFileError
from napari_piximi.io._document import OWN, Attributes, Document
from napari_piximi.io._models import DOCUMENT, WEIGHTS, Models, artifact_from_bytes, files_of
from napari_piximi.io._network_values import (
    check_network_model,
    network_values,
    read_network_values,
)
from napari_piximi.io._source import Source
from napari_piximi.io._warn import warn
from napari_piximi.io._writers import Writer
from napari_piximi.io._zip import Member
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import ModelArtifact

__all__ = [
    "bundled_networks",
    "network_attributes",
    "read_network_models",
    "read_networks",
    "write_networks",
]

FOLDER = f"{OWN}/networks/"
GROUP, NETWORKS = "segmenter", "networks"
MOST_ROWS = 50_000
"""Images of scores that are noted, so that the note stays far from what is too long to be read."""
MODEL = "network"  # what models are called in their own files
Values = dict[str, Any]


def bundled_networks(files: Mapping[str, Member], root: str) -> dict[str, tuple[Member, Member]]:
    """Find the models of networks in a bundle: number → (JSON member, weights member)."""
    start = f"{root}{FOLDER}"
    found: dict[str, tuple[Member, Member]] = {}
    for path in [path for path in files if path.startswith(start) and path.endswith(DOCUMENT)]:
        number = path[len(start) : -len(DOCUMENT)]
        weights = files.get(f"{start}{number}{WEIGHTS}")
        if weights is not None and number:
            found[number] = files[path], weights
    return found


def read_network_models(
    source: Source, members: Models, most: tuple[int, int]
) -> dict[str, ModelArtifact]:
    """Read the models of networks; those that cannot be opened are left out.

    Parameters
    ----------
    source : Source
    members : mapping
        As :func:`bundled_networks` returns it.
    most : (int, int)
        Bytes that a JSON and a weights file may have.

    Raises
    ------
    BundleError
        If a file is absurdly large.

    Warns
    -----
    PiximiWarning
        Of each that cannot be opened.
    """
    found: dict[str, ModelArtifact] = {}
    for number, pair in members.items():
        where = f"{source.path}: {pair[0].name}"
        for member, limit in zip(pair, most, strict=True):
            if member.size > limit:
                raise BundleError(f"{source.path}: {member.name} has {member.size} bytes, too many")
        try:
            text, weights = map(source.read, pair)
            found[number] = artifact_from_bytes(text, weights, MODEL, where)
        except ModelFileError as error:
            warn(str(error))
    return found


def read_networks(
    document: Document, models: Mapping[str, ModelArtifact], kinds: Mapping[str, object]
) -> tuple[SegmentationNetwork, ...]:
    """Read the segmentation networks of a bundle.

    Parameters
    ----------
    document : Document
    models : mapping
        As :func:`read_network_models` returns it.
    kinds : mapping
        Those of the project, by id.

    Raises
    ------
    BundleError
        If what is told of them is damaged.

    Warns
    -----
    PiximiWarning
        Of a network whose model cannot be had, which has none then; of one whose kind is not
        there, which is left out; of settings that are not valid.
    """
    found: dict[str, SegmentationNetwork] = {}
    noted, path = document.own(GROUP).get(NETWORKS, []), str(document.source.path)
    try:
        for values in noted:
            network = read_network_values(values, path, partial(_taken, models, values, path))
            if network.name in found:
                raise ValueError(f"the network {network.name!r} is there twice")
            if network.kind in kinds and network.kind != IMAGE_KIND:
                found[network.name] = network
            else:
                warn(f"{path}: network {network.name!r} is left out: its kind is none of objects")
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        if isinstance(error, BundleError):
            raise
        raise document.error(
            f"{GROUP}/.zattrs", f"its segmentation networks are damaged ({error})"
        ) from error
    return tuple(found.values())


def _taken(
    models: Mapping[str, ModelArtifact], values: Values, path: str, channels: int
) -> ModelArtifact | None:
    """Take the model that the values of a network name, if it is there and fits."""
    number, where = values.get("model"), f"{path}: network {values.get('name')!r}"
    if number is None:
        return None
    try:
        if number not in models:
            raise ModelFileError(f"{where}: its files are missing or damaged")
        check_network_model(models[number], channels, where)
    except ModelFileError as error:
        warn(f"{error}; it opens without its weights, and is saved without them")
        return None
    return models[number]


def network_attributes(project: Project) -> Attributes:
    """Return what is noted at Piximi's segmenter; nothing where there are no networks."""
    if not project.networks:
        return {}
    numbers = _numbers(project)
    noted = [
        {**network_values(network), "model": numbers.get(id(network.model))}
        for network in _with_newest_rows(project.networks)
    ]
    return {OWN: {NETWORKS: noted}}


def _with_newest_rows(
    networks: Sequence[SegmentationNetwork],
) -> Iterator[SegmentationNetwork]:
    """Yield networks that keep the images of their newest scores, up to :data:`MOST_ROWS`."""
    left, kept = MOST_ROWS, set()
    for score in (score for network in reversed(networks) for score in reversed(network.scores)):
        left -= len(score.rows)
        if left >= 0:
            kept.add(id(score))
    for network in networks:
        scores = (s if id(s) in kept else replace(s, rows=()) for s in network.scores)
        yield replace(network, scores=tuple(scores))


def write_networks(writer: Writer, root: str, project: Project) -> dict[str, tuple[Member, Member]]:
    """Write the models of networks, each once.

    Raises
    ------
    ModelFileError
        If a model is not whole.
    """
    numbers = _numbers(project)
    models = {numbers[id(n.model)]: n.model for n in project.networks if n.model is not None}
    written: dict[str, tuple[Member, Member]] = {}
    for number, model in models.items():
        text, weights = files_of(MODEL, model)
        path = f"{root}{FOLDER}{number}"
        written[number] = (
            writer.write(f"{path}{DOCUMENT}", text),
            writer.write(f"{path}{WEIGHTS}", weights),
        )
    return written


def _numbers(project: Project) -> dict[int, str]:
    """Return a number for each distinct model, by its address."""
    fresh = count()
    addresses = dict.fromkeys(id(n.model) for n in project.networks if n.model is not None)
    return {address: str(next(fresh)) for address in addresses}
