"""The row of buttons that every project needs: new, open, save, import, undo, redo."""

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QWidget

from napari_piximi.ui import documents, file_choice, messages
from napari_piximi.ui.dropping import accept_paths
from napari_piximi.ui.edit_keys import REDO_KEYS, SAVE_AS_KEYS, SAVE_KEYS, UNDO_KEYS, key_text
from napari_piximi.ui.shown_names import one_line, tip
from napari_piximi.ui.workspace import Workspace

__all__ = ["FileRow"]

BUNDLES = ("Piximi project (*.zip)",)
IMAGES = ("Images ({})", "All files (*)")
ANNOTATIONS = ("Annotations, Piximi's or COCO's (*.json)", "All files (*)")
CLASSIFIERS = ("Classifier (*.json *.bin *.zip)", "All files (*)")


class FileRow(QWidget):
    """New, open, save, import, undo and redo, with their menus.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.new = self._button("New", "Begin an empty project")
        self.open = self._button("Open ▾", "Open a Piximi project")
        self.save = self._button("Save", "")
        self.bring = self._button("Import ▾", "Add images, annotations, a classifier or layers")
        self.undo = self._button("↶", "")
        self.redo = self._button("↷", "")
        self.more = self._button("⋯", "Undo, redo, save as…")
        self.more.setAccessibleName("More about the project")
        self.open_menu, self.more_menu = QMenu(self), QMenu(self)
        self.import_menu = self._import_menu()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        wide = (self.new, self.open, self.save, self.bring)
        narrow = (self.undo, self.redo, self.more)
        for button in (*wide, *narrow):
            layout.addWidget(button, 1 if button in wide else 0)
        for button in wide:
            # with the theme's padding seven of them would be wider than a narrow dock
            button.setStyleSheet("QPushButton { padding: 4px 3px; }")
            button.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed)
        for button in narrow:
            button.setFixedWidth(26)
        self._connect()
        self.refresh()

    def refresh(self) -> None:
        """Name the edits that undo and redo stand for, and tell whether there is work to save."""
        session = self._workspace.session
        for button, verb, label, keys in (
            (self.undo, "Undo", session.undo_label, UNDO_KEYS),
            (self.redo, "Redo", session.redo_label, REDO_KEYS),
        ):
            text = f"{verb} {one_line(label)}" if label else f"Nothing to {verb.lower()}"
            button.setEnabled(label is not None)
            button.setToolTip(tip(f"{text}  {key_text(keys)}"))
            button.setAccessibleName(text)
        path = self._workspace.path
        where = f"Save to {path.name}" if path else "Save the project to a file"
        self.save.setToolTip(tip(f"{where}  {key_text(SAVE_KEYS)}"))

    def fill_open_menu(self) -> None:
        """List what was opened last; what has gone since cannot be chosen."""
        menu = self.open_menu
        menu.clear()
        _add(menu, "Open project…", self._open)
        _add(menu, "Open project folder (.zarr)…", self._open_folder)
        known = documents.recent()
        if known:
            menu.addSection("Recent")
        for path in known:
            name = one_line(path.name).replace("&", "&&")
            action = menu.addAction(name)
            assert action is not None
            action.setToolTip(tip(str(path)))
            action.triggered.connect(partial(self._open_path, path))
            if not os.path.exists(path):  # Path.exists fails in a folder that may not be read
                action.setEnabled(False)
                action.setText(f"{name} (gone)")

    def fill_more_menu(self) -> None:
        """Write the edits that undo and redo stand for into the menu."""
        menu, workspace = self.more_menu, self._workspace
        menu.clear()
        session = workspace.session
        undo, redo = session.undo_label, session.redo_label
        steps = (
            ("Undo", undo, UNDO_KEYS, workspace.undo),
            ("Redo", redo, REDO_KEYS, workspace.redo),
        )
        for verb, label, keys, act in steps:
            text = f"{verb} {one_line(label or '')}".strip()
            _add(menu, text, act, keys).setEnabled(label is not None)
        menu.addSeparator()
        _add(menu, "Save", self._save, SAVE_KEYS)
        _add(menu, "Save as…", self._save_as, SAVE_AS_KEYS)

    # --- within ------------------------------------------------------------------------------

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleName(text.removesuffix(" ▾"))
        return button

    def _connect(self) -> None:
        workspace = self._workspace
        self.new.clicked.connect(lambda: documents.new(workspace, self.window()))
        self.save.clicked.connect(self._save)
        self.undo.clicked.connect(workspace.undo)
        self.redo.clicked.connect(workspace.redo)
        self.open_menu.setToolTipsVisible(True)
        self.open_menu.aboutToShow.connect(self.fill_open_menu)
        self.more_menu.aboutToShow.connect(self.fill_more_menu)
        menus = ((self.open, self.open_menu), (self.bring, self.import_menu))
        for button, menu in (*menus, (self.more, self.more_menu)):
            button.clicked.connect(partial(_pop_up, button, menu))

    def _import_menu(self) -> QMenu:
        from napari_piximi.io.images import IMAGE_SUFFIXES

        suffixes = " ".join(f"*{suffix}" for suffix in sorted(IMAGE_SUFFIXES))
        images = (IMAGES[0].format(suffixes), IMAGES[1])
        menu = QMenu(self)
        _add(menu, "Images…", partial(self._import, "Import images", images))
        _add(menu, "Folder of images…", self._import_folder)
        _add(menu, "Annotations…", partial(self._import, "Import annotations", ANNOTATIONS))
        _add(menu, "Classifier…", partial(self._import, "Import a classifier", CLASSIFIERS))
        menu.addSeparator()
        _add(menu, "Selected layers", self._import_layers)
        return menu

    def _open(self) -> None:
        self._open_any(file_choice.choose_files(self.window(), "Open project", BUNDLES))

    def _open_folder(self) -> None:
        folder = file_choice.choose_folder(self.window(), "Open project folder (.zarr)")
        self._open_any([folder] if folder else [])

    def _open_any(self, paths: Iterable[Path]) -> None:
        for path in paths:
            documents.open_path(self._workspace, path, self.window())

    def _open_path(self, path: Path, _checked: bool = False) -> None:
        documents.open_path(self._workspace, path, self.window())

    def _save(self) -> None:
        documents.save(self._workspace, self.window())

    def _save_as(self) -> None:
        documents.save_as(self._workspace, parent=self.window())

    def _import(self, title: str, filters: tuple[str, ...]) -> None:
        paths = file_choice.choose_files(self.window(), title, filters, several=True)
        accept_paths(self._workspace, paths, self.window())

    def _import_folder(self) -> None:
        folder = file_choice.choose_folder(self.window(), "Import a folder of images")
        if folder is not None:
            accept_paths(self._workspace, [folder], self.window())

    def _import_layers(self) -> None:
        layers = list(self._workspace.viewer.layers.selection)
        if not layers:
            messages.info("Select the layers to be added in napari's list of layers first")
            return
        from napari_piximi.ui.layer_import import add_layers

        add_layers(self._workspace, layers, self.window())


def _add(
    menu: QMenu, text: str, act: Callable[[], object], keys: tuple[str, ...] | None = None
) -> QAction:
    shown = text.replace("&", "&&")
    action = menu.addAction(f"{shown}\t{key_text(keys)}" if keys else shown)
    assert action is not None
    action.triggered.connect(lambda: act())
    return action


def _pop_up(button: QPushButton, menu: QMenu, *_: object) -> None:
    menu.popup(button.mapToGlobal(button.rect().bottomLeft()))
