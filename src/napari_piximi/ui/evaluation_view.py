"""One evaluation: its figures, its confusion matrix, and the things behind each cell."""

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.ui import preferences
from napari_piximi.ui.confusion_view import ConfusionView
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.evaluating import show_things
from napari_piximi.ui.evaluation_files import save_figures, save_picture
from napari_piximi.ui.evaluations_list import Kept
from napari_piximi.ui.figures_table import FiguresTable, shown_figure
from napari_piximi.ui.file_choice import choose_export
from napari_piximi.ui.judged_classes import JudgedClass, classes_of
from napari_piximi.ui.shown_names import breakable, one_line
from napari_piximi.ui.workspace import Workspace
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["EvaluationView", "headline"]

PERCENTAGES = "evaluate/percentages"
NO_IDS = (
    "Which things these were is not known for this evaluation (Piximi keeps figures only): "
    "evaluate again to look at the things."
)


def headline(evaluation: Evaluation, other: Evaluation | None = None) -> str:
    """Write the figures that are one number, with the differences to another evaluation."""

    def pair(value: float, before: float | None) -> str:
        return shown_figure(value, before)

    parts = [
        ("Accuracy", pair(evaluation.accuracy, other.accuracy if other else None)),
        (
            "balanced",
            pair(evaluation.balanced_accuracy, other.balanced_accuracy if other else None),
        ),
        ("cross-entropy", pair(evaluation.cross_entropy, other.cross_entropy if other else None)),
    ]
    things = int(evaluation.support.sum())
    counted = "1 thing" if things == 1 else f"{things:,} things"
    return " · ".join([*(f"{name} {text}" for name, text in parts), counted])


class EvaluationView(QWidget):
    """Show an evaluation that is kept, beside another one if that is wished.

    Parameters
    ----------
    workspace : Workspace
        Its gallery shows the things of a cell.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.kept: Kept | None = None
        self._others: list[Kept] = []
        self._classes: tuple[JudgedClass, ...] = ()
        self.compare = ElidedBox()
        self.figures = wrapped_label(least=100)
        self.percentages = QCheckBox("% of row")
        self.right = QPushButton("Right ones")
        self.errors = QPushButton("All errors")
        self.matrix = ConfusionView()
        self.caption = wrapped_label(least=100)
        self.other_title = wrapped_label(least=100)
        self.other_matrix = ConfusionView()
        self.table = FiguresTable()
        self.averages = FiguresTable(averages=True)
        self.export_figures = QPushButton("Export figures…")
        self.export_picture = QPushButton("Export matrix…")
        self._set_up()
        self._lay_out()
        self._connect()

    def show_kept(self, kept: Kept | None, others: Sequence[Kept]) -> None:
        """Show an evaluation, or none; the others can be compared with it."""
        before = self._compared()
        self.kept = kept
        self._others = [
            entry for entry in others if kept and entry.evaluation is not kept.evaluation
        ]
        self.compare.blockSignals(True)
        self.compare.clear()
        self.compare.addItem("Compare with …")
        self.compare.addItems([one_line(entry.summary, 80) for entry in self._others])
        same = [
            i
            for i, entry in enumerate(self._others)
            if before and entry.evaluation is before.evaluation
        ]
        self.compare.setCurrentIndex(same[0] + 1 if same else 0)
        self.compare.blockSignals(False)
        self.compare.setVisible(bool(self._others))
        self._show()

    # --- within ------------------------------------------------------------------------------

    def _set_up(self) -> None:
        self.compare.setAccessibleName("Another evaluation to compare with")
        self.compare.setToolTip(
            "Show another evaluation below, and mark what is better (▲) or worse (▼) than there"
        )
        self.compare.setMinimumContentsLength(10)
        self.compare.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.percentages.setToolTip("Write per cent of each row instead of counts")
        self.percentages.setAccessibleName("Per cent of each row instead of counts")
        self.percentages.setChecked(preferences.get(PERCENTAGES, False))
        self.errors.setToolTip("Show all things that were predicted wrong in the gallery")
        self.right.setToolTip("Show all things that were predicted right in the gallery")
        self.export_figures.setToolTip("Write all figures and the matrix as CSV")
        self.export_picture.setToolTip("Write the matrix as a picture (PNG)")
        for button in (self.errors, self.right, self.export_figures, self.export_picture):
            button.setAccessibleName(button.toolTip())
        self.figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.figures.setAccessibleName("Overall figures")
        self.caption.setAccessibleName("What the gallery shows of this evaluation")
        for matrix in (self.matrix, self.other_matrix):
            matrix.set_percentages(self.percentages.isChecked())

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.addWidget(QLabel("True ↓  predicted →"), 1)
        tools.addWidget(self.percentages)
        exports = QGridLayout()
        for column, button in enumerate((self.errors, self.right)):
            exports.addWidget(button, 0, column)
        for column, button in enumerate((self.export_figures, self.export_picture)):
            exports.addWidget(button, 1, column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.compare)
        layout.addWidget(self.figures)
        layout.addLayout(tools)
        layout.addWidget(self.matrix)
        layout.addWidget(self.caption)
        layout.addLayout(exports)
        for part in (self.other_title, self.other_matrix, self.table, self.averages):
            layout.addWidget(part)

    def _connect(self) -> None:
        self.compare.currentIndexChanged.connect(lambda _: self._show())
        self.percentages.toggled.connect(self._set_percentages)
        self.matrix.asked.connect(lambda true, predicted: self._look(self.kept, true, predicted))
        self.other_matrix.asked.connect(
            lambda true, predicted: self._look(self._compared(), true, predicted)
        )
        self.errors.clicked.connect(lambda: self._look(self.kept, right=False))
        self.right.clicked.connect(lambda: self._look(self.kept, right=True))
        self.export_figures.clicked.connect(self._export_figures)
        self.export_picture.clicked.connect(self._export_picture)

    def _compared(self) -> Kept | None:
        row = self.compare.currentIndex() - 1
        return self._others[row] if 0 <= row < len(self._others) else None

    def _show(self) -> None:
        kept, other = self.kept, self._compared()
        project = self._workspace.project
        evaluation = kept.evaluation if kept else None
        self._classes = classes_of(project, kept.classifier, kept.evaluation) if kept else ()
        self.matrix.show_evaluation(evaluation, self._classes)
        for part in (self.other_title, self.other_matrix):
            part.setVisible(other is not None)
        if other is not None:
            shown = classes_of(project, other.classifier, other.evaluation)
            self.other_title.setText(breakable(other.summary))
            self.other_matrix.show_evaluation(other.evaluation, shown)
        compared = other.evaluation if other else None
        same = compared if compared and self._same_classes(compared) else None
        self.table.show_evaluation(evaluation, self._classes, same)
        self.averages.show_evaluation(evaluation, self._classes, compared)
        self.figures.setText(headline(evaluation, compared) if evaluation else "")
        looks = bool(evaluation and evaluation.ids)
        self.caption.setText("" if looks or evaluation is None else NO_IDS)
        self.caption.setVisible(bool(self.caption.text()))
        for button in (self.errors, self.right):
            button.setEnabled(looks)

    def _same_classes(self, other: Evaluation) -> bool:
        """Tell whether rows of another evaluation stand for the same categories."""
        mine = self.kept.evaluation if self.kept else other
        return len(mine.confusion_matrix) == len(other.confusion_matrix) and (
            mine.classes == other.classes or () in (mine.classes, other.classes)
        )

    def _set_percentages(self, on: bool) -> None:
        preferences.put(PERCENTAGES, on)
        self.matrix.set_percentages(on)
        self.other_matrix.set_percentages(on)

    def _look(
        self,
        kept: Kept | None,
        true: int | None = None,
        predicted: int | None = None,
        *,
        right: bool | None = None,
    ) -> None:
        """Show things of an evaluation in the gallery, and say what of them is left."""
        if kept is None or not kept.evaluation.ids:
            return
        ids = kept.evaluation.chosen(true, predicted, right=right)
        kind = kept.classifier.kind or self._workspace.gallery.query.kind
        shown, gone = show_things(self._workspace, kind, ids)
        self.caption.setText(_said(shown, gone))
        self.caption.setVisible(True)

    def _export_figures(self) -> None:
        kept = self.kept
        path = kept and choose_export(self, "Export figures", kept.title, "csv")
        if kept and path:
            save_figures(path, kept, self._classes)

    def _export_picture(self) -> None:
        kept = self.kept
        path = kept and choose_export(self, "Export matrix", kept.title, "png")
        if kept and path:
            save_picture(path, kept, self._classes, percentages=self.percentages.isChecked())


def _said(shown: int, gone: int) -> str:
    if not shown and not gone:
        return "No thing is in that cell."
    things = "1 thing is" if shown == 1 else f"{shown:,} things are"
    lost = f"{gone:,} {'has' if gone == 1 else 'have'} been deleted or moved since"
    if not shown:
        return f"None of these things is left: {lost}."
    return f"{things} in the gallery" + (f"; {lost}." if gone else ".")
