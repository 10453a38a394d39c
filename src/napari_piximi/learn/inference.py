"""Asking a model about things, in blocks of samples that are built as they are needed."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.learn.device import backend
from napari_piximi.learn.sampling import build_samples, reading_order
from napari_piximi.learn.steps import Forward
from napari_piximi.model.project import Project
from napari_piximi.model.things import Thing
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress

__all__ = ["probabilities_of"]

Floats = NDArray[np.float32]

BLOCK_BYTES = 128 * 2**20
"""Bytes of samples that are in memory at a time."""


def probabilities_of(
    model: Any,  # noqa: ANN401
    project: Project,
    things: Sequence[Thing],
    settings: Settings,
    channels: int,
    progress: Progress,
) -> Floats:
    """Return what a model says of things.

    Parameters
    ----------
    model : keras.Model
    project : Project
    things : sequence of N things
    settings : Settings
        How samples are built.
    channels : int
    progress : Progress
        May raise Cancelled, which is passed on.

    Returns
    -------
    (N, classes) float32 array

    Raises
    ------
    FitError
        If a thing does not suit the model, the memory does not suffice for one sample, or
        the model puts out what is no number.
    """
    forward = Forward(model)
    result = np.zeros((len(things), model.output_shape[-1]), dtype=np.float32)
    order = reading_order(things)  # so that few images are read for two blocks
    size = max(1, BLOCK_BYTES // (4 * settings.height * settings.width * channels))
    for start in range(0, len(order), size):
        block = order[start : start + size]

        def tick(done: int, start: int = start) -> None:
            progress(start + done, len(things), "Predicting")

        def reading(*_: object, tick: Callable[[int], None] = tick, **__: object) -> None:
            tick(0)

        chosen = [things[index] for index in block]
        with build_samples(
            project, chosen, settings, channels, backend=backend(), progress=reading
        ) as samples:
            result[block] = forward(samples.values, tick)
    _check_numbers(result, things)
    return result


def _check_numbers(result: Floats, things: Sequence[Thing]) -> None:
    broken = np.flatnonzero(~np.isfinite(result).all(axis=1))
    if broken.size:
        raise FitError(
            f"The model answers NaN for {things[broken[0]].name!r} and {broken.size - 1} more; "
            "its weights are damaged"
        )
