"""Which segmenters there are, and what each of them is."""

import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib import import_module, metadata
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import SegmentError
from napari_piximi.io.disk import PlanePixels
from napari_piximi.model.limits import usual_value

__all__ = [
    "Plane",
    "Segmenter",
    "as_used",
    "check_installed",
    "find_segmenter",
    "is_installed",
    "segmenters",
    "setting",
    "thinned",
]

Place = Literal["window", "networks", "cellpose"]
"""In which process it runs where there is a window: in that itself, or in one of the engines."""

SAMPLED = 2**22


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """What a segmenter gets to see.

    Attributes
    ----------
    pixels : (Y, X, C) array
        In the precision of the file, C in the order of the segmenter's :attr:`Segmenter.channels`.
        May be larger than memory: what stays on the disk is to be cut before it is computed with.
    bit_depth : int
        Integers are 0…2**bit_depth − 1, floating-point values 0…1.
    name : str
        Of the image, for messages.
    whole : (Y, X, C) array or None
        Where `pixels` are a region: all of the plane, of a large one every other row and column,
        or fewer. What is found in a region is thereby scaled as in the plane.
    """

    pixels: PlanePixels
    bit_depth: int = 8
    name: str = "image"
    whole: NDArray[Any] | None = None

    @property
    def top(self) -> float:
        """The value that stands for 1."""
        return float(2**self.bit_depth - 1) if self.pixels.dtype.kind in "iu" else 1.0

    @property
    def sample(self) -> NDArray[Any]:
        """Pixels (Y, X, C) to take percentiles from: about 4 million of the whole plane."""
        return thinned(self.pixels) if self.whole is None else self.whole


def thinned(plane: PlanePixels) -> NDArray[Any]:
    """Take every other row and column of a large plane, or fewer: about 4 million pixels."""
    step = max(1, math.isqrt(plane.shape[0] * plane.shape[1] // SAMPLED))
    return np.asarray(plane[::step, ::step])


def nothing_stated(_settings: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """State nothing: the settings are all that there is."""
    return {}


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
        `choices`) is its form and its command-line options. Each field has a default; see
        :func:`setting`.
    find : callable
        ``find(plane, settings, progress) -> Found``; with `own`, ``find(plane, settings,
        progress, network)``. It downloads nothing but what its settings
        allow.
    stated : callable
        ``stated(settings) -> {name: value}``: what a network of the user's own, which the settings
        name, states for those that may be None. It is quick, and loads nothing.
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
    color : bool
        It was made for colour images, and does badly on a grey channel.
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
    stated: Callable[[Any], Mapping[str, Any]] = nothing_stated
    channels: tuple[str, ...] = ("objects",)
    place: Place = "networks"
    weights: str = ""
    package: str = ""
    classes: tuple[str, ...] = ()
    own: bool = False
    remote: bool = False
    color: bool = False
    pixel_size: str = ""
    licence: str = ""
    citation: str = ""


def setting(default: Any, group: str, tooltip: str, **limits: Any) -> Any:  # noqa: ANN401
    """Make a field of a segmenter's settings.

    Parameters
    ----------
    default : object
        Of the type of the field.
    group : str
        Under which heading it stands.
    tooltip : str
    **limits
        `min` and `max`, or `choices`; `label`, what it is called; `when`, the name of another
        field and those of its values with which this one is heeded; `usual`, for a default of
        None, what is taken unless the network that is asked states something else.
    """
    return field(default=default, metadata={"group": group, "tooltip": tooltip, **limits})


def as_used(segmenter: Segmenter, settings: Any) -> Any:  # noqa: ANN401
    """Return settings with what is taken for those that are None."""
    open_ = {s.name: usual_value(s) for s in fields(settings) if getattr(settings, s.name) is None}
    if not open_:
        return settings
    stated = segmenter.stated(settings)
    return replace(settings, **{name: stated.get(name, usual) for name, usual in open_.items()})


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


def is_installed(segmenter: Segmenter) -> bool:
    """Tell whether the package that a segmenter needs, if any, is there."""
    try:
        if segmenter.package:
            metadata.distribution(segmenter.package)
    except metadata.PackageNotFoundError:
        return False
    return True


def check_installed(segmenter: Segmenter) -> None:
    """Refuse a segmenter whose package is not there.

    Raises
    ------
    SegmentError
        It says what to install.
    """
    if not is_installed(segmenter):
        raise SegmentError(
            f"{segmenter.title} is not installed. Where napari-piximi is installed, run: "
            f"pip install {segmenter.package}"
        )
