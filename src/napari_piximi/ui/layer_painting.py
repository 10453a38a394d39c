"""Where the user may have painted: what napari's Labels layers tell of it, as regions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.raster import Region, joined

__all__ = ["all_planes", "different_regions", "painted_regions"]


def painted_regions(value: Any, shape: Sequence[int]) -> list[Region]:  # noqa: ANN401
    """Return the regions that a `paint` event of a Labels layer tells of.

    Parameters
    ----------
    value : list
        The event's value: one item for each step of the stroke, with the changed box as slices
        (napari 0.7 and later), or beginning with the indices of the changed pixels.
    shape : (Z, Y, X)
        Of the labels.

    Returns
    -------
    list of Region
        All planes where the event tells nothing that we understand.
    """
    try:
        found = [region for item in value for region in _of_item(item, shape)]
    except (TypeError, ValueError, IndexError, AttributeError):
        return all_planes(shape)
    return joined(found)


def all_planes(shape: Sequence[int]) -> list[Region]:
    """Return one region for each plane."""
    return [Region(plane, 0, 0, shape[1], shape[2]) for plane in range(shape[0])]


def different_regions(before: NDArray[Any], after: NDArray[Any]) -> list[Region]:
    """Return the planes on which labels differ; compared plane by plane, to save memory."""
    return [
        region
        for region in all_planes(before.shape)
        if not np.array_equal(before[region.plane], after[region.plane])
    ]


def _of_item(item: Any, shape: Sequence[int]) -> list[Region]:  # noqa: ANN401
    key = getattr(item, "slice_key", None)
    spans = [_span(part) for part in (item[0] if key is None else key)]
    if len(spans) == 2:
        spans = [(0, 1), *spans]
    if not spans[0]:
        return []
    (first, last), (top, bottom), (left, right) = (
        (max(0, low), min(high, size)) for (low, high), size in zip(spans, shape, strict=True)
    )
    return [Region(plane, top, left, bottom, right) for plane in range(first, last)]


def _span(part: Any) -> tuple[int, int]:  # noqa: ANN401
    """Return first and last but one index of a slice, a number, or an array of indices."""
    if isinstance(part, slice):
        if part.start is None or part.stop is None or part.start < 0 or part.stop < 0:
            return 0, 1 << 40
        return int(part.start), int(part.stop)
    indices = np.asarray(part)
    if indices.dtype.kind not in "iu" or not indices.size or indices.min() < 0:
        raise ValueError(f"{part!r} are no indices")
    return int(indices.min()), int(indices.max()) + 1
