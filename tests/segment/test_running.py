import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.segment.stand_in import Above, find, install, project_of, request

from napari_piximi.errors import (
    Cancelled,
    EngineError,
    ImageFileError,
    SegmentError,
    WeightsUnavailableError,
)
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.progress import Progress
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import Found, found_boxes
from napari_piximi.segment.running import (
    ABSENT,
    Request,
    Segmented,
    segment_image,
    segment_images,
)

BLOBS = np.array([[0, 0, 0, 0], [0, 200, 200, 0], [0, 0, 0, 220]], np.uint8)
IMAGES = ("1image0", "1image1", "1image2")


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


def boxes(found: Found) -> list[list[int]]:
    return sorted(found.boxes.tolist())


def test_the_plane_on_show_is_segmented() -> None:
    project = project_of(np.stack([np.zeros_like(BLOBS), BLOBS]))
    assert [len(part.found) for part in segment_image(project, "1image0", request())] == [0]
    project = edits.set_plane(project, ("1image0",), 1)
    (part,) = segment_image(project, "1image0", request())
    assert (part.image, part.plane) == ("1image0", 1)
    assert boxes(part.found) == [[1, 1, 2, 3], [2, 3, 3, 4]]


def test_every_plane_is_segmented_where_asked_for() -> None:
    project = project_of(np.stack([BLOBS, np.zeros_like(BLOBS), BLOBS]))
    parts = segment_image(project, "1image0", request(every_plane=True))
    assert [(part.plane, len(part.found)) for part in parts] == [(0, 2), (1, 0), (2, 2)]


def test_what_is_found_in_a_region_lies_where_the_region_does() -> None:
    project = project_of(BLOBS)
    (part,) = segment_image(project, "1image0", request(region=(2, 2, 3, 4)))
    assert boxes(part.found) == [[2, 3, 3, 4]]
    with pytest.raises(SegmentError, match=r"'0.tif' has 3 × 4 pixels, none in the region"):
        segment_image(project, "1image0", request(region=(2, 2, 9, 9)))


def seen_planes(monkeypatch: pytest.MonkeyPatch, **about: object) -> list[Plane]:
    seen: list[Plane] = []

    def look(plane: Plane, settings: Above, progress: Progress) -> Found:
        seen.append(plane)
        return found_boxes([])

    install(monkeypatch, look, **about)
    return seen


def test_channels_come_in_the_order_of_the_segmenter(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = seen_planes(monkeypatch, channels=("cytoplasm", "nuclei?", "third?"))
    pixels = np.arange(24, dtype=np.uint16).reshape(1, 2, 3, 4)
    project = project_of(pixels, bit_depth=16)
    segment_image(project, "1image0", request(channels=(3, 0, ABSENT)))
    segment_image(project, "1image0", request(channels=(1, 2, 3)))
    np.testing.assert_array_equal(seen[0].pixels[..., :2], pixels[0][..., [3, 0]])
    assert not seen[0].pixels[..., 2].any()
    assert (seen[0].bit_depth, seen[0].top, seen[0].name) == (16, 65535.0, "0.tif")
    np.testing.assert_array_equal(seen[1].pixels, pixels[0][..., 1:])
    assert np.shares_memory(seen[1].pixels, pixels)


def test_one_channel_may_be_given_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = seen_planes(monkeypatch, channels=("red", "green", "blue"))
    segment_image(project_of(BLOBS), "1image0", request(channels=(0, 0, 0)))
    np.testing.assert_array_equal(seen[0].pixels, np.stack([BLOBS] * 3, axis=2))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"channels": (1,)}, "cannot take channel 2 for 'objects': the images have 1 channel"),
        ({"channels": (ABSENT,)}, "needs a channel for 'objects': the images have 1 channel"),
        (
            {"channels": (0, 0)},
            "takes 1 channel, not 2: say which channel of the images is obj",
        ),
        ({"channels": (0.0,)}, "cannot take channel 1.0 for 'objects'"),
        ({"settings": Above(level="0.5")}, "level cannot be '0.5'; it is a number"),  # type: ignore[arg-type]
        ({"settings": 3}, "does not take settings of the type int"),
        ({"settings": Above(level=2.0)}, "Stand-in: level cannot be 2.0; it goes from 0.0 to 1.0"),
        ({"settings": Above(level=float("nan"))}, "level cannot be nan"),
        ({"settings": Above(method="odd")}, "method cannot be 'odd'; choose one of plain, fine"),
        ({"segmenter": "magic"}, "no segmenter 'magic'"),
    ],
)
def test_a_request_that_suits_no_image_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(SegmentError, match=text):
        segment_images(project_of(BLOBS), IMAGES[:1], request(**changes))


def test_a_network_of_the_projects_own_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, own=True)
    for network in (None, SegmentationNetwork("net", "cell")):
        with pytest.raises(SegmentError, match="fit one first"):
            segment_image(project_of(BLOBS), "1image0", request(network=network))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_refused_and_named(value: float) -> None:
    pixels = BLOBS / np.float32(255)
    pixels[2, 3] = value
    with pytest.raises(SegmentError, match=r"'0.tif' has pixels that are NaN or infinite"):
        segment_image(project_of(pixels), "1image0", request())


def test_an_image_that_is_not_there_is_named() -> None:
    with pytest.raises(SegmentError, match="no image 'gone'"):
        segment_image(project_of(BLOBS), "gone", request())


class Reports:
    """Remembers what was told, and stops when it is told to."""

    def __init__(self, stop: str = "") -> None:
        self.told: list[tuple[int, int, str]] = []
        self.stop = stop

    def __call__(self, done: int, total: int, message: str = "", **_: object) -> None:
        self.told.append((done, total, message))
        if self.stop and self.stop in message:
            raise Cancelled


def test_progress_counts_images_and_shares_of_one() -> None:
    reports = Reports()
    outcome = segment_images(project_of(BLOBS, BLOBS), IMAGES[:2], request(), reports)
    assert outcome.ended is None
    assert outcome.objects == 4
    done = [entry[0] for entry in reports.told]
    assert done == sorted(done)
    assert {entry[1] for entry in reports.told} == {2000}
    assert reports.told[-1][2] == "1.tif: plane 1: Looking"


def test_a_cancel_keeps_the_images_that_are_finished() -> None:
    project = project_of(BLOBS, BLOBS, BLOBS)
    outcome = segment_images(project, IMAGES, request(), Reports("1.tif: plane 1: Looking"))
    assert isinstance(outcome.ended, Cancelled)
    assert [part.image for part in outcome.parts] == ["1image0"]


def test_an_image_that_fails_keeps_none_from_the_others() -> None:
    bad = np.full(BLOBS.shape, np.nan, np.float32)
    outcome = segment_images(project_of(BLOBS, bad, BLOBS), IMAGES, request())
    assert [part.image for part in outcome.parts] == ["1image0", "1image2"]
    ((image, text),) = outcome.failures
    assert image == "1image1"
    assert "'1.tif'" in text
    assert outcome.ended is None


@pytest.mark.parametrize("error", [EngineError("died"), WeightsUnavailableError("gone")])
def test_what_ends_all_keeps_what_was_finished(error: Exception) -> None:
    project = project_of(BLOBS, BLOBS)

    def ask(
        project: Project, image: str, request: Request, progress: Progress
    ) -> tuple[Segmented, ...]:
        if image == "1image1":
            raise error
        return segment_image(project, image, request, progress)

    outcome = segment_images(project, IMAGES[:2], request(), ask=ask)
    assert [part.image for part in outcome.parts] == ["1image0"]
    assert outcome.ended is error


def test_what_ends_all_at_the_first_image_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(plane: Plane, settings: Above, progress: Progress) -> Found:
        raise WeightsUnavailableError("not here")

    install(monkeypatch, missing)
    with pytest.raises(WeightsUnavailableError, match="not here"):
        segment_images(project_of(BLOBS), IMAGES[:1], request())


def test_an_image_that_is_named_twice_is_segmented_once() -> None:
    outcome = segment_images(project_of(BLOBS), ("1image0", "1image0"), request())
    assert [part.image for part in outcome.parts] == ["1image0"]


def test_a_project_without_images_is_told_so() -> None:
    with pytest.raises(SegmentError, match="no images in this project"):
        segment_images(new_project("empty"), (), request())


def test_what_must_be_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, package="no-such-package")
    with pytest.raises(SegmentError, match=r"Stand-in is not installed.* pip install no-such"):
        segment_images(project_of(BLOBS), IMAGES[:1], request())


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ImageFileError("1.tif: is damaged"), "'1.tif': 1.tif: is damaged"),
        (MemoryError(), "'1.tif': there is not enough memory"),
        (PermissionError(13, "Permission denied"), "'1.tif' cannot be read: .*denied"),
    ],
)
def test_an_image_that_cannot_be_read_keeps_none_from_the_others(
    error: Exception, text: str
) -> None:
    def ask(
        project: Project, image: str, request: Request, progress: Progress
    ) -> tuple[Segmented, ...]:
        if image == "1image1":
            raise error
        return segment_image(project, image, request, progress)

    outcome = segment_images(project_of(BLOBS, BLOBS, BLOBS), IMAGES, request(), ask=ask)
    assert [part.image for part in outcome.parts] == ["1image0", "1image2"]
    ((image, told),) = outcome.failures
    assert image == "1image1"
    assert re.search(text, told)


def test_a_fault_of_the_segmenter_loses_nothing_that_is_finished(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def faulty(plane: Plane, settings: Above, progress: Progress) -> Found:
        if plane.name == "1.tif":
            raise ValueError("too many bins")
        return found_boxes([[0, 0, 1, 1]])

    install(monkeypatch, faulty)
    outcome = segment_images(project_of(BLOBS, BLOBS, BLOBS), IMAGES, request())
    assert [part.image for part in outcome.parts] == ["1image0"]
    assert isinstance(outcome.ended, EngineError)
    assert str(outcome.ended) == "'1.tif': it failed with ValueError: too many bins"
    assert "faulty" in outcome.ended.details


@pytest.mark.parametrize("images", [(), ("1image0",)])
def test_images_without_objects_are_parts_too(images: Sequence[str]) -> None:
    outcome = segment_images(project_of(np.zeros((1, 1), np.uint8)), images, request())
    assert [part.image for part in outcome.parts] == list(images)
    assert outcome.objects == 0


def test_the_stand_in_is_what_it_says() -> None:
    found = find(Plane(BLOBS[..., np.newaxis]), Above(), Reports())
    assert boxes(found) == [[1, 1, 2, 3], [2, 3, 3, 4]]
