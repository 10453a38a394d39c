"""A project of two images and some cells on them, small enough to know by heart."""

from typing import Any

import numpy as np
from qtpy.QtTest import QTest

from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import Annotation, ArrayPixels, Image, default_channels

CELLS = "cells"

hands: Any = QTest
"""Real events of mouse and keys; PyQt's types take its functions for methods."""


def gallery_project(cells: int = 12) -> Project:
    """Return images ``a.tif``, ``b.tif``, and cells ``cell 0`` … on them by turns."""
    project = new_project("Gallery")
    unknown = project.kinds["Image"].unknown
    ramp = np.arange(32 * 40 * 3, dtype=np.uint8).reshape(1, 32, 40, 3)
    images = [
        Image(key, f"{key}.tif", unknown, ArrayPixels(ramp), channels=default_channels(3))
        for key in ("a", "b")
    ]
    project = edits.add_images(project, images)
    project = edits.create_kind(project, CELLS)
    kind = project.find_kind(CELLS)
    for name in ("round", "long"):
        project = edits.create_category(project, kind.id, name, category_id=f"1{name}")
    runs = masks.encode(np.tri(8, 8, dtype=bool))
    made = [
        Annotation(
            f"cell-{n}", f"cell {n}", kind.id, kind.unknown, "ab"[n % 2],
            (n % 20, n % 30, n % 20 + 8, n % 30 + 8), runs,
        )
        for n in range(cells)
    ]  # fmt: skip
    return edits.add_annotations(project, made)
