import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QColor, QImage
from qtpy.QtWidgets import QApplication
from tests.shared_data import shared
from tests.ui.gallery_project import gallery_project

from napari_piximi.errors import BundleError
from napari_piximi.io.bundle import read_bundle
from napari_piximi.model import edits, masks
from napari_piximi.model.project import Project
from napari_piximi.model.rendering import render
from napari_piximi.model.things import Annotation, ArrayPixels, Channel, Image
from napari_piximi.ui import thumbnails as thumbnails_module
from napari_piximi.ui.thumbnails import Look, Thumbnails, draw, look_of


class Broken:
    """Pixels of a damaged file."""

    shape = (1, 8, 8, 3)
    dtype = np.dtype(np.uint8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        raise BundleError("cells.zip: 0.0.0.0 is damaged")


@pytest.fixture
def thumbnails(qtbot: QtBot) -> Iterator[Thumbnails]:
    made = Thumbnails()
    yield made
    made.stop()


@pytest.fixture
def paint(thumbnails: Thumbnails, qtbot: QtBot) -> Callable[..., None]:
    def work(project: Project, *ids: str, side: int = 32) -> None:
        thumbnails.want(project, [project.things[key] for key in ids], side)
        qtbot.waitUntil(lambda: not thumbnails.working, timeout=5000)

    return work


def as_array(picture: QImage) -> NDArray[np.uint8]:
    colors = [
        QColor(picture.pixel(x, y)).getRgb()[:3]
        for y in range(picture.height())
        for x in range(picture.width())
    ]
    return np.array(colors, np.uint8).reshape(picture.height(), picture.width(), 3)


# --- what is drawn -----------------------------------------------------------------------------


def test_an_image_of_the_size_asked_for_is_drawn_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (2, 16, 12, 3), np.uint8)
    look = Look(ArrayPixels(array), 1, (), 8)
    assert (as_array(draw(look, 16)) == render(array[1], (), 8)).all()


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [((8, 8), 32, (32, 32)), ((8, 16), 32, (32, 16)), ((300, 100), 32, (11, 32)),
     ((1, 500), 32, (32, 1))],
)  # fmt: skip
def test_it_fits_into_the_square(
    shape: tuple[int, int], side: int, expected: tuple[int, int]
) -> None:
    picture = draw(Look(ArrayPixels(np.zeros((1, *shape, 1), np.uint8)), 0, (), 8), side)
    assert (picture.width(), picture.height()) == expected


def test_an_annotation_is_cut_out_and_its_surroundings_are_dimmed() -> None:
    project = gallery_project()
    thing = project.things["cell-3"]
    assert isinstance(thing, Annotation)
    found = as_array(draw(look_of(project, thing), 8)).astype(int)
    image = project.things["b"]
    assert isinstance(image, Image)
    top, left, bottom, right = thing.bbox
    whole = render(np.asarray(image.pixels)[0], image.channels, 8)[top:bottom, left:right]
    inside = masks.decode(thing.runs, (8, 8))
    assert (found[inside] == whole[inside]).all()
    outside = whole[~inside].astype(int)
    assert np.abs(found[~inside] - outside * 0.35).max() <= 1
    assert outside.max() > 100


def test_a_plane_that_is_not_stored_shows_the_last_one() -> None:
    array = np.stack([np.zeros((4, 4, 1), np.uint8), np.full((4, 4, 1), 255, np.uint8)])
    assert (as_array(draw(Look(ArrayPixels(array), 7, (), 8), 4)) == 255).all()


@pytest.mark.parametrize("name", ["rgb", "zstack", "multi_channel", "gray16", "digits"])
def test_real_bundles_give_about_what_their_images_cropped_give(name: str) -> None:
    """Piximi resamples a little where it cuts out what it stores."""
    project = read_bundle(shared(f"bundles/{name}_project.zip"))
    for thing in project.things.values():
        picture = draw(look_of(project, thing), 64)
        assert max(picture.width(), picture.height()) == 64
        if isinstance(thing, Annotation):
            alone = draw(look_of(project, replace(thing, pixels=None)), 64)
            assert np.abs(as_array(picture).astype(int) - as_array(alone)).mean() < 12


# --- when it is drawn ----------------------------------------------------------------------------


def test_what_is_wanted_is_painted_in_that_order(
    thumbnails: Thumbnails, qtbot: QtBot, paint: Callable[..., None]
) -> None:
    project = gallery_project()
    told: list[str] = []
    threads = set[threading.Thread]()
    thumbnails.ready.connect(told.extend)
    thumbnails.ready.connect(lambda _: threads.add(threading.current_thread()))
    ids = [f"cell-{n}" for n in (5, 2, 9, 0)]
    paint(project, *ids)
    assert told == ids
    assert threads == {threading.main_thread()}
    assert all(thumbnails.is_fresh(project, project.things[key], 32) for key in ids)
    assert thumbnails.get(project.things["a"]) is None


def test_only_another_look_is_painted_again(
    thumbnails: Thumbnails, paint: Callable[..., None]
) -> None:
    project = gallery_project()
    kind = project.find_kind("cells")
    paint(project, "cell-0", "a")
    labelled = edits.categorize(project, ["cell-0"], "1round")
    labelled = edits.set_predictions(labelled, {})
    assert thumbnails.is_fresh(labelled, labelled.things["cell-0"], 32)
    assert not thumbnails.is_fresh(labelled, labelled.things["cell-0"], 48)
    red = [Channel((1.0, 0.0, 0.0))] * 3
    colored = edits.set_channels(project, ["a"], red)
    assert not thumbnails.is_fresh(colored, colored.things["a"], 32)
    assert not thumbnails.is_fresh(colored, colored.things["cell-0"], 32)
    other = edits.set_channels(project, ["b"], red)
    assert thumbnails.is_fresh(other, other.things["cell-0"], 32)
    moved = edits.set_mask(project, "cell-0", (0, 0, 2, 2), masks.full(2, 2))
    assert not thumbnails.is_fresh(moved, moved.things["cell-0"], 32)
    assert kind.id == project.things["cell-0"].kind


def test_another_plane_is_painted_again(thumbnails: Thumbnails, paint: Callable[..., None]) -> None:
    project = gallery_project()
    image = project.things["a"]
    assert isinstance(image, Image)
    stack = replace(image, pixels=ArrayPixels(np.zeros((3, 4, 4, 3), np.uint8)))
    project = replace(project, things={"a": stack})
    paint(project, "a")
    assert thumbnails.is_fresh(project, project.things["a"], 32)
    turned = edits.set_plane(project, ["a"], 2)
    assert not thumbnails.is_fresh(turned, turned.things["a"], 32)


def test_what_is_scrolled_away_is_not_painted(thumbnails: Thumbnails, qtbot: QtBot) -> None:
    project = gallery_project(400)
    cells = [project.things[f"cell-{n}"] for n in range(400)]
    thumbnails.pause()
    thumbnails.want(project, cells[:200], 32)
    thumbnails.want(project, cells[395:], 32)
    qtbot.waitUntil(lambda: not thumbnails.working, timeout=5000)
    painted = [cell.id for cell in cells if thumbnails.get(cell) is not None]
    assert painted == [cell.id for cell in cells[395:]]


def test_the_least_recently_shown_are_dropped(qtbot: QtBot) -> None:
    project = gallery_project(20)
    thumbnails = Thumbnails(limit=10 * 32 * 32 * 4)
    cells = [project.things[f"cell-{n}"] for n in range(20)]
    thumbnails.want(project, cells[:10], 32)
    qtbot.waitUntil(lambda: not thumbnails.working, timeout=5000)
    assert thumbnails.get(cells[0]) is not None
    thumbnails.want(project, cells[10:15], 32)
    qtbot.waitUntil(lambda: not thumbnails.working, timeout=5000)
    kept = [n for n, cell in enumerate(cells) if thumbnails.get(cell) is not None]
    assert kept == [0, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    assert thumbnails.nbytes <= thumbnails.limit
    thumbnails.stop()


def test_damaged_pixels_give_a_reason_and_one_word_of_it(
    thumbnails: Thumbnails, paint: Callable[..., None]
) -> None:
    project = gallery_project()
    image = project.things["a"]
    project = replace(project, things={**project.things, "a": replace(image, pixels=Broken())})
    told: list[str] = []
    thumbnails.failed.connect(told.append)
    paint(project, "a", "cell-0", "cell-1", "cell-2")
    paint(project, "cell-4")
    broken = thumbnails.get(project.things["cell-0"])
    assert broken is not None
    assert broken.picture is None
    assert broken.trouble == "cells.zip: 0.0.0.0 is damaged"
    whole = thumbnails.get(project.things["cell-1"])
    assert whole is not None
    assert whole.picture is not None
    assert told == ["cells.zip: 0.0.0.0 is damaged"]
    assert thumbnails.is_fresh(project, project.things["cell-0"], 32)  # it is not tried for ever


def test_the_thread_ends_with_the_work(thumbnails: Thumbnails, paint: Callable[..., None]) -> None:
    project = gallery_project()
    paint(project, "cell-0")
    assert "thumbnails" not in {thread.name for thread in threading.enumerate()}


class Slow:
    """Pixels that are read when the test says so, and counted."""

    shape = (1, 40, 40, 3)
    dtype = np.dtype(np.uint8)

    def __init__(self, error: Exception | None = None) -> None:
        self.go, self.begun = threading.Event(), threading.Event()
        self.reads = 0
        self.error = error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401
        self.reads += 1
        self.begun.set()
        assert self.go.wait(5)
        if self.error is not None:
            raise self.error
        return np.full(self.shape, 200, np.uint8)


def with_pixels(pixels: Slow) -> Project:
    project = gallery_project()
    image = project.things["a"]
    assert isinstance(image, Image)
    return replace(project, things={**project.things, "a": replace(image, pixels=pixels)})


def test_a_widget_may_be_destroyed_while_its_thumbnails_are_painted(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread once told a widget that was half gone, and ended with an AttributeError."""
    monkeypatch.setattr(thumbnails_module, "LAST_WAIT", 0.05)
    pixels, owner = Slow(), QObject()
    project = with_pixels(pixels)
    made = Thumbnails(owner)
    made.want(project, [project.things[key] for key in ("a", "b")], 32)
    assert pixels.begun.wait(5)
    thread = next(t for t in threading.enumerate() if t.name == "thumbnails")
    owner.deleteLater()
    QApplication.sendPostedEvents(owner, QEvent.Type.DeferredDelete.value)
    pixels.go.set()
    thread.join(5)  # an error in it would fail this test
    assert not thread.is_alive()


@pytest.mark.parametrize("error", [RuntimeError("odd"), KeyError("odd"), AssertionError("odd")])
def test_whatever_goes_wrong_does_not_end_the_painting(
    thumbnails: Thumbnails, paint: Callable[..., None], error: Exception
) -> None:
    pixels = Slow(error)
    pixels.go.set()
    project = with_pixels(pixels)
    paint(project, "a", "b")
    broken, whole = (thumbnails.get(project.things[key]) for key in "ab")
    assert broken is not None
    assert "odd" in broken.trouble
    assert whole is not None
    assert whole.picture is not None


def test_what_is_painted_for_a_closed_project_is_dropped(
    thumbnails: Thumbnails, qtbot: QtBot
) -> None:
    pixels = Slow()
    project = with_pixels(pixels)
    thumbnails.want(project, [project.things["a"]], 32)
    assert pixels.begun.wait(5)
    thumbnails.clear()
    pixels.go.set()
    qtbot.waitUntil(lambda: not thumbnails.working, timeout=5000)
    assert thumbnails.get(project.things["a"]) is None
    gone = weakref.ref(pixels)
    del project, pixels
    gc.collect()
    assert gone() is None


def test_an_image_is_read_once_for_the_objects_on_it(
    thumbnails: Thumbnails, paint: Callable[..., None]
) -> None:
    """One of 5 GB, which no cache takes, was read anew for each of them."""
    pixels = Slow()
    pixels.go.set()
    project = with_pixels(pixels)
    paint(project, "cell-0", "cell-2", "cell-4", "cell-6")
    assert pixels.reads == 1


def test_what_was_broken_is_tried_again_after_a_rest(
    thumbnails: Thumbnails, paint: Callable[..., None]
) -> None:
    pixels = Slow(OSError("the disk is away"))
    pixels.go.set()
    project = with_pixels(pixels)
    told: list[str] = []
    thumbnails.failed.connect(told.append)
    paint(project, "a")
    thumbnails.rest()
    pixels.error = None
    paint(project, "a")
    mended = thumbnails.get(project.things["a"])
    assert mended is not None
    assert mended.picture is not None
    assert told == ["the disk is away"]


def test_a_mask_that_is_shrunk_darkens_by_the_share_that_is_outside() -> None:
    inside = np.zeros((40, 40), bool)
    inside[:, ::2] = True
    look = Look(
        ArrayPixels(np.full((1, 40, 40, 1), 200, np.uint8)), 0, (), 8,
        shape=(40, 40), runs=masks.encode(inside),
    )  # fmt: skip
    assert as_array(draw(look, 10))[..., 0].tolist() == [[135] * 10] * 10


def test_clearing_forgets_all(thumbnails: Thumbnails, paint: Callable[..., None]) -> None:
    project = gallery_project()
    paint(project, "cell-0", "cell-1")
    assert thumbnails.nbytes > 0
    thumbnails.clear()
    assert thumbnails.nbytes == 0
    assert thumbnails.get(project.things["cell-0"]) is None
