"""How alive a window stays while a network is fitted beside it, and what the window costs.

Run ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/bench_window.py`` (three minutes).
A timer of 1 ms ticks in a real window; how late each tick is, is the delay of its event loop,
from the moment the Classifier dock is opened until a fit and a predict have ended. Then, without
that timer, the same fit runs by turns in a process of its own and in the dock, and at last by the
command line; all of them with the same seed must give the same weights, bit for bit.
"""

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from turning import live

from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.samples import digits_project
from napari_piximi.model import edits
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.model.training import Classifier, Run, Settings

if TYPE_CHECKING:
    from napari_piximi.ui.jobs import Job
    from napari_piximi.ui.workspace import Workspace

EPOCHS = 200
SETTINGS = replace(Settings(), epochs=EPOCHS, patience=0, seed=7)
STOPS, TURNS = 6, 9
P99, WORST, SHARE, STOP = 20.0, 50.0, 0.9, 0.1


def digest(classifier: Classifier) -> str:
    assert classifier.model is not None
    return hashlib.sha256(classifier.model.weights).hexdigest()[:16]


def throughput(run: Run) -> float:
    return run.training * run.epochs / run.seconds


def batch_seconds(run: Run) -> float:
    return run.seconds / run.epochs / -(-run.training // run.settings.batch_size)


# --- without a window ------------------------------------------------------------------------


def headless(bundle: str) -> None:
    """Fit in this process, and tell how it went."""
    from napari_piximi.learn.classifier import fit

    result = fit(read_bundle(Path(bundle)), IMAGE_KIND, SETTINGS, name="SimpleCNN 1")
    run = result.classifier.runs[-1]
    facts = {"rate": throughput(run), "batch": batch_seconds(run)}
    print(json.dumps({**facts, "weights": digest(result.classifier)}))


def run_headless(bundle: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--headless", str(bundle)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_command_line(bundle: Path, out: Path) -> str:
    options = ["--kind", IMAGE_KIND, "--out", str(out), "--epochs", str(EPOCHS), "--patience", "0"]
    options += ["--seed", str(SETTINGS.seed)]
    call = "from napari_piximi.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", call, "fit", str(bundle), *options],
        check=True, capture_output=True,
    )  # fmt: skip
    return digest(read_bundle(out).classifiers[-1])


# --- in a window -----------------------------------------------------------------------------


class Clock:
    """Ticks each millisecond, and notes how late it is."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.delays: dict[str, list[float]] = {}
        self.phase = ""
        self._last = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def enter(self, phase: str) -> None:
        self.phase = phase
        self._last = time.perf_counter()
        self.delays.setdefault(phase, [])

    def stop(self) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        if self.phase:
            self.delays[self.phase].append(1000 * (now - self._last) - 1)
        self._last = now


class Window:
    """A napari window with the digits sample open."""

    def __init__(self, bundle: Path) -> None:
        import napari

        from napari_piximi.ui.docks import FIRST, show_dock
        from napari_piximi.ui.workspace import workspace_of

        self.viewer = napari.Viewer()
        self.workspace: Workspace = workspace_of(self.viewer)
        # Not the one that starts the engine: that is what the clock is for.
        for name in FIRST:
            if name != "Classifier":
                show_dock(self.workspace, name)
        self.workspace.open_project(read_bundle(bundle), bundle)
        self.live(6)
        self.clock = Clock()

    def live(self, seconds: float, until: Callable[[], object] = lambda: False) -> None:
        live(seconds, until, 5)

    def start_engine(self) -> None:
        from napari_piximi.ui.docks import show_dock, show_docks

        assert self.workspace.learning.networks.pid is None, "the engine runs already"
        show_docks(self.workspace)
        self.live(1)
        show_dock(self.workspace, "Classifier")
        self.live(120, lambda: self.workspace.learning.device)
        self.live(1)

    def fit(self, settings: Settings) -> "Job":
        """Begin a fit as the button of the dock does, whose curves follow it."""
        from napari_piximi.ui.fitting import fitting_of

        fit = fitting_of(self.workspace).start(IMAGE_KIND, settings, "SimpleCNN 1")
        assert fit is not None, "a fit is under way"
        assert fit.job is not None
        return fit.job

    def fitted(self) -> Classifier:
        """Fit from the beginning, to the end of its evaluation, and return the model."""
        self.fit(SETTINGS).wait()
        self.live(60, lambda: not self.workspace.jobs.running)
        return self.workspace.project.classifiers[-1]

    def predict(self, classifier: Classifier, ids: list[str]) -> "Job":
        def apply(found: Any) -> None:  # noqa: ANN401
            self.workspace.edit("Predict", edits.set_predictions, found.predictions())

        return self.workspace.learning.run(
            "Predict", "napari_piximi.learn.classifier:predict", self.workspace.project,
            IMAGE_KIND, classifier, ids, done=apply,
        )  # fmt: skip

    def stops(self) -> list[float]:
        """Press Stop in the middle of fits; return how long each took to be obeyed.

        Not in their first step, in which the model is compiled: that takes a second or two.
        """
        return [self._stop(0.7 + 0.11 * number) for number in range(STOPS)]

    def _stop(self, after: float) -> float:
        seen: list[dict[str, Any]] = []
        ended: list[float] = []
        job = self.fit(replace(SETTINGS, epochs=20_000))
        job.progressed.connect(lambda *report: seen.append(report[3]))
        job.finished.connect(lambda: ended.append(time.perf_counter()))
        self.live(60, lambda: any("loss" in values for values in seen))
        self.live(after)
        start = time.perf_counter()
        job.cancel()
        job.wait()
        return ended[0] - start

    def close(self) -> None:
        self.workspace.session.mark_saved()
        self.workspace.close()
        self.viewer.close()


def in_window(bundle: Path) -> dict[str, Any]:
    window = Window(bundle)
    window.clock.enter("nothing runs")
    window.live(3)
    window.clock.enter("engine starts")
    window.start_engine()
    window.clock.enter("fit")
    fitted = window.fitted()
    window.live(1)
    window.clock.enter("predict")
    for _ in range(5):
        window.predict(fitted, list(window.workspace.project.things)).wait()
    window.live(1)
    window.clock.enter("")
    stops = window.stops()
    delays = window.clock.delays
    window.clock.stop()  # it takes a share of the processor too
    rates = [rates_by_turns(window, bundle) for _ in range(TURNS)]
    window.close()
    run = fitted.runs[-1]
    facts = {"rates": rates, "batch": batch_seconds(run), "weights": digest(fitted)}
    return {**facts, "stops": stops, "delays": delays, "device": run.device}


def rates_by_turns(window: Window, bundle: Path) -> tuple[float, float, float]:
    """Return samples/s without a window and in the dock, and the window's share of a processor."""
    floor = run_headless(bundle)["rate"]
    clock, own = time.perf_counter(), time.process_time()
    run = window.fitted().runs[-1]
    share = (time.process_time() - own) / (time.perf_counter() - clock)
    return floor, throughput(run), share


# --- the table -------------------------------------------------------------------------------


def show_delays(delays: dict[str, list[float]]) -> None:
    phases = {name: values for name, values in delays.items() if name}
    ours = [value for name, some in phases.items() if name != "nothing runs" for value in some]
    print(f"{'delay of the event loop, ms':<30}{'ticks':>8}{'p50':>8}{'p99':>8}{'worst':>8}")
    for name, values in {**phases, "dock to end of predict": ours}.items():
        p50, p99, worst = np.percentile(values, [50, 99, 100])
        print(f"{name:<30}{len(values):>8,}{p50:>8.2f}{p99:>8.2f}{worst:>8.1f}")
    print(f"{'target':<30}{'':>8}{'':>8}{P99:>8.2f}{WORST:>8.1f}\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["NAPARI_PIXIMI_STATE"] = str(folder / "state")
        bundle = folder / "digits.zip"
        write_bundle(digits_project(per_class=20).project, bundle)
        floor = run_headless(bundle)
        found = in_window(bundle)
        typed = run_command_line(bundle, folder / "typed.zip")
    print(f"{found['device']}; load of the machine {os.getloadavg()[0]:.1f}\n")
    show_delays(found["delays"])
    shares = [dock / alone for alone, dock, _ in found["rates"]]
    print("fit, samples/s, without a window and in the dock, and the window's own share:")
    for alone, dock, own in found["rates"]:
        print(f"  {alone:8,.0f}{dock:8,.0f}  {dock / alone:4.0%}   {own:4.0%} of a processor")
    print(f"  median {statistics.median(shares):.0%} (target {SHARE:.0%})")
    stops = found["stops"]
    print(f"Stop to the end of the job, s: median {statistics.median(stops):.3f}, worst "
          f"{max(stops):.3f} (target {found['batch'] + STOP:.3f}: a batch takes "
          f"{found['batch']:.4f} s)")  # fmt: skip
    weights = {floor["weights"], found["weights"], typed}
    print(f"weights of dock, command line and Python: {'alike' if len(weights) == 1 else weights}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--headless"]:
        headless(sys.argv[2])
    else:
        main()
