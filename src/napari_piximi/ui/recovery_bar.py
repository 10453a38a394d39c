"""Work that a crash left behind is offered in a bar; one click takes it up again."""

from datetime import datetime
from functools import partial
from html import escape
from pathlib import Path

from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout

from napari_piximi.io.recovery import Journal, LostSession
from napari_piximi.model.project import Project
from napari_piximi.progress import Progress, silent
from napari_piximi.ui import documents, messages
from napari_piximi.ui.leaving_work import Agreement
from napari_piximi.ui.lost_work import look_for_lost_work
from napari_piximi.ui.panel import Panel
from napari_piximi.ui.shown_names import breakable, one_line, tip

__all__ = ["RecoveryBar"]

LONGEST = 60
"""Characters of the name of a lost project."""

Adopted = tuple[Journal, Project, Path | None]


class RecoveryBar(Panel):
    """Offer the sessions that were not closed properly; hidden when there are none.

    The search for them runs beside the start of napari, which never waits for it.
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.sessions: list[LostSession] = []
        self._taken: LostSession | None = None
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.recover = QPushButton("Recover")
        self.discard = QPushButton("Discard")
        self.others = QPushButton("Others")
        self.menu = QMenu(self)
        self.others.setMenu(self.menu)
        self.menu.aboutToShow.connect(self._fill_menu)
        self.recover.clicked.connect(lambda: self.take(self.sessions[0]))
        self.discard.clicked.connect(lambda: self.drop(self.sessions[0]))
        self.setObjectName("recovery")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet("QWidget#recovery { border: 1px solid #d98e2b; border-radius: 4px; }")
        self._lay_out()
        self.setVisible(False)

    def look(self) -> None:
        """Search for lost sessions."""
        look_for_lost_work(self.workspace, self._offer)

    def take(self, session: LostSession) -> None:
        """Go on with a lost session in place of the project, which is asked about first."""
        if self._taken is not None or not documents.may_leave(self.workspace, self):
            return
        self._taken = session
        self.setEnabled(False)
        agreed = Agreement(self.workspace)
        job = self.workspace.jobs.run(
            f"Recovering {session.name}",
            session.adopt,
            done=lambda adopted: self._go_on(session, adopted, agreed),
        )
        job.finished.connect(lambda: self._rest(again=job.state == "failed"))

    def drop(self, session: LostSession) -> None:
        """Delete a lost session, after a question: it cannot be undone."""
        answer = messages.ask(
            self,
            f"Discard the unsaved work on “{session.name}”?",
            f"{_edits(session)} of {_time(session.when)} will be lost for good.",
            ("Keep", "Discard", "Cancel"),
        )
        if answer == "Discard":
            title = f"Discarding {session.name}"
            self.workspace.jobs.run(title, _discard, session)
            self._forget(session)

    # --- within ------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.recover.setAccessibleName("Recover the lost work")
        self.discard.setAccessibleName("Discard the lost work")
        self.recover.setToolTip("Open the lost work with all its unsaved edits")
        self.discard.setToolTip("Delete what was kept of it")
        self.others.setAccessibleName("Other lost work")
        self.others.setToolTip("Other sessions that were not closed properly")
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.recover, self.discard, self.others):
            buttons.addWidget(button)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 6)
        layout.setSpacing(4)
        layout.addWidget(self.text)
        layout.addLayout(buttons)

    def _offer(self, sessions: list[LostSession]) -> None:
        self.sessions = sessions
        self.setVisible(bool(sessions))
        self.others.setVisible(len(sessions) > 1)
        if sessions:
            latest = sessions[0]
            self.text.setText(
                f"napari-piximi was not closed properly: <b>{_escaped(latest.name)}</b> "
                f"(last edit {_time(latest.when)}, {_edits(latest)})"
            )
            where = str(latest.path) if latest.path else "a project that was never saved"
            self.text.setToolTip(tip(where))
            self.recover.setToolTip(tip(f"Open {where} with all its unsaved edits"))

    def _fill_menu(self) -> None:
        self.menu.clear()
        for session in self.sessions:
            text = f"{one_line(session.name)}, {_time(session.when)}, {_edits(session)}"
            inner = self.menu.addMenu(text.replace("&", "&&"))
            assert inner is not None
            for caption, act in (("Recover", self.take), ("Discard", self.drop)):
                action = inner.addAction(caption)
                assert action is not None
                action.triggered.connect(partial(_call, act, session))

    def _go_on(self, session: LostSession, adopted: Adopted, agreed: Agreement) -> None:
        journal, project, path = adopted
        if not documents.may_still_leave(agreed, self.workspace, self):
            journal.close(discard=False)
            return
        self.workspace.open_project(project, path, journal)
        self._forget(session)
        documents.show_first_image(self.workspace)
        messages.info(f"“{project.name}” is recovered; save it when you have looked at it.")

    def _rest(self, *, again: bool) -> None:
        self._taken = None
        self.setEnabled(True)
        if again:  # it may have gone
            self.look()

    def _forget(self, session: LostSession) -> None:
        self._offer([other for other in self.sessions if other.folder != session.folder])


def _discard(session: LostSession, *, progress: Progress = silent) -> None:
    progress(0, 0)
    session.discard()


def _call(act: object, session: LostSession, *_: object) -> None:
    assert callable(act)
    act(session)


def _time(when: datetime) -> str:
    now = datetime.now().astimezone()
    return when.strftime("%H:%M" if when.date() == now.date() else "%d %b %Y, %H:%M")


def _edits(session: LostSession) -> str:
    return "1 edit" if session.edits == 1 else f"{session.edits:,} edits"


def _escaped(text: str) -> str:
    return escape(breakable(text, LONGEST))
