"""In napari's real window: open, drop, save, samples, docks; few tests, for a window is slow."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import napari
import numpy as np
import pytest
from napari.settings import get_settings
from napari.utils.notifications import Notification, NotificationSeverity, show_error
from npe2 import PluginManager, PluginManifest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QApplication, QDockWidget
from tests.io.test_bad_bundles import REFUSED, add_model
from tests.io.test_tfjs import BAD_DOCUMENTS, LAMBDA, WEIGHTS, dense_document, put, with_layers
from tests.io.tiny_bundle import tiny_members, tiny_project, write_zip
from tests.shared_data import shared
from tests.ui.conftest import Wait

import napari_piximi
from napari_piximi.errors import SaveError
from napari_piximi.io.bundle import read_bundle, write_bundle
from napari_piximi.io.recovery import Journal
from napari_piximi.model import edits
from napari_piximi.ui import commands, preferences
from napari_piximi.ui import docks as docks_module
from napari_piximi.ui.docks import FIRST, dock_name, show_dock, show_docks
from napari_piximi.ui.gallery_panel import GalleryPanel
from napari_piximi.ui.workspace import Workspace, workspace_of

OURS = Path(napari_piximi.__file__).with_name("napari.yaml")
MakeViewer = Callable[..., napari.Viewer]


@pytest.fixture
def viewer(
    npe2pm: PluginManager, make_napari_viewer: MakeViewer, finish: Wait
) -> Iterator[napari.Viewer]:
    """Return the viewer of a window in which our plugin and napari's own are installed."""
    npe2pm.register(PluginManifest.from_distribution("napari"))
    npe2pm.register(PluginManifest.from_file(OURS))
    made = make_napari_viewer(show=True)
    yield made
    workspace = workspace_of(made)
    finish(workspace)
    workspace.session.mark_saved()  # or the window would ask when it closes
    workspace.close()


@pytest.fixture
def workspace(viewer: napari.Viewer) -> Workspace:
    return workspace_of(viewer)


def drop(viewer: napari.Viewer, *paths: Path) -> None:
    """Drop files on the canvas; what napari raises becomes a notification, as it does live."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(9, 9),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    try:
        viewer.window._qt_viewer.dropEvent(event)
    except Exception as error:  # by its text only: its frames would keep the window alive
        show_error(str(error))


def docks(viewer: napari.Viewer) -> dict[str, QDockWidget]:
    deadline = time.monotonic() + 5
    while viewer.window._qt_window.findChildren(docks_module._Turns):
        assert time.monotonic() < deadline, "docks are still being made"
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    QApplication.processEvents()
    found = viewer.window._qt_window.findChildren(QDockWidget)
    return {dock.objectName(): dock for dock in found if "Piximi" in dock.objectName()}


def test_a_project_is_opened_and_its_docks_show(
    viewer: napari.Viewer, workspace: Workspace, finish: Wait, notifications: list[Notification]
) -> None:
    viewer.window._qt_window.resize(1280, 800)
    before = workspace.project
    assert viewer.open(shared("bundles/digits_project.zip"), plugin=None) == []
    assert workspace.project is before, "it returns before the project is read"
    finish(workspace)
    assert len(docks(viewer)) == len(FIRST)
    assert len(workspace.project.things) == 120
    assert workspace.shown in workspace.project.things
    assert [layer.name for layer in workspace.layers.layers()]
    found = docks(viewer)
    assert set(found) == {dock_name(name) for name in FIRST}
    gallery = viewer.window.dock_widgets[dock_name("Gallery")]
    assert isinstance(gallery, GalleryPanel)
    assert gallery.workspace is workspace
    assert len(workspace.gallery.ids) == 120
    assert not notifications
    _places_are_sensible(viewer)
    show_docks(workspace)
    viewer.open(shared("bundles/rgb_project.zip"), plugin=None)
    finish(workspace)
    assert docks(viewer) == found, "the docks are made once"
    assert len(list(workspace.project.images())) == 4


def test_docks_that_are_open_stay_as_they_are(
    viewer: napari.Viewer, workspace: Workspace, qtbot: QtBot
) -> None:
    show_docks(workspace)
    qtbot.waitUntil(lambda: len(docks(viewer)) == len(FIRST))
    show_dock(workspace, "Classifier")
    show_docks(workspace)
    QApplication.processEvents()
    front = docks(viewer)[dock_name("Classifier")]
    assert not front.visibleRegion().isEmpty(), "it is in front of the others of its place"
    docks(viewer)[dock_name("Gallery")].hide()
    show_docks(workspace)
    assert docks(viewer)[dock_name("Gallery")].isVisible()


def _places_are_sensible(viewer: napari.Viewer) -> None:
    window, found = viewer.window._qt_window, docks(viewer)
    areas = {name: window.dockWidgetArea(dock) for name, dock in found.items()}
    right, bottom = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea
    assert areas == {
        dock_name("Project"): right,
        dock_name("Segmentation"): right,
        dock_name("Classifier"): right,
        dock_name("Categories"): right,
        dock_name("Gallery"): bottom,
    }
    assert 280 <= found[dock_name("Project")].width() <= 400
    assert 200 <= found[dock_name("Gallery")].height() <= 340


def test_places_of_the_user_are_respected(viewer: napari.Viewer, workspace: Workspace) -> None:
    get_settings().application.plugin_widget_positions[dock_name("Gallery")] = "left"
    show_docks(workspace)
    gallery = docks(viewer)[dock_name("Gallery")]
    left = Qt.DockWidgetArea.LeftDockWidgetArea
    assert viewer.window._qt_window.dockWidgetArea(gallery) == left


def test_sizes_of_the_user_are_kept(
    viewer: napari.Viewer, workspace: Workspace, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = viewer.window._qt_window
    window.resize(1500, 950)
    preferences.put("dock sizes", {"bottom": 310, "right": 390})
    show_docks(workspace)
    QApplication.processEvents()
    found = docks(viewer)
    assert abs(found[dock_name("Gallery")].height() - 310) <= 10
    assert abs(found[dock_name("Project")].width() - 390) <= 10
    monkeypatch.setattr(docks_module, "_dragging", lambda: True)
    window.resizeDocks([found[dock_name("Gallery")]], [280], Qt.Orientation.Vertical)
    qtbot.waitUntil(lambda: preferences.get("dock sizes")["bottom"] != 310, timeout=3000)
    assert abs(preferences.get("dock sizes")["bottom"] - 280) <= 10


def test_the_table_of_objects_is_napari_s(viewer: napari.Viewer, workspace: Workspace) -> None:
    workspace.open_project(tiny_project())
    workspace.show("1a")
    commands.show_features()
    (table,) = [dock for name, dock in viewer.window.dock_widgets.items() if "eatures" in name]
    assert table is not None
    active = viewer.layers.selection.active
    assert workspace.layers.kind_of(active) is not None
    assert "cell 0" in list(active.features["name"])


def test_napari_s_menu_toggles_the_same_dock(viewer: napari.Viewer, workspace: Workspace) -> None:
    from napari._app_model import get_app_model

    show_docks(workspace)
    found = docks(viewer)
    assert found[dock_name("Categories")].isVisible()
    get_app_model().commands.execute_command("napari-piximi.categories").result()
    assert docks(viewer) == found
    assert not found[dock_name("Categories")].isVisible()


def test_files_are_dropped(
    viewer: napari.Viewer,
    workspace: Workspace,
    finish: Wait,
    tmp_path: Path,
    notifications: list[Notification],
) -> None:
    write_bundle(tiny_project(), tmp_path / "tiny.zip")
    drop(viewer, tmp_path / "tiny.zip")
    finish(workspace)
    assert workspace.project.name == "tiny"
    classifier = shared("classifiers/mnist_classifier/mnist_classifier.json")
    drop(viewer, classifier, classifier.with_suffix(".weights.bin"))
    finish(workspace)
    assert [c.name for c in workspace.project.classifiers] == ["mnist_classifier"]
    (told,) = notifications
    assert told.message.startswith("mnist_classifier is in the Classifier dock now, for Image")


@pytest.fixture
def told_of(
    viewer: napari.Viewer, workspace: Workspace, finish: Wait, notifications: list[Notification]
) -> Callable[[Path], list[str]]:
    """Return a function that drops a file, and returns what was said of it."""

    def drop_one(path: Path) -> list[str]:
        notifications.clear()
        drop(viewer, path)
        finish(workspace)
        QApplication.processEvents()
        return [notification.message for notification in notifications]

    return drop_one


def test_what_is_not_ours_or_bad_is_told_of_once_and_the_session_stays(
    viewer: napari.Viewer,
    workspace: Workspace,
    finish: Wait,
    tmp_path: Path,
    told_of: Callable[[Path], list[str]],
) -> None:
    write_bundle(tiny_project(), tmp_path / "tiny.zip")
    drop(viewer, tmp_path / "tiny.zip")
    finish(workspace)
    before, session = workspace.project, workspace.session
    good = tiny_members(tmp_path)
    add_model(good)
    bad = {"foreign": write_zip(tmp_path / "foreign.zip", {"a.txt": b"x"})}
    for case, (change, _) in REFUSED.items():
        members = dict(good)
        change(members)
        bad[case] = write_zip(tmp_path / f"bad {len(bad)}.zip", members)
    whole = (tmp_path / "tiny.zip").read_bytes()
    for share in (0.1, 0.9):
        bad[f"cut at {share}"] = tmp_path / f"cut {share}.zip"
        bad[f"cut at {share}"].write_bytes(whole[: int(len(whole) * share)])
    told: dict[str, list[str]] = {}
    for case, path in bad.items():
        told[case] = told_of(path)
    assert {case: texts for case, texts in told.items() if len(texts) != 1} == {}
    assert workspace.project is before
    assert workspace.session is session


def test_a_bad_classifier_is_told_of_once_and_the_session_stays(
    workspace: Workspace, tmp_path: Path, told_of: Callable[[Path], list[str]]
) -> None:
    before, session = workspace.project, workspace.session
    bad = {
        "no weights file": dense_document(),
        "too short": dense_document(),
        "Lambda": with_layers(LAMBDA),
        **{name: document for name, (document, _) in BAD_DOCUMENTS.items() if name != "a list"},
    }
    told: dict[str, list[str]] = {}
    for case, document in bad.items():
        (tmp_path / case).mkdir()
        path = put(tmp_path / case, document, WEIGHTS[:4] if case == "too short" else WEIGHTS)
        if case == "no weights file":
            path.with_suffix(".weights.bin").unlink()
        told[case] = told_of(path)
    assert {case: texts for case, texts in told.items() if len(texts) != 1} == {}
    assert "'Lambda'" in told["Lambda"][0]
    assert "tiny.weights.bin" in told["no weights file"][0]
    assert workspace.project is before
    assert workspace.session is session


def test_selected_layers_are_saved(
    viewer: napari.Viewer, workspace: Workspace, finish: Wait, tmp_path: Path
) -> None:
    image = np.arange(80 * 60, dtype=np.uint16).reshape(80, 60)
    labels = np.zeros((80, 60), np.int32)
    labels[5:20, 7:30], labels[40:50, 1:9] = 3, 8
    viewer.add_image(image, name="cells")
    viewer.add_labels(labels, name="nucleus")
    viewer.layers.select_all()
    for name in ("plain.zip", "plain.zarr"):
        path = str(tmp_path / name)
        assert viewer.layers.save(path, selected=True, plugin="napari-piximi") == [path]
        project = read_bundle(path)
        (found,) = project.images()
        kept = np.asarray(found.pixels)[0, ..., 0] * 65535
        np.testing.assert_array_equal(np.round(kept).astype(int), image)
        assert sorted(a.bbox for a in project.annotations()) == [(5, 7, 20, 30), (40, 1, 50, 9)]
        assert project.find_kind("nucleus")
    viewer.layers.selection = {viewer.layers["cells"]}
    viewer.layers.save(str(tmp_path / "one.zip"), selected=True)
    assert len(list(read_bundle(tmp_path / "one.zip").annotations())) == 0


def test_plain_layers_are_not_saved_over_anything_else(
    viewer: napari.Viewer,
    workspace: Workspace,
    finish: Wait,
    tmp_path: Path,
    notifications: list[Notification],
) -> None:
    opened, other = tmp_path / "open.zip", tmp_path / "images.zarr"
    write_bundle(tiny_project(), opened)
    drop(viewer, opened)
    finish(workspace)
    whole = opened.read_bytes()
    other.mkdir()
    (other / "precious").write_text("x")
    viewer.layers.selection = {viewer.add_image(np.zeros((9, 9), np.uint8), name="plain")}
    for path, why in ((opened, "is the project that is open"), (other, "with other data")):
        with pytest.raises(SaveError, match=why):  # napari makes it a notification
            viewer.layers.save(str(path), selected=True, plugin="napari-piximi")
    assert not notifications
    assert opened.read_bytes() == whole
    assert [member.name for member in other.iterdir()] == ["precious"]


def test_layers_that_make_no_project_are_told_of(
    viewer: napari.Viewer, workspace: Workspace, tmp_path: Path
) -> None:
    viewer.layers.selection = {viewer.add_labels(np.ones((9, 9), np.uint8), name="spots")}
    path = tmp_path / "spots.zip"
    with pytest.raises(SaveError, match="a project needs an image"):
        viewer.layers.save(str(path), selected=True, plugin="napari-piximi")
    assert not path.exists()


def test_saving_a_layer_of_the_project_saves_all_of_it(
    viewer: napari.Viewer, workspace: Workspace, finish: Wait, tmp_path: Path
) -> None:
    workspace.open_project(tiny_project())
    workspace.show("1a")
    workspace.layers.flush()
    viewer.layers.selection = {workspace.layers.layers()[0]}
    path = str(tmp_path / "session.zip")
    assert viewer.layers.save(path, selected=True, plugin="napari-piximi") == [path]
    assert read_bundle(path).things.keys() == tiny_project().things.keys()
    assert workspace.path == Path(path)
    assert not workspace.session.dirty


@pytest.mark.parametrize("name", ["digits", "coins", "histology"])
def test_samples(
    viewer: napari.Viewer, workspace: Workspace, finish: Wait, name: str, qtbot: QtBot
) -> None:
    assert viewer.open_sample("napari-piximi", name) == []
    finish(workspace)
    assert len(workspace.project.things) > 20
    assert workspace.shown is not None
    assert docks(viewer)


def test_lost_work_is_pointed_to_whichever_dock_is_opened_first(
    viewer: napari.Viewer, workspace: Workspace, finish: Wait, state_folder: Path
) -> None:
    from napari_piximi.ui.docks import show_dock
    from napari_piximi.ui.project_panel import ProjectPanel

    project = tiny_project()
    journal = Journal.begin(state_folder / "recovery", project, None)
    journal.note(project, edits.rename_project(project, "lost"))
    journal.close(discard=False)
    show_dock(workspace, "Gallery")
    finish(workspace)
    panel = viewer.window.dock_widgets[dock_name("Project")]
    assert isinstance(panel, ProjectPanel)
    QApplication.processEvents()
    finish(workspace)
    assert panel.recovery.isVisible()
    assert "lost" in panel.recovery.text.text()


def test_every_bundle_of_piximi_can_be_dropped(
    viewer: napari.Viewer, workspace: Workspace, finish: Wait, notifications: list[Notification]
) -> None:
    bundles = sorted(shared("bundles").glob("*.zip"))
    assert len(bundles) == 12
    for bundle in bundles:
        drop(viewer, bundle)
        finish(workspace)
        QApplication.processEvents()
        assert workspace.path == bundle
        assert list(workspace.project.things) == list(read_bundle(bundle).things)
        assert workspace.shown in workspace.project.things
        assert workspace.layers.layers()
    assert [n.message for n in notifications if n.severity == NotificationSeverity.ERROR] == []
