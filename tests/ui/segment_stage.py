"""A Segmentation dock with segmenters that tests steer, and images that are easy to know."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_piximi.errors import SegmentError
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import ArrayPixels, Image, default_channels
from napari_piximi.progress import Progress
from napari_piximi.segment import catalog
from napari_piximi.segment.catalog import Plane, Segmenter
from napari_piximi.segment.found import Found, found_labels


@dataclass(frozen=True)
class Above:
    """Settings of all stand-ins."""

    level: float = field(
        default=0.5, metadata={"group": "Level", "tooltip": "What counts", "min": 0.0, "max": 1.0}
    )
    method: str = field(
        default="plain",
        metadata={"group": "Way", "tooltip": "How it is done", "choices": ("plain", "fine")},
    )


Find = Callable[..., Found]


def find(plane: Plane, settings: Above, progress: Progress) -> Found:
    """Take each value above the level for the label of its object."""
    progress(0, 1, "Looking")
    grey = plane.pixels[..., 0].astype(np.int64)
    return found_labels(np.where(grey > settings.level * plane.top, grey, 0))


class Slow:
    """Waits on each image until it is let go; fails where it is told to."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.seen: list[tuple[str, Above]] = []
        self.failing: dict[str, Exception] = {}

    def __call__(self, plane: Plane, settings: Above, progress: Progress) -> Found:
        """Find as :func:`find` does, when it may."""
        self.seen.append((plane.name, settings))
        self.begun.release()
        while not self.go.acquire(timeout=0.01):
            progress(0, 1, "Waiting")
        if plane.name in self.failing:
            raise self.failing[plane.name]
        return find(plane, settings, progress)


def refuse(_plane: Plane, _settings: Above, _progress: Progress) -> Found:
    """Find nothing, ever."""
    raise SegmentError("'0.tif': is of no use")


def segmenter(key: str = "quick", **about: Any) -> Segmenter:  # noqa: ANN401
    """Make a stand-in."""
    told: dict[str, Any] = {
        "key": key,
        "title": key.capitalize(),
        "summary": f"What {key} is for.",
        "kind": "blob",
        "settings": Above,
        "find": find,
        "place": "window",
        "licence": "BSD-3-Clause",
        "citation": "Nobody, 2026",
    }
    return Segmenter(**{**told, **about})


def install(monkeypatch: pytest.MonkeyPatch, *chosen: Segmenter) -> None:
    """Make these the only segmenters."""
    only = {made.key: made for made in chosen}
    monkeypatch.setattr(catalog, "segmenters", lambda: only)


def dots(*values: int, size: int = 32) -> NDArray[np.uint8]:
    """Return an image (1, Y, X, 1) with a square of 4 × 4 of each value."""
    image = np.zeros((1, size, size, 1), np.uint8)
    for number, value in enumerate(values):
        row, column = divmod(number * 6, size - 6)
        image[0, row * 6 + 1 : row * 6 + 5, column + 1 : column + 5] = value
    return image


def project_of(*arrays: NDArray[Any]) -> Project:
    """Make a project of images ``0.tif``, ``1.tif`` … with the ids ``image-0`` ….

    Parameters
    ----------
    *arrays : (Z, Y, X, C) array
    """
    project = new_project("Stage")
    unknown = project.kinds["Image"].unknown
    images = [
        Image(
            f"image-{n}", f"{n}.tif", unknown, ArrayPixels(array),
            channels=default_channels(array.shape[-1]),
        )
        for n, array in enumerate(arrays)
    ]  # fmt: skip
    return edits.add_images(project, images)
