"""The colours of labels: by category, by instance, or by predicted category."""

from collections.abc import Iterable, Mapping, Set
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.raster import Raster
from napari_piximi.model.things import Category, Kind

__all__ = ["COLOR_MODES", "ColorMode", "label_colors"]

ColorMode = Literal["category", "instance", "prediction"]
COLOR_MODES: tuple[ColorMode, ...] = get_args(ColorMode)

MOST = (1 << 16) - 1
"""Most colours that napari can give to labels; with more labels, colours come round again.

It accepts one more, and fails when labels that have so many get more than 16 bits.
"""
ALPHA = 0.45
FAINT = 0.2
"""Opacity of annotations without a prediction, where that is what counts."""
STRONG, WHITENED = 0.7, 0.15
"""Opacity of selected annotations, and how far their colour goes towards white."""
GOLD = np.array((1.0, 0.82, 0.2), np.float32)
"""Stands in for the grey of selected annotations, which would not be seen on grey images."""
GREY = 0.1
DIMMED = 0.3
"""How much is left of the opacity of all others."""
GOLDEN = 0.61803398875

Colors = NDArray[np.float32]


def label_colors(
    raster: Raster,
    categories: Mapping[str, Category],
    kind: Kind,
    mode: ColorMode,
    selected: Set[str] = frozenset(),
) -> Colors:
    """Return the colour of each label.

    Parameters
    ----------
    raster : Raster
    categories : mapping of id to Category
        Annotations of categories that are not visible get no colour.
    kind : Kind
    mode : "category", "instance" or "prediction"
        With the last, annotations without a prediction are faint and grey.
    selected : set of str
        Ids of annotations that stand out, while all others fade.

    Returns
    -------
    (N, 4) array
        Row n is the colour of label n, in red, green, blue and opacity, each 0…1. There are
        :data:`MOST` rows, so that what is painted next has a colour. Labels of more than 16
        bits can only be told apart by instance.
    """
    if raster.labels.dtype != np.uint16:
        colors = _instance_colors(MOST).copy()
        colors[0] = 0
        return colors
    numbers = raster.numbers()
    things = raster.things.values()
    palette, place = _palette(categories, kind)
    own = np.fromiter((place.get(thing.category, 0) for thing in things), np.intp, len(raster))
    if mode == "instance":
        colors = _instance_colors(MOST).copy()
    else:
        colors = np.tile(palette[place[kind.unknown]], (MOST, 1))
        colors[numbers] = palette[own if mode == "category" else _predicted(things, place)]
    shown = np.array([True, *(c.visible for c in _ours(categories, kind))])
    here = raster.things.keys() & selected
    chosen = [number for key in here if (number := raster.number(key)) is not None]
    if chosen:
        colors[numbers, 3] *= DIMMED
        colors[chosen] = _standing_out(colors[chosen, :3])
    colors[numbers[~shown[own]], 3] = 0
    colors[0] = 0
    return colors


def _standing_out(rgb: Colors) -> Colors:
    grey = np.ptp(rgb, axis=1) < GREY
    bright = np.where(grey[:, np.newaxis], GOLD, rgb + WHITENED * (1 - rgb))
    return np.concatenate((bright, np.full((len(rgb), 1), STRONG)), axis=1, dtype=np.float32)


def _ours(categories: Mapping[str, Category], kind: Kind) -> list[Category]:
    return [categories[key] for key in kind.categories]


def _palette(categories: Mapping[str, Category], kind: Kind) -> tuple[Colors, dict[str, int]]:
    """Return colours, the first for what has none, and the row of each category."""
    ours = _ours(categories, kind)
    rows = [(0.5, 0.5, 0.5, FAINT), *((*_rgb(c.color), ALPHA) for c in ours)]
    return np.array(rows, np.float32), {c.id: row for row, c in enumerate(ours, 1)}


def _predicted(things: Iterable[Any], place: Mapping[str, int]) -> list[int]:
    return [place.get(thing.prediction.category, 0) if thing.prediction else 0 for thing in things]


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))


@cache
def _instance_colors(size: int) -> Colors:
    """Return colours of which neighbours in number differ most: hues by the golden ratio."""
    numbers = np.arange(size)
    hue = numbers * GOLDEN % 1
    light = 1 - 0.25 * (numbers // 5 % 2)
    offsets = np.array([0, 2 / 3, 1 / 3])
    rgb = np.clip(np.abs((hue[:, np.newaxis] + offsets) % 1 * 6 - 3) - 1, 0, 1)
    rgb = (0.15 + 0.85 * rgb) * light[:, np.newaxis]
    return np.concatenate((rgb, np.full((size, 1), ALPHA)), axis=1).astype(np.float32)
