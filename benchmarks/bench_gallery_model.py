"""How fast 100,000 things are filtered, sorted and selected, beside floors in the same run.

Run ``python benchmarks/bench_gallery_model.py`` (about half a minute), or with
``--things 10000``.
"""

import argparse
import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from napari_piximi.model import edits, masks
from napari_piximi.model.gallery import Gallery, Query, Ranking, SortKey
from napari_piximi.model.labels import annotations_of, labels_of
from napari_piximi.model.project import Project, new_kind, new_project, touched
from napari_piximi.model.things import (
    Annotation,
    ArrayPixels,
    Image,
    Partition,
    Prediction,
    default_channels,
)

KIND = "cell"


def timed(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the median of some wall times, in seconds."""
    return statistics.median(timed(work) for _ in range(repeats))


def report(label: str, seconds: float, target: float | None = None, floor: float = 0.0) -> None:
    wanted = f"{target * 1000:10.0f}" if target else f"{'':>10}"
    ratio = f"{seconds / floor:9.2f}×" if floor else ""
    print(f"{label:<52}{seconds * 1000:10.2f}{wanted}{ratio}", flush=True)


def cells(count: int) -> Project:
    """Make 100 images with annotations: half labelled, two thirds predicted, names at random."""
    draw = np.random.default_rng(0)
    project = edits.add_kind(new_project("benchmark"), *new_kind(KIND, kind_id=KIND))
    for name in ("round", "long"):
        project = edits.create_category(project, KIND, name, category_id=f"1{name}")
    pixels = ArrayPixels(np.zeros((1, 64, 64, 3), np.uint8))
    image = Image("", "", next(iter(project.kinds.values())).unknown, pixels)
    image = replace(image, channels=default_channels(3))
    images = [replace(image, id=f"1image{i}", name=f"plate {i}.tif") for i in range(100)]
    rows, columns = np.mgrid[:32, :32] - 15.5
    outlines = [masks.encode(rows**2 + columns**2 < size) for size in np.linspace(20, 250, 50)]
    names, shapes = draw.integers(0, 10**6, count), draw.integers(0, 50, count)
    unknown = project.kinds[KIND].unknown
    annotations = [
        Annotation(
            f"1object{i}", f"Object {names[i]}", KIND, unknown, f"1image{i * 100 // count}",
            (0, 0, 32, 32), outlines[shapes[i]],
        )
        for i in range(count)
    ]  # fmt: skip
    project = edits.add_annotations(edits.add_images(project, images), annotations)
    ids = [annotation.id for annotation in annotations]
    project = edits.categorize(project, ids[::2], "1round")
    said = dict(zip(ids, draw.random(count).tolist(), strict=True))
    return edits.set_predictions(
        project, {key: Prediction("1long", p) for i, (key, p) in enumerate(said.items()) if i % 3}
    )


def opened(project: Project, query: Query | None = None) -> Gallery:
    gallery = Gallery(project)
    gallery.set_query(query or Query(KIND))
    assert gallery.ids is not None
    return gallery


def bench_queries(project: Project, sorting: float) -> None:
    gallery = opened(project)

    def ask(query: Query) -> None:
        gallery.set_query(query)
        assert gallery.ids is not None

    for sort in (key for key in SortKey if key != SortKey.SUGGESTED):
        limit = 0.120 if sort in {SortKey.AREA, SortKey.NAME} else 0.060
        gallery = opened(project)
        first = timed(partial(ask, Query(KIND, sort)))
        report(f"sort by {sort}, first time", first, limit, sorting)
        turned = [timed(partial(ask, Query(KIND, sort, n % 2 == 0))) for n in range(6)]
        again = statistics.median(turned)
        report(f"sort by {sort}, turned round", again, 0.060, sorting)
    scores = np.random.default_rng(1).random(len(gallery.columns))
    ranking = Ranking("margin", tuple(gallery.columns.ids), scores)
    suggested = Query(KIND, SortKey.SUGGESTED, ranking=ranking)
    gallery = opened(project)
    report("sort by suggestions, first time", timed(partial(ask, suggested)), 0.150, sorting)
    turned = [timed(partial(ask, replace(suggested, descending=n % 2 == 0))) for n in range(6)]
    report("sort by suggestions, turned round", statistics.median(turned), 0.060, sorting)
    ids = frozenset(list(project.things)[-len(gallery.columns) :: 3])
    filters: dict[str, Query] = {
        "text": Query(KIND, text="99"),
        "image": Query(KIND, image="1image7"),
        "category": Query(KIND, categories=frozenset(["1round"])),
        "partition": Query(KIND, partitions=frozenset([Partition.INFERENCE])),
        "predicted": Query(KIND, predicted=frozenset(["1long"])),
        "probability": Query(KIND, probability=(0.5, 0.9)),
        "labelled": Query(KIND, labelled=True),
        "only a third": Query(KIND, only=ids),
        "text, category, probability, sorted by name": Query(
            KIND, SortKey.NAME, text="9", predicted=frozenset(["1long"]), probability=(0.1, 1.0)
        ),
    }
    for name, query in filters.items():
        limit = 0.120 if query.sort == SortKey.NAME else 0.060
        report(f"filter by {name}, first time", timed(partial(ask, query)), limit)


def presses(gallery: Gallery, ids: list[str]) -> Iterator[float]:
    """Categorise one thing after another; yield what following each takes."""
    for number, key in enumerate(ids):
        category = ("1round", "1long")[number % 2]
        before = gallery.project
        after = edits.categorize(before, [key], category)
        yield timed(partial(gallery.update, before, after))


def bench_updates(project: Project, ids: list[str], telling: float) -> None:
    queries = [Query(KIND, sort) for sort in SortKey]
    queries += [Query(KIND, SortKey.UNCERTAINTY, labelled=False), Query(KIND, text="9")]
    for query in queries:
        gallery = opened(project, query)
        if gallery.ids:
            gallery.select([gallery.ids[0]])
        times = list(presses(gallery, ids[1:40:2]))
        extra = " + filter" if query.text or query.labelled is False else ""
        label = f"follow categorize one, by {query.sort}{extra}"
        report(label, statistics.median(times), 0.010, telling)
    every = edits.categorize(project, ids, "1long")
    for sort in (SortKey.ADDED, SortKey.CATEGORY, SortKey.NAME):
        gallery = opened(project, Query(KIND, sort))
        gallery.select(gallery.ids)
        report(
            f"follow categorize all, all selected, by {sort}",
            timed(partial(gallery.update, project, every)), 0.120, telling,
        )  # fmt: skip
    gallery, less = opened(project), edits.delete_things(project, ids[500:501])
    report("follow delete one", timed(lambda: gallery.update(project, less)))


def bench_labels() -> None:
    stack = np.zeros((4096, 4096), np.int32)
    rows, columns = np.mgrid[:36, :36] - 18
    disk = rows**2 + columns**2 < 300
    for number in range(10_000):
        top, left = number // 100 * 40, number % 100 * 40
        stack[top : top + 36, left : left + 36][disk] = number + 1
    kind, unknown = new_kind(KIND)
    pixels = ArrayPixels(np.broadcast_to(np.uint8(0), (1, 4096, 4096, 1)))
    image = Image("1image", "image.tif", unknown.id, pixels)
    floor = median(lambda: np.flatnonzero(stack.ravel()[1:] != stack.ravel()[:-1]))
    report("floor: find the edges of 4096 × 4096 labels", floor)
    found = annotations_of(stack, image=image, kind=kind, name=KIND)
    report(
        "annotations_of 10,000 objects",
        median(lambda: annotations_of(stack, image=image, kind=kind, name=KIND)), 0.5, floor,
    )  # fmt: skip
    report("labels_of 10,000 annotations", median(lambda: labels_of(found, (1, 4096, 4096))), 0.5)


def memory(project: Project) -> float:
    """Return the megabytes that a gallery takes of which everything has been asked."""
    tracemalloc.start()
    gallery = opened(project)
    for sort in SortKey:
        gallery.set_query(Query(KIND, sort, text="9"))
    gallery.set_query(Query(KIND))
    gallery.select(gallery.ids)
    gallery.counts()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, default=100_000)
    count = parser.parse_args().things
    project = cells(count)
    print(f"{f'{count:,} annotations':<52}{'ms':>10}{'target':>10}{'to floor':>10}")
    things = list(project.things.values())
    copying = median(lambda: [thing.id for thing in things])
    keys = np.random.default_rng(0).random(count)
    sorting = median(lambda: np.argsort(keys, kind="stable"))
    report("floor: list the ids of all things", copying)
    report("floor: np.argsort of as many numbers", sorting)
    report("Gallery(project), query for the kind", median(lambda: opened(project)), 0.150, copying)
    bench_queries(project, sorting)
    gallery = opened(project)
    report("select all", timed(lambda: gallery.select(gallery.ids)), 0.020, copying)
    ids, gallery = list(gallery.ids), opened(project)
    report("select all, from a list", timed(lambda: gallery.select(ids)), 0.020, copying)
    report("row of all, one by one", timed(lambda: [gallery.row(key) for key in ids]))
    report("counts, first time", timed(gallery.counts))
    other = edits.categorize(project, [ids[1]], "1long")
    telling = median(lambda: touched(project, other))
    report("floor: touched(before, after) of one", telling)
    bench_updates(project, ids, telling)
    bench_labels()
    print(f"{'memory at most, everything asked':<52}{memory(project):10.1f} MB (target 100)")


if __name__ == "__main__":
    main()
