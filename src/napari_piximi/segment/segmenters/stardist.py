"""Nuclei as star-convex polygons: StarDist's two published networks, or a user's own.

Notes
-----
The usual thresholds are those that StarDist's authors found best for the two networks. Source:
their plugin for Fiji, github.com/stardist/stardist-imagej, ``StarDist2DModel.java`` at commit
aff59dbd: 0.479071 and 0.3 for "Versatile (fluorescent nuclei)", 0.692478 and 0.3 for "Versatile
(H&E nuclei)". These networks are the ones that Piximi runs, with boxes and thresholds of its own.
"""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_piximi.errors import PiximiError, SegmentError
from napari_piximi.model.limits import usual_value
from napari_piximi.progress import Progress
from napari_piximi.segment._star_config import folder_thresholds, package_folder
from napari_piximi.segment.catalog import Plane, Segmenter, setting
from napari_piximi.segment.found import Found, found_labels
from napari_piximi.segment.star_registry import HOST, REGISTERED, fetch_registered, model_path

if TYPE_CHECKING:
    from napari_piximi.segment.star_network import StarNetwork

__all__ = ["SEGMENTERS", "StarDistSettings", "VheSettings", "find_fluo", "find_vhe"]

_PROBABILITY = (
    "How sure the network must be that a pixel is inside a nucleus; lower finds more. A folder "
    "that stardist saved brings its own, which is taken unless you set another"
)
_SHARES = (80, 10, 10)
"""Of the time, in per cent: looking, choosing, painting."""


@dataclass(frozen=True, slots=True)
class StarDistSettings:
    """What counts as a nucleus.

    Thresholds that are None are those that the network states; of those that state none, such as
    Piximi's, the `usual` ones.
    """

    probability: float | None = setting(
        None, "Objects", _PROBABILITY, min=0.01, max=0.99, usual=0.479071
    )
    overlap: float | None = setting(
        None,
        "Objects",
        "Of two outlines that share more than this part of the smaller one, only the more "
        "probable one stays; higher keeps more nuclei that lie over each other. A folder that "
        "stardist saved brings its own",
        min=0.0,
        max=0.95,
        usual=0.3,
    )
    low: float = setting(
        1.0, "Image", "Percentile of the pixel values that becomes black", min=0.0, max=100.0
    )
    high: float = setting(
        99.8, "Image", "Percentile of the pixel values that becomes white", min=0.0, max=100.0
    )
    scale: float = setting(
        1.0,
        "Image",
        "The network sees the image this many times as large: 0.5 for nuclei that are twice as "
        "large as usual",
        min=0.05,
        max=8.0,
    )
    model: str = setting(
        "",
        "Network",
        "A StarDist network of your own: a model.json, or a folder that stardist saved, or the "
        f"name of one of its published models ({', '.join(REGISTERED)}); empty uses Piximi's",
    )
    download: bool = setting(
        False,
        "Network",
        f"Fetch the published model of that name from {HOST} if it is not here; this needs the "
        "stardist package",
        when=("model", REGISTERED),
    )


@dataclass(frozen=True, slots=True)
class VheSettings(StarDistSettings):
    """What counts as a nucleus in stained tissue."""

    probability: float | None = setting(
        None, "Objects", _PROBABILITY, min=0.01, max=0.99, usual=0.692478
    )


def find_fluo(plane: Plane, settings: StarDistSettings, progress: Progress) -> Found:
    """Find nuclei that shine; see :func:`find_vhe`."""
    return _find("stardist-fluo", plane, settings, progress)


def find_vhe(plane: Plane, settings: StarDistSettings, progress: Progress) -> Found:
    """Find nuclei in stained tissue.

    Parameters
    ----------
    plane : Plane
        As many channels as the network takes.
    settings : StarDistSettings
    progress : Progress
        Told of each tile; may raise Cancelled.

    Returns
    -------
    Found
        The most probable first. Where outlines overlap, the pixels are the more probable one's.

    Raises
    ------
    WeightsUnavailableError
        If the weights are not on this machine, or cannot be fetched; nothing is downloaded but,
        if the settings allow it, a model of the package's registry.
    ModelFileError
        If the user's own network is missing or damaged, or none of StarDist's.
    SegmentError
        If the network takes other channels, the percentiles are the wrong way round, or the
        memory does not suffice.
    """
    return _find("stardist-vhe", plane, settings, progress)


def _find(key: str, plane: Plane, settings: StarDistSettings, progress: Progress) -> Found:
    from napari_piximi.segment._star_files import star_network
    from napari_piximi.segment._star_painting import painted_polygons
    from napari_piximi.segment._star_polygons import outlines
    from napari_piximi.segment.star_convex import kept
    from napari_piximi.segment.star_network import Look, scaled_shape, scan

    if settings.low >= settings.high:
        raise SegmentError(
            f"The percentile for black, {settings.low}, must be below that for white, "
            f"{settings.high}"
        )
    if settings.download and settings.model in REGISTERED:
        fetch_registered(settings.model, progress)
    progress(0, 100, "loading the network")
    network = star_network(key, settings.model)
    probability, overlap = _thresholds(settings, network)
    shape = (plane.pixels.shape[0], plane.pixels.shape[1])
    if plane.pixels.shape[2] != network.channels:
        raise SegmentError(
            f"{settings.model or 'The network'} takes {network.channels} channels, not "
            f"{plane.pixels.shape[2]}; use the other StarDist segmenter, or another network"
        )
    if not all(shape):
        return found_labels(np.zeros(shape, np.int32))
    look = Look(settings.low, settings.high, probability, settings.scale)
    seen = scan(network, plane.pixels, look, _share(progress, 0), overlap)
    stars = kept(seen, overlap, _share(progress, 1))
    del seen
    inner = scaled_shape(shape, settings.scale)
    stretch = (shape[0] / inner[0], shape[1] / inner[1])
    corners = outlines(stars.points * np.array(stretch), stars.distances, stretch)
    return painted_polygons(corners, stars.scores, shape, _share(progress, 2))


def _thresholds(settings: StarDistSettings, network: "StarNetwork") -> tuple[float, float]:
    """Return thresholds of probability and overlap: as set, else as stated, else as usual."""
    usual = {about.name: usual_value(about) for about in fields(settings)}
    return (
        _first(settings.probability, network.probability, usual["probability"]),
        _first(settings.overlap, network.overlap, usual["overlap"]),
    )


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _stated(settings: StarDistSettings) -> dict[str, float]:
    """Return the thresholds of the folder that the settings name, if the package saved it."""
    try:
        folder = package_folder(model_path(settings.model)) if settings.model else None
        if folder is None:
            return {}
        return dict(zip(("probability", "overlap"), folder_thresholds(folder), strict=True))
    except (PiximiError, RuntimeError, OSError):  # what is wrong is told when it is asked
        return {}


def _share(progress: Progress, part: int) -> Progress:
    """Return a progress for one of the parts of the work."""

    def report(done: int, total: int, message: str = "", **values: Any) -> None:  # noqa: ANN401
        share = _SHARES[part] * done / total if total else 0.0
        progress(round(10 * (sum(_SHARES[:part]) + share)), 1000, message, **values)

    return report


_CITATION = "Schmidt et al., Cell detection with star-convex polygons. MICCAI 2018"

SEGMENTERS = (
    Segmenter(
        key="stardist-fluo",
        title="StarDist (fluorescence)",
        summary="Nuclei in fluorescence images, also crowded ones that touch.",
        kind="stardist_nucleus",
        settings=StarDistSettings,
        find=find_fluo,
        stated=_stated,
        channels=("nuclei",),
        weights="stardist-fluo",
        pixel_size="Nuclei of about 10 to 60 pixels across; change the scale for others",
        licence="BSD-3-Clause",
        citation=_CITATION,
    ),
    Segmenter(
        key="stardist-vhe",
        title="StarDist (H&E)",
        summary="Nuclei in tissue stained with haematoxylin and eosin.",
        kind="stardist_nucleus",
        settings=VheSettings,
        find=find_vhe,
        stated=_stated,
        channels=("red", "green", "blue"),
        weights="stardist-vhe",
        color=True,
        pixel_size="Nuclei of about 10 to 60 pixels across; change the scale for others",
        licence="BSD-3-Clause",
        citation=_CITATION
        + "; Weigert and Schmidt, Nuclei instance segmentation and classification in "
        "histopathology images with StarDist. ISBIC 2022",
    ),
)
