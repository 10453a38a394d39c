"""Asking a model about things; samples are read and built while the model is at work."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import FitError
from napari_piximi.learn.device import backend
from napari_piximi.learn.reading_ahead import read_ahead
from napari_piximi.learn.sampling import Planes, build_samples, reading_order
from napari_piximi.learn.steps import Forward
from napari_piximi.model.project import Project
from napari_piximi.model.things import Thing
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress

__all__ = ["check_answers", "probabilities_of", "sample_blocks", "speed_text"]

Floats = NDArray[np.float32]

BLOCK_BYTES = 8 * 2**20
"""Bytes of samples that are built in one go."""

BLOCKS = 3
"""In memory at a time: one is asked about, one lies ready, one is being built."""


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
        The same numbers, however many blocks it takes: a block holds whole batches.

    Raises
    ------
    FitError
        If a thing does not suit the model, the memory does not suffice for one sample, or
        the model puts out what is no number.
    """
    forward = Forward(model)
    result = np.zeros((len(things), model.output_shape[-1]), dtype=np.float32)
    started, done = time.monotonic(), 0

    def tick(more: int = 0) -> None:
        seconds = time.monotonic() - started
        speed = speed_text(done + more, len(things), seconds)
        progress(done + more, len(things), f"Predicting{speed}")

    blocks = sample_blocks(project, things, settings, channels, forward.batch, tick)
    for block, values in blocks:
        result[block] = forward(values, tick)
        done += len(block)
    check_answers(result, things)
    return result


def sample_blocks(
    project: Project,
    things: Sequence[Thing],
    settings: Settings,
    channels: int,
    batch: int,
    waiting: Callable[[], object],
) -> Iterator[tuple[list[int], Floats]]:
    """Yield blocks of samples; the next one is built in a thread meanwhile.

    Parameters
    ----------
    project : Project
    things : sequence of Thing
    settings : Settings
        How samples are built.
    channels : int
    batch : int
        All blocks but the last hold whole batches of so many samples.
    waiting : callable
        Called every 50 ms while the next block is not ready; may raise.

    Yields
    ------
    (indices, samples)
        Indices of things, each in one block only, and their (N, Y, X, C) float32 samples,
        which are others once the next block is asked for.

    Raises
    ------
    FitError
        If a thing does not suit.
    """
    order = reading_order(things)  # so that each image is read for one block, or a few
    sample = 4 * settings.height * settings.width * channels
    size = batch * max(1, BLOCK_BYTES // (sample * batch))

    def make(tick: Callable[[], None]) -> Iterator[tuple[list[int], Floats]]:
        def reading(*_: object, **__: object) -> None:
            tick()

        planes = Planes(project)
        shape = (min(size, len(order)), settings.height, settings.width, channels)
        ring = [np.empty(shape, np.float32) for _ in range(BLOCKS)]
        for number, start in enumerate(range(0, len(order), size)):
            block = order[start : start + size]
            chosen = [things[index] for index in block]
            with build_samples(
                project,
                chosen,
                settings,
                channels,
                backend=backend(),
                planes=planes,
                into=ring[number % BLOCKS][: len(block)],
                progress=reading,
            ) as samples:
                yield block, samples.values

    return read_ahead(make, waiting)


def speed_text(done: int, total: int, seconds: float) -> str:
    """Return ``": 12,300 things/s, 5 s left"``; nothing before it can be told."""
    if not done or seconds < 0.5:
        return ""
    rate = done / seconds
    left = (total - done) / rate
    wait = f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"
    shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
    return f": {shown} things/s, {wait} left"


def check_answers(result: Floats, things: Sequence[Thing]) -> None:
    """Refuse answers (N, classes) of a model that are no numbers.

    Raises
    ------
    FitError
        If there are some.
    """
    broken = np.flatnonzero(~np.isfinite(result).all(axis=1))
    if broken.size:
        raise FitError(
            f"The model answers NaN for {things[broken[0]].name!r} and {broken.size - 1} more; "
            "its weights are damaged"
        )
