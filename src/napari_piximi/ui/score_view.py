"""One score: F1 over the threshold, the figures, and image by image."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPainter, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_piximi.model.segmentation import THRESHOLDS
from napari_piximi.segment.report import write_scores
from napari_piximi.ui.chart import PAPER, Chart, Line
from napari_piximi.ui.curve_data import COLORS
from napari_piximi.ui.curve_files import write_bytes, write_picture
from napari_piximi.ui.curves import chart_colors
from napari_piximi.ui.elided_box import ElidedBox
from napari_piximi.ui.file_choice import choose_export
from napari_piximi.ui.score_table import ImagesTable, ScoreTable
from napari_piximi.ui.scoring import Judged
from napari_piximi.ui.setting_editors import ignore_wheel
from napari_piximi.ui.shown_names import breakable, one_line
from napari_piximi.ui.workspace import Workspace
from napari_piximi.ui.wrapped_label import wrapped_label

__all__ = ["ScoreView", "headline"]

TALL = 150
"""Height of the chart in pixels."""
PRINTED = 640, 360
"""Width and height of the chart in a picture, before it is scaled."""
NO_ROWS = "Image by image is not known for this score any more: evaluate again to see it."
GONE = "That image is not in the project any more."


def headline(judged: Judged, other: Judged | None = None) -> str:
    """Write what counts most, with the difference to another score."""
    score = judged.score

    def against(value: float, before: float | None) -> str:
        return f"{value:.3f}" if before is None else f"{value:.3f} ({value - before:+.3f})"

    old = None if other is None else other.score
    images = "1 image" if score.images == 1 else f"{score.images:,} images"
    return (
        f"F1 {against(score.f1[0], old.f1[0] if old else None)} at IoU 0.5, "
        f"{against(score.f1[5], old.f1[5] if old else None)} at 0.75. "
        f"{score.annotated:,} annotated, {score.found:,} found, {score.matched[0]:,} matched "
        f"on {images}"
    )


class ScoreView(QWidget):
    """Show a score, beside another one if that is wished.

    Parameters
    ----------
    workspace : Workspace
        Shows an image whose row is clicked.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.judged: Judged | None = None
        self._others: list[Judged] = []
        self.compare = ElidedBox()
        self.figures, self.caption = wrapped_label(least=100), wrapped_label(least=100)
        self.chart = Chart("F1 over the threshold", unit=True, along="IoU from", span=(0.5, 0.95))
        self.table = ScoreTable()
        self.images = ImagesTable()
        self.export = QPushButton("Export")
        self._set_up()
        self._lay_out()
        self.compare.currentIndexChanged.connect(self._show)
        self.chart.hovered.connect(self.chart.set_hover)
        self.images.asked.connect(self._show_image)

    def show_judged(self, judged: Judged | None, others: Sequence[Judged]) -> None:
        """Show a score, or none; the others can be compared with it."""
        before = self._compared()
        self.judged = judged
        self._others = [o for o in others if judged is not None and o.score is not judged.score]
        self.compare.blockSignals(True)
        self.compare.clear()
        self.compare.addItem("Compare with …")
        self.compare.addItems([one_line(other.summary, 80) for other in self._others])
        same = [i for i, o in enumerate(self._others) if before and o.score is before.score]
        self.compare.setCurrentIndex(same[0] + 1 if same else 0)
        self.compare.blockSignals(False)
        self.compare.setVisible(bool(self._others))
        self._show()

    def set_theme(self, theme: str) -> None:
        """Follow napari's theme."""
        self.chart.set_colors(chart_colors(theme))

    def picture(self, scale: int = 2) -> QPixmap:
        """Return the chart as it is drawn, dark on white, with the names of the scores."""
        copy = Chart(self.chart.title, unit=True, along=self.chart.along, span=self.chart.span)
        copy.setFont(self.font())
        copy.resize(*PRINTED)
        copy.set_colors(PAPER)
        copy.set_lines(self.chart.lines)
        row = self.fontMetrics().height() + 2
        shown = [judged for judged in (self.judged, self._compared()) if judged is not None]
        pixmap = QPixmap(PRINTED[0] * scale, (PRINTED[1] + row * len(shown)) * scale)
        painter = QPainter(pixmap)
        painter.scale(scale, scale)
        painter.fillRect(pixmap.rect(), QColor(copy.colors.background))
        copy.draw(painter)
        painter.translate(0, PRINTED[1])
        for judged, color in zip(shown, COLORS, strict=False):
            painter.fillRect(6, 4, 10, row - 6, QColor(color))
            painter.setPen(QColor(copy.colors.text))
            painter.drawText(22, row - 5, judged.summary)
            painter.translate(0, row)
        painter.end()
        return pixmap

    # --- within ------------------------------------------------------------------------------

    def _set_up(self) -> None:
        self.compare.setAccessibleName("Another score to compare with")
        self.compare.setToolTip("Draw another score too, and mark what is better (▲) or worse (▼)")
        self.compare.setMinimumContentsLength(10)
        self.compare.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        ignore_wheel(self.compare)
        self.figures.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.figures.setAccessibleName("Overall figures")
        self.chart.setFixedHeight(TALL)
        self.export.setToolTip("Save all figures (CSV), or the chart as a picture (PNG)")
        self.export.setAccessibleName("Export the score")
        menu = QMenu(self.export)
        self.csv = menu.addAction("Figures (CSV)…", self._save_csv)
        self.png = menu.addAction("Chart (PNG)…", self._save_png)
        self.export.setMenu(menu)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.compare, 1)
        row.addStretch()
        row.addWidget(self.export)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.figures)
        layout.addLayout(row)
        for part in (self.chart, self.table, self.caption, self.images):
            layout.addWidget(part)

    def _compared(self) -> Judged | None:
        row = self.compare.currentIndex() - 1
        return self._others[row] if 0 <= row < len(self._others) else None

    def _show(self, *_: object) -> None:
        judged, other = self.judged, self._compared()
        if judged is None:
            return
        self.figures.setText(breakable(headline(judged, other)))
        shown = [entry for entry in (judged, other) if entry is not None]
        self.chart.set_lines([_line(*pair) for pair in zip(shown, COLORS, strict=False)])
        self.table.show_score(judged.score, None if other is None else other.score)
        self.images.show_rows(judged.score.rows)
        self.images.setVisible(bool(judged.score.rows))
        self._say("" if judged.score.rows else NO_ROWS)

    def _say(self, text: str) -> None:
        self.caption.setText(text)
        self.caption.setVisible(bool(text))

    def _show_image(self, image: str) -> None:
        gone = image not in self._workspace.project.things
        self._say(GONE if gone else "")
        self._workspace.show(image)

    def _save_csv(self) -> None:
        path = self.judged and choose_export(self, "Export figures", self.judged.name, "csv")
        if path:
            self.write_csv(path)

    def _save_png(self) -> None:
        path = self.judged and choose_export(self, "Export chart", self.judged.name, "png")
        if path:
            write_picture(path, self.picture())

    def write_csv(self, path: Path) -> None:
        """Write the figures of the score; say so where that is not possible."""
        if self.judged is not None:
            text = StringIO(newline="")
            write_scores(text, self.judged.title, self.judged.score, self.judged.score.rows)
            write_bytes(path, text.getvalue().encode())


def _line(judged: Judged, color: str) -> Line:
    x, y = np.array(THRESHOLDS), np.array(judged.score.f1)
    return Line("F1", x, y, color, judged.name)
