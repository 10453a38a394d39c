"""StarDist's networks on disk: TensorFlow.js graphs, and the package's own folders."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import (
    FitError,
    ModelFileError,
    SegmentError,
    WeightsUnavailableError,
)
from napari_piximi.io.tfjs import graph_inputs, graph_outputs, is_graph, read_model
from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment._star_config import package_folder
from napari_piximi.segment._star_graph import Layout, layout_of
from napari_piximi.segment.star_network import Answer, StarNetwork

__all__ = ["network_of", "star_network"]

_FEWEST_RAYS = 3


def star_network(key: str, own: str = "") -> StarNetwork:
    """Load a network, or return it where it was loaded before and its files have not changed.

    Parameters
    ----------
    key : str
        Of :data:`napari_piximi.segment.weights.CATALOGUE`.
    own : str
        A user's own: a TensorFlow.js ``model.json`` or its folder, or a folder that the
        ``stardist`` package saved, or the name of one of the package's published models that
        was downloaded before. Empty for Piximi's.

    Raises
    ------
    WeightsUnavailableError
        If Piximi's, or one of the package's, are not on this machine, or damaged; nothing is
        downloaded.
    ModelFileError
        If the user's own is missing, damaged, or no StarDist network for planes.
    FitError
        If it is a graph, and Keras runs on another backend than TensorFlow.
    """
    from napari_piximi.segment import weights
    from napari_piximi.segment.star_registry import HOST, REGISTERED, model_path

    path = model_path(own) if own else None
    if path is not None and not path.exists():
        if own not in REGISTERED:
            raise ModelFileError(f"{path}: there is no such file or folder")
        raise WeightsUnavailableError(
            f"The StarDist model {own} is not on this machine: switch on Download in the settings "
            f"to fetch it from {HOST}, or put its config.json and weights_best.h5 into {path}"
        )
    folder = weights.folder(key) if path is None else path if path.is_dir() else path.parent
    return _loaded(key, path, _stamp(folder))


@lru_cache(maxsize=2)
def _loaded(key: str, path: Path | None, _stamp: tuple[Any, ...]) -> StarNetwork:
    from napari_piximi.segment import weights

    if path is None:
        return network_of(weights.artifact(key), f"the weights of {key}")
    saved = package_folder(path)
    if saved is not None:
        from napari_piximi.segment.star_keras import keras_network

        return keras_network(saved)
    path = path / "model.json" if path.is_dir() else path
    if not path.is_file():
        raise ModelFileError(
            f"{path}: there is no such file; a StarDist folder has model.json and its shards, "
            "or config.json and weights_best.h5"
        )
    return network_of(read_model(path), str(path))


def network_of(artifact: ModelArtifact, source: str) -> StarNetwork:
    """Make a network of a TensorFlow.js graph.

    Parameters
    ----------
    artifact : ModelArtifact
    source : str
        For messages.

    Raises
    ------
    ModelFileError
        If it is no graph, or one that does not put out a probability and rays per pixel.
    FitError
        If Keras runs on another backend than TensorFlow.
    """
    from napari_piximi.learn.graphs import load_graph

    if not is_graph(artifact.document):
        form = artifact.document.get("format", "layers-model")
        raise ModelFileError(f"{source}: is a {form}, such as classifiers are, no StarDist network")
    try:
        channels, rays = _sizes(artifact, source)
        layout = layout_of(artifact)
        graph = load_graph(artifact)
    except ModelFileError as error:
        told = str(error)
        raise ModelFileError(told if source in told else f"{source}: {told}") from error

    def ask(pixels: NDArray[np.float32]) -> Answer:
        try:
            answer = graph([pixels[None]])[0][0]
        except FitError as error:
            raise SegmentError(f"The network of {source} fails: {error}") from error
        return _parted(answer, pixels.shape, layout, rays, source)

    return StarNetwork(channels, rays, layout.grid, layout.multiple, layout.reach, ask)


def _sizes(artifact: ModelArtifact, source: str) -> tuple[int, int]:
    """Return channels in and rays out."""
    starts, ends = graph_inputs(artifact.document), graph_outputs(artifact.document)
    told = f"takes {_shapes(starts)} and puts out {_shapes(ends)}"
    if len(starts) != 1 or len(ends) != 1 or len(starts[0].shape) != 4 or len(ends[0].shape) != 4:
        raise ModelFileError(
            f"{source}: is no StarDist network, which takes one image and puts out one; it {told}"
        )
    channels, outputs = starts[0].shape[3], ends[0].shape[3]
    if not channels or not outputs or outputs < _FEWEST_RAYS + 1 or any(starts[0].shape[1:3]):
        raise ModelFileError(
            f"{source}: is no StarDist network, which takes images of any size and puts out a "
            f"probability and at least {_FEWEST_RAYS} rays per pixel; it {told}"
        )
    return channels, outputs - 1


def _shapes(ends: tuple[Any, ...]) -> str:
    return " and ".join(str(["any" if n is None else n for n in end.shape]) for end in ends)


def _parted(
    answer: NDArray[Any], asked: tuple[int, ...], layout: Layout, rays: int, source: str
) -> Answer:
    sparse = answer[:: layout.sparse[0], :: layout.sparse[1]]
    expected = (asked[0] // layout.grid[0], asked[1] // layout.grid[1], rays + 1)
    if sparse.shape != expected:
        raise ModelFileError(
            f"{source}: is no StarDist network: of {asked} pixels it makes {answer.shape}"
        )
    if not np.isfinite(sparse).all():
        raise ModelFileError(f"{source}: the network puts out values that are no numbers")
    return sparse[..., 0], sparse[..., 1:]


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Tell versions of the files in a folder from each other."""
    try:
        found = [(path.name, path.stat()) for path in sorted(folder.glob("*")) if path.is_file()]
    except OSError:
        return ()
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)
