"""Labels that look wrong, with what can be done about each."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.learn.label_errors import Suspicion, Suspicions
from napari_piximi.ui.filter_form import swatch
from napari_piximi.ui.push_button import push_button
from napari_piximi.ui.shown_names import one_line, tip

if TYPE_CHECKING:
    from napari_piximi.ui.workspace import Workspace

__all__ = ["SuspiciousList"]

MOST = 300
"""Lines at a time; more come as these are gone through."""
HEADINGS = ("Thing", "Label", "Prob.", "Models say", "Prob.")
LABEL, SAYS = 1, 3
"""Columns of the label that was given, and of what models say; the probability of each is next."""
THING = Qt.ItemDataRole.UserRole


class SuspiciousList(QWidget):
    """Suspicious labels, the worst first; those that were dealt with are left out.

    A label that was changed comes back when the change is undone.

    Parameters
    ----------
    workspace : Workspace
    """

    picked = Signal(str)
    """Another line is the current one: the id of its thing."""

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__()
        self._workspace = workspace
        self._suspicions = Suspicions((), 0, 0.0)
        self._kept: set[tuple[str, str]] = set()
        self._listed: list[Suspicion] = []
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.lines = _tree()
        self.show_button = push_button("Show", "Show this thing in the viewer")
        self.keep_button = push_button("Keep label", "The label is right: take it off this list")
        self.change_button = push_button("Change", "Give it the category that the models say")
        self.lines.currentItemChanged.connect(lambda *_: self._picked())
        self.lines.itemActivated.connect(lambda *_: self.show_thing())
        self.show_button.clicked.connect(lambda _: self.show_thing())
        self.keep_button.clicked.connect(lambda _: self.keep())
        self.change_button.clicked.connect(lambda _: self.change())
        buttons = QHBoxLayout()
        for button in (self.show_button, self.keep_button, self.change_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addWidget(self.lines, 1)
        layout.addLayout(buttons)

    @property
    def listed(self) -> tuple[Suspicion, ...]:
        """What is left to be dealt with, the worst first."""
        return tuple(self._listed)

    @property
    def current(self) -> Suspicion | None:
        """The line that the buttons are about."""
        row = self.lines.indexOfTopLevelItem(self.lines.currentItem())
        return self._listed[row] if 0 <= row < len(self._listed) else None

    def show_suspicions(self, suspicions: Suspicions) -> None:
        """List other suspicions."""
        self._suspicions = suspicions
        self.refresh()

    def refresh(self) -> None:
        """Leave out what is dealt with by now, and take in what was undone."""
        things = self._workspace.project.things
        left = [
            found
            for found in self._suspicions.found
            if (found.thing, found.given) not in self._kept
            and found.thing in things
            and things[found.thing].category == found.given
            and found.expected in self._workspace.project.categories
        ]
        row = self.lines.indexOfTopLevelItem(self.lines.currentItem())
        if left != self._listed or self.lines.topLevelItemCount() == 0:
            self._listed = left
            self._fill(max(row, 0))
        self.summary.setText(self._sentence())
        self._offer()

    def keep(self) -> None:
        """Take the label for right."""
        found = self.current
        if found is not None:
            self._kept.add((found.thing, found.given))
            self.refresh()

    def change(self) -> None:
        """Give the thing the category that models would have given it."""
        found = self.current
        if found is not None:
            self._workspace.categorize([found.thing], found.expected)

    def show_thing(self) -> None:
        """Show the thing in the viewer."""
        found = self.current
        if found is not None:
            self._workspace.show(found.thing)

    # --- within --------------------------------------------------------------------------------

    def _sentence(self) -> str:
        all_of_them = self._suspicions
        if not all_of_them.judged:
            return ""
        judged, right = f"{all_of_them.judged:,} labels", f"{100 * all_of_them.accuracy:.0f}%"
        agree = f"Models that had not seen them agree with {right} of {judged}"
        if not all_of_them.found:
            return f"{agree}. None looks wrong."
        more = f", the first {MOST:,} listed" if len(self._listed) > MOST else ""
        return f"{agree}. {len(self._listed):,} left to look at{more}."

    def _fill(self, row: int) -> None:
        self.lines.blockSignals(True)
        self.lines.clear()
        self.lines.addTopLevelItems([self._line(found) for found in self._listed[:MOST]])
        count = self.lines.topLevelItemCount()
        if count:
            self.lines.setCurrentItem(self.lines.topLevelItem(min(row, count - 1)))
        self.lines.blockSignals(False)
        self._picked()

    def _line(self, found: Suspicion) -> QTreeWidgetItem:
        project = self._workspace.project
        given, expected = project.categories[found.given], project.categories[found.expected]
        name = project.things[found.thing].name
        item = QTreeWidgetItem(
            [one_line(name), one_line(given.name), f"{found.self_confidence:.2f}",
             one_line(expected.name), f"{found.confidence:.2f}"]
        )  # fmt: skip
        item.setIcon(LABEL, swatch(given.color))
        item.setIcon(SAYS, swatch(expected.color))
        item.setData(0, THING, found.thing)
        says = (
            f"{name}: labelled {given.name}, which models give {found.self_confidence:.2f}; "
            f"they give {expected.name} {found.confidence:.2f}"
        )
        for column in range(len(HEADINGS)):
            item.setToolTip(column, tip(says))
        return item

    def _picked(self) -> None:
        self._offer()
        found = self.current
        if found is not None:
            self.picked.emit(found.thing)

    def _offer(self) -> None:
        found = self.current
        for button in (self.show_button, self.keep_button, self.change_button):
            button.setEnabled(found is not None)
        categories = self._workspace.project.categories
        name = categories[found.expected].name if found is not None else ""
        text = f"Change to {one_line(name, 16)}" if name else "Change"
        self.change_button.setText(text.replace("&", "&&"))
        self.change_button.setToolTip(tip(f"Give it the category {name}; undo takes it back"))


def _tree() -> QTreeWidget:
    lines = QTreeWidget()
    lines.setHeaderLabels(list(HEADINGS))
    lines.setRootIsDecorated(False)
    lines.setUniformRowHeights(True)
    lines.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
    lines.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    lines.setAccessibleName("Suspicious labels")
    lines.setMinimumHeight(150)
    header = lines.header()
    if header is not None:
        header.setStretchLastSection(False)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        for column in range(len(HEADINGS)):
            stretches = column in (0, LABEL, SAYS)
            mode = QHeaderView.ResizeMode
            header.setSectionResizeMode(
                column, mode.Stretch if stretches else mode.ResizeToContents
            )
    head = lines.headerItem()
    if head is not None:
        head.setToolTip(LABEL + 1, "Probability, 0 to 1, that models give the label that it has")
        head.setToolTip(SAYS + 1, "Probability, 0 to 1, that models give what they say it is")
    return lines
