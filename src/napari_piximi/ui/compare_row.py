"""Which sort of model suits the labels better, and a forest that follows them."""

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_piximi.model.training import FOREST, Settings
from napari_piximi.ui.comparing import Comparing, Comparison
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["CompareRow", "FollowRow"]


class CompareRow(QWidget):
    """A button that compares, its outcome, and a button that takes the better one.

    Parameters
    ----------
    comparing : Comparing
    """

    def __init__(self, comparing: Comparing) -> None:
        super().__init__()
        self._comparing = comparing
        self.better: Settings | None = None
        self.compare = QPushButton("Compare SimpleCNN and forest…")
        self.compare.setAccessibleName("Compare a network and a forest")
        self.result = wrapped_label()
        self.result.setToolTip(
            "Share of labelled things that a model which had not seen them got right (5-fold "
            "cross-validation), ± the standard error of that share"
        )
        self.use = QPushButton()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        row = QHBoxLayout()
        row.addWidget(self.result, 1)
        row.addWidget(self.use)
        layout.addWidget(self.compare)
        layout.addLayout(row)

    def show_state(self, kind: str, settings: Settings, *, can_fit: bool, is_new: bool) -> None:
        """Show what was found for a kind, or offer to find out."""
        running = self._comparing.job is not None
        network = settings.architecture if settings.architecture != FOREST else "SimpleCNN"
        self.compare.setText("Stop comparing" if running else f"Compare {network} and forest…")
        self.compare.setToolTip(
            "Give the comparison up"
            if running
            else "Find out by cross-validation which of the two suits your labels better; "
            "takes ten fits"
        )
        self.compare.setEnabled(running or can_fit)
        found = self._comparing.of(kind)
        self.compare.setVisible(found is None or running)
        self.result.setVisible(found is not None)
        self.use.setVisible(False)
        if found is not None:
            self._show(found, settings, is_new=is_new)

    def _show(self, found: Comparison, settings: Settings, *, is_new: bool) -> None:
        self.result.setText(found.line)
        self.better = found.candidates[0]
        name = self.better.architecture
        self.use.setText(f"Use the {name[:1].lower() + name[1:] if name == FOREST else name}")
        self.use.setToolTip("Take it for the next new model")
        self.use.setAccessibleName(self.use.text())
        self.use.setVisible(not is_new or settings.architecture != name)


class FollowRow(QWidget):
    """Boxes to check: refit a forest while labelling, and predict with it."""

    def __init__(self) -> None:
        super().__init__()
        self.follow = QCheckBox("Refit while I label")
        self.follow.setToolTip(
            "Fit this forest anew whenever labels of this kind change; undo goes on from label "
            "to label"
        )
        self.predict = QCheckBox("and predict")
        self.predict.setToolTip("After each refit, predict the rest: the things without a label")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.follow)
        layout.addWidget(self.predict)
        layout.addStretch(1)

    def show_state(self, *, shown: bool, follows: bool, predicts: bool, possible: bool) -> None:
        """Show whether a forest follows the labels."""
        self.setVisible(shown)
        for box, checked in ((self.follow, follows), (self.predict, predicts)):
            box.blockSignals(True)
            box.setChecked(checked)
            box.blockSignals(False)
        self.follow.setEnabled(possible or follows)
        self.predict.setEnabled(follows)
