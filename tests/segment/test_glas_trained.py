"""Piximi's gland topology with weights that learnt drawn glands: whole, right objects."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.segment.glands import KIND, glands, glands_project
from tests.segment.nuclei import score
from tests.segment.published import files_of
from tests.segment.trained_glas import SIZE, WEIGHTS, artifact, document, thin_answer, unpacked

from napari_piximi import find_objects
from napari_piximi.learn.graphs import load_graph
from napari_piximi.model.labels import labels_of
from napari_piximi.progress import silent
from napari_piximi.segment.bilinear import resized
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found, found_labels, painted
from napari_piximi.segment.matching import match_objects
from napari_piximi.segment.running import Request
from napari_piximi.segment.segmenters.glas import GlasSettings, find_glands
from napari_piximi.segment.segmenters.threshold import ThresholdSettings

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="graph models run on TensorFlow only"
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = tmp_path_factory.mktemp("glas")
    for name, data in files_of(artifact(), 5).items():
        (made / name).write_bytes(data)
    return str(made)


def find(pixels: NDArray[Any], folder: str, bit_depth: int = 8, **settings: Any) -> Found:  # noqa: ANN401
    plane = Plane(pixels, bit_depth, "slide.tif")
    return find_glands(plane, GlasSettings(model=folder, **settings), silent)


def f1(truth: NDArray[np.int32], found: Found) -> float:
    """Return the F1 at 0.5."""
    matching = match_objects(found_labels(truth), found, (0.5,))
    return 2 * matching.matched[0] / (matching.annotated + matching.found)


def test_zeros_in_unused_channels_change_nothing() -> None:
    """And our loader runs the graph as the layers that it is made of say."""
    import tensorflow as tf

    image = resized(glands(500)[0] / 255, (SIZE, SIZE))[np.newaxis]
    (whole,) = load_graph(artifact())([image])
    weights = unpacked(np.load(WEIGHTS).astype("<f4"), document())
    thin = np.asarray(thin_answer(tf.constant(image), document(), weights))
    assert np.ptp(whole) > 10
    np.testing.assert_allclose(whole, thin, atol=1e-4 * np.abs(thin).max())


def test_glands_that_it_never_saw(folder: str) -> None:
    project = glands_project(501, 502)
    taught = score(project, Request("glas", GlasSettings(model=folder), (0, 1, 2)), KIND)
    plain = [
        score(project, Request("threshold", ThresholdSettings(), (c,)), KIND) for c in range(3)
    ]
    assert taught.annotated > 15
    assert taught.f1[0] > 0.9
    assert taught.f1[0] > max(one.f1[0] for one in plain) + 0.3


def test_images_of_another_shape(folder: str) -> None:
    """Rows are rows, columns are columns: a gland is where it is."""
    pixels, truth = glands(505)
    for part in (np.s_[:, :400], np.s_[:300, :]):
        labels = truth[part]
        assert f1(labels, find(pixels[part], folder)) > 0.6
    turned = np.ascontiguousarray(np.rot90(pixels)), np.ascontiguousarray(np.rot90(truth))
    assert turned[0].shape[:2] == (775, 522)
    assert f1(turned[1], find(turned[0], folder)) > 0.8


@pytest.mark.parametrize(
    ("dtype", "bit_depth", "top"), [(np.uint16, 16, 65535), (np.float32, 16, 1.0)]
)
def test_other_precisions(folder: str, dtype: type[np.generic], bit_depth: int, top: float) -> None:
    pixels = glands(506)[0]
    other = find((pixels * (top / 255)).astype(dtype), folder, bit_depth)
    np.testing.assert_allclose(other.boxes, find(pixels, folder).boxes, atol=1)


def test_from_an_image_to_objects_of_a_project(folder: str) -> None:
    project = find_objects(glands_project(507), "glas", model=folder)
    pixels, truth = glands(507)
    (image,) = project.images()
    kind = project.find_kind("glas_glands").id
    objects = [thing for thing in project.annotations(image.id) if thing.kind == kind]
    mine = labels_of(objects, (1, *truth.shape))[0]
    found = find(pixels, folder)
    assert len(objects) == len(found) > 5
    np.testing.assert_array_equal(mine > 0, painted(found, truth.shape) > 0)


def test_the_weights_are_small() -> None:
    assert Path(WEIGHTS).stat().st_size < 500_000
