"""A network that learnt, end to end: our objects are those of the ``stardist`` package."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.cli.command import Command
from tests.segment.nuclei import nuclei
from tests.segment.published import files_of
from tests.segment.stand_in import project_of
from tests.segment.trained_star import STAR, by_package, graph_of, load, same_objects

from napari_piximi import find_objects
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model.labels import labels_of
from napari_piximi.progress import silent
from napari_piximi.segment import _star_sieve, star_convex, star_network
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found, painted
from napari_piximi.segment.segmenters.stardist import StarDistSettings, find_fluo
from napari_piximi.segment.star_convex import Stars

pytest.importorskip("stardist")
pytestmark = pytest.mark.keras

OURS = StarDistSettings(model=str(STAR))


def find(pixels: NDArray[Any], **settings: Any) -> Found:  # noqa: ANN401
    return find_fluo(Plane(pixels[..., np.newaxis]), replace(OURS, **settings), silent)


def scene(rows: int = 4, columns: int = 4) -> NDArray[np.uint8]:
    """Put scenes side by side, none of which the network was trained on."""
    seeds = range(500, 500 + rows * columns)
    parts = [nuclei(seed, 256, 22)[0] for seed in seeds]
    return np.vstack([np.hstack(parts[r * columns : (r + 1) * columns]) for r in range(rows)])


@pytest.fixture(scope="module")
def large() -> NDArray[np.uint8]:
    return scene()


@pytest.fixture(params=[True, False], ids=["the package's suppression", "ours"])
def suppression(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(star_convex, "is_installed", lambda: request.param)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def f1(truth: NDArray[np.int32], labels: NDArray[np.int32], threshold: float = 0.5) -> float:
    from stardist.matching import matching

    return float(matching(truth, labels, threshold).f1)


@pytest.mark.usefixtures("suppression")
@pytest.mark.parametrize("seed", range(600, 604))
def test_nuclei_that_it_never_saw(seed: int) -> None:
    pixels, truth = nuclei(seed, 256, 22)
    labels, found = by_package(pixels), find(pixels)
    assert len(found) > 25
    same_objects(found, labels)
    for threshold, least in ((0.5, 0.75), (0.75, 0.4)):
        ours = f1(truth, painted(found, truth.shape), threshold)
        assert ours == f1(truth, labels, threshold) > least


@pytest.mark.parametrize("shape", [(257, 191), (130, 61), (33, 250), (17, 9), (5, 3), (1, 1)])
def test_planes_of_any_size(shape: tuple[int, int]) -> None:
    pixels = nuclei(610, 260, 30)[0][: shape[0], : shape[1]]
    same_objects(find(pixels), by_package(pixels))


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_values_of_any_kind(kind: type[np.generic]) -> None:
    pixels = (nuclei(611, 192, 12)[0].astype(np.float64) * 100 - 300).astype(kind)
    if kind is np.uint16:
        pixels = pixels.clip(0)
    found = find(pixels)
    assert len(found) > 10
    same_objects(found, by_package(pixels))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"probability": 0.2, "overlap": 0.1}, {"prob_thresh": 0.2, "nms_thresh": 0.1}),
        ({"probability": 0.7, "overlap": 0.6}, {"prob_thresh": 0.7, "nms_thresh": 0.6}),
        ({"overlap": 0.0}, {"nms_thresh": 0.0}),
        ({"overlap": 0.3}, {"nms_thresh": 0.3}),
        ({"low": 5.0, "high": 95.0}, {"low": 5, "high": 95}),
        ({"scale": 0.5}, {"scale": 0.5}),
        ({"scale": 1.5}, {"scale": 1.5}),
    ],
)
def test_settings_mean_what_they_mean_in_the_package(
    ours: dict[str, float], theirs: dict[str, float]
) -> None:
    pixels = nuclei(612, 256, 22)[0]
    found = find(pixels, **ours)
    assert len(found) > 10
    same_objects(found, by_package(pixels, **theirs))


@pytest.mark.parametrize("name", ["coins", "camera", "cell"])
def test_pictures_of_other_things(name: str) -> None:
    from skimage import data

    pixels = getattr(data, name)()
    found = find(pixels)
    assert len(found) > 10
    same_objects(found, by_package(pixels))


def test_tiles_leave_no_trace(large: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    labels = by_package(large)
    assert max(large.shape) > star_network.EDGE
    same_objects(find(large), labels)
    monkeypatch.setattr(star_network, "Look", partial(star_network.Look, edge=200))
    same_objects(find(large), labels)


def test_candidates_that_are_let_go_early_leave_no_trace(
    large: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(star_network, "Look", partial(star_network.Look, edge=200))
    expected = find(large)
    monkeypatch.setattr(_star_sieve, "_MOST", 3000)
    monkeypatch.setattr(star_network, "MARGIN", 40.0)
    monkeypatch.setattr(star_convex, "_BLOCK", 4000)
    lengths, usual = [], _star_sieve.Sieve.rest

    def rest(self: _star_sieve.Sieve) -> Stars:
        assert self.is_thinned
        lengths.append(len(stars := usual(self)))
        return stars

    monkeypatch.setattr(_star_sieve.Sieve, "rest", rest)
    found = find(large)
    assert len(found) < lengths[0] < 8 * len(found)
    np.testing.assert_array_equal(found.scores, expected.scores)
    ours, whole = (sorted(zip(o.boxes.tolist(), o.runs, strict=True)) for o in (found, expected))
    assert ours == whole  # equally probable ones may come in another order


def test_as_a_graph_of_tensorflow_js(tmp_path: Path) -> None:
    model = load()
    for name, data in files_of(graph_of(model)).items():
        (tmp_path / name).write_bytes(data)
    pixels = nuclei(613, 256, 22)[0]
    stated = {"probability": model.thresholds.prob, "overlap": model.thresholds.nms}
    found = find(pixels, model=str(tmp_path), **stated)
    assert len(found) > 25
    same_objects(found, by_package(pixels))


@pytest.mark.parametrize("face", ["command line", "Python"])
def test_from_a_file_to_a_project(face: str, tmp_path: Path, command: Command) -> None:
    pixels = nuclei(614, 256, 22)[0]
    source, out = tmp_path / "nuclei.zip", tmp_path / "found.zip"
    write_bundle(project_of(pixels), source)
    if face == "Python":
        project = find_objects(read_bundle(source), "stardist-fluo", model=str(STAR))
        write_bundle(project, out)
    else:
        said = command.works(
            "segment", source, "--segmenter", "stardist-fluo", "--set", f"model={STAR}",
            "--out", out,
        )  # fmt: skip
        assert "objects on 1 of 1 image" in said
        taken = "probability=0.596318, overlap=0.4, as the network states"
        assert said.splitlines()[-1] == f"StarDist (fluorescence): {taken}"
    project = read_bundle(out)
    (image,) = project.images()
    objects = list(project.annotations(image.id))
    assert {project.kind_name(thing.kind) for thing in objects} == {"stardist_nucleus"}
    mine, theirs = labels_of(objects, (1, *pixels.shape))[0], by_package(pixels)
    seen = np.concatenate(([0], np.unique(theirs[theirs > 0])))
    assert len(objects) > 25
    np.testing.assert_array_equal(seen[mine], theirs)
