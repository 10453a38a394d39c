"""Accuracy from few labels: 20 a class, five seeds, on digits and on faces.

    python benchmarks/bench_quality.py

The digits are scikit-learn's 1,797; the faces are scikit-image's ``lfw_subset``, the first 100
images faces and the others not. Each row is fitted and asked under the same splits through
`fit` and `predict`; the accuracy is that of the things withheld (1,597 and 160). The row
"proposed" is, seed by seed, what :func:`propose` chose by cross-validation on the labels
alone; it has not seen the things withheld.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from skimage.data import lfw_subset
from sklearn.datasets import load_digits

from napari_piximi.learn.classifier import apply_fit, fit, predict
from napari_piximi.learn.proposal import propose
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, Partition
from napari_piximi.model.training import FOREST, PRESETS, Settings

LABELS = 20
CANDIDATES = {
    "SimpleCNN": Settings(),
    "forest": Settings(architecture=FOREST),
}

Data = tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]


def digits() -> Data:
    """Return pixels (N, Y, X), the class of each, and the names of classes."""
    data = load_digits()
    pixels = np.round(data.images / 16 * 255).astype(np.uint8)
    return pixels, data.target, tuple(map(str, range(10)))


def faces() -> Data:
    """Return pixels (N, Y, X), the class of each, and the names of classes."""
    pixels = lfw_subset()
    pixels = np.round(pixels / pixels.max() * 255).astype(np.uint8)
    return pixels, np.repeat([0, 1], 100), ("face", "background")


def project_of(data: Data, seed: int) -> tuple[Project, Mapping[str, str]]:
    """Make a project with 20 labels a class, and tell the true category of each image."""
    pixels, classes, names = data
    project = new_project("few labels")
    for name in names:
        project = edits.create_category(project, IMAGE_KIND, name)
    categories = project.known_categories(IMAGE_KIND)
    draws = np.random.default_rng(seed)
    chosen = {
        int(i)
        for one in range(len(names))
        for i in draws.choice(np.flatnonzero(classes == one), LABELS, replace=False)
    }
    truth = {f"image_{i}": categories[one] for i, one in enumerate(classes)}
    unknown = project.kinds[IMAGE_KIND].unknown
    images = [
        Image(
            key,
            key,
            truth[key] if i in chosen else unknown,
            ArrayPixels(pixels[i][None, :, :, None]),
            partition=Partition.UNASSIGNED if i in chosen else Partition.INFERENCE,
        )
        for i, key in enumerate(truth)
    ]
    return edits.add_images(project, images), truth


def withheld_accuracy(project: Project, truth: Mapping[str, str], settings: Settings) -> float:
    result = fit(project, IMAGE_KIND, settings, name="quality")
    said = predict(apply_fit(project, result), result.classifier).predictions()
    return float(np.mean([said[key].category == truth[key] for key in said]))


def compare(name: str, data: Data, seeds: range, rows: Mapping[str, Settings]) -> None:
    scores: dict[str, list[float]] = {row: [] for row in (*rows, "proposed")}
    seconds: dict[str, list[float]] = {row: [] for row in scores}
    for seed in seeds:
        project, truth = project_of(data, seed)
        for row, settings in rows.items():
            started = time.perf_counter()
            scores[row].append(withheld_accuracy(project, truth, replace(settings, seed=seed)))
            seconds[row].append(time.perf_counter() - started)
        started = time.perf_counter()
        candidates = [replace(settings, seed=seed) for settings in CANDIDATES.values()]
        proposal = propose(project, IMAGE_KIND, candidates)
        seconds["proposed"].append(time.perf_counter() - started)
        chosen = list(CANDIDATES)[proposal.best]
        scores["proposed"].append(scores[chosen][-1])
        said = "  ".join(
            f"{candidate} {e.accuracy:.4f} ({e.cross_entropy:.3f})"
            for candidate, e in zip(CANDIDATES, proposal.evaluations, strict=True)
        )
        print(f"{name} seed {seed}: {said} -> {chosen}", flush=True)
    for row, values in scores.items():
        each = " ".join(f"{value:.4f}" for value in values)
        spent = f"{np.mean(seconds[row]):.1f} s"
        print(f"{name:7s} {row:16s} mean {np.mean(values):.4f}  [{each}]  {spent}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--data", choices=("digits", "faces"), nargs="*")
    asked = parser.parse_args()
    sets: Mapping[str, Callable[[], Data]] = {"digits": digits, "faces": faces}
    rows = {"Piximi defaults": PRESETS["Piximi defaults"], **CANDIDATES}
    warnings.simplefilter("ignore")
    for name in asked.data or sets:
        compare(name, sets[name](), range(asked.first, asked.first + asked.seeds), rows)


if __name__ == "__main__":
    main()
