"""How fast edits of a large project are, beside the floors of Python itself in the same run.

Run ``python benchmarks/bench_model.py`` (about half a minute), or with ``--things 10000``.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project, touched
from napari_piximi.model.session import Session
from napari_piximi.model.things import (
    Annotation,
    ArrayPixels,
    Image,
    Partition,
    Prediction,
    default_channels,
)


@dataclass(frozen=True, slots=True)
class Plain:
    """A frozen value with as many fields as an annotation, and nothing behind it."""

    id: str
    name: str
    kind: str
    category: str
    image: str
    bbox: tuple[int, int, int, int]
    runs: bytes
    bit_depth: int = 8
    pixels: None = None
    partition: str = "Unassigned"
    plane: int = 0
    prediction: None = None


def median(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the median of some wall times, in seconds."""
    times = []
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def report(label: str, seconds: float, target: float | None = None, floor: float = 0.0) -> None:
    wanted = f"{target * 1000:10.0f}" if target else f"{'':>10}"
    ratio = f"{seconds / floor:9.2f}×" if floor else ""
    print(f"{label:<52}{seconds * 1000:10.2f}{wanted}{ratio}", flush=True)


def cells(count: int) -> tuple[Project, list[Annotation]]:
    """Make a project with one image and two categories, and annotations for it."""
    project = edits.create_kind(new_project("benchmark"), "cell")
    image_kind, kind = project.kinds.values()
    for name in ("round", "long"):
        project = edits.create_category(project, kind.id, name, category_id=f"1{name}")
    pixels = ArrayPixels(np.zeros((1, 64, 64, 3), np.uint8))
    image = Image("1image", "image.tif", image_kind.unknown, pixels, channels=default_channels(3))
    runs, box = masks.full(8, 8), (0, 0, 8, 8)
    annotations = [
        Annotation(f"1object{i}", f"object {i}", kind.id, kind.unknown, "1image", box, runs)
        for i in range(count)
    ]
    return edits.add_images(project, [image]), annotations


def floors(project: Project) -> tuple[float, float]:
    things, annotations = project.things, list(project.annotations())
    copying = median(lambda: dict(things))
    making = median(
        lambda: [
            Plain(a.id, a.name, a.kind, "1round", a.image, a.bbox, a.runs) for a in annotations
        ]
    )
    report("floor: copy the dict of things", copying)
    report("floor: make as many frozen values of 12 fields", making)
    return copying, making


def bench_edits(project: Project, ids: list[str], copying: float, making: float) -> None:
    one = ids[len(ids) // 2]
    report(
        "categorize one",
        median(lambda: edits.categorize(project, [one], "1round"), 21), 0.030, copying,
    )  # fmt: skip
    report("categorize all", median(lambda: edits.categorize(project, ids, "1round")), 0.5, making)
    labelled = edits.categorize(project, ids, "1round")
    report("categorize all, nothing changes", median(
        lambda: edits.categorize(labelled, ids, "1round")
    ))  # fmt: skip
    said = {key: Prediction("1long", 0.5) for key in ids}
    report("set_predictions of all", median(lambda: edits.set_predictions(project, said)))
    predicted = edits.set_predictions(project, said)
    report("accept_predictions of all", median(lambda: edits.accept_predictions(predicted, ids)))
    report("set_partition of all", median(
        lambda: edits.set_partition(project, ids, Partition.TRAINING)
    ))  # fmt: skip
    report(
        "delete_category that all have", median(lambda: edits.delete_category(labelled, "1round"))
    )
    report("touched(before, after), all changed", median(lambda: touched(project, labelled)))


def bench_session(project: Project, ids: list[str]) -> None:
    session = Session(project)
    heard: list[int] = []
    session.changed.connect(lambda before, after: heard.append(len(touched(before, after))))
    one = ids[0]
    categories = iter(["1round", "1long"] * 100)

    def key_press() -> None:
        session.apply(edits.categorize(session.project, [one], next(categories)), "Categorize")

    report("one key press: categorize one, apply, signal, touched", median(key_press, 21))
    report("undo of it", median(session.undo, 9))
    report("redo of it", median(session.redo, 9))
    every = edits.categorize(session.project, ids, "1long")
    start = time.perf_counter()
    session.apply(every, "Categorize all")
    report("apply of categorize all, signal, touched", time.perf_counter() - start)
    report("undo of it", median(session.undo, 1))
    assert heard[-1] >= len(ids) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, default=100_000)
    count = parser.parse_args().things
    empty, annotations = cells(count)
    print(f"{f'{count:,} annotations':<52}{'ms':>10}{'target':>10}{'to floor':>10}")
    project = edits.add_annotations(empty, annotations)
    copying, making = floors(project)
    report("add_annotations of all", median(lambda: edits.add_annotations(empty, annotations)))
    ids = [annotation.id for annotation in annotations]
    bench_edits(project, ids, copying, making)
    bench_session(project, ids)


if __name__ == "__main__":
    main()
