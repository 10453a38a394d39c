import numpy as np
import pytest
from tests.segment.stand_in import Above, install, project_of

from napari_piximi.errors import Cancelled, EditError, SegmentError
from napari_piximi.model import edits
from napari_piximi.model.project import new_project
from napari_piximi.model.segmentation import SegmentationNetwork
from napari_piximi.model.things import Channel
from napari_piximi.segment.asking import (
    default_kind,
    find_objects,
    guess_channels,
    request_of,
    settings_from_text,
)
from napari_piximi.segment.catalog import find_segmenter
from napari_piximi.segment.running import ABSENT

BLOBS = np.array([[0, 0, 0, 0], [0, 200, 200, 0], [0, 0, 0, 220]], np.uint8)
RGB = ("red", "green", "blue")


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@pytest.mark.parametrize(
    ("count", "names", "guessed"),
    [
        (1, ("objects",), (0,)),
        (1, RGB, (0, 0, 0)),
        (3, RGB, (0, 1, 2)),
        (5, RGB, (0, 1, 2)),
        (3, ("nuclei",), (2,)),
        (1, ("nuclei",), (0,)),
        (3, ("cytoplasm", "nuclei?"), (0, 2)),
        (1, ("cytoplasm", "nuclei?"), (0, ABSENT)),
        (2, ("objects",), (0,)),
    ],
)
def test_channels_are_guessed(count: int, names: tuple[str, ...], guessed: tuple[int, ...]) -> None:
    project = project_of(np.zeros((1, 2, 2, count), np.uint8))
    assert guess_channels(names, project) == guessed


def test_a_channel_on_show_goes_before_one_that_is_hidden() -> None:
    project = project_of(np.zeros((1, 2, 2, 2), np.uint8))
    looks = (Channel(visible=False), Channel(color=(0.0, 0.0, 1.0)))
    project = edits.set_channels(project, ("1image0",), looks)
    assert guess_channels(("objects",), project) == (1,)


def test_without_images_there_is_something_to_show() -> None:
    assert guess_channels(RGB, new_project()) == (0, 0, 0)


def test_objects_are_found_from_few_words() -> None:
    project = find_objects(project_of(BLOBS, BLOBS), "stand-in")
    assert [kind.name for kind in project.kinds.values()] == ["Image", "blob"]
    assert sum(1 for _ in project.annotations()) == 4
    again = find_objects(project, "stand-in", images=["1image1"], kind="bright", level=0.8)
    (bright,) = again.of_kind(again.find_kind("bright").id)
    assert bright.name == "bright 1"
    once = find_objects(project, "stand-in", images=["1image0"], level=0.8, replaces=True)
    assert sum(1 for _ in once.annotations("1image0")) == 1


@pytest.mark.parametrize("level", [2.0, "x"])
def test_settings_out_of_their_limits_are_refused(level: object) -> None:
    with pytest.raises(SegmentError, match="level cannot be"):
        find_objects(project_of(BLOBS), "stand-in", level=level)


def test_a_setting_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(SegmentError, match=r"no setting 'radius'; it has level, method"):
        find_objects(project_of(BLOBS), "stand-in", radius=3)


def test_what_fails_on_an_image_is_told() -> None:
    with pytest.raises(SegmentError, match=r"'0.tif' has pixels that are NaN"):
        find_objects(project_of(np.full((2, 2), np.nan, np.float32)), "stand-in")


def test_a_cancel_passes_through() -> None:
    def stop(done: int, total: int, message: str = "", **_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        find_objects(project_of(BLOBS), "stand-in", progress=stop)


def test_a_network_of_the_project_is_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, own=True)
    project = edits.create_kind(project_of(np.zeros((1, 2, 2, 3), np.uint8)), "cell")
    with pytest.raises(SegmentError, match="no network yet; fit one first"):
        request_of(project, "stand-in")
    network = SegmentationNetwork("net", project.find_kind("cell").id, channels=(2, 1))
    project = edits.put_network(project, network)
    request = request_of(project, "stand-in", network="net")
    assert request.network == request_of(project, "stand-in").network == network
    assert request.channels == (2, 1)
    assert default_kind(project, request) == "cell"
    with pytest.raises(EditError, match="'gone' is no"):
        request_of(project, "stand-in", network="gone")
    install(monkeypatch)
    with pytest.raises(SegmentError, match="Stand-in asks no network 'net'"):
        request_of(project, "stand-in", network="net")


def test_settings_are_read_from_text() -> None:
    stand_in = find_segmenter("stand-in")
    assert settings_from_text(stand_in, ["level = 0.25", "method=fine"]) == {
        "level": 0.25,
        "method": "fine",
    }
    for text in ("level", "radius=3", "=3", "level=high"):
        with pytest.raises(SegmentError):
            settings_from_text(stand_in, [text])
    assert Above(**settings_from_text(stand_in, [])) == Above()
