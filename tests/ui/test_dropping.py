"""What dropped files are, and who takes them."""

from pathlib import Path

import pytest
from napari.utils.notifications import Notification
from qtpy.QtCore import QMimeData, QUrl
from tests.shared_data import shared

from napari_piximi.io.bundle import write_bundle
from napari_piximi.model.project import new_project
from napari_piximi.ui import documents, dropping, imports
from napari_piximi.ui.workspace import Workspace


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Note who is called with which files, instead of doing it."""
    noted: list[tuple[str, list[str]]] = []

    def note(name: str, *paths: Path) -> None:
        noted.append((name, [path.name for path in paths]))

    monkeypatch.setattr(documents, "open_path", lambda _w, path, _p: note("open", path))
    monkeypatch.setattr(imports, "import_annotations", lambda _w, path: note("annotations", path))
    monkeypatch.setattr(imports, "import_classifier", lambda _w, path: note("classifier", path))

    def import_images(_w: object, paths: list[Path], _p: object, then: object = None) -> None:
        note("images", *paths)
        assert callable(then)
        then()

    monkeypatch.setattr(imports, "import_images", import_images)
    return noted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make files of each sort."""
    write_bundle(new_project(), tmp_path / "one.zip")
    write_bundle(new_project(), tmp_path / "two.zarr")
    (tmp_path / "ome.zarr" / "0").mkdir(parents=True)
    (tmp_path / "ome.zarr" / ".zattrs").write_text('{"multiscales": []}')
    (tmp_path / "pictures").mkdir()
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.TIF").write_bytes(b"")
    (tmp_path / "scan").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "other.zip").write_bytes(b"PK")
    (tmp_path / "net.json").write_text('{"modelTopology": {}, "weightsManifest": []}')
    (tmp_path / "net.weights.bin").write_bytes(b"")
    (tmp_path / "coco.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.png"}], "categories": [], "annotations": '
        '[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}]}'
    )
    return tmp_path


def test_each_file_is_known(folder: Path) -> None:
    found = dropping.sort_paths(sorted(folder.iterdir()))
    assert [path.name for path in found.bundles] == ["one.zip", "other.zip", "two.zarr"]
    assert [path.name for path in found.images] == ["a.png", "b.TIF", "pictures", "scan"]
    assert [path.name for path in found.annotations] == ["coco.json"]
    assert [path.name for path in found.classifiers] == ["net.json", "net.weights.bin"]
    assert [path.name for path in found.strange] == ["notes.txt", "ome.zarr", "other.json"]


def test_the_shared_files() -> None:
    found = dropping.sort_paths([shared("classifiers/digits_cnn.zip")])
    assert len(found.classifiers) == 1


def test_annotations_come_after_the_images_they_lie_on(
    workspace: Workspace, folder: Path, taken: list[tuple[str, list[str]]]
) -> None:
    names = ("coco.json", "a.png", "net.json", "pictures")
    dropping.accept_paths(workspace, [folder / name for name in names], None)
    assert taken == [
        ("classifier", ["net.json"]),
        ("images", ["a.png", "pictures"]),
        ("annotations", ["coco.json"]),
    ]


def test_annotations_alone(
    workspace: Workspace, folder: Path, taken: list[tuple[str, list[str]]]
) -> None:
    dropping.accept_paths(workspace, [folder / "coco.json"], None)
    assert taken == [("annotations", ["coco.json"])]


def test_a_project(workspace: Workspace, folder: Path, taken: list[tuple[str, list[str]]]) -> None:
    dropping.accept_paths(workspace, [folder / "two.zarr"], None)
    assert taken == [("open", ["two.zarr"])]


@pytest.mark.parametrize("names", [["one.zip", "two.zarr"], ["one.zip", "a.png"]])
def test_a_project_comes_alone(
    workspace: Workspace,
    folder: Path,
    taken: list[tuple[str, list[str]]],
    notifications: list[Notification],
    names: list[str],
) -> None:
    dropping.accept_paths(workspace, [folder / name for name in names], None)
    assert taken == []
    assert len(notifications) == 1


def test_what_nobody_knows_is_told_once_and_the_rest_taken(
    workspace: Workspace,
    folder: Path,
    taken: list[tuple[str, list[str]]],
    notifications: list[Notification],
) -> None:
    strange = [folder / f"{n}.txt" for n in range(5)]
    dropping.accept_paths(workspace, [*strange, folder / "a.png"], None)
    assert taken == [("images", ["a.png"])]
    assert len(notifications) == 1
    assert "0.txt, 1.txt, 2.txt and 2 more" in str(notifications[0].message)


def test_only_files_of_this_machine() -> None:
    data = QMimeData()
    assert dropping.local_paths(None) == dropping.local_paths(data) == []
    data.setUrls([QUrl("https://example.org/a.png"), QUrl.fromLocalFile("/a/b.png")])
    assert dropping.local_paths(data) == [Path("/a/b.png")]
