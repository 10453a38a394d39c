"""The kinds of a project as tabs, with all that can be done to a kind."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QGridLayout, QMenu, QPushButton, QTabBar, QWidget

from napari_piximi.errors import EditError
from napari_piximi.model import edits
from napari_piximi.model.things import IMAGE_KIND
from napari_piximi.ui import messages
from napari_piximi.ui.inline_name import InlineName
from napari_piximi.ui.shown_names import one_line, tip
from napari_piximi.ui.workspace import Workspace

__all__ = ["KindTabs"]

MANY = 100
"""Deleting a kind with more things than this is told of, since undo brings them back."""

LONGEST = 24
"""Characters of a name on a tab; its tool tip has all of it."""


class KindTabs(QWidget):
    """One tab per kind that is not hidden; the one chosen is on show in the gallery.

    Parameters
    ----------
    workspace : Workspace

    Attributes
    ----------
    drawn : str
        The kind that was on show when this was drawn last.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._counts: Mapping[str, int] = {}
        self._kinds: list[str] = []
        self.drawn = ""
        self.tabs = _Tabs()
        self.add = QPushButton("+")
        self.more = QPushButton("⋯")
        self.menu = QMenu(self)
        self.name = InlineName()
        self._label_controls()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.tabs, 0, 0)
        layout.addWidget(self.add, 0, 1)
        layout.addWidget(self.more, 0, 2)
        layout.addWidget(self.name, 1, 0, 1, 3)
        layout.setColumnStretch(0, 1)
        self.tabs.currentChanged.connect(self._choose)
        self.tabs.tabBarDoubleClicked.connect(self._double_click)
        self.tabs.customContextMenuRequested.connect(self._open_menu_at)
        self.add.clicked.connect(lambda: self.create_kind())
        self.more.clicked.connect(self._open_menu)

    def refresh(self, counts: Mapping[str, int]) -> None:
        """Draw the kinds of the project; `counts` has the number of things of each."""
        self._counts = counts
        if self.drawn != self.kind:
            self.name.give_up()  # it asked about the kind that was on show
        self.drawn = self.kind
        project, current = self._workspace.project, self._workspace.gallery.query.kind
        kinds = [key for key, kind in project.kinds.items() if kind.visible or key == current]
        self.tabs.blockSignals(True)
        if kinds != self._kinds:
            self._kinds = kinds
            for _ in range(self.tabs.count()):
                self.tabs.removeTab(0)
            for key in kinds:
                self.tabs.addTab(project.kinds[key].name)
        for index, key in enumerate(kinds):
            self._write(index, project.kinds[key].name, counts.get(key, 0))
        if current in kinds:
            self.tabs.setCurrentIndex(kinds.index(current))
        self.tabs.blockSignals(False)

    @property
    def kind(self) -> str:
        """Id of the kind on show."""
        return self._workspace.gallery.query.kind

    # --- what is done to kinds ---------------------------------------------------------------

    def create_kind(self) -> None:
        """Ask for the name of a new kind."""
        self.name.ask("Name of the new kind", "", self._create)

    def rename(self) -> None:
        """Ask for another name of the kind on show."""
        if self.kind == IMAGE_KIND:
            messages.info("The kind Image keeps its name: all images are of it")
            return
        old = self._workspace.project.kinds[self.kind].name
        self.name.ask("New name of the kind", old, partial(self._rename, self.kind))

    def hide_kind(self) -> None:
        """Hide the kind on show; the next one is shown."""
        kind, name = self.kind, self._name(self.kind)
        shown = [key for key, k in self._workspace.project.kinds.items() if k.visible]
        others = [key for key in shown if key != kind]
        if not others:
            messages.info("At least one kind must stay in sight")
            return
        place = shown.index(kind) if kind in shown else 0
        self._show(others[min(place, len(others) - 1)])
        self._workspace.edit(f"Hide kind {name}", edits.edit_kind, kind, visible=False)

    def unhide(self, kind: str) -> None:
        """Show a hidden kind again, and go to it."""
        label = f"Show kind {self._name(kind)}"
        if self._workspace.edit(label, edits.edit_kind, kind, visible=True):
            self._show(kind)

    def delete(self) -> None:
        """Delete the kind on show with its things."""
        kind, name = self.kind, self._name(self.kind)
        count = self._counts.get(kind, 0)
        if self._workspace.edit(f"Delete kind {name}", edits.delete_kind, kind) and count > MANY:
            shown = one_line(name)
            messages.info(f"“{shown}” and its {count:,} objects are deleted; undo brings them back")

    def fill_menu(self) -> None:
        """Write what can be done now into the menu."""
        self.menu.clear()
        is_image, name = self.kind == IMAGE_KIND, one_line(self._name(self.kind), LONGEST)
        entries = (
            ("New kind…", self.create_kind, True),
            (f"Rename “{name}”…", self.rename, not is_image),
            (f"Hide “{name}”", self.hide_kind, True),
            (f"Delete “{name}”", self.delete, not is_image),
        )
        for text, slot, enabled in entries:
            action = self.menu.addAction(text.replace("&", "&&"))
            assert action is not None
            action.triggered.connect(slot)
            action.setEnabled(enabled)
        hidden = [k for k in self._workspace.project.kinds.values() if not k.visible]
        if hidden:
            self.menu.addSection("Hidden kinds")
        for kind in hidden:
            text = f"Show “{one_line(kind.name, LONGEST)}” ({self._counts.get(kind.id, 0):,})"
            action = self.menu.addAction(text.replace("&", "&&"))
            assert action is not None
            action.triggered.connect(lambda _=False, key=kind.id: self.unhide(key))

    # --- within ------------------------------------------------------------------------------

    def _label_controls(self) -> None:
        self.tabs.setAccessibleName("Kinds")
        self.tabs.setToolTip("Kinds of things: choose the one to show; F2 renames it")
        self.tabs.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.add.setToolTip("New kind of objects")
        self.add.setAccessibleName("New kind")
        self.more.setToolTip("Rename, hide, show or delete a kind")
        self.more.setAccessibleName("More about kinds")
        for button in (self.add, self.more):
            button.setFixedSize(24, 24)

    def _name(self, kind: str) -> str:
        return self._workspace.project.kind_name(kind)

    def _write(self, index: int, name: str, count: int) -> None:
        whole = " ".join(name.split())
        short = whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"
        text = f"{short} ({count:,})".replace("&", "&&")
        things = "thing" if count == 1 else "things"
        rest = "" if self._kinds[index] == IMAGE_KIND else ". Double-click to rename"
        spoken, told = f"{whole}, {count:,} {things}", f"{whole}: {count:,} {things}{rest}"
        if self.tabs.tabText(index) != text or self.tabs.accessibleTabName(index) != spoken:
            self.tabs.setTabText(index, text)
            self.tabs.setTabToolTip(index, tip(told))
            self.tabs.setAccessibleTabName(index, spoken)

    def _choose(self, index: int) -> None:
        if 0 <= index < len(self._kinds):
            self._show(self._kinds[index])

    def _show(self, kind: str) -> None:
        """Put a kind on show; filters by category would suit none of its things."""
        gallery = self._workspace.gallery
        if kind == gallery.query.kind:
            return
        none = frozenset[str]()
        gallery.set_query(
            replace(gallery.query, kind=kind, categories=none, predicted=none, only=None)
        )

    def _double_click(self, index: int) -> None:
        if index >= 0:
            self.rename()

    def _create(self, name: str) -> str | None:
        self._workspace.settle()
        try:
            after = edits.create_kind(self._workspace.project, name)
        except EditError as error:
            return str(error)
        self._workspace.session.apply(after, f"Create kind {name}")
        self._show(list(after.kinds)[-1])
        return None

    def _rename(self, kind: str, name: str) -> str | None:
        self._workspace.settle()
        project = self._workspace.project
        try:
            after = edits.edit_kind(project, kind, name=name)
        except EditError as error:
            return str(error)
        self._workspace.session.apply(after, f"Rename kind {self._name(kind)} to {name}")
        return None

    def _open_menu(self) -> None:
        self.fill_menu()
        self.menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _open_menu_at(self, place: QPoint) -> None:
        index = self.tabs.tabAt(place)
        if index >= 0:
            self.tabs.setCurrentIndex(index)
        self.fill_menu()
        self.menu.popup(self.tabs.mapToGlobal(place))


class _Tabs(QTabBar):
    """Tabs that F2 renames."""

    def __init__(self) -> None:
        super().__init__()
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setDrawBase(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Rename on F2."""
        if event is not None and event.key() == Qt.Key.Key_F2:
            self.tabBarDoubleClicked.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)
