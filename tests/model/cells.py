"""A small project with everything an edit can touch, and readable ids."""

import numpy as np

from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project, new_kind, new_project
from napari_piximi.model.things import (
    IMAGE_KIND,
    Annotation,
    ArrayPixels,
    Image,
    Partition,
    Prediction,
    default_channels,
)
from napari_piximi.model.training import Classifier

IMAGES = ("image0", "image1")
CELLS = ("cell0", "cell1", "cell2", "cell3")


def image(key: str, category: str, shape: tuple[int, int, int, int] = (2, 20, 30, 3)) -> Image:
    values = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    return Image(
        key, f"{key}.tif", category, ArrayPixels(values), 16, channels=default_channels(shape[-1])
    )


def cell(key: str, category: str, on: str, kind: str = "cell") -> Annotation:
    """Make an annotation of 2 × 3 pixels without its upper left corner."""
    runs = masks.from_lengths((1, 5))
    return Annotation(key, f"name of {key}", kind, category, on, (4, 6, 6, 9), runs, 16)


def cells_project() -> Project:
    """Two images, one good; two cells on each: round, long and two that are Unknown.

    The last cell waits for Inference and is predicted to be long.
    """
    project = edits.create_category(new_project("Cells"), IMAGE_KIND, "good", category_id="1good")
    for name in ("cell", "nucleus"):
        kind, unknown = new_kind(name, kind_id=name)
        project = edits.add_kind(project, kind, unknown)
    for category in ("round", "long"):
        project = edits.create_category(project, "cell", category, category_id=f"1{category}")
    project = edits.create_category(project, "nucleus", "Round", category_id="1nucleus-round")
    unknown_image = project.kinds[IMAGE_KIND].unknown
    images = [image(IMAGES[0], "1good"), image(IMAGES[1], unknown_image)]
    unknown_cell = project.kinds["cell"].unknown
    categories = ("1round", "1long", unknown_cell, unknown_cell)
    cells = [
        cell(key, category, IMAGES[number // 2])
        for number, (key, category) in enumerate(zip(CELLS, categories, strict=True))
    ]
    project = edits.add_annotations(edits.add_images(project, images), cells)
    project = edits.set_partition(project, [CELLS[3]], Partition.INFERENCE)
    project = edits.set_predictions(project, {CELLS[3]: Prediction("1long", 0.75)})
    return edits.put_classifier(project, Classifier("net", "cell", class_map=("1round", "1long")))
