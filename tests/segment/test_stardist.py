"""StarDist as a segmenter: from the pixels of a plane to objects."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from tests.learn.graph_files import put_graph
from tests.segment.published import files_of, publish, put
from tests.segment.star_graph import discs, star_graph

from napari_piximi.errors import (
    Cancelled,
    ModelFileError,
    SegmentError,
    WeightsUnavailableError,
)
from napari_piximi.progress import silent
from napari_piximi.segment import weights
from napari_piximi.segment.catalog import Plane, find_segmenter
from napari_piximi.segment.found import painted
from napari_piximi.segment.segmenters.stardist import StarDistSettings, find_fluo, find_vhe

pytestmark = [
    pytest.mark.keras,
    pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="graph models run on TensorFlow only"
    ),
]

SETTINGS = StarDistSettings(probability=0.5)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_PIXIMI_CACHE", str(tmp_path / "cache"))
    for key, channels in (("stardist-fluo", 1), ("stardist-vhe", 3)):
        made = files_of(star_graph(channels))
        publish(monkeypatch, key, made)
        put(key, made)


@pytest.mark.parametrize(("key", "channels"), [("stardist-fluo", 1), ("stardist-vhe", 3)])
def test_it_finds_each_disc(key: str, channels: int) -> None:
    segmenter = find_segmenter(key)
    assert len(segmenter.channels) == channels
    assert (segmenter.weights, segmenter.kind) == (key, "stardist_nucleus")
    pixels, centres = discs(170, 215, channels=channels)
    settings = segmenter.settings(probability=0.5)
    found = segmenter.find(Plane(pixels, 8, "discs"), settings, silent)
    assert len(found) == len(centres) > 40
    labels = painted(found, (170, 215))
    assert len({labels[y, x] for y, x in centres} - {0}) == len(centres)
    areas = np.bincount(labels.ravel())[1:]
    assert (abs(areas / (np.pi * 8.5**2) - 1) < 0.1).all()
    assert found.scores is not None
    assert (np.diff(found.scores) <= 0).all()
    assert (found.scores > 0.5).all()


def test_twice_as_large_discs_need_half_the_scale() -> None:
    pixels, centres = discs(260, 330, step=52, radius=16)
    halved = find_fluo(Plane(pixels), replace(SETTINGS, scale=0.5), silent)
    assert len(halved) == len(centres)
    areas = np.bincount(painted(halved, (260, 330)).ravel())[1:]
    assert (abs(areas / (np.pi * 16.5**2) - 1) < 0.1).all()


def test_values_of_every_kind_give_the_same() -> None:
    pixels, centres = discs(90, 90)
    expected = find_fluo(Plane(pixels), SETTINGS, silent)
    assert len(expected) == len(centres)
    for other, depth in (
        (pixels.astype(np.uint16) * 200, 16),
        (pixels.astype(np.float32) / 255, 8),
        (pixels.astype(np.int16) - 100, 16),
    ):
        found = find_fluo(Plane(other, depth), SETTINGS, silent)
        assert [bytes(run) for run in found.runs] == list(expected.runs)


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((1, 1, 1), 7, np.uint8),
        np.zeros((40, 50, 1), np.float32),
        np.full((64, 64, 1), 3000, np.uint16),
        np.zeros((0, 5, 1), np.uint8),
    ],
)
def test_where_nothing_is_nothing_is_found(pixels: np.ndarray) -> None:
    assert len(find_fluo(Plane(pixels), SETTINGS, silent)) == 0


def test_one_object_may_be_the_whole_image() -> None:
    rows, cols = np.ogrid[:16, :16]
    disc = (rows - 7.5) ** 2 + (cols - 7.5) ** 2 <= 81
    pixels = np.where(disc, 220, 20).astype(np.uint8)[..., np.newaxis]
    found = find_fluo(Plane(pixels), replace(SETTINGS, overlap=0.05), silent)
    assert len(found) == 1
    assert (painted(found, (16, 16)) > 0).mean() > 0.7


def test_it_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    pixels = discs(64, 64)[0]
    with pytest.raises(SegmentError, match="percentile for black, 50, must be below"):
        find_fluo(Plane(pixels), replace(SETTINGS, low=50, high=50), silent)
    with pytest.raises(SegmentError, match="takes 3 channels, not 1"):
        find_vhe(Plane(pixels), SETTINGS, silent)
    classifier = put_graph(tmp_path)
    with pytest.raises(ModelFileError, match=rf"{classifier.name}: is no StarDist network"):
        find_fluo(Plane(pixels), replace(SETTINGS, model=str(classifier)), silent)


def test_without_weights_it_says_where_they_go() -> None:
    (weights.folder("stardist-fluo") / "model.json").unlink()
    with pytest.raises(WeightsUnavailableError, match="stardist-fluo"):
        find_fluo(Plane(discs(64, 64)[0]), SETTINGS, silent)


def test_a_network_of_ones_own_is_used(tmp_path: Path) -> None:
    for name, data in files_of(star_graph(rays=12)).items():
        (tmp_path / name).write_bytes(data)
    pixels, centres = discs(90, 90)
    for path in (tmp_path, tmp_path / "model.json"):
        found = find_fluo(Plane(pixels), replace(SETTINGS, model=str(path)), silent)
        assert len(found) == len(centres)
    (tmp_path / "group1-shard2of2.bin").unlink()
    with pytest.raises(ModelFileError, match=r"group1-shard2of2\.bin"):
        find_fluo(Plane(pixels), replace(SETTINGS, model=str(tmp_path)), silent)


def test_a_hostile_network_is_refused_by_name(tmp_path: Path) -> None:
    made = files_of(star_graph())
    document = json.loads(made["model.json"])
    for node in document["modelTopology"]["node"]:
        if node["name"] == "sure":
            node["op"] = "ReadFile"
    made["model.json"] = json.dumps(document).encode()
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    settings = replace(SETTINGS, model=str(tmp_path))
    with pytest.raises(ModelFileError, match=r"model\.json.*ReadFile"):
        find_fluo(Plane(discs(64, 64)[0]), settings, silent)
    made = files_of(star_graph())
    for name, data in made.items():
        (tmp_path / name).write_bytes(data if name.endswith("json") else b"\xff" * len(data))
    with pytest.raises((ModelFileError, SegmentError), match="model"):
        find_fluo(Plane(discs(64, 64)[0]), settings, silent)


def test_it_can_be_cancelled_at_every_stage() -> None:
    said: list[tuple[int, int, str]] = []

    def listen(done: int, total: int, message: str = "", **values: object) -> None:
        said.append((done, total, message))

    plane = Plane(discs(1700, 170)[0])
    find_fluo(plane, SETTINGS, listen)
    shares = [done / total for done, total, _ in said]
    assert shares == sorted(shares)
    assert {"tile 3 of 3", "painting objects"} <= {message for *_, message in said}
    for place in range(len(said)):
        heard: list[str] = []

        def stop(
            done: int, total: int, message: str = "", *, at: int = place, **values: object
        ) -> None:
            heard.append(message)  # noqa: B023
            if len(heard) > at:  # noqa: B023
                raise Cancelled

        with pytest.raises(Cancelled):
            find_fluo(plane, SETTINGS, stop)
        assert len(heard) == place + 1


def test_users_are_told_whose_work_it_is_and_for_what() -> None:
    for key in ("stardist-fluo", "stardist-vhe"):
        segmenter = find_segmenter(key)
        assert segmenter.licence
        assert segmenter.citation
        assert segmenter.pixel_size
