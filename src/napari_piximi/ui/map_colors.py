"""The colours of a map's points, and the legend that goes with them."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_piximi.learn.embedding import FeatureMap
from napari_piximi.model.columns import Columns
from napari_piximi.model.project import Project

__all__ = ["MODES", "Coloring", "Entry", "Mode", "coloring"]

Mode = Literal["Category", "Prediction", "Probability", "Uncertainty"]
MODES: tuple[Mode, ...] = get_args(Mode)

STEPS = ("#5a5fc0", "#2a9ab0", "#22b884", "#9ad13c", "#fde725")
"""Low to high: the colour map viridis (Smith, van der Walt 2015), lighter where that is dark."""
LOST = "#808080"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the legend.

    Attributes
    ----------
    key : str
        Stays the same while names and colours change.
    text, color : str
    count : int
        Points of it.
    """

    key: str
    text: str
    color: str
    count: int


@dataclass(frozen=True, eq=False)
class Coloring:
    """What each point is shown as.

    Attributes
    ----------
    codes : (N,) integer array
        Place in `entries`; −1 for things that have gone.
    entries : tuple of Entry
    """

    codes: NDArray[np.int32]
    entries: tuple[Entry, ...]


def coloring(
    drawn: FeatureMap, project: Project, columns: Columns, rows: NDArray[np.intp], mode: Mode
) -> Coloring:
    """Colour the points of a map.

    Parameters
    ----------
    drawn : FeatureMap
    project : Project
    columns : Columns
        Of the map's kind.
    rows : (N,) array
        Row of each point's thing, −1 for those that have gone.
    mode : Mode
        ``"Category"`` is the user's, as the project has it now; the others are what the model
        said when the map was made.
    """
    if mode == "Category":
        return _by_category(project, columns, rows)
    gone = rows < 0
    if mode == "Prediction":
        codes = np.where(gone, -1, drawn.predicted).astype(np.int32)
        return Coloring(codes, _entries(project, drawn.class_map, codes))
    values = drawn.probability if mode == "Probability" else drawn.uncertainty
    steps = len(STEPS)
    codes = np.clip((values * steps).astype(np.int32), 0, steps - 1)
    codes[gone] = -1
    counts = np.bincount(codes[codes >= 0], minlength=steps).tolist()
    texts = [f"{n / steps:.1f} to {(n + 1) / steps:.1f}" for n in range(steps)]
    entries = zip(texts, STEPS, counts, strict=True)
    return Coloring(codes, tuple(Entry(text, text, color, n) for text, color, n in entries))


def _by_category(project: Project, columns: Columns, rows: NDArray[np.intp]) -> Coloring:
    given = columns.category  # first, since this gives out the codes
    kind = project.kinds[columns.kind]
    order = (*project.known_categories(kind.id), kind.unknown)
    places = np.full(len(columns.codes.categories) + 1, -1, np.int32)
    for place, key in enumerate(order):
        if key in columns.codes.categories:
            places[columns.codes.categories[key]] = place
    codes = places[np.append(given, -1)[rows]]
    return Coloring(codes, _entries(project, order, codes))


def _entries(
    project: Project, order: tuple[str, ...], codes: NDArray[np.int32]
) -> tuple[Entry, ...]:
    counts = np.bincount(codes[codes >= 0], minlength=len(order)).tolist()
    found = [project.categories.get(key) for key in order]
    return tuple(
        Entry(
            key, category.name if category else "deleted", category.color if category else LOST, n
        )
        for key, category, n in zip(order, found, counts, strict=True)
    )
