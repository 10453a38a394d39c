"""A scripted run of edits, and the kill -9 that ends it.

The same seed makes the same edits in the child process that is killed and in the parent that
looks at what was recovered. Run as a script it kills and recovers as often as asked::

    python -m tests.io.recovery_kill 30
"""

import errno
import math
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.io.tiny_bundle import without_pixels

from napari_piximi.errors import EditError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.recovery import Journal, LostSession, lost_sessions
from napari_piximi.model import edits, masks
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.model.session import Session
from napari_piximi.model.things import (
    IMAGE_KIND,
    PALETTE,
    Annotation,
    ArrayPixels,
    Category,
    Channel,
    Image,
    Kind,
    Partition,
    Pixels,
    Prediction,
)
from napari_piximi.model.training import Classifier, ModelArtifact, Run, Settings

ROOT = Path(__file__).resolve().parents[2]
STEPS = 110
PAUSE = 0.015  # about fifty edits a second
SAVE_AT, SAVE_REST = 40, 0.12  # after that many steps; seconds for each report of progress
ALLOWED = 1.0  # seconds of work that may be lost
SHAPE = (1, 12, 16, 2)

Put = Callable[[NDArray[Any]], Pixels]


# --- the script ----------------------------------------------------------------------------


def model(name: str, values: NDArray[np.float32]) -> ModelArtifact:
    """Return a network of one dense layer, 2 × 2 × 2 to 2."""
    names = [("flatten", "Flatten", {"batch_input_shape": [None, 2, 2, 2]}), ("dense", "Dense", {})]
    layers: list[dict[str, Any]] = [
        {"class_name": cls, "config": {"name": key, "trainable": True, **more}}
        for key, cls, more in names
    ]
    layers[1]["config"].update(units=2, activation="softmax", use_bias=True)
    weights = [
        {"name": "dense/kernel", "shape": [8, 2], "dtype": "float32"},
        {"name": "dense/bias", "shape": [2], "dtype": "float32"},
    ]
    document = {
        "modelTopology": {
            "class_name": "Sequential",
            "config": {"name": "net", "layers": layers},
        },
        "format": "layers-model",
        "weightsManifest": [{"paths": [f"./{name}.weights.bin"], "weights": weights}],
        "classes": ["yes", "no"],
    }
    return ModelArtifact(document, values.astype("<f4").tobytes())


def image(key: str, category: str, pixels: Pixels) -> Image:
    channels = Channel((1.0, 0.0, 0.5)), Channel((0.0, 1.0, 0.0), 0.25, 0.75, False)
    return Image(key, f"{key}.tif", category, pixels, 8, channels)


def beginning(put: Put = ArrayPixels) -> Project:
    """Return a project of two images and six cells."""
    image_kind = Kind(IMAGE_KIND, IMAGE_KIND, ("0image",), "0image")
    cell = Kind("cell", "cell", ("0cell", "1round"), "0cell")
    project = Project(
        "Run",
        kinds={IMAGE_KIND: image_kind, "cell": cell},
        categories={
            "0image": Category("0image", "Unknown", "#AAAAAA", IMAGE_KIND),
            "0cell": Category("0cell", "Unknown", "#AAAAAA", "cell"),
            "1round": Category("1round", "round", PALETTE[0], "cell"),
        },
    )
    values = np.arange(math.prod(SHAPE), dtype=np.uint8).reshape(SHAPE)
    pictures = [image(f"image-{i}", "0image", put(values + i)) for i in range(2)]
    cells = [
        Annotation(
            f"cell-{i}", f"cell {i}", "cell", "0cell", f"image-{i % 2}",
            (i, i, i + 2, i + 3), masks.from_lengths((1, 5)),
        )
        for i in range(6)
    ]  # fmt: skip
    return edits.add_annotations(edits.add_images(project, pictures), cells)


class Script:
    """Edits drawn by a seed; :meth:`step` does one."""

    def __init__(self, seed: int, project: Project, put: Put = ArrayPixels) -> None:
        self.session = Session(project)
        self.random = random.Random(seed)
        self.put = put
        self.number = 0

    def step(self) -> None:
        self.number += 1
        project, draw = self.session.project, self.random
        action = draw.choice(
            [
                self.categorize, self.categorize, self.categorize, self.create_category,
                self.change_category, self.create_kind, self.drop, self.add_annotations,
                self.add_annotations, self.set_mask, self.delete_things, self.add_image,
                self.add_classifier, self.predict, self.look, self.undo, self.undo, self.redo,
                self.rename, self.partition, self.move,
            ]
        )  # fmt: skip
        with suppress(EditError):
            after = action(project)
            if after is not None:
                self.session.apply(after, action.__name__)

    def some(self, project: Project, kind: str | None = None, most: int = 4) -> list[str]:
        ids = [key for key, t in project.things.items() if kind in (None, t.kind)]
        return self.random.sample(ids, min(len(ids), self.random.randint(1, most)))

    def kind(self, project: Project) -> str:
        return self.random.choice(list(project.kinds))

    def categorize(self, project: Project) -> Project:
        category = self.random.choice(list(project.categories.values()))
        return edits.categorize(project, self.some(project, category.kind, 40), category.id)

    def create_category(self, project: Project) -> Project:
        name = f"category {self.number}"
        return edits.create_category(
            project, self.kind(project), name, category_id=f"1category-{self.number}"
        )

    def change_category(self, project: Project) -> Project:
        category = self.random.choice(list(project.categories.values()))
        color = self.random.choice(PALETTE)
        project = edits.edit_category(project, category.id, color=color, visible=bool(color < "#7"))
        order = list(project.kinds[category.kind].categories)
        self.random.shuffle(order)
        return edits.reorder_categories(project, category.kind, order)

    def create_kind(self, project: Project) -> Project:
        key = f"kind-{self.number}"
        settings = Settings(epochs=self.number + 1, learning_rate=0.1)
        kind = Kind(key, key, (f"0{key}",), f"0{key}", settings=settings)
        return edits.add_kind(project, kind, Category(f"0{key}", "Unknown", "#AAAAAA", key))

    def drop(self, project: Project) -> Project:
        if self.random.random() < 0.3:
            return edits.delete_kind(project, self.kind(project))
        return edits.delete_category(project, self.random.choice(list(project.categories)))

    def add_annotations(self, project: Project) -> Project:
        images, kind = list(project.images()), self.kind(project)
        target = self.random.choice(images) if images else None
        made = []
        for i in range(self.random.randint(1, 8)):
            key, (top, left) = f"made-{self.number}-{i}", (self.random.randint(0, 8), i)
            own = self.random.random() < 0.3
            pixels = self.put(np.full((1, 3, 4, 2), i + self.number, np.uint8)) if own else None
            runs, box = masks.from_lengths((i, 12 - i)), (top, left, top + 3, left + 4)
            unknown, name = project.kinds[kind].unknown, target.id if target else ""
            made.append(Annotation(key, key, kind, unknown, name, box, runs, 8, pixels))
        return edits.add_annotations(project, made)

    def set_mask(self, project: Project) -> Project:
        cells = [thing.id for thing in project.annotations()]
        if not cells:
            return project
        top, hole = self.random.randint(0, 7), self.random.randint(0, 19)
        runs = masks.from_lengths((hole, 20 - hole))
        return edits.set_mask(project, self.random.choice(cells), (top, 3, top + 4, 8), runs)

    def delete_things(self, project: Project) -> Project:
        return edits.delete_things(project, self.some(project, most=3))

    def add_image(self, project: Project) -> Project:
        values = np.random.default_rng(self.number).integers(0, 255, SHAPE).astype(np.uint8)
        unknown = project.kinds[IMAGE_KIND].unknown
        return edits.add_images(project, [image(f"image-{self.number}", unknown, self.put(values))])

    def add_classifier(self, project: Project) -> Project:
        name, kind = f"net{self.random.randint(0, 2)}", self.kind(project)
        settings = Settings(height=2, width=2, epochs=self.number + 1)
        history = {"loss": (1.0, 1 / (1 + self.number)), "val_loss": (0.5, math.pi)}
        run = Run(settings, history, 1, 5, 3, "early", "CPU", "tensorflow", 1.5)
        evaluation = Evaluation(((3, 1), (0, self.number)), 0.1, ("1round", "0cell"), "Training", 0)
        weights = np.arange(18, dtype=np.float32) + self.number
        return edits.put_classifier(
            project,
            Classifier(
                name, kind, settings, 2, 1, model(name, weights), ("1round", "0cell"), (run,),
                (evaluation,),
            ),
        )  # fmt: skip

    def predict(self, project: Project) -> Project:
        category = self.random.choice(list(project.categories.values()))
        chosen = self.some(project, category.kind)
        chances = [self.random.random() for _ in chosen]
        return edits.set_predictions(
            project, {k: Prediction(category.id, p) for k, p in zip(chosen, chances, strict=True)}
        )

    def look(self, project: Project) -> Project:
        channels = [Channel((0.5, 0.25, 1.0), 0.125, self.random.choice((0.5, 1.0)))] * 2
        return edits.set_channels(project, self.some(project, IMAGE_KIND), channels)

    def rename(self, project: Project) -> Project:
        project = edits.rename_project(project, f"Run {self.number}")
        for key in self.some(project, most=1):
            project = edits.rename_thing(project, key, f"thing {self.number}")
        return project

    def partition(self, project: Project) -> Project:
        partition = self.random.choice([Partition.TRAINING, Partition.VALIDATION])
        return edits.set_partition(project, self.some(project), partition)

    def move(self, project: Project) -> Project:
        return edits.move_to_kind(project, self.some(project), self.kind(project))

    def undo(self, project: Project) -> None:
        for _ in range(self.random.randint(1, 3)):
            self.session.undo()

    def redo(self, project: Project) -> None:
        self.session.redo()


def states(seed: int, project: Project) -> list[Project]:
    """Return the project before the first and after each step."""
    script = Script(seed, project)
    found = [script.session.project]
    for _ in range(STEPS):
        script.step()
        found.append(script.session.project)
    return found


# --- the child -----------------------------------------------------------------------------


def child(home: Path, seed: int, start: Path, target: Path) -> None:
    """Edit and tell of each step, save in the middle, and then wait to be killed.

    Parameters
    ----------
    start : path
        A bundle to open; a name that is not there begins with a project that is in no file.
    target : path
        What to save to.
    """
    opened = read_bundle(start) if start.exists() else beginning()
    journal = Journal.begin(home, opened, start if start.exists() else None)
    flip = random.Random(0)
    script = Script(
        seed, opened, lambda a: journal.scratch.put(a) if flip.random() < 0.5 else ArrayPixels(a)
    )
    script.session.changed.connect(journal.note)
    for number in range(1, STEPS + 1):
        script.step()
        tell(f"step {number} {time.time()}")
        if number == SAVE_AT:
            save(journal, script.session.project, target)
        time.sleep(PAUSE)
    time.sleep(60)


def save(journal: Journal, project: Project, target: Path) -> None:
    """Save in a thread, slowly."""
    journal.saving(project, target)
    tell("saving")

    def work() -> None:
        def rest(done: int, total: int, message: str = "", **values: object) -> None:
            time.sleep(SAVE_REST)

        write_bundle(project, target, progress=rest)
        journal.saved(project, target)
        tell("saved")

    threading.Thread(target=work, daemon=True).start()


def tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


# --- ends at a chosen place ------------------------------------------------------------------


def end_at(home: Path, path: Path, where: str, *, linked: bool, read: bool) -> None:
    """Edit, save, edit, and end the process at a place without any clearing up.

    Parameters
    ----------
    where : str
        ``"before NAME"`` or ``"after NAME"``: a renaming to a name that begins so.
    linked : bool
        Whether the system can make hard links.
    read : bool
        Whether the project still reads its pixels from the file that is replaced.
    """
    when, _, wanted = where.partition(" ")
    project = read_bundle(path) if read else beginning()
    if not linked:
        os.link = no_links
    journal = Journal.begin(home, project, path)
    journal.flush(5)

    def edit(name: str) -> None:
        nonlocal project
        before, project = project, edits.rename_thing(project, "cell-1", name)
        journal.note(before, project)
        journal.flush(5)
        tell(name)

    edit("one")
    os.replace = ending(os.replace, when, wanted)
    os.rename = ending(os.rename, when, wanted)
    saved = project
    journal.saving(saved, path)
    edit("two")
    write_bundle(saved, path)
    edit("three")
    journal.saved(saved, path)
    journal.flush(5)
    edit("four")
    os._exit(0)


def no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EXDEV, "cannot link across disks")


def ending(rename: Callable[..., None], when: str, wanted: str) -> Callable[..., None]:
    """Return a renaming before or after which the process ends."""

    def renamed(source: Path, target: Path) -> None:
        meant = Path(target).name.startswith(wanted)
        if meant and when == "before":
            os._exit(0)
        rename(source, target)
        if meant:
            os._exit(0)

    return renamed


def end_run(home: Path, path: Path, where: str, *options: str) -> str:
    """Let a child end at a place; return the last edit it told of."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.io.recovery_kill", "end", str(home), str(path), where,
         *options],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": "src"},
        check=True,
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


# --- the parent ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What one kill did: the step last told, the one recovered, and the seconds between."""

    last: int
    recovered: int
    lost: float
    phase: str


def kill_and_recover(
    folder: Path, seed: int, moment: float, *, in_save: bool = False, on_file: bool = True,
    suffix: str = ".zip",
) -> Outcome:  # fmt: skip
    """Kill a run after `moment` seconds, counted from its first step or from its save.

    Raises
    ------
    AssertionError
        If what is recovered is no state of the run, or too old a one.
    """
    home, start = folder / "home", folder / f"run{suffix}"
    first = beginning()
    if on_file:
        write_bundle(first, start)
        first = read_bundle(start)
        if suffix == ".zip":  # pixels are read here after the child has replaced the file
            start.with_suffix(".copy.zip").write_bytes(start.read_bytes())
            first = read_bundle(start.with_suffix(".copy.zip"))
        else:
            first = beginning()
    told, phase, killed = run_child(home, seed, start, moment, in_save=in_save)
    wanted = states(seed, first)
    sessions = lost_sessions(home)
    if not sessions:
        return Outcome(max(told), matching(first, wanted, told, killed), 0.0, phase)
    assert len(sessions) == 1
    project = sessions[0].recover()
    found = matching(project, wanted, told, killed)
    check_adoption(home, sessions[0], project)
    gap = killed - told.get(found + 1, killed)
    return Outcome(max(told), found, max(gap, 0.0), phase)


def run_child(
    home: Path, seed: int, start: Path, moment: float, *, in_save: bool
) -> tuple[dict[int, float], str, float]:
    """Return when each step was told, what was told last beside steps, and when it was killed."""
    arguments = ["child", str(home), str(seed), str(start), str(start)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.io.recovery_kill", *arguments],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": "src"},
    )  # fmt: skip
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("saving" if in_save else "step 1 "):
            break
    time.sleep(moment)
    killed = time.time()
    process.kill()
    lines += process.stdout.read().splitlines()
    process.stdout.close()
    process.wait()
    steps = [line.split() for line in lines if line.startswith("step")]
    told = {int(number): float(moment) for _, number, moment in steps}
    phases = [line.strip() for line in lines if line.startswith("sav")]
    return told, phases[-1] if phases else "before saving", killed


def matching(project: Project, wanted: list[Project], told: dict[int, float], killed: float) -> int:
    """Return the latest step whose state the project is.

    Raises
    ------
    AssertionError
        If there is none that is recent enough.
    """
    last = max(told)
    due = max((step for step, when in told.items() if when <= killed - ALLOWED), default=0)
    for step in range(min(last + 1, STEPS), due - 1, -1):
        if same(project, wanted[step]):
            return step
    older = [step for step in range(due) if same(project, wanted[step])]
    raise AssertionError(f"no state from {due} to {last} (it is that of step {older})")


def same(one: Project, other: Project) -> bool:
    """Tell whether two projects are equal; pixels by their values as samples see them."""
    if list(one.kinds) != list(other.kinds) or list(one.categories) != list(other.categories):
        return False
    if without_pixels(one) != without_pixels(other):
        return False
    pairs = zip(one.things.values(), other.things.values(), strict=True)
    return all(np.allclose(seen(one, a), seen(other, b), atol=1e-6) for a, b in pairs)


def seen(project: Project, thing: Image | Annotation) -> NDArray[np.float64]:
    values = np.asarray(project.pixels(thing))
    scale = 255.0 if values.dtype == np.uint8 else 1.0
    return np.asarray(values, np.float64) / scale


def check_adoption(home: Path, session: LostSession, project: Project) -> None:
    """Go on with a session, lose it again, and throw it away."""
    journal, adopted, _ = session.adopt()
    assert same(adopted, project)
    assert lost_sessions(home) == []
    later = edits.rename_project(adopted, "gone on with")
    journal.note(adopted, later)
    journal.close(discard=False)
    (again,) = lost_sessions(home)
    assert (again.name, again.edits) == ("gone on with", session.edits + 1)
    assert same(again.recover(), later)
    again.discard()
    assert list(home.iterdir()) == []


def runs(count: int, seed: int = 0) -> Iterator[tuple[int, Outcome]]:
    """Kill `count` runs, every third during or soon after its save."""
    draw = random.Random(seed)
    for number in range(count):
        in_save = number % 3 == 0
        moment = draw.uniform(0.0, 0.6) if in_save else draw.uniform(0.05, 2.4)
        suffix = ".zarr" if number % 5 == 4 else ".zip"
        with tempfile.TemporaryDirectory() as folder:
            yield (
                number,
                kill_and_recover(
                    Path(folder), seed + number, moment,
                    in_save=in_save, on_file=number % 2 == 0, suffix=suffix,
                ),
            )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "child":
        child(Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
    if sys.argv[1] == "end":
        home, path, where, *options = sys.argv[2:]
        end_at(Path(home), Path(path), where, linked="linked" in options, read="read" in options)
    for number, outcome in runs(int(sys.argv[1]), int((sys.argv[2:] or ["0"])[0])):
        sys.stdout.write(f"{number}: {outcome}\n")
        sys.stdout.flush()
