"""On what a model is evaluated, the button that does it, and how far it is."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.ui import preferences
from napari_piximi.ui.evaluating import CROSS_VALIDATION, PARTITIONS, Evaluating, obstacle
from napari_piximi.ui.model_choice import ModelChoice
from napari_piximi.ui.progress_bar import ProgressBar
from napari_piximi.ui.shown_names import breakable, one_line
from napari_piximi.ui.workspace import Workspace

__all__ = ["EvaluateForm"]

ON, FOLDS = "evaluate/on", "evaluate/folds"
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
        self.on = QComboBox()
        self.folds = QSpinBox()
        self.button = QPushButton("Evaluate")
        self.bar = ProgressBar()
        self.doing = QLabel()
        self.trouble = QLabel()
        self._set_up()
        self._lay_out()
        self.on.currentIndexChanged.connect(self._chosen)
        self.folds.valueChanged.connect(lambda count: preferences.put(FOLDS, count))
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
        crossed = self.partition == CROSS_VALIDATION
        self.folds.setVisible(crossed)
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
        self.folds.setRange(2, 50)
        self.folds.setValue(preferences.get(FOLDS, 5))
        self.folds.setSuffix(" folds")
        self.folds.setToolTip("How many parts, and so how many fits; 5 or 10 are usual")
        self.folds.setAccessibleName("Number of folds")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setAccessibleName("How far the evaluation is")
        for label in (self.doing, self.trouble):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setMinimumWidth(100)
        self.trouble.setWordWrap(True)
        self.trouble.setAccessibleName("What stands in the way of an evaluation")

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.on, 1)
        row.addWidget(self.folds)
        row.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
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
        classifier = self._choice.classifier
        if classifier is None or obstacle(self._workspace, classifier, self.partition):
            self.refresh()
            return
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
        if message and self.button.isEnabled():
            self.doing.setText(one_line(message))
