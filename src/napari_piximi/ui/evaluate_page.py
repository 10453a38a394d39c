"""The Evaluate page of the Classifier dock."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from napari_piximi.model.edits import delete_evaluation
from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.project import Project
from napari_piximi.ui.evaluate_form import EvaluateForm
from napari_piximi.ui.evaluating import Evaluating
from napari_piximi.ui.evaluation_view import EvaluationView
from napari_piximi.ui.evaluations_list import EvaluationsList, Kept, kept_of
from napari_piximi.ui.rest import Rest

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["EvaluatePage"]

LATER = 150
"""Milliseconds after the last edit before the page follows it."""


class EvaluatePage(QWidget):
    """Judge the chosen model, look at its errors, and compare it with others.

    Parameters
    ----------
    panel : ClassifierPanel
        Gives `workspace`, `learning`, `choice`, and `listen` for signals.
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__(panel)
        self.panel = panel
        self.evaluating = Evaluating(panel.workspace, panel.learning)
        self.form = EvaluateForm(panel.workspace, panel.choice, self.evaluating)
        self.list = EvaluationsList()
        self.view = EvaluationView(panel.workspace)
        self.empty = QLabel("No evaluation is kept yet. Choose things above and press Evaluate.")
        self.empty.setWordWrap(True)
        self.empty.setMinimumWidth(100)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.to_fit = QPushButton("Go to Fit")
        self.to_fit.setToolTip("Fit a model on what is labelled")
        self.to_fit.setAccessibleName("Go to Fit")
        self._wanted: Evaluation | None = None
        self._soon = Rest(self.form.refresh, LATER, self)
        self._lay_out()
        self.to_fit.clicked.connect(lambda _: panel.page("Fit"))
        self.list.chosen.connect(self._choose)
        self.list.delete_asked.connect(self._delete)
        panel.listen(self.evaluating.kept, self._kept)
        panel.listen(self.evaluating.changed, self.form.begun_or_ended)
        panel.listen(panel.choice.changed, self.refresh)
        panel.listen(panel.workspace.changed, self._project_changed)
        panel.listen(panel.workspace.gallery.arranged, self._soon.ask)
        self.refresh()

    def refresh(self) -> None:
        """Draw what holds now."""
        self.form.refresh()
        choice = self.panel.choice
        kept = kept_of(choice.classifiers, choice.classifier)
        shown = next((entry for entry in kept if entry.evaluation is self._wanted), None)
        shown = shown or next(iter(kept), None)
        self._wanted = shown.evaluation if shown else None
        self.list.show_kept(kept, self._wanted)
        for part in (self.list, self.view):
            part.setVisible(bool(kept))
        self.to_fit.setVisible(choice.classifier is None)
        self.empty.setVisible(not kept and choice.classifier is not None)
        self.view.show_kept(shown, kept)

    def _lay_out(self) -> None:
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(2, 6, 2, 2)
        layout.addWidget(self.form)
        layout.addWidget(self.to_fit, 0, Qt.AlignmentFlag.AlignLeft)
        for part in (self.list, self.empty, self.view):
            layout.addWidget(part)
        layout.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def _choose(self, kept: Kept) -> None:
        self._wanted = kept.evaluation
        self.view.show_kept(kept, self.list.kept)

    def _delete(self, kept: Kept) -> None:
        owner = kept.classifier
        index = [entry is kept.evaluation for entry in owner.evaluations].index(True)
        self.panel.workspace.edit(
            "Delete evaluation", delete_evaluation, owner.name, owner.kind, index
        )

    def _kept(self, evaluation: Evaluation) -> None:
        self._wanted = evaluation
        self.refresh()

    def _project_changed(self, before: Project, after: Project) -> None:
        if before.categories is not after.categories or before.kinds is not after.kinds:
            self.refresh()
        elif before.things is not after.things:
            self._soon.ask()
