"""The Categories dock: the categories of the kind on show, and giving them to things."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QStyledItemDelegate,
    QToolButton,
    QWidget,
)
from superqt import QElidingLabel

from napari_piximi.model.project import Project
from napari_piximi.ui.category_delegate import CategoryDelegate
from napari_piximi.ui.category_edits import CategoryEdits
from napari_piximi.ui.category_items import CategoryItems, CategoryRow, Column, rows_of
from napari_piximi.ui.category_target import Target, target_of
from napari_piximi.ui.category_view import CategoryView
from napari_piximi.ui.color_menu import ColorMenu
from napari_piximi.ui.edit_keys import EditKeys
from napari_piximi.ui.inline_name import trouble_label
from napari_piximi.ui.panel import Panel
from napari_piximi.ui.shown_names import LONGEST_TROUBLE, breakable, one_line, tip

__all__ = ["CategoriesPanel"]

TARGET_TIP = "What a category is given to: select things, or a layer"


class CategoriesPanel(Panel):
    """Create, rename, recolour, delete, reorder, hide and give categories.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    """

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self._drawn: object = None
        self.target = QElidingLabel()
        self.assign = QPushButton("Categorise")
        self.only = QPushButton("Show only")
        self.more = QPushButton("⋯")
        self.menu = QMenu(self)
        self.edits = CategoryEdits(self.workspace, self._complain)
        self.items = CategoryItems(self.edits.rename, self._drop, self)
        self.delegate = CategoryDelegate(self.edits.check_name, self)
        self.list = CategoryView(self.items, self.delegate)
        self.name = QLineEdit()
        self.add = QPushButton("+")
        self.trouble = trouble_label()
        self._label_controls()
        self._lay_out()
        self._connect()
        EditKeys(self, self.workspace)

    def project_changed(self, before: Project, after: Project) -> None:
        """Draw the categories again, if the panel is in sight."""
        if self.isVisible():
            self.refresh()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Draw what was not drawn while the panel was out of sight."""
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Draw everything that differs."""
        gallery, chosen = self.workspace.gallery, self.list.current()
        kind = gallery.query.kind
        counts = {key: tuple(found.values()) for key, found in gallery.counts().items()}
        self._drawn = gallery.query
        if self.items.show_rows(rows_of(self.workspace.project, kind, counts)):
            self.menu.close()  # it may be about one that has gone
            self.list.choose(chosen)
        name = self.workspace.project.kind_name(kind)
        self.name.setPlaceholderText(f"New category of {one_line(name)}")
        self._retarget()

    @property
    def kind(self) -> str:
        """Id of the kind whose categories are shown."""
        return self.workspace.gallery.query.kind

    # --- what is done to categories ------------------------------------------------------------

    def create_category(self) -> None:
        """Create a category with the name that was typed."""
        made = self.edits.create(self.name.text().strip())
        if made is not None:
            self.name.clear()
            self.list.choose(made)
        self.name.setFocus()

    def delete(self, category: str) -> None:
        """Delete a category, and choose the one that then is in its place."""
        place = self.items.row_of(category) or 0
        if self.edits.delete(category):
            self.list.choose(self.items.rows[min(place, len(self.items.rows) - 1)].id)

    def step(self, category: str, by: int) -> None:
        """Move a category up or down, and keep it chosen."""
        if self.edits.step(category, by):
            self.list.choose(category)

    def show_only(self, category: str) -> None:
        """Show only things of one category in the gallery, or all again."""
        gallery = self.workspace.gallery
        alone = frozenset([category])
        wanted = frozenset[str]() if gallery.query.categories == alone else alone
        gallery.set_query(replace(gallery.query, categories=wanted))

    def ask_color(self, category: str) -> None:
        """Show colours to choose from, beside the category's."""
        place = self.items.row_of(category)
        if place is None:
            return  # it has gone while the menu was open
        color = self.items.rows[place].color
        menu = ColorMenu(color, partial(self.edits.recolor, category), self)
        index = self.items.index(place, Column.COLOR)
        viewport = self.list.viewport()
        assert viewport is not None
        menu.popup(viewport.mapToGlobal(self.list.visualRect(index).bottomLeft()))

    def fill_menu(self) -> None:
        """Write into the menu what can be done with the category chosen."""
        self.menu.clear()
        category = self.list.current()
        if category is None:
            self.menu.addAction("Choose a category first")
            return
        row = self._row(category)
        movable, name = not row.unknown, one_line(row.name, 30)
        entries: tuple[tuple[str, Callable[[], object], bool], ...] = (
            (f"Give “{name}” to the selection\tEnter", lambda: self.edits.give(category), True),
            ("Rename\tF2", self.edit_name, movable),
            ("Colour…", lambda: self.ask_color(category), True),
            ("Hide\tSpace" if row.visible else "Show\tSpace",
             lambda: self.edits.turn_visible(category), True),
            ("Move up\tAlt+Up", lambda: self.step(category, -1), movable),
            ("Move down\tAlt+Down", lambda: self.step(category, 1), movable),
            ("Delete\tDel", lambda: self.delete(category), movable),
        )  # fmt: skip
        for text, act, enabled in entries:
            action = self.menu.addAction(text.replace("&", "&&"))
            assert action is not None
            action.triggered.connect(act)
            action.setEnabled(enabled)

    def edit_name(self) -> None:
        """Begin to rename the category chosen, in its place."""
        index = self.list.currentIndex().siblingAtColumn(Column.NAME)
        if index.isValid():
            self.list.edit(index)

    # --- within ------------------------------------------------------------------------------

    def _row(self, category: str) -> CategoryRow:
        return next(row for row in self.items.rows if row.id == category)

    def _drop(self, category: str, row: int) -> None:
        """Put a category that was dragged before what is in a row; Unknown is row 0."""
        place = (self.items.row_of(category) or 1) - 1
        target = max(row - 1, 0)
        if self.edits.move(category, target - (target > place)):
            self.list.choose(category)

    def _complain(self, trouble: str | None) -> None:
        self.trouble.setText(breakable(trouble or "", LONGEST_TROUBLE))
        self.trouble.setVisible(bool(trouble))

    def _query_changed(self) -> None:
        if self.isVisible() and self._drawn != self.workspace.gallery.query:
            self._complain(None)
            self.refresh()

    def _editor_closed(self, _editor: QWidget, hint: QStyledItemDelegate.EndEditHint) -> None:
        """Forget what was wrong with a name that was given up."""
        if hint == QStyledItemDelegate.EndEditHint.RevertModelCache:
            self._complain(None)

    def _selection_changed(self) -> None:
        self._complain(None)
        self._retarget()

    def _retarget(self, _event: object = None) -> None:
        """Say in words what the buttons act on."""
        if not self.isVisible():
            return
        target: Target = target_of(self.workspace)
        if self.target.text() != target.text:
            self.target.setText(target.text)
            self.target.setToolTip(tip(f"{target.text}\n{TARGET_TIP}"))
        category = self.list.current()
        chosen = None if category is None else self._row(category)
        self.assign.setEnabled(bool(target.ids) and chosen is not None)
        name = one_line(chosen.name) if chosen else "the category chosen"
        given = f"Give what is selected the category {name} (Enter, double-click)"
        self.assign.setToolTip(tip(given))
        self.only.setEnabled(chosen is not None)
        filtered = self.workspace.gallery.query.categories
        alone = chosen is not None and filtered == frozenset([chosen.id])
        self.only.setText("Show all" if alone else "Show only")
        self.only.setToolTip(
            "Show the things of all categories again"
            if alone
            else tip(f"Show only things of {name}")
        )

    def _act(self, act: Callable[[str], None]) -> None:
        category = self.list.current()
        if category is not None:
            act(category)

    def _open_menu(self) -> None:
        self.fill_menu()
        self.menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _open_menu_at(self, place: QPoint) -> None:
        self.fill_menu()
        viewport = self.list.viewport()
        assert viewport is not None
        self.menu.popup(viewport.mapToGlobal(place))

    def _label_controls(self) -> None:
        self.target.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.target.setTextFormat(Qt.TextFormat.PlainText)
        self.target.setAccessibleName("What a category is given to")
        self.target.setToolTip(TARGET_TIP)
        self.assign.setAccessibleName("Give what is selected the category chosen")
        self.only.setAccessibleName("Show only things of the category chosen")
        self.more.setAccessibleName("More about the category chosen")
        self.more.setToolTip("Rename, recolour, hide, move or delete the category chosen")
        self.name.setAccessibleName("Name of a new category")
        self.name.setToolTip("Type a name and press Enter to create a category")
        self.name.setClearButtonEnabled(True)
        for button in self.name.findChildren(QToolButton):
            button.setAccessibleName("Clear the name")
            button.setToolTip("Clear the name")
        self.add.setAccessibleName("Create category")
        self.add.setToolTip("Create a category with this name")
        self.more.setFixedWidth(28)
        self.add.setFixedWidth(28)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.assign, 1)
        buttons.addWidget(self.only, 1)
        buttons.addWidget(self.more)
        layout = QGridLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(4)
        layout.addWidget(self.target, 0, 0, 1, 2)
        layout.addLayout(buttons, 1, 0, 1, 2)
        layout.addWidget(self.list, 2, 0, 1, 2)
        layout.addWidget(self.name, 3, 0)
        layout.addWidget(self.add, 3, 1)
        layout.addWidget(self.trouble, 4, 0, 1, 2)
        layout.setRowStretch(2, 1)

    def _connect(self) -> None:
        self.name.returnPressed.connect(self.create_category)
        self.name.textEdited.connect(lambda: self._complain(None))
        self.add.clicked.connect(self.create_category)
        self.assign.clicked.connect(lambda: self._act(self.edits.give))
        self.only.clicked.connect(lambda: self._act(self.show_only))
        self.more.clicked.connect(self._open_menu)
        self.delegate.closeEditor.connect(self._editor_closed)
        view, model = self.list, self.list.selectionModel()
        assert model is not None
        model.currentChanged.connect(lambda *_: self._retarget())
        view.customContextMenuRequested.connect(self._open_menu_at)
        view.number_pressed.connect(self.edits.give_number)
        view.assign_asked.connect(self.edits.give)
        view.color_asked.connect(self.ask_color)
        view.eye_clicked.connect(self.edits.turn_visible)
        view.delete_asked.connect(self.delete)
        view.step_asked.connect(self.step)
        self.listen(self.workspace.gallery.arranged, self._query_changed)
        self.listen(self.workspace.gallery.selected, self._selection_changed)
        active = self.workspace.viewer.layers.selection.events.active
        active.connect(self._retarget)
        self.links.add(partial(active.disconnect, self._retarget))
