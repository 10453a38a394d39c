"""Published networks, or a user's own in their place: loaded once, asked many times."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_piximi.errors import FitError, ModelFileError, SegmentError
from napari_piximi.io.tfjs import is_graph, read_model
from napari_piximi.learn.remembered import DOCUMENT
from napari_piximi.model.training import ModelArtifact
from napari_piximi.segment import weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_piximi.learn.graphs import Graph

__all__ = ["answers", "input_size", "pretrained_graph"]

KEPT = 2
"""Networks that stay in memory."""
LARGEST = 4096
Stamp = tuple[tuple[str, int, int], ...]


def pretrained_graph(key: str, own: str = "") -> "Graph":
    """Load a network, or return it where it was loaded before and its files have not changed.

    Parameters
    ----------
    key : str
        Of :data:`napari_piximi.segment.weights.CATALOGUE`.
    own : str
        Path of another TensorFlow.js graph model: its JSON file, or the folder with its
        ``model.json``. Empty for the published one, which must be on this machine.

    Raises
    ------
    WeightsUnavailableError
        If the published one is not here, or damaged; nothing is downloaded.
    ModelFileError
        If the user's own is no graph model, damaged, or holds what we do not run.
    FitError
        If Keras runs on another backend than TensorFlow.
    """
    path = _document(own) if own else None
    folder = path.parent if path else weights.folder(key)
    return _loaded(key, path, _stamp(folder))


def input_size(graph: "Graph", channels: int, usual: int, refusal: str) -> tuple[int, int]:
    """Return rows and columns of what a network takes.

    Parameters
    ----------
    graph : Graph
    channels : int
        That it must take.
    usual : int
        Edge for one that takes any size.
    refusal : str
        What to say of one that takes something else; what it takes follows.

    Raises
    ------
    ModelFileError
        If it takes something else than one image of so many channels.
    """
    shapes = [start.shape for start in graph.inputs]
    shape = shapes[0] or (None, None, None, None)
    if len(shapes) != 1 or len(shape) != 4 or shape[3] not in (channels, None):
        told = " and ".join(str(list(shape)) for shape in shapes)
        raise ModelFileError(f"{refusal}; it takes {told}, where None is any length")
    rows, columns = shape[1] or usual, shape[2] or usual
    if not (0 < rows <= LARGEST and 0 < columns <= LARGEST):
        raise ModelFileError(f"{refusal}; it takes {rows} × {columns} pixels")
    return rows, columns


def answers(graph: "Graph", sample: "NDArray[Any]", name: str) -> "list[NDArray[Any]]":
    """Ask a network about one image.

    Parameters
    ----------
    graph : Graph
    sample : (rows, columns, C) array
    name : str
        Of the image, for messages.

    Raises
    ------
    SegmentError
        If it fails, for lack of memory for instance.
    """
    try:
        return graph([sample[None]])
    except FitError as error:
        raise SegmentError(f"{name!r} cannot be segmented: {error}") from error


@lru_cache(maxsize=KEPT)
def _loaded(key: str, path: Path | None, _stamp: Stamp) -> "Graph":
    from napari_piximi.learn.graphs import load_graph

    artifact = _own(path, weights.CATALOGUE[key]) if path else weights.artifact(key)
    try:
        return load_graph(artifact)
    except ModelFileError as error:
        raise ModelFileError(f"{path or weights.folder(key)}: {error}") from error


def _own(path: Path, source: weights.WeightsSource) -> ModelArtifact:
    artifact = read_model(path, begins=source.begins)
    if not is_graph(artifact.document):
        raise ModelFileError(
            f"{path}: is a {artifact.document.get('format', 'layers-model')}, such as classifiers "
            f"are saved in; {source.title} needs a TensorFlow.js graph model"
        )
    return artifact


def _document(own: str) -> Path:
    path = Path(own).expanduser()
    return path / DOCUMENT if path.is_dir() else path


def _stamp(folder: Path) -> Stamp:
    """Tell versions of the files in a folder from each other."""
    try:
        found = [(path.name, path.stat()) for path in sorted(folder.glob("*")) if path.is_file()]
    except OSError:
        return ()
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)
