"""A real window in which a script works, and the kill -9 that ends it.

Unlike :mod:`tests.io.recovery_kill` the edits go the user's way, through the workspace, the
docks and the layers. Run as a script it kills and recovers as often as asked::

    python -m tests.ui.window_kill 30
"""

import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.io.tiny_bundle import without_pixels

from napari_piximi.io.bundle import write_bundle
from napari_piximi.io.recovery import lost_sessions
from napari_piximi.io.samples import coins_project
from napari_piximi.model.edits import create_category
from napari_piximi.model.project import Project

ROOT = Path(__file__).resolve().parents[2]
EVERY = 25  # milliseconds between edits: as fast as nobody works
SAVE_AT = 30  # edits
ALLOWED = 1.0  # seconds of work that may be lost


def digest(project: Project) -> str:
    """Return what two equal projects have in common, whatever process they are in."""
    bare, order, things = without_pixels(project)
    text = repr((asdict(bare), order, things))
    return hashlib.sha256(text.encode()).hexdigest()


# --- the child -----------------------------------------------------------------------------


class Worker:
    """Somebody who works in a window, faster than anybody does."""

    def __init__(self, bundle: Path, seed: int) -> None:
        import napari
        from qtpy.QtCore import QTimer

        from napari_piximi.ui import documents
        from napari_piximi.ui.docks import show_docks
        from napari_piximi.ui.workspace import workspace_of

        self.viewer = napari.Viewer()
        self.workspace = workspace_of(self.viewer)
        show_docks(self.workspace)
        self.random, self.edits = random.Random(seed), 0
        self.timer, self.wait = QTimer(), QTimer()
        self.timer.timeout.connect(self.edit)
        self.wait.timeout.connect(self.begin)
        self.wait.start(50)
        documents.open_path(self.workspace, bundle)
        napari.run()

    def begin(self) -> None:
        """Begin when the bundle has been read and is on show."""
        if self.workspace.shown is None or self.workspace.jobs.running:
            return
        self.wait.stop()
        self.workspace.layers.flush()
        self.workspace.changed.connect(lambda _before, after: tell(digest(after)))
        tell(digest(self.workspace.project))
        self.timer.start(EVERY)

    def edit(self) -> None:
        from napari_piximi.ui import documents

        self.edits += 1
        acts = [self.categorize, self.paint, self.create, self.workspace.undo, self.look]
        self.random.choices(acts, [3, 2, 1, 1, 1])[0]()
        if self.edits == SAVE_AT:
            tell("saving")
            documents.save(self.workspace)

    def categorize(self) -> None:
        project = self.workspace.project
        coins = list(project.annotations())
        category = self.random.choice(project.kinds[coins[0].kind].categories)
        chosen = self.random.sample(coins, min(len(coins), 5))
        self.workspace.categorize([coin.id for coin in chosen], category)

    def paint(self) -> None:
        (kind,) = self.workspace.project.kinds.keys() - {"Image"}
        layer = self.workspace.layers.labels_layer(kind)
        assert layer is not None
        layer.brush_size = 9
        place = self.random.randrange(20, 280), self.random.randrange(20, 360)
        layer.paint(place, int(layer.data.max()) + 1)
        self.workspace.layers.flush()

    def create(self) -> None:
        kind = self.random.choice(list(self.workspace.project.kinds))
        name = f"category {self.edits}"
        self.workspace.edit("Create a category", create_category, kind, name)

    def look(self) -> None:
        low, high = self.random.randrange(0, 40), self.random.randrange(150, 255)
        self.viewer.layers[0].contrast_limits = (low, high)
        self.workspace.layers.flush()


def tell(text: str) -> None:
    os.write(1, f"{text} {time.time()}\n".encode())


# --- the parent ----------------------------------------------------------------------------


def kill_and_recover(folder: Path, seed: int, moment: float, *, in_save: bool) -> float:
    """Kill a window after `moment` seconds of editing, or of saving, and recover.

    Returns
    -------
    float
        Seconds of work that were lost.

    Raises
    ------
    AssertionError
        If what is recovered was never seen, or more than a second is missing.
    """
    bundle, state = folder / "coins.zip", folder / "state"
    write_bundle(coins_project(), bundle)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "NAPARI_PIXIMI_STATE": str(state),
        "NAPARI_CONFIG": str(folder / "napari.yaml"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ui.window_kill", "child", str(bundle), str(seed)],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("saving") or (not in_save and len(lines) == 2):
            break
    time.sleep(moment)
    killed = time.time()
    process.kill()
    lines += process.stdout.read().splitlines()
    process.stdout.close()
    process.wait()
    told = [(text, float(when)) for text, when in map(str.split, lines) if text != "saving"]
    assert len(told) > 1, "the window died before it was killed"
    (session,) = lost_sessions(state / "recovery")
    found = digest(session.recover())
    places = [place for place, (text, _) in enumerate(told) if text == found]
    assert places, "what was recovered is no state of the session"
    lost = killed - told[places[-1] + 1][1] if places[-1] + 1 < len(told) else 0.0
    assert lost <= ALLOWED, f"{lost:.2f} s are missing"
    return lost


def main(count: int) -> None:
    """Kill `count` windows, every third while it saves."""
    draw, worst = random.Random(0), 0.0
    for number in range(count):
        in_save = number % 3 == 0
        moment = draw.uniform(0, 0.1) if in_save else draw.uniform(0.1, 3)
        with tempfile.TemporaryDirectory() as folder:
            lost = kill_and_recover(Path(folder), number, moment, in_save=in_save)
        worst = max(worst, lost)
        sys.stdout.write(f"{number + 1}: {'in save' if in_save else ''} lost {lost:.3f} s\n")
        sys.stdout.flush()
    sys.stdout.write(f"{count} kills, at most {worst:.3f} s lost\n")


if __name__ == "__main__":
    if sys.argv[1] == "child":
        Worker(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(int(sys.argv[1]))
