"""The categories of one kind as a Qt model: key, colour, name, counts, visibility."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QMimeData, QModelIndex, QObject, Qt

from napari_piximi.model.project import Project
from napari_piximi.model.things import Partition
from napari_piximi.ui.shown_names import tip
from napari_piximi.ui.workspace import numbered_categories

__all__ = ["CategoryItems", "CategoryRow", "Column", "rows_of"]

MIME = "application/x-napari-piximi-category"
ROW = Qt.ItemDataRole.UserRole
"""Role under which a cell has its :class:`CategoryRow`."""


class Column(IntEnum):
    """What the columns hold."""

    KEY = 0
    COLOR = 1
    NAME = 2
    UNASSIGNED = 3
    TRAINING = 4
    VALIDATION = 5
    INFERENCE = 6
    TOTAL = 7
    EYE = 8


PARTITIONS = {
    Column.UNASSIGNED: Partition.UNASSIGNED,
    Column.TRAINING: Partition.TRAINING,
    Column.VALIDATION: Partition.VALIDATION,
    Column.INFERENCE: Partition.INFERENCE,
}
TITLES = {
    Column.NAME: "Name",
    Column.UNASSIGNED: "Unass.",
    Column.TRAINING: "Train",
    Column.VALIDATION: "Valid.",
    Column.INFERENCE: "Infer.",
    Column.TOTAL: "Things",
}
TITLE_TIPS = {
    Column.KEY: "Key that gives the selection this category",
    Column.COLOR: "Colour; click to change",
    Column.TOTAL: "Number of things",
    Column.EYE: "Click to hide or show the things of a category",
    **PARTITIONS,
}


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """One category as it is drawn.

    Attributes
    ----------
    id, name, color : str
    key : str
        The number key that stands for it; empty for those after the ninth.
    counts : tuple of int
        Things in each partition, in the order of :class:`Partition`.
    visible : bool
    unknown : bool
        Whether it is the kind's Unknown, which keeps its name and place.
    """

    id: str
    name: str
    color: str
    key: str
    counts: tuple[int, ...]
    visible: bool
    unknown: bool

    @property
    def tip(self) -> str:
        """The counts in words."""
        parts = zip(Partition, self.counts, strict=True)
        shown = ", ".join(f"{p.value} {n:,}" for p, n in parts if n) or "no things yet"
        return f"{self.name}: {shown}"


def rows_of(
    project: Project, kind: str, counts: dict[str, tuple[int, ...]]
) -> tuple[CategoryRow, ...]:
    """Return the categories of a kind as they are drawn: Unknown first, then the user's order."""
    unknown = project.kinds[kind].unknown
    keys = {category: str(n) for n, category in enumerate(numbered_categories(project, kind))}
    none = (0,) * len(Partition)
    rows = []
    for key in (unknown, *project.known_categories(kind)):
        c = project.categories[key]
        rows.append(
            CategoryRow(
                key, c.name, c.color, keys.get(key, ""), counts.get(key, none), c.visible,
                key == unknown,
            )
        )  # fmt: skip
    return tuple(rows)


class CategoryItems(QAbstractTableModel):
    """Categories; they are renamed and moved through calls back.

    Parameters
    ----------
    rename : callable
        Gets id and new name; tells whether it was taken.
    move : callable
        Gets an id and the row that it is to be before.
    """

    def __init__(
        self,
        rename: Callable[[str, str], bool],
        move: Callable[[str, int], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.rows: tuple[CategoryRow, ...] = ()
        self._rename = rename
        self._move = move

    def show_rows(self, rows: tuple[CategoryRow, ...]) -> bool:
        """Draw other rows; only what differs. Tell whether they are others, or in another order."""
        same = [row.id for row in rows] == [row.id for row in self.rows]
        if not same:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return True
        old, self.rows = self.rows, rows
        for place, (before, after) in enumerate(zip(old, rows, strict=True)):
            if before != after:
                last = self.index(place, len(Column) - 1)
                self.dataChanged.emit(self.index(place, 0), last)
        return False

    def row_of(self, category: str | None) -> int | None:
        """Return the row of a category."""
        return next((n for n, row in enumerate(self.rows) if row.id == category), None)

    # --- what Qt asks for ----------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of categories."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(Column)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401
        """Return what a cell shows, says or is edited from."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row, column = self.rows[index.row()], Column(index.column())
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.EditRole and column == Column.NAME:
            return row.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(_tip(row, column))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return _spoken(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column > Column.NAME:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:  # noqa: ANN401
        """Return the titles of columns."""
        if orientation == Qt.Orientation.Horizontal and 0 <= section < len(Column):
            column = Column(section)
            if role == Qt.ItemDataRole.DisplayRole:
                return TITLES.get(column, "")
            if role == Qt.ItemDataRole.ToolTipRole:
                return str(TITLE_TIPS.get(column, ""))
            if role == Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignRight
                side = Qt.AlignmentFlag.AlignLeft if column <= Column.NAME else side
                return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Tell what can be done to a cell; Unknown keeps its name and place."""
        flag = Qt.ItemFlag
        if not index.isValid():
            return flag.ItemIsDropEnabled
        flags = flag.ItemIsEnabled | flag.ItemIsSelectable
        if not self.rows[index.row()].unknown:
            flags |= flag.ItemIsDragEnabled
            if index.column() == Column.NAME:
                flags |= flag.ItemIsEditable
        return flags

    def setData(
        self,
        index: QModelIndex,
        value: Any,  # noqa: ANN401
        role: int = Qt.ItemDataRole.EditRole,
    ) -> bool:
        """Rename a category."""
        if role != Qt.ItemDataRole.EditRole or index.column() != Column.NAME:
            return False
        return self._rename(self.rows[index.row()].id, str(value).strip())

    def supportedDropActions(self) -> Qt.DropAction:
        """Categories can be moved."""
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        """Return the one type that is dragged."""
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # type: ignore[override]
        """Return what is dragged: the id of a category."""
        data = QMimeData()
        data.setData(MIME, self.rows[indexes[0].row()].id.encode())
        return data

    def dropMimeData(
        self,
        data: QMimeData | None,
        _action: Qt.DropAction,
        row: int,
        _column: int,
        parent: QModelIndex,
    ) -> bool:
        """Move a category; the view itself is not to remove anything, so this is never true."""
        if data is not None and data.hasFormat(MIME):
            if row < 0:
                row = parent.row() if parent.isValid() else len(self.rows)
            self._move(bytes(data.data(MIME).data()).decode(), row)
        return False


def _text(row: CategoryRow, column: Column) -> str:
    if column == Column.NAME:
        return " ".join(row.name.split())  # of two lines, only one would be seen
    if column == Column.TOTAL:
        return f"{sum(row.counts):,}"
    if column in PARTITIONS:
        count = row.counts[list(Partition).index(PARTITIONS[column])]
        return f"{count:,}" if count else "·"
    return ""


def _tip(row: CategoryRow, column: Column) -> str:
    if column == Column.COLOR:
        return f"{row.color}: click for another colour"
    if column == Column.EYE:
        return f"{'Hide' if row.visible else 'Show'} the things of {row.name}"
    if column == Column.KEY and row.key:
        return f"Key {row.key} gives the selection the category {row.name}"
    return row.tip


def _spoken(row: CategoryRow, column: Column) -> str:
    if column == Column.KEY:
        return f"Key {row.key}" if row.key else "No key"
    if column == Column.COLOR:
        return f"Colour {row.color}"
    if column == Column.EYE:
        return "Shown" if row.visible else "Hidden"
    return row.tip if column == Column.NAME else _text(row, column)
