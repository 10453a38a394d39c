"""Which segmenters there are, and what each of them is."""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

from numpy.typing import NDArray

from napari_piximi.errors import SegmentError

__all__ = ["Plane", "Segmenter", "find_segmenter", "segmenters"]

Place = Literal["window", "networks", "cellpose"]
"""In which process it runs where there is a window: in that itself, or in one of the engines."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """What a segmenter gets to see.

    Attributes
    ----------
    pixels : (Y, X, C) array
        In the precision of the file, C in the order of the segmenter's :attr:`Segmenter.channels`.
        May be a memory map, larger than memory.
    bit_depth : int
        Integers are 0…2**bit_depth − 1, floating-point values 0…1.
    name : str
        Of the image, for messages.
    """

    pixels: NDArray[Any]
    bit_depth: int = 8
    name: str = "image"

    @property
    def top(self) -> float:
        """The value that stands for 1."""
        return float(2**self.bit_depth - 1) if self.pixels.dtype.kind in "iu" else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Segmenter:
    """One way to find objects: a function, and all that a user should know before choosing it.

    A module of :mod:`napari_piximi.segment.segmenters` makes it known in its ``SEGMENTERS``;
    that module imports neither Keras nor anything else that takes long.

    Attributes
    ----------
    key : str
        On the command line and in requests.
    title : str
    summary : str
        What it is for, in a sentence or two.
    kind : str
        Name of the kind that its objects get by default.
    settings : type
        Frozen data class; the metadata of its fields (`group`, `tooltip`, `min`, `max`,
        `choices`) is its form and its command-line options. Each field has a default.
    find : callable
        ``find(plane, settings, progress) -> Found``; with `own`, ``find(plane, settings,
        progress, network)``. It never downloads anything.
    channels : tuple of str
        What each channel that it takes shows, such as ``"nuclei"``; the user says which
        channels of the project these are. A name that ends in ``?`` may be left out: the
        plane then has zeros there.
    place : str
    weights : str
        Key of the files it needs in :mod:`napari_piximi.segment.weights`; empty for none.
    package : str
        What must be installed besides, as ``pip`` names it; empty for nothing.
    classes : tuple of str
        Names of all kinds that its objects may get; empty where all get one kind.
    own : bool
        It asks a network that was fitted in the project.
    remote : bool
        It sends pixels to another machine.
    pixel_size : str
        On what size of objects it works, in words.
    licence, citation : str
    """

    key: str
    title: str
    summary: str
    kind: str
    settings: type[Any]
    find: Callable[..., Any]
    channels: tuple[str, ...] = ("objects",)
    place: Place = "networks"
    weights: str = ""
    package: str = ""
    classes: tuple[str, ...] = ()
    own: bool = False
    remote: bool = False
    pixel_size: str = ""
    licence: str = ""
    citation: str = ""


@cache
def segmenters() -> Mapping[str, Segmenter]:
    """Return all segmenters by key; ``threshold``, the default, is the first."""
    from napari_piximi.segment import segmenters as package

    found: dict[str, Segmenter] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if module.name.rpartition(".")[2].startswith("_"):
            continue
        for segmenter in import_module(module.name).SEGMENTERS:
            found[segmenter.key] = segmenter
    return dict(sorted(found.items(), key=lambda item: (item[0] != "threshold", item[1].title)))


def find_segmenter(key: str) -> Segmenter:
    """Find a segmenter.

    Raises
    ------
    SegmentError
        If there is none of that key.
    """
    known = segmenters()
    if key not in known:
        raise SegmentError(f"There is no segmenter {key!r}; there are {', '.join(known)}")
    return known[key]
