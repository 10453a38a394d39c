"""What the last fit of the chosen model came to, and what to do next."""

import math

from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_piximi.model.training import Classifier
from napari_piximi.ui.shown_names import tip
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["FitOutcome", "outcome_of"]


class FitOutcome(QWidget):
    """A line with the accuracy, and a button that leads to the things that wait for the model."""

    predict = QtSignal()
    """The other things are to be predicted."""

    def __init__(self) -> None:
        super().__init__()
        self.text = wrapped_label(least=80)
        self.text.setAccessibleName("How good the model is")
        self.next = QPushButton()
        self.next.clicked.connect(self.predict.emit)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.next)

    def show_outcome(self, chosen: Classifier | None, waiting: int, *, running: bool) -> None:
        """Show how good a model is, or nothing while there is none or it is being fitted.

        Parameters
        ----------
        chosen : Classifier or None
        waiting : int
            Things without a label that it has not been asked about.
        running : bool
            A fit is under way.
        """
        told = "" if chosen is None or running else outcome_of(chosen)
        self.setVisible(bool(told))
        self.text.setText(told)
        self.text.setToolTip(
            tip(
                "The share of validation things that the newest fit gets right; how it errs is "
                "on the Evaluate page"
            )
        )
        things = "1 thing" if waiting == 1 else f"{waiting:,} things"
        self.next.setText(f"Predict {waiting:,} →")
        self.next.setToolTip(f"Ask the model about the {things} without a label")
        self.next.setAccessibleName(f"Predict the {things} without a label")
        self.next.setVisible(waiting > 0)


def outcome_of(classifier: Classifier) -> str:
    """Say how good the newest fit of a model is; empty where that is not known.

    Parameters
    ----------
    classifier : Classifier

    Returns
    -------
    str
    """
    if not classifier.runs:
        return ""
    run = classifier.runs[-1]
    best = run.best_epoch
    for column, on in (("val_accuracy", "validation"), ("accuracy", "training")):
        values = run.history.get(column, ())
        if 0 <= best < len(values) and not math.isnan(values[best]):
            return f"{values[best]:.1%} of {on} things right"
    return ""
