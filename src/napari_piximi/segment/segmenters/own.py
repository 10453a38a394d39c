"""The networks that a project's own annotations have taught."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import SegmentError
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.progress import Progress
from napari_piximi.segment.catalog import Plane, Segmenter, setting
from napari_piximi.segment.found import Found, found_labels, off_the_edge
from napari_piximi.segment.unet_targets import labels_from

__all__ = ["SEGMENTERS", "OwnSettings", "find", "objects_in"]


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """How the answers of a network become objects."""

    threshold: float = setting(
        0.5,
        "Objects",
        "How sure the network must be that a pixel is of an object; less makes objects larger",
        min=0.01,
        max=0.99,
    )
    seed: float = setting(
        0.5,
        "Objects",
        "How sure it must be of the inside for an object to begin there; more separates objects "
        "that hang together, and loses faint ones",
        min=0.01,
        max=0.99,
        label="Sure of the inside",
        unit="%",
    )
    min_size: int = setting(
        20, "Objects", "Leave out objects with fewer pixels", min=0, max=100_000_000
    )
    clear_border: bool = setting(
        False, "Objects", "Leave out objects that touch the edge of the image"
    )


def find(
    plane: Plane, settings: OwnSettings, progress: Progress, network: SegmentationNetwork
) -> Found:
    """Find objects with a network; large planes in tiles.

    Parameters
    ----------
    plane : Plane
    settings : OwnSettings
    progress : Progress
        May raise Cancelled.
    network : SegmentationNetwork

    Raises
    ------
    SegmentError
        If the network has no model, one of another sort, or takes other channels.
    ModelFileError
        If its model is damaged.
    FitError
        If the device's memory does not suffice.
    """
    from napari_piximi.segment.unet_asking import asker_of
    from napari_piximi.segment.unet_finding import find_in_plane

    progress(0, 0, "Building the network")
    asker = asker_of(network)
    if plane.pixels.shape[2] != asker.channels:
        raise SegmentError(
            f"{network.name!r} takes {asker.channels} channels, but {plane.name!r} gives "
            f"{plane.pixels.shape[2]}"
        )
    objects = partial(objects_in, settings)
    found = find_in_plane(asker, plane, objects, network.settings, progress)
    return off_the_edge(found, plane.pixels.shape) if settings.clear_border else found


def objects_in(settings: OwnSettings, probabilities: NDArray[np.float32]) -> Found:
    """Find the objects in the answer (Y, X, 3) of a network; those at the edge are among them."""
    labels, scores = labels_from(
        probabilities, settings.threshold, settings.seed, settings.min_size
    )
    return found_labels(labels, scores)


SEGMENTERS = (
    Segmenter(
        key="own",
        title="Your own network",
        summary="A U-Net that was fitted on the objects that you annotated.",
        kind="Objects",
        settings=OwnSettings,
        find=find,
        own=True,
        pixel_size="Objects of about the size of those that it was fitted on",
        citation="Ronneberger, Fischer and Brox: U-Net (MICCAI 2015)",
    ),
)
