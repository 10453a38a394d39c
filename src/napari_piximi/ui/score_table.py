"""The figures of a score at each threshold, and image by image."""

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtWidgets import QTableWidgetItem, QWidget

from napari_piximi.model.segmentation import THRESHOLDS, ScoredImage, SegmentationScore
from napari_piximi.segment.report import score_figures
from napari_piximi.ui.copied_table import CopiedTable, Figure, shown_figure
from napari_piximi.ui.shown_names import one_line, tip
from napari_piximi.ui.spare_columns import leave_out

__all__ = ["ImagesTable", "ScoreTable"]

TITLES = ("IoU from", "Prec.", "Recall", "F1", "AP", "IoU", "PQ")
MEANINGS = (
    "An object counts as found from this intersection over union with an annotation",
    "Precision: of the found objects, the share that is annotated",
    "Recall: of the annotated objects, the share that was found",
    "F1: harmonic mean of precision and recall",
    "AP, average precision, TP / (TP + FP + FN): matched among matched, wrongly found and missed "
    "objects, as in the Data Science Bowl 2018; stardist calls it accuracy",
    "Mean intersection over union of the matched objects",
    "Panoptic quality: mean IoU times F1",
)
WIDTH = 44
SPARE, LEAST = (6, 5), 44
"""Columns that a narrow table leaves out, and the room that thresholds then have not, in pixels."""
IMAGE_TITLES = ("Image", "Annot.", "Found", "F1", "IoU")
IMAGE_MEANINGS = (
    "Click an image to show it",
    "Objects that are annotated",
    "Objects that were found",
    "F1 at IoU 0.5",
    "Mean intersection over union of the objects that are matched at 0.5",
)
MOST_ROWS = 10
IMAGE = int(Qt.ItemDataRole.UserRole) + 1


class ScoreTable(CopiedTable):
    """A row for each threshold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Figures at each threshold", TITLES, MEANINGS, parent)
        for column in range(1, len(TITLES)):
            self.setColumnWidth(column, WIDTH)
        leave_out(self, SPARE, LEAST)

    def show_score(
        self, score: SegmentationScore | None, other: SegmentationScore | None = None
    ) -> None:
        """Show the figures of a score, marked where they are better or worse than another's."""
        self.setRowCount(0 if score is None else len(THRESHOLDS))
        if score is not None:
            before = None if other is None else score_figures(other)
            for row, values in enumerate(score_figures(score)):
                threshold = QTableWidgetItem(f"{THRESHOLDS[row]:.2f}")
                told = (
                    f"{name} {value:.2f}" for name, value in zip(TITLES[1:], values, strict=True)
                )
                threshold.setToolTip(", ".join(told))
                self.setItem(row, 0, threshold)
                for column, value in enumerate(values, 1):
                    old = None if before is None else before[row][column - 1]
                    self.setItem(row, column, _cell(value, old, MEANINGS[column]))
        self.fit_height(MOST_ROWS)


class ImagesTable(CopiedTable):
    """A row for each image; a click shows it."""

    asked = QtSignal(str)
    """The id of the image that is to be shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Figures of each image", IMAGE_TITLES, IMAGE_MEANINGS, parent)
        self.setToolTip("Click an image to show it, a title to sort; Ctrl+C copies the rows")
        self.itemClicked.connect(self._clicked)
        self.itemActivated.connect(self._clicked)

    def show_rows(self, rows: Sequence[ScoredImage]) -> None:
        """Show these images, in their order."""
        self.setSortingEnabled(False)
        self.setRowCount(len(rows))
        for place, row in enumerate(rows):
            self._fill(place, row)
        self.fit_height(MOST_ROWS)
        self.setSortingEnabled(True)

    def _fill(self, place: int, row: ScoredImage) -> None:
        name = QTableWidgetItem(one_line(row.name))
        name.setToolTip(tip(f"{row.name}\n{row.trouble}".strip()))
        name.setData(IMAGE, row.image)
        self.setItem(place, 0, name)
        both = row.annotated + row.found
        f1 = 2 * row.matched[0] / both if both else 0.0
        failed = bool(row.trouble)
        cells = (
            (f"{row.annotated:,}", row.annotated),
            ("failed" if failed else f"{row.found:,}", -1 if failed else row.found),
            ("–" if failed else shown_figure(f1), -1 if failed else f1),
            ("–" if failed else shown_figure(row.mean_iou[0]), row.mean_iou[0]),
        )
        for column, (text, value) in enumerate(cells, 1):
            self.setItem(place, column, Figure(text, value))

    def _clicked(self, item: QTableWidgetItem) -> None:
        name = self.item(item.row(), 0)
        if name is not None:
            self.asked.emit(name.data(IMAGE))


def _cell(value: float, before: float | None, meaning: str) -> Figure:
    """Return a figure; a sign says whether it is better or worse than another's."""
    cell = Figure(f"{value:.2f}", value)
    shown = shown_figure(value, before)
    if before is not None and abs(value - before) >= 0.005:
        cell.setText(f"{value:.2f}{'▲' if value > before else '▼'}")
    cell.setToolTip(f"{meaning}\n{shown}")
    return cell
