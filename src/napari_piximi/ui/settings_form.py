"""The form of all settings, made from the frozen data class that holds them."""

from collections.abc import Callable, Collection
from dataclasses import MISSING, Field, fields, replace
from functools import partial
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_piximi.model.training import Settings
from napari_piximi.ui.fold import Fold
from napari_piximi.ui.setting_editors import Editor, editor_of
from napari_piximi.ui.setting_words import GROUPS, words_of
from napari_piximi.ui.tab_order import tab_as_laid_out

__all__ = ["SettingsForm", "SettingsGroup"]

REMEMBERED = "fit/group/"
UNGROUPED = "Settings"
FIXED = "The chosen model was made for this; to change it, fit a new model"

Edit = Callable[[str, Any], None]


class SettingsForm(QWidget):
    """All settings, in groups that fold away; a group is made when it is first unfolded.

    The metadata of its fields tell what they are: `group`, `tooltip`, `min` and `max` or
    `choices`; see :class:`napari_piximi.model.training.Settings`. A setting without effect is
    not shown: one that `only` another architecture heeds, or that is heeded `when` another
    setting has other values; see :func:`napari_piximi.segment.catalog.setting`.

    Parameters
    ----------
    settings : object
        The ones to show, of any frozen data class with defaults; by default those of a
        classifier.
    key : str
        What to remember by which groups are unfolded.
    unfolded : bool
        Whether the first group is, until the user folds it.
    """

    edited = QtSignal(object)
    """The user asks for these settings."""

    def __init__(
        self,
        settings: Any = None,  # noqa: ANN401
        *,
        key: str = REMEMBERED,
        unfolded: bool = False,
    ) -> None:
        super().__init__()
        self.settings: Any = Settings() if settings is None else settings
        self.reference = type(self.settings)()
        self.fixed: frozenset[str] = frozenset()
        self.groups: dict[str, SettingsGroup] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for setting in fields(self.settings):
            name = setting.metadata.get("group", UNGROUPED)
            if name not in self.groups:
                self.groups[name] = SettingsGroup(name, self._edit, key)
                self.groups[name].unfolded.connect(partial(self._unfolded, name))
                layout.addWidget(self.groups[name])
            self.groups[name].settings.append(setting)
        layout.addStretch(1)
        for place, group in enumerate(self.groups.values()):
            group.restore(unfolded and not place)
        self.show_settings(self.settings)

    def show_settings(
        self,
        settings: Any,  # noqa: ANN401
        reference: Any = None,  # noqa: ANN401
        fixed: Collection[str] = (),
    ) -> None:
        """Show settings.

        Parameters
        ----------
        settings : object
        reference : object, optional
            What to mark differences from, and to go back to.
        fixed : collection of str
            Names of settings that cannot be changed.
        """
        self.settings = settings
        self.reference = reference or self.reference
        self.fixed = frozenset(fixed)
        for name in self.groups:
            self._show_group(name)

    def reset(self, group: str | None = None) -> None:
        """Ask for what the reference has, of one group or of all, but for the model itself."""
        names = [
            setting.name
            for key, part in self.groups.items()
            if group in (None, key)
            for setting in part.settings
            if setting.name not in self.fixed and setting.name != "architecture"
        ]
        changes = {name: getattr(self.reference, name) for name in names}
        self.edited.emit(replace(self.settings, **changes))

    def editor(self, name: str) -> Editor:
        """Return the control of a setting; its group is unfolded."""
        (setting,) = (setting for setting in fields(self.settings) if setting.name == name)
        group = self.groups[setting.metadata.get("group", UNGROUPED)]
        group.button.setChecked(True)
        return group.editors[name]

    def _unfolded(self, name: str) -> None:
        self._show_group(name)
        tab_as_laid_out(self)

    def _show_group(self, name: str) -> None:
        self.groups[name].show_settings(self.settings, self.reference, self.fixed)

    def _edit(self, name: str, value: Any) -> None:  # noqa: ANN401
        if name == "":
            self.reset(str(value))
        elif getattr(self.settings, name) != value:
            self.edited.emit(replace(self.settings, **{name: value}))


class SettingsGroup(Fold):
    """The settings of one group.

    Parameters
    ----------
    name : str
    edit : callable
        Called with the name of a setting and its new value; with no name and that of the
        group, to go back.
    key : str
        What to remember by whether it is unfolded.
    """

    def __init__(self, name: str, edit: Edit, key: str = REMEMBERED) -> None:
        self.name, self._ask = name, edit
        self.settings: list[Field[Any]] = []
        self.labels: dict[str, QLabel] = {}
        self.editors: dict[str, Editor] = {}
        self.back = QToolButton()
        self.back.setText("Reset")
        self.back.setAutoRaise(True)
        title = GROUPS.get(name, name)
        self.back.setToolTip(f"{title}: go back to where these settings came from")
        self.back.setAccessibleName(f"Reset {title.lower()}")
        self.back.clicked.connect(lambda: edit("", name))
        super().__init__(title, self._rows, key + name)
        self.head.addWidget(self.back)

    def show_settings(
        self,
        settings: Any,  # noqa: ANN401
        reference: Any,  # noqa: ANN401
        fixed: frozenset[str],
    ) -> None:
        """Show what has an effect, and what of it differs from the reference."""
        heeded = [s for s in self.settings if _heeds(settings, s)]
        changed = [
            setting.name
            for setting in heeded
            if getattr(settings, setting.name) != getattr(reference, setting.name)
            and setting.name != "architecture"
        ]
        self.setVisible(bool(heeded))
        self.back.setVisible(bool(changed))
        title = GROUPS.get(self.name, self.name)
        self.set_title(title, f"({len(changed)} changed)" if changed else "")
        for setting in self.settings if self.editors else ():
            shown, name = setting in heeded, setting.name
            self.labels[name].setVisible(shown)
            self.editors[name].setVisible(shown)
            if shown:
                self._show(setting, getattr(settings, name), name in changed, name in fixed)
                if name in changed:
                    self._note_default(setting, getattr(reference, name))

    def _show(self, setting: Field[Any], value: object, changed: bool, fixed: bool) -> None:
        label, editor = self.labels[setting.name], self.editors[setting.name]
        editor.show_value(value)
        words = words_of(setting.name, setting.metadata)
        label.setText(f"{words.label} •" if changed else words.label)
        label.setStyleSheet("font-weight: bold;" if changed else "")
        meaning = FIXED if fixed else setting.metadata.get("tooltip", "")
        for widget in (label, editor.control):
            widget.setToolTip(meaning)
        editor.setEnabled(not fixed)

    def _note_default(self, setting: Field[Any], default: object) -> None:
        shown = ", ".join(default) if isinstance(default, tuple) else str(default)
        label = self.labels[setting.name]
        label.setToolTip(f"{label.toolTip()}\nChanged; it was {shown or 'empty'}")

    def _rows(self) -> QWidget:
        rows = QWidget()
        layout = QGridLayout(rows)
        layout.setContentsMargins(16, 0, 4, 6)
        layout.setVerticalSpacing(3)
        layout.setColumnMinimumWidth(0, 112)
        layout.setColumnStretch(1, 1)
        for row, setting in enumerate(self.settings):
            words = words_of(setting.name, setting.metadata)
            label = QLabel(words.label)
            label.setTextFormat(Qt.TextFormat.PlainText)
            editor = editor_of(_default(setting), setting.metadata, words)
            editor.control.setAccessibleName(words.label)
            editor.control.setToolTip(setting.metadata.get("tooltip", ""))
            label.setBuddy(editor.control)
            editor.changed.connect(partial(self._ask, setting.name))
            layout.addWidget(label, row, 0)
            layout.addWidget(editor, row, 1)
            self.labels[setting.name], self.editors[setting.name] = label, editor
        return rows


def _default(setting: Field[Any]) -> Any:  # noqa: ANN401
    if setting.default_factory is not MISSING:
        return setting.default_factory()
    return setting.default


def _heeds(settings: Any, setting: Field[Any]) -> bool:  # noqa: ANN401
    """Tell whether a setting has an effect, by its metadata `only` and `when`."""
    architecture = getattr(settings, "architecture", "")
    if architecture not in setting.metadata.get("only", (architecture,)):
        return False
    other, values = setting.metadata.get("when", ("", ()))
    return not other or getattr(settings, other) in values
