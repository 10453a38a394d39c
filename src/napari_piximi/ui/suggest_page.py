"""The Next page of the Classifier dock: what to label next, and which labels look wrong."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.learn.label_errors import Suspicions
from napari_piximi.model.gallery import Ranking, SortKey
from napari_piximi.model.project import Project
from napari_piximi.model.query import renewed
from napari_piximi.ui import preferences
from napari_piximi.ui.docks import show_dock
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.learning import needs_keras
from napari_piximi.ui.obstacle_line import ObstacleLine
from napari_piximi.ui.predicting import Asked, Obstacle
from napari_piximi.ui.progress_bar import ProgressBar
from napari_piximi.ui.push_button import push_button
from napari_piximi.ui.rest import Rest
from napari_piximi.ui.shown_names import breakable, one_line
from napari_piximi.ui.suggesting import rank_obstacle, suspect_obstacle
from napari_piximi.ui.suspicious_list import SuspiciousList
from napari_piximi.ui.wrapped_label import wrapped_label

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["METHODS", "SuggestPage"]

SUSPICIOUS = "Suspicious labels"
METHODS = {
    "Uncertain (margin)": ("margin", "First those where the two likeliest categories are closest."),
    "Uncertain (entropy)": ("entropy", "First those that the model spreads over most categories."),
    "Diverse": ("diverse", "First those that differ most from each other, for the model's eye."),
    "Mixed": ("mixed", "First those that are uncertain, and differ from each other as well."),
    SUSPICIOUS: (
        "suspicious",
        "Fits five models, each without a fifth of the labels, and lists the labels in that "
        "fifth that look wrong to it.",
    ),
}
UNLABELLED, ALL = "Things without a label", "All things"
METHOD, AMONG, COUNT = "suggest/method", "suggest/among", "suggest/count"
RANK, SUSPECT = "napari_piximi.learn.next_steps:rank", "napari_piximi.learn.next_steps:suspect"
FOLDS = 5
DELAY = 60
"""Milliseconds without another change before the page looks at the project again."""


class SuggestPage(QWidget):
    """Ranks the gallery by what is worth labelling next, and finds labels that look wrong.

    Parameters
    ----------
    panel : ClassifierPanel
        Gives `workspace`, `learning`, `choice`, and `listen` for signals.
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__(panel)
        self.panel = panel
        self.job: Job | None = None
        self._kind = panel.choice.kind
        self._soon = Rest(self.refresh, DELAY, self)
        self.method, self.among = ElidedBox(), ElidedBox()
        self.explanation, self.outcome = wrapped_label(), wrapped_label()
        self.line = ObstacleLine(panel)
        self.start = push_button("Suggest", "Sort the gallery by what is worth labelling next")
        self.bar = ProgressBar()
        self.bar.setAccessibleName("Progress of the suggestions")
        self.count = QSpinBox()
        self.select = push_button("Select", "Select the first of the suggestions in the gallery")
        self.suspicious = SuspiciousList(panel.workspace)
        self.map = push_button(
            "Open feature map", "See all things as points, by what the model sees"
        )
        self._set_up()
        self._lay_out()
        self._connect()
        self.refresh()

    # --- parts ---------------------------------------------------------------------------------

    def _set_up(self) -> None:
        self.method.addItems(list(METHODS))
        self.method.setCurrentText(preferences.get(METHOD, next(iter(METHODS))))
        self.method.setAccessibleName("What to suggest")
        self.method.setToolTip("What to suggest")
        self.among.addItems([UNLABELLED, ALL])
        self.among.setCurrentText(preferences.get(AMONG, UNLABELLED))
        self.among.setAccessibleName("Among which things")
        self.among.setToolTip("Among which things to look")
        self.count.setRange(1, 1000)
        self.count.setValue(preferences.get(COUNT, 20))
        self.count.setAccessibleName("How many to label next")
        self.count.setToolTip("How many you label at a time; so many are spread out")

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for choice in (self.method, self.among):
            choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        form.addRow("What", self.method)
        form.addRow("", self.explanation)
        form.addRow("Among", self.among)
        self._form = form
        batch = QHBoxLayout()
        batch.addWidget(QLabel("Label next"))
        batch.addWidget(self.count)
        batch.addWidget(self.select, 1)
        self._batch = QWidget()
        self._batch.setLayout(batch)
        batch.setContentsMargins(0, 0, 0, 0)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 6, 2, 2)
        layout.addLayout(form)
        for part in (self.line, self.start, self.bar, self.outcome, self._batch):
            layout.addWidget(part)
        layout.addWidget(self.suspicious, 1)
        layout.addStretch(0)
        layout.addWidget(line)
        layout.addWidget(self.map)

    def _connect(self) -> None:
        panel = self.panel
        self.method.currentTextChanged.connect(self._choose)
        self.among.currentTextChanged.connect(self._choose_among)
        self.count.valueChanged.connect(self._recount)
        self.start.clicked.connect(lambda _: self.suggest())
        self.select.clicked.connect(lambda _: self.select_batch())
        self.map.clicked.connect(lambda _: show_dock(panel.workspace, "Feature map"))
        self.suspicious.picked.connect(self._follow)
        panel.listen(panel.choice.changed, self.refresh)
        panel.listen(panel.workspace.changed, self._project_changed)
        panel.listen(panel.workspace.opened, self._forget)
        panel.listen(panel.workspace.gallery.arranged, self._refresh_soon)

    # --- what is shown -------------------------------------------------------------------------

    @property
    def obstacle(self) -> Obstacle | None:
        """Why nothing can be suggested now; None where it can."""
        workspace, choice = self.panel.workspace, self.panel.choice
        if self.method.currentText() == SUSPICIOUS:
            return suspect_obstacle(workspace, choice.kind, choice.settings)
        asked = Asked.WAITING if self.among.currentText() == UNLABELLED else Asked.ALL
        return rank_obstacle(workspace, choice.kind, choice.classifier, asked)

    @property
    def working(self) -> bool:
        """Whether suggestions are being worked out."""
        return self.job is not None and self.job.running

    def refresh(self) -> None:
        """Show what can be done now."""
        self._soon.forget()
        choice, text = self.panel.choice, self.method.currentText()
        if choice.kind != self._kind:
            self._kind = choice.kind
            self._forget()
        wrong = text == SUSPICIOUS
        obstacle = None if self.working else self.obstacle
        self.explanation.setText(METHODS[text][1])
        self._form.setRowVisible(self.among, not wrong)
        self.line.show_obstacle(obstacle)
        self.start.setVisible(obstacle is None)
        self._write_start(wrong)
        self.bar.setVisible(self.working)
        ranking = self.panel.workspace.gallery.query.ranking
        self._batch.setVisible(ranking is not None and not wrong)
        self._recount()
        self.outcome.setVisible(bool(self.outcome.text()))
        self.suspicious.setVisible(wrong)

    def _write_start(self, wrong: bool) -> None:
        says = "Sort the gallery by what is worth labelling next"
        text = "Suggest"
        if self.working:
            text, says = "Cancel", "Stop; the gallery stays as it is"
        elif wrong:
            text, says = "Find them", "List labels that look wrong; this takes as long as five fits"
        self.start.setText(text)
        self.start.setToolTip(says)
        self.start.setAccessibleName(says)

    def _choose_among(self, text: str) -> None:
        preferences.put(AMONG, text)
        self.refresh()

    def _choose(self, text: str) -> None:
        preferences.put(METHOD, text)
        self.outcome.clear()
        self.refresh()

    def _recount(self, *_: object) -> None:
        preferences.put(COUNT, self.count.value())
        self.select.setText("Select these")
        first = f"Select the first {self.count.value():,} of the suggestions in the gallery"
        self.select.setToolTip(first)
        self.select.setAccessibleName(first)

    def _project_changed(self, before: Project, after: Project) -> None:
        if before.things is not after.things or before.categories is not after.categories:
            self.suspicious.refresh()
        self._refresh_soon()

    def _refresh_soon(self) -> None:
        if self.isVisible():
            self._soon.ask()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Show what went on out of sight."""
        super().showEvent(event)
        self.refresh()

    def _forget(self) -> None:
        self.outcome.clear()
        self.suspicious.show_suspicions(Suspicions((), 0, 0.0))

    # --- what the user does --------------------------------------------------------------------

    def suggest(self) -> Job | None:
        """Work out suggestions; while it does, stop it."""
        if self.working and self.job is not None:
            self.job.cancel()
            return None
        if self.obstacle is not None:
            self.refresh()
            return None
        job = self._suspect() if self.method.currentText() == SUSPICIOUS else self._rank()
        if job is not None:
            self.job = job
            self.outcome.clear()
            self.bar.show_busy()
            job.progressed.connect(self._advance)
            job.finished.connect(self.refresh)
            self.refresh()
        return job

    def select_batch(self) -> None:
        """Select the first things on show."""
        gallery = self.panel.workspace.gallery
        first = list(gallery.ids[: self.count.value()])
        gallery.select(first, next(iter(first), None))

    def _rank(self) -> Job | None:
        choice, workspace = self.panel.choice, self.panel.workspace
        classifier, kind = choice.classifier, choice.kind
        if classifier is None or classifier.model is None:
            return None
        unlabelled = self.among.currentText() == UNLABELLED
        return self.panel.learning.run(
            "Rank things", RANK, workspace.project, kind, replace(classifier, kind=kind),
            METHODS[self.method.currentText()][0], unlabelled=unlabelled,
            count=self.count.value(), seed=classifier.settings.seed,
            keras=needs_keras(classifier),
            done=lambda ranking: self.show_ranking(kind, ranking, unlabelled=unlabelled),
        )  # fmt: skip

    def _suspect(self) -> Job:
        choice, kind = self.panel.choice, self.panel.choice.kind
        settings = choice.settings
        return self.panel.learning.run(
            "Find suspicious labels", SUSPECT, self.panel.workspace.project, kind, kind, settings,
            folds=FOLDS, keras=needs_keras(settings),
            done=lambda found: self.show_suspicions(kind, found),
        )  # fmt: skip

    def show_ranking(self, kind: str, ranking: Ranking, *, unlabelled: bool) -> None:
        """Sort the gallery by a ranking, and select its first thing."""
        if self._sort(kind, ranking):
            gallery = self.panel.workspace.gallery
            if unlabelled:
                gallery.set_query(replace(gallery.query, labelled=False))
            gallery.select(list(gallery.ids[:1]))
            things = "1 thing" if len(ranking.ids) == 1 else f"{len(ranking.ids):,} things"
            self.outcome.setText(f"{things} ranked. The gallery shows the most worthwhile first.")
        self.refresh()

    def show_suspicions(self, kind: str, found: Suspicions) -> None:
        """List suspicious labels, and show their things in the gallery."""
        ids = tuple(suspicion.thing for suspicion in found.found)
        scores = np.array([1 - suspicion.self_confidence for suspicion in found.found])
        things = self.panel.workspace.project.things
        if any(key in things for key in ids) and self._sort(
            kind, Ranking("suspicious label", ids, scores)
        ):
            gallery = self.panel.workspace.gallery
            gallery.set_query(replace(gallery.query, only=frozenset(ids)))
        self.suspicious.show_suspicions(found)
        self.refresh()

    def _sort(self, kind: str, ranking: Ranking) -> bool:
        """Sort the gallery by a ranking, without filters; tell whether the kind is still there."""
        gallery = self.panel.workspace.gallery
        if kind not in gallery.project.kinds:
            return False
        query = renewed(gallery.query, kind)
        gallery.set_query(replace(query, sort=SortKey.SUGGESTED, descending=False, ranking=ranking))
        return True

    def _follow(self, thing: str) -> None:
        """Select in the gallery what is current in the list."""
        gallery = self.panel.workspace.gallery
        if gallery.row(thing) is not None and gallery.selection != {thing}:
            gallery.select([thing], thing)

    def _advance(self, done: int, total: int, message: str, _values: object) -> None:
        self.bar.show_progress(done, total, one_line(message, 40).replace("%", "%%"))
        self.bar.setToolTip(breakable(message))
