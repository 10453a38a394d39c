"""The Evaluate page of the Classifier dock."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_piximi.model.edits import delete_evaluation
from napari_piximi.model.project import Project
from napari_piximi.ui.evaluate_form import EvaluateForm
from napari_piximi.ui.evaluating import Evaluating
from napari_piximi.ui.evaluation_view import EvaluationView
from napari_piximi.ui.evaluations_list import EvaluationsList, Kept, kept_of
from napari_piximi.ui.rest import Rest
from napari_piximi.ui.scrolled import scroll_all
from napari_piximi.ui.wrapped_label import notice

if TYPE_CHECKING:
    from napari_piximi.model.evaluation import Evaluation
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["EvaluatePage"]

LATER = 150
"""Milliseconds after the last edit before the page follows it."""
NONE = "No evaluation is kept yet. Choose things above and press Evaluate."
NONE_OF_THIS = (
    "This model has not been evaluated yet: choose things above and press Evaluate, or choose "
    "another model's line in the list."
)


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
        self.empty = notice(NONE)
        self.to_fit = QPushButton("Go to Fit")
        self.to_fit.setToolTip("Fit a model on what is labelled")
        self.to_fit.setAccessibleName("Go to Fit")
        self._wanted: Evaluation | None = None
        self._newest: tuple[str | None, Evaluation | None] = None, None
        self._soon = Rest(self.form.refresh, LATER, self)
        self._lay_out()
        self.to_fit.clicked.connect(lambda _: panel.page("Fit"))
        self.list.chosen.connect(self._choose)
        self.list.delete_asked.connect(self._delete)
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
        shown = self._followed(kept)
        self.list.show_kept(kept, self._wanted)
        self.list.setVisible(bool(kept))
        self.to_fit.setVisible(choice.classifier is None)
        self.empty.setText(NONE_OF_THIS if kept else NONE)
        self._show(shown, kept)

    def _lay_out(self) -> None:
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(2, 6, 2, 2)
        layout.addWidget(self.form)
        layout.addWidget(self.to_fit, 0, Qt.AlignmentFlag.AlignLeft)
        for part in (self.list, self.empty, self.view):
            layout.addWidget(part)
        layout.addStretch()
        scroll_all(self, inner)

    def _followed(self, kept: list[Kept]) -> Kept | None:
        """Return what is to be shown: what the user chose, or the newest of the chosen model.

        The newest one as soon as it is another, or another model is chosen, or what the user
        chose has gone; never another model's under the name of the chosen one.
        """
        chosen, before = self.panel.choice.classifier, self._newest
        newest = next((entry for entry in kept if entry.classifier is chosen), None)
        name = chosen.name if chosen is not None else None
        self._newest = name, newest.evaluation if newest is not None else None
        same = before[0] == name and before[1] is self._newest[1]
        wanted = (entry for entry in kept if entry.evaluation is self._wanted)
        shown = next(wanted, newest) if same else newest
        self._wanted = shown.evaluation if shown is not None else None
        return shown

    def _show(self, shown: Kept | None, kept: list[Kept]) -> None:
        self.view.setVisible(shown is not None)
        self.empty.setVisible(shown is None and self.panel.choice.classifier is not None)
        self.view.show_kept(shown, kept)

    def _choose(self, kept: Kept) -> None:
        self._wanted = kept.evaluation
        self._show(kept, self.list.kept)

    def _delete(self, kept: Kept) -> None:
        owner = kept.classifier
        index = [entry is kept.evaluation for entry in owner.evaluations].index(True)
        self.panel.workspace.edit(
            "Delete evaluation", delete_evaluation, owner.name, owner.kind, index
        )

    def _project_changed(self, before: Project, after: Project) -> None:
        if before.categories is not after.categories or before.kinds is not after.kinds:
            self.refresh()
        elif before.things is not after.things:
            self._soon.ask()
