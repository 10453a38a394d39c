"""A U-Net asked about planes of any size: probabilities, and the objects in them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError, SegmentError
from napari_piximi.io.disk import PlanePixels
from napari_piximi.learn._keras import keras
from napari_piximi.learn.device import backend
from napari_piximi.learn.serialization import to_keras
from napari_piximi.learn.steps import is_out_of_memory
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.training import GRAPH_FORMAT
from napari_piximi.progress import Progress, silent
from napari_piximi.segment.tiles import tiles
from napari_piximi.segment.unet_targets import CLASSES

__all__ = ["Asker", "asker_of", "checked_model", "compiled", "mapped"]

Floats = NDArray[np.float32]
Ask = Callable[[Floats], Floats]
"""(N, Y, X, C), Y and X whole multiples, to (N, Y, X, 3) probabilities."""

TILE = 512
"""Side of what is computed in one go, without its rim."""


@dataclass(frozen=True, slots=True, eq=False)
class Asker:
    """A network that is ready to answer.

    Attributes
    ----------
    ask : callable
    channels : int
    multiple : int
        Height and width that it takes are multiples of this.
    reach : int
        So many pixels away, nothing changes what it says of a pixel.
    """

    ask: Ask
    channels: int
    multiple: int
    reach: int


def asker_of(network: SegmentationNetwork) -> Asker:
    """Build a network's model, or take the one that was built last, if it is the same.

    Raises
    ------
    SegmentError
        If it has no model, or one of another sort.
    ModelFileError
        If its model is damaged.
    """
    if network.model is None:
        raise SegmentError(f"The files of {network.name!r} are missing; fit it again")
    topology = json.dumps(network.model.document.get("modelTopology"), sort_keys=True)
    digest = blake2b(network.model.weights + topology.encode()).digest()
    if digest not in _built:
        _built.clear()
        _built[digest] = _asker(checked_model(network))
    return _built[digest]


_built: dict[bytes, Asker] = {}


def checked_model(network: SegmentationNetwork) -> keras.Model:
    """Build the Keras model of a network.

    Raises
    ------
    SegmentError
        If it does not go from pixels to three classes of each.
    ModelFileError
        If it is damaged.
    """
    assert network.model is not None
    what = f"The model of {network.name!r}"
    if network.model.document.get("format") == GRAPH_FORMAT:
        raise SegmentError(f"{what} is a graph model, not a U-Net of napari-piximi")
    model = to_keras(network.model)
    taken, given = model.input_shape, model.output_shape
    fits = isinstance(taken, tuple) and isinstance(given, tuple) and len(taken) == len(given) == 4
    if not fits or taken[1:3] != (None, None) or given[1:] != (None, None, len(CLASSES)):
        raise SegmentError(
            f"{what} goes from {taken} to {given}; a U-Net goes from images of any size to "
            f"{len(CLASSES)} probabilities for each pixel"
        )
    if taken[3] != len(network.channels):
        raise SegmentError(
            f"{what} takes {taken[3]} channels, but {len(network.channels)} are chosen for it"
        )
    return model


def compiled(model: keras.Model) -> Ask:
    """Return what asks a model, also while its weights change."""
    if backend() == "tensorflow":
        from napari_piximi.learn.steps_tensorflow import compiled_forward

        return compiled_forward(model)
    return lambda pixels: np.asarray(model.predict_on_batch(pixels))


def mapped(
    asker: Asker,
    plane: PlanePixels,
    prepare: Callable[[NDArray[Any]], Floats],
    progress: Progress = silent,
) -> Floats:
    """Ask about a plane, tile by tile; the tiles do not show in the answer.

    Parameters
    ----------
    asker : Asker
    plane : (Y, X, C) array
    prepare : callable
        Makes what the network takes of a part of the plane.
    progress : Progress
        May raise Cancelled.

    Returns
    -------
    (Y, X, 3) float32 array
        Of :data:`~napari_piximi.segment.unet_targets.CLASSES`.

    Raises
    ------
    FitError
        If the device's memory does not suffice.
    SegmentError
        If the network gives no numbers.
    """
    height, width = plane.shape[:2]
    result = np.empty((height, width, len(CLASSES)), np.float32)
    listed = list(tiles((height, width), TILE, asker.reach, asker.multiple))
    for number, tile in enumerate(listed):
        progress(number, len(listed))
        answer = _answer(asker, prepare(np.asarray(plane[tile.reading])))
        result[tile.keeping] = answer[tile.kept]
    if not np.isfinite(result).all():
        raise SegmentError("The network gives no numbers (NaN); it is damaged: fit it again")
    return result


def _answer(asker: Asker, pixels: Floats) -> Floats:
    missing = tuple((0, -length % asker.multiple) for length in pixels.shape[:2])
    padded = np.pad(pixels, (*missing, (0, 0)), mode="symmetric")
    try:
        return np.asarray(asker.ask(padded[np.newaxis])[0])
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise FitError(
            f"The memory of the device does not suffice for {padded.shape[0]} × "
            f"{padded.shape[1]} pixels; fit a network with fewer filters"
        ) from error


def _asker(model: keras.Model) -> Asker:
    halvings = sum(isinstance(layer, keras.layers.MaxPooling2D) for layer in model.layers)
    # Two convolutions of 3 × 3 on each level, down and up, and what halving and doubling add.
    return Asker(compiled(model), model.input_shape[3], 2**halvings, 8 * 2**halvings)
