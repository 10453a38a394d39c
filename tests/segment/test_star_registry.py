"""The stardist package's published models, from a loopback server in the place of its registry."""

import hashlib
import io
import sys
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.io.model_server import ModelServer
from tests.segment.nuclei import nuclei
from tests.segment.trained_star import STAR

from napari_piximi.errors import Cancelled, SegmentError, WeightsUnavailableError
from napari_piximi.progress import silent
from napari_piximi.segment.catalog import Plane
from napari_piximi.segment.segmenters.stardist import StarDistSettings, find_fluo
from napari_piximi.segment.star_registry import (
    HOST,
    REGISTERED,
    fetch_registered,
    registered_folder,
)

pytestmark = pytest.mark.keras

NAME = REGISTERED[0]
ARCHIVE = f"python_{NAME}.zip"
CONTENTS = {"config.json": b"{}", "thresholds.json": b"{}", "weights_best.h5": bytes(70_000)}


def zipped(contents: dict[str, bytes], within: str = "") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(within + name, data)
    return written.getvalue()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models" / "StarDist2D" / NAME


@pytest.fixture
def record() -> Any:  # noqa: ANN401
    """Return what the package has on record of the model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from csbdeep.models import pretrained
        from stardist.models import StarDist2D

        return pretrained.get_model_details(StarDist2D, NAME)[2]


@pytest.fixture
def server(record: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:  # noqa: ANN401
    running = ModelServer()
    monkeypatch.setitem(record, "url", running.url + ARCHIVE)
    monkeypatch.setitem(record, "hash", "")
    publish(running, record, zipped(CONTENTS))
    yield running
    running.close()


def publish(server: ModelServer, record: Any, archive: bytes, kind: str = "md5") -> None:  # noqa: ANN401
    """Let the server have an archive, and the registry expect it."""
    server.files[ARCHIVE] = archive
    record["hash"] = hashlib.new(kind, archive).hexdigest()


def test_the_names_are_those_of_the_package(record: Any) -> None:  # noqa: ANN401
    from csbdeep.models.pretrained import get_registered_models
    from stardist.models import StarDist2D

    assert set(REGISTERED) == set(get_registered_models(StarDist2D)[0])
    assert record["url"].startswith(f"https://{HOST}/stardist/")
    assert record["url"].endswith(ARCHIVE)


def test_models_are_looked_for_where_the_package_puts_them(home: Path) -> None:
    assert registered_folder(NAME) == home / NAME
    assert registered_folder("mine") is None
    extracted = home / f"{NAME}_extracted"
    extracted.mkdir(parents=True)
    (extracted / "config.json").write_text("{}")
    assert registered_folder(NAME) == extracted == fetch_registered(NAME)
    with pytest.raises(SegmentError, match="There is no model 'mine'"):
        fetch_registered("mine")


@pytest.mark.parametrize("kind", ["md5", "sha256"])
@pytest.mark.parametrize("within", ["", "a/b/", "../../"])
def test_a_model_is_fetched_once(
    server: ModelServer,
    record: Any,  # noqa: ANN401
    home: Path,
    within: str,
    kind: str,
) -> None:
    archive = zipped(CONTENTS | {"evil.py": b"import this"}, within)
    publish(server, record, archive, kind)
    told: list[tuple[int, str]] = []

    def report(done: int, total: int, message: str = "", **_: object) -> None:
        told.append((done, message))

    folder = fetch_registered(NAME, report)
    assert folder == home / NAME == registered_folder(NAME)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    assert told[-1] == (len(archive), f"Downloading {ARCHIVE}")
    assert fetch_registered(NAME) == folder
    assert server.names == [ARCHIVE]


@pytest.mark.parametrize(
    ("mood", "told"),
    [
        ("down", "the server answers 503"),
        ("stuck", "timed out"),
        ("truncating", "the connection broke"),
    ],
)
def test_a_server_in_a_bad_mood(server: ModelServer, home: Path, mood: str, told: str) -> None:
    server.mood = mood
    with pytest.raises(WeightsUnavailableError, match=told) as error:
        fetch_registered(NAME, timeout=0.2)
    assert server.url + ARCHIVE in str(error.value)
    assert str(home / NAME) in str(error.value)
    assert not home.exists()
    server.mood = "well"
    assert (fetch_registered(NAME) / "config.json").is_file()


def test_no_server_at_all(server: ModelServer, home: Path) -> None:
    server.close()
    with pytest.raises(WeightsUnavailableError, match="no connection"):
        fetch_registered(NAME)
    assert not home.exists()


@pytest.mark.parametrize(
    ("archive", "told"),
    [
        (b"<html>", "is no archive"),
        (zipped(CONTENTS)[:-40], "is no archive"),
        (zipped({"config.json": b"{}"}), r"has no config\.json and weights_best\.h5"),
        (zipped({**CONTENTS, "weights_best.h5": bytes(2**26)}), "unpacks to more than"),
    ],
)
def test_what_is_no_model_is_not_kept(
    server: ModelServer,
    record: Any,  # noqa: ANN401
    home: Path,
    archive: bytes,
    told: str,
) -> None:
    publish(server, record, archive)
    with pytest.raises(WeightsUnavailableError, match=told):
        fetch_registered(NAME)
    assert not home.exists()


def test_another_file_than_was_published_is_refused(
    server: ModelServer,
    record: Any,  # noqa: ANN401
    home: Path,
) -> None:
    record["hash"] = "0" * 32
    with pytest.raises(
        WeightsUnavailableError, match=rf"is another file \(md5 .*, not {'0' * 32}\)"
    ):
        fetch_registered(NAME)
    assert not home.exists()


def test_a_cancel_is_passed_on(server: ModelServer, home: Path) -> None:
    def stop(done: int, total: int, message: str = "", **_: object) -> None:
        if message.startswith("Downloading"):
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch_registered(NAME, stop)
    assert not home.exists()


def test_where_nothing_can_be_kept(server: ModelServer, home: Path) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("a file in the place of a folder")
    with pytest.raises(WeightsUnavailableError, match="is not available"):
        fetch_registered(NAME)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stardist.models", None)
    with pytest.raises(SegmentError, match="pip install stardist"):
        fetch_registered(NAME)


def test_it_is_fetched_only_if_the_settings_allow_it(
    server: ModelServer,
    record: Any,  # noqa: ANN401
    home: Path,
) -> None:
    plane = Plane(nuclei(5, 96, 6)[0][..., np.newaxis])
    settings = StarDistSettings(model=NAME)
    with pytest.raises(WeightsUnavailableError, match="switch on Download") as error:
        find_fluo(plane, settings, silent)
    assert str(home / NAME) in str(error.value)
    assert server.asked == []
    publish(server, record, zipped({path.name: path.read_bytes() for path in STAR.iterdir()}))
    fetched = find_fluo(plane, replace(settings, download=True), silent)
    expected = find_fluo(plane, StarDistSettings(model=str(STAR)), silent)
    assert len(fetched) > 3
    assert fetched.runs == expected.runs
    assert find_fluo(plane, settings, silent).runs == expected.runs
    assert server.names == [ARCHIVE]
