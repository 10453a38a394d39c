"""A segmenter that tests can steer, in the place of all others."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import ArrayPixels, Image
from napari_piximi.progress import Progress
from napari_piximi.segment import catalog, running
from napari_piximi.segment.catalog import Plane, Segmenter
from napari_piximi.segment.found import Found, found_labels


@dataclass(frozen=True)
class Above:
    """Settings: what counts as object."""

    level: float = field(default=0.5, metadata={"min": 0.0, "max": 1.0})
    method: str = field(default="plain", metadata={"choices": ("plain", "fine")})


def find(plane: Plane, settings: Above, progress: Progress) -> Found:
    """Take each value above the level for the label of its object."""
    progress(0, 1, "Looking")
    total = np.asarray(plane.pixels).sum(axis=2, dtype=np.float64)
    grey = np.rint(total / plane.top * 255).astype(np.int64)
    return found_labels(np.where(grey > settings.level * 255, grey, 0))


def install(
    monkeypatch: pytest.MonkeyPatch, finder: Callable[..., Any] = find, **about: object
) -> None:
    """Make a segmenter of the key ``stand-in`` the only one."""
    told: dict[str, Any] = {
        "key": "stand-in",
        "title": "Stand-in",
        "summary": "Finds.",
        "kind": "blob",
        **about,
    }
    only = {"stand-in": Segmenter(settings=Above, find=finder, **told)}
    monkeypatch.setattr(catalog, "segmenters", lambda: only)


def project_of(*planes: ArrayLike, bit_depth: int = 8) -> Project:
    """Make a project of images, given as arrays (Y, X), (Z, Y, X) or (Z, Y, X, C)."""
    project = new_project("stand-in")
    unknown = project.kinds["Image"].unknown
    images = []
    for number, values in enumerate(planes):
        array = np.asarray(values)
        array = array[np.newaxis] if array.ndim == 2 else array
        array = array[..., np.newaxis] if array.ndim == 3 else array
        images.append(
            Image(f"1image{number}", f"{number}.tif", unknown, ArrayPixels(array), bit_depth)
        )
    return edits.add_images(project, images)


def request(**changes: object) -> running.Request:
    """Ask the stand-in, with the first channel."""
    asked = running.Request("stand-in", Above(), (0,))
    return replace(asked, **changes)  # type: ignore[arg-type]
