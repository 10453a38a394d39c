"""Images that are too large to be read as a whole: the same objects, from what is looked at."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.io.test_disk import count_reads
from tests.segment.nuclei import KIND, nuclei, nuclei_project
from tests.segment.stand_in import project_of

from napari_piximi.io import disk
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.model.things import Image
from napari_piximi.progress import silent
from napari_piximi.segment.running import Request, segment_image
from napari_piximi.segment.segmenters.coco_ssd import CocoSettings
from napari_piximi.segment.segmenters.glas import GlasSettings
from napari_piximi.segment.segmenters.own import OwnSettings
from napari_piximi.segment.segmenters.stardist import StarDistSettings
from napari_piximi.segment.segmenters.threshold import ThresholdSettings


def grey() -> NDArray[np.uint8]:
    """Return two planes (2, Y, X, 2) with nuclei in the second channel of each."""
    planes = [np.hstack([nuclei(seed + n, 128, 6)[0] for n in range(2)]) for seed in (70, 80)]
    return np.stack([np.stack([255 - plane, plane], axis=2) for plane in planes])


def colour() -> NDArray[np.uint8]:
    from tests.segment.glands import glands

    return glands(500)[0][np.newaxis]


def photographs() -> NDArray[np.uint8]:
    from tests.segment.collages import collage

    return collage(1000)[0][np.newaxis]


def threshold(_: Path) -> Request:
    return Request("threshold", ThresholdSettings(), (1,))


def local_threshold(_: Path) -> Request:
    return Request("threshold", ThresholdSettings(method="Local"), (1,))


def stardist(_: Path) -> Request:
    from tests.segment.trained_star import STAR

    return Request("stardist-fluo", StarDistSettings(model=str(STAR), scale=1.3), (1,))


def own(_: Path) -> Request:
    from napari_piximi.model.segmentation import UNetSettings
    from napari_piximi.segment.own_networks import fit_network

    project = nuclei_project(range(2), size=64, clusters=3)
    quick = UNetSettings(depth=2, filters=8, tile=64, epochs=12, patience=0)
    network = fit_network(project, KIND, quick, (0,), name="net")
    return Request("own", OwnSettings(), (1,), network=network)


def glas(folder: Path, *, tiles: bool = False) -> Request:
    from tests.segment.published import files_of
    from tests.segment.trained_glas import artifact

    for name, data in files_of(artifact(), 5).items():
        (folder / name).write_bytes(data)
    return Request("glas", GlasSettings(model=str(folder), tiles=tiles), (0, 1, 2))


def glas_in_pieces(folder: Path) -> Request:
    return glas(folder, tiles=True)


def coco(folder: Path) -> Request:
    from tests.segment.published import files_of
    from tests.segment.trained_coco import trained_detector

    for name, data in files_of(trained_detector(), 1).items():
        (folder / name).write_bytes(data)
    return Request("coco-ssd", CocoSettings(model=str(folder)), (0, 1, 2))


@pytest.mark.parametrize(
    ("request_in", "pixels"),
    [
        (threshold, grey),
        (local_threshold, grey),
        pytest.param(stardist, grey, marks=pytest.mark.keras),
        pytest.param(own, grey, marks=pytest.mark.keras),
        pytest.param(glas, colour, marks=pytest.mark.keras),
        pytest.param(glas_in_pieces, colour, marks=pytest.mark.keras),
        pytest.param(coco, photographs, marks=pytest.mark.keras),
    ],
)
@pytest.mark.parametrize("partly", [False, True], ids=["whole", "region"])
def test_the_same_objects_without_reading_it(
    request_in: Callable[[Path], Request],
    pixels: Callable[[], NDArray[Any]],
    partly: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image_pixels = pixels()
    height, width = image_pixels.shape[1:3]
    region = (10, 20, height - 7, width - 9) if partly else None
    request = replace(request_in(tmp_path), region=region, every_plane=True)
    write_bundle(project_of(image_pixels), tmp_path / "p.zip")
    project = read_bundle(tmp_path / "p.zip")
    image = next(project.images())
    assert isinstance(image, Image)
    usual = segment_image(project, image.id, request, silent)
    monkeypatch.setattr(disk, "LARGE", 100)
    project = read_bundle(tmp_path / "p.zip")
    reads = count_reads(monkeypatch)
    found = segment_image(project, image.id, request, silent)
    assert not reads
    assert sum(len(part.found) for part in found) > 0
    assert [part.plane for part in found] == [part.plane for part in usual]
    for part, other in zip(found, usual, strict=True):
        np.testing.assert_array_equal(part.found.boxes, other.found.boxes)
        assert part.found.runs == other.found.runs
        assert part.found.classes == other.found.classes
        np.testing.assert_array_equal(part.found.scores, other.found.scores)
