"""The gland network is asked."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import label
from tests.learn.graph_files import real_graph, small_graph
from tests.segment.glas_graph import gland_network
from tests.segment.published import files_of, publish, put
from tests.segment.stand_in import project_of
from tests.shared_data import shared

from napari_piximi.errors import (
    Cancelled,
    ModelFileError,
    SegmentError,
    WeightsUnavailableError,
)
from napari_piximi.learn.graphs import load_graph
from napari_piximi.model.training import ModelArtifact
from napari_piximi.progress import silent
from napari_piximi.segment import pretrained, weights
from napari_piximi.segment.bilinear import resized, resized_mask
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found, painted
from napari_piximi.segment.running import Request, segment_images
from napari_piximi.segment.segmenters.glas import (
    GlasSettings,
    find_glands,
    gland_mask,
    glands_of,
)

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="graph models run on TensorFlow only"
    ),
]

PLAIN = GlasSettings(erosion=0, dilation=0)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setenv("NAPARI_PIXIMI_CACHE", str(tmp_path / "cache"))
    made = files_of(gland_network())
    publish(monkeypatch, "glas", made)
    put("glas", made)
    return made


def tissue(height: int = 522, width: int = 775) -> NDArray[np.uint8]:
    """Paint three red glands, one at the border, on pale pink."""
    rows, columns = np.ogrid[:height, :width]
    pixels = np.full((height, width, 3), 120, np.uint8)
    for y, x, r in ((120, 200, 60), (300, 520, 90), (500, 100, 70)):
        pixels[np.hypot(rows - y, columns - x) < r, 0] = 250
    return pixels


def find(pixels: NDArray[Any], settings: GlasSettings = PLAIN, bit_depth: int = 8) -> Found:
    return find_glands(Plane(pixels, bit_depth, "slide.tif"), settings, silent)


def test_glands_are_found_where_they_are() -> None:
    pixels = tissue()
    found = find(pixels)
    labels = painted(found, (522, 775))
    truth = label(pixels[..., 0] > 128)
    assert len(found) == 3
    for number in (1, 2, 3):
        mine, theirs = labels == number, truth == number
        assert (mine & theirs).sum() / (mine | theirs).sum() > 0.97
    smaller = painted(find(pixels, GlasSettings()), (522, 775))
    assert 0.7 < (smaller > 0).sum() / (labels > 0).sum() < 0.97, "4 off, 2 on again"


def test_a_large_image_and_a_tall_one() -> None:
    tall = np.zeros((2000, 300, 3), np.uint8)
    tall[1500:1800, 100:200, 0] = 255
    (box,) = find(tall).boxes.tolist()
    assert box == pytest.approx([1500, 100, 1800, 200], abs=3)


@pytest.mark.parametrize(
    ("dtype", "bit_depth", "top"),
    [(np.uint16, 16, 65535), (np.uint16, 12, 4095), (np.float32, 16, 1.0)],
)
def test_other_precisions(dtype: type[np.generic], bit_depth: int, top: float) -> None:
    pixels = tissue(100, 150)
    other = (pixels * (top / 255)).astype(dtype)
    np.testing.assert_array_equal(find(other, PLAIN, bit_depth).boxes, find(pixels).boxes)


def test_nothing_to_find_and_everything() -> None:
    for size in ((1, 1), (64, 48)):
        assert len(find(np.full((*size, 3), 7, np.uint8), GlasSettings())) == 0
        (box,) = find(np.full((*size, 3), 200, np.uint8), GlasSettings()).boxes.tolist()
        assert box == [0, 0, *size]


@pytest.mark.parametrize("shape", [(400, 530), (130, 40), (1, 1)])
def test_piece_by_piece_is_as_on_the_whole(tmp_path: Path, shape: tuple[int, int]) -> None:
    """The network looks at each pixel alone here, so that pieces make no difference to it."""
    for name, data in files_of(gland_network(128)).items():
        (tmp_path / name).write_bytes(data)
    smooth = ndimage.gaussian_filter(np.random.default_rng(9).random(shape), 5)
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[..., 0] = np.where(smooth > np.median(smooth), 250, 0)
    found = find(pixels, GlasSettings(tiles=True, model=str(tmp_path)))
    mask = gland_mask(np.where(pixels[..., 0] > 128, 9.0, -9.0), GlasSettings())
    np.testing.assert_array_equal(painted(found, shape), painted(glands_of(mask, shape), shape))
    assert len(found) > 5 or shape != (400, 530)


def test_the_real_topology(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are seeded; that the network computes as TensorFlow.js does is tested in tfjs."""
    artifact = _fixed(real_graph(shared("graph-models/glas/model.json")))
    made = files_of(artifact, 5)
    publish(monkeypatch, "glas", made)
    put("glas", made)
    smooth = ndimage.gaussian_filter(np.random.default_rng(4).random((300, 420, 3)), (12, 12, 0))
    pixels = np.where(smooth > 0.5, 255, 0).astype(np.uint8)
    settings = GlasSettings(0.2, erosion=0, dilation=0)
    found = find(pixels, settings)
    (logits,) = load_graph(artifact)([resized(pixels / 255, (768, 768))[None]])
    mask = gland_mask(logits[0, ..., 0], settings)
    truth = label(resized_mask(mask, (300, 420)), connectivity=1)
    assert len(found) == truth.max() > 5
    np.testing.assert_array_equal(painted(found, (300, 420)) > 0, truth > 0)


def _fixed(artifact: ModelArtifact) -> ModelArtifact:
    """Let the input be 768 × 768 again, as in the real file."""
    dim = {"dim": [{"size": size} for size in ("-1", "768", "768", "3")]}
    document = dict(artifact.document)
    for end in document["signature"]["inputs"].values():
        end["tensorShape"] = dim
    return ModelArtifact(document, artifact.weights)


def test_a_network_is_loaded_once_until_its_files_change(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    first = pretrained.pretrained_graph("glas")
    assert pretrained.pretrained_graph("glas") is first
    publish(monkeypatch, "glas", other := files_of(gland_network(640)))
    put("glas", other)
    assert pretrained.pretrained_graph("glas").inputs[0].shape == (None, 640, 640, 3)


# --- what can go wrong -----------------------------------------------------------------------


def test_no_weights(files: dict[str, bytes]) -> None:
    (weights.folder("glas") / "group1-shard2of2.bin").unlink()
    with pytest.raises(WeightsUnavailableError, match=r"group1-shard2of2\.bin is not there"):
        find(tissue())
    project = project_of(tissue()[np.newaxis])
    with pytest.raises(WeightsUnavailableError):
        segment_images(project, ["1image0"], Request("glas", PLAIN, (0, 1, 2)))


@pytest.mark.parametrize("size", [64, 768])
def test_a_network_of_the_users_own(tmp_path: Path, size: int) -> None:
    for name, data in files_of(gland_network(size)).items():
        (tmp_path / name).write_bytes(data)
    found = find(tissue(), GlasSettings(erosion=0, dilation=0, model=str(tmp_path)))
    assert len(found) == 3


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (small_graph(), r"^/.*: is no gland network.* it takes \[None, 16, 16, 1\]"),
        (gland_network(64, channels=1), r"it takes \[None, 64, 64, 1\]"),
        (gland_network(64, outputs=33), r"it puts out \[1, 64, 64, 33\]"),
        (gland_network(100_000), r"absurd|it takes 100000 × 100000 pixels"),
    ],
    ids=["classifier", "grey", "StarDist", "huge"],
)
def test_a_model_of_another_kind(tmp_path: Path, other: ModelArtifact, message: str) -> None:
    for name, data in files_of(other).items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelFileError, match=message):
        find(tissue(), GlasSettings(model=str(tmp_path)))


def test_a_classifier_that_piximi_saved() -> None:
    saved = str(shared("classifiers/mnist_classifier/mnist_classifier.json"))
    with pytest.raises(ModelFileError, match=r"is a layers-model, such as classifiers"):
        find(tissue(), GlasSettings(model=saved))


def test_an_operation_that_is_not_known(tmp_path: Path, files: dict[str, bytes]) -> None:
    text = files["model.json"].replace(b'"BiasAdd"', b'"PyFunc"')
    for name, data in (files | {"model.json": text}).items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelFileError, match="node 'logits' is the operation 'PyFunc'"):
        find(tissue(), GlasSettings(model=str(tmp_path)))


def test_quantized_weights(tmp_path: Path) -> None:
    artifact = gland_network(64)
    quantized = dict(artifact.document)
    specs = quantized["weightsManifest"][0]["weights"]
    low, scale = -20.0, 60 / 255
    for spec in specs:
        spec["quantization"] = {"dtype": "uint8", "scale": scale, "min": low}
    values = np.frombuffer(artifact.weights, "<f4")
    stored = np.round((values - low) / scale).astype(np.uint8).tobytes()
    for name, data in files_of(ModelArtifact(quantized, stored)).items():
        (tmp_path / name).write_bytes(data)
    found = find(tissue(), GlasSettings(erosion=0, dilation=0, model=str(tmp_path)))
    assert len(found) == 3


def test_wrong_channel_count() -> None:
    project = project_of(np.zeros((5, 5), np.uint8))
    with pytest.raises(SegmentError, match="takes 3 channels, not 1"):
        segment_images(project, ["1image0"], Request("glas", PLAIN, (0,)))
    with pytest.raises(SegmentError, match="channel 2 for 'green': the images have 1 channel"):
        segment_images(project, ["1image0"], Request("glas", PLAIN, (0, 1, 2)))


def test_pixels_that_are_no_numbers() -> None:
    pixels = np.zeros((1, 5, 5, 3), np.float32)
    pixels[0, 2, 2] = np.nan
    project = project_of(pixels)
    outcome = segment_images(project, ["1image0"], Request("glas", PLAIN, (0, 1, 2)))
    ((image, message),) = outcome.failures
    assert image == "1image0"
    assert "NaN" in message


@pytest.mark.parametrize("tiles", [False, True])
def test_cancelling(*, tiles: bool) -> None:
    settings, shares = GlasSettings(tiles=tiles), list[float]()
    pixels = tissue(900, 1400)

    def count(done: int, total: int, message: str = "", **values: object) -> None:
        shares.append(done / total)

    find_glands(Plane(pixels), settings, count)
    assert shares == sorted(shares)
    assert len(shares) > (6 if tiles else 2)
    for last in range(len(shares)):
        reports = iter(range(last))

        def cancel(done: int, total: int, message: str = "", **values: object) -> None:
            if next(reports, None) is None:  # noqa: B023
                raise Cancelled

        with pytest.raises(Cancelled):
            find_glands(Plane(pixels), settings, cancel)


@pytest.mark.parametrize("size", [(1, 1), (301, 299), (7, 900), (768, 768), (1000, 3)])
def test_images_are_resized_as_by_tensorflow(size: tuple[int, int]) -> None:
    import tensorflow as tf

    pixels = np.random.default_rng(6).random((*size, 3), dtype=np.float32)
    for shape in ((768, 768), (300, 300), (5, 3)):
        theirs = tf.compat.v1.image.resize_bilinear(pixels[None], shape).numpy()[0]
        np.testing.assert_array_equal(resized(pixels, shape), theirs)


def test_a_network_that_puts_out_no_numbers(tmp_path: Path) -> None:
    artifact = gland_network(64)
    values = np.frombuffer(artifact.weights, "<f4").copy()
    values[-1] = np.nan
    broken = ModelArtifact(artifact.document, values.tobytes())
    for name, data in files_of(broken).items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelFileError, match="values that are no numbers"):
        find(tissue(), GlasSettings(model=str(tmp_path)))
