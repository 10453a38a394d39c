"""Which segmenter, what it is for, and what a user should know before choosing it."""

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import (
    QApplication,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.model.project import Project
from napari_piximi.segment.catalog import Segmenter
from napari_piximi.ui.choice_box import choice_box
from napari_piximi.ui.fold import Fold
from napari_piximi.ui.inline_name import trouble_label
from napari_piximi.ui.segmenter_facts import FACTS, Standing, facts, standing
from napari_piximi.ui.shown_names import breakable, one_line, tip
from napari_piximi.ui.tab_order import tab_as_laid_out
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["SegmenterBox"]

ABOUT = "segment/about"
LONGEST = 2000


class SegmenterBox(QWidget):
    """A list of the segmenters, a sentence on the chosen one, and more that unfolds."""

    chosen = QtSignal(str)
    """The user chose the segmenter of this key."""
    network_chosen = QtSignal(str)
    train_asked = QtSignal()
    """The user wants a network of the project, which has none."""

    def __init__(self) -> None:
        super().__init__()
        self.box = choice_box("Way to find objects", "How objects are found", 12)
        self.box.activated.connect(self._choose)
        self.network = choice_box(
            "Network of the project", "Which network of the project it asks", 12
        )
        self.network.activated.connect(self._choose_network)
        self.summary = wrapped_label()
        self.trouble = trouble_label()
        self.copy = QPushButton("Copy the command")
        self.copy.setToolTip("Copy what is to be run in a terminal")
        self.copy.clicked.connect(self._copy_command)
        self.train = QPushButton("Train a network")
        self.train.setToolTip("Go to the page Train your own")
        self.train.clicked.connect(self.train_asked.emit)
        self.standing = Standing()
        self._segmenter: Segmenter | None = None
        self._known: tuple[tuple[str, str], ...] = ()
        self.facts: dict[str, QLabel] = {}
        self.about = Fold("What it needs", self._make_facts, ABOUT)
        self.cite = QPushButton("Copy the citation")
        self.cite.clicked.connect(self._copy_citation)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (self.box, self.network, self.summary, self.trouble):
            layout.addWidget(widget)
        for button in (self.copy, self.train):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.about)
        self.about.unfolded.connect(self._order)
        self.about.restore()

    # --- what is shown -------------------------------------------------------------------------

    def show_segmenters(
        self, known: Mapping[str, Segmenter], chosen: Segmenter | None, project: Project
    ) -> None:
        """Show which there are, and the chosen one."""
        standings = {key: standing(segmenter, project) for key, segmenter in known.items()}
        items = tuple((key, _item(known[key], standings[key])) for key in known)
        if items != self._known:
            self._known = items
            self.box.clear()
            for place, (key, text) in enumerate(items):
                self.box.addItem(text, key)
                hint = standings[key].trouble or known[key].summary
                self.box.setItemData(place, tip(hint), Qt.ItemDataRole.ToolTipRole)
        if chosen is None:
            self._show_none()
            return
        self.standing = standings[chosen.key]
        self.box.setCurrentIndex(self.box.findData(chosen.key))
        self.box.setToolTip(tip(chosen.summary))
        self._show(chosen)

    def show_networks(self, names: Sequence[str], chosen: str) -> None:
        """Show which networks of the project can be asked; none for another segmenter."""
        self.network.setVisible(bool(names))
        if [self.network.itemData(row) for row in range(self.network.count())] != list(names):
            self.network.clear()
            for name in names:
                self.network.addItem(one_line(name), name)
        self.network.setCurrentIndex(self.network.findData(chosen))

    def _show(self, segmenter: Segmenter) -> None:
        self.trouble.setText(breakable(self.standing.trouble, LONGEST))
        self.trouble.setVisible(bool(self.standing.trouble))
        self.copy.setVisible(bool(self.standing.copied))
        self.train.setVisible(segmenter.own and bool(self.standing.trouble))
        if segmenter is not self._segmenter:
            self._segmenter = segmenter
            self.summary.setText(breakable(segmenter.summary, LONGEST))
        if self.about.content is not None:
            self._fill_facts()

    def _show_none(self) -> None:
        self.trouble.setText("No segmenter could be found: install napari-piximi again")
        self.trouble.setVisible(True)
        self.copy.setVisible(False)
        self.train.setVisible(False)

    def _make_facts(self) -> QWidget:
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(16, 0, 4, 6)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        self._grid = grid
        self._headings: dict[str, QLabel] = {}
        line = QHBoxLayout()
        line.addWidget(self.cite)
        line.addStretch()
        grid.addLayout(line, len(FACTS), 1)
        self._fill_facts()
        return rows

    def _fill_facts(self) -> None:
        found = dict(facts(self._segmenter)) if self._segmenter is not None else {}
        for name in found:
            if name not in self.facts:
                heading, text = QLabel(name), wrapped_label()
                heading.setForegroundRole(QPalette.ColorRole.PlaceholderText)
                text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                text.setAccessibleName(name)
                row = FACTS.index(name)
                self._grid.addWidget(heading, row, 0, Qt.AlignmentFlag.AlignTop)
                self._grid.addWidget(text, row, 1)
                self._headings[name], self.facts[name] = heading, text
        for name, label in self.facts.items():
            label.setText(breakable(found.get(name, ""), LONGEST))
            label.setVisible(name in found)
            self._headings[name].setVisible(name in found)
        self.cite.setVisible("Cite" in found)
        self.cite.setToolTip(tip(f"Copy: {found.get('Cite', '')}"))

    def _order(self) -> None:
        tab_as_laid_out(self)

    # --- what the user does --------------------------------------------------------------------

    def _choose(self, row: int) -> None:
        self.chosen.emit(self.box.itemData(row))

    def _choose_network(self, row: int) -> None:
        self.network_chosen.emit(self.network.itemData(row))

    def _copy_command(self) -> None:
        _copy(self.standing.copied)

    def _copy_citation(self) -> None:
        if self._segmenter is not None:
            _copy(self._segmenter.citation)


def _item(segmenter: Segmenter, found: Standing) -> str:
    return f"{segmenter.title} ({found.note})" if found.note else segmenter.title


def _copy(text: str) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
