"""Small projects to learn from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, Partition
from napari_piximi.model.training import Settings

QUICK = Settings(
    height=16,
    width=16,
    epochs=3,
    patience=0,
    shift=0.0,
    rotation=0.0,
    zoom=0.0,
    averaging=0.0,
    label_smoothing=0.0,
)
"""Settings of a fit that takes a second."""


def with_categories(*names: str) -> tuple[Project, tuple[str, ...]]:
    """Make a project whose images have categories; return it and their ids."""
    project = new_project()
    for name in names:
        project = edits.create_category(project, IMAGE_KIND, name)
    return project, project.known_categories(IMAGE_KIND)


def image(
    key: str,
    pixels: NDArray[Any],
    category: str,
    partition: Partition = Partition.UNASSIGNED,
    plane: int = 0,
    bit_depth: int = 8,
) -> Image:
    """Make an image of one plane (Y, X, C), or of all planes (Z, Y, X, C)."""
    planes = pixels if pixels.ndim == 4 else pixels[None]
    return Image(
        key, f"name of {key}", category, ArrayPixels(planes), bit_depth, (), partition, plane
    )


def bars(count: int = 40, size: int = 16, channels: int = 1, seed: int = 0) -> Project:
    """Noisy images with a bright bar, upright or lying; the last quarter is not labelled."""
    project, categories = with_categories("upright", "lying")
    draws = np.random.default_rng(seed)
    images = []
    for i in range(count):
        pixels = draws.integers(0, 60, (size, size, channels), dtype=np.uint8)
        where = int(draws.integers(2, size - 4))
        pixels[
            (slice(None), slice(where, where + 3)) if i % 2 == 0 else slice(where, where + 3)
        ] = 220
        labelled = i < count * 3 // 4
        category = categories[i % 2] if labelled else project.kinds[IMAGE_KIND].unknown
        partition = Partition.UNASSIGNED if labelled else Partition.INFERENCE
        images.append(image(f"i{i}", pixels, category, partition))
    return edits.add_images(project, images)


def labelled(project: Project, counts: Sequence[int], size: int = 16) -> Project:
    """Add random images, so many of each known category."""
    draws = np.random.default_rng(1)
    images = [
        image(f"{category}-{i}", draws.integers(0, 255, (size, size, 1), dtype=np.uint8), category)
        for category, count in zip(project.known_categories(IMAGE_KIND), counts, strict=True)
        for i in range(count)
    ]
    return edits.add_images(project, images)


def digits(seed: int, per_class: int = 20) -> tuple[Project, dict[str, str]]:
    """scikit-learn's 1,797 digits, some labelled; return also the true category of each."""
    data = load_digits()
    project, categories = with_categories(*(f"digit {i}" for i in range(10)))
    draws = np.random.default_rng(seed)
    chosen = {
        int(i)
        for digit in range(10)
        for i in draws.choice(np.flatnonzero(data.target == digit), per_class, replace=False)
    }
    truth = {f"d{i}": categories[digit] for i, digit in enumerate(data.target)}
    unknown = project.kinds[IMAGE_KIND].unknown
    pixels = np.round(data.images / 16 * 255).astype(np.uint8)[..., None]
    images = [
        image(key, pixels[i], truth[key])
        if i in chosen
        else image(key, pixels[i], unknown, Partition.INFERENCE)
        for i, key in enumerate(truth)
    ]
    return edits.add_images(project, images), truth


def moved(project: Project, key: str, **changes: Any) -> Project:  # noqa: ANN401
    """Replace attributes of one thing."""
    things = {**project.things, key: replace(project.things[key], **changes)}
    return replace(project, things=things)


def weights_of(model: Any) -> list[NDArray[Any]]:  # noqa: ANN401
    """Copy a model's weights; its own method warns on JAX with a new numpy."""
    return [np.asarray(variable).copy() for variable in model.weights]
