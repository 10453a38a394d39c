import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.command import Command
from tests.cli.test_segmenting import BLOBS, objects
from tests.segment.stand_in import install, project_of

from napari_piximi.cli.stopping import Stoppable, stoppable
from napari_piximi.errors import Cancelled
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.samples import coins_project, digits_project
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.progress import silent

ROOT = Path(__file__).parents[2]
STOPPING = "napari-piximi: stopping; Ctrl+C again leaves at once, and saves nothing\n"
UNSAVED = "napari-piximi: stopped before it was done; its result is not saved\n"


class Interrupted:
    """A command that is interrupted while it tells of its progress."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def press(self, when: Callable[[str], bool]) -> None:
        """Press Ctrl+C when a line of progress says so."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("@ ") and when(line):
                self._process.send_signal(signal.SIGINT)
                return
        raise AssertionError(f"it never came so far: {self._process.communicate()}")

    def press_again(self) -> None:
        """Press Ctrl+C when it has said that it is stopping."""
        assert self._process.stderr is not None
        assert self._process.stderr.readline() == STOPPING
        self._process.send_signal(signal.SIGINT)

    def ended(self) -> tuple[str, str]:
        """Return what it printed, without its progress, and its errors."""
        out, err = self._process.communicate(timeout=60)
        assert self._process.returncode == 130, err
        return "".join(line for line in out.splitlines(True) if line[0] != "@"), err


@contextmanager
def interrupted(*arguments: object) -> Iterator[Interrupted]:
    command = [sys.executable, "-m", "tests.cli.told_command", *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield Interrupted(process)
        finally:
            process.kill()


def named(project: Project, *names: str) -> Project:
    images = zip(project.images(), names, strict=True)
    for image, name in images:
        project = edits.rename_thing(project, image.id, name)
    return project


# --- segment -------------------------------------------------------------------------------


def segment(tmp_path: Path, *names: str) -> tuple[object, ...]:
    source = tmp_path / "source.zip"
    write_bundle(named(project_of(*[BLOBS] * len(names)), *names), source)
    return "segment", source, "--segmenter", "stand-in", "--out", tmp_path / "out.zip"


def test_finished_images_are_saved(tmp_path: Path) -> None:
    with interrupted(*segment(tmp_path, "0.tif", "1.tif", "2.tif")) as run:
        run.press(lambda line: "Waiting at 1.tif" in line)
        out, err = run.ended()
    saved = tmp_path / "out.zip"
    assert err == f"{STOPPING}napari-piximi: stopped: 1 of 3 images done, saved in {saved}\n"
    assert out == "0.tif: 2 objects\nStand-in: 2 objects on 1 of 3 images\n"
    assert objects(read_bundle(saved)) == 2


def test_pressed_twice_it_leaves_at_once(tmp_path: Path) -> None:
    with interrupted(*segment(tmp_path, "0.tif", "deaf.tif")) as run:
        run.press(lambda line: "Waiting at deaf.tif" in line)
        run.press_again()
        assert run.ended() == ("", UNSAVED)
    assert [path.name for path in tmp_path.iterdir()] == ["source.zip"]


def test_nothing_is_saved_where_no_image_is_finished(tmp_path: Path) -> None:
    with interrupted(*segment(tmp_path, "1.tif")) as run:
        run.press(lambda line: "Waiting" in line)
        assert run.ended() == ("", STOPPING + UNSAVED)
    assert [path.name for path in tmp_path.iterdir()] == ["source.zip"]


def test_pressed_while_it_saves_it_saves(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press_once(done: int, total: int, message: str = "", **values: object) -> None:
        if message == "Saving" and not pressed:
            pressed.append(message)
            signal.raise_signal(signal.SIGINT)

    pressed: list[str] = []
    install(monkeypatch)
    monkeypatch.setattr("napari_piximi.cli.terminal.silent", press_once)
    outcome = command(*segment(tmp_path, "0.tif", "1.tif"))
    assert (outcome.code, len(pressed)) == (0, 1)
    assert objects(read_bundle(tmp_path / "out.zip")) == 4


# --- fit -----------------------------------------------------------------------------------


def test_a_fit_keeps_what_it_has_learnt(tmp_path: Path) -> None:
    source, out = tmp_path / "digits.zip", tmp_path / "out.zip"
    write_bundle(digits_project(per_class=4).project, source)
    fit = ("fit", source, "--kind", "Image", "--forest", "--name", "wood", "--out", out)
    with interrupted(*fit) as run:
        run.press(lambda line: int(line.split()[3]) > 1)
        said, err = run.ended()
    assert err.endswith(f"napari-piximi: stopped: the best so far is kept, saved in {out}\n")
    fitted = read_bundle(out).find_classifier("wood")
    assert fitted.model is not None
    assert fitted.runs[-1].stopped == "cancelled"
    assert said.startswith("wood: ")
    assert f"on {fitted.runs[-1].validation} validation things" in said


def test_a_fit_that_has_learnt_nothing_saves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "digits.zip"
    write_bundle(digits_project(per_class=4).project, source)
    fit = ("fit", source, "--kind", "Image", "--forest", "--out", tmp_path / "out.zip")
    with interrupted(*fit) as run:
        run.press(lambda line: line.split()[3] == "0")
        assert run.ended() == ("", STOPPING + UNSAVED)
    assert [path.name for path in tmp_path.iterdir()] == ["digits.zip"]


def test_a_network_keeps_its_best_weights(tmp_path: Path) -> None:
    source, out = tmp_path / "coins.zip", tmp_path / "out.zip"
    write_bundle(coins_project(), source)
    fit = ("fit-network", source, "--kind", "coin", "--name", "mine", "--out", out)
    with interrupted(*fit, "--epochs", 500, "--tiles", 2, "--tile", 16, "--depth", 1) as run:
        run.press(lambda line: int(line.split()[3]) > 0)
        _, err = run.ended()
    assert err.endswith(f"stopped: the best so far is kept, saved in {out}\n")
    fitted = read_bundle(out).find_network("mine")
    assert fitted.model is not None
    assert fitted.runs[-1].stopped == "cancelled"
    assert 0 < fitted.runs[-1].epochs < 500


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digits") / "digits.zip"
    write_bundle(digits_project(per_class=20).project, path)
    return path


def fit_digits(source: Path, out: Path) -> tuple[object, ...]:
    return (
        "fit", source, "--kind", "Image", "--name", "net", "--epochs", 500, "--patience", 0,
        "--out", out,
    )  # fmt: skip


@pytest.mark.keras
def test_a_fit_of_a_cnn_keeps_its_best_weights(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    with interrupted(*fit_digits(digits, out)) as run:
        run.press(lambda line: int(line.split()[3]) > 2)
        said, err = run.ended()
    assert err == f"{STOPPING}napari-piximi: stopped: the best so far is kept, saved in {out}\n"
    fitted = read_bundle(out).find_classifier("net")
    (stopped,) = fitted.runs
    assert stopped.stopped == "cancelled"
    assert 2 < stopped.epochs < 500
    judged = stopped.history["val_loss"]
    assert stopped.best_epoch == judged.index(min(judged))
    assert said.startswith(f"net: {stopped.epochs} epochs in ")
    assert f"best was {stopped.best_epoch + 1}, " in said
    accuracy = stopped.history["val_accuracy"][stopped.best_epoch]
    assert fitted.evaluations[0].accuracy == pytest.approx(accuracy), "with the best one's weights"
    assert f"accuracy {accuracy:.4f} on {stopped.validation} validation things" in said


@pytest.mark.keras
def test_a_fit_of_a_cnn_that_is_interrupted_twice_leaves(digits: Path, tmp_path: Path) -> None:
    with interrupted(*fit_digits(digits, tmp_path / "out.zip")) as run:
        run.press(lambda line: int(line.split()[3]) > 0)
        run.press_again()
        assert run.ended() == ("", UNSAVED)
    assert list(tmp_path.iterdir()) == []


# --- others --------------------------------------------------------------------------------


def test_predict_writes_all_or_nothing(command: Command, tmp_path: Path) -> None:
    source, fitted = tmp_path / "digits.zip", tmp_path / "fitted.zip"
    write_bundle(digits_project(per_class=4).project, source)
    command.works("fit", source, "--kind", "Image", "--forest", "--trees", 5, "--out", fitted)
    before = fitted.read_bytes()
    targets = ("--out", fitted, "--csv", tmp_path / "table.csv")
    with interrupted("predict", fitted, "--kind", "Image", *targets) as run:
        run.press(lambda _: True)
        assert run.ended() == ("", STOPPING + UNSAVED)
    assert fitted.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"digits.zip", "fitted.zip"}


def test_the_work_is_told_once_and_what_saves_is_not() -> None:
    shown: list[int] = []
    progress = Stoppable(lambda done, *_, **__: shown.append(done))
    progress.press()
    progress.show(1, 2)
    with pytest.raises(Cancelled):
        progress(2, 2)
    progress(3, 3)
    assert shown == [1, 3]
    with pytest.raises(KeyboardInterrupt):
        progress.press()


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.default_int_handler])
def test_who_is_to_ignore_interrupts_does(handler: signal.Handlers) -> None:
    before = signal.signal(signal.SIGINT, handler)
    try:
        with stoppable(silent):
            ours = signal.getsignal(signal.SIGINT) is not handler
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert ours == (handler is not signal.SIG_IGN)
