"""The question which category each class of a model stands for."""

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.learn.adoption import NewCategory, Target, suggest_targets
from napari_piximi.model.project import Project
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.inline_name import trouble_label
from napari_piximi.ui.shown_names import breakable, one_line, tip
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["Mapping", "MappingDialog", "ask_mapping"]

MOST_CLASSES = 300
"""Classes that are asked about one by one; of more, all by name."""
WIDTH, TALLEST = 460, 520
LEAVE_OUT = "Leave out"


@dataclass(frozen=True, slots=True)
class Mapping:
    """The answer: a kind, and what each class stands for."""

    kind: str
    targets: tuple[Target, ...]


def ask_mapping(
    project: Project,
    name: str,
    classes: Sequence[str],
    kind: str,
    parent: QWidget | None = None,
    *,
    fixed: bool = False,
    targets: Sequence[Target] | None = None,
) -> Mapping | None:
    """Ask which categories the classes of a model stand for.

    Parameters
    ----------
    project : Project
    name : str
        Of the model.
    classes : sequence of str
        By output index.
    kind : str
        Kind id, which is offered first.
    parent : QWidget, optional
    fixed : bool
        Whether it is of this kind already.
    targets : sequence of Target, optional
        What is offered first; by default categories of the same name.

    Returns
    -------
    Mapping or None
        None if the user does not want to go on.
    """
    # A file that is dropped has no widget to ask from; without a parent, napari's theme is lost.
    parent = parent or QApplication.activeWindow()
    dialog = MappingDialog(project, name, classes, kind, parent, fixed=fixed, targets=targets)
    try:
        return dialog.mapping if dialog.exec() else None
    finally:
        dialog.deleteLater()


class MappingDialog(QDialog):
    """One row per class: create a category, take one, or leave the class out.

    Parameters
    ----------
    project, name, classes, kind, parent, fixed, targets
        As for :func:`ask_mapping`.

    Attributes
    ----------
    kinds : QComboBox
        The kind that the model is for.
    table : QTableWidget
    """

    def __init__(
        self,
        project: Project,
        name: str,
        classes: Sequence[str],
        kind: str,
        parent: QWidget | None = None,
        *,
        fixed: bool = False,
        targets: Sequence[Target] | None = None,
    ) -> None:
        super().__init__(parent)
        self._project, self._classes = project, tuple(classes)
        self._options: list[Target] = []
        self._many = len(classes) > MOST_CLASSES
        self._preset: tuple[Target, ...] = ()
        self.setWindowTitle("What do its classes stand for?")
        self.kinds = ElidedBox()
        self.table = QTableWidget(0, 2)
        self.trouble = trouble_label()
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._take = self._buttons.addButton("Map", QDialogButtonBox.ButtonRole.AcceptRole)
        self._build(name, fixed=fixed)
        self._list_kinds(kind)
        self.kinds.setEnabled(not fixed)
        self._fill(targets)
        self.kinds.currentIndexChanged.connect(lambda _: self._fill())

    @property
    def kind(self) -> str:
        """Id of the kind that is chosen."""
        return str(self.kinds.currentData())

    @property
    def mapping(self) -> Mapping:
        """What is chosen."""
        return Mapping(self.kind, self._targets())

    def choose(self, row: int, target: Target) -> None:
        """Say what a class stands for, as a click does."""
        combo = self._combo(row)
        options = self._of_row(row)
        assert target in options, "this is not offered"
        combo.setCurrentIndex(options.index(target))

    # --- within ------------------------------------------------------------------------------

    def _build(self, name: str, *, fixed: bool) -> None:
        words = wrapped_label(
            f"“{breakable(one_line(name))}” tells {len(self._classes):,} classes apart. "
            + (
                "These are too many to choose one by one: each gets the category of its name."
                if self._many
                else "Predictions need a category for each; a class that is left out is never "
                "predicted."
            )
        )
        self.kinds.setAccessibleName("Kind of things that the model is for")
        self.kinds.setToolTip(
            "The model is of this kind" if fixed else "The kind of things that the model is for"
        )
        form = QFormLayout()
        form.addRow("For things of the kind", self.kinds)
        self._label_table()
        create, leave = QPushButton("Create what is missing"), QPushButton("Leave out the rest")
        create.setToolTip("Map classes by name, and create a category for each that has none")
        leave.setToolTip("Leave out every class that has no category of its name")
        create.clicked.connect(lambda: self._fill())
        leave.clicked.connect(self._leave_out_missing)
        row = QHBoxLayout()
        row.addWidget(create)
        row.addWidget(leave)
        row.addStretch(1)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(words)
        layout.addLayout(form)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        layout.addWidget(self.trouble)
        layout.addWidget(self._buttons)
        self.resize(WIDTH, min(TALLEST, 260 + 30 * len(self._classes)))

    def _label_table(self) -> None:
        self.table.setHorizontalHeaderLabels(["Class of the model", "Category"])
        self.table.setAccessibleName("Classes and what they stand for")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setTabKeyNavigation(False)  # Tab goes from combo to combo, and on
        numbers, header = self.table.verticalHeader(), self.table.horizontalHeader()
        assert numbers is not None
        assert header is not None
        numbers.setVisible(False)
        for column in (0, 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)

    def _list_kinds(self, chosen: str) -> None:
        for kind in self._project.kinds.values():
            self.kinds.addItem(one_line(kind.name, 40), kind.id)
        self.kinds.setCurrentIndex(max(0, self.kinds.findData(chosen)))

    def _fill(self, targets: Sequence[Target] | None = None) -> None:
        """Write the rows anew for the kind that is chosen."""
        self._preset = suggest_targets(self._project, self.kind, self._classes)
        known = self._project.known_categories(self.kind)
        self._options = [None, *known]
        self.table.setRowCount(0 if self._many else len(self._classes))
        for row in range(self.table.rowCount()):
            item = QTableWidgetItem(one_line(self._classes[row], 40) or "(no name)")
            item.setToolTip(tip(self._classes[row]))
            self.table.setItem(row, 0, item)
            self.table.setCellWidget(row, 1, self._new_combo(row))
            self.choose(row, (targets or self._preset)[row])
        self._check()

    def _new_combo(self, row: int) -> QComboBox:
        combo = ElidedBox()
        combo.setAccessibleName(f"Category of the class {one_line(self._classes[row])}")
        combo.setToolTip("What this class stands for")
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for target in self._of_row(row):
            combo.addItem(self._caption(target))
        combo.currentIndexChanged.connect(self._check)
        return combo

    def _of_row(self, row: int) -> list[Target]:
        name = self._classes[row].strip()
        known = {
            self._project.categories[c].name.casefold() for c in self._options if isinstance(c, str)
        }
        new: list[Target] = [NewCategory(name)] if name and name.casefold() not in known else []
        return [*new, *self._options]

    def _caption(self, target: Target) -> str:
        if target is None:
            return LEAVE_OUT
        if isinstance(target, NewCategory):
            return f"Create “{one_line(target.name, 30)}”"
        return one_line(self._project.categories[target].name, 40)

    def _combo(self, row: int) -> QComboBox:
        combo = self.table.cellWidget(row, 1)
        assert isinstance(combo, QComboBox)
        return combo

    def _leave_out_missing(self) -> None:
        for row in range(self.table.rowCount()):
            if isinstance(self._targets()[row], NewCategory):
                self.choose(row, None)

    def _targets(self) -> tuple[Target, ...]:
        if self._many:
            return self._preset
        return tuple(
            self._of_row(row)[self._combo(row).currentIndex()]
            for row in range(self.table.rowCount())
        )

    def _check(self, *_: object) -> None:
        """Say what is wrong, if anything is."""
        if any(self.table.cellWidget(row, 1) is None for row in range(self.table.rowCount())):
            return  # rows are still being written
        trouble = self._trouble()
        self.trouble.setText(breakable(trouble))
        self.trouble.setVisible(bool(trouble))
        assert self._take is not None
        self._take.setEnabled(not trouble)

    def _trouble(self) -> str:
        used = [self._caption(target) for target in self._targets() if target is not None]
        twice = next((name for name in used if used.count(name) > 1), "")
        if twice:
            return f"{twice} stands for two classes; choose another category for one of them"
        return "" if used else "All classes are left out; map at least one of them to a category"
