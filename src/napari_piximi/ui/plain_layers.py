"""Images and annotations as layers of their own, tied to no project."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.labels import labels_of
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Channel, Image

__all__ = ["LayerData", "first_image_layers", "image_layers", "labels_layers"]

LayerData = tuple[Any, dict[str, Any], str]
"""Data, arguments of the layer, its type: what napari takes from readers."""

COLOUR = 3


def first_image_layers(project: Project) -> list[LayerData]:
    """Return the layers of a project's first image and its annotations.

    Returns
    -------
    list of (data, arguments, type)
        Empty if the project has no image.
    """
    first = next(project.images(), None)
    return [] if first is None else [*image_layers(first), *labels_layers(project, first)]


def image_layers(image: Image) -> list[LayerData]:
    """Return an Image layer per channel; one for a colour picture of 8 bits.

    Returns
    -------
    list of (data, arguments, type)
        Data of shape (Y, X), or (Z, Y, X) where there are several planes; of a colour picture
        with a last axis of red, green and blue.
    """
    pixels = _planes(np.asarray(image.pixels))
    scale = _scale(image)
    if pixels.shape[-1] == COLOUR and pixels.dtype == np.uint8:
        return [(pixels, {"name": image.name, "rgb": True, **scale}, "image")]
    top = 2**image.bit_depth - 1 if pixels.dtype.kind in "iu" else 1
    several = len(image.channels) > 1
    layers: list[LayerData] = []
    for index, channel in enumerate(image.channels):
        arguments = {
            "name": f"{image.name} [{index + 1}]" if several else image.name,
            "contrast_limits": _limits(channel, top),
            "colormap": _colormap(channel),
            "blending": "additive" if several else "translucent_no_depth",
            "visible": channel.visible,
            **scale,
        }
        layers.append((pixels[..., index], arguments, "image"))
    return layers


def labels_layers(project: Project, image: Image) -> list[LayerData]:
    """Return a Labels layer per kind that has annotations on an image; later ones lie on top."""
    by_kind: dict[str, list[Annotation]] = {}
    for annotation in project.annotations(image.id):
        by_kind.setdefault(annotation.kind, []).append(annotation)
    layers: list[LayerData] = []
    for kind, annotations in by_kind.items():
        arguments = {
            "name": f"{image.name} {project.kind_name(kind)}",
            "features": _features(project, annotations),
            **_scale(image),
        }
        planes, rows, columns = image.pixels.shape[:3]
        labels = _planes(labels_of(annotations, (planes, rows, columns)))
        layers.append((labels, arguments, "labels"))
    return layers


def _planes(array: NDArray[Any]) -> NDArray[Any]:
    """Leave out the axis of planes where there is one plane only."""
    return array[0] if len(array) == 1 else array


def _scale(image: Image) -> dict[str, Any]:
    if image.pixel_size is None:
        return {}
    flat = image.pixels.shape[0] == 1
    return {"scale": image.pixel_size[1:] if flat else image.pixel_size}


def _limits(channel: Channel, top: float) -> tuple[float, float]:
    low, high = channel.minimum * top, channel.maximum * top
    return low, high if high > low else low + 1e-6


def _colormap(channel: Channel) -> dict[str, Any]:
    """Return a colour map from black to the channel's colour."""
    colors = [(0.0, 0.0, 0.0, 1.0), (*channel.color, 1.0)]
    return {"colors": colors, "name": f"piximi {channel.color}"}


def _features(project: Project, annotations: list[Annotation]) -> dict[str, list[Any]]:
    return {
        "index": list(range(len(annotations) + 1)),
        "id": ["", *(a.id for a in annotations)],
        "name": ["", *(a.name for a in annotations)],
        "category": ["", *(project.categories[a.category].name for a in annotations)],
    }
