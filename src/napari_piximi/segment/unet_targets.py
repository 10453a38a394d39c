"""What a U-Net is to say of each pixel, made from labels, and labels made from what it says."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["BORDER", "CLASSES", "INSIDE", "OUTSIDE", "classes_of", "labels_from"]

OUTSIDE, INSIDE, BORDER = 0, 1, 2
CLASSES = ("outside", "inside", "border")
"""What each output of a network stands for, in order."""

Floats = NDArray[np.float32]

NEAR = 0.1
"""What a pixel of distance counts for beside the probability of the inside, as objects grow."""


def classes_of(labels: NDArray[np.integer], border: int) -> NDArray[np.uint8]:
    """Say of each pixel whether it is inside of an object, in its border, or outside.

    The border is the outermost part of each object, so that a band twice as wide lies between
    objects that touch, and objects keep their size. The edge of the image is no border.

    Parameters
    ----------
    labels : (Y, X) integer array
        0 is background.
    border : int
        Width in pixels. Of an object that is too small to have anything else, the pixels
        farthest from its edge are inside all the same.

    Returns
    -------
    (Y, X) uint8 array
        :data:`OUTSIDE`, :data:`INSIDE` or :data:`BORDER`.
    """
    from scipy import ndimage

    filled = labels > 0
    if not filled.any():
        return np.zeros(labels.shape, np.uint8)
    edge = _edges(labels) & filled
    if not edge.any():  # the whole image is one object
        return np.where(filled, INSIDE, OUTSIDE).astype(np.uint8)
    depth = np.where(filled, ndimage.distance_transform_edt(~edge) + 1, 0)
    numbers, places = np.unique(labels[filled], return_inverse=True)
    deepest = np.zeros(numbers.size)
    np.maximum.at(deepest, places, depth[filled])
    limits = np.zeros(labels.shape)
    limits[filled] = np.minimum(border + 0.5, 0.6 * deepest)[places]
    return np.where(filled, np.where(depth > limits, INSIDE, BORDER), OUTSIDE).astype(np.uint8)


def labels_from(
    probabilities: Floats, threshold: float = 0.5, seed: float = 0.5, min_size: int = 0
) -> tuple[NDArray[np.int32], Floats]:
    """Make objects of what a network says.

    Each piece that is inside becomes an object, and grows over the border that it shares with
    others by a watershed on its distance and on how sure the network is of the inside.

    Parameters
    ----------
    probabilities : (Y, X, 3) array
        Of :data:`CLASSES`.
    threshold : float
        A pixel belongs to an object where inside and border together are at least as likely.
    seed : float
        A pixel begins an object where inside alone is at least as likely.
    min_size : int
        Smaller objects are left out, in pixels.

    Returns
    -------
    labels : (Y, X) int32 array
        1, 2, … in the order of their first pixels.
    scores : (N,) float32 array
        Of each object: the mean of how likely its pixels are to be of an object.
    """
    from scipy import ndimage
    from skimage.segmentation import watershed

    inside, anything = probabilities[..., INSIDE], 1 - probabilities[..., OUTSIDE]
    body = anything >= threshold
    seeds, count = ndimage.label((inside >= seed) & body)
    if not count:
        return np.zeros(body.shape, np.int32), np.zeros(0, np.float32)
    away = ndimage.distance_transform_edt(seeds == 0).astype(np.float32)
    labels = watershed(NEAR * away - inside, seeds, mask=body)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = sizes >= max(min_size, 1)
    kept[0] = False
    numbers = np.zeros(count + 1, np.int32)
    numbers[kept] = np.arange(1, kept.sum() + 1)
    sums = np.bincount(labels.ravel(), anything.ravel(), count + 1)
    return numbers[labels], (sums[kept] / sizes[kept]).astype(np.float32)


def _edges(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Find the pixels with a neighbour, also a diagonal one, of another label."""
    edge = np.zeros(labels.shape, bool)
    ways = ((slice(1, None), slice(None)), (slice(None), slice(1, None)))
    for way in ways:
        _mark(edge, labels, way, tuple(_other(part) for part in way))
    _mark(edge, labels, (slice(1, None), slice(1, None)), (slice(None, -1), slice(None, -1)))
    _mark(edge, labels, (slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None)))
    return edge


def _mark(
    edge: NDArray[np.bool_],
    labels: NDArray[np.integer],
    one: tuple[slice, ...],
    other: tuple[slice, ...],
) -> None:
    differ = labels[one] != labels[other]
    edge[one] |= differ
    edge[other] |= differ


def _other(part: slice) -> slice:
    return slice(None, -1) if part.start else part
