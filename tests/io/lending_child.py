"""What the other process does with a project that is lent."""

import time
from pathlib import Path

import numpy as np

from napari_piximi.model.project import Project


def sums(project: Project) -> dict[str, float]:
    return {
        key: float(np.asarray(thing.pixels, np.float64).sum())
        for key, thing in project.things.items()
        if thing.pixels is not None
    }


def sums_later(project: Project, ready: str, go: str) -> dict[str, float]:
    Path(ready).write_text("", "utf-8")
    while not Path(go).exists():
        time.sleep(0.01)
    return sums(project)
