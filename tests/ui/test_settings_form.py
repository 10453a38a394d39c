"""The form of settings: each control changes its setting, and shows it."""

from dataclasses import dataclass, field, fields, replace

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QValidator, QWheelEvent
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QListWidget, QSpinBox
from tests.ui.gallery_project import hands

from napari_piximi.learn.plans import INPUT_SETTINGS
from napari_piximi.model.training import FOREST, PIXIMI_SETTINGS, Settings
from napari_piximi.ui import preferences
from napari_piximi.ui.fitting import LAST
from napari_piximi.ui.preset_row import CUSTOM, PresetRow
from napari_piximi.ui.setting_editors import FileLine, LearningRate, TextLine, Whole
from napari_piximi.ui.setting_words import WORDS, words_of
from napari_piximi.ui.settings_form import FIXED, SettingsForm


@pytest.fixture
def form(qtbot: QtBot) -> SettingsForm:
    """Return a form that does what it is asked."""
    made = SettingsForm()
    qtbot.addWidget(made)
    made.edited.connect(made.show_settings)
    return made


def unfold(form: SettingsForm) -> None:
    for group in form.groups.values():
        group.button.setChecked(True)


def test_nothing_is_made_before_it_is_unfolded(form: SettingsForm) -> None:
    assert all(group.content is None for group in form.groups.values())
    form.groups["Partition"].button.click()
    assert set(form.groups["Partition"].editors) == {"training_percentage", "seed", "shuffle"}
    assert form.groups["Optimisation"].content is None


def test_what_is_unfolded_is_remembered(form: SettingsForm, qtbot: QtBot) -> None:
    form.groups["Partition"].button.click()
    again = SettingsForm()
    qtbot.addWidget(again)
    assert [name for name, group in again.groups.items() if group.is_open] == ["Partition"]
    assert again.groups["Partition"].editors


def test_every_setting_has_words_and_a_control_that_shows_it(form: SettingsForm) -> None:
    unfold(form)
    shown = {name for group in form.groups.values() for name in group.editors}
    assert shown == {setting.name for setting in fields(Settings)} == set(WORDS)
    for group in form.groups.values():
        for name, editor in group.editors.items():
            assert "_" not in group.labels[name].text()
            assert editor.control.toolTip()
            assert editor.control.accessibleName() == WORDS[name].label
    assert words_of("not_yet_known").label == "Not yet known"


def test_every_control_goes_there_and_back(form: SettingsForm) -> None:
    """Settings that all differ from the defaults are shown, and asked for again unchanged."""
    unfold(form)
    asked: list[Settings] = []
    form.edited.connect(asked.append)
    form.show_settings(PIXIMI_SETTINGS)
    form.show_settings(Settings())
    assert asked == []  # showing is no change
    for group in form.groups.values():
        for name, editor in group.editors.items():
            value = getattr(PIXIMI_SETTINGS, name)
            editor.show_value(value)
            editor.changed.emit(value)
    assert replace(form.settings, architecture="SimpleCNN") == PIXIMI_SETTINGS


def test_controls(form: SettingsForm) -> None:
    box = form.editor("epochs").control
    assert isinstance(box, QSpinBox)
    box.setFocus()
    box.lineEdit().selectAll()  # type: ignore[union-attr]
    hands.keyClicks(box, "12")
    assert form.settings.epochs == 300  # not before the number is typed to its end
    hands.keyClick(box, Qt.Key.Key_Return)
    assert form.settings.epochs == 12
    check = form.editor("keep_best").control
    assert isinstance(check, QCheckBox)
    check.click()
    assert form.settings.keep_best is False
    choice = form.editor("crop_schema").control
    assert isinstance(choice, QComboBox)
    assert [choice.itemText(i) for i in (0, 1)] == ["resizing", "padding or cropping"]
    choice.setCurrentIndex(1)
    choice.activated.emit(1)
    assert form.settings.crop_schema == "Match"
    figures = form.editor("metrics").control
    assert isinstance(figures, QListWidget)
    (recall,) = figures.findItems("Recall", Qt.MatchFlag.MatchExactly)
    recall.setCheckState(Qt.CheckState.Checked)
    assert form.settings.metrics == ("Categorical accuracy", "Recall")


def test_shares_are_shown_in_per_cent(form: SettingsForm) -> None:
    box = form.editor("training_percentage").control
    assert box.text() == "75.0 %"  # type: ignore[attr-defined]
    box.setValue(80)  # type: ignore[attr-defined]
    assert form.settings.training_percentage == 0.8
    assert form.editor("label_smoothing").control.text() == "10.0 %"  # type: ignore[attr-defined]
    patience = form.editor("patience").control
    patience.setValue(0)  # type: ignore[attr-defined]
    assert patience.text() == "never stops early"  # type: ignore[attr-defined]


def test_seed_is_drawn(form: SettingsForm) -> None:
    editor = form.editor("seed")
    assert isinstance(editor, Whole)
    seeds = set()
    for _ in range(5):
        editor.draw.click()
        seeds.add(form.settings.seed)
    assert len(seeds) > 1


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1e-5", 1e-5), ("0,02", 0.02), ("0.003", 0.003), ("x", 0.003), ("", 0.003)],
)
def test_learning_rates_are_typed(qtbot: QtBot, typed: str, value: float) -> None:
    box = LearningRate()
    qtbot.addWidget(box)
    box.setRange(1e-7, 10)
    box.setValue(0.003)
    assert box.text() == "0.003"
    assert box.valueFromText(typed) == value


def test_learning_rates_step_as_people_do(qtbot: QtBot) -> None:
    box = LearningRate()
    qtbot.addWidget(box)
    box.setRange(1e-7, 10)
    box.setValue(0.003)
    seen = []
    for _ in range(4):
        box.stepBy(-1)
        seen.append(box.text())
    assert seen == ["0.002", "0.001", "0.0005", "0.0002"]
    box.stepBy(3)
    assert box.text() == "0.002"
    box.setValue(10)
    box.stepBy(1)
    assert box.value() == 10
    state = QValidator.State
    assert box.validate("1e", 2)[0] == state.Intermediate
    assert box.validate("1e-3", 4)[0] == state.Acceptable
    assert box.validate("99", 2)[0] == state.Intermediate
    assert box.validate("abc", 3)[0] == state.Invalid


def test_what_the_architecture_does_not_heed_is_hidden(form: SettingsForm) -> None:
    unfold(form)
    assert form.groups["Forest"].isHidden()
    assert form.groups["Architecture"].editors["weights"].isHidden()
    form.show_settings(Settings(architecture="MobileNet"))
    assert not form.groups["Architecture"].editors["weights"].isHidden()
    form.show_settings(Settings(architecture=FOREST))
    assert not form.groups["Forest"].isHidden()
    assert form.groups["Architecture"].editors["height"].isHidden()
    assert form.groups["Augmentation"].isHidden()
    assert not form.groups["Partition"].isHidden()


def test_what_a_model_fixes_cannot_be_changed(form: SettingsForm) -> None:
    unfold(form)
    form.show_settings(Settings(), fixed=INPUT_SETTINGS)
    editors = form.groups["Architecture"].editors
    assert not editors["height"].isEnabled()
    assert editors["height"].control.toolTip() == FIXED
    assert form.groups["Optimisation"].editors["epochs"].isEnabled()
    form.show_settings(replace(Settings(), height=64, epochs=5), fixed=INPUT_SETTINGS)
    form.reset()
    assert (form.settings.height, form.settings.epochs) == (64, 300)


def test_changes_are_marked_and_taken_back(form: SettingsForm) -> None:
    unfold(form)
    form.show_settings(replace(Settings(), epochs=5, seed=3))
    group = form.groups["Optimisation"]
    assert group.button.text() == "Optimisation  (1 changed)"
    assert group.labels["epochs"].text() == "Epochs, at most •"
    assert "it was 300" in group.labels["epochs"].toolTip()
    assert not group.back.isHidden()
    group.back.click()
    assert (form.settings.epochs, form.settings.seed) == (300, 3)
    assert group.back.isHidden()
    form.reset()
    assert form.settings == Settings()


def test_the_wheel_changes_nothing_that_has_no_focus(form: SettingsForm) -> None:
    box = form.editor("epochs").control
    wheel = QWheelEvent(
        QPointF(2, 2), QPointF(2, 2), QPoint(0, 0), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(box, wheel)
    assert form.settings.epochs == 300
    assert box.focusPolicy() == Qt.FocusPolicy.StrongFocus


def test_a_file_of_weights(form: SettingsForm) -> None:
    form.show_settings(Settings(architecture="MobileNet"))
    editor = form.editor("weights")
    assert isinstance(editor, FileLine)
    assert editor.line.placeholderText() == "downloaded once"
    editor.line.setText(" random ")
    editor.line.editingFinished.emit()
    assert form.settings.weights == "random"


# --- presets -----------------------------------------------------------------------------------


@pytest.fixture
def presets(qtbot: QtBot) -> PresetRow:
    made = PresetRow()
    qtbot.addWidget(made)
    return made


def choose(row: PresetRow, name: str) -> Settings:
    asked: list[Settings] = []
    row.chosen.connect(asked.append)
    row.box.setCurrentText(name)
    row.box.activated.emit(row.box.currentIndex())
    return asked[-1]


def test_presets_are_recognised_whatever_the_seed(presets: PresetRow) -> None:
    presets.show_settings(Settings(seed=7, architecture="MobileNet"), changed=True)
    assert presets.box.currentText() == "Few labels"
    assert presets.button.isEnabled()
    presets.show_settings(PIXIMI_SETTINGS, changed=False)
    assert presets.box.currentText() == "Piximi defaults"
    assert not presets.button.isEnabled()
    presets.show_settings(Settings(epochs=3), changed=True)
    assert presets.box.currentText() == CUSTOM


def test_a_preset_keeps_seed_and_architecture(presets: PresetRow) -> None:
    presets.show_settings(Settings(seed=7, architecture="MobileNet"), changed=False)
    asked = choose(presets, "Piximi defaults")
    assert asked == replace(PIXIMI_SETTINGS, seed=7, architecture="MobileNet")
    presets.show_settings(Settings(height=64), changed=False, fixed=("height",))
    assert choose(presets, "Piximi defaults") == replace(PIXIMI_SETTINGS, height=64)


def test_the_last_fit_is_a_preset(presets: PresetRow) -> None:
    preferences.put(LAST, {"epochs": 77, "hostile": "x" * 9})
    presets.show_settings(Settings(), changed=False)
    assert choose(presets, "As in the last fit") == Settings(epochs=77)


# --- of any data class -------------------------------------------------------------------------


@dataclass(frozen=True)
class Wild:
    """Settings that say little of themselves."""

    level: float = field(default=0.5, metadata={"min": -1e9, "max": 1e9})
    count: int = 3
    server: str = "https://example.org"
    model: str = field(default="", metadata={"group": "Files", "tooltip": "A file"})
    depth: int = field(default=2, metadata={"label": "How deep", "unit": "m", "min": 0, "max": 9})


def test_a_form_of_any_data_class(qtbot: QtBot) -> None:
    form = SettingsForm(Wild(), key="wild/", unfolded=True)
    qtbot.addWidget(form)
    form.edited.connect(form.show_settings)
    assert list(form.groups) == ["Settings", "Files"]
    assert [group.is_open for group in form.groups.values()] == [True, False]
    box = form.editor("level").control
    assert box.text() == "0.5"  # type: ignore[attr-defined]
    for value in (0.000125, -12345.5, 1e9):
        box.setValue(value)  # type: ignore[attr-defined]
        assert form.settings.level == value
    form.editor("count").control.setValue(-7)  # type: ignore[attr-defined]
    assert form.settings.count == -7
    assert isinstance(form.editor("server"), TextLine)
    assert isinstance(form.editor("model"), FileLine)
    assert form.groups["Settings"].labels["depth"].text() == "How deep"
    assert form.editor("depth").control.text() == "2 m"  # type: ignore[attr-defined]
    form.reset()
    assert form.settings == Wild()


@dataclass(frozen=True)
class Ways:
    """Settings of which one decides what the others do."""

    way: str = field(
        default="Plain",
        metadata={"group": "Way", "tooltip": "How", "choices": ("Plain", "Fine", "By hand")},
    )
    grain: int = field(
        default=3,
        metadata={
            "group": "Way", "tooltip": "How fine", "min": 1, "max": 9,
            "when": ("way", ("Fine", "By hand")),
        },
    )  # fmt: skip
    hand: bool = field(
        default=False,
        metadata={"group": "Hand", "tooltip": "Which", "when": ("way", ("By hand",))},
    )


def test_what_has_no_effect_is_hidden(qtbot: QtBot) -> None:
    form = SettingsForm(Ways(grain=5), key="test/ways/")
    qtbot.addWidget(form)
    form.edited.connect(form.show_settings)
    unfold(form)
    group, hand = form.groups["Way"], form.groups["Hand"]
    for way, shown in (("Plain", False), ("Fine", True), ("By hand", True), ("Plain", False)):
        choice = group.editors["way"].control
        assert isinstance(choice, QComboBox)
        choice.setCurrentText(way)
        choice.activated.emit(choice.currentIndex())
        assert form.settings.way == way
        for part in (group.labels["grain"], group.editors["grain"]):
            assert part.isHidden() is not shown, way
        assert hand.isHidden() is (way != "By hand")
    assert form.settings.grain == 5, "what is hidden keeps its value"
    assert group.back.isHidden(), "and is no change that one could see"
