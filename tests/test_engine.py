"""The engine: what it runs, and what becomes of a call whose process dies, hangs or is closed."""

import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_piximi import engine as engine_package
from napari_piximi.engine import Engine
from napari_piximi.engine import child as child_module
from napari_piximi.errors import Cancelled, EngineError, FitError, PiximiWarning

JOBS = "tests.engine_jobs:"
ROOT = Path(__file__).resolve().parents[1]
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


class Call(threading.Thread):
    """A call in a thread of its own."""

    def __init__(self, engine: Engine, function: str, *args: object, **options: Any) -> None:  # noqa: ANN401
        super().__init__(daemon=True)
        self.result: Any = None
        self.error: BaseException | None = None
        self._work = partial(engine.call, f"{JOBS}{function}", *args, **options)
        self.start()

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:
            self.error = error

    def failed(self, seconds: float = 5) -> BaseException:
        self.join(seconds)
        assert not self.is_alive(), "the call still waits"
        assert self.error is not None, f"it returned {self.result!r}"
        return self.error


class Stop:
    """A progress callback that cancels when it is told to, and remembers what it heard."""

    def __init__(self) -> None:
        self.now = threading.Event()
        self.heard: list[tuple[int, int, str, dict[str, Any]]] = []

    def __call__(self, done: int, total: int, message: str = "", **values: object) -> None:
        if self.now.is_set():
            raise Cancelled("stop")
        self.heard.append((done, total, message, values))


def wait_for(condition: Callable[[], object], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill(engine: Engine) -> int:
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


# --- calls -----------------------------------------------------------------------------------


def test_a_function_runs_in_one_warm_child(engine: Engine) -> None:
    assert engine.pid is None
    first, second = engine.call(f"{JOBS}pids"), engine.call(f"{JOBS}pids")
    assert first == second == (engine.pid, os.getpid())
    assert not engine.busy


@pytest.mark.parametrize("value", [None, "ä", b"\0" * (3 << 20), {"a": (1, 2.5)}, "x" * 100_000])
def test_values_cross_unharmed(engine: Engine, value: object) -> None:
    assert engine.call(f"{JOBS}echo", value) == value


def test_figures_are_reported_in_order_and_thinned_out(engine: Engine) -> None:
    stop = Stop()
    assert engine.call(f"{JOBS}count", 30, 0.01, progress=stop) == "counted"
    steps = [heard[3]["step"] for heard in stop.heard if "step" in heard[3]]
    assert steps == sorted(set(steps))
    assert 3 <= len(steps) <= 20
    assert all(total == 30 for _, total, message, _ in stop.heard if message == "counting")


def test_what_functions_print_disturbs_nothing(
    engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    assert engine.call(f"{JOBS}speak") == ""
    assert engine.call(f"{JOBS}echo", 1) == 1
    assert capfd.readouterr() == ("", "")


def test_warnings_of_ours_are_told_and_others_are_not(engine: Engine) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert engine.call(f"{JOBS}warn") == 7
    assert [(item.category, str(item.message)) for item in caught] == [
        (PiximiWarning, "a category is empty")
    ]


def test_calls_of_two_threads_take_turns(engine: Engine) -> None:
    engine.call("os:getpid")  # it is ready
    first = Call(engine, "count", 20, 0.02, progress=Stop())
    wait_for(lambda: engine.busy)
    stop = Stop()
    second = Call(engine, "count", 2, 0.0, progress=stop)
    second.join(5)
    first.join(5)
    assert first.result == second.result == "counted"
    assert stop.heard[0] == (0, 0, "Waiting for other work to end", {})


def test_who_waits_for_a_start_is_told_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "PATIENT", 0)
    with closing(Engine(("tests.slow_module",))) as engine:
        first, second = Stop(), Stop()
        calls = [Call(engine, "count", 1, 0.0, progress=stop) for stop in (first, second)]
        for call in calls:
            call.join(30)
    for stop in (first, second):
        said = [text for _, _, text, _ in stop.heard]
        assert any(re.fullmatch("Starting the engine, [0-9]+ s", text) for text in said), said
    assert not any("other work" in text for _, _, text, _ in first.heard)


def test_the_environment_of_the_child_can_be_changed(engine: Engine) -> None:
    engine.environment["PIXIMI_TEST"] = "one"
    assert engine.call("os:getenv", "PIXIMI_TEST") == "one"
    before = engine.pid
    engine.environment["PIXIMI_TEST"] = "two"
    assert engine.call("os:getenv", "PIXIMI_TEST") == "two"
    assert engine.pid != before


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error", "text"),
    [
        ("ours", FitError, "there is nothing to learn from"),
        ("stubborn", EngineError, "Stubborn: stubborn 1 2"),
        ("exit", EngineError, "SystemExit: 3"),
        ("memory", MemoryError, ""),
        ("empty", EngineError, "KeyError:"),
        ("other", EngineError, "ValueError: of all things"),
    ],
)
def test_errors_arrive_and_the_child_lives_on(
    engine: Engine, kind: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        engine.call(f"{JOBS}fail", kind)
    assert type(caught.value) is error
    assert str(caught.value).strip() == text
    if isinstance(caught.value, EngineError):
        assert "in fail" in caught.value.details
    pid = engine.pid
    assert engine.call(f"{JOBS}pids")[0] == pid


@pytest.mark.parametrize(
    ("function", "args", "text"),
    [
        ("lock", (), "The result, of type lock, cannot be sent"),
        ("unreadable", (), "What tests.engine_jobs:unreadable returned cannot be read: not to be"),
        ("echo", (threading.Lock(),), "What tests.engine_jobs:echo needs cannot be sent"),
        ("nothing", (), "AttributeError: module 'tests.engine_jobs' has no attribute 'nothing'"),
    ],
)
def test_what_cannot_cross_is_one_clear_error(
    engine: Engine, function: str, args: tuple[Any, ...], text: str
) -> None:
    engine.call(f"{JOBS}echo", 1)
    pid = engine.pid
    with pytest.raises(EngineError) as caught:
        engine.call(f"{JOBS}{function}", *args)
    assert str(caught.value).startswith(text)
    assert engine.call(f"{JOBS}echo", 1) == 1
    assert engine.pid == pid


def test_arguments_that_cannot_be_read_there_do_not_end_the_child(engine: Engine) -> None:
    engine.call(f"{JOBS}echo", 1)
    pid = engine.pid
    from tests.engine_jobs import Unreadable

    with pytest.raises(EngineError, match="The arguments cannot be read: not to be opened"):
        engine.call(f"{JOBS}echo", Unreadable())
    assert engine.call(f"{JOBS}echo", 1) == 1
    assert engine.pid == pid


def test_a_module_that_is_missing_is_said_with_its_remedy() -> None:
    engine = Engine(["tests.broken_module"], remedy="Install it with `pip install it`")
    for _ in range(2):
        with pytest.raises(EngineError) as caught:
            engine.call(f"{JOBS}pids")
        assert str(caught.value) == (
            "The process that computes cannot start: ModuleNotFoundError: No module named "
            "'a_library_that_nobody_has'. Install it with `pip install it`"
        )
        assert "broken_module.py" in caught.value.details
        assert engine.pid is None
    engine.close()


def test_a_module_that_kills_is_said_with_its_words_and_remedy() -> None:
    engine = Engine(["tests.falling_module"], remedy="Install another one")
    with pytest.raises(EngineError) as caught:
        engine.call(f"{JOBS}pids")
    assert "has gone while it was starting: it ended with code 134: The library" in str(
        caught.value
    )
    assert str(caught.value).endswith("Install another one")
    engine.close()


def test_no_process_can_be_started(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(EngineError, match="No process can be started to compute in"):
        engine.call(f"{JOBS}pids")
    monkeypatch.undo()
    assert engine.call(f"{JOBS}echo", 1) == 1


# --- death -----------------------------------------------------------------------------------


@posix
def test_killed_while_idle_it_starts_again(engine: Engine) -> None:
    engine.call(f"{JOBS}pids")
    before = kill(engine)
    after, rested = Stop(), Stop()
    assert engine.call(f"{JOBS}count", 1, 0.0, progress=after) == "counted"
    assert engine.pid not in (None, before)
    assert "Starting the engine again: it had gone" in {text for _, _, text, _ in after.heard}
    engine.rest()
    engine.call(f"{JOBS}count", 1, 0.0, progress=rested)
    said = {text for _, _, text, _ in rested.heard}
    assert "Starting the engine" in said
    assert not any("again" in text for text in said), "that it rested is no news"


@posix
def test_killed_at_work_it_says_so_and_hands_over_what_was_kept(
    engine: Engine, tmp_path: Path
) -> None:
    call = Call(engine, "hang", str(tmp_path / "busy"), progress=Stop(), keeps=True)
    wait_for((tmp_path / "busy").exists)
    start = time.monotonic()
    kill(engine)
    error = call.failed()
    assert time.monotonic() - start < 0.5
    assert isinstance(error, EngineError)
    assert error.kept == "best"
    assert str(error) == (
        "The process that computes has gone: it was killed, as systems do when memory runs out. "
        "The project is as it was; the next job starts a new one"
    )
    assert engine.call(f"{JOBS}echo", 5) == 5


@posix
def test_killed_while_it_starts(tmp_path: Path) -> None:
    engine = Engine(["tests.slow_module"])
    call = Call(engine, "pids")
    wait_for(lambda: engine.pid is not None)
    time.sleep(0.1)
    kill(engine)
    assert "has gone while it was starting: it was killed" in str(call.failed())
    assert engine.call(f"{JOBS}echo", 1) == 1
    engine.close()


@posix
def test_killed_while_arguments_are_sent(engine: Engine) -> None:
    engine.call(f"{JOBS}echo", 1)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGSTOP)  # so that the pipe fills up
    call = Call(engine, "size", b"\1" * (8 << 20))
    time.sleep(0.2)
    assert call.is_alive()
    before = kill(engine)
    call.join(5)
    assert call.result == 8 << 20, "it had not begun, and so it may begin again"
    assert engine.pid != before


def test_its_last_words_are_quoted(engine: Engine) -> None:
    with pytest.raises(EngineError) as caught:
        engine.call(f"{JOBS}fall", "once\nupon\n\n", 5)
    assert "it ended with code 5: upon." in str(caught.value)
    assert caught.value.details == "once\nupon\n\n"


def test_words_of_an_earlier_call_are_not_its_last(engine: Engine) -> None:
    engine.call(f"{JOBS}speak")
    with pytest.raises(EngineError, match=r"it ended with code 6\. The project"):
        engine.call(f"{JOBS}fall", "", 6)


# --- cancel ----------------------------------------------------------------------------------


def test_a_cancel_reaches_the_function_at_once(engine: Engine) -> None:
    engine.call(f"{JOBS}echo", 1)
    stop = Stop()
    call = Call(engine, "count", 2000, 0.01, progress=stop)
    wait_for(lambda: any("step" in heard[3] for heard in stop.heard))
    start = time.monotonic()
    stop.now.set()
    call.join(5)
    assert time.monotonic() - start < 0.5
    assert call.result.startswith("stopped at")
    assert engine.call(f"{JOBS}count", 2, 0.0, progress=Stop()) == "counted", "only that call"


def test_a_function_that_ends_with_cancelled_is_cancelled(engine: Engine) -> None:
    stop = Stop()
    call = Call(engine, "count_strictly", 1000, progress=stop)
    wait_for(lambda: any(heard[1] == 1000 for heard in stop.heard))
    stop.now.set()
    assert type(call.failed()) is Cancelled


def test_cancelled_while_it_waits_for_its_turn(engine: Engine, tmp_path: Path) -> None:
    Call(engine, "hang", str(tmp_path / "busy"))
    wait_for((tmp_path / "busy").exists)
    stop = Stop()
    call = Call(engine, "count", 1, 0.0, progress=stop)
    wait_for(lambda: stop.heard)
    stop.now.set()
    assert type(call.failed(0.5)) is Cancelled


def test_cancelled_while_it_starts_the_engine_goes_on_starting() -> None:
    engine = Engine(["tests.slow_module"])
    stop = Stop()
    call = Call(engine, "count", 1, 0.0, progress=stop)
    wait_for(lambda: any(heard[2] == "Starting the engine" for heard in stop.heard))
    stop.now.set()
    assert type(call.failed(0.5)) is Cancelled
    pid = engine.pid
    assert engine.call(f"{JOBS}pids")[0] == pid
    engine.close()


@pytest.mark.parametrize("keeps", [False, True])
def test_a_function_that_does_not_stop_is_ended(tmp_path: Path, keeps: bool) -> None:
    engine = Engine(grace=0.3)
    stop = Stop()
    call = Call(engine, "hang", str(tmp_path / "busy"), progress=stop, keeps=keeps)
    wait_for((tmp_path / "busy").exists)
    stop.now.set()
    error = call.failed(2)
    if keeps:
        assert isinstance(error, EngineError)
        assert error.kept == "best"
        assert str(error) == "The process that computes did not stop within 0.3 s and was ended"
    else:
        assert type(error) is Cancelled
    assert engine.call(f"{JOBS}echo", 1) == 1
    engine.close()


def test_a_progress_that_fails_ends_the_child(engine: Engine) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("ours")

    engine.call(f"{JOBS}echo", 1)
    with pytest.raises(RuntimeError, match="ours"):
        engine.call(f"{JOBS}count", 100, 0.01, progress=fail)
    assert engine.call(f"{JOBS}echo", 1) == 1


# --- close, rest, exit -----------------------------------------------------------------------


def test_closed_at_work_the_call_gets_one_clear_error(engine: Engine, tmp_path: Path) -> None:
    call = Call(engine, "hang", str(tmp_path / "busy"), keeps=True)
    wait_for((tmp_path / "busy").exists)
    start = time.monotonic()
    engine.close()
    assert time.monotonic() - start < 1
    error = call.failed()
    assert isinstance(error, EngineError)
    assert str(error) == "The process that computes was closed before it had finished"
    assert error.kept == "best"
    with pytest.raises(EngineError, match="was closed"):
        engine.call(f"{JOBS}echo", 1)
    with pytest.raises(EngineError, match="was closed"):
        engine.start()
    assert engine.pid is None


def test_closed_after_a_cancel_the_call_is_cancelled(engine: Engine, tmp_path: Path) -> None:
    stop = Stop()
    call = Call(engine, "hang", str(tmp_path / "busy"), progress=stop)
    wait_for((tmp_path / "busy").exists)
    stop.now.set()
    engine.close()
    assert type(call.failed()) is Cancelled


def test_closed_while_arguments_are_sent(engine: Engine) -> None:
    engine.call(f"{JOBS}echo", 1)
    assert engine.pid is not None
    if sys.platform != "win32":
        os.kill(engine.pid, signal.SIGSTOP)
    call = Call(engine, "size", b"\1" * (8 << 20))
    time.sleep(0.1)
    engine.close()
    call.join(5)
    assert isinstance(call.error, EngineError) or call.result == 8 << 20


def test_it_rests_only_when_nothing_runs(engine: Engine, tmp_path: Path) -> None:
    call = Call(engine, "hang", str(tmp_path / "busy"))
    wait_for((tmp_path / "busy").exists)
    assert not engine.rest()
    assert call.is_alive()
    engine.close()

    other = Engine()
    other.call(f"{JOBS}echo", 1)
    assert other.rest()
    assert other.pid is None
    assert other.call(f"{JOBS}echo", 1) == 1
    other.close()


def test_an_engine_that_nobody_has_any_more_ends_its_child() -> None:
    engine = Engine()
    engine.call(f"{JOBS}echo", 1)
    pid = engine.pid
    assert pid is not None
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        del engine
        gc.collect()
    wait_for(lambda: not is_alive(pid))


def run_parent(code: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_an_interpreter_ends_in_silence_and_takes_its_engine_with_it(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    parent = run_parent(f"from tests.engine_jobs import *; leave_engine({str(path)!r})")
    assert parent.communicate(timeout=20) == ("", "")
    assert parent.returncode == 0
    wait_for(lambda: not is_alive(int(path.read_text("utf-8"))))


@posix
def test_a_parent_that_is_killed_leaves_no_orphan(tmp_path: Path) -> None:
    parent = run_parent(f"from tests.engine_jobs import *; be_parent({str(tmp_path)!r})")
    wait_for((tmp_path / "busy").exists, 20)
    child = int((tmp_path / "child").read_text("utf-8"))
    assert is_alive(child)
    parent.kill()
    parent.communicate()
    wait_for(lambda: not is_alive(child), 2)


@posix
def test_a_parent_that_is_killed_while_the_engine_starts_leaves_no_orphan(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from napari_piximi.engine import Engine
from napari_piximi.engine import child as child_module
engine = Engine(["tests.slow_module"])
engine.start()
Path({str(tmp_path / "child")!r}).write_text(str(engine.pid))
time.sleep(60)
"""
    parent = run_parent(code)
    wait_for(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text("utf-8"), 20)
    child = int((tmp_path / "child").read_text("utf-8"))
    parent.kill()
    parent.communicate()
    wait_for(lambda: not is_alive(child), 1)


def test_other_threads_live_while_much_is_sent(engine: Engine) -> None:
    """What is sent are many small things, as a project is; nothing waits for all of them."""
    things = [(f"thing {i}", i, (i, i + 1)) for i in range(300_000)]
    engine.call(f"{JOBS}echo", 1)
    call = Call(engine, "echo", things)
    worst = 0.0
    while call.is_alive():
        start = time.perf_counter()
        time.sleep(0.001)
        worst = max(worst, time.perf_counter() - start)
    assert call.result == things
    assert worst < 0.5, "the interpreter stood still"


def test_the_face_of_the_package() -> None:
    assert sorted(engine_package.__all__) == ["Engine", "serve"]


@pytest.mark.parametrize("size", [10, 1 << 10, 1 << 16, 3 << 18, 3 << 20])
def test_arrays_of_every_size_cross(engine: Engine, size: int) -> None:
    """Pickle hands large arrays over as they are, not as bytes."""
    array = np.arange(size, dtype=np.uint8)
    there = engine.call("numpy:add", array, 1)
    assert np.array_equal(there, array + np.uint8(1))
