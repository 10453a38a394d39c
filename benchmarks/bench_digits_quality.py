"""Accuracy from few labels: scikit-learn's 1,797 digits, 20 labels a class, five seeds.

    python benchmarks/bench_digits_quality.py

Two rows: our defaults, and Piximi's with their doubled softmax, under the same splits, both
through `fit` and `predict`; the accuracy is that of the 1,597 digits withheld.
"""

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from sklearn.datasets import load_digits

from napari_piximi.learn.classifier import apply_fit, fit, predict
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, Partition
from napari_piximi.model.training import PRESETS

LABELS = 20
SEEDS = range(5)


def digits(seed: int) -> tuple[Project, Mapping[str, str]]:
    """Make the project, and tell the true category of each image."""
    data = load_digits()
    project = new_project("digits")
    for digit in range(10):
        project = edits.create_category(project, IMAGE_KIND, str(digit))
    categories = project.known_categories(IMAGE_KIND)
    draws = np.random.default_rng(seed)
    chosen = {
        int(i)
        for digit in range(10)
        for i in draws.choice(np.flatnonzero(data.target == digit), LABELS, replace=False)
    }
    truth = {f"digit_{i}": categories[digit] for i, digit in enumerate(data.target)}
    pixels = np.round(data.images / 16 * 255).astype(np.uint8)[:, None, :, :, None]
    unknown = project.kinds[IMAGE_KIND].unknown
    images = [
        Image(
            key,
            key,
            truth[key] if i in chosen else unknown,
            ArrayPixels(pixels[i]),
            partition=Partition.UNASSIGNED if i in chosen else Partition.INFERENCE,
        )
        for i, key in enumerate(truth)
    ]
    return edits.add_images(project, images), truth


def main() -> None:
    for name, settings in PRESETS.items():
        scores, seconds = [], []
        for seed in SEEDS:
            project, truth = digits(seed)
            started = time.perf_counter()
            result = fit(project, IMAGE_KIND, replace(settings, seed=seed), name="digits")
            seconds.append(time.perf_counter() - started)
            said = predict(apply_fit(project, result), result.classifier).predictions()
            scores.append(np.mean([said[key].category == truth[key] for key in said]))
        row = " ".join(f"{score:.4f}" for score in scores)
        print(f"{name:16s} mean {np.mean(scores):.4f}  [{row}]  fit {np.mean(seconds):.1f} s")


if __name__ == "__main__":
    main()
