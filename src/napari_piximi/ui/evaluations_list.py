"""The evaluations that are kept, of all models of a kind."""

from collections.abc import Iterable
from dataclasses import dataclass

from qtpy.QtWidgets import QWidget

from napari_piximi.model.evaluation import Evaluation
from napari_piximi.model.training import Classifier
from napari_piximi.ui.figures_table import shown_figure
from napari_piximi.ui.kept_list import Column, KeptLine, KeptList
from napari_piximi.ui.shown_names import one_line

__all__ = ["EvaluationsList", "Kept", "kept_of"]

COLUMNS = (
    Column("Model", "The model that was judged"),
    Column(
        "On", "On which things: Valid., Train., All labelled, or 5 folds of cross-validation", 54
    ),
    Column(
        "Run",
        "After which fit of the model; – for cross-validation, which fits anew",
        34,
        number=True,
        spare=True,
    ),
    Column("Things", "Number of things", 52, number=True, spare=True),
    Column("Acc.", "Accuracy: share of things predicted right", 46, number=True),
    Column("F1", "F1, mean over categories", 46, number=True),
)
SHORT = {
    "Validation": "Valid.",
    "Training": "Train.",
    "Labelled": "All",
    "Cross-validation": "Cross",
}


@dataclass(frozen=True, eq=False)
class Kept:
    """An evaluation with its classifier."""

    classifier: Classifier
    evaluation: Evaluation

    @property
    def title(self) -> str:
        """Say which it is: ``SimpleCNN 1, Validation, run 2``."""
        found = self.evaluation
        run = "" if found.run is None else f", run {found.run + 1}"
        folds = f", {found.folds} folds" if found.folds else ""
        return f"{one_line(self.classifier.name, 40)}, {found.partition}{folds}{run}"

    @property
    def summary(self) -> str:
        """Say which it is, and how good."""
        return f"{self.title}: accuracy {self.evaluation.accuracy:.3f}"


def kept_of(classifiers: Iterable[Classifier], first: Classifier | None) -> list[Kept]:
    """List evaluations, newest first; those of one classifier come before the others'."""
    ordered = sorted(classifiers, key=lambda c: c is not first)
    return [Kept(c, e) for c in ordered for e in reversed(c.evaluations)]


class EvaluationsList(KeptList):
    """One line per evaluation."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Evaluations that are kept", COLUMNS, _line, parent)

    def show_kept(self, kept: list[Kept], current: Evaluation | None) -> None:
        """Show these, one of them as chosen."""
        self.show_entries(kept, lambda entry: entry.evaluation is current)


def _line(entry: Kept) -> KeptLine:
    found = entry.evaluation
    f1 = found.averaged(found.f1)
    texts = (
        one_line(entry.classifier.name),
        f"{found.folds} folds" if found.folds else SHORT.get(found.partition, found.partition),
        "–" if found.run is None else str(found.run + 1),
        f"{int(found.support.sum()):,}",
        shown_figure(found.accuracy),
        shown_figure(f1),
    )
    hint = (
        f"{entry.title}, {int(found.support.sum()):,} things\n"
        f"accuracy {found.accuracy:.4f}, balanced {found.balanced_accuracy:.4f}\n"
        f"F1 {f1:.4f}, cross-entropy {found.cross_entropy:.4f}\nDel deletes it"
    )
    return KeptLine(texts, hint)
