"""Objects are what is brighter, or darker, than a threshold: nothing to download."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import SegmentError
from napari_piximi.model import masks
from napari_piximi.progress import Progress, silent
from napari_piximi.segment.catalog import Plane, Segmenter, setting
from napari_piximi.segment.components import fill_holes, pieces
from napari_piximi.segment.found import Found, found_labels, joined, off_the_edge, shifted, taken
from napari_piximi.segment.splitting import Again, split_touching
from napari_piximi.segment.thresholding import EDGE, Recipe, foreground

__all__ = ["SEGMENTERS", "ThresholdSettings", "find"]

OVERLAP, ROWS = 128, 256
STAGES = (
    "range",
    "smooth",
    "light",
    "histogram",
    "threshold",
    "looking for holes",
    "holes",
    "looking for pieces",
    "large objects",
    "objects",
)
UNCUT = 4096 * 4096
"""A piece whose box has more pixels than this stays as it is: a whole section, not a clump."""


@dataclass(frozen=True, slots=True)
class ThresholdSettings:
    """What counts as an object. The defaults are for a first look at any image.

    The metadata `when` of a field names another field, and those of its values with which this
    one is heeded.
    """

    method: str = setting(
        "Otsu",
        "Threshold",
        "How the threshold is found. Otsu: objects stand out clearly. Li: also faint objects. "
        "Triangle: few objects, most of the image empty. Local: brighter than what is around, "
        "for fine structures. Manual: the value below",
        choices=("Otsu", "Li", "Triangle", "Local", "Manual"),
    )
    objects: str = setting(
        "Auto",
        "Threshold",
        "Are objects brighter or darker than the background? Auto takes for background what "
        "most of the image's border shows",
        choices=("Auto", "Bright", "Dark"),
    )
    strictness: float = setting(
        0.85,
        "Threshold",
        "Less takes more: how far the threshold is from the background, as a multiple of what "
        "the method found. A little under 1 keeps dim objects whole. Manual does not heed it",
        min=0.1,
        max=10.0,
        when=("method", ("Otsu", "Li", "Triangle", "Local")),
    )
    value: float = setting(
        128.0,
        "Threshold",
        "The threshold for Manual, in the values that napari shows under the pointer",
        min=-1e9,
        max=1e9,
        when=("method", ("Manual",)),
    )
    block: int = setting(
        101,
        "Threshold",
        "How far Local looks around: the side of a square in pixels, larger than an object. "
        "An even number is rounded up",
        min=3,
        max=2001,
        when=("method", ("Local",)),
    )
    smoothing: float = setting(
        1.5,
        "Smoothing and light",
        "Blurs noise away before the threshold: sigma of a Gaussian in pixels, 0 for none",
        min=0.0,
        max=20.0,
    )
    even_light: bool = setting(
        True,
        "Smoothing and light",
        "Takes out slow changes of the background from one side of the image to the other",
    )
    fill_holes: bool = setting(
        True, "Objects", "Fills holes inside of objects, however large they are"
    )
    split: float = setting(
        0.85,
        "Objects",
        "Cuts touching objects apart at their waists: where they are narrower than this share of "
        "the smaller part's width. 0 never cuts, 1 cuts at the slightest waist",
        min=0.0,
        max=1.0,
    )
    min_size: int = setting(
        30,
        "Objects",
        "Smaller objects are left out, in pixels; 0 keeps all",
        min=0,
        max=1_000_000_000,
    )
    max_size: int = setting(
        0,
        "Objects",
        "Larger objects are left out, in pixels; 0 for no limit",
        min=0,
        max=1_000_000_000,
    )
    clear_border: bool = setting(
        False, "Objects", "Leaves out objects that the image's border cuts off"
    )


def find(
    plane: Plane, settings: ThresholdSettings, progress: Progress = silent, *, edge: int = EDGE
) -> Found:
    """Find objects with a threshold.

    Parameters
    ----------
    plane : Plane
        Of one channel.
    settings : ThresholdSettings
    progress : Progress
        Called for each tile. May raise Cancelled.
    edge : int
        Of the tiles in which a large plane is worked through; the result does not depend on it.

    Returns
    -------
    Found
        From top to bottom; without scores.

    Raises
    ------
    SegmentError
        If the largest size is less than the smallest.
    """
    if settings.max_size and settings.max_size < settings.min_size:
        raise SegmentError(
            f"The largest size, {settings.max_size} pixels, is less than the smallest, "
            f"{settings.min_size} pixels; no object can be found"
        )
    step = _Steps(progress)
    mask = foreground(plane.pixels[..., 0], _recipe(settings), step, edge)
    if settings.fill_holes:
        fill_holes(mask, step, edge)
    parts = [
        shifted(_objects(labels, settings, step.again), top, left)
        for top, left, labels in pieces(mask, step, edge, min(OVERLAP, edge))
    ]
    found = joined(parts)
    if settings.clear_border:
        found = off_the_edge(found, mask.shape)
    return taken(found, _reading_order(found))


class _Steps:
    """Makes one walk of many, one after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told = (0, 1000, STAGES[0])

    def __call__(self, done: int, total: int, what: str) -> None:
        """Tell the next step."""
        share = (STAGES.index(what) + done / total) / len(STAGES)
        self._told = (round(1000 * share), 1000, what)
        self.again()

    def again(self) -> None:
        """Tell the same once more, so that what takes long may be cancelled."""
        self._progress(*self._told)


def _recipe(settings: ThresholdSettings) -> Recipe:
    return Recipe(
        method=settings.method,
        objects=settings.objects,
        value=settings.value,
        strictness=settings.strictness,
        block=settings.block | 1,
        sigma=settings.smoothing,
        even=settings.even_light,
    )


def _objects(labels: NDArray[Any], settings: ThresholdSettings, again: Again) -> Found:
    """Cut pieces apart, and leave out what is too small or too large."""
    if labels.dtype == bool and labels.size > UNCUT:
        return _uncut(labels, settings, again)
    labels = _sized(labels.astype(np.int32, copy=False), settings.min_size, 0)
    labels = split_touching(labels, settings.split, settings.min_size, again)
    return found_labels(_sized(labels, settings.min_size, settings.max_size))


def _sized(labels: NDArray[Any], smallest: int, largest: int) -> NDArray[Any]:
    sizes = np.bincount(labels.ravel())
    fits = (sizes >= smallest) & ((sizes <= largest) | (largest == 0))
    fits[0] = False
    kept: NDArray[np.int32] = np.where(fits, np.arange(sizes.size), 0).astype(np.int32)[labels]
    return kept


def _uncut(mask: NDArray[np.bool_], settings: ThresholdSettings, again: Again) -> Found:
    """Make one object of a mask that may be as large as the plane."""
    size = int(np.count_nonzero(mask))
    if size < settings.min_size or 0 < settings.max_size < size:
        return joined(())
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, cols[0], cols[-1] + 1
    runs = _encoded(mask[top:bottom, left:right], again)
    return Found(np.array([(top, left, bottom, right)], np.int64), (runs,))


def _encoded(mask: NDArray[np.bool_], again: Again) -> bytes:
    """Encode as :func:`napari_piximi.model.masks.encode` does, some rows at a time."""
    before, changes = False, []
    for top in range(0, len(mask), ROWS):
        again()
        flat = mask[top : top + ROWS].ravel()
        start = top * mask.shape[1]
        if flat[0] != before:
            changes.append(np.array([start]))
        changes.append(np.flatnonzero(flat[1:] != flat[:-1]) + start + 1)
        before = flat[-1]
    edges = np.concatenate([[0], *changes, [mask.size]])
    return np.diff(edges).astype(masks.RUN).tobytes()


def _reading_order(found: Found) -> NDArray[np.int64]:
    """Sort by the first pixel, row by row: no two objects have the same."""
    first = [int(np.frombuffer(runs, masks.RUN, 1)[0]) for runs in found.runs]
    return np.lexsort((found.boxes[:, 1] + np.array(first, np.int64), found.boxes[:, 0]))


SEGMENTERS = (
    Segmenter(
        key="threshold",
        title="Threshold",
        summary="Finds whatever is brighter or darker than the background, and cuts touching "
        "objects apart. Quick, with a preview; nothing to download.",
        kind="Object",
        settings=ThresholdSettings,
        find=find,
        channels=("objects",),
        place="window",
        pixel_size="any",
        licence="BSD-3-Clause (scikit-image and SciPy)",
        citation="Otsu 1979; Li and Tam 1998; van der Walt et al. 2014 (scikit-image)",
    ),
)
