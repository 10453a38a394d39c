"""Blocks of samples are asked about while the next ones are made."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.learn import inference
from napari_piximi.learn.inference import AT_A_TIME, BLOCKS, Block

pytestmark = pytest.mark.keras

Tick = Callable[[int], None]


class Slow:
    """Stands in for a model: takes a while, and knows how many asked at the same time."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.busy, self.most = seconds, 0, 0
        self.threads: set[int] = set()
        self._lock = threading.Lock()

    def __call__(self, samples: inference.Floats, tick: Tick) -> inference.Floats:
        with self._lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
            self.threads.add(threading.get_ident())
        try:
            for step in range(10):
                time.sleep(self.seconds / 10)
                tick(step)
            return samples * 2
        finally:
            with self._lock:
                self.busy -= 1


def blocks(count: int) -> Iterator[Block]:
    for number in range(count):
        yield [number], np.full((1, 1), number, np.float32)


def asked(model: Slow, some: Iterator[Block], tick: Callable[[], None]) -> dict[int, float]:
    pairs = inference._asked(model, some, tick)  # type: ignore[arg-type]
    return {indices[0]: float(values[0, 0]) for indices, values in pairs}


@pytest.mark.parametrize(
    ("backend", "gpu"), [("tensorflow", False), ("tensorflow", True), ("jax", False)]
)
def test_two_blocks_at_a_time_where_that_is_safe(
    backend: str, gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "backend", lambda: backend)
    monkeypatch.setattr(inference, "on_gpu", lambda: gpu)
    model = Slow(0.02)
    assert asked(model, blocks(9), lambda: None) == {n: 2.0 * n for n in range(9)}
    assert model.most == (AT_A_TIME if backend == "tensorflow" and not gpu else 1)
    assert threading.get_ident() not in model.threads


def test_there_is_room_for_all_blocks_that_are_in_use() -> None:
    """Two are asked about, one lies ready and one is being made."""
    assert BLOCKS >= AT_A_TIME + 2


def test_a_stop_ends_what_is_under_way_at_its_next_batch() -> None:
    model, begun = Slow(2.0), time.monotonic()

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        asked(model, blocks(9), stop)
    assert time.monotonic() - begun < 1
    assert not model.busy


def test_what_goes_wrong_in_reading_is_raised_and_leaves_nothing_running() -> None:
    def broken() -> Iterator[Block]:
        yield from blocks(1)
        raise FitError("damaged")

    model = Slow(1.0)
    with pytest.raises(FitError, match="damaged"):
        asked(model, broken(), lambda: None)
    assert not model.busy


def test_what_goes_wrong_in_the_model_is_raised() -> None:
    class Broken(Slow):
        def __call__(self, samples: inference.Floats, tick: Tick) -> inference.Floats:
            raise FitError("no memory")

    with pytest.raises(FitError, match="no memory"):
        asked(Broken(0), blocks(3), lambda: None)
