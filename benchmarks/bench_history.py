"""What evaluations of many things cost: when saving, opening, and in the journal.

Run ``python benchmarks/bench_history.py`` (about two minutes), or with ``--things 1000`` for a
quick look. Each time is beside that of the same project without evaluations.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from napari_piximi.io._evaluated import pack_evaluated, read_evaluated
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.recovery import Journal
from napari_piximi.model import edits
from napari_piximi.model.evaluation import Evaluation, confusion_counts
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import ArrayPixels, Image, default_channels
from napari_piximi.model.training import Classifier

T = TypeVar("T")
TICK = 0.001


def timed(work: Callable[[], T], repeats: int = 3) -> tuple[float, T]:
    """Return the best of some wall times, in seconds, and what came of it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


def project_of(things: int) -> Project:
    """Make a project of tiny images, ids as long as Piximi's."""
    project = edits.create_category(new_project(), "Image", "good", category_id="1good")
    project = edits.create_category(project, "Image", "bad", category_id="1bad")
    pixels = ArrayPixels(np.zeros((1, 2, 2, 2), np.uint8))
    images = [
        Image(f"1{i:035d}", f"{i}.png", "1good", pixels, 8, default_channels(2))
        for i in range(things)
    ]
    return edits.put_classifier(edits.add_images(project, images), Classifier("net", "Image"))


def evaluation(project: Project, seed: int) -> Evaluation:
    """Make an evaluation of all things."""
    true, predicted = np.random.default_rng(seed).integers(0, 2, (2, len(project.things)))
    counts = confusion_counts(true, predicted, 2)
    ids, classes = tuple(project.things), ("1good", "1bad")
    columns = tuple(true.tolist()), tuple(predicted.tolist())
    return Evaluation(counts, 0.5, classes, "Labelled", None, ids, *columns, (0.5, 0.5))


def gaps(act: Callable[[], None], seconds: float = 1.5) -> str:
    """Tell for how long another thread does not run while the journal works."""
    act()
    last = time.perf_counter()
    end, found = last + seconds, []
    while last < end:
        time.sleep(TICK)
        now = time.perf_counter()
        found.append(now - last)
        last = now
    return f"p99 {np.quantile(found, 0.99) * 1e3:.1f} ms, worst {max(found) * 1e3:.1f} ms"


def bench_bundle(folder: Path, bare: Project, full: Project) -> None:
    """Save and open with and without evaluations."""
    for name, project in (("none", bare), ("ten", full)):
        path = folder / f"{name}.zip"
        saving, _ = timed(lambda p=project, q=path: write_bundle(p, q), 2)  # type: ignore[misc]
        opening, again = timed(lambda q=path: read_bundle(q))  # type: ignore[misc]
        assert again.classifiers[0].evaluations == project.classifiers[0].evaluations
        megabytes = path.stat().st_size / 1e6
        print(f"{name:5} save {saving:6.2f} s, open {opening:5.2f} s, {megabytes:.1f} MB")


def bench_journal(folder: Path, full: Project) -> None:
    """Note edits of classifiers."""
    more = edits.add_evaluation(full, "net", "Image", evaluation(full, 99))
    renamed = edits.rename_classifier(more, "net", "other")
    journal = Journal.begin(folder, full)
    journal.flush(60)
    print("idle                ", gaps(lambda: None))
    for name, before, after in (("one more", full, more), ("renamed", more, renamed)):
        written = sum(file.stat().st_size for file in journal.folder.iterdir())
        found = gaps(lambda b=before, a=after: journal.note(b, a))  # type: ignore[misc]
        journal.flush(60)
        written = sum(file.stat().st_size for file in journal.folder.iterdir()) - written
        print(f"journal: {name:11}", found, f"{written / 1e3:.1f} kB")
    journal.close(discard=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, default=100_000)
    parser.add_argument("--evaluations", type=int, default=10)
    chosen = parser.parse_args()
    bare = project_of(chosen.things)
    past = tuple(evaluation(bare, seed) for seed in range(chosen.evaluations))
    full = edits.put_classifier(bare, replace(bare.classifiers[0], evaluations=past))
    packing, data = timed(lambda: pack_evaluated(past))
    known = {key: key for key in bare.things}
    reading, again = timed(lambda: read_evaluated(data, known))
    assert again == [(e.ids, e.true, e.predicted) for e in past]
    print(f"pack {packing:.3f} s, read {reading:.3f} s, {len(data) / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        bench_bundle(Path(folder), bare, full)
        bench_journal(Path(folder) / "sessions", full)


if __name__ == "__main__":
    main()
