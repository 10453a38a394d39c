"""One plane of pixels that are needed once, as for a thumbnail."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io._zarr import StoredArray
from napari_piximi.model.things import Pixels

__all__ = ["read_plane"]


def read_plane(pixels: Pixels, plane: int) -> NDArray[Any]:
    """Read one plane.

    What lies in a bundle is read past the cache, which stays with what is used again.

    Parameters
    ----------
    pixels : Pixels
        (Z, Y, X, C).
    plane : int
        The last one is read where there are fewer.

    Returns
    -------
    (Y, X, C) array
        Not to be changed.

    Raises
    ------
    PiximiError, OSError
        If the pixels cannot be read.
    IndexError
        If there is no plane at all.
    """
    if isinstance(pixels, StoredArray):
        array = pixels.read()
        plane = plane if pixels.plane is None else pixels.plane
    else:
        array = np.asarray(pixels)
    return np.asarray(array[min(plane, len(array) - 1)])
