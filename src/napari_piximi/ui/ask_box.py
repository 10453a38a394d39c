"""What a classifier is asked about, the button that asks it, and how far it is."""

from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.ui import preferences
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.gallery_menu import count_text
from napari_piximi.ui.jobs import Job
from napari_piximi.ui.live_line import LiveLine
from napari_piximi.ui.obstacle_line import ObstacleLine
from napari_piximi.ui.predicting import (
    Asked,
    Obstacle,
    asked_count,
    asked_ids,
    obstacle,
    predict,
)
from napari_piximi.ui.progress_bar import thin_bar
from napari_piximi.ui.shown_names import one_line, tip

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["AskBox"]

ASKED = "predict/asked"


class AskBox(QWidget):
    """The upper part of the Predict page.

    Parameters
    ----------
    panel : ClassifierPanel
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__()
        self.panel = panel
        self.job: Job | None = None
        self.obstacle: Obstacle | None = None
        self.asked = ElidedBox()
        self.button = QPushButton("Predict")
        self.bar = thin_bar("Progress of the prediction")
        self.message = LiveLine()
        self.line = ObstacleLine(panel)
        self._set_up()
        self._lay_out()
        self.refresh()

    # --- parts -----------------------------------------------------------------------------

    def _set_up(self) -> None:
        for asked in Asked:
            self.asked.addItem(asked.value, asked)
        kept = preferences.get(ASKED, Asked.WAITING.value)
        self.asked.setCurrentIndex(max(self.asked.findText(kept), 0))
        self.asked.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.asked.setMinimumContentsLength(10)
        self.asked.setToolTip("Which things the model is asked about")
        self.asked.setAccessibleName("Things to predict")
        self.asked.activated.connect(self._choose)
        self.button.setAccessibleName("Predict")
        self.button.setMinimumWidth(self.fontMetrics().horizontalAdvance("Predict") + 28)
        self.button.clicked.connect(self.press)
        for part in (self.bar, self.message):
            kept_room = part.sizePolicy()
            kept_room.setVerticalPolicy(QSizePolicy.Policy.Fixed)
            part.setSizePolicy(kept_room)
            part.setVisible(False)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.asked, 1)
        row.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.bar)
        layout.addWidget(self.message)
        layout.addWidget(self.line)

    # --- what has changed --------------------------------------------------------------------

    @property
    def chosen(self) -> Asked:
        """Which things are asked about."""
        return Asked(self.asked.currentData())

    def refresh(self) -> None:
        """Follow the project, the gallery and the chosen model."""
        workspace, choice = self.panel.workspace, self.panel.choice
        for row, asked in enumerate(Asked):
            text = f"{asked.value} ({asked_count(workspace, asked):,})"
            if self.asked.itemText(row) != text:
                self.asked.setItemText(row, text)
        self.obstacle = obstacle(workspace.project, choice.kind, choice.classifier)
        self.line.show_obstacle(self.obstacle if self.job is None else None)
        self._refresh_button()

    def _refresh_button(self) -> None:
        if self.job is not None:
            return
        count, found = asked_count(self.panel.workspace, self.chosen), self.panel.choice.classifier
        self.button.setEnabled(self.obstacle is None and count > 0)
        if self.obstacle is not None:
            says = self.obstacle.text
        elif not count:
            says = f"{self.chosen.value}: there are none now"
        else:
            name = one_line(found.name) if found is not None else ""
            says = f"Ask {name} about {count_text(count)}; Ctrl+Z takes its answers back"
        self.button.setToolTip(tip(says))

    # --- what the user does --------------------------------------------------------------------

    def press(self) -> None:
        """Predict, or stop what runs."""
        if self.job is not None:
            self.button.setEnabled(False)
            self.button.setText("Stopping")
            self.job.cancel()
            return
        found = self.panel.choice.classifier
        ids = asked_ids(self.panel.workspace, self.chosen)
        if found is None or self.obstacle is not None or not ids:
            return
        self._follow(predict(self.panel.workspace, found, ids))

    def predict(self, asked: Asked) -> None:
        """Ask about these things, as if they had been chosen and the button pressed."""
        if self.job is None:
            self.asked.setCurrentIndex(self.asked.findData(asked))
            self.refresh()
            self.press()

    def _choose(self, _row: int) -> None:
        preferences.put(ASKED, self.chosen.value)
        self._refresh_button()

    # --- a prediction that runs ------------------------------------------------------------------

    def _follow(self, job: Job) -> None:
        self.job = job
        self.button.setText("Stop")
        self.button.setToolTip("Stop; the project stays as it is")
        self.button.setEnabled(True)
        self.asked.setEnabled(False)
        self.bar.show_busy()
        self.message.setText("Starting")
        self.bar.setVisible(True)
        self.message.setVisible(True)
        job.progressed.connect(self._show)
        job.finished.connect(self._end)

    def _show(self, done: int, total: int, message: str, _values: object) -> None:
        self.bar.show_progress(done, total)
        self.message.setText(one_line(message, 80))

    def _end(self) -> None:
        self.job = None
        self.button.setText("Predict")
        self.asked.setEnabled(True)
        self.bar.setVisible(False)
        self.message.setVisible(False)
        self.refresh()
