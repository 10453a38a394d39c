"""Cellpose's package is too large for every machine: here a stand-in has its place and face."""

import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.io.model_server import ModelServer

from napari_piximi.errors import Cancelled, SegmentError, WeightsUnavailableError
from napari_piximi.progress import silent
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.found import painted
from napari_piximi.segment.segmenters import cellpose
from napari_piximi.segment.segmenters.cellpose import CellposeSettings, find

PIXELS = np.zeros((20, 30, 1), np.uint16)
PIXELS[2:6, 3:9], PIXELS[10:20, 25:30] = 900, 500


class Net:
    def __init__(self) -> None:
        self.hooks: list[Callable[..., object]] = []

    def register_forward_pre_hook(self, hook: Callable[..., object]) -> Any:  # noqa: ANN401
        self.hooks.append(hook)
        return SimpleNamespace(remove=lambda: self.hooks.remove(hook))


class Model:
    """Finds what is brighter than nothing, each value an object, batch by batch."""

    made: list["Model"]

    def __init__(self, *, gpu: bool, pretrained_model: str, use_bfloat16: bool) -> None:
        if Path(pretrained_model).read_bytes() == b"damaged":
            raise ValueError("invalid load key")
        self.gpu, self.net = gpu, Net()
        self.asked: dict[str, Any] = {}
        Model.made.append(self)

    def eval(self, image: NDArray[np.float32], **asked: object) -> tuple[Any, ...]:
        self.asked = {"image": image, **asked}
        for _ in range(2):
            for hook in self.net.hooks:
                hook(self.net, ())
        return image[..., 0].squeeze().astype(np.uint16), [], []


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package, models, torch = (ModuleType(n) for n in ("cellpose", "cellpose.models", "torch"))
    package.__spec__ = ModuleSpec("cellpose", None)
    face = {
        "MODEL_NAMES": ["large", "small"],
        "MODEL_DIR": str(tmp_path),
        "CellposeModel": Model,
    }
    vars(models).update(face)
    vars(package).update(models=models)
    vars(torch).update(cuda=SimpleNamespace(is_available=lambda: False))
    for module in (package, models, torch):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "large").write_bytes(b"weights")
    Model.made = []
    cellpose._model.cache_clear()


def test_its_labels_are_the_objects() -> None:
    found = find(Plane(PIXELS, 16, "cells.tif"), CellposeSettings(), silent)
    labels = painted(found, (20, 30))
    np.testing.assert_array_equal(labels == 2, PIXELS[..., 0] == 900)
    np.testing.assert_array_equal(labels == 1, PIXELS[..., 0] == 500)


def test_its_settings_are_handed_on_under_its_names() -> None:
    settings = CellposeSettings(diameter=0.0, flow_threshold=0.7, min_size=0, batch_size=3)
    find(Plane(PIXELS, 16), settings, silent)
    asked = dict(Model.made[0].asked)
    image = asked.pop("image")
    assert (image.shape, image.dtype) == ((20, 30, 3), np.float32)
    np.testing.assert_array_equal(image[..., :1], PIXELS)
    assert not image[..., 1:].any()
    assert asked == {
        "batch_size": 3,
        "channel_axis": -1,
        "diameter": None,
        "flow_threshold": 0.7,
        "cellprob_threshold": 0.0,
        "min_size": -1,
    }


def test_the_model_is_loaded_once_for_many_images() -> None:
    for _ in range(3):
        find(Plane(PIXELS, 16), CellposeSettings(), silent)
    assert len(Model.made) == 1
    assert Model.made[0].net.hooks == []


@pytest.mark.parametrize(("choice", "gpu"), [("cpu", False), ("auto", True)])
def test_the_choice_of_the_device_is_heeded(
    monkeypatch: pytest.MonkeyPatch, choice: str, gpu: bool
) -> None:
    monkeypatch.setenv("NAPARI_PIXIMI_DEVICE", choice)
    find(Plane(PIXELS, 16), CellposeSettings(), silent)
    assert Model.made[0].gpu is gpu


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 30, 2), (40, 3, 2)])
def test_images_of_a_few_pixels_are_made_large_enough(shape: tuple[int, int, int]) -> None:
    found = find(Plane(np.ones(shape, np.uint8)), CellposeSettings(), silent)
    assert found.boxes.tolist() == [[0, 0, *shape[:2]]]
    assert min(Model.made[0].asked["image"].shape[:2]) >= 16


def test_a_cancel_ends_it_between_two_batches() -> None:
    told: list[str] = []

    def stop(done: int, total: int, message: str = "", **_: object) -> None:
        told.append(message)
        if "batch 2" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        find(Plane(PIXELS, 16), CellposeSettings(), stop)
    assert told == ["Loading Cellpose", "Cellpose, batch 1", "Cellpose, batch 2"]
    assert Model.made[0].net.hooks == []


def test_a_model_of_the_users_own_is_taken(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"weights")
    (tmp_path / "large").unlink()
    found = find(Plane(PIXELS, 16), CellposeSettings(model=str(tmp_path / "mine")), silent)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("name", "text"), [("gone", "no such Cellpose model"), ("bad", "is no model of Cellpose 4")]
)
def test_a_model_that_is_none_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "bad").write_bytes(b"damaged")
    with pytest.raises(SegmentError, match=f"{name}: .*{text}"):
        find(Plane(PIXELS, 16), CellposeSettings(model=str(tmp_path / name)), silent)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModelServer]:
    """Stand in for where the model is published; it is not on this machine."""
    running = ModelServer({"large": bytes(200_000)})
    monkeypatch.setattr(cellpose, "ADDRESS", running.url)
    (tmp_path / "large").unlink()
    yield running
    running.close()


def test_nothing_is_fetched_that_was_not_allowed(server: ModelServer, tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match="switch on Download") as error:
        find(Plane(PIXELS, 16), CellposeSettings(), silent)
    assert str(tmp_path) in str(error.value)
    assert server.asked == []


def test_its_own_model_is_fetched_once(server: ModelServer, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []

    def report(done: int, total: int, message: str = "", **_: object) -> None:
        told.append((done, total, message))

    for _ in range(2):
        found = find(Plane(PIXELS, 16), CellposeSettings(download=True), report)
        assert len(found) == 2
    assert server.names == ["large"]
    assert (200_000, 200_000, "Downloading large") in told
    assert [path.name for path in tmp_path.iterdir()] == ["large"]
    assert (tmp_path / "large").read_bytes() == server.files["large"]


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("down", "the server answers 503"),
        ("truncating", "the connection broke before all of it had come"),
        ("gone", "no connection"),
        ("other", "the server answers 404"),
    ],
)
def test_a_model_that_does_not_come_is_not_half_there(
    server: ModelServer, tmp_path: Path, mood: str, reason: str
) -> None:
    server.mood = mood
    if mood == "gone":
        server.close()
    if mood == "other":
        server.files.clear()
    with pytest.raises(WeightsUnavailableError, match=reason) as error:
        find(Plane(PIXELS, 16), CellposeSettings(download=True), silent)
    assert str(tmp_path) in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_download_can_be_cancelled(server: ModelServer, tmp_path: Path) -> None:
    server.mood = "stuck"

    def stop(done: int, total: int, message: str = "", **_: object) -> None:
        if message.startswith("Downloading"):
            raise Cancelled

    with pytest.raises(Cancelled):
        find(Plane(PIXELS, 16), CellposeSettings(download=True), stop)
    assert list(tmp_path.iterdir()) == []
