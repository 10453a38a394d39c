"""The gallery's things for Qt's views: one row for each thing on show, read when it is needed."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import cast

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionRange,
    QModelIndex,
    QObject,
    Qt,
)

from napari_piximi.model import masks
from napari_piximi.model.gallery import Gallery
from napari_piximi.model.project import Project
from napari_piximi.model.things import Annotation, Thing
from napari_piximi.ui.percent import percent_below
from napari_piximi.ui.shown_names import breakable
from napari_piximi.ui.thumbnails import Thumbnails

__all__ = ["GalleryItems", "describe", "parts_of", "prediction_text"]

Role = Qt.ItemDataRole
MANY = 64
"""Ids above which all rows are gone through at once instead of asking for each."""


class GalleryItems(QAbstractListModel):
    """Rows over the ids on show.

    Parameters
    ----------
    gallery : Gallery
    thumbnails : Thumbnails
        Tells why one could not be painted.
    parent : QObject, optional
    """

    def __init__(
        self, gallery: Gallery, thumbnails: Thumbnails, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self._thumbnails = thumbnails
        self.ids: Sequence[str] = gallery.ids

    @property
    def project(self) -> Project:
        """The project that the things belong to."""
        return self._gallery.project

    def thing(self, row: int) -> Thing:
        """Return the thing in a row."""
        return self._gallery.project.things[self.ids[row]]

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of things on show."""
        return 0 if parent is not None and parent.isValid() else len(self.ids)

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> str | None:
        """Return the name, or the details for the tool tip."""
        if not index.isValid():
            return None
        thing = self.thing(index.row())
        if role in (Role.DisplayRole, Role.AccessibleTextRole):
            return thing.name
        if role == Role.AccessibleDescriptionRole:
            return "; ".join(f"{what}: {value}" for what, value in _facts(self.project, thing))
        if role == Role.ToolTipRole:
            kept = self._thumbnails.get(thing)
            return describe(self.project, thing, kept.trouble if kept is not None else "")
        return None

    def rearrange(self) -> None:
        """Take over what is on show now."""
        self.beginResetModel()
        self.ids = self._gallery.ids
        self.endResetModel()

    def tell_changed(self, first: int, last: int) -> None:
        """Tell views that things look different in a range of rows."""
        self.dataChanged.emit(self.index(first), self.index(last))

    # --- selections ------------------------------------------------------------------------

    def rows_of(self, ids: frozenset[str]) -> NDArray[np.intp]:
        """Return the rows of things, those on show, ascending."""
        if len(ids) < MANY:
            rows = [row for row in map(self._gallery.row, ids) if row is not None]
            return np.sort(np.array(rows, np.intp))
        chosen = np.fromiter(map(ids.__contains__, self.ids), bool, len(self.ids))
        return np.flatnonzero(chosen)

    def selection_of(self, rows: NDArray[np.intp]) -> QItemSelection:
        """Return ascending rows as a selection of ranges."""
        selection = QItemSelection()
        if rows.size:
            gaps = np.flatnonzero(np.diff(rows) != 1)
            starts = rows[np.concatenate(([0], gaps + 1))].tolist()
            ends = rows[np.concatenate((gaps, [rows.size - 1]))].tolist()
            for start, end in zip(starts, ends, strict=True):
                selection.select(self.createIndex(start, 0), self.createIndex(end, 0))
        return selection

    def ids_of(self, selection: QItemSelection) -> list[str]:
        """Return the ids in a selection, in its order."""
        found: list[str] = []
        for part in parts_of(selection):
            found.extend(self.ids[part.top() : part.bottom() + 1])
        return found


def parts_of(selection: QItemSelection) -> list[QItemSelectionRange]:
    """Return the ranges of a selection, whose iteration PyQt's types do not know."""
    return list(cast("Iterable[QItemSelectionRange]", selection))


def prediction_text(project: Project, thing: Thing) -> str:
    """Say what a classifier says of a thing; empty where it says nothing."""
    said = thing.prediction
    if said is None:
        return ""
    name = project.categories[said.category].name
    return name if said.probability is None else f"{name} {percent_below(said.probability)}"


def describe(project: Project, thing: Thing, trouble: str = "") -> str:
    """Tell all about a thing, for a tool tip.

    Parameters
    ----------
    project : Project
    thing : Thing
    trouble : str
        Why its pixels cannot be shown.

    Returns
    -------
    str
        Rich text.
    """
    lines = list(_facts(project, thing))
    text = "".join(
        f"<tr><td>{_plain(what)}&nbsp;&nbsp;</td><td>{_plain(value)}</td></tr>"
        for what, value in lines
    )
    broken = f"<p>Its pixels cannot be shown: {_plain(trouble)}</p>" if trouble else ""
    return f"<p><b>{_plain(thing.name)}</b></p><table>{text}</table>{broken}"


def _facts(project: Project, thing: Thing) -> Iterable[tuple[str, str]]:
    depth, height, width, channels = project.shape(thing)
    if isinstance(thing, Annotation):
        yield "Image", project.things[thing.image].name
    yield "Kind", project.kind_name(thing.kind)
    yield "Category", project.categories[thing.category].name
    yield "Partition", thing.partition.value
    if thing.prediction is not None:
        yield "Prediction", prediction_text(project, thing)
    yield "Size", f"{width} × {height} pixels, {channels} channel{'s' * (channels != 1)}"
    if isinstance(thing, Annotation):
        yield "Area", f"{masks.area(thing.runs):,} pixels"
        depth = project.things[thing.image].pixels.shape[0]  # type: ignore[union-attr]
    if depth > 1:
        yield "Plane", f"{thing.plane + 1} of {depth}"


def _plain(text: str) -> str:
    return escape(breakable(text))
