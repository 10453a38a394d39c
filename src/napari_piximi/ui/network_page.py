"""The page Train your own of the Segmentation dock: a network that learns from annotations."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_piximi.learn.readiness import Remedy, Trouble
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.segmentation import SegmentationNetwork, UNetSettings
from napari_piximi.segment.own_networks import FIXED
from napari_piximi.segment.readiness import network_troubles
from napari_piximi.ui.curve_data import Curves, curves_of, live_curves, same_curves
from napari_piximi.ui.curves import CurveFigures, CurvesView
from napari_piximi.ui.device_button import DeviceButton
from napari_piximi.ui.fit_actions import FIT_KEYS, FitActions
from napari_piximi.ui.fit_trouble import TroubleLine
from napari_piximi.ui.keys_within import keys_within
from napari_piximi.ui.network_choice import last_unet_settings, network_choice_of
from napari_piximi.ui.network_fitting import network_fitting_of
from napari_piximi.ui.network_outcome import NetworkOutcome
from napari_piximi.ui.network_picker import NetworkPicker
from napari_piximi.ui.preset_row import LAST, PresetRow
from napari_piximi.ui.rest import Pace, Rest
from napari_piximi.ui.scrolled import LowPage, scrolled
from napari_piximi.ui.settings_form import SettingsForm
from napari_piximi.ui.settings_split import SettingsSplit
from napari_piximi.ui.shown_names import one_line

if TYPE_CHECKING:
    from napari_piximi.ui.segmentation_panel import SegmentationPanel

__all__ = ["NETWORK_FIGURES", "NetworkPage"]

DELAY = 100
"""Milliseconds without another change before the page looks at the project again."""

UPPER_SHARE = 0.5
"""Of the height, what the settings get at most at first."""

NETWORK_FIGURES = CurveFigures(
    {"f1": "F1 at IoU 0.5", "iou": "IoU of the inside", "loss": "Loss"},
    ("f1", "iou"),
    {
        "F1, loss": ("f1", "loss"),
        "All": ("f1", "iou", "loss"),
        "F1": ("f1",),
        "IoU": ("iou",),
        "Loss": ("loss",),
    },
    "objects",
    "network/",
)

PRESETS: Mapping[str, UNetSettings] = {
    "Quick": UNetSettings(),
    "Thorough": UNetSettings(depth=4, filters=16, tile=128, epochs=150, patience=30),
    "First look": UNetSettings(epochs=15, tiles=32, patience=0),
}


class NetworkPage(QWidget):
    """Fit a network on the annotated objects of a kind.

    What is under way does not live here, so that this page may come and go.

    Parameters
    ----------
    panel : SegmentationPanel
        Gives `workspace`, `choice`, and `listen` for signals.
    """

    def __init__(self, panel: "SegmentationPanel") -> None:
        super().__init__(panel)
        self.panel, self.workspace = panel, panel.workspace
        self.choice = network_choice_of(self.workspace)
        self.fitting = network_fitting_of(self.workspace)
        self.picker = NetworkPicker(self.choice)
        self.presets = PresetRow(unet_presets, suited_preset)
        self.form = SettingsForm(self.choice.settings, key="network/group/")
        self.troubles = TroubleLine(self._mend)
        self.buttons = FitActions("annotations")
        self.outcome = NetworkOutcome()
        self.device = DeviceButton(self.workspace.learning)
        self.curves = CurvesView(NETWORK_FIGURES)
        self._runs: list[Curves] = []
        self._known: tuple[object, tuple[Trouble, ...]] = (None, ())
        self._rest = Rest(self.refresh, DELAY, self)
        self._pace = Pace(self._progressed, owner=self)
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 4, 2, 0)
        for part in (self.picker, self.presets, self.form):
            column.addWidget(part)
        area = scrolled(inner, 120)
        lower = QWidget()
        bottom = QVBoxLayout(lower)
        bottom.setContentsMargins(0, 2, 0, 0)
        bottom.setSpacing(4)
        for widget in (self.troubles, self.buttons, self.outcome, self.device):
            bottom.addWidget(widget)
        bottom.addWidget(self.curves, 1)
        self._inner = inner
        self.splitter = SettingsSplit(area, lower, area, self.form, self._needed, UPPER_SHARE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(LowPage(self.splitter))

    def _connect(self) -> None:
        listen, workspace = self.panel.listen, self.workspace
        listen(self.choice.changed, self._ask_soon)
        listen(workspace.changed, self._project_changed)
        listen(workspace.gallery.arranged, self._ask_soon)
        listen(workspace.learning.device_changed, self._ask_soon)
        listen(self.fitting.changed, self.refresh)
        listen(self.fitting.progressed, self._pace.ask)
        self.presets.chosen.connect(self._take_settings)
        self.presets.reset.connect(self.form.reset)
        self.form.edited.connect(self._take_settings)
        self.buttons.fit.connect(self.fit)
        self.buttons.more.connect(self.go_on)
        self.buttons.stop.connect(self.fitting.stop)
        self.curves.runs.delete_asked.connect(self._delete_run)
        self.outcome.use.connect(self.find_with_it)
        self.outcome.judge.connect(self.judge_it)
        keys_within(self, FIT_KEYS, self.buttons.button.click)

    # --- what is shown -------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._rest.forget()
        settings, chosen = self.choice.settings, self.choice.network
        fixed = FIXED if chosen is not None else ()
        reference = UNetSettings() if chosen is None else chosen.settings
        self.picker.refresh()
        self.form.show_settings(settings, reference, fixed)
        self.presets.show_settings(settings, settings != reference, fixed)
        found = self.found()
        own = self.fitting.trouble
        self.troubles.show_troubles((own, *found) if own is not None else found)
        self._show_actions(chosen, found)
        self._show_curves(chosen)

    def found(self) -> tuple[Trouble, ...]:
        """Return what would stop or spoil a fit."""
        choice, project = self.choice, self.workspace.project
        key = (
            project.things,
            project.kinds,
            choice.kind,
            choice.settings,
            choice.channels,
            choice.network,
        )
        if not _same(self._known[0], key):
            base = choice.network if self._can_continue else None
            troubles = network_troubles(
                project, choice.kind, choice.settings, choice.channels, base
            )
            self._known = key, troubles
        return self._known[1]

    @property
    def _can_continue(self) -> bool:
        chosen = self.choice.network
        return chosen is not None and chosen.model is not None

    def _show_actions(self, chosen: SegmentationNetwork | None, found: tuple[Trouble, ...]) -> None:
        current = self.fitting.current
        why = next((trouble.text for trouble in found if trouble.severity == "stop"), "")
        possible = not why
        self.buttons.show_fit(
            current,
            self.choice.name,
            anew=chosen is not None and bool(chosen.runs),
            can_fit=possible,
            can_go_on=possible if self._can_continue else None,
            why=why,
        )
        self.device.show_device(self.workspace.learning.device, fixed=current is not None)
        self.outcome.show_outcome(chosen, running=current is not None)

    def _show_curves(self, chosen: SegmentationNetwork | None) -> None:
        name = None if chosen is None else chosen.name
        self._runs = same_curves(self._runs, curves_of(self.choice.networks, name))
        self._draw()

    def _draw(self) -> None:
        fit = self.fitting.live(self.choice.kind)
        self.curves.show_curves(self._runs if fit is None else [live_curves(fit), *self._runs])

    def _progressed(self) -> None:
        if self.isVisible():
            self._draw()

    # --- what the user does ----------------------------------------------------------------------

    def fit(self) -> None:
        """Fit a new network, or the chosen one from its beginning."""
        self._start(None)

    def go_on(self) -> None:
        """Fit the chosen network further."""
        self._start(self.choice.network)

    def _start(self, base: SegmentationNetwork | None) -> None:
        choice = self.choice
        if base is None:
            choice.remember_fit()
        self.fitting.start(choice.kind, choice.settings, choice.channels, choice.name, base)

    def find_with_it(self) -> None:
        """Set the page *Find objects* to the chosen network, and show it."""
        chosen = self.choice.network
        if chosen is not None:
            self.panel.choice.choose("own")
            self.panel.choice.choose_network(chosen.name)
            self.panel.choice.set_kind(self.workspace.project.kind_name(chosen.kind))
            self.panel.page("Find objects")

    def judge_it(self) -> None:
        """Show the page *Evaluate*, set to the chosen network."""
        from napari_piximi.ui.score_page import ScorePage

        page = self.panel.page("Evaluate")
        assert isinstance(page, ScorePage)
        if self.choice.network is not None:
            page.form.choose_network(self.choice.network.name)

    def _take_settings(self, settings: UNetSettings) -> None:
        self.choice.set_settings(settings)
        self.refresh()

    def _mend(self, remedy: Remedy) -> None:
        if remedy.action == "find":
            self.panel.page("Find objects")
        elif remedy.action == "new":
            self.choice.choose(None)
        else:
            self.fitting.forget_trouble()
            self._take_settings(replace(self.choice.settings, **remedy.changes))
            self.fit()

    def _delete_run(self, key: tuple[str, str, int]) -> None:
        _, name, number = key
        label = f"Delete fit {number + 1} of {one_line(name)}"
        self.workspace.edit(label, edits.delete_network_run, name, number)

    # --- what has changed ------------------------------------------------------------------------

    def _project_changed(self, before: Project, after: Project) -> None:
        if before.things is not after.things or before.kinds is not after.kinds:
            self._ask_soon()

    def _ask_soon(self, *_: object) -> None:
        if self.isVisible():
            self._rest.ask()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Show what went on out of sight."""
        super().showEvent(event)
        self.curves.set_theme(self.workspace.viewer.theme)
        self.refresh()
        self.splitter.share_once()
        self.workspace.learning.warm()

    def _needed(self) -> int:
        """Return the height that the settings need."""
        return self._inner.sizeHint().height() + 8

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        style = event is not None and event.type() == QEvent.Type.StyleChange
        if style and hasattr(self, "curves"):
            self.curves.set_theme(self.workspace.viewer.theme)


def unet_presets() -> Mapping[str, UNetSettings]:
    """Return the presets of a U-Net, the settings of the last fit among them."""
    last = last_unet_settings()
    return PRESETS if last is None else {**PRESETS, LAST: last}


def suited_preset(preset: UNetSettings, settings: UNetSettings) -> UNetSettings:
    """Let a preset keep the seed."""
    return replace(preset, seed=settings.seed)


def _same(known: object, key: tuple[object, ...]) -> bool:
    """Tell whether all parts of a key are the same; things are compared by identity."""
    if not isinstance(known, tuple):
        return False
    return all(
        a is b or (not isinstance(a, Mapping) and a == b) for a, b in zip(known, key, strict=True)
    )
