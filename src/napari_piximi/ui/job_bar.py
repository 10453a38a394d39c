"""What runs at the moment: title, message, progress, and a button that cancels it."""

from napari.components import ViewerModel
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_piximi.ui.jobs import Job
from napari_piximi.ui.panel import Panel
from napari_piximi.ui.progress_bar import ProgressBar
from napari_piximi.ui.rest import Pace
from napari_piximi.ui.shown_names import one_line, tip

__all__ = ["JobBar", "JobRow"]

PATIENCE = 300
"""Milliseconds after which a job is shown: what ends sooner would only flicker."""


class JobRow(QWidget):
    """One job that runs.

    Parameters
    ----------
    job : Job
    """

    def __init__(self, job: Job, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = job
        self.text = QElidingLabel(job.title)
        self.text.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setToolTip(tip(job.title))
        self.bar = ProgressBar()
        self.bar.show_busy()
        self.bar.setFormat("")
        self.bar.setAccessibleName(f"Progress: {job.title}")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip(tip(f"Stop: {one_line(job.title)}. The project stays as it is"))
        self.cancel.setAccessibleName(f"Cancel: {job.title}")
        self.cancel.clicked.connect(self._cancel)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(2)
        layout.addWidget(self.text, 0, 0)
        layout.addWidget(self.bar, 1, 0)
        layout.addWidget(self.cancel, 0, 1, 2, 1)
        layout.setColumnStretch(0, 1)
        self.due = QTimer(self)
        self.due.setSingleShot(True)
        self._latest = 0, 0, ""
        self._pace = Pace(self._show, owner=self)
        job.progressed.connect(self._note)

    def _note(self, done: int, total: int, message: str, _values: object) -> None:
        self._latest = done, total, message
        self._pace.ask()

    def _show(self) -> None:
        done, total, message = self._latest
        # Qt puts the share where %p stands; other signs of percent are the message's own
        text = message.replace("%", "%%") if total else message
        self.bar.show_progress(done, total, f"{text} %p%".strip() if total else text)
        self.bar.setToolTip(tip(message))

    def rest(self) -> None:
        """Show no more of how it goes."""
        self._pace.forget()

    def _cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.cancel.setText("Stopping")
        self.job.cancel()


class JobBar(Panel):
    """All jobs of a viewer that run, one row each; it takes no room when there are none."""

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self._rows: dict[int, JobRow] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.listen(self.workspace.jobs.started, self._add)
        self.listen(self.workspace.jobs.finished, self._remove)
        self.setVisible(False)
        for job in self.workspace.jobs.running:
            self._add(job)

    def rows(self) -> list[JobRow]:
        """Return the rows on show, the oldest first."""
        return list(self._rows.values())

    def _add(self, job: Job) -> None:
        row = self._rows[id(job)] = JobRow(job, self)
        row.setVisible(False)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(row)
        row.due.timeout.connect(self._appear)
        row.due.start(PATIENCE)

    def _appear(self) -> None:
        for row in self._rows.values():
            if not row.due.isActive():
                row.setVisible(True)
        self.setVisible(True)

    def _remove(self, job: Job) -> None:
        row = self._rows.pop(id(job), None)
        if row is not None:
            # A timer that fired now would call what Python may have cleared away with the row.
            row.due.stop()
            row.rest()
            row.setParent(None)
            row.deleteLater()
        self.setVisible(any(not other.isHidden() for other in self._rows.values()))
