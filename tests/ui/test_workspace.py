"""One workspace per viewer: edits, word of them, what is shown, and other projects."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy
from napari.utils.notifications import Notification
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QVBoxLayout, QWidget
from tests.model.cells import cells_project

from napari_piximi.model import edits, places
from napari_piximi.model.places import places_of
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND, Image
from napari_piximi.ui import workspace as workspace_module
from napari_piximi.ui.panel import Panel
from napari_piximi.ui.workspace import Workspace, numbered_categories, workspace_of


def watch(workspace: Workspace) -> list[tuple[str, str]]:
    """Note the names of the projects before and after each change."""
    seen: list[tuple[str, str]] = []

    def note(before: Project, after: Project) -> None:
        seen.append((before.name, after.name))

    workspace.changed.connect(note)
    return seen


def test_a_viewer_has_one_workspace_also_through_napari_s_proxy(qapp: object) -> None:
    viewer, other = ViewerModel(), ViewerModel()
    workspace = workspace_of(viewer)
    assert workspace_of(PublicOnlyProxy(viewer)) is workspace
    assert workspace_of(other) is not workspace
    assert workspace.viewer is viewer


def test_a_workspace_goes_with_its_viewer(qapp: object) -> None:
    viewer = ViewerModel()
    workspace = weakref.ref(workspace_of(viewer))
    watched = weakref.ref(viewer)
    del viewer
    gc.collect()
    assert watched() is None
    assert workspace() is None


def test_an_edit_is_told_and_can_be_taken_back(workspace: Workspace) -> None:
    seen = watch(workspace)
    assert workspace.edit("Rename project", edits.rename_project, "Cells")
    workspace.undo()
    workspace.redo()
    assert seen == [("Untitled", "Cells"), ("Cells", "Untitled"), ("Untitled", "Cells")]
    assert workspace.session.undo_label == "Rename project"


def test_an_edit_that_is_refused_is_explained_and_changes_nothing(
    workspace: Workspace, notifications: list[Notification]
) -> None:
    before = workspace.project
    assert not workspace.edit("Rename project", edits.rename_project, "  ")
    assert [n.message for n in notifications] == ["A project needs a name"]
    assert workspace.project is before


def test_the_gallery_knows_of_a_change_before_the_panels(workspace: Workspace) -> None:
    kinds: list[int] = []
    workspace.changed.connect(lambda: kinds.append(workspace.gallery.total))
    workspace.open_project(cells_project())
    assert kinds == [2]


def test_another_project_has_its_own_history_and_is_told_once(workspace: Workspace) -> None:
    workspace.edit("Rename project", edits.rename_project, "First")
    seen = watch(workspace)
    opened: list[str] = []
    workspace.opened.connect(lambda: opened.append(workspace.project.name))
    workspace.open_project(cells_project(), Path("cells.zip"))
    assert opened == ["Cells"]
    assert seen == [("First", "Cells")]
    assert workspace.session.undo_label is None
    assert not workspace.session.dirty
    assert workspace.path == Path("cells.zip")

    workspace.edit("Rename project", edits.rename_project, "Second")
    assert seen[1:] == [("Cells", "Second")]
    assert workspace.session.dirty


def test_categorising_names_the_edit(workspace: Workspace) -> None:
    workspace.open_project(cells_project())
    workspace.categorize(["cell2"], "1round")
    assert workspace.session.undo_label == "Categorise 1 thing as round"
    workspace.categorize(["cell2", "cell3"], "1long")
    assert workspace.session.undo_label == "Categorise 2 things as long"
    assert workspace.project.things["cell3"].category == "1long"


def test_showing_an_object_shows_its_image_and_then_the_object(workspace: Workspace) -> None:
    workspace.open_project(cells_project())
    story: list[str | None] = []
    workspace.shown_changed.connect(lambda: story.append(workspace.shown))
    workspace.focused.connect(story.append)
    workspace.show("image0")
    workspace.show("cell2")
    workspace.show("cell3")
    workspace.show("gone")
    assert story == ["image0", "image1", "cell2", "cell3"]


def test_an_image_that_is_deleted_is_shown_no_more(workspace: Workspace) -> None:
    workspace.open_project(cells_project())
    workspace.show("image1")
    workspace.edit("Delete image1.tif", edits.delete_things, ["image1"])
    assert workspace.shown is None
    workspace.undo()
    assert workspace.shown is None
    assert "image1" in workspace.project.things


def test_imported_pixels_are_kept_on_disk_until_the_workspace_closes(
    workspace: Workspace, state_folder: Path
) -> None:
    values = np.arange(24, dtype=np.uint8).reshape(1, 4, 6, 1)
    pixels = workspace.scratch.put(values)
    unknown = workspace.project.kinds[IMAGE_KIND].unknown
    workspace.edit("Add", edits.add_images, [Image("1", "a.tif", unknown, pixels)])
    assert np.array_equal(np.asarray(pixels), values)
    assert any(state_folder.rglob("*.npy"))
    workspace.close()
    assert not any(state_folder.rglob("*.npy"))


def test_number_keys_stand_for_unknown_and_the_first_nine() -> None:
    project = new_project()
    for number in range(12):
        project = edits.create_category(project, IMAGE_KIND, f"c{number}", category_id=f"1{number}")
    keys = numbered_categories(project, IMAGE_KIND)
    assert keys == (project.kinds[IMAGE_KIND].unknown, *(f"1{number}" for number in range(9)))


class NamePanel(Panel):
    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.names: list[str] = []

    def project_changed(self, before: Project, after: Project) -> None:
        self.names.append(after.name)


def test_a_panel_hears_of_changes_until_it_is_destroyed(workspace: Workspace, qtbot: QtBot) -> None:
    window, listeners = QWidget(), len(workspace.changed)
    qtbot.addWidget(window)
    panel = NamePanel(workspace.viewer)
    QVBoxLayout(window).addWidget(panel)
    workspace.edit("Rename project", edits.rename_project, "Heard")
    with qtbot.waitSignal(panel.destroyed):
        panel.deleteLater()
    workspace.edit("Rename project", edits.rename_project, "Not heard")
    assert panel.names == ["Heard"]
    assert len(workspace.changed) == listeners


def test_edits_go_on_where_nothing_can_be_kept_against_a_crash(
    workspace: Workspace, state_folder: Path, notifications: list[Notification]
) -> None:
    state_folder.write_text("a file where a folder should be", "utf-8")
    assert workspace.edit("Rename project", edits.rename_project, "One")
    assert workspace.edit("Rename project", edits.rename_project, "Two")
    assert workspace.project.name == "Two"
    assert len(notifications) == 1
    assert notifications[0].message.startswith("Your edits cannot be kept against a crash now (")


def test_many_things_are_spared_by_the_search_for_garbage(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_module, "MANY", 3)
    before = gc.get_freeze_count()
    workspace.open_project(cells_project())
    assert gc.get_freeze_count() > before
    workspace.open_project(new_project())
    assert gc.get_freeze_count() == 0
    workspace.open_project(cells_project())
    workspace.close()
    assert gc.get_freeze_count() == 0


def test_what_a_window_is_made_of_is_spared_with_a_small_project(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_module, "has_window", lambda _viewer: True)
    workspace.open_project(new_project())
    assert gc.get_freeze_count() > 0
    workspace.close()
    assert gc.get_freeze_count() == 0


def test_what_a_read_project_is_asked_first_is_known_when_it_is_opened(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = cells_project()
    workspace.foresee_opening(project)
    places_of(workspace.project)  # which somebody asks for meanwhile
    monkeypatch.setattr(places, "_places", None)
    monkeypatch.setattr(type(workspace.gallery), "_followed", None)
    workspace.open_project(project)
    assert workspace.gallery.ids == [image.id for image in project.images()]
    assert len(places_of(project).images) == len(workspace.gallery.ids)
