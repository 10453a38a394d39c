"""The detector is asked: behind its loop, which TensorFlow.js runs and we do not."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.io.model_server import ModelServer
from tests.learn.graph_files import small_graph
from tests.segment.coco_graph import GRID, detector
from tests.segment.glas_graph import gland_network
from tests.segment.published import files_of, publish, put
from tests.segment.stand_in import project_of
from tests.tfjs import node

from napari_piximi.errors import (
    Cancelled,
    ModelFileError,
    SegmentError,
    WeightsUnavailableError,
)
from napari_piximi.io.tfjs import model_from_bytes, read_model
from napari_piximi.learn.graphs import load_graph
from napari_piximi.progress import silent
from napari_piximi.segment import weights
from napari_piximi.segment.bilinear import resized
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found
from napari_piximi.segment.results import Target, apply_outcome
from napari_piximi.segment.running import Request, segment_images
from napari_piximi.segment.segmenters.coco_ssd import (
    CocoSettings,
    best_boxes,
    find_everyday_objects,
)

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="graph models run on TensorFlow only"
    ),
]

START = "Preprocessor/map/TensorArrayStack/TensorArrayGatherV3"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setenv("NAPARI_PIXIMI_CACHE", str(tmp_path / "cache"))
    made = files_of(detector())
    publish(monkeypatch, "coco-ssd", made)
    put("coco-ssd", made)
    return made


def scene(height: int = 200, width: int = 400) -> NDArray[np.uint8]:
    """Paint a person and a cat, one box of the detector each, and grey around them."""
    pixels = np.full((height, width, 3), 100, np.uint8)
    rows, columns = height // GRID, width // GRID
    pixels[2 * rows : 3 * rows, 4 * columns : 5 * columns] = 255, 0, 0
    pixels[7 * rows : 8 * rows, 9 * columns :] = 0, 255, 0
    return pixels


def find(pixels: NDArray[Any], bit_depth: int = 8, **settings: Any) -> Found:  # noqa: ANN401
    plane = Plane(pixels, bit_depth, "street.png")
    return find_everyday_objects(plane, CocoSettings(**{"score": 0.9, **settings}), silent)


def told(found: Found) -> list[tuple[str, list[int]]]:
    return sorted(zip(found.classes, found.boxes.tolist(), strict=True))


EXPECTED = [("cat", [140, 360, 160, 400]), ("person", [40, 160, 60, 200])]


def test_the_loop_itself_is_refused(files: dict[str, bytes]) -> None:
    document = files.pop("model.json")
    with pytest.raises(ModelFileError, match=r"is the operation '(Enter|TensorArrayV3)'"):
        model_from_bytes(document, files, "coco")
    assert model_from_bytes(document, files, "coco", begins=START).weights


def test_tensorflow_js_with_the_loop_computes_the_same(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    node.require_node()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    document = json.loads(files["model.json"]) | {"format": "graph-model"}
    (tmp_path / "model.json").write_text(json.dumps(document))
    pixels = np.random.default_rng(5).integers(0, 256, (151, 90, 3)).astype(np.uint8)
    job = {"model": str(tmp_path / "model.json"), "inputs": [pixels[None]], "loops": True}
    theirs = {answer.shape: answer for answer in node.predict([job])[0]}
    ours = load_graph(weights.artifact("coco-ssd"))([resized(pixels, (300, 300))[None]])
    assert {answer.shape for answer in ours} == theirs.keys() == {(1, 100, 90), (1, 100, 1, 4)}
    for answer in ours:
        assert np.ptp(answer) > 0.1
        np.testing.assert_allclose(answer, theirs[answer.shape], atol=2e-6)


def test_objects_are_found_where_they_are() -> None:
    found = find(scene())
    assert told(found) == EXPECTED
    assert found.scores is not None
    assert (found.scores > 0.9).all()


@pytest.mark.parametrize(
    ("dtype", "bit_depth", "top"),
    [(np.uint16, 16, 65535), (np.uint16, 12, 4095), (np.float32, 16, 1.0)],
)
def test_values_are_brought_to_those_of_8_bits(
    dtype: type[np.generic], bit_depth: int, top: float
) -> None:
    pixels = (scene() * (top / 255)).astype(dtype)
    found, plain = find(pixels, bit_depth), find(scene())
    assert told(found) == told(plain)
    assert found.scores is not None
    assert plain.scores is not None
    np.testing.assert_allclose(found.scores, plain.scores, atol=1e-3)


def test_one_grey_channel_may_be_all_three() -> None:
    project = project_of(scene()[..., 0])
    request = Request("coco-ssd", CocoSettings(score=0.9), (0, 0, 0))
    outcome = segment_images(project, ["1image0"], request)
    (part,) = outcome.parts
    # All three classes see the same, and the bias is the greatest of the last.
    assert set(part.found.classes) == {"dog"}


def test_only_kinds_that_were_found_are_made() -> None:
    project = project_of(scene()[np.newaxis])
    request = Request("coco-ssd", CocoSettings(score=0.9), (0, 1, 2))
    outcome = segment_images(project, ["1image0"], request)
    made = apply_outcome(project, outcome, Target("coco_object"))
    assert sorted(kind.name for kind in made.kinds.values()) == ["Image", "cat", "person"]


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((1, 1, 3), np.uint8), np.full((30, 50, 3), 90, np.uint8)],
    ids=["one pixel", "constant"],
)
def test_nothing_to_find(pixels: NDArray[np.uint8]) -> None:
    assert len(find(pixels)) == 0


def test_the_whole_image_is_one_person() -> None:
    red = np.zeros((40, 30, 3), np.uint8)
    red[..., 0] = 255
    found = find(red, most=0)
    assert (set(found.classes), len(found)) == ({"person"}, GRID * GRID)
    assert len(find(red)) == 20
    assert len(find(red[:1, :1], most=0)) == 1, "of one pixel, one box has it"


def test_the_choice_of_boxes_is_tensorflows() -> None:
    import tensorflow as tf

    draw = np.random.default_rng(8)
    for case in range(30):
        count = int(draw.integers(1, 400))
        corners = draw.random((count, 2)) * 3
        boxes = np.zeros((count, 4), np.float32)
        boxes[:, :2], boxes[:, 2:] = corners, corners + draw.random((count, 2))
        boxes[::7, :2], boxes[::7, 2:] = boxes[::7, 2:].copy(), boxes[::7, :2].copy()
        boxes[::11, 2] = boxes[::11, 0]
        scores = np.asarray(draw.integers(0, 50, count) / 50, np.float32)
        overlap, most = float(draw.choice([0.1, 0.3, 0.5, 0.9])), int(draw.choice([5, 20, 1000]))
        theirs = tf.image.non_max_suppression(boxes, scores, most, overlap).numpy()
        assert best_boxes(boxes, scores, overlap, most).tolist() == theirs.tolist(), case
        if most == 1000:
            assert len(best_boxes(boxes, scores, overlap)) == len(theirs)


# --- what can go wrong -----------------------------------------------------------------------


def test_no_weights() -> None:
    (weights.folder("coco-ssd") / "model.json").unlink()
    with pytest.raises(WeightsUnavailableError, match=r"model\.json is not on this machine"):
        find(scene())


def test_a_downloaded_detector_works(files: dict[str, bytes], tmp_path: Path) -> None:
    for path in weights.folder("coco-ssd").iterdir():
        path.unlink()
    server = ModelServer(files)
    try:
        weights.fetch("coco-ssd", base_url=server.url)
    finally:
        server.close()
    assert told(find(scene())) == EXPECTED


def test_a_model_of_the_users_own(files: dict[str, bytes], tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name, data in files.items():
        (own / name).write_bytes(data)
    (weights.folder("coco-ssd") / "model.json").unlink()
    assert told(find(scene(), model=str(own))) == EXPECTED
    assert told(find(scene(), model=str(own / "model.json"))) == EXPECTED
    (own / "group1-shard2of2.bin").unlink()
    with pytest.raises(ModelFileError, match=r"'group1-shard2of2\.bin' is missing"):
        find(scene(), model=str(own))
    with pytest.raises(ModelFileError, match="there is no such file"):
        find(scene(), model=str(tmp_path / "nowhere.json"))


@pytest.mark.parametrize("other", ["classifier", "glands"])
def test_a_model_of_another_kind(tmp_path: Path, other: str) -> None:
    made = small_graph() if other == "classifier" else gland_network(64)
    for name, data in files_of(made).items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelFileError, match=rf"^{tmp_path}: is no COCO detector"):
        find(scene(), model=str(tmp_path))


def test_wrong_channel_count() -> None:
    project = project_of(scene()[..., 0])
    with pytest.raises(SegmentError, match="COCO-SSD takes 3 channels, not 1"):
        segment_images(project, ["1image0"], Request("coco-ssd", CocoSettings(), (0,)))


@pytest.mark.parametrize("last", ["Loading", "Asking", "Making"])
def test_cancelling(last: str) -> None:
    def cancel(done: int, total: int, message: str = "", **values: object) -> None:
        if message.startswith(last):
            raise Cancelled

    with pytest.raises(Cancelled):
        find_everyday_objects(Plane(scene()), CocoSettings(), cancel)


def test_read_from_disk_with_its_beginning_cut(tmp_path: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    document = read_model(tmp_path / "model.json", begins=START).document
    names = {item["name"] for item in document["modelTopology"]["node"]}
    assert START in names
    assert not {name for name in names if "while" in name or name == "image_tensor"}
    assert document["signature"]["inputs"] == {START: {"name": f"{START}:0"}}
