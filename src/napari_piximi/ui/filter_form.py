"""All filters of the gallery in one form, which pops up; each takes effect at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QWidget,
)
from superqt import QLabeledDoubleRangeSlider
from superqt.utils import signals_blocked

from napari_piximi.model.gallery import Gallery, Query
from napari_piximi.model.things import Partition
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.shown_names import one_line, tip

__all__ = ["FilterForm", "swatch"]

LABELLED = {"Any": None, "Labelled": True, "Not labelled": False}
LIST_ROWS = 6
LONGEST = 40


def swatch(color: str, size: int = 12) -> QIcon:
    """Return a square of one colour."""
    pixmap = QPixmap(size, size)
    pixmap.fill(QColor(color))
    return QIcon(pixmap)


class FilterForm(QWidget):
    """The filters of a query.

    Parameters
    ----------
    gallery : Gallery
        Its query is shown and changed.
    parent : QWidget, optional
    """

    def __init__(self, gallery: Gallery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gallery = gallery
        self.categories = _choices("Show only things of these categories")
        self.predicted = _choices("Show only things with these predictions")
        self.partitions = {partition: QCheckBox(partition.value) for partition in Partition}
        self.labelled = ElidedBox()
        self.probability = QLabeledDoubleRangeSlider(Qt.Orientation.Horizontal)
        self._set_up()
        form = QFormLayout(self)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.setContentsMargins(10, 8, 10, 8)
        form.addRow(_heading("Category"), self.categories)
        form.addRow(_heading("Predicted category"), self.predicted)
        form.addRow(_heading("Probability of the prediction"), self.probability)
        form.addRow(_heading("Partition"), self._partition_grid())
        form.addRow(_heading("Labelled by the user"), self.labelled)

    def _set_up(self) -> None:
        self.labelled.addItems(list(LABELLED))
        self.labelled.setToolTip("Show only things with a category of the user's, or without")
        self.labelled.setAccessibleName("Labelled or not")
        self.probability.setRange(0, 1)
        self.probability.setDecimals(2)
        self.probability.setValue((0, 1))
        self.probability.setToolTip("Show only things with a known probability in this range")
        self.probability.setAccessibleName("Probability range")
        self.categories.itemChanged.connect(lambda _: self._take_categories())
        self.predicted.itemChanged.connect(lambda _: self._take_predicted())
        self.labelled.currentTextChanged.connect(
            lambda text: self._ask(lambda query: replace(query, labelled=LABELLED[text]))
        )
        self.probability.valueChanged.connect(
            lambda value: self._ask(lambda query: replace(query, probability=_range(value)))
        )

    def _partition_grid(self) -> QWidget:
        grid = QWidget()
        layout = QGridLayout(grid)
        layout.setContentsMargins(0, 0, 0, 0)
        for place, (partition, box) in enumerate(self.partitions.items()):
            box.setToolTip(f"Show things of the partition {partition.value}")
            box.toggled.connect(partial(self._take_partition, partition))
            layout.addWidget(box, *divmod(place, 2))
        return grid

    # --- the query as it is --------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the filters as they are now."""
        gallery, query = self._gallery, self._gallery.query
        counts = {key: sum(parts.values()) for key, parts in gallery.counts().items()}
        self._fill(self.categories, query.categories, counts)
        self._fill(self.predicted, query.predicted, {})
        for partition, box in self.partitions.items():
            with signals_blocked(box):
                box.setChecked(partition in query.partitions)
        with signals_blocked(self.labelled):
            text = next(text for text, value in LABELLED.items() if value is query.labelled)
            self.labelled.setCurrentText(text)
        with signals_blocked(self.probability):
            self.probability.setValue(query.probability)

    def _fill(self, choices: QListWidget, chosen: Iterable[str], counts: Mapping[str, int]) -> None:
        project, kind = self._gallery.project, self._gallery.query.kind
        with signals_blocked(choices):
            choices.clear()
            for key in project.kinds[kind].categories:
                category = project.categories[key]
                name = one_line(category.name, LONGEST)
                text = f"{name} ({counts[key]:,})" if key in counts else name
                item = QListWidgetItem(swatch(category.color), text)
                item.setToolTip(tip(category.name))
                item.setData(Qt.ItemDataRole.UserRole, key)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
                checked = Qt.CheckState.Checked if key in chosen else Qt.CheckState.Unchecked
                item.setCheckState(checked)
                choices.addItem(item)
        row = max(choices.sizeHintForRow(0), 18)
        choices.setFixedHeight(row * max(min(choices.count(), LIST_ROWS), 2) + 6)

    # --- the query as it is to be ----------------------------------------------------------------

    def _ask(self, change: Callable[[Query], Query]) -> None:
        self._gallery.set_query(change(self._gallery.query))

    def _take_categories(self) -> None:
        chosen = _checked(self.categories)
        self._ask(lambda query: replace(query, categories=chosen))

    def _take_predicted(self) -> None:
        chosen = _checked(self.predicted)
        self._ask(lambda query: replace(query, predicted=chosen))

    def _take_partition(self, partition: Partition, checked: bool) -> None:
        chosen = self._gallery.query.partitions ^ {partition}
        if checked == (partition in chosen):
            self._ask(lambda query: replace(query, partitions=chosen))


def _choices(tip: str) -> QListWidget:
    choices = QListWidget()
    choices.setToolTip(tip)
    choices.setAccessibleName(tip)
    choices.setMinimumWidth(220)
    choices.setUniformItemSizes(True)
    return choices


def _checked(choices: QListWidget) -> frozenset[str]:
    items = (choices.item(row) for row in range(choices.count()))
    return frozenset(
        item.data(Qt.ItemDataRole.UserRole)
        for item in items
        if item is not None and item.checkState() == Qt.CheckState.Checked
    )


def _range(value: tuple[float, float]) -> tuple[float, float]:
    low, high = value
    return round(low, 2), round(high, 2)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold;")
    return label
