"""On which images objects are to be found, what they become, and what of those there already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QGridLayout,
    QLabel,
    QRadioButton,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_piximi.ui import preferences
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.segment_where import There, Where
from napari_piximi.ui.segment_words import objects_text
from napari_piximi.ui.setting_editors import ignore_wheel
from napari_piximi.ui.shown_names import one_line, tip
from napari_piximi.ui.wrapped_label import wrapped_label
from napari_piximi.ui.wrapping_row import WrappingRow

__all__ = ["TargetBox", "TargetState"]

WHERE, PLANES, REPLACES = "segment/where", "segment/every plane", "segment/replace"
LABELS = 112
"""Width of the labels at the left in pixels, as in forms of settings."""


@dataclass(frozen=True, slots=True)
class TargetState:
    """What there is to choose from.

    Attributes
    ----------
    counts : mapping of Where to int
        Images.
    stacks : bool
        Whether any of the chosen ones has several planes.
    plane : str
        What the one plane is called.
    kinds : sequence of str
        Names of the kinds of objects of the project.
    kind : str
        The chosen one.
    classes : sequence of str
        Of a segmenter that tells several sorts of objects.
    there : There
        Objects that would be replaced.
    """

    counts: Mapping[Where, int]
    stacks: bool
    plane: str
    kinds: Sequence[str]
    kind: str
    classes: Sequence[str]
    there: There


class TargetBox(QWidget):
    """Images, planes, kind, and whether what is there already goes."""

    changed = QtSignal()
    """The user chose other images, planes, or what becomes of the objects there."""
    named = QtSignal(str)
    """The user gave the objects this name."""

    def __init__(self) -> None:
        super().__init__()
        self.where, self.planes, self.kind = ElidedBox(), ElidedBox(), QComboBox()
        self.classes = wrapped_label()
        self.replaces = QRadioButton("Replace")
        self.adds = QRadioButton("Add to them")
        self.there = QLabel()
        self.labelled = wrapped_label()
        self._fate = preferences.get(REPLACES)
        self._rows: dict[str, tuple[QWidget, QWidget]] = {}
        self._set_up()
        self._lay_out()

    # --- what is chosen --------------------------------------------------------------------------

    @property
    def images(self) -> Where:
        """Which images are chosen."""
        return Where(self.where.currentData())

    @property
    def every_plane(self) -> bool:
        """Whether all planes of stacks are."""
        return bool(self.planes.currentData())

    @property
    def is_replacing(self) -> bool:
        """Whether objects that are there go."""
        return self.replaces.isChecked()

    def show_state(self, state: TargetState) -> None:
        """Show what there is to choose from."""
        for row, where in enumerate(Where):
            count = state.counts[where]
            text = where.value if where is Where.SHOWN else f"{where.value} ({count:,})"
            if self.where.itemText(row) != text:
                self.where.setItemText(row, text)
        self._show_row("planes", state.stacks)
        self.planes.setItemText(0, state.plane)
        self._show_row("kind", not state.classes)
        self._show_row("classes", bool(state.classes))
        self._show_kinds(state)
        names = ", ".join(state.classes)
        self.classes.setText("A kind for each sort that is found")
        self.classes.setToolTip(tip(f"It tells {len(state.classes)} sorts: {names}"))
        self._show_there(state.there)

    def _show_kinds(self, state: TargetState) -> None:
        if [self.kind.itemText(row) for row in range(self.kind.count())] != list(state.kinds):
            with signals_blocked(self.kind):
                self.kind.clear()
                self.kind.addItems(list(state.kinds))
        if self.kind.currentText() != state.kind:
            with signals_blocked(self.kind):
                self.kind.setEditText(state.kind)
        new = state.kind.strip().casefold() not in {name.casefold() for name in state.kinds}
        self.kind.setToolTip(
            tip(f"Kind of the objects: {one_line(state.kind)}{', a new one' if new else ''}")
        )

    def _show_there(self, there: There) -> None:
        """Show what there is already, and, until the user has chosen, take away no categories."""
        if not isinstance(self._fate, bool):
            (self.adds if there.labelled else self.replaces).setChecked(True)
        self._show_row("there", bool(there.objects))
        self.there.setText(f"{there.objects:,} there")
        self.there.setToolTip(
            f"{objects_text(there.objects)} of this kind on these images: what becomes of them?"
        )
        self._show_row("labelled", bool(there.labelled))
        has = "has" if there.labelled == 1 else "have"
        it = "it" if there.labelled == 1 else "them"
        sign, takes = ("⚠ ", "takes") if self.is_replacing else ("", "would take")
        self.labelled.setText(
            f"{sign}{there.labelled:,} of them {has} a category: Replace {takes} {it} away"
        )

    def _show_row(self, name: str, shown: bool) -> None:
        for widget in self._rows[name]:
            widget.setVisible(shown)

    # --- parts -----------------------------------------------------------------------------------

    def _set_up(self) -> None:
        for where in Where:
            self.where.addItem(where.value, where)
        self.where.setCurrentIndex(max(self.where.findText(preferences.get(WHERE, "")), 0))
        self.where.setToolTip("On which images objects are to be found")
        self.where.setAccessibleName("Images")
        self.where.activated.connect(self._choose_where)
        self.planes.addItem("The plane on show", False)
        self.planes.addItem("Every plane", True)
        self.planes.setCurrentIndex(int(preferences.get(PLANES, False)))
        self.planes.setToolTip("On which planes of stacks")
        self.planes.setAccessibleName("Planes of stacks")
        self.planes.activated.connect(self._choose_planes)
        self.kind.setEditable(True)
        self.kind.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.kind.setAccessibleName("Kind of the objects")
        self.kind.editTextChanged.connect(self.named.emit)
        for box in (self.where, self.planes, self.kind):
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(8)
            ignore_wheel(box)
        self.replaces.setToolTip(
            "The objects of this kind on these images go, with their categories; Ctrl+Z brings "
            "them back. Where nothing is found, what is there stays"
        )
        self.adds.setToolTip("They stay, and what is found is added")
        group = QButtonGroup(self)
        group.addButton(self.replaces)
        group.addButton(self.adds)
        (self.adds if self._fate is False else self.replaces).setChecked(True)
        self.replaces.clicked.connect(self._choose_fate)
        self.adds.clicked.connect(self._choose_fate)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        grid.setColumnMinimumWidth(0, LABELS)
        grid.setColumnStretch(1, 1)
        fate = WrappingRow((self.replaces, self.adds))
        for row, (name, text, widget) in enumerate(
            (
                ("where", "Images", self.where),
                ("planes", "Planes", self.planes),
                ("kind", "Objects become", self.kind),
                ("classes", "Objects become", self.classes),
                ("there", "", fate),
                ("labelled", "", self.labelled),
            )
        ):
            label = self.there if name == "there" else QLabel(text)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setBuddy(widget)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
            self._rows[name] = label, widget

    # --- what the user does ----------------------------------------------------------------------

    def _choose_where(self, _row: int) -> None:
        preferences.put(WHERE, self.images.value)
        self.changed.emit()

    def _choose_planes(self, _row: int) -> None:
        preferences.put(PLANES, self.every_plane)
        self.changed.emit()

    def _choose_fate(self, _checked: bool) -> None:
        self._fate = self.is_replacing
        preferences.put(REPLACES, self._fate)
        self.changed.emit()
