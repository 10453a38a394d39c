"""Tables of what a classifier says of things, one line per thing."""

import csv
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation

__all__ = ["write_table"]

FIXED = ("id", "name", "image", "category", "prediction", "probability")
ROWS = 4096


def write_table(
    file: TextIO,
    project: Project,
    ids: tuple[str, ...],
    probabilities: NDArray[np.float32],
    class_map: tuple[str, ...],
) -> None:
    """Write id, name, image, category, prediction, probability, and one column per class.

    A class that is called as one of the other columns is marked with ``(class)``. Probabilities
    have as few digits as read back to the same float32.

    Parameters
    ----------
    file : text file
        Opened with ``newline=""``.
    project : Project
    ids : tuple of str
        Of N things.
    probabilities : (N, classes) float32 array
    class_map : tuple of str
        Category id per class.
    """
    names = {c.id: c.name for c in project.categories.values()}
    classes = [names[c] for c in class_map]
    rows = csv.writer(file)
    titles = [f"{name} (class)" if name in FIXED else name for name in classes]
    rows.writerow([*FIXED, *titles])
    best = probabilities.argmax(axis=1).tolist()
    for start in range(0, len(ids), ROWS):
        part = probabilities[start : start + ROWS].astype(np.float32).astype(str).tolist()
        rows.writerows(
            [*_cells(project, key, names), classes[index], row[index], *row]
            for key, index, row in zip(
                ids[start : start + ROWS], best[start : start + ROWS], part, strict=True
            )
        )


def _cells(project: Project, key: str, names: dict[str, str]) -> tuple[str, str, str, str]:
    thing = project.things[key]
    image = project.things[thing.image].name if isinstance(thing, Annotation) else thing.name
    return key, thing.name, image, names[thing.category]
