"""The list of the fits of a kind: which of them are drawn, in which colour, and how they ended."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from qtpy.QtCore import QPoint, Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QAction, QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_piximi.ui.category_view import DELETE_KEYS
from napari_piximi.ui.curve_data import COLORS, Curves, Key, best_value, moved_runs
from napari_piximi.ui.filter_form import swatch
from napari_piximi.ui.fold import Fold
from napari_piximi.ui.setting_editors import ignore_wheel
from napari_piximi.ui.shown_names import one_line, tip

__all__ = ["RunList"]

ROWS = 5
FIRST = 2
"""Runs of the chosen model that are drawn until the user chooses."""
LIVE = -1
ENDS = {
    "finished": "all epochs",
    "early": "stopped early, as it got no better",
    "cancelled": "stopped by you",
    "diverged": "diverged",
    "interrupted": "interrupted",
    "running": "under way",
}
CHECK = Qt.CheckState
Kept = TypeVar("Kept")


class _Tree(QTreeWidget):
    """Tells of the key that deletes."""

    delete_pressed = QtSignal()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Delete is told of; all other keys move."""
        if event is not None and event.key() in DELETE_KEYS:
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


class RunList(Fold):
    """Runs with a box to check, their colour, epochs and best figure; it folds away.

    Parameters
    ----------
    figure : str
        The one that tells how good a fit is, as histories call it, without ``val_``.
    title : str
        Of its column.
    held_out, taught : str
        What it is of where there is one of validation, and where there is not.
    key : str
        What to remember by whether it is folded.
    """

    chosen = QtSignal()
    """Others are to be drawn."""
    delete_asked = QtSignal(object)
    """The record of a fit is to be deleted: its key."""

    def __init__(
        self,
        figure: str = "accuracy",
        title: str = "Accuracy",
        held_out: str = "Of the validation things",
        taught: str = "Of the training things",
        key: str = "fit/runs",
    ) -> None:
        self.tree = _Tree()
        super().__init__("Runs", self._made, key)
        self._figure, self._title = figure, title
        self._held_out, self._taught = held_out, taught
        self._mixed = False
        self._runs: tuple[Curves, ...] = ()
        self._colors: dict[Key, str] = {}
        self._wishes: dict[Key, bool] = {}
        self._defaults: frozenset[Key] = frozenset()
        self._rows: dict[Key, QTreeWidgetItem] = {}
        self.tree.setColumnCount(3)
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.setAccessibleName("Fits to draw")
        self.tree.setToolTip(
            "Check the fits whose curves are to be drawn over each other; Del deletes the record "
            "of the selected one"
        )
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._open_menu)
        self.tree.delete_pressed.connect(self._ask_delete)
        ignore_wheel(self.tree)
        header = self.tree.header()
        if header is not None:
            header.setStretchLastSection(False)
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            for column in (1, 2):
                header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.itemChanged.connect(self._changed)
        self.menu = QMenu(self.tree)
        self.delete = QAction("Delete this fit", self.menu)
        self.delete.setToolTip("Delete its record (Del); the model stays, and undo brings it back")
        self.delete.triggered.connect(self._ask_delete)
        self.menu.setToolTipsVisible(True)
        self.menu.addAction(self.delete)
        self.restore()

    def _made(self) -> QWidget:
        return self.tree

    def color(self, curves: Curves) -> str:
        """Return the colour of a run, which it keeps."""
        return self._colors[curves.key]

    def is_chosen(self, curves: Curves) -> bool:
        """Tell whether a run is to be drawn."""
        return self._wishes.get(curves.key, curves.key in self._defaults)

    def show_runs(self, runs: Sequence[Curves]) -> None:
        """List these; quick where only the figures of some have changed."""
        before, self._runs = self._runs, tuple(runs)
        keys = [(curves.key, curves.own) for curves in self._runs]
        if keys != [(curves.key, curves.own) for curves in before]:
            self._follow(moved_runs(before, self._runs))
            self._give_colors({curves.key for curves in before})
            own = [curves.key for curves in self._runs if curves.own]
            self._defaults = frozenset(own[:FIRST])
            self._rebuild()
        else:
            for old, new in zip(before, self._runs, strict=True):
                if old is not new:
                    self._show(new)
        self.setVisible(bool(self._runs))

    def _follow(self, moved: Mapping[Key, Key]) -> None:
        """Let runs that have another key now keep their colour, and whether they are drawn."""
        self._colors = _moved(self._colors, moved)
        self._wishes = _moved(self._wishes, moved)

    def _give_colors(self, before: set[Key]) -> None:
        """Give each run a colour; one that has just ended keeps what it had while under way."""
        keys = [curves.key for curves in self._runs]
        ended = [key for key in before if key[2] == LIVE and key not in keys]
        for key in keys:
            if key not in self._colors:
                live = next((old for old in ended if old[:2] == key[:2]), None)
                used = Counter(self._colors[other] for other in keys if other in self._colors)
                free = min(COLORS, key=lambda color: used[color])
                self._colors[key] = free if live is None else self._colors.pop(live, free)

    def _rebuild(self) -> None:
        self.set_title("Runs", f"({len(self._runs)})")
        forests = {curves.trees for curves in self._runs}
        self._mixed = len(forests) > 1
        self.tree.setHeaderLabels(["Fit", "Trees" if forests == {True} else "Epochs", self._title])
        with signals_blocked(self.tree):
            self.tree.clear()
            self._rows.clear()
            for curves in self._runs:
                item = QTreeWidgetItem(self.tree)
                item.setFlags(
                    Qt.ItemFlag.ItemIsEnabled
                    | Qt.ItemFlag.ItemIsUserCheckable
                    | Qt.ItemFlag.ItemIsSelectable
                )
                item.setIcon(0, swatch(self.color(curves)))
                self._rows[curves.key] = item
        for curves in self._runs:
            self._show(curves)
        row = max(self.tree.sizeHintForRow(0), 20)
        header = self.tree.header()
        head = header.sizeHint().height() if header is not None else row
        self.tree.setFixedHeight(row * min(max(len(self._runs), 1), ROWS) + head + 6)

    def _show(self, curves: Curves) -> None:
        item, best = self._rows[curves.key], best_value(curves, self._figure)
        with signals_blocked(self.tree):
            item.setText(0, one_line(curves.title))
            ends = ENDS.get(curves.stopped, curves.stopped)
            ends = ends.replace("epochs", "trees") if curves.trees else ends
            item.setToolTip(0, tip(f"{curves.title}: {ends}"))
            unit = " trees" if curves.trees and self._mixed else ""
            item.setText(1, f"{curves.epochs:,}{unit}" if curves.drawn else "–")
            item.setText(2, "–" if best is None else f"{best:.3f}")
            judged = f"val_{self._figure}" in curves.figures
            item.setToolTip(2, self._held_out if judged else self._taught)
            item.setCheckState(0, CHECK.Checked if self.is_chosen(curves) else CHECK.Unchecked)

    def _selected(self) -> Key | None:
        """Return the selected fit, unless it is under way."""
        selected = self.tree.selectedItems()
        keys = [key for key, row in self._rows.items() if row in selected and key[2] != LIVE]
        return keys[0] if keys else None

    def _open_menu(self, place: QPoint) -> None:
        self.delete.setEnabled(self._selected() is not None)
        self.menu.popup(self.tree.mapToGlobal(place))

    def _ask_delete(self) -> None:
        key = self._selected()
        if key is not None:
            self.delete_asked.emit(key)

    def _changed(self, item: QTreeWidgetItem, _column: int) -> None:
        for key, row in self._rows.items():
            if row is item:
                self._wishes[key] = item.checkState(0) == CHECK.Checked
        self.chosen.emit()


def _moved(kept: Mapping[Key, Kept], moved: Mapping[Key, Key]) -> dict[Key, Kept]:
    """Return what is kept by key, for runs of which some have another key now."""
    theirs = {key: kept[old] for key, old in moved.items() if old in kept}
    gone = {*moved, *moved.values()}
    return {key: value for key, value in kept.items() if key not in gone} | theirs
