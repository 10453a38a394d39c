"""Polygons become masks: pixels that several claim belong to the most probable one."""

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model import masks
from napari_piximi.progress import Progress, silent
from napari_piximi.segment.found import Found

__all__ = ["painted_polygons"]

_BETWEEN = 64


def painted_polygons(
    corners: NDArray[np.float32],
    scores: NDArray[np.float32],
    shape: tuple[int, int],
    progress: Progress = silent,
) -> Found:
    """Paint polygons, as ``polygons_to_label`` of the ``stardist`` package does.

    Parameters
    ----------
    corners : (N, 2, K) float32 array
        Rows, columns.
    scores : (N,) float32 array
    shape : (Y, X)
        Of the plane. What lies beyond is cut off.
    progress : Progress

    Returns
    -------
    Found
        In the order given, without those of which no pixel is left to be seen.
    """
    from skimage.draw import polygon

    # A byte for each pixel, touched only where there are objects: no label image is made.
    taken = np.zeros(shape, bool)
    found: dict[int, tuple[tuple[int, int, int, int], bytes]] = {}
    for done, number in enumerate(np.argsort(scores, kind="stable")[::-1].tolist()):
        if done % _BETWEEN == 0:
            progress(done, len(scores), "painting objects")
        rows, cols = polygon(*corners[number], shape)
        free = ~taken[rows, cols]
        rows, cols = rows[free], cols[free]
        if len(rows):
            taken[rows, cols] = True
            found[number] = _cut(rows, cols)
    order = sorted(found)
    return Found(
        np.array([found[n][0] for n in order], np.int64).reshape(-1, 4),
        tuple(found[n][1] for n in order),
        np.asarray(scores[order], np.float32),
    )


def _cut(
    rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> tuple[tuple[int, int, int, int], bytes]:
    top, left = int(rows.min()), int(cols.min())
    bottom, right = int(rows.max()) + 1, int(cols.max()) + 1
    mask = np.zeros((bottom - top, right - left), bool)
    mask[rows - top, cols - left] = True
    return (top, left, bottom, right), masks.encode(mask)
