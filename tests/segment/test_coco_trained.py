"""A detector that learnt: boxes lie around what they name, wherever that is."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.segment.collages import collage
from tests.segment.published import files_of
from tests.segment.stand_in import project_of
from tests.segment.trained_coco import WEIGHTS, detect, trained_detector, unpacked

from napari_piximi import find_objects
from napari_piximi.learn.graphs import load_graph
from napari_piximi.progress import silent
from napari_piximi.segment import weights
from napari_piximi.segment.bilinear import resized
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found
from napari_piximi.segment.matching import match_objects
from napari_piximi.segment.segmenters.coco_ssd import CocoSettings, find_everyday_objects

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="graph models run on TensorFlow only"
    ),
]

UNSEEN = range(1000, 1030)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = tmp_path_factory.mktemp("coco")
    for name, data in files_of(trained_detector(), 1).items():
        (made / name).write_bytes(data)
    return str(made)


def find(pixels: NDArray[Any], folder: str) -> Found:
    plane = Plane(pixels, 8, "table.png")
    return find_everyday_objects(plane, CocoSettings(model=folder), silent)


def test_the_graph_computes_what_was_trained(folder: str) -> None:
    from napari_piximi.io.tfjs import read_model

    begins = weights.CATALOGUE["coco-ssd"].begins
    graph = load_graph(read_model(Path(folder) / "model.json", begins=begins))
    image = np.round(resized(collage(999)[0], (300, 300)))[np.newaxis]
    logits, boxes = (np.asarray(one) for one in detect(image, unpacked()))
    scores, places = sorted(graph([image]), key=lambda one: -one.shape[2])
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits[..., 1:])), atol=1e-5)
    np.testing.assert_allclose(places[:, :, 0], boxes, atol=1e-5)
    assert scores.max() > 0.5


def test_boxes_lie_around_what_they_name(folder: str) -> None:
    matched = annotated = found_in_all = 0
    for seed in UNSEEN:
        pixels, truth = collage(seed)
        found = find(pixels, folder)
        matching = match_objects(truth, found, (0.5,))
        for mine, theirs in matching.pairs:
            matched += truth.classes[mine] == found.classes[theirs]
        annotated += len(truth)
        found_in_all += len(found)
    assert annotated > 40
    assert 2 * matched / (annotated + found_in_all) > 0.85


def test_kinds_of_what_was_found(folder: str) -> None:
    pixels, truth = collage(1000)
    project = find_objects(project_of(pixels[np.newaxis]), "coco-ssd", model=folder)
    made = {kind.name for kind in project.kinds.values()} - {"Image"}
    assert made == set(find(pixels, folder).classes) == set(truth.classes)


def test_the_weights_are_small() -> None:
    assert WEIGHTS.stat().st_size < 300_000
