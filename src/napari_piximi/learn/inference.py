"""Asking a model about things; samples are read and built while the model is at work."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.learn.device import backend, on_gpu
from napari_piximi.learn.reading_ahead import PATIENCE, read_ahead
from napari_piximi.learn.sampling import Planes, build_samples, reading_order
from napari_piximi.learn.steps import Forward
from napari_piximi.model.project import Project
from napari_piximi.model.things import Thing
from napari_piximi.model.training import Settings
from napari_piximi.progress import Progress

__all__ = ["check_answers", "probabilities_of", "sample_blocks", "speed_text"]

Floats = NDArray[np.float32]
Block = tuple[list[int], Floats]
"""Indices of things, and what there is for each of them."""

BLOCK_BYTES = 8 * 2**20
"""Bytes of samples that are built in one go."""

AT_A_TIME = 2
"""Blocks that are asked about; one alone does not keep all of a processor busy."""

BLOCKS = AT_A_TIME + 2
"""In memory at a time: those that are asked about, one that lies ready, one being built."""


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

    def tick() -> None:
        speed = speed_text(done, len(things), time.monotonic() - started)
        progress(done, len(things), f"Predicting{speed}")

    blocks = sample_blocks(project, things, settings, channels, forward.batch, tick)
    for block, answers in _asked(forward, blocks, tick):
        result[block] = answers
        done += len(block)
        tick()
    check_answers(result, things)
    return result


def _asked(forward: Forward, blocks: Iterator[Block], tick: Callable[[], None]) -> Iterator[Block]:
    """Yield blocks with what the model says; of two at a time the processor is busier.

    Not on a graphics card, whose memory may only suffice for one, and not with other backends
    than TensorFlow, which are not made to be asked from two threads.
    """
    stop = threading.Event()

    def ask(block: list[int], values: Floats) -> Block:
        return block, forward(values, check)

    def check(done: int) -> None:
        if stop.is_set():
            raise Cancelled

    at_a_time = AT_A_TIME if backend() == "tensorflow" and not on_gpu() else 1
    waiting: deque[Future[Block]] = deque()
    with ThreadPoolExecutor(at_a_time, "napari-piximi asking") as pool:
        try:
            for block, values in blocks:
                waiting.append(pool.submit(ask, block, values))
                if len(waiting) == at_a_time:
                    yield _answer(waiting.popleft(), tick)
            while waiting:
                yield _answer(waiting.popleft(), tick)
        finally:
            stop.set()


def _answer(future: "Future[Block]", tick: Callable[[], None]) -> Block:
    while True:
        with contextlib.suppress(TimeoutError):
            return future.result(PATIENCE)
        tick()


def sample_blocks(
    project: Project,
    things: Sequence[Thing],
    settings: Settings,
    channels: int,
    batch: int,
    waiting: Callable[[], object],
) -> Iterator[Block]:
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
        which are others once :data:`AT_A_TIME` more blocks have been asked for.

    Raises
    ------
    FitError
        If a thing does not suit.
    """
    order = reading_order(things)  # so that each image is read for one block, or a few
    sample = 4 * settings.height * settings.width * channels
    size = batch * max(1, BLOCK_BYTES // (sample * batch))

    def make(tick: Callable[[], None]) -> Iterator[Block]:
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
