"""The evaluations that are kept, of all models of a kind."""

from collections.abc import Iterable
from dataclasses import dataclass

from qtpy.QtCore import QSize, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.training import Classifier
from napari_piximi.ui.category_view import DELETE_KEYS
from napari_piximi.ui.figures_table import shown_figure
from napari_piximi.ui.shown_names import one_line, tip

__all__ = ["EvaluationsList", "Kept", "kept_of"]

TITLES = ("Model", "On", "Run", "Things", "Acc.", "F1")
MEANINGS = (
    "The model that was judged",
    "On which things: Valid., Train., All labelled, or 5 folds of cross-validation",
    "After which fit of the model; – for cross-validation, which fits anew",
    "Number of things",
    "Accuracy: share of things predicted right",
    "F1, mean over categories",
)
SHORT = {
    "Validation": "Valid.",
    "Training": "Train.",
    "Labelled": "All",
    "Cross-validation": "Cross",
}
WIDTHS = (0, 46, 34, 52, 46, 46)
MOST_ROWS = 6
ROW = 21


@dataclass(frozen=True, eq=False)
class Kept:
    """An evaluation with its classifier."""

    classifier: Classifier
    evaluation: Evaluation

    @property
    def title(self) -> str:
        """Say which it is: ``SimpleCNN 1, Validation, run 2``."""
        run = "" if self.evaluation.run is None else f", run {self.evaluation.run + 1}"
        return f"{one_line(self.classifier.name, 40)}, {self.evaluation.partition}{run}"

    @property
    def summary(self) -> str:
        """Say which it is, and how good."""
        return f"{self.title}: accuracy {self.evaluation.accuracy:.3f}"


def kept_of(classifiers: Iterable[Classifier], first: Classifier | None) -> list[Kept]:
    """List evaluations, newest first; those of one classifier come before the others'."""
    ordered = sorted(classifiers, key=lambda c: c is not first)
    return [Kept(c, e) for c in ordered for e in reversed(c.evaluations)]


class EvaluationsList(QTreeWidget):
    """One line per evaluation."""

    chosen = QtSignal(object)
    """The :class:`Kept` that the user wants to see."""
    delete_asked = QtSignal(object)
    """The :class:`Kept` that is to be forgotten."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kept: list[Kept] = []
        self.setHeaderLabels(list(TITLES))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setAccessibleName("Evaluations that are kept")
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header, titles = self.header(), self.headerItem()
        assert header is not None
        assert titles is not None
        header.setMinimumSectionSize(24)
        header.setStretchLastSection(False)
        for column, (width, meaning) in enumerate(zip(WIDTHS, MEANINGS, strict=True)):
            mode = QHeaderView.ResizeMode
            header.setSectionResizeMode(column, mode.Fixed if width else mode.Stretch)
            if width:
                self.setColumnWidth(column, width)
            titles.setToolTip(column, meaning)
        self.currentItemChanged.connect(self._choose)

    def show_kept(self, kept: list[Kept], current: Evaluation | None) -> None:
        """Show these, one of them as chosen."""
        self.blockSignals(True)
        try:
            self.kept = kept
            self.clear()
            self.addTopLevelItems([_line(entry) for entry in kept])
            for row, entry in enumerate(kept):
                if entry.evaluation is current:
                    self.setCurrentItem(self.topLevelItem(row))
                    break
        finally:
            self.blockSignals(False)
        header = self.header()
        assert header is not None
        rows = min(max(len(kept), 1), MOST_ROWS)
        self.setFixedHeight(header.sizeHint().height() + rows * ROW + 4)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Delete forgets an evaluation; all other keys move."""
        if event is None or event.key() not in DELETE_KEYS:
            super().keyPressEvent(event)
            return
        item = self.currentItem()
        row = -1 if item is None else self.indexOfTopLevelItem(item)
        if 0 <= row < len(self.kept):
            self.delete_asked.emit(self.kept[row])

    def _choose(self, item: QTreeWidgetItem | None, _before: object) -> None:
        row = -1 if item is None else self.indexOfTopLevelItem(item)
        if 0 <= row < len(self.kept):
            self.chosen.emit(self.kept[row])


def _line(entry: Kept) -> QTreeWidgetItem:
    found = entry.evaluation
    run = "–" if found.run is None else str(found.run + 1)
    f1 = found.averaged(found.f1)
    texts = (
        one_line(entry.classifier.name),
        SHORT.get(found.partition, found.partition),
        run,
        f"{int(found.support.sum()):,}",
        shown_figure(found.accuracy),
        shown_figure(f1),
    )
    item = QTreeWidgetItem(list(texts))
    item.setSizeHint(0, QSize(0, ROW))
    full = (
        f"{entry.title}\naccuracy {found.accuracy:.4f}, balanced "
        f"{found.balanced_accuracy:.4f}\nF1 {f1:.4f}, cross-entropy {found.cross_entropy:.4f}\n"
        "Del deletes it"
    )
    for column in range(len(texts)):
        item.setToolTip(column, tip(full))
        if column > 1:
            item.setTextAlignment(
                column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )
    return item
