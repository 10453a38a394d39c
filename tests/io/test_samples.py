import socket
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from napari_piximi.io.samples import coins_project, digits_project, histology_project
from napari_piximi.model import masks
from napari_piximi.model.labels import labels_of
from napari_piximi.model.project import Project
from napari_piximi.model.things import IMAGE_KIND, Partition, default_channels


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:  # noqa: ANN401
        raise AssertionError("samples are built without a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_coins_are_one_image_with_its_24_coins() -> None:
    project = coins_project()
    (image,) = project.images()
    assert (image.id, image.name) == ("1coins", "coins.png")
    assert image.pixels.shape == (1, 303, 384, 1)
    assert image.channels == default_channels(1)
    coins = list(project.annotations())
    assert [coin.id for coin in coins] == [f"1coin-{n:04d}" for n in range(1, 25)]
    assert project.kind_name("coin") == "coin"
    names = [project.categories[c].name for c in project.known_categories("coin")]
    assert names == ["large", "small"]
    centres = sorted((c.bbox[0] + c.bbox[2]) / 2 for c in coins)
    rows = np.array_split(np.array(centres), 4)  # four rows of six
    assert all(np.ptp(row) < 30 for row in rows)
    assert all(later[0] - row[-1] > 30 for row, later in pairwise(rows))
    for coin in coins:
        top, left, bottom, right = coin.bbox
        assert 0.6 < masks.area(coin.runs) / ((bottom - top) * (right - left)) < 0.9  # π/4
        assert 0.75 < (bottom - top) / (right - left) < 1.33
        assert (coin.category, coin.partition) == (
            project.kinds["coin"].unknown, Partition.INFERENCE
        )  # fmt: skip


def test_coins_are_brighter_than_what_is_around_them() -> None:
    project = coins_project()
    (image,) = project.images()
    labels = labels_of(project.annotations(), (1, 303, 384))[0]
    values = np.asarray(image.pixels)[0, ..., 0]
    assert values[labels > 0].mean() > 1.5 * values[labels == 0].mean()


def test_histology_is_one_rgb_image_with_nuclei() -> None:
    project = histology_project()
    (image,) = project.images()
    assert image.pixels.shape == (1, 512, 512, 3)
    assert image.channels == default_channels(3)
    nuclei = list(project.annotations())
    assert 150 < len(nuclei) < 400
    assert [n.id for n in nuclei] == [f"1nucleus-{i:04d}" for i in range(1, len(nuclei) + 1)]
    assert all(40 <= masks.area(nucleus.runs) <= 1000 for nucleus in nuclei)
    red, _, blue = np.moveaxis(np.asarray(image.pixels)[0].astype(float), -1, 0)
    inside = labels_of(nuclei, (1, 512, 512))[0] > 0
    assert (blue - red)[inside].mean() > (blue - red)[~inside].mean() + 10


@pytest.mark.parametrize("build", [coins_project, histology_project])
def test_a_sample_is_the_same_every_time(build: Callable[[], Project]) -> None:
    first, second = build(), build()
    assert list(first.things) == list(second.things)
    outlines = [[(a.bbox, a.runs) for a in p.annotations()] for p in (first, second)]
    assert outlines[0] == outlines[1]
    assert first.kinds.keys() == second.kinds.keys()


def test_digits_are_labelled_in_part() -> None:
    sample = digits_project(per_class=3, seed=1)
    things = list(sample.project.of_kind(IMAGE_KIND))
    assert len(things) == 1797
    labelled = [t for t in things if t.partition == Partition.UNASSIGNED]
    assert len(labelled) == 30
    assert all(t.category == sample.truth[t.id] for t in labelled)
