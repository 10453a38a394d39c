"""Nuclei that touch, drawn from a seed: images and the truth about them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model import edits
from napari_piximi.model.labels import annotations_of
from napari_piximi.model.project import Project, new_kind, new_project
from napari_piximi.model.segmentation import THRESHOLDS, SegmentationScore
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, default_channels
from napari_piximi.segment.running import Request
from napari_piximi.segment.scoring import score_images
from napari_piximi.segment.segmenters.threshold import ThresholdSettings

KIND = "nuclei"


def nuclei(
    seed: int, size: int = 160, clusters: int = 9
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw nuclei in clusters of up to 5 that touch, with blur, noise and uneven light.

    Returns
    -------
    image : (Y, X) uint8 array
    labels : (Y, X) int32 array
        1, 2, … in order, without gaps; each object has at least 40 pixels.
    """
    from scipy import ndimage

    random = np.random.default_rng((seed, 77))
    rows, columns = np.mgrid[:size, :size].astype(np.float64)
    labels, light = np.zeros((size, size), np.int32), np.zeros((size, size))
    for _ in range(clusters):
        row, column = random.uniform(0, size, 2)
        for _ in range(random.integers(1, 6)):
            lie = _ellipse(random, rows - row, columns - column) & (labels == 0)
            if lie.sum() >= 40:
                labels[lie] = labels.max() + 1
                light[lie] = random.uniform(0.4, 1.0)
            turn, step = random.uniform(0, 2 * np.pi), random.uniform(13, 19)
            row, column = row + step * np.sin(turn), column + step * np.cos(turn)
    texture = ndimage.gaussian_filter(random.normal(size=light.shape), 2)
    light *= 1 + 0.25 * texture / texture.std()
    seen = ndimage.gaussian_filter(light, 1.5)
    turn = random.uniform(0, 2 * np.pi)
    slope = ((rows - size / 2) * np.sin(turn) + (columns - size / 2) * np.cos(turn)) / size
    uneven = 1 + slope
    seen = 0.75 * seen * uneven + 0.12 * uneven + random.normal(scale=0.05, size=seen.shape)
    return np.round(np.clip(seen / 1.5, 0, 1) * 255).astype(np.uint8), _whole(labels)


def nuclei_project(seeds: Sequence[int], size: int = 160, clusters: int = 9) -> Project:
    """Make a project of such images, named by their seeds, with their nuclei annotated."""
    project = new_project("nuclei")
    kind, unknown = new_kind(KIND, kind_id=KIND)
    project = edits.add_kind(project, kind, unknown)
    images, found = [], []
    for seed in seeds:
        pixels, labels = nuclei(seed, size, clusters)
        array = ArrayPixels(pixels[np.newaxis, :, :, np.newaxis])
        category = project.kinds[IMAGE_KIND].unknown
        image = Image(f"i{seed}", f"nuclei {seed}", category, array, channels=default_channels(1))
        images.append(image)
        numbers = iter(range(labels.max()))
        found += annotations_of(
            labels,
            image=image,
            kind=kind,
            name=f"nucleus {seed}",
            make_id=lambda seed=seed, numbers=numbers: f"a{seed}-{next(numbers)}",  # type: ignore[misc]
        )
    return edits.add_annotations(edits.add_images(project, images), found)


def score(project: Project, request: Request, kind: str = KIND) -> SegmentationScore:
    """Judge a segmenter by all images of such a project."""
    images = [image.id for image in project.images()]
    return score_images(project, request, kind, images)[0]


def best_threshold(project: Project, grid: Sequence[ThresholdSettings]) -> ThresholdSettings:
    """Find the settings with the largest F1 at 0.75 on a project."""
    at = THRESHOLDS.index(0.75)
    return max(grid, key=lambda one: score(project, Request("threshold", one, (0,))).f1[at])


def _ellipse(
    random: np.random.Generator, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.bool_]:
    long, turn = random.uniform(8, 13), random.uniform(0, np.pi)
    short = long * random.uniform(0.6, 1.0)
    along = rows * np.sin(turn) + columns * np.cos(turn)
    across = rows * np.cos(turn) - columns * np.sin(turn)
    return np.asarray((along / long) ** 2 + (across / short) ** 2 <= 1)


def _whole(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Keep of each object its largest piece, if it has 40 pixels, and number them anew."""
    from skimage.measure import label
    from skimage.segmentation import relabel_sequential

    kept = np.zeros_like(labels)
    pieces = label(labels, connectivity=1)  # pieces of equal value that hang together
    sizes = np.bincount(pieces.ravel())
    owners = np.zeros(sizes.size, np.int64)
    owners[pieces.ravel()] = labels.ravel()
    order = np.lexsort((-sizes, owners))
    first = np.ones(order.size, bool)
    first[1:] = owners[order][1:] != owners[order][:-1]
    largest = order[first]
    largest = largest[(owners[largest] > 0) & (sizes[largest] >= 40)]
    keep = np.isin(pieces, largest)
    kept[keep] = labels[keep]
    return np.asarray(relabel_sequential(kept)[0], np.int32)
