"""The Project dock: the file, the kinds, what is in them, and what runs."""

from datetime import datetime

from napari.components import ViewerModel
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout
from superqt import QElidingLabel

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.project import Project
from napari_piximi.ui import messages
from napari_piximi.ui.dropping import accept_paths, local_paths
from napari_piximi.ui.edit_keys import EditKeys
from napari_piximi.ui.file_row import FileRow
from napari_piximi.ui.job_bar import JobBar
from napari_piximi.ui.kind_tabs import KindTabs
from napari_piximi.ui.panel import Panel
from napari_piximi.ui.project_facts import (
    classifier_lines,
    count_kinds,
    kind_text,
    project_text,
)
from napari_piximi.ui.recovery_bar import RecoveryBar
from napari_piximi.ui.shown_names import tip
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["ProjectPanel"]

COUNTING = 40
"""Milliseconds after an edit before things are counted: many keys in a row are counted once."""

DROP_HERE = "Drop images, a folder of them, a Piximi project (.zip) or annotations here"


class ProjectPanel(Panel):
    """The project of a viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.setObjectName("project")
        self.setAcceptDrops(True)
        self._saved_at = ""
        self._searched = False
        self._counted: Project | None = None
        self.recovery = RecoveryBar(napari_viewer)
        self.files = FileRow(self.workspace)
        self.name = QLineEdit()
        self.state = QLabel()
        self.path = QElidingLabel()
        self.kinds = KindTabs(self.workspace)
        self.facts = wrapped_label()
        self.classifiers = QListWidget()
        self.drop = QLabel(DROP_HERE)
        self.jobs = JobBar(napari_viewer)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(COUNTING)
        self._timer.timeout.connect(self.count)
        self._label_controls()
        self._lay_out()
        self.name.editingFinished.connect(self._rename)
        self.listen(self.workspace.filed, self._filed)
        self.listen(self.workspace.opened, self._opened)
        self.listen(self.workspace.gallery.arranged, self._query_changed)
        EditKeys(self, self.workspace)

    # --- what is drawn -------------------------------------------------------------------------

    def project_changed(self, before: Project, after: Project) -> None:
        """Draw what differs, if the panel is in sight."""
        if not self.isVisible():
            return
        if before.kinds is not after.kinds:
            self.count()
        elif before.things is not after.things or before.categories is not after.categories:
            self._timer.start()
        if before.classifiers is not after.classifiers:
            self._show_classifiers()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Draw what was not drawn while the panel was out of sight, and look for lost work."""
        super().showEvent(event)
        self._filed()
        self.count()
        self._show_classifiers()
        if not self._searched:
            self._searched = True
            self.recovery.look()

    def count(self) -> None:
        """Count the things and draw the kinds."""
        self._timer.stop()
        project, kind = self.workspace.project, self.workspace.gallery.query.kind
        counts = count_kinds(project)
        self.kinds.refresh(counts)
        labelled, partitions = kind_text(project, kind, self.workspace.gallery.counts())
        lines = (project_text(project, counts), labelled, partitions)
        self.facts.setText("\n".join(line for line in lines if line))
        self.drop.setVisible(not counts)

    def _filed(self) -> None:
        """Tell which file the project belongs to, and whether all is saved."""
        workspace = self.workspace
        if not self.isVisible():
            return
        self.files.refresh()
        if not self.name.isModified():
            self._show_name()
        path = workspace.path
        self.path.setText(
            f"{path.name} in {path.parent.name}" if path else "Not saved to a file yet"
        )
        self.path.setToolTip(tip(str(path)) if path else "Save gives the project a file")
        if workspace.session.dirty:
            text = "• unsaved"
            meaning = "There are changes that the file does not have"
        else:
            text = f"saved {self._saved_at}".strip() if path else ""
            meaning = "The file has all changes"
        if self.state.text().startswith("•") and text.startswith("saved"):
            self._saved_at = datetime.now().strftime("%H:%M")
            text = f"saved {self._saved_at}"
        self.state.setText(text)
        self.state.setToolTip(meaning)

    def _opened(self) -> None:
        self._saved_at = ""
        self.state.clear()
        self.name.setModified(False)
        self.kinds.name.give_up()

    def _show_name(self) -> None:
        """Show the name from its beginning, also one that is longer than the line."""
        if self.name.text() != self.workspace.project.name:
            self.name.setText(self.workspace.project.name)
            self.name.setCursorPosition(0)

    def _show_classifiers(self) -> None:
        lines = classifier_lines(self.workspace.project)
        self.classifiers.clear()
        for text, longer in lines:
            item = QListWidgetItem(text)
            item.setToolTip(tip(longer))
            self.classifiers.addItem(item)
        self.classifiers.setVisible(bool(lines))
        rows = min(len(lines), 4)
        height = self.classifiers.sizeHintForRow(0) if lines else 0
        self.classifiers.setFixedHeight(rows * max(height, 1) + 6)

    def _query_changed(self) -> None:
        if self.isVisible() and self.kinds.drawn != self.workspace.gallery.query.kind:
            self.count()

    # --- what is done ----------------------------------------------------------------------------

    def _rename(self) -> None:
        """Give the project the name that was typed."""
        name = self.name.text().strip()
        self.name.setModified(False)
        self.workspace.settle()
        try:
            after = edits.rename_project(self.workspace.project, name)
        except EditError as error:
            messages.error(error)
            self._show_name()
            return
        self.workspace.session.apply(after, f"Rename project to {name}")

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files of this machine."""
        if event is not None and local_paths(event.mimeData()):
            event.acceptProposedAction()
            self.drop.setVisible(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        """Take the hint away again."""
        super().dragLeaveEvent(event)
        self.drop.setVisible(not self.workspace.project.things)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open or import what was dropped, after the drop has ended: questions may be asked."""
        if event is None:
            return
        self.drop.setVisible(not self.workspace.project.things)
        workspace, paths, window = self.workspace, local_paths(event.mimeData()), self.window()
        event.acceptProposedAction()
        QTimer.singleShot(0, lambda: accept_paths(workspace, paths, window))

    # --- how it looks ----------------------------------------------------------------------------

    def _label_controls(self) -> None:
        self.name.setAccessibleName("Name of the project")
        self.name.setToolTip("Name of the project; type another and press Enter")
        self.state.setAccessibleName("Whether all is saved")
        self.path.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.path.setTextFormat(Qt.TextFormat.PlainText)
        self.path.setAccessibleName("File of the project")
        self.facts.setAccessibleName("What the project holds")
        self.classifiers.setAccessibleName("Classifiers")
        self.classifiers.setToolTip("Classifiers of the project")
        self.classifiers.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.drop.setWordWrap(True)
        self.drop.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.drop.setObjectName("drop")
        self.drop.setStyleSheet(
            "QLabel#drop { border: 1px dashed #888888; border-radius: 6px; padding: 14px; }"
        )
        self.state.setObjectName("state")

    def _lay_out(self) -> None:
        named = QHBoxLayout()
        named.setSpacing(6)
        named.addWidget(self.name, 1)
        named.addWidget(self.state)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)
        layout.addWidget(self.recovery)
        layout.addWidget(self.files)
        layout.addLayout(named)
        layout.addWidget(self.path)
        layout.addWidget(self.kinds)
        layout.addWidget(self.facts)
        layout.addWidget(self.classifiers)
        layout.addWidget(self.drop)
        layout.addStretch(1)
        layout.addWidget(self.jobs)
