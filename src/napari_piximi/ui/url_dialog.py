"""Open a model from an address: what is fetched from where is said before, what came after."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.errors import Cancelled, DownloadError
from napari_piximi.io.download import check_address
from napari_piximi.io.remote_models import MOST_BYTES, RemoteModel, fetch_model
from napari_piximi.ui.inline_name import trouble_label
from napari_piximi.ui.progress_bar import ProgressBar
from napari_piximi.ui.shown_names import breakable, one_line, tip
from napari_piximi.ui.workspace import Workspace
from napari_piximi.ui.wrapped_label import wrapped_label

if TYPE_CHECKING:
    from napari_piximi.ui.jobs import Job

__all__ = ["UrlDialog", "ask_model"]

WIDTH = 520
SHOWN_SUM = 16
"""Characters of a checksum in the table; its tool tip and a copy have all of them."""
HINT = (
    "Paste the https:// address of a model.json, or of the folder that holds it. Nothing is "
    "fetched before you say so."
)


def ask_model(workspace: Workspace, parent: QWidget | None = None) -> RemoteModel | None:
    """Let the user fetch a model; None if nothing is to be added."""
    dialog = UrlDialog(workspace, parent)
    try:
        return dialog.found if dialog.exec() else None
    finally:
        dialog.deleteLater()


class UrlDialog(QDialog):
    """An address, then the progress, then what came and whether to take it.

    Parameters
    ----------
    workspace : Workspace
        Fetches in one of its jobs.
    parent : QWidget, optional

    Attributes
    ----------
    found : RemoteModel or None
        What came.
    job : Job or None
        What is fetching.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._gone = False
        self.found: RemoteModel | None = None
        self.job: Job | None = None
        self.setWindowTitle("Open a model from an address")
        self.address = QLineEdit()
        self.address.setPlaceholderText("https://…/model.json")
        self.address.setAccessibleName("Address of the model")
        self.address.setToolTip("https:// address of a model.json, or of its folder")
        self.told = wrapped_label()
        self.bar = ProgressBar()
        self.bar.setAccessibleName("Progress of the download")
        self.files = _table()
        self.trouble = trouble_label()
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        button = self._buttons.addButton("Fetch", QDialogButtonBox.ButtonRole.AcceptRole)
        assert button is not None
        self.go = button
        self.address.textChanged.connect(self._look)
        self._buttons.accepted.connect(self._go)
        self._buttons.rejected.connect(self.reject)
        self.finished.connect(self._stop)
        layout = QVBoxLayout(self)
        for widget in (
            self.address, self.told, self.bar, self.files, self.trouble, self._buttons
        ):  # fmt: skip
            layout.addWidget(widget)
        layout.setStretchFactor(self.files, 1)
        self.resize(WIDTH, 170)
        self._look()

    def _look(self, *_: object) -> None:
        """Say what would be fetched, or what is wrong with the address."""
        self.found = None
        for part in (self.bar, self.files):
            part.setVisible(False)
        self.go.setText("Fetch")
        text, trouble = self.address.text().strip(), ""
        self.told.setText(HINT)
        if text:
            try:
                host = check_address(text)
                self.told.setText(_plan(host))
            except DownloadError as error:
                trouble = str(error)
        self._complain(trouble)
        self.go.setEnabled(bool(text) and not trouble)

    def _go(self) -> None:
        if self.found is not None:
            self.accept()
            return
        self._complain("")
        self.address.setEnabled(False)
        self.go.setEnabled(False)
        self.bar.show_busy()
        self.bar.setVisible(True)
        address = self.address.text().strip()
        self.job = self._workspace.jobs.run(
            f"Fetch a model from {check_address(address)}",
            fetch_model,
            address,
            done=self._show,
            failed=self._fail,
        )
        self.job.progressed.connect(self._progress)

    def _progress(self, done: int, total: int, message: str, _: object) -> None:
        if not self._gone:
            self.bar.show_progress(done, total, f"{message.replace('%', '%%')} %p%")

    def _show(self, found: RemoteModel) -> None:
        if self._gone:
            return
        self.found, self.job = found, None
        self.bar.setVisible(False)
        self.address.setEnabled(True)
        self.told.setText(_report(found))
        self.files.setRowCount(len(found.files))
        for row, file in enumerate(found.files):
            cells = (one_line(file.name, 40), _size(file.size), f"{file.sha256[:SHOWN_SUM]}…")
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(tip(f"{file.name}\nSHA-256 {file.sha256}"))
                self.files.setItem(row, column, item)
        self.files.setVisible(True)
        self.resize(self.width(), 380)
        self.go.setText("Add to project")
        self.go.setEnabled(True)
        self.go.setFocus(Qt.FocusReason.OtherFocusReason)

    def _fail(self, error: BaseException) -> None:
        self.job = None
        if self._gone:
            return
        self.bar.setVisible(False)
        self.address.setEnabled(True)
        self.go.setEnabled(True)
        self._complain("Stopped" if isinstance(error, Cancelled) else str(error))

    def _complain(self, trouble: str) -> None:
        self.trouble.setText(breakable(trouble))
        self.trouble.setVisible(bool(trouble))

    def _stop(self, *_: object) -> None:
        self._gone = True
        if self.job is not None:
            self.job.cancel()


def _plan(host: str) -> str:
    return (
        f"Fetches model.json and the weights files that it names from {breakable(host)}, at most "
        f"{_size(MOST_BYTES)}. Nothing of your project is sent. Files are checked, "
        "and you are asked again before anything is added."
    )


def _report(found: RemoteModel) -> str:
    total = sum(file.size for file in found.files)
    classes = ", ".join(one_line(name, 20) for name in found.artifact.classes[:6])
    more = len(found.artifact.classes) - 6
    rest = f" and {more} more" if more > 0 else ""
    named = f" Its classes: {classes}{rest}." if classes else ""
    return breakable(
        f"“{one_line(found.name)}” came from {found.host}: {len(found.files)} files, "
        f"{_size(total)}.{named} If the author tells checksums (SHA-256), compare them. Add it?",
        600,
    )


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:,.1f} kB" if count < 1e6 else f"{count / 1e6:,.1f} MB"


def _table() -> QTableWidget:
    table = QTableWidget(0, 3)
    table.setHorizontalHeaderLabels(["File", "Size", "SHA-256"])
    table.setAccessibleName("Files that came")
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)
    header, numbers = table.horizontalHeader(), table.verticalHeader()
    assert header is not None
    assert numbers is not None
    numbers.setVisible(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return table
