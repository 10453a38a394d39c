"""Cellpose, by the package of that name, where it is installed."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from napari_piximi.errors import (
    Cancelled,
    DownloadError,
    SegmentError,
    WeightsUnavailableError,
)
from napari_piximi.io.download import Downloads
from napari_piximi.learn import device_choice
from napari_piximi.progress import Progress
from napari_piximi.segment.catalog import Plane, Segmenter, setting
from napari_piximi.segment.found import Found, found_labels

__all__ = ["SEGMENTERS", "CellposeSettings", "find"]

SMALLEST = 15
"""Pixels: what Cellpose itself leaves out by default."""

LEAST = 16
"""Pixels along an axis that Cellpose can do with."""

ADDRESS = "https://huggingface.co/mouseland/cellpose-sam/resolve/main/"
"""Where Cellpose 4 fetches its models from.

It would do so itself, but without a look at who answers, and would keep a file that was cut short.
"""

LARGEST = 4 * 2**30
LONGEST = 4 * 3600.0
"""Seconds that the download may take."""


@dataclass(frozen=True, slots=True)
class CellposeSettings:
    """What Cellpose can be told; names and defaults are its own."""

    diameter: float = setting(
        0.0, "Objects", "Their diameter in pixels; 0 takes the image as it is", min=0.0, max=2000.0
    )
    flow_threshold: float = setting(
        0.4, "Objects", "Larger keeps more objects of odd shape; 0 keeps all", min=0.0, max=3.0
    )
    cellprob_threshold: float = setting(
        0.0, "Objects", "Smaller finds more and larger objects", min=-6.0, max=6.0
    )
    min_size: int = setting(
        SMALLEST, "Objects", "Leave out smaller ones (pixels)", min=0, max=1_000_000
    )
    model: str = setting(
        "", "Model", "A model file that you trained with Cellpose 4; empty takes Cellpose's own"
    )
    download: bool = setting(
        False,
        "Model",
        "Fetch Cellpose's own model (about 1.2 GB from huggingface.co) if it is not here",
    )
    batch_size: int = setting(8, "Model", "Tiles of 256 × 256 at a time", min=1, max=256)


def find(plane: Plane, settings: CellposeSettings, progress: Progress) -> Found:
    """Find cells with Cellpose.

    Raises
    ------
    SegmentError
        If its model file is none of Cellpose 4's.
    WeightsUnavailableError
        If its own model is not here, and may not be fetched or cannot.
    Cancelled
        If `progress` raises it.
    """
    progress(0, 0, "Loading Cellpose")
    model = _model(_model_file(settings, progress), gpu=device_choice.chosen() != "cpu")
    height, width, channels = plane.pixels.shape
    # Cellpose fails on images of a few pixels.
    image = np.zeros((max(height, LEAST), max(width, LEAST), 3), np.float32)
    image[:height, :width, :channels] = plane.pixels
    watch = model.net.register_forward_pre_hook(_Watch(progress))
    try:
        labels = model.eval(
            image,
            batch_size=settings.batch_size,
            channel_axis=-1,
            diameter=settings.diameter or None,
            flow_threshold=settings.flow_threshold,
            cellprob_threshold=settings.cellprob_threshold,
            min_size=settings.min_size or -1,
        )[0]
    finally:
        watch.remove()
    labels = np.asarray(labels).reshape(image.shape[:2])[:height, :width]
    return found_labels(labels.astype(np.int32))


class _Watch:
    """Tells of every batch of tiles; Cancelled then ends Cellpose's work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._batches = 0

    def __call__(self, *_: object) -> None:
        self._batches += 1
        self._progress(0, 0, f"Cellpose, batch {self._batches}")


def _model_file(settings: CellposeSettings, progress: Progress) -> str:
    """Return the path of the model, fetched if that is allowed."""
    from cellpose import models

    if settings.model:
        path = Path(settings.model).expanduser()
        if not path.is_file():
            raise SegmentError(f"{path}: there is no such Cellpose model")
        return str(path)
    name = models.MODEL_NAMES[0]
    path = Path(models.MODEL_DIR) / name
    if path.is_file():
        return str(path)
    if not settings.download:
        raise WeightsUnavailableError(
            f"Cellpose's model {name} is not on this machine: switch on Download in its settings "
            f"to fetch it (about 1.2 GB from huggingface.co), or put the file into {path.parent}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Downloads(max_bytes=LARGEST, progress=progress, longest=LONGEST).save(ADDRESS + name, path)
    except (DownloadError, OSError) as error:
        raise WeightsUnavailableError(
            f"Cellpose's model {name} cannot be fetched from huggingface.co ({error}); "
            f"try again, or put the file into {path.parent}"
        ) from error
    return str(path)


@lru_cache(maxsize=1)
def _model(path: str, *, gpu: bool) -> Any:  # noqa: ANN401
    import torch
    from cellpose import models

    try:
        return models.CellposeModel(
            gpu=gpu, pretrained_model=path, use_bfloat16=gpu and torch.cuda.is_available()
        )
    except Cancelled:
        raise
    except Exception as error:  # torch raises whatever a damaged file makes it
        text = " ".join(str(error).split())[:300]
        raise SegmentError(f"{path}: is no model of Cellpose 4 ({text})") from error


SEGMENTERS = (
    Segmenter(
        key="cellpose",
        title="Cellpose",
        summary="Cells and nuclei of most kinds of microscopy, by a large general network on this "
        "machine; slow without a GPU.",
        kind="cellpose_cells",
        settings=CellposeSettings,
        find=find,
        channels=("cytoplasm", "nuclei?"),
        place="cellpose",
        package="cellpose",
        pixel_size="objects of about 7 to 120 pixels across",
        licence="code BSD-3-Clause; its models have terms of their own",
        citation="Pachitariu, Rariden and Stringer (2025), Cellpose-SAM: superhuman "
        "generalization for cellular segmentation; Stringer et al. (2021), Nature Methods 18",
    ),
)
