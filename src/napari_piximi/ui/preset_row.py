"""Which preset the settings are those of, and going back to where they came from."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_piximi.io.settings import settings_from
from napari_piximi.model.training import NETWORKS, PRESETS, Settings
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.fitting import last_settings
from napari_piximi.ui.setting_editors import ignore_wheel

__all__ = ["LAST", "PresetRow"]

CUSTOM, LAST = "Custom", "As in the last fit"
OWN = ("weights", "seed")
"""What is no matter of presets; nor is the architecture, as long as both are networks."""


class PresetRow(QWidget):
    """A choice of presets, and a button that resets all settings.

    Parameters
    ----------
    presets : callable
        Returns the presets by their names, settings of any frozen data class.
    suited : callable
        Takes a preset and the present settings; lets it keep what is no matter of presets.
    """

    chosen = QtSignal(object)
    """The user asks for these settings."""
    reset = QtSignal()

    def __init__(
        self,
        presets: Callable[[], Mapping[str, Any]] | None = None,
        suited: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        super().__init__()
        self._presets = presets or classifier_presets
        self._keep = suited or suited_preset
        self._settings: Any = None
        self._fixed: tuple[str, ...] = ()
        self.box = ElidedBox()
        self.box.setToolTip("Settings that go together; each can be changed below")
        self.box.setAccessibleName("Preset")
        ignore_wheel(self.box)
        self.box.activated.connect(self._choose)
        self.button = QPushButton("Reset all")
        self.button.setToolTip("Take all settings back to where they came from")
        self.button.setAccessibleName("Reset all settings")
        self.button.clicked.connect(self.reset.emit)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box, 1)
        layout.addWidget(self.button)

    def show_settings(
        self,
        settings: Any,  # noqa: ANN401
        changed: bool,
        fixed: Collection[str] = (),
    ) -> None:
        """Show which preset these are, and whether there is anything to reset.

        Parameters
        ----------
        settings : object
        changed : bool
            There is something to reset.
        fixed : collection of str
            Names of settings that no preset changes now.
        """
        self._settings, self._fixed = settings, tuple(fixed)
        presets = self._presets()
        name = next((n for n, p in presets.items() if self._suited(p) == settings), CUSTOM)
        names = [*presets, *([CUSTOM] if name == CUSTOM else [])]
        if names != [self.box.itemText(row) for row in range(self.box.count())]:
            self.box.clear()
            self.box.addItems(names)
        self.box.setCurrentText(name)
        self.button.setEnabled(changed)

    def _choose(self, _row: int) -> None:
        preset = self._presets().get(self.box.currentText())
        if preset is not None:
            self.chosen.emit(self._suited(preset))

    def _suited(self, preset: Any) -> Any:  # noqa: ANN401
        """Let a preset keep what is no matter of presets, and what is fixed."""
        kept = {name: getattr(self._settings, name) for name in self._fixed}
        return replace(self._keep(preset, self._settings), **kept)


def classifier_presets() -> Mapping[str, Settings]:
    """Return the presets of a classifier, the settings of the last fit among them."""
    known = {name[:1].upper() + name[1:]: preset for name, preset in PRESETS.items()}
    kept = last_settings()
    if kept is not None:
        known[LAST] = settings_from(kept, Settings(), "the settings of the last fit")
    return known


def suited_preset(preset: Settings, settings: Settings) -> Settings:
    """Let a preset of a classifier keep weights, seed, and the sort of network."""
    both = settings.architecture in NETWORKS and preset.architecture in NETWORKS
    own = ("architecture",) if both or preset == Settings() else ()
    return replace(preset, **{name: getattr(settings, name) for name in (*OWN, *own)})
