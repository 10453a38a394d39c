"""What the colours of a map stand for; a click hides and shows."""

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QWidget
from superqt.utils import signals_blocked

from napari_piximi.ui.filter_form import swatch
from napari_piximi.ui.map_colors import Entry
from napari_piximi.ui.shown_names import one_line, tip

__all__ = ["MapLegend"]

LONGEST = 24
KEY = Qt.ItemDataRole.UserRole
HIDDEN = QColor(128, 128, 128)


class MapLegend(QListWidget):
    """One line for each colour, with the number of its points.

    Parameters
    ----------
    parent : QWidget, optional
    """

    toggled = Signal()
    """Another line was hidden or shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hidden: set[str] = set()
        self._entries: tuple[Entry, ...] = ()
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Legend: what is shown on the map")
        self.setToolTip("Click to hide or show; Space does the same")
        self.itemClicked.connect(self._toggle)
        self.itemChanged.connect(self._check)

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Draw other lines, where anything differs."""
        if tuple(entries) == self._entries:
            return
        same = [entry.key for entry in entries] == [entry.key for entry in self._entries]
        self._entries = tuple(entries)
        with signals_blocked(self):
            if not same:
                self.clear()
                for entry in entries:
                    self.addItem(_item(entry))
            for row, entry in enumerate(entries):
                self._draw(row, entry)

    def shows(self, key: str) -> bool:
        """Tell whether the points of a line are shown."""
        return key not in self.hidden

    def _draw(self, row: int, entry: Entry) -> None:
        item = self.item(row)
        if item is None:
            return
        item.setText(f"{one_line(entry.text, LONGEST)}  {entry.count:,}")
        item.setToolTip(tip(f"{entry.text}: {entry.count:,}. Click to hide or show"))
        item.setIcon(swatch(entry.color))
        shown = Qt.CheckState.Checked if self.shows(entry.key) else Qt.CheckState.Unchecked
        item.setCheckState(shown)
        item.setData(Qt.ItemDataRole.ForegroundRole, None if self.shows(entry.key) else HIDDEN)

    def _toggle(self, item: QListWidgetItem) -> None:
        """Turn a line round that was clicked beside its box."""
        key = item.data(KEY)
        if (item.checkState() == Qt.CheckState.Checked) == self.shows(key):
            self._set(key, not self.shows(key))

    def _check(self, item: QListWidgetItem) -> None:
        self._set(item.data(KEY), item.checkState() == Qt.CheckState.Checked)

    def _set(self, key: str, shown: bool) -> None:
        if shown != self.shows(key):
            (self.hidden.discard if shown else self.hidden.add)(key)
            with signals_blocked(self):
                for row, entry in enumerate(self._entries):
                    self._draw(row, entry)
            self.toggled.emit()


def _item(entry: Entry) -> QListWidgetItem:
    item = QListWidgetItem()
    item.setData(KEY, entry.key)
    item.setFlags(
        Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
    )
    return item
