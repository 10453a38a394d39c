"""Glands in stained tissue: the U-Net that Piximi brings, fitted on the GlaS contest's images."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError
from napari_piximi.io.disk import PlanePixels
from napari_piximi.progress import Progress
from napari_piximi.segment.bilinear import resized, resized_mask
from napari_piximi.segment.catalog import Plane, Segmenter, setting
from napari_piximi.segment.components import pieces
from napari_piximi.segment.found import Found, found_labels, joined, shifted
from napari_piximi.segment.pretrained import answers, input_size, pretrained_graph
from napari_piximi.segment.tiles import Step, tiles

__all__ = ["SEGMENTERS", "GlasSettings", "find_glands", "gland_mask", "glands_of"]

SIZE = 768
CHANNELS = 3
LOADED, ASKED, TOTAL = 10, 90, 100
"""Shares of the time."""
OVERLAP = 64
"""How far pieces see beyond what counts: as far as erosion and dilation reach."""
OTHER = "is no gland network, which takes an RGB image and puts out one value for each pixel"


@dataclass(frozen=True, slots=True)
class GlasSettings:
    """What the network is shown, and what becomes of its answer."""

    threshold: float = setting(
        0.5, "Objects", "Probability from which a pixel is gland", min=0.01, max=0.99
    )
    erosion: int = setting(
        4,
        "Objects",
        "Take this off all round, in pixels of what the network sees: parts glands that touch, and "
        "removes specks",
        min=0,
        max=32,
    )
    dilation: int = setting(
        2, "Objects", "Put this on again all round, in the same pixels", min=0, max=32
    )
    min_area: int = setting(
        0, "Objects", "Drop objects of fewer pixels of the image", min=0, max=1_000_000_000
    )
    tiles: bool = setting(
        False,
        "Image",
        "Look at one piece of 768 × 768 pixels after another, as large as they are, instead of at "
        "the whole image made small: for images of many fields of view",
        label="Piece by piece",
    )
    model: str = setting(
        "",
        "Network",
        "A model.json of your own to use instead, or its folder; empty uses the published one",
    )


def find_glands(plane: Plane, settings: GlasSettings, progress: Progress) -> Found:
    """Find glands.

    Parameters
    ----------
    plane : Plane
        Red, green and blue.
    settings : GlasSettings
    progress : Progress

    Raises
    ------
    WeightsUnavailableError
        If the published weights are not on this machine.
    ModelFileError
        If the user's own model is damaged, or no gland network.
    SegmentError
        If the network fails on this image.

    Notes
    -----
    Source: Piximi's `preprocessGlas` and `predictGlas`: the whole image in 0…1, squeezed
    into 768 × 768 by bilinear sampling. Different on purpose: rows stay rows in images that are
    not square, there may be more than 255 glands, and on the way back a pixel is gland where
    more than half of what is around it is; Piximi takes those only that have nothing else around.
    Looking piece by piece is ours.
    """
    progress(0, TOTAL, "Loading the network")
    graph = pretrained_graph("glas", settings.model)
    refusal = f"{settings.model or 'The published model'}: {OTHER}"
    size = input_size(graph, CHANNELS, SIZE, refusal)

    def ask(sample: NDArray[np.float32]) -> NDArray[np.floating]:
        logits = answers(graph, sample / np.float32(plane.top), plane.name)
        return _logits(logits, size, refusal)

    if settings.tiles:
        mask = _mask_of_pieces(plane.pixels, size, ask, settings, progress)
    else:
        progress(LOADED, TOTAL, "Asking the network")
        mask = gland_mask(ask(resized(plane.pixels, size)), settings)

    def step(done: int, total: int, what: str) -> None:
        progress(ASKED, TOTAL, f"Making objects: {what}, {done + 1} of {total}")

    return glands_of(mask, plane.pixels.shape[:2], settings.min_area, step)


def gland_mask(logits: NDArray[np.floating], settings: GlasSettings) -> NDArray[np.bool_]:
    """Take what is gland, and clean it: above the threshold, eroded, dilated, by discs.

    Parameters
    ----------
    logits : (Y, X) float array
        What the network puts out; the sigmoid of it is a probability.

    Returns
    -------
    (Y, X) bool array

    Notes
    -----
    What lies beyond the border counts for neither erosion nor dilation, as in image-js, which
    Piximi uses. Its discs, 9 × 9 and 5 × 5, are those of the radii 4 and 2.
    """
    from scipy import ndimage

    mask = np.asarray(logits > math.log(settings.threshold / (1 - settings.threshold)))
    if settings.erosion:
        mask = ndimage.binary_erosion(mask, _disc(settings.erosion), border_value=1)
    if settings.dilation:
        mask = ndimage.binary_dilation(mask, _disc(settings.dilation))
    return np.asarray(mask, bool)


def glands_of(
    mask: NDArray[np.bool_],
    shape: tuple[int, ...],
    min_area: int = 0,
    step: Step = lambda *_: None,
) -> Found:
    """Bring a mask to the size of the image, and take its connected parts.

    Parameters
    ----------
    mask : (Y, X) bool array
    shape : (rows, columns)
        Of the image, which may be large: labels of the whole of it are not made.
    min_area : int
        Pixels that a part must have.
    step : callable
        Called as ``step(done, total, what)``, often.

    Returns
    -------
    Found
        Pixels that share a side belong together, as in Piximi.
    """
    from scipy import ndimage

    larger = mask if mask.shape == shape else resized_mask(mask, (shape[0], shape[1]))
    found = []
    for top, left, whole in pieces(larger, step):
        # What hangs together by corners alone is parted here.
        labels, _ = ndimage.label(whole)
        small = np.bincount(labels.ravel()) < min_area
        labels[small[labels]] = 0
        found.append(shifted(found_labels(labels), top, left))
    return joined(found)


def _mask_of_pieces(
    pixels: PlanePixels,
    size: tuple[int, int],
    ask: Callable[[NDArray[np.float32]], NDArray[np.floating]],
    settings: GlasSettings,
    progress: Progress,
) -> NDArray[np.bool_]:
    """Put the mask together from pieces, each as large as the network's input."""
    shape = (pixels.shape[0], pixels.shape[1])
    mask = np.zeros(shape, bool)
    overlap = min(OVERLAP, min(size) // 4)
    grid = list(tiles(shape, min(size) - 2 * overlap, overlap))
    for done, piece in enumerate(grid):
        share = LOADED + (ASKED - LOADED) * done // len(grid)
        progress(share, TOTAL, f"Piece {done + 1} of {len(grid)}")
        sample = pixels[piece.reading].astype(np.float32)
        height, width = sample.shape[:2]
        missing = ((0, size[0] - height), (0, size[1] - width), (0, 0))
        logits = ask(np.pad(sample, missing, mode="symmetric"))[:height, :width]
        mask[piece.keeping] = gland_mask(logits, settings)[piece.kept]
    return mask


def _logits(found: list[NDArray[Any]], size: tuple[int, int], refusal: str) -> NDArray[np.floating]:
    if len(found) != 1 or found[0].shape != (1, *size, 1):
        told = " and ".join(str(list(answer.shape)) for answer in found)
        raise ModelFileError(f"{refusal}; it puts out {told}")
    if not np.isfinite(found[0]).all():
        raise ModelFileError(f"{refusal}; it puts out values that are no numbers")
    return np.asarray(found[0][0, :, :, 0])


def _disc(radius: int) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(rows**2 + columns**2 <= radius**2)


SEGMENTERS = (
    Segmenter(
        key="glas",
        title="GlaS glands",
        summary="Glands of the colon in tissue stained with haematoxylin and eosin.",
        kind="glas_glands",
        settings=GlasSettings,
        find=find_glands,
        channels=("red", "green", "blue"),
        weights="glas",
        color=True,
        pixel_size="The whole image is squeezed into 768 × 768 pixels: best on fields of view of "
        "about 0.5 mm, such as 775 × 522 pixels at 20×",
        licence="BSD-3-Clause (Piximi)",
        citation="Sirinukunwattana et al., Gland segmentation in colon histology images: the GlaS "
        "challenge contest. Medical Image Analysis 35, 2017",
    ),
)
