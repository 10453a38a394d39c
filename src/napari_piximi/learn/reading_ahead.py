"""What is needed next is prepared in a thread, while the last is worked on."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Generic, TypeVar

__all__ = ["PATIENCE", "read_ahead"]

T = TypeVar("T")

PATIENCE = 0.05
"""Seconds to wait before a sign of life is given."""


class _Stopped(Exception):
    """Nobody wants the rest."""


class _Reader(threading.Thread, Generic[T]):
    """Makes values until it is stopped; one lies ready while the next is made."""

    def __init__(self, make: Callable[[Callable[[], None]], Iterable[T]]) -> None:
        super().__init__(name="napari-piximi reading ahead", daemon=True)
        self.ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(1)
        self.stop = threading.Event()
        self._make = make

    def run(self) -> None:
        try:
            for value in self._make(self._tick):
                self._put(value, None)
        except _Stopped:
            return
        except BaseException as error:  # it is the reader's caller who has to hear of it
            self._put(None, error)
        else:
            self._put(None, StopIteration())

    def _tick(self) -> None:
        if self.stop.is_set():
            raise _Stopped

    def _put(self, value: T | None, error: BaseException | None) -> None:
        while not self.stop.is_set():
            try:
                return self.ready.put((value, error), timeout=PATIENCE)
            except queue.Full:
                continue
        return None


def read_ahead(
    make: Callable[[Callable[[], None]], Iterable[T]], waiting: Callable[[], object]
) -> Generator[T, None, None]:
    """Yield values that are made in another thread, at most two of them ahead.

    Parameters
    ----------
    make : callable
        ``make(tick)`` gives the values. It is to call ``tick()`` often, which raises when the
        rest is no longer wanted.
    waiting : callable
        Called every 50 ms while nothing is ready; may raise, which ends it.

    Raises
    ------
    BaseException
        What `make` or `waiting` raises.
    """
    reader = _Reader(make)
    reader.start()
    try:
        while True:
            try:
                value, error = reader.ready.get(timeout=PATIENCE)
            except queue.Empty:
                waiting()
                continue
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield value  # type: ignore[misc]
    finally:
        reader.stop.set()
        reader.join(PATIENCE)
