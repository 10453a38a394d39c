"""Everyday objects in photographs, as boxes: SSD with MobileNetV2, fitted on the COCO images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.errors import ModelFileError
from napari_piximi.progress import Progress
from napari_piximi.segment.bilinear import resized
from napari_piximi.segment.catalog import Plane, Segmenter, setting
from napari_piximi.segment.found import Found, found_boxes
from napari_piximi.segment.pretrained import answers, input_size, pretrained_graph

__all__ = [
    "NAMES",
    "SEGMENTERS",
    "CocoSettings",
    "best_boxes",
    "find_everyday_objects",
    "objects_in",
]

Floats = NDArray[np.float32]

SIZE = 300
CHANNELS = 3
STEPS = 3
OTHER = "is no COCO detector, which takes an RGB image and puts out boxes and scores of 90 classes"

COCO = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
    fire hydrant, , stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant,
    bear, zebra, giraffe, , backpack, umbrella, , , handbag, tie, suitcase, frisbee, skis,
    snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard,
    tennis racket, bottle, , wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich,
    orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, ,
    dining table, , , toilet, , tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven,
    toaster, sink, refrigerator, , book, clock, vase, scissors, teddy bear, hair drier, toothbrush
"""
NAMES = tuple(name.strip() for name in COCO.split(","))
"""By number: the first is COCO's id 1. Ten of the 90 ids stand for nothing, and are empty."""
KNOWN = np.array([bool(name) for name in NAMES])


@dataclass(frozen=True, slots=True)
class CocoSettings:
    """Which of the boxes that the network proposes become objects."""

    score: float = setting(
        0.5, "Objects", "How sure the network must be at least", min=0.01, max=0.99
    )
    overlap: float = setting(
        0.5,
        "Objects",
        "Of boxes that overlap by more than this share, only the best is kept",
        min=0.0,
        max=1.0,
    )
    most: int = setting(
        20,
        "Objects",
        "Keep this many boxes of an image, the best ones; 0 keeps all",
        min=0,
        max=100_000,
    )
    model: str = setting(
        "",
        "Network",
        "A model.json of your own to use instead, or its folder; empty uses the published one",
    )


def find_everyday_objects(plane: Plane, settings: CocoSettings, progress: Progress) -> Found:
    """Find boxes around everyday objects, and say what these are.

    Parameters
    ----------
    plane : Plane
        Red, green and blue; of more than 8 bits, or floating-point, they are brought to 0…255.
    settings : CocoSettings
    progress : Progress

    Raises
    ------
    WeightsUnavailableError
        If the published weights are not on this machine.
    ModelFileError
        If the user's own model is damaged, or no such detector.
    SegmentError
        If the network fails on this image.

    Notes
    -----
    Source: Piximi's `predictCoco`, and ``coco-ssd`` of TensorFlow.js. The network itself
    resizes images to 300 × 300, in a loop; here it begins behind that loop, and is given what
    the loop would make.
    """
    progress(0, STEPS, "Loading the network")
    graph = pretrained_graph("coco-ssd", settings.model)
    refusal = f"{settings.model or 'The published model'}: {OTHER}"
    size = input_size(graph, CHANNELS, SIZE, refusal)
    progress(1, STEPS, "Asking the network")
    sample = resized(plane.pixels, size) * np.float32(255 / plane.top)
    if graph.inputs[0].dtype != "float32":
        sample = np.round(sample)
    scores, boxes = _columns(answers(graph, sample, plane.name), refusal)
    progress(2, STEPS, "Making objects")
    height, width = plane.pixels.shape[:2]
    return objects_in(scores, boxes, (height, width), settings)


def objects_in(
    scores: Floats, boxes: Floats, shape: tuple[int, int], settings: CocoSettings
) -> Found:
    """Choose among proposed boxes.

    Parameters
    ----------
    scores : (N, 90) float32 array
        Of each box for each of :data:`NAMES`.
    boxes : (N, 4) float32 array
        min_row, min_col, max_row, max_col as shares of the image; may reach beyond it.
    shape : (rows, columns)
        Of the image.
    settings : CocoSettings

    Returns
    -------
    Found
        Filled boxes, the surest first. Boxes that have no pixel on the image are left out.

    Notes
    -----
    Each box counts for its best class alone, and boxes suppress those of other classes too, as
    in Piximi and in ``coco-ssd``. Piximi lowers the scores of boxes that overlap less besides
    (soft suppression of sigma 1), ``coco-ssd`` does not, and neither do we.
    """
    scores = np.where(KNOWN, scores, -np.inf)
    classes = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), classes]
    usable = np.flatnonzero((best > settings.score) & np.isfinite(boxes).all(axis=1))
    kept = usable[best_boxes(boxes[usable], best[usable], settings.overlap, settings.most)]
    edges = np.floor(boxes[kept].astype(np.float64) * (*shape, *shape) + 0.5)
    edges = np.clip(edges, 0, (*shape, *shape)).astype(np.int64)
    inside = (edges[:, 2] > edges[:, 0]) & (edges[:, 3] > edges[:, 1])
    names = [NAMES[place] for place in classes[kept][inside]]
    return found_boxes(edges[inside], best[kept][inside], names)


def best_boxes(boxes: Floats, scores: Floats, overlap: float, most: int = 0) -> NDArray[np.intp]:
    """Choose boxes that do not overlap too much, as ``tf.image.non_max_suppression`` does.

    Parameters
    ----------
    boxes : (N, 4) float32 array
        Two opposite corners: row, column, row, column.
    scores : (N,) float32 array
    overlap : float
        Intersection over union above which the box of the lower score goes.
    most : int
        Stop at this many; 0 does not.

    Returns
    -------
    array of int
        Their places, the highest score first; of equal scores, the first box.
    """
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    areas = np.prod(high - low, axis=1)
    waiting, kept = np.argsort(-scores, kind="stable"), list[np.intp]()
    while len(waiting) and not (most and len(kept) == most):
        chosen, waiting = waiting[0], waiting[1:]
        kept.append(chosen)
        sides = np.minimum(high[chosen], high[waiting]) - np.maximum(low[chosen], low[waiting])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        union = areas[chosen] + areas[waiting] - shared
        flat = (areas[chosen] <= 0) | (areas[waiting] <= 0)
        share = np.divide(shared, union, out=np.zeros_like(shared), where=~flat)
        waiting = waiting[share <= overlap]
    return np.array(kept, np.intp)


def _columns(found: list[NDArray[Any]], refusal: str) -> tuple[Floats, Floats]:
    """Tell scores (1, N, 90) from boxes (1, N, 1, 4), in whatever order they come."""
    scores = [a[0] for a in found if a.ndim == 3 and a.shape[0] == 1 and a.shape[2] == len(NAMES)]
    boxes = [
        a[0, :, 0] for a in found if a.ndim == 4 and a.shape[::2] == (1, 1) and a.shape[3] == 4
    ]
    if len(found) != 2 or len(scores) != 1 or len(boxes) != 1 or len(scores[0]) != len(boxes[0]):
        told = " and ".join(str(list(answer.shape)) for answer in found)
        raise ModelFileError(f"{refusal}; it puts out {told}")
    return np.asarray(scores[0], np.float32), np.asarray(boxes[0], np.float32)


SEGMENTERS = (
    Segmenter(
        key="coco-ssd",
        title="COCO-SSD",
        summary="People, animals, vehicles and other everyday objects in photographs, as boxes.",
        kind="coco_object",
        settings=CocoSettings,
        find=find_everyday_objects,
        channels=("red", "green", "blue"),
        weights="coco-ssd",
        color=True,
        classes=tuple(name for name in NAMES if name),
        pixel_size="The whole image is squeezed into 300 × 300 pixels: objects should fill a good "
        "part of it",
        licence="Apache-2.0",
        citation="Liu et al., SSD: single shot multibox detector. ECCV 2016; Lin et al., "
        "Microsoft COCO: common objects in context. ECCV 2014",
    ),
)
