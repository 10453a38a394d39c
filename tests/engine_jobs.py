"""What the child of an engine is asked to do in tests."""

import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_piximi.engine import Engine
from napari_piximi.errors import Cancelled, FitError, PiximiWarning
from napari_piximi.progress import Progress


class Stubborn(Exception):
    """Cannot be pickled: it takes two arguments, and holds a lock."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"stubborn {one} {two}")
        self.lock = threading.Lock()


class Unreadable:
    """Can be pickled, but not opened again."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, ()


def _refuse() -> None:
    raise ValueError("not to be opened")


def echo(value: object) -> object:
    return value


def size(data: bytes) -> int:
    return len(data)


def pids() -> tuple[int, int]:
    return os.getpid(), os.getppid()


def count(steps: int, pause: float, progress: Progress) -> str:
    """Count slowly; stop when asked to, and tell where."""
    for step in range(steps):
        try:
            progress(step, steps, "counting", step=step)
        except Cancelled:
            return f"stopped at {step}"
        time.sleep(pause)
    return "counted"


def count_strictly(steps: int, progress: Progress) -> None:
    for step in range(steps):
        progress(step, steps)
        time.sleep(0.01)


def hang(
    path: str, progress: Progress | None = None, keep: Callable[[Any], None] | None = None
) -> None:
    """Do not listen any more."""
    if keep is not None:
        keep("first")
        keep("best")
    if progress is not None:
        progress(1, 2, "hanging")
    Path(path).write_text("there", "utf-8")
    time.sleep(60)


def speak() -> str:
    print("hello from python")
    os.write(1, b"hello from C\n")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", "print('hello from a child')"], check=True)
    return sys.stdin.read()


def fall(words: str, code: int) -> None:
    os.write(2, words.encode())
    os._exit(code)


def fail(kind: str) -> None:
    if kind == "ours":
        raise FitError("there is nothing to learn from")
    if kind == "stubborn":
        raise Stubborn(1, 2)
    if kind == "exit":
        sys.exit(3)
    if kind == "memory":
        raise MemoryError
    if kind == "empty":
        raise KeyError
    raise ValueError("of all things\nwith details")


def warn() -> int:
    warnings.warn("a category is empty", PiximiWarning, stacklevel=1)
    warnings.warn("a library grumbles", DeprecationWarning, stacklevel=1)
    return 7


def lock() -> object:
    return threading.Lock()


def unreadable() -> Unreadable:
    return Unreadable()


def be_parent(folder: str) -> None:
    """Be a process of its own that has an engine at work, until it is killed."""
    engine = Engine(environment={"PYTHONPATH": ""})
    engine.start()
    Path(folder, "child").write_text(str(engine.pid), "utf-8")
    engine.call("tests.engine_jobs:hang", str(Path(folder, "busy")))


def leave_engine(path: str) -> None:
    """End with an engine that lives."""
    engine = Engine()
    Path(path).write_text(str(engine.call("os:getpid")), "utf-8")
    globals()["kept"] = engine
