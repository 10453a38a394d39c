"""The predictions of the kind on show: how sure, of what, and what becomes of them."""

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.model.predicted import Predicted, predicted_of
from napari_piximi.model.query import ANY_PROBABILITY, Query
from napari_piximi.ui import preferences
from napari_piximi.ui.gallery_delegate import colors_of
from napari_piximi.ui.predicted_table import PredictedTable
from napari_piximi.ui.predicting import accept, accept_selected, clear
from napari_piximi.ui.probability_view import ProbabilityView
from napari_piximi.ui.wrapped_label import wrapped_label
from napari_piximi.ui.wrapping_row import WrappingRow

if TYPE_CHECKING:
    from napari_piximi.ui.classifier_panel import ClassifierPanel

__all__ = ["ReviewBox"]

THRESHOLD = "predict/threshold"
STEPS = 100
DEFAULT = 0.8
JUST_BELOW = 1e-9


class ReviewBox(QWidget):
    """The lower part of the Predict page.

    Parameters
    ----------
    panel : ClassifierPanel
    """

    def __init__(self, panel: "ClassifierPanel") -> None:
        super().__init__()
        self.panel = panel
        self.predicted: Predicted = predicted_of(panel.workspace.gallery.columns)
        self.headline = wrapped_label()
        self.table = PredictedTable()
        self.histogram = ProbabilityView()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.spin = QDoubleSpinBox()
        self.above = wrapped_label()
        self.show_above = _button(
            "Show above", "Show only things predicted at or above the threshold"
        )
        self.show_below = _button("Show below", "Show only things predicted below the threshold")
        self.show_all = _button("Show all", "Show all things of the kind again")
        self.unlabelled = QCheckBox("Hide labelled")
        self.colors = QCheckBox("Colour objects by prediction")
        self.accept_above = _button("", "")
        self.accept_selected = _button("", "")
        self.accept_all = _button("", "")
        self.clear = _button("Clear", "Take all predictions of this kind away; Ctrl+Z undoes it")
        self.details = QWidget()
        self._set_up()
        self._lay_out()
        self._connect()

    # --- parts -----------------------------------------------------------------------------

    def _set_up(self) -> None:
        threshold = min(max(preferences.get(THRESHOLD, DEFAULT), 0.0), 1.0)
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(10)
        self.slider.setValue(round(threshold * STEPS))
        self.slider.setAccessibleName("Threshold of the probability")
        self.slider.setToolTip("From which probability on predictions count as sure")
        self.spin.setRange(0, 1)
        self.spin.setDecimals(2)
        self.spin.setSingleStep(0.01)
        self.spin.setMaximumWidth(96)
        self.spin.setValue(threshold)
        self.spin.setAccessibleName("Threshold of the probability, as a number")
        self.spin.setToolTip(self.slider.toolTip())
        self.unlabelled.setToolTip("Show only things without a category of yours")
        self.colors.setToolTip(
            "Colour the objects in the viewer by what is predicted, or by your categories"
        )
        self._take_theme()

    def _lay_out(self) -> None:
        line = QHBoxLayout()  # the slider alone, so that its handle lies under the line above
        line.setSpacing(4)
        line.addWidget(self.above, 1)
        line.addWidget(self.spin)
        shown = WrappingRow((self.show_above, self.show_below, self.show_all))
        accepts = (self.accept_above, self.accept_all, self.accept_selected, self.clear)
        acts = WrappingRow(accepts, 2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        whole.addWidget(self.headline)
        whole.addWidget(self.details)
        layout = QVBoxLayout(self.details)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.table)
        layout.addWidget(self.histogram)
        layout.addWidget(self.slider)
        layout.addLayout(line)
        layout.addWidget(shown)
        layout.addWidget(acts)
        layout.addWidget(self.unlabelled)
        layout.addWidget(self.colors)

    def _connect(self) -> None:
        workspace = self.panel.workspace
        self.histogram.picked.connect(self.spin.setValue)
        self.slider.valueChanged.connect(lambda value: self.spin.setValue(value / STEPS))
        self.spin.valueChanged.connect(self._set_threshold)
        self.table.chosen.connect(self.show_category)
        self.show_above.clicked.connect(lambda: self._ask(probability=(self.threshold, 1.0)))
        self.show_below.clicked.connect(lambda: self._ask(probability=(0.0, self._below)))
        self.show_all.clicked.connect(self._show_all)
        self.unlabelled.clicked.connect(lambda on: self._ask(labelled=False if on else None))
        self.colors.clicked.connect(self._color)
        self.accept_above.clicked.connect(lambda: accept(workspace, self.threshold))
        self.accept_selected.clicked.connect(lambda: accept_selected(workspace))
        self.accept_all.clicked.connect(lambda: accept(workspace))
        self.clear.clicked.connect(lambda: clear(workspace))

    # --- what has changed --------------------------------------------------------------------

    @property
    def threshold(self) -> float:
        """From which probability on predictions count as sure."""
        return round(self.spin.value(), 2)

    @property
    def _below(self) -> float:
        return max(self.threshold - JUST_BELOW, 0.0)

    def refresh(self) -> None:
        """Follow the project and the gallery."""
        workspace = self.panel.workspace
        self.predicted = found = predicted_of(workspace.gallery.columns)
        self.table.show_rows(found.categories, workspace.project.categories)
        self.histogram.set_counts(found.histogram)
        self.headline.setText(_headline(found, workspace.gallery.total))
        self._refresh_threshold()
        self.refresh_query()
        self.refresh_selection()
        self.details.setVisible(found.count > 0)

    def refresh_query(self) -> None:
        """Follow what is on show."""
        query = self.panel.workspace.gallery.query
        self.table.mark(query.predicted)
        self.unlabelled.setChecked(query.labelled is False)
        self.show_all.setEnabled(_is_filtered(query))

    def refresh_selection(self) -> None:
        """Follow the selection."""
        workspace = self.panel.workspace
        columns = workspace.gallery.columns
        rows = columns.rows_of(workspace.gallery.selection)
        count = int((columns.predicted[rows[rows >= 0]] >= 0).sum())
        self.accept_selected.setText(f"Accept selected ({count:,})")
        self.accept_selected.setEnabled(count > 0)
        self.accept_selected.setToolTip(
            "Make the predictions of the selected things their categories, also where they have "
            "one; key A in the gallery, Ctrl+Z undoes it"
        )

    def refresh_colors(self) -> None:
        """Follow what objects are coloured by."""
        self.colors.setChecked(self.panel.workspace.layers.color_mode == "prediction")

    def _refresh_threshold(self) -> None:
        found, threshold = self.predicted, self.threshold
        self.histogram.set_threshold(threshold)
        known = int(found.histogram.sum())
        self.above.setText(f"{found.above(threshold):,} of {known:,} at {threshold:.2f} or above")
        count = found.acceptable(threshold)
        self.accept_above.setText(f"Accept ≥ {threshold:.2f} ({count:,})")
        self.accept_above.setEnabled(count > 0)
        self.accept_above.setToolTip(
            "Make predictions at or above the threshold the categories of things that have none; "
            "Ctrl+Z undoes it"
        )
        self.accept_all.setText(f"Accept all ({found.waiting:,})")
        self.accept_all.setEnabled(found.waiting > 0)
        self.accept_all.setToolTip(
            "Make all predictions the categories of things that have none; Ctrl+Z undoes it"
        )

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow napari's theme."""
        super().changeEvent(event)
        styled = event is not None and event.type() == QEvent.Type.StyleChange
        if styled and hasattr(self, "histogram"):
            self._take_theme()

    def _take_theme(self) -> None:
        self.histogram.set_colors(colors_of(self.panel.workspace.viewer.theme))

    # --- what the user does --------------------------------------------------------------------

    def show_category(self, category: str) -> None:
        """Show exactly the things predicted to be of a category; all again if they are shown."""
        query = self.panel.workspace.gallery.query
        wanted = frozenset([category])
        self._ask(predicted=frozenset() if query.predicted == wanted else wanted)

    def _ask(self, **changes: object) -> None:
        gallery = self.panel.workspace.gallery
        gallery.set_query(replace(gallery.query, **changes))  # type: ignore[arg-type]
        self.refresh_query()

    def _show_all(self) -> None:
        self._ask(predicted=frozenset(), probability=ANY_PROBABILITY, labelled=None, only=None)

    def _set_threshold(self, threshold: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(threshold * STEPS))
        self.slider.blockSignals(False)
        preferences.put(THRESHOLD, self.threshold)
        self._refresh_threshold()

    def _color(self, on: bool) -> None:
        self.panel.workspace.layers.color_mode = "prediction" if on else "category"


def _is_filtered(query: Query) -> bool:
    asked = bool(query.predicted) or query.by_probability
    return asked or query.labelled is not None or query.only is not None


def _headline(found: Predicted, total: int) -> str:
    if not found.count:
        return "Nothing is predicted yet. What is predicted is corrected and accepted here."
    waiting = "none" if not found.waiting else f"{found.waiting:,}"
    waiting = "all" if found.waiting == found.count else waiting
    return f"{found.count:,} of {total:,} predicted, {waiting} of them unlabelled"


def _button(text: str, says: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(says)
    return button
