"""What the child of an engine is asked to do in tests of the window; nothing of Qt here."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_piximi.errors import Cancelled, FitError
from napari_piximi.model.project import Project
from napari_piximi.progress import Progress


def things(project: Project, *, progress: Progress) -> tuple[int, int]:
    progress(1, 1, "counting")
    return len(project.things), os.getpid()


def count(project: Project, steps: int, *, progress: Progress) -> str:
    for step in range(steps):
        try:
            progress(step, steps, "counting", step=step)
        except Cancelled:
            return "stopped"
        time.sleep(0.01)
    return "counted"


def hang(
    project: Project,
    path: str,
    *,
    progress: Progress,
    keep: Callable[[Any], None] | None = None,
) -> None:
    if keep is not None:
        keep("best")
    Path(path).write_text("", "utf-8")
    time.sleep(60)


def refuse(project: Project, *, progress: Progress) -> None:
    raise FitError("nothing to learn from")


def device(*, progress: Progress) -> str:
    return f"{os.environ.get('NAPARI_PIXIMI_DEVICE')} of test"
