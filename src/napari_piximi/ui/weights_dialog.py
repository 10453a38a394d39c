"""Weights are fetched only when a user agrees: what, how much, from where, and where it is kept."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_piximi.errors import Cancelled, PiximiError
from napari_piximi.segment import weights
from napari_piximi.segment.catalog import Segmenter
from napari_piximi.ui.inline_name import trouble_label
from napari_piximi.ui.progress_bar import ProgressBar
from napari_piximi.ui.segment_words import megabytes
from napari_piximi.ui.shown_names import breakable, tip
from napari_piximi.ui.workspace import Workspace
from napari_piximi.ui.wrapped_label import wrapped_label

if TYPE_CHECKING:
    from napari_piximi.ui.jobs import Job

__all__ = ["WeightsDialog", "ask_weights"]

WIDTH = 460
LONGEST = 600


def ask_weights(workspace: Workspace, segmenter: Segmenter, parent: QWidget | None = None) -> bool:
    """Ask whether to download the weights of a segmenter, and do so; True when they are here."""
    dialog = WeightsDialog(workspace, segmenter, parent)
    try:
        return bool(dialog.exec())
    finally:
        dialog.deleteLater()


class WeightsDialog(QDialog):
    """What would be downloaded, then the progress; or where to put files that one has.

    Parameters
    ----------
    workspace : Workspace
        Downloads in one of its jobs.
    segmenter : Segmenter
        One that needs weights.
    parent : QWidget, optional

    Attributes
    ----------
    job : Job or None
        What is downloading.
    """

    def __init__(
        self, workspace: Workspace, segmenter: Segmenter, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace, self._key = workspace, segmenter.weights
        self._gone = False
        self.job: Job | None = None
        self.setWindowTitle(f"Download the weights of {segmenter.title}?")
        self.bar = ProgressBar()
        self.bar.setAccessibleName("Progress of the download")
        self.bar.setVisible(False)
        self.trouble = trouble_label()
        self.download = QPushButton("Download")
        self.download.setDefault(True)
        self.download.setToolTip("Fetch them once, check them, and go on")
        self.download.clicked.connect(self._download)
        self.have = QPushButton("I have the files…")
        self.have.setToolTip("Show the folder to put them into")
        self.have.setAutoDefault(False)
        self.have.clicked.connect(self._show_folder)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._buttons.addButton(self.download, QDialogButtonBox.ButtonRole.ActionRole)
        self._buttons.addButton(self.have, QDialogButtonBox.ButtonRole.HelpRole)
        self._buttons.rejected.connect(self.reject)
        self.finished.connect(self._stop)
        self.by_hand = self._by_hand()
        layout = QVBoxLayout(self)
        layout.addWidget(_words(f"{segmenter.title} needs weights that are not on this machine."))
        layout.addLayout(self._facts(segmenter))
        for widget in (self.by_hand, self.bar, self.trouble, self._buttons):
            layout.addWidget(widget)
        self.setMinimumWidth(WIDTH)

    # --- parts ---------------------------------------------------------------------------------

    def _facts(self, segmenter: Segmenter) -> QGridLayout:
        source = weights.CATALOGUE[self._key]
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setVerticalSpacing(4)
        for row, (name, text) in enumerate(
            (
                ("What", source.title),
                ("How much", megabytes(weights.missing_bytes(self._key))),
                ("From", weights.host(self._key)),
                ("Licence", source.licence or segmenter.licence),
                ("Kept in", str(weights.folder(self._key))),
            )
        ):
            value = QElidingLabel(text)
            value.setElideMode(Qt.TextElideMode.ElideMiddle)
            value.setTextFormat(Qt.TextFormat.PlainText)
            value.setToolTip(tip(text))
            value.setAccessibleName(f"{name}: {text}")
            grid.addWidget(QLabel(f"{name}:"), row, 0)
            grid.addWidget(value, row, 1)
        return grid

    def _by_hand(self) -> QWidget:
        box = QWidget()
        self.folder = QLineEdit(str(weights.folder(self._key)))
        self.folder.setReadOnly(True)
        self.folder.setAccessibleName("Folder for the files")
        self.folder.setToolTip("Put the files here")
        self.copy = QPushButton("Copy")
        self.copy.setAutoDefault(False)
        self.copy.setToolTip("Copy the path of the folder")
        self.copy.setAccessibleName("Copy the path of the folder")
        self.copy.clicked.connect(self._copy)
        self.look = QPushButton("Look again")
        self.look.setAutoDefault(False)
        self.look.setToolTip("Go on if the files are there now")
        self.look.clicked.connect(self._look)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.folder, 1)
        row.addWidget(self.copy)
        row.addWidget(self.look)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 4, 0, 4)
        hand = weights.by_hand(self._key)
        layout.addWidget(_words(f"{hand[:1].upper()}{hand[1:]}."))
        layout.addLayout(row)
        box.setVisible(False)
        return box

    # --- what the user does --------------------------------------------------------------------

    def _download(self) -> None:
        self._complain("")
        self.download.setEnabled(False)
        self.bar.show_busy()
        self.bar.setVisible(True)
        self.job = self._workspace.jobs.run(
            f"Download the weights of {weights.CATALOGUE[self._key].title}",
            weights.fetch,
            self._key,
            done=self._have_them,
            failed=self._fail,
        )
        self.job.progressed.connect(self._progress)

    def _show_folder(self) -> None:
        self.by_hand.setVisible(True)
        self.folder.selectAll()
        self.folder.setFocus()
        self.adjustSize()

    def _copy(self) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.folder.text())

    def _look(self) -> None:
        if weights.is_here(self._key):
            self.accept()
        else:
            self._complain(f"Not all files are there yet: {weights.by_hand(self._key)}")

    # --- how it goes -----------------------------------------------------------------------------

    def _progress(self, done: int, total: int, message: str, _: object) -> None:
        if not self._gone:
            self.bar.show_progress(done, total, f"{message.replace('%', '%%')} %p%")

    def _have_them(self, _: object) -> None:
        if not self._gone:
            self.job = None
            self.accept()

    def _fail(self, error: BaseException) -> None:
        if self._gone:
            return
        self.job = None
        self.bar.setVisible(False)
        self.download.setEnabled(True)
        self.download.setText("Try again")
        if not isinstance(error, Cancelled):
            self._complain(str(error))
            if not isinstance(error, PiximiError | OSError):
                raise error

    def _complain(self, text: str) -> None:
        self.trouble.setText(breakable(text, LONGEST))
        self.trouble.setVisible(bool(text))
        self.adjustSize()

    def _stop(self, _: int) -> None:
        self._gone = True
        if self.job is not None:
            self.job.cancel()


def _words(text: str) -> QLabel:
    label = wrapped_label(breakable(text, LONGEST))
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
