"""Photographs of a person, a cat and a cup, side by side, and boxes around these."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.segment.found import Found, found_boxes

__all__ = ["collage"]

SUBJECTS = {
    "astronaut": ("person", (12, 22, 512, 380)),
    "chelsea": ("cat", (0, 20, 300, 395)),
    "coffee": ("cup", (18, 174, 308, 410)),
}
"""Names in scikit-image, with what they show and where: rows, then columns, from and to."""


def collage(seed: int, most: int = 3) -> tuple[NDArray[np.uint8], Found]:
    """Lay up to three photographs, some of them mirrored, on a blurred ground.

    Returns
    -------
    image : (Y, X, 3) uint8 array
        Of 360 to 560 rows and 480 to 800 columns.
    truth : Found
        With classes.
    """
    from scipy import ndimage
    from skimage import data, transform

    random = np.random.default_rng((seed, 91))
    shape = int(random.integers(360, 560)), int(random.integers(480, 800))
    image = random.normal(size=(*shape, 3))
    image = ndimage.gaussian_filter(image, (*random.uniform(2, 20, 2), 0))
    image = random.uniform(60, 200, 3) + random.uniform(5, 30) * image / image.std()
    free, names = np.ones(shape, bool), []
    boxes: list[NDArray[Any]] = []
    for _ in range(5 * most):
        name = str(random.choice(list(SUBJECTS)))
        kind, edges = SUBJECTS[name]
        photo, box = _mirrored(random, getattr(data, name)(), np.array(edges))
        scale = random.uniform(0.35, 0.6) * min(shape) / min(photo.shape[:2])
        size = [round(length * scale) for length in photo.shape[:2]]
        if len(boxes) == most or size[0] >= shape[0] or size[1] >= shape[1]:
            continue
        top, left = random.integers(0, np.subtract(shape, size))
        place = np.s_[top : top + size[0], left : left + size[1]]
        if not free[place].all():
            continue
        free[place] = False
        image[place] = transform.resize(photo, size, anti_aliasing=True, preserve_range=True)
        boxes.append(np.add(np.round(box * scale).astype(int), (top, left, top, left)))
        names.append(kind)
    image = (image - 128) * random.uniform(0.85, 1.15) + 128 + random.uniform(-15, 15)
    pixels = np.round(np.clip(image, 0, 255)).astype(np.uint8)
    return pixels, found_boxes(np.reshape(boxes, (-1, 4)), np.ones(len(boxes)), names)


def _mirrored(
    random: np.random.Generator, photo: NDArray[np.uint8], box: NDArray[Any]
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    if random.random() < 0.5:
        return photo, box
    width = photo.shape[1]
    return photo[:, ::-1], np.array((box[0], width - box[3], box[2], width - box[1]))
