"""The Fit page of the Classifier dock: settings, what would stop a fit, the fit, its curves."""

from dataclasses import replace
from secrets import randbelow
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_piximi.learn.plans import INPUT_SETTINGS
from napari_piximi.learn.readiness import Remedy, Trouble, readiness
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.model.training import FOREST, GRAPH_FORMAT, Classifier, Settings
from napari_piximi.ui.compare_row import CompareRow, FollowRow
from napari_piximi.ui.comparing import comparing_of
from napari_piximi.ui.curve_data import Curves, live_curves, runs_of, same_curves
from napari_piximi.ui.curves import CurvesView
from napari_piximi.ui.device_button import DeviceButton
from napari_piximi.ui.fit_actions import FIT_KEYS, FitActions
from napari_piximi.ui.fit_outcome import FitOutcome
from napari_piximi.ui.fit_trouble import TroubleLine
from napari_piximi.ui.fitting import fitting_of
from napari_piximi.ui.keys_within import keys_within
from napari_piximi.ui.predicting import Asked, asked_count
from napari_piximi.ui.preset_row import PresetRow
from napari_piximi.ui.refitting import refitting_of
from napari_piximi.ui.remedies import apply_remedy
from napari_piximi.ui.rest import Pace, Rest
from napari_piximi.ui.scrolled import LowPage, scrolled
from napari_piximi.ui.settings_form import SettingsForm
from napari_piximi.ui.settings_split import SettingsSplit
from napari_piximi.ui.shown_names import one_line

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["FitPage"]

DELAY = 60
"""Milliseconds without another change before the page looks at the project again."""


class FitPage(QWidget):
    """Fit a model of the kind on show.

    What is under way does not live here, so that this page may come and go.

    Parameters
    ----------
    panel : ClassifierPanel
        Gives `workspace`, `learning`, `choice`, and `listen` for signals.
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__(panel)
        self.panel, self.workspace, self.choice = panel, panel.workspace, panel.choice
        self.fitting = fitting_of(self.workspace)
        self.comparing = comparing_of(self.workspace)
        self.refitting = refitting_of(self.workspace)
        self.presets = PresetRow()
        self.form = SettingsForm(self.choice.settings)
        self.troubles = TroubleLine(self._mend)
        self.buttons = FitActions()
        self.compare = CompareRow(self.comparing)
        self.follow = FollowRow()
        self.outcome = FitOutcome()
        self.device = DeviceButton(panel.learning)
        self.seed = QPushButton()
        self.curves = CurvesView()
        self._runs: list[Curves] = []
        self._rest = Rest(self.refresh, DELAY, self)
        self._pace = Pace(self._progressed, owner=self)
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        area = self.area = scrolled(self.form, 72)
        upper, lower = QWidget(), QWidget()
        top = QVBoxLayout(upper)
        top.setContentsMargins(0, 4, 0, 0)
        top.addWidget(self.presets)
        top.addWidget(area, 1)
        line = QHBoxLayout()
        line.addWidget(self.device, 1)
        line.addWidget(self.seed)
        bottom = QVBoxLayout(lower)
        bottom.setContentsMargins(0, 2, 0, 0)
        bottom.setSpacing(4)
        for part in (self.troubles, self.buttons, self.outcome):
            bottom.addWidget(part)
        bottom.addLayout(line)
        bottom.addWidget(self.follow)
        bottom.addWidget(self.compare)
        bottom.addWidget(self.curves, 1)
        self.splitter = SettingsSplit(upper, lower, area, self.form, self._needed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(LowPage(self.splitter))

    def _connect(self) -> None:
        listen = self.panel.listen
        listen(self.choice.changed, self._rest.ask)
        listen(self.workspace.changed, self._project_changed)
        listen(self.workspace.gallery.arranged, self._rest.ask)
        listen(self.fitting.changed, self.refresh)
        listen(self.fitting.progressed, self._pace.ask)
        listen(self.comparing.changed, self._rest.ask)
        listen(self.refitting.changed, self._rest.ask)
        listen(self.panel.learning.device_changed, self._rest.ask)
        self.presets.chosen.connect(self._take_settings)
        self.presets.reset.connect(self.form.reset)
        self.form.edited.connect(self._take_settings)
        self.buttons.fit.connect(self.fit)
        self.buttons.more.connect(self.go_on)
        self.buttons.stop.connect(self.fitting.stop)
        self.curves.runs.delete_asked.connect(self._delete_run)
        self.outcome.predict.connect(self._predict_rest)
        self.compare.compare.clicked.connect(self._compare)
        self.compare.use.clicked.connect(self._use_better)
        self.follow.follow.toggled.connect(self._follow)
        self.follow.predict.toggled.connect(self._predict_too)
        self.seed.clicked.connect(self._new_seed)
        self.keys = keys_within(self, FIT_KEYS, self.buttons.button.click)

    # --- what is shown -------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._rest.forget()
        settings, chosen = self.choice.settings, self.choice.classifier
        fixed = INPUT_SETTINGS if chosen is not None else ()
        self.form.show_settings(settings, self._reference(chosen, settings), fixed)
        self.presets.show_settings(settings, settings != self.form.reference, fixed)
        anew = self.found(None)
        further = self.found(chosen) if self._can_continue(chosen) else None
        self._show_troubles(chosen, anew, further)
        possible, more = _possible(anew), None if further is None else _possible(further)
        stops = (t.text for t in (*anew, *(further or ())) if t.severity == "stop")
        self._show_actions(chosen, possible and not _is_graph(chosen), more, next(stops, ""))
        running = self.fitting.current is not None
        is_new = chosen is None
        self.compare.show_state(self.choice.kind, settings, can_fit=possible, is_new=is_new)
        self._show_following(settings, possible and not running)
        self._show_curves()

    def found(self, base: Classifier | None) -> tuple[Trouble, ...]:
        """Return what would stop or spoil a fit."""
        gallery, project = self.workspace.gallery, self.workspace.project
        kind = self.choice.kind
        counts = gallery.counts() if gallery.columns.kind == kind else None
        return readiness(project, kind, self.choice.settings, base, counts)

    def _reference(self, chosen: Classifier | None, settings: Settings) -> Settings:
        """Return what settings are marked against: the model's own, or our defaults."""
        if chosen is not None:
            return chosen.settings
        return replace(Settings(), architecture=settings.architecture)

    def _can_continue(self, chosen: Classifier | None) -> bool:
        return chosen is not None and chosen.settings.architecture != FOREST

    def _show_troubles(
        self,
        chosen: Classifier | None,
        anew: tuple[Trouble, ...],
        further: tuple[Trouble, ...] | None,
    ) -> None:
        found = anew if further is None else further
        own = self.fitting.trouble
        self.troubles.show_troubles((own, *found) if own is not None else found)

    def _show_actions(
        self, chosen: Classifier | None, can_fit: bool, more: bool | None, why: str
    ) -> None:
        current = self.fitting.current
        settings = self.choice.settings
        self.buttons.show_fit(
            current,
            self.choice.name,
            anew=chosen is not None and bool(chosen.runs),
            can_fit=can_fit,
            can_go_on=more,
            why=why,
        )
        forest = settings.architecture == FOREST
        device = "CPU" if forest else self.panel.learning.device
        self.device.show_device(device, fixed=forest or current is not None)
        waiting = asked_count(self.workspace, Asked.WAITING)
        self.outcome.show_outcome(chosen, waiting, running=current is not None)
        self.seed.setText(f"Seed {settings.seed}")
        self.seed.setToolTip("The same seed gives the same result; press for another one")
        self.seed.setAccessibleName(f"New seed; now {settings.seed}")

    def _show_following(self, settings: Settings, possible: bool) -> None:
        followed = self.refitting.followed
        self.follow.show_state(
            shown=settings.architecture == FOREST,
            follows=followed is not None and followed[0] == self.choice.kind,
            predicts=self.refitting.predicts,
            possible=possible,
        )

    def _show_curves(self) -> None:
        project, kind = self.workspace.project, self.choice.kind
        name = self.choice.classifier.name if self.choice.classifier is not None else None
        self._runs = same_curves(self._runs, runs_of(project, kind, name))
        self._draw()

    def _draw(self) -> None:
        fit = self.fitting.live(self.choice.kind)
        self.curves.show_curves(self._runs if fit is None else [live_curves(fit), *self._runs])

    def _progressed(self) -> None:
        if self.isVisible():
            self._draw()

    def _project_changed(self, before: Project, after: Project) -> None:
        self._rest.ask()

    def _needed(self) -> int:
        """Return the height that the settings need."""
        return self.form.sizeHint().height() + self.presets.sizeHint().height() + 16

    # --- what the user does ----------------------------------------------------------------------

    def fit(self) -> None:
        """Fit a new model, or the chosen one from its beginning."""
        self.fitting.start(self.choice.kind, self.choice.settings, self.choice.name)

    def go_on(self) -> None:
        """Fit the chosen model further."""
        chosen = self.choice.classifier
        self.fitting.start(self.choice.kind, self.choice.settings, self.choice.name, chosen)

    def _predict_rest(self) -> None:
        from napari_piximi.ui.predict_page import PredictPage

        page = self.panel.page("Predict")
        assert isinstance(page, PredictPage)
        page.ask.predict(Asked.WAITING)

    def _take_settings(self, settings: Settings) -> None:
        self.choice.set_settings(settings)
        self.refresh()

    def _new_seed(self) -> None:
        self._take_settings(replace(self.choice.settings, seed=randbelow(1_000_000)))

    def _mend(self, remedy: Remedy) -> None:
        apply_remedy(remedy, self)

    def _compare(self) -> None:
        if self.comparing.job is not None:
            self.comparing.stop()
        else:
            self.comparing.start(self.choice.kind, self.choice.settings)

    def _use_better(self) -> None:
        if self.compare.better is not None:
            self.choice.choose(None)
            self._take_settings(self.compare.better)

    def _follow(self, checked: bool) -> None:
        if checked:
            self.refitting.follow(self.choice.kind, self.choice.name, self.choice.settings)
        else:
            self.refitting.stop()

    def _predict_too(self, checked: bool) -> None:
        self.refitting.predicts = checked

    # --- events --------------------------------------------------------------------------------

    def _delete_run(self, key: tuple[str, str, int]) -> None:
        kind, name, number = key
        label = f"Delete fit {number + 1} of {one_line(name)}"
        self.workspace.edit(label, edits.delete_run, name, kind, number)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Show what went on out of sight."""
        super().showEvent(event)
        self.curves.set_theme(self.workspace.viewer.theme)
        self.refresh()
        self.splitter.share_once()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        if (
            event is not None
            and event.type() == QEvent.Type.StyleChange
            and hasattr(self, "curves")
        ):
            self.curves.set_theme(self.workspace.viewer.theme)


def _possible(found: tuple[Trouble, ...]) -> bool:
    return all(trouble.severity != "stop" for trouble in found)


def _is_graph(chosen: Classifier | None) -> bool:
    model = chosen.model if chosen is not None else None
    return model is not None and model.document.get("format") == GRAPH_FORMAT
