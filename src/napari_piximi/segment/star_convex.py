"""StarDist's decoding: from probabilities and rays to polygons, the best of each object.

Equal, number for number, to the ``stardist`` package (Schmidt, Weigert et al., MICCAI 2018),
whose compiled suppression is used where it is installed and there are not too many candidates.
"""

from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import SegmentError
from napari_piximi.progress import Progress, silent
from napari_piximi.segment._star_polygons import polygons
from napari_piximi.segment._star_suppression import survivors

__all__ = ["Stars", "best_first", "candidates", "gathered", "is_installed", "kept"]

_SHORTEST, _LONGEST = np.float32(1e-3), np.float32(1e6)
_COMPILED_MOST = 2**15
"""From here on ours takes half of the compiled one's time on one core. On several cores that other
programs use too, those of the compiled one wait for each other: minutes instead of seconds."""
_BLOCK = 2**19
"""Candidates that compete in one go: their polygons take some ten times the memory of theirs."""


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """Star-convex polygons with scores.

    Attributes
    ----------
    points : (N, 2) float32 array
        Centres: row, column, in pixels of what the network saw.
    distances : (N, K) float32 array
        Rays, from +column towards +row, in the same pixels.
    scores : (N,) float32 array
        Probabilities, 0…1.
    """

    points: NDArray[np.float32]
    distances: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> "Stars":
        return Stars(self.points[chosen], self.distances[chosen], self.scores[chosen])


def candidates(
    probability: NDArray[np.float32],
    distances: NDArray[np.float32],
    threshold: float,
    grid: tuple[int, int] = (1, 1),
) -> Stars:
    """Take the pixels that may be inside an object.

    Parameters
    ----------
    probability : (Y, X) array
    distances : (Y, X, K) array
    threshold : float
        Pixels above it are candidates.
    grid : (rows, columns)
        Pixels of the image per pixel of these arrays.

    Returns
    -------
    Stars
        In the order of the pixels. No ray is shorter than a thousandth of a pixel, as in the
        package.
    """
    # Much quicker than np.nonzero on two axes.
    rows, cols = np.divmod(np.flatnonzero(probability > threshold), probability.shape[1])
    points = np.stack((rows * grid[0], cols * grid[1]), 1).astype(np.float32)
    rays = np.clip(distances[rows, cols], _SHORTEST, _LONGEST).astype(np.float32)
    return Stars(points, rays, probability[rows, cols].astype(np.float32))


def gathered(parts: list[Stars], rays: int) -> Stars:
    """Put candidates of several places together, in the order of the pixels of the whole.

    Parameters
    ----------
    parts : list of Stars
        It is emptied, so that all of them are in memory only once.
    rays : int
    """
    points = np.concatenate([np.zeros((0, 2), np.float32), *(part.points for part in parts)])
    order = np.lexsort((points[:, 1], points[:, 0]))
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    distances = np.empty((len(order), rays), np.float32)
    scores, end = np.empty(len(order), np.float32), len(order)
    while parts:
        part = parts.pop()
        end, here = end - len(part), places[end - len(part) : end]
        distances[here], scores[here] = part.distances, part.scores
    return Stars(points[order], distances, scores)


def best_first(stars: Stars) -> NDArray[np.int64]:
    """Return the order of scores, downwards; equal ones in the order that the package gives."""
    return np.argsort(stars.scores)[::-1]


def kept(
    stars: Stars,
    overlap: float,
    progress: Progress = silent,
    *,
    compiled: bool | None = None,
) -> Stars:
    """Keep the best polygon of each object: polygon non-maximum suppression.

    Parameters
    ----------
    stars : Stars
    overlap : float
        A polygon goes if it shares more than this part of its area, or of the better one's
        where that is smaller, with a better one that stays.
    progress : Progress
    compiled : bool, optional
        Use the package's compiled suppression, which cannot be cancelled; by default where it
        is installed, and there are not so many that ours takes less time.

    Returns
    -------
    Stars
        The best first. There is no limit to how many.
    """
    if compiled is None:
        compiled = len(stars) <= _COMPILED_MOST and is_installed()
    order = best_first(stars)
    chosen = order[:0]
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        report = _share(progress, start, len(block), len(order))
        # Who stays depends on the better ones that stay, and on nobody else.
        rivals = np.concatenate((chosen, block))
        stays = _compiled if compiled else _own
        chosen = rivals[stays(stars[rivals], overlap, report)]
    return stars[chosen]


@cache
def is_installed() -> bool:
    """Tell whether the ``stardist`` package is there."""
    return find_spec("stardist") is not None


def _share(progress: Progress, start: int, size: int, whole: int) -> Progress:
    """Return a progress for one block of candidates."""

    def report(done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        progress(start + size * done // max(total, 1), whole, message, **values)

    return report


def _own(ordered: Stars, overlap: float, progress: Progress) -> NDArray[np.bool_]:
    return survivors(polygons(ordered.points, ordered.distances), overlap, progress)


def _compiled(ordered: Stars, overlap: float, progress: Progress) -> NDArray[np.bool_]:
    progress(0, 1, "choosing among overlapping polygons")
    points, rays = (np.ascontiguousarray(a) for a in (ordered.points, ordered.distances))
    choose = _library().c_non_max_suppression_inds
    return np.asarray(choose(rays, points, 1, 1, 0, np.float32(overlap)), bool)


@cache
def _library() -> ModuleType:
    """Load the package's compiled part alone: the whole of it brings Keras and matplotlib."""
    package = find_spec("stardist")
    folders = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("stardist2d", [f"{folder}/lib" for folder in folders or ()])
    if spec is None or spec.loader is None:
        raise SegmentError("The stardist package is not installed; pip install stardist")
    library = module_from_spec(spec)
    spec.loader.exec_module(library)
    return library
