"""The forest: features of many objects, a refit after one more label, 100,000 answers.

    python benchmarks/bench_forest.py [--count 100000]

Objects are round cells of about 40 to 48 pixels across, cropped from images of three channels
in memory; beside each figure stands what it is of.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from skimage.measure import regionprops_table

from napari_piximi.learn.classifier import fit, predict
from napari_piximi.learn.feature_rows import REMEMBERED, Remembered, feature_rows
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, Partition
from napari_piximi.model.training import FOREST, Settings

SIDE = 48
PER_ROW = 20


def cells(count: int, labelled: int) -> tuple[Project, str]:
    """Make a project with objects of two categories; return it and the id of their kind."""
    project = edits.create_kind(new_project("cells"), "cell")
    kind = project.find_kind("cell").id
    for name in ("smooth", "rough"):
        project = edits.create_category(project, kind, name)
    categories = project.known_categories(kind)
    draws = np.random.default_rng(0)
    per_image = PER_ROW**2
    size = PER_ROW * SIDE
    images, annotations = [], []
    y, x = np.ogrid[:SIDE, :SIDE]
    for start in range(0, count, per_image):
        pixels = draws.integers(60, 120, (1, size, size, 3), dtype=np.uint8)
        key = f"image_{start}"
        images.append(Image(key, key, project.kinds["Image"].unknown, ArrayPixels(pixels)))
        for i in range(start, min(start + per_image, count)):
            row, column = divmod(i - start, PER_ROW)
            top, left = row * SIDE, column * SIDE
            rough = i % 2
            if rough:
                noise = draws.integers(0, 80, (SIDE, SIDE, 3), dtype=np.uint8)
                pixels[0, top : top + SIDE, left : left + SIDE] += noise
            radius = draws.uniform(SIDE * 0.42, SIDE * 0.5)
            mask = (y - SIDE / 2 + 0.5) ** 2 + (x - SIDE / 2 + 0.5) ** 2 < radius**2
            known = i < labelled
            annotations.append(
                Annotation(
                    f"cell_{i}",
                    f"cell {i}",
                    kind,
                    categories[rough] if known else project.kinds[kind].unknown,
                    key,
                    (top, left, top + SIDE, left + SIDE),
                    masks.encode(mask),
                    partition=Partition.UNASSIGNED if known else Partition.INFERENCE,
                )
            )
    project = edits.add_images(project, images)
    return edits.add_annotations(project, annotations), kind


def seconds(function: object, *args: object, **options: object) -> float:
    started = time.perf_counter()
    function(*args, **options)  # type: ignore[operator]
    return time.perf_counter() - started


def peer(project: Project, kind: str, count: int) -> float:
    """Measure the same shapes and intensities with scikit-image, object by object."""
    things = list(project.of_kind(kind))[:count]
    axes = ("axis_major_length", "axis_minor_length", "eccentricity", "perimeter")
    intensities = ("intensity_mean", "intensity_std", "intensity_min", "intensity_max")
    wanted = ("area", "extent", *axes, *intensities)
    started = time.perf_counter()
    for thing in things:
        top, left, bottom, right = thing.bbox  # type: ignore[union-attr]
        image = np.asarray(project.things[thing.image].pixels)[0]  # type: ignore[union-attr]
        mask = masks.decode(thing.runs, (SIDE, SIDE))  # type: ignore[union-attr]
        regionprops_table(
            mask.astype(np.uint8), image[top:bottom, left:right] / 255, properties=wanted
        )
    return (time.perf_counter() - started) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    count = parser.parse_args().count
    project, kind = cells(1001, 1001)
    things = list(project.of_kind(kind))
    cold = seconds(feature_rows, project, things[:1000], 3, remembered=Remembered(2**26))
    print(f"features of 1,000 objects of {SIDE}x{SIDE}x3: {cold:.3f} s")
    slow = peer(project, kind, 100) * 1000
    print(f"  10 of them (of 82) by scikit-image, one by one: {slow:.3f} s")
    settings = Settings(architecture=FOREST)
    less = edits.delete_things(project, ["cell_1000"])
    fit(less, kind, settings, name="forest")
    again = seconds(fit, project, kind, settings, name="forest")
    print(f"refit on 1,001 objects, one of them new: {again:.3f} s")
    fitted = fit(project, kind, settings, name="forest").classifier
    REMEMBERED.__init__(REMEMBERED.limit)  # type: ignore[misc]
    project, kind = cells(count, 0)
    map_to = project.known_categories(kind)
    classifier = replace(fitted, kind=kind, class_map=map_to)
    first = seconds(predict, project, classifier)
    print(f"predict {count:,} objects, features included: {first:.1f} s")
    second = seconds(predict, project, classifier)
    print(f"predict them again, features remembered: {second:.1f} s")


if __name__ == "__main__":
    main()
