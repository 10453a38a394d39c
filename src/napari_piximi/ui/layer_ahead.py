"""The labels of one kind on one image, made ready in a thread for the layer that shows them."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.project import Project
from napari_piximi.model.raster import Raster
from napari_piximi.ui.layer_colormap import Texture
from napari_piximi.ui.layer_table import features_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NOTHING", "Ahead", "LabelsAhead", "labels_ahead", "labels_followed", "layer_data"]


@dataclass(frozen=True, eq=False)
class LabelsAhead:
    """What a layer is to show.

    Attributes
    ----------
    raster : Raster
        It belongs to the layer from then on.
    data : (Z, Y, X) or (Y, X) array, or None
        The labels for napari, which paints in them; None where they stay as they are.
    texture : Texture or None
        Has memory for a plane of them.
    table : pandas.DataFrame
        Their features.
    """

    raster: Raster
    data: NDArray[Any] | None
    texture: Texture | None
    table: "pd.DataFrame"


Ahead = Mapping[str, LabelsAhead]
"""By kind id."""

NOTHING: Ahead = MappingProxyType({})


def labels_ahead(project: Project, image: str, kind: str) -> LabelsAhead:
    """Make the labels of a kind on an image ready.

    Parameters
    ----------
    project : Project
    image, kind : str
        Ids.
    """
    raster = Raster(project, image, kind)
    return LabelsAhead(raster, *_drawn(raster), features_of(project, raster))


def labels_followed(raster: Raster, project: Project, touched: Set[str]) -> LabelsAhead:
    """Make ready what a layer is to show after an edit.

    Parameters
    ----------
    raster : Raster
        What it shows now; it stays as it is.
    project : Project
    touched : set of str
        Ids of annotations on the image, or that were there, of any kind.
    """
    other, regions = raster.followed(project, touched)
    data, texture = _drawn(other) if regions else (None, None)
    return LabelsAhead(other, data, texture, features_of(project, other))


def layer_data(raster: Raster) -> NDArray[Any]:
    """Return labels for a layer: a copy, in which planes without any take no memory."""
    labels = raster.labels
    data: NDArray[Any] = np.zeros_like(labels)
    for plane in {thing.plane for thing in raster.things.values()}:
        data[plane] = labels[plane]
    return data[0] if data.shape[0] == 1 else data


def _drawn(raster: Raster) -> tuple[NDArray[Any], Texture]:
    data, texture = layer_data(raster), Texture()
    if data.dtype.itemsize > 2 and data.ndim == 2:
        texture.fill(data)
    return data, texture
