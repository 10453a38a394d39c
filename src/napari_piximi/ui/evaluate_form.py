"""On what a model is evaluated, the button that does it, and how far it is."""

import time

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_piximi.model.training import NETWORKS, Settings
from napari_piximi.ui import preferences
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.evaluating import (
    CROSS_VALIDATION,
    PARTITIONS,
    Evaluating,
    FoldLimits,
    fold_limits,
    obstacle,
)
from napari_piximi.ui.live_line import LiveLine
from napari_piximi.ui.model_choice import ModelChoice
from napari_piximi.ui.progress_bar import thin_bar
from napari_piximi.ui.shown_names import breakable, one_line
from napari_piximi.ui.time_left import TimeLeft, spoken
from napari_piximi.ui.workspace import Workspace
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["EvaluateForm"]

ON, FOLDS = "evaluate/on", "evaluate/folds"
FEWEST, MOST = 2, 50
"""Folds that can be asked for."""
WORDS = {
    "Validation": "Validation things",
    "Training": "Training things",
    "Labelled": "All labelled things",
    CROSS_VALIDATION: "Cross-validation",
}
MEANINGS = {
    "Validation": "Things that the fit did not learn from; they did decide which epoch is best",
    "Training": "What the model learnt from: always better than on new things",
    "Labelled": "Training and validation things, and what was labelled since",
    CROSS_VALIDATION: (
        "Fit new models with this model's settings, each without one part of the labelled "
        "things, and judge it on that part: slow, but fair where labels are few"
    ),
}


class EvaluateForm(QWidget):
    """Choose the things, evaluate or stop, and see what would stand in the way.

    Parameters
    ----------
    workspace : Workspace
    choice : ModelChoice
    evaluating : Evaluating
    """

    def __init__(self, workspace: Workspace, choice: ModelChoice, evaluating: Evaluating) -> None:
        super().__init__()
        self._workspace, self._choice, self._evaluating = workspace, choice, evaluating
        self.on = ElidedBox()
        self.folds = QSpinBox()
        self.limit = wrapped_label(least=100)
        self.button = QPushButton("Evaluate")
        self.bar = thin_bar("How far the evaluation is")
        self.doing = LiveLine()
        self.trouble = wrapped_label(least=100)
        self._left = TimeLeft()
        self._about = "about"
        self._set_up()
        self._lay_out()
        self.on.currentIndexChanged.connect(self._chosen)
        self.folds.valueChanged.connect(self._folds_chosen)
        self.button.clicked.connect(self._press)
        self.refresh()

    @property
    def partition(self) -> str:
        """On which things the model is to be evaluated."""
        return PARTITIONS[self.on.currentIndex()]

    def refresh(self) -> None:
        """Say what holds now."""
        running = self._evaluating.running
        trouble = obstacle(self._workspace, self._choice.classifier, self.partition)
        self.trouble.setText(breakable(trouble))
        self.trouble.setVisible(bool(trouble) and not running)
        self._show_folds(trouble)
        self.button.setText("Stop" if running else "Evaluate")
        self.button.setToolTip(
            "Stop; nothing is kept" if running else "Judge the model, and keep the outcome with it"
        )
        self.button.setAccessibleName(
            "Stop the evaluation" if running else "Evaluate the chosen model"
        )
        self.button.setEnabled(running or not trouble)
        self.on.setToolTip(MEANINGS[self.partition])
        for part in (self.on, self.folds):
            part.setEnabled(not running)
        for shown in (self.bar, self.doing):
            shown.setVisible(running)

    # --- within ------------------------------------------------------------------------------

    def _show_folds(self, trouble: str) -> None:
        """Offer as many folds as the labels allow, and say how many those are."""
        crossed = self.partition == CROSS_VALIDATION
        limits = fold_limits(self._workspace) if crossed else None
        with signals_blocked(self.folds):
            self.folds.setMaximum(max(FEWEST, min(MOST, limits.most)) if limits else MOST)
            self.folds.setValue(self._folds)
        self.folds.setVisible(crossed)
        text = _told(limits, self.folds.value()) if limits and not trouble else ""
        self.limit.setText(breakable(text))
        self.limit.setVisible(bool(text))

    def _folds_chosen(self, count: int) -> None:
        self._folds = count
        preferences.put(FOLDS, count)
        self.refresh()

    def _set_up(self) -> None:
        self.on.addItems([WORDS[name] for name in PARTITIONS])
        for index, name in enumerate(PARTITIONS):
            self.on.setItemData(index, MEANINGS[name], Qt.ItemDataRole.ToolTipRole)
        remembered = preferences.get(ON, "Validation")
        self.on.setCurrentIndex(PARTITIONS.index(remembered) if remembered in PARTITIONS else 0)
        self.on.setAccessibleName("On which things")
        self.on.setMinimumContentsLength(8)
        self.on.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._folds = preferences.get(FOLDS, 5)
        self.folds.setRange(FEWEST, MOST)
        self.folds.setSuffix(" folds")
        self.folds.setToolTip("How many parts, and so how many fits; 5 or 10 are usual")
        self.folds.setAccessibleName("Number of folds")
        self.trouble.setAccessibleName("What stands in the way of an evaluation")
        self.limit.setAccessibleName("How many folds the labels allow")

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.on, 1)
        row.addWidget(self.button)
        parts = QHBoxLayout()
        parts.addWidget(self.folds)
        parts.addWidget(self.limit, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addLayout(parts)
        for part in (self.trouble, self.bar, self.doing):
            layout.addWidget(part)

    def _chosen(self) -> None:
        preferences.put(ON, self.partition)
        self.refresh()

    def _press(self) -> None:
        if self._evaluating.running:
            self._evaluating.stop()
            self.doing.setText("Stopping …")
            self.button.setEnabled(False)
            return
        self.refresh()  # what was labelled a moment ago counts
        classifier = self._choice.classifier
        if classifier is None or obstacle(self._workspace, classifier, self.partition):
            return
        early = self.partition == CROSS_VALIDATION and _may_end_early(classifier.settings)
        self._left, self._about = TimeLeft(), "at most" if early else "about"
        job = self._evaluating.start(
            classifier, self._choice.kind, self.partition, self.folds.value()
        )
        job.progressed.connect(self._tell)

    def begun_or_ended(self) -> None:
        """Show that an evaluation has begun, or no more that it runs."""
        if self._evaluating.running:
            self.bar.show_busy()
            self.doing.setText("Starting …")
        self.refresh()

    def _tell(self, done: int, total: int, message: str, _figures: object) -> None:
        self.bar.show_progress(done, total)
        seconds = self._left.note(time.monotonic(), done, total)
        if message and self.button.isEnabled():
            left = "" if seconds is None else f", {self._about} {spoken(seconds)} left"
            self.doing.setText(one_line(message) + left)


def _may_end_early(settings: Settings) -> bool:
    return settings.architecture in NETWORKS and settings.patience > 0


def _told(limits: FoldLimits, folds: int) -> str:
    """Say how many folds the labels allow."""
    name = one_line(limits.smallest)
    if limits.fewest == 1:
        text = f"{name} has a single labelled thing, which only trains and is not judged."
    elif limits.fewest < folds:
        text = (
            f"{name} has {limits.fewest} labelled things: with more than {limits.fewest} folds it "
            "is missing from some."
        )
    else:
        text = ""
    if limits.most < MOST:
        most = f"The labels allow {limits.most} folds at most: no category has more of them."
        text = f"{most} {text}".rstrip()
    return text
