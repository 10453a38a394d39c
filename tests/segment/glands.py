"""Glands of the colon as haematoxylin and eosin show them, drawn from a seed, and their truth."""

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model import edits
from napari_piximi.model.labels import annotations_of
from napari_piximi.model.project import Project, new_kind, new_project
from napari_piximi.model.things import IMAGE_KIND, ArrayPixels, Image, default_channels

__all__ = ["KIND", "glands", "glands_project"]

KIND = "glands"
SHAPE = (522, 775)
"""Of the images of the GlaS contest."""
HARMONICS = np.arange(2, 7)
STROMA, CELL, NUCLEUS, LUMEN = (226, 158, 190), (196, 132, 178), (96, 58, 128), (240, 230, 240)

Floats = NDArray[np.float64]


def glands(
    seed: int, shape: tuple[int, int] = SHAPE, most: int = 40
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw glands: rings of cells, with nuclei outside, around lumina, on fibrous stroma.

    Parameters
    ----------
    seed : int
    shape : (rows, columns)
    most : int
        Glands to try to place; those that would touch others are left out.

    Returns
    -------
    image : (Y, X, 3) uint8 array
    labels : (Y, X) int32 array
        1, 2, … in order. Glands include their lumina, lie 6 pixels apart or more, and may be cut
        off by the border. White gaps and dark cells between them are no glands.
    """
    from scipy import ndimage
    from skimage.segmentation import relabel_sequential

    random = np.random.default_rng((seed, 55))
    labels, inner = np.zeros(shape, np.int32), np.zeros(shape, bool)
    image = np.asarray(STROMA, np.float64) + 14 * _fibres(random, shape)[..., np.newaxis]
    image = _with_gaps(random, image)
    image = _with_nuclei(image, _scattered(random, shape))
    for number in range(1, most + 1):
        place, outline, lumen = _gland(random, shape)
        near = ndimage.binary_dilation(outline, iterations=6) & (labels[place] > 0)
        if outline.sum() > 900 and not near.any():
            labels[place][outline] = number
            inner[place] |= lumen & outline
    cells = (labels > 0) & ~inner
    image[cells] = np.asarray(CELL) + 9 * _fibres(random, shape)[cells][:, np.newaxis]
    image[inner] = np.asarray(LUMEN) - 6 * np.abs(_fibres(random, shape))[inner][:, np.newaxis]
    image = _with_nuclei(image, _along_the_edge(random, labels, inner))
    image = ndimage.gaussian_filter(image, (1, 1, 0)) * random.uniform(0.92, 1.06, 3)
    image += random.normal(scale=4, size=image.shape)
    found = np.asarray(relabel_sequential(labels)[0], np.int32)
    return np.round(np.clip(image, 0, 255)).astype(np.uint8), found


def _gland(
    random: np.random.Generator, shape: tuple[int, int]
) -> tuple[tuple[slice, slice], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return a window with a wavy, stretched disc, and the smaller one inside without cells."""
    row, column = random.uniform(0, shape[0]), random.uniform(0, shape[1])
    turn, long = random.uniform(0, np.pi), random.uniform(45, 95)
    place = (
        slice(max(0, int(row - 2 * long)), min(int(row + 2 * long), shape[0])),
        slice(max(0, int(column - 2 * long)), min(int(column + 2 * long), shape[1])),
    )
    rows, columns = np.ogrid[place]
    down, across = rows - row, columns - column
    along = down * np.sin(turn) + across * np.cos(turn)
    aside = (down * np.cos(turn) - across * np.sin(turn)) / random.uniform(0.55, 1.0)
    waves = random.normal(size=(2, HARMONICS.size)) / HARMONICS * random.uniform(0.05, 0.22)
    angles = np.arctan2(aside, along)
    wavy = sum(
        a * np.cos(k * angles) + b * np.sin(k * angles)
        for k, a, b in zip(HARMONICS, *waves, strict=True)
    )
    away = np.hypot(along, aside) / np.maximum(1 + wavy, 0.3)
    wall = random.uniform(16, 26)
    return place, np.asarray(away < long), np.asarray(away < max(long - wall, 0.25 * long))


def _fibres(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return texture of deviation 1, stretched in one direction."""
    from scipy import ndimage

    sigma = random.permutation((1.5, 6.0))
    fine = ndimage.gaussian_filter(random.normal(size=shape), sigma)
    coarse = ndimage.gaussian_filter(random.normal(size=shape), 12)
    return np.asarray((fine / fine.std() + coarse / coarse.std()) / np.sqrt(2))


def _with_gaps(random: np.random.Generator, image: Floats) -> Floats:
    """Tear white gaps, as wide as a lumen is, but without cells around."""
    from scipy import ndimage

    rough = ndimage.gaussian_filter(random.normal(size=image.shape[:2]), (9, 5))
    torn = rough > np.quantile(rough, 1 - random.uniform(0, 0.05))
    image[torn] = LUMEN
    return image


def _scattered(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return centres and directions of the nuclei of other cells."""
    count = int(shape[0] * shape[1] * random.uniform(4e-4, 1.6e-3))
    return random.uniform((0, 0, 0), (*shape, np.pi), (count, 3))


def _along_the_edge(
    random: np.random.Generator, labels: NDArray[np.int32], inner: NDArray[np.bool_]
) -> Floats:
    """Return centres of nuclei some pixels inside of glands, pointing inwards."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(labels > 0, 1, mode="edge"))[1:-1, 1:-1]
    down, across = np.gradient(ndimage.gaussian_filter(depth, 2))
    ring = np.argwhere((depth > 5) & (depth < 11) & ~inner)
    chosen = ring[random.random(len(ring)) < 0.022]
    directions = np.arctan2(down[tuple(chosen.T)], across[tuple(chosen.T)])
    return np.column_stack((chosen, directions + random.normal(scale=0.2, size=len(chosen))))


def _with_nuclei(image: Floats, nuclei: Floats) -> Floats:
    """Paint dark ellipses, given by centre and direction."""
    from skimage.draw import ellipse

    for row, column, turn in nuclei:
        image[ellipse(row, column, 3.2, 6, image.shape[:2], -turn)] = NUCLEUS
    return image


def glands_project(*seeds: int) -> Project:
    """Make a project of such images, named by their seeds, with their glands annotated."""
    project = new_project("glands")
    kind, unknown = new_kind(KIND, kind_id=KIND)
    project = edits.add_kind(project, kind, unknown)
    for seed in seeds:
        pixels, labels = glands(seed)
        category = project.kinds[IMAGE_KIND].unknown
        array = ArrayPixels(pixels[np.newaxis])
        image = Image(f"i{seed}", f"glands {seed}", category, array, channels=default_channels(3))
        project = edits.add_images(project, [image])
        made = annotations_of(labels, image=image, kind=kind, name=f"gland {seed}")
        project = edits.add_annotations(project, made)
    return project
