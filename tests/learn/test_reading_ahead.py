import threading
import time
from collections.abc import Callable, Iterator

import pytest

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.learn.reading_ahead import read_ahead

Tick = Callable[[], None]


def nothing() -> None:
    """Wait without a sign of life."""


def test_values_come_in_order_from_another_thread() -> None:
    threads = set()

    def make(_tick: Tick) -> Iterator[int]:
        for value in range(20):
            threads.add(threading.current_thread())
            yield value

    assert list(read_ahead(make, nothing)) == list(range(20))
    assert threading.current_thread() not in threads
    assert len(threads) == 1


def test_few_values_are_made_ahead() -> None:
    made: list[int] = []

    def make(_tick: Tick) -> Iterator[int]:
        for value in range(20):
            made.append(value)
            yield value

    values = read_ahead(make, nothing)
    assert next(values) == 0
    time.sleep(0.2)
    assert len(made) <= 3  # the first, one that is ready, one that waits for its place
    values.close()


def test_what_goes_wrong_there_is_raised_here() -> None:
    def make(_tick: Tick) -> Iterator[int]:
        yield 1
        raise FitError("damaged")

    values = read_ahead(make, nothing)
    assert next(values) == 1
    with pytest.raises(FitError, match="damaged"):
        next(values)


def test_a_cancel_while_nothing_is_ready_is_obeyed_at_once_and_stops_the_thread() -> None:
    ended = threading.Event()

    def make(tick: Tick) -> Iterator[int]:
        try:
            while True:
                time.sleep(0.005)
                tick()
            yield 0
        finally:
            ended.set()

    def cancel() -> None:
        raise Cancelled

    started = time.perf_counter()
    with pytest.raises(Cancelled):
        next(read_ahead(make, cancel))
    assert time.perf_counter() - started < 0.5
    assert ended.wait(1)


def test_who_stops_early_stops_the_thread() -> None:
    ended = threading.Event()

    def make(_tick: Tick) -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            ended.set()

    values = read_ahead(make, nothing)
    assert next(values) == 0
    values.close()
    assert not any(t.name == "napari-piximi reading ahead" for t in threading.enumerate())
    assert ended.wait(1)
