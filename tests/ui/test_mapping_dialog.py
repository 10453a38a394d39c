"""Each class of a model gets a category, a new one, or none; what cannot be is said."""

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QComboBox, QDialogButtonBox, QPushButton

from napari_piximi.learn.adoption import NewCategory, Target
from napari_piximi.model import edits
from napari_piximi.model.project import Project, new_project
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.ui.mapping_dialog import MOST_CLASSES, Mapping, MappingDialog
from napari_piximi.ui.mapping_dialog import ask_mapping as asked


@pytest.fixture
def project() -> Project:
    made = new_project()
    for name in ("Upright", "other"):
        made = edits.create_category(made, IMAGE_KIND, name)
    made = edits.create_kind(made, "cell")
    return edits.create_category(made, made.find_kind("cell").id, "lying")


def dialog(qtbot: QtBot, project: Project, *classes: str, **options: object) -> MappingDialog:
    made = MappingDialog(project, "net", classes, IMAGE_KIND, **options)  # type: ignore[arg-type]
    qtbot.addWidget(made)
    return made


def can_go_on(made: MappingDialog) -> bool:
    box = made.findChild(QDialogButtonBox)
    assert box is not None
    (button,) = [b for b in box.buttons() if b.text() == "Map"]
    return button.isEnabled()


def press(made: MappingDialog, text: str) -> None:
    (button,) = [b for b in made.findChildren(QPushButton) if b.text() == text]
    button.click()


def test_classes_are_mapped_by_name_at_first(qtbot: QtBot, project: Project) -> None:
    upright, _ = project.known_categories(IMAGE_KIND)
    made = dialog(qtbot, project, "upright", "lying", "LYING", " ")
    assert made.mapping.kind == IMAGE_KIND
    assert made.mapping.targets == (upright, NewCategory("lying"), None, None)
    assert can_go_on(made)
    item = made.table.item(3, 0)
    assert item is not None
    assert item.text() == "(no name)"


def test_another_kind_has_other_categories(qtbot: QtBot, project: Project) -> None:
    made = dialog(qtbot, project, "upright", "lying")
    cell = project.find_kind("cell").id
    made.kinds.setCurrentIndex(made.kinds.findData(cell))
    (lying,) = project.known_categories(cell)
    assert made.mapping.kind == cell
    assert made.mapping.targets == (NewCategory("upright"), lying)


def test_choices_in_the_combo(qtbot: QtBot, project: Project) -> None:
    made = dialog(qtbot, project, "lying")
    combo = made.table.cellWidget(0, 1)
    assert isinstance(combo, QComboBox)
    texts = [combo.itemText(i) for i in range(combo.count())]
    assert texts == ["Create “lying”", "Leave out", "Upright", "other"]
    combo.setCurrentIndex(3)
    assert made.mapping.targets == (project.known_categories(IMAGE_KIND)[1],)


def test_two_classes_cannot_be_one_category(qtbot: QtBot, project: Project) -> None:
    upright, other = project.known_categories(IMAGE_KIND)
    made = dialog(qtbot, project, "upright", "lying")
    made.choose(1, upright)
    assert not can_go_on(made)
    assert "Upright stands for two classes" in made.trouble.text()
    made.choose(1, other)
    assert can_go_on(made)
    assert made.trouble.isHidden()


def test_not_all_can_be_left_out(qtbot: QtBot, project: Project) -> None:
    made = dialog(qtbot, project, "a", "b")
    press(made, "Leave out the rest")
    assert not any(made.mapping.targets)
    assert not can_go_on(made)
    assert "All classes are left out" in made.trouble.text()
    press(made, "Create what is missing")
    assert made.mapping.targets == (NewCategory("a"), NewCategory("b"))
    assert can_go_on(made)


def test_what_is_mapped_already_is_offered(qtbot: QtBot, project: Project) -> None:
    _, other = project.known_categories(IMAGE_KIND)
    targets: tuple[Target, ...] = (other, None)
    made = dialog(qtbot, project, "upright", "lying", fixed=True, targets=targets)
    assert made.mapping.targets == targets
    assert not made.kinds.isEnabled()


def test_very_many_classes_go_by_name(qtbot: QtBot, project: Project) -> None:
    names = [f"class {i}" for i in range(MOST_CLASSES + 1)]
    made = dialog(qtbot, project, *names)
    assert made.table.rowCount() == 0
    assert made.mapping.targets == tuple(map(NewCategory, names))
    assert can_go_on(made)


def test_names_are_plain_text(qtbot: QtBot, project: Project) -> None:
    made = dialog(qtbot, project, "<b>100%</b>\nof it")
    item, combo = made.table.item(0, 0), made.table.cellWidget(0, 1)
    assert item is not None
    assert isinstance(combo, QComboBox)
    assert item.text() == "<b>100%</b> of it"
    assert "&lt;b&gt;" in item.toolTip()
    assert combo.accessibleName() == "Category of the class <b>100%</b> of it"


def test_asking_returns_what_was_chosen(
    qtbot: QtBot, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    upright, _ = project.known_categories(IMAGE_KIND)
    seen: list[str] = []

    def run(made: MappingDialog) -> int:
        seen.append(made.windowTitle())
        made.choose(1, None)
        return len(seen) % 2

    monkeypatch.setattr(MappingDialog, "exec", run)
    found = asked(project, "net", ("upright", "lying"), IMAGE_KIND)
    assert found == Mapping(IMAGE_KIND, (upright, None))
    assert asked(project, "net", ("upright", "lying"), IMAGE_KIND) is None, "Cancel"
