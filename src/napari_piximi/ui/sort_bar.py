"""Which kind is on show, and in which order."""

from dataclasses import replace

from qtpy.QtWidgets import QComboBox, QPushButton
from superqt.utils import signals_blocked

from napari_piximi.model.gallery import Gallery, Ranking, SortKey
from napari_piximi.model.query import renewed
from napari_piximi.ui import preferences
from napari_piximi.ui.shown_names import one_line

__all__ = ["DirectionButton", "KindChoice", "ShuffleButton", "SortChoice", "remembered_order"]

SORT, DESCENDING = "gallery/sort", "gallery/descending"


def remembered_order(gallery: Gallery) -> None:
    """Sort as the user last chose."""
    chosen = preferences.get(SORT, SortKey.ADDED.value)
    known = [key for key in SortKey if key != SortKey.SUGGESTED]
    sort = SortKey(chosen) if chosen in known else SortKey.ADDED
    descending = preferences.get(DESCENDING, False)
    gallery.set_query(replace(gallery.query, sort=sort, descending=descending))


class KindChoice(QComboBox):
    """The kinds that are not hidden; the one chosen is on show.

    Parameters
    ----------
    gallery : Gallery
    """

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self._shown: list[tuple[str, str]] = []
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setMaximumWidth(160)
        self.setToolTip("Kind of things on show: images, or the objects of one kind")
        self.setAccessibleName("Kind on show")
        self.currentIndexChanged.connect(self._choose)

    def refresh(self) -> None:
        """Show the kinds as they are now."""
        kinds, present = self._gallery.project.kinds.values(), self._gallery.query.kind
        shown = [(kind.id, kind.name) for kind in kinds if kind.visible or kind.id == present]
        with signals_blocked(self):
            if shown != self._shown:
                self._shown = shown
                self.clear()
                for key, name in shown:
                    self.addItem(one_line(name), key)
            self.setCurrentIndex(self.findData(present))

    def _choose(self, index: int) -> None:
        if index >= 0:
            query, kind = self._gallery.query, self.itemData(index)
            if kind != query.kind:
                self._gallery.set_query(replace(renewed(query, kind), text=query.text))


class SortChoice(QComboBox):
    """What things are sorted by; remembered. Suggestions are offered while there are some.

    Parameters
    ----------
    gallery : Gallery
    """

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for key in SortKey:
            if key != SortKey.SUGGESTED:
                self.addItem(key.value, key)
        self.setToolTip("Sort by")
        self.setAccessibleName("Sort by")
        self.currentIndexChanged.connect(self._choose)

    def refresh(self) -> None:
        """Show what things are sorted by now."""
        query = self._gallery.query
        with signals_blocked(self):
            self._offer(query.ranking)
            self.setCurrentIndex(self.findData(query.sort))

    def _offer(self, ranking: Ranking | None) -> None:
        at = self.findData(SortKey.SUGGESTED)
        if ranking is None:
            self.removeItem(at)
            return
        text = f"{SortKey.SUGGESTED}: {ranking.title}"
        if at < 0:
            self.addItem(text, SortKey.SUGGESTED)
        elif self.itemText(at) != text:
            self.setItemText(at, text)

    def _choose(self, index: int) -> None:
        key = SortKey(self.itemData(index))
        if key != SortKey.SUGGESTED:  # which would not be there next time
            preferences.put(SORT, key.value)
        self._gallery.set_query(replace(self._gallery.query, sort=key))


class DirectionButton(QPushButton):
    """Turns the order round; remembered.

    Parameters
    ----------
    gallery : Gallery
    """

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self.setCheckable(True)
        self.setFixedWidth(26)
        self.setAccessibleName("Turn the order round")
        self.toggled.connect(self._choose)
        self.refresh()

    def refresh(self) -> None:
        """Show the direction as it is now."""
        down = self._gallery.query.descending
        with signals_blocked(self):
            self.setChecked(down)
        self.setText("↓" if down else "↑")
        self.setToolTip("In the reverse order; click to turn it round" if down else
                        "Click to reverse the order")  # fmt: skip
        self.setEnabled(self._gallery.query.sort != SortKey.RANDOM)

    def _choose(self, down: bool) -> None:
        preferences.put(DESCENDING, down)
        self._gallery.set_query(replace(self._gallery.query, descending=down))


class ShuffleButton(QPushButton):
    """Draws another random order; there only where things are sorted by one.

    Parameters
    ----------
    gallery : Gallery
    """

    def __init__(self, gallery: Gallery) -> None:
        super().__init__()
        self._gallery = gallery
        self.setText("Shuffle")
        self.setToolTip("Draw another random order")
        self.setAccessibleName("Shuffle again")
        self.clicked.connect(self._shuffle)

    def refresh(self) -> None:
        """Be there only where it does something."""
        self.setVisible(self._gallery.query.sort == SortKey.RANDOM)

    def _shuffle(self) -> None:
        query = self._gallery.query
        self._gallery.set_query(replace(query, seed=query.seed + 1))
