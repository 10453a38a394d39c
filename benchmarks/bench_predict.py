"""How fast a network is asked about a bundle's objects, reading included.

Run ``python benchmarks/bench_predict.py`` (two minutes), or with ``--things 5000`` for a quick
look. It writes a bundle of objects of 48 × 48 × 3 to a temporary folder (100,000 take 3 GB), or
takes one that is there (``--bundle``). For each input size, in the same run and by turns: the
model alone on samples that are in memory, and :func:`classifier.predict` from the bundle. The
processor time of both says what they cost where other programs take part of the cores.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from napari_piximi.errors import Cancelled
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.tfjs import piximi_metadata
from napari_piximi.learn import classifier as learn
from napari_piximi.learn.architectures import build_network
from napari_piximi.learn.inference import probabilities_of
from napari_piximi.learn.sampling import build_samples
from napari_piximi.learn.serialization import from_keras
from napari_piximi.learn.steps import Forward
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, Thing
from napari_piximi.model.training import Classifier, Settings

SIDE, WISHED = 48, 0.70
IN_MEMORY = 20_000
"""Samples that the model alone is timed on; more would not fit every machine's memory."""


def synthetic(count: int, images: int = 25, side: int = 880) -> Project:
    """Make objects of 48 × 48 × 3 on noise."""
    draws = np.random.default_rng(0)
    project = edits.create_kind(new_project("benchmark"), "cell")
    unknown, cell = project.kinds["Image"].unknown, project.find_kind("cell")
    for name in ("round", "long", "dividing", "dead"):
        project = edits.create_category(project, cell.id, name)
    noise = [draws.integers(0, 256, (1, side, side, 3), np.uint8) for _ in range(images)]
    made = [Image(f"i{n}", f"{n}.tif", unknown, ArrayPixels(p)) for n, p in enumerate(noise)]
    corners = draws.integers(0, side - SIDE, (count, 2)).tolist()
    runs = masks.full(SIDE, SIDE)
    objects = [
        Annotation(
            f"o{n}", f"cell {n}", cell.id, cell.unknown, f"i{n % images}",
            (top, left, top + SIDE, left + SIDE), runs,
        )
        for n, (top, left) in enumerate(corners)
    ]  # fmt: skip
    return edits.add_annotations(edits.add_images(project, made), objects)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds by the clock, and of the processor."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


def bench(project: Project, size: int, turns: int) -> None:
    kind = project.find_kind("cell").id
    things = list(project.of_kind(kind))
    settings = Settings(height=size, width=size)
    network = build_network(settings, 3, 4)
    model = from_keras(network, piximi_metadata(settings, 3, 1, ("a", "b", "c", "d")))
    asked = Classifier(
        "net", kind, settings, 3, model=model, class_map=project.known_categories(kind)
    )
    few = things[:IN_MEMORY]
    forward = Forward(network)
    with build_samples(project, few, settings, 3, backend="tensorflow") as samples:
        values = samples.values
        forward(values[:1024])
        alone, whole = [], []
        for _ in range(turns):
            alone.append(timed(lambda: forward(values)))
            ids = [thing.id for thing in things]
            whole.append(timed(lambda ids=ids: learn.predict(project, asked, ids)))  # type: ignore[misc]
    one = np.array(alone).min(axis=0) / len(few)
    all_of = np.array(whole).min(axis=0) / len(things)
    share, cost = one[0] / all_of[0], one[1] / all_of[1]
    print(f"SimpleCNN {size} x {size}, {len(things):,} objects, load {os.getloadavg()[0]:.1f}")
    print(f"  in memory    {1 / one[0]:10,.0f} things/s  {one[1] * 1e6:6.1f} us of processor each")
    print(f"  from bundle  {1 / all_of[0]:10,.0f} things/s  {all_of[1] * 1e6:6.1f} us")
    verdict = "ok" if share >= WISHED else "UNDER"
    print(f"  share {share:.2f} (wished {WISHED}) {verdict}; by processor time {cost:.2f}")
    latency(network, project, few, settings)


def latency(network: object, project: Project, things: list[Thing], settings: Settings) -> None:
    """Say how long after a stop it ends: a stop is noticed at the next report."""
    reports = [0.0]

    def stop_later(done: int, total: int, message: str = "", **_: object) -> None:
        reports.append(time.perf_counter())
        if len(reports) == 30:
            raise Cancelled

    try:
        probabilities_of(network, project, things, settings, 3, stop_later)
    except Cancelled:
        ended = time.perf_counter() - reports[-1]
        gap = max(np.diff(reports[2:]), default=0.0)
        print(f"  stop: noticed within {gap * 1e3:.0f} ms, ended {ended * 1e3:.0f} ms later")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, default=100_000)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[28, 48, 64])
    parser.add_argument("--turns", type=int, default=3)
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        path = choices.bundle or Path(folder) / "objects.zip"
        if choices.bundle is None:
            write_bundle(synthetic(choices.things), path)
        project = read_bundle(path)
        for size in choices.sizes:
            bench(project, size, choices.turns)
        del project


if __name__ == "__main__":
    main()
