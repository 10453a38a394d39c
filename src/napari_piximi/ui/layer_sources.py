"""Plain layers of napari as material for a project: what they are, without reading them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

__all__ = ["PREVIEW", "Source", "is_preview", "of_data", "of_layer"]

PREVIEW = "napari-piximi preview"
"""In the metadata of a layer: it shows what is no part of a project, and never becomes one."""

Color = tuple[float, float, float]
WHITE = (1.0, 1.0, 1.0)
MOST_AXES = 3


@dataclass(frozen=True, eq=False)
class Source:
    """One Image or Labels layer.

    Attributes
    ----------
    name : str
    data : array-like
        The whole array; of pyramids the finest level. It may be lazy.
    shape : tuple of int
        Without leading axes of length 1 and without the axis of red, green and blue.
    rgb, labels, additive : bool
    color : (red, green, blue), each 0…1
    limits : (low, high) or None
        What is black and what is brightest.
    visible : bool
    pixel_size : (z, y, x) in micrometres, or None
    """

    name: str
    data: Any
    shape: tuple[int, ...]
    rgb: bool = False
    labels: bool = False
    additive: bool = False
    color: Color = WHITE
    limits: tuple[float, float] | None = None
    visible: bool = True
    pixel_size: tuple[float, float, float] | None = None

    def array(self) -> NDArray[Any]:
        """Read it all, with the axes of `shape` and, of colour pictures, a last one of 3."""
        array = np.asarray(self.data)
        if self.rgb:
            array = array[..., :3]
            return array.reshape(*self.shape, 3)
        return array.reshape(self.shape)


def is_preview(layer: Layer) -> bool:
    """Tell whether a layer only shows what a segmenter would find."""
    return bool(layer.metadata.get(PREVIEW))


def of_layer(layer: Layer) -> Source | None:
    """Return what a layer is; None for layers that are neither Image nor Labels."""
    if isinstance(layer, Labels):
        return Source(layer.name, *_finest(layer.data, layer.multiscale, False), labels=True)
    if not isinstance(layer, Image):
        return None
    return Source(
        layer.name,
        *_finest(layer.data, layer.multiscale, layer.rgb),
        rgb=layer.rgb,
        additive=str(layer.blending) == "additive",
        color=_top_color(layer.colormap.colors),
        limits=None if layer.rgb else _pair(layer.contrast_limits),
        visible=bool(layer.visible),
        pixel_size=_pixel_size(layer.scale, layer.units),
    )


def of_data(data: Any, attributes: Mapping[str, Any], layer_type: str) -> Source | None:  # noqa: ANN401
    """Return what a layer is whose data napari hands to a writer; None for what is none of ours."""
    name = str(attributes.get("name") or layer_type)
    if (attributes.get("metadata") or {}).get(PREVIEW):
        return None
    several = bool(attributes.get("multiscale"))
    if layer_type == "labels":
        return Source(name, *_finest(data, several, False), labels=True)
    if layer_type != "image":
        return None
    rgb = bool(attributes.get("rgb"))
    limits = attributes.get("contrast_limits")
    colormap = attributes.get("colormap")
    colors = getattr(colormap, "colors", None)
    if colors is None and isinstance(colormap, Mapping):
        colors = colormap.get("colors")
    return Source(
        name,
        *_finest(data, several, rgb),
        rgb=rgb,
        additive=str(attributes.get("blending")) == "additive",
        color=WHITE if colors is None else _top_color(colors),
        limits=None if rgb or limits is None else _pair(limits),
        visible=bool(attributes.get("visible", True)),
        pixel_size=_pixel_size(attributes.get("scale", ()), attributes.get("units", ())),
    )


def _finest(data: Any, multiscale: bool, rgb: bool) -> tuple[Any, tuple[int, ...]]:  # noqa: ANN401
    data = data[0] if multiscale else data
    shape = tuple(int(length) for length in data.shape)
    shape = shape[:-1] if rgb else shape
    while len(shape) > 2 and (shape[0] == 1 or (len(shape) > MOST_AXES and 1 in shape[:-2])):
        one = shape.index(1)
        shape = (*shape[:one], *shape[one + 1 :])
    return data, shape


def _pair(values: Any) -> tuple[float, float]:  # noqa: ANN401
    low, high = values
    return float(low), float(high)


def _top_color(colors: Any) -> Color:  # noqa: ANN401
    """Return the brightest colour of a colormap; white if that is black, as of inverted ones."""
    red, green, blue = (round(float(part), 6) for part in np.asarray(colors)[-1][:3])
    return (red, green, blue) if max(red, green, blue) > 1 / 16 else WHITE


def _pixel_size(scale: Any, units: Any) -> tuple[float, float, float] | None:  # noqa: ANN401
    """Return the size of a pixel; a layer that is not scaled and has no unit does not tell."""
    lengths = [float(length) for length in scale][-3:]
    factors = [_micrometres(unit) for unit in units][-3:] or [1.0] * len(lengths)
    if len(lengths) < 2 or len(factors) != len(lengths):
        return None
    sizes = [abs(a * b) for a, b in zip(lengths, factors, strict=True)]
    if all(size == 1 for size in sizes) or not all(sizes):
        return None
    z, y, x = sizes if len(sizes) == 3 else (1.0, *sizes)
    return z, y, x


def _micrometres(unit: Any) -> float:  # noqa: ANN401
    """Return a unit of length in micrometres; pixels count as one."""
    try:
        return float((1 * unit).to("micrometer").magnitude)
    except Exception:  # pint has no common base of its errors; strings are no units either
        return 1.0
